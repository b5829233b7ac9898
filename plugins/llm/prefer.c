/* SPDX-License-Identifier: Apache-2.0 */
#include "prefer.h"

#include <stdio.h>
#include <string.h>
#include <troupe/kv.h>

#define KEY      "model"
#define LIST_MAX 1000

static const struct llm_way *way_of(const struct llm_router *router, enum llm_route route)
{
    return &router->ways[router->ways[route].count > 0 ? route : LLM_CHAT];
}

/* Its bit among the candidates of a route; 0 where it is none of them. */
static uint32_t find(const struct llm_router *router, enum llm_route route, troupe_str name)
{
    const struct llm_way *way = way_of(router, route);

    for (uint32_t i = 0; i < way->count; i++) {
        const char *model = router->candidates[way->to[i].candidate].settings.model;

        if (name.len == strlen(model) && memcmp(name.ptr, model, (size_t)name.len) == 0)
            return 1u << way->to[i].candidate;
    }
    return 0;
}

uint32_t llm_prefer_load(troupe_turn *turn, const struct llm_router *router, enum llm_route route)
{
    const troupe_message *message = troupe_turn_message(turn);
    troupe_str name = {NULL, 0};

    if (way_of(router, route)->count < 2 || !message || !message->author ||
        troupe_kv_get(turn, TROUPE_SCOPE_MEMBER, KEY, &name) < 0)
        return 0;
    return find(router, route, name);
}

/* The models for talks with commas between; what does not fit is left out. */
static void list(const struct llm_router *router, char ret[LIST_MAX])
{
    const struct llm_way *way = way_of(router, LLM_CHAT);
    size_t len = 0;

    ret[0] = 0;
    for (uint32_t i = 0; i < way->count && len < LIST_MAX; i++)
        len += (size_t)snprintf(ret + len, LIST_MAX - len, "%s%s", i ? ", " : "",
                                router->candidates[way->to[i].candidate].settings.model);
}

static troupe_status no_notes(troupe_turn *turn, troupe_status status)
{
    if (troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    return troupe_fail(turn, status, "llm.storage",
                       "I can't get at my notes at the moment. Please try again in a minute.");
}

static troupe_status show(troupe_turn *turn, const struct llm_router *router, const char *models)
{
    troupe_str name = {NULL, 0};
    troupe_status status = troupe_kv_get(turn, TROUPE_SCOPE_MEMBER, KEY, &name);

    if (status < 0 && status != TROUPE_NOT_FOUND)
        return no_notes(turn, status);
    if (status < 0 || !find(router, LLM_CHAT, name))
        return troupe_reply(turn, "The best one for each question answers you. There are: %s.",
                            models);
    return troupe_reply(turn, "%.*s answers you where it can. There are: %s.", (int)name.len,
                        name.ptr, models);
}

troupe_status llm_prefer_change(troupe_turn *turn, const struct llm_router *router, troupe_str name)
{
    char models[LIST_MAX];
    troupe_status status;

    if (!troupe_turn_message(turn))
        return troupe_fail(turn, TROUPE_UNSUPPORTED, "llm.no_member",
                           "A preferred model belongs to a member; call this from a chat.");
    list(router, models);
    if (name.len == 0)
        return show(turn, router, models);
    if (name.len == 1 && name.ptr[0] == '-') {
        status = troupe_kv_remove(turn, TROUPE_SCOPE_MEMBER, KEY);
        return status < 0 && status != TROUPE_NOT_FOUND
                   ? no_notes(turn, status)
                   : troupe_reply(turn, "Done: the best one for each question answers you.");
    }
    if (!find(router, LLM_CHAT, name))
        return troupe_fail(turn, TROUPE_ARGUMENT, "llm.no_such_model",
                           "I have no such model. Please take one of these: %s.", models);
    status = troupe_kv_put(turn, TROUPE_SCOPE_MEMBER, KEY, name, 0);
    return status < 0 ? no_notes(turn, status)
                      : troupe_reply(turn, "Done: %.*s answers you where it can.", (int)name.len,
                                     name.ptr);
}
