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
#include "turn/attach.h"
#include "turn/budget_tell.h"
#include "turn/engine_private.h"
#include "turn/enter.h"
#include "turn/files.h"
#include "turn/first_text.h"
#include "turn/pack.h"
#include "turn/span.h"
#include "turn/sql/turn.h"
#include "turn/wait.h"

#include <stdio.h>
#include <string.h>

static bool is_job(const struct event *event)
{
    return !strcmp(event->kind, TURN_JOB);
}

/* Those of the generation that was entered in place of the turn's own. */
static struct plugin_agent *take_members(struct turn_job *job)
{
    struct plugin_agent *agent = job->frame.agent;

    job->fn = job->frame.observer ? agent->manifest->observe : agent->manifest->stage;
    if (job->job)
        job->job = agent->manifest->job;
    return agent;
}

static troupe_status run_members(struct turn_job *job)
{
    const struct event *event = job->frame.turn->event;

    if (job->job)
        return job->job(&job->frame.pub, (troupe_str){event->content, event->content_len});
    return job->fn ? job->fn(&job->frame.pub)
                   : turn_frame_error(&job->frame, TROUPE_UNAVAILABLE, "agent.replaced",
                                      "\"%s\" was replaced by a build that does something else",
                                      job->frame.agent->name);
}

troupe_status turn_job_main(void *arg)
{
    struct turn_job *job = arg;
    struct plugin_agent *agent = job->frame.agent;
    troupe_status status;

    co_set_local(&job->frame);
    status = turn_frame_enter(&job->frame);
    if (status == TROUPE_OK) {
        if (job->frame.agent != agent)
            agent = take_members(job);
        agent->running++;
        agent->calls++;
        status = run_members(job);
        agent->running--;
        turn_frame_left(&job->frame);
    }
    turn_frame_active(&job->frame, false);
    if (status < 0 && !job->frame.turn->parked) /* what waits has not failed */
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
             status == TROUPE_DEADLINE ? ENGINE_TOO_LONG
             : status == TROUPE_CANCELED
                 ? "stopped"
                 : "something went wrong while I worked on that; please try "
                   "again, or tell the admin, who can look it up with why");
}

/* Runs one agent of a stage to its verdict. */
static troupe_status run_agent(struct turn *turn, const struct turn_stage *stage,
                               struct plugin_agent *agent, const char *path, struct error *ret_why,
                               char code[64])
{
    struct turn_job *job;
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
    turn_frame_init(&job->frame, turn, agent, NULL, path);
    job->fn = agent->manifest->stage;
    if (is_job(turn->event))
        job->job = agent->manifest->job;
    scope_open(&scope, deadline);
    turn->active++;
    status = co_spawn_wait(&scope, &owner, turn_job_main, job, turn->deadline);
    turn->active -= status < 0;
    joined = scope_close(&scope);
    if (status == TROUPE_OK)
        status = joined < 0 ? joined : job->frame.verdict;
    explain(&job->frame, status, code, ret_why);
    turn_frame_clear(&job->frame);
    mem_free(job);
    return status;
}

/* What it left open. Nothing is looked for where each of its reservations was closed. */
static void close_budget(struct turn *turn)
{
    struct error err;

    if (!turn->reserved && !turn->resumed)
        return;
    co_shield(ENGINE_STORE_MS);
    if (turn_budget_end(turn->engine, turn->id, &err) < 0)
        log_warn("turn", "turn %lld: reservations stay open until the next start: %s",
                 (long long)turn->id, err.text);
    co_unshield();
}

static troupe_status observe_main(void *arg)
{
    struct turn_job *job = arg;
    struct turn *turn = job->frame.turn;
    troupe_status status = turn_job_main(job);

    if (status < 0)
        log_warn(job->frame.agent->owner, "observer failed on turn %lld: %s", (long long)turn->id,
                 turn_frame_reason(&job->frame, status));
    if (turn->left_open && turn->spends && turn->observers.live == 1)
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
        struct turn_job *job = mem_zero(1, sizeof(*job));

        turn_frame_init(&job->frame, turn, agent, NULL, "0");
        job->frame.observer = job->frame.unrecorded = true;
        job->fn = agent->manifest->observe;
        if (co_spawn(&turn->observers, &owner, observe_main, job) == TROUPE_OK)
            continue;
        turn_trace_add(&turn->trace, agent->owner, "observer.skipped", "too many coroutines");
        turn_frame_clear(&job->frame);
        mem_free(job);
    }
}

