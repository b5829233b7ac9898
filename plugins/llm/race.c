/* SPDX-License-Identifier: Apache-2.0 */
#include "race.h"

#include "hedge.h"
#include "shape.h"

#include <stdio.h>
#include <string.h>

enum { FIRST, SECOND };

/* In the turn's memory: where the turn ends, a child may still look at it. */
struct race {
    struct llm_agent *agent;
    struct llm_race_ask *ask;
    struct llm_round *rounds[2];
    struct llm_round second;
    struct llm_request request; /* of the second; its parts are the first's */
    struct llm_tariff tariff;
    troupe_task *tasks[2];
    troupe_status status[2];
    int64_t delay;
    int winner; /* -1: none yet */
    uint8_t over, sent;
};

/* ---- what is recorded ---------------------------------------------------------------------------*/

/* Calls a function of the agent's own; NULL where nothing came of it. */
static json_t *call_own(troupe_turn *turn, const char *name, json_t *args)
{
    LLM_CLEANUP_JSON json_t *owned = args;
    LLM_CLEANUP_TEXT char *text = llm_json_print(owned, 0);
    troupe_str result = {NULL, 0};

    if (!text || (troupe_call)(turn, name, (troupe_str){text, strlen(text)}, &result) < 0)
        return NULL;
    return llm_json_load(result.ptr, result.len);
}

static json_t *ask_hedge(troupe_turn *turn, const struct race *race, int due)
{
    const struct llm_ask *ask = &race->ask->ask;

    return call_own(turn, LLM_HEDGE_FUNCTION,
                    json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b}", "route",
                              llm_route_name(ask->route), "tokens", (json_int_t)ask->tokens,
                              "max_tokens", (json_int_t)ask->max_tokens, "complexity",
                              (json_int_t)ask->complexity, "tried", (json_int_t)ask->tried,
                              "prefer", (json_int_t)ask->prefer, "candidate", (json_int_t)ask->last,
                              "key", (json_int_t)race->rounds[FIRST]->key, "pictures",
                              ask->pictures, "due", due));
}

