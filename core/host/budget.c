/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.budget/1": who pays is filled in here, from the turn; a plugin names only the amount and
 * what it is for.
 */
#include "host/host_table.h"

#include "base/log.h"
#include "turn/engine_private.h"

static troupe_status reserve(troupe_turn *turn, uint64_t worst_micros, const char *what,
                             uint64_t *ret_reservation)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct engine *engine = frame->turn->engine;
    const struct event *event = frame->turn->event;
    struct turn_budget_scope scope = {ENGINE_BUDGET_BOT, event->guild, event->member,
                                      frame->agent->name};
    struct error err;
    int64_t id;
    troupe_status status = host_need(frame, "budget");

    if (status < 0)
        return status;
    status = turn_budget_reserve(engine->store, &engine->caps, &scope, frame->turn->id,
                                 worst_micros, what ? what : "", 0, &id, &err);
    if (status == TROUPE_BUDGET)
        return turn_frame_error(frame, status,
                                worst_micros == TROUPE_PRICE_UNKNOWN ? "budget.price_unknown"
                                                                     : "budget.cap",
                                "%s", err.text);
    if (status < 0)
        return turn_frame_error(frame, status, "budget.storage", "%s", err.text);
    *ret_reservation = (uint64_t)id;
    return TROUPE_OK;
}

static troupe_status closed(struct turn_frame *frame, troupe_status status, const struct error *err)
{
    if (status == TROUPE_CONFLICT)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "budget.state",
                                "the reservation is not in a state that allows this");
    return status < 0 ? turn_frame_error(frame, status, "budget.storage", "%s", err->text) : status;
}

static troupe_status settle(troupe_turn *turn, uint64_t reservation, uint64_t micros)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct error err;
    int64_t over = 0;
    troupe_status status;

    if (micros > TURN_BUDGET_MOST) /* it stays dispatched and is booked at its worst case */
        return turn_frame_error(frame, TROUPE_ARGUMENT, "budget.amount",
                                "nothing costs %llu micro-units", (unsigned long long)micros);
    co_shield(ENGINE_STORE_MS); /* what was spent is booked, also in a turn that was ended */
    status = turn_budget_settle(frame->turn->engine->store, (int64_t)reservation, frame->turn->id,
                                micros, turn_engine_soon(frame->turn->engine), &over, &err);
    co_unshield();
    if (over > 0) {
        turn_trace_add(&frame->turn->trace, frame->agent->owner, "budget.over",
                       "cost %.6f USD more than its worst case", (double)over / 1e6);
        log_error(frame->agent->owner,
                  "turn %lld cost %.6f USD more than was reserved; check the price table",
                  (long long)frame->turn->id, (double)over / 1e6);
    }
    return closed(frame, status, &err);
}

static troupe_status release(troupe_turn *turn, uint64_t reservation)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct error err;
    troupe_status status;

    co_shield(ENGINE_STORE_MS);
    status = turn_budget_release(frame->turn->engine->store, (int64_t)reservation, frame->turn->id,
                                 turn_engine_soon(frame->turn->engine), &err);
    co_unshield();
    return closed(frame, status, &err);
}

const troupe_budget_v1 *host_budget_table(void)
{
    static const troupe_budget_v1 table = {
        .size = sizeof(table), .reserve = reserve, .settle = settle, .release = release};

    return &table;
}
