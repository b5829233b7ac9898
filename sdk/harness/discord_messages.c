/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages over REST: checked as Discord checks them, kept, counted, and told to the sessions.
 */
#include "discord.h"
#include "discord_forms.h"

#include <stdio.h>
#include <stdlib.h>

#define CONTENT_MAX  2000
#define NONCE_MAX    25
#define MENTIONS_MAX 100

struct discord_channel *discord_call_channel(struct discord_call *call)
{
    struct discord_channel *channel =
        discord_world_channel_id(&call->discord->world, discord_digits(call->segments[1]));

    if (!channel)
        discord_answer_error(call, 404, 10003, "Unknown Channel");
    return channel;
}

struct discord_message *discord_call_message(struct discord_call *call)
{
    struct discord_message *message =
        discord_map_get(&call->discord->world.messages, discord_digits(call->segments[3]));

    if (message && message->channel == discord_digits(call->segments[1]) && !message->deleted &&
        !message->hidden)
        return message;
    discord_answer_error(call, 404, 10008, "Unknown Message");
    return NULL;
}

/* ---- checks -------------------------------------------------------------------------------- */

static bool utf8_holds(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)text[i];
        size_t n = c < 0x80                ? 1
                   : c >= 0xc2 && c < 0xe0 ? 2
                   : c >= 0xe0 && c < 0xf0 ? 3
                   : c >= 0xf0 && c < 0xf5 ? 4
                                           : 0;

        if (n == 0 || i + n > len)
            return false;
        for (size_t k = 1; k < n; k++) {
            if (((unsigned char)text[i + k] & 0xc0) != 0x80)
                return false;
        }
        i += n;
    }
    return true;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The body's content, decoded and trimmed, into rest.content; false: refused and answered. */
static bool take_content(struct discord_call *call, struct discord_slice raw,
                         struct discord_slice *ret)
{
    struct discord_counters *counters = &call->discord->counters;
    struct fake_text *content = &call->discord->rest.content;
    struct discord_slice text;
    size_t points, units;

    content->len = 0;
    *ret = (struct discord_slice){"", 0};
    if (!raw.ptr)
        return true;
    if (!discord_scan_string(raw, content) || !utf8_holds(content->data, content->len)) {
        discord_answer_field(call, "content", "BASE_TYPE_STRING", "Could not interpret as string.");
        return false;
    }
    text = (struct discord_slice){content->data, content->len};
    while (text.len > 0 && is_space(text.ptr[text.len - 1]))
        text.len--;
    for (; text.len > 0 && is_space(text.ptr[0]); text.len--)
        text.ptr++;
    points = discord_code_points(text.ptr, text.len, &units);
    if (points > CONTENT_MAX) {
        counters->over_2000++;
        discord_answer_field(call, "content", "BASE_TYPE_MAX_LENGTH",
                             "Must be 2000 or fewer in length.");
        return false;
    }
    discord_most(&counters->max_utf16, units);
    counters->over_2000_utf16 += units > CONTENT_MAX;
    *ret = text;
    return true;
}

static bool is_filled(struct discord_slice list)
{
    return list.len > 2 && list.ptr[0] == '[';
}

/* allowed_mentions may not both parse users and list them. */
static bool mentions_hold(struct discord_slice allowed)
{
    struct discord_slice parse = discord_scan_get(allowed, "parse"), item;
    size_t at = 0;

    while (parse.ptr && discord_scan_item(parse, &at, &item)) {
        if ((discord_slice_is(item, "\"users\"") &&
             is_filled(discord_scan_get(allowed, "users"))) ||
            (discord_slice_is(item, "\"roles\"") && is_filled(discord_scan_get(allowed, "roles"))))
            return false;
    }
    return true;
}

static char *keep(struct discord_slice raw)
{
    char *text;

    if (!raw.ptr)
        return NULL;
    text = fake_alloc(raw.len + 1);
    memcpy(text, raw.ptr, raw.len);
    return text;
}

/* Counts whom it pings, and notes them on the message. */
static void count_pings(struct discord *discord, struct discord_message *message,
                        struct discord_slice allowed, bool interaction, bool create)
{
    struct discord_counters *counters = &discord->counters;
    uint64_t users[MENTIONS_MAX];
    struct discord_pings pings;
    unsigned n;

