/* SPDX-License-Identifier: Apache-2.0
 *
 * What troupe_config answers inside a turn: the agent's own section is the floor, and what was set
 * for the turn's bot, server, channel and roles lies above it. A value is looked up once in a turn
 * and stays the same until the turn's end.
 */
#include "host/host_table.h"

#include "base/mem.h"
#include "plugin/set.h"
#include "turn/engine_private.h"
#include "turn/settings.h"

#include <stdio.h>
#include <string.h>

/* A key's value as it is for one turn, of its arena. */
struct known {
    struct list_link link; /* in turn->known */
    const struct plugin_agent *agent;
    const struct plugin_key *key;
    bool set;
    troupe_value value;
};

static troupe_str join(struct arena *arena, const struct config_list *list)
{
    _cleanup_buf_ struct buf text = BUF_INIT;

    for (size_t i = 0; i < list->count; i++)
        buf_printf(&text, "%s%s", i ? "\n" : "", list->items[i]);
    return (troupe_str){arena_strndup(arena, buf_text(&text), text.len), text.len};
}

static void convert(struct turn *turn, const struct config_value *from, troupe_value *ret)
{
    switch (ret->type) {
    case TROUPE_TYPE_LIST: ret->u.s = join(&turn->arena, &from->list); break;
    case TROUPE_TYPE_STRING:
        ret->u.s = (troupe_str){arena_strdup(&turn->arena, from->text), strlen(from->text)};
        break;
    case TROUPE_TYPE_FLOAT: ret->u.f = from->real; break;
    default: ret->u.i = from->number; break;
    }
}

static void look_up(struct turn *turn, size_t index, struct known *known)
{
    const struct turn_setting *row = turn_settings_find(&turn->engine->settings, turn->event,
                                                        known->agent->name, known->key->name);
    const struct config_setting setting = {known->agent->name,
                                           &known->agent->manifest->schema[index]};
    struct arena arena = {NULL, 0};
    struct config_value value;

    if (row && config_setting_read(&setting, row->value, &arena, &value, NULL) == TROUPE_OK) {
        known->set = true;
        known->value.type = known->key->type;
        convert(turn, &value, &known->value);
    }
    arena_clear(&arena);
}

troupe_status host_setting(struct plugin_agent *agent, const char *key, troupe_value *ret)
{
    struct turn_frame *frame = co_local();
    struct turn *turn = frame && frame->agent == agent ? frame->turn : NULL;
    struct known *known;

    if (!turn)
        return TROUPE_NOT_FOUND;
    list_for_each (link, &turn->known) {
        known = container_of(link, struct known, link);
        if (known->agent == agent && !strcmp(known->key->name, key)) {
            *ret = known->value;
            return known->set ? TROUPE_OK : TROUPE_NOT_FOUND;
        }
    }
    for (size_t i = 0; i < agent->manifest->key_count; i++) {
        if (strcmp(agent->manifest->keys[i].name, key) != 0)
            continue;
        known = arena_alloc(&turn->arena, sizeof(*known));
        *known = (struct known){.agent = agent, .key = &agent->manifest->keys[i]};
        look_up(turn, i, known);
        list_append(&turn->known, &known->link);
        *ret = known->value;
        return known->set ? TROUPE_OK : TROUPE_NOT_FOUND;
    }
    return TROUPE_NOT_FOUND;
}
