/* SPDX-License-Identifier: Apache-2.0
 *
 * Agents in processes of their own, whose code does its worst in the middle of turns: the host and
 * the other turns go on, each message has its end, and what was done is not done twice.
 */
#include "turn_fixture.h"

#include "press_fixture.h"

#include "loop/sanitize.h"
#include "plugin/isolate.h"

#include <signal.h>
#include <sys/wait.h>

#define HARM                                                                                       \
    "[pipeline message]\nstages = a\n[agent a]\nplugin = " LIBS "/harm.so\nisolation = process\n"

#define BODY_IN(name, ini)                                                                         \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play_in(ini, NULL, name##_body);                                                           \
    }                                                                                              \
    static troupe_status name##_body(void *arg)
#define BODY(name) BODY_IN(name, HARM)

static struct plugin_isolate *isolate_of(struct stage_test *t)
{
    return plugin_set_agent(t->engine->set, "a")->isolate;
}

/* The process that answers now. [waits] */
static pid_t pid_of(struct stage_test *t)
{
    struct fixture *f = &t->base;
    uint64_t until = co_after(PATIENCE_MS);

    while (isolate_of(t)->state != ISOLATE_READY && loop_now(f->loop) < until)
        co_sleep(1);
    return isolate_of(t)->child ? isolate_of(t)->child->pid : 0;
}

/* ---- what one call can do -------------------------------------------------------------------- */

/* Asks for harm beside turns that go on: both of these are answered, the harm is told, and the agent
 * serves. */
static troupe_status harm(struct stage_test *t, const char *what, const char *sentence)
{
    struct record *slow = ask_as(t, (struct asking){.channel = "200"}, "sleep 50"), *bad, *beside;

    bad = ask(t, what);
    beside = ask_as(t, (struct asking){.channel = "300"}, "echo beside");
    WAIT_FOR(is_answered(slow) && is_answered(bad) && is_answered(beside));
    CHECK(!strcmp(buf_text(&slow->shown), "slept"));
    CHECK(!strcmp(buf_text(&beside->shown), "beside"));
    if (!strstr(buf_text(&bad->notice), sentence))
        fprintf(stderr, "# %s: \"%s\", \"%s\"\n", what, buf_text(&bad->shown),
                buf_text(&bad->notice));
    CHECK(strstr(buf_text(&bad->notice), sentence));
    CHECK(isolate_of(t)->crashes > 0);
    CHECK_ANSWER("echo and on", "and on");
    return TROUPE_OK;
}

#define HARMFUL(name, what, sentence)                                                              \
    BODY(name)                                                                                     \
    {                                                                                              \
        return harm(arg, what, sentence);                                                          \
    }

#define TWICE "it brought me down twice"
HARMFUL(a_wild_write_ends_its_process_alone, "segv", TWICE)
HARMFUL(an_abort_ends_its_process_alone, "abort", TWICE)
HARMFUL(an_exit_ends_its_process_alone, "exit", TWICE)
HARMFUL(a_stack_that_overflows_ends_its_process_alone, "overflow", TWICE)
#ifndef LOOP_SANITIZED /* a sanitizer's shadow forbids the limit on memory */
HARMFUL(memory_without_end_ends_its_process_alone, "leak", TWICE)
#endif
HARMFUL(nothing_is_forked, "fork", TWICE)
HARMFUL(no_thread_is_started, "threads", TWICE)
HARMFUL(nothing_is_executed, "exec", TWICE)
HARMFUL(a_forged_number_ends_its_process, "forge id", TWICE)
HARMFUL(an_unknown_kind_ends_its_process, "forge kind", TWICE)
HARMFUL(a_second_ready_ends_its_process, "forge ready", TWICE)
HARMFUL(a_call_out_of_order_ends_its_process, "forge order", TWICE)
HARMFUL(a_payload_that_is_none_ends_its_process, "forge payload", TWICE)
HARMFUL(a_length_that_cannot_be_ends_its_process, "forge size", TWICE)
HARMFUL(a_frame_that_is_too_long_ends_its_process, "forge long", TWICE)
HARMFUL(a_frame_that_is_too_short_ends_its_process, "forge short", TWICE)
HARMFUL(a_flood_ends_its_process, "forge flood", TWICE)
HARMFUL(a_closed_socket_ends_its_process, "forge shut", TWICE)

