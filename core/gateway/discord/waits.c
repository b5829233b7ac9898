/* SPDX-License-Identifier: Apache-2.0
 *
 * Members whose questions are kept until the database is back. Who wrote a message sees that somebody is at it,
 * as always. Who used a slash command, and is shown "thinking" for at most 15 minutes, is told in its place what
 * the matter is; the answer takes that place when it comes. Not where an answer is there already: another host
 * on the same database has the command, too, and perhaps the database.
 */
#include "gateway/discord/internal.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/discord/interaction.h"
#include "gateway/discord/message.h"

#include <string.h>

#define WAITS_MAX  256  /* who comes later is told nothing, and is answered like the others */
#define LOOK_MS    10   /* between two looks at whether the response is there */
#define PATIENT_MS 3000 /* most are back by then                                             */
#define AGAIN_MS   500  /* while its first response is under way                             */
#define TOKEN_MS                                                                                   \
    (14 * 60 * 1000u) /* a token lives 15 minutes                                          */
#define ROUTE "/webhooks/{webhook}/{token}/messages/{message}"
#define SENTENCE                                                                                   \
    "My storage does not work at the moment. This is not lost: I answer here when it works again"

struct waiting {
    struct list_link link; /* in discord->waits; alone: it waits no more */
    struct discord *discord;
    struct event *event;
    struct loop_timer timer;
    bool telling;
};

static void closed(struct loop_timer *timer)
{
    struct waiting *waiting = container_of(timer, struct waiting, timer);

    event_unref(waiting->event);
    mem_free(waiting);
}

static void finish(struct waiting *waiting)
{
    if (list_empty(&waiting->link) && !waiting->telling)
        loop_timer_close(&waiting->timer, closed);
}

static void forget(struct waiting *waiting)
{
    waiting->discord->waiting--;
    list_remove(&waiting->link);
    loop_timer_stop(&waiting->timer);
    finish(waiting);
}

static bool has_stopped(const struct discord *discord)
{
    return !discord->rest;
}

static bool is_over(const struct waiting *waiting)
{
    return list_empty(&waiting->link) || has_stopped(waiting->discord);
}

static struct discord_request request_of(const struct discord *discord, const struct event *event,
                                         const char *method, const char *path)
{
    return (struct discord_request){
        .method = method,
        .route = ROUTE,
        .path = path,
        .major = event->source_id,
        .priority = DISCORD_INTERACTION,
        .no_auth = true,
        .repeatable = true,
        .deadline = loop_now(discord->loop) + TOKEN_MS,
    };
}

/* In place of "thinking", unless an answer stands there, or is about to; `waiting` NULL: nobody tells that it is
 * over. [waits] */
static troupe_status put(struct discord *discord, const struct event *event,
                         const struct waiting *waiting, const char *text, struct error *err)
{
    _cleanup_mem_ char *path =
        mem_printf("/webhooks/%s/%s/messages/@original", discord->application, event->token);
    struct discord_request request = request_of(discord, event, "GET", path);
    _cleanup_json_ json_t *original = NULL;
    _cleanup_mem_ char *body = NULL;
    troupe_status status = discord_rest_call(discord->rest, &request, &original, err);

    if (status < 0 || has_stopped(discord) || (waiting && is_over(waiting)) ||
        *json_get_str(original, "content", "") ||
        discord_outbox_answered(discord->outbox, event->source_id) != DISCORD_UNANSWERED)
        return status;
    body = discord_message_reply(text, NULL);
    request = request_of(discord, event, "PATCH", path);
    request.body = body;
    request.body_len = strlen(body);
    return discord_rest_call(discord->rest, &request, NULL, err);
}

troupe_status discord_patience(struct gateway *gateway, const struct event *event, const char *text)
{
    struct discord *discord = (struct discord *)gateway;
    struct error err;
    troupe_status status = TROUPE_OK;

    if (!(event->flags & EVENT_DEFERRED))
        return discord_notice(gateway, event, text, false);
    while (discord_command_opening(discord, event) && status == TROUPE_OK)
        status = co_sleep(LOOK_MS);
    if (status < 0 || has_stopped(discord) || !*discord->application)
        return TROUPE_UNAVAILABLE;
    status = put(discord, event, NULL, text, &err);
    if (status < 0 && co_status() == TROUPE_OK)
        log_debug("discord", "a member could not be told to wait: %s", err.text);
    return status;
}

static troupe_status tell(void *arg)
{
    struct waiting *waiting = arg;
    struct discord *discord = waiting->discord;
    struct error err;
    troupe_status status =
        is_over(waiting) ? TROUPE_OK : put(discord, waiting->event, waiting, SENTENCE, &err);

    if (status < 0 && co_status() == TROUPE_OK)
        log_debug("discord", "a member could not be told to wait: %s", err.text);
    waiting->telling = false;
    finish(waiting);
    return TROUPE_OK;
}

static void fire(struct loop_timer *timer)
{
    static const struct co_owner owner = {"core:discord", 0};
    struct waiting *waiting = container_of(timer, struct waiting, timer);
    struct discord *discord = waiting->discord;

    if (!discord->rest || waiting->telling)
        return;
    waiting->telling = *discord->application && !discord_command_opening(discord, waiting->event) &&
                       co_spawn(&discord->scope, &owner, tell, waiting) == TROUPE_OK;
    if (!waiting->telling)
        loop_timer_start(&waiting->timer, AGAIN_MS, 0);
}

static struct waiting *find(const struct discord *discord, const struct event *event)
{
    list_for_each (link, &discord->waits) {
        struct waiting *waiting = container_of(link, struct waiting, link);

        if (!strcmp(waiting->event->source_id, event->source_id))
            return waiting;
    }
    return NULL;
}

void discord_waits(struct gateway *gateway, const struct event *event, bool on)
{
    struct discord *discord = (struct discord *)gateway;
    struct waiting *waiting = find(discord, event);
    uint64_t age;

    if (waiting && !on)
        forget(waiting);
    if (waiting || !on || discord->waiting >= WAITS_MAX || strcmp(event->kind, "press") == 0)
        return;
    waiting = mem_zero(1, sizeof(*waiting));
    waiting->discord = discord;
    waiting->event = event_ref((struct event *)event);
    loop_timer_init(discord->loop, &waiting->timer, fire);
    list_append(&discord->waits, &waiting->link);
    discord->waiting++;
    if (!(event->flags & EVENT_DEFERRED)) {
        discord_typing_set(discord, event, true);
        return;
    }
    age = clock_wall_ms() > event->time_ms ? (uint64_t)(clock_wall_ms() - event->time_ms) : 0;
    loop_timer_start(&waiting->timer, age < PATIENT_MS ? PATIENT_MS - age : 1, 0);
}

void discord_waits_clear(struct discord *discord)
{
    while (!list_empty(&discord->waits))
        forget(container_of(discord->waits.next, struct waiting, link));
}
