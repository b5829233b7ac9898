/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/patience.h"

#include "base/mem.h"
#include "turn/engine_private.h"

#include <inttypes.h>
#include <stdio.h>

#define NOBODYS (EVENT_OBSERVED | EVENT_UNASKED | EVENT_BOT)

struct telling {
    struct event *event;
    char text[TURN_PATIENCE_MAX];
};

void turn_patience_print(uint64_t ms, char ret[TURN_PATIENCE_MAX])
{
    static const struct {
        uint64_t ms;
        const char *name;
    } units[] = {{3600000, "hour"}, {60000, "minute"}, {1000, "second"}};
    size_t unit = 0;
    uint64_t count;

    while (unit < 2 && ms < 2 * units[unit].ms)
        unit++;
    count = ms / units[unit].ms + (ms % units[unit].ms != 0);
    snprintf(ret, TURN_PATIENCE_MAX, "This takes longer: I answer here in about %" PRIu64 " %s%s",
             count, units[unit].name, count == 1 ? "" : "s");
}

static troupe_status tell(void *arg)
{
    struct telling *telling = arg;
    struct gateway *gateway = telling->event->gateway;

    if (gateway && gateway->ops->patience)
        (void)gateway->ops->patience(gateway, telling->event, telling->text);
    else if (gateway)
        (void)gateway->ops->notice(gateway, telling->event, telling->text, true);
    event_unref(telling->event);
    mem_free(telling);
    return TROUPE_OK;
}

void turn_patience(struct turn_frame *frame, uint64_t ms)
{
    static const struct co_owner owner = {"core:patience", 0};
    struct turn *turn = frame->turn;
    struct engine *engine = turn->engine;
    struct telling *telling;

    if (ms < TURN_PATIENCE_MS || !frame->caller || frame->unrecorded || turn->record.off ||
        turn->active > 1 || turn->answer.text.len || turn->patient || engine->closing ||
        !turn->event->member || !turn->event->gateway || turn->event->flags & NOBODYS)
        return;
    telling = mem_zero(1, sizeof(*telling));
    telling->event = event_ref(turn->event);
    turn_patience_print(ms, telling->text);
    turn->patient = co_spawn(&engine->scope, &owner, tell, telling) == TROUPE_OK;
    if (turn->patient)
        return;
    event_unref(telling->event);
    mem_free(telling);
}
