/* SPDX-License-Identifier: Apache-2.0
 *
 * What is remembered of a member, in this server or in direct messages: rows of {memory}, and the words and
 * vectors of those that may answer something. The host fills in whose and where.
 */
#ifndef MEMORY_FACT_H
#define MEMORY_FACT_H

#include "embedder.h"
#include "words.h"

#define MEMORY_KEY_SIZE 18 /* "f" and 16 hex digits */

enum memory_extractor {
    MEMORY_ASKED, /* the member asked to keep it       */
    MEMORY_RULES, /* found among their words by rules  */
    MEMORY_MODEL, /* found among their words by a model */
    MEMORY_QUOTE  /* somebody else's words             */
};

struct memory_limits {
    double alike;     /* cosine from which two facts may be the same */
    int64_t short_ms; /* life of what was gathered  */
    int64_t immediate_ms;
    int64_t half_life_ms; /* in which a gathered fact loses half of its weight */
    int64_t most;         /* facts of a member in one place */
    double fill;          /* the share of them from which the lightest go */
};

struct memory_fact {
    troupe_str content;
    enum memory_extractor extractor;
    double confidence, importance;
    int64_t message, said_at;
    uint8_t trusted; /* the member's own words: else it is put aside until they say it */
};

/* What became of it. */
enum memory_outcome { MEMORY_NEW, MEMORY_KNOWN, MEMORY_REPLACED, MEMORY_ASIDE };

/* A row as it is shown. Texts live as long as the stage or function. */
struct memory_row {
    troupe_str key, tier, state, content, extractor;
    double confidence, importance;
    int64_t said_at, seen, message, expires_at, used_at;
};

/* Keeps a fact: a near duplicate makes way for it, what it contradicts becomes history, both in one
 * transaction with it. `replaced` (FACT_MAX + 1 bytes) is what it contradicts, or "". [turn, waits] */
troupe_status fact_add(troupe_turn *turn, const struct memory_limits *limits,
                       const struct memory_fact *fact, enum memory_outcome *ret, char *replaced);
/* The member's rows, newest first: of one state, or all (NULL); never what the session's words are. [turn, waits] */
troupe_status fact_list(troupe_turn *turn, const char *state, struct memory_row **ret,
                        uint64_t *ret_count);
/* Takes one away, with its words and vector. [turn, waits] */
troupe_status fact_forget(troupe_turn *turn, troupe_str key);
/* Takes away everything of the member here. `ret` how many there were. [turn, waits] */
troupe_status fact_forget_all(troupe_turn *turn, uint64_t *ret);
/* What is over, what has faded, and what is too much. [turn, waits] */
troupe_status fact_sweep(troupe_turn *turn, const struct memory_limits *limits);

/* A new key: `first` and random digits. Noted. [turn] */
void fact_new_key(troupe_turn *turn, char first, char *ret);
/* "27 Nov 2026"; `ret` has 16 bytes. */
void fact_date(int64_t ms, char *ret);
/* The cells of a row, by type. */
int64_t cell_int(const troupe_value *cell);
double cell_float(const troupe_value *cell);
troupe_str cell_str(const troupe_value *cell);

#endif
