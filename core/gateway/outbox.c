/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/outbox.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "gateway/attached.h"
#include "gateway/gateway.h"
#include "gateway/sql/outbox.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LOAD_PORTION 500  /* rows, as the statement says    */
#define MARKS_BATCH  200  /* marks that share a batch       */
#define MARKS_MS     10   /* how long one waits for others  */
#define AGAIN_MS     1000 /* after which those that failed are tried again */

/* A final mark that may not be seen yet by whoever loads. */
struct mark {
    struct list_link link; /* in outbox->marks  */
    struct list_link with; /* in sending->marks */
    int64_t id;
};

/* One batch of marks, in flight or waiting to be tried again. */
struct sending {
    struct list_link link; /* in outbox->again */
    struct outbox *outbox;
    struct store_batch *batch;
    struct list_link marks;
};

struct outbox {
    struct loop *loop;
    struct store *store; /* NULL once closed */
    int64_t last_id, inherited;
    struct store_batch *batch; /* that gathers marks; NULL: no mark yet */
    struct sending *sending;
    struct loop_timer timer;
    struct list_link marks;  /* on their way, or failed                             */
    struct list_link stored; /* stored while somebody loads, who may not have seen it */
    struct list_link again;  /* struct sending: the store did not work */
    size_t waiting;          /* marks of these */
    uint64_t again_at;       /* loop_now() of the next attempt */
    size_t failed, loading;
    size_t holds; /* owner with its timer, batches in flight, loads */
};

/* ---- rows ----------------------------------------------------------------------------------- */

struct outbox_row *outbox_row_new(void)
{
    struct outbox_row *row = mem_zero(1, sizeof(*row));

    list_init(&row->link);
    return row;
}

void outbox_row_free(struct outbox_row *row)
{
    if (!row)
        return;
    list_remove(&row->link);
    mem_free(row->gateway);
    mem_free(row->account);
    mem_free(row->channel);
    mem_free(row->member);
    mem_free(row->reply_to);
    mem_free(row->body);
    mem_free(row->source);
    mem_free(row->ping);
    mem_free(row->buttons);
    mem_free(row->file_name);
    mem_free(row->file);
    attached_unref(row->files);
    mem_free(row->parent);
    mem_free(row->thread_name);
    mem_free(row->remote_id);
    event_unref(row->event);
    mem_free(row);
}

const char *outbox_kind(int kind)
{
    static const char *const names[] = {
        [GATEWAY_REPLY] = "reply",
        [GATEWAY_PRIVATE] = "private",
        [GATEWAY_NOTICE] = "notice",
        [GATEWAY_ASK] = "ask",
    };

    return names[kind];
}

char *outbox_buttons(const struct gateway_button *buttons, size_t count)
{
    _cleanup_json_ json_t *list = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(
            list, json_pack("{s:s, s:s}", "id", buttons[i].id, "label", buttons[i].label));
    return count ? json_print(list) : NULL;
}

static const char *const states[] = {
    [OUTBOX_STREAMING] = "streaming", [OUTBOX_READY] = "ready",   [OUTBOX_SENT] = "sent",
    [OUTBOX_UNKNOWN] = "unknown",     [OUTBOX_FAILED] = "failed",
};

void outbox_insert(struct store_batch *batch, const struct outbox_row *row)
{
    _cleanup_mem_ char *files = row->files ? attached_print(row->files) : NULL;

    store_batch_add(
        batch,
        STORE_EXPECT(1, SQL_OUTBOX_INSERT, store_int(row->id), store_text(row->gateway),
                     store_int(row->turn), store_int(row->ordinal), store_int(row->part),
                     store_text(row->kind), store_text(row->account), store_text(row->channel),
                     store_text(row->reply_to), store_text(row->body), store_text(row->source),
                     store_text(row->buttons), store_text(states[row->state]),
                     store_text(row->remote_id), store_int(row->created_ms), store_text(row->ping),
                     store_text(row->file_name), store_text(row->file), store_text(row->parent),
                     store_text(row->thread_name), store_text(files)));
}

void outbox_update(struct store_batch *batch, const struct outbox_row *row)
{
    store_batch_add(batch, STORE_EXPECT(1, SQL_OUTBOX_UPDATE, store_int(row->id),
                                        store_text(row->body), store_text(row->source),
                                        store_text(row->buttons), store_text(states[row->state])));
}

