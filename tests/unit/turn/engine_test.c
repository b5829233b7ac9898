/* SPDX-License-Identifier: Apache-2.0
 *
 * From event to answer: verdicts, failures, fallbacks, limits, stops, refusals and commands.
 */
#include "turn_fixture.h"

#include "base/text.h"
#include "turn/core_commands.h"
#include "turn/why.h"

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
#define OWNER             ((struct asking){.flags = EVENT_OWNER})

/* ---- answers -------------------------------------------------------------------------------- */

BODY(a_reply_and_a_stream_arrive)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;

    CHECK_ANSWER("reply hello you", "hello you");
    CHECK_TRACE("stage a: done");
    record = ask(t, "write one ;write two");
    WAIT_FOR(is_answered(record));
    CHECK(record->begins == 1 && record->writes == 2 && record->ends == 1);
    CHECK(!strcmp(buf_text(&record->shown), "one two"));
    CHECK_ANSWER("write draft;reply final", "final"); /* a reply replaces what was shown */
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'sent'") == 3);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'done'") == 3);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE finished_ms IS NULL") == 0);
    return TROUPE_OK;
}

BODY_IN(verdicts_lead_through_the_stages,
        "[pipeline message]\nstages = a, b\n" ACTOR("a", "") ACTOR("b", "script = reply from b"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_ANSWER("verdict next", "from b");
    CHECK_ANSWER("reply from a", "from a");
    CHECK_NOTICE("verdict done", "I have no answer to that; /help");
    CHECK_NOTICE("verdict drop", "I was told not to answer that");
    CHECK_NOTICE("reason rude that was rude;verdict drop", "that was rude");
    CHECK_TRACE("rude");
    CHECK_NOTICE("reply a draft;verdict drop", "I was told not"); /* nobody sees the draft */
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE kind = 'reply'") == 2);
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE kind = 'notice'") == 4);
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'dropped'") == 3);
    return TROUPE_OK;
}

BODY(failures_reach_the_member_in_words)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;

    CHECK_NOTICE("fail -12 actor.gone the cook is out", "the cook is out");
    CHECK_TRACE("actor.gone");
    CHECK_NOTICE("verdict -3", "something went wrong while I worked on that; please try again");
    CHECK_NOTICE("pass broken", "the thing is broken"); /* of what the stage called */
    CHECK_NOTICE("note k v;pass broken;verdict -3", "the thing is broken");
    CHECK_NOTICE("call nobody;verdict -3", "something went wrong"); /* another failure */
    record = ask(t, "write half;fail -3 actor.cut the pen broke");
    WAIT_FOR(record->notices);
    CHECK(record->outcome == GATEWAY_INTERRUPTED);
    CHECK(!strcmp(buf_text(&record->shown), "half"));
    CHECK(!strcmp(buf_text(&record->notice), "the pen broke"));
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'failed'") == 6);
    return TROUPE_OK;
}

