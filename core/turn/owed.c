/* SPDX-License-Identifier: Apache-2.0
 *
 * Observers that are owed each message ("owed:message"): the message has a row for them alone, and
 * its turn runs them one after the other, each recorded as a stage of its own name. A restart takes
 * it up like any other turn. Nobody is told anything, and no member waits for it: these turns have
 * places of their own. Only some wait in memory, the others wait as rows.
 */
#include "turn/engine_private.h"

#include "base/log.h"
#include "base/text.h"
#include "turn/frame.h"
#include "turn/pipeline.h"
#include "turn/span.h"
#include "turn/sql/turn.h"

#include <stdio.h>
#include <string.h>

#define AGAIN_MS 1000 /* where the rows that were left could not be read */

bool turn_is_watched(const struct plugin_set *set, const struct event *event)
{
    const struct turn_pipeline *watched = turn_pipeline_watched(set);

    return watched && watched->owed_count && !strcmp(event->kind, TURN_MESSAGE) &&
           !(event->flags & (EVENT_OBSERVED | EVENT_AGAIN));
}

static struct plugin_agent *agent_of(const struct turn_pipeline *pipeline, const char *name)
{
    for (size_t i = 0; pipeline && i < pipeline->owed_count; i++)
        if (text_starts(name, TURN_OBSERVER) &&
            !strcmp(pipeline->owed[i]->name, name + strlen(TURN_OBSERVER)))
            return pipeline->owed[i];
    return NULL;
}

/* Runs one to its end, within a time of its own. */
static troupe_status run(struct turn *turn, struct plugin_agent *agent, uint64_t timeout_ms)
{
    const struct co_owner owner = {agent->owner, (uint64_t)turn->id};
    struct turn_job job;
    char code[64], why[ERROR_TEXT_MAX];
    struct scope scope;
    troupe_status status, joined;

    turn->deadline = co_after(timeout_ms);
    turn_frame_init(&job.frame, turn, agent, NULL, "0");
    job.frame.observer = true;
    job.fn = agent->manifest->observe;
    job.job = NULL;
    scope_open(&scope, turn->deadline);
    turn->active++;
    status = co_spawn_wait(&scope, &owner, turn_job_main, &job, turn->deadline);
    turn->active -= status < 0;
    joined = scope_close(&scope);
    if (status == TROUPE_OK)
        status = joined < 0 ? joined : job.frame.verdict;
    if (status < 0 && !turn->state) {
        if (!turn_frame_explain(&job.frame, status, code, why)) {
            snprintf(code, sizeof(code), "%s", status_name(status));
            why[0] = '\0';
        }
        turn_trace_add(&turn->trace, agent->owner, code, why[0] ? "%s" : NULL, why);
        log_warn(agent->owner, "observer failed on turn %lld: %s", (long long)turn->id,
                 why[0] ? why : code);
    }
    turn_frame_clear(&job.frame);
    return status;
}

/* The one of that name; what it has done before a restart stands. False: it failed. */
static bool observe(struct turn *turn, const struct turn_pipeline *pipeline, const char *name)
{
    struct plugin_agent *agent = agent_of(pipeline, name);
    struct error err;
    troupe_status status;

    if (turn_record_marked(turn, name, RECORD_END)) {
        turn_trace_add(&turn->trace, name, "replayed", "it had ended before the restart");
        turn_span_restore(turn, name);
        return true;
    }
    if (!agent) {
        turn_trace_add(&turn->trace, name, "stage_removed", NULL);
        return true;
    }
    if (!turn_agent_serves(agent, &err)) {
        turn_trace_add(&turn->trace, name, "agent.disabled", "%s", err.text);
        return false;
    }
    turn_record_stage(turn, name);
    turn_trace_add(&turn->trace, name, "start", "plugin %s %s", agent->manifest->id,
                   agent->manifest->version);
    status = run(turn, agent,
                 pipeline->timeout_ms && pipeline->timeout_ms < turn->engine->total_ms
                     ? pipeline->timeout_ms
                     : turn->engine->total_ms);
    if (turn->state)
        return false;
    if (status >= 0)
        turn_trace_add(&turn->trace, name, "done", NULL);
    turn_span_keep(turn, name);
    turn_record_mark(turn, name, RECORD_END, status, &(const struct buf){0});
    return status >= 0;
}

void turn_observe(struct turn *turn)
{
    const struct turn_pipeline *pipeline = turn_pipeline_find(turn->set, turn->event->kind);
    const json_t *name;
    bool good = true;
    size_t i;

    json_array_foreach (turn->stages, i, name) {
        good &= observe(turn, pipeline, json_string_value(name));
        if (turn->state || co_status() < 0)
            return;
    }
    turn_conclude(turn, good ? "done" : "failed", good ? "observed" : "observer_failed", "%s", "");
}

