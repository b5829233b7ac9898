/* SPDX-License-Identifier: Apache-2.0
 *
 * Events as they are stored and read back, and the trace of a turn.
 */
#include "tap.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "gateway/event.h"
#include "turn/trace.h"

#include <string.h>

static struct event *round_trip(const struct event *from)
{
    struct event *event = event_new(from), *back = NULL;
    _cleanup_mem_ char *text = event_print(event);
    struct error err = {0};

    if (event_parse(text, strlen(text), &back, &err) != TROUPE_OK)
        fail_msg("%s", err.text);
    event_unref(event);
    return back;
}

static void all_of_an_event_comes_back(void **state)
{
    const char *roles[] = {"11", "12"};
    const struct event from = {.source = "discord:0",
                               .source_id = "18446744073709551615",
                               .kind = "message",
                               .account = "1",
                               .guild = "2",
                               .channel = "3",
                               .member = "4",
                               .member_name = "Zoë \"Z\" \\",
                               .roles = roles,
                               .role_count = 2,
                               .content = "line\nwith \u00e4 and \x01",
                               .content_len = strlen("line\nwith \u00e4 and \x01"),
                               .reply_to = "5",
                               .quote = "what was said",
                               .quote_author = "ben",
                               .press_id = "again",
                               .token = "aW50",
                               .flags = EVENT_ADDRESSED | EVENT_OWNER,
                               .time_ms = 1234567890123};
    struct event *event = round_trip(&from);

    (void)state;
    assert_string_equal(event->source, from.source);
    assert_string_equal(event->source_id, from.source_id);
    assert_string_equal(event->kind, from.kind);
    assert_string_equal(event->account, from.account);
    assert_string_equal(event->guild, from.guild);
    assert_string_equal(event->channel, from.channel);
    assert_string_equal(event->member, from.member);
    assert_string_equal(event->member_name, from.member_name);
    assert_string_equal(event->reply_to, from.reply_to);
    assert_string_equal(event->quote, from.quote);
    assert_string_equal(event->quote_author, from.quote_author);
    assert_string_equal(event->press_id, from.press_id);
    assert_string_equal(event->token, from.token);
    assert_int_equal(event->seq, -1);
    assert_int_equal(event->role_count, 2);
    assert_string_equal(event->roles[1], "12");
    assert_int_equal(event->content_len, from.content_len);
    assert_string_equal(event->content, from.content);
    assert_int_equal(event->flags, from.flags);
    assert_int_equal(event->time_ms, from.time_ms);
    assert_null(event->gateway);
    event_unref(event);
}

static void what_an_event_has_not_stays_away(void **state)
{
    const struct event from = {.source = "s", .source_id = "1", .kind = "k", .content = ""};
    struct event *event = round_trip(&from);

    (void)state;
    assert_null(event->guild);
    assert_null(event->member);
    assert_null(event->reply_to);
    assert_int_equal(event->content_len, 0);
    assert_int_equal(event->role_count, 0);
    event_unref(event);
}

static void a_broken_text_does_not_break_the_event(void **state)
{
    const struct event from = {.source = "s",
                               .source_id = "1",
                               .kind = "k",
                               .member_name = "\xff\xfe",
                               .content = "\xc3(",
                               .content_len = 2};
    struct event *event = round_trip(&from);

    (void)state;
    assert_string_equal(event->source_id, "1");
    assert_string_equal(event->member_name, "");
    assert_int_equal(event->content_len, 0);
    event_unref(event);
}

static void hostile_payloads_are_refused_or_harmless(void **state)
{
    static const char *const bad[] = {
        "",
        "null",
        "[]",
        "7",
        "\"x\"",
        "{",
        "{}",
        "{\"source\":\"a\"}",
        "{\"source\":\"a\",\"source_id\":\"b\",\"kind\":\"c\"}",
        "{\"source\":\"a\",\"source_id\":\"b\",\"kind\":\"c\",\"content\":5}",
        "{\"source\":1,\"source_id\":\"b\",\"kind\":\"c\",\"content\":\"\"}",
        "{\"source\":\"a\",\"source_id\":\"b\",\"kind\":\"c\",\"content\":\"\xff\"}",
        "{\"source\":\"a\",\"source_id\":\"b\",\"kind\":\"c\",\"content\":\"\\u0000\"}"};
    static const char odd[] =
        "{\"source\":\"a\",\"source_id\":\"b\",\"kind\":\"c\",\"content\":\"x\",\"flags\":\"y\","
        "\"time\":[],\"roles\":{\"1\":2},\"member\":{},\"guild\":null,\"more\":1}";
    static const char roles[] =
        "{\"source\":\"a\",\"source_id\":\"b\",\"kind\":\"c\",\"content\":\"x\",\"roles\":"
        "[1,\"2\",null,\"3\"]}";
    struct event *event = NULL;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        err.text[0] = '\0';
        assert_status(event_parse(bad[i], strlen(bad[i]), &event, &err), TROUPE_DATA);
        assert_true(err.text[0]);
        assert_null(event);
    }
    assert_status(event_parse(odd, strlen(odd), &event, &err), TROUPE_OK);
    assert_null(event->member);
    assert_int_equal(event->flags, 0);
    assert_int_equal(event->role_count, 0);
    event_unref(event);
    assert_status(event_parse(roles, strlen(roles), &event, &err), TROUPE_OK);
    assert_int_equal(event->role_count, 2);
    event_unref(event);
}