void outbox_move(struct store_batch *batch, const struct outbox_row *row)
{
    _cleanup_mem_ char *files = row->files ? attached_print(row->files) : NULL;

    store_batch_add(batch, STORE_SQL(SQL_OUTBOX_MOVE, store_int(row->id), store_text(row->channel),
                                     store_text(row->reply_to), store_text(row->parent),
                                     store_text(row->thread_name), store_text(row->body),
                                     store_text(row->file_name), store_text(row->file),
                                     store_text(files)));
}

void outbox_delete(struct store_batch *batch, int64_t id)
{
    store_batch_add(batch, STORE_SQL(SQL_OUTBOX_DELETE, store_int(id)));
}

void outbox_nonce(const struct outbox_row *row, char ret[OUTBOX_NONCE_MAX + 1])
{
    /* Rows without a turn are not kept for sure, so that their ids may come again. */
    _cleanup_mem_ char *key =
        row->turn
            ? mem_printf("%s/%" PRId64 "/%u/%u", row->gateway, row->turn, row->ordinal, row->part)
            : mem_printf("%s//%" PRId64 "/%" PRId64, row->gateway, row->id, row->created_ms);
    uint64_t hash = hash_finish(hash_add(HASH_START, key, strlen(key)));

    snprintf(ret, OUTBOX_NONCE_MAX + 1, "%016" PRIx64 "-%08" PRIx32, hash,
             (uint32_t)(row->turn ? row->turn : row->id));
}

/* ---- life ----------------------------------------------------------------------------------- */

static void mark_free(struct mark *mark)
{
    list_remove(&mark->link);
    list_remove(&mark->with);
    mem_free(mark);
}

static void unhold(struct outbox *outbox)
{
    if (--outbox->holds)
        return;
    list_for_each_safe (link, &outbox->marks)
        mark_free(container_of(link, struct mark, link));
    list_for_each_safe (link, &outbox->stored)
        mark_free(container_of(link, struct mark, link));
    mem_free(outbox);
}

static void send_marks(struct outbox *outbox);
static void send_again(struct outbox *outbox);

/* While marks gather the timer is theirs, and is set for these behind them. */
static void wait_again(struct outbox *outbox)
{
    uint64_t now = loop_now(outbox->loop);

    if (!outbox->batch && outbox->store && !list_empty(&outbox->again))
        loop_timer_start(&outbox->timer, outbox->again_at > now ? outbox->again_at - now : 0, 0);
}

static void timer_fired(struct loop_timer *timer)
{
    struct outbox *outbox = container_of(timer, struct outbox, timer);

    if (loop_now(outbox->loop) >= outbox->again_at)
        send_again(outbox);
    send_marks(outbox);
    wait_again(outbox);
}

static void timer_closed(struct loop_timer *timer)
{
    unhold(container_of(timer, struct outbox, timer));
}

troupe_status outbox_open(struct loop *loop, struct store *store, struct outbox **ret,
                          struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    const struct store_statement last = {.sql = SQL_OUTBOX_LAST_ID, .expect = STORE_ANY};
    troupe_status status = store_query(store, &last, 0, &rows, err);
    struct outbox *outbox;

    if (status < 0)
        return status;
    outbox = mem_zero(1, sizeof(*outbox));
    outbox->loop = loop;
    outbox->store = store;
    outbox->last_id = outbox->inherited = store_cell_int(rows, 0, 0, 0);
    loop_timer_init(loop, &outbox->timer, timer_fired);
    outbox->holds = 1;
    list_init(&outbox->marks);
    list_init(&outbox->stored);
    list_init(&outbox->again);
    *ret = outbox;
    return TROUPE_OK;
}

void outbox_close(struct outbox *outbox)
{
    if (!outbox)
        return;
    send_marks(outbox);
    send_again(outbox);
    outbox->store = NULL;
    loop_timer_close(&outbox->timer, timer_closed);
}

int64_t outbox_next_id(struct outbox *outbox)
{
    outbox->last_id =
        outbox->store ? store_next_id(outbox->store, outbox->last_id) : outbox->last_id + 1;
    return outbox->last_id;
}

/* ---- marks ---------------------------------------------------------------------------------- */

/* It stays, so that this process does not show it twice; the oldest go when there are too many. */
static void keep_failed(struct outbox *outbox, struct mark *mark)
{
    list_remove(&mark->with);
    outbox->failed++;
    if (outbox->failed <= OUTBOX_MARKS_MAX)
        return;
    list_for_each (link, &outbox->marks) {
        struct mark *oldest = container_of(link, struct mark, link);

        if (list_empty(&oldest->with)) {
            mark_free(oldest);
            outbox->failed--;
            return;
        }
    }
}