    discord_pings_of(message->content, message->content_len, allowed, interaction,
                     message->reference != 0 && create, &pings, users, MENTIONS_MAX);
    n = pings.everyone + pings.roles + pings.users;
    counters->mentions_absent += pings.absent;
    counters->pings += n;
    counters->pings_replied += pings.replied;
    if (message->entry) {
        message->entry->pings += n;
        message->entry->replied += pings.replied;
    }
    message->everyone = pings.everyone;
    free(message->mentions);
    message->mention_count = pings.users < MENTIONS_MAX ? pings.users : MENTIONS_MAX;
    message->mentions = fake_alloc((message->mention_count + 1) * sizeof(*message->mentions));
    memcpy(message->mentions, users, message->mention_count * sizeof(*users));
}

/* ---- create and edit ----------------------------------------------------------------------- */

struct fields {
    struct discord_slice content, nonce, allowed, reference, embeds, components, flags, poll,
        stickers, attachments;
    bool enforce;
};

static void read_fields(struct discord_slice body, struct fields *ret)
{
    struct discord_slice key, value;
    size_t at = 0;

    *ret = (struct fields){0};
    while (body.len > 0 && discord_scan_member(body, &at, &key, &value)) {
        if (discord_slice_is(value, "null"))
            continue;
        if (discord_slice_is(key, "content"))
            ret->content = value;
        else if (discord_slice_is(key, "nonce"))
            ret->nonce = value;
        else if (discord_slice_is(key, "enforce_nonce"))
            ret->enforce = discord_scan_true(value);
        else if (discord_slice_is(key, "allowed_mentions"))
            ret->allowed = value;
        else if (discord_slice_is(key, "message_reference"))
            ret->reference = value;
        else if (discord_slice_is(key, "embeds"))
            ret->embeds = value;
        else if (discord_slice_is(key, "components"))
            ret->components = value;
        else if (discord_slice_is(key, "attachments"))
            ret->attachments = value;
        else if (discord_slice_is(key, "flags"))
            ret->flags = value;
        else if (discord_slice_is(key, "poll"))
            ret->poll = value;
        else if (discord_slice_is(key, "sticker_ids"))
            ret->stickers = value;
    }
}

/* The reference's message id in *ret, 0 for none; false: refused and answered. */
static bool take_reference(struct discord_call *call, const struct discord_channel *channel,
                           struct discord_slice raw, uint64_t *ret)
{
    struct discord_message *other;
    uint64_t id = raw.ptr ? discord_scan_u64(discord_scan_get(raw, "message_id")) : 0;

    *ret = 0;
    if (id == 0)
        return true;
    other = discord_map_get(&call->discord->world.messages, id);
    if (other && !other->deleted && other->channel == channel->id) {
        *ret = id;
        return true;
    }
    if (discord_slice_is(discord_scan_get(raw, "fail_if_not_exists"), "false"))
        return true;
    discord_answer_field(call, "message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message");
    return false;
}

static void mark_deduplicated(struct discord *discord, struct discord_message *message)
{
    discord->counters.nonces_deduplicated++;
    if (message->entry)
        message->entry->deduplicated++;
}

struct discord_message *discord_message_make(struct discord_call *call,
                                             struct discord_channel *channel,
                                             struct discord_slice body,
                                             struct discord_interaction *interaction)
{
    struct discord *discord = call->discord;
    struct discord_message *message;
    struct discord_slice content;
    struct fields fields;
    uint64_t reference, key = 0;
    const char *defect;

