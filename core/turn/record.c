/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/record.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/latch.h"
#include "loop/op.h"
#include "store/store.h"
#include "turn/engine_private.h"
#include "turn/frame.h"
#include "turn/pack.h"
#include "turn/span.h"
#include "turn/sql/call.h"

#include <stdio.h>
#include <string.h>

#define FLUSH_AT 300   /* notes that wait; a batch takes STORE_BATCH_STATEMENTS in all   */
#define AHEAD_MS 30000 /* for the outcome of a mark, as whoever waits for a commit waits */
#define NAME_BITS                                                                                  \
    (UINT64_MAX << 32) /* of the hash of an own call; the others are of its arguments */

static const char *const state_names[] = {"begun", "done", "hash"};

/* ---- rows ----------------------------------------------------------------------------------- */

static void row_free(void *value)
{
    struct record_row *row = value;

    buf_clear(&row->result);
    mem_free(row->stage);
    mem_free(row->path);
    mem_free(row);
}

static char *key_of(const char *stage, const char *path, unsigned ordinal)
{
    return mem_printf("%s\n%s#%u", stage, path, ordinal);
}

static struct record_row *find(const struct turn_record *record, const char *stage,
                               const char *path, unsigned ordinal)
{
    _cleanup_mem_ char *key = NULL;

    if (!record->rows.count)
        return NULL;
    key = key_of(stage, path, ordinal);
    return map_get(&record->rows, key);
}

static const char *build_of(const struct turn_frame *frame)
{
    return frame->agent->image ? frame->agent->image->build_id : "";
}

void turn_record_init(struct turn_record *record)
{
    memset(record, 0, sizeof(*record));
    list_init(&record->pending);
    record->stage = "";
}

void turn_record_clear(struct turn_record *record)
{
    struct list_link *link;

    while ((link = list_pop(&record->pending)))
        row_free(container_of(link, struct record_row, link));
    map_clear_with(&record->rows, row_free);
    map_clear(&record->stages);
    mem_free(record->replaced);
}

void turn_record_stage(struct turn *turn, const char *name)
{
    struct turn_record *record = &turn->record;

    record->stage = name;
    record->effects = record->notes = 0;
    record->bytes = 0;
}

bool turn_record_knows(const struct turn *turn, const char *stage)
{
    return map_get(&turn->record.stages, stage) != NULL;
}

static bool is_off(const struct turn_frame *frame)
{
    return frame->unrecorded || frame->turn->record.off;
}

/* What comes back once the work was ended is no result: nobody goes on with it. */
static bool is_the_end(const struct turn *turn)
{
    return turn->work && turn->work->why < 0;
}

/* ---- reading -------------------------------------------------------------------------------- */

static enum record_state state_of(const char *name)
{
    return !strcmp(name, "begun")  ? RECORD_BEGUN
           : !strcmp(name, "hash") ? RECORD_HASHED
                                   : RECORD_DONE;
}

static void take_row(struct turn_record *record, const struct store_rows *rows, size_t i)
{
    struct record_row *row = mem_zero(1, sizeof(*row));
    const struct store_value *result = store_cell(rows, i, 9);
    _cleanup_mem_ char *key = NULL;

    list_init(&row->link);
    row->stage = mem_strdup(store_cell_text(rows, i, 0, ""));
    row->path = mem_strdup(store_cell_text(rows, i, 1, ""));
    row->ordinal = (unsigned)store_cell_int(rows, i, 2, 0);
    snprintf(row->kind, sizeof(row->kind), "%s", store_cell_text(rows, i, 3, ""));
    snprintf(row->build, sizeof(row->build), "%s", store_cell_text(rows, i, 4, ""));
    record->unreadable |= store_cell_int(rows, i, 5, 0) != RECORD_FORMAT;
    row->args = store_cell_int(rows, i, 6, 0);
    row->state = state_of(store_cell_text(rows, i, 7, ""));
    row->status = (troupe_status)store_cell_int(rows, i, 8, 0);
    if (result->data)
        buf_append(&row->result, result->data, result->len);
    /* Of one that is here the length is known; what is stored may be longer, as it is encrypted. */
    row->stored_len =
        result->type == STORE_NULL ? (size_t)store_cell_int(rows, i, 10, 0) : row->result.len;
    map_set(&record->stages, row->stage, record);
    key = key_of(row->stage, row->path, row->ordinal);
    map_set(&record->rows, key, row);
}

