/* SPDX-License-Identifier: Apache-2.0
 *
 * What the conversation agent keeps about the intents that it was told, and the owner's summary of them.
 */
#include "fake_turn.h"
#include "tap.h"

#include "conversation/intent_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const troupe_plugin *troupe_plugin_v1(void);

#define DAY INT64_C(86400000)

static struct fake_turn *talker(void)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "conversation");
    static char prompt[4096];

    snprintf(prompt, sizeof(prompt), "%s/plugins/conversation/prompts/default.txt",
             getenv("TROUPE_SRCDIR") ? getenv("TROUPE_SRCDIR") : ".");
    fake_config(fake, "template", prompt);
    assert_int_equal(fake_create(fake), TROUPE_OK);
    return fake;
}

static void answers(struct fake_turn *fake, const char *text)
{
    fake->services[0].chunks[0] = text;
    fake->services[0].result = "{\"text\":\"\",\"usage\":{\"input\":30,\"output\":12}}";
}

/* The first cell that it finds, as text. */
static const char *text_of(struct fake_turn *fake, const char *sql)
{
    static char ret[1024];
    sqlite3_stmt *statement;

    assert_int_equal(sqlite3_prepare_v2(fake->db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    snprintf(ret, sizeof(ret), "%s", (const char *)sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    return ret;
}

static void what_a_message_was_taken_for_is_kept_with_what_became_of_it(void **state)
{
    struct fake_turn *fake = talker();
    troupe_status (*intents)(troupe_turn *, int64_t);

    (void)state;
    intents = (troupe_status(*)(troupe_turn *, int64_t))fake_function(fake, "intents");
    assert_non_null(intents);
    assert_int_equal(intents(&fake->turn, 7), TROUPE_OK);
    assert_string_equal(fake->reply.ptr, "No intent was told in the last 7 days.");
    answers(fake, "I can talk.");
    assert_int_equal(fake_say(fake, "What can you do?"), TROUPE_DONE);
    fake_next(fake);
    answers(fake, "No idea.");
    assert_int_equal(fake_say(fake, "why is the sea salt?"), TROUPE_DONE);
    fake_next(fake);
    answers(fake, "I am here.");
    assert_int_equal(fake_say(fake, "are you there?"), TROUPE_DONE);
    fake_next(fake);
    answers(fake, "Fine, thanks.");
    assert_int_equal(fake_say(fake, "help"), TROUPE_DONE);
    /* Not the one that could be anything. */
    assert_string_equal(
        text_of(fake, "SELECT group_concat(detected_intent || confidence || execution_success || "
                      "coalesce(entities, '-') || coalesce(error_message, '-'), ' ') FROM "
                      "(SELECT * FROM conversation__intent_logs WHERE member = '42' AND guild = "
                      "'3' ORDER BY message)"),
        "help1.01-- get_status1.01-- help1.01--");
    assert_string_equal(
        text_of(fake, "SELECT intents_detected FROM conversation__conversation_sessions"),
        "[\"help\",\"get_status\"]");
    assert_string_equal(text_of(fake,
                                "SELECT COUNT(*) FROM conversation__conversation_history WHERE "
                                "intent_confidence = 1"),
                        "3");
    /* What failed says what the member was told. */
    fake_next(fake);
    fake->services[0].open_status = TROUPE_UNAVAILABLE;
    fake->services[0].code = "llm.unreachable";
    fake->services[0].sentence = "the model does not answer";
    assert_int_equal(fake_say(fake, "help"), TROUPE_UNAVAILABLE);
    assert_string_equal(text_of(fake, "SELECT error_message FROM conversation__intent_logs WHERE "
                                      "execution_success = 0"),
                        fake->sentence);
    fake_next(fake);
    assert_int_equal(intents(&fake->turn, 7), TROUPE_OK);
    assert_string_equal(fake->reply.ptr, "Intents of the last 7 days, 4 in all:\n"
                                         "help: 3, 66 % answered, 0 ms on average\n"
                                         "get_status: 1, 100 % answered, 0 ms on average");
    fake_next(fake);
    fake->now_ms += 8 * DAY;
    assert_int_equal(intents(&fake->turn, 7), TROUPE_OK);
    assert_string_equal(fake->reply.ptr, "No intent was told in the last 7 days.");
    fake_turn_free(fake);
}

static void an_answer_that_broke_off_is_no_success(void **state)
{
    struct fake_turn *fake = talker();

    (void)state;
    fake->services[0].chunks[0] = "I can";
    fake->services[0].status = TROUPE_INTERRUPTED;
    fake->services[0].code = "llm.interrupted";
    assert_true(fake_say(fake, "help") < 0);
    assert_string_equal(text_of(fake, "SELECT COUNT(*) FROM conversation__intent_logs WHERE "
                                      "execution_success = 0 AND error_message <> ''"),
                        "1");
    fake_turn_free(fake);
}

static void a_sessions_intents_are_a_short_list_without_doubles(void **state)
{
    char list[INTENT_SESSION_SIZE], again[INTENT_SESSION_SIZE], name[60];
    troupe_str before = {"", 0};

    (void)state;
    assert_true(intent_session_add(before, "help", list));
    assert_string_equal(list, "[\"help\"]");
    before = (troupe_str){list, strlen(list)};
    assert_false(intent_session_add(before, "help", again));
    assert_true(intent_session_add(before, "hel", again));
    assert_string_equal(again, "[\"help\",\"hel\"]");
    /* Full is full. */
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof(name), "intent-with-a-name-that-is-long-%d", i);
        if (!intent_session_add(before, name, again))
            return;
        snprintf(list, sizeof(list), "%s", again);
        before = (troupe_str){list, strlen(list)};
    }
    fail_msg("the list has no bound");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_message_was_taken_for_is_kept_with_what_became_of_it),
        cmocka_unit_test(an_answer_that_broke_off_is_no_success),
        cmocka_unit_test(a_sessions_intents_are_a_short_list_without_doubles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
