/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs on a whole engine. The clock on the wall is this program's own: what the test adds to it, all of
 * the core sees; the monotonic one goes on as it is.
 */
#include "../turn/turn_fixture.h"

#include "sched/sched.h"

#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define HOUR   INT64_C(3600000)
#define MINUTE INT64_C(60000)

static _Atomic int64_t wall_offset_ms;

int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int64_t offset = clock == CLOCK_REALTIME ? atomic_load(&wall_offset_ms) : 0;
    int result = (int)syscall(SYS_clock_gettime, clock, ret);

    ret->tv_sec += offset / 1000;
    return result;
}

static const char later_ini[] = "[pipeline message]\nstages = a\n"
                                "[agent a]\nplugin = " LIBS "/later.so\n";

#define BODY_IN(name, ini)                                                                         \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        atomic_store(&wall_offset_ms, 0);                                                          \
        play_in(ini, NULL, name##_body);                                                           \
    }                                                                                              \
    static troupe_status name##_body(void *arg)
#define BODY(name) BODY_IN(name, later_ini)

/* ---- the scheduler in a test ---------------------------------------------------------------- */

static troupe_status start(struct stage_test *t, struct sched **ret)
{
    const struct sched_options options = {
        .loop = t->base.loop, .store = t->base.store, .engine = t->engine};
    troupe_status status = sched_new(&options, ret, &t->base.err);

    if (status == TROUPE_OK)
        status = turn_engine_recover(t->engine, &t->gateway, &t->base.err);
    if (status == TROUPE_OK)
        sched_wake(*ret);
    return status;
}

static void stop(struct stage_test *t, struct sched *sched)
{
    sched_close(sched);
    engine_end(t, 0);
    sched_free(sched);
    co_sleep(1); /* for its timer to be closed */
}

/* A job as the store has it; due `late_ms` ago. */
static troupe_status put_job(struct stage_test *t, struct sched *sched, struct sched_job job,
                             int64_t late_ms)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    job.id = sched_next_id(sched);
    job.agent = job.agent ? job.agent : "a";
    job.gateway = "fake";
    job.account = "1";
    job.channel = job.channel ? job.channel : "100";
    job.member = job.member ? job.member : "7";
    job.payload_len = strlen(job.payload);
    job.next_ms = clock_wall_ms() - late_ms;
    sched_add(batch, &job);
    return store_commit(t->base.store, batch, 0, &t->base.err);
}

static size_t shown_times(const struct stage_test *t, const char *text)
{
    size_t count = 0;

    for (size_t i = 0; i < t->record_count; i++)
        count += !strcmp(buf_text(&t->records[i].shown), text);
    return count;
}

static void step_clock(struct sched *sched, int64_t by_ms)
{
    atomic_fetch_add(&wall_offset_ms, by_ms);
    sched_wake(sched);
}

#define IS_IDLE(sched) (ask_int(f, "SELECT count(*) FROM scheduled_job WHERE state = 'open'") == 0)

/* ---- planning ------------------------------------------------------------------------------- */

BODY(what_is_planned_is_due_once)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct sched *sched = NULL;

    CHECK_STATUS(start(t, &sched), TROUPE_OK);
    CHECK_ANSWER("plan in 2 hours|UTC|run|0||tea", "1  once");
    CHECK_ANSWER("list", "1 jobs 1::tea");
    CHECK(ask_int(f, "SELECT flags FROM scheduled_job") == EVENT_PING);
    step_clock(sched, 2 * HOUR + MINUTE / 2);
    WAIT_FOR(shown_times(t, "due: tea") == 1);
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE kind = 'job' AND source = 'schedule/fake' "
                     "AND source_id LIKE '1@%' AND channel = '100' AND member = '7' "
                     "AND state = 'done'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM scheduled_job WHERE state = 'done' AND runs = 1 "
                     "AND last_ms = next_ms AND ended_ms IS NOT NULL") == 1);
    CHECK_ANSWER("list", "0 jobs ");
    stop(t, sched);
    return TROUPE_OK;
}

