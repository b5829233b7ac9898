/* SPDX-License-Identifier: Apache-2.0
 *
 * The connection on the loop: libuv watches the socket, libcurl carries the bytes. What TLS has
 * unpacked shows on no socket, so reading goes on until libcurl says AGAIN; a flood is taken in
 * slices with a task in between, so that timers and coroutines have their turn.
 *
 * A handler may close or free the connection from within: after each call of one, the state is
 * looked at again, and memory goes only when libuv has let go of its handles.
 */
#include "net/ws.h"

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/ws_connect.h"
#include "net/ws_frame.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define SLICE_NS        2000000u /* the watchdog speaks up at 5 ms              */
#define EVENTS_A_LOOK   16       /* between two looks at the clock              */
#define MESSAGE_MAX     ((size_t)16 * 1024 * 1024)
#define SEND_MAX        ((size_t)64 * 1024)
#define CONTROL_RESERVE ((size_t)512) /* room for pongs and a close behind that      */
#define OUT_SIZE        (SEND_MAX + CONTROL_RESERVE)
#define REASON_MAX      123 /* RFC 6455 5.5: 125 bytes with the code       */

enum state {
    OPEN,
    CLOSING, /* our close is on its way, the peer's is awaited */
    ENDED,   /* `closed` was called, or is never to be         */
};

struct ws {
    struct loop *loop;
    struct ws_handler handler;
    void *arg;
    struct ws_connection connection;
    struct ws_reader reader;
    char *out; /* never moves while TLS has a write of it pending */
    size_t out_at, out_end;
    uv_poll_t poll;
    struct loop_timer timer;
    struct loop_task task;
    enum state state;
    bool bare_answer;
    bool broken;   /* libuv has stopped to poll: what is there is read to its end */
    bool posted;   /* the task is on its way                           */
    bool writable; /* the poll asks for it                             */
    bool dropped;  /* to be ended by the task                          */
    char why[160]; /* and the reason                                   */
    unsigned refs; /* the owner, two handles, the task while posted    */
};

/* ---- life ---------------------------------------------------------------------------------- */

static void unref(struct ws *ws)
{
    if (--ws->refs > 0)
        return;
    ws_reader_clear(&ws->reader);
    explicit_bzero(ws->out, OUT_SIZE); /* the session's token went through it */
    mem_free(ws->out);
    mem_free(ws);
}

static void poll_closed(uv_handle_t *handle)
{
    unref(container_of((uv_poll_t *)handle, struct ws, poll));
}

static void timer_closed(struct loop_timer *timer)
{
    unref(container_of(timer, struct ws, timer));
}

/* libuv lets go of the socket before libcurl closes it: its number may be another's at once. */
static void disconnect(struct ws *ws)
{
    ws->state = ENDED;
    uv_close((uv_handle_t *)&ws->poll, poll_closed);
    loop_timer_close(&ws->timer, timer_closed);
    ws_connection_close(&ws->connection);
}

static void end(struct ws *ws, int code, const char *reason)
{
    disconnect(ws);
    ws->handler.closed(ws->arg, code, reason);
}

static void post(struct ws *ws)
{
    if (ws->posted)
        return;
    ws->posted = true;
    ws->refs++;
    loop_post(ws->loop, &ws->task);
}

/* Ends it from the task: the caller may be in the middle of anything. */
static void drop(struct ws *ws, const char *why)
{
    if (!ws->dropped)
        snprintf(ws->why, sizeof(ws->why), "%s", why);
    ws->dropped = true;
    post(ws);
}

/* ---- sending ------------------------------------------------------------------------------- */

static void on_ready(uv_poll_t *poll, int status, int events);

static void watch(struct ws *ws, bool writable)
{
    ws->writable = writable;
    uv_poll_start(&ws->poll, UV_READABLE | (writable ? UV_WRITABLE : 0), on_ready);
}

