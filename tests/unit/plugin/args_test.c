/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"
#include "plugin_fixture.h"

TROUPE_FUNCTION(roll, "Roll dice", TROUPE_SLASH | TROUPE_TOOL,
                TROUPE_INT(sides, "Sides of a die", .min = 2, .max = 1000, .def = 6),
                TROUPE_INT(count, "How many dice", .min = 1, .max = 100, .def = 1))
static troupe_status roll(troupe_turn *turn, int64_t sides, int64_t count)
{
    (void)turn;
    return sides * count > 0 ? TROUPE_OK : TROUPE_FAILED;
}

TROUPE_FUNCTION(remind, "Remind somebody", TROUPE_SLASH, TROUPE_MEMBER(who, "Whom"),
                TROUPE_FLOAT(hours, "When", .min = 0.5), TROUPE_BOOL(loud, "Ping them"),
                TROUPE_STRING(text, "What to say", .min = 1, .max = 40))
static troupe_status remind(troupe_turn *turn, uint64_t who, double hours, int32_t loud,
                            troupe_str text)
{
    (void)turn;
    return who && hours > 0 && loud >= 0 && text.len ? TROUPE_OK : TROUPE_FAILED;
}

/* "send" is taken in C, so the name is given apart. */
TROUPE_SERVICE(send_data, "send", "Send data", TROUPE_SLASH, TROUPE_STRING(kind, "Its kind"),
               TROUPE_CHANNEL(where, "Where"), TROUPE_OPT_ROLE(role, "For whom"),
               TROUPE_OPT_JSON(data, "The data"))
static troupe_status send_data(troupe_turn *turn, troupe_str kind, uint64_t where, uint64_t role,
                               troupe_str data)
{
    (void)turn;
    (void)role;
    (void)data;
    return kind.len && where ? TROUPE_OK : TROUPE_FAILED;
}

TROUPE_FUNCTION(ping, "Answer", TROUPE_SLASH)
static troupe_status ping(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_OK;
}

TROUPE_FUNCTION(shift, "Shift something", TROUPE_TOOL, TROUPE_INT(by, "How far"))
static troupe_status shift(troupe_turn *turn, int64_t by)
{
    (void)turn;
    return by == INT64_MAX ? TROUPE_FAILED : TROUPE_OK;
}

static struct plugin_function functions[5];

static int prepare(void **state)
{
    const troupe_function *declared[] = {&roll_function_, &remind_function_, &send_data_function_,
                                         &ping_function_, &shift_function_};

    (void)state;
    for (int i = 0; i < 5; i++)
        if (plugin_function_read(declared[i], "org.example.test", &functions[i], NULL) < 0)
            return -1;
    return 0;
}

static int unprepare(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        plugin_function_clear(&functions[i]);
    return 0;
}

enum { ROLL, REMIND, SEND, PING, SHIFT };

/* Arguments as canonical JSON, which says all of them at once. */
static void typed(int which, const char *line, const char *want)
{
    _cleanup_plugin_args_ struct plugin_args args = {0};
    _cleanup_json_ json_t *json = NULL;
    _cleanup_mem_ char *text = NULL;
    /* In a block of its own size: reading on would be seen. */
    _cleanup_mem_ char *exact = mem_copy(line, strlen(line) ? strlen(line) : 1);
    struct error err = {0};

    if (plugin_args_from_text(&functions[which], exact, strlen(line), &args, &err) < 0)
        fail_msg("%s: %s", line, err.text);
    json = plugin_args_to_json(&functions[which], args.values);
    text = json_print(json);
    assert_string_equal(text, want);
}

static void not_typed(int which, const char *line, const char *sentence)
{
    struct plugin_args args = {0};
    struct error err = {0};

    assert_status(plugin_args_from_text(&functions[which], line, strlen(line), &args, &err),
                  TROUPE_ARGUMENT);
    assert_sentence(err, sentence);
    assert_null(args.owned[0]);
}

static void takes_typed_values_in_order_and_by_name(void **state)
{
    (void)state;
    typed(ROLL, "", "{\"sides\":6,\"count\":1}");
    typed(ROLL, "20", "{\"sides\":20,\"count\":1}");
    typed(ROLL, "  20   2 ", "{\"sides\":20,\"count\":2}");
    typed(ROLL, "sides=20 count=2", "{\"sides\":20,\"count\":2}");
    typed(ROLL, "count=2", "{\"sides\":6,\"count\":2}");
    typed(ROLL, "count=2 20", "{\"sides\":20,\"count\":2}");
    typed(ROLL, "sides=\"20\"", "{\"sides\":20,\"count\":1}");
    typed(PING, "  ", "{}");
}

