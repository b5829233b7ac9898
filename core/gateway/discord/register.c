/* SPDX-License-Identifier: Apache-2.0
 *
 * Registers the commands of the current set: once the application is known, and after each reload.
 * What Discord has is read first and overwritten only where it differs, because new commands are
 * counted (200 a day) and every overwrite makes clients load the list anew. One coroutine at a time;
 * a set that comes meanwhile is looked at when it is done. Nothing waits for it.
 */
#include "gateway/discord/internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "gateway/discord/command_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MS     1000 /* after the first failure, doubled to … */
#define PAUSE_MAX_MS 60000
#define LOST_ACCESS                                                                                \
    "Discord does not let the bot register commands there: invite it with the address that "       \
    "\"troupe doctor\" prints, which asks for them, or set commands_guild in [discord] to one of " \
    "its servers"

static void say(struct discord *discord, const char *why)
{
    snprintf(discord->commands.why, sizeof(discord->commands.why), "%.500s", why);
    if (*why)
        log_warn("discord", "commands are not registered: %s", why);
}

/* "/applications/1/commands", or those of one server. mem_free. */
static char *path_of(const struct discord *discord)
{
    if (discord->commands.place == DISCORD_COMMANDS_GUILD)
        return mem_printf("/applications/%s/guilds/%s/commands", discord->application,
                          discord->commands.guild);
    return mem_printf("/applications/%s/commands", discord->application);
}

static troupe_status call(struct discord *discord, const char *method, const char *body,
                          json_t **ret, struct error *err)
{
    _cleanup_mem_ char *path = path_of(discord);
    bool guild = discord->commands.place == DISCORD_COMMANDS_GUILD;
    struct discord_request request = {
        .method = method,
        .route = guild ? "/applications/{application}/guilds/{guild}/commands"
                       : "/applications/{application}/commands",
        .path = path,
        .major = guild ? discord->commands.guild : NULL,
        .body = body,
        .body_len = body ? strlen(body) : 0,
        .priority = DISCORD_READING,
        .repeatable = true,
    };

    return discord_rest_call(discord->rest, &request, ret, err);
}

/* One attempt. [waits] */
static troupe_status attempt(struct discord *discord, const json_t *wanted, struct error *err)
{
    _cleanup_json_ json_t *there = NULL, *overwrite = NULL;
    _cleanup_mem_ char *body = NULL;
    troupe_status status = call(discord, "GET", NULL, &there, err);

    if (status < 0)
        return status;
    if (!json_is_array(there))
        return error_set(err, TROUPE_DATA, "Discord's list of commands is no list");
    overwrite = discord_commands_diff(wanted, there);
    if (!overwrite) {
        log_debug("discord", "%zu commands are registered already", json_array_size(wanted));
        return TROUPE_OK;
    }
    body = json_print(overwrite);
    status = call(discord, "PUT", body, NULL, err);
    if (status < 0)
        return status;
    discord->commands.overwrites++;
    log_info("discord", "registered %zu commands", json_array_size(wanted));
    return TROUPE_OK;
}

/* What does not fit is named once for each set. */
static json_t *choose(struct discord *discord)
{
    _cleanup_buf_ struct buf left_out = BUF_INIT;
    json_t *wanted = discord_commands_json(discord->commands.all, &left_out);

    mem_free(discord->commands.left_out);
    discord->commands.left_out = left_out.len ? mem_strdup(buf_text(&left_out)) : NULL;
    for (char *line = discord->commands.left_out, *end; line && *line; line = end + 1) {
        end = strchrnul(line, '\n');
        log_warn("discord", "a command is not registered: %.*s", (int)(end - line), line);
        if (!*end)
            break;
    }
    return wanted;
}

/* Until the list of now is there, or Discord will not have it. */
static void settle(struct discord *discord)
{
    _cleanup_json_ json_t *wanted = choose(discord);
    uint64_t pause = PAUSE_MS;

    while (!discord->commands.stale) {
        struct error err;
        troupe_status status = attempt(discord, wanted, &err);

        if (status == TROUPE_OK) {
            discord->commands.registered = json_array_size(wanted);
            say(discord, "");
            return;
        }
        if (co_status() < 0)
            return;
        say(discord, status == TROUPE_DENIED ? LOST_ACCESS : err.text);
        if (status == TROUPE_DENIED || status == TROUPE_ARGUMENT || status == TROUPE_NOT_FOUND ||
            co_sleep(pause + (uint64_t)random() % (pause / 2)) < 0)
            return; /* the same again would not help */
        pause = pause * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause * 2;
    }
}

static troupe_status register_main(void *arg)
{
    struct discord *discord = arg;

    while (discord->commands.stale && co_status() == TROUPE_OK) {
        discord->commands.stale = false;
        settle(discord);
    }
    discord->commands.busy = false;
    return TROUPE_OK;
}

void discord_register(struct discord *discord)
{
    static const struct co_owner owner = {"core:discord", 0};

    if (!discord->commands.all || !discord->application_known || !discord->rest ||
        discord->refused || discord->quiet)
        return;
    if (discord->commands.place == DISCORD_COMMANDS_OFF)
        return;
    if (discord->commands.place == DISCORD_COMMANDS_GUILD &&
        !event_id_number(discord->commands.guild)) {
        say(discord, "commands = guild needs commands_guild in [discord], the id of a server");
        return;
    }
    discord->commands.stale = true;
    if (discord->commands.busy)
        return;
    discord->commands.busy = co_spawn(&discord->scope, &owner, register_main, discord) == TROUPE_OK;
    if (!discord->commands.busy)
        say(discord, "no coroutine is free; reload to try again");
}

void discord_set_commands(struct discord *discord, struct gateway_commands *commands)
{
    gateway_commands_free(discord->commands.all);
    discord->commands.all = commands;
    discord_register(discord);
}

void discord_commands_configure(struct discord *discord, const struct config_section *section)
{
    const char *guild = config_str(section, "commands_guild");

    discord->commands.place = (enum discord_commands_place)config_choice(section, "commands");
    snprintf(discord->commands.guild, sizeof(discord->commands.guild), "%s", guild ? guild : "");
}

json_t *discord_commands_status(const struct discord *discord)
{
    static const char *const places[] = {"global", "guild", "off"};

    return json_pack("{s:s, s:I, s:I, s:s, s:s}", "place", places[discord->commands.place],
                     "registered", (json_int_t)discord->commands.registered, "overwrites",
                     (json_int_t)discord->commands.overwrites, "left_out",
                     discord->commands.left_out ? discord->commands.left_out : "", "why",
                     discord->commands.why);
}

void discord_commands_clear(struct discord *discord)
{
    gateway_commands_free(discord->commands.all);
    mem_free(discord->commands.left_out);
}
