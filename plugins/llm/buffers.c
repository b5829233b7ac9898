/* SPDX-License-Identifier: Apache-2.0 */
#include "buffers.h"

#include "round.h"

#include <stdlib.h>

void llm_buffers_clear(struct llm_buffers *buffers)
{
    while (buffers->count > 0)
        free(buffers->kept[--buffers->count]);
}

char *llm_buffers_take(struct llm_buffers *buffers)
{
    return buffers->count > 0 ? buffers->kept[--buffers->count]
                              : malloc(LLM_EVENT_MAX + LLM_TEXT_MAX);
}

void llm_buffers_give(struct llm_buffers *buffers, char *buffer)
{
    if (buffer && buffers->count < LLM_BUFFERS_KEPT)
        buffers->kept[buffers->count++] = buffer;
    else
        free(buffer);
}
