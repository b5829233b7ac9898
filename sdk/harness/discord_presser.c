/* SPDX-License-Identifier: Apache-2.0 */
#include "discord_presser.h"

#include "discord.h"
#include "discord_forms.h"

#include <stdio.h>
#include <stdlib.h>

#define AGAIN_US  INT64_C(3500000) /* "interaction failed" is shown after three seconds */
#define TRIES_MAX 500
#define TICK_MS   10

struct discord_press {
    struct discord_press *next;
    uint64_t message, member;
    int64_t due_us;
    unsigned tries;
};

static void on_tick(uv_timer_t *timer);

static json_t *buttons_of(const struct discord_message *message)
{
    return message && message->components ? json_loads(message->components, 0, NULL) : NULL;
}

/* A modal that a member has before himself. */
struct discord_open_modal {
    struct discord_open_modal *next;
    uint64_t interaction;
    int64_t due_us;
};

/* The button or select at `index`, or of that custom_id; borrowed from `rows`. */
static json_t *find_button(json_t *rows, const char *custom_id, int64_t index)
{
    size_t r, b;
    json_t *row, *button;

    json_array_foreach (rows, r, row) {
        json_array_foreach (json_object_get(row, "components"), b, button) {
            const char *id = json_string_value(json_object_get(button, "custom_id"));

            if (id && (custom_id ? !strcmp(id, custom_id) : index-- == 0))
                return button;
        }
    }
    return NULL;
}

static int64_t count_buttons(json_t *rows)
{
    int64_t count = 0;

    while (find_button(rows, NULL, count))
        count++;
    return count;
}

struct discord_interaction *discord_press(struct discord *discord, struct discord_user *member,
                                          struct discord_message *message, const char *custom_id,
                                          int64_t index, const json_t *choice)
{
    json_t *rows = buttons_of(message);
    const json_t *button = find_button(rows, custom_id, index);
    struct discord_interaction *it = NULL;
    json_t *data = NULL;

    if (button)
        data = discord_press_data(button, choice, discord_random(&discord->load.presser.seed) & 1);
    else if (custom_id)
        data = json_pack("{s:s,s:i}", "custom_id", custom_id, "component_type", 2);
    if (data)
        it = discord_interaction_send(discord, 3, member,
                                      discord_world_channel_id(&discord->world, message->channel),
                                      message, data);
    json_decref(rows);
    return it;
}

/* False: there is nothing more to press. */
static bool press_one(struct discord *discord, struct discord_press *press, int64_t now)
{
    struct discord_presser *presser = &discord->load.presser;
    struct discord_message *message = discord_map_get(&discord->world.messages, press->message);
    json_t *rows = message && !message->deleted ? buttons_of(message) : NULL;
    struct discord_user *member;
    int64_t count = count_buttons(rows);
    char id[24];

    json_decref(rows);
    snprintf(id, sizeof(id), "%llu", (unsigned long long)press->member);
    member = discord_world_user(&discord->world, id);
    if (count == 0 || !member || press->tries++ >= TRIES_MAX)
        return false;
    (void)discord_press(discord, member, message, NULL,
                        (int64_t)(discord_random(&presser->seed) % (uint64_t)count), NULL);
    press->due_us = now + AGAIN_US;
    return true;
}

static void submit_due(struct discord *discord, int64_t now)
{
    for (struct discord_open_modal **at = &discord->load.presser.modals; *at;) {
        struct discord_open_modal *modal = *at;
        struct discord_interaction *it;

        if (modal->due_us > now) {
            at = &modal->next;
            continue;
        }
        *at = modal->next;
        it = discord_map_get(&discord->rest.interactions_by_id, modal->interaction);
        if (it)
            (void)discord_submit(discord, it, NULL);
        free(modal);
    }
}

void discord_presser_modal(struct discord *discord, const struct discord_interaction *it)
{
    struct discord_presser *presser = &discord->load.presser;
    const struct discord_message *source = discord_map_get(&discord->world.messages, it->source);
    struct discord_open_modal *modal;

    if (!discord->options.press_ms || !source ||
        !strstr(source->content, discord->options.press_text) ||
        discord_random(&presser->seed) % 4 == 0)
        return;
    modal = fake_alloc(sizeof(*modal));
    modal->interaction = it->id;
    modal->due_us = discord_now_us() +
                    (int64_t)(discord_random(&presser->seed) % (discord->options.press_ms * 1000));
    modal->next = presser->modals;
    presser->modals = modal;
    uv_timer_start(&presser->tick, on_tick, TICK_MS, TICK_MS);
}

static void on_tick(uv_timer_t *timer)
{
    struct discord *discord = timer->data;
    struct discord_presser *presser = &discord->load.presser;
    int64_t now = discord_now_us();

    for (struct discord_press **at = &presser->first; *at;) {
        struct discord_press *press = *at;

        if (press->due_us > now || press_one(discord, press, now)) {
            at = &press->next;
            continue;
        }
        *at = press->next;
        presser->waiting--;
        free(press);
    }
    submit_due(discord, now);
    discord_net_flush(&discord->net);
    if (!presser->first && !presser->modals)
        uv_timer_stop(timer);
}

void discord_presser_look(struct discord *discord, const struct discord_message *message)
{
    struct discord_presser *presser = &discord->load.presser;
    struct discord_press *press;
    json_t *rows;
    int64_t count;

    if (!discord->options.press_ms || !message->entry ||
        !strstr(message->content, discord->options.press_text))
        return;
    rows = buttons_of(message);
    count = count_buttons(rows);
    json_decref(rows);
    for (press = presser->first; press && press->message != message->id;)
        press = press->next;
    if (count == 0 || press)
        return;
    press = fake_alloc(sizeof(*press));
    press->message = message->id;
    press->member = message->entry->author;
    press->due_us = discord_now_us() +
                    (int64_t)(discord_random(&presser->seed) % (discord->options.press_ms * 1000));
    press->next = presser->first;
    presser->first = press;
    presser->waiting++;
    uv_timer_start(&presser->tick, on_tick, TICK_MS, TICK_MS);
}

void discord_presser_init(struct discord *discord)
{
    struct discord_presser *presser = &discord->load.presser;

    presser->seed = UINT64_C(0x9e3779b97f4a7c15);
    uv_timer_init(&discord->loop, &presser->tick);
    presser->tick.data = discord;
}

void discord_presser_clear(struct discord *discord)
{
    struct discord_presser *presser = &discord->load.presser;

    while (presser->first) {
        struct discord_press *next = presser->first->next;

        free(presser->first);
        presser->first = next;
    }
    while (presser->modals) {
        struct discord_open_modal *next = presser->modals->next;

        free(presser->modals);
        presser->modals = next;
    }
    presser->waiting = 0;
    uv_timer_stop(&presser->tick);
}
