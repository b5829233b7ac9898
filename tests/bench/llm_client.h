/* SPDX-License-Identifier: Apache-2.0
 *
 * A client of OpenAI's format that asks llm_server, or a gateway before it, so often a second whether the
 * answers come or not, and tells by the stamps how long what is between them kept what passed.
 */
#ifndef BENCH_LLM_CLIENT_H
#define BENCH_LLM_CLIENT_H

#include <stddef.h>
#include <stdint.h>

/* In ns, a value for each answer. */
struct llm_figures {
    uint64_t *before;           /* from the call until the question is at the provider   */
    uint64_t *first;            /* from its first token there until the caller has it    */
    uint64_t *added;            /* `before`, and from its last token until the call ends */
    size_t count, failed, most; /* answers, and how many were waited for at once */
};

void llm_figures_init(struct llm_figures *figures, size_t count);
void llm_figures_clear(struct llm_figures *figures);
void llm_figures_note(struct llm_figures *figures, uint64_t before, uint64_t first, uint64_t after);
/* In us; the values are sorted by it. 0 without any. */
double llm_figures_part(uint64_t *values, size_t count, double share);

/* The body of a call: a prompt of 4 kB, an answer that streams. Returns its length; no end mark. */
#define LLM_BODY_SIZE 5120
size_t llm_client_body(char ret[LLM_BODY_SIZE]);

/* `headers` are lines of their own, each with CRLF. Ends when all are answered, or 10 s after the last
 * was asked. */
void llm_client_run(int port, const char *headers, unsigned rate, size_t count,
                    struct llm_figures *figures);

#endif
