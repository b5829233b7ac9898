/* SPDX-License-Identifier: Apache-2.0 */
#include "../store/store_fixture.h"

#include "base/buf.h"
#include "base/mem.h"
#include "gateway/console/console.h"
#include "gateway/console/filter.h"
#include "gateway/outbox.h"

#include <string.h>

/* Somebody at the console. */
/* Somebody at the console. */
struct seat {
    struct console_session *session;
    struct buf out;
    unsigned settled, quits;
    char member[CONSOLE_NAME_MAX + 1];
};

struct hall {
    struct fixture base; /* first */
    struct outbox *outbox;
    struct console *console;
    struct seat first, second; /* the second one comes later */
    struct event *events[CONSOLE_OPEN_MAX + 1];
    size_t event_count;
    int64_t sent;
};

static void output(void *arg, const char *text, size_t len)
{
    buf_append(&((struct seat *)arg)->out, text, len);
}

static void submit(void *arg, struct event *event)
{
    struct hall *hall = arg;

    assert_true(hall->event_count < CONSOLE_OPEN_MAX + 1);
    hall->events[hall->event_count++] = event;
}

static void member_changed(void *arg, const char *name)
{
    snprintf(((struct seat *)arg)->member, CONSOLE_NAME_MAX + 1, "%s", name);
}

static void settled(void *arg)
{
    ((struct seat *)arg)->settled++;
}

static void quit(void *arg)
{
    ((struct seat *)arg)->quits++;
}

static void sit(struct hall *hall, struct seat *seat)
{
    struct console_session_options options = {
        .bot_name = "Bot",
        .output = output,
        .member_changed = member_changed,
        .settled = settled,
        .quit = quit,
        .arg = seat,
    };

    seat->session = console_session_new(hall->console, &options);
}

static void leave(struct seat *seat)
{
    console_session_free(seat->session);
    seat->session = NULL;
}

static troupe_status open_outbox(void *arg)
{
    struct hall *hall = arg;

    return outbox_open(hall->base.loop, hall->base.store, &hall->outbox, &hall->base.err);
}

static void start(struct hall *hall)
{
    fixture_open(&hall->base, NULL);
    assert_status(fixture_run(hall->base.loop, open_outbox, hall), TROUPE_OK);
    hall->console = console_new(&(struct console_options){hall->outbox, submit, hall});
}

static void stop(struct hall *hall)
{
    leave(&hall->first);
    leave(&hall->second);
    console_free(hall->console);
    outbox_close(hall->outbox);
    store_settle(&hall->base);
    for (size_t i = 0; i < hall->event_count; i++)
        event_unref(hall->events[i]);
    hall->event_count = 0;
}

static int setup(void **state)
{
    struct hall *hall = mem_zero(1, sizeof(*hall));

    place_make(&hall->base.place);
    hall->base.loop = fixture_new(NULL);
    start(hall);
    sit(hall, &hall->first);
    *state = hall;
    return 0;
}

static int teardown(void **state)
{
    struct hall *hall = *state;

    stop(hall);
    fixture_free(hall->base.loop);
    place_remove(&hall->base.place);
    buf_clear(&hall->first.out);
    buf_clear(&hall->second.out);
    mem_free(hall);
    return 0;
}

static void line(struct hall *hall, const char *text)
{
    console_session_line(hall->first.session, text, strlen(text));
}

static void *answer_as(struct hall *hall, size_t event, unsigned ordinal, enum gateway_kind kind)
{
    struct gateway *gateway = console_gateway(hall->console);
    void *handle = NULL;

    assert_int_equal(gateway->ops->answer_begin(gateway, hall->events[event], (int64_t)event + 1,
                                                ordinal, kind, &handle, NULL),
                     TROUPE_OK);
    assert_non_null(handle);
    return handle;
}

static void *answer(struct hall *hall, size_t event)
{
    return answer_as(hall, event, 0, GATEWAY_REPLY);
}

static void put(struct hall *hall, void *handle, const char *text)
{
    struct gateway *gateway = console_gateway(hall->console);

    assert_int_equal(gateway->ops->answer_write(gateway, handle, text, strlen(text)), TROUPE_OK);
}

struct end {
    struct hall *hall;
    void *handle;
    struct gateway_final final;
};

