/* SPDX-License-Identifier: Apache-2.0 */
#include "discord.h"

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

/* ---- small handlers ------------------------------------------------------------------------ */

static void answer_channel(struct discord_call *call)
{
    struct discord_world *world = &call->discord->world;
    struct discord_channel *channel =
        discord_world_channel_id(world, discord_digits(call->segments[1]));
    struct fake_text *body = &call->discord->rest.body;

    if (!channel) {
        discord_answer_error(call, 404, 10003, "Unknown Channel");
        return;
    }
    body->len = 0;
    discord_put_channel(body, channel);
    discord_answer(call, 200, body->data, body->len);
}

static void answer_member(struct discord_call *call)
{
    struct discord_world *world = &call->discord->world;
    char which[32];
    struct discord_user *user;
    struct fake_text *body = &call->discord->rest.body;

    discord_http_unescape(call->segments[3], which, sizeof(which));
    user = strcmp(which, "@me") == 0 ? &world->bot : discord_world_user(world, which);
    if (!user) {
        discord_answer_error(call, 404, 10007, "Unknown Member");
        return;
    }
    body->len = 0;
    discord_put_member(body, user);
    fake_text_puts(body, ",\"user\":");
    discord_put_user(body, user);
    fake_text_puts(body, "}");
    discord_answer(call, 200, body->data, body->len);
}

static void answer_guild(struct discord_call *call)
{
    struct discord_world *world = &call->discord->world;
    uint64_t id = discord_digits(call->segments[1]);
    struct discord_guild *guild = NULL;
    struct fake_text *body = &call->discord->rest.body;

    for (size_t i = 0; i < world->guild_count; i++) {
        if (world->guilds[i]->id == id)
            guild = world->guilds[i];
    }
    if (!guild) {
        discord_answer_error(call, 404, 10004, "Unknown Guild");
        return;
    }
    if (call->segment_count == 4 && discord_slice_is(call->segments[2], "members")) {
        answer_member(call);
        return;
    }
    body->len = 0;
    if (call->segment_count == 3 && discord_slice_is(call->segments[2], "channels")) {
        for (size_t i = 0; i < guild->channel_count; i++) {
            fake_text_puts(body, i ? "," : "[");
            discord_put_channel(body, guild->channels[i]);
        }
        fake_text_puts(body, "]");
    } else {
        discord_put_guild(body, world, guild);
    }
    discord_answer(call, 200, body->data, body->len);
}

static void answer_user(struct discord_call *call)
{
    struct discord_world *world = &call->discord->world;
    struct fake_text *body = &call->discord->rest.body;
    char which[32];
    struct discord_user *user;

    discord_http_unescape(call->segments[1], which, sizeof(which));
    user = strcmp(which, "@me") == 0 ? &world->bot : discord_world_user(world, which);
    if (!user) {
        discord_answer_error(call, 404, 10013, "Unknown User");
        return;
    }
    body->len = 0;
    discord_put_user(body, user);
    discord_answer(call, 200, body->data, body->len);
}

static void answer_dm(struct discord_call *call)
{
    struct discord_world *world = &call->discord->world;
    uint64_t id = discord_scan_u64(discord_scan_get(call->json, "recipient_id"));
    struct discord_user *user = discord_map_get(&world->by_id, id);
    struct discord_channel *channel =
        id / UINT64_C(100000000000000000) == 4 ? discord_world_dm(world, user) : NULL;
    struct fake_text *body = &call->discord->rest.body;

    if (!channel) {
        discord_answer_error(call, 400, 50033, "Invalid Recipient(s)");
        return;
    }
    body->len = 0;
    discord_put_channel(body, channel);
    discord_answer(call, 200, body->data, body->len);
}

static void answer_application(struct discord_call *call)
{
    bool privileged = call->discord->options.privileged;
    char id[24];

    snprintf(id, sizeof(id), "%llu", (unsigned long long)DISCORD_BOT_ID);
    discord_answer_json(
        call, 200,
        json_pack("{s:s,s:s,s:s,s:n,s:s,s:b,s:b,s:s,s:i,s:[],s:{s:s,s:s,s:s,s:s,s:n,s:i}}", "id",
                  id, "name", "troupe", "description", "", "icon", "summary", "", "bot_public", 1,
                  "bot_require_code_grant", 0, "verify_key", "", "flags",
                  privileged ? 1 << 19 | 1 << 15 | 1 << 13 : 0, "rpc_origins", "owner", "id",
                  "400000000000000000", "username", "alice", "discriminator", "0", "global_name",
                  "alice", "avatar", "public_flags", 0));
}

