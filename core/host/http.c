/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.http/1": where a plugin may go, and the one place where its secrets are put into a
 * request. A secret travels only to an origin that the same agent's config names as an endpoint.
 */
#include "host/host_table.h"

#include "base/log.h"
#include "base/mem.h"
#include "net/http.h"
#include "turn/engine_private.h"

#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define REQUESTS_MAX 8
#define HEADERS_MAX  32
#define HEADER_MAX   16384       /* bytes of a header's name or value */
#define BODY_MAX     (64u << 20) /* bytes of a request's body         */

/* What stands before the path. */
struct origin {
    char scheme[8], host[256], port[8];
};

struct troupe_http {
    struct turn_resource resource;
    struct turn_frame *frame;
    struct http_stream *stream;
};

static void copy_part(CURLU *url, CURLUPart part, unsigned flags, char *out, size_t size)
{
    char *text = NULL;

    out[0] = '\0';
    if (curl_url_get(url, part, &text, flags) == CURLUE_OK && strlen(text) < size)
        snprintf(out, size, "%s", text);
    curl_free(text);
}

static bool origin_of(const char *text, struct origin *ret)
{
    CURLU *url = curl_url();
    bool good = url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK;

    if (good) {
        copy_part(url, CURLUPART_SCHEME, 0, ret->scheme, sizeof(ret->scheme));
        copy_part(url, CURLUPART_HOST, 0, ret->host, sizeof(ret->host));
        copy_part(url, CURLUPART_PORT, CURLU_DEFAULT_PORT, ret->port, sizeof(ret->port));
        good = ret->scheme[0] && ret->host[0] && ret->port[0];
    }
    curl_url_cleanup(url);
    return good;
}

static bool same_origin(const struct origin *a, const struct origin *b)
{
    return !strcasecmp(a->scheme, b->scheme) && !strcasecmp(a->host, b->host) &&
           !strcmp(a->port, b->port);
}

static bool is_endpoint(const struct plugin_agent *agent, const struct origin *origin)
{
    const char *url;
    struct origin own;

    for (size_t i = 0; (url = plugin_agent_endpoint(agent, i)); i++)
        if (origin_of(url, &own) && same_origin(&own, origin))
            return true;
    return false;
}

/* [http] allow_private: HOST or HOST:PORT that the operator opened for every agent. */
static bool allowed_private(const struct turn *turn, const struct origin *origin)
{
    const struct config_list *list =
        config_list(config_section(turn->set->config, "http", NULL), "allow_private");
    char with_port[300];

    snprintf(with_port, sizeof(with_port), "%s:%s", origin->host, origin->port);
    for (size_t i = 0; i < list->count; i++)
        if (!strcasecmp(list->items[i], origin->host) || !strcasecmp(list->items[i], with_port))
            return true;
    return false;
}

/* Whether the agent may go there, and how far the address is trusted. */
static troupe_status judge(struct turn_frame *frame, const struct origin *origin,
                           enum http_trust *ret_trust, bool *ret_endpoint)
{
    char capability[300];

    *ret_endpoint = is_endpoint(frame->agent, origin);
    *ret_trust = HTTP_TRUST_CONFIGURED;
    if (*ret_endpoint)
        return TROUPE_OK;
    snprintf(capability, sizeof(capability), "http:%s", origin->host);
    if (!plugin_agent_can(frame->agent, capability))
        return turn_frame_error(frame, TROUPE_DENIED, "http.host",
                                "plugin \"%s\" may not reach \"%s\": it is neither an endpoint of "
                                "its config nor a declared capability \"http:%s\"",
                                frame->agent->manifest->id, origin->host, origin->host);
    if (!allowed_private(frame->turn, origin))
        *ret_trust = HTTP_TRUST_UNTRUSTED;
    return TROUPE_OK;
}

/* Writes a header's value with its secrets filled in. */
static troupe_status fill_in(struct turn_frame *frame, troupe_str value, bool endpoint,
                             struct buf *out)
{
    static const char mark[] = "{secret:";
    const char *p = value.ptr, *end = value.len ? value.ptr + value.len : value.ptr;