#define HARM_TIMED                                                                                 \
    "[pipeline message]\nstages = s\n[stage s]\nagent = a\ntimeout = 1s\n[agent a]\nplugin "       \
    "= " LIBS "/harm.so\nisolation = process\n"

/* What is entered meanwhile waits for the same process, with the same time. */
static troupe_status stall(struct stage_test *t, const char *what)
{
    struct fixture *f = &t->base;

    CHECK_NOTICE(what, "that took too long");
    CHECK_TRACE("deadline");
    WAIT_FOR(isolate_of(t)->crashes == 1);
    CHECK(strstr(isolate_of(t)->cause, "it did not return in time"));
    CHECK_ANSWER("echo and on", "and on");
    return TROUPE_OK;
}

BODY_IN(who_computes_beyond_his_time_is_ended, HARM_TIMED)
{
    return stall(arg, "spin");
}

BODY_IN(who_waits_for_himself_is_ended, HARM_TIMED)
{
    return stall(arg, "deadlock");
}

/* ---- what follows ---------------------------------------------------------------------------- */

BODY(a_call_that_crashed_is_entered_again_and_does_nothing_twice)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    char text[40];

    snprintf(text, sizeof(text), "once %ld segv", (long)pid_of(t));
    CHECK_ANSWER(text, "counted 1, alive");
    CHECK_TRACE("its process died");
    CHECK(isolate_of(t)->crashes == 1);
    CHECK_ANSWER("once 0", "counted 2, alive");
    return TROUPE_OK;
}

BODY(a_killed_process_takes_no_question_with_it)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "throw");
    pid_t pid;

    PARKED(1);
    pid = pid_of(t);
    kill(pid, SIGKILL);
    WAIT_FOR(isolate_of(t)->crashes == 1);
    press_as(t, "7", 0, "t:1:1:1", "");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "same 0 1 1"));
    CHECK(pid_of(t) != pid);
    return TROUPE_OK;
}

BODY(a_restart_of_the_host_takes_none_either)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "throw");

    PARKED(1);
    engine_end(t, 0);
    CHECK_STATUS(engine_start(t, HARM), TROUPE_OK);
    CHECK_STATUS(turn_engine_recover(t->engine, &t->gateway, &f->err), TROUPE_OK);
    press_as(t, "7", 0, "t:1:1:0", "");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "same 0 0 1"));
    return TROUPE_OK;
}

BODY(a_poison_message_is_a_dead_letter_and_the_agent_serves_on)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_NOTICE("segv", TWICE);
    CHECK_TRACE("agent.crashed");
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'dead' AND blamed = 'a' AND "
                     "blames = 2") == 1);
    CHECK(isolate_of(t)->crashes == 2);
    CHECK_ANSWER("echo well", "well");
    CHECK(!plugin_set_agent(t->engine->set, "a")->disabled);
    return TROUPE_OK;
}

#define CALLER                                                                                     \
    "[pipeline message]\nstages = a\n[agent a]\nplugin = " LIBS                                    \
    "/caller.so\nisolation = inprocess\n[agent h]\nplugin = " LIBS                                 \
    "/harm.so\nisolation = process\n"

/* Who called what crashed twice decides what the message is worth: only a turn that ends by it is dead. */
BODY_IN(a_caller_that_goes_on_after_two_crashes_has_its_answer, CALLER)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "call h.harm {\"what\":\"segv\"}");

    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "agent.crashed"));
    CHECK(plugin_set_agent(t->engine->set, "h")->isolate->crashes == 2);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'done' AND blames = 1") == 1);
    CHECK_NOTICE("pass h.harm {\"what\":\"segv\"}", TWICE);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'dead' AND blamed = 'h'") == 1);
    return TROUPE_OK;
}

