/* SPDX-License-Identifier: Apache-2.0
 *
 * Messages that their authors change or take back after they came in. Taken back: the turn ends without
 * a word, and what was shown of its answer goes. Changed: a turn that has not begun takes the new text;
 * one that runs goes on with the text that it began with, because what it did follows from that; one
 * that has ended keeps its answer, and only another run asked for by button takes the new text.
 */
#include "turn/engine_private.h"

#include "base/log.h"
#include "base/mem.h"
#include "turn/sql/turn.h"

#include <string.h>

#define COMING_MS 30000 /* what is not stored by then is not found either */

struct revision {
    struct engine *engine;
    struct event *event; /* as it is now; NULL: taken back */
    char *source, *source_id;
};

static void revision_free(struct revision *revision)
{
    event_unref(revision->event);
    mem_free(revision->source);
    mem_free(revision->source_id);
    mem_free(revision);
}

static bool is_of(const struct revision *revision, const struct event *event)
{
    return !strcmp(event->source_id, revision->source_id) &&
           !strcmp(event->source, revision->source) && !(event->flags & EVENT_OBSERVED);
}

/* Whether it is on its way from the gateway to the store. */
static bool is_coming(const struct revision *revision)
{
    list_for_each (link, &revision->engine->incoming)
        if (is_of(revision, container_of(link, struct engine_incoming, link)->event))
            return true;
    return false;
}

static struct turn *turn_of(const struct revision *revision)
{
    list_for_each (link, &revision->engine->turns) {
        struct turn *turn = container_of(link, struct turn, link);

        if (turn->phase != TURN_ENDED && turn->id && !turn->state && is_of(revision, turn->event))
            return turn;
    }
    return NULL;
}

static void submit(struct engine *engine, struct store_batch *batch)
{
    struct error err;

    if (store_submit(engine->store, batch, NULL, NULL, &err) < 0)
        log_warn("turn", "a changed message is not stored: %s", err.text);
}

/* Stored before the turn can begin: its batches stand behind this one. */
static void change(struct turn *turn, struct event *event)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_mem_ char *payload = event_print(event);

    event_unref(turn->event);
    turn->event = event_ref(event);
    turn_take_stages(turn, turn->engine->set);
    turn_trace_add(&turn->trace, "intake", "edited", "%zu bytes now", event->content_len);
    store_batch_add(batch, STORE_SQL(SQL_TURN_REVISE, store_int(turn->id), store_text(payload)));
    turn_add_stages(turn, batch);
    submit(turn->engine, batch);
}

/* For another run of what has ended. [waits] */
static void change_ended(struct revision *revision)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_mem_ char *payload = event_print(revision->event);
    _cleanup_rows_ struct store_rows *rows = NULL;
    struct engine *engine = revision->engine;
    struct error err;

    if (store_query(engine->store,
                    STORE_SQL(SQL_TURN_REVISE_WHICH, store_text(revision->source),
                              store_text(revision->source_id)),
                    turn_engine_soon(engine), &rows, &err) < 0) {
        log_warn("turn", "a changed message is not stored: %s", err.text);
        return;
    }
    if (!rows->count || !strcmp(store_cell_text(rows, 0, 1, ""), payload))
        return;
    store_batch_add(batch,
                    STORE_SQL(SQL_TURN_REVISE_ENDED, store_int(store_cell_int(rows, 0, 0, 0)),
                              store_text(payload)));
    submit(engine, batch);
}

static troupe_status revise_main(void *arg)
{
    struct revision *revision = arg;
    uint64_t end = co_after(COMING_MS);
    struct turn *turn;

    while (is_coming(revision) && loop_now(revision->engine->loop) < end &&
           co_sleep(1) == TROUPE_OK)
        continue;
    turn = turn_of(revision);
    if (!turn &&
        turn_spool_change(revision->engine, revision->source, revision->source_id, revision->event))
        ; /* it waits for the store, and so does this */
    else if (!revision->event && turn)
        turn_withdraw(turn);
    else if (revision->event && turn && turn->phase == TURN_WAITING && !turn->resumed)
        change(turn, revision->event);
    else if (revision->event && !turn)
        change_ended(revision);
    revision_free(revision);
    return TROUPE_OK;
}

static void begin(struct engine *engine, struct event *event, const char *source,
                  const char *source_id)
{
    static const struct co_owner owner = {"core:revise", 0};
    struct revision *revision = mem_zero(1, sizeof(*revision));

    revision->engine = engine;
    revision->event = event;
    revision->source = mem_strdup(source);
    revision->source_id = mem_strdup(source_id);
    if (engine->closing || co_spawn(&engine->scope, &owner, revise_main, revision) < 0)
        revision_free(revision);
}

void turn_engine_revise(struct engine *engine, struct event *event)
{
    begin(engine, event, event->source, event->source_id);
}

void turn_engine_retract(struct engine *engine, const char *source, const char *source_id)
{
    begin(engine, NULL, source, source_id);
}
