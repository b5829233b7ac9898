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

void discord_seq_begin(struct discord_seq *seq, int64_t mark, bool own)
{
    if (seq->count && seq->open[seq->count - 1].mark >= mark)
        return; /* sent again after a resume: what holds the first back holds for this one */
    if (seq->count == seq->cap) {
        seq->cap = seq->cap ? seq->cap * 2 : 64;
        seq->open = mem_resize(seq->open, seq->cap, sizeof(*seq->open));
    }
    seq->open[seq->count++] = (struct discord_seq_open){mark, own};
}

static void drop(struct discord_seq *seq, int64_t from, int64_t to, bool own)
{
    size_t kept = 0;

    for (size_t i = 0; i < seq->count; i++) {
        struct discord_seq_open open = seq->open[i];

        if (open.own != own || open.mark < from || open.mark > to)
            seq->open[kept++] = open;
    }
    seq->count = kept;
}

void discord_seq_done(struct discord_seq *seq, int64_t mark)
{
    drop(seq, 0, mark, false);
}

void discord_seq_done_own(struct discord_seq *seq, int64_t mark)
{
    drop(seq, mark, mark, true);
}

int64_t discord_seq_safe(const struct discord_seq *seq, int64_t mark)
{
    for (size_t i = 0; i < seq->count; i++)
        if (seq->open[i].own || seq->open[i].mark > mark)
            return number_of(seq->open[i].mark - 1); /* the one before */
    return number_of(seq->newest);
}
