/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "plugin/leak.h"
#include "plugin_fixture.h"

#include <troupe/host.h>

struct setup {
    struct plugin_images images;
    struct plugin_registry registry;
    struct plugin_image *image;
    struct config_raw *raw;
    struct config *config;
};

static const uint32_t some_table[2] = {sizeof(some_table), 0};

static void set_up(struct setup *setup, const char *text)
{
    _cleanup_mem_ char *path = plugin_path("dice1");
    struct config_problems problems = {0};
    struct config_schema schema = {.kind = "agent", .name = "dice", .flags = CONFIG_NAMED};
    struct error err = {0};

    *setup = (struct setup){0};
    plugin_images_init(&setup->images);
    plugin_registry_add(&setup->registry, &(struct plugin_extension){"troupe.some/1", some_table},
                        1);
    if (plugin_image_open(&setup->images, path, &setup->image, &err) < 0 ||
        plugin_image_load(setup->image, &setup->registry, &err) < 0)
        fail_msg("%s", err.text);
    schema.keys = setup->image->manifest->schema;
    schema.count = setup->image->manifest->key_count;
    if (config_parse_text("test.ini", text, strlen(text), &setup->raw, &problems) < 0 ||
        config_check(setup->raw, &schema, 1, 0, &setup->config, &problems) < 0)
        fail_msg("%s", problems.items[0].text);
    config_problems_clear(&problems);
}

static struct plugin_agent *new_agent(struct setup *setup, uint64_t limit)
{
    return plugin_agent_new(
        &(struct plugin_agent_options){.name = "dice",
                                       .manifest = setup->image->manifest,
                                       .image = setup->image,
                                       .config = setup->config,
                                       .section = config_section(setup->config, "agent", "dice"),
                                       .registry = &setup->registry,
                                       .memory_limit = limit});
}

static void tear_down(struct setup *setup)
{
    config_unref(setup->config);
    config_raw_free(setup->raw);
    plugin_image_unref(setup->image);
    plugin_images_clear(&setup->images);
}

static void answers_config_in_the_types_of_the_abi(void **state)
{
    struct setup setup;
    struct plugin_agent *agent;
    troupe_host *host;
    troupe_value value;

    (void)state;
    set_up(&setup, "[agent dice]\npriority = 5\nluck = 11\nrest = 3m\nnames = ann, bob\n"
                   "table = https://example.org/t\nkey = hidden-key\n");
    agent = new_agent(&setup, 0);
    host = &agent->host;
    assert_ptr_equal(plugin_agent_of(host), agent);
    assert_int_equal(agent->priority, 5);
    assert_string_equal(troupe_agent(host), "dice");
    assert_int_equal(troupe_config_int(host, "luck", 0), 11);
    assert_int_equal(troupe_config_int(host, "rest", 0), 180000);
    assert_true(troupe_config_float(host, "share", 0) == 0.5);
    assert_string_equal(troupe_config_str(host, "color").ptr, "red");
    assert_string_equal(troupe_config_str(host, "names").ptr, "ann\nbob");
    assert_string_equal(troupe_config_str(host, "table").ptr, "https://example.org/t");
    assert_string_equal(plugin_agent_endpoint(agent, 0), "https://example.org/t");
    assert_null(plugin_agent_endpoint(agent, 1));
    assert_status(troupe_config(host, "nothing", &value), TROUPE_ARGUMENT);
    assert_status(troupe_config(host, "plugin", &value), TROUPE_ARGUMENT);
    plugin_agent_unref(agent);
    tear_down(&setup);
}

static void hides_secrets_from_the_plugin(void **state)
{
    struct setup setup;
    struct plugin_agent *agent;
    troupe_value value = {.type = 99};
    _cleanup_json_ json_t *json = NULL;
    _cleanup_mem_ char *text = NULL;

    (void)state;
    set_up(&setup, "[agent dice]\nkey = hidden-key\nnames =\n");
    agent = new_agent(&setup, 0);
    assert_status(troupe_config(&agent->host, "key", &value), TROUPE_DENIED);
    assert_int_equal(value.type, 99);
    assert_status(troupe_config(&agent->host, "names", &value), TROUPE_NOT_FOUND);
    assert_string_equal(plugin_agent_secret(agent, "key"), "hidden-key");
    assert_null(plugin_agent_secret(agent, "luck"));
    assert_null(plugin_agent_secret(agent, "nothing"));
    json = plugin_values_to_json(&agent->values);
    text = json_print(json);
    assert_non_null(strstr(text, "\"name\":\"key\""));
    assert_null(strstr(text, "hidden"));
    plugin_agent_unref(agent);
    tear_down(&setup);
}