    read_fields(body, &fields);
    if (!take_content(call, fields.content, &content) ||
        !take_reference(call, channel, fields.reference, &reference))
        return NULL;
    if (fields.allowed.ptr && !mentions_hold(fields.allowed)) {
        discord_answer_field(call, "allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                             "parse and the list are mutually exclusive");
        return NULL;
    }
    if (fields.nonce.len > NONCE_MAX + 2u * (fields.nonce.ptr && *fields.nonce.ptr == '"')) {
        discord_answer_field(call, "nonce", "NONCE_TYPE_TOO_LONG",
                             "Must be 25 or fewer in length.");
        return NULL;
    }
    defect = discord_components_defect(fields.components);
    if (defect) {
        discord_answer_field(call, "components", "COMPONENT_INVALID", defect);
        return NULL;
    }
    if (content.len == 0 && !is_filled(fields.embeds) && !is_filled(fields.components) &&
        !is_filled(fields.stickers) && !fields.poll.ptr && call->attachments.len == 0) {
        discord_answer_error(call, 400, 50006, "Cannot send an empty message");
        return NULL;
    }
    if (fields.enforce && fields.nonce.ptr && !interaction) {
        key = fake_digest(fields.nonce.ptr, fields.nonce.len) | 1;
        discord->counters.nonces_received++;
        message = discord_nonce_find(discord, key);
        if (message) {
            mark_deduplicated(discord, message);
            return message;
        }
    }
    message = discord_message_new(&discord->world, channel, &discord->world.bot, content.ptr,
                                  content.len);
    message->reference = reference;
    message->nonce_key = key;
    snprintf(message->nonce, sizeof(message->nonce), "%.*s", (int)fields.nonce.len,
             fields.nonce.ptr ? fields.nonce.ptr : "");
    message->embeds = keep(fields.embeds);
    message->components = keep(fields.components);
    if (call->attachments.len > 0)
        message->attachments =
            keep((struct discord_slice){call->attachments.data, call->attachments.len});
    message->flags = (uint32_t)discord_scan_u64(fields.flags);
    if (interaction) {
        message->interaction = interaction->id;
        message->asker = discord_map_get(&discord->world.by_id, interaction->user);
        message->asked_by = interaction->type;
        message->webhook = DISCORD_BOT_ID;
        message->hidden = message->flags & 1 << 6;
    }
    if (key)
        discord_nonce_remember(discord, key, message->id);
    discord->counters.created++;
    channel->last_bot = message;
    discord_ledger_created(discord, message, interaction ? interaction->id : 0);
    discord_presser_look(discord, message);
    count_pings(discord, message, fields.allowed, interaction != NULL, true);
    if (discord->options.echo && !message->hidden)
        discord->counters.echoed += discord_message_dispatch(discord, message, "MESSAGE_CREATE");
    return message;
}

bool discord_message_change(struct discord_call *call, struct discord_message *message,
                            struct discord_slice body, bool interaction)
{
    struct discord *discord = call->discord;
    struct discord_slice content;
    struct fields fields;
    const char *defect;

