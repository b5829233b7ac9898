/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's clock, looked at once. What time it is later follows from what is left of the turn, without another
 * look that the host would have to record.
 */
#ifndef LLM_CLOCK_H
#define LLM_CLOCK_H

#include <troupe/troupe.h>

struct llm_clock {
    int64_t now_ms;
    int64_t left_ms; /* of the turn, by then */
};

static inline struct llm_clock llm_clock_look(troupe_turn *turn)
{
    struct llm_clock clock = {.now_ms = troupe_now(turn)};

    clock.left_ms = troupe_time_left(turn);
    return clock;
}

static inline int64_t llm_clock_now(troupe_turn *turn, const struct llm_clock *clock)
{
    return clock->now_ms + clock->left_ms - troupe_time_left(turn);
}

#endif
