/* SPDX-License-Identifier: Apache-2.0
 *
 * What a turn does that is taken up again where its record stops, or where it cannot go on; and what
 * waits for somebody. A drain leaves a turn as a crash does, apart from what was under way.
 */
#include "press_fixture.h"

#include "turn/patience.h"
#include "turn/wait.h"

#define BODY(name)                                                                                 \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play(name##_body);                                                                         \
    }                                                                                              \
    static troupe_status name##_body(void *arg)

#define BODY_IN(name, ini)                                                                         \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play_in(ini, NULL, name##_body);                                                           \
    }                                                                                              \
    static troupe_status name##_body(void *arg)

#define ACTOR(name, more) "[agent " name "]\nplugin = " LIBS "/actor.so\n" more "\n"

static troupe_status change(struct stage_test *t, const char *sql)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    const struct store_statement statement = {.sql = sql, .expect = STORE_ANY};

    store_batch_add(batch, &statement);
    return store_commit(t->base.store, batch, 0, &t->base.err);
}

/* Stops the engine as it is, changes what it left, and starts another. */
static troupe_status again(struct stage_test *t, const char *sql, const char *ini)
{
    struct fixture *f = &t->base;

    engine_end(t, 0);
    if (sql)
        CHECK_STATUS(change(t, sql), TROUPE_OK);
    CHECK_STATUS(engine_start(t, ini), TROUPE_OK);
    return turn_engine_recover(t->engine, &t->gateway, &f->err);
}

/* Runs until it sleeps, and says so. */
#define SLEEPS(name, script)                                                                       \
    struct record *name = ask(t, script);                                                          \
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'here'") == 1)

BODY(what_was_done_is_not_done_again)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    SLEEPS(record, "sql INSERT INTO {note} (body) VALUES ('x');get 0 seen;put 0 here 1;until 0 go;"
                   "rows SELECT count(*) FROM {note}");

    CHECK_STATUS(again(t,
                       "INSERT INTO kv (ns, scope, key, value, updated_ms) VALUES "
                       "('a', 'agent', 'seen', 'later', 0)",
                       plain_ini),
                 TROUPE_OK);
    ask_as(t, (struct asking){.member = "8"}, "put 0 go 1");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "[committed][none][put][1]"));
    CHECK(ask_int(f, "SELECT attempts FROM event WHERE id = 1") == 1);
    {
        _cleanup_mem_ char *why = NULL;

        WAIT_FOR(list_empty(&t->engine->turns));
        CHECK_STATUS(turn_engine_why_text(t->engine, "1", &why, &f->err), TROUPE_OK);
        CHECK(strstr(why, "taken up again once") && strstr(why, "replay: replayed"));
        CHECK(strstr(why, "a 0#0 sql.commit") && strstr(why, "a 0#1 kv.get: not-found"));
    }
    return TROUPE_OK;
}

BODY(an_event_that_comes_again_after_a_restart_is_answered_once)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask_as(t, (struct asking){.source_id = "5"}, "put 0 once 1");
    struct engine_stats stats;

    WAIT_FOR(is_answered(record));
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK_STATUS(again(t, NULL, plain_ini), TROUPE_OK);
    ask_as(t, (struct asking){.source_id = "5"}, "put 0 once 1;http POST http://127.0.0.1:9/ x");
    ask_as(t, (struct asking){.source_id = "5"}, "write never shown"); /* in the same tick */
    CHECK_ANSWER("get 0 once", "[1]");
    WAIT_FOR(list_empty(&t->engine->turns));
    turn_engine_stats(t->engine, &stats);
    CHECK(stats.duplicates == 2 && stats.failed == 0 && record->ends == 1 && !record->notices);
    CHECK(ask_int(f, "SELECT count(*) FROM event") == 2);
    CHECK(ask_int(f, "SELECT version FROM kv WHERE key = 'once'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM call WHERE turn_id > 1 AND kind <> 'kv.get'") == 0);
    return TROUPE_OK;
}

