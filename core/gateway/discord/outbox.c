/* SPDX-License-Identifier: Apache-2.0
 *
 * Delivery. A row has an entry from its first show until it is done; no coroutine and no list that is
 * searched. A create is never repeated by the layers below (it is not "repeatable"): only what was
 * looked up and not found is sent again. Edits may overtake nothing: the schedule sends the newest of
 * a message and never two at once.
 */
#include "gateway/discord/outbox_private.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/attached.h"
#include "gateway/discord/lane.h"
#include "gateway/discord/outbox_attached.h"
#include "gateway/discord/outbox_json.h"
#include "gateway/discord/place.h"
#include "gateway/discord/reply.h"
#include "gateway/discord/unsaid.h"
#include "gateway/event.h"
#include "loop/latch.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define CREATE_KEY_SIZE 32

#define LATER_MS        5000u
#define LATER_MAX_MS    300000u
#define MESSAGES        "/channels/{channel}/messages"
#define MESSAGE         "/channels/{channel}/messages/{message}"

/* Codes of Discord's (opcodes-and-status-codes.mdx, "JSON Error Codes"). */
enum { CODE_SLOW_MODE = 20016, CODE_OVERLOADED = 130000, CODE_THREAD_THERE = 160004 };

struct call {
    struct list_link link;
    uint64_t number;
    void (*done)(void *arg, troupe_status status);
    void *arg;
};

/* An edit on its way. */
struct edit {
    struct discord_entry *entry;
    uint64_t number;
};

static void advance(struct discord_entry *entry);
static void store_changed(struct discord_entry *entry);
static void unattach(struct discord_entry *entry);
static void move(struct discord_entry *entry);

/* ---- alarms -------------------------------------------------------------------------------- */

static bool rings_before(const struct heap_node *a, const struct heap_node *b)
{
    return container_of(a, struct discord_alarm, node)->due <
           container_of(b, struct discord_alarm, node)->due;
}

static void arm(struct discord_outbox *outbox)
{
    const struct heap_node *first = heap_first(&outbox->alarms);
    uint64_t due, now;

    if (!first || outbox->closed)
        return;
    due = container_of(first, struct discord_alarm, node)->due;
    if (outbox->armed && outbox->armed <= due)
        return;
    now = loop_now(outbox->loop);
    outbox->armed = due;
    loop_timer_start(&outbox->timer, due > now ? due - now : 0, 0);
}

static void on_timer(struct loop_timer *timer)
{
    struct discord_outbox *outbox = container_of(timer, struct discord_outbox, timer);
    uint64_t now = loop_now(outbox->loop);
    struct heap_node *first;

    outbox->armed = 0;
    while (!outbox->closed && (first = heap_first(&outbox->alarms)) != NULL) {
        struct discord_alarm *alarm = container_of(first, struct discord_alarm, node);

        if (alarm->due > now)
            break;
        heap_remove(&outbox->alarms, first);
        alarm->fire(alarm);
    }
    arm(outbox);
}

void discord_alarm_set(struct discord_outbox *outbox, struct discord_alarm *alarm, uint64_t in_ms)
{
    heap_remove(&outbox->alarms, &alarm->node);
    alarm->due = loop_now(outbox->loop) + in_ms;
    heap_add(&outbox->alarms, &alarm->node);
    arm(outbox);
}

void discord_alarm_clear(struct discord_outbox *outbox, struct discord_alarm *alarm)
{
    heap_remove(&outbox->alarms, &alarm->node);
}

/* ---- entries ------------------------------------------------------------------------------- */

static struct discord_batch *batch_of(struct discord_outbox *outbox, int64_t turn)
{
    struct discord_batch *batch;
    char key[24];

    if (turn == 0)
        return NULL;
    snprintf(key, sizeof(key), "%" PRId64, turn);
    batch = map_get(&outbox->batches, key);
    if (batch)
        return batch;
    batch = mem_zero(1, sizeof(*batch));
    memcpy(batch->key, key, sizeof(key));
    list_init(&batch->entries);
    map_set(&outbox->batches, key, batch);
    return batch;
}

static void claim(struct discord_batch *batch, uint64_t id)
{
    batch->claimed = mem_resize(batch->claimed, batch->claimed_count + 1, sizeof(*batch->claimed));
    batch->claimed[batch->claimed_count++] = id;
}

