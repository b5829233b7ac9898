/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include "base/buf.h"
#include "base/mem.h"
#include "gateway/console/console.h"
#include "gateway/console/filter.h"

#include <string.h>

struct fixture {
    struct console *console;
    struct buf out;
    struct event *events[CONSOLE_OPEN_MAX + 1];
    size_t event_count;
    unsigned settled, quits;
    char member[CONSOLE_NAME_MAX + 1];
};

static void output(void *arg, const char *text, size_t len)
{
    buf_append(&((struct fixture *)arg)->out, text, len);
}

static void submit(void *arg, struct event *event)
{
    struct fixture *fixture = arg;

    assert_true(fixture->event_count < CONSOLE_OPEN_MAX + 1);
    fixture->events[fixture->event_count++] = event;
}

static void member_changed(void *arg, const char *name)
{
    snprintf(((struct fixture *)arg)->member, CONSOLE_NAME_MAX + 1, "%s", name);
}

static void settled(void *arg)
{
    ((struct fixture *)arg)->settled++;
}

static void quit(void *arg)
{
    ((struct fixture *)arg)->quits++;
}

static int setup(void **state)
{
    struct fixture *fixture = mem_zero(1, sizeof(*fixture));
    struct console_options options = {
        .bot_name = "Bot",
        .output = output,
        .submit = submit,
        .member_changed = member_changed,
        .settled = settled,
        .quit = quit,
        .arg = fixture,
    };

    fixture->console = console_new(&options);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;

    console_free(fixture->console);
    for (size_t i = 0; i < fixture->event_count; i++)
        event_unref(fixture->events[i]);
    buf_clear(&fixture->out);
    mem_free(fixture);
    return 0;
}

static void line(struct fixture *fixture, const char *text)
{
    console_line(fixture->console, text, strlen(text));
}

static void *answer(struct fixture *fixture, size_t event)
{
    struct gateway *gateway = console_gateway(fixture->console);
    void *handle = NULL;

    assert_int_equal(gateway->ops->answer_begin(gateway, fixture->events[event], 1, &handle, NULL),
                     TROUPE_OK);
    assert_non_null(handle);
    return handle;
}

static void put(struct fixture *fixture, void *handle, const char *text)
{
    struct gateway *gateway = console_gateway(fixture->console);

    assert_int_equal(gateway->ops->answer_write(gateway, handle, text, strlen(text)), TROUPE_OK);
}

static void finish(struct fixture *fixture, void *handle, enum gateway_outcome outcome,
                   const char *text)
{
    struct gateway *gateway = console_gateway(fixture->console);

    assert_int_equal(
        gateway->ops->answer_end(gateway, handle, outcome, text, text ? strlen(text) : 0, NULL),
        TROUPE_OK);
}

static void assert_output(struct fixture *fixture, const char *expected)
{
    assert_string_equal(buf_text(&fixture->out), expected);
}

/* ---- lines in -------------------------------------------------------------------------------- */

static void test_message(void **state)
{
    struct fixture *fixture = *state;
    const struct event *event;

    line(fixture, "  hello there \t");
    assert_int_equal(fixture->event_count, 1);
    event = fixture->events[0];
    assert_string_equal(event->content, "hello there");
    assert_int_equal(event->content_len, 11);
    assert_string_equal(event->source, "console");
    assert_string_equal(event->kind, "message");
    assert_null(event->guild);
    assert_string_equal(event->channel, console_channel());
    assert_string_equal(event->member_name, "you");
    assert_true(event_id_number(event->source_id) > 0);
    assert_in_range(event_id_number(event->member), 1, (1ull << 53) - 1);
    assert_int_equal(event->flags, EVENT_ADDRESSED | EVENT_DIRECT | EVENT_OWNER);
    assert_ptr_equal(event->gateway, console_gateway(fixture->console));
    assert_int_equal(console_open(fixture->console), 1);
}