troupe_status turn_record_load(struct turn *turn, struct error *err)
{
    _cleanup_mem_ char *stage = mem_strdup(""), *path = mem_strdup("");
    int64_t ordinal = -1;

    for (;;) {
        _cleanup_rows_ struct store_rows *rows = NULL;
        troupe_status status =
            store_query(turn->engine->store,
                        STORE_SQL(SQL_CALL_LOAD, store_int(turn->id), store_text(stage),
                                  store_text(path), store_int(ordinal)),
                        turn_engine_soon(turn->engine), &rows, err);

        if (status < 0 || !rows->count)
            return status;
        for (size_t i = 0; i < rows->count; i++)
            take_row(&turn->record, rows, i);
        mem_free(stage);
        mem_free(path);
        stage = mem_strdup(store_cell_text(rows, rows->count - 1, 0, ""));
        path = mem_strdup(store_cell_text(rows, rows->count - 1, 1, ""));
        ordinal = store_cell_int(rows, rows->count - 1, 2, 0);
    }
}

troupe_status turn_record_result(struct record_call *call, const char **ret, size_t *ret_len,
                                 struct error *err)
{
    struct record_row *row = call->row;

    if (row->result.len < row->stored_len) {
        struct turn *turn = call->frame->turn;
        _cleanup_rows_ struct store_rows *rows = NULL;
        const struct store_value *cell;
        troupe_status status =
            store_query(turn->engine->store,
                        STORE_SQL(SQL_CALL_FETCH, store_int(turn->id), store_text(row->stage),
                                  store_text(row->path), store_int(row->ordinal)),
                        0, &rows, err);

        if (status < 0)
            return status;
        cell = store_cell(rows, 0, 0);
        buf_reset(&row->result);
        if (cell->data)
            buf_append(&row->result, cell->data, cell->len);
        row->stored_len = row->result.len;
    }
    *ret = buf_text(&row->result);
    *ret_len = row->result.len;
    return TROUPE_OK;
}

/* ---- a call --------------------------------------------------------------------------------- */

/* Gives the frame the error that the call had. */
static void restore_error(struct turn_frame *frame, const struct record_row *row)
{
    struct unpack in = {row->result.data, row->result.len, false};
    struct turn_words words = {{0}, {0}};

    unpack_text(&in, words.code, sizeof(words.code));
    unpack_text(&in, words.text, sizeof(words.text));
    if (words.code[0])
        turn_frame_error(frame, row->status, words.code, "%s", words.text);
}

static void pack_error(struct buf *out, const struct turn_frame *frame, troupe_status status)
{
    const struct turn_words *own = frame->error_status == status ? frame->error : NULL;

    pack_text(out, own ? own->code : "");
    pack_text(out, own ? own->text : "");
}

static troupe_status diverged(const struct record_call *call, const char *what)
{
    turn_diverge(call->frame->turn, "call %s#%u of stage \"%s\": %s", call->frame->path,
                 call->ordinal, call->frame->turn->record.stage, what);
    return TROUPE_CANCELED;
}

/* Whether what an earlier run left fits to what is called now. */
static bool fits(struct record_call *call, const struct record_row *row)
{
    struct turn *turn = call->frame->turn;
    const uint64_t differs = (uint64_t)row->args ^ (uint64_t)call->args;
    bool stands =
        !strcmp(row->build, build_of(call->frame)) || (call->own && !(differs & NAME_BITS));

    if (strcmp(row->kind, call->kind))
        return false;
    if (!differs)
        return true;
    if (stands)
        turn_trace_add(&turn->trace, call->frame->agent->owner, "replay.arguments",
                       "call %s#%u (%s) has other arguments than before; what it gave stands",
                       call->frame->path, call->ordinal, call->kind);
    return stands;
}

/* It is to be done. */
static troupe_status begun(struct record_call *call)
{
    call->span = turn_span_call(call->frame, call->kind, call->ordinal);
    return TROUPE_OK;
}