static void values_survive_the_way_to_the_runner(void **state)
{
    struct setup setup;
    struct plugin_agent *agent;
    struct plugin_values copy = {0};
    _cleanup_json_ json_t *json = NULL, *again = NULL;
    struct error err = {0};

    (void)state;
    set_up(&setup, "[agent dice]\nluck = 12\nrest = always\nnames = a b\nkey = hidden-key\n");
    agent = new_agent(&setup, 0);
    assert_int_equal(troupe_config_int(&agent->host, "rest", 0), TROUPE_WORD(1));
    json = plugin_values_to_json(&agent->values);
    assert_status(plugin_values_from_json(&copy, json, &err), TROUPE_OK);
    again = plugin_values_to_json(&copy);
    assert_true(json_equal(json, again));
    for (size_t i = 0; i < copy.count; i++)
        if (!strcmp(copy.items[i].name, "rest"))
            assert_int_equal(copy.items[i].value.u.i, TROUPE_WORD(1));
    plugin_values_clear(&copy);
    plugin_agent_unref(agent);
    tear_down(&setup);
}

static void bills_memory_and_frees_what_was_left(void **state)
{
    struct setup setup;
    struct plugin_agent *agent;
    unsigned char *block, *zero;

    (void)state;
    set_up(&setup, "[agent dice]\n");
    agent = new_agent(&setup, 1000);
    block = troupe_alloc(&agent->host, 600);
    assert_non_null(block);
    for (int i = 0; i < 600; i++)
        assert_int_equal(block[i], 0);
    assert_int_equal(agent->memory, 600);
    assert_null(troupe_alloc(&agent->host, 401));
    assert_null(troupe_alloc(&agent->host, UINT64_MAX));
    assert_null(troupe_alloc(&agent->host, UINT64_MAX - 16));
    assert_non_null(zero = troupe_alloc(&agent->host, 400));
    assert_int_equal(agent->block_count, 2);
    troupe_free(&agent->host, block);
    troupe_free(&agent->host, NULL);
    assert_int_equal(agent->memory, 400);
    assert_int_equal(agent->memory_peak, 1000);
    /* `zero` stays: the leak checker would tell if it did. */
    plugin_agent_unref(agent);
    tear_down(&setup);
}

/* The handle is for any thread: what they take and give back at once adds up. */
static void *take_and_give(void *arg)
{
    struct plugin_agent *agent = arg;
    void *kept[8] = {NULL};

    for (int i = 0; i < 2000; i++) {
        void **slot = &kept[i % 8];

        troupe_free(&agent->host, *slot);
        *slot = troupe_alloc(&agent->host, 16 + (uint64_t)i % 100);
        if (i % 500 == 0)
            agent->host.api->log(&agent->host, TROUPE_LOG_DEBUG, "still here", 10);
    }
    for (int i = 0; i < 8; i++)
        troupe_free(&agent->host, kept[i]);
    return NULL;
}

/* One place that asks, however often it is called. */
#define APART __attribute__((noinline))
static APART char *take(troupe_host *host, uint64_t size)
{
    char *block = troupe_alloc(host, size);

    assert_non_null(block);
    block[0] = 'x';
    return block;
}

