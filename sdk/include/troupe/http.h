/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/http.h - "troupe.http/1": requests to the outside, by the host's client.
 *
 * Allowed are the hosts of the capabilities "http:HOST" and the URLs of config keys that are declared
 * TROUPE_KEY_ENDPOINT; everything else is TROUPE_DENIED. Private and loopback addresses are reached
 * only where an endpoint of the config names them.
 *
 * Plugins never hold keys: a header value may contain `{secret:KEY}`, where KEY is a config key
 * declared TROUPE_KEY_SECRET. The host fills it in on the way out, only towards an endpoint of the
 * same agent's config; towards another host the request is TROUPE_DENIED.
 *
 *     troupe_http_request request = {.size = sizeof(request), .method = "GET", .url = url};
 *     troupe_str piece;
 *     troupe_http *http;
 *     troupe_status status = troupe_http_api(turn)->open(turn, &request, &http);
 *
 *     while (status == TROUPE_OK && (status = troupe_http_api(turn)->read(turn, http, &piece)) == TROUPE_OK)
 *         take(piece);
 */
#ifndef TROUPE_HTTP_H
#define TROUPE_HTTP_H

#include <troupe/turn.h>

/* The extension's id, for `needs`. */
#define TROUPE_HTTP "troupe.http/1"

/* A line of the request's head. */
typedef struct troupe_header {
    troupe_str name, value;
} troupe_header;

/* What is asked for: borrowed until open returns. The size is sizeof(troupe_http_request). */
typedef struct troupe_http_request {
    uint32_t size;
    uint32_t reserved;
    const char *method; /* "GET", "POST", … */
    troupe_str url;
    troupe_array headers; /* troupe_header, at most 32 */
    troupe_str body;
    /* Milliseconds; 0 takes the host's default. The turn's deadline always bounds them. */
    uint32_t connect_ms, first_byte_ms, idle_ms, total_ms;
    uint64_t
        max_body; /* of the answer, after decompression; 0: the host's default                 */
    /* The reservation (troupe/budget.h) that this request spends, marked as dispatched, in the store,
     * before the first byte leaves; 0: none. */
    uint64_t reservation;
} troupe_http_request;

/* A piece of a body; `as` says how it is sent. */
typedef struct troupe_http_part {
    troupe_str bytes;
    uint32_t as; /* TROUPE_HTTP_… */
    uint32_t reserved;
} troupe_http_part;

#define TROUPE_HTTP_PLAIN     0u /* as it is                                  */
#define TROUPE_HTTP_BASE64    1u /* as such text, padded and without a line's end */

#define TROUPE_HTTP_PARTS_MAX 256u /* of a request */

/* A request that was sent, with its answer; closed by the host when the stage or function returns. */
typedef struct troupe_http troupe_http;

typedef struct troupe_http_v1 {
    uint32_t size;
    uint32_t reserved;
    /* Sends and waits for the answer's headers. An outside effect unless GET or HEAD. TROUPE_DENIED,
     * TROUPE_UNAVAILABLE (no connection), TROUPE_DEADLINE, TROUPE_IO; troupe_error says which host
     * and why. TROUPE_BUDGET where a reservation is made by it (reserve_at_open) and refused. At most 8 open in a turn. After a restart: TROUPE_INTERRUPTED for a paid request that was
     * cut after members had seen some of its answer, or twice; TROUPE_MAYBE_DONE for another that had
     * left and is no GET or HEAD. Noted, or Outside; a replay has the whole body in one read, up to
     * 1 MB (of a GET 64 kB, else it is asked again). [turn, waits] */
    troupe_status (*open)(troupe_turn *turn, const troupe_http_request *request, troupe_http **ret);
    /* The answer's code, 200 and the like. [turn] */
    uint32_t (*status)(const troupe_http *http);
    /* TROUPE_NOT_FOUND when the answer has no such header; names are compared without case.
     * [turn] */
    troupe_status (*header)(const troupe_http *http, const char *name, troupe_str *ret);
    /* The next bytes, valid until the next read; TROUPE_END at the end. [turn, waits] */
    troupe_status (*read)(troupe_turn *turn, troupe_http *http, troupe_str *ret);
    /* Ends it, also midway. Once for each. Open ones are closed when the stage returns. [turn] */
    void (*close)(troupe_turn *turn, troupe_http *http);
    /* read that waits at most `ms` (0: as long as the request's own limits allow). TROUPE_DEADLINE
     * then, and reading may go on: for streams whose silences mean different things. Only where
     * troupe_turn_status is still fine did `ms` pass and not the turn. [turn, waits] */
    troupe_status (*read_within)(troupe_turn *turn, troupe_http *http, uint32_t ms,
                                 troupe_str *ret);
    /* From now on what comes after a read may be handed over up to `ms` later, at most 1,000, all that
     * came meanwhile in few reads; the end of the answer is told at once. For an answer that is shown from time to
     * time and not by each of its pieces: waking up for these is most of what reading it takes. 0: at once, as
     * at first. TROUPE_UNSUPPORTED: nothing changes. [turn] */
    troupe_status (*gather)(troupe_turn *turn, troupe_http *http, uint32_t ms);
    /* As open, with a body of parts (troupe_http_part, 1 to TROUPE_HTTP_PARTS_MAX) that follow each other; that of
     * the request is empty. Borrowed until it returns, like all of the request: they are sent from where they are,
     * by a thread of the host that also makes the base64, so that megabytes of a member's file are neither copied
     * nor packed while others wait. TROUPE_ARGUMENT for another body, kind or number of parts. Recorded as
     * open. Absent where the table's `size` ends before it, as in a process of the plugin's own. [turn, waits] */
    troupe_status (*open_parts)(troupe_turn *turn, const troupe_http_request *request,
                                troupe_array parts, troupe_http **ret);
} troupe_http_v1;

/* The table; NULL where this host has none. Not recorded. [turn] */
static inline const troupe_http_v1 *troupe_http_api(troupe_turn *turn)
{
    return (const troupe_http_v1 *)troupe_get_extension(turn, TROUPE_HTTP);
}

/* As `gather` of the table; TROUPE_UNSUPPORTED under a host without it. Not recorded. [turn] */
static inline troupe_status troupe_http_gather(troupe_turn *turn, troupe_http *http, uint32_t ms)
{
    const troupe_http_v1 *table = troupe_http_api(turn);

    return table && TROUPE_HAS(table, gather) ? table->gather(turn, http, ms) : TROUPE_UNSUPPORTED;
}

#endif