    while (p < end) {
        const char *hit = memmem(p, (size_t)(end - p), mark, sizeof(mark) - 1), *stop, *secret;
        char key[64];

        if (!hit) {
            buf_append(out, p, (size_t)(end - p));
            break;
        }
        stop = memchr(hit, '}', (size_t)(end - hit));
        hit += sizeof(mark) - 1;
        if (!stop || (size_t)(stop - hit) >= sizeof(key))
            return turn_frame_error(frame, TROUPE_ARGUMENT, "http.secret",
                                    "a header holds an unfinished {secret:KEY}");
        buf_append(out, p, (size_t)(hit - (sizeof(mark) - 1) - p));
        snprintf(key, sizeof(key), "%.*s", (int)(stop - hit), hit);
        secret = plugin_agent_secret(frame->agent, key);
        if (!secret)
            return turn_frame_error(frame, TROUPE_NOT_FOUND, "http.secret",
                                    "the secret \"%s\" is not set in [agent %s]", key,
                                    frame->agent->name);
        if (!endpoint)
            return turn_frame_error(frame, TROUPE_DENIED, "http.secret",
                                    "the secret \"%s\" goes to endpoints of [agent %s] only", key,
                                    frame->agent->name);
        buf_puts(out, secret);
        p = stop + 1;
    }
    return TROUPE_OK;
}

static void headers_clear(struct http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char *value = (char *)headers[i].value;

        explicit_bzero(value, strlen(value));
        mem_free(value);
        mem_free((char *)headers[i].name);
    }
}

static troupe_status headers_of(struct turn_frame *frame, troupe_array list, bool endpoint,
                                struct http_header *out, size_t *ret_count)
{
    *ret_count = 0;
    if (list.count > HEADERS_MAX)
        return turn_frame_error(frame, TROUPE_LIMIT, "host.limit",
                                "a request takes at most %d headers", HEADERS_MAX);
    if (list.count && !list.ptr)
        return host_bytes(frame, NULL, 1, 1, "the list of headers");
    for (uint32_t i = 0; i < list.count; i++) {
        const troupe_header *header = TROUPE_AT(list, troupe_header, i);
        struct buf value = BUF_INIT;
        troupe_status status =
            host_bytes(frame, header->name.ptr, header->name.len, HEADER_MAX, "a header's name");

        if (status == TROUPE_OK)
            status = host_bytes(frame, header->value.ptr, header->value.len, HEADER_MAX,
                                "a header's value");
        if (status == TROUPE_OK)
            status = fill_in(frame, header->value, endpoint, &value);
        if (status < 0) {
            if (value.data)
                explicit_bzero(value.data, value.cap);
            buf_clear(&value);
            return status;
        }
        out[*ret_count] = (struct http_header){
            mem_strndup(header->name.ptr, (size_t)header->name.len), buf_take(&value)};
        ++*ret_count;
    }
    return TROUPE_OK;
}

static void http_release(struct turn_resource *resource)
{
    troupe_http *http = container_of(resource, troupe_http, resource);

    list_remove(&resource->link);
    http->frame->requests--;
    http_close(http->stream);
    mem_free(http);
}

/* Nothing has left the machine where the request failed like this. */
static bool never_left(troupe_status status)
{
    return status == TROUPE_ARGUMENT || status == TROUPE_DENIED || status == TROUPE_UNAVAILABLE ||
           status == TROUPE_BUSY || status == TROUPE_FAILED;
}

static uint64_t deadline_of(const struct turn_frame *frame, uint32_t total_ms)
{
    uint64_t own = total_ms ? co_after(total_ms) : 0;

    return own && (!frame->turn->deadline || own < frame->turn->deadline) ? own
                                                                          : frame->turn->deadline;
}

static troupe_status send_request(struct turn_frame *frame, const troupe_http_request *request,
                                  struct http_request *out, struct http_stream **ret)
{
    struct engine *engine = frame->turn->engine;
    int64_t reservation = (int64_t)request->reservation;
    struct error err, ignored;
    troupe_status status;

    if (reservation) {
        status = turn_budget_dispatch(engine->store, reservation, frame->turn->id, 0, &err);
        if (status < 0)
            return turn_frame_error(frame, status, "budget.dispatch", "%s",
                                    status == TROUPE_CONFLICT ? "the reservation is used already"
                                                              : err.text);
    }
    if (!reservation && strcmp(out->method, "GET") && strcmp(out->method, "HEAD")) {
        status = turn_begin_effect(frame->turn, frame->agent->name, &err);
        if (status < 0)
            return turn_frame_error(frame, status, "http.storage", "%s", err.text);
    }
    status = http_open(engine->options.http, out, ret, &err);
    if (status >= 0)
        return status;
    if (reservation && never_left(status)) {
        co_shield(ENGINE_STORE_MS);
        if (turn_budget_undispatch(engine->store, reservation, frame->turn->id,
                                   turn_engine_soon(engine), &ignored) < 0)
            log_warn("budget", "reservation %lld stays booked: %s", (long long)reservation,
                     ignored.text);
        co_unshield();
    }
    return turn_frame_error(frame, status, "http.failed", "%s", err.text);
}