/* The end as the engine has it: prepared, stored, handed over. */
static troupe_status end_main(void *arg)
{
    const struct end *end = arg;
    struct fixture *f = &end->hall->base;
    struct gateway *gateway = console_gateway(end->hall->console);
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    size_t before = end->hall->first.out.len;

    CHECK_STATUS(gateway->ops->answer_prepare(gateway, end->handle, &end->final, batch, &f->err),
                 TROUPE_OK);
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK(end->hall->first.out.len == before); /* nothing shows before it is owed */
    gateway->ops->answer_commit(gateway, end->handle);
    return TROUPE_OK;
}

static void finish_with(struct hall *hall, void *handle, struct gateway_final final)
{
    struct end end = {hall, handle, final};

    final.len = final.text ? strlen(final.text) : 0;
    end.final = final;
    assert_status(fixture_run(hall->base.loop, end_main, &end), TROUPE_OK);
}

static void finish(struct hall *hall, void *handle, enum gateway_outcome outcome, const char *text)
{
    finish_with(hall, handle, (struct gateway_final){.outcome = outcome, .text = text});
}

static troupe_status attach_main(void *arg)
{
    struct seat *seat = arg;
    struct error err;

    return console_session_attach(seat->session, &err);
}

static void attach(struct hall *hall, struct seat *seat)
{
    assert_status(fixture_run(hall->base.loop, attach_main, seat), TROUPE_OK);
}

static troupe_status count_main(void *arg)
{
    struct hall *hall = arg;
    uint64_t until = co_after(30000);

    /* Marks are stored beside what is shown. */
    while (ask_int(&hall->base, "SELECT count(*) FROM outbox WHERE state = 'ready'") > 0 &&
           loop_now(hall->base.loop) < until)
        (void)co_sleep(1);
    hall->sent = ask_int(&hall->base, "SELECT count(*) FROM outbox WHERE state = 'sent'");
    return TROUPE_OK;
}

/* Waits until nothing is owed any more; the number of rows that were shown. */
static int sent(struct hall *hall)
{
    assert_status(fixture_run(hall->base.loop, count_main, hall), TROUPE_OK);
    return (int)hall->sent;
}

static void assert_output(struct hall *hall, const char *expected)
{
    assert_string_equal(buf_text(&hall->first.out), expected);
}

/* ---- lines in -------------------------------------------------------------------------------- */

static void test_message(void **state)
{
    struct hall *hall = *state;
    const struct event *event;

    line(hall, "  hello there \t");
    assert_int_equal(hall->event_count, 1);
    event = hall->events[0];
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
    assert_ptr_equal(event->gateway, console_gateway(hall->console));
    assert_int_equal(console_session_open(hall->first.session), 1);
}

static void test_ids_rise_and_differ(void **state)
{
    struct hall *hall = *state;
    uint64_t last = 0;

    for (size_t i = 0; i < 50; i++) {
        uint64_t id;

        line(hall, "x");
        id = event_id_number(hall->events[i]->source_id);
        assert_true(id > last);
        last = id;
    }
}

static void test_members(void **state)
{
    struct hall *hall = *state;

    line(hall, "one");
    line(hall, "/as ann");
    assert_string_equal(hall->first.member, "ann");
    line(hall, "two");
    line(hall, "/as bob");
    line(hall, "three");
    line(hall, "/as\tann");
    line(hall, "four");
    line(hall, "/as you");
    line(hall, "five");
    assert_int_equal(hall->event_count, 5);
    assert_string_equal(hall->events[1]->member_name, "ann");
    assert_string_equal(hall->events[1]->member, hall->events[3]->member);
    assert_string_not_equal(hall->events[1]->member, hall->events[2]->member);
    assert_string_not_equal(hall->events[0]->member, hall->events[1]->member);
    assert_int_equal(hall->events[1]->flags & EVENT_OWNER, 0);
    assert_int_equal(hall->events[4]->flags & EVENT_OWNER, EVENT_OWNER);
    assert_output(hall, "");
    line(hall, "/as");
    assert_non_null(strstr(buf_text(&hall->first.out), "/as takes a name"));
    line(hall, "/assemble");
    assert_string_equal(hall->events[5]->content, "/assemble");
    assert_string_equal(console_session_member(hall->first.session), "you");
}

static void test_name_that_could_move_the_cursor(void **state)
{
    struct hall *hall = *state;

    line(hall, "/as \x1b[2Jann");
    assert_string_equal(console_session_member(hall->first.session), "you");
    assert_null(strchr(buf_text(&hall->first.out), 0x1b));
}

