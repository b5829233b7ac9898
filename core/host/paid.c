/* SPDX-License-Identifier: Apache-2.0 */
#include "host/paid.h"

#include "base/log.h"
#include "loop/latch.h"
#include "turn/budget_tell.h"
#include "turn/engine_private.h"
#include "turn/pack.h"
#include "turn/reservation.h"

#define ATTEMPTS_MAX 2    /* of a request that a crash cut               */
#define SETTLE_MS    5000 /* for a reader to take what was replayed */

/* ---- the first attempt ---------------------------------------------------------------------- */

static troupe_status used_already(struct record_call *call)
{
    turn_frame_error(call->frame, TROUPE_CONFLICT, "budget.dispatch",
                     "the reservation is used already");
    return turn_record_note(call, TROUPE_CONFLICT, NULL, 0);
}

troupe_status host_paid_refused(struct record_call *call, const struct turn_budget_request *request,
                                troupe_status status, struct turn_budget_obstacle *obstacle,
                                struct error *err)
{
    struct turn_frame *frame = call->frame;

    if (status == TROUPE_CONFLICT)
        status = turn_budget_refusal(frame->turn->engine->store, request, 0, obstacle, err);
    if (status == TROUPE_BUDGET) {
        turn_budget_tell_refused(frame->turn, request, obstacle);
        turn_frame_error(frame, status,
                         request->worst > INT64_MAX ? "budget.price_unknown" : "budget.cap", "%s",
                         err->text);
    } else {
        if (status != TROUPE_CANCELED) /* another host has the turn, or it was stopped */
            log_warn("turn", "turn %lld: nothing could be reserved: %s", (long long)frame->turn->id,
                     err->text);
        turn_frame_error(frame, status, "budget.storage", ENGINE_NO_STORAGE);
    }
    return turn_record_note(call, status, NULL, 0);
}

static troupe_status not_dispatched(struct record_call *call, troupe_status status,
                                    const struct error *err)
{
    if (status == TROUPE_CONFLICT)
        return used_already(call);
    turn_frame_error(call->frame, status, "budget.dispatch", "%s", err->text);
    return turn_record_note(call, status, NULL, 0);
}

/* The statements, with which the reservation is on its way. */
static void add_money(struct turn *turn, struct store_batch *batch, struct turn_reservation *own,
                      struct host_paid *paid)
{
    paid->spent = paid->number;
    if (paid->said) {
        struct turn_budget_request request = turn_reservation_request(turn, own);

        if (turn_reservation_is_said(own->number))
            paid->spent = turn_engine_next_reservation(turn->engine);
        own->id = paid->spent;
        own->reserved_ms = turn_budget_add_spend(batch, &request, own->id);
        turn->spends = true;
        turn->reserved++;
    } else {
        turn_budget_add_dispatch(batch, paid->spent, turn->id);
    }
    if (own)
        own->state = RESERVATION_DISPATCHED;
}

/* The reservation is again what it was. */
static void undo_money(struct turn *turn, const struct host_paid *paid, troupe_status status)
{
    struct turn_reservation *own = turn_reservation_find(turn, paid->number);

    if (own)
        own->state = paid->said ? RESERVATION_RETURNED : RESERVATION_RESERVED;
    /* What the store did not tell is looked for at the turn's end. */
    turn->reserved -= paid->said && turn->reserved > 0 && status != TROUPE_MAYBE_DONE;
}

static troupe_status begin_first(struct record_call *call, struct host_paid *paid)
{
    struct turn *turn = call->frame->turn;
    struct turn_reservation *own = turn_reservation_find(turn, paid->number);
    _cleanup_batch_ struct store_batch *batch = NULL;
    struct turn_budget_request request;
    struct turn_budget_obstacle obstacle;
    struct buf mark = BUF_INIT;
    struct error err;
    troupe_status status = TROUPE_OK;

    paid->said = own && own->state == RESERVATION_SAID;
    if (!paid->said &&
        (turn_reservation_is_said(paid->number) || (own && own->state != RESERVATION_RESERVED)))
        return used_already(call);
    if (co_status() < 0) /* it would be booked and never leave */
        return turn_record_note(call, co_status(), NULL, 0);
    if (paid->said) {
        request = turn_reservation_request(turn, own);
        status = turn_budget_check(turn->engine->store, &request, 0, &obstacle, &err);
        if (status < 0) {
            own->state = RESERVATION_RETURNED;
            return host_paid_refused(call, &request, status, &obstacle, &err);
        }
    }
    batch = store_batch_new();
    add_money(turn, batch, own, paid);
    pack_int(&mark, 1);
    pack_int(&mark, paid->spent);
    paid->latch = latch_new();
    status = turn_record_begun_ahead(call, batch, buf_text(&mark), mark.len, paid->latch,
                                     &paid->mark, &err);
    buf_clear(&mark);
    if (status >= 0)
        return status;
    latch_unref(paid->latch);
    paid->latch = NULL;
    undo_money(turn, paid, status);
    return paid->said ? host_paid_refused(call, &request, status, &obstacle, &err)
                      : not_dispatched(call, status, &err);
}

troupe_status host_paid_marked(struct record_call *call, struct host_paid *paid, bool failed)
{
    struct turn *turn = call->frame->turn;
    struct turn_reservation *own;
    struct error err;
    troupe_status status = TROUPE_OK;

    paid->held = failed && paid->latch && latch_break(paid->latch) == LATCH_BROKEN;
    if (paid->mark)
        status = turn_record_ahead_wait(call, paid->mark, &err);
    paid->mark = NULL;
    latch_unref(paid->latch);
    paid->latch = NULL;
    if (status >= 0) {
        if (paid->spent != paid->number && paid->said)
            turn_record_replace(turn, paid->number, paid->spent);
        return status;
    }
    undo_money(turn, paid, status);
    own = turn_reservation_find(turn, paid->number);
    if (paid->said && own) {
        struct turn_budget_request request = turn_reservation_request(turn, own);
        struct turn_budget_obstacle obstacle;

        return host_paid_refused(call, &request, status, &obstacle, &err);
    }
    return not_dispatched(call, status, &err);
}