    read_fields(body, &fields);
    if (!take_content(call, fields.content, &content))
        return false;
    if (fields.allowed.ptr && !mentions_hold(fields.allowed)) {
        discord_answer_field(call, "allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                             "parse and the list are mutually exclusive");
        return false;
    }
    defect = discord_components_defect(fields.components);
    if (defect) {
        discord_answer_field(call, "components", "COMPONENT_INVALID", defect);
        return false;
    }
    if (fields.content.ptr) {
        free(message->content);
        message->content = memcpy(fake_alloc(content.len + 1), content.ptr, content.len);
        message->content_len = content.len;
    }
    if (fields.embeds.ptr) {
        free(message->embeds);
        message->embeds = keep(fields.embeds);
    }
    if (fields.components.ptr) {
        free(message->components);
        message->components = keep(fields.components);
    }
    if (fields.attachments.ptr && (!is_filled(fields.attachments) || call->attachments.len > 0)) {
        free(message->attachments); /* what the list does not name goes; ours name new ones alone */
        message->attachments =
            call->attachments.len > 0
                ? keep((struct discord_slice){call->attachments.data, call->attachments.len})
                : NULL;
    }
    message->flags &= ~(UINT32_C(1) << 7); /* no longer loading */
    message->edited_ms = discord_now_ms();
    message->edits++;
    discord_ledger_edited(discord, message);
    discord_presser_look(discord, message);
    count_pings(discord, message, fields.allowed, interaction, false);
    if (discord->options.echo && !message->hidden)
        discord->counters.echoed += discord_message_dispatch(discord, message, "MESSAGE_UPDATE");
    return true;
}

void discord_message_remove(struct discord *discord, struct discord_message *message)
{
    struct discord_channel *channel = discord_world_channel_id(&discord->world, message->channel);
    struct fake_text *data = &discord->rest.event;
    uint64_t guild = channel ? channel->guild : 0;

    message->deleted = true;
    if (channel && channel->last_bot == message)
        channel->last_bot = NULL;
    discord_ledger_deleted(discord, message);
    if (message->hidden)
        return;
    data->len = 0;
    fake_text_printf(data, "{\"id\":\"%llu\",\"channel_id\":\"%llu\"",
                     (unsigned long long)message->id, (unsigned long long)message->channel);
    if (guild)
        fake_text_printf(data, ",\"guild_id\":\"%llu\"", (unsigned long long)guild);
    fake_text_puts(data, "}");
    discord_gateway_dispatch(discord, "MESSAGE_DELETE", guild ? INTENT_MESSAGES : INTENT_DMS, guild,
                             (struct discord_slice){data->data, data->len},
                             (struct discord_slice){0});
}

static void put_event(struct fake_text *out, struct discord *discord,
                      const struct discord_message *message, uint64_t guild, bool content)
{
    const struct discord_channel *channel =
        discord_world_channel_id(&discord->world, message->channel);

    out->len = 0;
    discord_put_message(out, &discord->world, message, content);
    fake_text_printf(out, ",\"channel_type\":%d", channel->parent ? 11 : guild ? 0 : 1);
    if (guild) {
        fake_text_puts(out, ",\"guild_id\":");
        discord_put_id(out, guild);
        if (!message->webhook) {
            fake_text_puts(out, ",\"member\":");
            discord_put_member(out, message->author);
            fake_text_puts(out, "}");
        }
    }
    if (message->nonce[0]) {
        fake_text_puts(out, ",\"nonce\":");
        fake_text_puts(out, message->nonce);
    }
    fake_text_puts(out, "}");
}

unsigned discord_message_dispatch(struct discord *discord, const struct discord_message *message,
                                  const char *type)
{
    struct discord_channel *channel = discord_world_channel_id(&discord->world, message->channel);
    struct fake_text *full = &discord->rest.event, *bare = &discord->rest.open;
    bool open = discord_message_is_open(&discord->world, message);
    struct discord_slice data, public = {0};
    uint64_t guild = channel->guild;

    put_event(full, discord, message, guild, true);
    if (!open)
        put_event(bare, discord, message, guild, false);
    data = (struct discord_slice){full->data, full->len};
    if (!open)
    public = (struct discord_slice){bare->data, bare->len};
    return discord_gateway_dispatch(discord, type, guild ? INTENT_MESSAGES : INTENT_DMS, guild,
                                    data, public);
}

/* The message as the answer; only who made it sees the nonce. */
void discord_answer_message(struct discord_call *call, const struct discord_message *message,
                            bool nonce)
{
    struct discord_world *world = &call->discord->world;
    struct fake_text *body = &call->discord->rest.body;

    body->len = 0;
    discord_put_message(body, world, message,
                        world->content_of_others || discord_message_is_open(world, message));
    if (nonce && message->nonce[0]) {
        fake_text_puts(body, ",\"nonce\":");
        fake_text_puts(body, message->nonce);
    }
    fake_text_puts(body, "}");
    discord_answer(call, 200, body->data, body->len);
}

void discord_messages_create(struct discord_call *call)
{
    struct discord_channel *channel = discord_call_channel(call);
    struct discord_message *message;

    if (!channel)
        return;
    call->discord->counters.creates++;
    message = discord_message_make(call, channel, call->json, NULL);
    if (message)
        discord_answer_message(call, message, true);
}

void discord_messages_edit(struct discord_call *call)
{
    struct discord_message *message = discord_call_message(call);

    if (!message)
        return;
    if (message->author != &call->discord->world.bot) {
        discord_answer_error(call, 403, 50005, "Cannot edit a message authored by another user");
        return;
    }
    call->discord->counters.edits++;
    if (discord_message_change(call, message, call->json, false))
        discord_answer_message(call, message, false);
}

void discord_messages_delete(struct discord_call *call)
{
    struct discord_message *message = discord_call_message(call);

    if (!message)
        return;
    call->discord->counters.deletes++;
    discord_message_remove(call->discord, message);
    discord_answer(call, 204, "", 0);
}

void discord_messages_get(struct discord_call *call)
{
    struct discord_message *message = discord_call_message(call);

    if (message)
        discord_answer_message(call, message, false);
}
