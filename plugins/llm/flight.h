/* SPDX-License-Identifier: Apache-2.0
 *
 * Questions that are at a provider right now, so that the same question of somebody else waits for
 * that answer and is not asked twice. It is memory of this process, like the router's: who leads is
 * said by the declared function llm-flight, whose result the host records.
 */
#ifndef LLM_FLIGHT_H
#define LLM_FLIGHT_H

#include "digest.h"

#include <troupe/troupe.h>

#define LLM_FLIGHT_FUNCTION "llm-flight"
#define LLM_FLIGHTS_MAX     128               /* beyond them questions are asked by themselves */
#define LLM_FLIGHT_WAIT_MS  20000             /* for somebody else's answer, at most           */
#define LLM_FLIGHT_LOST_MS  ((int64_t)600000) /* one that nobody ended                         */

struct llm_flight {
    char key[LLM_DIGEST_TEXT];
    uint64_t turn; /* that asks; 0: the place is free */
    int64_t since;
};

struct llm_flights {
    struct llm_flight all[LLM_FLIGHTS_MAX];
};

/* Whether somebody else asks it; a turn never waits for itself. */
int llm_flight_is_up(const struct llm_flights *flights, const char *key, uint64_t turn,
                     int64_t now_ms);
/* Makes the turn the one that asks: 1, or 0 where it is already or there is no room. */
int llm_flight_begin(struct llm_flights *flights, const char *key, uint64_t turn, int64_t now_ms);
void llm_flight_end(struct llm_flights *flights, const char *key, uint64_t turn);

/* What llm-flight does: {"leads": bool, "waited": bool}. [turn, waits] */
troupe_status llm_flight_join(troupe_turn *turn, struct llm_flights *flights, troupe_str key);

#endif
