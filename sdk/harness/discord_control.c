/* SPDX-License-Identifier: Apache-2.0 */
#include "discord_control.h"

#include "discord_forms.h"

#include <stdio.h>
#include <stdlib.h>

struct control {
    struct discord *discord;
    struct discord_conn *conn;
    struct discord_slice query;
    json_t *body; /* NULL: none */
    char err[300];
};

/* ---- small tools --------------------------------------------------------------------------- */

static json_t *id_json(uint64_t id)
{
    char text[24];

    snprintf(text, sizeof(text), "%llu", (unsigned long long)id);
    return json_string(text);
}

static const char *text_of(const struct control *control, const char *key)
{
    return json_string_value(json_object_get(control->body, key));
}

/* NULL with a text in control->err. */
static struct discord_channel *channel_in(struct control *control)
{
    const char *which = text_of(control, "channel");
    struct discord_channel *channel = discord_world_channel(&control->discord->world, which);

    if (!channel)
        snprintf(control->err, sizeof(control->err), "no channel \"%s\"", which ? which : "#0");
    return channel;
}

static struct discord_user *member_in(struct control *control)
{
    const char *which = text_of(control, "member");
    struct discord_user *user = discord_world_user(&control->discord->world, which);

    if (!user)
        snprintf(control->err, sizeof(control->err), "no member \"%s\"", which ? which : "#0");
    return user;
}

/* ---- members ------------------------------------------------------------------------------- */

static json_t *do_say(struct control *control)
{
    struct discord *discord = control->discord;
    const json_t *owed = json_object_get(control->body, "owed");
    const char *kind = text_of(control, "kind"), *reply = text_of(control, "reply_to");
    struct discord_message *message = NULL;
    struct discord_say say = {
        .kind = kind ? kind : "mention",
        .text = text_of(control, "text"),
        .channel = channel_in(control),
        .member = member_in(control),
        .reference = reply ? discord_digits(discord_slice(reply)) : 0,
        .owed = owed ? json_is_true(owed) : -1,
        .files = json_object_get(control->body, "files"),
    };
    struct discord_entry *entry;
    char token[32];
    unsigned taken;

    if (!say.channel || !say.member)
        return NULL;
    entry = discord_say(discord, &say, &taken, &message);
    if (!entry) {
        snprintf(control->err, sizeof(control->err), "no kind \"%s\"", say.kind);
        return NULL;
    }
    snprintf(token, sizeof(token), "tok-%llu-", (unsigned long long)entry->n);
    return json_pack("{s:I,s:s,s:o,s:o,s:i}", "n", (json_int_t)entry->n, "token", token, "message",
                     id_json(message->id), "channel", id_json(message->channel), "taken",
                     (int)taken);
}

/* NULL with a text in control->err. */
static struct discord_message *message_in(struct control *control)
{
    const char *which = text_of(control, "message");
    struct discord_message *message = which ? discord_map_get(&control->discord->world.messages,
                                                              discord_digits(discord_slice(which)))
                                            : NULL;

    if (!message || message->deleted)
        snprintf(control->err, sizeof(control->err), "no message \"%s\"", which ? which : "");
    return message && !message->deleted ? message : NULL;
}

/* {"message", "text"}: its author writes something else; mentions stay. */
static json_t *do_revise(struct control *control)
{
    struct discord_message *message = message_in(control);
    const char *text = text_of(control, "text");

    if (!message || !text)
        return NULL;
    free(message->content);
    message->content = fake_strdup(text);
    message->content_len = strlen(text);
    message->edited_ms = discord_now_ms();
    return json_pack("{s:i}", "taken",
                     (int)discord_message_dispatch(control->discord, message, "MESSAGE_UPDATE"));
}

/* {"message"}: its author takes it back; nobody owes an answer any more. */
static json_t *do_remove(struct control *control)
{
    struct discord *discord = control->discord;
    struct discord_message *message = message_in(control);
    struct discord_entry *entry;

    if (!message)
        return NULL;
    entry = discord_map_get(&discord->ledger.by_message, message->id);
    if (entry && entry->owed && !entry->created) {
        struct discord_channel *channel =
            discord_world_channel_id(&discord->world, message->channel);

        entry->owed = false;
        discord->ledger.owed--;
        channel->open -= channel->open > 0;
    }
    discord_message_remove(discord, message);
    return json_object();
}