static void answer_gateway(struct discord_call *call)
{
    struct discord *discord = call->discord;
    unsigned total = discord->options.session_limit;
    uint64_t used = discord->gateway.identifies_today;
    char url[200];

    snprintf(url, sizeof(url), "%s://%s:%d", discord->net.tls ? "wss" : "ws", discord->options.host,
             discord->base.port);
    if (call->route == ROUTE_GATEWAY)
        discord_answer_json(call, 200, json_pack("{s:s}", "url", url));
    else
        discord_answer_json(
            call, 200,
            json_pack("{s:s,s:i,s:{s:i,s:i,s:i,s:i}}", "url", url, "shards",
                      (int)discord->options.shards, "session_start_limit", "total", (int)total,
                      "remaining", (int)(used < total ? total - used : 0), "reset_after", 86400000,
                      "max_concurrency", (int)discord->options.max_concurrency));
}

/* PUT stores the list as it is, with ids; GET gives it back. Guild commands share the global list. */
static void answer_commands(struct discord_call *call)
{
    struct discord_world *world = &call->discord->world;
    json_t *list;
    size_t i;
    json_t *command;

    if (discord_slice_is(call->http->method, "GET")) {
        discord_answer_json(call, 200, json_incref(world->commands));
        return;
    }
    list = json_loadb(call->json.ptr, call->json.len, 0, NULL);
    if (!json_is_array(list)) {
        json_decref(list);
        discord_answer_error(call, 400, 50035, "Invalid Form Body");
        return;
    }
    json_array_foreach (list, i, command) {
        char id[24], app[24];

        snprintf(id, sizeof(id), "%llu", (unsigned long long)discord_world_new_id(world));
        snprintf(app, sizeof(app), "%llu", (unsigned long long)DISCORD_BOT_ID);
        json_object_set_new(command, "id", json_string(id));
        json_object_set_new(command, "application_id", json_string(app));
        json_object_set_new(command, "version", json_string(id));
        if (!json_object_get(command, "type"))
            json_object_set_new(command, "type", json_integer(1));
        if (!json_object_get(command, "default_member_permissions"))
            json_object_set_new(command, "default_member_permissions", json_null());
    }
    json_decref(world->commands);
    world->commands = json_incref(list);
    discord_answer_json(call, 200, list);
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
        GO(ROUTE_CHANNEL, answer_channel);
    if (is(call, 2, "typing") && post)
        GO(ROUTE_TYPING, discord_messages_typing);
    if (!is(call, 2, "messages"))
        return NULL;
    if (call->segment_count == 3 && post)
        GO(ROUTE_CREATE, discord_messages_create);
    if (call->segment_count == 3 && get)
        GO(ROUTE_HISTORY, discord_messages_history);
    if (call->segment_count == 4 && get)
        GO(ROUTE_MESSAGE, discord_messages_get);
    if (call->segment_count == 4 && discord_slice_is(method, "PATCH"))
        GO(ROUTE_EDIT, discord_messages_edit);
    if (call->segment_count == 4 && remove)
        GO(ROUTE_DELETE, discord_messages_delete);
    if (is(call, 4, "reactions") && (put || remove) && call->segment_count >= 6)
        GO(put ? ROUTE_REACT : ROUTE_UNREACT, discord_messages_react);
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
        GO(is(call, 1, "bot") ? ROUTE_GATEWAY_BOT : ROUTE_GATEWAY, answer_gateway);
    if (is(call, 0, "users") && is(call, 1, "@me") && is(call, 2, "channels") && post)
        GO(ROUTE_DM, answer_dm);
    if (is(call, 0, "users") && call->segment_count == 2 && get)
        GO(ROUTE_USER, answer_user);
    if (is(call, 0, "guilds") && call->segment_count >= 2 && get)
        GO(ROUTE_GUILD, answer_guild);
    if ((is(call, 0, "applications") && is(call, 1, "@me") && (get || patch)) ||
        (is(call, 0, "oauth2") && is(call, 2, "@me") && get))
        GO(ROUTE_APPLICATION, answer_application);
    if (is(call, 0, "applications") &&
        (is(call, 2, "commands") || (is(call, 2, "guilds") && is(call, 4, "commands"))) &&
        (get || discord_slice_is(method, "PUT")))
        GO(ROUTE_COMMANDS, answer_commands);
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

/* ---- bodies -------------------------------------------------------------------------------- */

static struct discord_slice quoted(struct discord_slice head, const char *key)
{
    const char *from = memmem(head.ptr, head.len, key, strlen(key)), *end;

    if (!from)
        return (struct discord_slice){0};
    from += strlen(key);
    end = memchr(from, '"', (size_t)(head.ptr + head.len - from));
    return end ? (struct discord_slice){from, (size_t)(end - from)} : (struct discord_slice){0};
}

static void take_part(struct discord_call *call, struct discord_slice head,
                      struct discord_slice body)
{
    struct discord_slice name = quoted(head, " name=\""), file = quoted(head, "filename=\"");
    struct fake_text *list = &call->attachments;
    uint64_t id;

    if (discord_slice_is(name, "payload_json")) {
        call->json = body;
        return;
    }
    if (!file.ptr)
        return;
    id = discord_world_new_id(&call->discord->world);
    fake_text_puts(list, list->len == 0 ? "[" : ",");
    fake_text_puts(list, "{\"id\":");
    discord_put_id(list, id);
    fake_text_puts(list, ",\"filename\":");
    discord_put_str(list, file.ptr, file.len);
    fake_text_printf(list,
                     ",\"size\":%zu,\"url\":\"http://127.0.0.1/attachments/%llu\","
                     "\"proxy_url\":\"http://127.0.0.1/attachments/%llu\"}",
                     body.len, (unsigned long long)id, (unsigned long long)id);
}

/* multipart/form-data: finds payload_json, and makes attachments of the files. */
static void take_multipart(struct discord_call *call)
{
    struct discord_slice type = call->http->content_type, rest = call->http->body;
    const char *mark = memmem(type.ptr, type.len, "boundary=", 9);
    char boundary[128];

    call->json = discord_slice("{}");
    if (!mark)
        return;
    snprintf(boundary, sizeof(boundary), "--%.*s", (int)(type.ptr + type.len - mark - 9), mark + 9);
    for (;;) {
        char *from = memmem(rest.ptr, rest.len, boundary, strlen(boundary)), *head, *next;
        size_t left;

        if (!from)
            break;
        from += strlen(boundary);
        left = (size_t)(rest.ptr + rest.len - from);
        head = memmem(from, left, "\r\n\r\n", 4);
        next = memmem(from, left, boundary, strlen(boundary));
        if (!head || !next || head > next)
            break;
        take_part(call, (struct discord_slice){from, (size_t)(head - from)},
                  (struct discord_slice){head + 4, (size_t)(next - head - 6)});
        rest = (struct discord_slice){next, (size_t)(rest.ptr + rest.len - next)};
    }
    if (call->attachments.len > 0)
        fake_text_puts(&call->attachments, "]");
}

static bool take_body(struct discord_call *call)
{
    struct discord_slice type = call->http->content_type;

    call->json = call->http->body;
    if (type.len > 19 && memcmp(type.ptr, "multipart/form-data", 19) == 0)
        take_multipart(call);
    if (call->json.len == 0 || call->route == ROUTE_COMMANDS)
        return true;
    if (call->attachments.len == 0 && call->json.ptr == call->http->body.ptr &&
        !(type.len >= 16 && memcmp(type.ptr, "application/json", 16) == 0))
        return false;
    return true;
}

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
    else if (!take_body(&call))
        discord_answer_error(&call, 400, 50035, "Invalid Form Body");
    else if (call.json.len > 0 && call.route != ROUTE_COMMANDS &&
             !discord_scan_is_object(call.json))
        discord_answer_error(&call, 400, 50109, "The request body contains invalid JSON.");
    else
        handle(&call);
    fake_text_clear(&call.attachments);
}

void discord_rest_clear(struct discord *discord)
{
    struct discord_rest *rest = &discord->rest;

    while (rest->interactions) {
        struct discord_interaction *next = rest->interactions->next;

        free(rest->interactions);
        rest->interactions = next;
    }
    discord_map_clear(&rest->interactions_by_id);
}
