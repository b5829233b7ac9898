/* SPDX-License-Identifier: Apache-2.0
 *
 * A provider of OpenAI's format as a process of its own, as cheap as it can be: each answer is a number of
 * deltas at even distances. A delta's text is a stamp "#ARRIVED:SENT#": when the question was there and
 * when the delta left, in ns of CLOCK_MONOTONIC, which all processes of a machine share.
 */
#ifndef BENCH_LLM_SERVER_H
#define BENCH_LLM_SERVER_H

#include <stdint.h>
#include <sys/types.h>

struct llm_server {
    int port;
    pid_t pid;
};

/* Before there are threads. It ends with its parent. */
void llm_server_start(struct llm_server *server, unsigned deltas, unsigned gap_ms);
void llm_server_stop(struct llm_server *server);

/* The first stamp in the text, or the last; 0: there is none. */
int llm_stamp_first(const char *text, size_t len, uint64_t *ret_arrived, uint64_t *ret_sent);
int llm_stamp_last(const char *text, size_t len, uint64_t *ret_arrived, uint64_t *ret_sent);

#endif
