/* SPDX-License-Identifier: Apache-2.0
 *
 * The answer of a turn. What was decided is stored before the gateway is told that it is whole: the
 * event's end, the turn's trace and the outbox row are one commit.
 */
#include "turn/turn.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store.h"
#include "turn/engine_private.h"
#include "turn/sql/turn.h"

bool turn_answer_exists(const struct turn *turn)
{
    return turn->answer.text.len > 0;
}

static troupe_status begin(struct turn *turn)
{
    struct gateway *gateway = turn->event->gateway;
    struct error err;
    troupe_status status;

    if (turn->answer.handle || !gateway)
        return TROUPE_OK; /* shown already, or kept for a gateway that comes */
    status = gateway->ops->answer_begin(gateway, turn->event, turn->id, &turn->answer.handle, &err);
    if (turn->event->gateway != gateway) /* it went meanwhile, and its handles with it */
        turn->answer.handle = NULL;
    return status;
}

troupe_status turn_answer_write(struct turn *turn, const char *text, size_t len)
{
    struct turn_answer *answer = &turn->answer;
    struct gateway *gateway = turn->event->gateway;
    troupe_status status;

    if (answer->replied)
        return TROUPE_ARGUMENT;
    if (answer->text.len + len > TURN_ANSWER_MAX)
        return TROUPE_LIMIT;
    if (!len)
        return TROUPE_OK;
    status = begin(turn);
    if (status < 0)
        return status;
    buf_append(&answer->text, text, len);
    if (!answer->handle)
        return TROUPE_OK;
    answer->shown = true;
    return gateway->ops->answer_write(gateway, answer->handle, text, len);
}

troupe_status turn_answer_reply(struct turn *turn, const char *text, size_t len)
{
    if (len > TURN_ANSWER_MAX)
        return TROUPE_LIMIT;
    buf_reset(&turn->answer.text);
    buf_append(&turn->answer.text, text, len);
    turn->answer.replied = true;
    return TROUPE_OK;
}

void turn_answer_discard(struct turn *turn)
{
    if (turn->answer.shown)
        return;
    buf_reset(&turn->answer.text);
    turn->answer.replied = false;
}

/* What goes into the outbox: the answer, and where nobody is there to be told at once, what is for the
 * member alone. NULL: nothing. */
static const char *owed(const struct turn *turn, struct store_value *ret_body)
{
    const struct turn_answer *answer = &turn->answer;

    if (answer->text.len) {
        *ret_body = store_textn(answer->text.data, answer->text.len);
        return !answer->private ? "reply" : !turn->event->gateway ? "notice" : NULL;
    }
    *ret_body = store_text(turn_sentence(turn));
    return turn->event->gateway || !(turn->event->flags & EVENT_ADDRESSED) ? NULL : "notice";
}

/* Event, turn and outbox row; true where there is one. */
static bool store_outcome(struct turn *turn, struct store_batch *batch, size_t *ret_outbox)
{
    const struct event *event = turn->event;
    _cleanup_mem_ char *trace = turn_trace_print(&turn->trace);
    struct store_value now = store_int(clock_wall_ms()), body;
    const char *kind = owed(turn, &body);

    store_batch_add(batch,
                    STORE_EXPECT(1, SQL_TURN_FINISH, store_int(turn->id), store_text(turn->state),
                                 store_text(turn->reason), store_text(turn->sentence),
                                 store_text(trace), store_int(turn->cost_micros), now));
    store_batch_add(batch, STORE_EXPECT(1, SQL_TURN_FINISH_EVENT, store_int(turn->event_id),
                                        store_text(turn->state), store_text(turn->reason), now));
    if (!kind)
        return false;
    *ret_outbox = store_batch_add(
        batch, STORE_EXPECT(1, SQL_TURN_OUTBOX, store_int(turn->id), store_text(event->account),
                            store_text(event->channel), store_text(event->source_id), body, now,
                            store_text(kind)));
    return true;
}

static troupe_status show(struct turn *turn, struct error *err)
{
    struct turn_answer *answer = &turn->answer;
    struct gateway *gateway = turn->event->gateway;
    void *handle;
    troupe_status status;

    if (!answer->handle && !answer->text.len)
        return TROUPE_OK;
    if (answer->private) {
        status = gateway->ops->notice(gateway, turn->event, buf_text(&answer->text), true);
        return status < 0 ? error_set(err, status, "the gateway did not take it") : status;
    }
    if (!answer->handle) {
        status = gateway->ops->answer_begin(gateway, turn->event, turn->id, &answer->handle, err);
        if (turn->event->gateway != gateway)
            answer->handle = NULL;
        if (status < 0 || !answer->handle)
            return status;
    }
    handle = answer->handle;
    answer->handle = NULL;
    return gateway->ops->answer_end(gateway, handle,
                                    answer->interrupted ? GATEWAY_INTERRUPTED : GATEWAY_COMPLETE,
                                    answer->replied ? buf_text(&answer->text) : NULL,
                                    answer->replied ? answer->text.len : 0, err);
}

troupe_status turn_answer_finish(struct turn *turn, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct turn_answer *answer = &turn->answer;
    size_t outbox = 0;
    bool has_answer = false;
    troupe_status stored = TROUPE_OK, status;

    if (answer->interrupted)
        turn_trace_add(&turn->trace, "answer", "interrupted", NULL);
    if (turn->id) {
        has_answer = store_outcome(turn, batch, &outbox);
        stored = store_commit(turn->engine->store, batch, turn_engine_soon(turn->engine), err);
        answer->kept = has_answer && stored == TROUPE_OK;
    }
    /* What members saw already is closed, whatever the store says; the rest waits for the store. */
    if (!turn->event->gateway || (stored < 0 && !answer->shown))
        return stored;
    status = show(turn, stored < 0 ? NULL : err);
    answer->delivered = status >= 0 && turn->event->gateway && answer->text.len;
    if (stored < 0 || status < 0)
        return stored < 0 ? stored : status;
    if (has_answer && answer->delivered)
        turn_engine_mark_sent(turn->engine, store_batch_rowid(batch, outbox));
    return TROUPE_OK;
}

void turn_answer_clear(struct turn *turn)
{
    turn->answer.handle = NULL;
    buf_clear(&turn->answer.text);
}
