/* SPDX-License-Identifier: Apache-2.0
 *
 * What only its member can see cannot be looked up. Where an earlier process may have shown a private
 * message and may not, it is not repeated, and its member is told once that something may be missing:
 * by a followup of its own, which nothing keeps, while the interaction's token lives.
 */
#include "gateway/discord/outbox_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/discord/interaction.h"
#include "gateway/discord/message.h"
#include "gateway/discord/place.h"
#include "gateway/discord/reply.h"
#include "gateway/event.h"

#include <string.h>

#define SORRY_MAX 256                       /* interactions; the oldest goes */
#define TOKEN_MS  (INT64_C(14) * 60 * 1000) /* a token lives 15 minutes      */
#define SENTENCE  "part of my answer may be missing; please ask again"

struct sorry {
    struct list_link link; /* in outbox->sorry */
    struct event *event;
    bool said;
};

static void sorry_free(struct discord_outbox *outbox, struct sorry *sorry)
{
    list_remove(&sorry->link);
    outbox->sorry_count--;
    event_unref(sorry->event);
    mem_free(sorry);
}

/* While the deferred response is no message yet, a followup would become it. */
static bool is_early(const struct discord_outbox *outbox, const struct event *event)
{
    list_for_each (link, &outbox->entries) {
        const struct discord_entry *entry = container_of(link, struct discord_entry, link);
        const struct outbox_row *row = entry->row;

        if (discord_reply_is(row) && !strcmp(row->event->source_id, event->source_id) &&
            !strcmp(row->reply_to, DISCORD_PLACE_ORIGINAL) && !row->remote_id &&
            entry->state != DISCORD_ENTRY_OVER)
            return true;
    }
    return false;
}

static void on_said(void *arg, troupe_status status, const struct discord_response *response,
                    const struct error *err)
{
    struct discord_outbox *outbox = arg;

    (void)response;
    if (status < 0 && status != TROUPE_CANCELED)
        log_warn("discord",
                 "a member could not be told of a private message that may be missing: %s",
                 err ? err->text : "");
    discord_outbox_unhold(outbox);
}

static void say(struct discord_outbox *outbox, const struct event *event, int64_t left_ms)
{
    _cleanup_mem_ char *body = discord_message_private(SENTENCE);
    struct discord_request request;
    _cleanup_mem_ char *path = discord_interaction_followup(
        outbox->application, event, body, loop_now(outbox->loop) + (uint64_t)left_ms, &request);

    request.path = path;
    if (discord_rest_send(outbox->rest, &request, on_said, outbox, NULL) == TROUPE_OK)
        discord_outbox_hold(outbox);
}

void discord_sorry_go_on(struct discord_outbox *outbox)
{
    if (outbox->closed || !*outbox->application)
        return;
    list_for_each (link, &outbox->sorry) {
        struct sorry *sorry = container_of(link, struct sorry, link);
        int64_t left = sorry->event->time_ms + TOKEN_MS - clock_wall_ms();

        if (sorry->said || is_early(outbox, sorry->event))
            continue;
        sorry->said = true;
        if (left > 0)
            say(outbox, sorry->event, left);
    }
}

void discord_sorry_add(struct discord_outbox *outbox, struct event *event)
{
    struct sorry *sorry;

    list_for_each (link, &outbox->sorry)
        if (!strcmp(container_of(link, struct sorry, link)->event->source_id, event->source_id))
            return;
    if (outbox->sorry_count == SORRY_MAX)
        sorry_free(outbox, container_of(outbox->sorry.next, struct sorry, link));
    sorry = mem_zero(1, sizeof(*sorry));
    sorry->event = event_ref(event);
    list_append(&outbox->sorry, &sorry->link);
    outbox->sorry_count++;
    discord_sorry_go_on(outbox);
}

void discord_sorry_clear(struct discord_outbox *outbox)
{
    while (!list_empty(&outbox->sorry))
        sorry_free(outbox, container_of(outbox->sorry.next, struct sorry, link));
}
