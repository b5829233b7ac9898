/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/trace.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>

void turn_trace_init(struct turn_trace *trace)
{
    trace->entries = json_array();
    trace->start_ms = clock_ms();
    trace->dropped = 0;
}

void turn_trace_clear(struct turn_trace *trace)
{
    json_decref(trace->entries);
    trace->entries = NULL;
}

void turn_trace_add(struct turn_trace *trace, const char *where, const char *code,
                    const char *format, ...)
{
    char text[ERROR_TEXT_MAX];
    va_list args;
    json_t *entry;

    if (json_array_size(trace->entries) >= TURN_TRACE_MAX) {
        trace->dropped++;
        return;
    }
    entry = json_pack("{s:I, s:s, s:s}", "ms", (json_int_t)(clock_ms() - trace->start_ms), "at",
                      where, "code", code);
    if (!entry)
        return; /* a code that is not UTF-8 cannot be shown either */
    if (format) {
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        log_mask_apply(text);
        json_object_set_new(entry, "text", json_string(text));
    }
    json_array_append_new(trace->entries, entry);
}

char *turn_trace_print(const struct turn_trace *trace)
{
    char *text;
    json_t *object =
        json_pack("{s:O, s:I}", "entries", trace->entries, "dropped", (json_int_t)trace->dropped);

    text = json_print(object);
    json_decref(object);
    return text ? text : mem_strdup("{}");
}