troupe_status host_paid_take_back(struct record_call *call, const struct host_paid *paid,
                                  troupe_status failure)
{
    struct turn *turn = call->frame->turn;
    struct turn_reservation *own = turn_reservation_find(turn, paid->number);
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct error err;
    troupe_status status;

    turn_budget_add_undispatch(batch, paid->spent, turn->id);
    if (paid->said)
        turn_budget_add_release(batch, paid->spent, turn->id);
    co_shield(ENGINE_STORE_MS);
    status = turn_record_failed(call, batch, failure, &err);
    co_unshield();
    if (status < 0) {
        log_warn("budget", "reservation %lld stays booked: %s", (long long)paid->spent, err.text);
        return turn_record_note(call, failure, NULL, 0);
    }
    if (own)
        own->state = paid->said ? RESERVATION_RETURNED : RESERVATION_RESERVED;
    turn->reserved -= paid->said && turn->reserved > 0;
    return failure;
}

/* ---- what a crash cut ------------------------------------------------------------------------ */

/* Whether members saw more of the answer than this run of the stage has written, once whoever reads
 * has taken what earlier rounds gave. */
static bool was_shown(const struct turn_frame *frame)
{
    struct turn *turn = frame->turn;
    uint64_t until = co_after(SETTLE_MS);
    const char *rest;

    for (; frame; frame = frame->caller)
        while (frame->chunks && (chan_count(frame->chunks) || !*frame->reading) &&
               loop_now(turn->engine->loop) < until && co_sleep(1) == TROUPE_OK)
            continue;
    return turn_answer_rest(turn, &rest) > 0;
}

/* Another attempt at what a crash cut, with a reservation of its own; the first is booked at its
 * worst case. TROUPE_BUDGET where a cap does not leave room for it. */
static troupe_status begin_again(struct record_call *call, int64_t spent, int64_t *ret)
{
    struct turn *turn = call->frame->turn;
    struct engine *engine = turn->engine;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_rows_ struct store_rows *rows = NULL;
    struct turn_budget_request request = {.caps = TURN_BUDGET_CAPS_OF(&engine->budget),
                                          .turn_id = turn->id,
                                          .aliases = &engine->aliases};
    const struct turn_budget_limits limits = engine->budget;
    struct turn_budget_obstacle obstacle;
    struct turn_budget_watch watch;
    int64_t id = turn_engine_next_reservation(engine);
    struct buf mark = BUF_INIT;
    struct error err;
    troupe_status status = turn_budget_read(engine->store, spent, 0, &request, &rows, &err);

    if (status < 0)
        return turn_frame_error(call->frame, status, "budget.storage", "%s", err.text);
    pack_int(&mark, ATTEMPTS_MAX);
    pack_int(&mark, id);
    turn_budget_add_again(batch, &request, spent, id);
    watch = turn_budget_watch(batch, &limits, spent, request.worst);
    status = turn_record_begun(call, batch, buf_text(&mark), mark.len, &err);
    buf_clear(&mark);
    if (status == TROUPE_CONFLICT) {
        obstacle = turn_budget_obstacle(engine->store, &request, turn_engine_soon(engine));
        turn_budget_tell_refused(turn, &request, &obstacle);
    }
    if (status < 0)
        return turn_frame_error(call->frame, status == TROUPE_CONFLICT ? TROUPE_BUDGET : status,
                                "budget.again", "%s", err.text);
    turn_budget_tell(engine, turn, turn->id, batch, &watch, &limits);
    *ret = id;
    return TROUPE_OK;
}

/* A request that was on its way when the process died. */
static troupe_status resume(struct record_call *call, int64_t reservation, int64_t *ret)
{
    struct turn *turn = call->frame->turn;
    struct unpack in = {call->row->result.data, call->row->result.len, false};
    int64_t attempts = unpack_int(&in), spent = unpack_int(&in);
    troupe_status status = TROUPE_INTERRUPTED;

    if (!in.bad && attempts < ATTEMPTS_MAX && !was_shown(call->frame)) {
        status = begin_again(call, spent, ret);
        if (status == TROUPE_OK) {
            turn_record_replace(turn, reservation, *ret);
            turn->record.repeated++;
            turn_trace_add(&turn->trace, call->frame->agent->owner, "repeated",
                           "a paid request that the restart cut: nothing of it had been shown");
            return status;
        }
        if (status != TROUPE_BUDGET)
            return status;
    }
    turn_record_replace(turn, reservation, spent);
    turn->cut = true;
    turn_frame_error(call->frame, TROUPE_INTERRUPTED, "http.interrupted",
                     "the host was restarted in the middle of the answer");
    return turn_record_note(call, TROUPE_INTERRUPTED, NULL, 0);
}

troupe_status host_paid_begin(struct record_call *call, int64_t reservation, struct host_paid *ret)
{
    *ret = (struct host_paid){.number = reservation, .spent = reservation};
    if (!call->row)
        return begin_first(call, ret);
    if (call->row->state == RECORD_BEGUN)
        return resume(call, reservation, &ret->spent);
    call->frame->turn->record.maybe++;
    turn_frame_error(call->frame, TROUPE_MAYBE_DONE, "http.maybe_done",
                     "the host was restarted after this had left; it may have happened, and its "
                     "answer is not known");
    return turn_record_note(call, TROUPE_MAYBE_DONE, NULL, 0);
}
