/* SPDX-License-Identifier: Apache-2.0
 *
 * A flood for receive benches: MESSAGE_CREATE frames of a given size, put together from four pieces
 * each and written as fast as the client takes them. With compression all are packed and framed
 * before the clock starts. The client has consumed them when it answers the op 1 behind them.
 */
#include "discord.h"

#include <stdio.h>
#include <stdlib.h>

#define BACKLOG      ((size_t)2 * 1024 * 1024) /* bytes under way */
#define BATCH        (BACKLOG / 8)             /* bytes a write */
#define ID_MARK      "1111111111111111111"
#define CONTENT_MARK "(content)"

/* ---- the pieces ---------------------------------------------------------------------------- */

/* The event's data with marks where the id and the text go, cut there. */
static void make_pieces(struct discord *discord, struct discord_flood_pieces *pieces, bool meant,
                        const char *kind)
{
    uint64_t bot = DISCORD_BOT_ID;
    struct discord_message message = {
        .id = strtoull(ID_MARK, NULL, 10),
        .channel = pieces->channel->id,
        .author = pieces->member,
        .content = (char *)(uintptr_t)CONTENT_MARK,
        .content_len = strlen(CONTENT_MARK),
        .mentions = &bot,
        .mention_count = meant && strcmp(kind, "mention") == 0,
        .at_ms = discord_now_ms(),
    };
    struct fake_text data = {0};
    char *id, *content;

    discord_put_message(&data, &discord->world, &message, true);
    fake_text_puts(&data, ",\"channel_type\":0,\"guild_id\":");
    discord_put_id(&data, pieces->channel->guild);
    fake_text_puts(&data, ",\"member\":");
    discord_put_member(&data, pieces->member);
    fake_text_puts(&data, "}}}"); /* the member's, the message's, the event's */
    id = strstr(data.data, ID_MARK);
    content = strstr(data.data, CONTENT_MARK);
    fake_text_puts(&pieces->prefix, ",\"op\":0,\"d\":");
    fake_text_put(&pieces->prefix, data.data, (size_t)(id - data.data));
    id += strlen(ID_MARK);
    fake_text_put(&pieces->middle, id, (size_t)(content - id));
    fake_text_puts(&pieces->suffix, content + strlen(CONTENT_MARK));
    fake_text_clear(&data);
}

static void make_words(struct discord_flood *flood)
{
    flood->seed = UINT64_C(0x9e3779b97f4a7c15);
    for (size_t i = 0; i < 1024; i++) {
        for (size_t k = 0; k < 6; k++)
            flood->words[i][k] = (char)('a' + discord_random(&flood->seed) % 26);
        flood->words[i][6] = ' ';
    }
}

/* Every third word is a new one: about 300 bytes an event are left of it when it is packed, as of
 * recorded sessions. */
static void put_filler(struct fake_text *out, struct discord_flood *flood)
{
    for (size_t left = flood->filler, i = 0; left > 0; i++) {
        size_t n = left < 7 ? left : 7;
        uint64_t random = discord_random(&flood->seed);
        char fresh[7] = "abcdef ";

        for (size_t k = 0; k < 6 && i % 3 == 0; k++, random >>= 8)
            fresh[k] = (char)('a' + (random & 0xff) % 26);
        fake_text_put(out, i % 3 == 0 ? fresh : flood->words[random >> 8 & 1023], n);
        left -= n;
    }
}

/* The text, filled up so that a payload has `size` bytes. */
static void make_text(struct discord_flood *flood, struct discord_flood_pieces *pieces, bool meant,
                      const char *kind, size_t size)
{
    struct fake_text *text = &pieces->text;
    size_t have = pieces->prefix.len + pieces->middle.len + pieces->suffix.len +
                  strlen("{\"t\":\"MESSAGE_CREATE\",\"s\":123456") + 19;

    if (meant && strcmp(kind, "mention") == 0)
        fake_text_printf(text, "<@%llu> ping ", (unsigned long long)DISCORD_BOT_ID);
    else if (meant)
        fake_text_puts(text, "!hello ");
    have += text->len + (meant ? 12 : 0); /* the token that follows */
    if (!meant)
        flood->filler = have < size ? size - have : 0;
    if (meant && have < size) /* JSON space behind the data */
        for (pieces->suffix.len--; have < size; have++)
            fake_text_puts(&pieces->suffix, have + 1 < size ? " " : " }");
    if (!text->data)
        fake_text_puts(text, "");
}