bool discord_entry_claimed(const struct discord_entry *entry, uint64_t id)
{
    const struct discord_batch *batch = entry->batch;

    for (size_t i = 0; batch && i < batch->claimed_count; i++)
        if (batch->claimed[i] == id)
            return true;
    if (batch)
        list_for_each (link, &batch->entries)
            if (discord_outbox_number(
                    container_of(link, struct discord_entry, order)->row->remote_id) == id)
                return true;
    return false;
}

static void on_alarm(struct discord_alarm *alarm)
{
    struct discord_entry *entry = container_of(alarm, struct discord_entry, alarm);

    entry->state = DISCORD_ENTRY_IDLE;
    advance(entry);
}

static struct discord_entry *entry_of(struct discord_outbox *outbox, struct outbox_row *row)
{
    struct discord_entry *entry = row->delivery;
    struct list_link *place;

    if (entry)
        return entry;
    entry = mem_zero(1, sizeof(*entry));
    entry->outbox = outbox;
    entry->row = row;
    entry->alarm.fire = on_alarm;
    list_init(&entry->order);
    list_init(&entry->look);
    list_init(&entry->calls);
    row->delivery = entry;
    discord_lane_join(entry);
    list_append(&outbox->entries, &entry->link);
    entry->batch = batch_of(outbox, row->turn);
    if (!entry->batch)
        return entry;
    place = &entry->batch->entries;
    while (place->prev != &entry->batch->entries &&
           container_of(place->prev, struct discord_entry, order)->row->id > row->id)
        place = place->prev;
    list_insert_before(place, &entry->order);
    return entry;
}

static void batch_check(struct discord_outbox *outbox, struct discord_batch *batch)
{
    if (!batch || !list_empty(&batch->entries))
        return;
    map_remove(&outbox->batches, batch->key);
    mem_free(batch->claimed);
    mem_free(batch);
}

/* The entry and its row are gone afterwards. */
void discord_entry_free(struct discord_entry *entry)
{
    struct discord_outbox *outbox = entry->outbox;

    discord_alarm_clear(outbox, &entry->alarm);
    discord_reconcile_forget(entry);
    discord_lane_leave(entry);
    list_remove(&entry->link);
    list_remove(&entry->order);
    batch_check(outbox, entry->batch);
    if (entry->final)
        outbox->stats.waiting--;
    mem_free(entry->body);
    mem_free(entry->buttons);
    latch_unref(entry->latch);
    outbox_row_free(entry->row);
    mem_free(entry);
}

/* Tells those who wait for a body up to `number`. */
static void tell(struct discord_entry *entry, uint64_t number, troupe_status status)
{
    struct list_link told;

    list_init(&told);
    list_for_each_safe (link, &entry->calls) {
        if (container_of(link, struct call, link)->number > number)
            continue;
        list_remove(link);
        list_append(&told, link);
    }
    while (!list_empty(&told)) { /* they may show more */
        struct call *call = container_of(list_pop(&told), struct call, link);

        call->done(call->arg, status);
        mem_free(call);
    }
}

/* Between these two the entry stays, whatever those do who are told. */
static void enter(struct discord_entry *entry)
{
    entry->requests++;
}

static void leave(struct discord_entry *entry)
{
    if (--entry->requests == 0 && entry->done)
        discord_entry_free(entry);
}

/* Those go on that had to wait for what stood before `next`. */
static void wake(struct discord_entry *next)
{
    while (next) {
        advance(next);
        next = discord_lane_blocks(next) ? NULL : discord_lane_next(next);
    }
}

/* It is there, or will never be. */
static void clear_way(struct discord_entry *entry)
{
    wake(discord_lane_leave(entry));
}

/* Nothing more comes of a final entry: whoever waited behind it goes on. */
static void finish(struct discord_entry *entry, troupe_status status)
{
    uint64_t id = discord_outbox_number(entry->row->remote_id);

    enter(entry);
    entry->state = DISCORD_ENTRY_OVER;
    entry->over = status;
    entry->done = true;
    if (entry->batch && id)
        claim(entry->batch, id);
    tell(entry, UINT64_MAX, status);
    clear_way(entry);
    leave(entry);
}

