/* SPDX-License-Identifier: Apache-2.0
 *
 * Files as the CDN serves them: those that members attach, and those that the bot uploads. Kept until
 * the end, the newest DISCORD_FILES_MAX of them. A request is GET /attachments/ID/NAME and may have
 * faults on "attachment".
 */
#ifndef DISCORD_FILES_H
#define DISCORD_FILES_H

#include "discord_http.h"

#include <jansson.h>
#include <stdint.h>

#define DISCORD_FILES_MAX 256

struct discord;
struct discord_conn;

struct discord_file {
    uint64_t id;
    char name[128], type[64];
    char *data;
    size_t len;
};

struct discord_files {
    struct discord_file ring[DISCORD_FILES_MAX];
    size_t next;
};

/* Keeps a copy. */
const struct discord_file *discord_files_add(struct discord *discord, struct discord_slice name,
                                             const char *type, struct discord_slice data);
const struct discord_file *discord_files_find(const struct discord *discord, uint64_t id);
/* The attachment as messages list it; `url` NULL: the fake's own. `size` 0: that of the file. */
void discord_files_put(struct fake_text *out, const struct discord *discord,
                       const struct discord_file *file, const char *url, uint64_t size);
/* The list of attachments of [{"name", "type", "text", "hex", "fill" (bytes), "size" (what is said),
 * "url"}…]; NULL: none. */
char *discord_files_of(struct discord *discord, const json_t *list);
/* GET /attachments/… */
void discord_files_take(struct discord *discord, struct discord_conn *conn,
                        const struct discord_http *http);
void discord_files_clear(struct discord *discord);

#endif