static void flush(struct ws *ws)
{
    while (ws->out_at < ws->out_end) {
        size_t sent = 0;
        CURLcode code = curl_easy_send(ws->connection.easy, ws->out + ws->out_at,
                                       ws->out_end - ws->out_at, &sent);

        if (code == CURLE_AGAIN) {
            if (!ws->writable)
                watch(ws, true);
            return;
        }
        if (code != CURLE_OK) {
            drop(ws, "the connection broke while sending");
            return;
        }
        ws->out_at += sent;
    }
    explicit_bzero(ws->out, ws->out_end);
    ws->out_at = ws->out_end = 0;
    if (ws->writable)
        watch(ws, false);
}

/* False where there is no room, with `reserve` bytes left over. */
static bool put(struct ws *ws, enum ws_opcode opcode, const char *data, size_t len, size_t reserve)
{
    uint32_t mask;

    if (len > SEND_MAX || OUT_SIZE - ws->out_end < len + WS_HEAD_MAX + reserve)
        return false;
    if (getrandom(&mask, sizeof(mask), 0) != (ssize_t)sizeof(mask))
        return false;
    ws->out_end += ws_frame_write(ws->out + ws->out_end, opcode, data, len, mask);
    flush(ws);
    return true;
}

static void put_close(struct ws *ws, int code, const char *reason, size_t len)
{
    char payload[WS_CONTROL_MAX] = {(char)(code >> 8), (char)code};

    if (len > REASON_MAX)
        len = REASON_MAX;
    if (len > 0)
        memcpy(payload + 2, reason, len);
    (void)put(ws, WS_CLOSE, payload, code == WS_NO_CODE ? 0 : len + 2, 0);
}

troupe_status ws_send(struct ws *ws, const char *text, size_t len)
{
    if (ws->state != OPEN || ws->dropped)
        return TROUPE_CANCELED;
    return put(ws, WS_TEXT, text, len, CONTROL_RESERVE) ? TROUPE_OK : TROUPE_BUSY;
}

/* ---- receiving ----------------------------------------------------------------------------- */

static void take_close(struct ws *ws, const struct ws_event *event)
{
    if (ws->state == OPEN) /* it opens the closing handshake: the same code goes back (5.5.1) */
        put_close(ws, ws->bare_answer ? WS_NO_CODE : event->code, NULL, 0);
    end(ws, event->code, event->data);
}

static void give_up(struct ws *ws, const struct ws_event *event)
{
    char why[128];

    if (ws->state == OPEN)
        put_close(ws, event->code, event->data, event->len);
    snprintf(why, sizeof(why), "the server broke the protocol: %s", event->data);
    end(ws, WS_LOST, why);
}

static void take(struct ws *ws, const struct ws_event *event)
{
    switch (event->kind) {
    case WS_EVENT_MESSAGE:
        if (ws->state == OPEN)
            ws->handler.message(ws->arg, event->binary, event->data, event->len);
        break;
    case WS_EVENT_PING:
        /* Without room: a peer that reads nothing misses no answer (5.5.3 allows the last only). */
        if (ws->state == OPEN)
            (void)put(ws, WS_PONG, event->data, event->len, WS_CONTROL_MAX + WS_HEAD_MAX);
        break;
    case WS_EVENT_CLOSE: take_close(ws, event); break;
    case WS_EVENT_BROKEN: give_up(ws, event); break;
    case WS_EVENT_PONG:
    case WS_EVENT_NONE: break;
    }
}

/* Hands out what was read; false when the slice is over or the connection is. */
static bool take_events(struct ws *ws, uint64_t until)
{
    struct ws_event event;

    for (unsigned n = 1; ws_reader_next(&ws->reader, &event) != WS_EVENT_NONE; n++) {
        take(ws, &event);
        if (ws->state == ENDED || ws->dropped)
            return false;
        if (n % EVENTS_A_LOOK == 0 && clock_ns() >= until) {
            post(ws);
            return false;
        }
    }
    return true;
}

