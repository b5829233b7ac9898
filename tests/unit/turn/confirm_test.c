/* SPDX-License-Identifier: Apache-2.0
 *
 * Functions that are declared TROUPE_CONFIRM: nothing happens before their member has pressed the
 * button for this very call, whoever chose the arguments.
 */
#include "press_fixture.h"

#include "turn/wait.h"

#define BODY(name)                                                                                 \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play(name##_body);                                                                         \
    }                                                                                              \
    static troupe_status name##_body(void *arg)

#define WIPED(count) (ask_int(f, "SELECT count(*) FROM kv WHERE key = 'wiped'") == (count))
#define ASKED(part)                                                                                \
    (ask_int(f, "SELECT count(*) FROM outbox WHERE kind = 'ask' AND body LIKE '%" part "%'") == 1)

#define AUDITED(which)                                                                             \
    ask_int(f, "SELECT count(*) FROM audit_log WHERE action = 'confirmed' AND " which)

static void press(struct stage_test *t, const char *id)
{
    press_as(t, "7", 0, id, "");
}

BODY(a_command_runs_once_its_member_confirmed_this_very_call)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "/wipe \"the \\\"old\\\" ones\" 3"), *told;

    PARKED(1);
    CHECK(record->asked == 1 && !is_answered(record) && WIPED(0));
    CHECK(ASKED("Really do \"wipe\"?%what: \"the \\\"old\\\" ones\"%days: 3"));
    told = record_of_press(t, press_as(t, "8", 0, "t:1:1:0", ""));
    WAIT_FOR(told->notices);
    CHECK(strstr(buf_text(&told->notice), "for somebody else") && WIPED(0));
    CHECK(t->retired == 0);
    CHECK_STATUS(restart(t), TROUPE_OK);
    t->label = "Do it";
    press(t, "t:1:1:0");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "wiped \"the \"old\" ones\" of 3 days"));
    CHECK(!strcmp(t->line, "Do it — chosen by <@7>"));
    WAIT_FOR(list_empty(&t->engine->turns));
    WAIT_FOR(AUDITED("actor = '7' AND subject = 'a.wipe'") == 1);
    CHECK(AUDITED("detail LIKE '%done%' AND detail NOT LIKE '%old%'") == 1);
    press(t, "t:1:1:0");
    WAIT_FOR(t->retired == 2 && list_empty(&t->engine->turns));
    CHECK(!*t->line); /* what it says stays */
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'wiped' AND version = 1") == 1);
    return TROUPE_OK;
}

BODY(nothing_is_done_that_was_not_confirmed)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "/wipe all");

    PARKED(1);
    CHECK(ASKED("days: 7")); /* a default is confirmed, too */
    press(t, "t:1:1:1");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->notice), "\"wipe\" was not confirmed; nothing was done"));
    CHECK_TRACE("confirm.refused");
    CHECK(AUDITED("1 = 1") == 0);
    record = ask(t, "/wipe all");
    PARKED(1);
    turn_waits_stop(t->engine, "100", NULL);
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(t->line, "2 3 taken back"));
    CHECK(WIPED(0));
    return TROUPE_OK;
}

BODY(a_call_by_an_agent_is_confirmed_by_the_member)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "call wipe {\"what\":\"logs\"};call wipe {\"what\":\"me\"}");

    PARKED(1);
    CHECK(ASKED("what: \"logs\"") && WIPED(0));
    press(t, "t:1:1:0");
    WAIT_FOR(record->asked == 2);
    PARKED(1);
    CHECK(ASKED("what: \"me\"") && WIPED(1));
    press(t, "t:1:2:1");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "[wiped \"logs\" of 7 days]"));
    CHECK(strstr(buf_text(&record->shown), "confirm.refused"));
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'wiped' AND version = 1") == 1);
    return TROUPE_OK;
}

BODY(who_waits_for_a_press_has_not_failed)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "pass wipe {\"what\":\"logs\"}");
    _cleanup_mem_ char *why = NULL;

    PARKED(1);
    press(t, "t:1:1:0");
    WAIT_FOR(is_answered(record));
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK_STATUS(turn_engine_why_text(t->engine, "last", &why, &f->err), TROUPE_OK);
    CHECK(strstr(why, "stage a: parked\n") && !strstr(why, "went wrong"));
    for (size_t i = 0; i < t->engine->set->agent_count; i++)
        CHECK(t->engine->set->agents[i]->failures == 0);
    return TROUPE_OK;
}

static enum gateway_rights rights_now;

