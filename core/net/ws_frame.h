/* SPDX-License-Identifier: Apache-2.0
 *
 * The frames of RFC 6455 as a client sees them: bytes in, events out. No socket, no clock; whoever
 * has the connection reads into the reader's room and takes events until there are none.
 *
 * Frames are parsed in blocks. A message in one frame stays where it was read; the fragments of
 * another are moved together in the same buffer, so a message never exists twice.
 */
#ifndef NET_WS_FRAME_H
#define NET_WS_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_BUFFER_SIZE ((size_t)128 * 1024) /* grows for a larger message, then shrinks again    */
#define WS_ROOM_MIN    ((size_t)32 * 1024)  /* always offered: two TLS records                   */
#define WS_CONTROL_MAX 125                  /* payload of a control frame (5.5)                  */
#define WS_HEAD_MAX    14

enum ws_opcode {
    WS_CONTINUATION = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10,
};

enum ws_event_kind {
    WS_EVENT_NONE,    /* more bytes are needed                                                    */
    WS_EVENT_MESSAGE, /* a whole one                                                              */
    WS_EVENT_PING,
    WS_EVENT_PONG,
    WS_EVENT_CLOSE,  /* `code` (1005: none) and `data`, the peer's reason                        */
    WS_EVENT_BROKEN, /* the peer broke the protocol: close with `code`; `data` says how. Final   */
};

struct ws_event {
    enum ws_event_kind kind;
    bool binary;
    int code;
    char *data; /* NUL-terminated behind `len`; the reader's, until it is called again */
    size_t len;
};

struct ws_reader {
    char *buffer; /* `size` bytes and one for a NUL                                  */
    size_t size;
    size_t pos, end;             /* bytes not yet parsed                                         */
    size_t message, message_len; /* fragments that were joined so far                */
    bool joining, joining_binary;
    size_t max_message;
    char *cut; /* where a NUL stands for the byte `cut_byte`; NULL: nowhere          */
    char cut_byte;
    struct ws_event broken;
};

void ws_reader_init(struct ws_reader *reader, size_t max_message);
void ws_reader_clear(struct ws_reader *reader);
/* Where to put what arrives next: at least WS_ROOM_MIN bytes; the buffer has at most `max_message`
 * and 64 kB. NULL: no memory. Ends the life of the last event's data. */
char *ws_reader_room(struct ws_reader *reader, size_t *ret_room);
/* `len` bytes were put there. */
void ws_reader_added(struct ws_reader *reader, size_t len);
enum ws_event_kind ws_reader_next(struct ws_reader *reader, struct ws_event *ret);

/* Whether an endpoint may send this close code (7.4, with IANA's registry). */
bool ws_close_code_valid(int code);
/* One masked frame (5.3) into `out`, which has room for `len` + WS_HEAD_MAX; gives its length. */
size_t ws_frame_write(char *out, enum ws_opcode opcode, const char *data, size_t len,
                      uint32_t mask);

#endif
