/* SPDX-License-Identifier: Apache-2.0 */
#include "net/ws_frame.h"

#include "base/mem.h"
#include "base/text.h"

#include <string.h>

enum { FIN = 0x80, RESERVED = 0x70, OPCODE = 0x0f, MASKED = 0x80, LENGTH = 0x7f };
enum { LENGTH_16 = 126, LENGTH_64 = 127 };

enum { NORMAL = 1000, PROTOCOL_ERROR = 1002, NO_CODE = 1005, BAD_PAYLOAD = 1007, TOO_BIG = 1009 };

struct head {
    bool fin;
    unsigned opcode;
    size_t size; /* of the head itself */
    uint64_t len;
};

/* ---- buffer -------------------------------------------------------------------------------- */

void ws_reader_init(struct ws_reader *reader, size_t max_message)
{
    *reader = (struct ws_reader){.max_message = max_message, .size = WS_BUFFER_SIZE};
    reader->buffer = mem_alloc(WS_BUFFER_SIZE + 1);
}

void ws_reader_clear(struct ws_reader *reader)
{
    mem_free(reader->buffer);
    *reader = (struct ws_reader){0};
}

static void mend(struct ws_reader *reader)
{
    if (reader->cut)
        *reader->cut = reader->cut_byte;
    reader->cut = NULL;
}

/* Behind the data stands the next frame, whose first byte is put back before anybody reads on. */
static void cut(struct ws_reader *reader, char *end)
{
    reader->cut = end;
    reader->cut_byte = *end;
    *end = '\0';
}

/* Moves what is kept to the front: joined fragments, directly behind them what is not parsed. */
static void compact(struct ws_reader *reader)
{
    size_t left = reader->end - reader->pos;

    if (reader->message > 0)
        memmove(reader->buffer, reader->buffer + reader->message, reader->message_len);
    reader->message = 0;
    if (reader->pos > reader->message_len)
        memmove(reader->buffer + reader->message_len, reader->buffer + reader->pos, left);
    reader->pos = reader->message_len;
    reader->end = reader->pos + left;
}

static bool resize(struct ws_reader *reader, size_t size)
{
    char *buffer = mem_try(size + 1);

    if (!buffer)
        return false;
    memcpy(buffer, reader->buffer, reader->end);
    mem_free(reader->buffer);
    reader->buffer = buffer;
    reader->size = size;
    return true;
}

char *ws_reader_room(struct ws_reader *reader, size_t *ret_room)
{
    mend(reader);
    if (reader->pos == reader->end && !reader->joining) {
        reader->pos = reader->end = 0;
        if (reader->size > WS_BUFFER_SIZE)
            (void)resize(reader, WS_BUFFER_SIZE); /* the large one stays when that fails */
    }
    if (reader->size - reader->end < WS_ROOM_MIN)
        compact(reader);
    if (reader->size - reader->end < WS_ROOM_MIN) {
        /* Never less than the room: a frame above the limit was refused at its head. */
        size_t most = reader->max_message + 2 * WS_ROOM_MIN;
        size_t size = reader->size < most / 2 ? 2 * reader->size : most;

        if (!resize(reader, size))
            return NULL;
    }
    *ret_room = reader->size - reader->end;
    return reader->buffer + reader->end;
}

void ws_reader_added(struct ws_reader *reader, size_t len)
{
    reader->end += len;
}

/* ---- frames -------------------------------------------------------------------------------- */

static enum ws_event_kind broken(struct ws_reader *reader, int code, const char *why,
                                 struct ws_event *ret)
{
    /* It is only read. */
    reader->broken = (struct ws_event){
        .kind = WS_EVENT_BROKEN, .code = code, .data = (char *)(uintptr_t)why, .len = strlen(why)};
    *ret = reader->broken;
    return WS_EVENT_BROKEN;
}

static uint64_t big_endian(const unsigned char *p, size_t n)
{
    uint64_t value = 0;

    while (n-- > 0)
        value = value << 8 | *p++;
    return value;
}

/* Reads a head and judges it (5.2, 5.4, 5.5): NULL when it is whole and good, "" when bytes are
 * missing, else what is wrong with it. */
static const char *read_head(const struct ws_reader *reader, struct head *ret)
{
    const unsigned char *p = (const unsigned char *)reader->buffer + reader->pos;
    size_t have = reader->end - reader->pos;

    if (have < 2)
        return "";
    ret->fin = p[0] & FIN;
    ret->opcode = p[0] & OPCODE;
    ret->len = p[1] & LENGTH;
    ret->size = 2;
    if (p[0] & RESERVED)
        return "a reserved bit was set";
    if (p[1] & MASKED)
        return "a frame was masked";
    if (ret->opcode >= WS_CLOSE) {
        if (ret->opcode > WS_PONG)
            return "an opcode is unknown";
        if (!ret->fin)
            return "a control frame was fragmented";
        return ret->len > WS_CONTROL_MAX ? "a control frame was too long" : NULL;
    }
    if (ret->opcode > WS_BINARY)
        return "an opcode is unknown";
    if (reader->joining && ret->opcode != WS_CONTINUATION)
        return "a message began inside another one";
    if (!reader->joining && ret->opcode == WS_CONTINUATION)
        return "a message was continued that had not begun";
    if (ret->len < LENGTH_16)
        return NULL;
    ret->size += ret->len == LENGTH_16 ? 2 : 8;
    if (have < ret->size)
        return "";
    ret->len = big_endian(p + 2, ret->size - 2);
    if (ret->len < LENGTH_16 || (ret->size > 4 && ret->len <= UINT16_MAX) || ret->len >> 63)
        return "a length was not written in its shortest form";
    return NULL;
}

