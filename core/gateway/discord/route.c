/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/route.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "gateway/discord/fetch.h"
#include "gateway/discord/form.h"
#include "gateway/discord/incoming.h"
#include "gateway/discord/pressed.h"
#include "gateway/discord/rights.h"
#include "gateway/gateway.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TYPE_DEFAULT 0
#define TYPE_REPLY   19
/* Types of channels (channel.mdx) */
#define CHANNEL_TEXT           0
#define CHANNEL_NEWS           5
#define CHANNEL_NEWS_THREAD    10
#define CHANNEL_PRIVATE_THREAD 12
#define EPOCH_MS               INT64_C(1420070400000) /* of snowflakes (reference.mdx) */
#define MENTION_TEXT_SIZE      32

/* ---- whom it is for -------------------------------------------------------------------------- */

/* Whether the bot stands in the text. A reply puts whom it answers into `mentions`, too. */
static bool is_named(const struct discord_text *content, uint64_t self)
{
    char text[MENTION_TEXT_SIZE];

    if (!content->ptr || !memmem(content->ptr, content->len, "<@", 2))
        return false;
    for (int nick = 0; nick < 2; nick++) {
        int len = snprintf(text, sizeof(text), "<@%s%" PRIu64 ">", nick ? "!" : "", self);

        if (memmem(content->ptr, content->len, text, (size_t)len))
            return true;
    }
    return false;
}

/* A command without a mention. The content stands as it was sent: a prefix that JSON escapes does
 * not count. */
static bool begins_with(const struct discord_text *content, const char *prefix)
{
    size_t len = prefix ? strlen(prefix) : 0;

    return len && content->len > len && !memcmp(content->ptr, prefix, len) &&
           isalpha((unsigned char)content->ptr[len]);
}

/* Without the content there is nothing to answer there. */
static bool is_in_own_thread(const struct discord_route_rules *rules,
                             const struct discord_scan *scan)
{
    return rules->threads && rules->content && rules->threads->count &&
           map_getn(rules->threads, (const char *)&scan->channel_id, sizeof(scan->channel_id));
}

enum discord_route discord_route_message(const struct discord_route_rules *rules,
                                         const struct discord_scan *scan)
{
    bool replied;

    if (scan->message_type != TYPE_DEFAULT && scan->message_type != TYPE_REPLY)
        return DISCORD_ROUTE_IGNORE;
    if (scan->webhook_id || !scan->author_id || scan->author_id == rules->self || !rules->self)
        return DISCORD_ROUTE_IGNORE;
    if (scan->author_bot) /* only by name: a reply to its reply would never end */
        return rules->bots && scan->guild_id && scan->mentions_self &&
                       is_named(&scan->content, rules->self)
                   ? DISCORD_ROUTE_OWED
                   : DISCORD_ROUTE_IGNORE;
    if (!scan->guild_id)
        return rules->dm ? DISCORD_ROUTE_OWED : DISCORD_ROUTE_SEEN;
    replied = scan->has_referenced && scan->referenced_author_id == rules->self;
    if (replied && rules->reply && (rules->content || scan->mentions_self))
        return DISCORD_ROUTE_OWED;
    if (scan->mentions_self && rules->mention &&
        (!replied || is_named(&scan->content, rules->self)))
        return DISCORD_ROUTE_OWED;
    if (is_in_own_thread(rules, scan) && !scan->has_referenced)
        return DISCORD_ROUTE_OWED;
    return begins_with(&scan->content, rules->prefix) ? DISCORD_ROUTE_OWED : DISCORD_ROUTE_SEEN;
}

/* ---- content --------------------------------------------------------------------------------- */

/* The length of the bot's mention at the start (or the end) of the text, else 0. */
static size_t mention_at(const char *text, size_t len, bool at_end, uint64_t self)
{
    char mention[MENTION_TEXT_SIZE];

    if (len == 0 || (at_end ? text[len - 1] != '>' : text[0] != '<'))
        return 0;
    for (int nick = 0; nick < 2; nick++) {
        size_t n =
            (size_t)snprintf(mention, sizeof(mention), "<@%s%" PRIu64 ">", nick ? "!" : "", self);

        if (n <= len && !memcmp(at_end ? text + len - n : text, mention, n))
            return n;
    }
    return 0;
}

