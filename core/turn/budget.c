/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/budget.h"

#include "turn/budget_span.h"
#include "turn/budget_stop.h"
#include "turn/budget_warn.h"

#include "base/clock.h"
#include "base/mem.h"

#include "turn/sql/budget.h"

#include <string.h>

void turn_budget_day(int64_t now_ms, char ret[TURN_BUDGET_DAY_SIZE])
{
    char stamp[CLOCK_ISO_SIZE];

    clock_iso(now_ms, stamp);
    memcpy(ret, stamp, TURN_BUDGET_DAY_SIZE - 1);
    ret[TURN_BUDGET_DAY_SIZE - 1] = '\0';
}

/* ---- statements ----------------------------------------------------------------------------- */

static void move_sums(struct store_batch *batch, int64_t id, struct store_value settled,
                      int64_t unknown)
{
    store_batch_add(batch,
                    STORE_SQL(SQL_BUDGET_MOVE_DAY, store_int(id), settled, store_int(unknown)));
    turn_budget_span_move(batch, id, settled, unknown);
}

static void add_to_sums(struct store_batch *batch, const struct turn_budget_request *request,
                        const char *day, int64_t now_ms)
{
    const struct turn_budget_scope *scope = &request->scope;
    const struct turn_budget_caps *caps = request->caps[TURN_BUDGET_DAY];
    const char *what = request->what ? request->what : "";
    char alias[TURN_BUDGET_ALIAS_SIZE];

    turn_budget_stop_alias_kept(request->aliases, what, alias);
    store_batch_add(batch, STORE_EXPECT(turn_budget_scope_count(scope), SQL_BUDGET_ADD_TO_DAY,
                                        store_text(day), store_int((int64_t)request->worst),
                                        TURN_BUDGET_ID_VALUES(scope), TURN_BUDGET_CAP_VALUES(caps),
                                        store_text(what), store_text(alias)));
    turn_budget_span_add(batch, request, now_ms);
}

static int64_t add_row(struct store_batch *batch, const char *sql,
                       const struct turn_budget_request *request, int64_t id)
{
    const struct turn_budget_scope *scope = &request->scope;
    int64_t now_ms = clock_wall_ms();
    char day[TURN_BUDGET_DAY_SIZE];

    turn_budget_day(now_ms, day);
    store_batch_add(batch, STORE_EXPECT(1, sql, store_int(request->turn_id), store_text(day),
                                        TURN_BUDGET_ID_VALUES(scope),
                                        store_text(request->what ? request->what : ""),
                                        store_int((int64_t)request->worst), store_int(now_ms),
                                        store_int(id)));
    add_to_sums(batch, request, day, now_ms);
    return now_ms;
}

int64_t turn_budget_add_reserve(struct store_batch *batch,
                                const struct turn_budget_request *request, int64_t id)
{
    return add_row(batch, SQL_BUDGET_RESERVE, request, id);
}

int64_t turn_budget_add_spend(struct store_batch *batch, const struct turn_budget_request *request,
                              int64_t id)
{
    return add_row(batch, SQL_BUDGET_SPEND, request, id);
}

void turn_budget_add_dispatch(struct store_batch *batch, int64_t id, int64_t turn_id)
{
    store_batch_add(batch, STORE_EXPECT(1, SQL_BUDGET_DISPATCH, store_int(id), store_int(turn_id),
                                        store_int(clock_wall_ms())));
}

void turn_budget_add_undispatch(struct store_batch *batch, int64_t id, int64_t turn_id)
{
    store_batch_add(batch,
                    STORE_EXPECT(1, SQL_BUDGET_UNDISPATCH, store_int(id), store_int(turn_id)));
}

void turn_budget_add_release(struct store_batch *batch, int64_t id, int64_t turn_id)
{
    store_batch_add(batch, STORE_EXPECT(1, SQL_BUDGET_RELEASE, store_int(id), store_int(turn_id),
                                        store_int(clock_wall_ms())));
    move_sums(batch, id, store_int(0), 0);
}

static int64_t as_micros(uint64_t micros)
{
    return micros > INT64_MAX ? INT64_MAX : (int64_t)micros;
}

static size_t add_closing(struct store_batch *batch, const char *sql, int64_t id, int64_t turn_id,
                          struct store_value settled)
{
    return store_batch_add(batch, STORE_EXPECT(1, sql, store_int(id), store_int(turn_id), settled,
                                               store_int(clock_wall_ms())));
}

size_t turn_budget_add_settle(struct store_batch *batch, int64_t id, int64_t turn_id,
                              uint64_t micros)
{
    struct store_value settled = store_int(as_micros(micros));
    size_t row = add_closing(batch, SQL_BUDGET_SETTLE, id, turn_id, settled);

    move_sums(batch, id, settled, 0);
    turn_budget_stop_note(batch, id);
    return row;
}

void turn_budget_add_book(struct store_batch *batch, const struct turn_budget_request *request,
                          int64_t id, int64_t reserved_ms, uint64_t micros)
{
    struct store_value settled = store_int(as_micros(micros));
    char day[TURN_BUDGET_DAY_SIZE];

    turn_budget_day(reserved_ms, day);
    add_closing(batch, SQL_BUDGET_BOOK, id, request->turn_id, settled);
    store_batch_add(batch, STORE_SQL(SQL_BUDGET_BOOK_DAY, store_text(day),
                                     TURN_BUDGET_ID_VALUES(&request->scope), settled,
                                     store_int((int64_t)request->worst)));
    turn_budget_span_book(batch, request, reserved_ms, settled);
    if (micros > request->worst)
        turn_budget_stop_note(batch, id);
}