static void test_ids_rise_and_differ(void **state)
{
    struct fixture *fixture = *state;
    uint64_t last = 0;

    for (size_t i = 0; i < 50; i++) {
        uint64_t id;

        line(fixture, "x");
        id = event_id_number(fixture->events[i]->source_id);
        assert_true(id > last);
        last = id;
    }
}

static void test_members(void **state)
{
    struct fixture *fixture = *state;

    line(fixture, "one");
    line(fixture, "/as ann");
    assert_string_equal(fixture->member, "ann");
    line(fixture, "two");
    line(fixture, "/as bob");
    line(fixture, "three");
    line(fixture, "/as\tann");
    line(fixture, "four");
    line(fixture, "/as you");
    line(fixture, "five");
    assert_int_equal(fixture->event_count, 5);
    assert_string_equal(fixture->events[1]->member_name, "ann");
    assert_string_equal(fixture->events[1]->member, fixture->events[3]->member);
    assert_string_not_equal(fixture->events[1]->member, fixture->events[2]->member);
    assert_string_not_equal(fixture->events[0]->member, fixture->events[1]->member);
    assert_int_equal(fixture->events[1]->flags & EVENT_OWNER, 0);
    assert_int_equal(fixture->events[4]->flags & EVENT_OWNER, EVENT_OWNER);
    assert_output(fixture, "");
    line(fixture, "/as");
    assert_non_null(strstr(buf_text(&fixture->out), "/as takes a name"));
    line(fixture, "/assemble");
    assert_string_equal(fixture->events[5]->content, "/assemble");
    assert_string_equal(console_member(fixture->console), "you");
}

static void test_name_that_could_move_the_cursor(void **state)
{
    struct fixture *fixture = *state;

    line(fixture, "/as \x1b[2Jann");
    assert_string_equal(console_member(fixture->console), "you");
    assert_null(strchr(buf_text(&fixture->out), 0x1b));
}

static void test_refused_lines(void **state)
{
    struct fixture *fixture = *state;
    char *big = mem_alloc(EVENT_CONTENT_MAX + 1);

    memset(big, 'x', EVENT_CONTENT_MAX + 1);
    console_line(fixture->console, big, EVENT_CONTENT_MAX + 1);
    assert_non_null(strstr(buf_text(&fixture->out), "too long"));
    assert_int_equal(fixture->event_count, 0);
    console_line(fixture->console, big, EVENT_CONTENT_MAX);
    assert_int_equal(fixture->event_count, 1);
    mem_free(big);
    buf_reset(&fixture->out);
    line(fixture, "caf\xe9");
    assert_non_null(strstr(buf_text(&fixture->out), "no UTF-8"));
    console_line(fixture->console, "a\0b", 3);
    assert_int_equal(fixture->event_count, 1);
}

static void test_bound_of_open_messages(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < CONSOLE_OPEN_MAX; i++)
        line(fixture, "x");
    assert_output(fixture, "");
    line(fixture, "one more");
    assert_int_equal(fixture->event_count, CONSOLE_OPEN_MAX);
    assert_non_null(strstr(buf_text(&fixture->out), "too many"));
}

static void test_quit_and_empty(void **state)
{
    struct fixture *fixture = *state;

    line(fixture, "");
    line(fixture, "   ");
    assert_int_equal(fixture->event_count, 0);
    assert_int_equal(fixture->settled, 2); /* so that a pipe goes on */
    line(fixture, "/quit");
    assert_int_equal(fixture->quits, 1);
    line(fixture, "/quitter");
    assert_int_equal(fixture->event_count, 1);
}

/* ---- answers out ----------------------------------------------------------------------------- */

static void test_pieces(void **state)
{
    struct fixture *fixture = *state;
    void *handle;

    line(fixture, "hi");
    handle = answer(fixture, 0);
    put(fixture, handle, "Hel");
    assert_output(fixture, "Hel");
    put(fixture, handle, "lo");
    assert_output(fixture, "Hello");
    assert_int_equal(fixture->settled, 0);
    finish(fixture, handle, GATEWAY_COMPLETE, NULL);
    assert_output(fixture, "Hello\n");
    assert_int_equal(fixture->settled, 1);
    assert_int_equal(console_open(fixture->console), 0);
}

