/* SPDX-License-Identifier: Apache-2.0
 *
 * Looking in the channel for what may have been sent. Discord gives no way to ask by nonce, so a
 * message is ours when the author, the reply reference and the text are. One search serves all rows
 * of a channel: after a crash there may be many. It reads on from just before the oldest asking
 * message, which by being there also proves that the history can be read: without the permission
 * Discord answers with an empty list (message.mdx, "Get Channel Messages").
 */
#include "gateway/discord/outbox_private.h"

#include "base/json.h"
#include "base/mem.h"
#include "gateway/discord/outbox_json.h"
#include "gateway/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PAGE          100
#define PAGES_MAX     20    /* for one row */
#define SELF_MS       500u  /* until it is known who we are */
#define GATHER_MS     100   /* for one search of what is due within it */
#define AGAIN_MS      5000u /* after a search that failed   */
#define AGAIN_MAX_MS  300000u
#define DISCORD_EPOCH INT64_C(1420070400000)
#define CLOCK_SKEW_MS 600000 /* for rows that answer no message: their time is our clock's */

/* One channel. */
struct lookup {
    struct discord_outbox *outbox;
    struct discord_alarm alarm;
    char *channel;
    struct list_link waiting; /* entries for the next search */
    struct list_link running; /* by `after`                 */
    bool flying, readable, orphan;
    bool probing; /* the last question: is there anything to be seen at all */
    unsigned failures;
    uint64_t after; /* read on from there */
};

static void ring(struct discord_alarm *alarm);
static void ask(struct lookup *lookup);

static struct lookup *lookup_of(struct discord_outbox *outbox, const char *channel)
{
    struct lookup *lookup = map_get(&outbox->lookups, channel);

    if (lookup)
        return lookup;
    lookup = mem_zero(1, sizeof(*lookup));
    lookup->outbox = outbox;
    lookup->channel = mem_strdup(channel);
    lookup->alarm.fire = ring;
    list_init(&lookup->waiting);
    list_init(&lookup->running);
    map_set(&outbox->lookups, channel, lookup);
    return lookup;
}

static void lookup_free(struct lookup *lookup)
{
    discord_alarm_clear(lookup->outbox, &lookup->alarm);
    if (!lookup->orphan)
        map_remove(&lookup->outbox->lookups, lookup->channel);
    mem_free(lookup->channel);
    mem_free(lookup);
}

/* What is to be searched next, if anything. */
static void go_on(struct lookup *lookup)
{
    struct discord_outbox *outbox = lookup->outbox;
    uint64_t now = loop_now(outbox->loop), first = UINT64_MAX;

    if (lookup->flying || lookup->alarm.node.place)
        return;
    if (list_empty(&lookup->waiting)) {
        lookup_free(lookup);
        return;
    }
    list_for_each (link, &lookup->waiting) {
        uint64_t due = container_of(link, struct discord_entry, look)->alarm.due;

        first = due < first ? due : first;
    }
    /* Rows that a start takes up one after the other are due one after the other, too. */
    discord_alarm_set(outbox, &lookup->alarm, (first > now ? first - now : 0) + GATHER_MS);
}

void discord_reconcile(struct discord_entry *entry)
{
    struct discord_outbox *outbox = entry->outbox;
    const struct outbox_row *row = entry->row;
    struct lookup *lookup = lookup_of(outbox, row->channel);
    int64_t ms = row->created_ms - DISCORD_EPOCH - CLOCK_SKEW_MS;

    entry->after = discord_outbox_number(row->reply_to);
    entry->after = entry->after ? entry->after - 1 : ms > 0 ? (uint64_t)ms << 22 : 0;
    entry->pages = 0;
    entry->asked_seen = false;
    /* The entry's own alarm is not set while it is looked for; only its time is used. */
    entry->alarm.due = loop_now(outbox->loop) + outbox->reconcile_ms;
    list_append(&lookup->waiting, &entry->look);
    outbox->stats.reconciling++;
    go_on(lookup);
}

void discord_reconcile_forget(struct discord_entry *entry)
{
    if (list_empty(&entry->look))
        return;
    list_remove(&entry->look);
    entry->outbox->stats.reconciling--;
}

/* ---- a search ------------------------------------------------------------------------------ */

static void start(struct lookup *lookup, struct discord_entry *entry)
{
    struct list_link *place = &lookup->running;

    list_remove(&entry->look);
    while (place->prev != &lookup->running &&
           container_of(place->prev, struct discord_entry, look)->after > entry->after)
        place = place->prev;
    list_insert_before(place, &entry->look);
}

