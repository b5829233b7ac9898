/* SPDX-License-Identifier: Apache-2.0
 *
 * What a provider tells in its headers that a key may still ask of a model, and until when. A key with nothing
 * left, or less than a call is taken for, is passed over until then, without having it refused first.
 *
 * OpenAI (developers.openai.com/api/docs/guides/rate-limits) and Groq (console.groq.com/docs/rate-limits):
 * `x-ratelimit-remaining-requests` and `-tokens`, `x-ratelimit-reset-…` of each as a span of time ("1s", "6m0s",
 * "17ms", "2m59.56s"). Azure's is a number of seconds, and others' a time of RFC 3339. Some name no kind
 * (`x-ratelimit-remaining`, which are requests), with seconds or milliseconds since 1970. Anthropic
 * (platform.claude.com/docs/en/api/rate-limits): `anthropic-ratelimit-requests-remaining` and `-reset`, the same of
 * `tokens`, `input-tokens` and `output-tokens`, where reset is a time of RFC 3339. All of them are of a key and a
 * model, and say when all is there again.
 *
 * Both call their limits buckets that fill up evenly. So a key may be asked again sooner than at its reset where so
 * much should be back: that is counted on only where nobody else may be asked, and where the limit itself is told
 * (`…-limit…`), as some providers give all of it back at once.
 *
 * A number that cannot be read, a negative one (Azure's for "not known") and a time that has passed count for
 * nothing. No time is later than LLM_ALLOWANCE_MOST_MS, whatever it says; what is, as our clock was set back, is
 * forgotten.
 */
#ifndef LLM_ALLOWANCE_H
#define LLM_ALLOWANCE_H

#include "settings.h"
#include "window.h"

#include <troupe/troupe.h>

#define LLM_ALLOWANCE_MOST_MS ((int64_t)3600000)

enum llm_allowed_of {
    LLM_ALLOWED_REQUESTS,
    LLM_ALLOWED_TOKENS,
    LLM_ALLOWED_INPUT,
    LLM_ALLOWED_OUTPUT,
    LLM_ALLOWED_KINDS
};

/* What the headers of one answer say. */
struct llm_allowed {
    int64_t at_ms; /* when it came */
    uint32_t left[LLM_ALLOWED_KINDS];
    uint32_t reset_ms[LLM_ALLOWED_KINDS]; /* from the answer on; 0: nothing is said  */
    uint32_t gain[LLM_ALLOWED_KINDS];     /* that comes back in a minute; 0: not known */
};

/* What is known of a key. */
struct llm_allowance {
    int64_t left[LLM_ALLOWED_KINDS]; /* below 0 where more was taken since */
    uint32_t gain[LLM_ALLOWED_KINDS];
    int64_t since[LLM_ALLOWED_KINDS]; /* when that was told */
    int64_t until[LLM_ALLOWED_KINDS]; /* 0: nothing is known */
};

/* Milliseconds from `now_ms` on until a reset: a span of time, seconds, seconds or milliseconds since 1970, or a
 * time of RFC 3339. 0 for what has passed, -1 for what is none of them. */
int64_t llm_allowed_reset(troupe_str text, int64_t now_ms);
/* Times are compared with the answer's own Date, else with `now_ms`, when it came. [turn] */
void llm_allowed_read(const troupe_http_v1 *api, const troupe_http *http, enum llm_format format,
                      int64_t now_ms, struct llm_allowed *ret);

/* What an answer told, or a refusal: where that says when to try again (-1: it does not), no reset is later. A
 * question that was answered without a word of limits shows that nothing known of them holds any more. What others
 * told later stays. */
void llm_allowance_note(struct llm_allowance *allowance, const struct llm_allowed *allowed,
                        int answered, int64_t retry_after_ms);
/* A call goes out of which the next headers tell only later. */
void llm_allowance_take(struct llm_allowance *allowance, const struct llm_need *need,
                        int64_t now_ms);
/* One that was taken at `at_ms` never left; nothing where headers told something since. */
void llm_allowance_give_back(struct llm_allowance *allowance, const struct llm_need *need,
                             int64_t at_ms);
/* Milliseconds until a call may go out, as far as is known; 0: now. */
int64_t llm_allowance_wait(const struct llm_allowance *allowance, const struct llm_need *need,
                           int64_t now_ms);

#endif