BODY_IN(fallbacks_step_in_until_something_was_shown,
        "[pipeline message]\nstages = s\n[stage s]\nagent = a\nfallback = b, c\n" ACTOR("a", "")
            ACTOR("b", "script = fail -3 actor.b b is out") ACTOR("c", "script = reply c helps"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;

    CHECK_ANSWER("fail -12 actor.a a is out", "c helps");
    CHECK_TRACE("actor.b");
    record = ask(t, "write shown;fail -12 actor.a a is out");
    WAIT_FOR(record->notices);
    CHECK(!strcmp(buf_text(&record->shown), "shown"));
    CHECK(!strcmp(buf_text(&record->notice), "a is out"));
    return TROUPE_OK;
}

BODY_IN(a_stage_has_its_own_time,
        "[pipeline message]\nstages = s\n[stage s]\nagent = a\n"
        "timeout = 100ms\nfallback = b\n" ACTOR("a", "") ACTOR("b", "script = reply b was there"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_ANSWER("sleep 600000", "b was there");
    CHECK_TRACE("deadline");
    return TROUPE_OK;
}

BODY_IN(an_agent_that_hears_no_end_is_given_up_and_switched_off,
        "[pipeline message]\nstages = s\n[stage s]\nagent = a\ntimeout = 100ms\n" ACTOR("a", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    if (is_isolated()) { /* there its process ends, and the next one serves */
        CHECK_NOTICE("deaf", "that took too long");
        CHECK_ANSWER("reply hello", "hello");
        return TROUPE_OK;
    }
    CHECK_NOTICE("deaf", "something went wrong");
    CHECK_TRACE("runaway");
    CHECK_NOTICE("reply hello", "is switched off");
    CHECK_TRACE("agent.disabled");
    turn_engine_publish(t->engine, plugin_set_pin(t->engine->set)); /* as a reload does */
    CHECK_ANSWER("reply hello", "hello");
    return TROUPE_OK;
}

/* A question that is asked again and again where the stage is to return, in the process or beside it. */
BODY(a_retry_loop_around_a_question_ends_in_words)
{
    static const char *const ways[] = {"stubborn ask", "stubborn value", "stubborn look"};
    struct stage_test *t = arg;
    struct fixture *f = arg;
    const pid_t pid = getpid();

    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        struct record *record = ask(t, ways[i]);

        if (is_isolated()) {
            WAIT_FOR(ask_int(f, "SELECT count(*) FROM event WHERE state = 'parked'") == 1);
            record->hushed = true;
            return TROUPE_OK;
        }
        WAIT_FOR(record->notices == 1);
        CHECK(strstr(buf_text(&record->notice), "did not stop when it was told to wait"));
        CHECK_TRACE("runaway");
        CHECK_NOTICE("reply hello", "is switched off");
        CHECK(ask_int(f, "SELECT count(*) FROM wait WHERE state = 'open'") == 0);
        turn_engine_publish(t->engine, plugin_set_pin(t->engine->set)); /* as a reload does */
        CHECK_ANSWER("reply hello", "hello");
    }
    CHECK(getpid() == pid);
    return TROUPE_OK;
}

BODY_IN(the_whole_turn_has_a_time,
        "[admission]\ntotal = 1s\n[pipeline message]\nstages = a\n" ACTOR("a", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_NOTICE("sleep 600000", "that took too long, so I stopped; please try again in a moment");
    CHECK_TRACE("failed, deadline");
    return TROUPE_OK;
}

BODY_IN(the_first_text_has_a_time,
        "[admission]\nfirst_text = 1s\n[pipeline message]\nstages = a\n" ACTOR("a", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_NOTICE("sleep 600000", "nothing to show came in time");
    CHECK_NOTICE("doze 600000;reply late", "nothing to show came in time");
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE reason = 'too_slow'") == 2);
    return TROUPE_OK;
}

/* What takes long and says so, as pictures do: a command is shown as worked on, and has that time. */
BODY_IN(a_function_with_a_longer_time_of_its_own_is_not_cut_by_that_of_the_first_text,
        "[admission]\nfirst_text = 1s\n[pipeline message]\nstages = a\n" ACTOR("a", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_ANSWER("/nap 1500", "awake");
    CHECK_ANSWER("call nap {\"ms\":1500}", "[awake]");
    CHECK_NOTICE("call nap {\"ms\":1500};sleep 600000", "nothing to show came in time");
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE reason = 'too_slow'") == 1);
    return TROUPE_OK;
}

/* Long enough for a disk that others keep busy: nobody sees anything before the event is stored. */
BODY_IN(what_follows_the_first_text_may_come_later,
        "[admission]\nfirst_text = 5s\n[pipeline message]\nstages = a\n" ACTOR("a", ""))
{
    struct stage_test *t = arg;

    CHECK_ANSWER("write early ;sleep 5200;write and late", "early and late");
    return TROUPE_OK;
}

BODY_IN(an_observer_cannot_delay_or_answer,
        "[pipeline message]\nstages = a\nobservers = o, p\n" ACTOR("a", "")
            ACTOR("o", "script = sleep 600000")
                ACTOR("p", "script = reply me;put 0 seen yes;note key value"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_ANSWER("reply mine", "mine");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM kv WHERE ns = 'p' AND key = 'seen'") == 1);
    CHECK_ANSWER("reply again", "again");  /* the same lane: it waits for no observer */
    CHECK(!list_empty(&t->engine->turns)); /* the sleepers are still there, for the drain */
    return TROUPE_OK;
}

BODY(an_answer_has_a_bound)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    struct record *record = ask(t, "fill 65536;verdict done");

    WAIT_FOR(is_answered(record));
    CHECK(record->shown.len == 65536);
    CHECK_NOTICE("fill 65537;verdict -11", "an answer takes at most 65536 bytes");
    record = ask(t, "fill 65536;fill 1;verdict done");
    WAIT_FOR(is_answered(record));
    CHECK(record->shown.len == 65536);
    CHECK_NOTICE("reply ;verdict -4", "an answer has text");
    return TROUPE_OK;
}

BODY(notes_go_to_later_stages_within_bounds)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_ANSWER("note k first;note k second;noted k", "[noted][noted][second]");
    CHECK_ANSWER("notes 70 10", "[64 taken]");
    CHECK_ANSWER("notes 2 16384", "[2 taken]");
    CHECK_ANSWER("notes 2 16385", "[0 taken]");
    return TROUPE_OK;
}

/* ---- intake and admission ------------------------------------------------------------------- */

BODY(a_message_that_comes_twice_is_answered_once)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct engine_stats stats;
    struct record *record = ask_as(t, (struct asking){.source_id = "5"}, "reply once");

    ask_as(t, (struct asking){.source_id = "5"}, "reply once");
    WAIT_FOR(is_answered(record));
    ask_as(t, (struct asking){.source_id = "5"}, "reply once");
    CHECK_ANSWER("reply other", "other");
    turn_engine_stats(t->engine, &stats);
    CHECK(stats.duplicates == 2 && stats.events == 4);
    CHECK(record->ends == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM event") == 2);
    return TROUPE_OK;
}

BODY(a_seq_is_stored_with_its_event_and_never_ahead_of_it)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct event seen = {.gateway = &t->gateway,
                         .source = "fake",
                         .source_id = "9",
                         .kind = "message",
                         .content = "",
                         .seq = 14};

    ask_as(t, (struct asking){.seq = 11}, "reply a");
    CHECK(!t->stored);
    ask_as(t, (struct asking){.seq = 12}, "/help");
    CHECK(!t->stored); /* it comes again until it is kept */
    ask_as(t, (struct asking){.seq = 13}, "reply b");
    turn_engine_submit(t->engine, event_new(&seen));
    CHECK(t->stored == 10 && !t->taken);
    WAIT_FOR(t->stored == 14);
    CHECK(t->taken == 11); /* no batch speaks for the command between them */
    CHECK(ask_int(f, "SELECT CAST(value AS INTEGER) FROM kv WHERE key = 'seq'") == 11);
    CHECK(ask_int(f, "SELECT count(*) FROM event") == 3);
    CHECK(ask_int(f,
                  "SELECT count(*) FROM event WHERE stages = '[\"core\"]' AND state = 'done' AND "
                  "finished_ms IS NOT NULL") == 1);
    CHECK_NOTICE_AS(((struct asking){.kind = "press", .seq = 15}), "",
                    "this button does nothing any more");
    WAIT_FOR(t->stored == 15);
    CHECK_ANSWER("reply without one", "without one");
    CHECK(t->stored == 15 && t->taken == 11);
    return TROUPE_OK;
}

BODY_IN(messages_that_come_together_are_stored_together,
        "[limits]\nmessages = 0\n[admission]\nqueue_per_member = 300\nqueue = 300\n"
        "[pipeline message]\nstages = a\n" ACTOR("a", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    for (int i = 0; i < 250; i++)
        ask_as(t, (struct asking){.seq = 1 + i}, "reply a");
    CHECK_STATUS(co_pass(), TROUPE_OK);
    CHECK(t->engine->in_flight == 2); /* batches, and none of it is stored yet */
    WAIT_FOR(t->stored == 250);
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM event WHERE state = 'done'") == 250);
    return TROUPE_OK;
}

BODY_IN(what_does_not_fit_is_refused_in_words,
        "[admission]\nconcurrent = 1\nqueue = 3\nqueue_per_member = 2\n"
        "[pipeline message]\nstages = a\n" ACTOR("a", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *running = ask(t, "sleep 600000"), *waiting[3];

    WAIT_FOR(t->engine->admission.running == 1);
    waiting[0] = ask(t, "reply 1");
    waiting[1] = ask(t, "reply 2");
    CHECK_NOTICE("reply 3", "leave this one out; please send it again");
    waiting[2] = ask_as(t, (struct asking){.member = "8"}, "reply 4");
    WAIT_FOR(t->engine->admission.queued == 3);
    CHECK_NOTICE_AS(((struct asking){.member = "9"}), "reply 5", "too many people are asking");
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE state = 'refused'") == 2);
    CHECK(turn_engine_stop_channel(t->engine, NULL) == 0);
    CHECK(turn_engine_stop_channel(t->engine, "nowhere") == 0);
    CHECK(turn_engine_stop_channel(t->engine, "100") == 4);
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK(running->notices == 1 && !strcmp(buf_text(&running->notice), "stopped"));
    for (size_t i = 0; i < 3; i++)
        CHECK(waiting[i]->notices == 1 && !waiting[i]->ends);
    CHECK(t->engine->admission.running == 0 && t->engine->admission.queued == 0);
    CHECK_ANSWER("reply next", "next");
    return TROUPE_OK;
}

BODY_IN(stop_works_while_everything_waits,
        "[admission]\nconcurrent = 1\n[pipeline message]\nstages = a, b\n" ACTOR("a", "")
            ACTOR("b", "script = reply b goes on"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *slow = ask(t, "write so far;sleep 600000"), *queued = ask(t, "reply queued");

    (void)f;
    WAIT_FOR(slow->writes == 1 && t->engine->admission.queued == 1);
    CHECK_ANSWER("/stop", "stopped 2");
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK(slow->outcome == GATEWAY_INTERRUPTED && !strcmp(buf_text(&slow->notice), "stopped"));
    CHECK(queued->notices == 1);
    CHECK_ANSWER("/stop", "nothing of yours is running here");
    /* A stage that goes on after the stop is not followed by the next one. */
    slow = ask(t, "doze 600000;verdict next");
    WAIT_FOR(t->engine->admission.running == 1);
    co_sleep(20);
    CHECK_ANSWER("/stop", "stopped 1");
    WAIT_FOR(is_answered(slow));
    CHECK(!slow->ends && !strcmp(buf_text(&slow->notice), "stopped"));
    return TROUPE_OK;
}

/* Stopped before its coroutine ran for the first time. */
BODY(a_turn_can_be_stopped_as_it_starts)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct event event = {.gateway = &t->gateway,
                          .source = "fake",
                          .source_id = "77",
                          .kind = "message",
                          .channel = "100",
                          .content = "reply x",
                          .content_len = 7,
                          .flags = EVENT_ADDRESSED};
    struct record *record = record_of(t, "77");
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_SQL("INSERT INTO event (id, source, source_id, kind, payload, "
                                     "created_ms) VALUES (?1, 'fake', '77', 'message', '{}', 1)",
                                     store_int(50)));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    turn_engine_admit(t->engine, turn_new(t->engine, event_new(&event), 50));
    CHECK(turn_engine_stop_channel(t->engine, "100") == 1);
    CHECK(turn_engine_stop_channel(t->engine, "100") == 0);
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK(record->notices == 1 && !record->ends);
    CHECK(t->engine->admission.running == 0);
    return TROUPE_OK;
}

BODY(built_in_commands_are_bounded)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    size_t refused = 0;

    (void)f;
    for (size_t i = 0; i < ENGINE_BUILTINS_MAX + 20; i++) { /* nobody asks more than one may */
        char member[24];

        snprintf(member, sizeof(member), "%zu", 1000 + i);
        ask_as(t, (struct asking){.member = member}, "/help");
    }
    WAIT_FOR(list_empty(&t->engine->turns) && list_empty(&t->engine->incoming));
    for (size_t i = 0; i < t->record_count; i++)
        refused += t->records[i].notices;
    CHECK(refused == 20);
    CHECK(t->engine->builtins == 0);
    CHECK_ANSWER("/stop", "nothing of yours is running here");
    return TROUPE_OK;
}

BODY_IN(no_pipeline_is_said, ACTOR("a", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_NOTICE("reply x", "the admin can add a section [pipeline message]");
    CHECK_TRACE("no_pipeline");
    return TROUPE_OK;
}

/* ---- commands ------------------------------------------------------------------------------- */

BODY(commands_reach_functions)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;

    CHECK_ANSWER("/echo hello", "hello");
    CHECK_ANSWER("  /echo text=hello times=2", "hello (often)");
    CHECK_ANSWER("/sum a=2 b=3", "{\"sum\":5}");
    CHECK_NOTICE("/silent", "done");
    CHECK_NOTICE("/broken", "the thing is broken");
    CHECK_TRACE("actor.broken");
    CHECK_ANSWER("/ecko hello", "there is no command /ecko; did you mean /echo?");
    CHECK_ANSWER("/zzzzzzzz", "there is no command /zzzzzzzz; /help lists what there is");
    CHECK_ANSWER("/stutter 3", "there is no command /stutter; /help lists what there is");
    record = ask(t, "/echo");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "\"text\""));
    record = ask(t, "/echo hello times=9");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "times"));
    CHECK_ANSWER("/shutdown", "\"shutdown\" is for the bot's owner only");
    record = ask_as(t, OWNER, "/shutdown");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "as you wish"));
    CHECK_NOTICE("/whisper", "between us"); /* for the caller's eyes only */
    CHECK_ANSWER("/ is no command", "");
    return TROUPE_OK;
}