static bool try_again(struct sending *sending)
{
    struct outbox *outbox = sending->outbox;
    size_t count = store_batch_count(sending->batch);

    if (!outbox->store || outbox->waiting + count > OUTBOX_MARKS_MAX)
        return false;
    list_append(&outbox->again, &sending->link);
    outbox->waiting += count;
    outbox->again_at = loop_now(outbox->loop) + AGAIN_MS;
    wait_again(outbox);
    return true;
}

static void marks_told(void *arg, struct store_batch *batch, troupe_status status,
                       const struct error *err)
{
    struct sending *sending = arg;
    struct outbox *outbox = sending->outbox;
    bool again = status < 0 && store_status_passes(status) && try_again(sending);

    if (status < 0)
        log_warn("outbox", "%zu messages are out and could not be marked so, which %s: %s",
                 store_batch_count(batch), again ? "is tried again" : "the next start makes good",
                 err->text);
    if (again) {
        unhold(outbox);
        return;
    }
    list_for_each_safe (link, &sending->marks) {
        struct mark *mark = container_of(link, struct mark, with);

        if (status < 0) {
            keep_failed(outbox, mark);
        } else if (outbox->loading) {
            list_remove(&mark->with);
            list_remove(&mark->link);
            list_append(&outbox->stored, &mark->link);
        } else {
            mark_free(mark);
        }
    }
    store_batch_free(sending->batch);
    mem_free(sending);
    unhold(outbox);
}

static void submit(struct sending *sending)
{
    struct outbox *outbox = sending->outbox;
    struct error err;
    troupe_status status;

    outbox->holds++;
    status = store_submit(outbox->store, sending->batch, marks_told, sending, &err);
    if (status < 0)
        marks_told(sending, sending->batch, status, &err);
}

static void send_marks(struct outbox *outbox)
{
    struct sending *sending = outbox->sending;

    if (!sending)
        return;
    loop_timer_stop(&outbox->timer);
    sending->batch = outbox->batch;
    outbox->batch = NULL;
    outbox->sending = NULL;
    submit(sending);
    wait_again(outbox);
}

/* Marks say what is so, hence neither their order nor a second time matters. */
static void send_again(struct outbox *outbox)
{
    struct list_link batches, *link;

    list_init(&batches);
    while ((link = list_pop(&outbox->again)))
        list_append(&batches, link);
    outbox->waiting = 0;
    while ((link = list_pop(&batches))) {
        struct sending *sending = container_of(link, struct sending, link);

        (void)store_batch_again(sending->batch); /* nobody else has had it for a second */
        submit(sending);
    }
}

static void gather(struct outbox *outbox)
{
    if (outbox->batch)
        return;
    loop_timer_start(&outbox->timer, MARKS_MS, 0);
    outbox->batch = store_batch_new();
    outbox->sending = mem_zero(1, sizeof(*outbox->sending));
    outbox->sending->outbox = outbox;
    list_init(&outbox->sending->link);
    list_init(&outbox->sending->marks);
}

void outbox_mark_files(struct outbox *outbox, int64_t turn)
{
    gather(outbox);
    attached_delete(outbox->batch, turn);
}

void outbox_mark(struct outbox *outbox, int64_t id, enum outbox_state state, const char *remote_id,
                 const char *error)
{
    gather(outbox);
    store_batch_add(outbox->batch, STORE_SQL(SQL_OUTBOX_MARK, store_int(id),
                                             store_text(states[state]), store_text(remote_id),
                                             store_text(error), store_int(clock_wall_ms())));
    if (state != OUTBOX_STREAMING && state != OUTBOX_READY) {
        struct mark *mark = mem_zero(1, sizeof(*mark));

        mark->id = id;
        list_append(&outbox->marks, &mark->link);
        list_append(&outbox->sending->marks, &mark->with);
    }
    if (store_batch_count(outbox->batch) >= MARKS_BATCH)
        send_marks(outbox);
}

size_t outbox_gathered(const struct outbox *outbox)
{
    return outbox->batch ? store_batch_count(outbox->batch) : 0;
}

/* ---- loading -------------------------------------------------------------------------------- */

static bool has(const struct list_link *marks, int64_t id)
{
    list_for_each (link, marks)
        if (container_of(link, struct mark, link)->id == id)
            return true;
    return false;
}

