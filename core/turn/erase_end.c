/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/erase_end.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/index.h"
#include "turn/budget_tell.h"
#include "turn/engine_private.h"
#include "turn/owner.h"
#include "turn/sql/erase.h"

#include <string.h>

enum { ENDED_AT_ONCE = 100 };

void turn_erase_end_ask(struct engine *engine, struct store_batch *batch, const char *member)
{
    if (store_is_shared(engine->store))
        store_batch_add(batch, STORE_SQL(SQL_ERASE_ASK_HOSTS, store_text(member)));
}

/* ---- what runs here -------------------------------------------------------------------------- */

/* True where something is under way still. */
static bool end_turns(struct engine *engine, const struct turn_erase_end *of)
{
    bool live = turn_seen_end(engine, of->member, of->created_ms);

    list_for_each (link, &engine->turns) {
        struct turn *turn = container_of(link, struct turn, link);

        if (!turn->id || turn->id > of->last_event || !turn->event->member ||
            strcmp(turn->event->member, of->member) != 0)
            continue;
        live = true;
        if (turn->id != of->turn_id && !turn->state && turn->phase != TURN_ENDED)
            turn_stop(turn);
    }
    return live;
}

/* First the money that they had reserved: nobody comes to that of an ended turn before the next start. */
static troupe_status end_them(struct engine *engine, const int64_t *ids, size_t count,
                              struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    troupe_status status = TROUPE_OK;

    for (size_t i = 0; status == TROUPE_OK && i < count; i++) {
        status = turn_budget_end(engine, ids[i], err);
        store_batch_add(batch,
                        STORE_SQL(SQL_ERASE_END, store_int(ids[i]), store_int(clock_wall_ms())));
    }
    if (status == TROUPE_OK && count)
        status = store_commit(engine->store, batch, turn_engine_soon(engine), err);
    return status;
}

/* Turns that nobody has in memory: this host's, and those of hosts that are gone. */
static troupe_status end_events(struct engine *engine, const struct turn_erase_end *of,
                                bool *ret_more, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    int64_t ids[ENDED_AT_ONCE];
    size_t count = 0;
    troupe_status status = store_query(
        engine->store,
        STORE_SQL(SQL_ERASE_UNFINISHED, store_text(of->member), store_int(of->last_event)),
        turn_engine_soon(engine), &rows, err);

    if (status < 0)
        return status;
    for (size_t i = 0; i < rows->count; i++) {
        int64_t id = store_cell_int(rows, i, 0, 0);

        *ret_more = true; /* looked at once more, when it is stored */
        if (!turn_engine_turn(engine, id) && count < ENDED_AT_ONCE)
            ids[count++] = id;
    }
    return end_them(engine, ids, count, err);
}

/* ---- at every host --------------------------------------------------------------------------- */

/* What turns of the member had put into this process's memory is in no database. A cache's server that is away is
 * left to the deletion's last part. */
static troupe_status forget(struct engine *engine, const char *member, struct error *err)
{
    char owner[CACHE_OWNER + 1];

    store_index_forget(engine->store, member);
    if (!engine->cache)
        return TROUPE_OK;
    if (!turn_owner(member, owner))
        return error_set(err, TROUPE_FAILED, "libcrypto has no SHA-256");
    return cache_forget(engine->cache, owner, err) < 0 && co_status() < 0 ? co_status() : TROUPE_OK;
}

static troupe_status say_so(struct engine *engine, const char *member, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status =
        store_query(engine->store, STORE_SQL(SQL_ERASE_HOST_OPEN, store_text(member)),
                    turn_engine_soon(engine), &rows, err);

    if (status == TROUPE_OK && rows->count)
        status = forget(engine, member, err);
    if (status < 0 || !rows->count)
        return status;
    store_batch_add(batch, STORE_SQL(SQL_ERASE_HOST_DONE, store_text(member)));
    return store_commit(engine->store, batch, turn_engine_soon(engine), err);
}

static troupe_status others_left(struct engine *engine, const struct turn_erase_end *of,
                                 bool *ret_more, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_query(
        engine->store,
        STORE_SQL(SQL_ERASE_HOSTS_LEFT, store_text(of->member), store_int(of->last_event)),
        turn_engine_soon(engine), &rows, err);

    if (status == TROUPE_OK)
        *ret_more = store_cell_int(rows, 0, 0, 0) != 0;
    return status;
}

troupe_status turn_erase_end(struct engine *engine, const struct turn_erase_end *of, bool *ret_more,
                             struct error *err)
{
    bool more;
    troupe_status status = TROUPE_OK;

    /* Another host's numbers may be ahead: what comes from now on is a new beginning here, too. */
    if (engine->last_event < of->last_event)
        engine->last_event = of->last_event;
    more = end_turns(engine, of);
    if (!more)
        status = end_events(engine, of, &more, err);
    if (status == TROUPE_OK && !more && store_is_shared(engine->store)) {
        status = say_so(engine, of->member, err);
        if (status == TROUPE_OK)
            status = others_left(engine, of, &more, err);
    }
    if (status == TROUPE_OK)
        *ret_more = more;
    return status;
}

troupe_status turn_erase_end_all(struct engine *engine, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    const struct store_statement begun = {.sql = SQL_ERASE_BEGUN, .expect = STORE_ANY};
    troupe_status status = TROUPE_OK;

    if (store_is_shared(engine->store))
        status = store_query(engine->store, &begun, turn_engine_soon(engine), &rows, err);
    for (size_t i = 0; status == TROUPE_OK && rows && i < rows->count; i++) {
        const struct turn_erase_end of = {.member = store_cell_text(rows, i, 0, ""),
                                          .turn_id = store_cell_int(rows, i, 1, 0),
                                          .last_event = store_cell_int(rows, i, 2, 0),
                                          .created_ms = store_cell_int(rows, i, 3, 0)};
        bool more;

        status = turn_erase_end(engine, &of, &more, err);
    }
    return status;
}