static troupe_status do_open(troupe_turn *turn, const troupe_http_request *request,
                             troupe_http **ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    const struct config_section *section = config_section(frame->turn->set->config, "http", NULL);
    _cleanup_mem_ char *url = NULL;
    struct http_header headers[HEADERS_MAX];
    struct http_request out = {0};
    struct http_stream *stream = NULL;
    struct origin origin;
    size_t count = 0;
    bool endpoint;
    troupe_http *http;
    troupe_status status;

    if (!TROUPE_HAS(request, reservation))
        return turn_frame_error(frame, TROUPE_VERSION, "http.version", "the request is too short");
    if (frame->requests >= REQUESTS_MAX)
        return turn_frame_error(frame, TROUPE_LIMIT, "host.limit",
                                "a stage has at most %d open requests", REQUESTS_MAX);
    status = host_bytes(frame, request->url.ptr, request->url.len, HTTP_URL_MAX, "a URL");
    if (status == TROUPE_OK)
        status = host_bytes(frame, request->body.ptr, request->body.len, BODY_MAX, "a body");
    if (status < 0)
        return status;
    url = mem_strndup(request->url.ptr, (size_t)request->url.len);
    out.url = url;
    out.method = request->method ? request->method : "GET";
    /* Booked or with an effect outside: what became of it must be told, not tried again unseen. */
    out.once = request->reservation || (strcmp(out.method, "GET") && strcmp(out.method, "HEAD"));
    if (strlen(url) != request->url.len || !origin_of(url, &origin))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "http.url", "this is no URL");
    status = judge(frame, &origin, &out.trust, &endpoint);
    if (status == TROUPE_OK)
        status = headers_of(frame, request->headers, endpoint, headers, &count);
    if (status == TROUPE_OK) {
        out.headers = headers;
        out.header_count = count;
        out.body = request->body.ptr;
        out.body_len = (size_t)request->body.len;
        out.connect_timeout_ms = request->connect_ms
                                     ? request->connect_ms
                                     : (uint32_t)config_ms(section, "connect_timeout");
        out.first_byte_timeout_ms = request->first_byte_ms;
        out.idle_timeout_ms = request->idle_ms;
        out.deadline = deadline_of(frame, request->total_ms);
        out.max_body = request->max_body ? (size_t)request->max_body
                                         : (size_t)config_bytes(section, "max_body");
        status = send_request(frame, request, &out, &stream);
    }
    headers_clear(headers, count);
    if (status < 0)
        return status;
    http = mem_zero(1, sizeof(*http));
    http->frame = frame;
    http->stream = stream;
    frame->requests++;
    turn_frame_own(frame, &http->resource, http_release);
    *ret = http;
    return TROUPE_OK;
}

static uint32_t get_status(const troupe_http *http)
{
    return (uint32_t)http_stream_status(http->stream);
}

static troupe_status get_header(const troupe_http *http, const char *name, troupe_str *ret)
{
    const char *value = http_stream_header(http->stream, name);

    if (!value)
        return TROUPE_NOT_FOUND;
    *ret = (troupe_str){value, strlen(value)};
    return TROUPE_OK;
}

static troupe_status read_within(troupe_turn *turn, troupe_http *http, uint32_t ms, troupe_str *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct error err;
    const char *data;
    size_t len;
    troupe_status status = host_holds(frame, http ? &http->resource : NULL);

    if (!http || status < 0)
        return status;
    status = http_read(http->stream, &data, &len, ms ? co_after(ms) : 0, &err);
    if (status == TROUPE_END)
        return status;
    if (status < 0)
        return turn_frame_error(frame, status, "http.failed", "%s", err.text);
    *ret = (troupe_str){data, len};
    return TROUPE_OK;
}

static troupe_status do_read(troupe_turn *turn, troupe_http *http, troupe_str *ret)
{
    return read_within(turn, http, 0, ret);
}

static void do_close(troupe_turn *turn, troupe_http *http)
{
    if (host_holds(turn_frame_of(turn), http ? &http->resource : NULL) == TROUPE_OK)
        http_release(&http->resource);
}

const troupe_http_v1 *host_http_table(void)
{
    static const troupe_http_v1 table = {.size = sizeof(table),
                                         .open = do_open,
                                         .status = get_status,
                                         .header = get_header,
                                         .read = do_read,
                                         .close = do_close,
                                         .read_within = read_within};

    return &table;
}
