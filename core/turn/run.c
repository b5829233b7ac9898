/* SPDX-License-Identifier: Apache-2.0
 *
 * A turn's own coroutine: command or pipeline, then the end that is owed to the member. The turn's
 * work hangs on a scope of its own, so that a deadline or a stop ends the work and never the end.
 */
#include "turn/call.h"
#include "turn/pipeline.h"
#include "turn/turn.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/engine_private.h"
#include "turn/sql/turn.h"

#include <stdio.h>
#include <string.h>

/* A stage or observer at work. */
struct stage_job {
    struct turn_frame frame;
    troupe_status (*fn)(troupe_turn *turn);
};

static troupe_status stage_main(void *arg)
{
    struct stage_job *job = arg;
    struct plugin_agent *agent = job->frame.agent;
    troupe_status status;

    co_set_local(&job->frame);
    agent->running++;
    agent->calls++;
    status = job->fn(&job->frame.pub);
    agent->running--;
    if (status < 0)
        agent->failures++;
    turn_frame_clear_resources(&job->frame);
    /* A scope reports the first failure only; the verdict itself travels in the frame. */
    job->frame.verdict = status;
    return status < 0 ? status : TROUPE_OK;
}

/* Reason code and, for a failure, the sentence for the member. */
static void explain(const struct turn_frame *frame, troupe_status status, char code[64],
                    struct error *ret_why)
{
    ret_why->status = status;
    ret_why->text[0] = '\0';
    if (status >= 0) {
        snprintf(code, 64, "%s",
                 status == TROUPE_DONE   ? "done"
                 : status == TROUPE_DROP ? "drop"
                                         : "next");
        return;
    }
    if (turn_frame_explain(frame, status, code, ret_why->text))
        return;
    snprintf(code, 64, "%s", status_name(status));
    snprintf(ret_why->text, sizeof(ret_why->text), "%s",
             status == TROUPE_DEADLINE   ? "that took too long, so I stopped"
             : status == TROUPE_CANCELED ? "stopped"
                                         : "something went wrong while I worked on that; the admin "
                                           "can look it up with why");
}

/* Runs one agent of a stage to its verdict. */
static troupe_status run_agent(struct turn *turn, const struct turn_stage *stage,
                               struct plugin_agent *agent, struct error *ret_why, char code[64])
{
    struct stage_job *job;
    struct co_owner owner = {agent->owner, (uint64_t)turn->id};
    uint64_t deadline = turn->deadline, own;
    struct scope scope;
    troupe_status status, joined;

    if (!turn_agent_serves(agent, ret_why)) {
        snprintf(code, 64, "agent.disabled");
        return TROUPE_UNAVAILABLE;
    }
    job = mem_zero(1, sizeof(*job));
    if (stage->timeout_ms && (own = co_after(stage->timeout_ms)) < deadline)
        deadline = own;
    turn_frame_init(&job->frame, turn, agent, NULL);
    job->fn = agent->manifest->stage;
    scope_open(&scope, deadline);
    status = co_spawn_wait(&scope, &owner, stage_main, job, turn->deadline);
    joined = scope_close(&scope);
    if (status == TROUPE_OK)
        status = joined < 0 ? joined : job->frame.verdict;
    explain(&job->frame, status, code, ret_why);
    turn_frame_clear(&job->frame);
    mem_free(job);
    return status;
}

static void close_budget(struct turn *turn)
{
    struct error err;

    co_shield(ENGINE_STORE_MS);
    if (turn_budget_close(turn->engine->store, turn->id, turn_engine_soon(turn->engine), &err) < 0)
        log_warn("turn", "turn %lld: reservations stay open until the next start: %s",
                 (long long)turn->id, err.text);
    co_unshield();
}

static troupe_status observe_main(void *arg)
{
    struct stage_job *job = arg;
    struct turn *turn = job->frame.turn;
    troupe_status status = stage_main(job);

    if (status < 0)
        log_warn(job->frame.agent->owner, "observer failed on turn %lld: %s", (long long)turn->id,
                 job->frame.fail_text[0] ? job->frame.fail_text : status_name(status));
    if (turn->left_open && turn->observers.live == 1)
        close_budget(turn); /* the last one: what it left open, nobody will settle */
    turn_frame_clear(&job->frame);
    mem_free(job);
    return TROUPE_OK;
}

