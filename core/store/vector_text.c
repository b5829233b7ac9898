/* SPDX-License-Identifier: Apache-2.0 */
#include "store/vector_text.h"

#include "base/hash.h"
#include "base/mem.h"
#include "store/vector_kernel.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE_MIN = 3, /* characters of a piece of a word … */
    PIECE_MAX = 5,
    WIDE_MIN = 1, /* … and where words are written without spaces */
    WIDE_MAX = 2,
    WORD_MAX = 40 /* characters; a longer run is cut into such */
};

/* How much a piece of a word counts beside the whole; by trial on what people ask for. */
#define PIECES_WEIGHT 0.9
#define COMMON_WEIGHT 0.15

/* A run of characters that belong together. */
struct word {
    uint64_t hash;
    uint32_t start, len;
    bool wide;
};

struct reading {
    uint32_t *chars; /* folded; 0 is between words */
    size_t count;
    struct word *words;
    size_t word_count;
};

/* ---- characters ---- */

static uint32_t next_char(const char *text, size_t len, size_t *at)
{
    static const uint8_t lead_bits[] = {0, 0, 0x1f, 0x0f, 0x07};
    unsigned char c = (unsigned char)text[(*at)++];
    size_t more = c >= 0xf0 && c < 0xf8 ? 3 : c >= 0xe0 ? 2 : c >= 0xc2 ? 1 : 0;
    uint32_t value;

    if (c < 0x80)
        return c;
    if (c < 0xc2 || c >= 0xf8 || *at + more > len)
        return 0;
    value = c & lead_bits[more + 1];
    for (size_t i = 0; i < more; i++) {
        c = (unsigned char)text[*at + i];
        if ((c & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (c & 0x3f);
    }
    *at += more;
    return value;
}

/* Small letters for capital ones, in the alphabets where a rule tells them. */
static uint32_t fold(uint32_t c)
{
    if ((c >= 'A' && c <= 'Z') || (c >= 0xc0 && c <= 0xde && c != 0xd7) ||
        (c >= 0x391 && c <= 0x3a9) || (c >= 0x410 && c <= 0x42f))
        return c + 32;
    if (c >= 0x400 && c <= 0x40f)
        return c + 80;
    if ((c >= 0x100 && c <= 0x137) || (c >= 0x14a && c <= 0x177) || (c >= 0x460 && c <= 0x481))
        return c | 1;
    return c;
}

static bool is_wide(uint32_t c)
{
    return (c >= 0x0e00 && c <= 0x0eff) || (c >= 0x2e80 && c <= 0xd7ff) ||
           (c >= 0xf900 && c <= 0xfaff) || (c >= 0x20000 && c <= 0x3ffff);
}

static bool in_word(uint32_t c)
{
    if (c < 0x80)
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
    if (c == 0xd7 || c == 0xf7 || (c < 0xc0 && c != 0xaa && c != 0xb5 && c != 0xba))
        return false;
    return !(c >= 0x2000 && c <= 0x206f) && !(c >= 0x2e00 && c <= 0x2e7f) &&
           !(c >= 0x3000 && c <= 0x303f && c != 0x3005) && !(c >= 0xfe00 && c <= 0xfe0f) &&
           !(c >= 0xff01 && c <= 0xff0f);
}

/* ---- words ---- */

static uint64_t hash_chars(uint64_t hash, const uint32_t *chars, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char bytes[] = {(char)(chars[i] & 0xff), (char)(chars[i] >> 8 & 0xff),
                              (char)(chars[i] >> 16 & 0xff)};

        hash = hash_add(hash, bytes, sizeof(bytes)); /* the same on every machine */
    }
    return hash;
}

static void end_word(struct reading *reading, size_t start)
{
    struct word *word = &reading->words[reading->word_count];
    size_t len = reading->count - start;

    if (len == 0)
        return;
    word->start = (uint32_t)start;
    word->len = (uint32_t)len;
    word->wide = is_wide(reading->chars[start]);
    word->hash = hash_finish(hash_chars(HASH_START, reading->chars + start, len));
    reading->word_count++;
}

static void read_words(struct reading *reading, const char *text, size_t len)
{
    size_t start = 0;

    for (size_t at = 0; at < len;) {
        uint32_t c = fold(next_char(text, len, &at));
        size_t have = reading->count - start;

        if (c == '\'' || c == 0x2019) /* "don't" and "dont" are alike */
            continue;
        if (!in_word(c) || have == WORD_MAX ||
            (have > 0 && is_wide(c) != is_wide(reading->chars[start]))) {
            end_word(reading, start);
            start = reading->count;
        }
        if (in_word(c))
            reading->chars[reading->count++] = c;
    }
    end_word(reading, start);
}

static int by_hash(const void *a, const void *b)
{
    const struct word *x = a, *y = b;

    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* Words that nearly every text has. */
static bool is_common(const struct reading *reading, const struct word *word)
{
    static const char common[] =
        " a about all am an and any are as at be been but by can could did do does for from get "
        "got "
        "had has have he her him his how i if im in into is it its just me my no not of on or our "
        "she "
        "so that the their them then there they this to up us was we were what when where which "
        "who "
        "why will with would you your "
        "aber als am an auch auf aus bei bin bist da das dass dem den der des die du ein eine "
        "einem "
        "einen einer er es für habe hat ich ihr im in ist ja kann mein mich mir mit nach nicht "
        "noch "
        "nur oder sich sie sind so um und uns vom von war was wenn wer wie wir wird wo zu zum zur ";
    char text[2 * 8 + 3];
    size_t n = 0;

    if (word->len > 7)
        return false;
    text[n++] = ' ';
    for (size_t i = 0; i < word->len; i++) {
        uint32_t c = reading->chars[word->start + i];

        if (c >= 0x800)
            return false;
        if (c >= 0x80)
            text[n++] = (char)(0xc0 | c >> 6);
        text[n++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3f));
    }
    text[n++] = ' ';
    text[n] = '\0';
    return strstr(common, text) != NULL;
}

/* ---- the vector ---- */

static void add(double *sums, size_t dim, uint64_t hash, double weight)
{
    sums[hash % dim] += hash >> 63 ? -weight : weight;
}

/* The pieces of a word in its borders, so that a beginning is not a middle. */
static void add_pieces(double *sums, size_t dim, const uint32_t *word, size_t len, bool wide,
                       double weight)
{
    uint32_t framed[WORD_MAX + 2];
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
            add(sums, dim, hash_finish(hash_chars(HASH_START + n, framed + i, n)), weight);
}

/* A word's weight grows with the logarithm of how often it is there. */
static void add_words(const struct reading *reading, double *sums, size_t dim)
{
    for (size_t i = 0, next; i < reading->word_count; i = next) {
        const struct word *word = &reading->words[i];
        double weight;

        for (next = i + 1; next < reading->word_count && reading->words[next].hash == word->hash;)
            next++;
        weight = 1 + log((double)(next - i));
        if (!word->wide && is_common(reading, word))
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
    struct reading reading = {0};
    double *sums = mem_zero(dim, sizeof(*sums)), square = 0;
    bool found;

    len = len < VECTOR_TEXT_MAX ? len : VECTOR_TEXT_MAX;
    reading.chars = mem_alloc((len + 1) * sizeof(*reading.chars));
    reading.words = mem_alloc((len + 1) * sizeof(*reading.words));
    read_words(&reading, text, len);
    qsort(reading.words, reading.word_count, sizeof(*reading.words), by_hash);
    add_words(&reading, sums, dim);
    for (size_t i = 0; i < dim; i++)
        square += sums[i] * sums[i];
    found = square > 1e-12; /* signs may cancel out where there are few dimensions */
    for (size_t i = 0; i < dim; i++)
        out[i] = found ? (float)(sums[i] / sqrt(square)) : 0;
    mem_free(sums);
    mem_free(reading.chars);
    mem_free(reading.words);
    return found;
}
