/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/budget.h"

#include "base/clock.h"

#include "turn/sql/budget.h"

#include <string.h>

/* One of the sums that a reservation counts against. */
struct part {
    const char *scope, *id;
    int64_t cap;
};

#define PARTS 4

static size_t parts_of(const struct turn_budget_caps *caps, const struct turn_budget_scope *scope,
                       struct part out[PARTS])
{
    const struct part all[PARTS] = {
        {"bot", scope->bot, caps->bot},
        {"guild", scope->guild, caps->guild},
        {"member", scope->member, caps->member},
        {"plugin", scope->plugin, caps->plugin},
    };
    size_t count = 0;

    for (size_t i = 0; i < PARTS; i++)
        if (all[i].id && *all[i].id)
            out[count++] = all[i];
    return count;
}

static void today(char day[11])
{
    char stamp[CLOCK_ISO_SIZE];

    clock_iso(clock_wall_ms(), stamp);
    memcpy(day, stamp, 10);
    day[10] = '\0';
}

static void add_to_sum(struct store_batch *batch, const char *day, const struct part *part,
                       int64_t worst)
{
    store_batch_add(batch,
                    STORE_EXPECT(1, SQL_BUDGET_ADD_TO_DAY, store_text(day), store_text(part->scope),
                                 store_text(part->id), store_int(worst), store_int(part->cap)));
}

/* Which cap stood in the way, in words for a member. */
static troupe_status refusal(struct store *store, const struct part *parts, size_t count,
                             int64_t worst, uint64_t deadline, struct error *err)
{
    static const struct {
        const char *scope, *whose;
    } words[] = {{"bot", "the bot's"},
                 {"guild", "this server's"},
                 {"member", "your"},
                 {"plugin", "this plugin's"}};

    for (size_t i = 0; i < count; i++) {
        struct turn_budget_sum sum = {0, 0, 0};
        const char *whose = "a";

        if (turn_budget_today(store, parts[i].scope, parts[i].id, deadline, &sum, NULL) < 0)
            continue;
        if (parts[i].cap == TURN_BUDGET_NO_CAP ||
            sum.reserved + sum.settled <= parts[i].cap - worst)
            continue;
        for (size_t k = 0; k < sizeof(words) / sizeof(words[0]); k++)
            if (!strcmp(words[k].scope, parts[i].scope))
                whose = words[k].whose;
        return error_set(err, TROUPE_BUDGET,
                         "%s budget for today is used up: %.4f of %.2f USD are spent or reserved "
                         "and this could cost up to %.4f; it starts anew at 00:00 UTC, or the "
                         "admin raises the cap in [budget]",
                         whose, (double)(sum.reserved + sum.settled) / 1e6,
                         (double)parts[i].cap / 1e6, (double)worst / 1e6);
    }
    return error_set(err, TROUPE_BUDGET,
                     "this could cost up to %.4f USD, which is more than a cap in [budget] leaves",
                     (double)worst / 1e6);
}

troupe_status turn_budget_reserve(struct store *store, const struct turn_budget_caps *caps,
                                  const struct turn_budget_scope *scope, int64_t turn_id,
                                  uint64_t worst, const char *what, uint64_t deadline, int64_t *ret,
                                  struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = NULL;
    struct part parts[PARTS];
    size_t count = parts_of(caps, scope, parts), ledger;
    troupe_status status;
    char day[11];

    if (worst > INT64_MAX)
        return error_set(err, TROUPE_BUDGET,
                         "the price of \"%s\" is not known, so it is not spent; the admin can set "
                         "a price in the agent's section or in the price table",
                         what);
    today(day);
    for (size_t i = 0; i < count; i++)
        if ((int64_t)worst > parts[i].cap)
            return refusal(store, parts, count, (int64_t)worst, deadline, err);
    batch = store_batch_new();
    ledger = store_batch_add(
        batch, STORE_EXPECT(1, SQL_BUDGET_RESERVE, store_int(turn_id), store_text(day),
                            store_text(scope->bot), store_text(scope->guild),
                            store_text(scope->member), store_text(scope->plugin), store_text(what),
                            store_int((int64_t)worst), store_int(clock_wall_ms())));
    for (size_t i = 0; i < count; i++)
        add_to_sum(batch, day, &parts[i], (int64_t)worst);
    status = store_commit(store, batch, deadline, err);
    if (status == TROUPE_CONFLICT)
        return refusal(store, parts, count, (int64_t)worst, deadline, err);
    if (status < 0)
        return status;
    *ret = store_batch_rowid(batch, ledger);
    return TROUPE_OK;
}