/* A reader sees rows a moment before the writer has counted their transaction. */
static bool all_is_counted(struct stage_test *t)
{
    struct store_stats stats;

    store_stats(t->base.store, &stats);
    return list_empty(&t->engine->turns) && !stats.batches_queued;
}

BODY(a_plain_turn_is_one_transaction)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct store_stats before, after;
    struct record *record;

    CHECK_ANSWER("/sum a=1 b=2", "{\"sum\":3}");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'sent'") == 1);
    WAIT_FOR(all_is_counted(t));
    store_stats(f->store, &before);
    t->away = true; /* showing it is the gateway's, and so is its mark */
    record = ask(t, "/sum a=1 b=3");
    WAIT_FOR(t->engine->stats.answered == 2 && all_is_counted(t));
    store_stats(f->store, &after);
    /* Of an agent in another process the end comes too late for the transaction of the event. */
    CHECK(after.transactions - before.transactions <= (is_isolated() ? 2 : 1));
    CHECK_STATUS(fake_deliver(t), TROUPE_OK);
    CHECK(!strcmp(buf_text(&record->shown), "{\"sum\":4}"));
    return TROUPE_OK;
}

BODY(another_call_at_the_same_place_ends_the_turn)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    SLEEPS(record, "put 0 here 1;until 0 go;put 0 never 1");

    CHECK_STATUS(again(t, "UPDATE call SET kind = 'sql.commit' WHERE ordinal = 0", plain_ini),
                 TROUPE_OK);
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->notice), "cannot go on where I was"));
    CHECK_TRACE("replay: diverged");
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'diverged'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'never'") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE buttons LIKE '%t:retry:1%'") == 1);
    return TROUPE_OK;
}

BODY(what_was_shown_is_closed_when_a_turn_cannot_go_on)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    SLEEPS(record, "put 0 here 1;write half;until 0 go;put 0 never 1");

    WAIT_FOR(record->writes);
    CHECK_STATUS(again(t, "UPDATE call SET kind = 'sql.commit' WHERE ordinal = 0", plain_ini),
                 TROUPE_OK);
    WAIT_FOR(is_answered(record));
    CHECK(record->ends == 1 && record->outcome == GATEWAY_INTERRUPTED);
    CHECK(!strcmp(buf_text(&record->shown), "half"));
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE kind = 'reply' AND buttons LIKE "
                     "'%t:retry:1%' AND buttons NOT LIKE '%continue%'") == 1);
    return TROUPE_OK;
}

/* A paid request was on its way when the process died; `payload` is what the event says then. */
static troupe_status cut_round(struct stage_test *t, const char *payload)
{
    struct fixture *f = &t->base;

    CHECK_STATUS(
        change(t, "INSERT INTO call SELECT turn_id, stage, path, 2, 'http.paid', build, 1, 0, "
                  "'begun', 0, X'01000000000000000100000000000000', 0 FROM call WHERE kind = "
                  "'budget.reserve' ON CONFLICT (turn_id, stage, path, ordinal) DO UPDATE SET kind "
                  "= 'http.paid', args_hash = 0, state = 'begun', status = 0, result = "
                  "excluded.result"),
        TROUPE_OK);
    CHECK_STATUS(change(t, "DELETE FROM call WHERE ordinal > 2"), TROUPE_OK);
    CHECK_STATUS(change(t, "UPDATE budget_ledger SET state = 'dispatched'"), TROUPE_OK);
    return change(t, payload);
}

