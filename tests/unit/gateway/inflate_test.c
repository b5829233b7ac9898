/* SPDX-License-Identifier: Apache-2.0
 *
 * The three ways in which the gateway packs its messages. The packing side is zlib and zstd.
 */
#include "tap.h"

#include "base/buf.h"
#include "base/mem.h"
#include "gateway/discord/inflate.h"

#include <string.h>
#include <zlib.h>
#include <zstd.h>

enum { MESSAGES = 40 };

/* A message whose size depends on `i`: some are larger than the first buffer. */
static void make_text(unsigned i, struct buf *out)
{
    buf_reset(out);
    buf_printf(out, "{\"op\":0,\"s\":%u,\"d\":\"", i);
    for (unsigned n = 0; n < i * i * 20; n++)
        buf_printf(out, "%u ", n * i);
    buf_puts(out, "\"}");
}

/* ---- the packing side ------------------------------------------------------------------------ */

static void deflate_into(z_stream *zlib, const char *text, size_t len, int flush, struct buf *out)
{
    char piece[4096];

    zlib->next_in = (Bytef *)(uintptr_t)text;
    zlib->avail_in = (uInt)len;
    do {
        zlib->next_out = (Bytef *)piece;
        zlib->avail_out = sizeof(piece);
        assert_int_not_equal(deflate(zlib, flush), Z_STREAM_ERROR);
        buf_append(out, piece, sizeof(piece) - zlib->avail_out);
    } while (zlib->avail_out == 0);
}

static void zstd_into(ZSTD_CStream *zstd, const char *text, size_t len, struct buf *out)
{
    ZSTD_inBuffer in = {text, len, 0};
    char piece[4096];
    size_t left;

    do {
        ZSTD_outBuffer to = {piece, sizeof(piece), 0};

        left = ZSTD_compressStream2(zstd, &to, &in, ZSTD_e_flush);
        assert_false(ZSTD_isError(left));
        buf_append(out, piece, to.pos);
    } while (left > 0);
}

static void packet(const char *text, struct buf *out)
{
    z_stream zlib = {0};

    assert_int_equal(deflateInit(&zlib, 6), Z_OK);
    deflate_into(&zlib, text, strlen(text), Z_FINISH, out);
    deflateEnd(&zlib);
}

/* ---- the unpacking side ---------------------------------------------------------------------- */

static troupe_status take(struct discord_inflate *inflater, bool binary, struct buf *wire,
                          char **ret, size_t *ret_len)
{
    struct error err = {0};
    troupe_status status =
        discord_inflate_take(inflater, binary, wire->data, wire->len, ret, ret_len, &err);

    assert_status(status, err.status);
    return status;
}

static void expect_text(struct discord_inflate *inflater, struct buf *wire, const struct buf *text)
{
    char *got = NULL;
    size_t len = 0;

    assert_status(take(inflater, true, wire, &got, &len), TROUPE_OK);
    assert_non_null(got);
    assert_int_equal(len, text->len);
    assert_string_equal(got, text->data); /* so the NUL is there */
}

static void a_zlib_stream_gives_each_message(void **state)
{
    struct discord_inflate *inflater = discord_inflate_new(DISCORD_ZLIB);
    _cleanup_buf_ struct buf text = BUF_INIT, wire = BUF_INIT;
    z_stream zlib = {0};

    (void)state;
    assert_non_null(inflater);
    assert_string_equal(discord_compress_name(DISCORD_ZLIB), "zlib-stream");
    assert_int_equal(deflateInit(&zlib, 6), Z_OK);
    for (unsigned i = 0; i < MESSAGES; i++) {
        make_text(i, &text);
        buf_reset(&wire);
        deflate_into(&zlib, text.data, text.len, Z_SYNC_FLUSH, &wire);
        expect_text(inflater, &wire, &text);
    }
    deflateEnd(&zlib);
    discord_inflate_free(inflater);
}