static void test_refused_lines(void **state)
{
    struct hall *hall = *state;
    char *big = mem_alloc(EVENT_CONTENT_MAX + 1);

    memset(big, 'x', EVENT_CONTENT_MAX + 1);
    console_session_line(hall->first.session, big, EVENT_CONTENT_MAX + 1);
    assert_non_null(strstr(buf_text(&hall->first.out), "too long"));
    assert_int_equal(hall->event_count, 0);
    console_session_line(hall->first.session, big, EVENT_CONTENT_MAX);
    assert_int_equal(hall->event_count, 1);
    mem_free(big);
    buf_reset(&hall->first.out);
    line(hall, "caf\xe9");
    assert_non_null(strstr(buf_text(&hall->first.out), "no UTF-8"));
    console_session_line(hall->first.session, "a\0b", 3);
    assert_int_equal(hall->event_count, 1);
}

static void test_bound_of_open_messages(void **state)
{
    struct hall *hall = *state;

    for (int i = 0; i < CONSOLE_OPEN_MAX; i++)
        line(hall, "x");
    assert_output(hall, "");
    line(hall, "one more");
    assert_int_equal(hall->event_count, CONSOLE_OPEN_MAX);
    assert_non_null(strstr(buf_text(&hall->first.out), "too many"));
}

static void test_quit_and_empty(void **state)
{
    struct hall *hall = *state;

    line(hall, "");
    line(hall, "   ");
    assert_int_equal(hall->event_count, 0);
    assert_int_equal(hall->first.settled, 2); /* so that a pipe goes on */
    line(hall, "/quit");
    assert_int_equal(hall->first.quits, 1);
    line(hall, "/quitter");
    assert_int_equal(hall->event_count, 1);
}

/* ---- answers out ----------------------------------------------------------------------------- */

static void test_pieces(void **state)
{
    struct hall *hall = *state;
    void *handle;

    line(hall, "hi");
    handle = answer(hall, 0);
    put(hall, handle, "Hel");
    assert_output(hall, "Hel");
    put(hall, handle, "lo");
    assert_output(hall, "Hello");
    assert_int_equal(hall->first.settled, 0);
    finish(hall, handle, GATEWAY_COMPLETE, NULL);
    assert_output(hall, "Hello\n");
    assert_int_equal(hall->first.settled, 1);
    assert_int_equal(console_session_open(hall->first.session), 0);
}

static void test_final_text(void **state)
{
    struct hall *hall = *state;
    void *handle;

    line(hall, "a");
    handle = answer(hall, 0);
    put(hall, handle, "same");
    finish(hall, handle, GATEWAY_COMPLETE, "same");
    assert_output(hall, "same\n");

    buf_reset(&hall->first.out);
    line(hall, "b");
    handle = answer(hall, 1);
    put(hall, handle, "begin");
    finish(hall, handle, GATEWAY_COMPLETE, "beginning");
    assert_output(hall, "beginning\n");

    buf_reset(&hall->first.out);
    line(hall, "c");
    handle = answer(hall, 2);
    put(hall, handle, "wrong");
    finish(hall, handle, GATEWAY_COMPLETE, "right");
    assert_output(hall, "wrong\nright\n");

    buf_reset(&hall->first.out);
    line(hall, "d");
    finish(hall, answer(hall, 3), GATEWAY_COMPLETE, "at once\n");
    assert_output(hall, "at once\n");
}

static void test_interrupted(void **state)
{
    struct hall *hall = *state;
    void *handle;

    line(hall, "a");
    handle = answer(hall, 0);
    put(hall, handle, "half an ans");
    finish(hall, handle, GATEWAY_INTERRUPTED, NULL);
    assert_output(hall, "half an ans (interrupted)\n");
    buf_reset(&hall->first.out);
    line(hall, "b");
    finish(hall, answer(hall, 1), GATEWAY_INTERRUPTED, NULL);
    assert_output(hall, "(interrupted)\n");
}