static troupe_status tell_rights(struct gateway *gateway, const struct event *event,
                                 enum gateway_rights *ret, struct error *err)
{
    (void)gateway;
    (void)event;
    (void)err;
    *ret = rights_now;
    return TROUPE_OK;
}

static troupe_status who_lost_a_right_meanwhile_body(void *arg)
{
    struct stage_test *t = arg;
    struct gateway_ops ops = fake_ops;
    struct fixture *f = arg;
    struct record *record;

    if (is_isolated()) /* the list of tools is the host's alone */
        return TROUPE_OK;
    ops.rights = tell_rights;
    t->gateway.ops = &ops;
    rights_now = GATEWAY_MODERATOR;
    record = ask(t, "tool ? b.warn;ask 600000 Sure?;tool 0 b.warn {}");
    PARKED(1);
    rights_now = GATEWAY_MEMBER;
    press(t, "t:1:1:1");
    WAIT_FOR(is_answered(record) && list_empty(&t->engine->turns));
    t->gateway.ops = &fake_ops;
    CHECK(strstr(buf_text(&record->shown), "[+][Yes]<"));
    CHECK(strstr(buf_text(&record->shown), "\"warn\" is for moderators"));
    return TROUPE_OK;
}

/* What a model was offered stays that for the turn; what its member may do is looked at again at the call. */
static void who_lost_a_right_meanwhile_is_refused_and_the_turn_goes_on(void **state)
{
    (void)state;
    play_in("[pipeline message]\nstages = a\n"
            "[agent a]\nplugin = " LIBS "/actor.so\n"
            "[agent b]\nplugin = " LIBS "/actor.so\n",
            NULL, who_lost_a_right_meanwhile_body);
}

BODY(a_call_may_want_more_than_is_declared_and_never_less)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "tool 1 echo {\"text\":\"one\"};tool 0 echo {\"text\":\"two\"};"
                                   "tool 0 wipe {\"what\":\"logs\"};tool 1 wipe {\"what\":\"me\"};"
                                   "tool 2 echo {\"text\":\"three\"}");

    if (is_isolated()) { /* the list of tools is the host's alone, and nothing is called without it */
        WAIT_FOR(is_answered(record));
        CHECK(record->asked == 0 && WIPED(0));
        return TROUPE_OK;
    }
    PARKED(1);
    CHECK(ASKED("Really do \"echo\"?%text: \"one\"%times: 1"));
    press(t, "t:1:1:0");
    WAIT_FOR(record->asked == 2);
    PARKED(1);
    CHECK(ASKED("what: \"logs\"") && WIPED(0)); /* the second echo was not asked for */
    press(t, "t:1:2:1");
    WAIT_FOR(record->asked == 3);
    PARKED(1);
    CHECK(ASKED("what: \"me\"") && WIPED(0)); /* both want it, and it is one question */
    press(t, "t:1:3:1");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "[one][two]<"));
    CHECK(strstr(buf_text(&record->shown), "call.argument: the call of a tool has flags"));
    CHECK(record->asked == 3 && WIPED(0));
    return TROUPE_OK;
}

BODY(what_is_too_long_to_show_is_said_to_be_longer)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;
    char text[1600] = "/wipe ";

    memset(text + 6, 'x', 1500);
    record = ask(t, text);
    PARKED(1);
    CHECK(record->asked == 1 && ASKED("xxxx\" and 900 bytes more"));
    press(t, "t:1:1:1");
    WAIT_FOR(is_answered(record));
    return TROUPE_OK;
}

BODY(who_calls_it_at_the_shell_has_said_so)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    char *text = NULL, *json = NULL;

    CHECK_STATUS(turn_engine_call(t->engine, "wipe", "{\"what\":\"it\"}", 0, &text, &json, &f->err),
                 TROUPE_OK);
    CHECK(!strcmp(text, "wiped \"it\" of 7 days"));
    mem_free(text);
    return TROUPE_OK;
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_command_runs_once_its_member_confirmed_this_very_call),
        TEST(nothing_is_done_that_was_not_confirmed),
        TEST(a_call_by_an_agent_is_confirmed_by_the_member),
        TEST(who_waits_for_a_press_has_not_failed),
        TEST(who_lost_a_right_meanwhile_is_refused_and_the_turn_goes_on),
        TEST(a_call_may_want_more_than_is_declared_and_never_less),
        TEST(what_is_too_long_to_show_is_said_to_be_longer),
        TEST(who_calls_it_at_the_shell_has_said_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