/* Who works at the stage: whom an earlier run chose, or who is next now. NULL: he is not there any
 * more, and the turn has ended. */
static struct plugin_agent *choose(struct turn *turn, struct turn_stage *stage)
{
    const struct record_row *row = turn_record_marked(turn, stage->name, RECORD_AGENT);
    struct plugin_agent *agent;
    struct buf name = BUF_INIT;

    if (row) {
        for (size_t i = 0; i < stage->agent_count; i++)
            if (!strcmp(stage->agents[i]->name, buf_text(&row->result)))
                return stage->agents[i];
        turn_diverge(turn, "agent \"%s\" does not work at stage \"%s\" any more",
                     buf_text(&row->result), stage->name);
        return NULL;
    }
    agent = turn_stage_choose(stage);
    if (stage->agent_count > 1) {
        buf_puts(&name, agent->name);
        turn_record_mark(turn, stage->name, RECORD_AGENT, TROUPE_OK, &name);
        buf_clear(&name);
    }
    return agent;
}

/* The chosen agent, then the fallbacks, as long as nothing was shown. */
static troupe_status run_stage(struct turn *turn, struct turn_stage *stage)
{
    struct plugin_agent *agent = choose(turn, stage);
    struct error why;
    char where[96], code[64], path[16] = "0";
    size_t next = 0;

    if (!agent)
        return TROUPE_CANCELED;
    snprintf(where, sizeof(where), "stage %s", stage->name);
    turn->stage = stage->name;
    for (;;) {
        troupe_status status;

        turn->agent = agent;
        turn_trace_add(&turn->trace, where, "start", "agent %s, plugin %s %s", agent->name,
                       agent->manifest->id, agent->manifest->version);
        status = run_agent(turn, stage, agent, path, &why, code);
        if (turn->parked) { /* whatever it came back with */
            turn_trace_add(&turn->trace, where, "parked", NULL);
            return status;
        }
        turn_trace_add(&turn->trace, where, code, why.text[0] ? "%s" : NULL, why.text);
        if (status >= 0)
            return status;
        if (turn->state || turn_answer_exists(turn) || co_status() < 0 ||
            next == stage->fallback_count) {
            if (status == TROUPE_CANCELED)
                turn_conclude(turn, "interrupted", code, "%s", why.text);
            else
                turn_fail(turn, status, code, why.text);
            return status;
        }
        agent = stage->fallback[next++];
        snprintf(path, sizeof(path), "0~%zu", next);
    }
}

/* ---- the stages of a turn that is taken up again --------------------------------------------- */

/* What a stage that ended well leaves to those behind it. */
static void keep_end(struct turn *turn, const struct turn_stage *stage)
{
    struct buf out = BUF_INIT;

    pack_int(&out, turn->answer.replied);
    pack_bytes(&out, buf_text(&turn->answer.text), turn->answer.text.len);
    pack_int(&out, (int64_t)turn->annotations.count);
    map_for_each (entry, &turn->annotations) {
        const struct buf *value = entry->value;

        pack_bytes(&out, entry->key, entry->key_len);
        pack_bytes(&out, buf_text(value), value->len);
    }
    turn_span_keep(turn, stage->name);
    turn_record_mark(turn, stage->name, RECORD_END, TROUPE_NEXT, &out);
    buf_clear(&out);
}

static void restore_answer(struct turn *turn, bool replied, const char *text, size_t len)
{
    size_t before = turn->answer.text.len;

    if (replied)
        turn_answer_reply(turn, text, len);
    else if (len > before) /* members may have seen it; the gateway knows how much */
        turn_answer_write(turn, text + before, len - before);
}

/* Whether the stage had ended; what it left is there again. */
static bool has_ended(struct turn *turn, const char *name)
{
    const struct record_row *row = turn_record_marked(turn, name, RECORD_END);
    struct unpack in;
    const char *text;
    size_t len;
    bool replied;

    if (!row)
        return false;
    in = (struct unpack){row->result.data, row->result.len, false};
    replied = unpack_int(&in) != 0;
    text = unpack_bytes(&in, &len);
    restore_answer(turn, replied, text, len);
    for (int64_t left = unpack_int(&in); left > 0 && !in.bad; left--) {
        size_t key_len;
        const char *key = unpack_bytes(&in, &key_len);
        struct buf *value = mem_zero(1, sizeof(*value)), *old;

        text = unpack_bytes(&in, &len);
        buf_append(value, text, len);
        old = map_setn(&turn->annotations, key, key_len, value);
        if (old)
            buf_clear(old);
        mem_free(old);
    }
    if (in.bad)
        turn_diverge(turn, "the end of stage \"%s\" cannot be read", name);
    turn_span_restore(turn, name);
    return true;
}