static void names_the_places_that_asked_for_what_was_left(void **state)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    struct plugin_agent *agent;
    struct setup setup;
    char *other;

    (void)state;
    set_up(&setup, "[agent dice]\n");
    agent = new_agent(&setup, 0);
    plugin_leaks_print(agent, &text);
    assert_int_equal(text.len, 0);
    (void)take(&agent->host, 100);
    (void)take(&agent->host, 20);
    other = troupe_alloc(&agent->host, 3);
    plugin_leaks_print(agent, &text);
    assert_memory_equal(text.data, "left 3 blocks of 123 bytes behind", 33);
    assert_non_null(strstr(text.data, "of these 2 of 120 bytes from 0x"));
    assert_non_null(strstr(text.data, "of these 1 of 3 bytes from 0x"));
    assert_non_null(strstr(text.data, " in agent_test\n"));
    troupe_free(&agent->host, other);
    buf_reset(&text);
    plugin_leaks_print(agent, &text);
    assert_null(strstr(text.data, "of 3 bytes"));
    plugin_agent_unref(agent);
    tear_down(&setup);
}

static void bills_memory_of_several_threads(void **state)
{
    struct setup setup;
    struct plugin_agent *agent;
    pthread_t threads[3];

    (void)state;
    set_up(&setup, "[agent dice]\n");
    agent = new_agent(&setup, 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, agent), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(agent->memory, 0);
    assert_int_equal(agent->block_count, 0);
    assert_true(agent->memory_peak > 0);
    plugin_agent_unref(agent);
    tear_down(&setup);
}

static void finds_extensions_of_the_host(void **state)
{
    struct setup setup;
    struct plugin_agent *agent;

    (void)state;
    set_up(&setup, "[agent dice]\n");
    agent = new_agent(&setup, 0);
    assert_ptr_equal(agent->host.api->get_extension(&agent->host, "troupe.some/1"), some_table);
    assert_null(agent->host.api->get_extension(&agent->host, "troupe.some/2"));
    assert_null(agent->host.api->get_extension(&agent->host, NULL));
    plugin_agent_unref(agent);
    tear_down(&setup);
}

static void says_why_create_failed(void **state)
{
    struct setup setup;
    struct plugin_agent *agent;
    struct error err = {0};

    (void)state;
    set_up(&setup, "[agent dice]\nluck = 13\n");
    agent = new_agent(&setup, 0);
    assert_status(plugin_agent_create(agent, &err), TROUPE_CONFIG);
    assert_sentence(err,
                    "agent \"dice\": plugin \"org.example.dice\" 1.0.0 cannot start: a luck of "
                    "13 cannot be; choose another number");
    plugin_agent_unref(agent);
    tear_down(&setup);
}

static void counts_calls_and_failures(void **state)
{
    struct setup setup;
    struct plugin_agent *agent;
    const struct plugin_function *roll;
    troupe_value values[PLUGIN_MAX_PARAMS] = {{.type = TROUPE_TYPE_INT, .u.i = 20}};
    struct fake_turn fake;
    struct error err = {0};

    (void)state;
    set_up(&setup, "[agent dice]\n");
    agent = new_agent(&setup, 0);
    assert_status(plugin_agent_create(agent, &err), TROUPE_OK);
    fake_turn_init(&fake, agent);
    roll = plugin_manifest_function(agent->manifest, "roll");
    assert_status(plugin_agent_invoke(agent, roll, &fake.turn, values, NULL, &err), TROUPE_OK);
    assert_string_equal(fake.reply, "1.0.0 dice 20 1 #1");
    values[0].u.i = 1;
    assert_status(plugin_agent_invoke(agent, roll, &fake.turn, values, NULL, &err),
                  TROUPE_ARGUMENT);
    assert_int_equal(agent->calls, 1);
    assert_int_equal(agent->failures, 0);
    plugin_agent_unref(agent);
    tear_down(&setup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_config_in_the_types_of_the_abi),
        cmocka_unit_test(hides_secrets_from_the_plugin),
        cmocka_unit_test(values_survive_the_way_to_the_runner),
        cmocka_unit_test(bills_memory_and_frees_what_was_left),
        cmocka_unit_test(names_the_places_that_asked_for_what_was_left),
        cmocka_unit_test(bills_memory_of_several_threads),
        cmocka_unit_test(finds_extensions_of_the_host),
        cmocka_unit_test(says_why_create_failed),
        cmocka_unit_test(counts_calls_and_failures),
    };

    return cmocka_run_group_tests_name("plugin/agent", tests, NULL, NULL);
}
