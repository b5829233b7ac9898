/* SPDX-License-Identifier: Apache-2.0
 *
 * The signs that somebody works on a message: the typing indicator, which Discord shows for 10 s
 * (channel.mdx), and a reaction where it takes longer. Both are dropped by the scheduler rather
 * than sent late. Neither is sent for what is answered at once: each costs a request.
 */
#include "gateway/discord/internal.h"

#include "base/mem.h"
#include "loop/loop.h"

#include <string.h>

#define TYPING_AFTER_MS 200            /* most commands have answered by then    */
#define TYPING_EVERY_MS 8000           /* before the 10 s are over               */
#define REACT_AFTER_MS  1500           /* a reaction costs two requests          */
#define STALE_MS        120000         /* without progress nobody believes it    */
#define EYES            "%F0%9F%91%80" /* in a path */

enum reaction { REACTION_NONE, REACTION_PUTTING, REACTION_THERE, REACTION_GOING };

struct work {
    struct list_link link;
    struct discord *discord;
    struct event *event;
    struct loop_timer timer;
    uint64_t started, progress, typed; /* loop_now(); `typed` 0: not yet */
    enum reaction reaction;
    bool off;
};

static struct work *find(struct discord *discord, const struct event *event)
{
    list_for_each (link, &discord->works) {
        struct work *work = container_of(link, struct work, link);

        if (!work->off && !strcmp(work->event->source_id, event->source_id))
            return work;
    }
    return NULL;
}

static void closed(struct loop_timer *timer)
{
    struct work *work = container_of(timer, struct work, timer);

    event_unref(work->event);
    mem_free(work);
}

static void finish(struct work *work)
{
    list_remove(&work->link);
    loop_timer_close(&work->timer, closed);
}

/* ---- the reaction ---------------------------------------------------------------------------- */

static void react(struct work *work, bool put);

static void reacted(void *arg, troupe_status status, const struct discord_response *response,
                    const struct error *err)
{
    struct work *work = arg;

    (void)response;
    (void)err;
    if (work->reaction == REACTION_GOING || status < 0)
        work->reaction = REACTION_NONE; /* what cannot be put (a block, no permission) is left */
    else
        work->reaction = REACTION_THERE;
    if (!work->off)
        return;
    if (work->reaction == REACTION_THERE)
        react(work, false);
    if (work->reaction == REACTION_NONE)
        finish(work);
}

static void react(struct work *work, bool put)
{
    const struct event *event = work->event;
    const char *channel = event->parent ? event->parent : event->channel;
    _cleanup_mem_ char *path =
        mem_printf("/channels/%s/messages/%s/reactions/%s/@me", channel, event->source_id, EYES);
    struct discord_request request = {
        .method = put ? "PUT" : "DELETE",
        .route = "/channels/{channel}/messages/{message}/reactions/{emoji}/@me",
        .path = path,
        .major = channel,
        /* Putting may be dropped; what was put must go. */
        .priority = put ? DISCORD_TYPING : DISCORD_EDIT,
        .repeatable = true,
    };

    if (discord_rest_send(work->discord->rest, &request, reacted, work, NULL) == TROUPE_OK)
        work->reaction = put ? REACTION_PUTTING : REACTION_GOING;
    else if (!put)
        work->reaction = REACTION_NONE;
}

/* ---- typing ---------------------------------------------------------------------------------- */

static void typed(void *arg, troupe_status status, const struct discord_response *response,
                  const struct error *err)
{
    (void)arg;
    (void)status;
    (void)response;
    (void)err;
}

static void type(struct work *work)
{
    struct discord *discord = work->discord;
    /* A thread that is to be opened is not there yet. */
    const char *channel = work->event->parent ? work->event->parent : work->event->channel;
    _cleanup_mem_ char *path = mem_printf("/channels/%s/typing", channel);
    _cleanup_mem_ char *key = mem_printf("typing:%s", channel);
    struct discord_request request = {
        .method = "POST",
        .route = "/channels/{channel}/typing",
        .path = path,
        .major = channel,
        .priority = DISCORD_TYPING,
        .coalesce = key,
        .deadline = loop_now(discord->loop) + TYPING_EVERY_MS,
    };

    (void)discord_rest_send(discord->rest, &request, typed, NULL, NULL);
}

static void fire(struct loop_timer *timer)
{
    struct work *work = container_of(timer, struct work, timer);
    struct discord *discord = work->discord;
    uint64_t now = loop_now(discord->loop), next;

    if (!work->typed || now >= work->typed + TYPING_EVERY_MS) {
        if (now < work->progress + STALE_MS)
            type(work);
        work->typed = now;
    }
    next = work->typed + TYPING_EVERY_MS;
    /* An interaction is no message to react to. */
    if (discord->acknowledge && !work->event->token && event_asked_by(work->event) &&
        work->reaction == REACTION_NONE) {
        if (now >= work->started + REACT_AFTER_MS && now < next)
            react(work, true);
        else if (work->started + REACT_AFTER_MS < next)
            next = work->started + REACT_AFTER_MS;
    }
    loop_timer_start(&work->timer, next > now ? next - now : 1, 0);
}

void discord_typing_set(struct discord *discord, const struct event *event, bool on)
{
    struct work *work = find(discord, event);

    /* A deferred response shows that somebody is at it. */
    if (!event->channel || !discord->rest || event->flags & EVENT_DEFERRED || on == (work != NULL))
        return;
    if (on) {
        work = mem_zero(1, sizeof(*work));
        work->discord = discord;
        work->event = event_ref((struct event *)event);
        work->started = work->progress = loop_now(discord->loop);
        list_append(&discord->works, &work->link);
        loop_timer_init(discord->loop, &work->timer, fire);
        loop_timer_start(&work->timer, TYPING_AFTER_MS, 0);
        return;
    }
    work->off = true;
    loop_timer_stop(&work->timer);
    if (work->reaction == REACTION_THERE)
        react(work, false);
    if (work->reaction == REACTION_NONE)
        finish(work);
}

void discord_typing_progress(struct discord *discord, const struct event *event)
{
    struct work *work = find(discord, event);

    if (work)
        work->progress = loop_now(discord->loop);
}

void discord_typing_clear(struct discord *discord)
{
    while (!list_empty(&discord->works))
        finish(container_of(discord->works.next, struct work, link));
}
