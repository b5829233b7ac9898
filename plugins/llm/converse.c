/* SPDX-License-Identifier: Apache-2.0 */
#include "converse.h"

#include "actions.h"
#include "race.h"
#include "shape.h"
#include "talk.h"

/* One round, with a second model beside it where the first one keeps silent. */
static troupe_status ask_one(troupe_turn *turn, struct llm_talk *talk)
{
    struct llm_router *router = &talk->agent->router;
    const uint32_t key = talk->round->key;
    struct llm_race_ask *ask;
    troupe_status status;

    if (!talk->round->settings->hedge_ms)
        return llm_round_run(turn, talk->round);
    ask = troupe_turn_alloc(turn, sizeof(*ask));
    if (!ask)
        return TROUPE_NOMEM;
    ask->ask = (struct llm_ask){.route = talk->route,
                                .tokens = talk->tokens,
                                .max_tokens = talk->round->request->max_tokens,
                                .complexity = talk->complexity,
                                .tried = talk->tried,
                                .prefer = talk->prefer,
                                .last = talk->candidate,
                                .pictures = talk->round->request->pictures != NULL};
    ask->now_ms = talk->clock.now_ms;
    status = llm_race_run(turn, talk->agent, talk->round, ask, &talk->tariff);
    talk->cost_micros += ask->lost_micros;
    if (ask->other_won) {
        if (ask->lost_kind)
            llm_talk_note_lost(turn, talk, ask, talk->candidate, key);
        else if (!ask->lost_replayed)
            llm_health_slow(&router->candidates[talk->candidate].health, ask->lost_ms);
        talk->candidate = ask->other;
        talk->adaptations = 0;
    } else if (ask->other >= 0 && ask->lost_kind) {
        llm_talk_note_lost(turn, talk, ask, ask->other, ask->key);
    }
    return status;
}

static troupe_status run(troupe_turn *turn, struct llm_talk *talk)
{
    struct llm_round *round = talk->round;
    troupe_status status;

    for (;;) {
        struct llm_pool *pool = llm_talk_pool(talk);

        if (round->taken.at_ms == 0 && talk->counts) {
            status = llm_talk_stay(turn, talk);
            if (status < 0)
                return status;
            if (status == 0)
                continue;
        }
        if (pool) {
            status = llm_talk_take_place(turn, talk);
            if (status < 0)
                return status;
            if (status == 0)
                continue;
        }
        round->now_ms = llm_clock_now(turn, &talk->clock);
        status = ask_one(turn, talk);
        if (pool)
            llm_pool_leave(pool, troupe_turn_id(turn));
        llm_talk_count(talk);
        if (status >= 0) {
            llm_talk_note(turn, talk);
            if (!round->replayed)
                llm_shape_learn(&talk->agent->candidates[talk->candidate].shape, round->request);
            if (llm_actions_used(round->request) && !round->request->no_calls) {
                status = llm_actions_take(&round->stream);
                if (status < 0)
                    return status;
            }
            if (!llm_talk_asks_for_tools(talk) && round->request->schema) {
                status = llm_talk_take_json(turn, talk);
                if (status < 0)
                    return status;
                if (status == 0)
                    continue;
            }
            if (!llm_talk_asks_for_tools(talk))
                return llm_talk_give(turn, talk,
                                     round->stream.full        ? "length"
                                     : round->stream.finish[0] ? round->stream.finish
                                                               : "stop");
            status = llm_talk_use_tools(turn, talk);
            if (status < 0)
                return status;
            continue;
        }
        if (round->silent)
            llm_talk_note_silence(turn, talk);
        if (round->kind)
            status = llm_talk_go_on(turn, talk);
        else if (status == TROUPE_BUDGET && llm_router_chooses(&talk->agent->router))
            status = llm_talk_go_cheaper(turn, talk, status);
        if (status < 0)
            return status;
    }
}

troupe_status llm_converse(troupe_turn *turn, struct llm_agent *agent, enum llm_route route,
                           uint32_t prefer, struct llm_round *round)
{
    const struct llm_clock clock = llm_clock_look(turn);
    struct llm_talk talk = {.agent = agent,
                            .round = round,
                            .route = route,
                            .prefer = prefer,
                            .tokens = (int64_t)llm_estimate_request(round->request),
                            .complexity = llm_complexity(round->request->messages),
                            .clock = clock,
                            .attempt = 1};
    struct llm_choice choice;
    troupe_status status;

    if (!troupe_replayed(turn))
        llm_router_earn(&agent->router);
    if (round->request->tools) {
        talk.before = troupe_turn_alloc(turn, LLM_TEXT_MAX);
        if (!talk.before)
            return TROUPE_NOMEM;
    }
    status = llm_talk_begin(turn, &talk, &choice);
    if (status < 0)
        return status;
    if (choice.candidate < 0)
        return llm_talk_fail_unasked(turn, &talk, &choice);
    llm_talk_turn_to(&talk, &choice);
    round->holds_all = round->request->schema != NULL;
    status = run(turn, &talk);
    json_decref(talk.json);
    return status;
}
