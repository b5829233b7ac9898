/* SPDX-License-Identifier: Apache-2.0
 *
 * Frequent questions: what the operator's file may say, who gets which answer, and what the model is asked
 * before anybody else asks.
 */
#include "fake_turn.h"
#include "tap.h"

#include "conversation/faq_warm.h"
#include "conversation/setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const troupe_plugin *troupe_plugin_v1(void);

typedef troupe_status (*warm_fn)(troupe_turn *);

static const char file_text[] =
    "{\"questions\": ["
    "{\"question\": [\"What are the rules?\", \"rules\"], \"answer\": \"Be kind.\"},"
    "{\"question\": \"what are the rules\", \"answer\": \"Be loud.\", \"guild\": \"3\"},"
    "{\"question\": \"what is troupe\"}, {\"question\": [\"who made you\", \"your maker\"]},"
    "{\"question\": \"where am I\", \"answer\": \"Elsewhere.\", \"guild\": \"4\"}]}";

static char path[64];

static void write_file(const char *text)
{
    FILE *file;
    int fd;

    snprintf(path, sizeof(path), "/tmp/troupe-test-faq-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    file = fdopen(fd, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static struct fake_turn *talker(const char *text, const char *key, const char *value)
{
    static char prompt[4096];
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "conversation");

    snprintf(prompt, sizeof(prompt), "%s/plugins/conversation/prompts/default.txt",
             getenv("TROUPE_SRCDIR") ? getenv("TROUPE_SRCDIR") : ".");
    write_file(text);
    fake_config(fake, "template", prompt);
    fake_config(fake, "faq", path);
    fake_config(fake, "faq_warm", "20");
    if (key)
        fake_config(fake, key, value);
    return fake;
}

static unsigned asked;
static const char *finish; /* how the model's answers end */
static char last_asked[16384];

static const char *model(struct fake_turn *fake, const char *name, troupe_str args)
{
    static char result[128];

    (void)fake;
    if (strcmp(name, "llm.chat") != 0)
        return NULL;
    asked++;
    snprintf(last_asked, sizeof(last_asked), "%.*s", (int)args.len, args.ptr);
    snprintf(result, sizeof(result), "{\"text\":\"A house full of agents.\",\"finish\":\"%s\"}",
             finish);
    return result;
}

static struct fake_turn *ready(const char *key, const char *value)
{
    struct fake_turn *fake = talker(file_text, key, value);

    asked = 0;
    finish = "stop";
    fake->on_call = model;
    assert_int_equal(fake_create(fake), TROUPE_OK);
    unlink(path);
    return fake;
}

static troupe_status warm(struct fake_turn *fake)
{
    troupe_status status;

    fake_next(fake);
    fake->has_message = 0; /* as from the shell */
    status = ((warm_fn)fake_function(fake, "faq-warm"))(&fake->turn);
    fake->has_message = 1;
    return status;
}

static void declared_answers_need_no_model(void **state)
{
    struct fake_turn *fake = ready(NULL, NULL);

    (void)state;
    assert_int_equal(fake_say(fake, "RULES!"), TROUPE_DONE);
    assert_string_equal(fake->written.ptr, "Be kind.");
    assert_int_equal(fake->service_count + asked, 0);
    assert_true(fake_text_has(&fake->reasons, "conversation.faq"));
    fake_next(fake); /* the server's own come first */
    assert_int_equal(fake_say(fake, "what are the rules?"), TROUPE_DONE);
    assert_string_equal(fake->written.ptr, "Be loud.");
    fake_next(fake); /* that of another server is none */
    fake->services[0].chunks[0] = "By the sea.";
    fake->services[0].result = "{}";
    assert_int_equal(fake_say(fake, "where am I"), TROUPE_DONE);
    assert_string_equal(fake->written.ptr, "By the sea.");
    fake_turn_free(fake);
}

static void what_is_asked_before_is_there_for_the_first_who_asks(void **state)
{
    struct fake_turn *fake = ready(NULL, NULL);

    (void)state;
    assert_int_equal(warm(fake), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"kept\":0,\"asked\":2,\"left\":0}");
    assert_int_equal(asked, 2); /* one for all spellings */
    assert_int_equal(fake->slept_ms, FAQ_REST_MS);
    assert_non_null(strstr(last_asked, "who made you"));
    assert_non_null(strstr(last_asked, "\"route\":\"quick\""));
    assert_non_null(strstr(last_asked, "\\\"a member whose name is not told\\\""));
    assert_int_equal(warm(fake), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"kept\":2,\"asked\":0,\"left\":0}");
    assert_int_equal(asked, 2);

    fake_next(fake);
    assert_int_equal(fake_say(fake, "Your maker?"), TROUPE_DONE);
    assert_string_equal(fake->written.ptr, "A house full of agents.\n-# I gave this answer before");
    assert_int_equal(fake->service_count, 0);
    assert_int_equal(asked, 2);
    fake_turn_free(fake);
}

static void where_nothing_is_kept_the_first_who_asks_waits_and_the_next_does_not(void **state)
{
    struct fake_turn *fake = ready(NULL, NULL);

    (void)state;
    assert_int_equal(fake_say(fake, "what is troupe"), TROUPE_DONE);
    assert_string_equal(fake->written.ptr, "A house full of agents.");
    assert_null(strstr(last_asked, "Ada"));
    fake_next(fake);
    assert_int_equal(fake_say(fake, "what is TROUPE??"), TROUPE_DONE);
    assert_true(fake_text_has(&fake->written, "I gave this answer before"));
    assert_int_equal(asked, 1);
    fake_turn_free(fake);
}

typedef troupe_status (*preferences_fn)(troupe_turn *, troupe_str, troupe_str, troupe_str,
                                        troupe_str, int64_t, troupe_str, int32_t);

static void who_wants_to_be_talked_to_otherwise_gets_an_answer_of_their_own(void **state)
{
    struct fake_turn *fake = ready(NULL, NULL);
    const troupe_str none = {"", 0}, formal = {"formal", 6};

    (void)state;
    assert_int_equal(warm(fake), TROUPE_OK);
    fake_next(fake);
    assert_int_equal(((preferences_fn)fake_function(fake, "preferences"))(&fake->turn, none, formal,
                                                                          none, none, 0, none, 0),
                     TROUPE_OK);
    fake_next(fake);
    fake->services[0].chunks[0] = "A distinguished house.";
    fake->services[0].result = "{}";
    assert_int_equal(fake_say(fake, "what is troupe"), TROUPE_DONE);
    assert_string_equal(fake->written.ptr, "A distinguished house.");
    fake_next(fake); /* what is declared is the same for all */
    assert_int_equal(fake_say(fake, "rules"), TROUPE_DONE);
    assert_string_equal(fake->written.ptr, "Be kind.");
    fake_turn_free(fake);
}

static void what_a_member_is_called_and_how_much_is_kept_in_mind_changes_no_answer(void **state)
{
    struct fake_turn *fake = ready(NULL, NULL);
    const troupe_str none = {"", 0}, name = {"Countess", 8};

    (void)state;
    assert_int_equal(warm(fake), TROUPE_OK);
    fake_next(fake);
    assert_int_equal(((preferences_fn)fake_function(fake, "preferences"))(&fake->turn, name, none,
                                                                          none, none, 20, none, 0),
                     TROUPE_OK);
    fake_next(fake);
    assert_int_equal(fake_say(fake, "what is troupe"), TROUPE_DONE);
    assert_string_equal(fake->written.ptr, "A house full of agents.\n-# I gave this answer before");
    fake_turn_free(fake);
}

static void nothing_is_asked_for_later_where_money_is_short(void **state)
{
    struct fake_turn *fake = ready("faq_warm", "1");

    (void)state;
    fake->level = FAQ_HELD_FOR;
    assert_int_equal(warm(fake), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"kept\":0,\"asked\":0,\"left\":2}");
    assert_true(fake_text_has(&fake->reasons, "faq.held: 50 %"));
    fake->level = FAQ_HELD_FOR - 1;
    assert_int_equal(warm(fake), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"kept\":0,\"asked\":1,\"left\":1}");
    assert_int_equal(warm(fake), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"kept\":1,\"asked\":1,\"left\":0}");
    fake_turn_free(fake);
}

static void a_model_that_fails_is_asked_no_more_at_the_start(void **state)
{
    struct fake_turn *fake = ready(NULL, NULL);

    (void)state;
    fake->on_call = NULL;
    assert_int_equal(warm(fake), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"kept\":0,\"asked\":1,\"left\":2}");
    assert_true(fake_text_has(&fake->reasons, "faq.failed: \"what is troupe\""));
    fake_turn_free(fake);
}

static void an_answer_that_is_cut_is_given_to_who_asks_and_not_kept(void **state)
{
    struct fake_turn *fake = ready(NULL, NULL);

    (void)state;
    finish = "length";
    assert_int_equal(warm(fake), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"kept\":0,\"asked\":2,\"left\":2}");
    fake_next(fake);
    assert_int_equal(fake_say(fake, "what is Troupe"), TROUPE_DONE);
    assert_string_equal(fake->written.ptr, "A house full of agents.");
    assert_int_equal(asked, 3);
    finish = "stop";
    assert_int_equal(warm(fake), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"kept\":0,\"asked\":2,\"left\":0}");
    fake_turn_free(fake);
}

static void a_bot_of_another_name_has_other_answers(void **state)
{
    struct fake_turn *fake = ready(NULL, NULL);
    struct conversation *conversation = fake->state;

    (void)state;
    assert_int_equal(warm(fake), TROUPE_OK);
    assert_int_equal(asked, 2);
    /* As a reload of the file leaves it. */
    fake_config(fake, "bot_name", "Ensemble");
    snprintf(conversation->bot_name, sizeof(conversation->bot_name), "Ensemble");
    assert_int_equal(warm(fake), TROUPE_OK);
    assert_string_equal(fake->result.ptr, "{\"kept\":0,\"asked\":2,\"left\":0}");
    assert_non_null(strstr(last_asked, "Ensemble"));
    fake_turn_free(fake);
}

static void a_file_that_does_not_hold_is_refused_with_its_place(void **state)
{
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"{", "is no JSON: line 1"},
        {"[]", "must be an object with a list \"questions\""},
        {"{\"questions\": [1]}", "question 1: it must be an object"},
        {"{\"questions\": [{\"question\": \"a\"}, {\"answer\": \"b\"}]}",
         "question 2: \"question\" must be a text"},
        {"{\"questions\": [{\"question\": []}]}", "question 1: \"question\" is empty"},
        {"{\"questions\": [{\"question\": \"?!\"}]}", "with words in it"},
        {"{\"questions\": [{\"question\": \"a\", \"answer\": \"\"}]}", "1 to 2000 bytes"},
        {"{\"questions\": [{\"question\": \"a\", \"guild\": 3}]}", "a server's id as text"},
        {"{\"questions\": [{\"question\": \"a\", \"guild\": \"3x\"}]}", "a server's id as text"},
        {"{\"questions\": [{\"question\": \"a\", \"server\": \"3\"}]}", "\"server\" is not known"},
        {"{\"questions\": [{\"question\": \"a\"}, {\"question\": \"A!\"}]}",
         "question 2: \"A!\" is declared twice"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake_turn *fake = talker(cases[i].text, NULL, NULL);

        assert_int_equal(fake_create(fake), TROUPE_CONFIG);
        unlink(path);
        assert_true(fake_text_has(&fake->host.log, "key \"faq\": "));
        if (!fake_text_has(&fake->host.log, cases[i].said))
            fail_msg("\"%s\" is not in \"%s\"", cases[i].said, fake->host.log.ptr);
        assert_int_equal(fake->host.allocated, 0);
        fake_turn_free(fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(declared_answers_need_no_model),
        cmocka_unit_test(what_is_asked_before_is_there_for_the_first_who_asks),
        cmocka_unit_test(where_nothing_is_kept_the_first_who_asks_waits_and_the_next_does_not),
        cmocka_unit_test(who_wants_to_be_talked_to_otherwise_gets_an_answer_of_their_own),
        cmocka_unit_test(what_a_member_is_called_and_how_much_is_kept_in_mind_changes_no_answer),
        cmocka_unit_test(nothing_is_asked_for_later_where_money_is_short),
        cmocka_unit_test(a_model_that_fails_is_asked_no_more_at_the_start),
        cmocka_unit_test(an_answer_that_is_cut_is_given_to_who_asks_and_not_kept),
        cmocka_unit_test(a_bot_of_another_name_has_other_answers),
        cmocka_unit_test(a_file_that_does_not_hold_is_refused_with_its_place),
    };

    return cmocka_run_group_tests_name("frequent questions", tests, NULL, NULL);
}
