/* SPDX-License-Identifier: Apache-2.0
 *
 * What a reply answers, and what that answered: Discord sends one level with a message, the rest is
 * asked for, two levels a request, for at most DISCORD_CHAIN_MAX messages and CHAIN_MS. What is deleted,
 * may not be read or takes too long ends the chain; the question is answered without it.
 */
#include "gateway/discord/internal.h"

#include "base/mem.h"
#include "base/text.h"
#include "loop/loop.h"
#include "loop/op.h"

#include <stdio.h>
#include <string.h>

#define CHAIN_MS 2000             /* for all of it */
#define KEPT_MAX 256              /* messages in memory; the oldest goes                */
#define KEPT_MS  (10 * 60 * 1000) /* somebody may have edited it since                  */
#define NAMELESS "somebody"

struct discord_said {
    char id[24], channel[24];
    char *author, *text, *answers; /* NULL: nothing */
    uint64_t until;                /* loop_now(); 0: an empty place */
};

/* ---- memory ---------------------------------------------------------------------------------- */

static void said_clear(struct discord_said *said)
{
    mem_free(said->author);
    mem_free(said->text);
    mem_free(said->answers);
    *said = (struct discord_said){0};
}

static const struct discord_said *find(const struct discord *discord, const char *channel,
                                       const char *id)
{
    uint64_t now = loop_now(discord->loop);

    for (size_t i = 0; discord->said && i < KEPT_MAX; i++) {
        const struct discord_said *said = &discord->said[i];

        if (said->until > now && !strcmp(said->id, id) && !strcmp(said->channel, channel))
            return said;
    }
    return NULL;
}

/* One that is there already may be there twice: looking for it would cost each message. */
static void keep(struct discord *discord, const char *channel, const char *id, const char *author,
                 const char *text, const char *answers)
{
    struct discord_said *said;

    if (!discord->said)
        discord->said = mem_zero(KEPT_MAX, sizeof(*discord->said));
    said = &discord->said[discord->said_next];
    discord->said_next = (discord->said_next + 1) % KEPT_MAX;
    said_clear(said);
    snprintf(said->id, sizeof(said->id), "%s", id);
    snprintf(said->channel, sizeof(said->channel), "%s", channel);
    said->author = mem_strdup(author ? author : NAMELESS);
    said->text = mem_strndup(text, text_utf8_cut(text, strlen(text), DISCORD_QUOTE_MAX));
    said->answers = answers ? mem_strdup(answers) : NULL;
    said->until = loop_now(discord->loop) + KEPT_MS;
}

void discord_chain_note(struct discord *discord, const struct event *event)
{
    if (event->channel && !event->parent)
        keep(discord, event->channel, event->source_id, event->member_name, event->content,
             event->reply_to);
}

void discord_chain_forget(struct discord *discord, const char *id)
{
    for (size_t i = 0; discord->said && i < KEPT_MAX; i++)
        if (!strcmp(discord->said[i].id, id))
            said_clear(&discord->said[i]);
}

void discord_chain_clear(struct discord *discord)
{
    for (size_t i = 0; discord->said && i < KEPT_MAX; i++)
        said_clear(&discord->said[i]);
    mem_free(discord->said);
    discord->said = NULL;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void free_message(void *result)
{
    json_decref(result);
}

static void on_message(void *arg, troupe_status status, const struct discord_response *response,
                       const struct error *err)
{
    json_t *message = NULL;

    (void)err;
    if (status == TROUPE_OK)
        (void)json_parse(response->body, response->len, &message, NULL);
    op_complete(arg, status, message);
}

static const char *author_of(const json_t *message)
{
    const json_t *user = json_object_get(message, "author");
    const char *name = json_get_str(user, "global_name", NULL);

    return name ? name : json_get_str(user, "username", NULL);
}

/* What was forwarded, or stands in another channel, is not what was said here. */
static const char *answers_of(const json_t *message, const char *channel)
{
    const json_t *reference = json_object_get(message, "message_reference");

    return json_get_int(reference, "type", 0) == 0 &&
                   !strcmp(json_get_str(reference, "channel_id", channel), channel)
               ? json_get_str(reference, "message_id", NULL)
               : NULL;
}

static void keep_message(struct discord *discord, const char *channel, const json_t *message)
{
    const char *id = json_get_str(message, "id", NULL);

    if (event_id_number(id))
        keep(discord, channel, id, author_of(message), json_get_str(message, "content", ""),
             answers_of(message, channel));
}

/* The message, in memory now; NULL: it could not be had. [waits] */
static const struct discord_said *fetch(struct discord *discord, const char *channel,
                                        const char *id, uint64_t until)
{
    _cleanup_mem_ char *path = mem_printf("/channels/%s/messages/%s", channel, id);
    struct discord_request request = {
        .method = "GET",
        .route = "/channels/{channel}/messages/{message}",
        .path = path,
        .major = channel,
        .priority = DISCORD_READING,
        .repeatable = true,
        .deadline = until,
    };
    _cleanup_op_ struct op *op = op_new(discord->loop, free_message);
    void *result = NULL;
    troupe_status status = discord_rest_send(discord->rest, &request, on_message, op, NULL);

    if (status != TROUPE_OK) {
        op_complete(op, status, NULL);
        return NULL;
    }
    status = op_wait(op, until, &result);
    if (status == TROUPE_OK && result) {
        keep_message(discord, channel, result);
        keep_message(discord, channel, json_object_get(result, "referenced_message"));
    }
    json_decref(result);
    return status == TROUPE_OK ? find(discord, channel, id) : NULL;
}

troupe_status discord_chain(struct gateway *gateway, const struct event *event, char **ret)
{
    struct discord *discord = (struct discord *)gateway;
    _cleanup_json_ json_t *list = json_array();
    _cleanup_mem_ char *next = event->quote_to ? mem_strdup(event->quote_to) : NULL;
    const char *channel = event->parent ? event->parent : event->channel;
    uint64_t until = co_after(CHAIN_MS);

    *ret = NULL;
    for (size_t i = 1; i < DISCORD_CHAIN_MAX && next && event_id_number(next); i++) {
        const struct discord_said *said = find(discord, channel, next);

        if (!said && discord->rest)
            said = fetch(discord, channel, next, until);
        if (!said)
            break;
        if (*said->text)
            json_array_append_new(
                list, json_pack("{s:s, s:s}", "author", said->author, "text", said->text));
        mem_free(next);
        next = said->answers ? mem_strdup(said->answers) : NULL;
    }
    if (json_array_size(list))
        *ret = json_print(list);
    return co_status();
}