static void takes_the_rest_of_the_line_as_the_last_text(void **state)
{
    (void)state;
    typed(REMIND, "<@42> 1.5 yes buy milk, and  bread ",
          "{\"who\":\"42\",\"hours\":1.5,\"loud\":true,\"text\":\"buy milk, and  bread\"}");
    typed(REMIND, "<@!42> 2 off \"buy milk \"",
          "{\"who\":\"42\",\"hours\":2.0,\"loud\":false,\"text\":\"buy milk \"}");
    typed(REMIND, "42 2 no \"so\" he said",
          "{\"who\":\"42\",\"hours\":2.0,\"loud\":false,\"text\":\"\\\"so\\\" he said\"}");
    typed(REMIND, "42 2 no it's 5 o'clock \"",
          "{\"who\":\"42\",\"hours\":2.0,\"loud\":false,\"text\":\"it's 5 o'clock \\\"\"}");
    typed(REMIND, "text=buy milk who=42 hours=3 loud=1",
          "{\"who\":\"42\",\"hours\":3.0,\"loud\":true,\"text\":\"buy milk\"}");
    typed(REMIND, "42 2 no a=b", "{\"who\":\"42\",\"hours\":2.0,\"loud\":false,\"text\":\"a=b\"}");
    typed(REMIND, "42 2 no \xc3\xa4",
          "{\"who\":\"42\",\"hours\":2.0,\"loud\":false,\"text\":\"\xc3\xa4\"}");
}

static void takes_a_colon_after_a_name_like_an_equals_sign(void **state)
{
    (void)state;
    typed(ROLL, "sides:20 count:2", "{\"sides\":20,\"count\":2}");
    typed(ROLL, "count:2 20", "{\"sides\":20,\"count\":2}");
    typed(REMIND, "text:buy milk who:<@42> hours:3 loud=1",
          "{\"who\":\"42\",\"hours\":3.0,\"loud\":true,\"text\":\"buy milk\"}");
    typed(REMIND, "42 2 no text:\"see https://a.example/x:1 \"",
          "{\"who\":\"42\",\"hours\":2.0,\"loud\":false,"
          "\"text\":\"see https://a.example/x:1 \"}");
    not_typed(ROLL, "sides:20 sides:30", "\"sides\" is given twice; usage: /roll [sides] [count]");
}

static void leaves_a_colon_in_what_people_write(void **state)
{
    (void)state;
    typed(REMIND, "42 2 no text: buy milk",
          "{\"who\":\"42\",\"hours\":2.0,\"loud\":false,\"text\":\"text: buy milk\"}");
    typed(REMIND,
          "42 2 no text:", "{\"who\":\"42\",\"hours\":2.0,\"loud\":false,\"text\":\"text:\"}");
    typed(REMIND, "42 2 no https://a.example",
          "{\"who\":\"42\",\"hours\":2.0,\"loud\":false,\"text\":\"https://a.example\"}");
    typed(REMIND, "text=at 5:30 who=42 hours=3 loud=1",
          "{\"who\":\"42\",\"hours\":3.0,\"loud\":true,\"text\":\"at 5:30\"}");
    not_typed(ROLL, "sidez:20",
              "\"sides\" must be a whole number from 2 to 1000, got \"sidez:20\"; usage: /roll "
              "[sides] [count]");
}

static void takes_quotes_mentions_and_json(void **state)
{
    (void)state;
    typed(SEND, "\"a \\\"b\\\" \\\\ c\" <#7>", "{\"kind\":\"a \\\"b\\\" \\\\ c\",\"where\":\"7\"}");
    typed(SEND, "x <#7> <@&8> {\"a\": [1, 2]}",
          "{\"kind\":\"x\",\"where\":\"7\",\"role\":\"8\",\"data\":{\"a\":[1,2]}}");
    typed(SEND, "x 7 data=\"text\"", "{\"kind\":\"x\",\"where\":\"7\",\"data\":\"text\"}");
    typed(SEND, "x 7 data=null",
          "{\"kind\":\"x\",\"where\":\"7\"}"); /* "left out", as in an object */
}