char *discord_route_strip(char *content, uint64_t self)
{
    size_t cut;

    content = text_trim(content);
    while ((cut = mention_at(content, strlen(content), false, self)))
        content = text_trim(content + cut);
    while ((cut = mention_at(content, strlen(content), true, self))) {
        content[strlen(content) - cut] = '\0';
        content = text_trim(content);
    }
    return content;
}

/* "> " before each line, as Discord shows what somebody else wrote. */
static char *quoted(const char *text)
{
    struct buf out = BUF_INIT;

    while (*text) {
        size_t line = strcspn(text, "\n");

        buf_puts(&out, "> ");
        buf_append(&out, text, line);
        text += line;
        if (*text) {
            buf_putc(&out, '\n');
            text++;
        }
    }
    return buf_take(&out);
}

static void add_files(json_t *files, const char *list, size_t len, bool pictures)
{
    _cleanup_json_ json_t *given = NULL;
    const json_t *item;
    size_t i;

    if (!list || json_parse(list, len, &given, NULL) < 0)
        return;
    json_array_foreach (given, i, item) {
        json_t *file = discord_fetch_file(item);
        struct gateway_file read;

        if (json_array_append_new(files, file) < 0)
            return;
        read = gateway_file_at(files, json_array_size(files) - 1);
        if (json_array_size(files) > GATEWAY_FILES_MAX ||
            (pictures && !gateway_file_is_picture(&read)))
            json_array_remove(files, json_array_size(files) - 1);
    }
}

/* The files as gateway/files.h has them, behind its own the pictures of the message that it answers: those are
 * what it speaks of. NULL: none. mem_free. */
static char *files_of(const struct discord_incoming *message)
{
    _cleanup_json_ json_t *files = json_array();

    add_files(files, message->attachments, message->attachments_len, false);
    if (message->has_referenced)
        add_files(files, message->referenced_attachments, message->referenced_attachments_len,
                  true);
    return json_array_size(files) ? json_print(files) : NULL;
}

/* ---- events ---------------------------------------------------------------------------------- */

static bool is_owner(const struct discord_route_rules *rules, const char *member)
{
    uint64_t id = event_id_number(member);

    for (size_t i = 0; id && i < rules->owner_count; i++)
        if (rules->owners[i] == id)
            return true;
    return false;
}

/* Interactions bring what the member may do where they were used. */
static uint32_t rights_of(const char *permissions)
{
    if (!permissions)
        return 0;
    switch (discord_rights_of_bits(permissions)) {
    case GATEWAY_ADMIN: return EVENT_RIGHTS | EVENT_ADMIN;
    case GATEWAY_MODERATOR: return EVENT_RIGHTS | EVENT_MODERATOR;
    default: return EVENT_RIGHTS;
    }
}

static const char *name_of(const char *nick, const struct discord_user *user)
{
    return nick ? nick : user->global_name ? user->global_name : user->username;
}

int64_t discord_route_time(uint64_t id)
{
    return (int64_t)(id >> 22) + EPOCH_MS;
}

/* What messages and interactions share; its ids and texts are there. */
static void complete(const struct discord_route_rules *rules, const char *account, bool bot,
                     int64_t seq, struct event *event)
{
    event->gateway = rules->gateway;
    event->source = rules->gateway->name;
    event->account = account;
    event->flags |= EVENT_ADDRESSED;
    if (!event->guild)
        event->flags |= EVENT_DIRECT;
    if (bot)
        event->flags |= EVENT_BOT;
    if (is_owner(rules, event->member))
        event->flags |= EVENT_OWNER;
    event->time_ms = discord_route_time(event_id_number(event->source_id));
    event->seq = seq;
}

