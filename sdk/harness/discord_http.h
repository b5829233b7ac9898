/* SPDX-License-Identifier: Apache-2.0
 *
 * HTTP/1.1 of the fake Discord: requests are parsed in place, answers are put together from parts.
 */
#ifndef DISCORD_HTTP_H
#define DISCORD_HTTP_H

#include "discord_net.h"
#include "discord_text.h"

#define DISCORD_HEAD_MAX ((size_t)64 * 1024)
#define DISCORD_BODY_MAX ((size_t)25 * 1024 * 1024) /* Discord's own bound */

/* Everything points into the connection's `in`. */
struct discord_http {
    struct discord_slice method, path, query, body;
    struct discord_slice authorization, agent, content_type, upgrade, ws_key;
    bool close;
};

/* Takes one request from `data`. 1: whole, `*ret_used` bytes; 0: more must come; otherwise the
 * status to refuse it with, then the connection cannot go on. */
int discord_http_parse(char *data, size_t len, struct discord_http *ret, size_t *ret_used);
/* Appends an answer; `headers` are whole lines with their CRLF, or NULL. */
void discord_http_write(struct fake_text *out, int status, const char *type, const char *headers,
                        const void *body, size_t len);
/* The value of a key in the query, as it stands. */
struct discord_slice discord_http_query(struct discord_slice query, const char *key);
/* %XX resolved, NUL-terminated, cut to the size. */
void discord_http_unescape(struct discord_slice text, char *ret, size_t size);

#endif