static void mark(struct discord_entry *entry, enum outbox_state state, const char *why)
{
    entry->row->state = state;
    outbox_mark(entry->outbox->rows, entry->row->id, state, entry->row->remote_id, why);
    if (entry->row->files && state != OUTBOX_STREAMING && state != OUTBOX_READY)
        outbox_mark_files(entry->outbox->rows, entry->row->turn);
}

/* It ends here; one that is not final stays for its owner, who asks again. */
static void give_up(struct discord_entry *entry, enum outbox_state state, troupe_status status,
                    const char *why)
{
    log_warn("discord", "message %" PRId64 " to channel %s is %s: %s", entry->row->id,
             entry->row->channel, state == OUTBOX_UNKNOWN ? "unknown" : "given up", why);
    mark(entry, state, why);
    discord_unsaid_row(entry, why);
    if (entry->final) {
        finish(entry, status);
        return;
    }
    enter(entry);
    entry->state = DISCORD_ENTRY_OVER;
    entry->over = status;
    tell(entry, UINT64_MAX, status);
    clear_way(entry);
    leave(entry);
}

void discord_entry_failed(struct discord_entry *entry, troupe_status status, const char *why)
{
    entry->outbox->stats.failed++;
    give_up(entry, OUTBOX_FAILED, status, why);
}

void discord_entry_unknown(struct discord_entry *entry, const char *why)
{
    entry->outbox->stats.unknown++;
    give_up(entry, OUTBOX_UNKNOWN, TROUPE_MAYBE_DONE, why);
}

void discord_entry_later(struct discord_entry *entry)
{
    unsigned n = entry->failures++;
    uint64_t ms = n < 6 ? (uint64_t)LATER_MS << n : LATER_MAX_MS;

    entry->state = DISCORD_ENTRY_LATER;
    discord_alarm_set(entry->outbox, &entry->alarm, ms < LATER_MAX_MS ? ms : LATER_MAX_MS);
}

/* Not the row's fault: nothing was sent, or Discord wants it later. */
static bool wants_later(troupe_status status, const struct discord_response *response)
{
    return status == TROUPE_UNAVAILABLE || status == TROUPE_DEADLINE || status == TROUPE_BUSY ||
           response->status == 401 || response->code == CODE_SLOW_MODE ||
           response->code == CODE_OVERLOADED;
}

/* ---- requests ------------------------------------------------------------------------------ */

static bool is_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Whether the newest body that was sent is the row's. */
static bool is_sent(const struct discord_entry *entry)
{
    return entry->sent > 0 && is_text(entry->body, entry->row->body) &&
           is_text(entry->buttons, entry->row->buttons);
}

static uint64_t note_sent(struct discord_entry *entry)
{
    const struct outbox_row *row = entry->row;

    if (!is_sent(entry)) {
        mem_free(entry->body);
        mem_free(entry->buttons);
        entry->body = mem_strdup(row->body);
        entry->buttons = row->buttons ? mem_strdup(row->buttons) : NULL;
        entry->sent++;
    }
    entry->final_sent = entry->final;
    return entry->sent;
}

static void note_shown(struct discord_entry *entry, uint64_t number)
{
    entry->failures = 0;
    if (entry->shown < number)
        entry->shown = number;
    tell(entry, entry->shown, TROUPE_OK);
}

static void set_remote(struct discord_entry *entry, uint64_t id)
{
    mem_free(entry->row->remote_id);
    entry->row->remote_id = mem_printf("%" PRIu64, id);
}

/* The message is there, with the body of that number: remembers it, which a final mark does, too. */
static void created(struct discord_entry *entry, uint64_t id, uint64_t number)
{
    set_remote(entry, id);
    if (discord_reply_is(entry->row))
        discord_outbox_note_answered(entry->outbox, entry->row->event->source_id);
    entry->state = DISCORD_ENTRY_IDLE;
    if (entry->final && is_sent(entry)) {
        entry->shown = entry->sent;
        mark(entry, OUTBOX_SENT, NULL);
        discord_sorry_go_on(entry->outbox);
        finish(entry, TROUPE_OK); /* and the next goes on */
        return;
    }
    mark(entry, entry->row->state, NULL);
    enter(entry);
    discord_sorry_go_on(entry->outbox);
    note_shown(entry, number);
    advance(entry);
    clear_way(entry);
    leave(entry);
}