/* Addressed events are spread over members and channels, as one member's are answered in order. */
static void make_all(struct discord *discord, const char *kind, size_t size)
{
    struct discord_flood *flood = &discord->load.flood;
    struct discord_world *world = &discord->world;

    flood->plain.channel = discord_world_channel(world, NULL);
    flood->plain.member = world->users[0];
    make_pieces(discord, &flood->plain, false, kind);
    make_text(flood, &flood->plain, false, kind, size);
    while (flood->spread < DISCORD_FLOOD_SPREAD) {
        struct discord_flood_pieces *pieces = &flood->meant[flood->spread];

        pieces->member = world->users[flood->spread % world->user_count];
        pieces->channel =
            discord_world_channel_id(world, UINT64_C(300000000000000000) + flood->spread);
        if (!pieces->channel)
            break;
        make_pieces(discord, pieces, true, kind);
        make_text(flood, pieces, true, kind, size);
        flood->spread++;
    }
}

/* ---- one event ----------------------------------------------------------------------------- */

static void put_event(struct discord *discord, struct fake_text *out)
{
    struct discord_flood *flood = &discord->load.flood;
    bool meant = flood->one_in > 0 && flood->made % flood->one_in == 0;
    const struct discord_flood_pieces *pieces =
        meant ? &flood->meant[flood->asked % flood->spread] : &flood->plain;
    uint64_t id;

    out->len = 0;
    fake_text_puts(out, "{\"t\":\"MESSAGE_CREATE\",\"s\":");
    discord_put_u64(out, flood->next_seq++);
    fake_text_put(out, pieces->prefix.data, pieces->prefix.len);
    if (meant) {
        struct discord_entry *entry = discord_ledger_ask(discord, "flood");
        struct discord_message *message = discord_message_new(
            &discord->world, pieces->channel, pieces->member, pieces->text.data, pieces->text.len);

        id = message->id;
        discord_ledger_sent(discord, entry, id, 0, pieces->channel->id, pieces->member->id, true);
        discord_put_u64(out, id);
        fake_text_put(out, pieces->middle.data, pieces->middle.len);
        fake_text_put(out, pieces->text.data, pieces->text.len);
        fake_text_puts(out, "tok-");
        discord_put_u64(out, entry->n);
        fake_text_puts(out, "-");
        flood->asked++;
    } else {
        discord_put_u64(out, discord_world_new_id(&discord->world));
        fake_text_put(out, pieces->middle.data, pieces->middle.len);
        put_filler(out, flood);
    }
    fake_text_put(out, pieces->suffix.data, pieces->suffix.len);
    flood->made++;
}

static void pack_all(struct discord *discord, struct discord_client *client)
{
    struct discord_flood *flood = &discord->load.flood;
    struct fake_text packed = {0};

    flood->lengths = fake_alloc(flood->events * sizeof(*flood->lengths));
    for (uint64_t i = 0; i < flood->events; i++) {
        size_t before = flood->packed.len;

        put_event(discord, &discord->scratch);
        packed.len = 0;
        discord_packer_put(&client->packer, &packed, discord->scratch.data, discord->scratch.len);
        discord_ws_write(&flood->packed, DISCORD_WS_BINARY, packed.data, packed.len, 0);
        flood->lengths[i] = (uint32_t)(flood->packed.len - before);
    }
    fake_text_clear(&packed);
    flood->made = 0;
}

/* ---- under way ----------------------------------------------------------------------------- */

static void flood_sent(struct discord *discord)
{
    struct discord_client *client = discord->load.flood.session->client;

    discord->load.flood.sent_us = discord_now_us();
    discord_client_release(client);
    discord_client_say(client, "{\"t\":null,\"s\":null,\"op\":1,\"d\":null}");
    uv_idle_stop(&discord->load.spin);
}

static void on_spin(uv_idle_t *idle)
{
    struct discord *discord = idle->data;
    struct discord_flood *flood = &discord->load.flood;
    struct discord_conn *conn;

    if (!flood->session || !flood->session->client) { /* it left: the flood is over */
        discord_load_forget(discord, flood->session);
        return;
    }
    conn = flood->session->client->conn;
    while (flood->made < flood->events && discord_conn_backlog(conn) < BACKLOG) {
        size_t before = conn->out.len;

        if (flood->lengths) {
            fake_text_put(&conn->out, flood->packed.data + flood->packed_at,
                          flood->lengths[flood->made]);
            flood->packed_at += flood->lengths[flood->made++];
        } else {
            put_event(discord, &discord->scratch);
            discord_ws_write(&conn->out, DISCORD_WS_TEXT, discord->scratch.data,
                             discord->scratch.len, 0);
        }
        flood->bytes += conn->out.len - before;
        if (flood->records)
            discord_conn_seal(conn);
        if (conn->out.len + conn->sealed.len >= BATCH)
            break; /* to the socket, then more */
    }
    discord_conn_dirty(conn);
    if (flood->made == flood->events)
        flood_sent(discord);
    else if (discord_conn_backlog(conn) >= BACKLOG || conn->writing)
        uv_idle_stop(idle); /* until the kernel took some */
}