/* Of an interaction; `ret_roles` lives as long as the event is used. */
static void fill(const struct discord_route_rules *rules, const json_t *data, const json_t *user,
                 int64_t seq, const char *account, const char **ret_roles, struct event *event)
{
    const json_t *member = json_object_get(data, "member");
    const json_t *roles = json_object_get(member, "roles");
    const struct discord_user who = {
        .username = json_get_str(user, "username", NULL),
        .global_name = json_get_str(user, "global_name", NULL),
    };

    event->source_id = json_get_str(data, "id", NULL);
    event->guild = json_get_str(data, "guild_id", NULL);
    event->channel = json_get_str(data, "channel_id", NULL);
    event->member = json_get_str(user, "id", NULL);
    event->member_name = name_of(json_get_str(member, "nick", NULL), &who);
    event->roles = ret_roles;
    for (size_t i = 0; i < json_array_size(roles) && event->role_count < DISCORD_ROLES_MAX; i++) {
        const char *role = json_string_value(json_array_get(roles, i));

        if (role)
            ret_roles[event->role_count++] = role;
    }
    event->flags = rights_of(json_get_str(member, "permissions", NULL));
    complete(rules, account, json_is_true(json_object_get(user, "bot")), seq, event);
}

static bool is_whole(const struct event *event)
{
    return event_id_number(event->source_id) && event_id_number(event->channel) &&
           event_id_number(event->member);
}

/* What `event` points to, until it was copied. */
struct message {
    struct discord_incoming in;
    char *quote;
    char account[24];
};

static void message_clear(struct message *message)
{
    discord_incoming_clear(&message->in);
    mem_free(message->quote);
}

/* What was forwarded, or stands in another channel, is not what was said here. */
static const char *answers(const struct discord_reference *reference, const char *channel)
{
    bool here = !reference->channel_id || (channel && !strcmp(reference->channel_id, channel));

    return reference->type == 0 && here ? reference->message_id : NULL;
}

/* Everything but the content. */
static troupe_status read_message(const struct discord_route_rules *rules, const char *data,
                                  size_t len, int64_t seq, struct message *message,
                                  struct event *event, struct error *err)
{
    const struct discord_incoming *in = &message->in;
    troupe_status status;

    message->quote = NULL;
    *event = (struct event){.kind = "message"};
    status = discord_incoming_init(&message->in, data, len, err);
    if (status < 0)
        return status;
    snprintf(message->account, sizeof(message->account), "%" PRIu64, rules->self);
    event->source_id = in->id;
    event->guild = in->guild_id;
    event->channel = in->channel_id;
    event->member = in->author.id;
    event->member_name = name_of(in->nick, &in->author);
    event->roles = in->roles;
    event->role_count = in->role_count;
    complete(rules, message->account, in->author.bot, seq, event);
    if (!is_whole(event))
        return error_set(err, TROUPE_DATA, "message lacks its id, channel or author");
    event->reply_to = in->reference_id;
    if (in->has_referenced) {
        const char *old = in->referenced_content ? in->referenced_content : "";

        message->quote = mem_strndup(old, text_utf8_cut(old, strlen(old), DISCORD_QUOTE_MAX));
        event->quote = *message->quote ? message->quote : NULL;
        event->quote_author = name_of(NULL, &in->referenced_author);
        event->quote_to = answers(&in->referenced_reference, event->channel);
    }
    return TROUPE_OK;
}

troupe_status discord_route_observed(const struct discord_route_rules *rules, const char *data,
                                     size_t len, int64_t seq, struct event **ret, struct error *err)
{
    __attribute__((cleanup(message_clear))) struct message message;
    struct event event;
    troupe_status status = read_message(rules, data, len, seq, &message, &event, err);

    if (status < 0)
        return status;
    event.content = message.in.content ? message.in.content : "";
    event.content_len = strlen(event.content);
    event.flags = (event.flags & ~EVENT_ADDRESSED) | EVENT_OBSERVED;
    *ret = event_new(&event);
    return TROUPE_OK;
}

static bool is_in_thread(int64_t type)
{
    return type >= CHANNEL_NEWS_THREAD && type <= CHANNEL_PRIVATE_THREAD;
}