/* A nonce that Discord knew gives the message of the first attempt, with the text of that one. */
static uint64_t number_of(struct discord_entry *entry, const struct discord_response *response)
{
    _cleanup_json_ json_t *message = NULL;
    const char *content;

    if (!entry->again || json_parse(response->body, response->len, &message, NULL) != TROUPE_OK)
        return entry->sent;
    content = json_get_str(message, "content", NULL);
    if (!content || discord_outbox_same_text(content, entry->body))
        return entry->sent;
    mem_free(entry->body);
    entry->body = mem_strdup(content);
    return entry->sent - 1;
}

static void on_created(void *arg, troupe_status status, const struct discord_response *response,
                       const struct error *err)
{
    struct discord_entry *entry = arg;
    struct discord_outbox *outbox = entry->outbox;
    uint64_t id = status == TROUPE_OK ? discord_outbox_id(response->body, response->len) : 0;

    if (outbox->closed || entry->done) { /* done: its row was never stored */
        entry->done = true;
    } else if (id) {
        outbox->stats.created++;
        created(entry, id, number_of(entry, response));
    } else if (discord_reply_is(entry->row) &&
               discord_reply_failed(entry, status == TROUPE_OK ? TROUPE_MAYBE_DONE : status,
                                    response->code)) {
        /* it is dealt with */
    } else if (status == TROUPE_OK || status == TROUPE_MAYBE_DONE) {
        entry->state = DISCORD_ENTRY_LOOKING;
        discord_reconcile(entry);
    } else if (status == TROUPE_CANCELED) {
        entry->state = DISCORD_ENTRY_IDLE; /* everything is being closed: it stays owed */
    } else if (wants_later(status, response)) {
        discord_entry_later(entry);
    } else if (entry->row->files) {
        log_warn("discord", "files cannot be attached in channel %s: %s", entry->row->channel,
                 err->text);
        unattach(entry);
    } else if (entry->row->file_name) {
        log_warn("discord", "a file cannot be attached in channel %s: %s", entry->row->channel,
                 err->text);
        discord_outbox_unfile(entry->row);
        store_changed(entry);
    } else if (response->code == DISCORD_NO_HISTORY && entry->row->reply_to) {
        discord_unsaid_unrefer(entry->row);
        store_changed(entry);
    } else if (entry->row->parent) { /* the bot may open threads and not write there */
        move(entry);
    } else {
        discord_entry_failed(entry, status, err->text);
    }
    leave(entry);
    discord_outbox_unhold(outbox);
}

static void changed(void *arg, struct store_batch *batch, troupe_status status,
                    const struct error *err)
{
    struct discord_entry *entry = arg;
    struct discord_outbox *outbox = entry->outbox;

    (void)batch;
    if (status < 0)
        log_warn("discord", "message %" PRId64 " is sent otherwise than stored: %s", entry->row->id,
                 err->text);
    entry->state = DISCORD_ENTRY_IDLE;
    if (outbox->closed)
        discord_entry_free(entry);
    else
        advance(entry);
    discord_outbox_unhold(outbox);
}

/* The row goes out another way than it was stored. Stored first: what a later process looks for, or
 * edits, is what was sent. It is being created until then. */
static void store_changed(struct discord_entry *entry)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    outbox_move(batch, entry->row);
    discord_outbox_hold(entry->outbox);
    if (store_submit(entry->outbox->store, batch, changed, entry, NULL) == TROUPE_OK)
        return;
    entry->state = DISCORD_ENTRY_IDLE;
    advance(entry);
    discord_outbox_unhold(entry->outbox);
}

/* It goes without its files, and says so. */
static void unattach(struct discord_entry *entry)
{
    discord_attached_drop(entry->row);
    outbox_mark_files(entry->outbox->rows, entry->row->turn);
    store_changed(entry);
}

/* No thread may be opened: the answer stands below the message, where that is. */
static void move(struct discord_entry *entry)
{
    struct outbox_row *row = entry->row;

    mem_free(row->reply_to);
    mem_free(row->thread_name);
    row->reply_to = row->channel;
    row->channel = row->parent;
    row->parent = row->thread_name = NULL;
    store_changed(entry);
}

