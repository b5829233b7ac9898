/* SPDX-License-Identifier: Apache-2.0
 *
 * Sentences that are said at once and kept nowhere.
 */
#include "gateway/discord/internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "gateway/discord/layout.h"
#include "gateway/discord/message.h"
#include "gateway/discord/unsaid.h"

#include <string.h>

#define SAY_MS 60000 /* a sentence that nobody would read any more */

/* Where the message stands: for a sentence nobody opens a thread. */
static const char *place_of(const struct event *event)
{
    return event->parent ? event->parent : event->channel;
}

static troupe_status post(struct discord *discord, const struct event *event, const char *text,
                          const char *reply_to, struct error *err)
{
    _cleanup_mem_ char *body = discord_message_reply(text, reply_to);
    const char *channel = place_of(event);
    _cleanup_mem_ char *path = mem_printf("/channels/%s/messages", channel);
    struct discord_request request = {
        .method = "POST",
        .route = "/channels/{channel}/messages",
        .path = path,
        .major = channel,
        .body = body,
        .body_len = strlen(body),
        .priority = DISCORD_FINAL,
        .deadline = loop_now(discord->loop) + SAY_MS,
    };

    return discord_rest_call(discord->rest, &request, NULL, err);
}

static troupe_status post_all(struct discord *discord, const struct event *event, const char *text,
                              struct error *err)
{
    struct discord_layout layout;
    const char *reply_to = event_asked_by(event);
    troupe_status status = TROUPE_OK;

    discord_layout(text, strlen(text), DISCORD_LAYOUT_WHOLE, &layout);
    for (size_t i = 0; i < layout.count && status >= 0; i++) {
        status = post(discord, event, layout.parts[i].body, reply_to, err);
        if (status == TROUPE_ARGUMENT && reply_to) {
            /* Replying needs to read the history, which the bot may not everywhere. */
            _cleanup_mem_ char *named =
                discord_unsaid_named(event->member ? event->member : "0", layout.parts[i].body);

            reply_to = NULL;
            status = post(discord, event, named, NULL, err);
        }
    }
    discord_layout_clear(&layout);
    return status;
}

/* A sign on the question, and the reason in the store. */
static void leave_sign(struct discord *discord, const struct event *event, const char *why)
{
    log_warn("discord", "a sentence in channel %s could not be said: %s", event->channel, why);
    if (!event_asked_by(event))
        return;
    if (!event->token && discord->rest)
        discord_unsaid_react(discord->rest, place_of(event), event->source_id);
    if (discord->options.unsaid && strcmp(event->kind, "press") != 0)
        discord->options.unsaid(discord->options.arg, event, why);
}

troupe_status discord_notice(struct gateway *gateway, const struct event *event, const char *text,
                             bool private)
{
    struct discord *discord = (struct discord *)gateway;
    struct error err = {0};
    troupe_status status;

    (void)private; /* of a message there is no answer that others cannot read */
    if (!discord->rest || !event->channel)
        return TROUPE_UNAVAILABLE;
    if (event->token && event->flags & EVENT_DEFERRED)
        status = discord_command_tell(discord, event, text, &err);
    else if (event->token)
        return discord_press_tell(discord, event, text);
    else
        status = post_all(discord, event, text, &err);
    if (status < 0 && status != TROUPE_CANCELED)
        leave_sign(discord, event, err.text);
    return status;
}