BODY(built_in_commands_answer)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "/help");

    (void)f;
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "/echo") && strstr(buf_text(&record->shown), "/why"));
    CHECK(strstr(buf_text(&record->shown), "(not for you)"));
    record = ask(t, "/help echo");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "times"));
    record = ask(t, "/help ecko");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "echo"));
    record = ask(t, "/status");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "a 1.0.0"));
    CHECK(strstr(buf_text(&record->shown), "of 1.00 USD"));
    CHECK_ANSWER("/why", "nothing was answered here yet");
    CHECK_ANSWER("reply x", "x");
    record = ask(t, "/why");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "stage a: done"));
    return TROUPE_OK;
}

/* What is registered on a platform comes from the same table. */
BODY(core_commands_are_declared_like_functions)
{
    struct stage_test *t = arg;
    struct record *record = ask(t, "/help help");
    size_t count;
    const struct turn_core_command *commands = turn_core_commands(&count);

    CHECK(count >= 4 && turn_core_find("stop") && !turn_core_find("echo"));
    for (size_t i = 0; i < count; i++) {
        _cleanup_json_ json_t *schema = plugin_function_schema(&commands[i].function, NULL);
        size_t len = strlen(commands[i].function.name);

        CHECK(!strcmp(json_get_str(schema, "name", ""), commands[i].function.name));
        CHECK(commands[i].function.usage[0] == '/' &&
              !strncmp(commands[i].function.usage + 1, commands[i].function.name, len));
        CHECK(commands[i].function.doc && (commands[i].function.flags & TROUPE_SLASH));
        CHECK(turn_core_find(commands[i].function.name) == &commands[i]);
    }
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "command: one command to tell more about"));
    record = ask(t, "/stop everything");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "/stop"));
    CHECK(!strstr(buf_text(&record->shown), "nothing is running"));
    record = ask(t, "/help command=why");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "/why [number]"));
    return TROUPE_OK;
}

