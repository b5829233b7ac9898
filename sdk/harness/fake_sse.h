/* SPDX-License-Identifier: Apache-2.0
 *
 * The streamed form of a chat answer: OpenAI's chunks as server-sent events, with the faults that
 * only a stream can have.
 */
#ifndef FAKE_SSE_H
#define FAKE_SSE_H

#include "fake_answer.h"

struct fake_plan *fake_sse_plan(const struct fake_chat *chat, const char *text, const char *finish,
                                const json_t *calls, json_t *usage);

#endif
