/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.budget/1": who pays is filled in here, from the turn; a plugin names only the amount and
 * what it is for.
 */
#include "host/host_table.h"

#include "base/log.h"
#include "turn/budget_warn.h"
#include "turn/engine_private.h"
#include "turn/reservation.h"

#include <stdio.h>
#include <string.h>

#define UNITS_MOST (UINT64_C(1) << 40) /* of one reservation; more is a mistake */

static troupe_status do_reserve(struct record_call *call, const struct turn_budget_request *request,
                                int64_t id)
{
    struct turn_frame *frame = call->frame;
    struct store *store = frame->turn->engine->store;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct error err;
    troupe_status status = turn_budget_check(store, request, 0, &err);

    if (status == TROUPE_OK) {
        turn_budget_add_reserve(batch, request, id);
        status = turn_record_try(call, batch, &id, sizeof(id), &err);
        if (status == TROUPE_OK)
            return status;
        if (status == TROUPE_CONFLICT)
            status = turn_budget_refusal(store, request, 0, &err);
    }
    if (status != TROUPE_BUDGET) {     /* what it says is the operator's */
        if (status != TROUPE_CANCELED) /* another host has the turn, or it was stopped */
            log_warn("turn", "turn %lld: nothing could be reserved: %s", (long long)frame->turn->id,
                     err.text);
        turn_frame_error(frame, status, "budget.storage", ENGINE_NO_STORAGE);
    } else {
        turn_frame_error(frame, status,
                         request->worst > INT64_MAX ? "budget.price_unknown" : "budget.cap", "%s",
                         err.text);
    }
    return turn_record_note(call, status, NULL, 0);
}

/* For the turn's figures. */
static void show_what(struct turn *turn, const char *what)
{
    snprintf(turn->what, sizeof(turn->what), "%s", what);
    turn_text_tidy(turn->what);
}

static troupe_status reserve(troupe_turn *turn, uint64_t worst_micros, const char *what,
                             uint64_t *ret_reservation)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct engine *engine = frame->turn->engine;
    const struct event *event = frame->turn->event;
    const struct turn_budget_request request = {
        &engine->caps,      {ENGINE_BUDGET_BOT, event->guild, event->member, frame->agent->name},
        frame->turn->id,    worst_micros,
        what ? what : "",   &engine->caps_hour,
        &engine->caps_month};
    struct record_call call = {0};
    int64_t id = 0;
    troupe_status status = host_need(frame, "budget");

    if (status == TROUPE_OK && !frame->turn->id)
        status = turn_frame_error(frame, TROUPE_UNSUPPORTED, "budget.seen",
                                  "nothing may be spent on what was only seen; declare it owed");
    if (status == TROUPE_OK)
        status = turn_record_begin(
            &call, frame, "budget.reserve",
            turn_record_hash_text(turn_record_hash_int(RECORD_HASH_START, (int64_t)worst_micros),
                                  request.what));
    if (status == RECORD_REPLAYED) {
        status = turn_record_status(&call);
        if (status == TROUPE_OK)
            (void)turn_record_take(&call, &id, sizeof(id));
    } else if (status == TROUPE_OK) {
        frame->turn->spends = true;
        id = turn_engine_next_reservation(engine);
        frame->turn->reserved++;
        status = do_reserve(&call, &request, id);
        frame->turn->reserved -= status == TROUPE_BUDGET;
        if (status == TROUPE_OK)
            turn_reservation_new(frame, worst_micros, request.what, id);
    }
    if (status == TROUPE_OK) {
        show_what(frame->turn, request.what);
        *ret_reservation = (uint64_t)id;
    }
    return status;
}

