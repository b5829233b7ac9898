/* SPDX-License-Identifier: Apache-2.0
 *
 * What one member is told in a channel comes in order, also when the message before it is still being
 * looked for or tried again: a later turn may be through before the earlier one's answer is there.
 * A lane holds the entries of one channel and member that have no message yet, by row id; where the
 * row names no member, those of one turn. What answers an interaction stands where that is, not below
 * other messages: it has the lane of its turn. Loop thread.
 */
#ifndef GATEWAY_DISCORD_LANE_H
#define GATEWAY_DISCORD_LANE_H

#include "gateway/discord/outbox_private.h"

/* A new entry, whose row is set. One that has its message already, or belongs to nobody, has no
 * lane. */
void discord_lane_join(struct discord_entry *entry);
/* It has its message now, or will never have one. Returns the entry that stood behind it, which may
 * be able to go on; NULL: none. */
struct discord_entry *discord_lane_leave(struct discord_entry *entry);
/* The one behind it; NULL: none. */
struct discord_entry *discord_lane_next(const struct discord_entry *entry);
/* Whether those behind it have to wait. */
bool discord_lane_blocks(const struct discord_entry *entry);
/* Whether one before it blocks. */
bool discord_lane_waits(const struct discord_entry *entry);

#endif