BODY(a_paid_round_that_was_shown_is_cut_and_offers_to_go_on)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    SLEEPS(record, "write first half;reserve 500;put 0 here 1;until 0 go");

    WAIT_FOR(record->writes);
    engine_end(t, 0);
    CHECK_STATUS(cut_round(t, "UPDATE event SET payload = replace(replace(payload, 'until 0 go', "
                              "'http POST http://127.0.0.1:9/ x;fail -16 actor.cut it broke off'), "
                              "'write first half;', '')"),
                 TROUPE_OK);
    CHECK_STATUS(engine_start(t, plain_ini), TROUPE_OK);
    CHECK_STATUS(turn_engine_recover(t->engine, &t->gateway, &f->err), TROUPE_OK);
    WAIT_FOR(is_answered(record));
    CHECK(record->ends == 1 && record->outcome == GATEWAY_INTERRUPTED);
    CHECK(!strcmp(buf_text(&record->shown), "first half"));
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE buttons LIKE '%t:continue:1%' AND buttons "
                     "LIKE '%t:retry:1%'") == 1);
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK(ask_int(f, "SELECT count(*) FROM call WHERE kind = 'http.paid' AND status = -16") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM budget_ledger WHERE state = 'unknown'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM budget_ledger") == 1);
    return TROUPE_OK;
}

BODY(a_paid_round_that_nobody_saw_has_one_more_attempt)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    SLEEPS(record, "reserve 500;put 0 here 1;until 0 go");

    engine_end(t, 0);
    CHECK_STATUS(cut_round(t,
                           "UPDATE event SET payload = replace(payload, 'until 0 go', 'http POST "
                           "http://127.0.0.1:9/ x;release')"),
                 TROUPE_OK);
    CHECK_STATUS(engine_start(t, plain_ini), TROUPE_OK);
    CHECK_STATUS(turn_engine_recover(t->engine, &t->gateway, &f->err), TROUPE_OK);
    WAIT_FOR(is_answered(record));
    /* Nobody listens there: the attempt's reservation is given back under the first one's number. */
    CHECK(strstr(buf_text(&record->shown), "[put]<-") &&
          strstr(buf_text(&record->shown), "[released]"));
    CHECK(ask_int(f, "SELECT count(*) FROM budget_ledger WHERE state = 'unknown'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM budget_ledger WHERE state = 'released'") == 1);
    CHECK(ask_int(f, "SELECT reserved_micros FROM budget_day WHERE scope = 'bot'") == 0);
    return TROUPE_OK;
}

/* The first attempt and another one cost more than may be spent. */
BODY_IN(a_further_attempt_that_a_cap_refuses_is_told_to_the_owner,
        "[budget]\ndaily = 0.0008\n[pipeline message]\nstages = a\n" ACTOR("a", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    SLEEPS(record, "reserve 500;put 0 here 1;until 0 go");

    engine_end(t, 0);
    CHECK_STATUS(cut_round(t,
                           "UPDATE event SET payload = replace(payload, 'until 0 go', 'http POST "
                           "http://127.0.0.1:9/ x')"),
                 TROUPE_OK);
    CHECK_STATUS(engine_start(t, t->ini), TROUPE_OK);
    CHECK_STATUS(turn_engine_recover(t->engine, &t->gateway, &f->err), TROUPE_OK);
    WAIT_FOR(is_answered(record));
    CHECK(ask_int(f, "SELECT count(*) FROM budget_ledger") == 1);
    CHECK(strstr(buf_text(&t->reports),
                 "\"a test\" is refused: 0.0005 of the 0.0008 USD that the bot may cost today are "
                 "spent or reserved, and it could cost up to 0.0005."));
    return TROUPE_OK;
}

BODY(other_arguments_end_it_only_in_another_build)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *second;
    SLEEPS(first, "put 0 here 1;until 0 go;get 0 none");

    CHECK_STATUS(again(t, "UPDATE call SET args_hash = 1 WHERE ordinal = 0", plain_ini), TROUPE_OK);
    ask_as(t, (struct asking){.member = "8"}, "put 0 go 1");
    WAIT_FOR(is_answered(first));
    CHECK(!strcmp(buf_text(&first->shown), "[put][none]"));
    CHECK_STATUS(change(t, "DELETE FROM kv"), TROUPE_OK);
    second = ask_as(t, (struct asking){.member = "9"}, "put 0 here 1;until 0 go;get 0 none");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'here'") == 1);
    CHECK_STATUS(
        again(t, "UPDATE call SET args_hash = 1, build = 'other' WHERE ordinal = 0", plain_ini),
        TROUPE_OK);
    WAIT_FOR(is_answered(second));
    CHECK(strstr(buf_text(&second->notice), "cannot go on where I was"));
    return TROUPE_OK;
}

