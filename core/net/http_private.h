/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the HTTP client share. Three owners, and nothing is written by two of them
 * except the atomics:
 *
 *   loop     struct http_client, struct http_call, the upper half of struct http_stream
 *   thread   struct http_thread, every struct http_transfer, http_stream.transfer
 *   message  a command (loop to thread, by queue) or news (thread to loop, by a loop task)
 *
 * The thread gathers the news of one pass in a single batch, so thirty streams cost one wake. What a
 * request needs is made on the loop, and goes home to the loop with the last news of it: memory that
 * one thread takes and another gives back makes them wait for each other in malloc.
 */
#ifndef NET_HTTP_PRIVATE_H
#define NET_HTTP_PRIVATE_H

#include "base/list.h"
#include "loop/op.h"
#include "loop/queue.h"
#include "net/http.h"

#include "net/http_poll.h"

#include <curl/curl.h>
#include <stdatomic.h>

#define HTTP_HEADERS_MAX   200
#define HTTP_BUFFERED_LOW  (HTTP_BUFFERED_MAX / 2) /* a paused transfer goes on below it */
#define HTTP_CONNECT_MS    10000
#define HTTP_FIRST_BYTE_MS 60000
#define HTTP_IDLE_MS       60000
#define HTTP_TOTAL_MS      600000
#define HTTP_TRANSFERS     256
#define HTTP_EASY_KEPT     32  /* curl handles that wait for the next request       */
#define HTTP_ORIGIN_MAX    280 /* "https://" host ":" port */

/* ---- URL (http_url.c) ---------------------------------------------------------------------- */

struct http_url {
    char *text;                   /* whole, normalised; a secret: wiped             */
    char origin[HTTP_ORIGIN_MAX]; /* "https://host:443", to compare                 */
    size_t path; /* where the path's "/" is, of a plain one; 0: it may be another */
};

/* `base` NULL: `text` is absolute. Refuses other schemes, userinfo and overlong ones. */
troupe_status http_url_parse(const char *text, const struct http_url *base, struct http_url *ret,
                             struct error *err);
void http_url_clear(struct http_url *url);
/* "host:443", for texts that people read. */
const char *http_url_label(const struct http_url *url);

/* The origin of the last URL, as most go where the one before went. A zeroed one knows none. */
struct http_url_known {
    char prefix[HTTP_ORIGIN_MAX]; /* "https://host/" as it was written */
    size_t len;
    char origin[HTTP_ORIGIN_MAX];
};

/* http_url_parse of an absolute one, without libcurl where `known` makes that needless. */
troupe_status http_url_read(const char *text, struct http_url_known *known, struct http_url *ret,
                            struct error *err);

/* A URL in parts, of the last request of a curl handle: libcurl takes another path of the same origin
 * without reading the whole again and writing it out. */
struct http_url_parts {
    CURLU *url;
    char prefix[HTTP_ORIGIN_MAX]; /* its text up to the path */
    size_t len;                   /* 0: there is none        */
};

/* NULL: no memory, or not of plain text; then libcurl reads the text. */
CURLU *http_url_take_apart(struct http_url_parts *parts, const struct http_url *url);
/* What it was about may be a secret; the origin stays. */
void http_url_forget_path(struct http_url_parts *parts);
void http_url_parts_clear(struct http_url_parts *parts);

/* ---- messages ------------------------------------------------------------------------------ */

struct http_head {
    int status;
    bool begun;                  /* its status line came */
    struct http_header *headers; /* in the arena         */
    size_t count, room, bytes;
    struct arena arena;
};

enum http_command_kind { HTTP_START, HTTP_RESUME, HTTP_CANCEL };

struct http_transfer;

struct http_command {
    struct queue_item item;
    enum http_command_kind kind;
    struct http_transfer *transfer; /* HTTP_START       */
    struct http_stream *stream;     /* else; a reference */
};

struct http_news {
    struct http_news *next;     /* of its batch, of its stream's pieces, or of spare ones */
    struct http_stream *stream; /* a reference; with the last news the transfer's */
    struct http_head *head;     /* the answer begins; else NULL                   */
    struct http_transfer
        *ended;           /* has this news in it, and is the loop's now; NULL: more follows */
    troupe_status status; /* of the end: TROUPE_END, else the transfer's failure says more  */
    /* Bytes of the body, behind the news where they fit. Of the last news only a submitted call's: the
     * whole answer, in a block. */
    char *data;
    size_t len, room;
};

#define HTTP_NEWS_KEPT 512 /* of some 1 kB each */

/* News for the next pieces. The thread takes, the loop gives. */
struct http_spare {
    struct http_news *own; /* thread only */
    _Atomic(struct http_news *) given;
    atomic_size_t count;
};

/* Empty ones; never NULL. [thread] */
struct http_news *http_news_take(struct http_spare *spare);
void http_news_add(struct http_news *news, const char *data, size_t len);
/* Whoever read it is done with it. The client lives. [loop] */
void http_news_give(struct http_spare *spare, struct http_news *news);
void http_news_free(struct http_news *news);
/* The thread has ended. */
void http_spare_clear(struct http_spare *spare);

