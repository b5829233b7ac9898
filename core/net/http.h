/* SPDX-License-Identifier: Apache-2.0
 *
 * The HTTP client. libcurl's multi interface runs on a thread of its own, because name resolution,
 * TLS and its clean-up can block; coroutines of one loop open requests and read the bodies as
 * straight-line code. HTTP/1.1 over http and https, keep-alive for configured endpoints.
 *
 * Promises:
 * - Every request ends: connecting, the first byte, silence between bytes and the whole have each
 *   a time limit, also when the caller names none.
 * - Memory is bounded: at most HTTP_BUFFERED_MAX bytes of a body wait for a slow reader, then the
 *   transfer is paused; `max_body` bounds the unpacked body, so a gzip bomb ends as TROUPE_LIMIT.
 *   (Besides, libcurl itself may hold what 8 kB of gzip unpack to while a transfer is paused.)
 * - A cancelled coroutine aborts its transfer; what arrives late is freed.
 * - An untrusted address is checked at connect, after resolution, for each redirect anew; its
 *   connections are never shared with those of configured endpoints.
 * - No proxy, cookie, netrc or credential comes from the environment. TLS is always verified.
 * - Error texts name host and port, never a path, query or header: those carry secrets.
 *
 * Statuses, beside TROUPE_CANCELED and TROUPE_DEADLINE of the waiting coroutine:
 *   TROUPE_ARGUMENT     bad URL (userinfo in it, too), method, header
 *   TROUPE_DENIED       the address guard refused where the name leads to
 *   TROUPE_UNAVAILABLE  not resolved, refused, unreachable, not connected in time: nothing has left
 *   TROUPE_DEADLINE     one of the request's time limits; the text says which
 *   TROUPE_FAILED       TLS: handshake or certificate
 *   TROUPE_LIMIT        body, headers or redirects above their bound
 *   TROUPE_IO           the connection broke before the answer or the body was whole, and what
 *                       else may have happened after bytes had left
 *   TROUPE_DATA         what came is no HTTP, or its packing is broken
 *   TROUPE_BUSY         more than `max_transfers` requests at once
 * An HTTP status of 400 and above is an answer, not a failure.
 */
#ifndef NET_HTTP_H
#define NET_HTTP_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "loop/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct latch;
struct sockaddr;

#define HTTP_BUFFERED_MAX     ((size_t)256 * 1024) /* bytes that wait for the reader    */
#define HTTP_GATHER_MS_MAX    1000u
#define HTTP_HEADER_BYTES_MAX ((size_t)64 * 1024)        /* all headers of an answer          */
#define HTTP_URL_MAX          ((size_t)8 * 1024)         /* a longer URL is TROUPE_ARGUMENT   */
#define HTTP_BODY_MAX_DEFAULT ((size_t)16 * 1024 * 1024) /* `max_body` 0                      */
#define HTTP_REDIRECTS_MAX    3
#define HTTP_GATHER_MAX_US    100000
#define HTTP_GATHER_FROM      32 /* transfers under way; with fewer, each piece is handed on at once */

/* libcurl's process-wide set-up. core/main calls it once before it starts any thread, and the
 * clean-up after the last client is gone. */
troupe_status http_global_init(struct error *err);
void http_global_cleanup(void);

struct http_client;
struct http_stream;

struct http_client_options {
    const char *ca_file;    /* bundle of CAs to trust, PEM; NULL: the system's                    */
    const char *proxy;      /* NULL: none; a proxy hides addresses, so with one untrusted         */
                            /* requests are denied unless allow_private                           */
    const char *user_agent; /* NULL: "troupe/VERSION"                                             */
    size_t max_transfers;   /* running at once; 0: 256                                            */
    uint32_t gather_us;     /* so long a pass takes what comes, from HTTP_GATHER_FROM transfers   */
                            /* on; 0: 250, at most HTTP_GATHER_MAX_US                             */
    bool allow_private;     /* switches the address guard off: for tools that run alone           */
    bool local_only;        /* [http] local_only: reaches private addresses and nothing else      */
};

/* NULL options mean the defaults. The texts are copied. Starts the thread. [loop thread] */
troupe_status http_client_new(struct loop *loop, const struct http_client_options *options,
                              struct http_client **ret, struct error *err);
/* Aborts what still runs and joins the thread. Every stream is closed, the loop still lives.
 * NULL is fine. [loop thread] */
void http_client_free(struct http_client *client);

enum http_trust {
    HTTP_TRUST_UNTRUSTED,  /* from members, models, pages: public addresses only, no reuse        */
    HTTP_TRUST_CONFIGURED, /* the operator wrote this host and port: any address, but a redirect  */
                           /* to another origin is untrusted and carries none of the headers      */
};

struct http_header {
    const char *name, *value;
};

/* A piece of a body that is sent from where it is. */
struct http_part {
    const void *data;
    size_t len;
    bool base64; /* it is sent as such text */
};

/* Everything is borrowed until http_open or http_fetch returns, and what is copied of headers and
 * body is zeroed before it is freed. Durations are milliseconds, 0 means the default. */
