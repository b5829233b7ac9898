/* SPDX-License-Identifier: Apache-2.0
 *
 * Ends that the store did not take, after the member was told so. They are tried again each second, so
 * that the next start does not answer, days later, what nobody waits for any more. In memory only: a
 * crash before that leaves the event open, and it is answered after all.
 */
#include "turn/engine_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/sql/turn.h"
#include "turn/sql/wait.h"

#define LATE_MAX 1000 /* more are left to the next start */
#define PAUSE_MS 1000
#define LOOK_MS  50 /* between two looks whether the engine closes */

struct late {
    struct list_link link;
    struct store_batch *batch;
};

static void late_free(struct late *late)
{
    list_remove(&late->link);
    store_batch_free(late->batch);
    mem_free(late);
}

static void wait_a_while(const struct engine *engine)
{
    for (int i = 0; i < PAUSE_MS / LOOK_MS && !engine->closing; i++)
        if (co_sleep(LOOK_MS) < 0)
            return;
}

static troupe_status late_main(void *arg)
{
    struct engine *engine = arg;
    bool last = false;

    while (!list_empty(&engine->late) && !last) {
        struct late *late = container_of(engine->late.next, struct late, link);
        troupe_status status = TROUPE_BUSY;
        struct error err;

        last = engine->closing; /* once more, and no pause */
        if (store_batch_again(late->batch))
            status = store_commit(engine->store, late->batch, turn_engine_soon(engine), &err);
        if (status < 0 && store_status_passes(status)) {
            if (!last)
                wait_a_while(engine);
            continue;
        }
        if (status < 0)
            log_error("turn", "the end of a turn is not stored: %s", err.text);
        late_free(late);
        engine->late_count--;
    }
    while (!list_empty(&engine->late))
        late_free(container_of(engine->late.next, struct late, link));
    engine->late_count = 0;
    return TROUPE_OK;
}

void turn_end_late(struct turn *turn, const char *told)
{
    static const struct co_owner owner = {"core:late", 0};
    struct engine *engine = turn->engine;
    _cleanup_mem_ char *trace = NULL;
    struct late *late;

    if (!turn->id || turn->unstored || turn->held || engine->closing ||
        engine->late_count >= LATE_MAX)
        return;
    turn_trace_add(&turn->trace, "end", "storage_unavailable", "stored later");
    trace = turn_trace_print(&turn->trace);
    late = mem_zero(1, sizeof(*late));
    late->batch = store_batch_new();
    store_batch_add(late->batch,
                    STORE_SQL(SQL_TURN_FINISH, store_int(turn->id),
                              store_text(told ? "failed" : turn->state),
                              store_text(told ? "storage_unavailable" : turn->reason),
                              store_text(told ? told : turn->sentence), store_text(trace),
                              store_int(turn->cost_micros), store_int((int64_t)turn->generation),
                              store_int(clock_wall_ms())));
    store_batch_add(late->batch, STORE_SQL(SQL_TURN_UNKEPT, store_int(turn->id)));
    if (!list_empty(&turn->waits))
        store_batch_add(late->batch, STORE_SQL(SQL_WAIT_CANCEL, store_int(turn->id)));
    list_append(&engine->late, &late->link);
    engine->late_count++;
    if (engine->late_count > 1 || co_spawn(&engine->scope, &owner, late_main, engine) == TROUPE_OK)
        return;
    late_free(late);
    engine->late_count--;
}
