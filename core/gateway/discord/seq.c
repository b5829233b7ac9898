/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/seq.h"

#include "base/mem.h"

#define NUMBER_BITS 40
#define NUMBER_MASK ((INT64_C(1) << NUMBER_BITS) - 1)

/* Marks begin at 1 so that 0 is none: number + 1 stands in the low bits. */
static int64_t mark_of(const struct discord_seq *seq, int64_t number)
{
    return (seq->sessions << NUMBER_BITS) | ((number + 1) & NUMBER_MASK);
}

static int64_t number_of(int64_t mark)
{
    return (mark & NUMBER_MASK) - 1;
}

void discord_seq_clear(struct discord_seq *seq)
{
    mem_free(seq->open);
    *seq = (struct discord_seq){0};
}

void discord_seq_session(struct discord_seq *seq, int64_t newest)
{
    seq->count = 0;
    seq->sessions++;
    seq->newest = mark_of(seq, newest);
}

int64_t discord_seq_event(struct discord_seq *seq, int64_t number)
{
    int64_t mark = mark_of(seq, number);

    if (mark > seq->newest)
        seq->newest = mark;
    return mark;
}

void discord_seq_begin(struct discord_seq *seq, int64_t mark)
{
    if (seq->count && seq->open[seq->count - 1] >= mark)
        return; /* sent again after a resume: what holds the first back holds for this one */
    if (seq->count == seq->cap) {
        seq->cap = seq->cap ? seq->cap * 2 : 64;
        seq->open = mem_resize(seq->open, seq->cap, sizeof(*seq->open));
    }
    seq->open[seq->count++] = mark;
}

void discord_seq_done(struct discord_seq *seq, int64_t mark)
{
    size_t kept = 0;

    for (size_t i = 0; i < seq->count; i++)
        if (seq->open[i] > mark)
            seq->open[kept++] = seq->open[i];
    seq->count = kept;
}

int64_t discord_seq_safe(const struct discord_seq *seq, int64_t mark)
{
    for (size_t i = 0; i < seq->count; i++)
        if (seq->open[i] > mark)
            return number_of(seq->open[i] - 1); /* the one before */
    return number_of(seq->newest);
}
