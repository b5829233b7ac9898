/* SPDX-License-Identifier: Apache-2.0
 *
 * Frames as servers may send them, good and bad, after the cases that Autobahn's test suite is
 * known for. Each case is delivered whole, byte by byte and in random pieces, and must give the
 * same events.
 */
#include "tap.h"

#include "base/buf.h"
#include "base/mem.h"
#include "net/ws_frame.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_MESSAGE ((size_t)1024 * 1024)

enum { RANDOM_ROUNDS = 20 };

/* A server's frame; `extra` bits go into the first byte. */
static void frame(struct buf *out, unsigned first, const char *data, size_t len)
{
    unsigned char head[10] = {(unsigned char)first};
    size_t size = 2;

    if (len < 126) {
        head[1] = (unsigned char)len;
    } else if (len <= 65535) {
        head[1] = 126;
        head[2] = (unsigned char)(len >> 8);
        head[3] = (unsigned char)len;
        size = 4;
    } else {
        head[1] = 127;
        for (int i = 0; i < 8; i++)
            head[2 + i] = (unsigned char)((uint64_t)len >> (56 - 8 * i));
        size = 10;
    }
    buf_append(out, head, size);
    buf_append(out, data, len);
}

static void text_frame(struct buf *out, unsigned first, const char *text)
{
    frame(out, first, text, strlen(text));
}

/* ---- what came out, as text ------------------------------------------------------------------ */

static void note(struct buf *log, const struct ws_event *event)
{
    static const char *const names[] = {"none", "message", "ping", "pong", "close", "broken"};

    assert_int_equal(event->data[event->len], '\0');
    buf_puts(log, event->kind == WS_EVENT_MESSAGE ? event->binary ? "binary" : "text"
                                                  : names[event->kind]);
    if (event->kind == WS_EVENT_CLOSE || event->kind == WS_EVENT_BROKEN)
        buf_printf(log, " %d", event->code);
    if (event->kind != WS_EVENT_BROKEN && event->len > 40) {
        uint64_t sum = 0;

        for (size_t i = 0; i < event->len; i++)
            sum = sum * 31 + (unsigned char)event->data[i];
        buf_printf(log, " %zu:%llx", event->len, (unsigned long long)sum);
    } else if (event->kind != WS_EVENT_BROKEN) {
        buf_puts(log, " ");
        buf_append(log, event->data, event->len);
    }
    buf_puts(log, ";");
}

/* Delivers in pieces of at most `step` bytes, 0: random ones. */
static void deliver(const struct buf *wire, size_t step, size_t max_message, struct buf *log)
{
    struct ws_reader reader;
    bool over = false;

    ws_reader_init(&reader, max_message);
    for (size_t at = 0; at < wire->len && !over;) {
        size_t room = 0, piece = step ? step : 1 + (size_t)rand() % (1u << rand() % 18);
        char *into = ws_reader_room(&reader, &room);
        struct ws_event event;

        assert_non_null(into);
        assert_true(room >= WS_ROOM_MIN);
        piece = piece < room ? piece : room;
        piece = piece < wire->len - at ? piece : wire->len - at;
        memcpy(into, wire->data + at, piece);
        ws_reader_added(&reader, piece);
        at += piece;
        while (!over && ws_reader_next(&reader, &event) != WS_EVENT_NONE) {
            note(log, &event);
            over = event.kind == WS_EVENT_BROKEN;
        }
        if (over) /* and stays so */
            assert_int_equal(ws_reader_next(&reader, &event), WS_EVENT_BROKEN);
    }
    assert_true(reader.size <= max_message + 2 * WS_ROOM_MIN || reader.size == WS_BUFFER_SIZE);
    ws_reader_clear(&reader);
}

