/* SPDX-License-Identifier: Apache-2.0
 *
 * Days of the calendar, as price tables and providers write them.
 */
#ifndef LLM_DAY_H
#define LLM_DAY_H

#include <stdint.h>

/* Days since 1970-01-01 of "YYYY-MM-DD"; -1 for anything else, also for February 30. */
int64_t llm_day(const char *text);

#endif
