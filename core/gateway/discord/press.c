/* SPDX-License-Identifier: Apache-2.0
 *
 * Interactions must have their first answer within 3 s, or their token dies and the member reads
 * "interaction failed" (receiving-and-responding.mdx). So a press is acknowledged as soon as the
 * engine has stored it: by taking the buttons away where they are spent, with a private sentence where
 * there is one to say, by the form that it opens, and by a timer where none of them came in time. Later
 * sentences go as followups.
 */
#include "gateway/discord/internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "gateway/discord/form.h"
#include "gateway/discord/interaction.h"
#include "gateway/discord/message.h"

#include <string.h>

#define ACKNOWLEDGE_MS 2000 /* of the 3 s; the rest is the network's */
#define TOO_LATE       "that took me too long to open; please press the button once more"

/* A press without its first answer. */
struct press {
    struct list_link link;
    struct discord *discord;
    struct event *event;
    struct loop_timer timer;
};

static struct press *find(struct discord *discord, const struct event *event)
{
    list_for_each (link, &discord->presses) {
        struct press *press = container_of(link, struct press, link);

        if (!strcmp(press->event->source_id, event->source_id))
            return press;
    }
    return NULL;
}

static void closed(struct loop_timer *timer)
{
    struct press *press = container_of(timer, struct press, timer);

    event_unref(press->event);
    mem_free(press);
}

/* It has its first answer. */
static void settle(struct press *press)
{
    list_remove(&press->link);
    loop_timer_close(&press->timer, closed);
}

static void called_back(void *arg, troupe_status status, const struct discord_response *response,
                        const struct error *err)
{
    (void)arg;
    (void)response;
    if (status < 0 && status != TROUPE_CANCELED)
        log_warn("discord", "an interaction could not be acknowledged: %s", err ? err->text : "");
}

void discord_press_refuse(struct discord *discord, const struct event *event, int callback,
                          const char *text)
{
    _cleanup_mem_ char *body = discord_message_callback(callback, text);
    struct discord_request request;
    _cleanup_mem_ char *path =
        discord_interaction_callback(event, body, loop_now(discord->loop), &request);
    struct error err;

    request.path = path;
    if (discord->rest && discord_rest_send(discord->rest, &request, called_back, NULL, &err) < 0)
        log_warn("discord", "an interaction could not be acknowledged: %s", err.text);
}

bool discord_press_settle(struct discord *discord, const struct event *event)
{
    struct press *press = find(discord, event);

    if (press)
        settle(press);
    return press != NULL;
}

troupe_status discord_press_form(struct gateway *gateway, const struct event *event,
                                 const struct gateway_form *form)
{
    struct discord *discord = (struct discord *)gateway;
    struct press *press = find(discord, event);
    _cleanup_mem_ char *body = NULL, *path = NULL;
    struct discord_request request;
    struct error err;

    if (!press) /* acknowledged already, by the timer */
        return discord->rest ? discord_press_tell(discord, event, TOO_LATE) : TROUPE_UNAVAILABLE;
    body = discord_form_callback(form);
    path = discord_interaction_callback(event, body, loop_now(discord->loop), &request);
    request.path = path;
    settle(press);
    if (discord->rest && discord_rest_send(discord->rest, &request, called_back, NULL, &err) < 0)
        log_warn("discord", "a form could not be opened: %s", err.text);
    return TROUPE_OK;
}

static void acknowledge(struct press *press, int callback)
{
    discord_press_refuse(press->discord, press->event, callback, NULL);
    settle(press);
}

static void fire(struct loop_timer *timer)
{
    acknowledge(container_of(timer, struct press, timer), DISCORD_CALLBACK_DEFER_UPDATE);
}

void discord_press_open(struct discord *discord, const struct event *event)
{
    struct press *press = mem_zero(1, sizeof(*press));

    press->discord = discord;
    press->event = event_ref((struct event *)event);
    discord->pressed = event->seq;
    list_append(&discord->presses, &press->link);
    loop_timer_init(discord->loop, &press->timer, fire);
    loop_timer_start(&press->timer, ACKNOWLEDGE_MS, 0);
}

void discord_press_taken(struct discord *discord, int64_t seq)
{
    list_for_each_safe (link, &discord->presses) {
        struct press *press = container_of(link, struct press, link);

        if (press->event->seq <= seq)
            acknowledge(press, DISCORD_CALLBACK_DEFER_UPDATE);
    }
    /* A press that came twice would be told so. */
    if (discord->pressed && discord->pressed <= seq) {
        discord->pressed = 0;
        discord_store_newest(discord);
    }
}

void discord_press_leave(struct gateway *gateway, const struct event *event)
{
    (void)discord_press_settle((struct discord *)gateway, event);
}

troupe_status discord_press_tell(struct discord *discord, const struct event *event,
                                 const char *text)
{
    struct press *press = find(discord, event);
    _cleanup_mem_ char *body = NULL, *path = NULL;
    struct discord_request request;

    if (press) {
        body = discord_message_callback(DISCORD_CALLBACK_MESSAGE, text);
        path = discord_interaction_callback(event, body, loop_now(discord->loop), &request);
        settle(press);
    } else {
        body = discord_message_private(text);
        path =
            discord_interaction_followup(discord->application, event, body,
                                         loop_now(discord->loop) + DISCORD_FOLLOWUP_MS, &request);
    }
    request.path = path;
    return discord_rest_call(discord->rest, &request, NULL, NULL);
}

void discord_press_clear(struct discord *discord)
{
    while (!list_empty(&discord->presses))
        settle(container_of(discord->presses.next, struct press, link));
}
