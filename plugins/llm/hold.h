/* SPDX-License-Identifier: Apache-2.0
 *
 * What of an answer that is still coming may be shown. Members see neither a JSON value before it was
 * checked, nor the actions that a model without tools writes into its text:
 *
 *     ```json
 *     {"action": "roll", "params": {"sides": 6}, "confirm": true}
 *     ```
 */
#ifndef LLM_HOLD_H
#define LLM_HOLD_H

#include "json.h"

#include <stdint.h>

enum llm_hold {
    LLM_HOLD_NOTHING,
    LLM_HOLD_ACTIONS,
    LLM_HOLD_ALL,
};

#define LLM_ACTION_MAX ((size_t)16 * 1024) /* bytes; what is longer is a text like any other */

/* How many bytes from `from` on may be shown now, and how many behind them never: an action. Both 0: wait for
 * more, or with `ended` there is none. */
size_t llm_hold_next(enum llm_hold hold, const char *text, size_t len, size_t from, int ended,
                     size_t *ret_skip);

/* The next action in a whole text from `from` on: the value, which is the caller's, and its place with the
 * fence. NULL where there is none. */
json_t *llm_hold_action(const char *text, size_t len, size_t from, size_t *ret_start,
                        size_t *ret_end);

#endif