static troupe_status begin(struct record_call *call)
{
    struct turn_frame *frame = call->frame;
    struct turn *turn = frame->turn;
    struct turn_record *record = &turn->record;
    struct record_row *row;

    frame->replayed = false;
    if (is_off(frame))
        return begun(call);
    if (is_the_end(turn)) {
        troupe_status ended = co_pass(); /* it counts the calls of who does not hear */

        if (ended < 0)
            return ended;
    }
    call->ordinal = frame->ordinal++;
    row = find(record, record->stage, frame->path, call->ordinal);
    if (!row)
        return begun(call);
    if (!fits(call, row))
        return diverged(call, "the plugin does something else now than before the restart");
    call->row = row;
    if (row->state != RECORD_DONE)
        return begun(call);
    if (row->status < 0)
        restore_error(frame, row);
    record->replayed++;
    frame->replayed = true;
    return RECORD_REPLAYED;
}

troupe_status turn_record_begin(struct record_call *call, struct turn_frame *frame,
                                const char *kind, int64_t args)
{
    *call = (struct record_call){.frame = frame, .kind = kind, .args = args};
    return begin(call);
}

troupe_status turn_record_begin_own(struct record_call *call, struct turn_frame *frame,
                                    const char *kind, int64_t name, int64_t args)
{
    const uint64_t both = ((uint64_t)name & NAME_BITS) | ((uint64_t)args & ~NAME_BITS);

    *call = (struct record_call){.frame = frame, .kind = kind, .args = (int64_t)both, .own = true};
    return begin(call);
}

static struct record_row *row_of(const struct record_call *call, enum record_state state,
                                 troupe_status status)
{
    struct record_row *row = mem_zero(1, sizeof(*row));

    list_init(&row->link);
    row->stage = mem_strdup(call->frame->turn->record.stage);
    row->path = mem_strdup(call->frame->path);
    row->ordinal = call->ordinal;
    snprintf(row->kind, sizeof(row->kind), "%s", call->kind);
    snprintf(row->build, sizeof(row->build), "%s", build_of(call->frame));
    row->args = call->args;
    row->state = state;
    row->status = status;
    row->created_ms = clock_wall_ms();
    return row;
}

static void add_row(struct store_batch *batch, int64_t turn_id, const struct record_row *row)
{
    store_batch_add(batch, STORE_EXPECT(1, SQL_CALL_PUT, store_int(turn_id), store_text(row->stage),
                                        store_text(row->path), store_int(row->ordinal),
                                        store_text(row->kind), store_text(row->build),
                                        store_int(RECORD_FORMAT), store_int(row->args),
                                        store_text(state_names[row->state]), store_int(row->status),
                                        store_blob(buf_text(&row->result), row->result.len),
                                        store_int(row->created_ms)));
}

static void make_pending(struct turn *turn, struct record_row *row)
{
    struct turn_record *record = &turn->record;

    row->sequence = ++record->sequence;
    list_append(&record->pending, &row->link);
    if (++record->pending_count >= FLUSH_AT)
        turn_record_flush(turn);
}

/* Forgets the notes that a batch took along. */
static void written(struct turn_record *record, uint64_t sequence)
{
    list_for_each_safe (link, &record->pending) {
        struct record_row *row = container_of(link, struct record_row, link);

        if (row->sequence > sequence)
            return;
        list_remove(&row->link);
        record->pending_count--;
        row_free(row);
    }
}

/* The guard and every note; what was noted so far counts as written when the batch is. */
static uint64_t add_notes(struct turn *turn, struct store_batch *batch)
{
    store_batch_add(batch, STORE_EXPECT(1, SQL_CALL_GUARD, store_int(turn->id)));
    if (turn->restage)
        turn_add_stages(turn, batch);
    list_for_each (link, &turn->record.pending)
        add_row(batch, turn->id, container_of(link, struct record_row, link));
    return turn->record.sequence;
}