/* Closed in the run that is put aside, the release would stand where the next run asks. */
BODY_IN(who_gives_money_back_while_he_is_put_aside_does_so_in_the_next_run, CALLER)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "reserve 100;ask 60000 Sure?;release");

    PARKED(1);
    CHECK(ask_int(f, "SELECT count(*) FROM call WHERE kind = 'budget.release'") == 0);
    press_as(t, "7", 0, "t:1:1:1", "");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "Yes"));
    CHECK(strstr(buf_text(&record->shown), "released"));
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'done'") == 1);
    return TROUPE_OK;
}

/* One of its two crashes was told to the store by another process of the host. */
BODY(crashes_are_counted_through_a_restart)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "throw");

    PARKED(1);
    CHECK_STATUS(turn_engine_blame(t->engine, 1, "a", &f->err), TROUPE_OK);
    engine_end(t, 0);
    CHECK_STATUS(engine_start(t, HARM), TROUPE_OK);
    CHECK_STATUS(turn_engine_blame(t->engine, 1, "a", &f->err), TROUPE_OK);
    CHECK_STATUS(turn_engine_recover(t->engine, &t->gateway, &f->err), TROUPE_OK);
    press_as(t, "7", 0, "t:1:1:0", "");
    WAIT_FOR(record->notices == 1);
    CHECK(strstr(buf_text(&record->notice), TWICE));
    CHECK(isolate_of(t)->crashes == 0);
    return TROUPE_OK;
}

/* Each of them once: neither says that the message is what they die of. */
BODY(a_crash_of_another_agent_counts_anew)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "throw");

    PARKED(1);
    CHECK_STATUS(turn_engine_blame(t->engine, 1, "b", &f->err), TROUPE_OK);
    CHECK_STATUS(turn_engine_blame(t->engine, 1, "a", &f->err), TROUPE_OK);
    press_as(t, "7", 0, "t:1:1:1", "");
    WAIT_FOR(is_answered(record));
    CHECK(record->notices == 0);
    CHECK(!strcmp(buf_text(&record->shown), "same 0 1 1"));
    return TROUPE_OK;
}

/* What is killed from outside while all its calls wait died of none of them. */
BODY(a_process_that_is_killed_while_its_calls_wait_blames_none)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *first = ask_as(t, (struct asking){.channel = "200"}, "sleep 400"),
                  *second = ask_as(t, (struct asking){.channel = "300"}, "sleep 400");

    for (size_t kills = 1; kills <= 3; kills++) {
        struct plugin_child *child;

        WAIT_FOR(pid_of(t) && isolate_of(t)->call_count == 2 &&
                 plugin_child_running(isolate_of(t)->child) == 0);
        child = isolate_of(t)->child;
        kill(child->pid, SIGKILL);
        WAIT_FOR(isolate_of(t)->crashes == kills);
    }
    WAIT_FOR(is_answered(first) && is_answered(second));
    CHECK(!strcmp(buf_text(&first->shown), "slept"));
    CHECK(!strcmp(buf_text(&second->shown), "slept"));
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'done' AND blames = 0") == 2);
    return TROUPE_OK;
}

BODY(what_begins_again_is_not_overtaken_by_its_members_next)
{
    struct stage_test *t = arg;
    struct record *first = ask_as(t, (struct asking){.channel = "200"}, "sleep 300"),
                  *second = ask_as(t, (struct asking){.channel = "200"}, "echo next");

    WAIT_FOR(pid_of(t) && isolate_of(t)->call_count == 1);
    kill(isolate_of(t)->child->pid, SIGKILL);
    WAIT_FOR(is_answered(second));
    CHECK(is_answered(first));
    CHECK(!strcmp(buf_text(&first->shown), "slept"));
    CHECK(!strcmp(buf_text(&second->shown), "next"));
    return TROUPE_OK;
}

static void tell(void *arg, const struct plugin_agent *agent)
{
    *(unsigned *)arg += agent->disabled;
}

