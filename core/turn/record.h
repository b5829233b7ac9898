/* SPDX-License-Identifier: Apache-2.0
 *
 * What the stages of a turn asked of the host, so that a stage that was cut can run again from its
 * first line and find everything as it was: a call that was done returns its stored result without
 * doing anything. Rule: docs/architecture.md, "A turn".
 *
 * A call's key is (turn, stage, path, ordinal). The path of a stage is "0"; the n-th child of a frame
 * appends ".n", the function called at ordinal k appends "/k"; ordinals count within one frame. So
 * the key follows from the plugin's code alone and never from what happened to be first.
 *
 * Three classes, by what a call does around its work:
 *   noted    turn_record_begin, the work, turn_record_note: kept in memory in order, written with the
 *            next effect of the turn; what no effect followed may be done anew
 *   stored   turn_record_begin, turn_record_commit: the effect and its row are one transaction
 *   outside  turn_record_begin, turn_record_begun, the work, turn_record_note: a mark before
 *
 * A result that the end of the turn's work itself brought about (a stop, the whole turn's deadline,
 * parking) is not recorded: the work did not go on with it. Loop thread; calls marked [waits] need
 * the frame's coroutine.
 */
#ifndef TURN_RECORD_H
#define TURN_RECORD_H

#include "base/buf.h"
#include "base/error.h"
#include "base/list.h"
#include "base/map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct store_batch;
struct turn;
struct turn_frame;

#define RECORD_FORMAT      1
#define RECORD_EFFECTS_MAX 1000        /* stored and outside effects of a stage            */
#define RECORD_NOTES_MAX   10000       /* noted calls of a stage                           */
#define RECORD_NOTE_MAX    65536       /* bytes of a noted result; of more only a hash     */
#define RECORD_NOTES_BYTES (16u << 20) /* of all noted results of a stage                  */
/* Paths of what is kept of the stage itself. */
#define RECORD_END   "end"   /* its end: what it left to those behind it */
#define RECORD_AGENT "agent" /* whom it chose                            */
#define RECORD_SPANS "spans" /* what span.h has of it                    */

enum record_state {
    RECORD_BEGUN, /* it may have happened                       */
    RECORD_DONE,  /* `status` and `result` are what it gave     */
    RECORD_HASHED /* done, and its result was too large to keep */
};

struct record_row {
    struct list_link link; /* in record->pending       */
    uint64_t sequence;     /* order among the pending  */
    char *stage, *path;
    unsigned ordinal;
    char kind[24], build[72];
    int64_t args;
    enum record_state state;
    troupe_status status;
    struct buf result;
    size_t stored_len; /* above result.len: it is still in the store */
    int64_t created_ms;
};

struct turn_record {
    bool off;                 /* nothing is kept: a call from the shell, a built-in            */
    struct map rows;          /* what an earlier run left: key -> struct record_row            */
    struct map stages;        /* which stages have rows there; the values mean nothing         */
    struct list_link pending; /* notes that are in no committed batch yet, oldest first        */
    uint64_t sequence;
    size_t pending_count;
    unsigned effects, notes; /* of the running stage */
    size_t bytes;
    unsigned replayed, repeated, maybe; /* figures for the trace */
    const char *stage;                  /* that runs */
    struct record_replaced {
        int64_t reservation, by;
    } * replaced;
    size_t replaced_count;
    bool unreadable; /* a row of another format was found                */
    bool lost;       /* notes could not be written: no further effect    */
};

/* One call on its way; on the caller's stack. */
struct record_call {
    struct turn_frame *frame;
    const char *kind; /* static */
    unsigned ordinal;
    int64_t args;
    bool own;               /* turn_record_begin_own */
    struct record_row *row; /* what an earlier run left of it; NULL: it is new */
    unsigned span;          /* span.h; 0: none                                  */
};

#define RECORD_REPLAYED 1

void turn_record_init(struct turn_record *record);
void turn_record_clear(struct turn_record *record);
/* Reads what earlier runs of the turn left. [waits] */
troupe_status turn_record_load(struct turn *turn, struct error *err);
/* A stage begins: its bounds count anew. `name` lives as long as the turn. */
void turn_record_stage(struct turn *turn, const char *name);
/* Whether an earlier run left anything of the stage. */
bool turn_record_knows(const struct turn *turn, const char *stage);

/* Takes the frame's next ordinal.
 *   TROUPE_OK        it is to be done; call->row is set where an earlier run had begun it, or knows
 *                    only the hash of its result
 *   RECORD_REPLAYED  it was done: turn_record_status says how, the bytes are call->row->result. For a
 *                    failure the frame's last error is what it was
 *   below 0          to be returned: the turn diverged or a bound was reached */
troupe_status turn_record_begin(struct record_call *call, struct turn_frame *frame,
                                const char *kind, int64_t args);