static void test_final_text(void **state)
{
    struct fixture *fixture = *state;
    void *handle;

    line(fixture, "a");
    handle = answer(fixture, 0);
    put(fixture, handle, "same");
    finish(fixture, handle, GATEWAY_COMPLETE, "same");
    assert_output(fixture, "same\n");

    buf_reset(&fixture->out);
    line(fixture, "b");
    handle = answer(fixture, 1);
    put(fixture, handle, "begin");
    finish(fixture, handle, GATEWAY_COMPLETE, "beginning");
    assert_output(fixture, "beginning\n");

    buf_reset(&fixture->out);
    line(fixture, "c");
    handle = answer(fixture, 2);
    put(fixture, handle, "wrong");
    finish(fixture, handle, GATEWAY_COMPLETE, "right");
    assert_output(fixture, "wrong\nright\n");

    buf_reset(&fixture->out);
    line(fixture, "d");
    finish(fixture, answer(fixture, 3), GATEWAY_COMPLETE, "at once\n");
    assert_output(fixture, "at once\n");
}

static void test_interrupted(void **state)
{
    struct fixture *fixture = *state;
    void *handle;

    line(fixture, "a");
    handle = answer(fixture, 0);
    put(fixture, handle, "half an ans");
    finish(fixture, handle, GATEWAY_INTERRUPTED, NULL);
    assert_output(fixture, "half an ans (interrupted)\n");
    buf_reset(&fixture->out);
    line(fixture, "b");
    finish(fixture, answer(fixture, 1), GATEWAY_INTERRUPTED, NULL);
    assert_output(fixture, "(interrupted)\n");
}

static void test_one_has_the_floor(void **state)
{
    struct fixture *fixture = *state;
    void *first, *second, *third;

    line(fixture, "a");
    line(fixture, "/as ann");
    line(fixture, "b");
    line(fixture, "c");
    first = answer(fixture, 0);
    second = answer(fixture, 1);
    third = answer(fixture, 2);
    put(fixture, second, "22");
    put(fixture, first, "11");
    put(fixture, third, "33");
    finish(fixture, third, GATEWAY_COMPLETE, NULL);
    assert_output(fixture, "Bot> 22");
    assert_int_equal(console_open(fixture->console), 3);
    put(fixture, second, "22");
    finish(fixture, second, GATEWAY_COMPLETE, NULL);
    assert_output(fixture, "Bot> 2222\nBot> 11");
    put(fixture, first, "11");
    finish(fixture, first, GATEWAY_COMPLETE, NULL);
    assert_output(fixture, "Bot> 2222\nBot> 1111\nBot> 33\n");
    assert_int_equal(fixture->settled, 1);
}

static void test_escapes_are_neutralised(void **state)
{
    struct fixture *fixture = *state;
    void *handle;

    line(fixture, "a");
    handle = answer(fixture, 0);
    put(fixture, handle, "\x1b]0;title\x07\x1b[31mred\r\nline\tend\x7f\xc2");
    put(fixture, handle,
        "\x9b"
        "2J\xe2\x82");
    put(fixture, handle, "\xac!\xff");
    finish(fixture, handle, GATEWAY_COMPLETE, NULL);
#define BAD "\xEF\xBF\xBD"
    assert_output(fixture,
                  BAD "]0;title" BAD BAD "[31mred\nline\tend" BAD BAD "2J\xe2\x82\xac!" BAD "\n");
}

