/* SPDX-License-Identifier: Apache-2.0
 *
 * What a crash or stop left open: each event's turn is taken up again and goes on where its record
 * stops (record.h). One of whose turns one agent died twice, with the host or with its own process, is
 * dead. Answers that are owed already are their gateway's.
 */
#include "turn/engine_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/sql/turn.h"

#include <string.h>

#define PORTION 50 /* events that are taken up before others run */

troupe_status turn_recover_begin(struct engine *engine, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    const struct store_statement newest = {.sql = SQL_TURN_NEWEST, .expect = STORE_ANY};
    troupe_status status;

    /* Whoever called from the shell went with the process. */
    store_batch_add(batch, STORE_SQL(SQL_TURN_CLOSE_SHELL, store_int(clock_wall_ms())));
    status = store_commit(engine->store, batch, turn_engine_soon(engine), err);
    if (status == TROUPE_OK)
        status = store_query(engine->store, &newest, turn_engine_soon(engine), &rows, err);
    if (status < 0)
        return status;
    engine->inherited = engine->last_event = store_cell_int(rows, 0, 0, 0);
    engine->last_reservation = store_cell_int(rows, 0, 1, 0);
    return TROUPE_OK;
}

troupe_status turn_engine_blame(struct engine *engine, int64_t turn_id, const char *plugin,
                                struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_SQL(SQL_TURN_BLAME, store_int(turn_id), store_text(plugin)));
    return store_commit(engine->store, batch, turn_engine_soon(engine), err);
}

void turn_engine_blame_turn(const struct turn *turn, const struct plugin_agent *agent)
{
    struct error err;

    co_shield(ENGINE_STORE_MS);
    if (turn_engine_blame(turn->engine, turn->id, agent->name, &err) < 0)
        log_warn("recover", "turn %lld: a crash of \"%s\" is not counted: %s", (long long)turn->id,
                 agent->name, err.text);
    co_unshield();
}

void turn_die(struct turn *turn, const char *agent)
{
    turn_trace_add(&turn->trace, "recover", "dead", "\"%s\" crashed on it twice", agent);
    turn_conclude(turn, "dead", "dead",
                  "I could not finish this message: it brought me down twice. Please ask "
                  "differently");
}

void turn_fail(struct turn *turn, troupe_status status, const char *code, const char *sentence)
{
    if (status != TROUPE_CRASHED || !turn->killed || turn->state) {
        turn_conclude(turn, "failed", code, "%s", sentence);
        return;
    }
    turn_engine_blame_turn(turn, turn->killed);
    turn_die(turn, turn->killed->name);
}

enum {
    COL_ID,
    COL_PAYLOAD,
    COL_ATTEMPTS,
    COL_BLAMES,
    COL_BLAMED,
    COL_STAGES,
    COL_GENERATION,
    COL_SOURCE,
    COL_PARKED,
    COL_TRACE,
    COL_WAITED
};

/* Its payload cannot be read: nobody can be told, and nothing behind it shall wait. */
static troupe_status give_up(struct engine *engine, int64_t id, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    log_error("recover", "event %lld cannot be read and is given up", (long long)id);
    store_batch_add(batch, STORE_SQL(SQL_TURN_FINISH, store_int(id), store_text("failed"),
                                     store_text("unreadable"), store_null(), store_null(),
                                     store_int(0), store_int(0), store_int(clock_wall_ms())));
    return store_commit(engine->store, batch, turn_engine_soon(engine), err);
}

struct turn *turn_of_row(struct engine *engine, struct event *event, const struct store_rows *rows,
                         size_t row)
{
    const struct store_value *stages = store_cell(rows, row, COL_STAGES);
    struct turn *turn = turn_new(engine, event, store_cell_int(rows, row, COL_ID, 0));

    turn_trace_restore(&turn->trace, store_cell_text(rows, row, COL_TRACE, ""));
    turn->waited = store_cell_int(rows, row, COL_WAITED, 0) != 0;
    turn->generation = (uint64_t)store_cell_int(rows, row, COL_GENERATION, 0);
    if (json_parse(stages->data ? stages->data : "", stages->len, &turn->stages, NULL) < 0 ||
        !json_is_array(turn->stages)) {
        json_decref(turn->stages);
        turn->stages = json_array();
    }
    return turn;
}

/* One agent died of it twice; or agents die of it by turns without end. */
static bool is_poison(const struct store_rows *rows, size_t row)
{
    int64_t blames = store_cell_int(rows, row, COL_BLAMES, 0);

    return blames >= ENGINE_BLAMES_MAX ||
           (blames && store_cell_int(rows, row, COL_ATTEMPTS, 0) >= ENGINE_ATTEMPTS_MAX);
}