static const char twice_ini[] =
    "[pipeline message]\nstages = a\n[agent a]\nplugin = " LIBS "/twice.so\n";

BODY_IN(a_call_says_whether_it_was_made_before, twice_ini)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *first = ask(t, "x"), *second;

    WAIT_FOR(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'here'") == 1);
    CHECK_STATUS(again(t,
                       "INSERT INTO kv (ns, scope, key, value, updated_ms) VALUES "
                       "('a', 'agent', 'go', 'yes', 0)",
                       twice_ini),
                 TROUPE_OK);
    WAIT_FOR(is_answered(first));
    CHECK(!strcmp(buf_text(&first->shown), "random 1, call 1 of 0, child 1, put 1, last 0"));
    second = ask(t, "y");
    WAIT_FOR(is_answered(second));
    CHECK(!strcmp(buf_text(&second->shown), "random 0, call 0 of 0, child 0, put 0, last 0"));
    return TROUPE_OK;
}

/* Of a hash of an own call the upper half is the name's. */
BODY(another_build_may_pass_other_arguments_to_its_own_function)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *second;
    SLEEPS(first, "call echo {\"text\":\"a\"};put 0 here 1;until 0 go;get 0 none");

    CHECK_STATUS(
        again(t,
              "UPDATE call SET args_hash = args_hash + 1, build = 'other' WHERE ordinal = 0 "
              "AND kind = 'call'",
              plain_ini),
        TROUPE_OK);
    ask_as(t, (struct asking){.member = "8"}, "put 0 go 1");
    WAIT_FOR(is_answered(first));
    CHECK(!strcmp(buf_text(&first->shown), "[a][put][none]"));
    CHECK_STATUS(change(t, "DELETE FROM kv"), TROUPE_OK);
    second = ask_as(t, (struct asking){.member = "9"},
                    "call echo {\"text\":\"a\"};put 0 here 1;until 0 go");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'here'") == 1);
    CHECK_STATUS(again(t,
                       "UPDATE call SET args_hash = args_hash + 4294967296, build = 'other' WHERE "
                       "ordinal = 0 AND kind = 'call'",
                       plain_ini),
                 TROUPE_OK);
    WAIT_FOR(is_answered(second));
    CHECK(strstr(buf_text(&second->notice), "cannot go on where I was"));
    return TROUPE_OK;
}

BODY(rows_of_another_format_end_the_turn)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    SLEEPS(record, "put 0 here 1;until 0 go;reply x");

    CHECK_STATUS(again(t, "UPDATE call SET format = 99", plain_ini), TROUPE_OK);
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->notice), "cannot go on where I was"));
    return TROUPE_OK;
}

static const char two_ini[] = "[pipeline message]\nstages = b, a\n" ACTOR("a", "")
    ACTOR("b", "script = note k from b;put 0 b 1;verdict next");

BODY_IN(stages_go_by_the_list_of_the_admission, two_ini)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    SLEEPS(record, "put 0 here 1;noted k;until 0 go");

    /* Stage b had ended, so its being gone does no harm; a new one is not run. */
    CHECK_STATUS(again(t, NULL,
                       "[pipeline message]\nstages = c, a\n" ACTOR("a", "")
                           ACTOR("c", "script = reply never")),
                 TROUPE_OK);
    CHECK_STATUS(change(t, "INSERT INTO kv (ns, scope, key, value, updated_ms) VALUES "
                           "('a', 'agent', 'go', '1', 0)"),
                 TROUPE_OK);
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "[put][from b]"));
    CHECK_TRACE("stage b: replayed");
    return TROUPE_OK;
}

