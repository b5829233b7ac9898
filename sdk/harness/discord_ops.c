/* SPDX-License-Identifier: Apache-2.0 */
#include "discord_ops.h"

#include "discord.h"

#include <stdio.h>
#include <stdlib.h>

#define SENDS_MAX       120 /* in 60 s */
#define PAYLOAD_MAX     4096
#define IDENTIFY_WINDOW 5000 /* ms */

/* Bits that exist (gateway.mdx, "List of Intents"), and those that must be enabled first. */
#define INTENTS_KNOWN      UINT32_C(0x0331ffff)
#define INTENTS_PRIVILEGED (UINT32_C(1) << 1 | UINT32_C(1) << 8 | INTENT_MESSAGE_CONTENT)

/* The fault at a place of the gateway; true when it took the place of what was to be done. */
static bool fault_at(struct discord_client *client, const char *place)
{
    struct discord *discord = client->discord;
    const char *host = client->conn->listener == &discord->resume ? "resume" : "base";
    const struct discord_fault *fault = discord_faults_take(discord, place, false, 0, host);

    if (!fault)
        return false;
    switch (fault->what) {
    case WHAT_CLOSE:
        discord_client_close(client, (unsigned)fault->code, false);
        discord_conn_close(client->conn);
        return true;
    case WHAT_RESET: discord_conn_reset(client->conn); return true;
    case WHAT_CUT: discord_conn_close(client->conn); return true;
    case WHAT_HANG: client->silent = true; return true;
    case WHAT_RECONNECT:
        discord_client_say(client, "{\"t\":null,\"s\":null,\"op\":7,\"d\":null}");
        return true;
    case WHAT_INVALID:
        discord_client_say(client, fault->resumable
                                       ? "{\"t\":null,\"s\":null,\"op\":9,\"d\":true}"
                                       : "{\"t\":null,\"s\":null,\"op\":9,\"d\":false}");
        return true;
    case WHAT_TORN: client->torn = true; return false;
    default: return true; /* ignore */
    }
}

void discord_ops_hello(struct discord_client *client, const struct discord_http *http)
{
    struct discord_slice version = discord_http_query(http->query, "v");
    struct discord_slice encoding = discord_http_query(http->query, "encoding");
    char hello[200];

    client->beat_ms = client->window_ms = discord_now_ms();
    if (!discord_slice_is(version, "10") && !discord_slice_is(version, "9")) {
        discord_client_close(client, 4012, false);
        return;
    }
    if (encoding.ptr && !discord_slice_is(encoding, "json")) {
        discord_client_close(client, 4002, false);
        return;
    }
    if (fault_at(client, "hello"))
        return;
    snprintf(hello, sizeof(hello),
             "{\"t\":null,\"s\":null,\"op\":10,\"d\":{\"heartbeat_interval\":%u,\"_trace\":[]}}",
             client->discord->options.heartbeat_ms);
    discord_client_say(client, hello);
}

/* ---- identify ------------------------------------------------------------------------------ */

static bool token_holds(const struct discord *discord, const json_t *d)
{
    const char *token = json_string_value(json_object_get(d, "token"));

    if (token && strncmp(token, "Bot ", 4) == 0)
        token += 4;
    return token && strcmp(token, discord->options.token) == 0;
}

/* 0, or the close code for what is wrong with it. */
static unsigned check_identify(const struct discord *discord, const json_t *d)
{
    const json_t *intents = json_object_get(d, "intents"), *shard = json_object_get(d, "shard");
    json_int_t bits = json_integer_value(intents);

    if (!json_is_object(json_object_get(d, "properties")) || !json_is_integer(intents))
        return 4002;
    if (!token_holds(discord, d))
        return 4004;
    if (bits < 0 || bits & ~(json_int_t)INTENTS_KNOWN)
        return 4013;
    if (bits & INTENTS_PRIVILEGED && !discord->options.privileged)
        return 4014;
    if (shard) {
        json_int_t id = json_integer_value(json_array_get(shard, 0));
        json_int_t n = json_integer_value(json_array_get(shard, 1));

        if (json_array_size(shard) != 2 || n < 1 || id < 0 || id >= n)
            return 4010;
    } else if (discord->options.shards > 1) {
        return 4011;
    }
    return 0;
}

static void put_ready(struct discord *discord, const struct discord_session *session,
                      struct fake_text *out)
{
    const struct discord_world *world = &discord->world;