BODY(why_tells_members_of_their_own_channel_only)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    const struct asking elsewhere = {.channel = "200"};
    const struct asking owner = {.channel = "200", .flags = EVENT_OWNER};
    struct record *record = ask_as(t, (struct asking){.source_id = "4242"}, "reply x");
    json_t *why = NULL;
    char *text;

    WAIT_FOR(record->over && list_empty(&t->engine->turns)); /* and stored */
    record = ask_as(t, elsewhere, "/why 1");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "there is no turn or message \"1\""));
    record = ask_as(t, elsewhere, "/why");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "nothing was answered here yet"));
    record = ask_as(t, owner, "/why 4242");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "turn 1 (message 4242,"));
    CHECK_ANSWER("/why nonsense 'x", "there is no turn or message \"nonsense 'x\"; \"last\" is the "
                                     "newest");
    CHECK_STATUS(turn_engine_why(t->engine, "4242", &why, &f->err), TROUPE_OK);
    CHECK(json_get_int(why, "turn", 0) == 1);
    CHECK(!strcmp(json_get_str(why, "state", ""), "done"));
    json_decref(why);
    CHECK_STATUS(turn_engine_why_text(t->engine, "last", &text, &f->err), TROUPE_OK);
    mem_free(text);
    CHECK_STATUS(turn_engine_why(t->engine, "1x", &why, &f->err), TROUPE_NOT_FOUND);
    return TROUPE_OK;
}

