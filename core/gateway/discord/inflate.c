/* SPDX-License-Identifier: Apache-2.0
 *
 * zlib-stream is unpacked as it comes and not gathered first: whether a message of the gateway's is
 * whole shows in the last four bytes of the stream so far, wherever they were cut.
 */
#include "gateway/discord/inflate.h"

#include "base/mem.h"

#include <limits.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define OUT_FIRST      ((size_t)64 * 1024)
#define OUT_KEPT       ((size_t)1024 * 1024) /* a larger one is given back before the next message */
#define ZSTD_WINDOW    25 /* log2 of the bytes that a frame may refer back to   */
#define FLUSH_MARK     "\0\0\xff\xff"
#define FLUSH_MARK_LEN 4
#define ZLIB_FIRST     '\x78' /* the first byte of RFC 1950 with a window of 32 kB */

struct discord_inflate {
    enum discord_compress compress;
    z_stream zlib; /* also of payload compression */
    bool zlib_open;
    ZSTD_DStream *zstd;
    char *out; /* `size` bytes and one for a NUL */
    size_t size, len;
    bool whole;                /* what is in `out` was handed out           */
    char tail[FLUSH_MARK_LEN]; /* of the packed stream, across its messages */
};

const char *discord_compress_name(enum discord_compress compress)
{
    switch (compress) {
    case DISCORD_ZLIB: return "zlib-stream";
    case DISCORD_ZSTD: return "zstd-stream";
    case DISCORD_PLAIN: break;
    }
    return NULL;
}

struct discord_inflate *discord_inflate_new(enum discord_compress compress)
{
    struct discord_inflate *unpack = mem_zero(1, sizeof(*unpack));
    bool ready = true;

    unpack->compress = compress;
    unpack->whole = true;
    if (compress == DISCORD_ZSTD) {
        unpack->zstd = ZSTD_createDStream();
        ready =
            unpack->zstd &&
            !ZSTD_isError(ZSTD_DCtx_setParameter(unpack->zstd, ZSTD_d_windowLogMax, ZSTD_WINDOW));
    } else if (compress == DISCORD_ZLIB) {
        ready = unpack->zlib_open = inflateInit(&unpack->zlib) == Z_OK;
    }
    if (ready)
        return unpack;
    discord_inflate_free(unpack);
    return NULL;
}

void discord_inflate_free(struct discord_inflate *unpack)
{
    if (!unpack)
        return;
    if (unpack->zlib_open)
        inflateEnd(&unpack->zlib);
    ZSTD_freeDStream(unpack->zstd);
    mem_free(unpack->out);
    mem_free(unpack);
}

/* ---- the unpacked text ---------------------------------------------------------------------- */

static void begin(struct discord_inflate *unpack)
{
    unpack->len = 0;
    unpack->whole = false;
    if (unpack->size <= OUT_KEPT)
        return;
    mem_free(unpack->out);
    unpack->out = NULL;
    unpack->size = 0;
}

/* Makes room behind what is there. */
static troupe_status grow(struct discord_inflate *unpack, struct error *err)
{
    size_t size = unpack->size ? 2 * unpack->size : OUT_FIRST;
    char *out;

    if (unpack->len < unpack->size)
        return TROUPE_OK;
    if (unpack->size >= DISCORD_MESSAGE_MAX)
        return error_set(err, TROUPE_LIMIT, "a message of the gateway unpacks to more than %zu MB",
                         DISCORD_MESSAGE_MAX >> 20);
    out = mem_try(size + 1);
    if (!out)
        return error_set(err, TROUPE_NOMEM, "no memory for a message of the gateway");
    if (unpack->len > 0)
        memcpy(out, unpack->out, unpack->len);
    mem_free(unpack->out);
    unpack->out = out;
    unpack->size = size;
    return TROUPE_OK;
}

static troupe_status torn(struct error *err)
{
    return error_set(err, TROUPE_DATA, "what the gateway sent cannot be unpacked");
}

/* ---- zlib ----------------------------------------------------------------------------------- */

/* Unpacks all of `data`; gives zlib's last word. */
static troupe_status run_zlib(struct discord_inflate *unpack, char *data, size_t len, int *ret_code,
                              struct error *err)
{
    z_stream *zlib = &unpack->zlib;

