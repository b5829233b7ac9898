/* SPDX-License-Identifier: Apache-2.0
 *
 * A vector of a text without any model: words and the pieces of words (two to five characters), each
 * counted at a place and with a sign that its hash gives. Texts that share words, or forms and misspellings
 * of them, point the same way; texts that say the same in other words do not. It is the weaker of what can
 * be had, and what is there when nothing else is: no network, no cost, the same for the same text on
 * every machine and in every version with the same VECTOR_TEXT_VERSION. It has no language; common words of
 * English and German count little. Pure; any thread.
 */
#ifndef STORE_VECTOR_TEXT_H
#define STORE_VECTOR_TEXT_H

#include <stdbool.h>
#include <stddef.h>

enum {
    VECTOR_TEXT_DIM = 384,       /* as many as it is meant for                        */
    VECTOR_TEXT_MAX = 64 * 1024, /* bytes that are looked at; what is beyond is not   */
    VECTOR_TEXT_VERSION = 1      /* vectors of different versions are not to be mixed */
};

/* A vector of length one from UTF-8; what is none of it separates words. False where there is nothing to go by:
 * no letter, digit or symbol; `out` is all zero then. `dim` is at least 1. */
bool vector_of_text(const char *text, size_t len, float *out, size_t dim);

#endif
