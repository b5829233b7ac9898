/* SPDX-License-Identifier: Apache-2.0
 *
 * Anthropic's Messages and Ollama's own API over the one talk that scripts know. A request becomes
 * messages as OpenAI has them, refused where the provider would refuse it; an answer's deltas become
 * the events or lines of the other format.
 */
#ifndef FAKE_FORMAT_H
#define FAKE_FORMAT_H

#include "fake_http.h"

enum fake_format { FAKE_OPENAI, FAKE_ANTHROPIC, FAKE_OLLAMA };

/* The messages of a request, the caller's; NULL with a sentence where the provider would refuse it. */
json_t *fake_format_messages(enum fake_format format, const struct fake_request *request,
                             const json_t *body, char *err, size_t err_size);

/* The format's error object, the caller's. */
json_t *fake_format_error(enum fake_format format, int status, const char *code,
                          const char *message);

/* Turns an answer's deltas into another format, one object at a time. */
struct fake_former {
    enum fake_format format;
    const char *model, *id;
    const json_t *usage; /* OpenAI's; NULL: none is told */
    bool no_done;
    void (*emit)(void *arg, const char *event, const json_t *object);
    void *arg;
    int block, calls; /* Anthropic: the block under way, -1: none; calls begun */
    bool block_is_call;
    json_t *held; /* Ollama: calls, which go out whole                     */
    const char *finish;
};
void fake_former_open(struct fake_former *former);
/* A delta as OpenAI's, and its finish_reason or NULL. */
void fake_former_delta(struct fake_former *former, const json_t *delta, const char *finish);
void fake_former_close(struct fake_former *former);

/* The whole answer where no stream was asked for, the caller's; `message` and `usage` as OpenAI's. */
json_t *fake_format_whole(enum fake_format format, const char *model, const char *id,
                          const json_t *message, const char *finish, const json_t *usage);

#endif
