/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/slash.h"

#include "base/arena.h"
#include "base/mem.h"
#include "turn/core_commands.h"
#include "turn/settings.h"

#include <string.h>

#define KEYS_MAX 500 /* settable keys that are offered */

static enum gateway_param_type type_of(uint32_t type)
{
    switch (type) {
    case TROUPE_TYPE_INT: return GATEWAY_PARAM_INT;
    case TROUPE_TYPE_FLOAT: return GATEWAY_PARAM_FLOAT;
    case TROUPE_TYPE_BOOL: return GATEWAY_PARAM_BOOL;
    case TROUPE_TYPE_MEMBER: return GATEWAY_PARAM_MEMBER;
    case TROUPE_TYPE_CHANNEL: return GATEWAY_PARAM_CHANNEL;
    case TROUPE_TYPE_ROLE: return GATEWAY_PARAM_ROLE;
    case TROUPE_TYPE_ATTACHMENT: return GATEWAY_PARAM_FILE;
    case TROUPE_TYPE_JSON: return GATEWAY_PARAM_JSON;
    default: return GATEWAY_PARAM_STRING;
    }
}

static void describe_param(struct arena *arena, const struct plugin_param *from,
                           struct gateway_param *ret)
{
    const char **choices = arena_alloc(arena, (from->choice_count + 1) * sizeof(*choices));

    *ret = (struct gateway_param){
        .name = from->name,
        .doc = from->doc,
        .type = type_of(from->type),
        .required = !from->optional && !from->has_default,
        .bounded = from->bounded,
        .min = from->min,
        .max = from->max,
        .min_f = from->min_f,
        .max_f = from->max_f,
        .choices = choices,
        .choice_count = from->type == TROUPE_TYPE_ATTACHMENT ? 0 : from->choice_count,
    };
    for (size_t i = 0; i < from->choice_count; i++)
        choices[i] = arena_strndup(arena, from->choices[i].ptr, from->choices[i].len);
}

static void describe(struct arena *arena, const struct plugin_function *function,
                     struct gateway_command *ret)
{
    struct gateway_param *params =
        arena_alloc(arena, (function->param_count + 1) * sizeof(*params));

    for (size_t i = 0; i < function->param_count; i++)
        describe_param(arena, &function->params[i], &params[i]);
    *ret = (struct gateway_command){
        .name = function->name,
        .doc = function->doc,
        .audience = function->flags & TROUPE_OWNER       ? GATEWAY_OWNERS
                    : function->flags & TROUPE_ADMIN     ? GATEWAY_ADMINS
                    : function->flags & TROUPE_MODERATOR ? GATEWAY_MODERATORS
                                                         : GATEWAY_EVERYBODY,
        .private = (function->flags & TROUPE_PRIVATE) != 0,
        .params = params,
        .param_count = function->param_count,
    };
}

/* What the set's tables say can be set, as the choices of /config's key. */
struct keys {
    struct arena *arena;
    const char **names;
    size_t count, room;
};

static void add_key(void *arg, const struct config_setting *setting)
{
    struct keys *keys = arg;

    if (keys->count < keys->room)
        keys->names[keys->count++] =
            arena_printf(keys->arena, "%s.%s", setting->section, setting->key->name);
}

static void suggest_keys(const struct plugin_set *set, struct arena *arena,
                         struct gateway_command *command)
{
    struct keys keys = {.arena = arena, .room = KEYS_MAX};
    struct gateway_param *params = arena_alloc(arena, (command->param_count + 1) * sizeof(*params));
    size_t count;
    _cleanup_mem_ struct config_schema *schemas = turn_settings_schemas(set, &count);

    keys.names = arena_alloc(arena, KEYS_MAX * sizeof(*keys.names));
    config_settings_each(schemas, count, add_key, &keys);
    for (size_t i = 0; i < command->param_count; i++) {
        params[i] = command->params[i];
        if (strcmp(params[i].name, "key") != 0)
            continue;
        params[i].choices = keys.names;
        params[i].choice_count = keys.count;
        params[i].suggested = true;
    }
    command->params = params;
}

static const char *param_name(const struct plugin_function *function, enum plugin_menu_part part)
{
    const struct plugin_param *param = plugin_menu_param(function, part);

    return param ? param->name : NULL;
}

static void describe_menu(struct arena *arena, const struct plugin_target *target,
                          enum gateway_offer offer, struct gateway_command *ret)
{
    const struct plugin_function *function = target->function;

    describe(arena, function, ret);
    ret->name = function->menu;
    if (target->ambiguous) /* as its command's name tells the agent */
        ret->name = arena_printf(arena, "%s (%s)", function->menu, target->agent->name);
    ret->target = target->qualified;
    ret->offer = offer;
    ret->member_param = param_name(function, PLUGIN_MENU_MEMBER);
    if (offer != GATEWAY_MESSAGE_MENU)
        return;
    ret->text_param = param_name(function, PLUGIN_MENU_TEXT);
    ret->id_param = param_name(function, PLUGIN_MENU_ID);
}

struct gateway_commands *turn_slash_commands(const struct plugin_set *set)
{
    size_t own, count = 0;
    const struct turn_core_command *core = turn_core_commands(&own);
    _cleanup_mem_ struct gateway_command *list =
        mem_zero(own + 3 * set->target_count + 1, sizeof(*list));
    struct gateway_commands *commands;
    struct arena arena = {NULL, 0};

    for (size_t i = 0; i < own; i++) {
        describe(&arena, &core[i].function, &list[count]);
        if (!strcmp(list[count].name, "config"))
            suggest_keys(set, &arena, &list[count]);
        count++;
    }
    for (size_t i = 0; i < set->target_count; i++) {
        const struct plugin_target *target = &set->targets[i];

        if (target->function->flags & TROUPE_MENU_MEMBER)
            describe_menu(&arena, target, GATEWAY_MEMBER_MENU, &list[count++]);
        if (target->function->flags & TROUPE_MENU_MESSAGE)
            describe_menu(&arena, target, GATEWAY_MESSAGE_MENU, &list[count++]);
        if (!(target->function->flags & TROUPE_SLASH))
            continue;
        describe(&arena, target->function, &list[count]);
        list[count].target = target->qualified;
        if (target->ambiguous || turn_core_find(target->function->name))
            list[count].name =
                arena_printf(&arena, "%s-%s", target->agent->name, target->function->name);
        count++;
    }
    commands = gateway_commands_copy(list, count);
    arena_clear(&arena);
    return commands;
}
