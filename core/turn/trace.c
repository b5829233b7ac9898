/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/trace.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "turn/span.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ENTRIES_FIRST 480 /* bytes of entries, for which it takes memory once */

void turn_trace_init(struct turn_trace *trace)
{
    *trace = (struct turn_trace){.start_ms = clock_ms()};
}

void turn_trace_clear(struct turn_trace *trace)
{
    buf_clear(&trace->entries);
    turn_spans_free(trace->spans);
    trace->spans = NULL;
}

static void put_entry(struct turn_trace *trace, const char *text, size_t len)
{
    if (trace->count++)
        buf_putc(&trace->entries, ',');
    buf_append(&trace->entries, text, len);
}

void turn_trace_restore(struct turn_trace *trace, const char *text)
{
    _cleanup_json_ json_t *object = NULL;
    _cleanup_buf_ struct buf after = trace->entries;
    size_t count = trace->count, i;
    const json_t *entry;

    trace->entries = (struct buf)BUF_INIT;
    trace->count = 0;
    if (*text && json_parse(text, strlen(text), &object, NULL) == TROUPE_OK) {
        json_array_foreach (json_object_get(object, "entries"), i, entry) {
            _cleanup_mem_ char *line = json_print(entry);

            if (line)
                put_entry(trace, line, strlen(line));
        }
        trace->dropped += (size_t)json_get_int(object, "dropped", 0);
        turn_spans_read(trace, json_object_get(object, "spans"));
    }
    if (!count)
        return;
    put_entry(trace, buf_text(&after), after.len);
    trace->count += count - 1;
}

void turn_text_tidy(char *text)
{
    size_t len = strlen(text);

    /* A character that was cut off at the end is at most three bytes. */
    for (size_t cut = 0; cut < 4 && cut <= len; cut++)
        if (text_is_utf8(text, len - cut)) {
            text[len - cut] = '\0';
            log_mask_apply(text);
            return;
        }
    for (char *p = text; *p; p++)
        if ((unsigned char)*p >= 0x80)
            *p = '?';
    log_mask_apply(text);
}

void turn_trace_add(struct turn_trace *trace, const char *where, const char *code,
                    const char *format, ...)
{
    struct buf *out = &trace->entries;
    char text[ERROR_TEXT_MAX];
    va_list args;

    /* A code that is not UTF-8 cannot be shown either. */
    if (trace->count >= TURN_TRACE_MAX || !text_is_utf8(code, strlen(code)) ||
        !text_is_utf8(where, strlen(where))) {
        trace->dropped++;
        return;
    }
    if (trace->count++)
        buf_putc(out, ',');
    else
        (void)buf_reserve(out, ENTRIES_FIRST);
    buf_puts(out, "{\"ms\":");
    buf_put_uint(out, clock_ms() - trace->start_ms);
    buf_puts(out, ",\"at\":");
    json_put(out, where, strlen(where));
    buf_puts(out, ",\"code\":");
    json_put(out, code, strlen(code));
    if (format) {
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        turn_text_tidy(text);
        buf_puts(out, ",\"text\":");
        json_put(out, text, strlen(text));
    }
    buf_putc(out, '}');
}

char *turn_trace_print(const struct turn_trace *trace)
{
    struct buf out = BUF_INIT;

    (void)buf_reserve(&out, trace->entries.len + 64);
    buf_puts(&out, "{\"entries\":[");
    buf_append(&out, trace->entries.data, trace->entries.len);
    buf_puts(&out, "],\"dropped\":");
    buf_put_uint(&out, trace->dropped);
    if (trace->spans) {
        buf_puts(&out, ",\"spans\":");
        turn_spans_print(trace->spans, NULL, &out);
    }
    buf_putc(&out, '}');
    return buf_take(&out);
}
