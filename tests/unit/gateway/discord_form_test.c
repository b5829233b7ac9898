/* SPDX-License-Identifier: Apache-2.0
 *
 * Forms and selects as Discord has them: what is sent for one, and what is read from what comes back.
 */
#include "tap.h"

#include "base/mem.h"
#include "gateway/discord/form.h"
#include "gateway/discord/route.h"
#include "gateway/event.h"
#include "gateway/gateway.h"

#include <string.h>

static const char *text_at(const json_t *object, const char *key)
{
    return json_get_str(object, key, "?");
}

static void a_form_is_a_modal_of_labelled_inputs(void **state)
{
    static const struct gateway_field fields[] = {
        {"Na\"me", "yours", "Ann", 2, 20, false, true},
        {"Why?", NULL, NULL, 0, 4000, true, false},
    };
    static const struct gateway_form form = {"t:1:2:form", "Tell me", fields, 2};
    _cleanup_mem_ char *text = discord_form_callback(&form);
    _cleanup_json_ json_t *callback = NULL;
    const json_t *data, *labels, *name, *why;

    (void)state;
    assert_int_equal(json_parse(text, strlen(text), &callback, NULL), TROUPE_OK);
    assert_int_equal(json_get_int(callback, "type", 0), 9);
    data = json_object_get(callback, "data");
    assert_string_equal(text_at(data, "custom_id"), "t:1:2:form");
    assert_string_equal(text_at(data, "title"), "Tell me");
    labels = json_object_get(data, "components");
    assert_int_equal(json_array_size(labels), 2);
    assert_string_equal(text_at(json_array_get(labels, 0), "label"), "Na\"me");
    name = json_object_get(json_array_get(labels, 0), "component");
    why = json_object_get(json_array_get(labels, 1), "component");
    assert_string_equal(text_at(name, "placeholder"), "yours");
    assert_string_equal(text_at(name, "value"), "Ann");
    assert_int_equal(json_get_int(name, "style", 0), 1);
    assert_int_equal(json_get_int(name, "min_length", -1), 2);
    assert_int_equal(json_get_int(name, "max_length", -1), 20);
    assert_true(json_is_true(json_object_get(name, "required")));
    assert_int_equal(json_get_int(why, "style", 0), 2);
    assert_true(json_is_false(json_object_get(why, "required")));
    assert_null(json_object_get(why, "placeholder"));
    assert_null(json_object_get(why, "value"));
}

static void a_select_is_a_row_of_its_own(void **state)
{
    static const struct gateway_option options[] = {{"Re\"d", "like blood", false},
                                                    {"Green", NULL, true}};
    static const struct gateway_select select = {"t:1:2:pick", options, 2, 0, 2};
    _cleanup_mem_ char *stored = gateway_components_print(&select, NULL, 0);
    _cleanup_json_ json_t *list = NULL, *row = NULL;
    _cleanup_buf_ struct buf out = BUF_INIT;
    const json_t *made, *shown;

    (void)state;
    assert_int_equal(json_parse(stored, strlen(stored), &list, NULL), TROUPE_OK);
    discord_select_write(json_array_get(list, 0), &out);
    assert_int_equal(json_parse(buf_text(&out), out.len, &row, NULL), TROUPE_OK);
    assert_int_equal(json_get_int(row, "type", 0), 1);
    assert_int_equal(json_array_size(json_object_get(row, "components")), 1);
    made = json_array_get(json_object_get(row, "components"), 0);
    assert_int_equal(json_get_int(made, "type", 0), 3);
    assert_string_equal(text_at(made, "custom_id"), "t:1:2:pick");
    assert_int_equal(json_get_int(made, "min_values", -1), 0);
    assert_int_equal(json_get_int(made, "max_values", -1), 2);
    shown = json_object_get(made, "options");
    assert_string_equal(text_at(json_array_get(shown, 0), "label"), "Re\"d");
    assert_string_equal(text_at(json_array_get(shown, 0), "description"), "like blood");
    assert_string_equal(text_at(json_array_get(shown, 1), "value"), "1");
    assert_null(json_object_get(json_array_get(shown, 1), "description"));
    assert_true(json_is_true(json_object_get(json_array_get(shown, 1), "default")));
}

