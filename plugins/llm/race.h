/* SPDX-License-Identifier: Apache-2.0
 *
 * One round that a second one may join: where the first model gives no first token in time, another is asked
 * the same beside it (hedge.h). Whoever has the first token goes on, the other one is stopped.
 *
 * Each is a child of its own with a reservation of its own. Who was first is said to the declared function
 * llm-first, whose result the host records, and nothing of an answer is handed out before the other one
 * has ended: so a stage that runs again finds the same winner before anything that members saw.
 */
#ifndef LLM_RACE_H
#define LLM_RACE_H

#include "converse.h"

#define LLM_FIRST_FUNCTION "llm-first"

/* What the choice of a second model goes by, and what came of it. */
struct llm_race_ask {
    struct llm_ask ask; /* `last`: the one that `round` goes to */
    int64_t now_ms;

    int64_t other;     /* the second one; -1: it was not asked      */
    uint32_t key;      /* with which                                */
    uint8_t other_won; /* `round` is what that one gave             */
    /* Of the one whose answer is not taken. */
    uint64_t lost_micros;             /* what it cost, at most                      */
    int64_t lost_ms;                  /* how long the first one was waited for in vain */
    const struct llm_kind *lost_kind; /* why it failed by itself; NULL: it did not  */
    uint8_t lost_adapted;             /* it only refused a parameter                */
    int64_t lost_retry_ms;            /* what it said of trying again; -1: nothing  */
    uint8_t lost_replayed;            /* see llm_round                              */
};

/* llm_round_run, with a second model where the settings and the host want it. Where the second one won,
 * `round` is its: request, settings, tariff and key as well; `tariff` takes its price. Where both failed
 * it is the first one's. [turn, waits] */
troupe_status llm_race_run(troupe_turn *turn, struct llm_agent *agent, struct llm_round *round,
                           struct llm_race_ask *ask, struct llm_tariff *tariff);

/* What llm-hedge and llm-first do. [turn] */
troupe_status llm_race_hedge(troupe_turn *turn, struct llm_agent *agent, const struct llm_ask *ask,
                             int64_t key, int due);
troupe_status llm_race_first(troupe_turn *turn, troupe_str model, int won, int sent);

#endif