static void a_message_of_zlib_may_span_websocket_messages(void **state)
{
    struct discord_inflate *inflater = discord_inflate_new(DISCORD_ZLIB);
    _cleanup_buf_ struct buf text = BUF_INIT, wire = BUF_INIT;
    z_stream zlib = {0};

    (void)state;
    assert_int_equal(deflateInit(&zlib, 6), Z_OK);
    for (unsigned i = 0; i < 12; i++) {
        make_text(i, &text);
        buf_reset(&wire);
        deflate_into(&zlib, text.data, text.len, Z_SYNC_FLUSH, &wire);
        for (size_t at = 0; at < wire.len; at++) { /* the mark is cut everywhere, too */
            char byte[2] = {wire.data[at]}, *got = byte;
            size_t len = 1;

            assert_status(discord_inflate_take(inflater, true, byte, 1, &got, &len, NULL),
                          TROUPE_OK);
            if (at + 1 < wire.len) {
                assert_null(got);
                continue;
            }
            assert_int_equal(len, text.len);
            assert_string_equal(got, text.data);
        }
    }
    deflateEnd(&zlib);
    discord_inflate_free(inflater);
}

static void a_zstd_stream_gives_each_message_without_ending_a_frame(void **state)
{
    struct discord_inflate *inflater = discord_inflate_new(DISCORD_ZSTD);
    ZSTD_CStream *zstd = ZSTD_createCStream();
    _cleanup_buf_ struct buf text = BUF_INIT, wire = BUF_INIT;

    (void)state;
    assert_non_null(inflater);
    assert_string_equal(discord_compress_name(DISCORD_ZSTD), "zstd-stream");
    for (unsigned i = 0; i < MESSAGES; i++) {
        make_text(i, &text);
        buf_reset(&wire);
        zstd_into(zstd, text.data, text.len, &wire);
        expect_text(inflater, &wire, &text);
    }
    ZSTD_freeCStream(zstd);
    discord_inflate_free(inflater);
}

static void plain_text_passes_in_place(void **state)
{
    struct discord_inflate *inflater = discord_inflate_new(DISCORD_PLAIN);
    char text[] = "{}", *got = NULL;
    size_t len = 0;

    (void)state;
    assert_null(discord_compress_name(DISCORD_PLAIN));
    assert_status(discord_inflate_take(inflater, false, text, 2, &got, &len, NULL), TROUPE_OK);
    assert_ptr_equal(got, text);
    assert_int_equal(len, 2);
    discord_inflate_free(inflater);
}

static void packed_payloads_come_between_plain_ones(void **state)
{
    struct discord_inflate *inflater = discord_inflate_new(DISCORD_PLAIN);
    _cleanup_buf_ struct buf text = BUF_INIT, wire = BUF_INIT;

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        char *got = NULL;
        size_t len = 0;

        make_text(i, &text);
        buf_reset(&wire);
        packet(text.data, &wire);
        expect_text(inflater, &wire, &text);
        assert_status(take(inflater, false, &text, &got, &len), TROUPE_OK);
        assert_ptr_equal(got, text.data);
    }
    discord_inflate_free(inflater);
}