bool ws_close_code_valid(int code)
{
    return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static enum ws_event_kind take_close(struct ws_reader *reader, char *data, size_t len,
                                     struct ws_event *ret)
{
    *ret = (struct ws_event){.kind = WS_EVENT_CLOSE, .code = NO_CODE, .data = data, .len = len};
    if (len == 1)
        return broken(reader, PROTOCOL_ERROR, "a close code had one byte", ret);
    if (len >= 2) {
        ret->code = (int)big_endian((const unsigned char *)data, 2);
        if (!ws_close_code_valid(ret->code))
            return broken(reader, PROTOCOL_ERROR, "a close code may not be sent", ret);
        ret->data += 2;
        ret->len -= 2;
        if (!text_is_utf8(ret->data, ret->len))
            return broken(reader, BAD_PAYLOAD, "the reason of a close is not UTF-8", ret);
    }
    cut(reader, ret->data + ret->len);
    return WS_EVENT_CLOSE;
}

static enum ws_event_kind take_control(struct ws_reader *reader, const struct head *head,
                                       char *data, struct ws_event *ret)
{
    size_t len = (size_t)head->len;

    if (head->opcode == WS_CLOSE)
        return take_close(reader, data, len, ret);
    *ret = (struct ws_event){
        .kind = head->opcode == WS_PING ? WS_EVENT_PING : WS_EVENT_PONG, .data = data, .len = len};
    cut(reader, data + len);
    return ret->kind;
}

static enum ws_event_kind hand_out(struct ws_reader *reader, bool binary, char *data, size_t len,
                                   struct ws_event *ret)
{
    if (!binary && !text_is_utf8(data, len))
        return broken(reader, BAD_PAYLOAD, "a text is not UTF-8", ret);
    *ret = (struct ws_event){.kind = WS_EVENT_MESSAGE, .binary = binary, .data = data, .len = len};
    cut(reader, data + len);
    return WS_EVENT_MESSAGE;
}

/* Puts a fragment behind those that are there. NONE while the message is not whole. */
static enum ws_event_kind join(struct ws_reader *reader, const struct head *head, char *data,
                               struct ws_event *ret)
{
    size_t len = (size_t)head->len;

    if (!reader->joining) {
        reader->joining = true;
        reader->joining_binary = head->opcode == WS_BINARY;
        reader->message = (size_t)(data - reader->buffer);
        reader->message_len = len;
    } else {
        memmove(reader->buffer + reader->message + reader->message_len, data, len);
        reader->message_len += len;
    }
    if (!head->fin)
        return WS_EVENT_NONE;
    data = reader->buffer + reader->message;
    len = reader->message_len;
    reader->joining = false;
    reader->message = reader->message_len = 0;
    return hand_out(reader, reader->joining_binary, data, len, ret);
}

enum ws_event_kind ws_reader_next(struct ws_reader *reader, struct ws_event *ret)
{
    mend(reader);
    if (reader->broken.kind == WS_EVENT_BROKEN) {
        *ret = reader->broken;
        return WS_EVENT_BROKEN;
    }
    for (;;) {
        struct head head;
        const char *wrong = read_head(reader, &head);
        enum ws_event_kind kind;
        char *data;

        if (wrong && *wrong)
            return broken(reader, PROTOCOL_ERROR, wrong, ret);
        if (wrong)
            break;
        if (head.opcode < WS_CLOSE && head.len > reader->max_message - reader->message_len)
            return broken(reader, TOO_BIG, "a message is too large", ret);
        if (reader->end - reader->pos - head.size < head.len)
            break;
        data = reader->buffer + reader->pos + head.size;
        reader->pos += head.size + (size_t)head.len;
        if (head.opcode >= WS_CLOSE)
            return take_control(reader, &head, data, ret);
        if (head.fin && !reader->joining)
            return hand_out(reader, head.opcode == WS_BINARY, data, (size_t)head.len, ret);
        kind = join(reader, &head, data, ret);
        if (kind != WS_EVENT_NONE)
            return kind;
    }
    *ret = (struct ws_event){.kind = WS_EVENT_NONE};
    return WS_EVENT_NONE;
}

size_t ws_frame_write(char *out, enum ws_opcode opcode, const char *data, size_t len, uint32_t mask)
{
    unsigned char *p = (unsigned char *)out;
    unsigned char key[4];

    memcpy(key, &mask, sizeof(key));
    *p++ = (unsigned char)(FIN | opcode);
    if (len < LENGTH_16) {
        *p++ = (unsigned char)(MASKED | len);
    } else {
        size_t bytes = len <= UINT16_MAX ? 2 : 8;

        *p++ = (unsigned char)(MASKED | (bytes == 2 ? LENGTH_16 : LENGTH_64));
        for (size_t i = bytes; i-- > 0;)
            *p++ = (unsigned char)((uint64_t)len >> (8 * i));
    }
    memcpy(p, key, sizeof(key));
    p += sizeof(key);
    for (size_t i = 0; i < len; i++)
        *p++ = (unsigned char)data[i] ^ key[i % sizeof(key)];
    return (size_t)(p - (unsigned char *)out);
}
