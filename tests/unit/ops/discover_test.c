/* SPDX-License-Identifier: Apache-2.0 */
#include "fake.h"
#include "tap.h"

#include "base/mem.h"
#include "main/discover.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void clear_environment(void)
{
    unsetenv("OPENAI_API_KEY");
    unsetenv("OPENROUTER_API_KEY");
    unsetenv("ANTHROPIC_API_KEY");
}

static void test_ollama_is_found(void **state)
{
    struct fake_llm fake;
    _cleanup_mem_ char *model = NULL;

    (void)state;
    fake_llm_start(&fake, NULL);
    model = discover_ollama(fake.url);
    fake_llm_stop(&fake);
    assert_non_null(model);
    assert_int_equal(strncmp(model, "fake-1", 6), 0);
}

/* A listener that never answers, and then nobody at all. */
static void test_silence_is_no_ollama(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    char url[64];
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(address.sin_port));
    assert_null(discover_ollama(url));
    close(fd);
    assert_null(discover_ollama(url));
}

static void test_a_key_is_named_and_never_copied(void **state)
{
    struct options options = {.use_env_key = true};

    (void)state;
    clear_environment();
    setenv("OPENROUTER_API_KEY", "sk-or-very-secret", 1);
    discover_model(&options, false);
    assert_int_equal(options.set_count, 3);
    assert_string_equal(options.sets[0], "agent llm.base_url=https://openrouter.ai/api/v1");
    assert_int_equal(strncmp(options.sets[1], "agent llm.model=", 16), 0);
    assert_string_equal(options.sets[2], "agent llm.api_key=${env:OPENROUTER_API_KEY}");
    options_clear(&options);
    clear_environment();
}

static void test_a_key_of_anthropic_s_is_used_as_others_are(void **state)
{
    struct options options = {.use_env_key = true};

    (void)state;
    clear_environment();
    setenv("ANTHROPIC_API_KEY", "sk-ant-very-secret", 1);
    discover_model(&options, false);
    assert_int_equal(options.set_count, 3);
    assert_string_equal(options.sets[0], "agent llm.base_url=https://api.anthropic.com/v1");
    assert_string_equal(options.sets[1], "agent llm.model=claude-haiku-4-5");
    assert_string_equal(options.sets[2], "agent llm.api_key=${env:ANTHROPIC_API_KEY}");
    options_clear(&options);
    clear_environment();
}

static void test_what_the_user_said_stays(void **state)
{
    struct options options = {.use_env_key = true};

    (void)state;
    clear_environment();
    setenv("OPENAI_API_KEY", "sk-very-secret", 1);
    assert_status(options_add_set(&options, "agent llm.model=mine", NULL), TROUPE_OK);
    discover_model(&options, false);
    assert_int_equal(options.set_count, 3);
    assert_string_equal(options.sets[0], "agent llm.model=mine");
    assert_string_equal(options.sets[1], "agent llm.base_url=https://api.openai.com/v1");
    assert_string_equal(options.sets[2], "agent llm.api_key=${env:OPENAI_API_KEY}");
    options_clear(&options);
    clear_environment();
}

static void test_nothing_is_used_unasked(void **state)
{
    struct options options = {.use_env_key = false};

    (void)state;
    clear_environment();
    setenv("OPENAI_API_KEY", "sk-very-secret", 1);
    discover_model(&options, false);
    assert_int_equal(options.set_count, 0);
    options_clear(&options);
    clear_environment();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ollama_is_found),
        cmocka_unit_test(test_silence_is_no_ollama),
        cmocka_unit_test(test_a_key_is_named_and_never_copied),
        cmocka_unit_test(test_a_key_of_anthropic_s_is_used_as_others_are),
        cmocka_unit_test(test_what_the_user_said_stays),
        cmocka_unit_test(test_nothing_is_used_unasked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
