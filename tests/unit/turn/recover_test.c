/* SPDX-License-Identifier: Apache-2.0
 *
 * What outlives a turn's plain course: reload, drain, a gateway that nobody sits at, a store that
 * fails, and what a crash left open.
 */
#include "turn_fixture.h"

#include "base/clock.h"
#include "turn/sweep.h"

#include <sqlite3.h>

#define BODY_IN(name, ini)                                                                         \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play_in(ini, NULL, name##_body);                                                           \
    }                                                                                              \
    static troupe_status name##_body(void *arg)
#define BODY(name)        BODY_IN(name, plain_ini)

#define ACTOR(name, more) "[agent " name "]\nplugin = " LIBS "/actor.so\n" more "\n"

/* ---- reload --------------------------------------------------------------------------------- */

BODY(a_turn_ends_on_the_set_it_began_with)
{
    static const char next[] = "[admission]\nconcurrent = 3\n[pipeline message]\nstages = a\n"
                               "[agent a]\nplugin = " LIBS "/actor2.so\n";
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *running = ask(t, "until 0 go;who");
    struct plugin_set *set;

    WAIT_FOR(t->engine->admission.running == 1);
    set = build_set(t, next);
    CHECK(set);
    CHECK(!is_answered(running));
    turn_engine_publish(t->engine, set);
    CHECK(t->engine->admission.concurrent == 3);
    ask_as(t, (struct asking){.member = "8"}, "put 0 go yes");
    CHECK_ANSWER("verdict next;who", ""); /* the same lane, so after the running one */
    CHECK_ANSWER("who", "a 2.0.0");
    CHECK(!strcmp(buf_text(&running->shown), "a 1.0.0"));
    WAIT_FOR(t->manager->set_count == 1);
    CHECK(ask_int(f, "SELECT count(DISTINCT generation) FROM event") == 2);
    return TROUPE_OK;
}

/* ---- draining ------------------------------------------------------------------------------- */

BODY(a_drain_waits_and_refuses_what_is_new)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *running = ask(t, "doze 500;reply finished"), *late;
    struct op *idle = op_new(t->base.loop, NULL);
    char *text, *json;

    WAIT_FOR(t->engine->admission.running == 1);
    late = ask(t, "reply late"); /* not even stored when the drain begins */
    turn_engine_drain(t->engine, 60000, idle_op, idle);
    CHECK_STATUS(turn_engine_call(t->engine, "echo", "{}", 0, &text, &json, &f->err), TROUPE_BUSY);
    op_wait(idle, 0, NULL);
    op_drop(idle);
    CHECK(!strcmp(buf_text(&running->shown), "finished"));
    CHECK(late->notices == 1 && strstr(buf_text(&late->notice), "stopped for maintenance"));
    CHECK(list_empty(&t->engine->turns) && list_empty(&t->engine->incoming));
    turn_engine_close(t->engine);
    turn_engine_free(t->engine);
    t->engine = NULL;
    return TROUPE_OK;
}

BODY(a_drain_for_good_is_not_taken_back)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *running;
    struct op *idle = op_new(t->base.loop, NULL);

    turn_engine_drain(t->engine, 60000, NULL, NULL);
    CHECK_STATUS(turn_engine_resume(t->engine), TROUPE_OK);
    running = ask(t, "until 0 go;reply finished");
    WAIT_FOR(t->engine->admission.running == 1);
    ask_as(t, (struct asking){.member = "8"}, "sleep 50;put 0 go yes");
    WAIT_FOR(t->engine->admission.running == 2);
    turn_engine_drain(t->engine, 60000, idle_op, idle);
    turn_engine_drain(t->engine, 0, NULL, NULL); /* an operator's, meanwhile */
    CHECK_STATUS(turn_engine_resume(t->engine), TROUPE_BUSY);
    CHECK_NOTICE_AS(((struct asking){.member = "9"}), "reply x", "stopped for maintenance");
    CHECK_STATUS(op_wait(idle, co_after(PATIENCE_MS), NULL), TROUPE_OK);
    op_drop(idle);
    CHECK(!strcmp(buf_text(&running->shown), "finished"));
    turn_engine_close(t->engine);
    CHECK_NOTICE_AS(((struct asking){.member = "9"}), "/help", "stopped for maintenance");
    turn_engine_free(t->engine);
    t->engine = NULL;
    return TROUPE_OK;
}

