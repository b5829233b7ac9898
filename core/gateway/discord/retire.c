/* SPDX-License-Identifier: Apache-2.0
 *
 * Buttons that do nothing any more are taken away, and below a question stands what became of it. By the first
 * answer to the press where that is open still, else by an edit; neither is owed, as the store has what was
 * chosen, and what is pressed again is retired again.
 */
#include "gateway/discord/internal.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/discord/interaction.h"
#include "gateway/discord/message.h"
#include "gateway/discord/sql/discord.h"
#include "store/store.h"

#include <string.h>

#define RETIRE_MS 60000
#define TOKEN_MS  (14 * 60 * 1000) /* a token lives 15 minutes */
#define STAYS     "buttons that do nothing any more stay: %s"

static void edited(void *arg, troupe_status status, const struct discord_response *response,
                   const struct error *err)
{
    (void)arg;
    (void)response;
    if (status < 0 && status != TROUPE_CANCELED)
        log_debug("discord", STAYS, err ? err->text : "");
}

/* `text` NULL: what it says stays. */
static void edit(struct discord *discord, const char *channel, const char *message,
                 const char *text)
{
    _cleanup_mem_ char *body = discord_message_bare(text);
    _cleanup_mem_ char *path = mem_printf("/channels/%s/messages/%s", channel, message);
    _cleanup_mem_ char *key = mem_printf("retire %s", path);
    struct discord_request request = {
        .method = "PATCH",
        .route = "/channels/{channel}/messages/{message}",
        .path = path,
        .major = channel,
        .body = body,
        .body_len = strlen(body),
        .priority = DISCORD_EDIT,
        .coalesce = key, /* of its own: an edit of the text has the path, and stays */
        .repeatable = true,
        .deadline = loop_now(discord->loop) + RETIRE_MS,
    };

    (void)discord_rest_send(discord->rest, &request, edited, NULL, NULL);
}

/* ---- by a press ------------------------------------------------------------------------------ */

struct retiring {
    struct discord *discord;
    struct event *event;
    char *text;
};

static void retiring_free(struct retiring *retiring)
{
    event_unref(retiring->event);
    mem_free(retiring->text);
    mem_free(retiring);
}

/* Where the token is dead, the bot itself may edit what it wrote. */
static void updated(void *arg, troupe_status status, const struct discord_response *response,
                    const struct error *err)
{
    struct retiring *retiring = arg;
    const struct event *event = retiring->event;

    (void)response;
    if (status < 0 && status != TROUPE_CANCELED) {
        log_warn("discord", "an interaction could not be acknowledged: %s", err ? err->text : "");
        if (retiring->discord->rest && event->channel && event->reply_to)
            edit(retiring->discord, event->channel, event->reply_to, retiring->text);
    }
    retiring_free(retiring);
}

static void update(struct discord *discord, const struct event *event, const char *text)
{
    _cleanup_mem_ char *body = discord_message_callback(DISCORD_CALLBACK_UPDATE, text);
    struct discord_request request;
    _cleanup_mem_ char *path =
        discord_interaction_callback(event, body, loop_now(discord->loop), &request);
    struct retiring *retiring = mem_zero(1, sizeof(*retiring));
    struct error err;

    *retiring = (struct retiring){discord, event_ref((struct event *)event),
                                  text ? mem_strdup(text) : NULL};
    request.path = path;
    if (discord_rest_send(discord->rest, &request, updated, retiring, &err) == TROUPE_OK)
        return;
    log_warn("discord", "an interaction could not be acknowledged: %s", err.text);
    retiring_free(retiring);
}

void discord_retire(struct gateway *gateway, const struct event *event, const char *line)
{
    struct discord *discord = (struct discord *)gateway;
    _cleanup_mem_ char *text =
        line && event->quote ? discord_message_below(event->quote, line) : NULL;
    bool first = discord_press_settle(discord, event);

    if (!discord->rest)
        return;
    if (first)
        update(discord, event, text);
    else if (event->channel && event->reply_to)
        edit(discord, event->channel, event->reply_to, text);
}

/* ---- by time --------------------------------------------------------------------------------- */

/* What only its member sees is reached through the command that was answered by it, as long as that goes. */
static void edit_answer(struct discord *discord, const struct event *event, const char *message,
                        const char *text)
{
    _cleanup_mem_ char *body = discord_message_bare(text);
    _cleanup_mem_ char *path =
        mem_printf("/webhooks/%s/%s/messages/%s", discord->application, event->token, message);
    struct discord_request request = {
        .method = "PATCH",
        .route = "/webhooks/{webhook}/{token}/messages/{message}",
        .path = path,
        .major = event->source_id,
        .body = body,
        .body_len = strlen(body),
        .priority = DISCORD_INTERACTION,
        .no_auth = true,
        .repeatable = true,
        .deadline = loop_now(discord->loop) + RETIRE_MS,
    };

    (void)discord_rest_send(discord->rest, &request, edited, NULL, NULL);
}

void discord_expire(struct gateway *gateway, const struct event *event, int64_t turn,
                    unsigned ordinal, const char *line)
{
    struct discord *discord = (struct discord *)gateway;
    _cleanup_rows_ struct store_rows *rows = NULL;
    _cleanup_mem_ char *text = NULL;
    const char *body;
    struct error err;

    if (store_query(discord->store,
                    STORE_SQL(SQL_DISCORD_ASKED, store_int(turn), store_int(ordinal),
                              store_text(gateway->name)),
                    0, &rows, &err) < 0) {
        if (co_status() == TROUPE_OK)
            log_debug("discord", STAYS, err.text);
        return;
    }
    if (!rows->count || !discord->rest)
        return;
    body = store_cell_text(rows, 0, 2, "");
    if (*body) /* else it was deleted here, for its member */
        text = discord_message_below(body, line);
    if (event->token && *discord->application && event->time_ms + TOKEN_MS > clock_wall_ms())
        edit_answer(discord, event, store_cell_text(rows, 0, 1, ""), text);
    else
        edit(discord, store_cell_text(rows, 0, 0, ""), store_cell_text(rows, 0, 1, ""), text);
}
