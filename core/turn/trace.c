/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/trace.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

void turn_trace_restore(struct turn_trace *trace, const char *text)
{
    _cleanup_json_ json_t *object = NULL;
    json_t *before, *entry;
    size_t i;

    if (!*text || json_parse(text, strlen(text), &object, NULL) < 0)
        return;
    before = json_object_get(object, "entries");
    json_array_foreach (before, i, entry)
        json_array_insert(trace->entries, i, entry);
    trace->dropped += (size_t)json_get_int(object, "dropped", 0);
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
    char text[ERROR_TEXT_MAX];
    va_list args;
    json_t *entry;

    if (json_array_size(trace->entries) >= TURN_TRACE_MAX) {
        trace->dropped++;
        return;
    }
    entry = json_pack("{s:I, s:s, s:s}", "ms", (json_int_t)(clock_ms() - trace->start_ms), "at",
                      where, "code", code);
    if (!entry) { /* a code that is not UTF-8 cannot be shown either */
        trace->dropped++;
        return;
    }
    if (format) {
        va_start(args, format);
        vsnprintf(text, sizeof(text), format, args);
        va_end(args);
        turn_text_tidy(text);
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
