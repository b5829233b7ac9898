/* SPDX-License-Identifier: Apache-2.0
 *
 * The spans of a turn: what agents say took its time ("troupe.trace/1"), and the host's own steps around it.
 * Nothing is kept and nothing allocated before an agent begins a span. From then on the turn, the stage, the
 * functions and the calls of the host that belong to one are spans, too. They are stored with the turn's
 * trace and, at debug, logged one by one when they end.
 *
 * A span's key is (stage, path, number within its frame), like a call's in record.h. So a stage that runs
 * again finds what an earlier attempt left: what had ended there stays as it was, what was open goes on. Ids
 * follow from the event and the key, and are the same in each attempt.
 *
 * Bounded: TURN_SPANS_MAX spans of a turn, TURN_SPANS_CALLS of them calls of the host; SPAN_ATTRIBUTES of each;
 * TURN_SPANS_BYTES of names, keys and texts. What is beyond is counted. Loop thread.
 */
#ifndef TURN_SPAN_H
#define TURN_SPAN_H

#include "base/buf.h"
#include "base/error.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <troupe/abi.h>

#define TURN_SPANS_MAX   128
#define TURN_SPANS_CALLS 64
#define TURN_SPANS_BYTES 16384u
#define SPAN_ATTRIBUTES  16
#define SPAN_NAME_MAX    64
#define SPAN_TEXT_MAX    256 /* bytes of an attribute's text; longer ones are cut */
#define SPAN_ID_SIZE     17  /* 16 hex digits and a NUL */
#define TRACE_ID_SIZE    33

struct turn;
struct turn_frame;
struct turn_trace;

/* Whose it is. */
enum span_kind { SPAN_AGENT, SPAN_TURN, SPAN_STAGE, SPAN_FUNCTION, SPAN_CHILD, SPAN_CALL };

struct turn_span {
    uint64_t id;
    unsigned parent; /* its place, from 1; 0: none */
    enum span_kind kind;
    char *name, *key;
    const char *owner; /* who speaks in the log; of the frame's agent */
    const struct turn_frame *frame;
    unsigned attempt;          /* that began it, from 1             */
    uint64_t start_ns, end_ns; /* since 1970; no end: it is open    */
    bool earlier;              /* an earlier attempt had ended it   */
    bool outcome;              /* its status was told               */
    troupe_status status;
    json_t *attributes; /* NULL: none */
};

struct turn_spans {
    uint8_t trace_id[16];
    uint64_t wall_ns, mono_ns; /* the same moment on both clocks */
    struct turn_span *items;
    size_t count, calls, bytes, dropped;
};

void turn_spans_free(struct turn_spans *spans); /* NULL is fine */

/* ---- for agents, on their frame --------------------------------------------------------------- */

/* `*ret` 0 with TROUPE_OK: nothing is kept of it (it is too much, or the turn has come to its end). */
troupe_status turn_span_begin(struct turn_frame *frame, const char *name, uint64_t *ret);
troupe_status turn_span_set(struct turn_frame *frame, uint64_t span, const char *key,
                            const troupe_value *value);
/* Ends what was begun within it, too. */
troupe_status turn_span_end(struct turn_frame *frame, uint64_t span, troupe_status outcome);

/* ---- for the host ----------------------------------------------------------------------------- */

/* A call of the host is about to be done; 0: nobody looks. `ordinal` as in the record. */
unsigned turn_span_call(struct turn_frame *frame, const char *kind, unsigned ordinal);
void turn_span_called(struct turn_frame *frame, unsigned span, troupe_status status);
/* The frame begins and ends. */
void turn_span_enter(struct turn_frame *frame);
void turn_span_leave(struct turn_frame *frame);
/* Whoever ran on the frame died: what he had begun ends so. */
void turn_span_crashed(struct turn_frame *frame);
/* The turn has come to its end, well or not. */
void turn_span_finish(struct turn *turn, bool well);
/* Keeps those of a stage that ended in the turn's record, and finds them there again. */
void turn_span_keep(struct turn *turn, const char *stage);
void turn_span_restore(struct turn *turn, const char *stage);

/* ---- as text (span_text.c) -------------------------------------------------------------------- */

/* An object; `stage` NULL: all of them, else those of the stage and the turn's own. */
void turn_spans_print(const struct turn_spans *spans, const char *stage, struct buf *out);
/* Adds what turn_spans_print gave and is not there; anything else is left out. */
void turn_spans_read(struct turn_trace *trace, const json_t *printed);
/* Lines for people, each behind a line break. `printed` NULL is fine. */
void turn_spans_show(const json_t *printed, struct buf *out);
/* One that has ended, where lines of debug are written. */
void turn_spans_log(const struct turn *turn, const struct turn_spans *spans,
                    const struct turn_span *span);
void turn_span_id_print(uint64_t id, char ret[SPAN_ID_SIZE]);

#endif
