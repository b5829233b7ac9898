/* SPDX-License-Identifier: Apache-2.0
 *
 * The statements are those that the budget runs for a call with the default caps, its tables those of the
 * migrations, the file's settings those of core/store/sqlite/connection.c and its checkpoints those of
 * writer.c. What asks, waits and is woken is missing, and so are an event's own rows, which a turn has anyway.
 */
#include "llm_floor.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/migrate.h"

#include "turn/sql/budget.h"
#include "turn/sql/budget_span.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REST_NS = 1000000, CHECKPOINT = 1000, HOUR_MS = 3600000, WORST = 5000, COST = 1200 };

#define CAP ((int64_t)100000000000)

enum statement { BEGIN, SPEND, TO_DAY, TO_HOUR, SUM, HOUR_SUM, BOOK, BOOKED, COMMIT, STATEMENTS };

static const char *const texts[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [SPEND] = SQL_BUDGET_SPEND,
    [TO_DAY] = SQL_BUDGET_ADD_TO_DAY,
    [TO_HOUR] = SQL_BUDGET_SPAN_ADD_TO_HOUR,
    [SUM] = SQL_BUDGET_BOOK_SUM,
    [HOUR_SUM] = SQL_BUDGET_SPAN_BOOK_HOUR,
    [BOOK] = SQL_BUDGET_BOOK,
    [BOOKED] = SQL_BUDGET_BOOKED,
    [COMMIT] = "COMMIT",
};

/* Whom a call counts against: the bot and the plugin. */
static const char *const scopes[][2] = {{"bot", "1"}, {"plugin", "llm"}};

struct floor {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    int64_t next_id;   /* of a reservation */
    int pages;         /* in the log */
    uint64_t *durable; /* when each was */
    size_t transactions;
};

static _Noreturn void die(const struct floor *floor)
{
    fprintf(stderr, "llm_bench: SQLite alone does not do what the budget needs: %s\n",
            sqlite3_errmsg(floor->db));
    exit(EXIT_FAILURE);
}

/* ---- statements ------------------------------------------------------------------------------ */

static void bind_int(struct floor *floor, enum statement which, int place, int64_t value)
{
    sqlite3_bind_int64(floor->statements[which], place, value);
}

static void bind_text(struct floor *floor, enum statement which, int place, const char *text)
{
    sqlite3_bind_text(floor->statements[which], place, text, -1, SQLITE_STATIC);
}

/* `changes`: of how many rows, -1 where that does not matter. */
static void step(struct floor *floor, enum statement which, int changes)
{
    sqlite3_stmt *statement = floor->statements[which];
    int code;

    while ((code = sqlite3_step(statement)) == SQLITE_ROW)
        continue;
    if (code != SQLITE_DONE || (changes >= 0 && sqlite3_changes(floor->db) != changes))
        die(floor);
    sqlite3_reset(statement);
}

/* Scopes from `place` on: bot, guild, member, plugin. */
static void bind_scopes(struct floor *floor, enum statement which, int place)
{
    bind_text(floor, which, place, scopes[0][1]);
    bind_text(floor, which, place + 1, "");
    bind_text(floor, which, place + 2, "");
    bind_text(floor, which, place + 3, scopes[1][1]);
}

static void add_to(struct floor *floor, enum statement which)
{
    bind_int(floor, which, 2, WORST);
    bind_scopes(floor, which, 3);
    for (int place = 7; place <= 10; place++)
        bind_int(floor, which, place, CAP);
    step(floor, which, 2);
}

static void reserve(struct floor *floor, const char *day, int64_t now_ms)
{
    int64_t id = floor->next_id++;

    bind_int(floor, SPEND, 1, id);
    bind_text(floor, SPEND, 2, day);
    bind_scopes(floor, SPEND, 3);
    bind_text(floor, SPEND, 7, "bench");
    bind_int(floor, SPEND, 8, WORST);
    bind_int(floor, SPEND, 9, now_ms);
    bind_int(floor, SPEND, 10, id);
    step(floor, SPEND, 1);
    bind_text(floor, TO_DAY, 1, day);
    bind_text(floor, TO_DAY, 11, "bench");
    bind_text(floor, TO_DAY, 12, "");
    add_to(floor, TO_DAY);
    bind_int(floor, TO_HOUR, 1, now_ms / HOUR_MS);
    add_to(floor, TO_HOUR);
}

static void book_sum(struct floor *floor, enum statement which, int64_t id, size_t scope)
{
    bind_int(floor, which, 1, id);
    bind_int(floor, which, 2, COST);
    bind_text(floor, which, 3, scopes[scope][0]);
    bind_text(floor, which, 4, scopes[scope][1]);
    bind_int(floor, which, 5, WORST);
    step(floor, which, 1);
}