BODY(a_recurring_job_runs_each_time)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct sched *sched = NULL;

    CHECK_STATUS(start(t, &sched), TROUPE_OK);
    CHECK_ANSWER("plan every 30 minutes|UTC|run|0||stretch", "1 every 30 minutes again");
    for (size_t i = 1; i <= 3; i++) {
        step_clock(sched, 30 * MINUTE + 1000);
        WAIT_FOR(shown_times(t, "due: stretch") == i);
    }
    CHECK(ask_int(f, "SELECT runs FROM scheduled_job WHERE state = 'open'") == 3);
    CHECK(ask_int(f, "SELECT next_ms - last_ms FROM scheduled_job") == 30 * MINUTE);
    CHECK_ANSWER("cancel 1", "canceled");
    step_clock(sched, HOUR);
    CHECK_ANSWER("cancel 1", "schedule.unknown: you have nothing planned here under the number 1");
    CHECK(shown_times(t, "due: stretch") == 3);
    stop(t, sched);
    return TROUPE_OK;
}

BODY(a_member_sees_and_takes_back_only_his_own)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct asking other = {.member = "8"}, guild = {.guild = "3"};
    struct sched *sched = NULL;
    struct record *record;

    CHECK_STATUS(start(t, &sched), TROUPE_OK);
    CHECK_ANSWER("plan in 2 hours|UTC|run|0||tea", "1  once");
    record = ask_as(t, other, "list");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "0 jobs "));
    record = ask_as(t, other, "cancel 1");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "schedule.unknown"));
    record = ask_as(t, guild, "cancel 1");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "schedule.unknown"));
    CHECK_ANSWER("cancel 1", "canceled");
    stop(t, sched);
    return TROUPE_OK;
}

BODY(a_key_names_one_job_only)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct sched *sched = NULL;

    CHECK_STATUS(start(t, &sched), TROUPE_OK);
    CHECK_ANSWER("plan in 2 hours|UTC|run|0|standup|old", "1  once");
    CHECK_ANSWER("plan in 3 hours|UTC|run|0|standup|new", "2  once");
    CHECK_ANSWER("plan in 4 hours|UTC|run|0|lunch|eat", "3  once");
    CHECK_ANSWER("list", "2 jobs 2:standup:new 3:lunch:eat");
    step_clock(sched, 5 * HOUR);
    WAIT_FOR(shown_times(t, "due: eat") == 1 && shown_times(t, "due: new") == 1);
    CHECK(!shown_times(t, "due: old"));
    stop(t, sched);
    return TROUPE_OK;
}

BODY(jobs_of_a_member_and_of_a_guild_are_bounded)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct sched *sched = NULL;

    CHECK_STATUS(start(t, &sched), TROUPE_OK);
    for (size_t i = 0; i < SCHED_MEMBER_MAX; i++)
        CHECK_STATUS(put_job(t, sched, (struct sched_job){.payload = "x"}, -HOUR), TROUPE_OK);
    CHECK_STATUS(put_job(t, sched, (struct sched_job){.payload = "x"}, -HOUR), TROUPE_CONFLICT);
    CHECK_ANSWER("plan in 2 hours|UTC|run|0||tea",
                 "schedule.full: 100 things planned by one member, and 1000 in one server, are the "
                 "most; take one back first");
    for (size_t i = 0; i < SCHED_GUILD_MAX; i++) {
        char member[8];

        snprintf(member, sizeof(member), "m%zu", i / 50);
        CHECK_STATUS(put_job(t, sched,
                             (struct sched_job){.payload = "x", .guild = "3", .member = member},
                             -HOUR),
                     TROUPE_OK);
    }
    CHECK_STATUS(
        put_job(t, sched, (struct sched_job){.payload = "x", .guild = "3", .member = "one"}, -HOUR),
        TROUPE_CONFLICT);
    CHECK_STATUS(
        put_job(t, sched, (struct sched_job){.payload = "x", .guild = "4", .member = "one"}, -HOUR),
        TROUPE_OK);
    stop(t, sched);
    return TROUPE_OK;
}

BODY(what_cannot_be_planned_is_refused)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct sched *sched = NULL;
    struct record *record;
    char text[2200];

    CHECK_STATUS(start(t, &sched), TROUPE_OK);
    CHECK_ANSWER("plan in 2 hours|Europe/Nowhere|run|0||x",
                 "schedule.zone: time zone \"Europe/Nowhere\" is not known here; write a name like "
                 "Europe/Berlin, or install tzdata");
    record = ask(t, "plan some day|UTC|run|0||x");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "schedule.when: that is no time that is understood"));
    CHECK_ANSWER("plan |UTC|run|0||x", "schedule.when: that time is over already");
    snprintf(text, sizeof(text), "plan in 2 hours|UTC|run|0||%02100d", 1);
    CHECK_ANSWER(text, "host.limit: a payload has at most 2000 bytes");
    CHECK(IS_IDLE(sched));
    stop(t, sched);
    return TROUPE_OK;
}

