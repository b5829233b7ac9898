/* SPDX-License-Identifier: Apache-2.0
 *
 * Results of recorded calls as bytes: numbers of eight bytes in the machine's order, texts with their
 * length before them. Read back by the same build or a later one, on the same machine; what the bytes
 * mean is each call's own, its version is RECORD_FORMAT. Reading never passes the end: from the first
 * piece that does not fit on, everything is 0 or empty and `bad` stays true. Pure.
 */
#ifndef TURN_PACK_H
#define TURN_PACK_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static inline void pack_int(struct buf *out, int64_t value)
{
    buf_append(out, &value, sizeof(value));
}

/* Puts another number where one stands. */
static inline void pack_set_int(struct buf *out, size_t at, int64_t value)
{
    memcpy(out->data + at, &value, sizeof(value));
}

static inline void pack_bytes(struct buf *out, const void *data, size_t len)
{
    pack_int(out, (int64_t)len);
    buf_append(out, data, len);
}

static inline void pack_text(struct buf *out, const char *text)
{
    pack_bytes(out, text ? text : "", text ? strlen(text) : 0);
}

struct unpack {
    const char *at;
    size_t left;
    bool bad;
};

static inline int64_t unpack_int(struct unpack *in)
{
    int64_t value = 0;

    if (in->bad || in->left < sizeof(value)) {
        in->bad = true;
        return 0;
    }
    memcpy(&value, in->at, sizeof(value));
    in->at += sizeof(value);
    in->left -= sizeof(value);
    return value;
}

/* Borrowed from what is read; not NUL-terminated. */
static inline const char *unpack_bytes(struct unpack *in, size_t *ret_len)
{
    int64_t len = unpack_int(in);
    const char *data = in->at;

    *ret_len = 0;
    if (in->bad || len < 0 || (uint64_t)len > in->left) {
        in->bad = true;
        return "";
    }
    in->at += len;
    in->left -= (size_t)len;
    *ret_len = (size_t)len;
    return data;
}

/* Copied into `out`, cut to its size. */
static inline void unpack_text(struct unpack *in, char *out, size_t size)
{
    size_t len;
    const char *data = unpack_bytes(in, &len);

    len = len < size ? len : size - 1;
    memcpy(out, data, len);
    out[len] = '\0';
}

#endif
