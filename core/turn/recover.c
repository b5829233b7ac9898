/* SPDX-License-Identifier: Apache-2.0
 *
 * What a crash or stop left open. An event whose turn had spent nothing and caused nothing outside is
 * run again; one that had is closed with a sentence, since running it again could pay or act twice;
 * one that was cut too often is dead. Answers that are owed already are their gateway's. Money that was
 * on its way is booked at its worst case.
 */
#include "turn/engine_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/sql/turn.h"

#include <string.h>

troupe_status turn_recover_begin(struct engine *engine, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    const struct store_statement newest = {.sql = SQL_TURN_NEWEST_EVENT, .expect = STORE_ANY};
    struct store_value now = store_int(clock_wall_ms());
    troupe_status status;

    /* Whoever called from the shell went with the process. */
    store_batch_add(batch, STORE_SQL(SQL_TURN_CLOSE_SHELL_TURNS, now));
    store_batch_add(batch, STORE_SQL(SQL_TURN_CLOSE_SHELL_EVENTS, now));
    status = store_commit(engine->store, batch, turn_engine_soon(engine), err);
    if (status == TROUPE_OK)
        status = store_query(engine->store, &newest, turn_engine_soon(engine), &rows, err);
    if (status == TROUPE_OK)
        engine->inherited = store_cell_int(rows, 0, 0, 0);
    return status;
}

/* Ends an event for good; the turn only stores that and tells the member. */
static void close_event(struct engine *engine, struct event *event, int64_t event_id,
                        int64_t turn_id, const char *reason, const char *sentence)
{
    struct turn *turn = turn_new(engine, event, turn_id, event_id);

    turn_trace_add(&turn->trace, "recover", reason, NULL);
    turn_conclude(turn, "interrupted", reason, "%s", sentence);
    turn_start(turn);
}

static troupe_status new_turn(struct engine *engine, int64_t event_id, int64_t old_turn,
                              int64_t *ret, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct store_value now = store_int(clock_wall_ms());
    troupe_status status;
    size_t row;

    if (old_turn)
        store_batch_add(batch, STORE_SQL(SQL_TURN_CLOSE_OPEN_TURN, store_int(old_turn), now));
    row = store_batch_add(batch, STORE_SQL(SQL_TURN_AGAIN, store_int(event_id), now));
    status = store_commit(engine->store, batch, turn_engine_soon(engine), err);
    if (status == TROUPE_OK)
        *ret = store_cell_int(store_batch_result(batch, row), 0, 0, 0);
    return status;
}

/* Its payload cannot be read: nobody can be told, and nothing behind it shall wait. */
static troupe_status give_up(struct engine *engine, int64_t event_id, int64_t old_turn,
                             struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct store_value now = store_int(clock_wall_ms());

    store_batch_add(batch, STORE_SQL(SQL_TURN_CLOSE_OPEN_TURN, store_int(old_turn), now));
    store_batch_add(batch, STORE_SQL(SQL_TURN_FINISH_EVENT, store_int(event_id),
                                     store_text("failed"), store_text("unreadable"), now));
    return store_commit(engine->store, batch, turn_engine_soon(engine), err);
}

static troupe_status take_up(struct engine *engine, struct gateway *gateway,
                             const struct store_rows *rows, size_t row, struct error *err)
{
    const struct store_value *payload = store_cell(rows, row, 1);
    int64_t event_id = store_cell_int(rows, row, 0, 0), attempts = store_cell_int(rows, row, 2, 0);
    int64_t old_turn = store_cell_int(rows, row, 3, 0), id = 0;
    bool acted = store_cell_int(rows, row, 4, 0) != 0;
    struct event *event = NULL;
    struct turn *turn;
    troupe_status status = event_parse(payload->data, payload->len, &event, err);

    if (status < 0) {
        log_error("recover", "event %lld cannot be read and is given up", (long long)event_id);
        return give_up(engine, event_id, old_turn, err);
    }
    event->gateway = gateway;
    if (old_turn && (acted || attempts >= ENGINE_ATTEMPTS_MAX)) {
        close_event(engine, event, event_id, old_turn, acted ? "restart" : "dead",
                    acted ? "I was restarted while I answered this; please ask again"
                          : "I could not finish this message, it was cut twice; please ask "
                            "differently");
        return TROUPE_OK;
    }
    turn = turn_new(engine, event, 0, event_id); /* known before the wait, so it can be detached */
    status = new_turn(engine, event_id, old_turn, &id, err);
    if (status < 0) {
        turn_dispose(turn);
        return status;
    }
    turn->id = id;
    turn_trace_add(&turn->trace, "recover", "again", "taken up after a restart");
    turn_engine_admit(engine, turn);
    return TROUPE_OK;
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

static troupe_status take_up_all(struct engine *engine, struct gateway *gateway, struct error *err)
{
    int64_t *last = progress_of(engine, gateway->name);

    for (;;) {
        _cleanup_rows_ struct store_rows *rows = NULL;
        troupe_status status =
            store_query(engine->store,
                        STORE_SQL(SQL_TURN_OPEN_EVENTS, store_text(gateway->name), store_int(*last),
                                  store_int(engine->inherited)),
                        turn_engine_soon(engine), &rows, err);

        if (status < 0 || !rows->count)
            return status;
        for (size_t i = 0; i < rows->count; i++) {
            int64_t before = *last, id = store_cell_int(rows, i, 0, 0);

            if (id <= before)
                continue; /* another session of this gateway was faster */
            if (engine->admission.draining)
                return TROUPE_OK; /* the next process does it */
            *last = id;
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
    troupe_status status;

    if (engine->admission.draining)
        return TROUPE_OK;
    engine->recovering++;
    status = take_up_all(engine, gateway, err);
    engine->recovering--;
    turn_engine_check_idle(engine);
    return status;
}
