/* SPDX-License-Identifier: Apache-2.0
 *
 * Members that press by themselves: while the option press_ms is set, each message of the bot's with
 * buttons is pressed by whom it asks, after a time of up to press_ms, and again every few seconds as
 * long as it shows buttons: what a member does whose "interaction failed". Of a select something is
 * chosen; a modal that opens is submitted after another such time, or by one in four closed.
 */
#ifndef DISCORD_PRESSER_H
#define DISCORD_PRESSER_H

#include "discord_world.h"

#include <jansson.h>
#include <uv.h>

struct discord;
struct discord_interaction;
struct discord_press;
struct discord_open_modal;

struct discord_presser {
    struct discord_press *first;
    struct discord_open_modal *modals;
    size_t waiting; /* messages whose buttons will be pressed */
    uint64_t seed;
    uv_timer_t tick;
};

/* Presses a button of the message: the one of that custom_id, which a member's client may still show when
 * it is gone, else the one at `index` (from 0). `choice`: places, where it is a select; NULL: from the
 * first. NULL: it has no such button. */
struct discord_interaction *discord_press(struct discord *discord, struct discord_user *member,
                                          struct discord_message *message, const char *custom_id,
                                          int64_t index, const json_t *choice);

void discord_presser_init(struct discord *discord);
/* The bot has opened a modal. */
void discord_presser_modal(struct discord *discord, const struct discord_interaction *it);
/* The bot has made a message, or changed it. */
void discord_presser_look(struct discord *discord, const struct discord_message *message);
void discord_presser_clear(struct discord *discord);

#endif
