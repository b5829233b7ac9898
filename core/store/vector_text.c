/* SPDX-License-Identifier: Apache-2.0 */
#include "store/vector_text.h"

#include "base/hash.h"
#include "base/mem.h"
#include "store/text_read.h"
#include "store/vector_kernel.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE_MIN = 3, /* characters of a piece of a word … */
    PIECE_MAX = 5,
    WIDE_MIN = 1, /* … and where words are written without spaces */
    WIDE_MAX = 2
};

/* How much a piece of a word counts beside the whole; by trial on what people ask for. */
#define PIECES_WEIGHT 0.9
#define COMMON_WEIGHT 0.15

/* ---- the vector ---- */

static int by_hash(const void *a, const void *b)
{
    const struct text_word *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->start < y->start ? -1 : x->start > y->start;
}

static void add(double *sums, size_t dim, uint64_t hash, double weight)
{
    sums[hash % dim] += hash >> 63 ? -weight : weight;
}

/* The pieces of a word in its borders, so that a beginning is not a middle. */
static void add_pieces(double *sums, size_t dim, const uint32_t *word, size_t len, bool wide,
                       double weight)
{
    uint32_t framed[TEXT_WORD_MAX + 2];
    size_t count = 0, pieces = 0;
    size_t from = wide ? WIDE_MIN : PIECE_MIN, to = wide ? WIDE_MAX : PIECE_MAX;

    if (!wide)
        framed[count++] = '<';
    memcpy(framed + count, word, len * sizeof(*word));
    count += len;
    if (!wide)
        framed[count++] = '>';
    for (size_t n = from; n <= to && n <= count; n++)
        pieces += count - n + 1;
    weight /= sqrt((double)(pieces ? pieces : 1));
    for (size_t n = from; n <= to && n <= count; n++)
        for (size_t i = 0; i + n <= count; i++)
            add(sums, dim, hash_finish(text_hash_chars(HASH_START + n, framed + i, n)), weight);
}

/* A word's weight grows with the logarithm of how often it is there. */
static void add_words(const struct text_reading *reading, double *sums, size_t dim)
{
    for (size_t i = 0, next; i < reading->word_count; i = next) {
        const struct text_word *word = &reading->words[i];
        double weight;

        for (next = i + 1; next < reading->word_count && reading->words[next].hash == word->hash;)
            next++;
        weight = 1 + log((double)(next - i));
        if (!word->wide && text_word_common(reading, word))
            weight *= COMMON_WEIGHT;
        else if (word->wide)
            weight *= sqrt((double)word->len); /* many words in one run */
        add(sums, dim, word->hash, weight);
        add_pieces(sums, dim, reading->chars + word->start, word->len, word->wide,
                   weight * PIECES_WEIGHT);
    }
}

bool vector_of_text(const char *text, size_t len, float *out, size_t dim)
{
    struct text_reading reading;
    double *sums = mem_zero(dim, sizeof(*sums)), square = 0;
    bool found;

    len = len < VECTOR_TEXT_MAX ? len : VECTOR_TEXT_MAX;
    text_reading_init(&reading, text, len);
    qsort(reading.words, reading.word_count, sizeof(*reading.words), by_hash);
    add_words(&reading, sums, dim);
    for (size_t i = 0; i < dim; i++)
        square += sums[i] * sums[i];
    found = square > 1e-12; /* signs may cancel out where there are few dimensions */
    for (size_t i = 0; i < dim; i++)
        out[i] = found ? (float)(sums[i] / sqrt(square)) : 0;
    mem_free(sums);
    text_reading_clear(&reading);
    return found;
}
