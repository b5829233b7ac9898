/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/trace.h - "troupe.trace/1": spans, which say what took the time within a turn. `troupe why` shows
 * them as a tree with milliseconds, and at debug each is a line of the log when it ends.
 *
 *     troupe_span span = troupe_span_begin(turn, "look up");
 *     status = find(turn, word, &found);
 *     troupe_span_int(turn, span, "found", found);
 *     troupe_span_end(turn, span, status);
 *
 * A span lies within the one that is open where it begins: of the same stage or function, else of the one that
 * called it. The turn, its stages, functions and children are spans by themselves, and so is each call of the
 * host (http, kv.put, ask …) that is made while one is open. An agent that begins none costs nothing.
 *
 * Bounds: 128 spans of a turn, 64 of them calls of the host; 16 attributes of each, texts of 256 bytes; 16 kB
 * of names, keys and texts of a turn. What is beyond is counted and otherwise left out, never an error that
 * an agent must look after. Whoever may ask why sees them: no secret and nothing that a member wrote
 * belongs there. Secrets that the host knows are replaced by asterisks.
 *
 * They tell what happened and change nothing: nothing is recorded. A stage that runs again (after a crash, or
 * a wait that was put aside) has each span once: what had ended stays as it was, what was open goes on,
 * and the attempt that began a span is kept with it. They are of the turn's trace and go with it.
 */
#ifndef TROUPE_TRACE_H
#define TROUPE_TRACE_H

#include <troupe/turn.h>

/* The extension's id, for `needs` and troupe_get_extension. */
#define TROUPE_TRACE_EXTENSION "troupe.trace/1"

/* An open span of the stage or function that began it; 0: nobody looks, and everything on it does nothing. */
typedef uint64_t troupe_span;

/* The extension's table. */
typedef struct troupe_trace_v1 {
    uint32_t size;
    uint32_t reserved;
    /* Begins a span. Its name has 1 to 64 printable ASCII characters and stands for a kind of work, not for
     * one piece of it: "look up", never a query. `*ret` is 0 where nothing is kept. TROUPE_ARGUMENT
     * for another name. Not recorded. [turn] */
    troupe_status (*begin)(troupe_turn *turn, const char *name, troupe_span *ret);
    /* Sets an attribute: TROUPE_TYPE_STRING (UTF-8, cut at 256 bytes), _INT or _BOOL; the last value of a key
     * stands. Keys are like names. TROUPE_ARGUMENT for another key or value, or a span that has ended
     * or is not of this stage or function; TROUPE_LIMIT for more than the bounds. Not recorded. [turn] */
    troupe_status (*set)(troupe_turn *turn, troupe_span span, const char *key,
                         const troupe_value *value);
    /* Ends it, and what was begun within it and is open still; `outcome` below 0 is a failure. What is open when
     * its stage or function ends, ends with it. TROUPE_ARGUMENT as above. Not recorded. [turn] */
    troupe_status (*end)(troupe_turn *turn, troupe_span span, troupe_status outcome);
} troupe_trace_v1;

/* The table of this host, or NULL. Not recorded. No errors. [turn] */
static inline const troupe_trace_v1 *troupe_trace_of(troupe_turn *turn)
{
    return (const troupe_trace_v1 *)troupe_get_extension(turn, TROUPE_TRACE_EXTENSION);
}

/* Begins a span; 0 where nothing is kept, also under a host without spans, or for a name that is none. Not
 * recorded. [turn] */
static inline troupe_span troupe_span_begin(troupe_turn *turn, const char *name)
{
    const troupe_trace_v1 *trace = troupe_trace_of(turn);
    troupe_span span = 0;

    return trace && trace->begin(turn, name, &span) >= 0 ? span : 0;
}

/* Sets an attribute that is a text of UTF-8. TROUPE_ARGUMENT and TROUPE_LIMIT as in the table. Not recorded.
 * [turn] */
static inline troupe_status troupe_span_text(troupe_turn *turn, troupe_span span, const char *key,
                                             const char *text)
{
    const troupe_trace_v1 *trace = span ? troupe_trace_of(turn) : NULL;
    troupe_value value = {TROUPE_TYPE_STRING, 0, {0}};

    value.u.s.ptr = text;
    value.u.s.len = text ? (uint64_t)__builtin_strlen(text) : 0;
    return trace ? trace->set(turn, span, key, &value) : TROUPE_OK;
}

/* Sets an attribute that is a whole number. TROUPE_ARGUMENT and TROUPE_LIMIT as in the table. Not recorded.
 * [turn] */
static inline troupe_status troupe_span_int(troupe_turn *turn, troupe_span span, const char *key,
                                            int64_t number)
{
    const troupe_trace_v1 *trace = span ? troupe_trace_of(turn) : NULL;
    troupe_value value = {TROUPE_TYPE_INT, 0, {0}};

    value.u.i = number;
    return trace ? trace->set(turn, span, key, &value) : TROUPE_OK;
}

/* Sets an attribute that is yes (not 0) or no. TROUPE_ARGUMENT and TROUPE_LIMIT as in the table. Not
 * recorded. [turn] */
static inline troupe_status troupe_span_bool(troupe_turn *turn, troupe_span span, const char *key,
                                             int32_t yes)
{
    const troupe_trace_v1 *trace = span ? troupe_trace_of(turn) : NULL;
    troupe_value value = {TROUPE_TYPE_BOOL, 0, {0}};

    value.u.i = yes != 0;
    return trace ? trace->set(turn, span, key, &value) : TROUPE_OK;
}

/* Ends a span with how it went; returns `outcome`, so that it can be the last line of what it measures, and never
 * fails by itself. Not recorded. [turn] */
static inline troupe_status troupe_span_end(troupe_turn *turn, troupe_span span,
                                            troupe_status outcome)
{
    const troupe_trace_v1 *trace = span ? troupe_trace_of(turn) : NULL;

    if (trace)
        (void)trace->end(turn, span, outcome);
    return outcome;
}

#endif
