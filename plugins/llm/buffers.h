/* SPDX-License-Identifier: Apache-2.0
 *
 * What an answer is read into. Some are kept for the next one: blocks of that size go back to the system
 * each time, and come from it in pages that have to be cleared.
 */
#ifndef LLM_BUFFERS_H
#define LLM_BUFFERS_H

#include <stddef.h>
#include <stdint.h>

#define LLM_BUFFERS_KEPT 8

/* Zeroed: none is kept. */
struct llm_buffers {
    char *kept[LLM_BUFFERS_KEPT];
    uint32_t count;
};

void llm_buffers_clear(struct llm_buffers *buffers);
/* LLM_EVENT_MAX bytes and behind them LLM_TEXT_MAX, with whatever stood there; NULL without memory. */
char *llm_buffers_take(struct llm_buffers *buffers);
/* Gives it back. NULL is fine. */
void llm_buffers_give(struct llm_buffers *buffers, char *buffer);

#endif