static void book(struct floor *floor, int64_t id, int64_t now_ms)
{
    for (size_t i = 0; i < 2; i++)
        book_sum(floor, SUM, id, i);
    for (size_t i = 0; i < 2; i++)
        book_sum(floor, HOUR_SUM, id, i);
    bind_int(floor, BOOK, 1, id);
    bind_int(floor, BOOK, 2, id);
    bind_int(floor, BOOK, 3, COST);
    bind_int(floor, BOOK, 4, now_ms);
    step(floor, BOOK, 1);
    bind_int(floor, BOOKED, 1, id);
    bind_scopes(floor, BOOKED, 2);
    step(floor, BOOKED, -1);
}

/* ---- the file -------------------------------------------------------------------------------- */

static int log_grew(void *arg, sqlite3 *db, const char *name, int pages)
{
    struct floor *floor = arg;

    (void)db, (void)name;
    floor->pages = pages;
    return SQLITE_OK;
}

static void one(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count, (void)values;
    sqlite3_result_int(context, 1);
}

static void run_text(struct floor *floor, const char *sql)
{
    if (sqlite3_exec(floor->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(floor);
}

static void open_file(struct floor *floor, const char *folder)
{
    _cleanup_mem_ char *path = mem_printf("%s/floor.db", folder);
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    size_t count;
    const struct store_migration *steps = store_core_migrations(&count);

    if (sqlite3_open_v2(path, &floor->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        die(floor);
    sqlite3_create_function_v2(floor->db, "this_host", 0, flags, NULL, one, NULL, NULL, NULL);
    sqlite3_create_function_v2(floor->db, "host_ours", 1, flags, NULL, one, NULL, NULL, NULL);
    run_text(floor,
             "PRAGMA page_size = 2048; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; "
             "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -4096; "
             "PRAGMA secure_delete = 1; PRAGMA temp_store = MEMORY");
    for (size_t i = 0; i < count; i++)
        run_text(floor, steps[i].sql);
    sqlite3_wal_hook(floor->db, log_grew, floor);
    for (size_t i = 0; i < STATEMENTS; i++)
        if (sqlite3_prepare_v3(floor->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                               &floor->statements[i], NULL) != SQLITE_OK)
            die(floor);
}

static void close_file(struct floor *floor)
{
    for (size_t i = 0; i < STATEMENTS; i++)
        sqlite3_finalize(floor->statements[i]);
    sqlite3_close(floor->db);
}

/* ---- the load -------------------------------------------------------------------------------- */

/* One transaction: those reserved that are due up to `reserve_to`, and those booked up to `book_to`. */
static void commit(struct floor *floor, size_t reserved, size_t reserve_to, int64_t first,
                   size_t booked, size_t book_to)
{
    int64_t now_ms = clock_wall_ms();
    char stamp[CLOCK_ISO_SIZE];

    clock_iso(now_ms, stamp);
    stamp[strlen("2026-11-20")] = '\0';
    step(floor, BEGIN, -1);
    for (size_t i = reserved; i < reserve_to; i++)
        reserve(floor, stamp, now_ms);
    for (size_t i = booked; i < book_to; i++)
        book(floor, first + (int64_t)i, now_ms);
    step(floor, COMMIT, -1);
    floor->transactions++;
    for (size_t i = reserved; i < reserve_to; i++)
        floor->durable[i] = clock_ns();
    if (floor->pages >= CHECKPOINT)
        sqlite3_wal_checkpoint_v2(floor->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static void run(struct floor *floor, unsigned life_ms, unsigned rate, size_t calls,
                struct llm_floor *result)
{
    const struct timespec rest = {0, REST_NS};
    int64_t first = floor->next_id;
    uint64_t begun = clock_ns();
    size_t reserved = 0, booked = 0;

    while (booked < calls) {
        uint64_t now = clock_ns();
        size_t reserve_to = (size_t)((now - begun) * rate / 1000000000u), book_to = booked;

        if (reserve_to > calls)
            reserve_to = calls;
        while (book_to < reserved && floor->durable[book_to] + (uint64_t)life_ms * 1000000u <= now)
            book_to++;
        if (reserve_to == reserved && book_to == booked) {
            clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
            continue;
        }
        commit(floor, reserved, reserve_to, first, booked, book_to);
        reserved = reserve_to;
        booked = book_to;
        if (reserved - booked > result->most)
            result->most = reserved - booked;
    }
}

static uint64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void llm_floor_store(const char *folder, unsigned life_ms, unsigned rate, size_t calls,
                     struct llm_floor *ret)
{
    struct floor floor = {.next_id = 1, .durable = mem_zero(calls, sizeof(uint64_t))};
    uint64_t cpu;

    open_file(&floor, folder);
    run(&floor, life_ms, rate, calls / 10, ret); /* pages */
    *ret = (struct llm_floor){.failed = 0};
    floor.transactions = 0;
    cpu = cpu_ns();
    run(&floor, life_ms, rate, calls, ret);
    ret->cpu_us = (double)(cpu_ns() - cpu) / 1e3 / (double)calls;
    printf("# floor, store: %zu calls in %zu transactions\n", calls, floor.transactions);
    close_file(&floor);
    mem_free(floor.durable);
}