static void says_what_is_wrong_with_a_typed_line(void **state)
{
    (void)state;
    not_typed(ROLL, "abc",
              "\"sides\" must be a whole number from 2 to 1000, got \"abc\"; usage: /roll [sides] "
              "[count]");
    not_typed(ROLL, "20 101",
              "\"count\" must be a whole number from 1 to 100, got \"101\"; usage: /roll [sides] "
              "[count]");
    not_typed(ROLL, "20 2 5", "there is no place for \"5\"; usage: /roll [sides] [count]");
    not_typed(ROLL, "sidez=20",
              "\"roll\" has no parameter \"sidez\"; did you mean \"sides\"; usage: /roll [sides] "
              "[count]");
    not_typed(ROLL, "weather=20",
              "\"roll\" has no parameter \"weather\"; it takes sides, count; usage: /roll [sides] "
              "[count]");
    not_typed(ROLL, "sides=20 sides=30", "\"sides\" is given twice; usage: /roll [sides] [count]");
    not_typed(ROLL, "20 sides=30", "\"sides\" is given twice; usage: /roll [sides] [count]");
    not_typed(ROLL, "\xff\xfe", "the line is not UTF-8 text; usage: /roll [sides] [count]");
    not_typed(PING, "now", "there is no place for \"now\"; usage: /ping");
    not_typed(REMIND, "",
              "\"who\" is missing: it must be a member (a mention or an id); usage: /remind <who> "
              "<hours> <loud> <text>");
    not_typed(REMIND, "<#42> 1 yes x",
              "\"who\" must be a member (a mention or an id), got \"<#42>\"; usage: /remind <who> "
              "<hours> <loud> <text>");
    not_typed(
        REMIND, "42 0.1 yes x",
        "\"hours\" must be a number of at least 0.5, got \"0.1\"; usage: /remind <who> <hours> "
        "<loud> <text>");
    not_typed(REMIND, "42 1 maybe x",
              "\"loud\" must be yes or no, got \"maybe\"; usage: /remind <who> <hours> <loud> "
              "<text>");
    not_typed(REMIND, "42 1 yes 12345678901234567890123456789012345678901",
              "\"text\" must be text of 1 to 40 bytes, got 41; usage: /remind <who> <hours> <loud> "
              "<text>");
    not_typed(SEND, "\"half 7",
              "the quote of \"kind\" is not closed before a blank; usage: /send <kind> <where> "
              "[role] [data]");
    not_typed(SEND, "x 99999999999999999999",
              "\"where\" must be a channel (a mention or an id), got \"99999999999999999999\"; "
              "usage: /send <kind> <where> [role] [data]");
}

static void cuts_and_cleans_what_strangers_typed(void **state)
{
    (void)state;
    not_typed(ROLL, "a\tb 1",
              "\"sides\" must be a whole number from 2 to 1000, got \"a\"; usage: "
              "/roll [sides] [count]");
    not_typed(ROLL,
              "\"a\x01\x02"
              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"",
              "\"sides\" must be a whole number from 2 to 1000, got \"a  "
              "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa…\"; usage: /roll [sides] [count]");
}

static void from_json(int which, const char *line, const char *want)
{
    _cleanup_plugin_args_ struct plugin_args args = {0};
    _cleanup_json_ json_t *json = NULL;
    _cleanup_mem_ char *text = NULL;
    struct error err = {0};

    if (plugin_args_from_json_text(&functions[which], line, strlen(line), &args, &err) < 0)
        fail_msg("%s: %s", line, err.text);
    json = plugin_args_to_json(&functions[which], args.values);
    text = json_print(json);
    assert_string_equal(text, want);
}

static void not_from_json(int which, const char *line, troupe_status want, const char *sentence)
{
    struct plugin_args args = {0};
    struct error err = {0};

    assert_status(plugin_args_from_json_text(&functions[which], line, strlen(line), &args, &err),
                  want);
    assert_sentence(err, sentence);
    assert_null(args.owned[0]);
}

static void takes_arguments_from_json(void **state)
{
    (void)state;
    from_json(ROLL, "", "{\"sides\":6,\"count\":1}");
    from_json(SHIFT, "{\"by\": -9007199254740992}", "{\"by\":-9007199254740992}");
    from_json(ROLL, "{\"count\": 2.0, \"sides\": null}", "{\"sides\":6,\"count\":2}");
    from_json(REMIND, "{\"who\":\"42\",\"hours\":3,\"loud\":false,\"text\":\"\xc3\xa4\"}",
              "{\"who\":\"42\",\"hours\":3.0,\"loud\":false,\"text\":\"\xc3\xa4\"}");
    from_json(REMIND, "{\"who\":42,\"hours\":0.5,\"loud\":true,\"text\":\"x\"}",
              "{\"who\":\"42\",\"hours\":0.5,\"loud\":true,\"text\":\"x\"}");
    from_json(ROLL, "{\"sides\":\"20\"}", "{\"sides\":20,\"count\":1}");
    from_json(REMIND, "{\"who\":42,\"hours\":\"0.5\",\"loud\":\"yes\",\"text\":\"x\"}",
              "{\"who\":\"42\",\"hours\":0.5,\"loud\":true,\"text\":\"x\"}");
    from_json(SEND, "{\"kind\":\"\",\"where\":\"<#9>\",\"data\":{\"b\":[true,null]}}",
              "{\"kind\":\"\",\"where\":\"9\",\"data\":{\"b\":[true,null]}}");
}

