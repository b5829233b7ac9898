/* SPDX-License-Identifier: Apache-2.0
 *
 * For llm_bench.c: what the libraries take by themselves for a workload like llm_client.h's, on the thread that
 * calls. Nothing of ours is between, so what a layer on top of them takes is what it takes more than this.
 */
#ifndef LLM_FLOOR_H
#define LLM_FLOOR_H

#include <stddef.h>

struct llm_floor {
    double cpu_us; /* of this process, for each call */
    size_t failed;
    size_t most; /* calls at a time */
};

/* Where there are many, pieces of an answer may be taken together as core/net does it, or each when it comes. */
enum llm_floor_pieces { LLM_FLOOR_EACH, LLM_FLOOR_TOGETHER };

/* libcurl: requests to the fake provider at `port`, answers that are counted and dropped. */
void llm_floor_curl(int port, enum llm_floor_pieces pieces, unsigned rate, size_t calls,
                    struct llm_floor *ret);
/* SQLite: for each call what reserves its worst case, durable, and `life_ms` after that what books it, beside what a
 * turn itself stores, in a file below `folder`. What comes together is one transaction. What a turn without a call
 * takes is taken off `cpu_us`. */
void llm_floor_store(const char *folder, unsigned life_ms, unsigned rate, size_t calls,
                     struct llm_floor *ret);

#endif