static void test_one_has_the_floor(void **state)
{
    struct hall *hall = *state;
    void *first, *second, *third;

    line(hall, "a");
    line(hall, "/as ann");
    line(hall, "b");
    line(hall, "c");
    first = answer(hall, 0);
    second = answer(hall, 1);
    third = answer(hall, 2);
    put(hall, second, "22");
    put(hall, first, "11");
    put(hall, third, "33");
    finish(hall, third, GATEWAY_COMPLETE, NULL);
    assert_output(hall, "Bot> 22");
    assert_int_equal(console_session_open(hall->first.session), 3);
    put(hall, second, "22");
    finish(hall, second, GATEWAY_COMPLETE, NULL);
    assert_output(hall, "Bot> 2222\nBot> 11");
    put(hall, first, "11");
    finish(hall, first, GATEWAY_COMPLETE, NULL);
    assert_output(hall, "Bot> 2222\nBot> 1111\nBot> 33\n");
    assert_int_equal(hall->first.settled, 1);
}

static void test_escapes_are_neutralised(void **state)
{
    struct hall *hall = *state;
    void *handle;

    line(hall, "a");
    handle = answer(hall, 0);
    put(hall, handle, "\x1b]0;title\x07\x1b[31mred\r\nline\tend\x7f\xc2");
    put(hall, handle,
        "\x9b"
        "2J\xe2\x82");
    put(hall, handle, "\xac!\xff");
    finish(hall, handle, GATEWAY_COMPLETE, NULL);
#define BAD "\xEF\xBF\xBD"
    assert_output(hall,
                  BAD "]0;title" BAD BAD "[31mred\nline\tend" BAD BAD "2J\xe2\x82\xac!" BAD "\n");
}

static void test_notice(void **state)
{
    struct hall *hall = *state;
    struct gateway *gateway = console_gateway(hall->console);
    void *handle;

    line(hall, "a");
    handle = answer(hall, 0);
    put(hall, handle, "text");
    gateway->ops->notice(gateway, hall->events[0], "mind \x1b[1m this", true);
    assert_output(hall, "text\n(only you see this) mind " BAD "[1m this\n");
    assert_int_equal(console_session_open(hall->first.session), 1);
    finish(hall, handle, GATEWAY_COMPLETE, NULL);
    assert_int_equal(console_session_open(hall->first.session), 0);

    buf_reset(&hall->first.out);
    line(hall, "b");
    gateway->ops->notice(gateway, hall->events[1], "the budget is spent", false);
    assert_output(hall, "the budget is spent\n");
    assert_int_equal(console_session_open(hall->first.session), 0);
    gateway->ops->notice(gateway, NULL, "for all", false);
    assert_output(hall, "the budget is spent\nfor all\n");
}

static void test_work_that_ends_silently_settles(void **state)
{
    struct hall *hall = *state;
    struct gateway *gateway = console_gateway(hall->console);

    line(hall, "a");
    gateway->ops->working(gateway, hall->events[0], true);
    gateway->ops->notice(gateway, hall->events[0], "looking it up", false);
    assert_int_equal(console_session_open(hall->first.session), 1);
    gateway->ops->working(gateway, hall->events[0], false);
    assert_int_equal(console_session_open(hall->first.session), 0);
    line(hall, "b");
    gateway->ops->working(gateway, hall->events[1], true);
    gateway->ops->working(gateway, hall->events[1], false);
    assert_int_equal(console_session_open(hall->first.session), 0);
    assert_int_equal(hall->first.settled, 2);
}

static void test_kept_text_is_bounded(void **state)
{
    struct hall *hall = *state;
    struct gateway *gateway = console_gateway(hall->console);
    char *big = mem_alloc(100000);
    troupe_status status = TROUPE_OK;
    void *floor, *waiting;
    int written = 0;

    memset(big, 'x', 100000);
    line(hall, "a");
    line(hall, "b");
    floor = answer(hall, 0);
    waiting = answer(hall, 1);
    put(hall, floor, "I talk");
    while (status == TROUPE_OK && written++ < 100)
        status = gateway->ops->answer_write(gateway, waiting, big, 100000);
    assert_int_equal(status, TROUPE_LIMIT);
    assert_in_range(written, 2, 12);
    mem_free(big);
}

/* ---- who is there to see ---------------------------------------------------------------------- */

