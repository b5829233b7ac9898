/* SPDX-License-Identifier: Apache-2.0
 *
 * Observers of messages that address nobody: what is seen from memory and its bounds, and what is
 * owed, which each observer gets once, wherever the process is killed.
 *
 * The process that is killed is this program with WATCH_DIR set.
 */
#include "turn_fixture.h"

#include "turn/erase.h"

#include <sqlite3.h>
#include <sys/wait.h>

#define KILLED 99

#define BODY_IN(name, ini)                                                                         \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play_in(ini, NULL, name##_body);                                                           \
    }                                                                                              \
    static troupe_status name##_body(void *arg)

#define ACTOR(name, kind, more) "[agent " name "]\nplugin = " LIBS "/actor" kind ".so\n" more "\n"
#define STAGE                   "[pipeline message]\nstages = a\nobservers = o\n" ACTOR("a", "", "")

#define MARK(body)                                                                                 \
    "sql INSERT INTO {note} (member, channel, body) VALUES (:member, :channel, '" body "')"

/* ---- seen ----------------------------------------------------------------------------------- */

/* As a gateway's scanner found it. */
static bool show(struct stage_test *t, uint64_t member, const char *raw)
{
    const struct gateway_seen message = {.source = t->gateway.name,
                                         .id = 5000 + ++t->next_id,
                                         .account = 1,
                                         .guild = 50,
                                         .channel = 100,
                                         .member = member,
                                         .time_ms = 1,
                                         .content = raw,
                                         .content_len = strlen(raw)};

    return turn_engine_seen(t->engine, &message);
}

