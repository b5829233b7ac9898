/* SPDX-License-Identifier: Apache-2.0
 *
 * Interactions: buttons and commands go out as INTERACTION_CREATE; their callbacks, @original and
 * followups come back over the webhook routes, under Discord's deadlines.
 */
#include "discord.h"
#include "discord_forms.h"

#include <stdio.h>
#include <stdlib.h>

#define FLAG_EPHEMERAL (UINT32_C(1) << 6)
#define FLAG_LOADING   (UINT32_C(1) << 7)

/* ---- sending ------------------------------------------------------------------------------- */

static void put_interaction(struct fake_text *out, struct discord *discord,
                            const struct discord_interaction *it, const struct discord_user *user,
                            const struct discord_channel *channel,
                            const struct discord_message *source, const json_t *data)
{
    out->len = 0;
    fake_text_printf(out,
                     "{\"id\":\"%llu\",\"application_id\":\"%llu\",\"type\":%u,\"token\":\"%s\","
                     "\"version\":1,\"channel_id\":\"%llu\",\"locale\":\"en-US\","
                     "\"entitlements\":[],\"attachment_size_limit\":10485760,"
                     "\"app_permissions\":\"2248473465835073\",\"context\":%d,"
                     "\"authorizing_integration_owners\":{\"0\":\"%llu\"},\"data\":",
                     (unsigned long long)it->id, (unsigned long long)DISCORD_BOT_ID, it->type,
                     it->token, (unsigned long long)channel->id, channel->guild ? 0 : 1,
                     (unsigned long long)channel->guild);
    fake_text_json(out, data);
    fake_text_puts(out, ",\"channel\":");
    discord_put_channel(out, channel);
    if (channel->guild) {
        fake_text_printf(out, ",\"guild_locale\":\"en-US\",\"guild_id\":\"%llu\",\"member\":",
                         (unsigned long long)channel->guild);
        discord_put_member(out, user);
        fake_text_printf(out, ",\"permissions\":\"%llu\",\"user\":",
                         (unsigned long long)discord_world_permissions(&discord->world, user));
        discord_put_user(out, user);
        fake_text_puts(out, "}");
    } else {
        fake_text_puts(out, ",\"user\":");
        discord_put_user(out, user);
    }
    if (source) {
        fake_text_puts(out, ",\"message\":");
        discord_put_message(out, &discord->world, source, true);
        fake_text_puts(out, "}");
    }
    fake_text_puts(out, "}");
}

struct discord_interaction *discord_interaction_send(struct discord *discord, unsigned type,
                                                     struct discord_user *user,
                                                     struct discord_channel *channel,
                                                     struct discord_message *source, json_t *data)
{
    struct discord_interaction *it = fake_alloc(sizeof(*it));
    const char *name =
        json_string_value(json_object_get(data, type == 3 || type == 5 ? "custom_id" : "name"));
    struct fake_text *event = &discord->rest.event;

    it->id = discord_world_new_id(&discord->world);
    it->type = type;
    it->channel = channel->id;
    it->user = user->id;
    it->source = source ? source->id : 0;
    snprintf(it->custom_id, sizeof(it->custom_id), "%s", name ? name : "");
    snprintf(it->token, sizeof(it->token), "itoken-%llx-%08llx", (unsigned long long)it->id,
             (unsigned long long)fake_digest(&it->id, sizeof(it->id)) & 0xffffffff);
    it->next = discord->rest.interactions;
    discord->rest.interactions = it;
    discord_map_set(&discord->rest.interactions_by_id, it->id, it);
    put_interaction(event, discord, it, user, channel, source, data);
    json_decref(data);
    it->sent_us = discord_now_us();
    discord_gateway_dispatch(discord, "INTERACTION_CREATE", 0, channel->guild,
                             (struct discord_slice){event->data, event->len},
                             (struct discord_slice){0});
    return it;
}

/* ---- the first response -------------------------------------------------------------------- */

static bool token_is(const struct discord_interaction *it, struct discord_slice token)
{
    return it && discord_slice_is(token, it->token);
}

static void remember_text(struct discord_interaction *it, const struct discord_message *message)
{
    if (it->text[0] == '\0' || it->unresolved)
        snprintf(it->text, sizeof(it->text), "%s", message->content);
}

