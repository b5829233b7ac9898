/* SPDX-License-Identifier: Apache-2.0
 *
 * A question asked once more by a button. "Retry" and "Continue" below an answer that was cut are worth
 * one answer, whatever a client still shows and whoever crashes in between: the new event and the end of
 * the buttons are one commit. "Regenerate" below a whole answer may be pressed as often as [limits]
 * allow.
 */
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/engine_private.h"
#include "turn/press.h"
#include "turn/sql/turn.h"
#include "turn/sql/wait.h"

#include <string.h>

#define OFFERED  "\"label\":\"Retry\"" /* of what turn_answer offers below a cut answer */
#define TOO_LATE "that was asked again already; please write a new message"

enum offer { OFFER_NONE, OFFER_OPEN, OFFER_SPENT };

/* What the store knows of the pressed message's buttons. [waits] */
static troupe_status find_offer(struct engine *engine, const struct event *press, int64_t turn_id,
                                enum offer *ret, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    const char *buttons;
    troupe_status status;

    *ret = OFFER_NONE;
    if (!press->reply_to)
        return TROUPE_OK;
    status = store_query(
        engine->store, STORE_SQL(SQL_WAIT_BUTTONS, store_int(turn_id), store_text(press->reply_to)),
        turn_engine_soon(engine), &rows, err);
    if (status < 0 || !rows->count)
        return status;
    buttons = store_cell_text(rows, 0, 0, "");
    if (!*buttons)
        *ret = OFFER_SPENT;
    else if (strstr(buttons, OFFERED))
        *ret = OFFER_OPEN;
    return TROUPE_OK;
}

/* Discord sends a press again that a crash came upon; its event may be there. */
static bool is_known(struct engine *engine, const struct event *press)
{
    _cleanup_rows_ struct store_rows *rows = NULL;

    return store_query(
               engine->store,
               STORE_SQL(SQL_WAIT_KNOWN, store_text(press->source), store_text(press->source_id)),
               turn_engine_soon(engine), &rows, NULL) == TROUPE_OK &&
           rows->count;
}

static void start(struct engine *engine, struct event *event, int64_t id)
{
    struct turn *turn = turn_new(engine, event_ref(event), id);

    engine->stats.events++;
    turn_take_stages(turn, engine->set);
    turn_trace_add(&turn->trace, "intake", "again", "by a button below a cut answer");
    turn_engine_admit(engine, turn);
}

/* Takes the offer. [waits] */
static const char *take_offer(struct engine *engine, const struct event *press, int64_t turn_id,
                              struct event *again, bool *ret_spent)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_mem_ char *payload = event_print(again);
    struct error err;
    int64_t id = turn_engine_next_event(engine);
    troupe_status status;

    store_batch_add(
        batch, STORE_EXPECT(1, SQL_WAIT_USE_UP, store_int(turn_id), store_text(press->reply_to)));
    store_batch_add(batch,
                    STORE_EXPECT(1, SQL_TURN_INTAKE, store_int(id), store_text(again->source),
                                 store_text(again->source_id), store_text(again->account),
                                 store_text(again->guild), store_text(again->channel),
                                 store_text(again->member), store_text(again->kind),
                                 store_text(payload), store_int((int64_t)engine->set->number),
                                 store_text(turn_stage_names(engine->set, again)),
                                 store_int(clock_wall_ms())));
    status = store_commit(engine->store, batch, turn_engine_soon(engine), &err);
    *ret_spent = status == TROUPE_OK || status == TROUPE_CONFLICT;
    if (status == TROUPE_CONFLICT) /* with another host that had the same press, or another press */
        return is_known(engine, press) ? NULL : TOO_LATE;
    if (status < 0) {
        log_warn("turn", "turn %lld is not asked again: %s", (long long)turn_id, err.text);
        return ENGINE_NO_STORAGE;
    }
    if (!engine->stopping && !engine->closing) /* else the next process takes it up */
        start(engine, again, id);
    return NULL;
}

static struct event *question_of(const struct event *press, const struct event *old, uint32_t flag)
{
    struct event again = *old;

    again.gateway = press->gateway;
    again.source_id = press->source_id;
    again.token = press->token;
    again.reply_to = press->reply_to ? press->reply_to : old->reply_to;
    again.flags =
        (old->flags & ~(EVENT_CONTINUE | EVENT_DEFERRED | EVENT_PRIVATE | EVENT_WHO_MAY)) |
        (press->flags & EVENT_WHO_MAY) | flag | EVENT_ADDRESSED | EVENT_AGAIN;
    /* What its member may and is now, not what it was when it was asked first. */
    again.roles = press->roles;
    again.role_count = press->role_count;
    again.time_ms = press->time_ms;
    again.seq = 0;
    return event_new(&again);
}

static const char *ask(struct engine *engine, const struct event *press, int64_t turn_id,
                       const struct event *old, uint32_t flag, bool *ret_spent)
{
    enum offer offer;
    struct event *again;
    struct error err;
    const char *problem;

    if (find_offer(engine, press, turn_id, &offer, &err) < 0)
        return ENGINE_NO_STORAGE;
    if (offer == OFFER_SPENT) {
        *ret_spent = true;
        return is_known(engine, press) ? NULL : TOO_LATE;
    }
    again = question_of(press, old, flag);
    if (offer == OFFER_NONE) {
        turn_engine_submit(engine, again);
        return NULL;
    }
    problem = take_offer(engine, press, turn_id, again, ret_spent);
    event_unref(again);
    return problem;
}

const char *turn_press_again(struct engine *engine, const struct event *press, int64_t turn_id,
                             uint32_t flag, bool *ret_spent)
{
    struct event *old = NULL;
    struct error err;
    const char *problem;
    troupe_status status = turn_engine_event(engine, turn_id, &old, &err);

    *ret_spent = status == TROUPE_NOT_FOUND || status == TROUPE_DATA;
    if (status < 0)
        return *ret_spent ? "that is too long ago; please ask again" : ENGINE_NO_STORAGE;
    if (!press->member || !old->member || strcmp(press->member, old->member))
        problem = "only who asked can do that";
    else
        problem = ask(engine, press, turn_id, old, flag, ret_spent);
    event_unref(old);
    return problem;
}