struct shell {
    struct stage_test *t;
    troupe_status status;
    bool ended;
    char sentence[ERROR_TEXT_MAX];
};

static troupe_status nap_main(void *arg)
{
    struct shell *shell = arg;
    struct error err = {0};
    char *text, *json;

    shell->status =
        turn_engine_call(shell->t->engine, "a.nap", "{\"ms\":600000}", 0, &text, &json, &err);
    snprintf(shell->sentence, sizeof(shell->sentence), "%s", err.text);
    shell->ended = true;
    return TROUPE_OK;
}

BODY_IN(a_drain_leaves_the_rest_to_the_next_start_after_its_grace,
        "[admission]\nconcurrent = 1\n[pipeline message]\nstages = a\nobservers = o\n" ACTOR("a",
                                                                                             "")
            ACTOR("o", "script = sleep 600000"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *running = ask(t, "write begun, ;until 0 go;write ended");
    struct record *waiting = ask(t, "reply x");
    struct shell shell = {.t = t};
    SCOPE(scope, 0);

    CHECK_STATUS(co_spawn(&scope, NULL, nap_main, &shell), TROUPE_OK);
    WAIT_FOR(running->writes == 1 && t->engine->admission.queued == 1);
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM event WHERE source = 'shell'") == 1);
    engine_end(t, 20);
    CHECK(!is_answered(running) && !is_answered(waiting));
    WAIT_FOR(shell.ended);
    CHECK_STATUS(shell.status, TROUPE_CANCELED);
    CHECK(strstr(shell.sentence, "stopped for maintenance"));
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE finished_ms IS NULL") == 2);
    CHECK_STATUS(engine_start(t, plain_ini), TROUPE_OK);
    CHECK_STATUS(turn_engine_recover(t->engine, &t->gateway, &f->err), TROUPE_OK);
    ask_as(t, (struct asking){.member = "8"}, "put 0 go yes");
    WAIT_FOR(is_answered(running) && is_answered(waiting));
    CHECK(!strcmp(buf_text(&running->shown), "begun, ended"));
    CHECK(!strcmp(buf_text(&waiting->shown), "x"));
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE finished_ms IS NULL") == 0);
    return TROUPE_OK;
}

/* ---- a gateway that nobody sits at ---------------------------------------------------------- */

BODY(an_answer_that_nobody_sees_is_kept_and_shown_once)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *stored = ask(t, "doze 500;reply for later"), *queued;

    WAIT_FOR(t->engine->admission.running == 1);
    queued = ask(t, "reply queued"); /* on its way to the store */
    t->away = true;
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'ready'") == 2);
    CHECK(!is_answered(stored) && !is_answered(queued));
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK_STATUS(turn_engine_recover(t->engine, &t->gateway, &f->err), TROUPE_OK);
    CHECK(!is_answered(stored) && !is_answered(queued)); /* it is the gateway's to show */
    CHECK_STATUS(fake_deliver(t), TROUPE_OK);
    CHECK_STATUS(fake_deliver(t), TROUPE_OK); /* once */
    CHECK(!strcmp(buf_text(&stored->shown), "for later") && stored->ends == 1);
    CHECK(!strcmp(buf_text(&queued->shown), "queued") && queued->ends == 1);
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'sent'") == 2);
    CHECK_STATUS(fake_deliver(t), TROUPE_OK);
    CHECK(stored->ends == 1 && queued->ends == 1);
    return TROUPE_OK;
}

BODY(what_is_for_the_member_alone_is_kept_too)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *running = ask(t, "doze 500;fail -3 actor.out the cook is out"), *whisper;

    WAIT_FOR(t->engine->admission.running == 1);
    whisper = ask_as(t, (struct asking){.guild = "5"}, "/whisper");
    t->away = true;
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE kind = 'notice' AND ordinal = 65535") ==
             1);
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE kind = 'private' AND ordinal = 0") == 1);
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK(!running->notices && !whisper->notices);
    CHECK_STATUS(fake_deliver(t), TROUPE_OK);
    CHECK_STATUS(fake_deliver(t), TROUPE_OK); /* once */
    CHECK(running->notices == 1 && !strcmp(buf_text(&running->notice), "the cook is out"));
    CHECK(whisper->notices == 1 && !strcmp(buf_text(&whisper->notice), "between us"));
    CHECK(whisper->private);
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'sent'") == 2);
    return TROUPE_OK;
}