static struct turn_stage *stage_of(struct turn_pipeline *pipeline, const char *name)
{
    for (size_t i = 0; pipeline && i < pipeline->stage_count; i++)
        if (!strcmp(pipeline->stages[i].name, name))
            return &pipeline->stages[i];
    return NULL;
}

/* One stage by the name that the turn was admitted with. */
static troupe_status pass_stage(struct turn *turn, struct turn_pipeline *pipeline, const char *name)
{
    struct turn_stage *stage = stage_of(pipeline, name);
    bool begun = turn_record_knows(turn, name);
    const char *code;
    troupe_status status;
    char where[96];

    snprintf(where, sizeof(where), "stage %s", name);
    if (has_ended(turn, name)) {
        turn_trace_add(&turn->trace, where, "replayed", "it had ended before the restart");
        return TROUPE_NEXT;
    }
    if (!stage && begun) {
        turn_diverge(turn, "stage \"%s\" had begun and is not configured any more", name);
        return TROUPE_CANCELED;
    }
    if (!stage) {
        turn_trace_add(&turn->trace, where, "stage_removed", NULL);
        return TROUPE_NEXT;
    }
    if (!begun && !turn_stage_applies(stage, turn->event, &code)) {
        turn_trace_add(&turn->trace, where, code, NULL);
        return TROUPE_NEXT;
    }
    turn_record_stage(turn, name);
    status = run_stage(turn, stage);
    if (status == TROUPE_NEXT && !turn->state)
        keep_end(turn, stage);
    return status;
}

static void run_pipeline(struct turn *turn, struct turn_pipeline *pipeline)
{
    const json_t *name;
    size_t i;

    json_array_foreach (turn->stages, i, name) {
        troupe_status status = pass_stage(turn, pipeline, json_string_value(name));

        if (turn->state || co_status() < 0)
            return; /* it was ended, whatever the stage made of that */
        if (status == TROUPE_NEXT)
            continue;
        if (status == TROUPE_DROP)
            turn_conclude(turn, "dropped",
                          turn->drop && turn->drop->code[0] ? turn->drop->code : "drop", "%s",
                          turn->drop ? turn->drop->text : "");
        return;
    }
}

/* ---- jobs ----------------------------------------------------------------------------------- */

/* The one stage of a due job: its agent's handler. */
static void run_job(struct turn *turn)
{
    const char *name = turn->event->agent ? turn->event->agent : "";
    struct plugin_agent *agent = plugin_set_agent(turn->set, name);
    struct turn_stage stage = {
        .name = TURN_JOB, .agents = &agent, .agent_count = 1, .percent = 100};
    struct turn_pipeline pipeline = {.name = TURN_JOB, .stages = &stage, .stage_count = 1};

    if (!agent || !agent->manifest->job) {
        turn_conclude(turn, "failed", "no_agent",
                      "something is due that \"%s\" had planned, which is not set up any more",
                      name);
        return;
    }
    run_pipeline(turn, &pipeline);
}

/* ---- the turn ------------------------------------------------------------------------------- */

const char *turn_stage_names(const struct plugin_set *set, const struct event *event)
{
    const struct turn_pipeline *pipeline;

    if (is_job(event))
        return "[\"" TURN_JOB "\"]";
    if (!(event->flags & EVENT_OBSERVED) && turn_is_command(set, event))
        return "[\"" TURN_COMMAND "\"]";
    pipeline = turn_pipeline_find(set, event->kind);
    if (!pipeline)
        return "[]";
    return event->flags & EVENT_OBSERVED ? pipeline->owed_names : pipeline->stage_names;
}

