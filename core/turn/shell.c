/* SPDX-License-Identifier: Apache-2.0
 *
 * Calls from the shell: a declared function run for the operator, with a row and a trace like any
 * turn, so that its costs and reasons can be looked up.
 */
#include "turn/budget_tell.h"
#include "turn/call.h"
#include "turn/core_commands.h"
#include "turn/engine_private.h"
#include "turn/files.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/sql/turn.h"

#include <stdio.h>
#include <string.h>

static troupe_status store_begin(struct engine *engine, struct turn *turn, struct error *err)
{
    const struct event *event = turn->event;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_mem_ char *payload = event_print(event);
    int64_t id = turn_engine_next_event(engine);
    troupe_status status;

    store_batch_add(batch,
                    STORE_EXPECT(1, SQL_TURN_INTAKE, store_int(id), store_text(event->source),
                                 store_text(event->source_id), store_null(), store_null(),
                                 store_null(), store_null(), store_text(event->kind),
                                 store_text(payload), store_int((int64_t)engine->set->number),
                                 store_text("[]"), store_int(clock_wall_ms())));
    status = store_commit(engine->store, batch, turn_engine_soon(engine), err);
    if (status == TROUPE_OK)
        turn_set_id(turn, id);
    return status;
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

struct shell_call {
    struct turn *turn;
    const char *name, *json;
    struct turn_result result;
    troupe_status status;
};

/* One of the core's own commands: what it answers is the result, or says why there is none. */
static void call_own(struct shell_call *call)
{
    const struct turn_core_command *own = turn_core_find(call->name);
    _cleanup_plugin_args_ struct plugin_args args = {0};
    const struct turn_answer *answer = &call->turn->answer;
    struct error err;

    call->status =
        plugin_args_from_json_text(&own->function, call->json, strlen(call->json), &args, &err);
    if (call->status < 0) {
        snprintf(call->result.code, sizeof(call->result.code), "call.argument");
        snprintf(call->result.sentence, sizeof(call->result.sentence), "%s", err.text);
        return;
    }
    call->status = own->run(call->turn, args.values);
    if (call->status < 0) {
        snprintf(call->result.code, sizeof(call->result.code), "call.%s",
                 status_name(call->status));
        snprintf(call->result.sentence, sizeof(call->result.sentence), "%s",
                 buf_text(&answer->text));
        return;
    }
    buf_append(&call->result.text, buf_text(&answer->text), answer->text.len);
    buf_append(&call->result.json, buf_text(&answer->data), answer->data.len);
}

static troupe_status call_main(void *arg)
{
    static const struct turn_site site = {.path = "0"};
    struct shell_call *call = arg;

    if (turn_core_find(call->name))
        call_own(call);
    else
        call->status = turn_call_named(call->turn, &site, call->name, call->json,
                                       strlen(call->json), &call->result);
    return TROUPE_OK;
}

/* In a scope of its own, so that a drain can end it. */
static void do_call(struct shell_call *call)
{
    static const struct co_owner owner = {"core:call", 0};
    struct turn *turn = call->turn;
    struct scope work;

    scope_open(&work, turn->deadline);
    turn->work = &work;
    if (turn->state) /* the drain's grace was over before it began */
        scope_cancel(&work, TROUPE_CANCELED);
    call->status = co_spawn_wait(&work, &owner, call_main, call, turn->deadline);
    if (call->status < 0) {
        snprintf(call->result.code, sizeof(call->result.code), "busy");
        snprintf(call->result.sentence, sizeof(call->result.sentence),
                 "too much is going on; please try again later");
    }
    scope_close(&work);
    turn->work = NULL;
    turn_trace_add(&turn->trace, call->name,
                   call->status < 0 ? call->result.code : status_name(call->status),
                   call->status < 0 ? "%s" : NULL, call->result.sentence);
    turn_conclude(turn, call->status < 0 ? "failed" : "done",
                  call->status < 0 ? call->result.code : "call", "%s", call->result.sentence);
}

static void close_budget(struct turn *turn)
{
    struct engine *engine = turn->engine;
    struct error err;

    if (turn_budget_end(engine, turn->id, &err) < 0)
        log_warn("turn", "call %lld: reservations stay open until the next start: %s",
                 (long long)turn->id, err.text);
}

static void store_end(struct turn *turn)
{
    struct error err;

    co_shield(ENGINE_STORE_MS);
    if (turn->reserved)
        close_budget(turn);
    if (turn->spends)
        turn_read_cost(turn);
    if (turn_answer_finish(turn, &err) < 0)
        log_warn("turn", "the end of call %lld could not be stored: %s", (long long)turn->id,
                 err.text);
    if (turn->unbooked)
        close_budget(turn);
    co_unshield();
}

troupe_status turn_engine_call(struct engine *engine, const char *name, const char *json_args,
                               uint64_t deadline, char **ret_text, char **ret_json,
                               struct error *err)
{
    return turn_engine_call_with(engine, name, json_args, NULL, 0, deadline, ret_text, ret_json,
                                 err);
}

troupe_status turn_engine_call_with(struct engine *engine, const char *name, const char *json_args,
                                    const struct engine_file *files, size_t file_count,
                                    uint64_t deadline, char **ret_text, char **ret_json,
                                    struct error *err)
{
    struct shell_call call = {.name = name, .json = json_args};
    struct turn *turn;
    troupe_status status;

    if (engine->admission.draining)
        return error_set(err, TROUPE_BUSY, "the host is being stopped; call after its next start");
    turn = turn_new(engine, shell_event(engine), 0);
    turn->phase = TURN_RUNNING;
    status = store_begin(engine, turn, err);
    if (status < 0) {
        turn_dispose(turn);
        return status;
    }
    call.turn = turn;
    turn->set = plugin_set_pin(engine->set);
    turn->generation = turn->set->number;
    turn->deadline = deadline ? deadline : co_after(engine->total_ms);
    if (turn_files_take(turn, files, file_count, err) < 0)
        turn_conclude(turn, "failed", "storage_unavailable", "%s", err->text);
    do_call(&call);
    store_end(turn);
    status = call.status;
    if (status < 0) {
        error_set(err, status, "%s", turn->sentence);
    } else {
        *ret_text = call.result.text.len ? buf_take(&call.result.text) : NULL;
        *ret_json = call.result.json.len ? buf_take(&call.result.json) : NULL;
    }
    turn_result_clear(&call.result);
    turn_engine_ended(turn);
    turn_dispose(turn);
    return status;
}
