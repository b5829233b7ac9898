/* SPDX-License-Identifier: Apache-2.0
 *
 * The talk of troupe init, without anybody to talk to.
 */
#include "tap.h"

#include "base/error.h"
#include "main/init_dialog.h"

#include <string.h>

struct talk {
    struct init_plan plan;
    struct init_dialog dialog;
    struct error err;
};

static int setup(void **state)
{
    static struct talk talk;

    talk = (struct talk){.dialog = {.patient = true, .path = "/etc/x.ini"}};
    talk.dialog.plan = &talk.plan;
    *state = &talk;
    return 0;
}

static int teardown(void **state)
{
    init_plan_clear(&((struct talk *)*state)->plan);
    return 0;
}

static void at(struct talk *talk, enum init_step step)
{
    assert_int_equal(talk->dialog.step, step);
}

/* A question is answered and leads to `step`. */
static void says(struct talk *talk, const char *line, enum init_step step)
{
    struct init_question question;

    assert_true(init_dialog_question(&talk->dialog, &question));
    assert_status(init_dialog_answer(&talk->dialog, line, &talk->err), TROUPE_OK);
    at(talk, step);
}

static void refuses(struct talk *talk, const char *line, const char *why)
{
    enum init_step step = talk->dialog.step;

    assert_status(init_dialog_answer(&talk->dialog, line, &talk->err), TROUPE_ARGUMENT);
    assert_non_null(strstr(talk->err.text, why));
    at(talk, step);
}

static void done(struct talk *talk, troupe_status outcome, enum init_step step)
{
    struct init_question question;

    assert_false(init_dialog_question(&talk->dialog, &question));
    init_dialog_done(&talk->dialog, outcome);
    at(talk, step);
}

static void empty_lines_take_the_defaults_to_the_end(void **state)
{
    struct talk *talk = *state;

    talk->dialog.found.token = " \"tok.en\" ";
    talk->dialog.found.token_from = "DISCORD_TOKEN";
    talk->dialog.found.base_url = "http://127.0.0.1:11434/v1";
    init_dialog_start(&talk->dialog);
    at(talk, INIT_TOKEN);
    says(talk, "", INIT_CHECK_TOKEN);
    assert_string_equal(talk->plan.token, "tok.en");
    done(talk, TROUPE_OK, INIT_LOOK);
    done(talk, TROUPE_OK, INIT_BASE_URL);
    says(talk, "", INIT_LOOK_MODEL);
    talk->dialog.found.model = "llama";
    done(talk, TROUPE_OK, INIT_MODEL);
    says(talk, "", INIT_KEY);
    says(talk, "", INIT_DAILY);
    says(talk, "", INIT_STAGE);
    done(talk, TROUPE_OK, INIT_TEST);
    done(talk, TROUPE_OK, INIT_COMMIT);
    done(talk, TROUPE_OK, INIT_DONE);
    assert_string_equal(talk->plan.base_url, "http://127.0.0.1:11434/v1");
    assert_string_equal(talk->plan.model, "llama");
    assert_null(talk->plan.api_key);
    assert_string_equal(init_plan_get(&talk->plan, "budget", "daily"), "1.00");
}

static void a_token_pasted_with_its_wrapping_is_taken(void **state)
{
    static const char *const pasted[] = {"tok.en",     "  tok.en\t", "\"tok.en\"",
                                         "Bot tok.en", "'tok.en'",   "tok.en\r"};

    for (size_t i = 0; i < sizeof(pasted) / sizeof(pasted[0]); i++) {
        struct talk *talk;

        setup(state);
        talk = *state;
        init_dialog_start(&talk->dialog);
        says(talk, pasted[i], INIT_CHECK_TOKEN);
        assert_string_equal(talk->plan.token, "tok.en");
        teardown(state);
    }
}

static void a_refused_token_is_asked_for_three_times(void **state)
{
    struct talk *talk = *state;

    init_dialog_start(&talk->dialog);
    refuses(talk, "", "--token-file");
    refuses(talk, "two words", "no bot token");
    says(talk, "bad", INIT_CHECK_TOKEN);
    done(talk, TROUPE_DENIED, INIT_TOKEN);
    assert_null(talk->plan.token);
    says(talk, "bad", INIT_CHECK_TOKEN);
    done(talk, TROUPE_DENIED, INIT_TOKEN);
    says(talk, "bad", INIT_CHECK_TOKEN);
    done(talk, TROUPE_DENIED, INIT_STOPPED);
}

static void an_unreachable_discord_is_passed_by_only_with_a_yes(void **state)
{
    struct talk *talk = *state;

    init_dialog_start(&talk->dialog);
    says(talk, "tok", INIT_CHECK_TOKEN);
    done(talk, TROUPE_UNAVAILABLE, INIT_TOKEN_ANYWAY);
    says(talk, "yes", INIT_LOOK);
    talk->dialog.step = INIT_TOKEN_ANYWAY;
    says(talk, "", INIT_STOPPED);
}