static void test_notice(void **state)
{
    struct fixture *fixture = *state;
    struct gateway *gateway = console_gateway(fixture->console);
    void *handle;

    line(fixture, "a");
    handle = answer(fixture, 0);
    put(fixture, handle, "text");
    gateway->ops->notice(gateway, fixture->events[0], "mind \x1b[1m this", true);
    assert_output(fixture, "text\n(only you see this) mind " BAD "[1m this\n");
    assert_int_equal(console_open(fixture->console), 1);
    finish(fixture, handle, GATEWAY_COMPLETE, NULL);
    assert_int_equal(console_open(fixture->console), 0);

    buf_reset(&fixture->out);
    line(fixture, "b");
    gateway->ops->notice(gateway, fixture->events[1], "the budget is spent", false);
    assert_output(fixture, "the budget is spent\n");
    assert_int_equal(console_open(fixture->console), 0);
    gateway->ops->notice(gateway, NULL, "for all", false);
    assert_output(fixture, "the budget is spent\nfor all\n");
}

static void test_work_that_ends_silently_settles(void **state)
{
    struct fixture *fixture = *state;
    struct gateway *gateway = console_gateway(fixture->console);

    line(fixture, "a");
    gateway->ops->working(gateway, fixture->events[0], true);
    gateway->ops->notice(gateway, fixture->events[0], "looking it up", false);
    assert_int_equal(console_open(fixture->console), 1);
    gateway->ops->working(gateway, fixture->events[0], false);
    assert_int_equal(console_open(fixture->console), 0);
    line(fixture, "b");
    gateway->ops->working(gateway, fixture->events[1], true);
    gateway->ops->working(gateway, fixture->events[1], false);
    assert_int_equal(console_open(fixture->console), 0);
    assert_int_equal(fixture->settled, 2);
}

static void test_kept_text_is_bounded(void **state)
{
    struct fixture *fixture = *state;
    struct gateway *gateway = console_gateway(fixture->console);
    char *big = mem_alloc(100000);
    troupe_status status = TROUPE_OK;
    void *floor, *waiting;
    int written = 0;

    memset(big, 'x', 100000);
    line(fixture, "a");
    line(fixture, "b");
    floor = answer(fixture, 0);
    waiting = answer(fixture, 1);
    put(fixture, floor, "I talk");
    while (status == TROUPE_OK && written++ < 100)
        status = gateway->ops->answer_write(gateway, waiting, big, 100000);
    assert_int_equal(status, TROUPE_LIMIT);
    assert_in_range(written, 2, 12);
    mem_free(big);
}

/* ---- the filter ------------------------------------------------------------------------------ */

static void test_filter_by_pieces(void **state)
{
    static const char text[] = "a\r\nb\rc \xf0\x9f\x98\x80 \xc2\x85 \xed\xa0\x80 \xe2\x28 \x80\r";
    _cleanup_buf_ struct buf whole = BUF_INIT, pieces = BUF_INIT;
    struct console_filter filter = {{0}, 0};

    (void)state;
    console_filter_write(&filter, text, sizeof(text) - 1, &whole);
    console_filter_end(&filter, &whole);
    for (size_t i = 0; i < sizeof(text) - 1; i++)
        console_filter_write(&filter, text + i, 1, &pieces);
    console_filter_end(&filter, &pieces);
    assert_string_equal(buf_text(&whole),
                        "a\nb" BAD "c \xf0\x9f\x98\x80 " BAD " " BAD " " BAD "( " BAD BAD);
    assert_string_equal(buf_text(&pieces), buf_text(&whole));
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_message),
        CASE(test_ids_rise_and_differ),
        CASE(test_members),
        CASE(test_name_that_could_move_the_cursor),
        CASE(test_refused_lines),
        CASE(test_bound_of_open_messages),
        CASE(test_quit_and_empty),
        CASE(test_pieces),
        CASE(test_final_text),
        CASE(test_interrupted),
        CASE(test_one_has_the_floor),
        CASE(test_escapes_are_neutralised),
        CASE(test_notice),
        CASE(test_work_that_ends_silently_settles),
        CASE(test_kept_text_is_bounded),
        CASE(test_filter_by_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
