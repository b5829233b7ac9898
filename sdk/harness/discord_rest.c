/* SPDX-License-Identifier: Apache-2.0 */
#include "discord.h"
#include "discord_commands.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- answering ----------------------------------------------------------------------------- */

static void after_pause(struct discord_conn *conn)
{
    discord_conn_put(conn, conn->arg ? ((struct fake_text *)conn->arg)->data : "",
                     conn->arg ? ((struct fake_text *)conn->arg)->len : 0);
    if (conn->arg)
        fake_text_clear(conn->arg);
    free(conn->arg);
    conn->arg = NULL;
}

static void count_status(struct discord *discord, int status)
{
    struct discord_counters *counters = &discord->counters;

    counters->status_400 += status == 400;
    counters->status_401 += status == 401;
    counters->status_403 += status == 403;
    counters->status_404 += status == 404;
    counters->status_5xx += status >= 500;
    counters->invalid_requests += status == 401 || status == 403;
}

static void send_answer(struct discord_call *call, int status, const char *type, const void *body,
                        size_t len)
{
    struct discord_conn *conn = call->conn;

    count_status(call->discord, status);
    if (conn->closing)
        return;
    switch (call->after) {
    case AFTER_CUT: discord_conn_close(conn); return;
    case AFTER_RESET: discord_conn_reset(conn); return;
    case AFTER_HANG: conn->in_at = conn->in.len; return;
    case AFTER_ANSWER: break;
    }
    if (call->delay_ms > 0) {
        struct fake_text *held = fake_alloc(sizeof(*held));

        discord_http_write(held, status, type, call->headers, body, len);
        free(conn->arg);
        conn->arg = held;
        discord_conn_pause(conn, call->delay_ms, after_pause);
        return;
    }
    discord_http_write(&conn->out, status, type, call->headers, body,
                       call->garbage ? len / 2 : len);
    if (call->garbage || call->http->close)
        discord_conn_close(conn);
    discord_conn_dirty(conn);
}

void discord_answer(struct discord_call *call, int status, const char *body, size_t len)
{
    send_answer(call, status, "application/json", body, len);
}

void discord_answer_json(struct discord_call *call, int status, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);

    discord_answer(call, status, text ? text : "null", text ? strlen(text) : 4);
    free(text);
    json_decref(body);
}

void discord_answer_error(struct discord_call *call, int status, int code, const char *message)
{
    discord_answer_json(call, status, json_pack("{s:s,s:i}", "message", message, "code", code));
}

void discord_answer_field(struct discord_call *call, const char *field, const char *code,
                          const char *message)
{
    discord_answer_json(call, 400,
                        json_pack("{s:s,s:i,s:{s:{s:[{s:s,s:s}]}}}", "message", "Invalid Form Body",
                                  "code", 50035, "errors", field, "_errors", "code", code,
                                  "message", message));
}

static void answer_limited(struct discord_call *call, const char *scope, double retry_after)
{
    struct discord_counters *counters = &call->discord->counters;
    bool global = strcmp(scope, "global") == 0, shared = strcmp(scope, "shared") == 0;
    size_t n = strlen(call->headers);

    counters->limited_global += global;
    counters->limited_shared += shared;
    counters->limited_user += !global && !shared;
    counters->invalid_requests += !shared;
    snprintf(call->headers + n, sizeof(call->headers) - n,
             "Retry-After: %d\r\nX-RateLimit-Scope: %s\r\nVia: 1.1 google\r\n%s",
             (int)ceil(retry_after), scope, global ? "X-RateLimit-Global: true\r\n" : "");
    discord_answer_json(
        call, 429,
        json_pack("{s:s,s:f,s:b}", "message",
                  shared ? "The resource is being rate limited." : "You are being rate limited.",
                  "retry_after", retry_after, "global", global));
}

/* ---- faults -------------------------------------------------------------------------------- */

static void answer_cloudflare(struct discord_call *call, double retry_after)
{
    static const char page[] = "<!DOCTYPE html>\n<html><head><title>Access denied | discord.com "
                               "used Cloudflare to restrict access</title></head><body>error code: "
                               "1015</body></html>\n";

    snprintf(call->headers, sizeof(call->headers), "Retry-After: %d\r\nServer: cloudflare\r\n",
             (int)ceil(retry_after));
    call->discord->counters.limited_global++;
    call->discord->counters.invalid_requests++;
    send_answer(call, 429, "text/html", page, sizeof(page) - 1);
}

static void answer_sublimit(struct discord_call *call, double retry_after)
{
    snprintf(
        call->headers, sizeof(call->headers),
        "X-RateLimit-Limit: 5\r\nX-RateLimit-Remaining: 4\r\nX-RateLimit-Reset-After: 1.000\r\n"
        "X-RateLimit-Bucket: %016llx\r\n",
        (unsigned long long)call->route);
    answer_limited(call, "user", retry_after);
}

