/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "plugin_fixture.h"

/* One parameter of every kind, and what the call received. */
struct seen {
    int64_t i;
    double f;
    int32_t b;
    char s[64];
    uint64_t id;
    unsigned calls;
};
static struct seen seen;

TROUPE_FUNCTION(every, "Takes everything", TROUPE_SLASH | TROUPE_TOOL,
                TROUPE_INT(number, "A number", .min = -5, .max = 50),
                TROUPE_FLOAT(share, "A share", .min = 0, .max = 1, .def = 0.25),
                TROUPE_BOOL(loud, "Whether to shout", .def = 1),
                TROUPE_STRING(color, "A color", .choices = "red|green|blue", .def_text = "green"),
                TROUPE_OPT_MEMBER(who, "A member"))
static troupe_status every(troupe_turn *turn, int64_t number, double share, int32_t loud,
                           troupe_str color, uint64_t who)
{
    (void)turn;
    seen = (struct seen){.i = number, .f = share, .b = loud, .id = who, .calls = seen.calls + 1};
    snprintf(seen.s, sizeof(seen.s), "%.*s", (int)color.len, color.ptr);
    return number == 13 ? TROUPE_UNAVAILABLE : TROUPE_OK;
}

TROUPE_FUNCTION(sixteen, "Takes sixteen", TROUPE_TOOL, TROUPE_INT(a, "a"), TROUPE_INT(b, "b"),
                TROUPE_INT(c, "c"), TROUPE_INT(d, "d"), TROUPE_INT(e, "e"), TROUPE_INT(f, "f"),
                TROUPE_INT(g, "g"), TROUPE_STRING(h, "h"), TROUPE_FLOAT(i, "i"),
                TROUPE_FLOAT(j, "j"), TROUPE_FLOAT(k, "k"), TROUPE_FLOAT(l, "l"),
                TROUPE_FLOAT(m, "m"), TROUPE_FLOAT(n, "n"), TROUPE_STRING(o, "o"),
                TROUPE_BOOL(p, "p"))
static troupe_status sixteen(troupe_turn *turn, int64_t a, int64_t b, int64_t c, int64_t d,
                             int64_t e, int64_t f, int64_t g, troupe_str h, double i, double j,
                             double k, double l, double m, double n, troupe_str o, int32_t p)
{
    (void)turn;
    snprintf(seen.s, sizeof(seen.s), "%d %.*s %g %.*s %d", (int)(a + b + c + d + e + f + g),
             (int)h.len, h.ptr, i + j + k + l + m + n, (int)o.len, o.ptr, (int)p);
    return TROUPE_OK;
}

static void read_declared(const troupe_function *declared, struct plugin_function *ret)
{
    struct error err = {0};

    *ret = (struct plugin_function){0};
    if (plugin_function_read(declared, "org.example.test", ret, &err) < 0)
        fail_msg("%s", err.text);
}

static troupe_value int_value(int64_t i)
{
    return (troupe_value){.type = TROUPE_TYPE_INT, .u.i = i};
}

static troupe_value text_value(const char *text)
{
    return (troupe_value){.type = TROUPE_TYPE_STRING, .u.s = {text, strlen(text)}};
}

static void calls_with_values_and_defaults(void **state)
{
    struct plugin_function function;
    troupe_value values[PLUGIN_MAX_PARAMS] = {int_value(7)};
    struct error err = {0};
    bool entered = false;

    (void)state;
    read_declared(&every_function_, &function);
    assert_status(plugin_function_invoke(&function, NULL, values, &entered, &err), TROUPE_OK);
    assert_true(entered);
    assert_int_equal(seen.i, 7);
    assert_true(seen.f == 0.25);
    assert_int_equal(seen.b, 1);
    assert_string_equal(seen.s, "green");
    assert_int_equal(seen.id, 0);

    values[0] = int_value(-5);
    values[1] = (troupe_value){.type = TROUPE_TYPE_FLOAT, .u.f = 0.75};
    values[2] = (troupe_value){.type = TROUPE_TYPE_BOOL, .u.i = 0};
    values[3] = text_value("blue");
    values[4] = (troupe_value){.type = TROUPE_TYPE_MEMBER, .u.id = UINT64_MAX};
    assert_status(plugin_function_invoke(&function, NULL, values, NULL, &err), TROUPE_OK);
    assert_int_equal(seen.i, -5);
    assert_true(seen.f == 0.75);
    assert_int_equal(seen.b, 0);
    assert_string_equal(seen.s, "blue");
    assert_true(seen.id == UINT64_MAX);
    plugin_function_clear(&function);
}

