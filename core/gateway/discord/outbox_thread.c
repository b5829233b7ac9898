/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads that are opened for an answer. A thread from a message has the message's id, and a second one
 * is refused (160004; threads.mdx), so opening it again after a crash does no harm and needs no record.
 */
#include "gateway/discord/outbox_private.h"

#include "base/mem.h"
#include "gateway/discord/outbox_json.h"

#include <stdio.h>
#include <string.h>

#define ROUTE      "/channels/{channel}/messages/{message}/threads"
#define ARCHIVE    1440 /* minutes without a message, until Discord folds it away */
#define NAME_EMPTY "Conversation"

static void on_opened(void *arg, troupe_status status, const struct discord_response *response,
                      const struct error *err)
{
    (void)err;
    discord_entry_opened(arg, status, response);
}

bool discord_entry_open(struct discord_entry *entry)
{
    const struct outbox_row *row = entry->row;
    _cleanup_json_ json_t *json = NULL;
    _cleanup_mem_ char *body = NULL;
    char path[96];
    struct discord_request request = {.method = "POST",
                                      .route = ROUTE,
                                      .path = path,
                                      .major = row->parent,
                                      .priority = entry->final ? DISCORD_FINAL : DISCORD_CREATE,
                                      .repeatable = true};

    if (!row->parent || entry->opened || (entry->batch && entry->batch->opened))
        return false;
    snprintf(path, sizeof(path), "/channels/%.24s/messages/%.24s/threads", row->parent,
             row->channel);
    json = json_pack("{s:s, s:i}", "name", row->thread_name ? row->thread_name : NAME_EMPTY,
                     "auto_archive_duration", ARCHIVE);
    body = json ? json_print(json) : mem_strdup("{\"name\":\"" NAME_EMPTY "\"}");
    request.body = body;
    request.body_len = strlen(body);
    entry->state = DISCORD_ENTRY_CREATING;
    discord_outbox_hold(entry->outbox);
    if (discord_rest_send(entry->outbox->rest, &request, on_opened, entry, NULL) != TROUPE_OK)
        discord_entry_opened(entry, TROUPE_BUSY, &(struct discord_response){0});
    return true;
}