/* True when the fault took the place of the handler. */
static bool happen(struct discord_call *call, const struct discord_fault *fault)
{
    struct discord_conn *conn = call->conn;

    switch (fault->what) {
    case WHAT_STATUS: discord_answer_error(call, fault->status, fault->code, fault->message); break;
    case WHAT_USER: answer_limited(call, "user", fault->retry_after); break;
    case WHAT_GLOBAL: answer_limited(call, "global", fault->retry_after); break;
    case WHAT_SHARED: answer_limited(call, "shared", fault->retry_after); break;
    case WHAT_SUBLIMIT: answer_sublimit(call, fault->retry_after); break;
    case WHAT_CLOUDFLARE: answer_cloudflare(call, fault->retry_after); break;
    case WHAT_HANG: conn->in_at = conn->in.len; break;
    case WHAT_CUT: discord_conn_close(conn); break;
    case WHAT_RESET: discord_conn_reset(conn); break;
    case WHAT_LOST: call->after = AFTER_CUT; return false;
    case WHAT_LOST_RESET: call->after = AFTER_RESET; return false;
    case WHAT_LOST_HANG: call->after = AFTER_HANG; return false;
    case WHAT_SLOW: call->delay_ms = fault->ms; return false;
    case WHAT_HASH: call->discord->limits.hash_epoch++; return false;
    case WHAT_GARBAGE: call->garbage = true; return false;
    default: return false;
    }
    return true;
}

/* ---- routing ------------------------------------------------------------------------------- */

static bool split_path(struct discord_call *call)
{
    struct discord_slice path = call->http->path;
    size_t at = 4; /* behind "/api" */

    while (at < path.len) {
        const char *from = path.ptr + at + 1;
        const char *end = memchr(from, '/', path.len - at - 1);
        size_t len = end ? (size_t)(end - from) : path.len - at - 1;

        if (call->segment_count == DISCORD_SEGMENTS_MAX)
            return false;
        if (!(call->segment_count == 0 && at == 4 && len >= 2 && from[0] == 'v' && from[1] >= '0' &&
              from[1] <= '9'))
            call->segments[call->segment_count++] = (struct discord_slice){from, len};
        at += len + 1;
    }
    return call->segment_count > 0;
}

static bool is(const struct discord_call *call, size_t i, const char *text)
{
    return i < call->segment_count && discord_slice_is(call->segments[i], text);
}

typedef void (*handler)(struct discord_call *call);

static handler route_channel(struct discord_call *call)
{
    struct discord_slice method = call->http->method;
    bool get = discord_slice_is(method, "GET"), post = discord_slice_is(method, "POST");
    bool put = discord_slice_is(method, "PUT"), remove = discord_slice_is(method, "DELETE");

#define GO(which, function) return call->route = (which), (function)
    if (call->segment_count == 2 && get)
        GO(ROUTE_CHANNEL, discord_objects_channel);
    if (is(call, 2, "typing") && post)
        GO(ROUTE_TYPING, discord_history_typing);
    if (!is(call, 2, "messages"))
        return NULL;
    if (call->segment_count == 3 && post)
        GO(ROUTE_CREATE, discord_messages_create);
    if (call->segment_count == 3 && get)
        GO(ROUTE_HISTORY, discord_history_get);
    if (call->segment_count == 4 && get)
        GO(ROUTE_MESSAGE, discord_messages_get);
    if (call->segment_count == 4 && discord_slice_is(method, "PATCH"))
        GO(ROUTE_EDIT, discord_messages_edit);
    if (call->segment_count == 4 && remove)
        GO(ROUTE_DELETE, discord_messages_delete);
    if (is(call, 4, "threads") && post && call->segment_count == 5)
        GO(ROUTE_THREAD, discord_threads_create);
    if (is(call, 4, "reactions") && (put || remove) && call->segment_count >= 6)
        GO(put ? ROUTE_REACT : ROUTE_UNREACT, discord_history_react);
    return NULL;
}

static handler route(struct discord_call *call)
{
    struct discord_slice method = call->http->method;
    bool get = discord_slice_is(method, "GET"), post = discord_slice_is(method, "POST");
    bool patch = discord_slice_is(method, "PATCH"), remove = discord_slice_is(method, "DELETE");

    if (is(call, 0, "channels") && call->segment_count >= 2)
        return route_channel(call);
    if (is(call, 0, "interactions") && is(call, 3, "callback") && post)
        GO(ROUTE_CALLBACK, discord_interactions_callback);
    if (is(call, 0, "webhooks") && call->segment_count == 3 && post)
        GO(ROUTE_WEBHOOK_CREATE, discord_interactions_webhook);
    if (is(call, 0, "webhooks") && is(call, 3, "messages") && call->segment_count == 5 &&
        (patch || get || remove))
        GO(patch ? ROUTE_WEBHOOK_EDIT
           : get ? ROUTE_WEBHOOK_GET
                 : ROUTE_WEBHOOK_DELETE,
           discord_interactions_webhook);
    if (is(call, 0, "gateway") && get)
        GO(is(call, 1, "bot") ? ROUTE_GATEWAY_BOT : ROUTE_GATEWAY, discord_objects_gateway);
    if (is(call, 0, "users") && is(call, 1, "@me") && is(call, 2, "channels") && post)
        GO(ROUTE_DM, discord_objects_dm);
    if (is(call, 0, "users") && call->segment_count == 2 && get)
        GO(ROUTE_USER, discord_objects_user);
    if (is(call, 0, "guilds") && call->segment_count >= 2 && get)
        GO(ROUTE_GUILD, discord_objects_guild);
    if ((is(call, 0, "applications") && is(call, 1, "@me") && (get || patch)) ||
        (is(call, 0, "oauth2") && is(call, 2, "@me") && get))
        GO(ROUTE_APPLICATION, discord_objects_application);
    if (is(call, 0, "applications") &&
        (is(call, 2, "commands") || (is(call, 2, "guilds") && is(call, 4, "commands"))) &&
        (get || discord_slice_is(method, "PUT")))
        GO(ROUTE_COMMANDS, discord_commands_take);
#undef GO
    return NULL;
}

