/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/budget_span.h"

#include "base/clock.h"

#include "turn/sql/budget_span.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)

int64_t turn_budget_span_hour(int64_t now_ms)
{
    return now_ms / HOUR_MS;
}

void turn_budget_span_month(int64_t now_ms, char ret[TURN_BUDGET_DAY_SIZE])
{
    turn_budget_day(now_ms, ret);
    snprintf(ret + sizeof("2026-11-") - 1, sizeof("01"), "01");
}

/* The hour, or the first day of the month or the day itself. */
static struct store_value begin_of(enum turn_budget_span span, int64_t now_ms,
                                   char day[TURN_BUDGET_DAY_SIZE])
{
    if (span == TURN_BUDGET_HOUR)
        return store_int(turn_budget_span_hour(now_ms));
    if (span == TURN_BUDGET_MONTH)
        turn_budget_span_month(now_ms, day);
    else
        turn_budget_day(now_ms, day);
    return store_text(day);
}

static void fit_month(struct store_batch *batch, const struct turn_budget_request *request,
                      int64_t now_ms)
{
    const struct turn_budget_caps *caps = request->caps[TURN_BUDGET_MONTH];
    const int count = turn_budget_cap_count(&request->scope, caps);
    char month[TURN_BUDGET_DAY_SIZE];
    struct store_value ids[TURN_BUDGET_SCOPES];

    if (!count)
        return;
    for (int i = 0; i < TURN_BUDGET_SCOPES; i++) {
        const enum turn_budget_whose whose = (enum turn_budget_whose)i;
        const bool is_set = turn_budget_cap_of(caps, whose) != TURN_BUDGET_NO_CAP;

        ids[i] = store_text(is_set ? turn_budget_id_of(&request->scope, whose) : "");
    }
    turn_budget_span_month(now_ms, month);
    store_batch_add(batch, STORE_EXPECT(count, SQL_BUDGET_SPAN_FIT_MONTH, store_text(month), ids[0],
                                        ids[1], ids[2], ids[3], TURN_BUDGET_CAP_VALUES(caps)));
}

void turn_budget_span_add(struct store_batch *batch, const struct turn_budget_request *request,
                          int64_t now_ms)
{
    const struct turn_budget_scope *scope = &request->scope;
    const struct turn_budget_caps *caps = request->caps[TURN_BUDGET_HOUR];

    store_batch_add(batch,
                    STORE_EXPECT(turn_budget_scope_count(scope), SQL_BUDGET_SPAN_ADD_TO_HOUR,
                                 store_int(turn_budget_span_hour(now_ms)),
                                 store_int((int64_t)request->worst), TURN_BUDGET_ID_VALUES(scope),
                                 TURN_BUDGET_CAP_VALUES(caps)));
    fit_month(batch, request, now_ms);
}

void turn_budget_span_move(struct store_batch *batch, int64_t id, struct store_value settled,
                           int64_t unknown)
{
    store_batch_add(
        batch, STORE_SQL(SQL_BUDGET_SPAN_MOVE_HOUR, store_int(id), settled, store_int(unknown)));
}

void turn_budget_span_book(struct store_batch *batch, const struct turn_budget_request *request,
                           int64_t reserved_ms, struct store_value settled)
{
    store_batch_add(batch, STORE_SQL(SQL_BUDGET_SPAN_BOOK_HOUR,
                                     store_int(turn_budget_span_hour(reserved_ms)),
                                     TURN_BUDGET_ID_VALUES(&request->scope), settled,
                                     store_int((int64_t)request->worst)));
}

void turn_budget_span_sweep(struct store_batch *batch, int64_t now_ms)
{
    store_batch_add(
        batch, STORE_SQL(SQL_BUDGET_SPAN_SWEEP_HOUR, store_int(turn_budget_span_hour(now_ms) - 1)));
}

const char *turn_budget_span_name(enum turn_budget_span span)
{
    static const char *const names[TURN_BUDGET_SPANS] = {"this hour", "today", "this month"};

    return names[span];
}

const char *turn_budget_span_of(enum turn_budget_span span)
{
    static const char *const names[TURN_BUDGET_SPANS] = {"of this hour", "of today",
                                                         "of this month"};

    return names[span];
}

