/* SPDX-License-Identifier: Apache-2.0
 *
 * A provider's failure in the log: its own words go nowhere else.
 */
#ifndef LLM_LOG_H
#define LLM_LOG_H

#include "errors.h"
#include "settings.h"

/* `what` failed. `key` is named where the provider has several; -1: it is not. */
void llm_log_failure(const struct llm_settings *settings, const char *what,
                     const struct llm_kind *kind, uint32_t http_status,
                     const struct llm_provider_error *error, int64_t key);

#endif
