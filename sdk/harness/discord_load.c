/* SPDX-License-Identifier: Apache-2.0 */
#include "discord.h"

#include <stdio.h>
#include <stdlib.h>

#define AT_ONCE 200 /* messages a tick, of a burst without a rate */

/* ---- one message --------------------------------------------------------------------------- */

static const struct kind {
    const char *name, *text;
    bool owed, bot_author, webhook, mention, everyone, reply, attachment;
} kinds[] = {
    {"mention", "{mention} ping {token}", .owed = true, .mention = true},
    {"dm", "ping {token}", .owed = true},
    {"reply", "ping {token}", .owed = true, .mention = true, .reply = true},
    {"command", "!hello {token}", .owed = true},
    {"attachment", "{mention} see {token}", .owed = true, .mention = true, .attachment = true},
    {"plain", "ping {token}", .owed = false},
    {"everyone", "@everyone ping {token}", .everyone = true},
    {"bot", "{mention} ping {token}", .bot_author = true, .mention = true},
    {"webhook", "{mention} ping {token}", .webhook = true, .mention = true},
};

static const struct kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    }
    return NULL;
}

/* The template with its names filled in. */
static void fill(struct fake_text *out, const char *template, uint64_t n)
{
    for (const char *p = template; *p;) {
        if (strncmp(p, "{mention}", 9) == 0) {
            fake_text_printf(out, "<@%llu>", (unsigned long long)DISCORD_BOT_ID);
            p += 9;
        } else if (strncmp(p, "{token}", 7) == 0) {
            fake_text_printf(out, "tok-%llu-", (unsigned long long)n);
            p += 7;
        } else if (strncmp(p, "{n}", 3) == 0) {
            discord_put_u64(out, n);
            p += 3;
        } else {
            fake_text_put(out, p++, 1);
        }
    }
}

static void mention_bot(struct discord_message *message)
{
    message->mentions = fake_alloc(sizeof(*message->mentions));
    message->mentions[0] = DISCORD_BOT_ID;
    message->mention_count = 1;
}

static void attach_file(struct discord *discord, struct discord_message *message)
{
    json_t *list = json_pack("[{s:s,s:s,s:s}]", "name", "notes.txt", "type", "text/plain", "text",
                             "some notes\n");

    message->attachments = discord_files_of(discord, list);
    json_decref(list);
}

struct discord_entry *discord_say(struct discord *discord, const struct discord_say *say,
                                  unsigned *ret_taken, struct discord_message **ret_message)
{
    const struct kind *kind = find_kind(say->kind);
    struct discord_channel *channel = say->channel;
    struct discord_message *message;
    struct discord_entry *entry;
    struct fake_text text = {0};
    bool owed;

    if (!kind)
        return NULL;
    if (strcmp(kind->name, "dm") == 0)
        channel = discord_world_dm(&discord->world, say->member);
    entry = discord_ledger_ask(discord, kind->name);
    fill(&text, say->text ? say->text : kind->text, entry->n);
    message = discord_message_new(&discord->world, channel,
                                  kind->bot_author ? &discord->load.other_bot
                                  : kind->webhook  ? &discord->load.hook
                                                   : say->member,
                                  text.data ? text.data : "", text.len);
    fake_text_clear(&text);
    if (kind->mention || (say->text && strstr(say->text, "{mention}")))
        mention_bot(message);
    if (kind->attachment)
        attach_file(discord, message);
    if (say->files) {
        free(message->attachments);
        message->attachments = discord_files_of(discord, say->files);
    }
    message->everyone = kind->everyone;
    message->webhook = kind->webhook ? discord->load.hook.id : 0;
    if (kind->reply || say->reference)
        message->reference = say->reference      ? say->reference
                             : channel->last_bot ? channel->last_bot->id
                                                 : 0;
    owed = say->owed < 0 ? kind->owed : say->owed;
    /* Before it is dispatched: the answer may not come before the question. */
    discord_ledger_sent(discord, entry, message->id, 0, channel->id, say->member->id, owed);
    *ret_taken = discord_message_dispatch(discord, message, "MESSAGE_CREATE");
    if (*ret_taken == 0 && owed) { /* no session knows of it */
        entry->owed = false;
        discord->ledger.owed--;
        channel->open--;
    }
    if (ret_message)
        *ret_message = message;
    return entry;
}

