/* SPDX-License-Identifier: Apache-2.0
 *
 * What a crash or stop left open. An event whose turn had spent nothing is run again; one that had
 * is closed with a sentence, since running it again could pay twice; one that was cut too often is
 * dead. Answers that were stored and never shown are shown now. Money that was on its way is booked
 * at its worst case.
 */
#include "turn/engine_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/sql/turn.h"

#include <stdio.h>
#include <string.h>

/* Shows a stored answer; the row is marked afterwards, so a crash between shows it once more. */
static void show_again(struct engine *engine, struct gateway *gateway,
                       const struct store_rows *rows, size_t row)
{
    const struct store_value *payload = store_cell(rows, row, 2), *body = store_cell(rows, row, 1);
    struct event *event = NULL;
    struct error err;
    void *handle = NULL;

    if (event_parse(payload->data, payload->len, &event, &err) < 0) {
        log_error("recover", "event of turn %lld: %s", (long long)store_cell_int(rows, row, 3, 0),
                  err.text);
        return;
    }
    event->gateway = gateway;
    if (gateway->ops->answer_begin(gateway, event, store_cell_int(rows, row, 3, 0), &handle,
                                   &err) == TROUPE_OK &&
        gateway->ops->answer_end(gateway, handle, GATEWAY_COMPLETE, body->data, body->len, &err) ==
            TROUPE_OK)
        turn_engine_mark_sent(engine, store_cell_int(rows, row, 0, 0));
    event_unref(event);
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

static bool runs_already(const struct engine *engine, int64_t event_id)
{
    list_for_each (link, &engine->turns)
        if (container_of(link, struct turn, link)->event_id == event_id)
            return true;
    return false;
}

static troupe_status take_up(struct engine *engine, struct gateway *gateway,
                             const struct store_rows *rows, size_t row, struct error *err)
{
    const struct store_value *payload = store_cell(rows, row, 1);
    int64_t event_id = store_cell_int(rows, row, 0, 0), attempts = store_cell_int(rows, row, 2, 0);
    int64_t old_turn = store_cell_int(rows, row, 3, 0), id = 0;
    bool paid = store_cell_int(rows, row, 4, 0) != 0;
    struct event *event = NULL;
    struct turn *turn;
    troupe_status status = event_parse(payload->data, payload->len, &event, err);

    if (status < 0)
        return status;
    event->gateway = gateway;
    if (old_turn && (paid || attempts >= ENGINE_ATTEMPTS_MAX)) {
        close_event(engine, event, event_id, old_turn, paid ? "restart" : "dead",
                    paid ? "I was restarted while I answered this; please ask again"
                         : "I could not finish this message, it was cut twice; please ask "
                           "differently");
        return TROUPE_OK;
    }
    status = new_turn(engine, event_id, old_turn, &id, err);
    if (status < 0) {
        event_unref(event);
        return status;
    }
    turn = turn_new(engine, event, id, event_id);
    turn_trace_add(&turn->trace, "recover", "again", "taken up after a restart");
    turn_engine_admit(engine, turn);
    return TROUPE_OK;
}

troupe_status turn_engine_recover(struct engine *engine, struct gateway *gateway, struct error *err)
{
    _cleanup_rows_ struct store_rows *open = NULL, *unsent = NULL;
    uint64_t deadline = turn_engine_soon(engine);
    troupe_status status;

    status = store_query(engine->store, STORE_SQL(SQL_TURN_UNSENT, store_text(gateway->name)),
                         deadline, &unsent, err);
    if (status == TROUPE_OK)
        status =
            store_query(engine->store, STORE_SQL(SQL_TURN_OPEN_EVENTS, store_text(gateway->name)),
                        deadline, &open, err);
    for (size_t i = 0; status == TROUPE_OK && i < unsent->count; i++)
        show_again(engine, gateway, unsent, i);
    for (size_t i = 0; status == TROUPE_OK && i < open->count; i++)
        if (!runs_already(engine, store_cell_int(open, i, 0, 0)))
            status = take_up(engine, gateway, open, i, err);
    return status;
}
