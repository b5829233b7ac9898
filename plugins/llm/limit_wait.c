/* SPDX-License-Identifier: Apache-2.0 */
#include "limit_wait.h"

#include "errors.h"
#include "retry.h"
#include "spare.h"

troupe_status llm_limit_wait(troupe_turn *turn, int64_t wait_ms, int64_t first_token_ms, int own,
                             const char *why)
{
    int64_t wait = wait_ms;
    troupe_status status;

    if (wait > LLM_LIMIT_WAIT_MS || wait > first_token_ms)
        return 0;
    wait += troupe_random(turn, LLM_LIMIT_SPREAD_MS);
    status = llm_spare(turn, wait + LLM_RETRY_MARGIN_MS);
    if (status <= 0)
        return status;
    troupe_reason(turn, "llm.waited", "%s; again in %lld ms", why, (long long)wait);
    if (own && !troupe_replayed(turn))
        troupe_metric(turn, "limits", 1, "waited", NULL);
    status = troupe_sleep(turn, (uint64_t)wait);
    return status < 0 ? status : 1;
}

troupe_status llm_limit_refuse(troupe_turn *turn, int64_t wait_ms)
{
    if (!troupe_replayed(turn))
        troupe_metric(turn, "limits", 1, "refused", NULL);
    return llm_fail(turn, &llm_kind_at_limit, wait_ms);
}