void discord_entry_opened(struct discord_entry *entry, troupe_status status,
                          const struct discord_response *response)
{
    struct discord_outbox *outbox = entry->outbox;

    if (outbox->closed) {
        discord_entry_free(entry);
    } else if (status == TROUPE_OK || response->code == CODE_THREAD_THERE) {
        entry->opened = true;
        if (status == TROUPE_OK)
            entry->look_first = false; /* nothing can be there yet */
        if (entry->batch)
            entry->batch->opened = true;
        entry->state = DISCORD_ENTRY_IDLE;
        advance(entry);
    } else if (status == TROUPE_CANCELED) {
        entry->state = DISCORD_ENTRY_IDLE;
    } else if (status == TROUPE_MAYBE_DONE || wants_later(status, response)) {
        discord_entry_later(entry); /* opening it twice does no harm */
    } else {
        move(entry);
    }
    discord_outbox_unhold(outbox);
}

static void create_key(const struct outbox_row *row, char ret[CREATE_KEY_SIZE])
{
    snprintf(ret, CREATE_KEY_SIZE, "create %" PRId64, row->id);
}

static void create(struct discord_entry *entry)
{
    const struct outbox_row *row = entry->row;
    _cleanup_buf_ struct buf body = BUF_INIT, type = BUF_INIT;
    _cleanup_mem_ char *own = NULL;
    char path[64], key[CREATE_KEY_SIZE];
    struct discord_request request = {.method = "POST",
                                      .route = MESSAGES,
                                      .path = path,
                                      .major = row->channel,
                                      .priority = entry->final ? DISCORD_FINAL : DISCORD_CREATE,
                                      .owned = true,
                                      .after = entry->latch};

    if (discord_entry_open(entry))
        return;
    if (row->files && !attached_is_whole(row->files)) {
        entry->state = DISCORD_ENTRY_CREATING;
        unattach(entry);
        return;
    }
    if (entry->look_first) {
        entry->look_first = false;
        entry->state = DISCORD_ENTRY_LOOKING;
        discord_reconcile(entry);
        return;
    }
    if (discord_reply_is(row)) {
        if (!discord_reply_ready(entry))
            return;
        own = discord_reply_request(entry, &request);
        request.path = own;
    }
    snprintf(path, sizeof(path), "/channels/%.24s/messages", row->channel);
    if (!entry->final && !request.coalesce) { /* by which it can be taken back */
        create_key(row, key);
        request.coalesce = key;
    }
    if (row->files)
        discord_attached_write(row, &body, &type);
    else if (row->file_name)
        discord_outbox_write_file(row, &body, &type);
    else
        discord_outbox_write(row, true, &body);
    request.body = body.data;
    request.body_len = body.len;
    request.type = type.data;
    if (discord_rest_send(entry->outbox->rest, &request, on_created, entry, NULL) != TROUPE_OK) {
        discord_entry_later(entry);
        return;
    }
    if (entry->again)
        entry->outbox->stats.reconciled_repeated++;
    note_sent(entry);
    entry->state = DISCORD_ENTRY_CREATING;
    enter(entry);
    discord_outbox_hold(entry->outbox);
}

static void on_edited(void *arg, troupe_status status, const struct discord_response *response,
                      const struct error *err)
{
    struct edit *edit = arg;
    struct discord_entry *entry = edit->entry;
    struct discord_outbox *outbox = entry->outbox;
    uint64_t number = edit->number;
    bool newest = entry->requests == 1; /* what comes back last is the newest */
    /* Nobody waits for it any more, a newer one is awaited, or a newer one tells. */
    bool moot = outbox->closed || entry->done || status == TROUPE_CANCELED ||
                (status != TROUPE_OK && (!newest || entry->state == DISCORD_ENTRY_OVER));

    mem_free(edit);
    if (!moot && status == TROUPE_OK) {
        outbox->stats.edited++;
        note_shown(entry, number);
        advance(entry);
    } else if (moot || (discord_reply_is(entry->row) &&
                        discord_reply_failed(entry, status, response->code))) {
        /* nothing more is to be done */
    } else if (status == TROUPE_MAYBE_DONE || wants_later(status, response)) {
        mem_free(entry->body); /* what it shows is not known: the same body is worth an edit */
        entry->body = NULL;
        discord_entry_later(entry);
    } else {
        discord_entry_failed(entry, status, err->text);
    }
    if (outbox->closed)
        entry->done = true;
    leave(entry);
    discord_outbox_unhold(outbox);
}