troupe_status turn_budget_dispatch(struct store *store, int64_t id, int64_t turn_id,
                                   uint64_t deadline, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_EXPECT(1, SQL_BUDGET_DISPATCH, store_int(id), store_int(turn_id),
                                        store_int(clock_wall_ms())));
    return store_commit(store, batch, deadline, err);
}

troupe_status turn_budget_undispatch(struct store *store, int64_t id, int64_t turn_id,
                                     uint64_t deadline, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch,
                    STORE_EXPECT(1, SQL_BUDGET_UNDISPATCH, store_int(id), store_int(turn_id)));
    return store_commit(store, batch, deadline, err);
}

static void move_sums(struct store_batch *batch, int64_t id, struct store_value settled,
                      int64_t unknown)
{
    store_batch_add(batch,
                    STORE_SQL(SQL_BUDGET_MOVE_SUMS, store_int(id), settled, store_int(unknown)));
}

troupe_status turn_budget_settle(struct store *store, int64_t id, int64_t turn_id, uint64_t micros,
                                 uint64_t deadline, int64_t *ret_over, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct store_value settled = store_int(micros > INT64_MAX ? INT64_MAX : (int64_t)micros);
    troupe_status status;
    int64_t reserved;
    size_t row;

    row =
        store_batch_add(batch, STORE_EXPECT(1, SQL_BUDGET_SETTLE, store_int(id), store_int(turn_id),
                                            settled, store_int(clock_wall_ms())));
    move_sums(batch, id, settled, 0);
    status = store_commit(store, batch, deadline, err);
    if (status < 0)
        return status;
    reserved = store_cell_int(store_batch_result(batch, row), 0, 0, 0);
    if (ret_over)
        *ret_over = settled.integer > reserved ? settled.integer - reserved : 0;
    return TROUPE_OK;
}

static void release_into(struct store_batch *batch, int64_t id, int64_t turn_id)
{
    store_batch_add(batch, STORE_EXPECT(1, SQL_BUDGET_RELEASE, store_int(id), store_int(turn_id),
                                        store_int(clock_wall_ms())));
    move_sums(batch, id, store_int(0), 0);
}

troupe_status turn_budget_release(struct store *store, int64_t id, int64_t turn_id,
                                  uint64_t deadline, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    release_into(batch, id, turn_id);
    return store_commit(store, batch, deadline, err);
}

troupe_status turn_budget_close(struct store *store, int64_t turn_id, uint64_t deadline,
                                struct error *err)
{
    for (;;) {
        _cleanup_rows_ struct store_rows *rows = NULL;
        _cleanup_batch_ struct store_batch *batch = NULL;
        troupe_status status = store_query(store, STORE_SQL(SQL_BUDGET_OPEN, store_int(turn_id)),
                                           deadline, &rows, err);

        if (status < 0 || !rows->count)
            return status;
        batch = store_batch_new();
        for (size_t i = 0; i < rows->count; i++) {
            int64_t id = store_cell_int(rows, i, 0, 0);

            if (!strcmp(store_cell_text(rows, i, 2, ""), "reserved")) {
                release_into(batch, id, store_cell_int(rows, i, 1, 0));
                continue;
            }
            store_batch_add(batch, STORE_EXPECT(1, SQL_BUDGET_UNKNOWN, store_int(id),
                                                store_int(clock_wall_ms())));
            move_sums(batch, id, store_null(), 1);
        }
        status = store_commit(store, batch, deadline, err);
        if (status < 0)
            return status;
    }
}

troupe_status turn_budget_today(struct store *store, const char *scope, const char *scope_id,
                                uint64_t deadline, struct turn_budget_sum *ret, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status;
    char day[11];

    today(day);
    status = store_query(
        store,
        STORE_SQL(SQL_BUDGET_TODAY, store_text(day), store_text(scope), store_text(scope_id)),
        deadline, &rows, err);
    if (status < 0)
        return status;
    *ret = (struct turn_budget_sum){store_cell_int(rows, 0, 0, 0), store_cell_int(rows, 0, 1, 0),
                                    store_cell_int(rows, 0, 2, 0)};
    return TROUPE_OK;
}
