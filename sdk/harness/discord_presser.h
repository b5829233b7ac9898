/* SPDX-License-Identifier: Apache-2.0
 *
 * Members that press by themselves: while the option press_ms is set, each message of the bot's with
 * buttons is pressed by whom it asks, after a time of up to press_ms, and again every few seconds as
 * long as it shows buttons: what a member does whose "interaction failed".
 */
#ifndef DISCORD_PRESSER_H
#define DISCORD_PRESSER_H

#include "discord_world.h"

#include <uv.h>

struct discord;
struct discord_interaction;
struct discord_press;

struct discord_presser {
    struct discord_press *first;
    size_t waiting; /* messages whose buttons will be pressed */
    uint64_t seed;
    uv_timer_t tick;
};

/* Presses a button of the message: the one of that custom_id, which a member's client may still show when
 * it is gone, else the one at `index` (from 0). NULL: it has no such button. */
struct discord_interaction *discord_press(struct discord *discord, struct discord_user *member,
                                          struct discord_message *message, const char *custom_id,
                                          int64_t index);

void discord_presser_init(struct discord *discord);
/* The bot has made a message, or changed it. */
void discord_presser_look(struct discord *discord, const struct discord_message *message);
void discord_presser_clear(struct discord *discord);

#endif