/* ---- one command --------------------------------------------------------------------------- */

static json_t *option_of(const char *key, const json_t *value, uint64_t n)
{
    const char *text = json_string_value(value);
    struct fake_text filled = {0};
    json_t *option;
    int type = json_is_integer(value) ? 4 : json_is_boolean(value) ? 5 : 10;

    if (!text)
        return json_pack("{s:s,s:i,s:O}", "name", key, "type", type, "value", value);
    fill(&filled, text, n);
    option =
        json_pack("{s:s,s:i,s:s}", "name", key, "type", 3, "value", filled.data ? filled.data : "");
    fake_text_clear(&filled);
    return option;
}

/* An object is a file, as discord_files_of takes it: the option has its id, `resolved` the rest. */
static json_t *file_option(struct discord *discord, const char *key, json_t *file,
                           json_t *attachments)
{
    json_t *list = json_pack("[O]", file), *made;
    char *text = discord_files_of(discord, list);
    json_t *parsed = json_loads(text ? text : "[]", 0, NULL);
    const char *id;
    json_t *option;

    made = json_array_get(parsed, 0);
    id = json_string_value(json_object_get(made, "id"));
    json_object_set(attachments, id ? id : "0", made);
    option = json_pack("{s:s,s:i,s:s}", "name", key, "type", 11, "value", id ? id : "0");
    json_decref(parsed);
    json_decref(list);
    free(text);
    return option;
}

struct discord_interaction *discord_slash(struct discord *discord, struct discord_channel *channel,
                                          struct discord_user *member, const char *name,
                                          const json_t *options)
{
    char kind[40];
    struct discord_entry *entry;
    json_t *list = json_is_array(options) ? json_deep_copy(options) : json_array(), *value;
    json_t *files = json_object(), *data;
    struct discord_interaction *it;
    const char *key;

    snprintf(kind, sizeof(kind), "/%s", name);
    entry = discord_ledger_ask(discord, kind);
    json_object_foreach ((json_t *)(uintptr_t)options, key, value)
        json_array_append_new(list, json_is_object(value) ? file_option(discord, key, value, files)
                                                          : option_of(key, value, entry->n));
    data = json_pack("{s:s,s:s,s:i,s:o}", "id", "800000000000000000", "name", name, "type", 1,
                     "options", list);
    if (json_object_size(files))
        json_object_set_new(data, "resolved", json_pack("{s:O}", "attachments", files));
    json_decref(files);
    it = discord_interaction_send(discord, 2, member, channel, NULL, data);
    discord_ledger_sent(discord, entry, 0, it->id, channel->id, member->id,
                        discord->gateway.sessions != NULL);
    return it;
}

/* ---- bursts -------------------------------------------------------------------------------- */

uint64_t discord_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static void burst_send(struct discord *discord, struct discord_burst *burst)
{
    struct discord_world *world = &discord->world;
    bool meant = burst->one_in < 2 || burst->sent % burst->one_in == 0;
    struct discord_say say = {
        .kind = meant ? burst->kind : "plain",
        .text = meant && burst->text[0] ? burst->text : NULL,
        .member = world->users[discord_random(&burst->seed) % burst->members],
        .owed = -1,
    };
    unsigned taken;

    say.channel = discord_world_channel_id(
        world, UINT64_C(300000000000000000) + discord_random(&burst->seed) % burst->channels);
    burst->sent++;
    if (strcmp(burst->kind, "slash") == 0) {
        json_t *options = json_pack("{s:s}", burst->option, burst->text);

        discord_slash(discord, say.channel, say.member, burst->command, options);
        json_decref(options);
        return;
    }
    discord_say(discord, &say, &taken, NULL);
}

