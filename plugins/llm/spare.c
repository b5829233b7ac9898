/* SPDX-License-Identifier: Apache-2.0 */
#include "spare.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static const char yes[] = "{\"spare\":true}", no[] = "{\"spare\":false}";

troupe_status llm_spare(troupe_turn *turn, int64_t ms)
{
    troupe_str result = {NULL, 0};
    char args[48];
    troupe_status status;

    snprintf(args, sizeof(args), "{\"ms\":%" PRId64 "}", ms);
    if (troupe_call(turn, LLM_SPARE_FUNCTION, (troupe_str){args, strlen(args)}, &result) < 0) {
        status = troupe_turn_status(turn);
        return status < 0 ? status : ms <= troupe_time_left(turn);
    }
    return result.len == sizeof(yes) - 1 && memcmp(result.ptr, yes, sizeof(yes) - 1) == 0;
}

troupe_status llm_spare_answer(troupe_turn *turn, int64_t ms)
{
    return ms <= troupe_time_left(turn) ? troupe_result(turn, yes, sizeof(yes) - 1)
                                        : troupe_result(turn, no, sizeof(no) - 1);
}
