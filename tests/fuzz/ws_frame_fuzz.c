/* SPDX-License-Identifier: Apache-2.0
 *
 * A server's bytes: the first says how they are split and how large a message may be, then however
 * they are split the same events must come out, within the bounds. The same bytes are tried as an
 * answer to the handshake.
 */
#include "base/text.h"
#include "net/ws_frame.h"
#include "net/ws_handshake.h"

#include <stdlib.h>
#include <string.h>

#define LIMIT_SMALL ((size_t)200)
#define LIMIT_LARGE ((size_t)70000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t add(uint64_t sum, const struct ws_event *event, size_t limit)
{
    if (event->data[event->len] != '\0' || event->len > limit)
        abort();
    if (event->kind == WS_EVENT_MESSAGE && !event->binary && !text_is_utf8(event->data, event->len))
        abort();
    if (event->kind == WS_EVENT_CLOSE && event->code != 1005 && !ws_close_code_valid(event->code))
        abort();
    sum = (sum * 31 + event->kind) * 31 + (uint64_t)event->code;
    for (size_t i = 0; i < event->len; i++)
        sum = sum * 31 + (unsigned char)event->data[i];
    if (event->kind == WS_EVENT_MESSAGE) /* the receiver may write into it */
        memset(event->data, 0xff, event->len);
    return sum;
}

static uint64_t deliver(const uint8_t *data, size_t size, size_t step, size_t limit)
{
    struct ws_reader reader;
    struct ws_event event = {.kind = WS_EVENT_NONE};
    uint64_t sum = 0;

    ws_reader_init(&reader, limit);
    for (size_t at = 0; at < size && event.kind != WS_EVENT_BROKEN;) {
        size_t room = 0, piece = step < size - at ? step : size - at;
        char *into = ws_reader_room(&reader, &room);

        if (!into || room < WS_ROOM_MIN)
            abort();
        piece = piece < room ? piece : room;
        memcpy(into, data + at, piece);
        ws_reader_added(&reader, piece);
        at += piece;
        while (ws_reader_next(&reader, &event) != WS_EVENT_NONE) {
            sum = add(sum, &event, LIMIT_LARGE);
            if (event.kind == WS_EVENT_BROKEN)
                break;
        }
    }
    ws_reader_clear(&reader);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t head, limit;
    uint64_t whole;

    if (size < 1)
        return 0;
    limit = data[0] & 0x80 ? LIMIT_SMALL : LIMIT_LARGE;
    whole = deliver(data + 1, size - 1, size, limit);
    if (deliver(data + 1, size - 1, 1 + (data[0] & 0x7f), limit) != whole ||
        deliver(data + 1, size - 1, 1, limit) != whole)
        abort();
    head = ws_handshake_head((const char *)data + 1, size - 1);
    if (head > 0)
        (void)ws_handshake_check((const char *)data + 1, head, "dGhlIHNhbXBsZSBub25jZQ==", "h:1",
                                 NULL);
    return 0;
}
