/* SPDX-License-Identifier: Apache-2.0
 *
 * The statements are those that a turn and the budget run for a call with the default caps, their tables those of
 * the migrations, the file's settings those of core/store/sqlite/connection.c and its checkpoints those of
 * writer.c. What asks, waits and is woken is missing. As with "CPU of a call", what a turn without a call takes is
 * taken off: its event and its end are one transaction, and with a call they are in the two that the call needs.
 */
#include "llm_floor.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/migrate.h"

#include "turn/sql/budget.h"
#include "turn/sql/budget_span.h"
#include "turn/sql/turn.h"

#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    REST_NS = 1000000,
    CHECKPOINT = 1000,
    HOUR_MS = 3600000,
    WORST = 5000,
    COST = 1200,
    DAY_OF_BOT = 16
};

#define CAP ((int64_t)100000000000)

enum statement {
    BEGIN,
    INTAKE,
    SPEND,
    TO_DAY,
    TO_HOUR,
    BOOK,
    BOOK_DAY,
    BOOK_HOUR,
    BOOKED,
    FINISH,
    COMMIT,
    STATEMENTS
};

static const char *const texts[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [INTAKE] = SQL_TURN_INTAKE,
    [SPEND] = SQL_BUDGET_SPEND,
    [TO_DAY] = SQL_BUDGET_ADD_TO_DAY,
    [TO_HOUR] = SQL_BUDGET_SPAN_ADD_TO_HOUR,
    [BOOK] = SQL_BUDGET_BOOK,
    [BOOK_DAY] = SQL_BUDGET_BOOK_DAY,
    [BOOK_HOUR] = SQL_BUDGET_SPAN_BOOK_HOUR,
    [BOOKED] = SQL_BUDGET_SPAN_BOOKED,
    [FINISH] = SQL_TURN_FINISH,
    [COMMIT] = "COMMIT",
};

/* Whom a call counts against: the bot and the plugin. */
static const char bot[] = "1", plugin[] = "llm";

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
    bind_text(floor, which, place, bot);
    bind_text(floor, which, place + 1, "");
    bind_text(floor, which, place + 2, "");
    bind_text(floor, which, place + 3, plugin);
}

static void add_to(struct floor *floor, enum statement which)
{
    bind_int(floor, which, 2, WORST);
    bind_scopes(floor, which, 3);
    for (int place = 7; place <= 10; place++)
        bind_int(floor, which, place, CAP);
    step(floor, which, 2);
}

static void take_in(struct floor *floor, int64_t id, int64_t now_ms)
{
    static const char *const words[] = {"1", "", "", "", "call", "{}"};
    char source_id[24];

    snprintf(source_id, sizeof(source_id), "%" PRId64, id);
    bind_int(floor, INTAKE, 1, id);
    bind_text(floor, INTAKE, 2, "shell");
    bind_text(floor, INTAKE, 3, source_id);
    for (int i = 0; i < 6; i++)
        bind_text(floor, INTAKE, 4 + i, words[i]);
    bind_int(floor, INTAKE, 10, 1);
    bind_text(floor, INTAKE, 11, "[\"bench.ask\"]");
    bind_int(floor, INTAKE, 12, now_ms);
    step(floor, INTAKE, 1);
}

static void finish(struct floor *floor, int64_t id, int64_t now_ms)
{
    static const char *const words[] = {"done", "", "", "[]"};

    bind_int(floor, FINISH, 1, id);
    for (int i = 0; i < 4; i++)
        bind_text(floor, FINISH, 2 + i, words[i]);
    bind_int(floor, FINISH, 6, COST);
    bind_int(floor, FINISH, 7, 1);
    bind_int(floor, FINISH, 8, now_ms);
    step(floor, FINISH, 1);
}

