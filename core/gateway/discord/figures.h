/* SPDX-License-Identifier: Apache-2.0
 *
 * How Discord is doing, in numbers, for whoever measures. Loop thread.
 */
#ifndef GATEWAY_DISCORD_FIGURES_H
#define GATEWAY_DISCORD_FIGURES_H

#include "gateway/discord/outbox.h"
#include "gateway/discord/rest.h"
#include "gateway/discord/session.h"

struct discord;

struct discord_figures {
    bool ready;    /* events come in                                */
    char why[512]; /* what holds it up, or ended it; "" where nothing does */
    size_t guilds;
    uint64_t addressed, seen, ignored; /* messages and presses since the start */
    struct discord_session_stats session;
    struct discord_rest_stats rest;
    struct discord_outbox_stats outbox;
};
void discord_figures(const struct discord *discord, struct discord_figures *ret);

#endif
