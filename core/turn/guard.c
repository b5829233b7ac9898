/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/guard.h"

#include "base/mem.h"
#include "turn/engine_private.h"

#include <inttypes.h>
#include <stdio.h>

static void set(struct engine *engine, const char *channel, int64_t turns)
{
    int64_t *known = map_get(&engine->bot_turns, channel);

    if (!known) {
        if (engine->bot_turns.count >= TURN_GUARD_CHANNELS)
            map_clear_with(&engine->bot_turns, mem_free);
        known = mem_zero(1, sizeof(*known));
        map_set(&engine->bot_turns, channel, known);
    }
    *known = turns;
}

bool turn_guard_passes(struct engine *engine, const struct event *event)
{
    const int64_t *turns;
    int64_t most = config_int(config_section(engine->set->config, "limits", NULL), "bot_turns");

    if (!event->channel || event->flags & EVENT_UNASKED) /* what is due is nobody's word */
        return true;
    if (!(event->flags & EVENT_BOT)) {
        mem_free(map_remove(&engine->bot_turns, event->channel));
        return true;
    }
    turns = map_get(&engine->bot_turns, event->channel);
    if (turns && *turns >= most)
        return false;
    set(engine, event->channel, turns ? *turns + 1 : 1);
    return most > 0;
}

void turn_guard_person(struct engine *engine, uint64_t channel)
{
    const int64_t *turns;
    char text[24];

    if (!engine->bot_turns.count)
        return;
    snprintf(text, sizeof(text), "%" PRIu64, channel);
    turns = map_get(&engine->bot_turns, text);
    if (turns && *turns != INT64_MAX) /* a stop stands until somebody talks to us */
        mem_free(map_remove(&engine->bot_turns, text));
}

void turn_guard_stop(struct engine *engine, const struct event *event)
{
    if (event->channel && !(event->flags & EVENT_BOT))
        set(engine, event->channel, INT64_MAX);
}
