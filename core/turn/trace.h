/* SPDX-License-Identifier: Apache-2.0
 *
 * The decision trace of a turn: every gate it passed leaves an entry with the place, a reason code
 * and, where it helps, a sentence. Bounded: from TURN_TRACE_MAX entries on they are counted only.
 * Never holds message text or secrets, since `troupe why` shows it to people.
 */
#ifndef TURN_TRACE_H
#define TURN_TRACE_H

#include "base/json.h"

#include <stddef.h>
#include <stdint.h>

#define TURN_TRACE_MAX 200

struct turn_spans;

struct turn_trace {
    struct buf entries; /* JSON objects, with commas between */
    size_t count;
    uint64_t start_ms;
    size_t dropped;
    struct turn_spans *spans; /* span.h; NULL: no agent has begun one */
};

void turn_trace_init(struct turn_trace *trace);
void turn_trace_clear(struct turn_trace *trace);
/* Puts what turn_trace_print gave before what is there; anything else is left out. */
void turn_trace_restore(struct turn_trace *trace, const char *text);
/* `where`: "intake", "admission", "stage conversation". `format` NULL: no sentence. */
void turn_trace_add(struct turn_trace *trace, const char *where, const char *code,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* Makes a text that was cut or came from a plugin fit to be stored and shown: UTF-8, no secrets. */
void turn_text_tidy(char *text);
/* The column's text; mem_free. */
char *turn_trace_print(const struct turn_trace *trace);

#endif