static void start_observers(struct turn *turn, const struct turn_pipeline *pipeline)
{
    if (pipeline->observer_count) {
        turn->observed = true;
        scope_open_root(turn->engine->loop, &turn->observers, turn->deadline, turn_observers_ended);
    }
    for (size_t i = 0; i < pipeline->observer_count; i++) {
        struct plugin_agent *agent = pipeline->observers[i];
        struct co_owner owner = {agent->owner, (uint64_t)turn->id};
        struct stage_job *job = mem_zero(1, sizeof(*job));

        turn_frame_init(&job->frame, turn, agent, NULL);
        job->frame.observer = true;
        job->fn = agent->manifest->observe;
        if (co_spawn(&turn->observers, &owner, observe_main, job) == TROUPE_OK)
            continue;
        turn_trace_add(&turn->trace, agent->owner, "observer.skipped", "too many coroutines");
        turn_frame_clear(&job->frame);
        mem_free(job);
    }
}

/* The chosen agent, then the fallbacks, as long as nothing was shown. */
static troupe_status run_stage(struct turn *turn, struct turn_stage *stage)
{
    struct plugin_agent *agent = turn_stage_choose(stage);
    struct error why;
    char where[96], code[64];
    size_t next = 0;

    snprintf(where, sizeof(where), "stage %s", stage->name);
    for (;;) {
        troupe_status status;

        turn_trace_add(&turn->trace, where, "start", "agent %s, plugin %s %s", agent->name,
                       agent->manifest->id, agent->manifest->version);
        status = run_agent(turn, stage, agent, &why, code);
        turn_trace_add(&turn->trace, where, code, why.text[0] ? "%s" : NULL, why.text);
        if (status >= 0)
            return status;
        if (turn->state || turn_answer_exists(turn) || co_status() < 0 ||
            next == stage->fallback_count) {
            turn_conclude(turn, status == TROUPE_CANCELED ? "interrupted" : "failed", code, "%s",
                          why.text);
            return status;
        }
        agent = stage->fallback[next++];
    }
}

static troupe_status run_pipeline(struct turn *turn, struct turn_pipeline *pipeline)
{
    for (size_t i = 0; i < pipeline->stage_count; i++) {
        struct turn_stage *stage = &pipeline->stages[i];
        const char *code;
        troupe_status status;
        char where[96];

        snprintf(where, sizeof(where), "stage %s", stage->name);
        if (!turn_stage_applies(stage, turn->event, &code)) {
            turn_trace_add(&turn->trace, where, code, NULL);
            continue;
        }
        status = run_stage(turn, stage);
        if (turn->state || co_status() < 0)
            return status; /* it was ended, whatever the stage made of that */
        if (status == TROUPE_NEXT)
            continue;
        if (status == TROUPE_DROP)
            turn_conclude(turn, "dropped", turn->drop_code[0] ? turn->drop_code : "drop", "%s",
                          turn->drop_text);
        return status;
    }
    return TROUPE_NEXT;
}

/* The part of the turn that a deadline or a stop may end. */
static troupe_status work_main(void *arg)
{
    struct turn *turn = arg;
    struct turn_pipeline *pipeline;

    if (turn_is_command(turn->set, turn->event)) {
        turn_command(turn);
        return TROUPE_OK;
    }
    pipeline = turn_pipeline_find(turn->set, turn->event->kind);
    if (!pipeline) {
        turn_conclude(turn, "refused", "no_pipeline",
                      "nothing is set up to answer a %s; the admin can add a section [pipeline %s]",
                      turn->event->kind, turn->event->kind);
        return TROUPE_OK;
    }
    if (pipeline->timeout_ms && co_after(pipeline->timeout_ms) < turn->deadline)
        turn->deadline = co_after(pipeline->timeout_ms);
    start_observers(turn, pipeline);
    run_pipeline(turn, pipeline);
    return TROUPE_OK;
}