static void edit(struct discord_entry *entry)
{
    const struct outbox_row *row = entry->row;
    struct edit *edit = mem_zero(1, sizeof(*edit));
    _cleanup_buf_ struct buf body = BUF_INIT;
    _cleanup_mem_ char *own = NULL;
    char path[96];
    struct discord_request request = {.method = "PATCH",
                                      .route = MESSAGE,
                                      .path = path,
                                      .major = row->channel,
                                      .priority = entry->final ? DISCORD_FINAL : DISCORD_EDIT,
                                      .coalesce = path,
                                      .owned = true,
                                      .repeatable = true};

    snprintf(path, sizeof(path), "/channels/%.24s/messages/%.24s", row->channel, row->remote_id);
    if (discord_reply_is(row)) {
        own = discord_reply_request(entry, &request);
        request.path = own;
    }
    discord_outbox_write(row, false, &body);
    request.body = body.data;
    request.body_len = body.len;
    edit->entry = entry;
    if (discord_rest_send(entry->outbox->rest, &request, on_edited, edit, NULL) != TROUPE_OK) {
        mem_free(edit);
        discord_entry_later(entry);
        return;
    }
    edit->number = note_sent(entry);
    enter(entry);
    discord_outbox_hold(entry->outbox);
}

/* ---- what is next -------------------------------------------------------------------------- */

static void advance(struct discord_entry *entry)
{
    if (entry->state != DISCORD_ENTRY_IDLE || !entry->wanted)
        return;
    if (!entry->row->remote_id) {
        if (!discord_lane_waits(entry))
            create(entry);
    } else if (!is_sent(entry)) {
        edit(entry);
    } else if (entry->shown < entry->sent) {
        if (entry->final && !entry->final_sent)
            edit(entry); /* the same with the priority of an end */
    } else if (entry->final) {
        mark(entry, OUTBOX_SENT, NULL);
        finish(entry, TROUPE_OK);
    } else {
        tell(entry, entry->shown, TROUPE_OK);
    }
}

void discord_entry_found(struct discord_entry *entry, uint64_t id, const char *content)
{
    entry->outbox->stats.reconciled_found++;
    if (entry->sent == 0 || !discord_outbox_same_text(entry->body ? entry->body : "", content)) {
        /* As an earlier process sent it: the row's body, unless that has changed since. */
        mem_free(entry->body);
        mem_free(entry->buttons);
        entry->body = mem_strdup(
            discord_outbox_same_text(entry->row->body, content) ? entry->row->body : content);
        entry->buttons = entry->row->buttons ? mem_strdup(entry->row->buttons) : NULL;
        entry->sent++;
    }
    created(entry, id, entry->sent);
}

void discord_entry_absent(struct discord_entry *entry)
{
    entry->state = DISCORD_ENTRY_IDLE;
    entry->again = true;
    advance(entry);
    if (!discord_lane_blocks(entry))
        wake(discord_lane_next(entry));
}

void discord_entry_advance(struct discord_entry *entry)
{
    if (entry->state == DISCORD_ENTRY_CREATING)
        entry->state = DISCORD_ENTRY_IDLE;
    advance(entry);
}

void discord_outbox_show(struct discord_outbox *outbox, struct outbox_row *row, bool final,
                         void (*done)(void *arg, troupe_status status), void *arg)
{
    struct discord_entry *entry;
    bool was_final;

    if (outbox->closed) {
        if (done)
            done(arg, TROUPE_CANCELED);
        return;
    }
    entry = entry_of(outbox, row);
    was_final = entry->final;
    entry->final = was_final || final;
    if (entry->final && !was_final)
        outbox->stats.waiting++;
    entry->wanted = true;
    if (done) {
        struct call *call = mem_zero(1, sizeof(*call));

        call->done = done;
        call->arg = arg;
        call->number = is_sent(entry) ? entry->sent : entry->sent + 1;
        list_append(&entry->calls, &call->link);
    }
    if (entry->state != DISCORD_ENTRY_OVER)
        advance(entry);
    else if (entry->final && !was_final)
        finish(entry, entry->over);
    else
        tell(entry, UINT64_MAX, entry->over);
}