static void reserve(struct floor *floor, int64_t id, const char *day, int64_t now_ms)
{
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

/* Its begin is bound. */
static void book_sums(struct floor *floor, enum statement which)
{
    bind_scopes(floor, which, 2);
    bind_int(floor, which, 6, COST);
    bind_int(floor, which, 7, WORST);
    step(floor, which, 2);
}

static void book(struct floor *floor, int64_t id, const char *day, int64_t now_ms)
{
    bind_int(floor, BOOK, 1, id);
    bind_int(floor, BOOK, 2, id);
    bind_int(floor, BOOK, 3, COST);
    bind_int(floor, BOOK, 4, now_ms);
    step(floor, BOOK, 1);
    bind_text(floor, BOOK_DAY, 1, day);
    book_sums(floor, BOOK_DAY);
    bind_int(floor, BOOK_HOUR, 1, now_ms / HOUR_MS);
    book_sums(floor, BOOK_HOUR);
    bind_int(floor, BOOKED, 1, id);
    bind_int(floor, BOOKED, 2, DAY_OF_BOT);
    bind_text(floor, BOOKED, 3, day);
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

/* SQL's seal() where nothing is sealed. */
static void first(sqlite3_context *context, int count, sqlite3_value **values)
{
    (void)count;
    sqlite3_result_value(context, values[0]);
}

static void run_text(struct floor *floor, const char *sql)
{
    if (sqlite3_exec(floor->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        die(floor);
}

static void open_file(struct floor *floor, const char *folder, const char *name)
{
    _cleanup_mem_ char *path = mem_printf("%s/%s.db", folder, name);
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS;
    size_t count;
    const struct store_migration *steps = store_core_migrations(&count);

    if (sqlite3_open_v2(path, &floor->db,
                        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                        NULL) != SQLITE_OK)
        die(floor);
    sqlite3_create_function_v2(floor->db, "this_host", 0, flags, NULL, one, NULL, NULL, NULL);
    sqlite3_create_function_v2(floor->db, "host_ours", 1, flags, NULL, one, NULL, NULL, NULL);
    sqlite3_create_function_v2(floor->db, "seal", -1, flags, NULL, first, NULL, NULL, NULL);
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

/* Turns by their place: `begun` of `calls` are taken in, `ended` of those are over. */
struct load {
    unsigned life_ms; /* of a call */
    int is_idle;      /* turns without one, which are over at once */
    size_t begun, ended;
    int64_t first_id;
};

/* One transaction, up to `begin` and `end`. */
static void commit(struct floor *floor, struct load *load, size_t begin, size_t end)
{
    int64_t now_ms = clock_wall_ms();
    char stamp[CLOCK_ISO_SIZE];

    clock_iso(now_ms, stamp);
    stamp[strlen("2026-11-20")] = '\0';
    step(floor, BEGIN, -1);
    for (size_t i = load->begun; i < begin; i++) {
        take_in(floor, load->first_id + (int64_t)i, now_ms);
        if (!load->is_idle)
            reserve(floor, load->first_id + (int64_t)i, stamp, now_ms);
    }
    for (size_t i = load->ended; i < end; i++) {
        if (!load->is_idle)
            book(floor, load->first_id + (int64_t)i, stamp, now_ms);
        finish(floor, load->first_id + (int64_t)i, now_ms);
    }
    step(floor, COMMIT, -1);
    floor->transactions++;
    for (size_t i = load->begun; i < begin; i++)
        floor->durable[i] = clock_ns();
    load->begun = begin;
    load->ended = end;
    if (floor->pages >= CHECKPOINT)
        sqlite3_wal_checkpoint_v2(floor->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
}

static void run(struct floor *floor, struct load load, unsigned rate, size_t calls,
                struct llm_floor *result)
{
    const struct timespec rest = {0, REST_NS};
    const uint64_t begun = clock_ns();

    load.first_id = floor->next_id;
    floor->next_id += (int64_t)calls;
    while (load.ended < calls) {
        uint64_t now = clock_ns(), life = (uint64_t)load.life_ms * 1000000u;
        size_t begin = (size_t)((now - begun) * rate / 1000000000u), end = load.ended;

        begin = begin < calls ? begin : calls;
        if (load.is_idle)
            end = begin;
        while (!load.is_idle && end < load.begun && floor->durable[end] + life <= now)
            end++;
        if (begin == load.begun && end == load.ended) {
            clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
            continue;
        }
        commit(floor, &load, begin, end);
        if (begin - end > result->most)
            result->most = begin - end;
    }
}

static uint64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* CPU of each turn, in us. */
static double measure(const char *folder, struct load load, unsigned rate, size_t calls,
                      struct llm_floor *result)
{
    const char *name = load.is_idle ? "floor-idle" : "floor";
    struct floor floor = {.next_id = 1, .durable = mem_zero(calls, sizeof(uint64_t))};
    uint64_t cpu;
    double us;

    open_file(&floor, folder, name);
    run(&floor, load, rate, calls / 10, result); /* pages */
    floor.transactions = 0;
    cpu = cpu_ns();
    run(&floor, load, rate, calls, result);
    us = (double)(cpu_ns() - cpu) / 1e3 / (double)calls;
    printf("# SQLite alone, %s: %zu turns in %zu transactions, %.1f us of CPU each\n", name, calls,
           floor.transactions, us);
    close_file(&floor);
    mem_free(floor.durable);
    return us;
}

void llm_floor_store(const char *folder, unsigned life_ms, unsigned rate, size_t calls,
                     struct llm_floor *ret)
{
    *ret = (struct llm_floor){.cpu_us = -measure(folder, (struct load){.is_idle = 1}, rate,
                                                 calls / 2, &(struct llm_floor){0})};
    ret->cpu_us += measure(folder, (struct load){.life_ms = life_ms}, rate, calls, ret);
}
