/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.budget/1": who pays is filled in here, from the turn; a plugin names only the amount and
 * what it is for.
 */
#include "host/host_table.h"
#include "host/paid.h"

#include "turn/budget_level.h"
#include "turn/budget_tell.h"
#include "turn/engine_private.h"
#include "turn/reservation.h"

#include <stdio.h>
#include <string.h>

#define UNITS_MOST (UINT64_C(1) << 40) /* of one reservation; more is a mistake */

static troupe_status do_reserve(struct record_call *call, const struct turn_budget_request *request,
                                int64_t id, int64_t *ret_reserved_ms)
{
    struct store *store = call->frame->turn->engine->store;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct turn_budget_obstacle obstacle;
    struct error err;
    int64_t reserved_ms;
    troupe_status status = turn_budget_check(store, request, 0, &obstacle, &err);

    if (status == TROUPE_OK) {
        reserved_ms = turn_budget_add_reserve(batch, request, id);
        status = turn_record_try(call, batch, &id, sizeof(id), &err);
        if (status == TROUPE_OK) {
            *ret_reserved_ms = reserved_ms;
            return status;
        }
    }
    return host_paid_refused(call, request, status, &obstacle, &err);
}

/* For the turn's figures. */
static void show_what(struct turn *turn, const char *what)
{
    snprintf(turn->what, sizeof(turn->what), "%s", what);
    turn_text_tidy(turn->what);
}

static troupe_status may_spend(struct turn_frame *frame)
{
    troupe_status status = host_need(frame, "budget");

    if (status == TROUPE_OK && !frame->turn->id)
        status = turn_frame_error(frame, TROUPE_UNSUPPORTED, "budget.seen",
                                  "nothing may be spent on what was only seen; declare it owed");
    return status;
}

static troupe_status reserve(troupe_turn *turn, uint64_t worst_micros, const char *what,
                             uint64_t *ret_reservation)
{
    struct turn_frame *frame = turn_frame_of(turn);
    const struct turn_budget_request request =
        turn_reservation_wish(frame->turn, frame->agent->name, worst_micros, what ? what : "");
    struct record_call call = {0};
    int64_t id = 0, reserved_ms = 0;
    troupe_status status = may_spend(frame);

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
        id = turn_engine_next_reservation(frame->turn->engine);
        frame->turn->reserved++;
        status = do_reserve(&call, &request, id, &reserved_ms);
        frame->turn->reserved -= status == TROUPE_BUDGET;
        if (status == TROUPE_OK)
            turn_reservation_new(frame, worst_micros, request.what, id)->reserved_ms = reserved_ms;
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
    troupe_status status = may_spend(frame);

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

static troupe_status level(troupe_turn *turn, uint32_t *ret_percent)
{
    struct turn_frame *frame = turn_frame_of(turn);
    const struct turn_budget_request request =
        turn_reservation_wish(frame->turn, frame->agent->name, 0, "");
    struct record_call call = {0};
    struct error err;
    uint32_t percent = 0;
    troupe_status status = host_need(frame, "budget");

    if (status == TROUPE_OK)
        status = turn_record_begin(&call, frame, "budget.level", RECORD_HASH_START);
    if (status == RECORD_REPLAYED) {
        status = turn_record_status(&call);
        if (status == TROUPE_OK)
            (void)turn_record_take(&call, &percent, sizeof(percent));
    } else if (status == TROUPE_OK) {
        status = turn_budget_level(frame->turn->engine->store, &request, 0, &percent, &err);
        if (status < 0)
            turn_frame_error(frame, status, "budget.storage", "%s", err.text);
        status = turn_record_note(&call, status, &percent, sizeof(percent));
    }
    if (status == TROUPE_OK)
        *ret_percent = percent;
    return status;
}

const troupe_budget_v1 *host_budget_table(void)
{
    static const troupe_budget_v1 table = {.size = sizeof(table),
                                           .reserve = reserve,
                                           .settle = host_settle,
                                           .release = host_release,
                                           .used = used,
                                           .reserve_at_open = reserve_at_open,
                                           .level = level};

    return &table;
}