BODY(a_turn_does_not_wait_until_its_answer_is_shown)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;

    t->away = true;
    record = ask(t, "reply hidden");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'ready'") == 1);
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'done'") == 1);
    CHECK(!is_answered(record));
    CHECK_STATUS(fake_deliver(t), TROUPE_OK);
    CHECK(!strcmp(buf_text(&record->shown), "hidden") && record->ends == 1);
    return TROUPE_OK;
}

BODY(an_answer_that_the_gateway_does_not_take_is_told)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;

    t->refuses_begin = true; /* neither the answer nor the sentence: it is said at once */
    record = ask(t, "reply hidden");
    WAIT_FOR(record->notices);
    CHECK(strstr(buf_text(&record->notice), "cannot show it here"));
    CHECK_TRACE("the line is cut");
    t->refuses_begin = false;
    t->refuses = true;
    record = ask(t, "reply hidden");
    WAIT_FOR(record->notices);
    CHECK(strstr(buf_text(&record->notice), "cannot show it here"));
    CHECK(t->drops == 2);
    CHECK(ask_int(f, "SELECT count(*) FROM outbox") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE finished_ms IS NULL") == 0);
    return TROUPE_OK;
}

/* What a run that begins anew tells would not fit to what had been shown, either. */
BODY(what_follows_a_piece_that_was_not_taken_is_not_shown)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;

    t->refuses_begin = true;
    record = ask_as(t, (struct asking){.member = "8"}, "write so far;doze 500;write  and more");
    WAIT_FOR(t->refusals == 1);
    t->refuses_begin = false;
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK(!record->writes && record->ends == 1);
    CHECK(!strcmp(buf_text(&record->shown), "<-12 : ><-12 : >")); /* twice TROUPE_UNAVAILABLE */
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE finished_ms IS NULL") == 0);
    return TROUPE_OK;
}

BODY(what_is_over_is_swept_and_what_nobody_saw_waits)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    const int64_t week = 7 * 24 * 3600 * 1000ll, far = clock_wall_ms() + 2 * week;
    struct record *unseen;
    bool more;

    CHECK_ANSWER("put 0 key seen", "[put]");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'sent'") == 1);
    unseen = ask(t, "doze 50;reply unseen");
    WAIT_FOR(t->engine->admission.running == 1);
    t->away = true;
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'ready'") == 1);
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK_STATUS(turn_sweep(f->store, far - week, 2 * week, 0, &more, &f->err), TROUPE_OK);
    CHECK(!more);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE payload = '{}'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM call") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM outbox") == 1);
    CHECK_STATUS(fake_deliver(t), TROUPE_OK);
    CHECK(!strcmp(buf_text(&unseen->shown), "unseen"));
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'sent'") == 1);
    t->away = true;
    CHECK(!is_answered(ask(t, "reply hidden")));
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'ready'") == 1);
    WAIT_FOR(list_empty(&t->engine->turns));
    t->record_count--; /* nobody comes for it */
    CHECK_STATUS(turn_sweep(f->store, far, week, 0, &more, &f->err), TROUPE_OK);
    CHECK(ask_int(f, "SELECT (SELECT count(*) FROM outbox) + "
                     "(SELECT count(*) FROM event)") == 0);
    return TROUPE_OK;
}

/* ---- a store that fails --------------------------------------------------------------------- */

/* Another connection holds the write lock, as a backup tool gone wrong would. */
static sqlite3 *lock_store(struct fixture *f)
{
    sqlite3 *db;

    if (sqlite3_open(f->place.path, &db) != SQLITE_OK ||
        sqlite3_busy_timeout(db, PATIENCE_MS) != SQLITE_OK ||
        sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK)
        abort();
    return db;
}