void discord_load_tick(struct discord *discord)
{
    struct discord_flood *flood = &discord->load.flood;

    if (flood->start_us && !flood->answered_us && flood->sent_us && flood->asked > 0 &&
        discord->ledger.answered - flood->answered_before >= flood->asked)
        flood->answered_us = discord_now_us();
    if (!flood->session || flood->sent_us || !flood->session->client)
        return;
    if (!flood->session->client->conn->writing)
        uv_idle_start(&discord->load.spin, on_spin);
}

static void on_beat(struct discord *discord, struct discord_session *session, uint64_t seq)
{
    struct discord_flood *flood = &discord->load.flood;

    if (session == flood->session && flood->sent_us && !flood->consumed_us &&
        seq >= flood->last_seq)
        flood->consumed_us = discord_now_us();
}

static void clear_pieces(struct discord_flood_pieces *pieces)
{
    fake_text_clear(&pieces->prefix);
    fake_text_clear(&pieces->middle);
    fake_text_clear(&pieces->text);
    fake_text_clear(&pieces->suffix);
}

static void clear(struct discord_flood *flood)
{
    clear_pieces(&flood->plain);
    for (size_t i = 0; i < flood->spread; i++)
        clear_pieces(&flood->meant[i]);
    fake_text_clear(&flood->packed);
    free(flood->lengths);
    *flood = (struct discord_flood){0};
}

void discord_load_forget(struct discord *discord, const struct discord_session *session)
{
    struct discord_flood *flood = &discord->load.flood;

    if (flood->session != session)
        return;
    uv_idle_stop(&discord->load.spin);
    if (session && session->client && session->client->holding)
        discord_client_release(session->client);
    flood->session = NULL;
}

bool discord_load_flood(struct discord *discord, const json_t *spec, char *err, size_t err_size)
{
    struct discord_flood *flood = &discord->load.flood;
    struct discord_session *session = discord->gateway.sessions;
    const char *kind = json_string_value(json_object_get(spec, "kind"));
    json_int_t events = json_integer_value(json_object_get(spec, "events"));
    json_int_t size = json_integer_value(json_object_get(spec, "size"));

    while (session && !session->client)
        session = session->next;
    if (!session || events < 1 || !discord_world_channel(&discord->world, NULL) ||
        discord->world.user_count == 0) {
        snprintf(err, err_size, "a flood needs a connected session and a number of events");
        return false;
    }
    if (flood->session && !flood->sent_us) {
        snprintf(err, err_size, "a flood is under way");
        return false;
    }
    clear(flood);
    kind = kind ? kind : "mention";
    flood->session = session;
    flood->events = (uint64_t)events;
    flood->one_in = (uint64_t)json_integer_value(json_object_get(spec, "one_in"));
    flood->records = !json_is_false(json_object_get(spec, "records"));
    flood->answered_before = discord->ledger.answered;
    flood->next_seq = session->seq + 1;
    session->seq = flood->last_seq = session->seq + flood->events;
    session->count = 0; /* none of these can be sent again */
    make_words(flood);
    make_all(discord, kind, size > 0 ? (size_t)size : 1180);
    discord->gateway.beat = on_beat;
    if (session->client->packer.kind != DISCORD_PACK_NONE)
        pack_all(discord, session->client);
    discord_client_hold(session->client);
    flood->start_unix_ms = discord_now_ms();
    flood->start_us = discord_now_us();
    uv_idle_start(&discord->load.spin, on_spin);
    return true;
}

static double rate(uint64_t count, int64_t from, int64_t to)
{
    return to > from ? (double)count * 1e6 / (double)(to - from) : 0;
}

json_t *discord_load_flood_report(struct discord *discord)
{
    const struct discord_flood *flood = &discord->load.flood;

    return json_pack(
        "{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:b}", "events", (json_int_t)flood->events,
        "made", (json_int_t)flood->made, "asked", (json_int_t)flood->asked, "bytes",
        (json_int_t)flood->bytes, "start_unix_ms", (json_int_t)flood->start_unix_ms, "start_us",
        (json_int_t)flood->start_us, "sent_us", (json_int_t)flood->sent_us, "consumed_us",
        (json_int_t)flood->consumed_us, "answered_us", (json_int_t)flood->answered_us,
        "events_per_s", rate(flood->events, flood->start_us, flood->consumed_us), "answers_per_s",
        rate(flood->asked, flood->start_us, flood->answered_us), "done", flood->consumed_us != 0);
}