static void test_what_nobody_sees_waits_for_the_next_session(void **state)
{
    struct hall *hall = *state;
    void *streamed, *whole, *sentence;

    line(hall, "a");
    line(hall, "b");
    line(hall, "c");
    streamed = answer(hall, 0);
    put(hall, streamed, "one and ");
    assert_output(hall, "one and ");
    leave(&hall->first);
    buf_reset(&hall->first.out);
    put(hall, streamed, "two");
    finish(hall, streamed, GATEWAY_INTERRUPTED, NULL);
    whole = answer(hall, 1);
    finish(hall, whole, GATEWAY_COMPLETE, "three");
    sentence = answer_as(hall, 2, GATEWAY_ORDINAL_NOTICE, GATEWAY_NOTICE);
    finish(hall, sentence, GATEWAY_COMPLETE, "no more");
    assert_output(hall, "");
    sit(hall, &hall->first);
    assert_output(hall, "");
    attach(hall, &hall->first);
    assert_output(hall, "one and two (interrupted)\nthree\n(only you see this) no more\n");
    attach(hall, &hall->first); /* also before the marks are stored */
    assert_int_equal(sent(hall), 3);
    buf_reset(&hall->first.out);
    attach(hall, &hall->first);
    assert_output(hall, "");
}

static void test_two_sessions_see_what_waits_once(void **state)
{
    struct hall *hall = *state;

    line(hall, "a");
    leave(&hall->first);
    finish(hall, answer(hall, 0), GATEWAY_COMPLETE, "late");
    sit(hall, &hall->first);
    sit(hall, &hall->second);
    attach(hall, &hall->second);
    attach(hall, &hall->first);
    assert_output(hall, "");
    assert_string_equal(buf_text(&hall->second.out), "late\n");
    assert_int_equal(sent(hall), 1);
}

static void test_another_session_sees_all_of_what_one_left(void **state)
{
    struct hall *hall = *state;
    void *handle;

    sit(hall, &hall->second);
    line(hall, "a");
    handle = answer(hall, 0);
    put(hall, handle, "one ");
    leave(&hall->first);
    assert_string_equal(buf_text(&hall->second.out), "");
    put(hall, handle, "two ");
    assert_string_equal(buf_text(&hall->second.out), "one two ");
    finish(hall, handle, GATEWAY_COMPLETE, "one two three");
    assert_string_equal(buf_text(&hall->second.out), "one two three\n");
    assert_int_equal(sent(hall), 1);
}

static void test_what_waits_for_the_floor_is_not_lost_with_its_session(void **state)
{
    struct hall *hall = *state;
    void *floor;

    line(hall, "a");
    line(hall, "b");
    floor = answer(hall, 0);
    put(hall, floor, "I talk");
    finish(hall, answer(hall, 1), GATEWAY_COMPLETE, "I wait");
    assert_output(hall, "I talk");
    sit(hall, &hall->second);
    attach(hall, &hall->second); /* it is still on its way to the first one */
    assert_string_equal(buf_text(&hall->second.out), "");
    leave(&hall->first);
    attach(hall, &hall->second);
    assert_string_equal(buf_text(&hall->second.out), "I wait\n");
    finish(hall, floor, GATEWAY_COMPLETE, NULL);
    assert_string_equal(buf_text(&hall->second.out), "I wait\nI talk\n");
    assert_int_equal(sent(hall), 2);
}

static void test_what_waits_outlives_the_process(void **state)
{
    struct hall *hall = *state;

    line(hall, "a");
    leave(&hall->first);
    finish(hall, answer(hall, 0), GATEWAY_COMPLETE, "late");
    stop(hall);
    start(hall);
    sit(hall, &hall->first);
    attach(hall, &hall->first);
    assert_output(hall, "late\n");
    assert_int_equal(sent(hall), 1);
    stop(hall);
    start(hall);
    sit(hall, &hall->first);
    buf_reset(&hall->first.out);
    attach(hall, &hall->first);
    assert_output(hall, "");
}

static void test_a_dropped_answer_is_closed_and_not_owed(void **state)
{
    struct hall *hall = *state;
    struct gateway *gateway = console_gateway(hall->console);
    void *shown, *unseen;

    line(hall, "a");
    line(hall, "b");
    shown = answer(hall, 0);
    put(hall, shown, "so far");
    unseen = answer(hall, 1);
    gateway->ops->answer_drop(gateway, shown);
    assert_output(hall, "so far\n");
    assert_int_equal(hall->first.settled, 0);
    gateway->ops->notice(gateway, hall->events[1], "I cannot keep it", true);
    gateway->ops->answer_drop(gateway, unseen);
    assert_output(hall, "so far\n(only you see this) I cannot keep it\n");
    assert_int_equal(hall->first.settled, 1);
    assert_int_equal(sent(hall), 0);
}

