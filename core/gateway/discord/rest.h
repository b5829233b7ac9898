/* SPDX-License-Identifier: Apache-2.0
 *
 * Every request to Discord's REST API leaves through here: one outbound scheduler that knows the
 * rate limits (rate-limits.mdx) - buckets by hash and major parameter, the global limit, sub-limits,
 * shared 429, Cloudflare's stop - and orders what waits by priority. Requests are retried with
 * jitter where that is safe; a breaker stops at 5,000 invalid requests (401, 403, 429 but shared) in
 * 10 minutes, a 401 stops everything at once. Loop thread.
 */
#ifndef GATEWAY_DISCORD_REST_H
#define GATEWAY_DISCORD_REST_H

#include "base/error.h"
#include "base/json.h"
#include "loop/loop.h"

struct http_client;
struct latch;
struct discord_rest;

/* Lower goes first. */
enum discord_priority {
    DISCORD_FIRST_RESPONSE, /* acknowledging an interaction: 3 s, and no global limit */
    DISCORD_FINAL,          /* the answer, whole                                       */
    DISCORD_INTERACTION,
    DISCORD_CREATE,  /* first piece of a stream                                 */
    DISCORD_EDIT,    /* of a stream: a newer one replaces an older one          */
    DISCORD_READING, /* look-ups                                                */
    DISCORD_TYPING,  /* typing, reactions: dropped rather than late             */
};

struct discord_request {
    const char *method; /* "POST"                                                       */
    const char *route;  /* template, the bucket's first key: "/channels/{channel}/messages" */
    const char *path;   /* "/channels/123/messages?limit=50"                            */
    const char *major;  /* its channel, guild or webhook id; NULL: none                 */
    const char *body;   /* JSON; NULL: none                                             */
    size_t body_len;
    const char *type; /* of the body; NULL: application/json                             */
    enum discord_priority priority;
    const char *coalesce; /* of what waits with the same key only the newest is sent; the older ones
                             end with TROUPE_CANCELED. NULL: never                       */
    bool repeatable; /* doing it twice does no harm (GET, PUT, PATCH, a POST with nonce): repeated
                        after 5xx and lost connections. Else those end as TROUPE_MAYBE_DONE  */
    bool no_auth;    /* interaction callbacks and webhooks: the token is in the path     */
    bool owned;      /* another host would make good for it: only while discord_rest_options.holds.
                        Else it ends as TROUPE_UNAVAILABLE                                   */
    uint64_t deadline;   /* absolute; 0: 15 minutes                                        */
    struct latch *after; /* it leaves once this is open; broken: TROUPE_CANCELED. NULL: at once */
};

struct discord_response {
    int status;       /* of HTTP; 0: there was none                       */
    int code;         /* "code" of Discord's error body, 0: none          */
    const char *body; /* until the callback returns                      */
    size_t len;
    bool left; /* a byte of the request may have left the machine  */
};

/* Once for each request, on the loop's stack, must not wait.
 *   TROUPE_OK           2xx
 *   TROUPE_CANCELED     a newer one took its place, or the client is closed (not sent)
 *   TROUPE_DEADLINE     not sent in time
 *   TROUPE_DENIED       401, 403            TROUPE_NOT_FOUND  404
 *   TROUPE_ARGUMENT     other 4xx: our mistake, see `code`
 *   TROUPE_MAYBE_DONE   it left and no answer says what became of it
 *   TROUPE_UNAVAILABLE  breaker, Cloudflare's stop, or retries used up without leaving */
typedef void (*discord_rest_done)(void *arg, troupe_status status,
                                  const struct discord_response *response, const struct error *err);

struct discord_rest_options {
    struct http_client *http;
    const char *base; /* "https://discord.com/api/v10" */
    const char *token;
    unsigned connections;  /* in flight at a time; 0: 16 */
    unsigned global_limit; /* requests a second; 0: 50; UINT_MAX: none, for tests of other limits */
    bool (*holds)(void *arg); /* store_holds; NULL: always */
    void *holds_arg;
};

struct discord_rest *discord_rest_new(struct loop *loop,
                                      const struct discord_rest_options *options);
void discord_rest_free(struct discord_rest *rest); /* ends all that waits with TROUPE_CANCELED */

/* Queues it; everything is copied. TROUPE_BUSY: 10,000 wait already. */
troupe_status discord_rest_send(struct discord_rest *rest, const struct discord_request *request,
                                discord_rest_done done, void *arg, struct error *err);
/* Takes back what waits with that `coalesce`: it ends with TROUPE_CANCELED before this returns. False:
 * nothing waits with it, or it may have been done. */
bool discord_rest_take_back(struct discord_rest *rest, const char *key);
/* The same as discord_rest_send, waiting for the end; `ret_body` (may be NULL) is parsed JSON or NULL. [waits] */
troupe_status discord_rest_call(struct discord_rest *rest, const struct discord_request *request,
                                json_t **ret_body, struct error *err);

struct discord_rest_stats {
    size_t waiting, in_flight, buckets;
    uint64_t sent, retried, limited, invalid, coalesced;
    uint64_t answers[6];    /* by the hundreds of their status; [0]: none came, or another one  */
    uint64_t limited_by[4]; /* by enum discord_scope                                            */
    bool stopped;           /* 401, breaker or Cloudflare */
    char why[256];
};
void discord_rest_stats(const struct discord_rest *rest, struct discord_rest_stats *ret);

#endif