/* The press that an interaction becomes. */
static struct event *press_of(int type, const char *data)
{
    struct gateway gateway = {.name = "discord:0"};
    struct discord_route_rules rules = {.gateway = &gateway, .self = 5};
    _cleanup_mem_ char *json = mem_printf(
        "{\"id\":\"7\",\"type\":%d,\"token\":\"tok\",\"channel_id\":\"4\",\"user\":{\"id\":\"9\","
        "\"username\":\"ann\"},\"message\":{\"id\":\"12\"},\"data\":%s}",
        type, data);
    struct event *event = NULL;
    int got = 0;

    assert_int_equal(discord_route_press(&rules, json, strlen(json), 1, &event, &got, NULL),
                     TROUPE_OK);
    assert_int_equal(got, type);
    assert_string_equal(event->kind, "press");
    assert_string_equal(event->reply_to, "12");
    return event;
}

static void what_was_filled_in_comes_in_the_order_of_the_fields(void **state)
{
    static const struct {
        const char *components, *content;
    } cases[] = {
        {"[{\"type\":18,\"component\":{\"type\":4,\"custom_id\":\"1\",\"value\":"
         "\"two\\n\\\"x\\\"\"}},"
         "{\"type\":18,\"component\":{\"type\":4,\"custom_id\":\"0\",\"value\":\"one\"}}]",
         "[\"one\",\"two\\n\\\"x\\\"\"]"},
        /* Of clients that knew rows only. */
        {"[{\"type\":1,\"components\":[{\"type\":4,\"custom_id\":\"0\",\"value\":\"one\"}]},"
         "{\"type\":1,\"components\":[{\"type\":4,\"custom_id\":\"1\",\"value\":\"two\"}]}]",
         "[\"one\",\"two\"]"},
        /* What was left out is empty, what nobody asked for is not there. */
        {"[{\"component\":{\"custom_id\":\"2\",\"value\":\"three\"}},"
         "{\"component\":{\"custom_id\":\"5\",\"value\":\"six\"}},"
         "{\"component\":{\"custom_id\":\"0x\",\"value\":\"?\"}},7,null,{\"component\":[]}]",
         "[\"\",\"\",\"three\"]"},
        {"{}", "[]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_mem_ char *data =
            mem_printf("{\"custom_id\":\"t:1:2:form\",\"components\":%s}", cases[i].components);
        struct event *event = press_of(DISCORD_INTERACTION_MODAL, data);

        assert_string_equal(event->press_id, "t:1:2:form");
        assert_string_equal(event->content, cases[i].content);
        assert_int_equal(event->content_len, strlen(cases[i].content));
        event_unref(event);
    }
}

static void what_was_chosen_comes_as_its_values(void **state)
{
    struct event *event = press_of(DISCORD_INTERACTION_COMPONENT,
                                   "{\"custom_id\":\"t:1:2:pick\",\"component_type\":3,"
                                   "\"values\":[\"2\",\"0\"]}");

    (void)state;
    assert_string_equal(event->content, "[\"2\",\"0\"]");
    event_unref(event);
    event = press_of(DISCORD_INTERACTION_COMPONENT, "{\"custom_id\":\"b\",\"component_type\":2}");
    assert_string_equal(event->content, "");
    event_unref(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_form_is_a_modal_of_labelled_inputs),
        cmocka_unit_test(a_select_is_a_row_of_its_own),
        cmocka_unit_test(what_was_filled_in_comes_in_the_order_of_the_fields),
        cmocka_unit_test(what_was_chosen_comes_as_its_values),
    };

    return cmocka_run_group_tests_name("gateway/discord_form", tests, NULL, NULL);
}