struct http_request {
    const char *method; /* NULL: GET, or POST with a body                                         */
    const char *url;
    const struct http_header *headers;
    size_t header_count;
    const void *body;
    size_t body_len;
    /* Instead of `body`: parts that follow each other. Nobody copies or packs them but the thread, while it sends.
     * Only where the answer begins before all of them have left, the rest is copied. */
    const struct http_part *parts;
    size_t part_count;
    enum http_trust trust;
    uint32_t connect_timeout_ms;    /* resolve, connect, TLS; 0: 10,000                           */
    uint32_t first_byte_timeout_ms; /* from the start to the answer's first byte; 0: 60,000       */
    uint32_t idle_timeout_ms;       /* without a byte while the reader wants some; 0: 60,000      */
    uint64_t deadline;              /* whole exchange, absolute loop_now(); 0: 600,000 from now   */
    size_t max_body;                /* unpacked bytes; 0: HTTP_BODY_MAX_DEFAULT                   */
    unsigned follow_redirects;      /* at most HTTP_REDIRECTS_MAX; 0: a 3xx is the answer         */
    bool gzip;                      /* accept a packed answer; leave it off for event streams     */
    bool once; /* never leaves twice: libcurl repeats by itself what a kept connection swallowed  */
               /* without an answer; such a request ends as TROUPE_IO instead                     */
    struct latch *after; /* nothing of it leaves before this is open; broken, it ends as          */
                         /* TROUPE_CANCELED. NULL: at once                                        */
};

/* Sends the request and waits until the answer's headers are there. [waits] */
troupe_status http_open(struct http_client *client, const struct http_request *request,
                        struct http_stream **ret, struct error *err);
int http_stream_status(const struct http_stream *stream);
/* First value of the header, by name without regard to case, or NULL. The stream's. */
const char *http_stream_header(const struct http_stream *stream, const char *name);
/* All of them, names as they came; the stream's. */
const struct http_header *http_stream_headers(const struct http_stream *stream, size_t *ret_count);
/* Gives the next bytes of the body, in one piece all that came in one pass of the thread; they are
 * valid until the next http_read or http_close. TROUPE_END after the last (`err` untouched). `deadline` is for this
 * call only (0: the request's limits do): after TROUPE_DEADLINE by it reading may go on; every
 * other failure is final and stays. [waits] */
troupe_status http_read(struct http_stream *stream, const char **ret_data, size_t *ret_len,
                        uint64_t deadline, struct error *err);
/* What comes after a read is told up to `ms` later, at most HTTP_GATHER_MS_MAX, and all at once: for who wants to
 * know of the end at once, which is told as ever, but not of each piece before it. 0: it is told as it comes.
 * While HTTP_GATHER_FROM or more are under way, a small piece may stay in the socket for 100 ms of that, and so may
 * an end that comes with less than some 450 bytes. */
void http_stream_gather(struct http_stream *stream, uint32_t ms);
/* Aborts what is not finished. NULL is fine; any time, also when cancelled. [loop thread] */
void http_close(struct http_stream *stream);

static inline void http_close_cleanup(struct http_stream **stream)
{
    http_close(*stream);
}
#define _cleanup_http_ __attribute__((cleanup(http_close_cleanup)))

/* A whole answer. A zeroed struct is empty. */
struct http_response {
    int status;
    struct buf body;
    const struct http_header *headers; /* in the arena, names as they came */
    size_t header_count;
    struct arena arena;
};

/* http_open and http_read until the end. `ret` is untouched on failure. [waits] */
troupe_status http_fetch(struct http_client *client, const struct http_request *request,
                         struct http_response *ret, struct error *err);
const char *http_response_header(const struct http_response *response, const char *name);
void http_response_clear(struct http_response *response);

/* A request without a coroutine: for whoever sends thousands. The same limits and promises; the whole
 * answer is gathered, so `max_body` bounds its memory. */
struct http_call;

/* Once for each call, on the loop's stack; must not wait. `response` is the client's until it
 * returns, NULL unless `status` is TROUPE_OK. `left`: a byte of the request may have left this
 * machine. `err` tells why it failed. */
typedef void (*http_done)(void *arg, troupe_status status, const struct http_response *response,
                          bool left, const struct error *err);

/* Begins it; `done` is never called before this returned, and not at all where it failed. `ret` may
 * be NULL. The client outlives the call's end. [loop thread] */
troupe_status http_submit(struct http_client *client, const struct http_request *request,
                          http_done done, void *arg, struct http_call **ret, struct error *err);
/* Gives a call up whose `done` was not called yet: aborts it, and `done` is never called. */
void http_call_drop(struct http_call *call);

/* Whether an untrusted request may connect there: false for loopback, private, link-local (with
 * the clouds' metadata address), shared (CGNAT), multicast, reserved and unspecified addresses, for
 * IPv6 forms that embed one of those (mapped, compatible, NAT64, 6to4, Teredo), and for families
 * other than IPv4 and IPv6. Pure; any thread. */
bool http_address_allowed(const struct sockaddr *address);

/* Figures for status, metrics and tests. */
struct http_client_stats {
    uint64_t requests;    /* hops, so redirects count            */
    uint64_t connections; /* opened                              */
    uint64_t denied;      /* connects refused by the guard       */
    uint64_t paused;      /* pauses for slow readers             */
    uint64_t gathered;    /* waits for more to come before it was handed on */
    uint64_t batches;     /* hand-overs to the loop              */
    uint64_t waited;      /* times that a socket was left to gather */
    uint64_t copied;      /* bytes of bodies that were copied    */
    size_t active;        /* transfers on the thread now         */
    size_t buffered_peak; /* most bytes that ever waited for one reader */
};
void http_client_stats(const struct http_client *client, struct http_client_stats *ret);

#endif