BODY_IN(a_begun_stage_that_is_gone_ends_the_turn, two_ini)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    SLEEPS(record, "put 0 here 1;until 0 go;reply never");

    CHECK_STATUS(
        again(t, NULL, "[pipeline message]\nstages = c\n" ACTOR("c", "script = reply never")),
        TROUPE_OK);
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->notice), "cannot go on where I was"));
    return TROUPE_OK;
}

BODY(what_may_have_happened_outside_is_not_repeated)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    SLEEPS(record, "put 0 here 1;http POST http://127.0.0.1:9/ x;until 0 go");

    CHECK_STATUS(again(t,
                       "INSERT INTO call (turn_id, stage, path, ordinal, kind, build, format, "
                       "args_hash, state, status, created_ms) SELECT turn_id, stage, path, 1, "
                       "'http', build, 1, 0, 'begun', 0, 0 FROM call WHERE ordinal = 0 "
                       "ON CONFLICT (turn_id, stage, path, ordinal) DO UPDATE SET state = "
                       "'begun', status = 0, result = NULL",
                       plain_ini),
                 TROUPE_OK);
    CHECK_STATUS(change(t, "INSERT INTO kv (ns, scope, key, value, updated_ms) VALUES "
                           "('a', 'agent', 'go', '1', 0)"),
                 TROUPE_OK);
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "<-14 http.maybe_done"));
    return TROUPE_OK;
}

BODY(a_stage_has_a_bound_of_effects)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_ANSWER("busy 1003", "[1000 taken]");
    return TROUPE_OK;
}

BODY(a_turn_that_brings_the_host_down_twice_is_dead)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    SLEEPS(record, "put 0 here 1;until 0 go;reply late");

    CHECK_STATUS(turn_engine_blame(t->engine, 1, "a", &f->err), TROUPE_OK);
    CHECK_STATUS(again(t, NULL, plain_ini), TROUPE_OK);
    WAIT_FOR(t->engine->admission.running == 1);
    CHECK(!is_answered(record));
    CHECK_STATUS(turn_engine_blame(t->engine, 1, "a", &f->err), TROUPE_OK);
    CHECK_STATUS(again(t, NULL, plain_ini), TROUPE_OK);
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->notice), "it brought me down twice"));
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'dead' AND blamed = 'a'") == 1);
    return TROUPE_OK;
}

BODY(a_child_is_stopped_by_its_sibling_and_by_who_started_it)
{
    struct stage_test *t = arg;

    CHECK_ANSWER("stop", is_isolated() ? "[1][2]<-9 : >" /* TROUPE_UNSUPPORTED */
                                       : "[1][2][stopped]<-1 : >[3][stopped]<-1 : >[goes on]");
    return TROUPE_OK;
}

BODY(several_wait_for_the_same_child)
{
    struct stage_test *t = arg;

    CHECK_ANSWER("crowd", is_isolated() ? "[nobody is stopped here]" : "[2: -1]");
    return TROUPE_OK;
}

BODY(children_that_stop_each_other_all_end)
{
    struct stage_test *t = arg;

    CHECK_ANSWER("ring 2", is_isolated() ? "[nobody is stopped here]" : "[1: -1][0: 0]");
    CHECK_ANSWER("ring 3", is_isolated() ? "[nobody is stopped here]" : "[2: 0][1: -1][0: 0]");
    return TROUPE_OK;
}

BODY(children_are_bounded_joined_and_end_with_their_stage)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "spawn 1 c;verdict done");

    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "w"));  /* a child of a stage writes the answer */
    CHECK_ANSWER("spawn 70 endless", "[64 taken]"); /* the others are ended with the stage */
    CHECK_ANSWER("spawn 1 broken", "[1 taken]<-3 actor.broken: the thing is broken>");
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK(ask_int(f, "SELECT count(*) FROM call WHERE path = '0.0'") >= 2);
    return TROUPE_OK;
}

