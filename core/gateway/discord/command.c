/* SPDX-License-Identifier: Apache-2.0
 *
 * Slash commands: each is acknowledged by a deferred response as soon as it is seen, because its
 * first answer must come within 3 s, and becomes an event that the engine stores like a message. What
 * answers it waits until that response was heard of: Discord knows no webhook before.
 */
#include "gateway/discord/internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "gateway/discord/command_json.h"
#include "gateway/discord/interaction.h"
#include "gateway/discord/message.h"
#include "gateway/discord/sql/discord.h"

#include <string.h>

#define LOOK_MS        10    /* between two looks at whether the response is there */
#define ANSWERING_MS   10000 /* for an answer that is being made                   */
#define FLAG_EPHEMERAL (1 << 6)
#define ACKNOWLEDGED   40060 /* Discord's code for what an earlier process did already */
#define MESSAGE_ROUTE  "/webhooks/{webhook}/{token}/messages/{message}"
#define NO_CHANNEL     "I can't answer here"
#define TOO_LONG       "that is more than I can take; please make it shorter"

/* A command whose deferred response is under way. */
struct opening {
    struct list_link link;
    struct discord *discord; /* NULL: it is gone */
    char id[24];
};

/* ---- the first response ---------------------------------------------------------------------- */

static void opened(void *arg, troupe_status status, const struct discord_response *response,
                   const struct error *err)
{
    struct opening *opening = arg;
    struct discord *discord = opening->discord;

    list_remove(&opening->link);
    if (status < 0 && status != TROUPE_CANCELED && response->code != ACKNOWLEDGED)
        log_warn("discord", "a command could not be acknowledged: %s", err ? err->text : "");
    mem_free(opening);
    if (discord->rest)
        discord_outbox_go_on(discord->outbox);
}

/* Sends the body as the first response; true: `done` will be called. */
static bool call_back(struct discord *discord, const struct event *event, const char *body,
                      discord_rest_done done, void *arg)
{
    struct discord_request request;
    _cleanup_mem_ char *path =
        discord_interaction_callback(event, body, loop_now(discord->loop), &request);
    struct error err;

    request.path = path;
    if (discord->rest && discord_rest_send(discord->rest, &request, done, arg, &err) == TROUPE_OK)
        return true;
    log_warn("discord", "an interaction could not be acknowledged: %s",
             discord->rest ? err.text : "the host stops");
    return false;
}

static void defer(struct discord *discord, const struct event *event)
{
    struct opening *opening = mem_zero(1, sizeof(*opening));
    _cleanup_json_ json_t *callback = json_pack("{s:i}", "type", DISCORD_CALLBACK_DEFER);
    _cleanup_mem_ char *body = NULL;

    if (event->flags & EVENT_PRIVATE)
        json_object_set_new(callback, "data", json_pack("{s:i}", "flags", FLAG_EPHEMERAL));
    body = json_print(callback);
    opening->discord = discord;
    snprintf(opening->id, sizeof(opening->id), "%s", event->source_id);
    list_append(&discord->openings, &opening->link);
    if (call_back(discord, event, body, opened, opening))
        return;
    list_remove(&opening->link);
    mem_free(opening);
}

bool discord_command_opening(void *arg, const struct event *event)
{
    const struct discord *discord = arg;

    list_for_each (link, &discord->openings)
        if (!strcmp(container_of(link, struct opening, link)->id, event->source_id))
            return true;
    return false;
}

/* ---- what comes ------------------------------------------------------------------------------ */

struct event *discord_command_take(struct discord *discord, const struct event *interaction,
                                   const char *data, size_t len)
{
    _cleanup_json_ json_t *tree = NULL;
    _cleanup_mem_ char *arguments = NULL, *files = NULL;
    const struct gateway_command *command;
    struct event event = *interaction, *made;
    const json_t *used;
    const char *name;

    if (json_parse(data, len, &tree, NULL) < 0)
        return NULL; /* it was read a moment ago */
    used = json_object_get(tree, "data");
    name = json_get_str(used, "name", NULL);
    if (!name || !event.channel) {
        discord_press_refuse(discord, interaction, DISCORD_CALLBACK_MESSAGE, NO_CHANNEL);
        return NULL;
    }
    command = gateway_commands_find(
        discord->commands.all, discord_command_offer((int)json_get_int(used, "type", 1)), name);
    arguments = discord_command_arguments(command, used, &files);
    if (strlen(arguments) > EVENT_CONTENT_MAX) {
        discord_press_refuse(discord, interaction, DISCORD_CALLBACK_MESSAGE, TOO_LONG);
        return NULL;
    }
    event.kind = "command";
    event.command = command ? command->target : name;
    event.content = arguments;
    event.content_len = strlen(arguments);
    event.files = files;
    event.flags |= EVENT_DEFERRED;
    if (!command || command->private) /* an old one's answer is a sentence about that */
        event.flags |= EVENT_PRIVATE;
    made = event_new(&event);
    defer(discord, made);
    return made;
}

