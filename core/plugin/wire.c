/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/wire.h"

/* NULL is told by a length below 0, which holds the one that came with it: whoever passes that on
 * passes on the same mistake. */
#define LEN_MAX ((uint64_t)1 << 60)

/* ---- frames --------------------------------------------------------------------------------- */

static bool same_message(const struct wire_head *a, const struct wire_head *b)
{
    return a->kind == b->kind && a->id == b->id && a->sequence == b->sequence && a->arg == b->arg &&
           a->status == b->status && a->total == b->total;
}

static troupe_status check_frame(const struct wire_head *head, size_t len, struct error *err)
{
    if (head->length != len)
        return error_set(err, TROUPE_DATA, "a frame says %u bytes and has %zu", head->length, len);
    if (head->length > WIRE_FRAME_MAX || head->total > WIRE_PAYLOAD_MAX)
        return error_set(err, TROUPE_LIMIT, "a message of %llu bytes, at most %u are possible",
                         (unsigned long long)head->total, WIRE_PAYLOAD_MAX);
    if (head->flags & ~WIRE_MORE)
        return error_set(err, TROUPE_DATA, "a frame has flags (0x%x) that nobody knows",
                         head->flags);
    /* A long message in crumbs would cost more than it carries. */
    if ((head->flags & WIRE_MORE) && head->length != WIRE_FRAME_MAX)
        return error_set(err, TROUPE_DATA, "a frame that is not the last one is not full");
    return TROUPE_OK;
}

troupe_status wire_read(struct wire_reader *reader, const void *frame, size_t len,
                        struct error *err)
{
    struct wire_head head;
    troupe_status status;
    bool more;

    if (len < sizeof(head))
        return error_set(err, TROUPE_DATA, "a frame of %zu bytes is too short", len);
    memcpy(&head, frame, sizeof(head));
    len -= sizeof(head);
    if ((status = check_frame(&head, len, err)) < 0)
        return status;
    if (!reader->begun) {
        reader->head = head;
        buf_reset(&reader->payload);
    } else if (!same_message(&head, &reader->head)) {
        return error_set(err, TROUPE_DATA, "a message begins inside another one");
    }
    more = head.flags & WIRE_MORE;
    if (len > head.total - reader->payload.len || (reader->payload.len + len == head.total) == more)
        return error_set(err, TROUPE_DATA, "the frames of a message are not as long as it says");
    /* Grown as it comes: a length that is only claimed costs nothing. */
    buf_append(&reader->payload, (const char *)frame + sizeof(head), len);
    reader->begun = more;
    return more ? TROUPE_END : TROUPE_OK;
}

void wire_reader_clear(struct wire_reader *reader)
{
    buf_clear(&reader->payload);
    reader->begun = false;
}

bool wire_next(const struct wire_head *head, size_t total, size_t *at, bool *begun,
               struct wire_head *ret)
{
    size_t left = total - *at;

    if (*begun && !left)
        return false;
    *begun = true;
    *ret = *head;
    ret->total = total;
    ret->length = (uint32_t)(left < WIRE_FRAME_MAX ? left : WIRE_FRAME_MAX);
    ret->flags = left > WIRE_FRAME_MAX ? WIRE_MORE : 0;
    *at += ret->length;
    return true;
}

/* ---- payloads -------------------------------------------------------------------------------- */

void wire_put_int(struct buf *out, int64_t value)
{
    buf_append(out, &value, sizeof(value));
}

void wire_put_bytes(struct buf *out, const void *data, uint64_t len)
{
    if (len > LEN_MAX)
        len = LEN_MAX;
    if (!data) {
        wire_put_int(out, -1 - (int64_t)len);
        return;
    }
    if (len > WIRE_PAYLOAD_MAX || out->len > WIRE_PAYLOAD_MAX) {
        out->max = WIRE_TOO_LONG;
        return;
    }
    wire_put_int(out, (int64_t)len);
    buf_append(out, data, (size_t)len);
    buf_putc(out, '\0');
}

void wire_put_text(struct buf *out, const char *text)
{
    wire_put_bytes(out, text, text ? strlen(text) : 0);
}

static bool is_bytes(uint32_t type)
{
    return type == TROUPE_TYPE_STRING || type == TROUPE_TYPE_JSON || type == TROUPE_TYPE_URL ||
           type == TROUPE_TYPE_PATH || type == TROUPE_TYPE_LIST || type == TROUPE_TYPE_BLOB;
}

void wire_put_value(struct buf *out, const troupe_value *value)
{
    wire_put_int(out, value->type);
    if (is_bytes(value->type))
        wire_put_bytes(out, value->u.s.ptr, value->u.s.len);
    else
        wire_put_int(out, value->type == TROUPE_TYPE_NULL ? 0 : value->u.i);
}

int64_t wire_take_int(struct wire_in *in)
{
    int64_t value;

    if (in->bad || in->left < sizeof(value)) {
        in->bad = true;
        return 0;
    }
    memcpy(&value, in->at, sizeof(value));
    in->at += sizeof(value);
    in->left -= sizeof(value);
    return value;
}

uint64_t wire_take_count(struct wire_in *in, uint64_t max)
{
    uint64_t count = (uint64_t)wire_take_int(in);

    if (count <= max)
        return count;
    in->bad = true;
    return 0;
}

const char *wire_take_bytes(struct wire_in *in, uint64_t *ret_len)
{
    int64_t told = wire_take_int(in);
    uint64_t len = (uint64_t)told;
    const char *bytes = in->at;

    *ret_len = 0;
    if (in->bad)
        return NULL;
    if (told < 0) {
        *ret_len = (uint64_t)(-1 - told);
        return NULL;
    }
    if (len >= in->left || in->at[len] != '\0') {
        in->bad = true;
        return NULL;
    }
    in->at += len + 1;
    in->left -= (size_t)len + 1;
    *ret_len = len;
    return bytes;
}

const char *wire_take_text(struct wire_in *in)
{
    uint64_t len;
    const char *text = wire_take_bytes(in, &len);

    if (text && strlen(text) != len)
        in->bad = true;
    return in->bad ? NULL : text;
}

troupe_str wire_take_str(struct wire_in *in)
{
    uint64_t len;
    const char *text = wire_take_bytes(in, &len);

    return (troupe_str){text, len};
}

troupe_value wire_take_value(struct wire_in *in)
{
    uint64_t type = wire_take_count(in, TROUPE_TYPE_BLOB);
    troupe_value value = {.type = (uint32_t)type};

    if (is_bytes(value.type))
        value.u.s = wire_take_str(in);
    else
        value.u.i = wire_take_int(in);
    if (in->bad)
        value = (troupe_value){.type = TROUPE_TYPE_NULL};
    return value;
}

troupe_status wire_state_write(void *stream, const void *data, uint64_t len)
{
    return buf_append(stream, data, (size_t)len);
}

troupe_status wire_state_read(void *stream, void *data, uint64_t len)
{
    struct wire_in *in = stream;

    if (in->left == 0 && len > 0)
        return TROUPE_END;
    if (len > in->left)
        return TROUPE_DATA;
    if (len)
        memcpy(data, in->at, (size_t)len);
    in->at += len;
    in->left -= (size_t)len;
    return TROUPE_OK;
}
