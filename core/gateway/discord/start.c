/* SPDX-License-Identifier: Apache-2.0
 *
 * What the gateway asks Discord at its start: who it is, what its application may have, where to
 * connect. The questions run beside each other and beside the session, each for as long as it takes:
 * a network that is away holds up nothing but itself. A token that is refused ends all of it.
 */
#include "gateway/discord/internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "gateway/discord/intents.h"
#include "gateway/discord/preflight.h"
#include "loop/op.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MS     1000 /* after the first failure, doubled to … */
#define PAUSE_MAX_MS 60000
#define OWNERS_MAX   100

#define REFUSED                                                                                    \
    "Discord refuses the token: get a new one in the Developer Portal under Bot, Reset Token, "    \
    "put "                                                                                         \
    "it where token in [discord] says, and restart"
#define NO_CONTENT                                                                                 \
    "without the MESSAGE_CONTENT intent only direct messages and messages that mention the bot "   \
    "can be read; switch Message Content Intent on in the Developer Portal under Bot, and restart"

/* ---- what the answers say -------------------------------------------------------------------- */

void discord_account(struct discord *discord, const json_t *user)
{
    uint64_t self = event_id_number(json_get_str(user, "id", NULL));

    if (!self)
        return;
    discord->rules.self = self;
    snprintf(discord->self, sizeof(discord->self), "%" PRIu64, self);
    mem_free(discord->name);
    discord->name = mem_strdup(json_get_str(user, "username", ""));
    discord_outbox_self(discord->outbox, self);
}

/* The application's owner, or the members of the team that owns it. */
static void take_owners(struct discord *discord, const json_t *application)
{
    const json_t *members = json_object_get(json_object_get(application, "team"), "members");
    const char *owner = json_get_str(json_object_get(application, "owner"), "id", NULL);
    size_t count = json_array_size(members);

    if (discord->own_owners || (!owner && !count))
        return;
    mem_free(discord->owners);
    count = count > OWNERS_MAX ? OWNERS_MAX : count;
    discord->owners = mem_zero(count + 1, sizeof(*discord->owners));
    discord->rules.owner_count = 0;
    /* Of an application that a team owns, `owner` stands for the team. */
    if (!count)
        discord->owners[discord->rules.owner_count++] = event_id_number(owner);
    for (size_t i = 0; i < count; i++) {
        const json_t *user = json_object_get(json_array_get(members, i), "user");

        discord->owners[discord->rules.owner_count++] =
            event_id_number(json_get_str(user, "id", NULL));
    }
    discord->rules.owners = discord->owners;
}

void discord_application(struct discord *discord, const json_t *application)
{
    const char *id = json_get_str(application, "id", NULL);

    if (id && event_id_number(id))
        snprintf(discord->application, sizeof(discord->application), "%s", id);
    if (*discord->application)
        discord_outbox_application(discord->outbox, discord->application);
    take_owners(discord, application);
}

uint32_t discord_intents(struct discord *discord)
{
    /* GUILDS is left out: nothing here depends on what channels and roles are called, and their
     * lists are by far the largest that Discord sends. */
    uint32_t intents = DISCORD_INTENT_GUILD_MESSAGES | DISCORD_INTENT_DIRECT_MESSAGES;

    return discord->rules.content ? intents | DISCORD_INTENT_MESSAGE_CONTENT : intents;
}

/* What the application may have decides, where the configuration leaves it open. */
static void settle_content(struct discord *discord, uint64_t flags)
{
    bool denied = discord_intents_denied(DISCORD_INTENT_MESSAGE_CONTENT, flags) != 0;

    if (discord->content == DISCORD_CONTENT_AUTO)
        discord->rules.content = !denied;
    if (denied && discord->content != DISCORD_CONTENT_NO) {
        snprintf(discord->notice, sizeof(discord->notice), "%s", NO_CONTENT);
        log_warn("discord", "%s", NO_CONTENT);
    }
}

/* ---- asking ---------------------------------------------------------------------------------- */

static bool is_refused(struct discord *discord, troupe_status status)
{
    if (status == TROUPE_DENIED)
        discord_refuse(discord, REFUSED);
    return status == TROUPE_DENIED;
}

static troupe_status get(struct discord *discord, const char *path, json_t **ret, struct error *err)
{
    struct discord_request request = {
        .method = "GET",
        .route = path,
        .path = path,
        .priority = DISCORD_FIRST_RESPONSE, /* everything else waits for it */
        .repeatable = true,
    };

    return discord_rest_call(discord->rest, &request, ret, err);
}

/* Until there is an answer, the token is refused, or the gateway stops. */
static troupe_status ask(struct discord *discord, const char *path, json_t **ret)
{
    uint64_t pause = PAUSE_MS;

    for (;;) {
        struct error err;
        troupe_status status = get(discord, path, ret, &err);

        if (status == TROUPE_OK || is_refused(discord, status))
            return status;
        if (co_status() < 0)
            return co_status();
        snprintf(discord->why, sizeof(discord->why), "%s: %.400s", path, err.text);
        log_warn("discord", "%s: %s; trying again in %" PRIu64 " s", path, err.text, pause / 1000);
        status = co_sleep(pause + (uint64_t)random() % (pause / 2));
        if (status < 0)
            return status;
        pause = pause * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause * 2;
    }
}

static troupe_status ask_application(void *arg)
{
    struct discord *discord = arg;
    _cleanup_json_ json_t *application = NULL;
    troupe_status status = ask(discord, "/applications/@me", &application);

    if (status == TROUPE_OK) {
        discord_application(discord, application);
        settle_content(discord, discord_application_flags(application));
        discord->application_known = true;
        discord_register(discord);
    }
    discord_wake(discord);
    return TROUPE_OK;
}

static troupe_status ask_account(void *arg)
{
    struct discord *discord = arg;
    _cleanup_json_ json_t *user = NULL;

    if (ask(discord, "/users/@me", &user) == TROUPE_OK)
        discord_account(discord, user);
    discord_wake(discord);
    return TROUPE_OK;
}

void discord_ask(struct discord *discord)
{
    static const struct co_owner owner = {"core:discord", 0};

    if (co_spawn(&discord->scope, &owner, ask_account, discord) < 0 ||
        co_spawn(&discord->scope, &owner, ask_application, discord) < 0)
        log_warn("discord", "the application could not be asked for: no coroutine is free");
}

troupe_status discord_base_url(void *arg, char ret[256], struct error *err)
{
    struct discord *discord = arg;
    _cleanup_json_ json_t *bot = NULL;
    troupe_status status;
    const char *url;

    if (discord->refused)
        return error_set(err, TROUPE_DENIED, "%s", REFUSED);
    status = get(discord, "/gateway/bot", &bot, err);
    if (status < 0) {
        (void)is_refused(discord, status);
        return status;
    }
    url = json_get_str(bot, "url", NULL);
    if (!url || strlen(url) >= 256)
        return error_set(err, TROUPE_DATA, "/gateway/bot names no address");
    snprintf(ret, 256, "%s", url);
    return TROUPE_OK;
}
