/* SPDX-License-Identifier: Apache-2.0
 *
 * Never silent: whatever people set, may, exceed and break, each message that addresses the bot ends
 * in an answer, a sentence, or a reason code in its trace. A thousand of them at random, with servers
 * that are paused, limits that are met, gateways that refuse and hosts that start again in between.
 * TROUPE_SEED repeats a run.
 */
#define RECORDS_MAX 1100
#include "turn_fixture.h"

#include <stdlib.h>

#define MESSAGES 1000

static const char ini[] =
    "[limits]\nmessages = 15\nimages = 3\nguild_messages = 120\nbot_turns = 3\n"
    "[admission]\nconcurrent = 8\nqueue = 40\nqueue_per_member = 3\n"
    "[pipeline message]\nstages = a, b\n"
    "[agent a]\nplugin = " LIBS "/actor.so\n"
    "[agent b]\nplugin = " LIBS "/actor.so\nscript = reply b goes on\n";

static size_t pick(size_t count)
{
    return (size_t)random() % count;
}
#define PICK(list) (list)[pick(sizeof(list) / sizeof((list)[0]))]

/* Somebody says something somewhere. */
static struct record *say(struct stage_test *t)
{
    static const char *const texts[] = {
        "reply yes",
        "write so far;write  and more",
        "reply x;verdict drop",
        "verdict drop",
        "verdict next",
        "sleep 5;reply late",
        "write half;sleep 20000",
        "call draw",
        "call echo {\"text\":\"hi\"}",
        "call broken",
        "call warn",
        "fail odd it broke",
        "reason odd because;verdict drop",
        "put 0 key 1;get 0 key",
        "",
        "nonsense",
        "/draw",
        "/echo hello",
        "/echo",
        "/broken",
        "/silent",
        "/warn",
        "/shutdown",
        "/nothing-like-it",
        "/help",
        "/status",
        "/why",
        "/usage",
        "/budget",
        "/stop",
        "/pause 1",
        "/pause",
        "/resume",
        "/config list",
        "/config audit",
        "/config set a.word two",
        "/config set a.count 99",
        "/config set limits.messages 0",
        "/config set limits.messages 2 scope=channel",
        "/config set limits.images 0 role=71",
        "/config unset limits.messages",
        "/config set a.script reply",
        "/config set a.word x scope=bot",
    };
    static const char *const members[] = {"1", "2", "3", "4", "5", "6"};
    static const char *const guilds[] = {"10", "11", NULL};
    static const char *const channels[] = {"100", "101", "102"};
    static const char *const roles[] = {"71", "72"};
    static const uint32_t flags[] = {0, 0, 0, EVENT_MODERATOR, EVENT_ADMIN, EVENT_OWNER, EVENT_BOT};
    struct asking who = {.member = PICK(members),
                         .guild = PICK(guilds),
                         .channel = PICK(channels),
                         .flags = PICK(flags),
                         .roles = roles,
                         .role_count = pick(3)};

    if (!who.guild)
        who.flags |= EVENT_DIRECT;
    return ask_as(t, who, PICK(texts));
}

/* Another host goes on. */
static troupe_status restart(struct stage_test *t)
{
    struct fixture *f = &t->base;

    engine_end(t, pick(2) * 20);
    CHECK_STATUS(engine_start(t, ini), TROUPE_OK);
    return turn_engine_recover(t->engine, &t->gateway, &f->err);
}

/* Whether its end stands in the trace, with a reason. */
static bool has_reason(struct stage_test *t, const char *source_id)
{
    _cleanup_rows_ struct store_rows *rows = NULL;

    return store_query(t->base.store,
                       STORE_SQL("SELECT reason FROM event WHERE source_id = ?1 AND finished_ms IS "
                                 "NOT NULL AND coalesce(reason, '') <> '' AND coalesce(trace, '') "
                                 "<> ''",
                                 store_text(source_id)),
                       0, &rows, &t->base.err) == TROUPE_OK &&
           rows->count == 1;
}

static troupe_status nothing_ends_in_silence_body(void *arg)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    size_t told = 0, traced = 0, silent = 0, restarts = 0;

    for (size_t i = 0; i < MESSAGES; i++) {
        (void)say(t);
        t->refuses = !pick(40);
        t->refuses_begin = !pick(60);
        if (!pick(4))
            co_sleep(pick(8));
        if (!pick(120)) {
            CHECK_STATUS(restart(t), TROUPE_OK);
            restarts++;
        }
    }
    t->refuses = t->refuses_begin = false;
    for (size_t i = 0; i < 3; i++) { /* what runs for long is stopped, as people do */
        static const char *const channels[] = {"100", "101", "102"};

        turn_engine_stop_channel(t->engine, channels[i]);
    }
    WAIT_FOR(list_empty(&t->engine->turns) && list_empty(&t->engine->incoming));
    for (size_t i = 0; i < t->record_count; i++) {
        struct record *record = &t->records[i];

        if (record->ends || record->notices) {
            told++;
        } else if (has_reason(t, record->source_id)) {
            traced++;
        } else {
            silent++;
            fprintf(stderr, "# message %s ended in silence\n", record->source_id);
        }
        buf_clear(&record->shown);
        buf_clear(&record->notice);
    }
    fprintf(stderr, "# %zu messages, %zu restarts: %zu told, %zu in the trace alone, %zu silent\n",
            t->record_count, restarts, told, traced, silent);
    CHECK(t->record_count == MESSAGES && told > MESSAGES / 2 && !silent);
    t->record_count = 0; /* they were looked at more closely than the fixture does */
    return TROUPE_OK;
}

static void nothing_ends_in_silence(void **state)
{
    const char *given = getenv("TROUPE_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)clock_ns();

    (void)state;
    fprintf(stderr, "# TROUPE_SEED=%u\n", seed);
    srandom(seed);
    play_in(ini, NULL, nothing_ends_in_silence_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_ends_in_silence)};

    return cmocka_run_group_tests_name("turn/silence", tests, NULL, NULL);
}
