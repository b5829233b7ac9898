/* SPDX-License-Identifier: Apache-2.0
 *
 * Who else may get an answer: what the model is told of the member, and what llm.chat is told of it.
 */
#include "conversation_rig.h"
#include "tap.h"

#include "conversation/asking.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const troupe_plugin *troupe_plugin_v1(void);

typedef troupe_status (*preferences_fn)(troupe_turn *, troupe_str, troupe_str, troupe_str,
                                        troupe_str, int64_t, troupe_str, int32_t);

static char *instructions(struct fake_turn *fake)
{
    json_t *args = json_loads(fake->service_args[0], 0, NULL);
    const json_t *first = json_array_get(json_object_get(args, "messages"), 0);
    char *text = strdup(json_string_value(json_object_get(first, "content")));

    json_decref(args);
    return text;
}

static int64_t count(struct fake_turn *fake, const char *sql)
{
    sqlite3_stmt *statement;
    int64_t ret;

    assert_int_equal(sqlite3_prepare_v2(fake->db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    ret = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return ret;
}

/* A talker with a prompt of the test's own. */
static struct fake_turn *talker_with(const char *prompt)
{
    char path[] = "/tmp/troupe-template-XXXXXX";
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "conversation");
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, prompt, strlen(prompt)), strlen(prompt));
    close(fd);
    fake_config(fake, "template", path);
    assert_int_equal(fake_create(fake), TROUPE_OK);
    unlink(path);
    return fake;
}

static int shares_as(struct fake_turn *fake, const char *text, const char *scope)
{
    char want[64];

    assert_int_equal(fake_say(fake, text), TROUPE_DONE);
    snprintf(want, sizeof(want), "\"cache\":\"%s\"", scope);
    return strstr(fake->service_args[0], want) != NULL;
}

static int shares(struct fake_turn *fake)
{
    int none = shares_as(fake, "what is a troupe?", "none");

    assert_int_equal(strstr(fake->service_args[0], "\"cache\":\"account\"") != NULL, !none);
    return !none;
}

static void only_what_says_nothing_about_the_member_may_be_shared(void **state)
{
    static const char plain[] = "You are {{bot}}. Today is {{date}}.";

    (void)state;
    for (int i = 0; i < 6; i++) {
        struct fake_turn *fake = i == 0 ? talker() : talker_with(plain);

        answers(fake, "Some ", "actors.");
        if (i == 1)
            fake->message.flags |= TROUPE_MESSAGE_DIRECT;
        if (i == 2)
            fake->message.reply_to = 77;
        if (i == 3)
            fake->message.flags |= TROUPE_MESSAGE_CONTINUE;
        if (i == 4) {
            const troupe_str none = {"", 0}, tone = {"formal", 6};

            assert_int_equal(((preferences_fn)fake_function(fake, "preferences"))(
                                 &fake->turn, none, tone, none, none, 0, none, 0),
                             TROUPE_OK);
            fake_next(fake);
            answers(fake, "Some ", "actors.");
        }
        assert_int_equal(shares(fake), i >= 4); /* the tone is in the prompt, or changes nothing */
        if (i == 5) {                           /* and with earlier lines it is a talk */
            fake_next(fake);
            answers(fake, "Some ", "actors.");
            assert_false(shares(fake));
        }
        finish(fake);
    }
}

/* What a server sets lies above the file. */
static void a_server_sets(struct fake_turn *fake, const char *key, const char *value)
{
    fake_config(fake, key, value);
}

static void prefers(struct fake_turn *fake, const char *name, const char *tone)
{
    const troupe_str none = {"", 0};

    assert_int_equal(((preferences_fn)fake_function(fake, "preferences"))(
                         &fake->turn, (troupe_str){name, strlen(name)},
                         (troupe_str){tone, strlen(tone)}, none, none, 0, none, 0),
                     TROUPE_OK);
}

static int told(struct fake_turn *fake, const char *words)
{
    char *system = instructions(fake);
    const int found = strstr(system, words) != NULL;

    free(system);
    return found;
}

static void as_installed_what_everybody_asks_alike_is_asked_without_a_name(void **state)
{
    struct fake_turn *fake = talker();

    (void)state;
    answers(fake, "Many ", "things.");
    assert_true(shares_as(fake, "What can you do?", "account"));
    assert_true(told(fake, "called \"" ASKING_NO_NAME "\""));
    assert_false(told(fake, "Ada"));
    fake_next(fake); /* a talk has its member's name */
    answers(fake, "Many ", "things.");
    assert_true(shares_as(fake, "What can you do?", "none"));
    assert_true(told(fake, "called \"Ada\""));
    finish(fake);
    fake = talker(); /* a preferred name is a name */
    prefers(fake, "Countess", "formal");
    fake_next(fake);
    answers(fake, "Many ", "things.");
    assert_true(shares_as(fake, "What can you do?", "account"));
    assert_false(told(fake, "Countess"));
    assert_true(told(fake, "Tone: formal."));
    assert_non_null(strstr(fake->service_args[0], "\"question\":\"help formal: what can you do\""));
    finish(fake);
    fake = talker(); /* nor is it small talk without a name */
    answers(fake, "Hi ", "Ada!");
    assert_true(shares_as(fake, "hello there", "none"));
    assert_true(told(fake, "called \"Ada\""));
    finish(fake);
    fake = talker(); /* what may be about the member is theirs */
    answers(fake, "You are ", "Ada.");
    assert_true(shares_as(fake, "who am I?", "none"));
    assert_true(told(fake, "called \"Ada\""));
    finish(fake);
}

