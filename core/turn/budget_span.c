/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/budget_span.h"

#include "base/clock.h"

#include "turn/sql/budget_span.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)
#define DAY_LEN 10 /* of "2026-11-20" */

/* A cap that is set, and the scope that it is for. */
struct part {
    const char *scope, *id, *whose;
    int64_t cap;
};

#define PARTS 4

static size_t parts_of(const struct turn_budget_request *request,
                       const struct turn_budget_caps *caps, struct part out[PARTS])
{
    const struct turn_budget_scope *scope = &request->scope;
    size_t count = 0;

    if (!caps)
        return 0;
    const struct part all[PARTS] = {
        {"bot", scope->bot, "the bot's", caps->bot},
        {"guild", scope->guild, "this server's", caps->guild},
        {"member", scope->member, "your", caps->member},
        {"plugin", scope->plugin, "this plugin's", caps->plugin},
    };
    for (size_t i = 0; i < PARTS; i++)
        if (all[i].id && *all[i].id && all[i].cap != TURN_BUDGET_NO_CAP)
            out[count++] = all[i];
    return count;
}

/* Where the time that `now_ms` lies in begins: of the hour in milliseconds, else as a day. */
static struct store_value begin_of(enum turn_budget_span span, int64_t now_ms,
                                   char day[CLOCK_ISO_SIZE])
{
    if (span == TURN_BUDGET_HOUR)
        return store_int(now_ms - now_ms % HOUR_MS);
    clock_iso(now_ms, day);
    day[DAY_LEN] = '\0';
    if (span == TURN_BUDGET_MONTH)
        memcpy(day + DAY_LEN - 2, "01", 2);
    return store_text(day);
}

static void add_guard(struct store_batch *batch, enum turn_budget_span span,
                      const struct part *part, int64_t now_ms)
{
    char month[CLOCK_ISO_SIZE], day[CLOCK_ISO_SIZE];
    struct store_value begin = begin_of(span, now_ms, month);

    clock_iso(now_ms, day);
    day[DAY_LEN] = '\0';
    if (span == TURN_BUDGET_HOUR)
        store_batch_add(batch,
                        STORE_EXPECT(1, SQL_BUDGET_SPAN_FITS_HOUR, begin, store_text(part->scope),
                                     store_text(part->id), store_int(part->cap), store_text(day)));
    else
        store_batch_add(batch,
                        STORE_EXPECT(1, SQL_BUDGET_SPAN_FITS_MONTH, begin, store_text(part->scope),
                                     store_text(part->id), store_int(part->cap), store_text(day)));
}

void turn_budget_span_add(struct store_batch *batch, const struct turn_budget_request *request,
                          int64_t now_ms)
{
    const struct turn_budget_caps *caps[TURN_BUDGET_SPANS] = {request->hour, NULL, request->month};
    struct part parts[PARTS];

    for (int span = 0; span < TURN_BUDGET_SPANS; span++) {
        size_t count = parts_of(request, caps[span], parts);

        for (size_t i = 0; i < count; i++)
            add_guard(batch, (enum turn_budget_span)span, &parts[i], now_ms);
    }
}

const char *turn_budget_span_name(enum turn_budget_span span)
{
    static const char *const names[TURN_BUDGET_SPANS] = {"this hour", "today", "this month"};

    return names[span];
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

size_t turn_budget_span_booked(struct store_batch *batch, enum turn_budget_span span, int64_t id)
{
    char day[CLOCK_ISO_SIZE];
    struct store_value begin = begin_of(span, clock_wall_ms(), day);

    if (span == TURN_BUDGET_HOUR)
        return store_batch_add(batch, STORE_SQL(SQL_BUDGET_SPAN_BOOKED_HOUR, begin, store_int(id)));
    return store_batch_add(batch, STORE_SQL(SQL_BUDGET_SPAN_BOOKED_MONTH, begin, store_int(id)));
}

troupe_status turn_budget_span_sum(struct store *store, enum turn_budget_span span,
                                   const char *scope, const char *scope_id, uint64_t deadline,
                                   struct turn_budget_sum *ret, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    char month[CLOCK_ISO_SIZE];
    struct store_value begin = begin_of(span, clock_wall_ms(), month);
    troupe_status status;

    if (span == TURN_BUDGET_DAY)
        return turn_budget_today(store, scope, scope_id, deadline, ret, err);
    if (span == TURN_BUDGET_HOUR)
        status = store_query(
            store, STORE_SQL(SQL_BUDGET_SPAN_HOUR, begin, store_text(scope), store_text(scope_id)),
            deadline, &rows, err);
    else
        status = store_query(
            store, STORE_SQL(SQL_BUDGET_SPAN_MONTH, begin, store_text(scope), store_text(scope_id)),
            deadline, &rows, err);
    if (status == TROUPE_OK)
        *ret =
            (struct turn_budget_sum){store_cell_int(rows, 0, 0, 0), store_cell_int(rows, 0, 1, 0),
                                     store_cell_int(rows, 0, 2, 0)};
    return status;
}

troupe_status turn_budget_span_most(struct store *store, enum turn_budget_span span,
                                    const char *scope, size_t limit, uint64_t deadline,
                                    struct store_rows **ret, struct error *err)
{
    char day[CLOCK_ISO_SIZE];
    struct store_value begin = begin_of(span, clock_wall_ms(), day),
                       most = store_int((int64_t)limit);

    if (span == TURN_BUDGET_HOUR)
        return store_query(store,
                           STORE_SQL(SQL_BUDGET_SPAN_MOST_OF_HOUR, begin, store_text(scope), most),
                           deadline, ret, err);
    return store_query(store,
                       STORE_SQL(SQL_BUDGET_SPAN_MOST_OF_DAYS, begin, store_text(scope), most),
                       deadline, ret, err);
}

troupe_status turn_budget_span_refusal(struct store *store,
                                       const struct turn_budget_request *request, uint64_t deadline,
                                       struct error *err)
{
    const struct turn_budget_caps *caps[TURN_BUDGET_SPANS] = {request->hour, NULL, request->month};
    static const char *const ends[TURN_BUDGET_SPANS] = {"with the next hour", "at 00:00 UTC",
                                                        "on the first of the next month, UTC"};
    int64_t worst = (int64_t)request->worst;

    for (int span = 0; span < TURN_BUDGET_SPANS; span++) {
        struct part parts[PARTS];
        size_t count = parts_of(request, caps[span], parts);

        for (size_t i = 0; i < count; i++) {
            struct turn_budget_sum sum = {0, 0, 0};
            int64_t taken;

            if (turn_budget_span_sum(store, (enum turn_budget_span)span, parts[i].scope,
                                     parts[i].id, deadline, &sum, NULL) < 0)
                continue;
            taken = sum.reserved + sum.settled;
            if (taken <= parts[i].cap - worst)
                continue;
            return error_set(err, TROUPE_BUDGET,
                             "%s budget for %s is used up: %.4f of %.2f USD are spent or reserved "
                             "and this could cost up to %.4f; it starts anew %s, or the admin "
                             "raises the cap in [budget]",
                             parts[i].whose, turn_budget_span_name((enum turn_budget_span)span),
                             (double)taken / 1e6, (double)parts[i].cap / 1e6, (double)worst / 1e6,
                             ends[span]);
        }
    }
    return TROUPE_OK;
}