static void ids_are_numbers_or_nothing(void **state)
{
    (void)state;
    assert_true(event_id_number("18446744073709551615") == UINT64_MAX);
    assert_int_equal(event_id_number("18446744073709551616"), 0);
    assert_int_equal(event_id_number(NULL), 0);
    assert_int_equal(event_id_number(""), 0);
    assert_int_equal(event_id_number("-1"), 0);
    assert_int_equal(event_id_number(" 1"), 0);
    assert_int_equal(event_id_number("1x"), 0);
    assert_int_equal(event_id_number("007"), 7);
}

/* ---- the trace ------------------------------------------------------------------------------ */

static json_t *printed(const struct turn_trace *trace)
{
    _cleanup_mem_ char *text = turn_trace_print(trace);
    json_t *value = NULL;

    assert_status(json_parse(text, strlen(text), &value, NULL), TROUPE_OK);
    return value;
}

static void steps_are_kept_in_order_up_to_the_bound(void **state)
{
    _cleanup_json_ json_t *value = NULL;
    struct turn_trace trace;
    const json_t *entries;

    (void)state;
    turn_trace_init(&trace);
    for (int i = 0; i < TURN_TRACE_MAX + 7; i++)
        turn_trace_add(&trace, "stage a", i ? "next" : "start", i ? NULL : "agent %s", "b");
    value = printed(&trace);
    entries = json_object_get(value, "entries");
    assert_int_equal(json_array_size(entries), TURN_TRACE_MAX);
    assert_int_equal(json_get_int(value, "dropped", 0), 7);
    assert_string_equal(json_get_str(json_array_get(entries, 0), "text", ""), "agent b");
    assert_string_equal(json_get_str(json_array_get(entries, 0), "code", ""), "start");
    assert_null(json_object_get(json_array_get(entries, 1), "text"));
    turn_trace_clear(&trace);
}

static void secrets_and_broken_text_do_not_enter_the_trace(void **state)
{
    _cleanup_json_ json_t *value = NULL;
    struct turn_trace trace;
    char text[1200];

    (void)state;
    log_mask("sk-secret-value");
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i + 1 < sizeof(text); i += 2)
        memcpy(text + i, "\u00e4", 2);
    text[sizeof(text) - 1] = text[sizeof(text) - 2] = '\0';
    turn_trace_init(&trace);
    turn_trace_add(&trace, "a", "b", "it said sk-secret-value");
    turn_trace_add(&trace, "a", "b", "x%s", text); /* cut in the middle of a character */
    turn_trace_add(&trace, "a", "b", "bad \xff byte and more behind it");
    turn_trace_add(&trace, "a", "\xff", NULL);
    value = printed(&trace);
    assert_non_null(value);
    assert_null(strstr(
        json_get_str(json_array_get(json_object_get(value, "entries"), 0), "text", ""), "secret"));
    assert_true(strlen(json_get_str(json_array_get(json_object_get(value, "entries"), 1), "text",
                                    "")) > 700);
    assert_string_equal(
        json_get_str(json_array_get(json_object_get(value, "entries"), 2), "text", ""),
        "bad ? byte and more behind it");
    assert_int_equal(json_get_int(value, "dropped", 0), 1);
    turn_trace_clear(&trace);
    log_mask_clear();
}

static void tidying_leaves_good_text_alone(void **state)
{
    char good[] = "fine \u00e4\u20ac", cut[] = "cut \xe2\x82", bad[] = "\xff\xff\xff\xff\xff";

    (void)state;
    turn_text_tidy(good);
    assert_string_equal(good, "fine \u00e4\u20ac");
    turn_text_tidy(cut);
    assert_string_equal(cut, "cut ");
    turn_text_tidy(bad);
    assert_string_equal(bad, "?????");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_of_an_event_comes_back),
        cmocka_unit_test(what_an_event_has_not_stays_away),
        cmocka_unit_test(a_broken_text_does_not_break_the_event),
        cmocka_unit_test(hostile_payloads_are_refused_or_harmless),
        cmocka_unit_test(ids_are_numbers_or_nothing),
        cmocka_unit_test(steps_are_kept_in_order_up_to_the_bound),
        cmocka_unit_test(secrets_and_broken_text_do_not_enter_the_trace),
        cmocka_unit_test(tidying_leaves_good_text_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
