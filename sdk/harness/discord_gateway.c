/* SPDX-License-Identifier: Apache-2.0 */
#include "discord.h"

#include "discord_ops.h"

#include <stdlib.h>

/* ---- sending ------------------------------------------------------------------------------- */

void discord_client_send(struct discord_client *client, const char *payload, size_t len)
{
    struct discord_conn *conn = client->conn;

    if (client->silent || client->closing)
        return;
    if (client->holding) {
        fake_text_put(&client->held, &len, sizeof(len));
        fake_text_put(&client->held, payload, len);
        return;
    }
    if (client->packer.kind == DISCORD_PACK_NONE) {
        discord_ws_write(&conn->out, DISCORD_WS_TEXT, payload, len, client->fragment);
    } else {
        struct fake_text *packed = &client->discord->gateway.packed;

        packed->len = 0;
        discord_packer_put(&client->packer, packed, payload, len);
        if (client->torn && packed->len > 4) { /* bytes of the middle are turned over */
            for (size_t i = packed->len / 3; i < packed->len * 2 / 3; i++)
                packed->data[i] = (char)~packed->data[i];
            client->torn = false;
        }
        discord_ws_write(&conn->out, DISCORD_WS_BINARY, packed->data, packed->len,
                         client->fragment);
    }
    discord_conn_seal(conn);
    discord_conn_dirty(conn);
}

void discord_client_say(struct discord_client *client, const char *payload)
{
    discord_client_send(client, payload, strlen(payload));
}

void discord_client_hold(struct discord_client *client)
{
    client->holding = true;
}

void discord_client_release(struct discord_client *client)
{
    size_t at = 0, len;

    client->holding = false;
    while (at < client->held.len) {
        memcpy(&len, client->held.data + at, sizeof(len));
        at += sizeof(len);
        discord_client_send(client, client->held.data + at, len);
        at += len;
    }
    client->held.len = 0;
}

void discord_client_close(struct discord_client *client, unsigned code, bool forget)
{
    unsigned char data[2] = {(unsigned char)(code >> 8), (unsigned char)code};

    if (client->closing)
        return;
    client->discord->counters.closes_sent++;
    discord_ws_write(&client->conn->out, DISCORD_WS_CLOSE, data, 2, 0);
    discord_conn_dirty(client->conn);
    client->closing = true;
    client->beat_ms = discord_now_ms();
    if (forget && client->session)
        discord_session_forget(client->discord, client->session);
}

/* ---- sessions ------------------------------------------------------------------------------ */

void discord_session_forget(struct discord *discord, struct discord_session *session)
{
    struct discord_session **at = &discord->gateway.sessions;

    discord_load_forget(discord, session);
    while (*at != session)
        at = &(*at)->next;
    *at = session->next;
    if (session->client)
        session->client->session = NULL;
    for (size_t i = 0; i < session->cap; i++)
        free(session->ring[i].payload);
    free(session->ring);
    free(session);
}

static void session_keep(struct discord_session *session, const struct fake_text *payload)
{
    struct discord_event *event = &session->ring[session->seq % session->cap];

    free(event->payload);
    event->payload = memcpy(fake_alloc(payload->len), payload->data, payload->len);
    event->len = payload->len;
    if (session->count < session->cap)
        session->count++;
}

static bool wants(const struct discord_session *session, uint32_t intents, uint64_t guild)
{
    if ((session->intents & intents) != intents)
        return false;
    return guild ? (guild >> 22) % session->shards == session->shard : session->shard == 0;
}

void discord_session_event(struct discord *discord, struct discord_session *session,
                           const char *type, struct discord_slice data)
{
    struct fake_text *payload = &discord->scratch;

    payload->len = 0;
    fake_text_puts(payload, "{\"t\":\"");
    fake_text_puts(payload, type);
    fake_text_puts(payload, "\",\"s\":");
    discord_put_u64(payload, ++session->seq);
    fake_text_puts(payload, ",\"op\":0,\"d\":");
    fake_text_put(payload, data.ptr, data.len);
    fake_text_puts(payload, "}");
    session_keep(session, payload);
    discord->counters.events++;
    if (session->client)
        discord_client_send(session->client, payload->data, payload->len);
}

unsigned discord_gateway_dispatch(struct discord *discord, const char *type, uint32_t intents,
                                  uint64_t guild, struct discord_slice data,
                                  struct discord_slice open)
{
    unsigned taken = 0;

    for (struct discord_session *session = discord->gateway.sessions; session;
         session = session->next) {
        bool content = !open.ptr || session->intents & INTENT_MESSAGE_CONTENT;

        if (!wants(session, intents, guild))
            continue;
        discord_session_event(discord, session, type, content ? data : open);
        taken++;
    }
    return taken;
}

/* ---- connections --------------------------------------------------------------------------- */

static void client_gone(struct discord_conn *conn)
{
    struct discord_client *client = conn->arg;
    struct discord_client **at = &client->discord->gateway.clients;

    while (*at != client)
        at = &(*at)->next;
    *at = client->next;
    if (client->session) {
        client->session->client = NULL;
        client->session->dropped_ms = discord_now_ms();
    }
    discord_packer_clear(&client->packer);
    fake_text_clear(&client->message);
    fake_text_clear(&client->held);
    free(client);
}