static void expect_limited(const struct buf *wire, const char *want, size_t max_message)
{
    for (size_t round = 0; round < RANDOM_ROUNDS + 2; round++) {
        _cleanup_buf_ struct buf log = BUF_INIT;
        size_t step = round == 0 ? wire->len : round == 1 ? 1 : 0;

        deliver(wire, step, max_message, &log);
        if (strcmp(buf_text(&log), want) != 0)
            fail_msg("round %zu: %s instead of %s", round, buf_text(&log), want);
    }
}

static void expect(const struct buf *wire, const char *want)
{
    expect_limited(wire, want, MAX_MESSAGE);
}

/* ---- the cases ------------------------------------------------------------------------------- */

static void messages_of_every_length_come_whole(void **state)
{
    static const size_t lengths[] = {0, 1, 125, 126, 127, 128, 65535, 65536, 131072, MAX_MESSAGE};
    char *data = mem_alloc(MAX_MESSAGE);

    (void)state;
    for (size_t i = 0; i < MAX_MESSAGE; i++)
        data[i] = (char)('a' + i * 7 % 26);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        _cleanup_buf_ struct buf wire = BUF_INIT, want = BUF_INIT;
        struct ws_event event = {WS_EVENT_MESSAGE, .binary = true, .len = lengths[i]};

        event.data = mem_strndup(data, lengths[i]);
        note(&want, &event);
        event.binary = false;
        note(&want, &event);
        mem_free(event.data);
        frame(&wire, 0x82, data, lengths[i]);
        frame(&wire, 0x81, data, lengths[i]);
        if (lengths[i] < 100000)
            expect(&wire, buf_text(&want));
        else {
            _cleanup_buf_ struct buf log = BUF_INIT;

            deliver(&wire, 16384, MAX_MESSAGE, &log);
            assert_string_equal(buf_text(&log), buf_text(&want));
        }
    }
    mem_free(data);
}

static void fragments_are_joined_around_control_frames(void **state)
{
    _cleanup_buf_ struct buf wire = BUF_INIT;

    (void)state;
    text_frame(&wire, 0x81, "whole");
    text_frame(&wire, 0x01, "one, ");
    text_frame(&wire, 0x89, "ping");
    text_frame(&wire, 0x00, "");
    text_frame(&wire, 0x8a, "pong");
    text_frame(&wire, 0x00, "two \xc3"); /* a code point may be cut */
    text_frame(&wire, 0x80, "\xa4.");
    text_frame(&wire, 0x02, "");
    text_frame(&wire, 0x80, "");
    text_frame(&wire, 0x02, "b");
    text_frame(&wire, 0x88,
               "\x03\xe8"
               "bye");
    text_frame(&wire, 0x80, "c");
    expect(&wire, "text whole;ping ping;pong pong;text one, two \xc3\xa4.;binary ;close 1000 bye;"
                  "binary bc;");
}

static void many_fragments_keep_to_the_bound(void **state)
{
    _cleanup_buf_ struct buf wire = BUF_INIT, log = BUF_INIT;

    (void)state;
    text_frame(&wire, 0x01, "");
    for (int i = 0; i < 200000; i++)
        text_frame(&wire, 0x00, "xyz");
    text_frame(&wire, 0x80, "");
    deliver(&wire, 0, 600000, &log);
    assert_memory_equal(buf_text(&log), "text 600000:", 12);
    buf_reset(&log);
    deliver(&wire, 0, 599999, &log);
    assert_string_equal(buf_text(&log), "broken 1009;");
}