void discord_outbox_ahead(struct discord_outbox *outbox, struct outbox_row *row,
                          struct latch *latch)
{
    struct discord_entry *entry = entry_of(outbox, row);

    entry->latch = latch_ref(latch);
    enter(entry);
    discord_outbox_hold(outbox);
    discord_outbox_show(outbox, row, true, NULL, NULL);
}

void discord_outbox_settle(struct outbox_row *row, bool durable)
{
    struct discord_entry *entry = row->delivery;
    struct discord_outbox *outbox = entry->outbox;

    latch_unref(entry->latch);
    entry->latch = NULL;
    if (outbox->closed)
        entry->done = entry->done || entry->state != DISCORD_ENTRY_CREATING;
    else if (!durable)
        discord_outbox_drop(row);
    leave(entry);
    discord_outbox_unhold(outbox);
}

bool discord_outbox_take_back(struct discord_outbox *outbox, struct outbox_row *row)
{
    struct discord_entry *entry = row->delivery;
    char key[CREATE_KEY_SIZE];
    bool absent;

    if (!entry || outbox->closed || entry->final)
        return false;
    create_key(row, key);
    if (entry->state == DISCORD_ENTRY_CREATING)
        (void)discord_rest_take_back(outbox->rest, key); /* it is idle then: see on_created */
    if (!row->remote_id && entry->state == DISCORD_ENTRY_LATER) {
        discord_alarm_clear(outbox, &entry->alarm);
        entry->state = DISCORD_ENTRY_IDLE;
    }
    absent = !row->remote_id && entry->state == DISCORD_ENTRY_IDLE && !entry->look_first;
    if (absent)
        entry->wanted = false;
    if (absent || row->remote_id)
        tell(entry, UINT64_MAX, TROUPE_CANCELED);
    return absent;
}

void discord_outbox_drop(struct outbox_row *row)
{
    struct discord_entry *entry = row->delivery;

    enter(entry);
    entry->done = true;
    clear_way(entry);
    leave(entry);
}

void discord_outbox_pass(struct outbox_row *row)
{
    wake(discord_lane_next(row->delivery));
}

size_t discord_outbox_streams(struct discord_outbox *outbox, int64_t turn, unsigned ordinal,
                              struct outbox_row **ret, size_t max)
{
    const struct discord_batch *batch;
    size_t count = 0;
    char key[24];

    snprintf(key, sizeof(key), "%" PRId64, turn);
    batch = map_get(&outbox->batches, key);
    if (!batch)
        return 0;
    list_for_each (link, &batch->entries) {
        const struct discord_entry *entry = container_of(link, struct discord_entry, order);

        if (entry->row->ordinal == ordinal && !entry->final && count < max)
            ret[count++] = entry->row;
    }
    return count;
}

/* ---- life ---------------------------------------------------------------------------------- */

static troupe_status load_claims(struct discord_outbox *outbox, struct error *err)
{
    /* What rows of the open turns have shown already is nobody else's message. */
    static const char sql[] =
        "SELECT DISTINCT s.turn_id, s.remote_id FROM outbox AS o "
        "JOIN outbox AS s ON s.turn_id = o.turn_id "
        "WHERE o.gateway = ?1 AND (o.state = 'streaming' OR o.state = 'ready') AND o.turn_id <> 0 "
        "AND s.state = 'sent' AND s.remote_id IS NOT NULL";
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status =
        store_query(outbox->store, STORE_SQL(sql, store_text(outbox->gateway)), 0, &rows, err);

    if (status != TROUPE_OK)
        return status;
    for (size_t i = 0; i < rows->count; i++) {
        char key[24];
        struct discord_batch *batch;

        snprintf(key, sizeof(key), "%" PRId64, store_cell_int(rows, i, 0, 0));
        batch = map_get(&outbox->batches, key);
        if (batch)
            claim(batch, discord_outbox_number(store_cell_text(rows, i, 1, "")));
    }
    return TROUPE_OK;
}

