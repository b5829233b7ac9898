/* SPDX-License-Identifier: Apache-2.0
 *
 * How reservations end, as "troupe.budget/1" has it. What a turn that began in this process dispatched is
 * settled without waiting: the booking is on its way before whatever the turn commits next, its end
 * included, so that both reach the disk together as a rule. What is lost between is booked at its worst
 * case by the next start.
 */
#include "host/host_table.h"

#include "base/log.h"
#include "base/mem.h"
#include "turn/budget_tell.h"
#include "turn/engine_private.h"
#include "turn/reservation.h"

#include <string.h>

/* Said, and there is no row of it, or none that is open. */
static bool is_unwritten(const struct turn *turn, int64_t reservation)
{
    const struct turn_reservation *own = turn_reservation_find(turn, reservation);

    if (own && own->state == RESERVATION_RETURNED)
        return true;
    if (turn_record_reservation(turn, reservation) != reservation)
        return false;
    return turn_reservation_is_said(reservation) || (own && own->state == RESERVATION_SAID);
}

/* It is closed. */
static void forget(struct turn *turn, int64_t reservation)
{
    turn->reserved -= turn->reserved > 0;
    turn_reservation_free(turn_reservation_find(turn, reservation));
}

/* How a reservation was closed. */
static troupe_status closed(struct record_call *call, troupe_status status, const struct error *err)
{
    if (status >= 0)
        return status;
    if (status == TROUPE_CONFLICT)
        status = turn_frame_error(call->frame, TROUPE_ARGUMENT, "budget.state",
                                  "the reservation is not in a state that allows this");
    else
        turn_frame_error(call->frame, status, "budget.storage", "%s", err->text);
    return turn_record_note(call, status, NULL, 0);
}

/* By the whole name, as that is what confirms it. */
static void report_over(struct turn_frame *frame, const char *what, int64_t over)
{
    _cleanup_mem_ char *name = NULL;

    if (over <= 0)
        return;
    name = mem_strdup(what);
    turn_text_tidy(name);
    turn_trace_add(&frame->turn->trace, frame->agent->owner, "budget.over",
                   "cost %.6f USD more than its worst case", (double)over / 1e6);
    log_error(
        frame->agent->owner,
        "turn %lld: \"%s\" cost %.6f USD more than was reserved and is not paid for any more; "
        "check the price table, then confirm it: troupe usage \"%s\"",
        (long long)frame->turn->id, name, (double)over / 1e6, name);
    turn_engine_report(frame->turn->engine, TURN_REPORT_PLAIN,
                       "\"%s\" cost %.6f USD more than was reserved and is not paid for any more. "
                       "Check the price table, then confirm it: /usage confirm:%s",
                       name, (double)over / 1e6, name);
}

/* ---- without waiting ------------------------------------------------------------------------ */

/* A booking on its way; the turn may be over before it is told. */
struct settling {
    struct engine *engine;
    int64_t turn_id, id;
    uint64_t micros;
    struct turn_budget_limits limits;
    struct turn_budget_watch watch; /* of its batch */
};

static void settled(void *arg, struct store_batch *batch, troupe_status status,
                    const struct error *err)
{
    struct settling *settling = arg;
    struct engine *engine = settling->engine;
    struct turn *turn = turn_engine_turn(engine, settling->turn_id);

    if (status >= 0) {
        turn_budget_tell(engine, turn, settling->turn_id, batch, &settling->watch,
                         &settling->limits);
    } else {
        log_error(
            "budget",
            "turn %lld: that reservation %lld cost %.6f USD could not be stored, so its worst "
            "case is booked: %s",
            (long long)settling->turn_id, (long long)settling->id, (double)settling->micros / 1e6,
            err->text);
        if (turn) {
            turn->reserved++;
            turn->unbooked = true;
            turn_record_lose(turn);
        }
    }
    turn_engine_release(engine);
    mem_free(settling);
}

/* What this run knows to be dispatched, so that no store has to be asked. */
static bool is_known(const struct turn *turn, const struct turn_reservation *own)
{
    return own && own->state == RESERVATION_DISPATCHED && own->worst <= INT64_MAX && !turn->resumed;
}

