/* SPDX-License-Identifier: Apache-2.0
 *
 * What became of each round, for tests that kill the client: a round is one question to the model,
 * told apart by its messages, and each request for it is an attempt that a real provider would bill.
 * An attempt is whole when all of it was written and the connection lived on for FAKE_ROUND_SETTLE_MS
 * or asked for more; a client that died right behind the last byte may not have kept it.
 */
#ifndef FAKE_ROUNDS_H
#define FAKE_ROUNDS_H

#include <jansson.h>
#include <stdint.h>

#define FAKE_ROUND_SETTLE_MS 100

enum fake_round_end {
    FAKE_ROUND_WHOLE,
    FAKE_ROUND_CUT_BEFORE, /* before the first piece of text  */
    FAKE_ROUND_CUT_AFTER,  /* behind it                       */
    FAKE_ROUND_CUT_LATE,   /* behind the last byte            */
    FAKE_ROUND_ENDS,
};

struct fake_rounds;

struct fake_rounds *fake_rounds_new(void);
void fake_rounds_free(struct fake_rounds *rounds); /* NULL is fine */
void fake_rounds_clear(struct fake_rounds *rounds);
/* `key` is not 0. */
void fake_rounds_begin(struct fake_rounds *rounds, uint64_t key);
void fake_rounds_end(struct fake_rounds *rounds, uint64_t key, enum fake_round_end end);
/* {"rounds", "paid", "whole", "cut_before", "cut_after", "cut_late": attempts,
 *  "rounds_cut", "rounds_cut_after", "rounds_cut_twice": rounds,
 *  "most": attempts of one round, "surplus": rounds with more attempts than 1 + its cuts} */
json_t *fake_rounds_report(const struct fake_rounds *rounds);

#endif
