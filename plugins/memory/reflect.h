/* SPDX-License-Identifier: Apache-2.0
 *
 * What reading a session came to: a row for each, without anybody's words, and what members see of it.
 */
#ifndef MEMORY_REFLECT_H
#define MEMORY_REFLECT_H

#include "fact.h"

enum {
    REFLECT_MOST = 100, /* rows of a member in one place; the host takes those over 90 days */
    REFLECT_SHOWN = 10,
    REFLECT_PARAMS = 11,
    REFLECT_ERROR_SIZE = 64
};

struct reflection {
    int64_t first_at, last_at; /* when its first and last words were said */
    uint32_t messages;
    uint8_t by_model;
    uint32_t outcomes[MEMORY_ASIDE + 1]; /* facts, by what became of them */
    int64_t cost_micros;
    char error[REFLECT_ERROR_SIZE]; /* a code; "": none */
};

/* The row, for a commit with what else the end of the session writes; `params` has REFLECT_PARAMS values. The same
 * session again replaces its row. */
troupe_statement reflect_row(const struct reflection *reflection, int64_t now_ms,
                             troupe_value *params);
/* Takes away what is above REFLECT_MOST, in the same commit. */
troupe_statement reflect_bound(void);
/* Answers with the newest of them. [turn, waits] */
troupe_status reflect_show(troupe_turn *turn);
/* Takes away all of the member here. [turn, waits] */
troupe_status reflect_forget(troupe_turn *turn);

#endif