static void what_breaks_the_protocol_ends_it(void **state)
{
    static const struct {
        const char *wire;
        size_t len;
        const char *want;
    } cases[] = {
#define CASE(text, want) {text, sizeof(text) - 1, want}
        CASE("\xc1\x00", "broken 1002;"), /* reserved bits */
        CASE("\xa1\x00", "broken 1002;"),
        CASE("\x91\x00", "broken 1002;"),
        CASE("\x81\x01"
             "a"
             "\xd9\x00",
             "text a;broken 1002;"),
        CASE("\x83\x00", "broken 1002;"), /* reserved opcodes */
        CASE("\x84\x00", "broken 1002;"),
        CASE("\x87\x00", "broken 1002;"),
        CASE("\x8b\x00", "broken 1002;"),
        CASE("\x8f\x00", "broken 1002;"),
        CASE("\x03\x00", "broken 1002;"),
        CASE("\x81\x81"
             "abcd"
             "x",
             "broken 1002;"),             /* masked */
        CASE("\x09\x00", "broken 1002;"), /* a control frame in fragments */
        CASE("\x08\x00", "broken 1002;"),
        CASE("\x89\x7e\x00\x7e", "broken 1002;"), /* or too long */
        CASE("\x88\x7f", "broken 1002;"),
        CASE("\x80\x00", "broken 1002;"), /* nothing to continue */
        CASE("\x00\x01"
             "a",
             "broken 1002;"),
        CASE("\x01\x01"
             "a"
             "\x81\x01"
             "b",
             "broken 1002;"), /* a message in a message */
        CASE("\x01\x01"
             "a"
             "\x80\x01"
             "b"
             "\x80\x00",
             "text ab;broken 1002;"),
        CASE("\x81\x7e\x00\x7d", "broken 1002;"), /* lengths not in their shortest form */
        CASE("\x81\x7f\x00\x00\x00\x00\x00\x00\xff\xff", "broken 1002;"),
        CASE("\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", "broken 1002;"),
        CASE("\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", "broken 1009;"), /* above the limit */
        CASE("\x81\x7f\x00\x00\x00\x00\x00\x10\x00\x01", "broken 1009;"),
        CASE("\x01\x01"
             "a"
             "\x80\x7f\x00\x00\x00\x00\x00\x10\x00\x00",
             "broken 1009;"),
        CASE("\x88\x01"
             "x",
             "broken 1002;"),                             /* half a close code */
        CASE("\x88\x04\x03\xe8\xff\xfe", "broken 1007;"), /* a reason that is no text */
        CASE("\x88\x04\x03\xe8\xc3\xa4", "close 1000 \xc3\xa4;"),
        CASE("\x88\x00", "close 1005 ;"),
        CASE("\x81\x01\xff", "broken 1007;"), /* no UTF-8 */
        CASE("\x81\x02\xc0\x80", "broken 1007;"),
        CASE("\x81\x03\xed\xa0\x80", "broken 1007;"),
        CASE("\x81\x04\xf4\x90\x80\x80", "broken 1007;"),
        CASE("\x81\x02"
             "a\xc3",
             "broken 1007;"), /* cut at the end */
        CASE("\x01\x01\xc3\x80\x00", "broken 1007;"),
        CASE("\x01\x01\xce\x00\x01\xba\x80\x01"
             "\xe1",
             "broken 1007;"),
        CASE("\x82\x02\xff\xfe", "binary \xff\xfe;"), /* binary may be anything */
#undef CASE
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_buf_ struct buf wire = BUF_INIT;

        print_message("# case %zu\n", i);
        buf_append(&wire, cases[i].wire, cases[i].len);
        expect(&wire, cases[i].want);
    }
}

static void close_codes_are_those_that_may_be_sent(void **state)
{
    static const int good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011,
                               1012, 1013, 1014, 3000, 3999, 4000, 4014, 4999};
    static const int bad[] = {0,    1,    999,  1004, 1005, 1006, 1015,
                              1016, 1100, 2000, 2999, 5000, 65535};

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        const char payload[] = {(char)(good[i] >> 8), (char)good[i]};
        _cleanup_buf_ struct buf wire = BUF_INIT, want = BUF_INIT;

        frame(&wire, 0x88, payload, sizeof(payload));
        buf_printf(&want, "close %d ;", good[i]);
        expect(&wire, buf_text(&want));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const char payload[] = {(char)(bad[i] >> 8), (char)bad[i]};
        _cleanup_buf_ struct buf wire = BUF_INIT;

        frame(&wire, 0x88, payload, sizeof(payload));
        expect(&wire, "broken 1002;");
    }
}

