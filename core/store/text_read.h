/* SPDX-License-Identifier: Apache-2.0
 *
 * A text as words, for whatever finds texts by them: small letters, no punctuation, runs of letters and
 * digits; of writing without spaces whole runs. It knows no language. Pure; any thread.
 */
#ifndef STORE_TEXT_READ_H
#define STORE_TEXT_READ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TEXT_WORD_MAX = 40 /* characters; a longer run is cut into such */ };

/* A run of characters that belong together. */
struct text_word {
    uint64_t hash;
    uint32_t start, len; /* among the characters                  */
    bool wide;           /* of writing that has no spaces between */
};

struct text_reading {
    uint32_t *chars; /* folded, word after word */
    size_t count;
    struct text_word *words;
    size_t word_count;
};

/* UTF-8; what is none of it separates words. */
void text_reading_init(struct text_reading *reading, const char *text, size_t len);
void text_reading_clear(struct text_reading *reading);
/* Whether it is a word that nearly every text has, English or German. */
bool text_word_common(const struct text_reading *reading, const struct text_word *word);
/* A hash of characters that is the same on every machine; `hash` is where it begins, hash_finish (base/hash.h)
 * is its end. */
uint64_t text_hash_chars(uint64_t hash, const uint32_t *chars, size_t count);

#endif