/* {"message", "name"}: a member opens a thread from it. */
static json_t *do_thread(struct control *control)
{
    struct discord_message *message = message_in(control);
    const char *name = text_of(control, "name");

    if (!message)
        return NULL;
    return json_pack("{s:o}", "id",
                     id_json(discord_thread_open(control->discord, message, message->author->id,
                                                 name ? name : "a thread")
                                 ->id));
}

/* {"id"}: a file's name and text. */
static json_t *do_file(struct control *control)
{
    const char *id = text_of(control, "id");
    const struct discord_file *file =
        discord_files_find(control->discord, discord_digits(discord_slice(id ? id : "")));

    if (file)
        return json_pack("{s:s,s:s%}", "name", file->name, "text", file->data, file->len);
    snprintf(control->err, sizeof(control->err), "no such file");
    return NULL;
}

static json_t *do_burst(struct control *control)
{
    return discord_load_burst(control->discord, control->body, control->err, sizeof(control->err))
               ? json_object()
               : NULL;
}

static json_t *do_flood(struct control *control)
{
    if (control->body &&
        !discord_load_flood(control->discord, control->body, control->err, sizeof(control->err)))
        return NULL;
    return discord_load_flood_report(control->discord);
}

static json_t *do_stop(struct control *control)
{
    discord_load_stop(control->discord);
    return json_object();
}

static json_t *describe(const struct discord_interaction *it)
{
    return json_pack("{s:o,s:s,s:i,s:s,s:o,s:o,s:i,s:f,s:i,s:i,s:i,s:o,s:b,s:s,s:o,s:o}", "id",
                     id_json(it->id), "token", it->token, "type", (int)it->type, "custom_id",
                     it->custom_id, "channel", id_json(it->channel), "member", id_json(it->user),
                     "callback", it->callback, "callback_ms",
                     it->callback ? (double)(it->callback_us - it->sent_us) / 1000 : -1.0, "late",
                     (int)it->late, "repeated", (int)it->repeated, "followups", (int)it->followups,
                     "original", id_json(it->original), "ephemeral", it->ephemeral, "text",
                     it->text, "choices", it->choices ? json_incref(it->choices) : json_null(),
                     "modal", it->modal ? json_incref(it->modal) : json_null());
}

static json_t *do_press(struct control *control)
{
    struct discord *discord = control->discord;
    struct discord_channel *channel = channel_in(control);
    struct discord_user *member = member_in(control);
    const char *which = text_of(control, "message");
    struct discord_message *message = NULL;
    struct discord_interaction *it;

    if (!channel || !member)
        return NULL;
    if (which)
        message = discord_map_get(&discord->world.messages, discord_digits(discord_slice(which)));
    for (size_t i = channel->count; !which && !message && i > 0; i--) {
        struct discord_message *candidate = discord_channel_at(channel, i - 1);

        if (candidate->author == &discord->world.bot && !candidate->deleted &&
            candidate->components && strcmp(candidate->components, "[]") != 0)
            message = candidate;
    }
    it = message ? discord_press(discord, member, message, text_of(control, "custom_id"),
                                 json_integer_value(json_object_get(control->body, "index")),
                                 json_object_get(control->body, "choice"))
                 : NULL;
    if (it)
        return describe(it);
    snprintf(control->err, sizeof(control->err), "there is no such button");
    return NULL;
}

/* {"values": [...], "interaction"}: without one the last press that opened a modal. */
static json_t *do_submit(struct control *control)
{
    struct discord *discord = control->discord;
    const char *which = text_of(control, "interaction");
    struct discord_interaction *it = discord->rest.interactions;

    if (which)
        it = discord_map_get(&discord->rest.interactions_by_id,
                             discord_digits(discord_slice(which)));
    while (!which && it && !it->modal)
        it = it->next;
    if (it)
        it = discord_submit(discord, it, json_object_get(control->body, "values"));
    if (it)
        return describe(it);
    snprintf(control->err, sizeof(control->err), "no modal is open there");
    return NULL;
}

