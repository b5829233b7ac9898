/* SPDX-License-Identifier: Apache-2.0 */
#include "talk.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define KEY_ARGS_MAX 160 /* bytes of the arguments of llm-key */

static troupe_status go_elsewhere(troupe_turn *turn, struct llm_talk *talk,
                                  const struct llm_kind *kind, int64_t retry_after_ms)
{
    struct llm_round *round = talk->round;
    struct llm_choice choice = {.candidate = -1};
    troupe_status status = TROUPE_OK;

    round->kind = kind;
    round->shown = round->asked = 0;
    round->retry_after_ms = retry_after_ms;
    round->replayed = (uint8_t)troupe_replayed(turn); /* what refused it */
    llm_talk_count(talk);
    talk->tried |= 1u << talk->candidate;
    if (!round->replayed)
        troupe_metric(turn, "errors", 1, round->kind->name, NULL);
    if (llm_router_chooses(&talk->agent->router))
        status = llm_talk_choose(turn, talk, talk->candidate, 0, -1, &choice);
    if (status < 0)
        return status;
    if (choice.candidate < 0 || choice.candidate == talk->candidate)
        return llm_talk_fail(turn, talk);
    troupe_reason(turn, "llm.fallback", "%s is %s; asking %s", round->settings->model,
                  kind == &llm_kind_full ? "full" : "at its limit",
                  talk->agent->candidates[choice.candidate].settings.model);
    llm_talk_turn_to(talk, &choice);
    return TROUPE_OK;
}

troupe_status llm_talk_stay(troupe_turn *turn, struct llm_talk *talk)
{
    struct llm_round *round = talk->round;
    struct llm_choice choice;
    char args[KEY_ARGS_MAX];
    troupe_status status;

    talk->tokens = (int64_t)llm_estimate_request(round->request);
    for (int n = 0;; n++) {
        memset(&choice, 0, sizeof(choice));
        choice.candidate = talk->candidate;
        choice.key = round->key;
        choice.wait_ms = -1;
        snprintf(args, sizeof(args),
                 "{\"candidate\":%" PRId64 ",\"key\":%" PRIu32 ",\"tokens\":%" PRId64
                 ",\"max_tokens\":%" PRId64 "}",
                 talk->candidate, round->key, talk->tokens, (int64_t)round->request->max_tokens);
        status = llm_talk_ask_own(turn, talk, LLM_KEY_FUNCTION, args, &choice);
        if (status < 0)
            return status;
        if (choice.candidate >= 0) {
            llm_talk_take_key(talk, &choice);
            return 1;
        }
        status = n < LLM_LIMIT_WAITS_MAX ? llm_talk_wait(turn, talk, &choice) : 0;
        if (status < 0)
            return status;
        if (status == 0)
            return go_elsewhere(turn, talk, choice.kind ? choice.kind : &llm_kind_at_limit,
                                choice.wait_ms);
    }
}

struct llm_pool *llm_talk_pool(const struct llm_talk *talk)
{
    struct llm_pool *pool = &talk->agent->pools[talk->agent->candidates[talk->candidate].provider];
    const struct llm_price *price = &talk->tariff.price;

    return pool->size > 0 && talk->round->settings->is_local && price->input == 0 &&
                   price->output == 0
               ? pool
               : NULL;
}

troupe_status llm_talk_take_place(troupe_turn *turn, struct llm_talk *talk)
{
    char args[48];
    troupe_str result = {NULL, 0};
    troupe_status status;

    snprintf(args, sizeof(args), "{\"provider\":%u}",
             talk->agent->candidates[talk->candidate].provider);
    status = troupe_call(turn, LLM_PLACE_FUNCTION, (troupe_str){args, strlen(args)}, &result);
    if (status < 0 && troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    if (status < 0 || memmem(result.ptr, (size_t)result.len, "true", 4))
        return 1; /* what cannot be asked keeps nobody from asking */
    return go_elsewhere(turn, talk, &llm_kind_full, -1);
}
