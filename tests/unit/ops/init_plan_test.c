/* SPDX-License-Identifier: Apache-2.0
 *
 * What troupe init writes, and what it makes of an environment.
 */
#include "tap.h"

#include "base/mem.h"
#include "config/config.h"
#include "main/init_env.h"
#include "main/init_plan.h"

#include <string.h>

static struct config *read_back(struct init_plan *plan, struct buf *text)
{
    struct config_problems problems = {0};
    struct config_raw *raw = NULL;
    struct config *config = NULL;

    assert_status(init_plan_put(plan, "pipeline message", "stages", "conversation", NULL),
                  TROUPE_OK);
    init_plan_print(plan, "2026-11-26", text);
    assert_status(config_parse_text("init", buf_text(text), text->len, &raw, &problems), TROUPE_OK);
    assert_status(config_check(raw, NULL, 0, CONFIG_CHECK_OPEN, &config, &problems), TROUPE_OK);
    config_raw_free(raw);
    config_problems_clear(&problems);
    return config;
}

static const char *name_of(const struct config *config)
{
    return config_str(config_section(config, "troupe", NULL), "name");
}

static void what_is_put_is_what_the_reader_gets(void **state)
{
    static const char *const names[] = {
        "Robin",      "Robin ${env:HOME}", "$${x}",      "a;b", "#1 = best", "[Robin]",
        "\"quoted\"", "back\\slash",       "Zoë \u2713", "${",  "=",         ": colon",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        _cleanup_buf_ struct buf text = BUF_INIT;
        struct init_plan plan = {0};
        struct config *config;

        assert_status(init_plan_put(&plan, "troupe", "name", names[i], NULL), TROUPE_OK);
        config = read_back(&plan, &text);
        assert_string_equal(name_of(config), names[i]);
        config_unref(config);
        init_plan_clear(&plan);
    }
}

static void what_the_format_cannot_hold_is_refused_with_the_remedy(void **state)
{
    char longer[400];
    const char *const values[] = {"two\nlines", "a ;b",     ";comment", "tab\there",
                                  "bell\a",     "\xff\xfe", longer};
    struct init_plan plan = {0};

    (void)state;
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        struct error err = {0};

        assert_status(init_plan_put(&plan, "troupe", "name", values[i], &err), TROUPE_ARGUMENT);
        assert_non_null(strstr(err.text, "${file:PATH}"));
        assert_null(init_plan_get(&plan, "troupe", "name"));
    }
    init_plan_clear(&plan);
}

static void secrets_stand_in_files_of_their_own(void **state)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct init_plan plan = {0};

    (void)state;
    init_plan_set(&plan.token, "very-secret-token");
    init_plan_set(&plan.api_key, "very-secret-key");
    init_plan_print(&plan, "2026-11-26", &text);
    assert_null(strstr(buf_text(&text), "very-secret"));
    assert_non_null(strstr(buf_text(&text), "[discord]\ntoken = ${file:" INIT_TOKEN_FILE "}\n"));
    assert_non_null(strstr(buf_text(&text), "[agent llm]\napi_key = ${file:" INIT_KEY_FILE "}\n"));
    init_plan_clear(&plan);
    assert_null(plan.token);
}

static void keys_given_as_sets_are_written_and_win(void **state)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct init_plan plan = {0};
    struct config *config;

    (void)state;
    assert_status(init_plan_take_set(&plan, "troupe.name=First", NULL), TROUPE_OK);
    assert_status(init_plan_take_set(&plan, "troupe.name = Second", NULL), TROUPE_OK);
    assert_status(init_plan_take_set(&plan, "store.keep_traces=2d", NULL), TROUPE_OK);
    assert_status(init_plan_take_set(&plan, "agent other.plugin=hello", NULL), TROUPE_OK);
    config = read_back(&plan, &text);
    assert_string_equal(name_of(config), "Second");
    assert_int_equal(config_ms(config_section(config, "store", NULL), "keep_traces"), 172800000);
    assert_non_null(config_section(config, "agent", "other"));
    config_unref(config);
    init_plan_clear(&plan);
}

static void a_secret_on_the_command_line_is_refused_and_not_repeated(void **state)
{
    static const char *const sets[] = {"discord.token=hush-hush", "agent llm.api_key=hush-hush",
                                       "agent x.client_secret=hush-hush"};
    struct init_plan plan = {0};
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        assert_status(init_plan_take_set(&plan, sets[i], &err), TROUPE_DENIED);
        assert_null(strstr(err.text, "hush"));
    }
    assert_int_equal(plan.count, 0);
    assert_status(init_plan_take_set(&plan, "discord.token=${env:BOT}", &err), TROUPE_OK);
    assert_string_equal(init_plan_get(&plan, "discord", "token"), "${env:BOT}");
    assert_status(init_plan_take_set(&plan, "nonsense", &err), TROUPE_ARGUMENT);
    assert_status(init_plan_take_set(&plan, "a]\n[b.c=d", &err), TROUPE_ARGUMENT);
    init_plan_clear(&plan);
}

/* ---- the environment ----------------------------------------------------------------------- */

static void told(const struct buf *text, const char *part)
{
    if (!strstr(buf_text(text), part))
        fail_msg("\"%s\" is not told in:\n%s", part, buf_text(text));
}