/* {"name", "options": [...] as Discord has them, or {"key": value}}; {token} in strings is filled in. */
static json_t *do_slash(struct control *control)
{
    struct discord_channel *channel = channel_in(control);
    struct discord_user *member = member_in(control);
    const char *name = text_of(control, "name");

    if (channel && member && name)
        return describe(discord_slash(control->discord, channel, member, name,
                                      json_object_get(control->body, "options")));
    snprintf(control->err, sizeof(control->err), "a command needs a name, channel and member");
    return NULL;
}

/* {"name", and "message" or "whom"}: an entry of the menu on that. */
static json_t *do_menu(struct control *control)
{
    struct discord *discord = control->discord;
    struct discord_channel *channel = channel_in(control);
    struct discord_user *member = member_in(control), *whom = NULL;
    const char *name = text_of(control, "name"), *which = text_of(control, "message");
    const char *on = text_of(control, "whom");
    struct discord_message *message = NULL;

    if (which)
        message = discord_map_get(&discord->world.messages, discord_digits(discord_slice(which)));
    else if (on)
        whom = discord_world_user(&discord->world, on);
    if (channel && member && name && (message || whom))
        return describe(discord_menu(discord, channel, member, name, whom, message));
    snprintf(control->err, sizeof(control->err),
             "an entry of a menu needs a name, channel, member and what it is on");
    return NULL;
}

/* {"name", "option", "value", "options": {"key": value} typed before}: what somebody types so far. */
static json_t *do_complete(struct control *control)
{
    struct discord *discord = control->discord;
    struct discord_channel *channel = channel_in(control);
    struct discord_user *member = member_in(control);
    const char *name = text_of(control, "name"), *option = text_of(control, "option");
    const char *value = text_of(control, "value");
    json_t *options;

    if (!channel || !member || !name || !option) {
        snprintf(control->err, sizeof(control->err), "a completion needs a name and an option");
        return NULL;
    }
    options = json_pack("[{s:s,s:i,s:s,s:b}]", "name", option, "type", 3, "value",
                        value ? value : "", "focused", 1);
    return describe(
        discord_interaction_send(discord, 4, member, channel, NULL,
                                 json_pack("{s:s,s:s,s:i,s:o}", "id", "800000000000000000", "name",
                                           name, "type", 1, "options", options)));
}

/* What is registered: for everybody, or of the server `guild`. */
static json_t *do_commands(struct control *control)
{
    struct discord_slice guild = discord_http_query(control->query, "guild");
    uint64_t id = guild.ptr ? discord_digits(guild) : 0;

    for (size_t i = 0; i < DISCORD_COMMAND_LISTS; i++) {
        const struct discord_command_list *list = &control->discord->rest.commands[i];

        if (list->commands && list->guild == id)
            return json_incref(list->commands);
    }
    return json_array();
}

static json_t *do_requests(struct control *control)
{
    json_t *requests = control->discord->rest.requests;

    return requests ? json_incref(requests) : json_array();
}

static json_t *do_interactions(struct control *control)
{
    json_t *list = json_array();

    for (const struct discord_interaction *it = control->discord->rest.interactions; it;
         it = it->next)
        json_array_insert_new(list, 0, describe(it));
    return list;
}

/* ---- looking ------------------------------------------------------------------------------- */