static void store_start(struct turn *turn)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct turn_pipeline *pipeline = turn_pipeline_find(turn->set, turn->event->kind);
    struct error err;

    store_batch_add(batch, STORE_SQL(SQL_TURN_START, store_int(turn->id),
                                     store_int((int64_t)turn->set->number),
                                     store_text(pipeline ? pipeline->stage_names : ""),
                                     store_int(clock_wall_ms())));
    store_batch_add(batch, STORE_SQL(SQL_TURN_START_EVENT, store_int(turn->event_id)));
    if (store_commit(turn->engine->store, batch, turn_engine_soon(turn->engine), &err) < 0)
        turn_conclude(turn, "failed", "storage_unavailable",
                      "I can't answer now: the storage does not work. Please try again later");
}

troupe_status turn_begin_effect(struct turn *turn, const char *agent, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = NULL;
    troupe_status status;

    if (turn->outside)
        return TROUPE_OK;
    batch = store_batch_new();
    store_batch_add(batch,
                    STORE_EXPECT(1, SQL_TURN_EFFECT, store_int(turn->id), store_text(agent)));
    status = store_commit(turn->engine->store, batch, 0, err);
    turn->outside = status == TROUPE_OK;
    return status;
}

void turn_read_cost(struct turn *turn)
{
    _cleanup_rows_ struct store_rows *rows = NULL;

    if (store_query(turn->engine->store, STORE_SQL(SQL_TURN_COST, store_int(turn->id)),
                    turn_engine_soon(turn->engine), &rows, NULL) == TROUPE_OK)
        turn->cost_micros = store_cell_int(rows, 0, 0, 0);
}

/* What becomes of the answer: what was not meant to be seen is taken back, what was cut is marked. */
static void settle_answer(struct turn *turn)
{
    if (!strcmp(turn->state, "dropped") || !strcmp(turn->state, "interrupted"))
        turn_answer_discard(turn);
    turn->answer.interrupted =
        strcmp(turn->state, "done") && turn_answer_exists(turn) && !turn->answer.replied;
}

const char *turn_sentence(const struct turn *turn)
{
    if (turn->sentence[0])
        return turn->sentence;
    return !strcmp(turn->state, "dropped")       ? "I was told not to answer that"
           : !strcmp(turn->state, "interrupted") ? "stopped"
                                                 : "I have no answer to that";
}

static void do_work(struct turn *turn)
{
    struct co_owner owner = {"core:turn", (uint64_t)turn->id};
    struct scope work;
    troupe_status status;

    loop_timer_start(&turn->timer, turn->engine->first_text_ms, 0);
    scope_open(&work, turn->deadline);
    turn->work = &work;
    status = co_spawn_wait(&work, &owner, work_main, turn, turn->deadline);
    if (status < 0)
        turn_conclude(turn, "failed", "busy", "too much is going on; please try again later");
    scope_close(&work);
    if (work.why == TROUPE_DEADLINE)
        turn_conclude(turn, "failed", "deadline", "that took too long, so I stopped");
    turn->work = NULL;
    loop_timer_stop(&turn->timer);
}

troupe_status turn_run(void *arg)
{
    struct turn *turn = arg;
    struct engine *engine = turn->engine;
    struct event *event = turn->event;
    troupe_status status;
    struct error err;

    turn->deadline = co_after(engine->total_ms);
    if (event->gateway && event->gateway->ops->working)
        event->gateway->ops->working(event->gateway, event, true);
    if (turn->id)
        store_start(turn);
    if (!turn->state)
        do_work(turn);
    if (!turn->state)
        turn_conclude(turn, "done", turn_answer_exists(turn) ? "answered" : "no_answer", "%s", "");
    if (turn->id) {
        turn->left_open = turn_is_observed(turn);
        if (!turn->left_open)
            close_budget(turn);
        turn_read_cost(turn);
    }
    settle_answer(turn);
    turn_trace_add(&turn->trace, "end", turn->reason, "%s", turn->state);
    status = turn_answer_finish(turn, &err);
    if (status < 0)
        log_error("turn", "turn %lld: its end could not be stored: %s", (long long)turn->id,
                  err.text);
    turn_engine_ended(turn);
    return TROUPE_OK;
}