/* Writes what an agent or a model might leave, and gives the page of it. */
static troupe_status why_of(struct stage_test *t, const char *sentence, const char *trace,
                            char **ret)
{
    struct fixture *f = &t->base;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_SQL("UPDATE event SET sentence = ?1, trace = ?2 WHERE id = 1",
                                     store_text(sentence), store_text(trace)));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    return turn_why_chat(t->engine, "1", NULL, NULL, ret, &f->err);
}

BODY(why_is_a_list_in_a_chat_and_nothing_in_it_is_markup)
{
    static const char first[] = "{\"entries\":[{\"ms\":3,\"at\":\"llm.chat\",\"code\":\"llm."
                                "fallback\",\"text\":\"gpt-5-mini failed "
                                "(no_images); asking \\\"llama3.2:3b\\\", "
                                "too\"},{\"ms\":9,\"at\":\"**x\",\"code\":\"`a`\",\"text\":"
                                "\"# [a](https://b) <@7> ||c||\\n- d_e_2\"}],\"dropped\":0}";
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask(t, "reply x");
    _cleanup_mem_ char *page = NULL, *longer = NULL;
    struct buf many = BUF_INIT;

    WAIT_FOR(record->over && list_empty(&t->engine->turns));
    CHECK_STATUS(why_of(t, "I can't *answer* that", first, &page), TROUPE_OK);
    CHECK(text_starts(page, "**Turn 1** — done, **"));
    CHECK(strstr(page, "\n> I can't \\*answer\\* that\n"));
    CHECK(strstr(
        page, "\n- 3 ms **llm.chat**: llm.fallback — **gpt-5-mini** failed (no\\_images); asking "
              "\"**llama3.2:3b**\", too\n"));
    CHECK(strstr(page,
                 "\n- 9 ms **\\*\\*x**: \\`a\\` — \\# \\[a\\](https://b) \\<@7\\> \\|\\|c\\|\\| - "
                 "**d\\_e\\_2**"));
    CHECK(!strstr(page, "more step"));

    buf_puts(&many, "{\"entries\":[");
    for (int i = 0; i < 60; i++)
        buf_printf(&many, "%s{\"ms\":%d,\"at\":\"stage\",\"code\":\"code\",\"text\":\"%s\"}",
                   i ? "," : "", i, "\xf0\x9f\x8e\xad as long as a text of a step is on the whole");
    buf_puts(&many, "],\"dropped\":5}");
    CHECK_STATUS(why_of(t, NULL, buf_text(&many), &longer), TROUPE_OK);
    buf_clear(&many);
    CHECK(text_utf16_len(longer, strlen(longer)) <= 2000);
    CHECK(text_utf16_len(longer, strlen(longer)) > 1800);
    CHECK(strstr(longer, " more steps; `troupe why 1` at the shell has all"));
    CHECK(!strcmp(strrchr(longer, ' '), " all"));
    return TROUPE_OK;
}

