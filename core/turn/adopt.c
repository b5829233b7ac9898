/* SPDX-License-Identifier: Apache-2.0
 *
 * Several hosts on one database: what a host that is gone has left open is taken over, as if this one had
 * crashed with it. One transaction makes it ours, in which the places of hosts that are gone stay locked:
 * who starts there comes before it or behind it. By then the store lets the other commit nothing.
 */
#include "turn/engine_private.h"

#include "base/log.h"
#include "turn/erase_end.h"
#include "turn/sql/turn.h"

troupe_status turn_engine_refresh(struct engine *engine, struct error *err)
{
    troupe_status status = turn_settings_refresh(engine, err);

    return status == TROUPE_OK ? turn_erase_end_all(engine, err) : status;
}

enum { COL_ID, COL_SOURCE, COL_WAITS };

troupe_status turn_engine_left_behind(struct engine *engine, bool *ret, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    const struct store_statement left = {.sql = SQL_TURN_LEFT_BEHIND, .expect = STORE_ANY};
    troupe_status status = TROUPE_OK;

    if (store_is_shared(engine->store))
        status = store_query(engine->store, &left, turn_engine_soon(engine), &rows, err);
    if (status == TROUPE_OK)
        *ret = rows && rows->count;
    return status;
}

/* Turns go on where their gateway is; others as soon as it comes, like an earlier process's. */
static troupe_status take_up(struct engine *engine, const struct store_rows *rows,
                             struct error *err)
{
    troupe_status status = TROUPE_OK;

    for (size_t i = 0; status == TROUPE_OK && i < rows->count; i++) {
        const char *source = turn_engine_origin(store_cell_text(rows, i, COL_SOURCE, ""));
        int64_t id = store_cell_int(rows, i, COL_ID, 0);

        if (!map_get(&engine->gateways, source)) {
            engine->inherited = id > engine->inherited ? id : engine->inherited;
            continue;
        }
        if (!store_cell_int(rows, i, COL_WAITS, 0))
            status = turn_engine_again(engine, id, NULL, err);
    }
    return status;
}

troupe_status turn_engine_adopt(struct engine *engine,
                                troupe_status (*deliver)(void *arg, struct error *err), void *arg,
                                struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    troupe_status status;
    size_t events;

    store_batch_add(batch, STORE_SQL(SQL_TURN_ADOPT_HOSTS));
    store_batch_add(batch, STORE_SQL(SQL_TURN_ADOPT_OUTBOX));
    events = store_batch_add(batch, STORE_SQL(SQL_TURN_ADOPT_EVENTS));
    status = store_commit(engine->store, batch, turn_engine_soon(engine), err);
    if (status == TROUPE_OK) {
        const struct store_rows *rows = store_batch_result(batch, events);

        log_warn("turn", "%zu open turns of a host that is gone go on here", rows->count);
        status = deliver(arg, err);
        if (status == TROUPE_OK)
            status = take_up(engine, rows, err);
    }
    return status == TROUPE_OK ? turn_waits_look(engine, err) : status;
}

bool turn_engine_ours(struct engine *engine, int64_t turn_id)
{
    _cleanup_rows_ struct store_rows *rows = NULL;

    return !store_is_shared(engine->store) ||
           store_query(engine->store, STORE_SQL(SQL_TURN_OURS, store_int(turn_id)),
                       turn_engine_soon(engine), &rows, NULL) < 0 ||
           rows->count;
}