static troupe_status send_off(struct record_call *call, struct turn_reservation *own,
                              uint64_t micros, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct turn *turn = call->frame->turn;
    struct settling *settling = mem_zero(1, sizeof(*settling));
    const struct turn_budget_request request = turn_reservation_request(turn, own);
    troupe_status status;

    *settling = (struct settling){.engine = turn->engine,
                                  .turn_id = turn->id,
                                  .id = own->id,
                                  .micros = micros,
                                  .limits = turn->engine->budget};
    turn_budget_add_book(batch, &request, own->id, own->reserved_ms, micros);
    settling->watch = turn_budget_watch(batch, &settling->limits, own->id, micros);
    status = turn_record_submit(call, batch, NULL, 0, settled, settling, err);
    if (status < 0) {
        mem_free(settling);
        return status;
    }
    turn_engine_hold(turn->engine);
    turn->cost_micros += (int64_t)micros;
    report_over(call->frame, own->what, (int64_t)micros - (int64_t)own->worst);
    forget(turn, own->number);
    return TROUPE_OK;
}

/* ---- with waiting --------------------------------------------------------------------------- */

static troupe_status ask_store(struct record_call *call, int64_t reservation, uint64_t micros,
                               struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct turn *turn = call->frame->turn;
    const struct turn_budget_limits limits = turn->engine->budget;
    const int64_t id = turn_record_reservation(turn, reservation);
    size_t row = turn_budget_add_settle(batch, id, turn->id, micros);
    const struct turn_budget_watch watch = turn_budget_watch(batch, &limits, id, micros);
    troupe_status status = turn_record_try(call, batch, NULL, 0, err);

    if (status == TROUPE_OK) {
        turn->cost_micros += (int64_t)micros;
        forget(turn, reservation);
        report_over(call->frame, turn_budget_what(batch, row),
                    turn_budget_over(batch, row, micros));
        turn_budget_tell(turn->engine, turn, turn->id, batch, &watch, &limits);
    }
    return status;
}

static troupe_status do_settle(struct turn_frame *frame, uint64_t reservation, uint64_t micros)
{
    struct turn *turn = frame->turn;
    struct turn_reservation *own = turn_reservation_find(turn, (int64_t)reservation);
    struct record_call call = {0};
    struct error err;
    troupe_status status = turn_record_begin(
        &call, frame, "budget.settle",
        turn_record_hash_int(turn_record_hash_int(RECORD_HASH_START, (int64_t)reservation),
                             (int64_t)micros));

    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    if (status < 0)
        return status;
    if (is_unwritten(turn, (int64_t)reservation))
        return closed(&call, TROUPE_CONFLICT, NULL);
    status = is_known(turn, own) ? send_off(&call, own, micros, &err)
                                 : ask_store(&call, (int64_t)reservation, micros, &err);
    return closed(&call, status, &err);
}

/* A run that was put aside leaves reservations as they are: the next one replays them and closes them
 * where it comes to that. What is closed in between would stand where the next run does something else.
 * Who does not hear is counted, as by every other call. */
static bool is_aside(const struct turn_frame *frame)
{
    return !frame->unrecorded && frame->turn->parked && co_pass() < 0;
}

troupe_status host_settle(troupe_turn *turn, uint64_t reservation, uint64_t micros)
{
    struct turn_frame *frame = turn_frame_of(turn);
    troupe_status status;

    if (micros > TURN_BUDGET_MOST) /* it stays dispatched and is booked at its worst case */
        return turn_frame_error(frame, TROUPE_ARGUMENT, "budget.amount",
                                "nothing costs %llu micro-units", (unsigned long long)micros);
    if (is_aside(frame))
        return TROUPE_PARKED;
    co_shield(ENGINE_STORE_MS); /* what was spent is booked, also in a turn that was ended */
    status = do_settle(frame, reservation, micros);
    co_unshield();
    return status;
}

static troupe_status do_release(struct turn_frame *frame, uint64_t reservation)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct turn *turn = frame->turn;
    struct record_call call = {0};
    struct error err;
    troupe_status status =
        turn_record_begin(&call, frame, "budget.release",
                          turn_record_hash_int(RECORD_HASH_START, (int64_t)reservation));

    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    if (status < 0)
        return status;
    if (is_unwritten(turn, (int64_t)reservation)) {
        turn_reservation_free(turn_reservation_find(turn, (int64_t)reservation));
        return turn_record_note(&call, TROUPE_OK, NULL, 0);
    }
    turn_budget_add_release(batch, turn_record_reservation(turn, (int64_t)reservation), turn->id);
    status = turn_record_try(&call, batch, NULL, 0, &err);
    if (status == TROUPE_OK)
        forget(turn, (int64_t)reservation);
    return closed(&call, status, &err);
}

troupe_status host_release(troupe_turn *turn, uint64_t reservation)
{
    struct turn_frame *frame = turn_frame_of(turn);
    troupe_status status;

    if (is_aside(frame))
        return TROUPE_PARKED;
    co_shield(ENGINE_STORE_MS);
    status = do_release(frame, reservation);
    co_unshield();
    return status;
}
