/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_rounds.h"

#include "fake_text.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 1024 /* a power of two */

struct round {
    uint64_t key; /* 0: free */
    uint32_t attempts, ends[FAKE_ROUND_ENDS];
};

struct fake_rounds {
    struct round *slots;
    size_t size, used;
};

struct fake_rounds *fake_rounds_new(void)
{
    struct fake_rounds *rounds = fake_alloc(sizeof(*rounds));

    rounds->size = FIRST_SLOTS;
    rounds->slots = fake_alloc(rounds->size * sizeof(*rounds->slots));
    return rounds;
}

void fake_rounds_free(struct fake_rounds *rounds)
{
    if (!rounds)
        return;
    free(rounds->slots);
    free(rounds);
}

void fake_rounds_clear(struct fake_rounds *rounds)
{
    memset(rounds->slots, 0, rounds->size * sizeof(*rounds->slots));
    rounds->used = 0;
}

static struct round *slot_of(struct round *slots, size_t size, uint64_t key)
{
    size_t at = (size_t)key & (size - 1);

    while (slots[at].key && slots[at].key != key)
        at = (at + 1) & (size - 1);
    return &slots[at];
}

static void grow(struct fake_rounds *rounds)
{
    size_t size = rounds->size * 2;
    struct round *slots = fake_alloc(size * sizeof(*slots));

    for (size_t i = 0; i < rounds->size; i++)
        if (rounds->slots[i].key)
            *slot_of(slots, size, rounds->slots[i].key) = rounds->slots[i];
    free(rounds->slots);
    rounds->slots = slots;
    rounds->size = size;
}

void fake_rounds_begin(struct fake_rounds *rounds, uint64_t key)
{
    struct round *round;

    if (rounds->used * 2 >= rounds->size)
        grow(rounds);
    round = slot_of(rounds->slots, rounds->size, key);
    if (!round->key) {
        round->key = key;
        rounds->used++;
    }
    round->attempts++;
}

void fake_rounds_end(struct fake_rounds *rounds, uint64_t key, enum fake_round_end end)
{
    struct round *round = slot_of(rounds->slots, rounds->size, key);

    if (round->key) /* else it was cleared meanwhile */
        round->ends[end]++;
}

json_t *fake_rounds_report(const struct fake_rounds *rounds)
{
    json_int_t paid = 0, most = 0, surplus = 0, cut = 0, cut_after = 0, cut_twice = 0;
    json_int_t ends[FAKE_ROUND_ENDS] = {0};

    for (size_t i = 0; i < rounds->size; i++) {
        const struct round *round = &rounds->slots[i];
        uint32_t cuts = round->ends[FAKE_ROUND_CUT_BEFORE] + round->ends[FAKE_ROUND_CUT_AFTER] +
                        round->ends[FAKE_ROUND_CUT_LATE];

        paid += round->attempts;
        most = round->attempts > most ? round->attempts : most;
        surplus += round->attempts > 1 + cuts;
        cut += cuts > 0;
        cut_twice += cuts > 1;
        cut_after += round->ends[FAKE_ROUND_CUT_AFTER] + round->ends[FAKE_ROUND_CUT_LATE] > 0;
        for (int end = 0; end < FAKE_ROUND_ENDS; end++)
            ends[end] += round->ends[end];
    }
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "rounds",
                     (json_int_t)rounds->used, "paid", paid, "whole", ends[FAKE_ROUND_WHOLE],
                     "cut_before", ends[FAKE_ROUND_CUT_BEFORE], "cut_after",
                     ends[FAKE_ROUND_CUT_AFTER], "cut_late", ends[FAKE_ROUND_CUT_LATE],
                     "rounds_cut", cut, "rounds_cut_after", cut_after, "rounds_cut_twice",
                     cut_twice, "most", most, "surplus", surplus);
}