/* ---- what was missed ------------------------------------------------------------------------ */

BODY(what_was_missed_is_done_as_its_policy_says)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct sched *sched = NULL;

    CHECK_STATUS(sched_new(&(struct sched_options){.loop = t->base.loop,
                                                   .store = t->base.store,
                                                   .engine = t->engine},
                           &sched, &f->err),
                 TROUPE_OK);
    put_job(t, sched, (struct sched_job){.payload = "run", .policy = SCHED_RUN}, 2 * HOUR);
    put_job(t, sched, (struct sched_job){.payload = "skip", .policy = SCHED_SKIP}, 2 * HOUR);
    put_job(t, sched,
            (struct sched_job){.payload = "soon", .policy = SCHED_WITHIN, .within_ms = 3 * HOUR},
            2 * HOUR);
    put_job(t, sched,
            (struct sched_job){.payload = "late", .policy = SCHED_WITHIN, .within_ms = HOUR},
            2 * HOUR);
    put_job(t, sched, (struct sched_job){.payload = "just", .policy = SCHED_SKIP}, 30000);
    put_job(t, sched,
            (struct sched_job){
                .payload = "often", .policy = SCHED_RUN, .when_text = "every 10 minutes"},
            2 * HOUR + MINUTE);
    put_job(t, sched,
            (struct sched_job){
                .payload = "never", .policy = SCHED_SKIP, .when_text = "every 10 minutes"},
            2 * HOUR + MINUTE);
    CHECK_STATUS(turn_engine_recover(t->engine, &t->gateway, &f->err), TROUPE_OK);
    sched_wake(sched);
    WAIT_FOR(shown_times(t, "due: run") && shown_times(t, "due: soon") &&
             shown_times(t, "due: just") && shown_times(t, "due: often"));
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM scheduled_job WHERE next_ms < last_ms + 1") == 5);
    CHECK(t->record_count == 4); /* each once, and nothing else */
    CHECK(ask_int(f, "SELECT count(*) FROM scheduled_job WHERE state = 'skipped' AND runs = 0 "
                     "AND skipped = 1") == 2);
    CHECK(ask_int(f, "SELECT runs * 10 + skipped FROM scheduled_job WHERE payload = 'often'") ==
          10);
    CHECK(ask_int(f, "SELECT runs * 10 + skipped FROM scheduled_job WHERE payload = 'never'") == 1);
    CHECK(ask_int(f, "SELECT (next_ms - last_ms) / 60000 FROM scheduled_job "
                     "WHERE payload = 'often'") == 130);
    CHECK(ask_int(f, "SELECT (next_ms - last_ms) / 60000 FROM scheduled_job "
                     "WHERE payload = 'never'") == 130);
    stop(t, sched);
    return TROUPE_OK;
}

BODY(a_set_clock_neither_loses_nor_doubles)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct sched *sched = NULL;

    CHECK_STATUS(start(t, &sched), TROUPE_OK);
    CHECK_ANSWER("plan in 30 minutes|UTC|run|0||run", "1  once");
    CHECK_ANSWER("plan in 30 minutes|UTC|skip|0||skip", "2  once");
    CHECK_ANSWER("plan every 20 minutes|UTC|run|0||often", "3 every 20 minutes again");
    step_clock(sched, HOUR);
    WAIT_FOR(shown_times(t, "due: run") == 1 && shown_times(t, "due: often") == 1);
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM scheduled_job WHERE state = 'skipped'") == 1);
    /* Back: all of that comes once more on the wall, and not here. */
    step_clock(sched, -HOUR);
    step_clock(sched, 31 * MINUTE);
    CHECK_ANSWER("list", "1 jobs 3::often");
    WAIT_FOR(!t->engine->in_flight && list_empty(&t->engine->turns));
    CHECK(shown_times(t, "due: run") == 1 && !shown_times(t, "due: skip"));
    CHECK(shown_times(t, "due: often") == 1);
    step_clock(sched, 50 * MINUTE);
    WAIT_FOR(shown_times(t, "due: often") == 2);
    stop(t, sched);
    return TROUPE_OK;
}

/* ---- crash ---------------------------------------------------------------------------------- */

