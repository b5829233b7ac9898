/* SPDX-License-Identifier: Apache-2.0 */
#include "discord_commands.h"

#include "discord.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX    100
#define NAME_CHARS  32
#define OPTIONS     25
#define SLASHES     100
#define CONTEXTED   15 /* USER and MESSAGE, each */
#define WEIGHT_MAX  8000
#define TYPE_SLASH  1
#define CREATES_DAY 200

/* ---- checks -------------------------------------------------------------------------------- */

static size_t length(const char *text)
{
    size_t units;

    return text ? discord_code_points(text, strlen(text), &units) : 0;
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

/* The part of the documented expression that needs no table of scripts. */
static bool name_holds(const char *name)
{
    size_t len = length(name);

    for (const char *p = name; *p; p++)
        if (isupper((unsigned char)*p) ||
            ((unsigned char)*p < 0x80 && !isalnum((unsigned char)*p) && !strchr("-_'", *p)))
            return false;
    return len >= 1 && len <= NAME_CHARS;
}

static size_t weight(const json_t *json)
{
    size_t sum = length(text_of(json, "name")) + length(text_of(json, "description")) +
                 length(text_of(json, "value")),
           i;
    const json_t *item;

    json_array_foreach (json_object_get(json, "options"), i, item)
        sum += weight(item);
    json_array_foreach (json_object_get(json, "choices"), i, item)
        sum += weight(item);
    return sum;
}

static const char *choices_defect(const json_t *option, json_int_t type)
{
    const json_t *choices = json_object_get(option, "choices"), *choice;
    size_t i;

    if (!choices)
        return NULL;
    if (json_is_true(json_object_get(option, "autocomplete")) && json_array_size(choices))
        return "choices and autocomplete exclude each other";
    if (json_array_size(choices) > OPTIONS)
        return "Must be 25 or fewer in length.";
    if (type != 3 && type != 4 && type != 10)
        return "this type has no choices";
    json_array_foreach (choices, i, choice) {
        size_t len = length(text_of(choice, "name"));

        if (len < 1 || len > TEXT_MAX)
            return "a choice must be between 1 and 100 in length";
        if (type == 3 && (length(text_of(choice, "value")) > TEXT_MAX ||
                          !json_is_string(json_object_get(choice, "value"))))
            return "a choice's value must be 100 or fewer in length";
        if (type == 4 && !json_is_integer(json_object_get(choice, "value")))
            return "a choice's value must be an integer";
    }
    return NULL;
}

static bool within(const json_t *option, const char *key, double min, double max)
{
    const json_t *value = json_object_get(option, key);

    return !value || (json_is_number(value) && json_number_value(value) >= min &&
                      json_number_value(value) <= max);
}

static const char *option_defect(const json_t *option, bool *late)
{
    json_int_t type = json_integer_value(json_object_get(option, "type"));
    size_t described = length(text_of(option, "description"));
    bool required = json_is_true(json_object_get(option, "required"));

    if (type < 3 || type > 11)
        return "no such type"; /* no subcommands here */
    if (!name_holds(text_of(option, "name")))
        return "an option's name is invalid";
    if (described < 1 || described > TEXT_MAX)
        return "Must be between 1 and 100 in length.";
    if (required && *late)
        return "Required options must be placed before non-required options";
    *late |= !required;
    if (!within(option, "min_length", 0, 6000) || !within(option, "max_length", 1, 6000) ||
        !within(option, "min_value", -9007199254740992.0, 9007199254740992.0) ||
        !within(option, "max_value", -9007199254740992.0, 9007199254740992.0))
        return "a bound is out of range";
    if (json_object_get(option, "min_value") && type != 4 && type != 10)
        return "this type has no bounds";
    if (json_object_get(option, "max_length") && type != 3)
        return "this type has no length";
    if (json_is_true(json_object_get(option, "autocomplete")) && type != 3 && type != 4 &&
        type != 10)
        return "this type has no autocomplete";
    return choices_defect(option, type);
}

static const char *command_defect(const json_t *command)
{
    const json_t *type = json_object_get(command, "type"), *option;
    const json_t *options = json_object_get(command, "options");
    size_t described = length(text_of(command, "description")), i;
    bool late = false;

    if (!json_is_object(command))
        return "Only dictionaries may be used here";
    if (type && json_integer_value(type) != TYPE_SLASH)
        return length(text_of(command, "name")) - 1 < NAME_CHARS ? NULL : "a name is invalid";
    if (!name_holds(text_of(command, "name")))
        return "Command name is invalid";
    if (described < 1 || described > TEXT_MAX)
        return "Must be between 1 and 100 in length.";
    if (json_array_size(options) > OPTIONS)
        return "Must be 25 or fewer in length.";
    if (weight(command) > WEIGHT_MAX)
        return "Command exceeds maximum size (8000)";
    json_array_foreach (options, i, option) {
        const char *defect = option_defect(option, &late);

        for (size_t k = 0; !defect && k < i; k++)
            if (!strcmp(text_of(option, "name"), text_of(json_array_get(options, k), "name")))
                defect = "Option name must be unique";
        if (defect)
            return defect;
    }
    return NULL;
}

const char *discord_commands_defect(const json_t *list, char *ret_field, size_t size)
{
    size_t counts[5] = {0}, i;
    const json_t *command;

    json_array_foreach (list, i, command) {
        const json_t *given = json_object_get(command, "type");
        json_int_t type = given ? json_integer_value(given) : TYPE_SLASH;
        const char *defect = command_defect(command);

        snprintf(ret_field, size, "%zu", i);
        if (type < 1 || type > 4)
            return "no such type";
        counts[type]++;
        for (size_t k = 0; !defect && k < i; k++) {
            const json_t *other = json_object_get(json_array_get(list, k), "type");

            if ((other ? json_integer_value(other) : TYPE_SLASH) == type &&
                !strcmp(text_of(command, "name"), text_of(json_array_get(list, k), "name")))
                defect = "Application command names must be unique";
        }
        if (defect)
            return defect;
    }
    snprintf(ret_field, size, "_");
    return counts[1] > SLASHES ? "Maximum number of commands reached (100)"
           : counts[2] > CONTEXTED || counts[3] > CONTEXTED
               ? "Maximum number of commands reached (15)"
               : NULL;
}

/* ---- the lists ----------------------------------------------------------------------------- */

static struct discord_command_list *list_of(struct discord *discord, uint64_t guild)
{
    for (size_t i = 0; i < DISCORD_COMMAND_LISTS; i++) {
        struct discord_command_list *list = &discord->rest.commands[i];

        if (!list->commands) {
            list->guild = guild;
            list->commands = json_array();
        }
        if (list->guild == guild)
            return list;
    }
    return NULL;
}

static const json_t *named(const json_t *list, const json_t *command)
{
    const json_t *other;
    size_t i;

    json_array_foreach (list, i, other)
        if (!strcmp(text_of(other, "name"), text_of(command, "name")) &&
            json_integer_value(json_object_get(other, "type")) ==
                json_integer_value(json_object_get(command, "type")))
            return other;
    return NULL;
}

static void set_default(json_t *object, const char *key, json_t *value)
{
    if (!json_object_get(object, key))
        json_object_set_new(object, key, value);
    else
        json_decref(value);
}

/* Discord drops what is a default from options, and adds fields of its own. */
static void complete(struct discord *discord, json_t *command, const json_t *before, uint64_t guild)
{
    const char *old = before ? text_of(before, "id") : NULL;
    char id[24], app[24];
    json_t *option;
    size_t i;

    snprintf(id, sizeof(id), "%llu", (unsigned long long)discord_world_new_id(&discord->world));
    snprintf(app, sizeof(app), "%llu", (unsigned long long)DISCORD_BOT_ID);
    json_object_set_new(command, "version", json_string(id));
    json_object_set_new(command, "id", json_string(old ? old : id));
    json_object_set_new(command, "application_id", json_string(app));
    set_default(command, "description", json_string(""));
    set_default(command, "default_member_permissions", json_null());
    set_default(command, "nsfw", json_false());
    if (!guild) {
        set_default(command, "integration_types", json_pack("[i]", 0));
        set_default(command, "contexts", json_null());
    } else {
        json_object_del(command, "integration_types");
        json_object_del(command, "contexts");
    }
    if (!json_array_size(json_object_get(command, "options")))
        json_object_del(command, "options");
    json_array_foreach (json_object_get(command, "options"), i, option) {
        if (!json_is_true(json_object_get(option, "required")))
            json_object_del(option, "required");
        if (!json_is_true(json_object_get(option, "autocomplete")))
            json_object_del(option, "autocomplete");
    }
}

static void put(struct discord_call *call, struct discord_command_list *list)
{
    struct discord *discord = call->discord;
    json_t *next = json_loadb(call->json.ptr, call->json.len, 0, NULL), *command;
    const char *defect;
    char field[24];
    size_t i, fresh = 0;

    if (!json_is_array(next)) {
        json_decref(next);
        discord_answer_error(call, 400, 50035, "Invalid Form Body");
        return;
    }
    defect = discord_commands_defect(next, field, sizeof(field));
    if (defect) {
        json_decref(next);
        discord->counters.commands_refused++;
        discord_answer_field(call, field, "APPLICATION_COMMAND_INVALID", defect);
        return;
    }
    json_array_foreach (next, i, command) {
        set_default(command, "type", json_integer(TYPE_SLASH));
        fresh += !named(list->commands, command);
    }
    if (discord->rest.commands_created + fresh > CREATES_DAY) {
        json_decref(next);
        discord_answer_error(
            call, 400, 30034,
            "Max number of daily application command creates has been reached (200)");
        return;
    }
    discord->rest.commands_created += fresh;
    discord->counters.commands_put++;
    json_array_foreach (next, i, command)
        complete(discord, command, named(list->commands, command), list->guild);
    json_decref(list->commands);
    list->commands = next;
    discord_answer_json(call, 200, json_incref(next));
}

void discord_commands_take(struct discord_call *call)
{
    struct discord *discord = call->discord;
    bool guild = discord_slice_is(call->segments[2], "guilds");
    uint64_t id = guild ? discord_digits(call->segments[3]) : 0;
    struct discord_command_list *list;

    if (discord_digits(call->segments[1]) != DISCORD_BOT_ID) {
        discord_answer_error(call, 404, 10002, "Unknown Application");
        return;
    }
    for (size_t g = 0; guild && g <= discord->world.guild_count; g++) {
        if (g == discord->world.guild_count) {
            discord_answer_error(call, 403, 50001, "Missing Access");
            return;
        }
        if (discord->world.guilds[g]->id == id)
            break;
    }
    list = list_of(discord, id);
    if (!list)
        discord_answer_error(call, 400, 50035, "Invalid Form Body");
    else if (discord_slice_is(call->http->method, "GET"))
        discord_answer_json(call, 200, json_incref(list->commands));
    else
        put(call, list);
}

void discord_commands_clear(struct discord *discord)
{
    for (size_t i = 0; i < DISCORD_COMMAND_LISTS; i++) {
        json_decref(discord->rest.commands[i].commands);
        discord->rest.commands[i].commands = NULL;
    }
    discord->rest.commands_created = 0;
}