/* A message that says nothing yet. */
static struct discord_message *make_loading(struct discord *discord, struct discord_interaction *it,
                                            struct discord_channel *channel, uint32_t flags)
{
    struct discord_message *message =
        discord_message_new(&discord->world, channel, &discord->world.bot, "", 0);

    message->flags = FLAG_LOADING | (flags & FLAG_EPHEMERAL);
    message->hidden = flags & FLAG_EPHEMERAL;
    message->interaction = it->id;
    message->asker = discord_map_get(&discord->world.by_id, it->user);
    message->asked_by = it->type;
    message->webhook = DISCORD_BOT_ID;
    discord->counters.unattributed++; /* until its edit brings it to its question */
    return message;
}

/* At most 25, each within 100 characters; false: refused and answered. */
static bool take_choices(struct discord_call *call, struct discord_interaction *it,
                         struct discord_slice data)
{
    struct discord_slice list = discord_scan_get(data, "choices");
    json_t *choices = list.ptr ? json_loadb(list.ptr, list.len, 0, NULL) : NULL;
    size_t i, units;
    json_t *choice;

    if (!json_is_array(choices) || json_array_size(choices) > 25) {
        json_decref(choices);
        discord_answer_field(call, "data", "BASE_TYPE_MAX_LENGTH",
                             "Must be 25 or fewer in length.");
        return false;
    }
    json_array_foreach (choices, i, choice) {
        const char *name = json_string_value(json_object_get(choice, "name"));
        size_t count = name ? discord_code_points(name, strlen(name), &units) : 0;

        if (count >= 1 && count <= 100 && json_object_get(choice, "value"))
            continue;
        json_decref(choices);
        discord_answer_field(call, "data", "BASE_TYPE_BAD_LENGTH",
                             "Must be between 1 and 100 in length.");
        return false;
    }
    json_decref(it->choices);
    it->choices = choices;
    return true;
}

/* A submitted modal opens no other one. */
static bool take_modal(struct discord_call *call, struct discord_interaction *it,
                       struct discord_slice data)
{
    json_t *modal = data.ptr ? json_loadb(data.ptr, data.len, 0, NULL) : NULL;
    const char *defect =
        it->type == 5 ? "a modal cannot be answered by a modal" : discord_modal_defect(modal);

    if (defect) {
        json_decref(modal);
        discord_answer_field(call, "data", "MODAL_INVALID", defect);
        return false;
    }
    it->modal = modal;
    call->discord->counters.modals++;
    return true;
}

/* Does what the callback says; false: refused and answered. */
static bool respond(struct discord_call *call, struct discord_interaction *it, int type,
                    struct discord_slice data)
{
    struct discord *discord = call->discord;
    struct discord_channel *channel = discord_world_channel_id(&discord->world, it->channel);
    struct discord_message *source = discord_map_get(&discord->world.messages, it->source);
    struct discord_message *message = NULL;
    uint32_t flags = (uint32_t)discord_scan_u64(discord_scan_get(data, "flags"));

    switch (type) {
    case 4: /* a message */
        message = discord_message_make(call, channel, data, it);
        if (!message)
            return false;
        remember_text(it, message);
        break;
    case 5: /* a message that comes later */
        message = make_loading(discord, it, channel, flags);
        it->unresolved = true;
        break;
    case 6: /* only acknowledged */ message = source; break;
    case 7: /* the button's own message changes */
        message = source;
        if (message && !discord_message_change(call, message, data, true))
            return false;
        break;
    case 8:
        if (!take_choices(call, it, data))
            return false;
        break;
    case 9:
        if (!take_modal(call, it, data))
            return false;
        break;
    default: discord_answer_field(call, "type", "BASE_TYPE_CHOICES", "no such type"); return false;
    }
    if (type == 9)
        discord_presser_modal(discord, it);
    it->original = message ? message->id : 0;
    it->ephemeral = message && message->hidden;
    return true;
}