static json_t *do_messages(struct control *control)
{
    struct discord *discord = control->discord;
    char which[128];
    struct discord_channel *channel;
    json_t *list;

    discord_http_unescape(discord_http_query(control->query, "channel"), which, sizeof(which));
    channel = discord_world_channel(&discord->world, which[0] ? which : NULL);
    if (!channel) {
        snprintf(control->err, sizeof(control->err), "no channel \"%s\"", which);
        return NULL;
    }
    list = json_array();
    for (size_t i = 0; i < channel->count; i++) {
        const struct discord_message *message = discord_channel_at(channel, i);
        json_t *components =
            message->components ? json_loads(message->components, 0, NULL) : json_array();
        json_t *reactions = json_array();

        for (const struct discord_reaction *r = message->reactions; r; r = r->next)
            json_array_append_new(reactions, json_string(r->emoji));
        json_array_append_new(
            list,
            json_pack(
                "{s:o,s:s,s:b,s:s%,s:o,s:s,s:i,s:b,s:b,s:i,s:o,s:o,s:o,s:i}", "id",
                id_json(message->id), "author", message->author->name, "bot",
                message->author == &discord->world.bot, "content", message->content,
                message->content_len, "reply_to", id_json(message->reference), "nonce",
                message->nonce, "edits", (int)message->edits, "deleted", message->deleted,
                "ephemeral", message->hidden, "flags", (int)message->flags, "components",
                components ? components : json_null(), "attachments",
                message->attachments ? json_loads(message->attachments, 0, NULL) : json_array(),
                "reactions", reactions, "pings", (int)message->mention_count + message->everyone));
    }
    return list;
}

static json_t *do_ledger(struct control *control)
{
    struct discord *discord = control->discord;
    struct discord_slice n = discord_http_query(control->query, "n");
    struct discord_slice from = discord_http_query(control->query, "from");
    size_t first = from.ptr ? (size_t)discord_digits(from) : 1;
    json_t *list;

    if (n.ptr) {
        struct discord_entry *entry = discord_ledger_find(discord, discord_digits(n));

        snprintf(control->err, sizeof(control->err), "no such token");
        return entry ? discord_ledger_entry(discord, entry) : NULL;
    }
    list = json_array();
    for (size_t i = first ? first : 1; i <= discord->ledger.count && i < first + 1000; i++)
        json_array_append_new(list, discord_ledger_entry(discord, discord->ledger.entries[i - 1]));
    return list;
}