/* ---- coroutines ------------------------------------------------------------------------------ */

static troupe_status stand(void *arg)
{
    (void)arg;
    return co_sleep(PATIENCE_MS);
}

static troupe_status crowd_body(void *arg)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;
    struct scope crowd;

    (void)f;
    CHECK_ANSWER("reply before", "before");
    WAIT_FOR(list_empty(&t->engine->turns));
    scope_open(&crowd, 0);
    while (co_spawn(&crowd, NULL, stand, NULL) == TROUPE_OK)
        continue;
    record = ask(t, "reply all the same");
    WAIT_FOR(t->engine->admission.running == 1);
    CHECK(!is_answered(record));
    scope_cancel(&crowd, TROUPE_CANCELED);
    scope_close(&crowd);
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "all the same"));
    return TROUPE_OK;
}

static void a_turn_waits_for_a_coroutine(void **state)
{
    const struct loop_options options = {.max_coroutines = 50};

    (void)state;
    play_with(plain_ini, NULL, &options, crowd_body);
}

BODY_IN(observers_leave_no_money_reserved,
        "[pipeline message]\nstages = a\nobservers = o, p\n" ACTOR("a", "")
            ACTOR("o", "script = reserve 5;sleep 1") ACTOR("p", "script = reserve 7"))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    for (int i = 0; i < 30; i++)
        CHECK_ANSWER("reply x", "x");
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK(ask_int(f, "SELECT count(*) FROM budget_ledger WHERE state <> 'released'") == 0);
    /* Those in another process may come too late to reserve anything. */
    CHECK(is_isolated() ||
          ask_int(f, "SELECT count(*) FROM budget_ledger WHERE state = 'released'") == 60);
    CHECK(ask_int(f, "SELECT sum(reserved_micros) FROM budget_day") == 0);
    return TROUPE_OK;
}