/* Reads once; false when nothing is there now or the connection is over. */
static bool receive(struct ws *ws, bool *ret_more)
{
    size_t room = 0, got = 0;
    char *into = ws_reader_room(&ws->reader, &room);
    CURLcode code;

    *ret_more = false;
    if (!into) {
        drop(ws, "no memory for a message");
        return false;
    }
    code = curl_easy_recv(ws->connection.easy, into, room, &got);
    if (code == CURLE_AGAIN && !ws->broken)
        return false;
    if (code != CURLE_OK || got == 0) {
        end(ws, WS_LOST,
            code == CURLE_OK ? "the server closed the connection without a word"
                             : "the connection broke");
        return false;
    }
    ws_reader_added(&ws->reader, got);
    /* Plain sockets tell again when more is there; TLS may hold it back. */
    *ret_more = ws->connection.holds_back || got == room || ws->broken;
    return true;
}

static void pump(struct ws *ws)
{
    uint64_t until = clock_ns() + SLICE_NS;
    bool more = true;

    while (take_events(ws, until)) {
        if (more && clock_ns() >= until) { /* pieces of a large message are no events */
            post(ws);
            return;
        }
        if (!more || !receive(ws, &more)) {
            if (ws->state == OPEN && !ws->dropped && ws->handler.drained)
                ws->handler.drained(ws->arg);
            return;
        }
    }
}

static void run_task(struct loop_task *task)
{
    struct ws *ws = container_of(task, struct ws, task);

    ws->posted = false;
    if (ws->state != ENDED && ws->dropped)
        end(ws, WS_LOST, ws->why);
    else if (ws->state != ENDED)
        pump(ws);
    unref(ws);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
    struct ws *ws = container_of(poll, struct ws, poll);

    loop_span_begin(ws->loop, clock_ns());
    ws->refs++; /* a handler may free it */
    ws->broken |= status < 0;
    if (status == 0 && (events & UV_WRITABLE))
        flush(ws);
    if (!ws->posted && (status < 0 || (events & UV_READABLE)))
        pump(ws);
    loop_span_end(ws->loop, clock_ns());
    unref(ws);
}

/* ---- the interface ------------------------------------------------------------------------- */

static void close_late(struct loop_timer *timer)
{
    struct ws *ws = container_of(timer, struct ws, timer);

    end(ws, WS_LOST, "the server did not answer the close in time");
}

troupe_status ws_connect(struct loop *loop, const struct ws_options *options,
                         const struct ws_handler *handler, void *arg, struct ws **ret,
                         struct error *err)
{
    struct ws_connection connection = {0};
    troupe_status status = ws_connection_open(loop, options, &connection, err);
    struct ws *ws;
    size_t room;

    if (status != TROUPE_OK)
        return status;
    ws = mem_zero(1, sizeof(*ws));
    if (uv_poll_init_socket(loop_uv(loop), &ws->poll, connection.socket) != 0) {
        ws_connection_close(&connection);
        mem_free(ws);
        return error_set(err, TROUPE_FAILED,
                         "the socket cannot be watched; raise the limit of open files");
    }
    ws->loop = loop;
    ws->handler = *handler;
    ws->arg = arg;
    ws->connection = connection;
    ws->task.run = run_task;
    ws->refs = 3;
    ws->out = mem_alloc(OUT_SIZE);
    loop_timer_init(loop, &ws->timer, close_late);
    ws->bare_answer = options->bare_answer;
    ws_reader_init(&ws->reader, options->max_message ? options->max_message : MESSAGE_MAX);
    memcpy(ws_reader_room(&ws->reader, &room), connection.early, connection.early_len);
    ws_reader_added(&ws->reader, connection.early_len);
    watch(ws, false);
    post(ws); /* what came with the handshake may be in TLS's hands and not on the socket */
    *ret = ws;
    return TROUPE_OK;
}

void ws_close(struct ws *ws, int code, const char *reason, uint64_t ms)
{
    if (ws->state == ENDED)
        return;
    if (code == 0) {
        ws->state = CLOSING;
        drop(ws, "the connection was given up");
    } else if (ws->state == OPEN) {
        put_close(ws, code, reason, reason ? strlen(reason) : 0);
        ws->state = CLOSING;
        loop_timer_start(&ws->timer, ms, 0);
    }
}

void ws_free(struct ws *ws)
{
    if (!ws)
        return;
    if (ws->state != ENDED)
        disconnect(ws);
    unref(ws);
}