void turn_take_stages(struct turn *turn, const struct plugin_set *set)
{
    const struct turn_pipeline *pipeline = turn_pipeline_find(set, turn->event->kind);
    bool observed = turn->event->flags & EVENT_OBSERVED;

    json_decref(turn->stages);
    if (is_job(turn->event))
        turn->stages = json_pack("[s]", TURN_JOB);
    else if (!observed && turn_is_command(set, turn->event))
        turn->stages = json_pack("[s]", TURN_COMMAND);
    else if (pipeline)
        turn->stages = json_incref(observed ? pipeline->owed_list : pipeline->stage_list);
    else
        turn->stages = json_array();
    turn->generation = set->number;
}

void turn_add_stages(const struct turn *turn, struct store_batch *batch)
{
    _cleanup_mem_ char *names = json_print(turn->stages);

    store_batch_add(batch, STORE_EXPECT(1, SQL_TURN_STAGES, store_int(turn->id),
                                        store_int((int64_t)turn->generation), store_text(names)));
}

static bool is_command(const struct turn *turn)
{
    const char *first = json_string_value(json_array_get(turn->stages, 0));

    return turn->id ? first && !strcmp(first, TURN_COMMAND) : true;
}

/*
 * Counts another run, without waiting: it is for people only. When it runs, not when it is taken up:
 * a backlog would cost a write per event at each start.
 */
static void count_attempt(struct engine *engine, int64_t id)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct error err;

    store_batch_add(batch, STORE_SQL(SQL_TURN_AGAIN, store_int(id)));
    if (store_submit(engine->store, batch, NULL, NULL, &err) < 0)
        log_warn("turn", "another run of turn %lld is not counted: %s", (long long)id, err.text);
}

/* The part of the turn that a deadline or a stop may end. */
static troupe_status work_main(void *arg)
{
    struct turn *turn = arg;
    struct turn_pipeline *pipeline;
    struct error err;

    if (turn->resumed)
        count_attempt(turn->engine, turn->id);
    if (turn->resumed && (turn_record_load(turn, &err) < 0 || turn_waits_load(turn, &err) < 0 ||
                          turn_attach_load(turn, &err) < 0)) {
        log_error("turn", "turn %lld: its record cannot be read: %s", (long long)turn->id,
                  err.text);
        turn_conclude(turn, "failed", "storage_unavailable",
                      "I can't answer now: the storage does not work. Please try again later");
        return TROUPE_OK;
    }
    if (turn->record.unreadable) {
        turn_diverge(turn, "its record is of another version of the host");
        return TROUPE_OK;
    }
    if (is_job(turn->event)) {
        run_job(turn);
        return TROUPE_OK;
    }
    if (turn->event->flags & EVENT_OBSERVED) {
        turn_observe(turn);
        return TROUPE_OK;
    }
    if (is_command(turn)) {
        turn->stage = TURN_COMMAND;
        turn_record_stage(turn, TURN_COMMAND);
        turn_command(turn);
        return TROUPE_OK;
    }
    pipeline = turn_pipeline_find(turn->set, turn->event->kind);
    if (!pipeline && !json_array_size(turn->stages)) {
        turn_conclude(turn, "refused", "no_pipeline",
                      "nothing is set up to answer a %s; the admin can add a section [pipeline %s]",
                      turn->event->kind, turn->event->kind);
        return TROUPE_OK;
    }
    if (pipeline && pipeline->timeout_ms && co_after(pipeline->timeout_ms) < turn->deadline)
        turn->deadline = co_after(pipeline->timeout_ms);
    if (!turn_files_open(turn) || !turn_chain_open(turn))
        return TROUPE_OK;
    if (pipeline && !turn->waited) /* they have seen it */
        start_observers(turn, pipeline);
    run_pipeline(turn, pipeline);
    return TROUPE_OK;
}

void turn_read_cost(struct turn *turn)
{
    _cleanup_rows_ struct store_rows *rows = NULL;

    /* All of it was settled by this run, which has counted. */
    if (!turn->resumed && (!turn->reserved || turn->left_open))
        return;
    if (store_query(turn->engine->store, STORE_SQL(SQL_TURN_COST, store_int(turn->id)),
                    turn_engine_soon(turn->engine), &rows, NULL) == TROUPE_OK)
        turn->cost_micros = store_cell_int(rows, 0, 0, 0);
}

