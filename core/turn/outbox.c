/* SPDX-License-Identifier: Apache-2.0
 *
 * Which rows of the outbox are being shown or were. A row stands as ready until it is marked, which
 * happens beside its turn; until then nobody else may show it.
 */
#include "turn/engine_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/sql/turn.h"

struct mark {
    struct list_link link; /* in engine->marks */
    struct engine *engine;
    int64_t outbox;
    bool done; /* stored */
};

static struct mark *find(struct engine *engine, int64_t outbox)
{
    list_for_each (link, &engine->marks) {
        struct mark *mark = container_of(link, struct mark, link);

        if (mark->outbox == outbox)
            return mark;
    }
    return NULL;
}

static struct mark *add(struct engine *engine, int64_t outbox)
{
    struct mark *mark = mem_zero(1, sizeof(*mark));

    mark->engine = engine;
    mark->outbox = outbox;
    list_append(&engine->marks, &mark->link);
    return mark;
}

static void forget(struct mark *mark)
{
    list_remove(&mark->link);
    mem_free(mark);
}

bool turn_engine_claim(struct engine *engine, int64_t outbox, int64_t turn_id)
{
    if (find(engine, outbox))
        return false;
    list_for_each (link, &engine->turns)
        if (container_of(link, struct turn, link)->id == turn_id)
            return false; /* it shows its answer itself */
    add(engine, outbox);
    return true;
}

void turn_engine_unclaim(struct engine *engine, int64_t outbox)
{
    struct mark *mark = find(engine, outbox);

    if (mark)
        forget(mark);
}

void turn_engine_forget_marks(struct engine *engine)
{
    if (engine->recovering)
        return;
    list_for_each_safe (link, &engine->marks) {
        struct mark *mark = container_of(link, struct mark, link);

        if (mark->done)
            forget(mark);
    }
}

static troupe_status mark_main(void *arg)
{
    struct mark *mark = arg;
    struct engine *engine = mark->engine;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct error err;

    store_batch_add(batch,
                    STORE_SQL(SQL_TURN_SENT, store_int(mark->outbox), store_int(clock_wall_ms())));
    mark->done = store_commit(engine->store, batch, turn_engine_soon(engine), &err) >= 0;
    if (!mark->done) /* it stays, so that this process at least does not show it twice */
        log_warn("turn", "answer %lld was shown and could not be marked so: %s",
                 (long long)mark->outbox, err.text);
    turn_engine_forget_marks(engine);
    return TROUPE_OK;
}

void turn_engine_mark_sent(struct engine *engine, int64_t outbox)
{
    static const struct co_owner owner = {"core:outbox", 0};
    struct mark *mark = find(engine, outbox);

    if (!mark)
        mark = add(engine, outbox);
    if (co_spawn(&engine->scope, &owner, mark_main, mark) == TROUPE_OK)
        return;
    log_warn("turn", "answer %lld was shown and could not be marked so: no coroutine is free",
             (long long)outbox);
}

void turn_engine_clear_marks(struct engine *engine)
{
    list_for_each_safe (link, &engine->marks)
        forget(container_of(link, struct mark, link));
}