const char *turn_budget_usd(int64_t micros, char ret[TURN_BUDGET_USD_SIZE])
{
    int len = snprintf(ret, TURN_BUDGET_USD_SIZE, "%.6f", (double)micros / 1e6);

    for (int zeros = 0; zeros < 4 && len > 0 && ret[len - 1] == '0'; zeros++)
        ret[--len] = '\0';
    return ret;
}

int64_t turn_budget_span_end(enum turn_budget_span span, int64_t now_ms)
{
    const int64_t length = span == TURN_BUDGET_HOUR ? HOUR_MS : DAY_MS;
    time_t now = (time_t)(now_ms / 1000);
    struct tm tm;

    if (span != TURN_BUDGET_MONTH)
        return now_ms - now_ms % length + length;
    gmtime_r(&now, &tm);
    tm = (struct tm){.tm_year = tm.tm_year, .tm_mon = tm.tm_mon + 1, .tm_mday = 1};
    return (int64_t)timegm(&tm) * 1000;
}

troupe_status turn_budget_span_sum(struct store *store, enum turn_budget_span span,
                                   enum turn_budget_whose whose, const char *id, uint64_t deadline,
                                   struct turn_budget_sum *ret, struct error *err)
{
    static const char *const sums[TURN_BUDGET_SPANS] = {SQL_BUDGET_SPAN_HOUR, SQL_BUDGET_SPAN_DAY,
                                                        SQL_BUDGET_SPAN_MONTH};
    _cleanup_rows_ struct store_rows *rows = NULL;
    char day[TURN_BUDGET_DAY_SIZE];
    struct store_value begin = begin_of(span, clock_wall_ms(), day);
    troupe_status status = store_query(
        store,
        STORE_SQL(sums[span], begin, store_text(turn_budget_scope_name(whose)), store_text(id)),
        deadline, &rows, err);

    if (status == TROUPE_OK)
        *ret =
            (struct turn_budget_sum){store_cell_int(rows, 0, 0, 0), store_cell_int(rows, 0, 1, 0),
                                     store_cell_int(rows, 0, 2, 0)};
    return status;
}

troupe_status turn_budget_span_taken(struct store *store, const struct turn_budget_scope *scope,
                                     uint64_t deadline, struct turn_budget_taken *ret,
                                     struct error *err)
{
    const int64_t now_ms = clock_wall_ms();
    char day[TURN_BUDGET_DAY_SIZE], month[TURN_BUDGET_DAY_SIZE];
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_query(
        store,
        STORE_SQL(SQL_BUDGET_SPAN_SUMS, begin_of(TURN_BUDGET_HOUR, now_ms, NULL),
                  begin_of(TURN_BUDGET_DAY, now_ms, day),
                  begin_of(TURN_BUDGET_MONTH, now_ms, month), TURN_BUDGET_ID_VALUES(scope)),
        deadline, &rows, err);

    if (status < 0)
        return status;
    *ret = (struct turn_budget_taken){0};
    for (size_t i = 0; i < rows->count; i++) {
        const int64_t whose = store_cell_int(rows, i, 0, 0);

        for (size_t span = 0; span < TURN_BUDGET_SPANS; span++)
            if (whose >= 0 && whose < TURN_BUDGET_SCOPES)
                ret->of[span][whose] = store_cell_int(rows, i, 1 + span, 0);
    }
    return TROUPE_OK;
}

troupe_status turn_budget_span_most(struct store *store, enum turn_budget_span span,
                                    enum turn_budget_whose whose, size_t limit, uint64_t deadline,
                                    struct store_rows **ret, struct error *err)
{
    char day[TURN_BUDGET_DAY_SIZE];
    struct store_value begin = begin_of(span, clock_wall_ms(), day),
                       most = store_int((int64_t)limit),
                       scope = store_text(turn_budget_scope_name(whose));

    if (span == TURN_BUDGET_HOUR)
        return store_query(store, STORE_SQL(SQL_BUDGET_SPAN_MOST_OF_HOUR, begin, scope, most),
                           deadline, ret, err);
    return store_query(store, STORE_SQL(SQL_BUDGET_SPAN_MOST_OF_DAYS, begin, scope, most), deadline,
                       ret, err);
}