    fake_text_puts(out, "{\"v\":10,\"user_settings\":{},\"user\":");
    discord_put_user(out, &world->bot);
    fake_text_puts(out, ",\"session_type\":\"normal\",\"relationships\":[],"
                        "\"private_channels\":[],\"presences\":[],\"guild_join_requests\":[],"
                        "\"geo_ordered_rtc_regions\":[],\"auth\":{},\"_trace\":[],"
                        "\"application\":{\"id\":");
    discord_put_id(out, DISCORD_BOT_ID);
    fake_text_printf(out, ",\"flags\":%u},\"session_id\":\"%s\",\"resume_gateway_url\":",
                     discord->options.privileged ? 1u << 19 | 1u << 15 | 1u << 13 : 0u,
                     session->id);
    if (discord->options.resume_url)
        discord_put_str(out, discord->options.resume_url, strlen(discord->options.resume_url));
    else
        fake_text_printf(out, "\"%s://%s:%d\"", discord->net.tls ? "wss" : "ws",
                         discord->options.host, discord->resume.port);
    fake_text_printf(out, ",\"shard\":[%u,%u],\"guilds\":[", session->shard, session->shards);
    for (size_t i = 0, n = 0; i < world->guild_count; i++) {
        if ((world->guilds[i]->id >> 22) % session->shards != session->shard)
            continue;
        fake_text_printf(out, "%s{\"unavailable\":true,\"id\":\"%llu\"}", n++ ? "," : "",
                         (unsigned long long)world->guilds[i]->id);
    }
    fake_text_puts(out, "]}");
}

static void welcome(struct discord *discord, struct discord_session *session)
{
    const struct discord_world *world = &discord->world;
    struct fake_text data = {0};

    put_ready(discord, session, &data);
    discord_session_event(discord, session, "READY", (struct discord_slice){data.data, data.len});
    discord->counters.readies++;
    for (size_t i = 0; i < world->guild_count && session->intents & INTENT_GUILDS; i++) {
        if ((world->guilds[i]->id >> 22) % session->shards != session->shard)
            continue;
        data.len = 0;
        discord_put_guild(&data, world, world->guilds[i]);
        discord_session_event(discord, session, "GUILD_CREATE",
                              (struct discord_slice){data.data, data.len});
    }
    fake_text_clear(&data);
}

/* At most max_concurrency in 5 s. */
static bool identify_too_soon(struct discord *discord)
{
    struct discord_gateway *gateway = &discord->gateway;
    int64_t now = discord_now_ms();

    if (now - gateway->identify_window_ms >= IDENTIFY_WINDOW) {
        gateway->identify_window_ms = now;
        gateway->identify_count = 0;
    }
    return ++gateway->identify_count > discord->options.max_concurrency;
}

static void take_identify(struct discord_client *client, const json_t *d)
{
    struct discord *discord = client->discord;
    const json_t *shard = json_object_get(d, "shard");
    struct discord_session *session;
    unsigned code;

    if (client->session) {
        discord_client_close(client, 4005, false);
        return;
    }
    discord->counters.identifies++;
    discord->gateway.identifies_today++;
    code = check_identify(discord, d);
    if (code) {
        discord_client_close(client, code, false);
        return;
    }
    if (fault_at(client, "identify"))
        return;
    if (identify_too_soon(discord)) {
        discord->counters.identifies_refused++;
        discord_client_say(client, "{\"t\":null,\"s\":null,\"op\":9,\"d\":false}");
        return;
    }
    session = fake_alloc(sizeof(*session));
    snprintf(session->id, sizeof(session->id), "%016llx%08llx",
             (unsigned long long)discord_world_new_id(&discord->world),
             (unsigned long long)discord->counters.identifies);
    snprintf(session->query, sizeof(session->query), "%s", client->query);
    session->intents = (uint32_t)json_integer_value(json_object_get(d, "intents"));
    session->shards = shard ? (unsigned)json_integer_value(json_array_get(shard, 1)) : 1;
    session->shard = (unsigned)json_integer_value(json_array_get(shard, 0));
    session->cap = discord->options.replay_max;
    session->ring = fake_alloc(session->cap * sizeof(*session->ring));
    session->client = client;
    client->session = session;
    session->next = discord->gateway.sessions;
    discord->gateway.sessions = session;
    welcome(discord, session);
}

/* ---- resume -------------------------------------------------------------------------------- */