/* The webhook and interaction routes carry their right in the path. */
static bool may(struct discord_call *call)
{
    struct discord_slice given = call->http->authorization;
    const char *token = call->discord->options.token;

    if (call->route == ROUTE_GATEWAY || call->route == ROUTE_CALLBACK ||
        (call->route >= ROUTE_WEBHOOK_CREATE && call->route <= ROUTE_WEBHOOK_DELETE))
        return true;
    return given.len == strlen(token) + 4 && memcmp(given.ptr, "Bot ", 4) == 0 &&
           memcmp(given.ptr + 4, token, given.len - 4) == 0;
}

static bool is_named(struct discord_slice agent)
{
    return agent.len > 12 && memcmp(agent.ptr, "DiscordBot (", 12) == 0;
}

/* ---- recording ----------------------------------------------------------------------------- */

static void record(struct discord_call *call)
{
    const struct discord_http *http = call->http;
    struct discord_rest *rest = &call->discord->rest;
    json_t *body;

    if (!call->discord->options.record)
        return;
    if (!rest->requests)
        rest->requests = json_array();
    if (json_array_size(rest->requests) >= DISCORD_REQUESTS_MAX)
        return;
    body =
        call->json.len ? json_loadb(call->json.ptr, call->json.len, JSON_DECODE_ANY, NULL) : NULL;
    json_array_append_new(rest->requests,
                          json_pack("{s:s%,s:s%,s:o}", "method", http->method.ptr, http->method.len,
                                    "path", http->path.ptr, http->path.len, "body",
                                    body ? body : json_null()));
}

/* ---- one request -------------------------------------------------------------------------- */

void discord_rest_take(struct discord *discord, struct discord_conn *conn,
                       const struct discord_http *http)
{
    struct discord_call call = {
        .discord = discord, .conn = conn, .http = http, .route = ROUTE_OTHER};
    handler handle = split_path(&call) ? route(&call) : NULL;
    const struct discord_fault *fault;
    enum discord_scope scope;
    uint64_t major = call.segment_count > 1 ? discord_digits(call.segments[1]) : 0;
    double retry_after = 0;

    discord->counters.rest_requests++;
    if (call.route == ROUTE_OTHER)
        major = 0;
    else if (call.route >= ROUTE_WEBHOOK_CREATE && call.route <= ROUTE_WEBHOOK_DELETE)
        major ^= fake_digest(call.segments[2].ptr, call.segments[2].len);
    if (!is_named(http->agent)) {
        discord_answer_error(&call, 403, 40333, "internal network error");
        return;
    }
    if (!may(&call)) {
        discord_answer_error(&call, 401, 0, "401: Unauthorized");
        return;
    }
    fault = discord_faults_take(discord, discord_route_name(call.route), true, major, NULL);
    if (fault && happen(&call, fault))
        return;
    scope = discord_limits_take(discord, call.route, major, call.headers, sizeof(call.headers),
                                &retry_after);
    if (scope != SCOPE_NONE)
        answer_limited(&call, scope == SCOPE_GLOBAL ? "global" : "user", retry_after);
    else if (!handle)
        discord_answer_error(&call, 404, 0, "404: Not Found");
    else if (!discord_body_take(&call))
        discord_answer_error(&call, 400, 50035, "Invalid Form Body");
    else if (call.oversized)
        discord_answer_error(&call, 413, 40005, "Request entity too large");
    else if (call.json.len > 0 && call.route != ROUTE_COMMANDS &&
             !discord_scan_is_object(call.json))
        discord_answer_error(&call, 400, 50109, "The request body contains invalid JSON.");
    else {
        record(&call);
        if (discord_permits_hold(&call))
            handle(&call);
    }
    fake_text_clear(&call.attachments);
}

void discord_rest_clear(struct discord *discord)
{
    struct discord_rest *rest = &discord->rest;

    while (rest->interactions) {
        struct discord_interaction *next = rest->interactions->next;

        json_decref(rest->interactions->choices);
        json_decref(rest->interactions->modal);
        free(rest->interactions);
        rest->interactions = next;
    }
    discord_map_clear(&rest->interactions_by_id);
    discord_commands_clear(discord);
    json_decref(rest->requests);
    rest->requests = NULL;
}
