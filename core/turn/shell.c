/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls from the shell: a declared function run for the operator, with a row and a trace like any
 * turn, so that its costs and reasons can be looked up.
 */
#include "turn/call.h"
#include "turn/engine_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/sql/turn.h"

#include <stdio.h>
#include <string.h>

static troupe_status store_begin(struct engine *engine, const struct event *event, int64_t *ret_id,
                                 int64_t *ret_event, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_mem_ char *payload = event_print(event);
    struct store_value now = store_int(clock_wall_ms());
    const struct store_rows *rows;
    troupe_status status;
    size_t row;

    store_batch_add(batch, STORE_SQL(SQL_TURN_INTAKE_EVENT, store_text(event->source),
                                     store_text(event->source_id), store_null(), store_null(),
                                     store_null(), store_null(), store_text(event->kind),
                                     store_text(payload), now));
    row = store_batch_add(batch, STORE_SQL(SQL_TURN_INTAKE_TURN, store_text(event->source),
                                           store_text(event->source_id), now));
    status = store_commit(engine->store, batch, turn_engine_soon(engine), err);
    if (status < 0)
        return status;
    rows = store_batch_result(batch, row);
    if (!rows || !rows->count)
        return error_set(err, TROUPE_CONFLICT, "the call could not be numbered; try again");
    *ret_id = store_cell_int(rows, 0, 0, 0);
    *ret_event = store_cell_int(rows, 0, 1, 0);
    return TROUPE_OK;
}

static struct event *shell_event(struct engine *engine)
{
    char id[48];
    struct event event = {.source = "shell", .source_id = id, .kind = "call", .content = ""};

    snprintf(id, sizeof(id), "%lld%06llu", (long long)clock_wall_ms(),
             (unsigned long long)(engine->calls++ % 1000000));
    event.time_ms = clock_wall_ms();
    event.flags = EVENT_OWNER;
    return event_new(&event);
}

troupe_status turn_engine_call(struct engine *engine, const char *name, const char *json_args,
                               uint64_t deadline, char **ret_text, char **ret_json,
                               struct error *err)
{
    struct event *event = shell_event(engine);
    struct turn_result result = {0};
    struct error ignored;
    struct turn *turn;
    int64_t id = 0, event_id = 0;
    troupe_status status = store_begin(engine, event, &id, &event_id, err);

    if (status < 0) {
        event_unref(event);
        return status;
    }
    turn = turn_new(engine, event, id, event_id);
    turn->set = plugin_set_pin(engine->set);
    turn->phase = TURN_RUNNING;
    turn->deadline = deadline ? deadline : co_after(engine->total_ms);
    status = turn_call_named(turn, NULL, name, json_args, strlen(json_args), NULL, &result);
    turn_trace_add(&turn->trace, name, status < 0 ? result.code : status_name(status),
                   status < 0 ? "%s" : NULL, result.sentence);
    turn_conclude(turn, status < 0 ? "failed" : "done", status < 0 ? result.code : "call", "%s",
                  result.sentence);
    co_shield(ENGINE_STORE_MS);
    if (turn_budget_close(engine->store, id, turn_engine_soon(engine), &ignored) < 0 ||
        turn_answer_finish(turn, &ignored) < 0)
        log_warn("turn", "the end of call %lld could not be stored: %s", (long long)id,
                 ignored.text);
    co_unshield();
    if (status < 0) {
        error_set(err, status, "%s", result.sentence);
    } else {
        *ret_text = result.text.len ? buf_take(&result.text) : NULL;
        *ret_json = result.json.len ? buf_take(&result.json) : NULL;
    }
    turn_result_clear(&result);
    turn_engine_ended(turn);
    turn_dispose(turn);
    return status;
}
