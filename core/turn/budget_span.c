/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/budget_span.h"

#include "base/clock.h"

#include "turn/sql/budget_span.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS  (24 * HOUR_MS)

/* A cap that is set, and the scope that it is for. */
struct part {
    const char *scope, *id;
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
        {"bot", scope->bot, caps->bot},
        {"guild", scope->guild, caps->guild},
        {"member", scope->member, caps->member},
        {"plugin", scope->plugin, caps->plugin},
    };
    for (size_t i = 0; i < PARTS; i++)
        if (all[i].id && *all[i].id && all[i].cap != TURN_BUDGET_NO_CAP)
            out[count++] = all[i];
    return count;
}

static int64_t hour_of(int64_t now_ms)
{
    return now_ms / HOUR_MS;
}

/* The hour, or the first day of the month or the day itself. */
static struct store_value begin_of(enum turn_budget_span span, int64_t now_ms,
                                   char day[TURN_BUDGET_DAY_SIZE])
{
    if (span == TURN_BUDGET_HOUR)
        return store_int(hour_of(now_ms));
    turn_budget_day(now_ms, day);
    if (span == TURN_BUDGET_MONTH)
        snprintf(day + sizeof("2026-11-") - 1, sizeof("01"), "01");
    return store_text(day);
}

static struct store_value text_of(const char *text)
{
    return store_text(text ? text : "");
}

static bool is_set(const char *id)
{
    return id && *id;
}

static void add_to_hour(struct store_batch *batch, const struct turn_budget_request *request,
                        int64_t now_ms)
{
    static const struct turn_budget_caps none = {TURN_BUDGET_NO_CAP, TURN_BUDGET_NO_CAP,
                                                 TURN_BUDGET_NO_CAP, TURN_BUDGET_NO_CAP};
    const struct turn_budget_caps *caps = request->hour ? request->hour : &none;
    const struct turn_budget_scope *scope = &request->scope;
    const int rows =
        is_set(scope->bot) + is_set(scope->guild) + is_set(scope->member) + is_set(scope->plugin);

    store_batch_add(
        batch,
        STORE_EXPECT(rows, SQL_BUDGET_SPAN_ADD_TO_HOUR, store_int(hour_of(now_ms)),
                     store_int((int64_t)request->worst), text_of(scope->bot), text_of(scope->guild),
                     text_of(scope->member), text_of(scope->plugin), store_int(caps->bot),
                     store_int(caps->guild), store_int(caps->member), store_int(caps->plugin)));
}

void turn_budget_span_add(struct store_batch *batch, const struct turn_budget_request *request,
                          int64_t now_ms)
{
    char month_text[TURN_BUDGET_DAY_SIZE], day_text[TURN_BUDGET_DAY_SIZE];
    struct store_value month = begin_of(TURN_BUDGET_MONTH, now_ms, month_text),
                       day = begin_of(TURN_BUDGET_DAY, now_ms, day_text);
    struct part parts[PARTS];
    size_t count = parts_of(request, request->month, parts);

    add_to_hour(batch, request, now_ms);
    for (size_t i = 0; i < count; i++)
        store_batch_add(batch, STORE_EXPECT(1, SQL_BUDGET_SPAN_FITS_MONTH, month,
                                            store_text(parts[i].scope), store_text(parts[i].id),
                                            store_int(parts[i].cap), day));
}

void turn_budget_span_move(struct store_batch *batch, int64_t id, struct store_value settled,
                           int64_t unknown)
{
    store_batch_add(
        batch, STORE_SQL(SQL_BUDGET_SPAN_MOVE_HOUR, store_int(id), settled, store_int(unknown)));
}

void turn_budget_span_book(struct store_batch *batch, const struct turn_budget_request *request,
                           int64_t id, struct store_value settled)
{
    const struct turn_budget_scope *scope = &request->scope;
    const char *const of[PARTS][2] = {{"bot", scope->bot},
                                      {"guild", scope->guild},
                                      {"member", scope->member},
                                      {"plugin", scope->plugin}};

    for (size_t i = 0; i < PARTS; i++)
        if (is_set(of[i][1]))
            store_batch_add(batch, STORE_SQL(SQL_BUDGET_SPAN_BOOK_HOUR, store_int(id), settled,
                                             store_text(of[i][0]), store_text(of[i][1]),
                                             store_int((int64_t)request->worst)));
}

void turn_budget_span_sweep(struct store_batch *batch, int64_t now_ms)
{
    store_batch_add(batch, STORE_SQL(SQL_BUDGET_SPAN_SWEEP_HOUR, store_int(hour_of(now_ms) - 1)));
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

size_t turn_budget_span_booked(struct store_batch *batch, enum turn_budget_span span, int64_t id)
{
    char day[TURN_BUDGET_DAY_SIZE];
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
    char month[TURN_BUDGET_DAY_SIZE];
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
    char day[TURN_BUDGET_DAY_SIZE];
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

bool turn_budget_obstacle(struct store *store, const struct turn_budget_request *request,
                          uint64_t deadline, struct turn_budget_obstacle *ret)
{
    const struct turn_budget_caps *caps[TURN_BUDGET_SPANS] = {request->hour, request->caps,
                                                              request->month};
    const int64_t worst = (int64_t)request->worst;

    for (int i = 0; i < TURN_BUDGET_SPANS; i++) {
        const enum turn_budget_span span = (enum turn_budget_span)i;
        struct part parts[PARTS];
        size_t count = parts_of(request, caps[span], parts);

        for (size_t k = 0; k < count; k++) {
            struct turn_budget_sum sum = {0, 0, 0};
            int64_t taken;

            if (turn_budget_span_sum(store, span, parts[k].scope, parts[k].id, deadline, &sum,
                                     NULL) < 0)
                continue;
            taken = sum.reserved + sum.settled;
            if (taken <= parts[k].cap - worst)
                continue;
            *ret = (struct turn_budget_obstacle){parts[k].scope, parts[k].id, span, parts[k].cap,
                                                 taken};
            return true;
        }
    }
    return false;
}

static const char *whose(const char *scope)
{
    static const struct {
        const char *scope, *whose;
    } words[] = {{"bot", "the bot's"},
                 {"guild", "this server's"},
                 {"member", "your"},
                 {"plugin", "this plugin's"}};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(words[i].scope, scope))
            return words[i].whose;
    return "a";
}

troupe_status turn_budget_span_refusal(struct store *store,
                                       const struct turn_budget_request *request, uint64_t deadline,
                                       struct error *err)
{
    static const char *const ends[TURN_BUDGET_SPANS] = {"with the next hour", "at 00:00 UTC",
                                                        "on the first of the next month, UTC"};
    struct turn_budget_obstacle obstacle;

    if (!turn_budget_obstacle(store, request, deadline, &obstacle))
        return TROUPE_OK;
    if (obstacle.cap == 0)
        return error_set(err, TROUPE_BUDGET,
                         "%s budget for %s is 0, so only what costs nothing is asked; the admin "
                         "can raise the cap in [budget]",
                         whose(obstacle.scope), turn_budget_span_name(obstacle.span));
    return error_set(err, TROUPE_BUDGET,
                     "%s budget for %s is used up; it starts anew %s, or when the admin raises the "
                     "cap in [budget]",
                     whose(obstacle.scope), turn_budget_span_name(obstacle.span),
                     ends[obstacle.span]);
}