static void messages_are_handed_out_where_they_were_read(void **state)
{
    _cleanup_buf_ struct buf wire = BUF_INIT;
    struct ws_reader reader;
    struct ws_event event;
    size_t room;
    char *into;

    (void)state;
    ws_reader_init(&reader, MAX_MESSAGE);
    text_frame(&wire, 0x81, "first");
    text_frame(&wire, 0x81, "second");
    into = ws_reader_room(&reader, &room);
    memcpy(into, wire.data, wire.len);
    ws_reader_added(&reader, wire.len);
    assert_int_equal(ws_reader_next(&reader, &event), WS_EVENT_MESSAGE);
    assert_ptr_equal(event.data, into + 2);
    memset(event.data, 'x', event.len); /* the receiver may write */
    assert_int_equal(ws_reader_next(&reader, &event), WS_EVENT_MESSAGE);
    assert_ptr_equal(event.data, into + 9);
    assert_string_equal(event.data, "second");
    ws_reader_clear(&reader);
}

static void a_large_buffer_is_given_back(void **state)
{
    _cleanup_buf_ struct buf wire = BUF_INIT;
    char *data = mem_zero(1, MAX_MESSAGE);
    struct ws_reader reader;
    struct ws_event event;
    size_t room;

    (void)state;
    frame(&wire, 0x82, data, MAX_MESSAGE);
    mem_free(data);
    ws_reader_init(&reader, MAX_MESSAGE);
    for (size_t at = 0; at < wire.len;) {
        char *into = ws_reader_room(&reader, &room);
        size_t piece = room < wire.len - at ? room : wire.len - at;

        memcpy(into, wire.data + at, piece);
        ws_reader_added(&reader, piece);
        at += piece;
        (void)ws_reader_next(&reader, &event);
    }
    assert_int_equal(event.kind, WS_EVENT_MESSAGE);
    assert_int_equal(event.len, MAX_MESSAGE);
    assert_true(reader.size > MAX_MESSAGE);
    assert_non_null(ws_reader_room(&reader, &room));
    assert_int_equal(reader.size, WS_BUFFER_SIZE);
    ws_reader_clear(&reader);
}

static void client_frames_are_masked(void **state)
{
    static const size_t lengths[] = {0, 5, 125, 126, 65535, 65536};
    char *data = mem_zero(1, 65536), *out = mem_alloc(65536 + WS_HEAD_MAX);
    const unsigned char key[] = {1, 2, 3, 4};
    uint32_t mask;

    (void)state;
    memcpy(&mask, key, sizeof(mask));
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t len = lengths[i], head = len < 126 ? 2 : len < 65536 ? 4 : 10;

        assert_int_equal(ws_frame_write(out, WS_TEXT, data, len, mask), head + 4 + len);
        assert_int_equal((unsigned char)out[0], 0x81);
        assert_int_equal((unsigned char)out[1], 0x80 | (head == 2 ? len : head == 4 ? 126 : 127));
        assert_memory_equal(out + head, key, sizeof(key));
        for (size_t j = 0; j < len; j++)
            assert_int_equal((unsigned char)out[head + 4 + j], key[j % 4]);
    }
    ws_frame_write(out, WS_TEXT, data, 65536, mask);
    assert_memory_equal(out + 2, "\0\0\0\0\0\1\0\0", 8);
    mem_free(out);
    mem_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_every_length_come_whole),
        cmocka_unit_test(fragments_are_joined_around_control_frames),
        cmocka_unit_test(many_fragments_keep_to_the_bound),
        cmocka_unit_test(what_breaks_the_protocol_ends_it),
        cmocka_unit_test(close_codes_are_those_that_may_be_sent),
        cmocka_unit_test(messages_are_handed_out_where_they_were_read),
        cmocka_unit_test(a_large_buffer_is_given_back),
        cmocka_unit_test(client_frames_are_masked),
    };

    srand(1);
    return cmocka_run_group_tests_name("net/ws_frame", tests, NULL, NULL);
}
