/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of creation over manifests made by hand.
 */
#include "plugin/order.h"
#include "plugin_fixture.h"

#define MOST 8

/* An agent as a test writes it: both lists separated by blanks. */
struct sketch {
    const char *name, *functions, *calls;
};

struct made {
    struct plugin_order_agent agents[MOST];
    struct plugin_manifest manifests[MOST];
    struct plugin_function functions[MOST][4];
    char *capabilities[MOST][4];
    char *texts[2 * MOST];
};

/* `made` was zeroed. */
static void make(struct made *made, const struct sketch *sketches, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct plugin_manifest *manifest = &made->manifests[i];
        char *rest;

        manifest->functions = made->functions[i];
        manifest->capabilities = made->capabilities[i];
        made->texts[2 * i] = mem_strdup(sketches[i].functions);
        for (char *word = strtok_r(made->texts[2 * i], " ", &rest); word;
             word = strtok_r(NULL, " ", &rest))
            made->functions[i][manifest->function_count++].name = word;
        made->texts[2 * i + 1] = mem_strdup(sketches[i].calls);
        for (char *word = strtok_r(made->texts[2 * i + 1], " ", &rest); word;
             word = strtok_r(NULL, " ", &rest))
            made->capabilities[i][manifest->capability_count++] = word;
        made->agents[i] = (struct plugin_order_agent){.name = sketches[i].name,
                                                      .file = "t.ini",
                                                      .line = (unsigned)(10 * (i + 1)),
                                                      .manifest = manifest};
    }
}

/* Names in their order, or the problems, one a line; the caller's. */
static char *ordered(const struct sketch *sketches, size_t count)
{
    struct config_problems problems = {0};
    struct buf out = BUF_INIT;
    size_t order[MOST] = {0};
    _cleanup_mem_ struct made *made = mem_zero(1, sizeof(*made));
    troupe_status status;

    make(made, sketches, count);
    status = plugin_order(made->agents, count, order, &problems);
    assert_int_equal(status, problems.errors ? TROUPE_CONFIG : TROUPE_OK);
    for (size_t i = 0; status == TROUPE_OK && i < count; i++)
        buf_printf(&out, "%s ", made->agents[order[i]].name);
    for (size_t i = 0; i < problems.count; i++)
        buf_printf(&out, "\n%s%s", problems.items[i].warning ? "warning: " : "",
                   problems.items[i].text);
    config_problems_clear(&problems);
    for (size_t i = 0; i < 2 * count; i++)
        mem_free(made->texts[i]);
    return buf_take(&out);
}

#define assert_order(sketches, want)                                                               \
    do {                                                                                           \
        _cleanup_mem_ char *got_ = ordered(sketches, sizeof(sketches) / sizeof((sketches)[0]));    \
        assert_string_equal(got_, want);                                                           \
    } while (0)

static void sections_keep_their_order(void **state)
{
    static const struct sketch none[] = {{"c", "x", "kv"}, {"a", "y", "sql http:x"}, {"b", "", ""}};
    static const struct sketch right[] = {{"llm", "llm.chat", ""}, {"talk", "", "call:llm.chat"}};

    (void)state;
    assert_order(none, "c a b ");
    assert_order(right, "llm talk ");
}

static void what_is_needed_comes_first(void **state)
{
    static const struct sketch service[] = {
        {"first", "", ""}, {"talk", "", "sql call:llm.chat"}, {"llm", "llm.chat", ""}};
    static const struct sketch chain[] = {{"a", "x.a", "call:x.b"},
                                          {"b", "x.b", "call:x.c call:x.d"},
                                          {"c", "x.c", "call:x.d"},
                                          {"d", "x.d", ""},
                                          {"e", "", "call:x.a"}};
    static const struct sketch every[] = {
        {"talk", "", "call:llm.chat"}, {"big", "llm.chat", ""}, {"small", "llm.chat", ""}};
    static const struct sketch names[] = {{"plain", "", "call:roll"},
                                          {"whole", "", "call:casino.roll"},
                                          {"dice", "roll", ""},
                                          {"casino", "roll", ""}};

    (void)state;
    assert_order(service, "first llm talk ");
    assert_order(chain, "d c b a e ");
    assert_order(every, "big small talk ");
    /* The plain name is anybody's, the qualified one that agent's only. */
    assert_order(names, "dice casino plain whole ");
    assert_order(((const struct sketch[]){names[1], names[2], names[3]}), "casino whole dice ");
}

