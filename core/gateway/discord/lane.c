/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/lane.h"

#include "base/mem.h"
#include "gateway/discord/place.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct discord_lane {
    char *key; /* "CHANNEL/MEMBER", "#TURN" or "@INTERACTION" */
    struct list_link entries;
};

static struct discord_lane *lane_of(struct discord_outbox *outbox, const struct outbox_row *row)
{
    struct discord_lane *lane;
    char key[64];

    /* Ids are decimal texts, see event.h; a longer one could only share a lane, which does no harm. */
    if (row->event && !row->turn) /* of a command that nothing keeps */
        snprintf(key, sizeof(key), "@%.24s", row->event->source_id);
    else if (row->member && !discord_place_is(row->reply_to))
        snprintf(key, sizeof(key), "%.24s/%.24s", row->channel, row->member);
    else if (row->turn)
        snprintf(key, sizeof(key), "#%" PRId64, row->turn);
    else
        return NULL;
    lane = map_get(&outbox->lanes, key);
    if (lane)
        return lane;
    lane = mem_zero(1, sizeof(*lane));
    lane->key = mem_strdup(key);
    list_init(&lane->entries);
    map_set(&outbox->lanes, key, lane);
    return lane;
}

static struct discord_entry *entry_at(struct list_link *link)
{
    return container_of(link, struct discord_entry, in_lane);
}

void discord_lane_join(struct discord_entry *entry)
{
    struct discord_lane *lane;
    struct list_link *place;

    list_init(&entry->in_lane);
    lane = entry->row->remote_id ? NULL : lane_of(entry->outbox, entry->row);
    entry->lane = lane;
    if (!lane)
        return;
    place = &lane->entries;
    while (place->prev != &lane->entries && entry_at(place->prev)->row->id > entry->row->id)
        place = place->prev;
    list_insert_before(place, &entry->in_lane);
}

struct discord_entry *discord_lane_next(const struct discord_entry *entry)
{
    if (!entry->lane || entry->in_lane.next == &entry->lane->entries)
        return NULL;
    return entry_at(entry->in_lane.next);
}

struct discord_entry *discord_lane_leave(struct discord_entry *entry)
{
    struct discord_entry *next = discord_lane_next(entry);
    struct discord_lane *lane = entry->lane;

    if (!lane)
        return NULL;
    list_remove(&entry->in_lane);
    entry->lane = NULL;
    if (list_empty(&lane->entries)) {
        map_remove(&entry->outbox->lanes, lane->key);
        mem_free(lane->key);
        mem_free(lane);
    }
    return next;
}

bool discord_lane_blocks(const struct discord_entry *entry)
{
    /* What an earlier process had begun and is not there belongs to a turn that runs again. */
    return entry->wanted || entry->state == DISCORD_ENTRY_LOOKING;
}

bool discord_lane_waits(const struct discord_entry *entry)
{
    if (!entry->lane)
        return false;
    for (struct list_link *link = entry->in_lane.prev; link != &entry->lane->entries;
         link = link->prev)
        if (discord_lane_blocks(entry_at(link)))
            return true;
    return false;
}