/* ---- a body in parts (http_parts.c) --------------------------------------------------------- */

struct http_parts;

/* Of parts that are borrowed until http_parts_let_go; NULL where nothing has so many bytes. [loop] */
struct http_parts *http_parts_new(const struct http_part *parts, size_t count);
struct http_parts *http_parts_ref(struct http_parts *body);
void http_parts_unref(struct http_parts *body); /* NULL is fine */
/* Bytes as they are sent. */
size_t http_parts_size(const struct http_parts *body);
/* The caller gets its parts back. `goes_on`: what was not sent yet may still have to be, and is copied; how many
 * bytes is returned. Again it does nothing. [loop] */
size_t http_parts_let_go(struct http_parts *body, bool goes_on);
/* For curl_easy_setopt. [thread] */
size_t http_parts_read(char *out, size_t size, size_t count, void *arg);
int http_parts_seek(void *arg, curl_off_t offset, int origin);

/* ---- stream -------------------------------------------------------------------------------- */

struct http_stream {
    atomic_uint refs;
    struct http_client *client;
    struct chan *news; /* wakes who waits for some; NULL: nobody has yet */
    bool waiting;
    struct http_head *head;
    struct http_news *first, **last, *current; /* what nobody read yet, and what is being read */
    bool ended, closed;
    uint32_t gather_ms;            /* after what was read, more is not told for so long           */
    uint64_t read_at, quiet_until; /* loop_now(); of the last read, and what that makes of it     */
    uint64_t give_up;              /* loop_now() after which the thread must have reported an end */
    troupe_status end;             /* TROUPE_END when all went well … */
    char *end_text;                /* … else why it did not         */
    struct http_call *call; /* takes the whole answer; NULL: a coroutine reads it (both sides) */
    char label[HTTP_ORIGIN_MAX];
    struct http_parts *parts; /* a reference; NULL: the body was copied */

    atomic_size_t buffered; /* bytes taken from the network that nobody read yet */
    atomic_bool paused;     /* the thread waits for `buffered` to fall           */
    atomic_bool may_wait;   /* its pieces may, for HTTP_LOW_WATER_MS             */

    struct http_transfer *transfer; /* thread only */
};

struct http_client;

void http_stream_unref(struct http_stream *stream);
/* Checks the request and its time, and counts it. The stream's second reference is the transfer's. */
troupe_status http_stream_new(struct http_client *client, const struct http_request *request,
                              struct http_stream **ret, struct http_transfer **ret_transfer,
                              struct error *err);
/* What the request had borrowed is its caller's again; `goes_on` as of http_parts_let_go. [loop] */
void http_stream_let_go(struct http_stream *stream, bool goes_on);
/* The last news of a submitted call (http_submit.c); `data` may be taken. */
void http_call_end(struct http_call *call, struct http_news *news);
/* Loop task: takes the news to their streams and frees them. */
struct http_batch {
    struct loop_task task;
    struct http_news *first, **last;
};
void http_batch_deliver(struct loop_task *task);

/* ---- thread (http_thread.c) ---------------------------------------------------------------- */

struct http_counters {
    atomic_uint_least64_t requests, connections, denied, paused, gathered, batches, waited;
    atomic_size_t active, buffered_peak;
};

/* A handle that is used for one transfer after the other. */
struct http_easy {
    CURL *curl;
    struct http_url_parts parts;
};
void http_easy_free(struct http_easy *easy);

struct http_thread {
    struct loop *loop;
    pthread_t id;
    struct queue queue;
    struct loop_task wake; /* wakes the thread once for all commands of a round */
    bool wake_due;
    struct http_poll poll;
    struct http_easy *easy[HTTP_EASY_KEPT];
    size_t easy_count;
    struct list_link transfers, held; /* held: their latch is shut */
    struct list_link touched;         /* transfers to which something came in this pass */
    struct list_link low_water;       /* and those whose sockets gather, by look_at     */
    uint64_t next_check;              /* clock_ms() before which none can be late       */
    bool begun;                       /* something has in this pass: it looks, not sleeps */
    struct http_batch *batch;         /* of this pass; NULL: no news yet */
    struct http_spare spare;
    char *ca_file, *proxy, *user_agent;
    bool allow_private, local_only;
    uint64_t gather_ns;
    atomic_bool stop;
    struct http_counters counters;
};

/* A thread that leaves signals to the loop; 0 or an errno. */
int net_thread_create(pthread_t *id, void *(*run)(void *arg), void *arg);
troupe_status http_thread_start(struct http_thread *thread, size_t most, struct error *err);
void http_thread_stop(struct http_thread *thread);

struct http_client {
    struct loop *loop;
    size_t open, max_open;
    uint64_t copied;
    struct http_url_known known;
    struct http_thread thread;
};

/* The command's references are the thread's then. */
void http_thread_send(struct http_thread *thread, enum http_command_kind kind,
                      struct http_transfer *transfer, struct http_stream *stream);

/* ---- transfer (http_transfer.c) -------------------------------------------------------------- */

