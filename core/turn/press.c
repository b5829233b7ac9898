/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/press.h"

#include "base/clock.h"
#include "base/log.h"
#include "turn/engine_private.h"
#include "turn/sql/rating.h"

#include <string.h>

const char *turn_press_stop(struct engine *engine, const struct event *press, int64_t turn_id)
{
    struct turn *turn = turn_engine_turn(engine, turn_id);

    if (!turn || turn->state)
        return "that has ended already";
    if (!(press->flags & EVENT_OWNER) &&
        (!press->member || !turn->event->member || strcmp(press->member, turn->event->member)))
        return "only who asked can stop that";
    turn_stop(turn);
    return NULL;
}

const char *turn_press_rate(struct engine *engine, const struct event *press, int64_t turn_id,
                            int value)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct error err;
    size_t row;

    if (!press->member || (value != 1 && value != -1))
        return "this button does nothing any more";
    row = store_batch_add(batch, STORE_SQL(SQL_RATING_INSERT, store_int(turn_id),
                                           store_text(press->member), store_int(value),
                                           store_int(clock_wall_ms())));
    if (store_commit(engine->store, batch, turn_engine_soon(engine), &err) < 0) {
        log_warn("turn", "a rating of turn %lld is not stored: %s", (long long)turn_id, err.text);
        return ENGINE_NO_STORAGE;
    }
    if (!store_batch_changes(batch, row))
        return "that is too long ago to be rated";
    return value > 0 ? "Noted: that was good. Thank you" : "Noted: that was no good. Thank you";
}