static void says_what_is_wrong_with_json(void **state)
{
    (void)state;
    not_from_json(ROLL, "{\"sides\":\"1\"}", TROUPE_ARGUMENT,
                  "\"sides\" must be a whole number from 2 to 1000, got \"1\"");
    not_from_json(SHIFT, "{\"by\":\"x\"}", TROUPE_ARGUMENT,
                  "\"by\" must be a whole number, got \"x\"");
    not_from_json(SHIFT, "{\"by\":\"\"}", TROUPE_ARGUMENT,
                  "\"by\" must be a whole number, got \"\"");
    not_from_json(SHIFT, "{\"by\":9007199254740993}", TROUPE_ARGUMENT,
                  "\"by\" must be a whole number, got \"9007199254740993\"");
    not_from_json(ROLL, "{\"sides\":2.5}", TROUPE_ARGUMENT,
                  "\"sides\" must be a whole number from 2 to 1000, got \"2.5\"");
    not_from_json(
        ROLL, "{\"sides\":1e300}", TROUPE_ARGUMENT,
        "\"sides\" must be a whole number from 2 to 1000, got \"1.0000000000000001e300\"");
    not_from_json(ROLL, "{\"side\":20}", TROUPE_ARGUMENT,
                  "\"roll\" has no parameter \"side\"; did you mean \"sides\"");
    not_from_json(ROLL, "[20]", TROUPE_ARGUMENT,
                  "the arguments of \"roll\" must be a JSON object of names and values");
    not_from_json(ROLL, "{\"sides\":20", TROUPE_DATA,
                  "the arguments of \"roll\" are no JSON: bad json at line 1 column 11: '}' "
                  "expected near end of file");
    not_from_json(PING, "{\"a\":1}", TROUPE_ARGUMENT,
                  "\"ping\" has no parameter \"a\"; it takes none");
    not_from_json(REMIND, "{\"who\":42,\"hours\":1,\"loud\":true}", TROUPE_ARGUMENT,
                  "\"text\" is missing: it must be text of 1 to 40 bytes");
    not_from_json(REMIND, "{\"who\":42,\"hours\":1,\"loud\":1,\"text\":\"x\"}", TROUPE_ARGUMENT,
                  "\"loud\" must be yes or no, got \"1\"");
    not_from_json(REMIND, "{\"who\":-42,\"hours\":1,\"loud\":true,\"text\":\"x\"}", TROUPE_ARGUMENT,
                  "\"who\" must be a member (a mention or an id), got \"-42\"");
    not_from_json(REMIND, "{\"who\":42,\"hours\":1,\"loud\":true,\"text\":5}", TROUPE_ARGUMENT,
                  "\"text\" must be text of 1 to 40 bytes, got \"5\"");
    not_from_json(REMIND, "{\"who\":42,\"hours\":1,\"loud\":true,\"text\":\"\"}", TROUPE_ARGUMENT,
                  "\"text\" must be text of 1 to 40 bytes, got 0");
}

static void quotes_no_raw_bytes_of_bad_json(void **state)
{
    static const char *const bad[] = {"{\"a\":1, \"\x02\":", "{\"a\":\"\x93\"}", "{\x1b[31m",
                                      "\x80"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct plugin_args args = {0};
        struct error err = {0};

        assert_status(
            plugin_args_from_json_text(&functions[ROLL], bad[i], strlen(bad[i]), &args, &err),
            TROUPE_DATA);
        for (const char *c = err.text; *c; c++)
            assert_in_range((unsigned char)*c, 0x20, 0x7e);
    }
}

/* What it comes to: the values, or the sentence. */
static char *outcome(int which, troupe_status status, struct plugin_args *args,
                     const struct error *err)
{
    _cleanup_json_ json_t *json =
        status < 0 ? NULL : plugin_args_to_json(&functions[which], args->values);
    char *values = status < 0 ? NULL : json_print(json);
    char *text = mem_printf("%d %s", status, values ? values : err->text);

    mem_free(values);
    plugin_args_clear(args);
    return text;
}