/* The time of at least one row has come: those go whose time has. */
static void ring(struct discord_alarm *alarm)
{
    struct lookup *lookup = container_of(alarm, struct lookup, alarm);
    struct discord_outbox *outbox = lookup->outbox;
    uint64_t now = loop_now(outbox->loop);

    if (outbox->self == 0) {
        discord_alarm_set(outbox, alarm, SELF_MS);
        return;
    }
    list_for_each_safe (link, &lookup->waiting) {
        struct discord_entry *entry = container_of(link, struct discord_entry, look);

        if (entry->alarm.due <= now)
            start(lookup, entry);
    }
    if (list_empty(&lookup->running)) {
        go_on(lookup);
        return;
    }
    lookup->readable = lookup->probing = false;
    lookup->after = container_of(lookup->running.next, struct discord_entry, look)->after;
    ask(lookup);
}

/* The search is over for all that are left in it. */
static void end_all(struct lookup *lookup, void (*how)(struct discord_entry *entry))
{
    struct list_link left;

    list_init(&left);
    while (!list_empty(&lookup->running)) {
        struct list_link *link = list_pop(&lookup->running);

        list_append(&left, link);
    }
    while (!list_empty(&left)) {
        struct discord_entry *entry = container_of(left.next, struct discord_entry, look);

        discord_reconcile_forget(entry);
        how(entry);
    }
}

static void unreadable(struct discord_entry *entry)
{
    discord_entry_unknown(entry, "it may have been sent, and the channel's history cannot be read; "
                                 "allow the bot to read the message history there");
}

static void too_far(struct discord_entry *entry)
{
    discord_entry_unknown(entry, "it may have been sent, and the channel has moved on too far to "
                                 "look for it");
}

static void no_channel(struct discord_entry *entry)
{
    discord_entry_failed(entry, TROUPE_NOT_FOUND, "the channel is no more");
}

/* Not now: all of it anew. */
static void postpone(struct lookup *lookup)
{
    unsigned n = lookup->failures++;
    uint64_t ms = n < 6 ? (uint64_t)AGAIN_MS << n : AGAIN_MAX_MS;
    uint64_t due = loop_now(lookup->outbox->loop) + (ms < AGAIN_MAX_MS ? ms : AGAIN_MAX_MS);

    while (!list_empty(&lookup->running)) {
        struct discord_entry *entry =
            container_of(list_pop(&lookup->running), struct discord_entry, look);

        entry->alarm.due = due;
        entry->pages = 0;
        entry->asked_seen = false;
        list_append(&lookup->waiting, &entry->look);
    }
}

/* Whether the message can be the answer to the row's interaction, by what Discord says of it. */
static bool is_answer(const struct outbox_row *row, const json_t *message, uint64_t id)
{
    const json_t *through = json_object_get(message, "interaction_metadata");

    if (row->detached) /* made like any message, below what asked for it */
        return id > discord_outbox_number(row->event->source_id);
    if (!json_is_object(through))
        through = json_object_get(message, "interaction"); /* its deprecated form */
    return !strcmp(json_get_str(through, "id", ""), row->event->source_id);
}

static bool is_ours(const struct discord_entry *entry, const json_t *message, uint64_t id)
{
    const json_t *reference = json_object_get(message, "message_reference");
    const char *content = json_get_str(message, "content", "");
    uint64_t answers = discord_outbox_number(json_get_str(reference, "message_id", NULL));
    uint64_t asked = discord_outbox_number(entry->row->reply_to);

    if (entry->row->event)
        return is_answer(entry->row, message, id) && discord_outbox_shows(entry->row, content) &&
               discord_outbox_same_file(entry->row, message) && !discord_entry_claimed(entry, id);
    /* A reply to a message that was deleted meanwhile is made without the reference. */
    if (id <= asked || (answers != asked && (answers != 0 || entry->asked_seen)))
        return false;
    return (discord_outbox_same_text(entry->row->body, content) ||
            (entry->body && discord_outbox_same_text(entry->body, content))) &&
           discord_outbox_same_file(entry->row, message) && !discord_entry_claimed(entry, id);
}

/* The first row that the message belongs to. */
static struct discord_entry *owner_of(const struct lookup *lookup, const json_t *message,
                                      uint64_t id)
{
    struct discord_entry *best = NULL;

    list_for_each (link, &lookup->running) {
        struct discord_entry *entry = container_of(link, struct discord_entry, look);

        if ((!best || entry->row->id < best->row->id) && is_ours(entry, message, id))
            best = entry;
    }
    return best;
}