/* Whether the answer goes into a thread of its own: in a text channel of a server, and to no command. */
static bool wants_thread(const struct discord_threading *threading, int64_t type,
                         const struct event *event)
{
    uint64_t channel = event_id_number(event->channel), guild = event_id_number(event->guild);
    bool here;

    if (!threading || !guild || (type > CHANNEL_TEXT && type != CHANNEL_NEWS) ||
        (threading->prefix && *threading->prefix && text_starts(event->content, threading->prefix)))
        return false;
    here = threading->place_count == 0;
    for (size_t i = 0; i < threading->place_count; i++)
        here |= threading->places[i] == channel || threading->places[i] == guild;
    here &= !threading->off;
    return threading->setting ? threading->setting(threading->arg, event, "auto_thread", here)
                              : here;
}

troupe_status discord_route_event(const struct discord_route_rules *rules, const char *data,
                                  size_t len, int64_t seq, struct event **ret, struct error *err)
{
    __attribute__((cleanup(message_clear))) struct message read;
    _cleanup_mem_ char *content = NULL, *block = NULL, *files = NULL;
    const struct discord_incoming *message = &read.in;
    struct event event;
    char *text;
    troupe_status status = read_message(rules, data, len, seq, &read, &event, err);

    if (status < 0)
        return status;
    content = mem_strdup(message->content ? message->content : "");
    text = discord_route_strip(content, rules->self);
    event.files = files = files_of(message);
    if (!*text && !message->attachments && event.quote &&
        event_id_number(message->referenced_author.id) != rules->self) {
        /* Called below somebody's message without a word of one's own: that is the question. */
        block = quoted(event.quote);
        text = block;
    }
    event.content = text;
    event.content_len = strlen(text);
    if (message->stickers)
        event.flags |= EVENT_STICKER;
    if (is_in_thread(message->channel_type))
        event.flags |= EVENT_THREAD;
    if ((*text || files) && wants_thread(rules->threading, message->channel_type, &event)) {
        event.parent = event.channel;
        event.channel = event.source_id; /* which is the id that the thread will have */
    }
    *ret = event_new(&event);
    return TROUPE_OK;
}

troupe_status discord_route_press(const struct discord_route_rules *rules, const char *data,
                                  size_t len, int64_t seq, struct event **ret, int *ret_type,
                                  struct error *err)
{
    _cleanup_json_ json_t *interaction = NULL;
    _cleanup_mem_ char *values = NULL, *label = NULL;
    const char *roles[DISCORD_ROLES_MAX];
    struct event event = {.kind = "press", .content = ""};
    const json_t *user;
    char account[24];
    troupe_status status = json_parse(data, len, &interaction, err);

    if (status < 0)
        return status;
    *ret_type = (int)json_get_int(interaction, "type", 0);
    snprintf(account, sizeof(account), "%" PRIu64, rules->self);
    user = json_object_get(json_object_get(interaction, "member"), "user");
    if (!user)
        user = json_object_get(interaction, "user");
    fill(rules, interaction, user, seq, account, roles, &event);
    event.token = json_get_str(interaction, "token", NULL);
    if (!event_id_number(event.source_id) || !event.member || !event.token)
        return error_set(err, TROUPE_DATA, "interaction lacks its id, member or token");
    if (*ret_type == DISCORD_INTERACTION_COMPONENT || *ret_type == DISCORD_INTERACTION_MODAL) {
        const json_t *of = json_object_get(interaction, "data"),
                     *message = json_object_get(interaction, "message");

        values = *ret_type == DISCORD_INTERACTION_MODAL ? discord_form_values(of)
                                                        : discord_select_values(of);
        if (values) {
            event.content = values;
            event.content_len = strlen(values);
        }
        event.press_id = json_get_str(of, "custom_id", NULL);
        label = discord_pressed_label(message, of);
        event.press_label = label;
        event.reply_to = json_get_str(message, "id", NULL);
        event.quote = json_get_str(message, "content", NULL);
        if (!event.press_id)
            return error_set(err, TROUPE_DATA, "press %s lacks its button", event.source_id);
    }
    *ret = event_new(&event);
    return TROUPE_OK;
}