/* `whole` NULL: what is kept is copied. */
static troupe_status note(struct record_call *call, troupe_status status, const void *result,
                          size_t len, struct buf *whole, size_t max)
{
    struct turn_frame *frame = call->frame;
    struct turn *turn = frame->turn;
    struct turn_record *record = &turn->record;
    struct record_row *row;

    turn_span_called(frame, call->span, status);
    if (is_off(frame) || is_the_end(turn))
        return status;
    if (record->notes >= RECORD_NOTES_MAX)
        return turn_frame_error(frame, TROUPE_LIMIT, "host.limit",
                                "a stage makes at most %d calls that are noted", RECORD_NOTES_MAX);
    record->notes++;
    row = row_of(call, RECORD_DONE, status);
    if (status < 0) {
        pack_error(&row->result, frame, status);
    } else if (len <= max && record->bytes + len <= RECORD_NOTES_BYTES) {
        record->bytes += len;
        if (whole) {
            row->result = *whole;
            *whole = (struct buf)BUF_INIT;
        } else {
            buf_append(&row->result, result, len);
        }
    } else {
        row->state = RECORD_HASHED;
        pack_int(&row->result, turn_record_hash(RECORD_HASH_START, result, len));
    }
    if (call->row && call->row->state == RECORD_HASHED &&
        (row->result.len != call->row->result.len ||
         memcmp(row->result.data, call->row->result.data, row->result.len) != 0))
        turn_trace_add(&turn->trace, frame->agent->owner, "changed",
                       "call %s#%u (%s) gave something else than before the restart", frame->path,
                       call->ordinal, call->kind);
    make_pending(turn, row);
    return status;
}

troupe_status turn_record_note_max(struct record_call *call, troupe_status status,
                                   const void *result, size_t len, size_t max)
{
    return note(call, status, result, len, NULL, max);
}

troupe_status turn_record_note_buf(struct record_call *call, troupe_status status,
                                   struct buf *result, size_t max)
{
    return note(call, status, buf_text(result), result->len, result, max);
}

troupe_status turn_record_note(struct record_call *call, troupe_status status, const void *result,
                               size_t len)
{
    return turn_record_note_max(call, status, result, len, RECORD_NOTE_MAX);
}

/* Puts a row and what was noted before it into its batch; up to where that is, into `ret_sequence`. */
static troupe_status gather(struct record_call *call, struct store_batch *batch,
                            enum record_state state, troupe_status outcome, const void *result,
                            size_t len, uint64_t *ret_sequence, struct error *err)
{
    struct turn *turn = call->frame->turn;
    struct turn_record *record = &turn->record;
    struct record_row *row;

    if (record->lost)
        return error_set(err, TROUPE_UNAVAILABLE, "what the turn did before could not be stored");
    if (record->effects >= RECORD_EFFECTS_MAX)
        return error_set(err, TROUPE_LIMIT, "a stage has at most %d effects", RECORD_EFFECTS_MAX);
    record->effects++;
    row = row_of(call, state, outcome);
    buf_append(&row->result, result, len);
    *ret_sequence = add_notes(turn, batch);
    add_row(batch, turn->id, row);
    row_free(row);
    return TROUPE_OK;
}

/* A row and its batch in one transaction. */
static troupe_status commit(struct record_call *call, struct store_batch *batch,
                            enum record_state state, troupe_status outcome, const void *result,
                            size_t len, struct error *err)
{
    struct turn *turn = call->frame->turn;
    uint64_t sequence;
    troupe_status status = gather(call, batch, state, outcome, result, len, &sequence, err);

    if (status < 0)
        return status;
    status = store_commit(turn->engine->store, batch, 0, err);
    if (status >= 0) {
        written(&turn->record, sequence);
        turn->restage = false;
    }
    return status;
}

troupe_status turn_record_try(struct record_call *call, struct store_batch *batch,
                              const void *result, size_t len, struct error *err)
{
    troupe_status status = is_off(call->frame)
                               ? store_commit(call->frame->turn->engine->store, batch, 0, err)
                               : commit(call, batch, RECORD_DONE, TROUPE_OK, result, len, err);

    turn_span_called(call->frame, call->span, status);
    return status;
}

troupe_status turn_record_submit(struct record_call *call, struct store_batch *batch,
                                 const void *result, size_t len,
                                 void (*told)(void *arg, struct store_batch *batch,
                                              troupe_status status, const struct error *err),
                                 void *arg, struct error *err)
{
    struct turn *turn = call->frame->turn;
    uint64_t sequence = 0;
    troupe_status status = TROUPE_OK;

    if (!is_off(call->frame))
        status = gather(call, batch, RECORD_DONE, TROUPE_OK, result, len, &sequence, err);
    if (status >= 0)
        status = store_submit(turn->engine->store, batch, told, arg, err);
    if (status >= 0 && !is_off(call->frame)) {
        written(&turn->record, sequence);
        turn->restage = false;
    }
    turn_span_called(call->frame, call->span, status);
    return status;
}