/* Nothing that a replay needs: the number follows from the place, and the request decides the rest. */
static troupe_status reserve_at_open(troupe_turn *turn, uint64_t worst_micros, const char *what,
                                     uint64_t *ret_reservation)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct turn_reservation *reservation;
    troupe_status status = host_need(frame, "budget");

    if (status == TROUPE_OK && !frame->turn->id)
        status = turn_frame_error(frame, TROUPE_UNSUPPORTED, "budget.seen",
                                  "nothing may be spent on what was only seen; declare it owed");
    if (status == TROUPE_OK && turn_reservations_full(frame->turn))
        status = turn_frame_error(frame, TROUPE_LIMIT, "host.limit",
                                  "at most %d reservations wait for their request", TURN_SAID_MAX);
    if (status < 0)
        return status;
    reservation = turn_reservation_new(frame, worst_micros, what ? what : "", 0);
    show_what(frame->turn, reservation->what);
    *ret_reservation = (uint64_t)reservation->number;
    return TROUPE_OK;
}

static void used(troupe_turn *turn, uint64_t reservation, uint64_t units_in, uint64_t units_out)
{
    struct turn *of = turn_frame_of(turn)->turn;

    (void)reservation;
    if (host_need(turn_frame_of(turn), "budget") < 0 || units_in > UNITS_MOST ||
        units_out > UNITS_MOST)
        return;
    of->units_in += units_in;
    of->units_out += units_out;
}

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

static void report_over(struct turn_frame *frame, int64_t over)
{
    if (over <= 0)
        return;
    turn_trace_add(&frame->turn->trace, frame->agent->owner, "budget.over",
                   "cost %.6f USD more than its worst case", (double)over / 1e6);
    log_error(
        frame->agent->owner,
        "turn %lld: \"%s\" cost %.6f USD more than was reserved and is not paid for any more; "
        "check the price table, then confirm it by /usage",
        (long long)frame->turn->id, frame->turn->what, (double)over / 1e6);
}

static void report_marks(struct turn_frame *frame, const struct store_batch *batch, size_t row,
                         uint64_t micros)
{
    struct turn_budget_mark marks[TURN_BUDGET_MARKS];
    size_t count = turn_budget_marks(batch, row, micros, &frame->turn->engine->caps, marks);

    for (size_t i = 0; i < count; i++) {
        turn_trace_add(&frame->turn->trace, frame->agent->owner, "budget.mark",
                       "%d %% of the %s's cap of today are spent", marks[i].percent,
                       marks[i].scope);
        log_warn("budget", "%.4f of %.2f USD are spent today, %d %% of the cap of a %s (turn %lld)",
                 (double)marks[i].spent / 1e6, (double)marks[i].cap / 1e6, marks[i].percent,
                 marks[i].scope, (long long)frame->turn->id);
    }
}

static troupe_status do_settle(struct turn_frame *frame, uint64_t reservation, uint64_t micros)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct turn *turn = frame->turn;
    struct record_call call = {0};
    struct error err;
    size_t row;
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
    row = turn_budget_add_settle(batch, turn_record_reservation(turn, (int64_t)reservation),
                                 turn->id, micros);
    status = turn_record_try(&call, batch, NULL, 0, &err);
    if (status == TROUPE_OK) {
        forget(turn, (int64_t)reservation);
        report_over(frame, turn_budget_over(batch, row, micros));
        report_marks(frame, batch, row, micros);
    }
    return closed(&call, status, &err);
}

/* A run that was put aside leaves reservations as they are: the next one replays them and closes them
 * where it comes to that. What is closed in between would stand where the next run does something else.
 * Who does not hear is counted, as by every other call. */
static bool is_aside(const struct turn_frame *frame)
{
    return !frame->unrecorded && frame->turn->parked && co_pass() < 0;
}

static troupe_status settle(troupe_turn *turn, uint64_t reservation, uint64_t micros)
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

static troupe_status release(troupe_turn *turn, uint64_t reservation)
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

const troupe_budget_v1 *host_budget_table(void)
{
    static const troupe_budget_v1 table = {.size = sizeof(table),
                                           .reserve = reserve,
                                           .settle = settle,
                                           .release = release,
                                           .used = used,
                                           .reserve_at_open = reserve_at_open};

    return &table;
}
