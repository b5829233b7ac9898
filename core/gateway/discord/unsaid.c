/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/unsaid.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "gateway/discord/message.h"
#include "gateway/discord/outbox_private.h"
#include "gateway/discord/place.h"
#include "gateway/event.h"

#include <string.h>

#define MUTE "%F0%9F%94%87" /* 🔇 in a path */

static void reacted(void *arg, troupe_status status, const struct discord_response *response,
                    const struct error *err)
{
    (void)arg;
    (void)response;
    if (status < 0 && status != TROUPE_CANCELED)
        log_debug("discord", "a question keeps no sign that it cannot be answered: %s",
                  err ? err->text : "");
}

void discord_unsaid_react(struct discord_rest *rest, const char *channel, const char *message)
{
    _cleanup_mem_ char *path =
        mem_printf("/channels/%.24s/messages/%.24s/reactions/%s/@me", channel, message, MUTE);
    struct discord_request request = {
        .method = "PUT",
        .route = "/channels/{channel}/messages/{message}/reactions/{emoji}/@me",
        .path = path,
        .major = channel,
        .priority = DISCORD_EDIT,
        .repeatable = true,
    };

    (void)discord_rest_send(rest, &request, reacted, NULL, NULL);
}

/* The question that the row answers; false: there is no message to react to. */
static bool question_of(const struct outbox_row *row, const char **ret_channel,
                        const char **ret_message)
{
    if (row->reply_to && *row->reply_to && !discord_place_is(row->reply_to)) {
        *ret_channel = row->parent ? row->parent : row->channel;
        *ret_message = row->reply_to;
    } else if (row->parent) { /* the thread has its message's id */
        *ret_channel = row->parent;
        *ret_message = row->channel;
    } else {
        return false;
    }
    return true;
}

/* A row that stands behind no turn leaves its reason here: nothing else would. */
static void note(const struct discord_entry *entry, const char *message, const char *why)
{
    const struct discord_outbox *outbox = entry->outbox;
    const struct outbox_row *row = entry->row;
    const struct event event = {
        .kind = "message",
        .source = outbox->gateway,
        .source_id = message,
        .account = row->account,
        .channel = row->channel,
        .member = row->member,
        .content = "",
    };

    if (!row->turn && outbox->unsaid)
        outbox->unsaid(outbox->unsaid_arg, row->event ? row->event : &event, why);
}

void discord_unsaid_row(struct discord_entry *entry, const char *why)
{
    const struct outbox_row *row = entry->row;
    const char *channel = NULL, *message = NULL;
    bool asked = question_of(row, &channel, &message);

    if (entry->outbox->closed || row->remote_id || row->part)
        return;
    if (asked || row->event)
        note(entry, message, why);
    /* What may have been sent needs no sign. */
    if (asked && row->state == OUTBOX_FAILED)
        discord_unsaid_react(entry->outbox->rest, channel, message);
}

char *discord_unsaid_named(const char *member, const char *text)
{
    char *named = mem_printf("<@%s> %s", member, text);

    if (text_utf16_len(named, strlen(named)) <= DISCORD_CONTENT_MAX)
        return named;
    mem_free(named);
    return mem_strdup(text);
}

void discord_unsaid_unrefer(struct outbox_row *row)
{
    char *body;

    mem_free(row->reply_to);
    row->reply_to = NULL;
    if (row->turn || !row->member)
        return;
    body = discord_unsaid_named(row->member, row->body);
    mem_free(row->body);
    row->body = body;
}