static void test_an_answer_that_begins_anew_repeats_nothing(void **state)
{
    struct hall *hall = *state;
    struct gateway *gateway = console_gateway(hall->console);
    const char *text;
    void *handle;

    line(hall, "a");
    handle = answer(hall, 0);
    put(hall, handle, "one two ");
    assert_ptr_equal(answer(hall, 0), handle);
    assert_int_equal(gateway->ops->answer_shown(gateway, handle, &text), 8);
    assert_memory_equal(text, "one two ", 8);
    put(hall, handle, "one ");
    assert_output(hall, "one two ");
    put(hall, handle, "two three");
    assert_output(hall, "one two three");
    finish(hall, handle, GATEWAY_COMPLETE, NULL);
    assert_output(hall, "one two three\n");
    assert_int_equal(hall->first.settled, 1);
}

static void test_a_private_answer_is_said_in_one_piece(void **state)
{
    struct hall *hall = *state;
    void *handle;

    line(hall, "a");
    handle = answer_as(hall, 0, 0, GATEWAY_PRIVATE);
    put(hall, handle, "between ");
    put(hall, handle, "us");
    assert_output(hall, "");
    finish(hall, handle, GATEWAY_COMPLETE, NULL);
    assert_output(hall, "(only you see this) between us\n");
}

/* ---- buttons ---------------------------------------------------------------------------------- */

static void test_buttons_are_numbered_and_pressed(void **state)
{
    static const struct gateway_button buttons[] = {{"yes:7", "Again"}, {"no:7", "En\x1b[1mough"}};
    struct hall *hall = *state;
    struct gateway_final final = {
        .text = "All best! Roll again?", .buttons = buttons, .button_count = 2};
    const struct event *press;

    line(hall, "/press 1");
    assert_non_null(strstr(buf_text(&hall->first.out), "no message to press on"));
    assert_int_equal(hall->first.settled, 1);
    buf_reset(&hall->first.out);
    line(hall, "roll");
    finish_with(hall, answer_as(hall, 0, 1, GATEWAY_ASK), final);
    assert_output(hall,
                  "All best! Roll again?\n[1] Again  [2] En" BAD "[1mough  (type /press 1)\n");
    assert_int_equal(console_session_open(hall->first.session), 0);
    buf_reset(&hall->first.out);
    line(hall, "/press 3");
    line(hall, "/press 0");
    line(hall, "/press");
    line(hall, "/press one");
    line(hall, "/press 1 of 2");
    assert_int_equal(hall->event_count, 1);
    assert_non_null(strstr(buf_text(&hall->first.out), "the choices 1 to 2"));
    assert_non_null(strstr(buf_text(&hall->first.out), "/press takes the number"));
    line(hall, "/press 2");
    assert_int_equal(hall->event_count, 2);
    press = hall->events[1];
    assert_string_equal(press->kind, "press");
    assert_string_equal(press->press_id, "no:7");
    assert_string_equal(press->content, "");
    assert_int_equal(press->flags, EVENT_ADDRESSED | EVENT_DIRECT | EVENT_OWNER);
    assert_string_not_equal(press->source_id, hall->events[0]->source_id);
    assert_true(event_id_number(press->reply_to) > 0);
    /* The session waits for what follows from it: here the answer to the first message. */
    assert_int_equal(console_session_open(hall->first.session), 1);
    buf_reset(&hall->first.out);
    finish(hall, answer(hall, 0), GATEWAY_COMPLETE, "you rolled 12");
    assert_output(hall, "you rolled 12\n");
    assert_int_equal(console_session_open(hall->first.session), 0);
}

static void test_buttons_of_earlier_messages_are_remembered_within_bounds(void **state)
{
    static const struct gateway_button button = {"id", "Choose"};
    struct hall *hall = *state;
    struct gateway *gateway = console_gateway(hall->console);
    struct gateway_final final = {.text = "?", .buttons = &button, .button_count = 1};

    line(hall, "ask");
    for (unsigned i = 1; i <= 20; i++)
        finish_with(hall, answer_as(hall, 0, i, GATEWAY_ASK), final);
    assert_non_null(strstr(buf_text(&hall->first.out), "(type /press 1, later /press 1 of 20)"));
    line(hall, "/press 1 of 4");
    assert_int_equal(hall->event_count, 1);
    line(hall, "/press 1 of 5");
    assert_int_equal(hall->event_count, 2);
    buf_reset(&hall->first.out);
    gateway->ops->notice(gateway, hall->events[1], "nothing waits for that", true);
    assert_output(hall, "(only you see this) nothing waits for that\n");
    assert_int_equal(console_session_open(hall->first.session), 0);
}

