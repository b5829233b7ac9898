/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/command.h"

#include "base/arena.h"
#include "base/mem.h"

#include <string.h>

struct owned {
    struct gateway_commands commands; /* first: this is what callers have */
    struct arena arena;
};

static const char *copy_text(struct arena *arena, const char *text)
{
    return text ? arena_strdup(arena, text) : NULL;
}

static void copy_param(struct arena *arena, const struct gateway_param *from,
                       struct gateway_param *ret)
{
    const char **choices = arena_alloc(arena, (from->choice_count + 1) * sizeof(*choices));

    *ret = *from;
    ret->name = copy_text(arena, from->name);
    ret->doc = copy_text(arena, from->doc);
    for (size_t i = 0; i < from->choice_count; i++)
        choices[i] = copy_text(arena, from->choices[i]);
    ret->choices = choices;
}

static void copy_command(struct arena *arena, const struct gateway_command *from,
                         struct gateway_command *ret)
{
    struct gateway_param *params = arena_alloc(arena, (from->param_count + 1) * sizeof(*params));

    *ret = *from;
    ret->name = copy_text(arena, from->name);
    ret->target = copy_text(arena, from->target ? from->target : from->name);
    ret->doc = copy_text(arena, from->doc);
    for (size_t i = 0; i < from->param_count; i++)
        copy_param(arena, &from->params[i], &params[i]);
    ret->params = params;
    ret->member_param = copy_text(arena, from->member_param);
    ret->text_param = copy_text(arena, from->text_param);
    ret->id_param = copy_text(arena, from->id_param);
}

struct gateway_commands *gateway_commands_copy(const struct gateway_command *commands, size_t count)
{
    struct owned *owned = mem_zero(1, sizeof(*owned));

    owned->commands.count = count;
    owned->commands.list = arena_alloc(&owned->arena, (count + 1) * sizeof(*commands));
    for (size_t i = 0; i < count; i++)
        copy_command(&owned->arena, &commands[i], &owned->commands.list[i]);
    return &owned->commands;
}

void gateway_commands_free(struct gateway_commands *commands)
{
    struct owned *owned = (struct owned *)commands;

    if (!owned)
        return;
    arena_clear(&owned->arena);
    mem_free(owned);
}

const struct gateway_command *gateway_commands_find(const struct gateway_commands *commands,
                                                    enum gateway_offer offer, const char *name)
{
    for (size_t i = 0; commands && i < commands->count; i++)
        if (commands->list[i].offer == offer && !strcmp(commands->list[i].name, name))
            return &commands->list[i];
    return NULL;
}