static void completed(void *arg, troupe_status status, const struct discord_response *response,
                      const struct error *err)
{
    (void)arg;
    (void)response;
    if (status < 0 && status != TROUPE_CANCELED)
        log_debug("discord", "choices came too late: %s", err ? err->text : "");
}

void discord_command_complete_now(struct discord *discord, const struct event *interaction,
                                  const char *data, size_t len)
{
    _cleanup_json_ json_t *tree = NULL, *callback = NULL;
    _cleanup_mem_ char *body = NULL;
    const struct gateway_command *command;
    const json_t *used;

    if (json_parse(data, len, &tree, NULL) < 0)
        return;
    used = json_object_get(tree, "data");
    command =
        gateway_commands_find(discord->commands.all, GATEWAY_TYPED, json_get_str(used, "name", ""));
    callback = json_pack("{s:i, s:{s:o}}", "type", DISCORD_CALLBACK_AUTOCOMPLETE, "data", "choices",
                         discord_command_complete(command, used));
    body = json_print(callback);
    (void)call_back(discord, interaction, body, completed, NULL);
}

/* ---- sentences that nothing keeps ------------------------------------------------------------- */

static troupe_status webhook(struct discord *discord, const struct event *event, const char *method,
                             bool original, const char *body, struct error *err)
{
    _cleanup_mem_ char *path = mem_printf("/webhooks/%s/%s%s", discord->application, event->token,
                                          original ? "/messages/@original" : "");
    struct discord_request request = {
        .method = method,
        .route = original ? MESSAGE_ROUTE : "/webhooks/{webhook}/{token}",
        .path = path,
        .major = event->source_id,
        .body = body,
        .body_len = body ? strlen(body) : 0,
        .priority = DISCORD_INTERACTION,
        .no_auth = true,
        .repeatable = original,
        .deadline = loop_now(discord->loop) + DISCORD_FOLLOWUP_MS,
    };

    return discord_rest_call(discord->rest, &request, NULL, err);
}

/* Whether the deferred response is an answer that stays. While one is being made, nobody knows. */
static bool is_answered(struct discord *discord, const struct event *event)
{
    uint64_t until = loop_now(discord->loop) + ANSWERING_MS;
    enum discord_answered answered = DISCORD_UNANSWERED;

    while (discord->rest && loop_now(discord->loop) < until) {
        answered = discord_outbox_answered(discord->outbox, event->source_id);
        if (answered != DISCORD_ANSWERING || co_sleep(LOOK_MS) < 0)
            break;
    }
    return answered != DISCORD_UNANSWERED;
}

troupe_status discord_command_tell(struct discord *discord, const struct event *event,
                                   const char *text, struct error *err)
{
    _cleanup_mem_ char *body = NULL;
    troupe_status status = TROUPE_OK;
    bool answered;

    while (discord_command_opening(discord, event) && status == TROUPE_OK)
        status = co_sleep(LOOK_MS);
    answered = status == TROUPE_OK && is_answered(discord, event);
    if (status < 0 || !discord->rest)
        return error_set(err, status < 0 ? status : TROUPE_UNAVAILABLE, "the host stops");
    if (answered) {
        body = discord_message_private(text);
        return webhook(discord, event, "POST", false, body, err);
    }
    if (event->flags & EVENT_PRIVATE) {
        body = discord_message_reply(text, NULL);
        return webhook(discord, event, "PATCH", true, body, err);
    }
    status = webhook(discord, event, "DELETE", true, NULL, err);
    if (status < 0 && status != TROUPE_NOT_FOUND)
        return status;
    body = discord_message_private(text);
    return webhook(discord, event, "POST", false, body, err);
}

/* ---- which response is a message already ------------------------------------------------------ */

bool discord_original_used(const struct discord *discord, int64_t turn)
{
    for (size_t i = 0; turn && i < DISCORD_ORIGINALS_MAX; i++)
        if (discord->originals[i] == turn)
            return true;
    return false;
}

void discord_original_use(struct discord *discord, int64_t turn)
{
    if (!turn || discord_original_used(discord, turn))
        return;
    discord->originals[discord->original_next] = turn;
    discord->original_next = (discord->original_next + 1) % DISCORD_ORIGINALS_MAX;
}

void discord_original_unuse(struct discord *discord, int64_t turn)
{
    for (size_t i = 0; turn && i < DISCORD_ORIGINALS_MAX; i++)
        if (discord->originals[i] == turn)
            discord->originals[i] = 0;
}

void discord_originals_load(struct discord *discord)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    struct error err;

    if (store_query(discord->store,
                    STORE_SQL(SQL_DISCORD_ORIGINALS, store_text(discord->gateway.name)), 0, &rows,
                    &err) < 0) {
        log_warn("discord", "what commands were answered with is not known: %s", err.text);
        return;
    }
    for (size_t i = 0; i < rows->count; i++) {
        discord_original_use(discord, store_cell_int(rows, i, 0, 0));
        if (store_cell_int(rows, i, 2, 0))
            discord_outbox_note_answered(discord->outbox, store_cell_text(rows, i, 1, ""));
    }
}