static void without_anybody_the_first_trouble_is_the_end(void **state)
{
    struct talk *talk = *state;

    talk->dialog.patient = false;
    talk->dialog.exists = true;
    init_dialog_start(&talk->dialog);
    at(talk, INIT_STOPPED); /* nobody can say that a file may go */
    talk->dialog.force = true;
    init_dialog_start(&talk->dialog);
    at(talk, INIT_TOKEN);
    refuses(talk, NULL, "DISCORD_TOKEN");
    says(talk, "tok", INIT_CHECK_TOKEN);
    done(talk, TROUPE_DENIED, INIT_STOPPED);
    talk->dialog.step = INIT_MODEL;
    init_plan_set(&talk->plan.base_url, "http://127.0.0.1:1/v1");
    refuses(talk, NULL, "--model");
    talk->dialog.step = INIT_TEST;
    done(talk, TROUPE_UNAVAILABLE, INIT_STOPPED);
}

static void a_file_that_is_there_is_replaced_only_with_a_yes(void **state)
{
    struct talk *talk = *state;
    struct init_question question;

    talk->dialog.exists = true;
    init_dialog_start(&talk->dialog);
    at(talk, INIT_REPLACE);
    assert_true(init_dialog_question(&talk->dialog, &question));
    assert_non_null(strstr(question.text, "/etc/x.ini"));
    says(talk, "", INIT_STOPPED);
    init_dialog_start(&talk->dialog);
    says(talk, NULL, INIT_STOPPED);
    init_dialog_start(&talk->dialog);
    says(talk, "y", INIT_TOKEN);
}

static void what_is_given_is_not_asked_for(void **state)
{
    struct talk *talk = *state;

    talk->dialog.patient = false;
    init_plan_set(&talk->plan.token, "tok");
    init_plan_set(&talk->plan.base_url, "https://api.example/v1");
    init_plan_set(&talk->plan.model, "m");
    init_plan_set(&talk->plan.api_key, "k");
    assert_status(init_plan_put(&talk->plan, "budget", "daily", "3", NULL), TROUPE_OK);
    init_dialog_start(&talk->dialog);
    at(talk, INIT_CHECK_TOKEN);
    done(talk, TROUPE_OK, INIT_LOOK_MODEL);
    done(talk, TROUPE_OK, INIT_STAGE);
    done(talk, TROUPE_OK, INIT_TEST);
}

static void none_leaves_discord_or_the_model_off(void **state)
{
    struct talk *talk = *state;

    init_dialog_start(&talk->dialog);
    says(talk, "none", INIT_LOOK);
    done(talk, TROUPE_OK, INIT_BASE_URL);
    refuses(talk, "ftp://x", "no address");
    refuses(talk, "api.openai.com", "no address");
    says(talk, "none", INIT_DAILY);
    refuses(talk, "a lot", "no amount");
    refuses(talk, "-1", "no amount");
    says(talk, "$2.5", INIT_STAGE);
    assert_string_equal(init_plan_get(&talk->plan, "budget", "daily"), "2.5");
    done(talk, TROUPE_OK, INIT_COMMIT); /* there is nothing to test */
    done(talk, TROUPE_IO, INIT_STOPPED);
}

static void a_model_that_does_not_answer_can_be_kept_or_changed(void **state)
{
    struct talk *talk = *state;

    init_plan_set(&talk->plan.base_url, "https://api.example/v1");
    init_plan_set(&talk->plan.model, "m");
    init_plan_set(&talk->plan.api_key, "k");
    talk->dialog.step = INIT_TEST;
    done(talk, TROUPE_DENIED, INIT_TEST_ANYWAY);
    says(talk, "", INIT_BASE_URL);
    assert_null(talk->plan.base_url);
    assert_null(talk->plan.api_key);
    says(talk, "https://other.example/v1/", INIT_LOOK_MODEL);
    assert_string_equal(talk->plan.base_url, "https://other.example/v1");
    talk->dialog.step = INIT_TEST_ANYWAY;
    says(talk, "y", INIT_COMMIT);
    talk->dialog.step = INIT_TEST_ANYWAY;
    says(talk, NULL, INIT_STOPPED);
}

static void secrets_are_asked_for_without_showing_them(void **state)
{
    struct talk *talk = *state;
    struct init_question question;

    for (talk->dialog.step = INIT_REPLACE; talk->dialog.step <= INIT_TEST_ANYWAY;
         talk->dialog.step++) {
        assert_true(init_dialog_question(&talk->dialog, &question));
        assert_int_equal(question.secret,
                         talk->dialog.step == INIT_TOKEN || talk->dialog.step == INIT_KEY);
        assert_true(strlen(question.text) > 5);
    }
}

#define TALK(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TALK(empty_lines_take_the_defaults_to_the_end),
        TALK(a_token_pasted_with_its_wrapping_is_taken),
        TALK(a_refused_token_is_asked_for_three_times),
        TALK(an_unreachable_discord_is_passed_by_only_with_a_yes),
        TALK(without_anybody_the_first_trouble_is_the_end),
        TALK(a_file_that_is_there_is_replaced_only_with_a_yes),
        TALK(what_is_given_is_not_asked_for),
        TALK(none_leaves_discord_or_the_model_off),
        TALK(a_model_that_does_not_answer_can_be_kept_or_changed),
        TALK(secrets_are_asked_for_without_showing_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