static troupe_status store_fails_body(void *arg)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *whole = ask(t, "doze 2000;reply never kept");
    struct record *streamed =
        ask_as(t, (struct asking){.member = "8"}, "write a;doze 2000;write b");
    sqlite3 *db;

    WAIT_FOR(t->engine->admission.running == 2 && streamed->writes == 1);
    db = lock_store(f);
    CHECK_NOTICE_AS(((struct asking){.member = "9"}), "reply x", "the storage does not work");
    WAIT_FOR(is_answered(whole) && is_answered(streamed));
    CHECK(!whole->ends && strstr(buf_text(&whole->notice), "the storage does not work"));
    CHECK(!strcmp(buf_text(&streamed->shown), "ab") && streamed->ends == 1);
    sqlite3_close(db);
    CHECK_ANSWER("reply back", "back");
    /* The next start is not to answer what nobody waits for any more. */
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM event WHERE finished_ms IS NULL") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'failed' AND reason = "
                     "'storage_unavailable'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'done'") == 2);
    return TROUPE_OK;
}

static void a_store_that_fails_is_told_and_ends_what_it_was_told_of(void **state)
{
    const struct store_options options = {.busy_ms = 30};

    (void)state;
    play_in(plain_ini, &options, store_fails_body);
}

static troupe_status gathered_body(void *arg)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *r;
    sqlite3 *db;

    t->gathers = true;
    r = ask(t, "write gathered;doze 300");
    WAIT_FOR(t->engine->admission.running == 1 && r->writes == 1);
    db = lock_store(f);
    WAIT_FOR(r->notices);
    CHECK(strstr(buf_text(&r->notice), "the storage does not work"));
    sqlite3_close(db);
    return TROUPE_OK;
}

static void who_saw_nothing_yet_of_an_answer_that_cannot_be_kept_is_told(void **state)
{
    const struct store_options options = {.busy_ms = 30};

    (void)state;
    play_in(plain_ini, &options, gathered_body);
}

static troupe_status moment_body(void *arg)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *r = ask(t, "doze 300;reply kept");
    struct store_stats stats;
    uint64_t failed;
    sqlite3 *db;

    WAIT_FOR(ask_int(f, "SELECT count(*) FROM event") == 1);
    db = lock_store(f);
    store_stats(f->store, &stats);
    failed = stats.failed;
    WAIT_FOR((store_stats(f->store, &stats), stats.failed > failed));
    sqlite3_close(db);
    WAIT_FOR(is_answered(r));
    CHECK(!r->notices && r->ends == 1 && !strcmp(buf_text(&r->shown), "kept"));
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'done'") == 1);
    return TROUPE_OK;
}

static void a_store_that_fails_for_a_moment_costs_no_answer(void **state)
{
    const struct store_options options = {.busy_ms = 30};

    (void)state;
    play_in(plain_ini, &options, moment_body);
}

/* ---- after a crash -------------------------------------------------------------------------- */

/* What a process that was killed left: an event, as far as its turn had come. */
static void leave(struct stage_test *t, struct store_batch *batch, int64_t id, const char *script,
                  int64_t blames)
{
    char source_id[24], *payload;
    struct event event = {.source = "fake",
                          .source_id = source_id,
                          .kind = "message",
                          .channel = "100",
                          .content = script,
                          .content_len = strlen(script),
                          .flags = EVENT_ADDRESSED};

    snprintf(source_id, sizeof(source_id), "%lld", (long long)id);
    record_of(t, source_id);
    payload = event_print(&event);
    store_batch_add(batch,
                    STORE_SQL("INSERT INTO event (id, source, source_id, kind, channel, payload, "
                              "stages, blames, blamed, created_ms) VALUES (?1, 'fake', ?2, "
                              "'message', '100', ?3, '[\"a\"]', ?4, 'a', 1)",
                              store_int(id), store_text(source_id), store_text(payload),
                              store_int(blames)));
    mem_free(payload);
}