BODY(a_batch_is_written_whole_or_not_at_all)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "batch 2");

    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "<-4 batch.none: no batch was begun>"));
    CHECK(strstr(buf_text(&record->shown), "[begun][put][inserted]<-19 batch.storage"));
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'batch'") == 0);
    record = ask(t, "batch 1");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "[begun][put][inserted][committed]"));
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'batch'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM a__note") == 1);
    return TROUPE_OK;
}

/* ---- waiting for somebody ------------------------------------------------------------------- */

/* `member` presses the button `id`. */
static size_t press(struct stage_test *t, const char *member, const char *id)
{
    return press_as(t, member, 0, id, "");
}

/* A press that counts for nothing is answered with a sentence. */
static void expect_told(struct stage_test *t, size_t id, const char *part)
{
    struct record *record = record_of_press(t, id);
    uint64_t until = co_after(PATIENCE_MS);
    unsigned before = t->retired; /* the press is taken when we wait */

    while (!record->notices && loop_now(t->base.loop) < until)
        co_sleep(1);
    if (!strstr(buf_text(&record->notice), part))
        fprintf(stderr, "# \"%s\" and not \"%s\"\n", buf_text(&record->notice), part);
    if (!strstr(buf_text(&record->notice), part))
        abort();
    /* The buttons stay for whom they are, and go where they do nothing any more. */
    if (t->retired - before !=
        (!strcmp(part, "for somebody else") || !strcmp(part, "only who asked") ? 0U : 1U))
        abort();
}

BODY_IN(a_question_waits_without_a_place_and_goes_on_with_the_answer,
        "[admission]\nconcurrent = 1\n[pipeline message]\nstages = a\n" ACTOR("a", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "put 0 once 1;ask 0 Sure?;ask 0 Really?");

    PARKED(1);
    CHECK(record->asked == 1 && !is_answered(record));
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE kind = 'ask' AND buttons LIKE '%Yes%'") ==
          1);
    CHECK_ANSWER("reply others go ahead", "others go ahead"); /* the same lane, the one place */
    expect_told(t, press(t, "8", "t:1:1:1"), "for somebody else");
    expect_told(t, press(t, "7", "t:1:9:1"), "not open any more");
    expect_told(t, press(t, "7", "nonsense"), "does nothing any more");
    press(t, "7", "t:1:1:1");
    WAIT_FOR(record->asked == 2);
    PARKED(1);
    expect_told(t, press(t, "7", "t:1:1:0"), "answered already");
    CHECK_STATUS(again(t, NULL, plain_ini), TROUPE_OK); /* it stays parked through a restart */
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'parked'") == 1);
    press(t, "7", "t:1:2:0");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "[put][Yes][No]"));
    WAIT_FOR(list_empty(&t->engine->turns));
    {
        _cleanup_mem_ char *why = NULL;

        CHECK_STATUS(turn_engine_why_text(t->engine, "1", &why, &f->err), TROUPE_OK);
        CHECK(strstr(why, "intake: taken") && strstr(why, "turn: parked"));
    }
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'once' AND version = 1") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE kind = 'reply' AND turn_id = 1") == 1);
    return TROUPE_OK;
}

BODY(a_question_expires)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "ask 30 Sure?;put 0 then 1");

    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "<-2 ask.expired"));
    CHECK(strstr(buf_text(&record->shown), "[put]"));
    CHECK(ask_int(f, "SELECT count(*) FROM wait WHERE state = 'expired'") == 1);
    CHECK(!strcmp(t->line, "1 2 nobody chose in time"));
    expect_told(t, press(t, "7", "t:1:1:1"), "answered already, or is over");
    return TROUPE_OK;
}

BODY_IN(observers_see_a_turn_once_however_often_it_waits,
        "[pipeline message]\nstages = a\nobservers = o\n" ACTOR("a", "")
            ACTOR("o", "script = put 0 watched 1"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "ask 0 Sure?");

    PARKED(1);
    press(t, "7", "t:1:1:1");
    WAIT_FOR(is_answered(record));
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK(ask_int(f, "SELECT version FROM kv WHERE key = 'watched'") == 1);
    return TROUPE_OK;
}

