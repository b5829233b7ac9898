/* SPDX-License-Identifier: Apache-2.0 */
#include "talk.h"

#include "log.h"

#include <stdio.h>

static void log_failure(const struct llm_round *round, int64_t attempt)
{
    char what[64];

    snprintf(what, sizeof(what), "attempt %lld of %lld", (long long)attempt,
             (long long)round->settings->attempts);
    llm_log_failure(round->settings, what, round->kind, round->http_status, &round->stream.error,
                    round->key);
}

void llm_talk_count(struct llm_talk *talk)
{
    struct llm_candidate *candidate = &talk->agent->candidates[talk->candidate];

    llm_round_count(talk->round, &candidate->health,
                    &talk->agent->router.links[candidate->provider]);
}

void llm_talk_note(troupe_turn *turn, const struct llm_talk *talk)
{
    const struct llm_round *round = talk->round;

    if (round->replayed)
        return;
    llm_router_note(&talk->agent->router, (uint32_t)talk->candidate, round->key, round->kind,
                    round->retry_after_ms, round->first_ms, round->total_ms);
    if (!round->adapted)
        llm_alert_watch(turn, &talk->agent->candidates[talk->candidate].alert, round->settings,
                        round->kind, llm_clock_now(turn, &talk->clock));
}

void llm_talk_note_failure(troupe_turn *turn, const struct llm_talk *talk)
{
    if (talk->round->replayed)
        return;
    log_failure(talk->round, talk->attempt);
    troupe_metric(turn, "errors", 1, talk->round->kind->name, NULL);
    llm_talk_note(turn, talk);
}

void llm_talk_note_silence(troupe_turn *turn, const struct llm_talk *talk)
{
    struct llm_round *round = talk->round;

    round->kind = &llm_kind_slow;
    llm_talk_note_failure(turn, talk);
    round->kind = NULL;
}

void llm_talk_note_lost(troupe_turn *turn, struct llm_talk *talk, const struct llm_race_ask *ask,
                        int64_t candidate, uint32_t key)
{
    struct llm_candidate *lost = &talk->agent->candidates[candidate];
    const struct llm_kind *kind = ask->lost_kind;

    talk->tried |= 1u << candidate;
    if (ask->lost_replayed)
        return;
    troupe_log(lost->settings.host, TROUPE_LOG_WARN,
               "a question beside another model failed: %s %s (%s), model \"%s\"", kind->code,
               kind->name, llm_category_name(kind->category), lost->settings.model);
    troupe_metric(turn, "errors", 1, kind->name, NULL);
    llm_router_note(&talk->agent->router, (uint32_t)candidate, key, kind, ask->lost_retry_ms, 0, 0);
    if (!ask->lost_adapted)
        llm_alert_watch(turn, &lost->alert, &lost->settings, kind,
                        llm_clock_now(turn, &talk->clock));
}
