/* SPDX-License-Identifier: Apache-2.0
 *
 * The messages between the host and an isolated agent's process: what is sent comes out, and what
 * does not hold is told as such.
 */
#include "plugin_fixture.h"

#include "plugin/wire.h"

/* Reads all frames of a message; the status of the last one. */
static troupe_status pass(const struct wire_head *head, const char *payload, size_t len,
                          struct wire_reader *reader, unsigned *ret_frames)
{
    char *frame = malloc(sizeof(struct wire_head) + WIRE_FRAME_MAX);
    troupe_status status = TROUPE_END;
    struct wire_head part;
    struct error err = {0};
    size_t at = 0, from = 0;
    bool begun = false;

    *ret_frames = 0;
    while (wire_next(head, len, &at, &begun, &part)) {
        assert_int_equal(status, TROUPE_END);
        memcpy(frame, &part, sizeof(part));
        memcpy(frame + sizeof(part), payload + from, part.length);
        status = wire_read(reader, frame, sizeof(part) + part.length, &err);
        ++*ret_frames;
        from = at;
    }
    free(frame);
    return status;
}

static void messages_of_any_length_arrive_whole(void **state)
{
    static const size_t lengths[] = {
        0, 1, WIRE_FRAME_MAX - 1, WIRE_FRAME_MAX, WIRE_FRAME_MAX + 1, 3 * WIRE_FRAME_MAX, 200001};
    const struct wire_head head = {
        .kind = WIRE_CALL, .id = 7, .sequence = 3, .arg = WIRE_DO_REPLY, .status = -4};
    struct wire_reader reader = {0};
    char *payload = malloc(200001);

    (void)state;
    for (size_t i = 0; i < 200001; i++)
        payload[i] = (char)(i * 7);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        size_t len = lengths[i], frames = (len + WIRE_FRAME_MAX - 1) / WIRE_FRAME_MAX;
        unsigned sent;

        assert_int_equal(pass(&head, payload, len, &reader, &sent), TROUPE_OK);
        assert_int_equal(sent, frames ? frames : 1);
        assert_int_equal(reader.payload.len, len);
        assert_memory_equal(buf_text(&reader.payload), payload, len);
        assert_int_equal(reader.head.kind, WIRE_CALL);
        assert_int_equal(reader.head.id, 7);
        assert_int_equal(reader.head.sequence, 3);
        assert_int_equal(reader.head.status, -4);
        assert_int_equal(reader.head.total, len);
    }
    free(payload);
    wire_reader_clear(&reader);
}

static void refuse(struct wire_reader *reader, const void *frame, size_t len, const char *why)
{
    struct error err = {0};
    troupe_status status = wire_read(reader, frame, len, &err);

    assert_true(status < 0 && status != TROUPE_END);
    if (!strstr(err.text, why))
        fail_msg("%s", err.text);
}

static void frames_that_do_not_hold_are_refused(void **state)
{
    struct wire_head head = {.kind = WIRE_LOG, .length = 4, .total = 4};
    struct {
        struct wire_head head;
        char payload[WIRE_FRAME_MAX];
    } *frame = calloc(1, sizeof(*frame));
    struct wire_reader reader = {0};
    struct error err;

    (void)state;
    refuse(&reader, &head, sizeof(head) - 1, "too short");
    frame->head = head;
    refuse(&reader, frame, sizeof(head) + 3, "says 4 bytes and has 3");
    frame->head.total = WIRE_PAYLOAD_MAX + 1ull;
    refuse(&reader, frame, sizeof(head) + 4, "at most");
    frame->head.total = 5;
    refuse(&reader, frame, sizeof(head) + 4, "not as long as it says");
    frame->head.total = 3;
    refuse(&reader, frame, sizeof(head) + 4, "not as long as it says");
    frame->head = head;
    frame->head.flags = 0x80;
    refuse(&reader, frame, sizeof(head) + 4, "flags");
    frame->head.flags = WIRE_MORE;
    frame->head.total = 100;
    refuse(&reader, frame, sizeof(head) + 4, "not full");
    /* The first of two, and then something else. */
    frame->head = (struct wire_head){.kind = WIRE_LOG,
                                     .flags = WIRE_MORE,
                                     .length = WIRE_FRAME_MAX,
                                     .total = WIRE_FRAME_MAX + 4};
    assert_int_equal(wire_read(&reader, frame, sizeof(*frame), &err), TROUPE_END);
    frame->head = head;
    refuse(&reader, frame, sizeof(head) + 4, "inside another");
    free(frame);
    wire_reader_clear(&reader);
}

static void what_was_put_is_taken(void **state)
{
    const troupe_value text = {TROUPE_TYPE_STRING, 0, {.s = {"a\0b", 3}}},
                       real = {TROUPE_TYPE_FLOAT, 0, {.f = -0.25}};
    struct buf out = BUF_INIT;
    struct wire_in in;
    troupe_value value;
    uint64_t len;

    (void)state;
    wire_put_int(&out, INT64_MIN);
    wire_put_text(&out, "text");
    wire_put_text(&out, NULL);
    wire_put_bytes(&out, NULL, 5);
    wire_put_bytes(&out, "", 0);
    wire_put_value(&out, &text);
    wire_put_value(&out, &real);
    in = (struct wire_in){out.data, out.len, false};
    assert_true(wire_take_int(&in) == INT64_MIN);
    assert_string_equal(wire_take_text(&in), "text");
    assert_null(wire_take_text(&in));
    assert_null(wire_take_bytes(&in, &len));
    assert_int_equal(len, 5);
    assert_string_equal(wire_take_text(&in), "");
    value = wire_take_value(&in);
    assert_int_equal(value.u.s.len, 3);
    assert_memory_equal(value.u.s.ptr, "a\0b", 4);
    value = wire_take_value(&in);
    assert_true(value.type == TROUPE_TYPE_FLOAT && value.u.f == -0.25);
    assert_true(wire_taken(&in));
    assert_int_equal(wire_take_int(&in), 0);
    assert_false(wire_taken(&in));
    buf_clear(&out);
}

static void what_was_cut_is_bad(void **state)
{
    struct buf out = BUF_INIT;

    (void)state;
    wire_put_text(&out, "seven");
    wire_put_int(&out, 7);
    for (size_t len = 0; len < out.len; len++) {
        struct wire_in in = {out.data, len, false};

        (void)wire_take_text(&in);
        (void)wire_take_int(&in);
        assert_false(wire_taken(&in));
    }
    buf_clear(&out);
    /* A text with a NUL inside is none. */
    wire_put_bytes(&out, "a\0b", 3);
    {
        struct wire_in in = {out.data, out.len, false};

        assert_null(wire_take_text(&in));
        assert_true(in.bad);
    }
    buf_clear(&out);
    wire_put_bytes(&out, "x", UINT64_MAX);
    assert_int_equal(out.max, WIRE_TOO_LONG);
    buf_clear(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_of_any_length_arrive_whole),
        cmocka_unit_test(frames_that_do_not_hold_are_refused),
        cmocka_unit_test(what_was_put_is_taken),
        cmocka_unit_test(what_was_cut_is_bad),
    };

    return cmocka_run_group_tests_name("plugin/wire", tests, NULL, NULL);
}
