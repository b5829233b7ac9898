/* SPDX-License-Identifier: Apache-2.0
 *
 * How much in how long: sliding windows, each for one key (a member, a server, everybody). A window
 * is kept as slots of a twelfth of its length and counts whole slots, so that never more than the
 * limit passes in any stretch of that length. Bounded: the key that was quiet for longest is
 * forgotten first. Memory only: a restart begins with empty windows, where limits_share.h knows no more. Pure;
 * loop thread.
 */
#ifndef TURN_LIMITS_H
#define TURN_LIMITS_H

#include "base/list.h"
#include "base/map.h"

#define TURN_LIMITS_SLOTS 13    /* a window's twelve, and the one that begins */
#define TURN_LIMITS_KEYS  10000 /* about 1.5 MB                               */

struct turn_limits {
    struct map windows; /* key -> struct limits_window of limits.c */
    struct list_link order;
};
void turn_limits_init(struct turn_limits *limits);
void turn_limits_clear(struct turn_limits *limits);

/* How long until one more fits, in ms; 0: now. `limit` 0 is no limit. */
uint64_t turn_limits_wait(const struct turn_limits *limits, const char *key, int64_t limit,
                          uint64_t window_ms, uint64_t now_ms);
/* More was counted elsewhere: the window has at least `count` from now on, where this key has one. */
void turn_limits_raise(struct turn_limits *limits, const char *key, int64_t count,
                       uint64_t window_ms, uint64_t now_ms);
/* Counts one. */
void turn_limits_take(struct turn_limits *limits, const char *key, uint64_t window_ms,
                      uint64_t now_ms);

#endif
