/* SPDX-License-Identifier: Apache-2.0 */
#include "talk.h"

#include "retry.h"

#define ADAPTATIONS_MAX 4 /* parameters that a provider may refuse, one after the other */

/* How often it is asked in all: each other model once more, and each other key where one is to blame. */
static int64_t attempts_of(const struct llm_talk *talk)
{
    const struct llm_settings *settings = talk->round->settings;
    const int keys = llm_kind_blames_key(talk->round->kind) ? settings->key_count : 0;

    return settings->attempts + (int64_t)talk->agent->router.count - 1 + (keys > 1 ? keys - 1 : 0);
}

troupe_status llm_talk_go_on(troupe_turn *turn, struct llm_talk *talk)
{
    struct llm_round *round = talk->round;
    const int64_t last = talk->candidate;
    int64_t wait = -1;
    struct llm_choice choice;
    troupe_status status;

    llm_talk_note_failure(turn, talk);
    if (llm_kind_cannot_see(round->kind))
        talk->agent->candidates[last].blind = 1;
    if (round->adapted && talk->adaptations++ < ADAPTATIONS_MAX) {
        troupe_reason(turn, "llm.adapted", "the provider refused a parameter; asking without");
        return TROUPE_OK;
    }
    if (round->shown || round->kind->retry == LLM_STOP || talk->attempt >= attempts_of(talk))
        return llm_talk_fail(turn, talk);
    if (round->retryable) {
        status = llm_retry_plan(turn, talk->attempt, round->settings->attempts,
                                round->retry_after_ms, &wait);
        if (status < 0)
            return status;
    }
    if (wait < 0 && !llm_router_chooses(&talk->agent->router))
        return llm_talk_fail(turn, talk);
    if (!llm_kind_blames_key(round->kind))
        talk->tried |= 1u << last;
    status = llm_talk_choose(turn, talk, last, wait >= 0, wait >= 0 ? last : -1, &choice);
    if (status < 0)
        return status;
    if (choice.candidate < 0)
        return llm_talk_fail(turn, talk);
    if (choice.candidate == last && (uint32_t)choice.key == round->key) {
        if (wait < 0)
            return llm_talk_fail(turn, talk);
        troupe_reason(turn, "llm.retry", "%s in attempt %lld; again in %lld ms", round->kind->code,
                      (long long)talk->attempt, (long long)wait);
        llm_talk_take_key(talk, &choice);
        status = troupe_sleep(turn, (uint64_t)wait);
        if (status < 0)
            return status;
    } else {
        troupe_reason(turn, "llm.fallback", "%s failed (%s); asking %s%s", round->settings->model,
                      round->kind->name, talk->agent->candidates[choice.candidate].settings.model,
                      choice.candidate == last ? " with another key" : "");
        llm_talk_turn_to(talk, &choice);
    }
    talk->attempt++;
    return TROUPE_OK;
}

troupe_status llm_talk_go_cheaper(troupe_turn *turn, struct llm_talk *talk, troupe_status refusal)
{
    const char *model = talk->round->settings->model;
    struct llm_choice choice;
    troupe_status status;

    talk->tried |= 1u << talk->candidate;
    status = llm_talk_choose(turn, talk, talk->candidate, 0, -1, &choice);
    if (status < 0)
        return status;
    if (choice.candidate < 0 || choice.candidate == talk->candidate)
        return refusal;
    troupe_reason(turn, "llm.cheaper", "no money for %s; asking %s", model,
                  talk->agent->candidates[choice.candidate].settings.model);
    llm_talk_turn_to(talk, &choice);
    return TROUPE_OK;
}
