/* SPDX-License-Identifier: Apache-2.0
 *
 * What a section of the language model lacks is told when it is loaded, not by the first member who asks.
 */
#include "fake_turn.h"
#include "tap.h"

#include <string.h>

const troupe_plugin *troupe_plugin_v1(void);

#define URL   "base_url", "https://api.example.org/v1"
#define LOCAL "base_url", "http://127.0.0.1:11434/v1"
#define KEY   "api_key", "x"

struct section {
    const char *keys[12]; /* each with its value behind it */
    troupe_status status;
    const char *told; /* NULL: nothing */
};

static void check(const struct section *section)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "llm");

    fake_config(fake, "price_table", "/nonexistent");
    fake_config(fake, "price_input", "1");
    fake_config(fake, "price_output", "1");
    for (size_t i = 0; section->keys[i]; i += 2)
        fake_config(fake, section->keys[i], section->keys[i + 1]);
    assert_int_equal(fake_create(fake), section->status);
    if (section->told)
        assert_true(fake_text_has(&fake->host.log, section->told));
    else
        assert_int_equal(fake->host.log.len, 0);
    fake_turn_free(fake);
}

static void a_server_without_a_model_is_refused(void **state)
{
    static const struct section sections[] = {
        {{URL, KEY},
         TROUPE_CONFIG,
         "key \"model\": not set, so \"api.example.org\" is asked nothing"},
        {{LOCAL}, TROUPE_CONFIG, "set it to a model's name as it is called there, or route_chat"},
        {{LOCAL, "model", "m"}, TROUPE_OK, NULL},
        {{LOCAL, "route_chat", "m 80"}, TROUPE_OK, NULL},
        {{LOCAL, "embed_model", "m"}, TROUPE_OK, NULL},
        {{LOCAL, "image_model", "m"}, TROUPE_OK, NULL},
        {{"model", "m"}, TROUPE_OK, NULL}, /* `troupe chat` finds a server */
        {{NULL}, TROUPE_OK, NULL},
        /* What judges texts is there without a word, and may be all that is wanted. */
        {{"base_url", "https://api.openai.com/v1", KEY},
         TROUPE_OK,
         "is asked nothing but to moderate"},
        {{"base_url", "https://api.openai.com/v1", KEY, "moderation_model", "m"}, TROUPE_OK, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
        check(&sections[i]);
}

static void a_provider_outside_without_its_key_is_warned_of(void **state)
{
    static const struct section sections[] = {
        {{URL, "model", "m"},
         TROUPE_OK,
         "key \"api_key\": not set, and \"api.example.org\" is no server of"},
        {{URL, "model", "m"}, TROUPE_OK, "or local = yes for a server of your own"},
        {{URL, "model", "m", KEY}, TROUPE_OK, NULL},
        {{URL, "model", "m", "local", "yes"}, TROUPE_OK, NULL},
        {{"base_url", "http://10.1.2.3/v1", "model", "m"}, TROUPE_OK, NULL},
        {{"base_url", "http://ollama:11434/api", "model", "m"}, TROUPE_OK, NULL},
        {{LOCAL, "base_url_2", "https://api.example.org/v1", "model", "m"},
         TROUPE_OK,
         NULL}, /* not asked */
        {{LOCAL, "base_url_2", "https://api.example.org/v1", "model", "m", "image_model", "2:p"},
         TROUPE_OK,
         "key \"api_key_2\": not set, and \"api.example.org\""},
        {{LOCAL, "base_url_2", "https://api.example.org/v1", "route_chat", "m 80, 2:n 80"},
         TROUPE_OK,
         "or local_2 = yes for"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
        check(&sections[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_server_without_a_model_is_refused),
        cmocka_unit_test(a_provider_outside_without_its_key_is_warned_of),
    };

    return cmocka_run_group_tests_name("llm, what is set up", tests, NULL, NULL);
}