/* Reads a page, the oldest message first; returns the newest id. */
static uint64_t read_page(struct lookup *lookup, const json_t *page)
{
    uint64_t newest = lookup->after;

    for (size_t i = json_array_size(page); i-- > 0;) {
        const json_t *message = json_array_get(page, i);
        uint64_t id = discord_outbox_number(json_get_str(message, "id", NULL));
        const json_t *author = json_object_get(message, "author");
        struct discord_entry *entry;

        lookup->readable = true;
        newest = id > newest ? id : newest;
        list_for_each (link, &lookup->running) {
            entry = container_of(link, struct discord_entry, look);
            if (entry->row->reply_to && discord_outbox_number(entry->row->reply_to) == id)
                entry->asked_seen = true;
        }
        if (discord_outbox_number(json_get_str(author, "id", NULL)) != lookup->outbox->self)
            continue;
        entry = owner_of(lookup, message, id);
        if (entry) {
            discord_reconcile_forget(entry);
            discord_entry_found(entry, id, json_get_str(message, "content", ""));
        }
    }
    return newest;
}

/* There is more to read: rows that had their share are given up, the others read on. */
static void next_page(struct lookup *lookup, uint64_t newest)
{
    list_for_each_safe (link, &lookup->running) {
        struct discord_entry *entry = container_of(link, struct discord_entry, look);

        if (entry->after >= newest || ++entry->pages < PAGES_MAX)
            continue;
        discord_reconcile_forget(entry);
        too_far(entry);
    }
    if (list_empty(&lookup->running))
        return;
    lookup->after = container_of(lookup->running.next, struct discord_entry, look)->after;
    if (lookup->after < newest)
        lookup->after = newest;
    ask(lookup);
}

static void take(struct lookup *lookup, const json_t *page)
{
    uint64_t newest = read_page(lookup, page);

    lookup->failures = 0;
    if (!lookup->probing && json_array_size(page) == PAGE && newest > lookup->after) {
        next_page(lookup, newest);
    } else if (lookup->readable) {
        end_all(lookup, discord_entry_absent);
    } else if (lookup->probing) {
        end_all(lookup, unreadable);
    } else {
        lookup->probing = true;
        ask(lookup);
    }
}

static void on_page(void *arg, troupe_status status, const struct discord_response *response,
                    const struct error *err)
{
    struct lookup *lookup = arg;
    struct discord_outbox *outbox = lookup->outbox;
    json_t *page = NULL;

    (void)err;
    lookup->flying = false;
    if (lookup->orphan) {
        lookup_free(lookup);
        discord_outbox_unhold(outbox);
        return;
    }
    if (status == TROUPE_OK &&
        (json_parse(response->body, response->len, &page, NULL) != TROUPE_OK ||
         !json_is_array(page)))
        status = TROUPE_DATA;
    if (status == TROUPE_OK)
        take(lookup, page);
    else if (status == TROUPE_DENIED && response->status != 401)
        end_all(lookup, unreadable);
    else if (status == TROUPE_NOT_FOUND)
        end_all(lookup, no_channel);
    else
        postpone(lookup);
    json_decref(page);
    if (!lookup->flying)
        go_on(lookup);
    discord_outbox_unhold(outbox);
}

static void ask(struct lookup *lookup)
{
    char path[128];
    struct discord_request request = {.method = "GET",
                                      .route = "/channels/{channel}/messages",
                                      .path = path,
                                      .major = lookup->channel,
                                      .priority = DISCORD_READING,
                                      .repeatable = true};

    if (!lookup->probing)
        snprintf(path, sizeof(path), "/channels/%.24s/messages?after=%" PRIu64 "&limit=%d",
                 lookup->channel, lookup->after, PAGE);
    else
        snprintf(path, sizeof(path), "/channels/%.24s/messages?limit=%d", lookup->channel, PAGE);
    if (discord_rest_send(lookup->outbox->rest, &request, on_page, lookup, NULL) == TROUPE_OK) {
        lookup->flying = true;
        discord_outbox_hold(lookup->outbox);
    } else {
        postpone(lookup);
        go_on(lookup);
    }
}

void discord_reconcile_clear(struct discord_outbox *outbox)
{
    while (outbox->lookups.count > 0) {
        struct lookup *lookup = outbox->lookups.entries[outbox->lookups.count - 1].value;
        struct list_link *const lists[] = {&lookup->waiting, &lookup->running};

        for (int i = 0; i < 2; i++)
            while (!list_empty(lists[i]))
                discord_reconcile_forget(container_of(lists[i]->next, struct discord_entry, look));
        if (!lookup->flying) {
            lookup_free(lookup);
            continue;
        }
        discord_alarm_clear(outbox, &lookup->alarm);
        map_remove(&outbox->lookups, lookup->channel);
        lookup->orphan = true; /* it goes when its answer comes */
    }
}