static void each_known_variable_is_told_and_no_value_is(void **state)
{
    static const char *const environment[] = {"DISCORD_TOKEN=Bot s3cret.token",
                                              "OPENROUTER_API_KEY=s3cret-key",
                                              "OPENROUTER_MODEL=some/model",
                                              "ANTHROPIC_API_KEY=s3cret-too",
                                              "ANTHROPIC_MODEL=s3cret-model",
                                              "DATABASE_URL=postgres://s3cret",
                                              "GITHUB_TOKEN=s3cret-hub",
                                              "MAX_CONCURRENT_MESSAGES=7",
                                              "CONTEXT_WINDOW_SIZE=20",
                                              "RESPONSE_CACHE_TTL=60",
                                              "MAX_TOKENS_PER_REQUEST=512",
                                              "RATE_LIMIT_IMAGE_GEN=5,3600",
                                              "OPENAI_API_KEY=",
                                              "HOME=/nowhere",
                                              NULL};
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct init_plan plan = {0};
    struct error err;

    (void)state;
    assert_status(init_env_import(&plan, environment, &text, &err), TROUPE_OK);
    assert_string_equal(plan.token, "s3cret.token");
    assert_string_equal(plan.api_key, "s3cret-key");
    assert_string_equal(plan.base_url, "https://openrouter.ai/api/v1");
    assert_string_equal(plan.model, "some/model");
    assert_string_equal(init_plan_get(&plan, "admission", "concurrent"), "7");
    assert_string_equal(init_plan_get(&plan, "agent conversation", "answer_tokens"), "512");
    assert_null(strstr(buf_text(&text), "s3cret"));
    told(&text, "DISCORD_TOKEN: the bot's token");
    told(&text, "ANTHROPIC_API_KEY: not taken, another provider was given");
    told(&text, "DATABASE_URL: not taken: it may hold a password, set backend, url");
    told(&text, "RATE_LIMIT_IMAGE_GEN: not taken: set messages, images and features in [limits]");
    told(&text, "RESPONSE_CACHE_TTL: not taken: set cache_ttl in [agent llm]");
    told(&text, "CONTEXT_WINDOW_SIZE: not taken");
    assert_null(strstr(buf_text(&text), "OPENAI_API_KEY"));
    assert_null(strstr(buf_text(&text), "HOME"));
    init_plan_clear(&plan);
}

static void a_key_goes_to_no_other_server_than_its_own(void **state)
{
    static const char *const environment[] = {"OPENAI_API_KEY=k", "OPENROUTER_MODEL=m", NULL};
    static const char *const with_url[] = {"OPENAI_API_KEY=k",
                                           "OPENAI_BASE_URL=http://127.0.0.1:1/v1", NULL};
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct init_plan plan = {0};

    (void)state;
    init_plan_set(&plan.base_url, "https://other.example/v1");
    assert_status(init_env_import(&plan, environment, &text, NULL), TROUPE_OK);
    assert_null(plan.api_key);
    assert_null(plan.model);
    told(&text, "OPENAI_API_KEY: not taken, another provider was given");
    init_plan_clear(&plan);

    assert_status(init_env_import(&plan, with_url, &text, NULL), TROUPE_OK);
    assert_string_equal(plan.base_url, "http://127.0.0.1:1/v1");
    assert_string_equal(plan.api_key, "k");
    assert_null(plan.model); /* OpenAI's default is not that server's */
    init_plan_clear(&plan);
}

static void a_key_of_anthropic_s_sets_its_provider_up(void **state)
{
    static const char *const environment[] = {"ANTHROPIC_MODEL=claude-sonnet-5",
                                              "ANTHROPIC_API_KEY=s3cret-a", NULL};
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct init_plan plan = {0};

    (void)state;
    assert_status(init_env_import(&plan, environment, &text, NULL), TROUPE_OK);
    assert_string_equal(plan.base_url, "https://api.anthropic.com/v1");
    assert_string_equal(plan.api_key, "s3cret-a");
    assert_string_equal(plan.model, "claude-sonnet-5");
    told(&text, "ANTHROPIC_API_KEY: the key of [agent llm]");
    init_plan_clear(&plan);
}

static void what_was_given_before_wins(void **state)
{
    static const char *const environment[] = {"DISCORD_TOKEN=new", "OPENAI_API_KEY=k",
                                              "OPENAI_MODEL=m", NULL};
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct init_plan plan = {0};

    (void)state;
    init_plan_set(&plan.token, "given");
    init_plan_set(&plan.model, "chosen");
    assert_status(init_env_import(&plan, environment, &text, NULL), TROUPE_OK);
    assert_string_equal(plan.token, "given");
    assert_string_equal(plan.model, "chosen");
    told(&text, "DISCORD_TOKEN: not taken");
    init_plan_clear(&plan);
}

static void a_value_that_makes_no_sense_is_an_error(void **state)
{
    static const char *const number[] = {"MAX_CONCURRENT_MESSAGES=many", NULL};
    static const char *const token[] = {"DISCORD_TOKEN=two words", NULL};
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct init_plan plan = {0};
    struct error err;

    (void)state;
    assert_status(init_env_import(&plan, number, &text, &err), TROUPE_ARGUMENT);
    assert_non_null(strstr(err.text, "MAX_CONCURRENT_MESSAGES"));
    assert_status(init_env_import(&plan, token, &text, &err), TROUPE_ARGUMENT);
    assert_null(strstr(err.text, "two words"));
    init_plan_clear(&plan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_what_the_reader_gets),
        cmocka_unit_test(what_the_format_cannot_hold_is_refused_with_the_remedy),
        cmocka_unit_test(secrets_stand_in_files_of_their_own),
        cmocka_unit_test(keys_given_as_sets_are_written_and_win),
        cmocka_unit_test(a_secret_on_the_command_line_is_refused_and_not_repeated),
        cmocka_unit_test(each_known_variable_is_told_and_no_value_is),
        cmocka_unit_test(a_key_goes_to_no_other_server_than_its_own),
        cmocka_unit_test(a_key_of_anthropic_s_sets_its_provider_up),
        cmocka_unit_test(what_was_given_before_wins),
        cmocka_unit_test(a_value_that_makes_no_sense_is_an_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
