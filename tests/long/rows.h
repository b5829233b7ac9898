/* SPDX-License-Identifier: Apache-2.0
 *
 * A database as a large bot has it after a year, for the long run of rows: what is in it, and who.
 */
#ifndef TESTS_LONG_ROWS_H
#define TESTS_LONG_ROWS_H

#include "loop/co.h"
#include "store/index.h"
#include "store/text_index.h"
#include "store/vector_text.h"

#include <stddef.h>
#include <stdint.h>

enum {
    ROWS_MEMBERS = 1000,
    ROWS_CHANNELS = 200,
    ROWS_TEXT_MAX = 1024,
    PATIENCE_MS = 600000 /* a machine may stand still meanwhile */
};

struct rows {
    struct store *store;
    bool in_server;
    int64_t history;   /* rows of the conversation's: 1,000,000                        */
    int64_t memories;  /* of all members: a tenth; a tenth of these are member 0's      */
    int64_t knowledge; /* pieces of documents in one server: a tenth                   */
    uint64_t seed;
    struct error err;
};

/* Which is the same for the same seed. */
uint32_t rows_draw(struct rows *rows, uint32_t below);
/* So many words as people use them: a few are in nearly every text, most in few. */
size_t rows_text(struct rows *rows, size_t words, char out[ROWS_TEXT_MAX]);
int64_t rows_memories_of(const struct rows *rows, int64_t member);
void rows_scope(int64_t member, char out[STORE_KV_SCOPE_MAX]); /* "1/place/5/member/1007" */
#define ROWS_KNOWLEDGE "1/guild/5"

/* Puts a memory as the memory agent does it: a row, words, a vector. */
void rows_put_memory(struct rows *rows, struct store_batch *batch, int64_t member, int64_t n);
/* Fills the tables, and says how far it is. [waits] */
troupe_status rows_fill(struct rows *rows);

#endif