troupe_status discord_outbox_recover(struct discord_outbox *outbox, struct error *err)
{
    struct list_link rows, mine;
    troupe_status status;

    list_init(&rows);
    list_init(&mine);
    status = outbox_load(outbox->rows, outbox->gateway, &rows, err);
    if (status != TROUPE_OK)
        return status;
    while (!list_empty(&rows)) {
        struct outbox_row *row = container_of(list_pop(&rows), struct outbox_row, link);
        struct discord_entry *entry;

        /* Stored meanwhile: whoever made it shows it. */
        if (!row->inherited || discord_outbox_has(outbox, row->id)) {
            outbox_row_free(row);
            continue;
        }
        entry = entry_of(outbox, row);
        entry->final = row->state == OUTBOX_READY;
        if (entry->final)
            outbox->stats.waiting++;
        list_append(&mine, &row->link);
    }
    status = load_claims(outbox, err);
    if (status == TROUPE_OK)
        status = discord_reply_load(outbox, &mine, err);
    while (!list_empty(&mine)) {
        struct outbox_row *row = container_of(list_pop(&mine), struct outbox_row, link);
        struct discord_entry *entry = row->delivery;

        if (status != TROUPE_OK)
            continue; /* not known well enough to be sent: the next start does it */
        /* Not before its turn here: the end of one before it wakes those behind. */
        entry->wanted = entry->final;

        if (discord_place_is(row->reply_to) && (!row->remote_id || !row->event)) {
            discord_reply_recover(entry);
        } else if (!row->remote_id && row->parent) {
            entry->look_first = true; /* its thread may not be there yet */
            advance(entry);
        } else if (!row->remote_id) { /* it may be there, whether it is whole or not */
            entry->state = DISCORD_ENTRY_LOOKING;
            discord_reconcile(entry);
        } else {
            advance(entry);
        }
    }
    return status;
}

struct discord_outbox *discord_outbox_new(const struct discord_outbox_options *options)
{
    struct discord_outbox *outbox = mem_zero(1, sizeof(*outbox));

    outbox->loop = options->loop;
    outbox->store = options->store;
    outbox->rows = options->rows;
    outbox->rest = options->rest;
    outbox->gateway = mem_strdup(options->gateway);
    outbox->self = options->self;
    outbox->reconcile_ms =
        options->reconcile_after_ms ? options->reconcile_after_ms : DISCORD_RECONCILE_MS;
    outbox->opening = options->opening;
    outbox->opening_arg = options->opening_arg;
    outbox->unsaid = options->unsaid;
    outbox->unsaid_arg = options->unsaid_arg;
    outbox->holds = 2; /* owner and timer */
    list_init(&outbox->entries);
    list_init(&outbox->sorry);
    heap_init(&outbox->alarms, rings_before);
    loop_timer_init(outbox->loop, &outbox->timer, on_timer);
    return outbox;
}

void discord_outbox_hold(struct discord_outbox *outbox)
{
    outbox->holds++;
}

void discord_outbox_unhold(struct discord_outbox *outbox)
{
    if (--outbox->holds > 0)
        return;
    map_clear(&outbox->batches);
    map_clear(&outbox->lookups);
    map_clear(&outbox->lanes);
    discord_sorry_clear(outbox);
    heap_clear(&outbox->alarms);
    mem_free(outbox->gateway);
    mem_free(outbox);
}

static void on_timer_closed(struct loop_timer *timer)
{
    discord_outbox_unhold(container_of(timer, struct discord_outbox, timer));
}

void discord_outbox_free(struct discord_outbox *outbox)
{
    if (!outbox)
        return;
    outbox->closed = true;
    discord_reconcile_clear(outbox);
    list_for_each_safe (link, &outbox->entries) {
        struct discord_entry *entry = container_of(link, struct discord_entry, link);

        enter(entry);
        tell(entry, UINT64_MAX, TROUPE_CANCELED);
        entry->done = entry->state != DISCORD_ENTRY_CREATING;
        leave(entry);
    }
    loop_timer_close(&outbox->timer, on_timer_closed);
    discord_outbox_unhold(outbox);
}

void discord_outbox_self(struct discord_outbox *outbox, uint64_t self)
{
    outbox->self = self;
}

void discord_outbox_stats(const struct discord_outbox *outbox, struct discord_outbox_stats *ret)
{
    *ret = outbox->stats;
}