/* The same for a call of a function of the agent's own, of hashes of its name and of all. It is known by the name:
 * what another build passes to it says nothing of what became of the turn. */
troupe_status turn_record_begin_own(struct record_call *call, struct turn_frame *frame,
                                    const char *kind, int64_t name, int64_t args);
static inline troupe_status turn_record_status(const struct record_call *call)
{
    return call->row ? call->row->status : TROUPE_FAILED;
}
/* The bytes of a replayed call, fetched where they are long. [waits] */
troupe_status turn_record_result(struct record_call *call, const char **ret, size_t *ret_len,
                                 struct error *err);

/* Keeps a result until the next effect; returns `status`. Of a failure the frame's last error is
 * kept instead of bytes. */
troupe_status turn_record_note(struct record_call *call, troupe_status status, const void *result,
                               size_t len);
/* The same for what `max` bytes may be kept of. */
troupe_status turn_record_note_max(struct record_call *call, troupe_status status,
                                   const void *result, size_t len, size_t max);
/* The same for a large result that nobody needs any more: the record may take its memory over, instead of
 * another copy. `result` stays the caller's to clear. */
troupe_status turn_record_note_buf(struct record_call *call, troupe_status status,
                                   struct buf *result, size_t max);
/* Commits the batch with the call's row and all notes. A failure becomes the frame's last error
 * under `code` and is noted. [waits] */
troupe_status turn_record_commit(struct record_call *call, struct store_batch *batch,
                                 const char *code, const void *result, size_t len);
/* The same for who words failures by itself: they are neither noted nor told. [waits] */
troupe_status turn_record_try(struct record_call *call, struct store_batch *batch,
                              const void *result, size_t len, struct error *err);
/* The same without waiting for it, in its order among the turn's commits: `told` as store_submit has it.
 * What was noted counts as written; where it was not, turn_record_lose. */
troupe_status turn_record_submit(struct record_call *call, struct store_batch *batch,
                                 const void *result, size_t len,
                                 void (*told)(void *arg, struct store_batch *batch,
                                              troupe_status status, const struct error *err),
                                 void *arg, struct error *err);
/* Something that it counted as written was not: it has no further effect. */
void turn_record_lose(struct turn *turn);
/* Commits the mark before an effect outside, with `batch` (may be NULL). [waits] */
troupe_status turn_record_begun(struct record_call *call, struct store_batch *batch,
                                const void *result, size_t len, struct error *err);
/* The same without waiting for it: `latch`, behind which the effect outside waits, is opened once it is
 * durable, and broken where it is not written. On TROUPE_OK turn_record_ahead_wait is to follow. */
struct latch;
struct record_ahead;
troupe_status turn_record_begun_ahead(struct record_call *call, struct store_batch *batch,
                                      const void *result, size_t len, struct latch *latch,
                                      struct record_ahead **ret, struct error *err);
/* What became of it, and its end; TROUPE_MAYBE_DONE where the store did not tell. [waits] */
troupe_status turn_record_ahead_wait(struct record_call *call, struct record_ahead *ahead,
                                     struct error *err);
/* Commits that it failed with `status` and the frame's last error, with what takes the mark before it
 * back. [waits] */
troupe_status turn_record_failed(struct record_call *call, struct store_batch *batch,
                                 troupe_status status, struct error *err);
/* Writes the notes without waiting: before something that members see, and when many wait. */
void turn_record_flush(struct turn *turn);
/* Whether a begun call of this frame does no harm when it is repeated: the frame's function, or one
 * above it, is declared idempotent. */
bool turn_record_repeatable(const struct turn_frame *frame);

/* A paid request that was cut may have another attempt with a reservation of its own; the plugin
 * knows the first one only. */
void turn_record_replace(struct turn *turn, int64_t reservation, int64_t by);
int64_t turn_record_reservation(const struct turn *turn, int64_t reservation);

/* Something about a stage itself, kept like a note under a path of its own. */
void turn_record_mark(struct turn *turn, const char *stage, const char *path, troupe_status status,
                      const struct buf *result);
/* What an earlier run left there; NULL: nothing. */
const struct record_row *turn_record_marked(const struct turn *turn, const char *stage,
                                            const char *path);

/* The result of fixed size that a replayed call gave; false where it has none of that size. */
static inline bool turn_record_take(const struct record_call *call, void *ret, size_t size)
{
    if (!call->row || call->row->result.len != size || !call->row->result.data)
        return false;
    memcpy(ret, call->row->result.data, size);
    return true;
}

/* A hash of arguments, part by part; RECORD_HASH_START first. */
#define RECORD_HASH_START INT64_C(0x7475726e)
int64_t turn_record_hash(int64_t hash, const void *data, size_t len);
int64_t turn_record_hash_int(int64_t hash, int64_t value);
int64_t turn_record_hash_text(int64_t hash, const char *text); /* NULL differs from "" */

#endif