static troupe_status take_up(struct engine *engine, struct gateway *gateway,
                             const struct store_rows *rows, size_t row, struct error *err)
{
    const struct store_value *payload = store_cell(rows, row, COL_PAYLOAD);
    int64_t id = store_cell_int(rows, row, COL_ID, 0);
    int64_t attempts = store_cell_int(rows, row, COL_ATTEMPTS, 0) + 1;
    struct event *event = NULL;
    struct turn *turn;

    if (event_parse(payload->data, payload->len, &event, NULL) < 0)
        return give_up(engine, id, err);
    if (event->flags & EVENT_OBSERVED && turn_owed_leave_row(engine, id)) {
        event_unref(event);
        return TROUPE_OK;
    }
    event->gateway = event->flags & EVENT_OBSERVED ? NULL : gateway;
    turn = turn_of_row(engine, event, rows, row);
    turn->resumed = turn->spends = true; /* an earlier run had begun it */
    turn->attempt = (unsigned)attempts + 1;
    if (is_poison(rows, row)) {
        turn_die(turn, store_cell_text(rows, row, COL_BLAMED, "?"));
        turn_start(turn);
        return TROUPE_OK;
    }
    turn_trace_add(&turn->trace, "recover", "again", "taken up after a restart or a wait, run %lld",
                   (long long)attempts + 1);
    turn_engine_admit(engine, turn);
    return TROUPE_OK;
}

troupe_status turn_engine_event(struct engine *engine, int64_t id, struct event **ret,
                                struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    const struct store_value *payload;
    troupe_status status = store_query(engine->store, STORE_SQL(SQL_TURN_EVENT, store_int(id)),
                                       turn_engine_soon(engine), &rows, err);

    if (status < 0)
        return status;
    if (!rows->count)
        return error_set(err, TROUPE_NOT_FOUND, "there is no event %lld", (long long)id);
    payload = store_cell(rows, 0, COL_PAYLOAD);
    return event_parse(payload->data ? payload->data : "", payload->len, ret, err);
}

troupe_status turn_engine_again(struct engine *engine, int64_t id, struct gateway *gateway,
                                struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_query(engine->store, STORE_SQL(SQL_TURN_EVENT, store_int(id)),
                                       turn_engine_soon(engine), &rows, err);

    if (status < 0)
        return status;
    if (!rows->count || turn_engine_turn(engine, id))
        return TROUPE_OK;
    if (!gateway)
        gateway = map_get(&engine->gateways,
                          turn_engine_origin(store_cell_text(rows, 0, COL_SOURCE, "")));
    if (!gateway || engine->stopping)
        return TROUPE_OK; /* it is taken up when that comes, or by the next process */
    return take_up(engine, gateway, rows, 0, err);
}

/* How far the inherited events of a source were taken up. */
static int64_t *progress_of(struct engine *engine, const char *source)
{
    int64_t *last = map_get(&engine->recovered, source);

    if (!last) {
        last = mem_zero(1, sizeof(*last));
        map_set(&engine->recovered, source, last);
    }
    return last;
}

static troupe_status take_up_all(struct engine *engine, struct gateway *gateway, const char *source,
                                 struct error *err)
{
    int64_t *last = progress_of(engine, source);

    for (;;) {
        _cleanup_rows_ struct store_rows *rows = NULL;
        troupe_status status =
            store_query(engine->store,
                        STORE_SQL(SQL_TURN_OPEN_EVENTS, store_text(source), store_int(*last),
                                  store_int(engine->inherited)),
                        turn_engine_soon(engine), &rows, err);

        if (status < 0 || !rows->count)
            return status;
        for (size_t i = 0; i < rows->count; i++) {
            int64_t before = *last, id = store_cell_int(rows, i, 0, 0);

            if (i % PORTION == PORTION - 1 && co_pass() < 0)
                return TROUPE_OK; /* the host stops */
            if (id <= before)
                continue; /* another session of this gateway was faster */
            if (engine->admission.draining)
                return TROUPE_OK; /* the next process does it */
            *last = id;
            if (store_cell_int(rows, i, COL_PARKED, 0) || turn_engine_turn(engine, id))
                continue; /* it waits for somebody, or was answered just now */
            status = take_up(engine, gateway, rows, i, err);
            if (status < 0) {
                *last = *last == id ? before : *last;
                return status;
            }
        }
    }
}

troupe_status turn_engine_recover(struct engine *engine, struct gateway *gateway, struct error *err)
{
    _cleanup_mem_ char *jobs = mem_printf(ENGINE_SCHEDULE "%s", gateway->name);
    troupe_status status;

    if (engine->admission.draining)
        return TROUPE_OK;
    map_set(&engine->gateways, gateway->name, gateway);
    engine->recovering++;
    turn_admission_hold(&engine->admission);
    status = take_up_all(engine, gateway, gateway->name, err);
    if (status == TROUPE_OK)
        status = take_up_all(engine, gateway, jobs, err);
    engine->recovering--;
    turn_admission_release(&engine->admission);
    turn_engine_pump(engine);
    turn_engine_check_idle(engine);
    return status;
}