static void passes_sixteen_arguments_in_order(void **state)
{
    struct plugin_function function;
    troupe_value values[PLUGIN_MAX_PARAMS];
    struct error err = {0};

    (void)state;
    read_declared(&sixteen_function_, &function);
    for (int i = 0; i < 7; i++)
        values[i] = int_value(1 << i);
    values[7] = text_value("left");
    for (int i = 8; i < 14; i++)
        values[i] = (troupe_value){.type = TROUPE_TYPE_FLOAT, .u.f = 0.5};
    values[14] = text_value("right");
    values[15] = (troupe_value){.type = TROUPE_TYPE_BOOL, .u.i = 1};
    assert_status(plugin_function_invoke(&function, NULL, values, NULL, &err), TROUPE_OK);
    assert_string_equal(seen.s, "127 left 3 right 1");
    plugin_function_clear(&function);
}

/* Where the words of a text travel depends on what stands before it: N whole numbers, a text, a number
 * and another text, for every N. */
#define A(name) TROUPE_INT(name, "before")
#define BEHIND(n, sum, arguments, ...)                                                             \
    TROUPE_FUNCTION(behind##n, "Behind " #n, TROUPE_TOOL, __VA_ARGS__ TROUPE_STRING(s, "text"),    \
                    TROUPE_INT(z, "number"), TROUPE_STRING(t, "text"), TROUPE_INT(y, "number"))    \
    static troupe_status behind##n arguments                                                       \
    {                                                                                              \
        (void)turn;                                                                                \
        snprintf(seen.s, sizeof(seen.s), "%d %.*s %d %.*s %d", (int)(sum), (int)s.len, s.ptr,      \
                 (int)z, (int)t.len, t.ptr, (int)y);                                               \
        return TROUPE_OK;                                                                          \
    }
#define TAIL  troupe_str s, int64_t z, troupe_str t, int64_t y
#define COMMA ,
BEHIND(0, 0, (troupe_turn * turn, TAIL), )
BEHIND(1, a, (troupe_turn * turn, int64_t a, TAIL), A(a) COMMA)
BEHIND(2, a + b, (troupe_turn * turn, int64_t a, int64_t b, TAIL), A(a), A(b) COMMA)
BEHIND(3, a + b + c, (troupe_turn * turn, int64_t a, int64_t b, int64_t c, TAIL), A(a), A(b),
       A(c) COMMA)
BEHIND(4, a + b + c + d, (troupe_turn * turn, int64_t a, int64_t b, int64_t c, int64_t d, TAIL),
       A(a), A(b), A(c), A(d) COMMA)
BEHIND(5, a + b + c + d + e,
       (troupe_turn * turn, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, TAIL), A(a),
       A(b), A(c), A(d), A(e) COMMA)
BEHIND(6, a + b + c + d + e + f,
       (troupe_turn * turn, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f, TAIL),
       A(a), A(b), A(c), A(d), A(e), A(f) COMMA)
BEHIND(7, a + b + c + d + e + f + g,
       (troupe_turn * turn, int64_t a, int64_t b, int64_t c, int64_t d, int64_t e, int64_t f,
        int64_t g, TAIL),
       A(a), A(b), A(c), A(d), A(e), A(f), A(g) COMMA)

static void texts_arrive_whole_behind_any_number_of_arguments(void **state)
{
    static const troupe_function *const declared[] = {
        &behind0_function_, &behind1_function_, &behind2_function_, &behind3_function_,
        &behind4_function_, &behind5_function_, &behind6_function_, &behind7_function_};

    (void)state;
    for (int n = 0; n < 8; n++) {
        struct plugin_function function;
        troupe_value values[PLUGIN_MAX_PARAMS];
        _cleanup_mem_ char *want = mem_printf("%d left 77 right 88", (1 << n) - 1);

        read_declared(declared[n], &function);
        for (int i = 0; i < n; i++)
            values[i] = int_value(1 << i);
        values[n] = text_value("left");
        values[n + 1] = int_value(77);
        values[n + 2] = text_value("right");
        values[n + 3] = int_value(88);
        assert_status(plugin_function_invoke(&function, NULL, values, NULL, NULL), TROUPE_OK);
        assert_string_equal(seen.s, want);
        plugin_function_clear(&function);
    }
}

static void returns_the_functions_own_status(void **state)
{
    struct plugin_function function;
    troupe_value values[PLUGIN_MAX_PARAMS] = {int_value(13)};
    bool entered = false;

    (void)state;
    read_declared(&every_function_, &function);
    assert_status(plugin_function_invoke(&function, NULL, values, &entered, NULL),
                  TROUPE_UNAVAILABLE);
    assert_true(entered);
    plugin_function_clear(&function);
}