BODY(a_question_can_be_stopped)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "ask 0 Sure?");

    PARKED(1);
    CHECK(turn_engine_stop_channel(t->engine, "100") == 0);
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "<-1 ask.canceled"));
    CHECK(ask_int(f, "SELECT count(*) FROM wait WHERE state = 'canceled'") == 1);
    return TROUPE_OK;
}

BODY(a_question_expires_while_nobody_runs)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "ask 600000 Sure?");

    PARKED(1);
    CHECK_STATUS(again(t, "UPDATE wait SET due_ms = 1", plain_ini), TROUPE_OK);
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "<-2 ask.expired"));
    return TROUPE_OK;
}

static troupe_status long_sleep_body(void *arg)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;

    t->park_ms = 20;
    CHECK_STATUS(again(t, NULL, plain_ini), TROUPE_OK);
    record = ask(t, "put 0 before 1;sleep 60000;get 0 none");
    PARKED(1);
    CHECK(ask_int(f, "SELECT count(*) FROM wait WHERE kind = 'sleep' AND state = 'open'") == 1);
    CHECK_STATUS(again(t, "UPDATE wait SET due_ms = 1", plain_ini), TROUPE_OK);
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "[put][none]"));
    return TROUPE_OK;
}

static troupe_status patience_body(void *arg)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;

    t->park_ms = 20;
    CHECK_STATUS(again(t, NULL, plain_ini), TROUPE_OK);
    record = ask(t, "call nap {\"ms\":45000}");
    PARKED(1);
    WAIT_FOR(record->patience == 1);
    CHECK(!strcmp(record->wait, "This takes longer: I answer here in about 45 seconds"));
    CHECK(record->over == 0); /* typing goes on */
    CHECK_STATUS(again(t, "UPDATE wait SET due_ms = 1", plain_ini), TROUPE_OK);
    WAIT_FOR(!strcmp(buf_text(&record->shown), "[awake]"));
    CHECK(record->patience == 1); /* not by the run that found it waited for */
    return TROUPE_OK;
}

static void a_member_is_told_of_a_long_wait_at_once(void **state)
{
    (void)state;
    play(patience_body);
}

/* What is short, what waits by itself and what has shown something already is told by nobody. */
static troupe_status no_patience_body(void *arg)
{
    static const char *const scripts[] = {"call nap {\"ms\":50}", "sleep 60000;reply late",
                                          "write so far;call nap {\"ms\":45000}"};
    struct stage_test *t = arg;
    struct fixture *f = arg;

    t->park_ms = 20;
    CHECK_STATUS(again(t, NULL, plain_ini), TROUPE_OK);
    for (size_t i = 0; i < sizeof(scripts) / sizeof(scripts[0]); i++) {
        struct record *record = ask(t, scripts[i]);

        if (i > 0) {
            PARKED(1);
            CHECK(!is_answered(record));
            CHECK_STATUS(again(t, "UPDATE wait SET due_ms = 1", plain_ini), TROUPE_OK);
        }
        WAIT_FOR(is_answered(record));
        CHECK(record->patience == 0);
    }
    return TROUPE_OK;
}

static void nobody_is_told_of_what_is_short_or_meant(void **state)
{
    (void)state;
    play(no_patience_body);
}

static void a_wait_is_told_in_the_unit_that_fits(void **state)
{
    static const struct {
        uint64_t ms;
        const char *told;
    } cases[] = {{10000, "about 10 seconds"}, {44100, "about 45 seconds"},
                 {60000, "about 60 seconds"}, {119000, "about 119 seconds"},
                 {125000, "about 3 minutes"}, {7100000, "about 119 minutes"},
                 {7200000, "about 2 hours"},  {UINT64_MAX, "hours"}};
    char text[TURN_PATIENCE_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        turn_patience_print(cases[i].ms, text);
        assert_non_null(strstr(text, cases[i].told));
    }
}