static int64_t number(const json_t *tree, const char *key, int64_t otherwise)
{
    const json_t *value = json_object_get(tree, key);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

troupe_status llm_race_hedge(troupe_turn *turn, struct llm_agent *agent, const struct llm_ask *ask,
                             int64_t key, int due)
{
    const struct llm_settings *asked = &agent->candidates[ask->last].settings;
    struct llm_choice choice;
    char result[LLM_CHOICE_MAX];

    if (!due) {
        snprintf(result, sizeof(result), "{\"delay\":%lld}",
                 (long long)llm_hedge_delay(&agent->router, (uint32_t)ask->last,
                                            troupe_time_left(turn)));
        return troupe_result(turn, result, strlen(result));
    }
    llm_hedge_choose(&agent->router, ask, key, troupe_now(turn), &choice);
    if (choice.candidate < 0)
        troupe_reason(turn, "llm.hedge",
                      "%s has given no first token yet, and nobody else is asked: %s", asked->model,
                      choice.why);
    else
        troupe_reason(turn, "llm.hedge", "%s has given no first token yet; asking %s%s, too",
                      asked->model, agent->candidates[choice.candidate].settings.model,
                      choice.candidate == ask->last ? " with another key" : "");
    llm_choice_write(agent->candidates, &choice, result);
    return troupe_result(turn, result, strlen(result));
}

troupe_status llm_race_first(troupe_turn *turn, troupe_str model, int won, int sent)
{
    const char *result = won ? "{\"won\":true}" : "{\"won\":false}";

    if (won && sent)
        troupe_reason(turn, "llm.hedge", "%.*s was first", (int)model.len, model.ptr);
    return troupe_result(turn, result, strlen(result));
}

/* ---- the two ------------------------------------------------------------------------------------*/

/* What one of the two says when it has its first token, and what stands. */
struct word {
    const char *model;
    int won, sent;
};

static troupe_status say_first(troupe_turn *turn, void *arg)
{
    struct word *word = arg;
    LLM_CLEANUP_JSON json_t *said = call_own(
        turn, LLM_FIRST_FUNCTION,
        json_pack("{s:s, s:b, s:b}", "model", word->model, "won", word->won, "sent", word->sent));
    const json_t *won = json_object_get(said, "won");

    if (json_is_boolean(won)) /* what was so before a restart stands */
        word->won = json_is_true(won);
    return TROUPE_OK;
}

/* Before anything of an answer is handed out: TROUPE_CANCELED where the other one was first. */
static troupe_status first(troupe_turn *turn, struct llm_round *round)
{
    struct race *race = round->arg;
    const int who = round == race->rounds[FIRST] ? FIRST : SECOND, other = !who;
    struct word *word = troupe_turn_alloc(turn, sizeof(*word));
    troupe_task *task;
    troupe_status status;

    if (!word)
        return TROUPE_NOMEM;
    if (race->winner < 0)
        race->winner = who;
    *word = (struct word){round->settings->model, race->winner == who, race->sent};
    /* In a child, as it has no ordinal among the calls here: a round that a restart cut says nothing, and
     * the next call stands where this one stood. */
    status = troupe_spawn(turn, say_first, word, &task);
    if (status >= 0)
        status = troupe_join(turn, task);
    if (status < 0 && troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    race->winner = word->won ? who : other;
    if (race->winner != who)
        return TROUPE_CANCELED;
    return race->tasks[other] ? troupe_stop(turn, race->tasks[other]) : TROUPE_OK;
}

static troupe_status run_first(troupe_turn *turn, void *arg)
{
    struct race *race = arg;

    race->status[FIRST] = llm_round_run(turn, race->rounds[FIRST]);
    race->over = 1;
    /* It failed before anybody else was asked: that is for the caller to do, and at once. */
    if (race->tasks[SECOND] && !race->sent)
        (void)troupe_stop(turn, race->tasks[SECOND]);
    return race->status[FIRST];
}

/* Readies the second round; 0 where there is nobody to ask. */
static int aim(troupe_turn *turn, struct race *race)
{
    LLM_CLEANUP_JSON json_t *choice = ask_hedge(turn, race, 1);
    const int64_t index = number(choice, "candidate", -1), key = number(choice, "key", 0);
    struct llm_round *round = &race->second;
    const struct llm_candidate *candidate;
    char *buffer;

    if (index < 0 || index >= (int64_t)race->agent->router.count || key < 0 || key >= LLM_KEYS_MAX)
        return 0;
    buffer = troupe_turn_alloc(turn, LLM_EVENT_MAX + LLM_TEXT_MAX);
    if (!buffer)
        return 0;
    candidate = &race->agent->candidates[index];
    race->request = *race->rounds[FIRST]->request;
    llm_request_turn_to(&race->request, &candidate->settings);
    llm_shape_begin(&race->request,
                    (uint32_t)number(choice, "shape", llm_shape_bits(&candidate->shape)));
    race->tariff = llm_tariff_find(&candidate->settings, race->ask->now_ms);
    round->settings = &candidate->settings;
    round->request = &race->request;
    round->tariff = &race->tariff;
    round->key = (uint32_t)key;
    round->taken = (struct llm_taken){number(choice, "at", 0),
                                      {race->ask->ask.tokens, race->ask->ask.max_tokens, 0}};
    round->now_ms = race->rounds[FIRST]->now_ms;
    round->used = race->rounds[FIRST]->used;
    round->holds_all = race->rounds[FIRST]->holds_all;
    round->event_buffer = buffer;
    round->text_buffer = buffer + LLM_EVENT_MAX;
    race->ask->other = index;
    race->ask->key = round->key;
    return 1;
}

static troupe_status run_second(troupe_turn *turn, void *arg)
{
    struct race *race = arg;
    struct llm_round *round = &race->second;
    troupe_status status = troupe_sleep(turn, (uint64_t)race->delay);

    if (status < 0 || !aim(turn, race))
        return race->status[SECOND] = status;
    race->sent = 1;
    status = llm_round_run(turn, round);
    if (status < 0 && !round->kind && !round->lost && troupe_turn_status(turn) >= 0) {
        race->sent = 0;
        if (!round->replayed)
            llm_hedge_return(&race->agent->router);
        troupe_reason(turn, "llm.hedge", "%s was not asked: %s", round->settings->model,
                      status == TROUPE_BUDGET ? "no money for it" : "the host refused it");
    } else if (!round->replayed) {
        troupe_metric(turn, "hedges", 1, "sent", NULL);
    }
    return race->status[SECOND] = status;
}

/* ---- what came of it ----------------------------------------------------------------------------*/

/* The caller's round becomes the second one; its buffers stay. */
static void take_second(struct race *race, struct llm_tariff *tariff)
{
    struct llm_round *round = race->rounds[FIRST], first_one = *round;
    struct llm_stream *stream = &round->stream;

    llm_stream_clear(stream);
    *round = race->second;
    /* What it holds is the caller's now. */
    memset(&race->second.stream, 0, sizeof(race->second.stream));
    round->event_buffer = first_one.event_buffer;
    round->text_buffer = first_one.text_buffer;
    round->request = first_one.request;
    *round->request = race->request;
    *tariff = race->tariff;
    round->tariff = tariff;
    if (stream->text)
        memcpy(round->text_buffer, stream->text, stream->len);
    stream->text = round->text_buffer;
}

/* The turn ended before anybody had a first token. Those that are still asked may not know it yet. */
static void note_silence(troupe_turn *turn, struct race *race)
{
    struct llm_round *round = race->rounds[FIRST];

    if (race->winner >= 0)
        return;
    round->silent = !round->kind && llm_round_is_silent(turn, round);
    if (race->sent && !race->second.kind && llm_round_is_silent(turn, &race->second)) {
        race->ask->lost_kind = &llm_kind_slow;
        race->ask->lost_retry_ms = -1;
        race->ask->lost_replayed = race->second.replayed;
    }
}

/* What the one came to whose answer is not taken. */
static void count_lost(struct race *race, int64_t candidate, struct llm_round *round)
{
    struct llm_candidate *model = &race->agent->candidates[candidate];
    struct llm_race_ask *ask = race->ask;

    llm_round_count(round, &model->health, &race->agent->router.links[model->provider]);
    ask->lost_micros = round->cost_micros;
    ask->lost_kind = round->lost ? NULL : round->kind;
    ask->lost_adapted = round->adapted;
    ask->lost_retry_ms = round->retry_after_ms;
    ask->lost_replayed = round->replayed;
}

static troupe_status end(troupe_turn *turn, struct race *race, struct llm_tariff *tariff)
{
    struct llm_race_ask *ask = race->ask;
    struct llm_round *round = race->rounds[FIRST];
    const struct llm_round *second = &race->second;

    if (troupe_turn_status(turn) < 0) {
        note_silence(turn, race);
        return troupe_turn_status(turn);
    }
    /* Of a winner that a restart cut no first token may be known; that the other was stopped is. */
    if (race->winner == SECOND ||
        (race->winner < 0 && round->lost && race->sent && !second->lost)) {
        ask->other_won = 1;
        count_lost(race, ask->ask.last, round);
        ask->lost_ms = round->total_ms;
        if (!second->replayed)
            troupe_metric(turn, "hedges", 1, "won", NULL);
        take_second(race, tariff);
        return race->status[SECOND];
    }
    if (ask->other >= 0)
        count_lost(race, ask->other, &race->second);
    if (!race->sent)
        ask->other = -1;
    if (race->status[FIRST] == TROUPE_BUDGET && !round->kind)
        return llm_refused(turn, round->tariff, round->request);
    return race->status[FIRST];
}

troupe_status llm_race_run(troupe_turn *turn, struct llm_agent *agent, struct llm_round *round,
                           struct llm_race_ask *ask, struct llm_tariff *tariff)
{
    LLM_CLEANUP_JSON json_t *said = NULL;
    struct race *race = NULL;
    troupe_status status;
    int64_t delay = -1;

    ask->other = -1;
    if (round->settings->hedge_ms && TROUPE_HAS(turn->api, stop) && turn->api->stop &&
        troupe_budget(turn))
        race = troupe_turn_alloc(turn, sizeof(*race));
    if (race) {
        race->agent = agent;
        race->ask = ask;
        race->rounds[FIRST] = round;
        race->rounds[SECOND] = &race->second;
        race->winner = -1;
        said = ask_hedge(turn, race, 0);
        if (troupe_turn_status(turn) < 0)
            return troupe_turn_status(turn);
        delay = number(said, "delay", -1);
    }
    if (delay < 0)
        return llm_round_run(turn, round);
    race->delay = delay;
    round->first = race->second.first = first;
    round->arg = race->second.arg = race;
    status = troupe_spawn(turn, run_first, race, &race->tasks[FIRST]);
    if (status >= 0) {
        if (troupe_spawn(turn, run_second, race, &race->tasks[SECOND]) < 0)
            race->tasks[SECOND] = NULL;
        else if ((race->over || race->winner == FIRST) && !race->sent)
            (void)troupe_stop(turn, race->tasks[SECOND]);
        if (race->tasks[SECOND])
            (void)troupe_join(turn, race->tasks[SECOND]);
        (void)troupe_join(turn, race->tasks[FIRST]); /* last: its words are those of a failure */
        for (int i = SECOND; i >= FIRST; i--)
            if (race->tasks[i])
                (void)troupe_stop(turn, race->tasks[i]);
        status = end(turn, race, tariff);
    } else if (troupe_turn_status(turn) >= 0) { /* no coroutine is free */
        round->first = NULL;
        status = llm_round_run(turn, round);
    }
    round->first = NULL;
    llm_stream_clear(&race->second.stream);
    return status;
}
