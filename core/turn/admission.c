/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/admission.h"

#include "base/mem.h"

#include <string.h>

struct turn_lane {
    struct list_link ready;   /* in admission->ready while it can start something */
    struct list_link tickets; /* waiting, oldest first */
    size_t waiting;
    bool busy; /* one of it runs */
    char *key;
};

void turn_admission_init(struct turn_admission *admission)
{
    memset(admission, 0, sizeof(*admission));
    admission->concurrent = 10;
    admission->queue_max = 100;
    admission->lane_max = 10;
    list_init(&admission->ready);
}

static void lane_free(void *value)
{
    struct turn_lane *lane = value;

    mem_free(lane->key);
    mem_free(lane);
}

void turn_admission_clear(struct turn_admission *admission)
{
    map_clear_with(&admission->lanes, lane_free);
}

static struct turn_lane *lane_of(struct turn_admission *admission, const char *channel,
                                 const char *member)
{
    char *key = mem_printf("%s/%s", channel ? channel : "", member ? member : "");
    struct turn_lane *lane = map_get(&admission->lanes, key);

    if (lane) {
        mem_free(key);
        return lane;
    }
    lane = mem_zero(1, sizeof(*lane));
    lane->key = key;
    list_init(&lane->ready);
    list_init(&lane->tickets);
    map_set(&admission->lanes, key, lane);
    return lane;
}

static bool may_start(const struct turn_admission *admission, const struct turn_lane *lane)
{
    return !admission->holds ||
           container_of(lane->tickets.next, struct turn_ticket, link)->restored;
}

/* A lane that holds nothing is forgotten, so the map stays as small as the work. */
static void lane_settle(struct turn_admission *admission, struct turn_lane *lane)
{
    if (!lane->busy && !list_empty(&lane->tickets)) {
        if (!may_start(admission, lane)) {
            list_remove(&lane->ready);
            return;
        }
        if (list_empty(&lane->ready))
            list_append(&admission->ready, &lane->ready);
        return;
    }
    list_remove(&lane->ready);
    if (!lane->busy) {
        map_remove(&admission->lanes, lane->key);
        lane_free(lane);
    }
}

static void append(struct turn_admission *admission, struct turn_lane *lane,
                   struct turn_ticket *ticket)
{
    struct list_link *place = &lane->tickets;

    ticket->lane = lane;
    while (ticket->restored && place->prev != &lane->tickets &&
           !container_of(place->prev, struct turn_ticket, link)->restored)
        place = place->prev;
    list_insert_before(place, &ticket->link);
    lane->waiting++;
    admission->queued++;
    lane_settle(admission, lane);
}

enum turn_refusal turn_admission_add(struct turn_admission *admission, struct turn_ticket *ticket,
                                     const char *channel, const char *member)
{
    struct turn_lane *lane;

    list_init(&ticket->link);
    ticket->lane = NULL;
    ticket->running = ticket->restored = false;
    if (admission->draining)
        return TURN_REFUSED_DRAIN;
    if (admission->queued >= admission->queue_max)
        return TURN_REFUSED_QUEUE;
    lane = lane_of(admission, channel, member);
    if (lane->waiting >= admission->lane_max) {
        lane_settle(admission, lane);
        return TURN_REFUSED_LANE;
    }
    append(admission, lane, ticket);
    return TURN_ADMITTED;
}

void turn_admission_restore(struct turn_admission *admission, struct turn_ticket *ticket,
                            const char *channel, const char *member)
{
    list_init(&ticket->link);
    ticket->running = false;
    ticket->restored = true;
    append(admission, lane_of(admission, channel, member), ticket);
}

void turn_admission_hold(struct turn_admission *admission)
{
    admission->holds++;
    map_for_each (entry, &admission->lanes)
        lane_settle(admission, entry->value);
}

void turn_admission_release(struct turn_admission *admission)
{
    admission->holds--;
    map_for_each (entry, &admission->lanes)
        lane_settle(admission, entry->value);
}

struct turn_ticket *turn_admission_next(struct turn_admission *admission)
{
    struct list_link *link;
    struct turn_lane *lane;
    struct turn_ticket *ticket;

    if (admission->running >= admission->concurrent)
        return NULL;
    link = list_pop(&admission->ready);
    if (!link)
        return NULL;
    lane = container_of(link, struct turn_lane, ready);
    ticket = container_of(list_pop(&lane->tickets), struct turn_ticket, link);
    ticket->running = true;
    lane->busy = true;
    lane->waiting--;
    admission->queued--;
    admission->running++;
    if (admission->running > admission->running_peak)
        admission->running_peak = admission->running;
    return ticket;
}

void turn_admission_remove(struct turn_admission *admission, struct turn_ticket *ticket)
{
    struct turn_lane *lane = ticket->lane;

    if (!lane)
        return;
    if (ticket->running) {
        lane->busy = false;
        admission->running--;
    } else {
        list_remove(&ticket->link);
        lane->waiting--;
        admission->queued--;
    }
    ticket->lane = NULL;
    ticket->running = false;
    lane_settle(admission, lane);
}