static void a_long_sleep_parks_and_ends_at_its_time(void **state)
{
    (void)state;
    play(long_sleep_body);
}

BODY(retry_and_continue_ask_again)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *pressed;

    (void)f;
    CHECK_ANSWER("flags", "[anew]");
    expect_told(t, press(t, "8", "t:retry:1"), "only who asked");
    pressed = record_of_press(t, press(t, "7", "t:retry:1"));
    WAIT_FOR(is_answered(pressed));
    CHECK(!strcmp(buf_text(&pressed->shown), "[anew]"));
    pressed = record_of_press(t, press(t, "7", "t:continue:1"));
    WAIT_FOR(is_answered(pressed));
    CHECK(!strcmp(buf_text(&pressed->shown), "[continue]"));
    expect_told(t, press(t, "7", "t:retry:99"), "too long ago");
    return TROUPE_OK;
}

BODY(what_is_asked_again_has_the_rights_of_the_press)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask_as(t, (struct asking){.flags = EVENT_MODERATOR}, "/warn"), *pressed;

    (void)f;
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "warned"));
    pressed = record_of_press(t, press(t, "7", "t:retry:1")); /* who is none any more */
    WAIT_FOR(is_answered(pressed));
    CHECK(strstr(buf_text(&pressed->shown), "for moderators only"));
    pressed = record_of_press(t, press_as(t, "7", EVENT_MODERATOR, "t:retry:1", ""));
    WAIT_FOR(is_answered(pressed));
    CHECK(!strcmp(buf_text(&pressed->shown), "warned"));
    return TROUPE_OK;
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_done_is_not_done_again),
        TEST(an_event_that_comes_again_after_a_restart_is_answered_once),
        TEST(a_plain_turn_is_one_transaction),
        TEST(another_call_at_the_same_place_ends_the_turn),
        TEST(what_was_shown_is_closed_when_a_turn_cannot_go_on),
        TEST(a_paid_round_that_was_shown_is_cut_and_offers_to_go_on),
        TEST(a_paid_round_that_nobody_saw_has_one_more_attempt),
        TEST(a_further_attempt_that_a_cap_refuses_is_told_to_the_owner),
        TEST(other_arguments_end_it_only_in_another_build),
        TEST(a_call_says_whether_it_was_made_before),
        TEST(another_build_may_pass_other_arguments_to_its_own_function),
        TEST(rows_of_another_format_end_the_turn),
        TEST(stages_go_by_the_list_of_the_admission),
        TEST(a_begun_stage_that_is_gone_ends_the_turn),
        TEST(what_may_have_happened_outside_is_not_repeated),
        TEST(a_stage_has_a_bound_of_effects),
        TEST(a_turn_that_brings_the_host_down_twice_is_dead),
        TEST(a_child_is_stopped_by_its_sibling_and_by_who_started_it),
        TEST(several_wait_for_the_same_child),
        TEST(children_that_stop_each_other_all_end),
        TEST(children_are_bounded_joined_and_end_with_their_stage),
        TEST(a_batch_is_written_whole_or_not_at_all),
        TEST(a_question_waits_without_a_place_and_goes_on_with_the_answer),
        TEST(a_question_expires),
        TEST(a_question_can_be_stopped),
        TEST(observers_see_a_turn_once_however_often_it_waits),
        TEST(a_question_expires_while_nobody_runs),
        TEST(a_long_sleep_parks_and_ends_at_its_time),
        TEST(a_member_is_told_of_a_long_wait_at_once),
        TEST(nobody_is_told_of_what_is_short_or_meant),
        TEST(a_wait_is_told_in_the_unit_that_fits),
        TEST(retry_and_continue_ask_again),
        TEST(what_is_asked_again_has_the_rights_of_the_press),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