/* What the close code of a client's means for its session. */
static void client_closed(struct discord_client *client, const struct discord_ws_frame *frame)
{
    struct discord *discord = client->discord;
    unsigned code =
        frame->len >= 2
            ? (unsigned)((unsigned char)frame->data[0] << 8 | (unsigned char)frame->data[1])
            : 1005;

    if (!client->closing) {
        discord->counters.closes_by_client++;
        if (code == 1000 || code == 1001) {
            discord->counters.closes_1000 += !discord->options.stop_expected;
            discord->counters.sessions_lost += client->session != NULL;
            if (client->session)
                discord_session_forget(discord, client->session);
        }
        discord_ws_write(&client->conn->out, DISCORD_WS_CLOSE, frame->data, frame->len >= 2 ? 2 : 0,
                         0);
        client->closing = true;
    }
    discord_conn_close(client->conn);
}

static void take_data_frame(struct discord_client *client, const struct discord_ws_frame *frame)
{
    if (frame->fin && client->message.len == 0) {
        discord_ops_take(client, frame->data, frame->len);
        return;
    }
    fake_text_put(&client->message, frame->data, frame->len);
    if (client->message.len > 1024 * 1024) {
        discord_client_close(client, 4002, false);
    } else if (frame->fin) {
        discord_ops_take(client, client->message.data, client->message.len);
        if (!client->conn->closing)
            client->message.len = 0;
    }
}

static void client_take(struct discord_conn *conn)
{
    struct discord_client *client = conn->arg;
    struct discord_ws_frame frame;
    size_t used;
    int r;

    while (!conn->closing && conn->in_at < conn->in.len) {
        r = discord_ws_read(conn->in.data + conn->in_at, conn->in.len - conn->in_at, 1024 * 1024,
                            &frame, &used);
        if (r < 0) {
            client->discord->counters.protocol_errors++;
            discord_client_close(client, 1002, false);
            discord_conn_close(conn);
            conn->in_at = conn->in.len;
            return;
        }
        if (r == 0)
            return;
        conn->in_at += used;
        if (frame.op == DISCORD_WS_CLOSE)
            client_closed(client, &frame);
        else if (frame.op == DISCORD_WS_PING && !client->silent)
            discord_ws_write(&conn->out, DISCORD_WS_PONG, frame.data, frame.len, 0);
        else if (frame.op <= DISCORD_WS_BINARY && !client->closing)
            take_data_frame(client, &frame);
    }
    if (!conn->closing)
        discord_conn_dirty(conn);
}

static void refuse_upgrade(struct discord_conn *conn, int status)
{
    discord_http_write(&conn->out, status, "text/plain", "Connection: close\r\n", "no\n", 3);
    discord_conn_close(conn);
}

/* The fault on "connect"; true when there is no connection to go on with. */
static bool connect_fault(struct discord *discord, struct discord_conn *conn, const char *host)
{
    const struct discord_fault *fault = discord_faults_take(discord, "connect", false, 0, host);

    if (!fault)
        return false;
    switch (fault->what) {
    case WHAT_STATUS: refuse_upgrade(conn, fault->status); return true;
    case WHAT_CUT: discord_conn_close(conn); return true;
    case WHAT_HANG: conn->in_at = conn->in.len; return true;
    default: discord_conn_reset(conn); return true;
    }
}

void discord_gateway_upgrade(struct discord *discord, struct discord_conn *conn,
                             const struct discord_http *http)
{
    struct discord_slice compress = discord_http_query(http->query, "compress");
    const char *host = conn->listener == &discord->resume ? "resume" : "base";
    struct discord_client *client;
    size_t n = http->query.len;

    if (connect_fault(discord, conn, host))
        return;
    if (!http->ws_key.ptr) {
        refuse_upgrade(conn, 400);
        return;
    }
    discord->counters.upgrades++;
    client = fake_alloc(sizeof(*client));
    client->discord = discord;
    client->conn = conn;
    n = n < sizeof(client->query) - 1 ? n : sizeof(client->query) - 1;
    memcpy(client->query, http->query.ptr, n);
    discord_packer_init(&client->packer,
                        discord_slice_is(compress, "zlib-stream")   ? DISCORD_PACK_ZLIB
                        : discord_slice_is(compress, "zstd-stream") ? DISCORD_PACK_ZSTD
                                                                    : DISCORD_PACK_NONE);
    client->next = discord->gateway.clients;
    discord->gateway.clients = client;
    conn->arg = client;
    conn->take = client_take;
    conn->gone = client_gone;
    discord_ws_accept(&conn->out, http->ws_key);
    discord_conn_dirty(conn);
    discord_ops_hello(client, http);
}

/* ---- time ---------------------------------------------------------------------------------- */

void discord_gateway_second(struct discord *discord)
{
    struct discord_client *client, *next_client;
    struct discord_session *session, *next;
    int64_t now = discord_now_ms();

    for (session = discord->gateway.sessions; session; session = next) {
        next = session->next;
        if (!session->client &&
            now - session->dropped_ms > (int64_t)discord->options.session_ttl_ms) {
            discord->counters.sessions_lost++;
            discord_session_forget(discord, session);
        }
    }
    for (client = discord->gateway.clients; client; client = next_client) {
        next_client = client->next;
        if (client->closing && now - client->beat_ms > 5000) /* it does not answer the close */
            discord_conn_close(client->conn);
        /* A client that does not beat is closed as timed out, with some patience. */
        if (!client->silent &&
            now - client->beat_ms > (int64_t)discord->options.heartbeat_ms * 2 + 10000)
            discord_client_close(client, 4009, true);
    }
}

void discord_gateway_clear(struct discord *discord)
{
    while (discord->gateway.sessions)
        discord_session_forget(discord, discord->gateway.sessions);
    fake_text_clear(&discord->gateway.packed);
}
