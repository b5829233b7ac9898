/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/command_json.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define NAME_MAX_        32
#define WHOLE_MAX        (INT64_C(1) << 53) /* of an INTEGER option's bounds */
#define LENGTH_MAX       6000               /* of a STRING option's bounds   */
#define BYTES_A_CHAR     4
#define IN_GUILD         0 /* contexts */
#define IN_DM            1

#define MODERATE_MEMBERS "1099511627776" /* 1 << 40 */
#define MANAGE_GUILD     "32"            /* 1 << 5  */
#define NOBODY           "0"             /* administrators, and whom a server names */

/* ---- texts ----------------------------------------------------------------------------------- */

/* Code points; what is no lead byte goes with the one before. */
static size_t characters(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

/* At most DISCORD_COMMAND_TEXT characters, and at least one. mem_free. */
static char *description(const char *doc, const char *name)
{
    size_t count = 0, len = 0;

    if (!doc || !*doc)
        doc = name;
    if (characters(doc) <= DISCORD_COMMAND_TEXT)
        return mem_strdup(doc);
    for (; doc[len]; len++) {
        count += ((unsigned char)doc[len] & 0xc0) != 0x80;
        if (count == DISCORD_COMMAND_TEXT)
            break;
    }
    return mem_printf("%.*s…", (int)len, doc);
}

/* The part of Discord's names that is the same in every client: ^[-_a-z0-9]{1,32}$. */
static bool is_name(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_");

    return len >= 1 && len <= NAME_MAX_ && !name[len];
}

static bool fits_choice(const char *choice)
{
    size_t count = characters(choice);

    return count >= 1 && count <= DISCORD_COMMAND_TEXT;
}

/* ---- options --------------------------------------------------------------------------------- */

static int option_type(enum gateway_param_type type)
{
    switch (type) {
    case GATEWAY_PARAM_INT: return 4;
    case GATEWAY_PARAM_BOOL: return 5;
    case GATEWAY_PARAM_MEMBER: return 6;
    case GATEWAY_PARAM_CHANNEL: return 7;
    case GATEWAY_PARAM_ROLE: return 8;
    case GATEWAY_PARAM_FLOAT: return 10;
    case GATEWAY_PARAM_FILE: return DISCORD_OPTION_FILE;
    case GATEWAY_PARAM_STRING:
    case GATEWAY_PARAM_JSON: break;
    }
    return 3;
}

static int64_t clamp(int64_t value, int64_t min, int64_t max)
{
    return value < min ? min : value > max ? max : value;
}

/* Bounds help whoever types; the host checks again. Ours of texts are bytes, Discord's characters. */
static void add_bounds(const struct gateway_param *param, json_t *option)
{
    if (!param->bounded)
        return;
    switch (param->type) {
    case GATEWAY_PARAM_INT:
        if (param->min > -WHOLE_MAX)
            json_object_set_new(option, "min_value",
                                json_integer(clamp(param->min, -WHOLE_MAX, WHOLE_MAX)));
        if (param->max < WHOLE_MAX)
            json_object_set_new(option, "max_value",
                                json_integer(clamp(param->max, -WHOLE_MAX, WHOLE_MAX)));
        break;
    case GATEWAY_PARAM_FLOAT: /* Discord says of 3.0 that it is 3, and jansson tells them apart */
        if (param->min_f > -(double)WHOLE_MAX)
            json_object_set_new(option, "min_value", json_real(param->min_f));
        if (param->max_f < (double)WHOLE_MAX)
            json_object_set_new(option, "max_value", json_real(param->max_f));
        break;
    case GATEWAY_PARAM_STRING:
    case GATEWAY_PARAM_JSON:
        if (param->min > 0)
            json_object_set_new(
                option, "min_length",
                json_integer(clamp((param->min + BYTES_A_CHAR - 1) / BYTES_A_CHAR, 1, LENGTH_MAX)));
        if (param->max > 0 && param->max < LENGTH_MAX)
            json_object_set_new(option, "max_length", json_integer(param->max));
        break;
    default: break;
    }
}

/* Choices are shown where all of them can be; else they are offered while somebody types. */
static bool shows_choices(const struct gateway_param *param)
{
    if (!param->choice_count || param->choice_count > DISCORD_COMMAND_CHOICES)
        return false;
    for (size_t i = 0; i < param->choice_count; i++)
        if (!fits_choice(param->choices[i]))
            return false;
    return true;
}

static json_t *option_json(const struct gateway_param *param, bool show)
{
    _cleanup_mem_ char *doc = description(param->doc, param->name);
    json_t *option = json_pack("{s:i, s:s, s:s, s:b}", "type", option_type(param->type), "name",
                               param->name, "description", doc, "required", param->required);

    if (show && !param->suggested && shows_choices(param)) {
        json_t *choices = json_array();

        for (size_t i = 0; i < param->choice_count; i++)
            json_array_append_new(choices, json_pack("{s:s, s:s}", "name", param->choices[i],
                                                     "value", param->choices[i]));
        json_object_set_new(option, "choices", choices);
    } else if (param->choice_count) {
        json_object_set_new(option, "autocomplete", json_true());
    } else {
        add_bounds(param, option);
    }
    return option;
}

/* ---- commands -------------------------------------------------------------------------------- */

int discord_command_type(enum gateway_offer offer)
{
    static const int types[] = {
        [GATEWAY_TYPED] = 1,        /* CHAT_INPUT */
        [GATEWAY_MEMBER_MENU] = 2,  /* USER       */
        [GATEWAY_MESSAGE_MENU] = 3, /* MESSAGE    */
    };

    return types[offer];
}

enum gateway_offer discord_command_offer(int type)
{
    return type == 2 ? GATEWAY_MEMBER_MENU : type == 3 ? GATEWAY_MESSAGE_MENU : GATEWAY_TYPED;
}

static json_t *command_json(const struct gateway_command *command, bool show)
{
    _cleanup_mem_ char *doc = description(command->doc, command->name);
    json_t *options = json_array(), *json;
    const char *who = command->audience == GATEWAY_MODERATORS ? MODERATE_MEMBERS
                      : command->audience == GATEWAY_ADMINS   ? MANAGE_GUILD
                      : command->audience == GATEWAY_OWNERS   ? NOBODY
                                                              : NULL;
    /* Moderators and admins are those of a server; in direct messages everybody would see it. */
    bool direct = command->audience == GATEWAY_EVERYBODY || command->audience == GATEWAY_OWNERS;

    for (int required = 1; required >= 0; required--) /* Discord wants those first */
        for (size_t i = 0; i < command->param_count; i++)
            if (command->params[i].required == (required != 0))
                json_array_append_new(options, option_json(&command->params[i], show));
    json = json_pack("{s:s, s:i, s:s, s:o, s:s?, s:[i]}", "name", command->name, "type",
                     discord_command_type(command->offer), "description", doc, "options", options,
                     "default_member_permissions", who, "integration_types", 0);
    if (command->offer != GATEWAY_TYPED) { /* nothing is said about a menu's entry, or typed */
        json_object_del(json, "description");
        json_object_del(json, "options");
    }
    json_object_set_new(json, "contexts",
                        direct ? json_pack("[i, i]", IN_GUILD, IN_DM) : json_pack("[i]", IN_GUILD));
    return json;
}

/* All names, descriptions and values. */
static size_t weight(const json_t *json)
{
    const json_t *item;
    size_t sum = 0, i;

    sum += characters(json_get_str(json, "name", ""));
    sum += characters(json_get_str(json, "description", ""));
    sum += characters(json_get_str(json, "value", ""));
    json_array_foreach (json_object_get(json, "options"), i, item)
        sum += weight(item);
    json_array_foreach (json_object_get(json, "choices"), i, item)
        sum += weight(item);
    return sum;
}

/* NULL with the reason. */
static json_t *fit(const struct gateway_command *command, const char **ret_why)
{
    json_t *json;

    *ret_why = "its name has more than 32 characters";
    if (command->offer != GATEWAY_TYPED)
        return characters(command->name) <= NAME_MAX_ ? command_json(command, true) : NULL;
    *ret_why = "its name is not made of at most 32 of a-z, 0-9, - and _";
    if (!is_name(command->name))
        return NULL;
    for (size_t i = 0; i < command->param_count; i++) {
        *ret_why = "a parameter's name is not made of at most 32 of a-z, 0-9, - and _";
        if (!is_name(command->params[i].name))
            return NULL;
    }
    *ret_why = "it has more than 25 parameters";
    if (command->param_count > DISCORD_COMMAND_OPTIONS)
        return NULL;
    json = command_json(command, true);
    if (weight(json) > DISCORD_COMMAND_CHARACTERS) { /* its choices are offered at typing instead */
        json_decref(json);
        json = command_json(command, false);
    }
    if (weight(json) <= DISCORD_COMMAND_CHARACTERS)
        return json;
    *ret_why = "its names and descriptions have more than 8,000 characters";
    json_decref(json);
    return NULL;
}

static bool has_name(const json_t *list, int type, const char *name)
{
    const json_t *command;
    size_t i;

    json_array_foreach (list, i, command)
        if (json_get_int(command, "type", 0) == type &&
            !strcmp(json_get_str(command, "name", ""), name))
            return true;
    return false;
}

static size_t count_type(const json_t *list, int type)
{
    const json_t *command;
    size_t count = 0, i;

    json_array_foreach (list, i, command)
        count += json_get_int(command, "type", 0) == type;
    return count;
}

json_t *discord_commands_json(const struct gateway_commands *commands, struct buf *left_out)
{
    json_t *list = json_array();

    for (size_t i = 0; commands && i < commands->count; i++) {
        const struct gateway_command *command = &commands->list[i];
        int type = discord_command_type(command->offer);
        bool typed = command->offer == GATEWAY_TYPED;
        const char *why = NULL;
        json_t *json = NULL;

        if (!typed && count_type(list, type) == DISCORD_MENUS_MAX)
            why = "5 entries of that menu are registered already, which is all that there may be";
        else if (typed && count_type(list, type) == DISCORD_COMMANDS_MAX)
            why = "100 commands are registered already, which is all that Discord takes";
        else if (has_name(list, type, command->name))
            why = "another command has its name";
        else
            json = fit(command, &why);
        if (json)
            json_array_append_new(list, json);
        else if (left_out)
            buf_printf(left_out, "%s%s: %s\n", typed ? "/" : "menu ", command->name, why);
    }
    return list;
}