static void its_own_functions_are_no_need(void **state)
{
    static const struct sketch own[] = {{"a", "roll x.a", "call:x.a call:roll call:a.roll"}};
    static const struct sketch both[] = {{"big", "llm.chat", "call:llm.chat"},
                                         {"small", "llm.chat", "call:llm.chat"}};

    (void)state;
    assert_order(own, "a ");
    assert_order(both, "big small ");
}

static void who_is_only_tried_goes_first_and_is_not_missed(void **state)
{
    static const struct sketch there[] = {{"a", "x.a", "try:x.b"}, {"b", "x.b", ""}};
    static const struct sketch gone[] = {{"a", "x.a", "try:x.b"}};

    (void)state;
    assert_order(there, "b a ");
    assert_order(gone, "a ");
}

static void a_circle_is_named_whole(void **state)
{
    static const struct sketch pair[] = {{"a", "x.a", "call:x.b"}, {"b", "x.b", "call:x.a"}};
    static const struct sketch behind[] = {{"in", "", "call:x.c"},
                                           {"a", "x.a", "call:x.b"},
                                           {"b", "x.b", "call:x.c"},
                                           {"c", "x.c", "call:c.own call:x.a"}};
    static const struct sketch two[] = {{"a", "x.a", "call:x.b"},
                                        {"b", "x.b", "call:b.x.b call:x.a"},
                                        {"c", "x.c", "call:x.d"},
                                        {"d", "x.d", "call:x.c"}};

    (void)state;
    assert_order(pair, "\nt.ini:10: the agents need each other in a circle: \"a\" needs \"b\" "
                       "needs \"a\"; disable one of them, or use a plugin for it that does not "
                       "call back");
    /* Met at "c", told from the section that stands first; "in" is no part of it. */
    assert_order(behind, "\nt.ini:20: the agents need each other in a circle: \"a\" needs \"b\" "
                         "needs \"c\" needs \"a\"; disable one of them, or use a plugin for it "
                         "that does not call back"
                         "\nwarning: t.ini:40: agent \"c\" calls \"c.own\", which no enabled agent "
                         "provides; add one, or its calls will fail");
    assert_order(two, "\nt.ini:10: the agents need each other in a circle: \"a\" needs \"b\" needs "
                      "\"a\"; disable one of them, or use a plugin for it that does not call back"
                      "\nt.ini:30: the agents need each other in a circle: \"c\" needs \"d\" needs "
                      "\"c\"; disable one of them, or use a plugin for it that does not call back");
}

static void what_nobody_provides_is_a_warning(void **state)
{
    static const struct sketch alone[] = {{"talk", "hello", "call:llm.chat call:llm.hello"},
                                          {"llm", "llm.embed", ""}};

    (void)state;
    assert_order(alone, "talk llm "
                        "\nwarning: t.ini:10: agent \"talk\" calls \"llm.chat\", which no enabled "
                        "agent provides; add one, or its calls will fail"
                        "\nwarning: t.ini:10: agent \"talk\" calls \"llm.hello\", which no enabled "
                        "agent provides; add one, or its calls will fail");
    assert_order(((const struct sketch[]){alone[1]}), "llm ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_keep_their_order),
        cmocka_unit_test(what_is_needed_comes_first),
        cmocka_unit_test(its_own_functions_are_no_need),
        cmocka_unit_test(who_is_only_tried_goes_first_and_is_not_missed),
        cmocka_unit_test(a_circle_is_named_whole),
        cmocka_unit_test(what_nobody_provides_is_a_warning),
    };

    return cmocka_run_group_tests_name("plugin/order", tests, NULL, NULL);
}