static void what_is_torn_is_refused(void **state)
{
    static const char good[] = "{\"op\":11}";
    _cleanup_buf_ struct buf text = BUF_INIT, whole = BUF_INIT, zstd_wire = BUF_INIT;
    ZSTD_CStream *zstd = ZSTD_createCStream();
    static const enum discord_compress all[] = {DISCORD_PLAIN, DISCORD_ZLIB, DISCORD_ZSTD};

    (void)state;
    packet(good, &whole);
    zstd_into(zstd, good, strlen(good), &zstd_wire);
    ZSTD_freeCStream(zstd);
    for (size_t i = 0; i < 3; i++) {
        char junk[] = "\x01\x02\x03\x04 junk", *got = NULL;
        struct discord_inflate *inflater = discord_inflate_new(all[i]);
        struct error err = {0};
        size_t len = 0;

        assert_status(discord_inflate_take(inflater, true, junk, 9, &got, &len, &err), TROUPE_DATA);
        discord_inflate_free(inflater);
        if (all[i] == DISCORD_PLAIN)
            continue;
        inflater = discord_inflate_new(all[i]); /* no packed stream at all */
        buf_reset(&text);
        buf_puts(&text, good);
        assert_status(take(inflater, false, &text, &got, &len), TROUPE_DATA);
        discord_inflate_free(inflater);
    }
    for (size_t cut = 0; cut < whole.len; cut++) { /* a packet that lacks its end */
        struct discord_inflate *inflater = discord_inflate_new(DISCORD_PLAIN);
        char *got = NULL, *copy = mem_copy(whole.data, whole.len);
        size_t len = 0;

        assert_status(discord_inflate_take(inflater, true, copy, cut, &got, &len, NULL),
                      TROUPE_DATA);
        mem_free(copy);
        discord_inflate_free(inflater);
    }
    buf_puts(&whole, "x"); /* or has something behind it */
    struct discord_inflate *inflater = discord_inflate_new(DISCORD_PLAIN);
    char *got = NULL;
    size_t len = 0;
    assert_status(take(inflater, true, &whole, &got, &len), TROUPE_DATA);
    discord_inflate_free(inflater);
    inflater = discord_inflate_new(DISCORD_ZSTD); /* a message of zstd's that holds nothing */
    zstd_wire.len = 3;
    assert_status(take(inflater, true, &zstd_wire, &got, &len), TROUPE_DATA);
    discord_inflate_free(inflater);
}

static void a_zlib_stream_that_ends_is_refused(void **state)
{
    struct discord_inflate *inflater = discord_inflate_new(DISCORD_ZLIB);
    _cleanup_buf_ struct buf wire = BUF_INIT;
    char *got = NULL;
    size_t len = 0;

    (void)state;
    packet("{}", &wire);
    assert_status(take(inflater, true, &wire, &got, &len), TROUPE_DATA);
    discord_inflate_free(inflater);
}

/* 40 MB of zeroes, a few kB when packed. */
static void a_bomb_ends_at_the_limit(void **state)
{
    const size_t size = DISCORD_MESSAGE_MAX + 8 * 1024 * 1024;
    char *zeroes = mem_zero(1, size), *got = NULL;
    _cleanup_buf_ struct buf zlib_wire = BUF_INIT, packet_wire = BUF_INIT, zstd_wire = BUF_INIT;
    ZSTD_CStream *zstd = ZSTD_createCStream();
    z_stream zlib = {0};
    size_t len = 0;

    (void)state;
    deflateInit(&zlib, 6);
    deflate_into(&zlib, zeroes, size, Z_SYNC_FLUSH, &zlib_wire);
    deflateEnd(&zlib);
    deflateInit(&zlib, 6);
    deflate_into(&zlib, zeroes, size, Z_FINISH, &packet_wire);
    deflateEnd(&zlib);
    zstd_into(zstd, zeroes, size, &zstd_wire);
    ZSTD_freeCStream(zstd);
    mem_free(zeroes);

    struct {
        enum discord_compress compress;
        struct buf *wire;
    } cases[] = {
        {DISCORD_ZLIB, &zlib_wire}, {DISCORD_PLAIN, &packet_wire}, {DISCORD_ZSTD, &zstd_wire}};

    for (size_t i = 0; i < 3; i++) {
        struct discord_inflate *inflater = discord_inflate_new(cases[i].compress);

        assert_true(cases[i].wire->len < 100000);
        assert_status(take(inflater, true, cases[i].wire, &got, &len), TROUPE_LIMIT);
        discord_inflate_free(inflater);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_zlib_stream_gives_each_message),
        cmocka_unit_test(a_message_of_zlib_may_span_websocket_messages),
        cmocka_unit_test(a_zstd_stream_gives_each_message_without_ending_a_frame),
        cmocka_unit_test(plain_text_passes_in_place),
        cmocka_unit_test(packed_payloads_come_between_plain_ones),
        cmocka_unit_test(what_is_torn_is_refused),
        cmocka_unit_test(a_zlib_stream_that_ends_is_refused),
        cmocka_unit_test(a_bomb_ends_at_the_limit),
    };

    return cmocka_run_group_tests_name("gateway/inflate", tests, NULL, NULL);
}
