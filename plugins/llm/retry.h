/* SPDX-License-Identifier: Apache-2.0
 *
 * When to ask again, and how long to wait before: as the providers' own clients do, but never
 * beyond what is left of the turn.
 */
#ifndef LLM_RETRY_H
#define LLM_RETRY_H

#include <stdint.h>
#include <troupe/troupe.h>

#define LLM_RETRY_FIRST_MS 500
#define LLM_RETRY_MOST_MS  8000
#define LLM_RETRY_AFTER_MAX_MS                                                                     \
    ((int64_t)120000)                       /* a provider that asks for more is not waited for */
#define LLM_RETRY_MARGIN_MS ((int64_t)2000) /* of the turn that must be left for the answer */

/* Milliseconds that `retry-after-ms` or `retry-after` ask for, -1 without either. `text` is seconds
 * (also with a fraction) or an HTTP date, which `now_ms` is compared with. */
int64_t llm_retry_after_ms(troupe_str milliseconds);
int64_t llm_retry_after(troupe_str text, int64_t now_ms);
/* What an answer asks for, by the first of these headers that can be read; -1: it does not. [turn] */
int64_t llm_retry_told(troupe_turn *turn, const troupe_http *http);
/* Milliseconds since 1970 of an HTTP date ("Wed, 21 Oct 2026 07:28:00 GMT"); -1 for anything else. */
int64_t llm_retry_date(troupe_str text);

/* The wait before attempt `attempt` + 1 (counted from 1): 0.5 s doubled up to 8 s, less up to a
 * quarter of it by `random` (0 to 999). */
int64_t llm_retry_backoff(int64_t attempt, int64_t random);

/* The wait, or -1 when another attempt makes no sense. */
int64_t llm_retry_wait(int64_t attempt, int64_t attempts, int64_t after_ms, int64_t random);
/* The same into `ret`, -1 also where the turn has not so much time left (spare.h); below 0: why the turn has
 * ended. [turn, waits] */
troupe_status llm_retry_plan(troupe_turn *turn, int64_t attempt, int64_t attempts, int64_t after_ms,
                             int64_t *ret);

#endif