static void test_a_select_is_chosen_from_by_numbers(void **state)
{
    static const struct gateway_option options[] = {{"Red", "like blood", false},
                                                    {"Gr\x1b[1meen", NULL, true}};
    static const struct gateway_select select = {"pick:7", options, 2, 0, 2};
    struct hall *hall = *state;

    line(hall, "choose");
    finish_with(hall, answer_as(hall, 0, 1, GATEWAY_ASK),
                (struct gateway_final){.text = "Which?", .select = &select});
    assert_output(hall,
                  "Which?\n[1] Red - like blood\n[2] Gr" BAD "[1meen (chosen already)\n(choose "
                  "0 to 2 of them: type /press 1,2, or /press 0 for none)\n");
    line(hall, "/press 3");
    line(hall, "/press 1,");
    line(hall, "/press 1 2");
    line(hall, "/press 1,2,1");
    assert_int_equal(hall->event_count, 1);
    line(hall, "/press 2,1 of 1");
    assert_string_equal(hall->events[1]->press_id, "pick:7");
    assert_string_equal(hall->events[1]->content, "[\"1\",\"0\"]");
    line(hall, "/press 0");
    assert_string_equal(hall->events[2]->content, "[]");
}

static void test_a_form_takes_a_line_for_each_field(void **state)
{
    static const struct gateway_button button = {"open:7", "Tell me"};
    static const struct gateway_field fields[] = {{"Name", "yours", NULL, 0, 20, false, true},
                                                  {"Why?", NULL, "so", 2, 200, true, false}};
    static const struct gateway_form form = {"form:7", "Tell me", fields, 2};
    struct hall *hall = *state;
    struct gateway *gateway = console_gateway(hall->console);

    line(hall, "tell");
    finish_with(hall, answer_as(hall, 0, 1, GATEWAY_ASK),
                (struct gateway_final){.text = "Who?", .buttons = &button, .button_count = 1});
    line(hall, "/press 1");
    buf_reset(&hall->first.out);
    assert_int_equal(gateway->ops->form(gateway, hall->events[1], &form), TROUPE_OK);
    assert_int_equal(console_session_open(hall->first.session), 0);
    assert_output(hall, "Tell me (/close leaves it)\nName (1 to 20 characters) yours\n");
    line(hall, "/close");
    assert_int_equal(hall->event_count, 2);
    line(hall, "/press 1");
    assert_int_equal(gateway->ops->form(gateway, hall->events[2], &form), TROUPE_OK);
    buf_reset(&hall->first.out);
    line(hall, "Ann \"of\" x");
    assert_output(hall,
                  "Why? (2 to 200 characters, or an empty line) [an empty line leaves: so]\n");
    assert_int_equal(hall->event_count, 3);
    line(hall, "");
    assert_int_equal(hall->event_count, 4);
    assert_string_equal(hall->events[3]->kind, "press");
    assert_string_equal(hall->events[3]->press_id, "form:7");
    assert_string_equal(hall->events[3]->content, "[\"Ann \\\"of\\\" x\",\"so\"]");
    assert_string_equal(hall->events[3]->reply_to, hall->events[1]->reply_to);
    line(hall, "an ordinary message again");
    assert_string_equal(hall->events[4]->kind, "message");
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
        CASE(test_what_nobody_sees_waits_for_the_next_session),
        CASE(test_two_sessions_see_what_waits_once),
        CASE(test_another_session_sees_all_of_what_one_left),
        CASE(test_what_waits_for_the_floor_is_not_lost_with_its_session),
        CASE(test_what_waits_outlives_the_process),
        CASE(test_a_dropped_answer_is_closed_and_not_owed),
        CASE(test_an_answer_that_begins_anew_repeats_nothing),
        CASE(test_a_private_answer_is_said_in_one_piece),
        CASE(test_buttons_are_numbered_and_pressed),
        CASE(test_a_select_is_chosen_from_by_numbers),
        CASE(test_a_form_takes_a_line_for_each_field),
        CASE(test_buttons_of_earlier_messages_are_remembered_within_bounds),
        CASE(test_filter_by_pieces),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