BODY(the_fifth_crash_switches_the_agent_off_until_a_reload)
{
    struct stage_test *t = arg;
    struct plugin_set *set;
    unsigned told = 0;

    t->manager->switched_off = tell;
    t->manager->switched_off_arg = &told;
    CHECK_NOTICE("segv", TWICE);
    CHECK_NOTICE("abort", TWICE);
    CHECK_NOTICE("exit", "is switched off");
    CHECK(isolate_of(t)->crashes == ISOLATE_CRASHES);
    CHECK(isolate_of(t)->state == ISOLATE_OFF);
    CHECK(told == 1);
    CHECK_NOTICE("echo hello", "is switched off since it crashed 5 times within a minute");
    set = build_set(t, HARM);
    CHECK(set);
    turn_engine_publish(t->engine, set);
    CHECK_ANSWER("echo hello", "hello");
    return TROUPE_OK;
}

BODY(a_reload_has_the_new_process_ready_before_the_old_one_goes)
{
    struct stage_test *t = arg;
    struct record *slow = ask_as(t, (struct asking){.channel = "200"}, "sleep 300");
    pid_t before = pid_of(t), after;
    struct plugin_set *set;

    WAIT_FOR(isolate_of(t)->call_count == 1);
    set = build_set(t, HARM "timeout = 50s\n");
    CHECK(set);
    CHECK(kill(before, 0) == 0);
    turn_engine_publish(t->engine, set);
    after = pid_of(t);
    CHECK(after && after != before);
    CHECK_ANSWER("echo new", "new");
    WAIT_FOR(is_answered(slow));
    CHECK(!strcmp(buf_text(&slow->shown), "slept"));
    /* The last turn of the old set has ended: so does its process, and it leaves no zombie. */
    WAIT_FOR(kill(before, 0) < 0);
    CHECK(isolate_of(t)->crashes == 0);
    return TROUPE_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wild_write_ends_its_process_alone),
        cmocka_unit_test(an_abort_ends_its_process_alone),
        cmocka_unit_test(an_exit_ends_its_process_alone),
        cmocka_unit_test(a_stack_that_overflows_ends_its_process_alone),
#ifndef LOOP_SANITIZED
        cmocka_unit_test(memory_without_end_ends_its_process_alone),
#endif
        cmocka_unit_test(nothing_is_forked),
        cmocka_unit_test(no_thread_is_started),
        cmocka_unit_test(nothing_is_executed),
        cmocka_unit_test(a_forged_number_ends_its_process),
        cmocka_unit_test(an_unknown_kind_ends_its_process),
        cmocka_unit_test(a_second_ready_ends_its_process),
        cmocka_unit_test(a_call_out_of_order_ends_its_process),
        cmocka_unit_test(a_payload_that_is_none_ends_its_process),
        cmocka_unit_test(a_length_that_cannot_be_ends_its_process),
        cmocka_unit_test(a_frame_that_is_too_long_ends_its_process),
        cmocka_unit_test(a_frame_that_is_too_short_ends_its_process),
        cmocka_unit_test(a_flood_ends_its_process),
        cmocka_unit_test(a_closed_socket_ends_its_process),
        cmocka_unit_test(who_computes_beyond_his_time_is_ended),
        cmocka_unit_test(who_waits_for_himself_is_ended),
        cmocka_unit_test(a_call_that_crashed_is_entered_again_and_does_nothing_twice),
        cmocka_unit_test(a_killed_process_takes_no_question_with_it),
        cmocka_unit_test(a_restart_of_the_host_takes_none_either),
        cmocka_unit_test(a_poison_message_is_a_dead_letter_and_the_agent_serves_on),
        cmocka_unit_test(a_caller_that_goes_on_after_two_crashes_has_its_answer),
        cmocka_unit_test(who_gives_money_back_while_he_is_put_aside_does_so_in_the_next_run),
        cmocka_unit_test(crashes_are_counted_through_a_restart),
        cmocka_unit_test(a_crash_of_another_agent_counts_anew),
        cmocka_unit_test(a_process_that_is_killed_while_its_calls_wait_blames_none),
        cmocka_unit_test(what_begins_again_is_not_overtaken_by_its_members_next),
        cmocka_unit_test(the_fifth_crash_switches_the_agent_off_until_a_reload),
        cmocka_unit_test(a_reload_has_the_new_process_ready_before_the_old_one_goes),
    };

    return cmocka_run_group_tests_name("turn/isolated", tests, NULL, NULL);
}