static void refuses_values_that_do_not_fit_without_entering(void **state)
{
    static const struct {
        unsigned at;
        troupe_value value;
        const char *sentence;
    } cases[] = {
        {0,
         {.type = TROUPE_TYPE_INT, .u.i = 51},
         "\"number\" must be a whole number from -5 to 50, got \"51\""},
        {0,
         {.type = TROUPE_TYPE_INT, .u.i = -6},
         "\"number\" must be a whole number from -5 to 50, got \"-6\""},
        {0,
         {.type = TROUPE_TYPE_FLOAT, .u.f = 1.5},
         "\"number\" must be a whole number from -5 to 50, got \"1.5\""},
        {0,
         {.type = TROUPE_TYPE_NULL},
         "\"number\" is missing: it must be a whole number from -5 to 50"},
        {1,
         {.type = TROUPE_TYPE_FLOAT, .u.f = 1.5},
         "\"share\" must be a number from 0 to 1, got \"1.5\""},
        {2, {.type = TROUPE_TYPE_BOOL, .u.i = 2}, "\"loud\" must be yes or no, got \"2\""},
        {3,
         {.type = TROUPE_TYPE_STRING, .u.s = {"pink", 4}},
         "\"color\" must be red, green or blue, got \"pink\""},
        {3,
         {.type = TROUPE_TYPE_STRING, .u.s = {"re", 2}},
         "\"color\" must be red, green or blue, got \"re\""},
        {4,
         {.type = TROUPE_TYPE_MEMBER, .u.id = 0},
         "\"who\" must be a member (a mention or an id), got \"0\""},
        {4,
         {.type = TROUPE_TYPE_ROLE, .u.id = 5},
         "\"who\" must be a member (a mention or an id), got \"5\""},
    };
    struct plugin_function function;
    unsigned before = seen.calls;

    (void)state;
    read_declared(&every_function_, &function);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        troupe_value values[PLUGIN_MAX_PARAMS] = {int_value(1)};
        struct error err = {0};
        bool entered = true;

        values[cases[i].at] = cases[i].value;
        assert_status(plugin_function_invoke(&function, NULL, values, &entered, &err),
                      TROUPE_ARGUMENT);
        assert_sentence(err, cases[i].sentence);
        assert_false(entered);
    }
    assert_int_equal(seen.calls, before);
    plugin_function_clear(&function);
}

static void describes_itself_to_people(void **state)
{
    struct plugin_function function;
    _cleanup_buf_ struct buf help = BUF_INIT;

    (void)state;
    read_declared(&every_function_, &function);
    assert_string_equal(function.usage, "/every <number> [share] [loud] [color] [who]");
    plugin_function_help(&function, &help);
    assert_string_equal(buf_text(&help),
                        "/every <number> [share] [loud] [color] [who]\n"
                        "Takes everything\n"
                        "  number: A number (a whole number from -5 to 50)\n"
                        "  share: A share (a number from 0 to 1; default 0.25)\n"
                        "  loud: Whether to shout (yes or no; default yes)\n"
                        "  color: A color (red, green or blue; default \"green\")\n"
                        "  who: A member (a member (a mention or an id); may be left out)\n");
    plugin_function_clear(&function);
}

static void describes_itself_to_programs(void **state)
{
    struct plugin_function function;
    _cleanup_json_ json_t *schema = NULL;
    _cleanup_mem_ char *text = NULL;

    (void)state;
    read_declared(&every_function_, &function);
    schema = plugin_function_schema(&function, "dice.every one");
    text = json_print(schema);
    assert_string_equal(
        text,
        "{\"name\":\"dice_every_one\",\"description\":\"Takes everything\",\"parameters\":{"
        "\"type\":\"object\",\"properties\":{"
        "\"number\":{\"type\":\"integer\",\"description\":\"A "
        "number\",\"minimum\":-5,\"maximum\":50},"
        "\"share\":{\"type\":\"number\",\"description\":\"A "
        "share\",\"minimum\":0.0,\"maximum\":1.0,"
        "\"default\":0.25},"
        "\"loud\":{\"type\":\"boolean\",\"description\":\"Whether to shout\",\"default\":true},"
        "\"color\":{\"type\":\"string\",\"description\":\"A color\",\"enum\":[\"red\",\"green\","
        "\"blue\"],\"default\":\"green\"},"
        "\"who\":{\"type\":\"string\",\"description\":\"A member\"}},"
        "\"required\":[\"number\"],\"additionalProperties\":false}}");
    plugin_function_clear(&function);
}

static void makes_names_that_models_accept(void **state)
{
    char name[PLUGIN_TOOL_NAME + 1], long_name[100];

    (void)state;
    plugin_function_tool_name("llm.chat", name);
    assert_string_equal(name, "llm_chat");
    memset(long_name, 'x', sizeof(long_name) - 1);
    long_name[sizeof(long_name) - 1] = '\0';
    plugin_function_tool_name(long_name, name);
    assert_int_equal(strlen(name), PLUGIN_TOOL_NAME);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_with_values_and_defaults),
        cmocka_unit_test(passes_sixteen_arguments_in_order),
        cmocka_unit_test(texts_arrive_whole_behind_any_number_of_arguments),
        cmocka_unit_test(returns_the_functions_own_status),
        cmocka_unit_test(refuses_values_that_do_not_fit_without_entering),
        cmocka_unit_test(describes_itself_to_people),
        cmocka_unit_test(describes_itself_to_programs),
        cmocka_unit_test(makes_names_that_models_accept),
    };

    return cmocka_run_group_tests_name("plugin/function", tests, NULL, NULL);
}
