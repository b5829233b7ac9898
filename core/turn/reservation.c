/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/reservation.h"

#include "base/mem.h"
#include "turn/engine_private.h"
#include "turn/frame.h"

/* No row has such a number: they count from 1. */
#define SAID (INT64_C(1) << 62)

/* The same each time the stage runs, and of no other reservation of the turn. */
static int64_t number_of(struct turn_frame *frame)
{
    int64_t hash = turn_record_hash_text(RECORD_HASH_START, frame->turn->record.stage);

    hash = turn_record_hash_text(hash, frame->path);
    hash = turn_record_hash_int(hash, frame->said++);
    return (hash & (SAID - 1)) | SAID;
}

struct turn_reservation *turn_reservation_new(struct turn_frame *frame, uint64_t worst,
                                              const char *what, int64_t number)
{
    struct turn *turn = frame->turn;
    struct turn_reservation *reservation = mem_zero(1, sizeof(*reservation));

    reservation->worst = worst;
    reservation->agent = mem_strdup(frame->agent->name);
    reservation->what = mem_strdup(what);
    reservation->number = reservation->id = number;
    reservation->state = number ? RESERVATION_RESERVED : RESERVATION_SAID;
    /* What is not recorded does not run again, and observers of a turn have one path in common. */
    if (!number && (frame->unrecorded || turn->record.off))
        reservation->number = turn_engine_next_reservation(turn->engine);
    else if (!number)
        reservation->number = number_of(frame);
    list_append(&turn->reservations, &reservation->link);
    return reservation;
}

struct turn_reservation *turn_reservation_find(const struct turn *turn, int64_t number)
{
    list_for_each (link, &turn->reservations) {
        struct turn_reservation *reservation = container_of(link, struct turn_reservation, link);

        if (reservation->number == number)
            return reservation;
    }
    return NULL;
}

void turn_reservation_free(struct turn_reservation *reservation)
{
    if (!reservation)
        return;
    list_remove(&reservation->link);
    mem_free(reservation->agent);
    mem_free(reservation->what);
    mem_free(reservation);
}

void turn_reservations_clear(struct turn *turn)
{
    list_for_each_safe (link, &turn->reservations)
        turn_reservation_free(container_of(link, struct turn_reservation, link));
}

bool turn_reservations_full(const struct turn *turn)
{
    size_t said = 0;

    list_for_each (link, &turn->reservations)
        said += container_of(link, struct turn_reservation, link)->state == RESERVATION_SAID;
    return said >= TURN_SAID_MAX;
}

bool turn_reservation_is_said(int64_t number)
{
    return number > 0 && (number & SAID);
}

struct turn_budget_request turn_reservation_wish(const struct turn *turn, const char *agent,
                                                 uint64_t worst, const char *what)
{
    const struct engine *engine = turn->engine;
    const struct event *event = turn->event;

    return (struct turn_budget_request){
        .caps = TURN_BUDGET_CAPS_OF(&engine->budget),
        .scope = {ENGINE_BUDGET_BOT, event->guild, event->member, agent},
        .turn_id = turn->id,
        .worst = worst,
        .what = what,
        .aliases = &turn->engine->aliases};
}

struct turn_budget_request turn_reservation_request(const struct turn *turn,
                                                    const struct turn_reservation *reservation)
{
    return turn_reservation_wish(turn, reservation->agent, reservation->worst, reservation->what);
}