static json_t *do_report(struct control *control)
{
    struct discord *discord = control->discord;
    json_t *report = discord_ledger_report(discord);
    uint64_t connected = 0;

#define X(counter)                                                                                 \
    json_object_set_new(report, #counter, json_integer((json_int_t)discord->counters.counter));
    DISCORD_COUNTERS(X)
#undef X
    discord_wait_value(discord, "connected", &connected);
    json_object_set_new(report, "connected", json_integer((json_int_t)connected));
    return report;
}

static json_t *do_world(struct control *control)
{
    const struct discord_world *world = &control->discord->world;
    json_t *guilds = json_array(), *members = json_array();

    for (size_t g = 0; g < world->guild_count; g++) {
        json_t *channels = json_array();

        for (size_t c = 0; c < world->guilds[g]->channel_count; c++)
            json_array_append_new(channels, json_pack("{s:o,s:s}", "id",
                                                      id_json(world->guilds[g]->channels[c]->id),
                                                      "name", world->guilds[g]->channels[c]->name));
        json_array_append_new(guilds,
                              json_pack("{s:o,s:s,s:o}", "id", id_json(world->guilds[g]->id),
                                        "name", world->guilds[g]->name, "channels", channels));
    }
    for (size_t m = 0; m < world->user_count; m++)
        json_array_append_new(members,
                              json_pack("{s:o,s:s,s:o}", "id", id_json(world->users[m]->id), "name",
                                        world->users[m]->name, "dm", id_json(world->users[m]->dm)));
    return json_pack("{s:o,s:o,s:o,s:i,s:i}", "bot", id_json(DISCORD_BOT_ID), "guilds", guilds,
                     "members", members, "port", control->discord->base.port, "resume_port",
                     control->discord->resume.port);
}

static json_t *do_sessions(struct control *control)
{
    json_t *list = json_array();

    for (const struct discord_session *session = control->discord->gateway.sessions; session;
         session = session->next)
        json_array_append_new(
            list, json_pack("{s:s,s:I,s:i,s:I,s:i,s:i,s:s}", "id", session->id, "seq",
                            (json_int_t)session->seq, "connected", session->client != NULL,
                            "intents", (json_int_t)session->intents, "shard", (int)session->shard,
                            "kept", (int)session->count, "query", session->query));
    return list;
}

/* The member has these roles from now on, and no others. */
static json_t *do_roles(struct control *control)
{
    const char *name = text_of(control, "member");
    struct discord_user *user = name ? discord_world_user(&control->discord->world, name) : NULL;
    const json_t *item;
    unsigned roles = 0;
    size_t i;

    if (!user) {
        snprintf(control->err, sizeof(control->err), "no such member");
        return NULL;
    }
    json_array_foreach (json_object_get(control->body, "roles"), i, item) {
        size_t k = 0;

        while (discord_world_role(k, NULL) &&
               strcmp(discord_world_role(k, NULL),
                      json_is_string(item) ? json_string_value(item) : "") != 0)
            k++;
        if (!discord_world_role(k, NULL)) {
            snprintf(control->err, sizeof(control->err), "no such role");
            return NULL;
        }
        roles |= 1u << k;
    }
    user->roles = roles;
    return json_object();
}

/* {"channel", "deny": [names], "archived", "locked", "gone"}: so it is there from now on. */
static json_t *do_permit(struct control *control)
{
    struct discord_channel *channel = channel_in(control);
    const json_t *item;
    uint32_t denied = 0;
    size_t i;

    if (!channel)
        return NULL;
    json_array_foreach (json_object_get(control->body, "deny"), i, item) {
        const char *name = json_is_string(item) ? json_string_value(item) : "";
        uint32_t bit = discord_permits_bit(name);

        if (!bit) {
            snprintf(control->err, sizeof(control->err), "no permission \"%s\"", name);
            return NULL;
        }
        denied |= bit;
    }
    channel->denied = denied;
    channel->archived = json_is_true(json_object_get(control->body, "archived"));
    channel->locked = json_is_true(json_object_get(control->body, "locked"));
    channel->gone = json_is_true(json_object_get(control->body, "gone"));
    return json_object();
}

/* ---- breaking ------------------------------------------------------------------------------ */

static bool gateway_act(struct control *control, struct discord_client *client, const char *what)
{
    const json_t *body = control->body;
    json_int_t n = json_integer_value(json_object_get(body, "n"));
    json_int_t code = json_integer_value(json_object_get(body, "code"));

    if (strcmp(what, "close") == 0)
        discord_client_close(client, code ? (unsigned)code : 4000,
                             json_is_true(json_object_get(body, "forget")));
    else if (strcmp(what, "reset") == 0 && n > 0)
        client->conn->reset_at = (uint64_t)n; /* after so many bytes more */
    else if (strcmp(what, "reset") == 0)
        discord_conn_reset(client->conn);
    else if (strcmp(what, "cut") == 0)
        discord_conn_close(client->conn);
    else if (strcmp(what, "op1") == 0)
        discord_client_say(client, "{\"t\":null,\"s\":null,\"op\":1,\"d\":null}");
    else if (strcmp(what, "op7") == 0)
        discord_client_say(client, "{\"t\":null,\"s\":null,\"op\":7,\"d\":null}");
    else if (strcmp(what, "op9") == 0)
        discord_client_say(client, json_is_true(json_object_get(body, "resumable"))
                                       ? "{\"t\":null,\"s\":null,\"op\":9,\"d\":true}"
                                       : "{\"t\":null,\"s\":null,\"op\":9,\"d\":false}");
    else if (strcmp(what, "silence") == 0)
        client->silent = true;
    else if (strcmp(what, "fragment") == 0)
        client->fragment = (size_t)n;
    else if (strcmp(what, "split") == 0)
        client->conn->split = (size_t)n;
    else if (strcmp(what, "torn") == 0)
        client->torn = true;
    else if (strcmp(what, "raw") == 0 && text_of(control, "payload"))
        discord_client_say(client, text_of(control, "payload"));
    else
        return false;
    return true;
}

static json_t *do_gateway(struct control *control)
{
    struct discord *discord = control->discord;
    const char *what = text_of(control, "do");
    struct discord_client *client = discord->gateway.clients, *next;
    int count = 0;

    if (what && strcmp(what, "forget") == 0) {
        for (; discord->gateway.sessions; count++)
            discord_session_forget(discord, discord->gateway.sessions);
        return json_pack("{s:i}", "sessions", count);
    }
    for (; client; client = next) {
        next = client->next;
        if (!what || !gateway_act(control, client, what)) {
            snprintf(control->err, sizeof(control->err), "the gateway cannot do \"%s\"",
                     what ? what : "");
            return NULL;
        }
        count++;
    }
    return json_pack("{s:i}", "clients", count);
}

static json_t *do_fault(struct control *control)
{
    return discord_faults_add(control->discord, control->body, control->err, sizeof(control->err))
               ? json_object()
               : NULL;
}

static json_t *do_heal(struct control *control)
{
    discord_faults_clear(control->discord);
    return json_object();
}

static json_t *do_set(struct control *control)
{
    return discord_options_set(control->discord, control->body, control->err, sizeof(control->err))
               ? json_object()
               : NULL;
}

/* Ledger, counters, faults and buckets; sessions, messages and the world stay. */
static json_t *do_reset(struct control *control)
{
    struct discord *discord = control->discord;

    discord_load_stop(discord);
    discord_presser_clear(discord);
    discord_faults_clear(discord);
    discord_limits_clear(discord);
    discord_ledger_clear(discord);
    discord->counters = (struct discord_counters){0};
    discord->options.stop_expected = false;
    for (size_t g = 0; g < discord->world.guild_count; g++) {
        for (size_t c = 0; c < discord->world.guilds[g]->channel_count; c++)
            discord->world.guilds[g]->channels[c]->open = 0;
    }
    return json_object();
}

/* ---- which --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    json_t *(*act)(struct control *control);
    bool body; /* it needs one */
} acts[] = {
    {"say", do_say, true},
    {"revise", do_revise, true},
    {"remove", do_remove, true},
    {"thread", do_thread, true},
    {"file", do_file, true},
    {"burst", do_burst, true},
    {"flood", do_flood, false},
    {"stop", do_stop, false},
    {"press", do_press, true},
    {"slash", do_slash, true},
    {"submit", do_submit, true},
    {"menu", do_menu, true},
    {"complete", do_complete, true},
    {"commands", do_commands, false},
    {"requests", do_requests, false},
    {"interactions", do_interactions, false},
    {"messages", do_messages, false},
    {"ledger", do_ledger, false},
    {"report", do_report, false},
    {"world", do_world, false},
    {"roles", do_roles, true},
    {"permit", do_permit, true},
    {"sessions", do_sessions, false},
    {"gateway", do_gateway, true},
    {"fault", do_fault, true},
    {"heal", do_heal, false},
    {"set", do_set, true},
    {"reset", do_reset, false},
};