void discord_interactions_callback(struct discord_call *call)
{
    struct discord *discord = call->discord;
    struct discord_interaction *it =
        discord_map_get(&discord->rest.interactions_by_id, discord_digits(call->segments[1]));
    struct discord_slice data = discord_scan_get(call->json, "data");
    int type = (int)discord_scan_u64(discord_scan_get(call->json, "type"));
    int64_t now = discord_now_us();

    discord->counters.callbacks++;
    if (!token_is(it, call->segments[2])) {
        discord_answer_error(call, 404, 10062, "Unknown interaction");
    } else if (it->callback) {
        it->repeated++;
        discord->counters.callbacks_repeated++;
        discord_answer_error(call, 400, 40060, "Interaction has already been acknowledged.");
    } else if (now - it->sent_us > (int64_t)discord->options.callback_ms * 1000) {
        it->late++;
        discord->counters.callbacks_late++;
        discord_answer_error(call, 404, 10062, "Unknown interaction");
    } else if (respond(call, it, type, data)) {
        it->callback = type;
        it->callback_us = now;
        discord_answer(call, 204, "", 0);
    }
}

/* ---- @original and followups --------------------------------------------------------------- */

static struct discord_interaction *by_token(struct discord *discord, struct discord_slice token)
{
    struct discord_interaction *it = NULL;

    if (token.len > 7) /* its id is in it: "itoken-ID-…" */
        it = discord_map_get(&discord->rest.interactions_by_id, strtoull(token.ptr + 7, NULL, 16));
    return it && token_is(it, token) ? it : NULL;
}

static bool is_expired(const struct discord *discord, const struct discord_interaction *it)
{
    return discord_now_us() - it->sent_us >= (int64_t)discord->options.token_ms * 1000;
}

static void answer_made(struct discord_call *call, const struct discord_message *message)
{
    struct fake_text *body = &call->discord->rest.body;

    body->len = 0;
    discord_put_message(body, &call->discord->world, message, true);
    fake_text_puts(body, "}");
    discord_answer(call, 200, body->data, body->len);
}

static void follow_up(struct discord_call *call, struct discord_interaction *it)
{
    struct discord *discord = call->discord;
    struct discord_channel *channel = discord_world_channel_id(&discord->world, it->channel);
    struct discord_message *message = discord_map_get(&discord->world.messages, it->original);

    /* The first one after a deferred response edits that, whatever it says about who sees it. */
    if (it->unresolved && message && !message->deleted) {
        discord->counters.followups_edited++;
        if (discord_message_change(call, message, call->json, true)) {
            remember_text(it, message);
            it->unresolved = false;
            answer_made(call, message);
        }
        return;
    }
    message = discord_message_make(call, channel, call->json, it);
    if (!message)
        return;
    it->followups++;
    discord->counters.followups++;
    remember_text(it, message);
    answer_made(call, message);
}

void discord_interactions_webhook(struct discord_call *call)
{
    struct discord *discord = call->discord;
    struct discord_interaction *it = by_token(discord, call->segments[2]);
    struct discord_message *message;
    uint64_t id;

    if (it && is_expired(discord, it)) {
        discord_answer_error(call, 401, 50027, "Invalid Webhook Token");
        return;
    }
    if (!it || !it->callback || discord_digits(call->segments[1]) != DISCORD_BOT_ID) {
        discord_answer_error(call, 404, 10015, "Unknown Webhook");
        return;
    }
    if (call->route == ROUTE_WEBHOOK_CREATE) {
        follow_up(call, it);
        return;
    }
    id = discord_slice_is(call->segments[4], "@original") ? it->original
                                                          : discord_digits(call->segments[4]);
    message = discord_map_get(&discord->world.messages, id);
    if (!message || message->deleted) {
        discord_answer_error(call, 404, 10008, "Unknown Message");
    } else if (call->route == ROUTE_WEBHOOK_DELETE) {
        discord_message_remove(discord, message);
        discord_answer(call, 204, "", 0);
    } else if (call->route == ROUTE_WEBHOOK_GET) {
        answer_made(call, message);
    } else {
        discord->counters.webhook_edits++;
        if (discord_message_change(call, message, call->json, true)) {
            remember_text(it, message);
            it->unresolved = it->unresolved && message->id != it->original;
            answer_made(call, message);
        }
    }
}
