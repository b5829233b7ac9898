/* SPDX-License-Identifier: Apache-2.0
 *
 * A talk on its way: what the parts of llm_converse share. All of it is called in a turn; what waits, says so.
 */
#ifndef LLM_TALK_H
#define LLM_TALK_H

#include "clock.h"
#include "converse.h"
#include "race.h"

#define LLM_LIMIT_WAITS_MAX 2 /* a limit on questions is waited for so often */

/* Where a talk stands. */
struct llm_talk {
    struct llm_agent *agent;
    struct llm_round *round;
    struct llm_tariff tariff;
    enum llm_route route;
    int64_t tokens, complexity;
    struct llm_clock clock; /* as it was when it began */
    int64_t candidate, attempt, adaptations, steps;
    uint8_t hurries; /* waits for no limit any more where another model would answer */
    uint8_t counts;  /* with limits of keys: choices say when they were made         */
    uint32_t tried;
    /* What rounds with calls gave before this one. */
    char *before; /* LLM_TEXT_MAX bytes; NULL without tools */
    size_t before_len;
    struct llm_usage usage;
    uint64_t guessed; /* what we took their questions for, in tokens */
    uint64_t cost_micros;
    uint8_t estimated;
    uint32_t prefer;  /* bits of the models that the member would rather have */
    json_t *json;     /* the answer, where it is one by a schema */
    uint8_t repaired; /* it was sent back once */
};

/* ---- talk_choose.c: which model -----------------------------------------------------------------*/

/* Calls a function of the agent's own that chooses, so that the host records what it says. `ret` stays as it is
 * where that cannot be used. [waits] */
troupe_status llm_talk_ask_own(troupe_turn *turn, const struct llm_talk *talk, const char *name,
                               const char *args, struct llm_choice *ret);
/* Who is asked after the model `last`, with `again` be it that one; -1 as the candidate: nobody. Without an answer that
 * can be used, `fallback` is the choice. [waits] */
troupe_status llm_talk_choose(troupe_turn *turn, const struct llm_talk *talk, int64_t last,
                              int again, int64_t fallback, struct llm_choice *ret);
/* The first choice. Where no more than a limit on questions is in the way, that is waited for. [waits] */
troupe_status llm_talk_begin(troupe_turn *turn, struct llm_talk *talk, struct llm_choice *ret);
/* Nobody may be asked now: what keeps them away, and when they are asked again. */
troupe_status llm_talk_fail_unasked(troupe_turn *turn, const struct llm_talk *talk,
                                    const struct llm_choice *choice);
/* Waits where no more than a limit on questions is in the way, and that not for long: 1, or 0 where it is no
 * use. Never longer than for a first token. [waits] */
troupe_status llm_talk_wait(troupe_turn *turn, const struct llm_talk *talk,
                            const struct llm_choice *choice);
/* The round's key, and what it took of its limits. */
void llm_talk_take_key(struct llm_talk *talk, const struct llm_choice *choice);
/* The next round goes to this one. */
void llm_talk_turn_to(struct llm_talk *talk, const struct llm_choice *choice);

/* ---- talk_ready.c: what a round needs before it goes --------------------------------------------*/

/* A round of which no choice was made counts, too, and with another key where that of before is at its limit. 1 with
 * a key, 0 where another model is asked. [waits] */
troupe_status llm_talk_stay(troupe_turn *turn, struct llm_talk *talk);
/* Of a model of one's own that costs nothing; NULL: it has none. */
struct llm_pool *llm_talk_pool(const struct llm_talk *talk);
/* Waits for a place there by the agent's own function, so that the host records what came of it: 1 with a place, 0
 * where another model is asked. [waits] */
troupe_status llm_talk_take_place(troupe_turn *turn, struct llm_talk *talk);

/* ---- talk_note.c: what a round came to, noted once however often the stage runs -----------------*/

/* With its key's limits. */
void llm_talk_count(struct llm_talk *talk);
/* With health and alerts. */
void llm_talk_note(troupe_turn *turn, const struct llm_talk *talk);
/* The same of a failure, with log and figures. */
void llm_talk_note_failure(troupe_turn *turn, const struct llm_talk *talk);
/* The turn's time ended while the model kept silent: what it would have been told at its own deadline. */
void llm_talk_note_silence(troupe_turn *turn, const struct llm_talk *talk);
/* Of two that were asked together the one failed by itself whose answer is not taken. */
void llm_talk_note_lost(troupe_turn *turn, struct llm_talk *talk, const struct llm_race_ask *ask,
                        int64_t candidate, uint32_t key);

/* ---- talk_next.c: what follows a failure --------------------------------------------------------*/

/* TROUPE_OK when another round is to be run, else how the talk ends. [waits] */
troupe_status llm_talk_go_on(troupe_turn *turn, struct llm_talk *talk);
/* The price of a model is beyond what is left of the budget; a cheaper one may not be. [waits] */
troupe_status llm_talk_go_cheaper(troupe_turn *turn, struct llm_talk *talk, troupe_status refusal);

/* ---- talk_tools.c: what follows an answer -------------------------------------------------------*/

int llm_talk_asks_for_tools(const struct llm_talk *talk);
/* The answer asks for tools: calls them, and readies the next round. [waits] */
troupe_status llm_talk_use_tools(troupe_turn *turn, struct llm_talk *talk);
/* Checks an answer by a schema: 1 when it holds and was handed out, 0 when it is asked for once more. [waits] */
troupe_status llm_talk_take_json(troupe_turn *turn, struct llm_talk *talk);

/* ---- talk_result.c: how it ends -----------------------------------------------------------------*/

/* Every answer passes here, so no tree is made of it. */
troupe_status llm_talk_give(troupe_turn *turn, const struct llm_talk *talk, const char *finish);
troupe_status llm_talk_fail(troupe_turn *turn, const struct llm_talk *talk);

#endif