BODY_IN(what_nobody_wants_to_see_is_not_built, STAGE ACTOR("o", "", "script = put 0 k v"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK(!show(t, 7, "hello"));
    CHECK(t->engine->stats.seen == 0 && t->engine->seen.count == 0);
    CHECK_ANSWER("reply addressed", "addressed");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM kv WHERE ns = 'o'") == 1);
    return TROUPE_OK;
}

BODY_IN(a_seen_message_has_its_text_and_its_ids, STAGE ACTOR("o", "_seen", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK(!show(t, 8, "put 3 key caf\\u00e9 \\\"quoted\\\";verdict next"));
    CHECK(
        !show(t, 9, "who;note a b;call echo {\\\"text\\\":\\\"x\\\"};" MARK("n") ";verdict next"));
    WAIT_FOR(t->engine->seen.count == 0 && list_empty(&t->engine->turns));
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE ns = 'o' AND scope = '1/member/8' AND "
                     "CAST(value AS TEXT) = 'caf\xc3\xa9 \"quoted\"'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM o__note WHERE member = '9' AND channel = '100'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM event") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM call") == 0);
    return TROUPE_OK;
}

BODY_IN(a_seen_message_answers_nobody_and_spends_nothing,
        "[budget]\ndaily = 1\n" STAGE ACTOR("o", "_seen", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    show(t, 8, "reply loud;ask 1000 really?;put 0 done yes;reserve 5");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM kv WHERE ns = 'o' AND key = 'done'") == 1);
    WAIT_FOR(t->engine->seen.count == 0);
    CHECK(t->engine->seen.failures == 1); /* the reservation was refused */
    CHECK(ask_int(f, "SELECT count(*) FROM budget_ledger") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM outbox") == 0);
    return TROUPE_OK;
}

BODY_IN(what_is_above_the_bound_is_dropped_and_counted,
        STAGE ACTOR("o", "_seen", "script = sleep 600000"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct engine_stats stats;

    for (int i = 0; i < ENGINE_SEEN_MAX + 44; i++)
        CHECK(!show(t, 7, "hello"));
    turn_engine_stats(t->engine, &stats);
    CHECK(stats.seen == ENGINE_SEEN_MAX && stats.seen_running == ENGINE_SEEN_MAX);
    CHECK(stats.seen_dropped == 44);
    CHECK_ANSWER("reply meanwhile", "meanwhile");
    engine_end(t, 0); /* a stop waits for none of them */
    (void)f;
    return TROUPE_OK;
}

BODY_IN(an_observer_that_sleeps_too_long_is_ended,
        "[admission]\ntotal = 1s\n" STAGE ACTOR("o", "_seen", "script = sleep 600000"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    show(t, 7, "hello");
    CHECK(t->engine->seen.count == 1);
    WAIT_FOR(t->engine->seen.count == 0);
    CHECK(t->engine->seen.failures == 1);
    return TROUPE_OK;
}

/* ---- owed ----------------------------------------------------------------------------------- */

#define OWED                                                                                       \
    STAGE ACTOR("o", "_owed",                                                                      \
                "script = " MARK("first") ";put 0 k v;" MARK("second") ";verdict next")

/* As a gateway hands it on where turn_engine_seen told it to. */
static void owe(struct stage_test *t, const char *id, const char *member, int64_t seq)
{
    const struct event event = {.gateway = &t->gateway,
                                .source = "fake",
                                .source_id = id,
                                .kind = "message",
                                .account = "1",
                                .channel = "100",
                                .member = member,
                                .content = "hello",
                                .content_len = 5,
                                .flags = EVENT_OBSERVED,
                                .seq = seq};

    turn_engine_submit(t->engine, event_new(&event));
}

static bool is_over(struct stage_test *t)
{
    return list_empty(&t->engine->turns) && list_empty(&t->engine->incoming) &&
           !t->engine->left.count;
}

/* What it would write when it wakes, nothing would delete any more. */
BODY_IN(a_deletion_ends_what_was_seen_of_the_member, STAGE ACTOR("o", "_seen", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK(!show(t, 8, "put 3 first v;sleep 20000;put 3 second v"));
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM kv WHERE ns = 'o'") == 1);
    CHECK_STATUS(turn_erase_ask(t->engine, "8", "member", 0, &f->err), TROUPE_OK);
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM erasure") == 0);
    CHECK(t->engine->seen.count == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE ns = 'o'") == 0);
    return TROUPE_OK;
}

BODY_IN(what_is_owed_has_a_turn_that_nobody_hears_of, OWED)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    _cleanup_mem_ char *why = NULL;

    CHECK(show(t, 8, "hello")); /* so the gateway is to submit it */
    owe(t, "77", "8", 5);
    WAIT_FOR(is_over(t));
    CHECK(t->taken == 5 && t->stored == 5);
    owe(t, "77", "8", 6); /* the source delivers it again */
    WAIT_FOR(is_over(t));
    CHECK(t->record_count == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'done' AND reason = 'observed'") ==
          1);
    CHECK(ask_int(f, "SELECT count(*) FROM o__note WHERE member = '8'") == 2);
    CHECK(ask_int(f, "SELECT count(*) FROM call WHERE stage = 'observer o'") == 3);
    CHECK(ask_int(f, "SELECT count(*) FROM outbox") == 0);
    CHECK_STATUS(turn_engine_why_text(t->engine, "77", &why, &f->err), TROUPE_OK);
    CHECK(strstr(why, "observer o: start") && strstr(why, "observer o: done"));
    CHECK(strstr(why, "observer o 0#1 kv.put"));
    CHECK_ANSWER("reply for somebody", "for somebody");
    owe(t, "78", "8", 7);
    WAIT_FOR(is_over(t));
    CHECK_TRACE("message 1000002"); /* the last turn that somebody waited for */
    return TROUPE_OK;
}

BODY_IN(a_message_that_addresses_the_bot_is_owed_too, OWED)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    ask_as(t, (struct asking){.member = "9", .seq = 3}, "reply yes");
    ask_as(t, (struct asking){.member = "10", .seq = 4}, "/help"); /* of the core's own */
    WAIT_FOR(is_over(t));
    WAIT_FOR(t->stored == 4);
    CHECK(ask_int(f, "SELECT count(*) FROM o__note WHERE member = '9'") == 2);
    CHECK(ask_int(f, "SELECT count(*) FROM o__note WHERE member = '10'") == 2);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE source_id LIKE '%/observed'") == 2);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state <> 'done'") == 0);
    return TROUPE_OK;
}

BODY_IN(an_observer_that_fails_holds_up_nobody,
        "[pipeline message]\nstages = a\nobservers = p, o\n" ACTOR("a", "", "")
            ACTOR("p", "_owed", "script = fail -7 actor.broken it broke")
                ACTOR("o", "_owed", "script = ask 5 really?;sleep 20;" MARK("n") ";verdict next"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    t->engine->park_ms = 10;
    owe(t, "78", "8", 0);
    WAIT_FOR(is_over(t));
    CHECK(ask_int(f, "SELECT count(*) FROM o__note") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM wait") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'failed' AND "
                     "reason = 'observer_failed'") == 1);
    return TROUPE_OK;
}

BODY_IN(a_backlog_waits_in_the_store,
        STAGE ACTOR("o", "_owed", "script = until 0 go;" MARK("n") ";verdict next"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    const int total = ENGINE_OWED_QUEUE + 700;
    char id[24];

    t->engine->observed.concurrent = 4; /* they ask for the key all the time */
    for (int i = 1; i <= total; i++) {
        snprintf(id, sizeof(id), "%d", 100000 + i);
        owe(t, id, id, i);
        if (i % 500 == 0)
            WAIT_FOR(list_empty(&t->engine->incoming));
    }
    WAIT_FOR(list_empty(&t->engine->incoming));
    CHECK(t->engine->left.count > 0 && t->engine->observed.queued <= ENGINE_OWED_QUEUE);
    t->engine->observed.concurrent = ENGINE_OWED_MAX;
    CHECK_ANSWER("reply asked", "asked"); /* in a lane of its own: not held up */
    {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        store_batch_add(batch,
                        STORE_SQL("INSERT INTO kv (ns, scope, key, value, updated_ms) VALUES "
                                  "('o', 'agent', 'go', 'x', 1)"));
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    }
    WAIT_FOR(is_over(t));
    CHECK(ask_int(f, "SELECT count(DISTINCT member) FROM o__note") == total + 1);
    CHECK(ask_int(f, "SELECT count(*) FROM o__note") == total + 1);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE finished_ms IS NULL") == 0);
    return TROUPE_OK;
}

/* ---- crashes -------------------------------------------------------------------------------- */

static _Atomic int commits_left; /* 0: it lives */

static void count_commit(void)
{
    if (commits_left && --commits_left == 0)
        _exit(KILLED);
}

static troupe_status child_main(void *arg)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_STATUS(outbox_open(f->loop, f->store, &t->outbox, &f->err), TROUPE_OK);
    CHECK_STATUS(engine_start(t, OWED), TROUPE_OK);
    commits_left = atoi(getenv("WATCH_KILL"));
    CHECK_STATUS(turn_engine_recover(t->engine, &t->gateway, &f->err), TROUPE_OK);
    owe(t, "5", "5", 1); /* the source delivers them again each time */
    ask_as(t, (struct asking){.source_id = "6", .member = "6", .seq = 2}, "reply yes");
    WAIT_FOR(is_over(t));
    engine_end(t, 0);
    return TROUPE_OK;
}

static int child(const char *dir)
{
    _cleanup_mem_ char *runner = expand("%/troupe-runner");
    const struct plugin_manager_options manager = {
        .runner = runner, .any_location = true, .isolated = is_isolated()};
    const struct store_options store = {.synchronous = STORE_NORMAL, .on_commit = count_commit};
    struct stage_test *t = mem_zero(1, sizeof(*t));

    list_init(&t->answers);
    t->gateway = (struct gateway){.ops = &fake_ops, .name = "fake"};
    snprintf(t->base.place.dir, sizeof(t->base.place.dir), "%s", dir);
    snprintf(t->base.place.path, sizeof(t->base.place.path), "%s/data.db", dir);
    t->base.loop = fixture_new(NULL);
    fixture_open(&t->base, &store);
    assert_status(http_client_new(t->base.loop, NULL, &t->http, &t->base.err), TROUPE_OK);
    t->manager = plugin_manager_new(t->base.loop, &manager);
    host_register(&t->manager->registry);
    _exit(fixture_run(t->base.loop, child_main, t) == TROUPE_OK ? 0 : 1);
}

/* One life of the process: its exit status. */
static int live(const char *dir, int kill_at)
{
    char number[16];
    int status;
    pid_t pid;

    snprintf(number, sizeof(number), "%d", kill_at);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        setenv("WATCH_DIR", dir, 1);
        setenv("WATCH_KILL", number, 1);
        execl("/proc/self/exe", "seen_test", (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int64_t number_of(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *statement;
    int64_t value;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    value = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
    sqlite3_finalize(statement);
    return value;
}

static void judge(const char *dir)
{
    _cleanup_mem_ char *path = mem_printf("%s/data.db", dir);
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(number_of(db, "SELECT count(*) FROM event"), 3);
    assert_int_equal(number_of(db, "SELECT count(*) FROM event WHERE state = 'done'"), 3);
    assert_int_equal(number_of(db, "SELECT count(*) FROM o__note"), 4);
    assert_int_equal(number_of(db, "SELECT count(*) FROM (SELECT DISTINCT member, body FROM "
                                   "o__note)"),
                     4);
    assert_int_equal(number_of(db, "SELECT count(*) FROM call WHERE kind = 'kv.put'"), 2);
    assert_int_equal(number_of(db, "SELECT count(*) FROM outbox WHERE kind = 'reply'"), 1);
    sqlite3_close(db);
}

static void what_is_owed_happens_once_wherever_the_host_is_killed(void **state)
{
    int code = KILLED, kill_at = 0;

    (void)state;
    while (code == KILLED) {
        struct place place;

        place_make(&place);
        code = live(place.dir, ++kill_at);
        assert_true(code == KILLED || code == 0);
        if (code == KILLED)
            assert_int_equal(live(place.dir, 0), 0);
        judge(place.dir);
        place_remove(&place);
    }
    printf("# %d places\n", kill_at - 1);
    assert_true(kill_at > 6);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_nobody_wants_to_see_is_not_built),
        TEST(a_seen_message_has_its_text_and_its_ids),
        TEST(a_seen_message_answers_nobody_and_spends_nothing),
        TEST(what_is_above_the_bound_is_dropped_and_counted),
        TEST(an_observer_that_sleeps_too_long_is_ended),
        TEST(a_deletion_ends_what_was_seen_of_the_member),
        TEST(what_is_owed_has_a_turn_that_nobody_hears_of),
        TEST(a_message_that_addresses_the_bot_is_owed_too),
        TEST(an_observer_that_fails_holds_up_nobody),
        TEST(a_backlog_waits_in_the_store),
        TEST(what_is_owed_happens_once_wherever_the_host_is_killed),
    };

    if (getenv("WATCH_DIR"))
        return child(getenv("WATCH_DIR"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