void discord_control_take(struct discord *discord, struct discord_conn *conn,
                          const struct discord_http *http)
{
    struct discord_slice name = {http->path.ptr + 7, http->path.len - 7}; /* behind "/_fake/" */
    struct control control = {.discord = discord, .conn = conn, .query = http->query};
    json_t *answer = NULL;
    bool known = false;
    char *text;

    if (discord_slice_is(name, "wait")) {
        discord_wait_add(discord, conn, http->query);
        return;
    }
    control.body = http->body.len ? json_loadb(http->body.ptr, http->body.len, 0, NULL) : NULL;
    snprintf(control.err, sizeof(control.err), "no such call, or no JSON body");
    for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
        if (!discord_slice_is(name, acts[i].name) || (acts[i].body && !control.body) ||
            (http->body.len && !control.body))
            continue;
        known = true;
        answer = acts[i].act(&control);
    }
    if (!answer)
        answer = json_pack("{s:s}", "error", control.err);
    else
        control.err[0] = '\0';
    text = json_dumps(answer, JSON_INDENT(1));
    discord_http_write(&conn->out,
                       known && !control.err[0] ? 200
                       : known                  ? 400
                                                : 404,
                       "application/json", http->close ? "Connection: close\r\n" : NULL,
                       text ? text : "{}", text ? strlen(text) : 2);
    discord_conn_dirty(conn);
    if (http->close)
        discord_conn_close(conn);
    free(text);
    json_decref(answer);
    json_decref(control.body);
}