struct http_transfer {
    struct list_link link, touch;
    bool touched;
    struct http_thread *thread;
    struct http_stream *stream; /* a reference */
    struct http_easy *handle;
    CURL *easy;             /* of it */
    struct http_pool *pool; /* of this hop; NULL: it has not begun */
    curl_socket_t socket;   /* CURL_SOCKET_BAD: it waits for none  */
    struct list_link low_water;
    uint64_t look_at; /* clock_ms(); of a socket that gathers. 0: it does not */

    /* The request, owned and wiped. */
    struct http_url url;
    char method[16];
    struct curl_slist *headers; /* the first of them, in one block with the others and the texts */
    size_t headers_size;        /* of that block */
    char *body;
    size_t body_len;
    struct http_parts *parts; /* instead of it; a reference */
    enum http_trust trust;
    uint32_t connect_ms, first_byte_ms, idle_ms, total_ms;
    size_t max_body;
    unsigned redirects_left;
    bool redirects; /* they are followed at all */
    bool gzip, once;
    struct latch *after; /* a reference, until it is open; NULL: nothing is waited for */

    /* This hop. Times are clock_ms(). */
    uint64_t deadline, hop_start, last_byte;
    struct http_head *head; /* being read; NULL once it was handed over */
    bool first_byte_seen, head_done, packed, denied, denied_public, paused;
    bool asked_to_send; /* libcurl is about to send, or has */
    long sent_before;   /* bytes that were a proxy's */
    bool left;          /* a byte of the request, in this hop or an earlier one */
    bool fine;          /* ended as it should: the curl handle is used again    */
    char *location;     /* of a redirect that will be followed */
    size_t body_seen;
    struct http_news *arrived; /* in this pass; NULL: nothing of the body */
    struct buf pending;        /* of a submitted call: the answer so far  */
    struct http_command start;
    struct http_news last;
    /* Why a callback stopped the transfer; NULL: none did. Apart, as few transfers have one and the
     * rest is of a size that malloc keeps a list of. */
    struct error *failure;
};

/* Something came to it that the end of the pass has to see to. [thread] */
static inline void http_transfer_touch(struct http_transfer *transfer)
{
    if (!transfer->touched)
        list_append(&transfer->thread->touched, &transfer->touch);
    transfer->touched = true;
}

/* ---- sockets that gather (http_low_water.c) [thread] ----------------------------------------- */

#define HTTP_LOW_WATER    448 /* bytes; pieces of an answer have some 200, its end some 500 */
#define HTTP_LOW_WATER_MS 100 /* for so long what is less may wait                         */

/* libcurl waits for the socket from now on, or no more. */
void http_low_water_watch(CURL *easy, curl_socket_t fd, bool waits);
/* Something of the body came: the next may wait for more, where its reader does. */
void http_low_water_raise(struct http_transfer *transfer, uint64_t now);
void http_low_water_lower(struct http_transfer *transfer);
/* Looks at those that have waited. */
void http_low_water_look(struct http_thread *thread, uint64_t now);
/* When that has to be next; UINT64_MAX: never. */
uint64_t http_low_water_due(const struct http_thread *thread);

/* Checks and copies the request; no curl handle yet. [loop thread] */
troupe_status http_transfer_new(struct http_client *client, const struct http_request *request,
                                struct http_transfer **ret, struct error *err);
/* Without its curl handle. */
void http_transfer_free(struct http_transfer *transfer);
/* Makes its curl handle, for http_transfer_begin. Has a failure on error. [thread] */
troupe_status http_transfer_set_up(struct http_transfer *transfer);
/* Begins a hop: the first, or the one to `location`. Has a failure on error. [thread] */
troupe_status http_transfer_begin(struct http_transfer *transfer);
/* Ends the hop and gives its curl handle back. [thread] */
void http_transfer_detach(struct http_transfer *transfer);
/* It may be late from its next time limit on. To be called where that may have come nearer: all that comes
 * later moves it away. [thread] */
void http_transfer_expect(struct http_transfer *transfer);
/* Turns the transfer towards `location`. [thread] */
troupe_status http_transfer_redirect(struct http_transfer *transfer);
/* Whether a byte of the request has, in this hop or an earlier one. [thread] */
bool http_transfer_has_left(const struct http_transfer *transfer);
/* Where to write why it is stopped. [thread] */
struct error *http_transfer_failure(struct http_transfer *transfer);
/* curl's verdict: TROUPE_END, or a status whose sentence is the transfer's failure (http_explain.c). */
troupe_status http_transfer_explain(struct http_transfer *transfer, CURLcode code);
/* The same for a failure that needs nothing else known of the request. */
void http_code_explain(const char *label, CURLcode code, struct error *ret);
struct http_head *http_head_new(void);
void http_head_free(struct http_head *head);
/* The callbacks of body and header, for curl_easy_setopt (http_receive.c). */
size_t http_receive_header(char *line, size_t size, size_t count, void *arg);
size_t http_receive_body(char *data, size_t size, size_t count, void *arg);
const char *http_header_find(const struct http_header *headers, size_t count, const char *name);

#endif