BODY_IN(why_tells_nobody_of_the_commands_of_others,
        "[pipeline command]\nstages = a\n" ACTOR("a", ""))
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    const struct asking other = {.member = "8", .kind = "command"};
    const struct asking owner = {.member = "9", .flags = EVENT_OWNER};
    struct record *record = ask_as(t, other, "/echo between us");

    WAIT_FOR(is_answered(record));
    WAIT_FOR(list_empty(&t->engine->turns));
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE id = 1 AND kind = 'command'") == 1);
    CHECK_ANSWER("/why", "nothing was answered here yet");
    CHECK_ANSWER("/why 1", "there is no turn or message \"1\"; \"last\" is the newest");
    record = ask_as(t, (struct asking){.member = "8"}, "/why");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "turn 1 "));
    record = ask_as(t, (struct asking){.member = "8"}, "/why 1");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "turn 1 "));
    record = ask_as(t, owner, "/why 1");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "turn 1 "));
    return TROUPE_OK;
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reply_and_a_stream_arrive),
        TEST(verdicts_lead_through_the_stages),
        TEST(failures_reach_the_member_in_words),
        TEST(fallbacks_step_in_until_something_was_shown),
        TEST(a_stage_has_its_own_time),
        TEST(an_agent_that_hears_no_end_is_given_up_and_switched_off),
        TEST(a_retry_loop_around_a_question_ends_in_words),
        TEST(the_whole_turn_has_a_time),
        TEST(the_first_text_has_a_time),
        TEST(a_function_with_a_longer_time_of_its_own_is_not_cut_by_that_of_the_first_text),
        TEST(what_follows_the_first_text_may_come_later),
        TEST(an_observer_cannot_delay_or_answer),
        TEST(an_answer_has_a_bound),
        TEST(notes_go_to_later_stages_within_bounds),
        TEST(a_message_that_comes_twice_is_answered_once),
        TEST(a_seq_is_stored_with_its_event_and_never_ahead_of_it),
        TEST(messages_that_come_together_are_stored_together),
        TEST(what_does_not_fit_is_refused_in_words),
        TEST(stop_works_while_everything_waits),
        TEST(a_turn_can_be_stopped_as_it_starts),
        TEST(built_in_commands_are_bounded),
        TEST(no_pipeline_is_said),
        TEST(commands_reach_functions),
        TEST(built_in_commands_answer),
        TEST(core_commands_are_declared_like_functions),
        TEST(why_tells_members_of_their_own_channel_only),
        TEST(why_is_a_list_in_a_chat_and_nothing_in_it_is_markup),
        TEST(why_tells_nobody_of_the_commands_of_others),
        TEST(a_turn_waits_for_a_coroutine),
        TEST(observers_leave_no_money_reserved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