/* ---- what waits as rows ---------------------------------------------------------------------- */

static bool is_full(const struct engine *engine)
{
    return engine->left.count || engine->observed.queued >= ENGINE_OWED_QUEUE;
}

static void leave(struct engine *engine, int64_t id)
{
    struct turn_left *left = &engine->left;

    if (!left->count++ || id <= left->last_taken)
        left->last_taken = id - 1;
}

static void queue(struct turn *turn)
{
    /* A lane of its own: each would wait for the disk alone else, one after the other. */
    turn_admission_restore(&turn->engine->observed, &turn->ticket, turn->event->source_id, "");
    turn->admitted = true;
    turn_trace_add(&turn->trace, "admission", "queued", NULL);
    turn_engine_pump(turn->engine);
}

void turn_owed_admit(struct turn *turn)
{
    struct engine *engine = turn->engine;
    bool later = turn->storing && is_full(engine); /* only a row can be found again */

    if (!later && !engine->stopping) {
        queue(turn);
        return;
    }
    turn->left = true;
    if (later)
        leave(engine, turn->id);
    turn_dispose(turn);
}

bool turn_owed_leave_row(struct engine *engine, int64_t id)
{
    if (!is_full(engine))
        return false;
    leave(engine, id);
    if (id > engine->left.last)
        engine->left.last = id;
    return true;
}

void turn_owed_stored(struct turn *turn, enum turn_storing outcome)
{
    struct engine *engine = turn->engine;

    engine->stats.observed_lost += outcome == TURN_UNSTORED;
    if (!turn->left || !engine->left.count)
        return;
    if (outcome == TURN_STORED)
        engine->left.last = turn->id; /* rows are stored in the order of their numbers */
    else
        engine->left.count--;
    turn_owed_refill(engine);
}

/* Those whose rows are not stored yet. */
static size_t count_under_way(const struct engine *engine)
{
    size_t count = 0;

    list_for_each (link, &engine->turns) {
        const struct turn *turn = container_of(link, struct turn, link);

        count += turn->left && turn->storing;
    }
    return count;
}

static void take_up(struct engine *engine, const struct store_rows *rows, size_t row)
{
    const struct store_value *payload = store_cell(rows, row, 1);
    struct turn_left *left = &engine->left;
    int64_t id = store_cell_int(rows, row, 0, 0);
    struct event *event;
    struct turn *turn;

    left->last_taken = id;
    if (turn_engine_turn(engine, id) || event_parse(payload->data, payload->len, &event, NULL) < 0)
        return;
    if (!(event->flags & EVENT_OBSERVED)) {
        event_unref(event);
        return;
    }
    left->count -= left->count > 0;
    turn = turn_of_row(engine, event, rows, row);
    turn->resumed = turn->spends = id <= engine->inherited;
    turn_trace_add(&turn->trace, "intake", "taken", "it had waited in the store");
    queue(turn);
}

static bool has_room(const struct engine *engine)
{
    return engine->left.count && engine->left.last > engine->left.last_taken &&
           engine->observed.queued < ENGINE_OWED_QUEUE / 2 && !engine->stopping && !engine->closing;
}

static troupe_status refill_main(void *arg)
{
    struct engine *engine = arg;
    struct turn_left *left = &engine->left;

    while (has_room(engine)) {
        _cleanup_rows_ struct store_rows *rows = NULL;
        int64_t last = left->last;
        struct error err;

        if (store_query(engine->store,
                        STORE_SQL(SQL_TURN_LEFT, store_int(left->last_taken), store_int(last)),
                        turn_engine_soon(engine), &rows, &err) < 0) {
            if (co_status() == TROUPE_OK)
                log_warn("turn", "what observers are owed waits: %s", err.text);
            if (co_sleep(AGAIN_MS) < 0)
                break;
            continue;
        }
        for (size_t i = 0; i < rows->count; i++)
            take_up(engine, rows, i);
        if (!rows->count) {
            left->last_taken = last;
            if (last == left->last)
                left->count = count_under_way(engine);
        }
    }
    left->taking = false;
    return TROUPE_OK;
}

void turn_owed_refill(struct engine *engine)
{
    static const struct co_owner owner = {"core:owed", 0};

    if (engine->left.taking || !has_room(engine))
        return;
    engine->left.taking = co_spawn(&engine->scope, &owner, refill_main, engine) == TROUPE_OK;
}
