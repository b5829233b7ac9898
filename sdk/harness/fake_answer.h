/* SPDX-License-Identifier: Apache-2.0
 *
 * From a rule and a chat request to the plan of the answer, whole or as server-sent events.
 */
#ifndef FAKE_ANSWER_H
#define FAKE_ANSWER_H

#include "fake_format.h"
#include "fake_plan.h"
#include "fake_script.h"
#include "fake_text.h"
#include "fake_thoughts.h"

struct fake_chat {
    enum fake_format format;
    struct fake_talk talk;
    const json_t *rule; /* NULL: the default echo */
    const char *model;
    enum fake_thinking thinking; /* at this request */
    bool stream, include_usage, gzip_accepted;
    int64_t max_tokens; /* 0: no bound; a word counts as one token */
};

/* Adds a rule's "headers" to the head of an answer. */
void fake_put_headers(struct fake_text *head, const json_t *rule);
struct fake_plan *fake_answer_chat(const struct fake_chat *chat);
/* A plan that answers with JSON; takes the reference of `body`. */
struct fake_plan *fake_answer_json(int status, json_t *body);
/* OpenAI's error object, with what `rule` says about it (NULL: nothing). */
struct fake_plan *fake_answer_error(int status, const char *code, const char *message,
                                    const json_t *rule);
/* The same as another format has it. */
struct fake_plan *fake_answer_error_in(enum fake_format format, int status, const char *code,
                                       const char *message, const json_t *rule);
/* Status, redirect, hang and cut before the headers, for any endpoint; NULL: none of them. */
struct fake_plan *fake_answer_early_fault(enum fake_format format, const json_t *rule);

#endif