static struct discord_session *find_session(struct discord *discord, const char *id)
{
    struct discord_session *session = discord->gateway.sessions;

    while (session && (!id || strcmp(session->id, id) != 0))
        session = session->next;
    return session;
}

static void replay(struct discord *discord, struct discord_session *session, uint64_t seq)
{
    while (seq < session->seq) {
        const struct discord_event *event = &session->ring[++seq % session->cap];

        discord_client_send(session->client, event->payload, event->len);
        discord->counters.replayed++;
    }
    discord_session_event(discord, session, "RESUMED", discord_slice("{\"_trace\":[]}"));
    discord->counters.resumed++;
}

static void take_resume(struct discord_client *client, const json_t *d)
{
    struct discord *discord = client->discord;
    struct discord_session *session =
        find_session(discord, json_string_value(json_object_get(d, "session_id")));
    const json_t *number = json_object_get(d, "seq");
    uint64_t seq = (uint64_t)json_integer_value(number);

    discord->counters.resumes++;
    if (client->session) {
        discord_client_close(client, 4005, false);
        return;
    }
    if (!token_holds(discord, d)) {
        discord_client_close(client, 4004, false);
        return;
    }
    if (!discord->options.resume_url && client->conn->listener != &discord->resume)
        discord->counters.resumes_on_base++;
    if (fault_at(client, "resume"))
        return;
    if (session && (!json_is_integer(number) || seq > session->seq)) {
        discord_client_close(client, 4007, false);
        return;
    }
    if (!session || session->seq - seq > session->count) {
        discord->counters.resumes_refused++;
        if (session) {
            discord->counters.sessions_lost++;
            discord_session_forget(discord, session);
        }
        discord_client_say(client, "{\"t\":null,\"s\":null,\"op\":9,\"d\":false}");
        return;
    }
    if (strcmp(session->query, client->query) != 0)
        discord->counters.query_changed++;
    if (session->client) { /* the old connection is not known to be dead yet */
        session->client->session = NULL;
        discord_conn_reset(session->client->conn);
    }
    session->client = client;
    client->session = session;
    replay(discord, session, seq);
}

/* ---- the rest ------------------------------------------------------------------------------ */

static void take_heartbeat(struct discord_client *client, const json_t *d)
{
    struct discord *discord = client->discord;
    int64_t now = discord_now_ms(), gap = now - client->beat_ms;

    discord->counters.heartbeats++;
    discord_most(&discord->counters.max_heartbeat_gap_ms, (uint64_t)gap);
    if (gap > (int64_t)discord->options.heartbeat_ms * 3 / 2)
        discord->counters.heartbeats_late++;
    client->beat_ms = now;
    if (client->session && json_is_integer(d) && discord->gateway.beat)
        discord->gateway.beat(discord, client->session, (uint64_t)json_integer_value(d));
    if (client->session && json_is_integer(d) &&
        (uint64_t)json_integer_value(d) > client->session->seq) {
        discord_client_close(client, 4007, true);
        return;
    }
    if (!fault_at(client, "heartbeat"))
        discord_client_say(client, "{\"t\":null,\"s\":null,\"op\":11,\"d\":null}");
}

static bool too_many(struct discord_client *client)
{
    int64_t now = discord_now_ms();

    if (now - client->window_ms >= 60000) {
        client->window_ms = now;
        client->window_count = 0;
    }
    return ++client->window_count > SENDS_MAX;
}

void discord_ops_take(struct discord_client *client, const char *data, size_t len)
{
    struct discord *discord = client->discord;
    json_t *message = len <= PAYLOAD_MAX ? json_loadb(data, len, 0, NULL) : NULL;
    const json_t *d = json_object_get(message, "d"), *op = json_object_get(message, "op");

    if (!json_is_integer(op)) {
        discord->counters.protocol_errors++;
        discord_client_close(client, 4002, false);
    } else if (too_many(client)) {
        discord->counters.protocol_errors++;
        discord_client_close(client, 4008, false);
    } else {
        switch (json_integer_value(op)) {
        case 1: take_heartbeat(client, d); break;
        case 2: take_identify(client, d); break;
        case 6: take_resume(client, d); break;
        case 3:
        case 4:
        case 8:
        case 31:
        case 43:
            if (!client->session)
                discord_client_close(client, 4003, false);
            break;
        default: discord->counters.protocol_errors++; discord_client_close(client, 4001, false);
        }
    }
    json_decref(message);
}