static void on_tick(uv_timer_t *timer)
{
    struct discord *discord = timer->data;
    int64_t now = discord_now_us();
    size_t before = discord->ledger.count;

    for (struct discord_burst **at = &discord->load.bursts; *at;) {
        struct discord_burst *burst = *at;
        uint64_t due = burst->rate > 0
                           ? (uint64_t)((double)(now - burst->start_us) * burst->rate / 1e6) + 1
                           : burst->sent + AT_ONCE;

        while (burst->sent < burst->count && burst->sent < due)
            burst_send(discord, burst);
        if (burst->sent < burst->count) {
            at = &burst->next;
        } else {
            *at = burst->next;
            free(burst);
        }
    }
    discord_ledger_leave(discord, before);
    discord_net_flush(&discord->net);
    if (!discord->load.bursts)
        uv_timer_stop(timer);
}

static uint64_t number(const json_t *spec, const char *key, uint64_t fallback)
{
    const json_t *value = json_object_get(spec, key);

    return json_is_integer(value) && json_integer_value(value) >= 0
               ? (uint64_t)json_integer_value(value)
               : fallback;
}

bool discord_load_burst(struct discord *discord, const json_t *spec, char *err, size_t err_size)
{
    const struct discord_world *world = &discord->world;
    const char *kind = json_string_value(json_object_get(spec, "kind"));
    const char *text = json_string_value(json_object_get(spec, "text"));
    const char *command = json_string_value(json_object_get(spec, "command"));
    const char *option = json_string_value(json_object_get(spec, "option"));
    double seconds = json_number_value(json_object_get(spec, "seconds"));
    struct discord_burst *burst = fake_alloc(sizeof(*burst)), **end = &discord->load.bursts;

    snprintf(burst->kind, sizeof(burst->kind), "%s", kind ? kind : "mention");
    snprintf(burst->text, sizeof(burst->text), "%s", text ? text : "");
    snprintf(burst->command, sizeof(burst->command), "%s", command ? command : "help");
    snprintf(burst->option, sizeof(burst->option), "%s", option ? option : "text");
    burst->members = number(spec, "members", world->user_count);
    burst->channels = number(spec, "channels", world->channel_count);
    burst->rate = json_number_value(json_object_get(spec, "rate"));
    burst->count =
        number(spec, "count", seconds > 0 ? (uint64_t)(burst->rate * seconds + 0.5) : UINT64_MAX);
    burst->one_in = number(spec, "one_in", 1);
    burst->seed = number(spec, "seed", 1) + UINT64_C(0x9e3779b97f4a7c15);
    burst->start_us = discord_now_us();
    if ((!find_kind(burst->kind) && strcmp(burst->kind, "slash") != 0) || burst->members == 0 ||
        burst->members > world->user_count || burst->channels == 0 ||
        burst->channels > world->channel_count ||
        (burst->rate <= 0 && burst->count == UINT64_MAX)) {
        snprintf(
            err, err_size,
            "a burst needs a known kind, members and channels that exist, and a rate or a count");
        free(burst);
        return false;
    }
    while (*end)
        end = &(*end)->next;
    *end = burst;
    uv_timer_start(&discord->load.tick, on_tick, 0, 1);
    return true;
}

bool discord_load_busy(const struct discord *discord)
{
    return discord->load.bursts != NULL;
}

void discord_load_stop(struct discord *discord)
{
    while (discord->load.bursts) {
        struct discord_burst *next = discord->load.bursts->next;

        free(discord->load.bursts);
        discord->load.bursts = next;
    }
    if (discord->load.flood.session)
        discord_load_forget(discord, discord->load.flood.session);
}

void discord_load_init(struct discord *discord)
{
    struct discord_load *load = &discord->load;

    discord_presser_init(discord);
    uv_timer_init(&discord->loop, &load->tick);
    uv_idle_init(&discord->loop, &load->spin);
    load->tick.data = load->spin.data = discord;
    load->other_bot =
        (struct discord_user){.id = UINT64_C(700000000000000000), .name = "other-bot", .bot = true};
    load->hook =
        (struct discord_user){.id = UINT64_C(700000000000000001), .name = "hook", .bot = true};
}