static troupe_status leave_all(struct stage_test *t)
{
    struct fixture *f = &t->base;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    leave(t, batch, 1, "reply again", 0);
    leave(t, batch, 2, "reply spent", 0); /* had paid */
    leave(t, batch, 3, "reply never", 2); /* brought the host down twice */
    leave(t, batch, 4, "reply unsent", 0);
    leave(t, batch, 5, "reply x", 0); /* its payload is damaged */
    leave(t, batch, 6, "reply behind", 1);
    store_batch_add(
        batch, STORE_SQL("INSERT INTO budget_ledger (turn_id, day, scope_bot, reserved_micros, "
                         "state, created_ms) VALUES (?1, '2026-01-01', 'bot', 5, 'dispatched', 1)",
                         store_int(2)));
    store_batch_add(batch, STORE_SQL("INSERT INTO outbox (id, gateway, turn_id, kind, channel, "
                                     "reply_to, body, created_ms) VALUES (1000, 'fake', 4, "
                                     "'reply', '100', '4', ?1, 1)",
                                     store_text("unsent text")));
    store_batch_add(batch, STORE_SQL("UPDATE event SET finished_ms = 2, state = 'done' WHERE id = "
                                     "?1",
                                     store_int(4)));
    store_batch_add(batch, STORE_SQL("UPDATE event SET payload = '{' WHERE id = ?1", store_int(5)));
    store_batch_add(
        batch, STORE_SQL("INSERT INTO event (id, source, source_id, kind, payload, created_ms) "
                         "VALUES (?1, 'shell', '1', 'call', '{}', 1)",
                         store_int(7)));
    return store_commit(f->store, batch, 0, &f->err);
}

static troupe_status recover_main(void *arg)
{
    struct stage_test *t = arg;
    troupe_status status = fake_deliver(t);

    return status < 0 ? status : turn_engine_recover(t->engine, &t->gateway, &t->base.err);
}

BODY(what_a_crash_left_is_closed_or_done_once)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *r;

    engine_end(t, 0);
    CHECK_STATUS(leave_all(t), TROUPE_OK);
    t->record_count = 4; /* of the fifth event nobody can be told */
    CHECK_STATUS(turn_budget_close(f->store, -1, 0, NULL, &f->err), TROUPE_OK);
    CHECK_STATUS(engine_start(t, plain_ini), TROUPE_OK);
    {
        /* Two sessions of the same gateway come at once, while messages arrive. */
        SCOPE(scope, 0);
        CHECK_STATUS(co_spawn(&scope, NULL, recover_main, t), TROUPE_OK);
        CHECK_STATUS(co_spawn(&scope, NULL, recover_main, t), TROUPE_OK);
        for (int i = 0; i < 20; i++)
            ask_as(t, (struct asking){.channel = "300"}, "reply fresh");
    }
    CHECK_STATUS(turn_engine_recover(t->engine, &t->gateway, &f->err), TROUPE_OK);
    WAIT_FOR(list_empty(&t->engine->turns) && list_empty(&t->engine->incoming));
    r = record_of(t, "1");
    CHECK(r->ends == 1 && !strcmp(buf_text(&r->shown), "again"));
    r = record_of(t, "2");
    CHECK(r->ends == 1 && !strcmp(buf_text(&r->shown), "spent"));
    CHECK(ask_int(f, "SELECT count(*) FROM budget_ledger WHERE state = 'unknown'") == 1);
    r = record_of(t, "3");
    CHECK(r->notices == 1 && strstr(buf_text(&r->notice), "it brought me down twice"));
    r = record_of(t, "4");
    CHECK(r->ends == 1 && !strcmp(buf_text(&r->shown), "unsent text"));
    r = record_of(t, "6");
    CHECK(r->ends == 1 && !strcmp(buf_text(&r->shown), "behind"));
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE finished_ms IS NULL") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE reason = 'unreadable'") == 1);
    CHECK(ask_int(f, "SELECT attempts FROM event WHERE id = 1") == 1);
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'ready'") == 0);
    return TROUPE_OK;
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_turn_ends_on_the_set_it_began_with),
        TEST(a_drain_waits_and_refuses_what_is_new),
        TEST(a_drain_for_good_is_not_taken_back),
        TEST(a_drain_leaves_the_rest_to_the_next_start_after_its_grace),
        TEST(an_answer_that_nobody_sees_is_kept_and_shown_once),
        TEST(what_is_for_the_member_alone_is_kept_too),
        TEST(a_turn_does_not_wait_until_its_answer_is_shown),
        TEST(an_answer_that_the_gateway_does_not_take_is_told),
        TEST(what_follows_a_piece_that_was_not_taken_is_not_shown),
        TEST(what_is_over_is_swept_and_what_nobody_saw_waits),
        TEST(a_store_that_fails_is_told_and_ends_what_it_was_told_of),
        TEST(who_saw_nothing_yet_of_an_answer_that_cannot_be_kept_is_told),
        TEST(a_store_that_fails_for_a_moment_costs_no_answer),
        TEST(what_a_crash_left_is_closed_or_done_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