static char *copy(const struct store_rows *rows, size_t row, size_t column)
{
    const char *text = store_cell_text(rows, row, column, NULL);

    return text ? mem_strdup(text) : NULL;
}

static struct outbox_row *read_row(const struct outbox *outbox, const char *gateway,
                                   const struct store_rows *rows, size_t i)
{
    struct outbox_row *row = outbox_row_new();
    const char *files;

    row->id = store_cell_int(rows, i, 0, 0);
    row->turn = store_cell_int(rows, i, 1, 0);
    row->ordinal = (unsigned)store_cell_int(rows, i, 2, 0);
    row->part = (unsigned)store_cell_int(rows, i, 3, 0);
    snprintf(row->kind, sizeof(row->kind), "%s", store_cell_text(rows, i, 4, ""));
    row->gateway = mem_strdup(gateway);
    row->account = copy(rows, i, 5);
    row->channel = copy(rows, i, 6);
    row->reply_to = copy(rows, i, 7);
    row->body = copy(rows, i, 8);
    row->source = copy(rows, i, 9);
    row->buttons = copy(rows, i, 10);
    row->state = strcmp(store_cell_text(rows, i, 11, ""), states[OUTBOX_READY]) ? OUTBOX_STREAMING
                                                                                : OUTBOX_READY;
    row->remote_id = copy(rows, i, 12);
    row->created_ms = store_cell_int(rows, i, 13, 0);
    row->ping = copy(rows, i, 14);
    row->file_name = copy(rows, i, 15);
    row->file = copy(rows, i, 16);
    row->parent = copy(rows, i, 17);
    row->thread_name = copy(rows, i, 18);
    row->member = copy(rows, i, 19);
    files = store_cell_text(rows, i, 20, NULL);
    row->files = files ? attached_parse(files) : NULL;
    row->inherited =
        row->id <= outbox->inherited ||
        (store_is_shared(outbox->store) && row->id % STORE_HOSTS_MAX != store_host(outbox->store));
    return row;
}

/* What cannot be read any more is not sent: the row says what is missing. */
static troupe_status read_files(struct outbox *outbox, struct outbox_row *row, struct error *err)
{
    struct attached *whole = NULL;
    troupe_status status;

    if (!row->files)
        return TROUPE_OK;
    status = attached_read(outbox->store, row->turn, 0, &whole, err);
    if (status != TROUPE_OK && status != TROUPE_DATA)
        return status;
    if (status == TROUPE_DATA)
        log_error("outbox", "message %" PRId64 ": %s", row->id, err->text);
    if (whole) {
        attached_unref(row->files);
        row->files = whole;
    }
    return TROUPE_OK;
}

static troupe_status load(struct outbox *outbox, const char *gateway, struct list_link *rows,
                          struct error *err)
{
    int64_t last = 0;

    for (;;) {
        _cleanup_rows_ struct store_rows *portion = NULL;
        troupe_status status = store_query(
            outbox->store, STORE_SQL(SQL_OUTBOX_LOAD, store_text(gateway), store_int(last)), 0,
            &portion, err);

        if (status < 0)
            return status;
        for (size_t i = 0; i < portion->count; i++) {
            struct outbox_row *row = read_row(outbox, gateway, portion, i);

            last = row->id;
            list_append(rows, &row->link);
            if ((status = read_files(outbox, row, err)) < 0)
                return status;
        }
        if (portion->count < LOAD_PORTION)
            return TROUPE_OK;
    }
}

troupe_status outbox_load(struct outbox *outbox, const char *gateway, struct list_link *ret_rows,
                          struct error *err)
{
    struct list_link rows;
    troupe_status status;

    list_init(&rows);
    outbox->loading++;
    outbox->holds++;
    status = load(outbox, gateway, &rows, err);
    /* What was read may be older than a mark: none is forgotten before all loads are over. */
    list_for_each_safe (link, &rows) {
        struct outbox_row *row = container_of(link, struct outbox_row, link);

        if (status < 0 || has(&outbox->marks, row->id) || has(&outbox->stored, row->id)) {
            outbox_row_free(row);
        } else {
            list_remove(&row->link);
            list_append(ret_rows, &row->link);
        }
    }
    if (!--outbox->loading)
        list_for_each_safe (link, &outbox->stored)
            mark_free(container_of(link, struct mark, link));
    unhold(outbox);
    return status;
}