int64_t turn_budget_over(const struct store_batch *batch, size_t index, uint64_t micros)
{
    int64_t reserved = store_cell_int(store_batch_result(batch, index), 0, 0, INT64_MAX);

    return as_micros(micros) > reserved ? as_micros(micros) - reserved : 0;
}

const char *turn_budget_what(const struct store_batch *batch, size_t index)
{
    return store_cell_text(store_batch_result(batch, index), 0, 1, "");
}

static void add_unknown(struct store_batch *batch, int64_t id)
{
    store_batch_add(batch,
                    STORE_EXPECT(1, SQL_BUDGET_UNKNOWN, store_int(id), store_int(clock_wall_ms())));
    move_sums(batch, id, store_null(), 1);
}

void turn_budget_add_again(struct store_batch *batch, const struct turn_budget_request *request,
                           int64_t old, int64_t id)
{
    int64_t now_ms = clock_wall_ms();
    char day[TURN_BUDGET_DAY_SIZE];

    add_unknown(batch, old);
    turn_budget_day(now_ms, day);
    store_batch_add(batch, STORE_EXPECT(1, SQL_BUDGET_AGAIN, store_int(old), store_int(id),
                                        store_text(day), store_int(now_ms)));
    add_to_sums(batch, request, day, now_ms);
}

/* ---- by themselves -------------------------------------------------------------------------- */

troupe_status turn_budget_read(struct store *store, int64_t id, uint64_t deadline,
                               struct turn_budget_request *request, struct store_rows **ret,
                               struct error *err)
{
    struct store_rows *rows = NULL;
    troupe_status status =
        store_query(store, STORE_SQL(SQL_BUDGET_OF, store_int(id)), deadline, &rows, err);

    if (status == TROUPE_OK && !rows->count)
        status = error_set(err, TROUPE_NOT_FOUND, "there is no reservation %lld", (long long)id);
    if (status < 0) {
        store_rows_free(rows);
        return status;
    }
    request->scope = (struct turn_budget_scope){
        store_cell_text(rows, 0, 0, ""), store_cell_text(rows, 0, 1, ""),
        store_cell_text(rows, 0, 2, ""), store_cell_text(rows, 0, 3, "")};
    request->worst = (uint64_t)store_cell_int(rows, 0, 4, 0);
    request->what = store_cell_text(rows, 0, 5, "");
    *ret = rows;
    return TROUPE_OK;
}

troupe_status turn_budget_dispatch(struct store *store, int64_t id, int64_t turn_id,
                                   uint64_t deadline, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    turn_budget_add_dispatch(batch, id, turn_id);
    return store_commit(store, batch, deadline, err);
}

troupe_status turn_budget_undispatch(struct store *store, int64_t id, int64_t turn_id,
                                     uint64_t deadline, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    turn_budget_add_undispatch(batch, id, turn_id);
    return store_commit(store, batch, deadline, err);
}

troupe_status turn_budget_settle(struct store *store, int64_t id, int64_t turn_id, uint64_t micros,
                                 uint64_t deadline, int64_t *ret_over, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    size_t row = turn_budget_add_settle(batch, id, turn_id, micros);
    troupe_status status = store_commit(store, batch, deadline, err);

    if (status == TROUPE_OK && ret_over)
        *ret_over = turn_budget_over(batch, row, micros);
    return status;
}

troupe_status turn_budget_release(struct store *store, int64_t id, int64_t turn_id,
                                  uint64_t deadline, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    turn_budget_add_release(batch, id, turn_id);
    return store_commit(store, batch, deadline, err);
}

/* A worst case that is booked, to be told when the store has it. */
struct booked {
    int64_t turn;
    struct turn_budget_watch watch;
};

troupe_status turn_budget_close(struct store *store, int64_t turn_id, uint64_t deadline,
                                const struct turn_budget_watcher *watcher, struct error *err)
{
    for (;;) {
        _cleanup_rows_ struct store_rows *rows = NULL;
        _cleanup_batch_ struct store_batch *batch = NULL;
        _cleanup_mem_ struct booked *booked = NULL;
        size_t count = 0;
        troupe_status status = store_query(store, STORE_SQL(SQL_BUDGET_OPEN, store_int(turn_id)),
                                           deadline, &rows, err);

        if (status < 0 || !rows->count)
            return status;
        batch = store_batch_new();
        booked = mem_zero(rows->count, sizeof(*booked));
        for (size_t i = 0; i < rows->count; i++) {
            int64_t id = store_cell_int(rows, i, 0, 0);

            if (!strcmp(store_cell_text(rows, i, 2, ""), "reserved")) {
                turn_budget_add_release(batch, id, store_cell_int(rows, i, 1, 0));
                continue;
            }
            add_unknown(batch, id);
            if (!watcher)
                continue;
            booked[count++] = (struct booked){
                .turn = store_cell_int(rows, i, 1, 0),
                .watch = turn_budget_watch(batch, watcher->limits, id,
                                           (uint64_t)store_cell_int(rows, i, 3, 0))};
        }
        status = store_commit(store, batch, deadline, err);
        if (status < 0)
            return status;
        for (size_t i = 0; i < count; i++)
            watcher->booked(watcher->arg, booked[i].turn, batch, &booked[i].watch);
    }
}

troupe_status turn_budget_by_what(struct store *store, uint64_t deadline, struct store_rows **ret,
                                  struct error *err)
{
    char day[TURN_BUDGET_DAY_SIZE];

    turn_budget_day(clock_wall_ms(), day);
    return store_query(store, STORE_SQL(SQL_BUDGET_BY_WHAT, store_text(day)), deadline, ret, err);
}