void turn_record_lose(struct turn *turn)
{
    turn->record.lost = true;
}

troupe_status turn_record_commit(struct record_call *call, struct store_batch *batch,
                                 const char *code, const void *result, size_t len)
{
    struct error err;
    troupe_status status = turn_record_try(call, batch, result, len, &err);

    if (status >= 0)
        return status;
    turn_frame_error(call->frame, status, status == TROUPE_LIMIT ? "host.limit" : code, "%s",
                     err.text);
    return turn_record_note(call, status, NULL, 0);
}

troupe_status turn_record_begun(struct record_call *call, struct store_batch *batch,
                                const void *result, size_t len, struct error *err)
{
    _cleanup_batch_ struct store_batch *own = NULL;

    if (!batch) {
        own = store_batch_new();
        batch = own;
    }
    if (is_off(call->frame))
        return store_commit(call->frame->turn->engine->store, batch, 0, err);
    return commit(call, batch, RECORD_BEGUN, TROUPE_OK, result, len, err);
}

/* ---- a mark that is not waited for ---------------------------------------------------------- */

/* Of two: the coroutine that wants to know, and the store that tells. */
struct record_ahead {
    unsigned refs;
    struct engine *engine;
    struct latch *latch;
    struct op *op;
    uint64_t sequence; /* of the notes that it has; 0: it is not recorded */
    struct error err;
};

static void ahead_unref(struct record_ahead *ahead)
{
    if (--ahead->refs)
        return;
    latch_unref(ahead->latch);
    mem_free(ahead);
}

static void ahead_told(void *arg, struct store_batch *batch, troupe_status status,
                       const struct error *err)
{
    struct record_ahead *ahead = arg;

    (void)batch;
    if (status < 0) {
        latch_break(ahead->latch);
        ahead->err = *err;
    } else {
        latch_open(ahead->latch);
    }
    op_complete(ahead->op, status, NULL);
    turn_engine_release(ahead->engine);
    ahead_unref(ahead);
}

troupe_status turn_record_begun_ahead(struct record_call *call, struct store_batch *batch,
                                      const void *result, size_t len, struct latch *latch,
                                      struct record_ahead **ret, struct error *err)
{
    struct engine *engine = call->frame->turn->engine;
    struct record_ahead *ahead;
    uint64_t sequence = 0;
    troupe_status status = TROUPE_OK;

    if (!is_off(call->frame))
        status = gather(call, batch, RECORD_BEGUN, TROUPE_OK, result, len, &sequence, err);
    if (status < 0)
        return status;
    ahead = mem_zero(1, sizeof(*ahead));
    *ahead = (struct record_ahead){.refs = 2,
                                   .engine = engine,
                                   .latch = latch_ref(latch),
                                   .op = op_new(engine->loop, NULL),
                                   .sequence = sequence};
    store_batch_opens(batch, latch);
    status = store_submit(engine->store, batch, ahead_told, ahead, err);
    if (status < 0) {
        op_complete(ahead->op, status, NULL);
        op_drop(ahead->op);
        ahead->refs = 1;
        ahead_unref(ahead);
        return status;
    }
    turn_engine_hold(engine);
    *ret = ahead;
    return TROUPE_OK;
}

troupe_status turn_record_ahead_wait(struct record_call *call, struct record_ahead *ahead,
                                     struct error *err)
{
    struct turn *turn = call->frame->turn;
    const bool recorded = !is_off(call->frame);
    bool told;
    troupe_status status;

    co_shield(ENGINE_STORE_MS);
    status = op_wait(ahead->op, co_after(AHEAD_MS), NULL);
    co_unshield();
    told = op_is_complete(ahead->op);
    op_drop(ahead->op);
    if (!told) {
        status = error_set(err, TROUPE_MAYBE_DONE, "the store did not tell what became of it");
        turn->record.lost |= recorded;
    } else if (status < 0) {
        *err = ahead->err;
    } else if (recorded) {
        written(&turn->record, ahead->sequence);
        turn->restage = false;
    }
    ahead_unref(ahead);
    return status;
}