    if (len > UINT_MAX)
        return torn(err);
    zlib->next_in = (Bytef *)data;
    zlib->avail_in = (uInt)len;
    for (;;) {
        troupe_status status = grow(unpack, err);
        size_t room;

        if (status != TROUPE_OK)
            return status;
        room = unpack->size - unpack->len; /* below 2^32: DISCORD_MESSAGE_MAX */
        zlib->next_out = (Bytef *)unpack->out + unpack->len;
        zlib->avail_out = (uInt)room;
        *ret_code = inflate(zlib, Z_SYNC_FLUSH);
        unpack->len += room - zlib->avail_out;
        /* Z_BUF_ERROR: nothing was left to do, which a full buffer cannot tell before. */
        if (*ret_code != Z_OK && *ret_code != Z_BUF_ERROR && *ret_code != Z_STREAM_END)
            return torn(err);
        if (*ret_code == Z_STREAM_END || zlib->avail_out > 0)
            return TROUPE_OK;
    }
}

static void note_tail(struct discord_inflate *unpack, const char *data, size_t len)
{
    if (len >= FLUSH_MARK_LEN) {
        memcpy(unpack->tail, data + len - FLUSH_MARK_LEN, FLUSH_MARK_LEN);
    } else {
        memmove(unpack->tail, unpack->tail + len, FLUSH_MARK_LEN - len);
        memcpy(unpack->tail + FLUSH_MARK_LEN - len, data, len);
    }
}

static troupe_status take_zlib(struct discord_inflate *unpack, char *data, size_t len,
                               struct error *err)
{
    troupe_status status;
    int code = Z_OK;

    note_tail(unpack, data, len);
    status = run_zlib(unpack, data, len, &code, err);
    if (status != TROUPE_OK)
        return status;
    if (code == Z_STREAM_END || unpack->zlib.avail_in > 0) /* the stream never ends */
        return torn(err);
    unpack->whole = memcmp(unpack->tail, FLUSH_MARK, FLUSH_MARK_LEN) == 0;
    return TROUPE_OK;
}

/* Payload compression: a stream of its own for each message. */
static troupe_status take_packet(struct discord_inflate *unpack, char *data, size_t len,
                                 struct error *err)
{
    troupe_status status;
    int code = Z_OK;

    if (len == 0 || *data != ZLIB_FIRST)
        return torn(err);
    if (!unpack->zlib_open && inflateInit(&unpack->zlib) != Z_OK)
        return error_set(err, TROUPE_NOMEM, "no memory to unpack a message of the gateway");
    unpack->zlib_open = true;
    inflateReset(&unpack->zlib);
    status = run_zlib(unpack, data, len, &code, err);
    if (status != TROUPE_OK)
        return status;
    unpack->whole = code == Z_STREAM_END && unpack->zlib.avail_in == 0;
    return unpack->whole ? TROUPE_OK : torn(err);
}

/* ---- zstd ----------------------------------------------------------------------------------- */

/* The frame of zstd's goes on, so its word that it is not done means nothing: a message is whole
 * when all of it was taken and room was left for more. */
static troupe_status take_zstd(struct discord_inflate *unpack, const char *data, size_t len,
                               struct error *err)
{
    ZSTD_inBuffer in = {data, len, 0};

    do {
        troupe_status status = grow(unpack, err);
        ZSTD_outBuffer out = {unpack->out, unpack->size, unpack->len};

        if (status != TROUPE_OK)
            return status;
        if (ZSTD_isError(ZSTD_decompressStream(unpack->zstd, &out, &in)))
            return torn(err);
        unpack->len = out.pos;
    } while (in.pos < in.size || unpack->len == unpack->size);
    unpack->whole = true;
    return unpack->len > 0 ? TROUPE_OK : torn(err);
}

troupe_status discord_inflate_take(struct discord_inflate *unpack, bool binary, char *data,
                                   size_t len, char **ret, size_t *ret_len, struct error *err)
{
    troupe_status status;

    if (unpack->compress == DISCORD_PLAIN && !binary) {
        if (len > DISCORD_MESSAGE_MAX)
            return error_set(err, TROUPE_LIMIT, "a message of the gateway is above %zu MB",
                             DISCORD_MESSAGE_MAX >> 20);
        *ret = data;
        *ret_len = len;
        return TROUPE_OK;
    }
    if (!binary)
        return error_set(err, TROUPE_DATA, "the gateway sent a plain message in a packed stream");
    if (unpack->whole)
        begin(unpack);
    switch (unpack->compress) {
    case DISCORD_ZLIB: status = take_zlib(unpack, data, len, err); break;
    case DISCORD_ZSTD: status = take_zstd(unpack, data, len, err); break;
    default: status = take_packet(unpack, data, len, err); break;
    }
    if (status != TROUPE_OK)
        return status;
    if (unpack->whole && unpack->out && unpack->len > 0) {
        unpack->out[unpack->len] = '\0';
        *ret = unpack->out;
        *ret_len = unpack->len;
    } else {
        *ret = NULL;
        *ret_len = 0;
    }
    return TROUPE_OK;
}