static void same_both_ways(int which, const char *text, size_t len)
{
    /* In a block of its own size: reading on would be seen. */
    _cleanup_mem_ char *exact = mem_copy(text, len);
    _cleanup_mem_ char *direct = NULL, *by_tree = NULL;
    struct plugin_args args = {0};
    struct error err = {0};
    json_t *object = NULL;
    troupe_status status;

    status = plugin_args_from_json_text(&functions[which], exact, len, &args, &err);
    if (status == TROUPE_DATA)
        return; /* the tree has said so */
    direct = outcome(which, status, &args, &err);
    assert_status(json_parse(exact, len, &object, &err), TROUPE_OK);
    status = plugin_args_from_json(&functions[which], object, &args, &err);
    by_tree = outcome(which, status, &args, &err);
    json_decref(object);
    assert_string_equal(direct, by_tree);
}

static void takes_json_without_a_tree_as_with_one(void **state)
{
    static const struct {
        int which;
        const char *text;
    } texts[] = {
        {ROLL, "{\"sides\":20,\"count\":2}"},
        {ROLL, "{}"},
        {REMIND, "{\"who\":42,\"hours\":3,\"loud\":true,\"text\":\"\\\"a\\n\\\\ \xc3\xa4\"}"},
        {SEND, "{\"kind\":\"k\",\"where\":123456789012345678,\"role\":null,\"data\":[{\"a\":\"x\","
               "\"b\":[1,-2,true,null,{\"c\":{}}],\"ab\":\"\\t\xf0\x9f\x98\x80\"},[]]}"},
        {SEND, "{\"kind\":\"\",\"where\":1,\"data\":\"text\"}"},
        {SHIFT, "{\"by\":-7}"},
    };
    static const char spare[] = "\"\\{}[]:,0123-.eEtfn aub/\x01\x80\xc3\xed\xa0\xf4";
    unsigned seed = 1;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        size_t len = strlen(texts[i].text);

        same_both_ways(texts[i].which, texts[i].text, len);
        for (int round = 0; round < 4000; round++) {
            char changed[256];

            memcpy(changed, texts[i].text, len);
            for (int k = 0; k <= round % 3; k++) {
                seed = seed * 1103515245u + 12345u;
                changed[(seed >> 8) % len] = spare[(seed >> 20) % (sizeof(spare) - 1)];
            }
            same_both_ways(texts[i].which, changed, len - (size_t)(round % 7 == 6));
        }
    }
}

static void bounds_what_it_copies(void **state)
{
    _cleanup_buf_ struct buf line = BUF_INIT;
    struct plugin_args args = {0};
    struct error err = {0};

    (void)state;
    buf_puts(&line, "{\"where\":1,\"kind\":\"");
    for (int i = 0; i <= PLUGIN_MAX_TEXT; i++)
        buf_putc(&line, 'x');
    buf_puts(&line, "\"}");
    assert_status(plugin_args_from_json_text(&functions[SEND], line.data, line.len, &args, &err),
                  TROUPE_ARGUMENT);
    assert_sentence(err, "\"kind\" must be text of at most 65536 bytes, got 65537");
    while (line.len <= PLUGIN_MAX_JSON_TEXT)
        buf_putc(&line, ' ');
    assert_status(plugin_args_from_json_text(&functions[SEND], line.data, line.len, &args, &err),
                  TROUPE_ARGUMENT);
    assert_sentence(err, "the arguments of \"send\" are larger than 1 MB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_typed_values_in_order_and_by_name),
        cmocka_unit_test(takes_the_rest_of_the_line_as_the_last_text),
        cmocka_unit_test(takes_a_colon_after_a_name_like_an_equals_sign),
        cmocka_unit_test(leaves_a_colon_in_what_people_write),
        cmocka_unit_test(takes_quotes_mentions_and_json),
        cmocka_unit_test(says_what_is_wrong_with_a_typed_line),
        cmocka_unit_test(cuts_and_cleans_what_strangers_typed),
        cmocka_unit_test(takes_arguments_from_json),
        cmocka_unit_test(says_what_is_wrong_with_json),
        cmocka_unit_test(quotes_no_raw_bytes_of_bad_json),
        cmocka_unit_test(takes_json_without_a_tree_as_with_one),
        cmocka_unit_test(bounds_what_it_copies),
    };

    return cmocka_run_group_tests_name("plugin/args", tests, prepare, unprepare);
}
