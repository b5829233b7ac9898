/* SPDX-License-Identifier: Apache-2.0
 *
 * What the three parts of "troupe.http/1" share, each of which can be judged by itself:
 *
 *   http.c         a request: checked, recorded as its class wants it, and sent
 *   http_reach.c   where a plugin may go, and the one place where its secrets are put into a request:
 *                  a secret travels only to an origin that the same agent's config names as an endpoint
 *   http_answer.c  the plugin's handle: an answer that is read and noted as it comes, or replayed
 *
 * Loop thread, on the frame's coroutine. What a plugin did wrong is the frame's last error.
 */
#ifndef HOST_HTTP_PRIVATE_H
#define HOST_HTTP_PRIVATE_H

#include "host/host_table.h"
#include "net/http.h"

#define HOST_HTTP_HEADERS_MAX 32 /* of a request */

/* ---- http_reach.c --------------------------------------------------------------------------- */

/* Whether the agent may go there, how far the address is trusted, and whether it is an endpoint of the
 * agent's config. */
troupe_status host_http_reach(struct turn_frame *frame, const char *url, enum http_trust *ret_trust,
                              bool *ret_endpoint);
/* The headers as the client takes them, with their secrets filled in, which only an `endpoint` gets. Whatever
 * is returned, `ret_count` of them are there and want host_http_headers_clear. */
troupe_status host_http_headers(struct turn_frame *frame, troupe_array list, bool endpoint,
                                struct http_header *out, size_t *ret_count);
/* Wipes and frees. */
void host_http_headers_clear(struct http_header *headers, size_t count);

/* ---- http_answer.c -------------------------------------------------------------------------- */

/* How a request is recorded. */
enum host_http_class {
    HOST_HTTP_NOTED,   /* GET and HEAD: may be asked again                    */
    HOST_HTTP_OUTSIDE, /* what it did cannot be found out after a crash       */
    HOST_HTTP_PAID     /* it spends a reservation: another attempt has its own */
};

/* The answer whose head is there; takes the stream. `spent`: the reservation that it really spends. The frame
 * owns what is returned until the plugin closes it. */
troupe_http *host_http_take(struct record_call *call, struct http_stream *stream,
                            enum host_http_class class, int64_t spent);
/* The answer that an earlier run had. [waits] */
troupe_status host_http_replay(struct record_call *call, int64_t reservation, troupe_http **ret);

/* Of the table. */
uint32_t host_http_status(const troupe_http *http);
troupe_status host_http_header(const troupe_http *http, const char *name, troupe_str *ret);
troupe_status host_http_read(troupe_turn *turn, troupe_http *http, troupe_str *ret); /* [waits] */
troupe_status host_http_read_within(troupe_turn *turn, troupe_http *http, uint32_t ms,
                                    troupe_str *ret); /* [waits] */
troupe_status host_http_gather(troupe_turn *turn, troupe_http *http, uint32_t ms);
void host_http_close(troupe_turn *turn, troupe_http *http);

#endif