/* What becomes of the answer: what was not meant to be seen is taken back, what was cut is marked. */
static void settle_answer(struct turn *turn)
{
    if (!strcmp(turn->state, "dropped") || !strcmp(turn->state, "interrupted") ||
        !strcmp(turn->state, "diverged"))
        turn_answer_discard(turn);
    turn->answer.interrupted =
        strcmp(turn->state, "done") && turn_answer_exists(turn) && !turn->answer.replied;
}

/* An answer without text: the gateway takes away what it has shown, in an earlier run, too. */
static void withdraw_answer(struct turn *turn)
{
    const char *rest;

    (void)turn_answer_rest(turn, &rest);
    buf_reset(&turn->answer.text);
    turn->attached.count = 0;
    turn->answer.replied = true;
    turn->answer.interrupted = false;
}

const char *turn_sentence(const struct turn *turn)
{
    if (turn->sentence[0])
        return turn->sentence;
    return !strcmp(turn->state, "dropped") ? "I was told not to answer that"
           : !strcmp(turn->state, "interrupted")
               ? "stopped"
               : "I have no answer to that; /help shows what I can do";
}

static void do_work(struct turn *turn)
{
    struct co_owner owner = {"core:turn", (uint64_t)turn->id};
    bool observed = turn->event->flags & EVENT_OBSERVED;
    struct scope work;
    troupe_status status;

    if (!observed)
        turn_first_text_begin(turn);
    scope_open(&work, observed ? 0 : turn->deadline); /* each observer has its own time */
    turn->work = &work;
    status = co_spawn_wait(&work, &owner, work_main, turn, turn->deadline);
    if (status < 0)
        turn_conclude(turn, "failed", "busy", "too much is going on; please try again in a minute");
    scope_close(&work);
    if (work.why == TROUPE_DEADLINE)
        turn_conclude(turn, "failed", "deadline", ENGINE_TOO_LONG);
    turn->work = NULL;
    turn_first_text_end(turn);
}

/* The next process goes on with it: nothing is stored or said. */
static void leave_open(struct turn *turn)
{
    log_info("turn", "turn %lld is left to the next start", (long long)turn->id);
    turn_record_flush(turn);
    turn_engine_ended(turn);
}

troupe_status turn_run(void *arg)
{
    struct turn *turn = arg;
    struct engine *engine = turn->engine;
    troupe_status status;
    struct error err;

    turn->deadline = co_after(engine->total_ms);
    turn->started_ms = loop_now(engine->loop);
    turn_show_working(turn);
    if (turn->id && !turn->resumed && turn->generation != turn->set->number) {
        turn_take_stages(turn, turn->set);
        turn->restage = true;
    }
    if (!turn->state)
        turn_merge(turn);
    if (!turn->state)
        do_work(turn);
    if (turn->left) {
        leave_open(turn);
        return TROUPE_OK;
    }
    if (turn->parked && !turn->state) {
        if (turn_park(turn)) {
            turn_engine_put_aside(turn);
            return TROUPE_OK;
        }
        turn_conclude(turn, "failed", "storage_unavailable",
                      "I can't go on now: the storage does not work. Please try again later");
    }
    if (!turn->state)
        turn_conclude(turn, "done",
                      turn_answer_exists(turn) || turn->attached.count ? "answered" : "no_answer",
                      "%s", "");
    turn->left_open = turn_is_observed(turn); /* it may begin to spend still */
    if (turn->spends) {
        if (!turn->left_open)
            close_budget(turn);
        turn_read_cost(turn);
    }
    if (strcmp(turn->state, "done"))
        turn_answer_adopt(turn);
    turn_files_remark(turn);
    if (turn->withdrawn)
        withdraw_answer(turn);
    else
        settle_answer(turn);
    if (turn->resumed)
        turn_trace_add(&turn->trace, "replay", "replayed",
                       "%u calls were done before, %u repeated, %u may have happened",
                       turn->record.replayed, turn->record.repeated, turn->record.maybe);
    turn_trace_add(&turn->trace, "end", turn->reason, "%s", turn->state);
    turn_span_finish(turn, !strcmp(turn->state, "done"));
    status = turn_answer_finish(turn, &err);
    if (status < 0 && !turn->duplicate)
        log_error("turn", "turn %lld: its end could not be stored: %s", (long long)turn->id,
                  err.text);
    if (turn->unbooked && !turn->left_open) /* it is told by now, as it was on its way before */
        close_budget(turn);
    turn_engine_ended(turn);
    return TROUPE_OK;
}