BODY(a_job_that_was_cut_goes_on_at_the_next_start)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct sched *sched = NULL;

    CHECK_STATUS(start(t, &sched), TROUPE_OK);
    CHECK_ANSWER("plan in 2 hours|UTC|run|0||doze 300 tea", "1  once");
    step_clock(sched, 2 * HOUR);
    WAIT_FOR(t->engine->admission.running == 1);
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'runs'") == 1);
    stop(t, sched);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE kind = 'job' AND finished_ms IS NULL") == 1);
    CHECK_STATUS(engine_start(t, later_ini), TROUPE_OK);
    CHECK_STATUS(start(t, &sched), TROUPE_OK);
    WAIT_FOR(shown_times(t, "due: doze 300 tea") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'runs' AND value = CAST('1' AS BLOB)") ==
          1);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE kind = 'job'") == 1);
    stop(t, sched);
    return TROUPE_OK;
}

BODY(an_agent_that_is_gone_is_told_about)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct sched *sched = NULL;

    CHECK_STATUS(start(t, &sched), TROUPE_OK);
    put_job(t, sched, (struct sched_job){.agent = "gone", .payload = "x"}, 0);
    sched_wake(sched);
    WAIT_FOR(t->record_count == 1 && is_answered(&t->records[0]));
    CHECK(strstr(buf_text(&t->records[0].notice), "\"gone\" had planned"));
    CHECK_TRACE("no_agent");
    stop(t, sched);
    return TROUPE_OK;
}

/* ---- many ----------------------------------------------------------------------------------- */

BODY_IN(many_at_once_leave_room_for_others,
        "[admission]\nconcurrent = 8\n[pipeline message]\nstages = a\n"
        "[agent a]\nplugin = " LIBS "/later.so\n")
{
    enum { MANY = 300, MEMBERS = 30 };
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct sched *sched = NULL;
    struct sched_stats stats;
    struct record *record;

    CHECK_STATUS(start(t, &sched), TROUPE_OK);
    /* One whose jobs are slow, and many who each have some. */
    for (size_t i = 0; i < 3; i++)
        put_job(t, sched, (struct sched_job){.payload = "doze 60000 x", .member = "slow"}, MINUTE);
    for (size_t i = 0; i < MANY; i++) {
        char member[8];

        snprintf(member, sizeof(member), "m%zu", i % MEMBERS);
        put_job(t, sched, (struct sched_job){.payload = "quick", .member = member}, 0);
    }
    sched_wake(sched);
    WAIT_FOR(shown_times(t, "due: quick") > 10);
    CHECK(t->engine->admission.running <= 5);
    record = ask_as(t, (struct asking){.member = "9", .channel = "200"}, "hello");
    WAIT_FOR(is_answered(record));
    WAIT_FOR(shown_times(t, "due: quick") == MANY);
    WAIT_FOR((sched_stats(sched, &stats), stats.running == 1)); /* the slow one's first */
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE kind = 'job'") == MANY + 1);
    turn_engine_stop_channel(t->engine, "100");
    WAIT_FOR(list_empty(&t->engine->turns) ||
             ask_int(f, "SELECT count(*) FROM event WHERE member = 'slow'") == 2);
    put_job(t, sched, (struct sched_job){.payload = "quick", .member = "m1"}, 0);
    sched_wake(sched);
    WAIT_FOR(shown_times(t, "due: quick") == MANY + 1);
    turn_engine_stop_channel(t->engine, "100");
    sched_close(sched);
    turn_engine_stop_channel(t->engine, "100");
    engine_end(t, 0);
    sched_free(sched);
    co_sleep(1);
    /* What was left open is not told about in this process. */
    for (size_t i = 0; i < t->record_count; i++)
        if (!is_answered(&t->records[i]))
            t->records[i].ends = 1;
    return TROUPE_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_planned_is_due_once),
        cmocka_unit_test(a_recurring_job_runs_each_time),
        cmocka_unit_test(a_member_sees_and_takes_back_only_his_own),
        cmocka_unit_test(a_key_names_one_job_only),
        cmocka_unit_test(jobs_of_a_member_and_of_a_guild_are_bounded),
        cmocka_unit_test(what_cannot_be_planned_is_refused),
        cmocka_unit_test(what_was_missed_is_done_as_its_policy_says),
        cmocka_unit_test(a_set_clock_neither_loses_nor_doubles),
        cmocka_unit_test(a_job_that_was_cut_goes_on_at_the_next_start),
        cmocka_unit_test(an_agent_that_is_gone_is_told_about),
        cmocka_unit_test(many_at_once_leave_room_for_others),
    };

    return cmocka_run_group_tests_name("sched", tests, NULL, NULL);
}