static void what_was_found_for_a_member_keeps_their_name_and_their_answer(void **state)
{
    struct fake_turn *fake = talker();

    (void)state;
    fake->annotations[0] = "context.memories";
    fake->annotations[1] = "likes tea";
    answers(fake, "Brew ", "tea.");
    assert_true(shares_as(fake, "What can you do?", "none"));
    assert_true(told(fake, "called \"Ada\""));
    finish(fake);
    fake = talker();
    fake->message.flags |= TROUPE_MESSAGE_DIRECT; /* in private */
    answers(fake, "Many ", "things.");
    assert_true(shares_as(fake, "What can you do?", "none"));
    assert_true(told(fake, "called \"Ada\""));
    finish(fake);
}

static void spaces_around_a_placeholder_change_nothing(void **state)
{
    struct fake_turn *fake = talker_with("You talk with {{ name }}.");

    (void)state;
    answers(fake, "Some ", "actors.");
    assert_false(shares(fake));
    finish(fake);
    fake = talker_with("You are {{ bot }}.");
    answers(fake, "Some ", "actors.");
    fake_config(fake, "bot_name", "Stage Hand");
    assert_true(shares_as(fake, "what is a troupe?", "guild"));
    finish(fake);
}

static void what_a_server_set_or_has_stays_in_it(void **state)
{
    static const char *const own[] = {"who is <@77>?",
                                      "what is <#7> for?",
                                      "what is <:wink:9>?",
                                      "read /channels/3/7/8 for me",
                                      "try </help:1>",
                                      "and discord.gg/abc?",
                                      "or discord.com/invite/abc?"};
    static const char plain[] = "You are {{bot}}. Today is {{date}}.";
    struct fake_turn *fake = talker_with(plain);

    (void)state;
    answers(fake, "Some ", "actors.");
    a_server_sets(fake, "bot_name", "Stage Hand");
    assert_true(shares_as(fake, "what is a troupe?", "guild"));
    finish(fake);
    fake = talker_with("You are a bot."); /* its name is not in the prompt */
    answers(fake, "Some ", "actors.");
    a_server_sets(fake, "bot_name", "Stage Hand");
    assert_true(shares_as(fake, "what is a troupe?", "account"));
    finish(fake);
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        fake = talker_with(plain);
        answers(fake, "Some ", "actors.");
        assert_true(shares_as(fake, own[i], "guild"));
        finish(fake);
    }
}

static void a_server_that_switched_sharing_off_neither_gives_nor_takes(void **state)
{
    static const char *const widest[] = {"none", "guild", "account"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct fake_turn *fake = talker_with("You are {{bot}}.");

        answers(fake, "Some ", "actors.");
        a_server_sets(fake, "share_answers", widest[i]);
        assert_true(shares_as(fake, "what is a troupe?", widest[i]));
        finish(fake);
    }
}

static void the_meaning_goes_along_with_tone_and_words_where_nothing_is_personal(void **state)
{
    struct fake_turn *fake = talker_with("You are {{bot}}.");

    (void)state;
    answers(fake, "Many ", "things.");
    assert_true(shares_as(fake, "Hi! What can you do?", "account"));
    assert_non_null(
        strstr(fake->service_args[0], "\"question\":\"help friendly: hi what can you do\""));
    finish(fake);
    fake = talker_with("You talk with {{name}}.");
    answers(fake, "Many ", "things.");
    assert_true(shares_as(fake, "What can you do with my name?", "none"));
    assert_non_null(strstr(fake->service_args[0], "\"question\":\"\""));
    finish(fake);
}

static void an_answer_that_somebody_got_before_is_marked_and_remembered_without(void **state)
{
    struct fake_turn *fake = talker_with("You are {{bot}}.");

    (void)state;
    answers(fake, "Some ", "actors.");
    fake->services[0].result = "{\"text\":\"Some actors.\",\"cached\":true}";
    assert_true(shares(fake));
    assert_string_equal(fake->written.ptr, "Some actors.\n-# I gave this answer before");
    assert_int_equal(count(fake, "SELECT COUNT(*) FROM conversation__conversation_history WHERE "
                                 "content = 'Some actors.'"),
                     1);
    finish(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_what_says_nothing_about_the_member_may_be_shared),
        cmocka_unit_test(as_installed_what_everybody_asks_alike_is_asked_without_a_name),
        cmocka_unit_test(what_was_found_for_a_member_keeps_their_name_and_their_answer),
        cmocka_unit_test(spaces_around_a_placeholder_change_nothing),
        cmocka_unit_test(what_a_server_set_or_has_stays_in_it),
        cmocka_unit_test(a_server_that_switched_sharing_off_neither_gives_nor_takes),
        cmocka_unit_test(the_meaning_goes_along_with_tone_and_words_where_nothing_is_personal),
        cmocka_unit_test(an_answer_that_somebody_got_before_is_marked_and_remembered_without),
    };

    return cmocka_run_group_tests_name("conversation_share", tests, NULL, NULL);
}