troupe_status turn_record_failed(struct record_call *call, struct store_batch *batch,
                                 troupe_status status, struct error *err)
{
    _cleanup_buf_ struct buf error = BUF_INIT;

    turn_span_called(call->frame, call->span, status);
    if (is_off(call->frame))
        return store_commit(call->frame->turn->engine->store, batch, 0, err);
    pack_error(&error, call->frame, status);
    return commit(call, batch, RECORD_DONE, status, buf_text(&error), error.len, err);
}

bool turn_record_repeatable(const struct turn_frame *frame)
{
    for (; frame; frame = frame->caller)
        if (frame->function && (frame->function->flags & TROUPE_IDEMPOTENT))
            return true;
    return false;
}

/* ---- notes without an effect ---------------------------------------------------------------- */

struct flushing {
    struct engine *engine;
    int64_t turn_id;
};

/* The turn's later effects would stand without what led to them. */
static void flushed(void *arg, struct store_batch *batch, troupe_status status,
                    const struct error *err)
{
    struct flushing *flushing = arg;

    (void)batch;
    if (status < 0) {
        struct turn *turn = turn_engine_turn(flushing->engine, flushing->turn_id);

        log_warn("turn", "turn %lld: its record could not be stored: %s",
                 (long long)flushing->turn_id, err->text);
        if (turn)
            turn->record.lost = true;
    }
    turn_engine_release(flushing->engine);
    mem_free(flushing);
}

void turn_record_flush(struct turn *turn)
{
    struct turn_record *record = &turn->record;
    struct flushing *flushing;
    _cleanup_batch_ struct store_batch *batch = NULL;
    uint64_t sequence;
    struct error err;

    if (record->off || list_empty(&record->pending))
        return;
    batch = store_batch_new();
    sequence = add_notes(turn, batch);
    flushing = mem_zero(1, sizeof(*flushing));
    flushing->engine = turn->engine;
    flushing->turn_id = turn->id;
    if (store_submit(turn->engine->store, batch, flushed, flushing, &err) < 0) {
        record->lost = true;
        mem_free(flushing);
        return;
    }
    turn_engine_hold(turn->engine);
    turn->restage = false;
    written(record, sequence);
}

/* ---- the stage itself ------------------------------------------------------------------------ */

void turn_record_mark(struct turn *turn, const char *stage, const char *path, troupe_status status,
                      const struct buf *result)
{
    struct record_row *row;

    if (turn->record.off)
        return;
    row = mem_zero(1, sizeof(*row));
    list_init(&row->link);
    row->stage = mem_strdup(stage);
    row->path = mem_strdup(path);
    snprintf(row->kind, sizeof(row->kind), "stage");
    row->state = RECORD_DONE;
    row->status = status;
    row->created_ms = clock_wall_ms();
    buf_append(&row->result, buf_text(result), result->len);
    make_pending(turn, row);
}

const struct record_row *turn_record_marked(const struct turn *turn, const char *stage,
                                            const char *path)
{
    return find(&turn->record, stage, path, 0);
}

void turn_record_replace(struct turn *turn, int64_t reservation, int64_t by)
{
    struct turn_record *record = &turn->record;

    record->replaced =
        mem_resize(record->replaced, record->replaced_count + 1, sizeof(*record->replaced));
    record->replaced[record->replaced_count++] = (struct record_replaced){reservation, by};
}

int64_t turn_record_reservation(const struct turn *turn, int64_t reservation)
{
    for (size_t i = 0; i < turn->record.replaced_count; i++)
        if (turn->record.replaced[i].reservation == reservation)
            return turn->record.replaced[i].by;
    return reservation;
}

/* ---- hashes --------------------------------------------------------------------------------- */

int64_t turn_record_hash(int64_t hash, const void *data, size_t len)
{
    uint64_t start = (uint64_t)turn_record_hash_int(hash, (int64_t)len);

    return (int64_t)hash_add_long(start, data, len);
}

int64_t turn_record_hash_int(int64_t hash, int64_t value)
{
    return (int64_t)hash_add((uint64_t)hash, (const char *)&value, sizeof(value));
}

int64_t turn_record_hash_text(int64_t hash, const char *text)
{
    return text ? turn_record_hash(hash, text, strlen(text)) : turn_record_hash_int(hash, -1);
}
