/* SPDX-License-Identifier: Apache-2.0
 *
 * Spans as JSON, as it is stored, as lines for people and as lines of the log. Times are decimal strings of
 * nanoseconds and ids hex digits, as OTLP has them.
 */
#include "turn/span.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "turn/turn.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const kinds[] = {"agent", "turn", "stage", "function", "child", "call"};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

void turn_span_id_print(uint64_t id, char ret[SPAN_ID_SIZE])
{
    snprintf(ret, SPAN_ID_SIZE, "%016" PRIx64, id);
}

static void trace_id_print(const struct turn_spans *spans, char ret[TRACE_ID_SIZE])
{
    for (size_t i = 0; i < sizeof(spans->trace_id); i++)
        snprintf(ret + 2 * i, 3, "%02x", spans->trace_id[i]);
}

/* ---- printing --------------------------------------------------------------------------------- */

static void put_text(struct buf *out, const char *name, const char *text)
{
    buf_printf(out, ",\"%s\":", name);
    json_put(out, text, strlen(text));
}

static void put_span(const struct turn_spans *spans, const struct turn_span *span, struct buf *out)
{
    char id[SPAN_ID_SIZE];

    turn_span_id_print(span->id, id);
    buf_printf(out, "{\"id\":\"%s\"", id);
    if (span->parent) {
        turn_span_id_print(spans->items[span->parent - 1].id, id);
        buf_printf(out, ",\"parent\":\"%s\"", id);
    }
    put_text(out, "name", span->name);
    put_text(out, "kind", kinds[span->kind]);
    put_text(out, "at", span->key);
    buf_printf(out, ",\"attempt\":%u,\"start\":\"%" PRIu64 "\"", span->attempt, span->start_ns);
    if (span->end_ns)
        buf_printf(out, ",\"end\":\"%" PRIu64 "\"", span->end_ns);
    if (span->outcome)
        buf_printf(out, ",\"status\":%d", (int)span->status);
    if (span->attributes) {
        _cleanup_mem_ char *text = json_print(span->attributes);

        buf_printf(out, ",\"attributes\":%s", text ? text : "{}");
    }
    buf_putc(out, '}');
}

/* A key begins with the stage and a blank; the turn's own is empty. */
static bool is_of(const struct turn_span *span, const char *stage)
{
    size_t len = stage ? strlen(stage) : 0;

    return !stage || !*span->key || (!strncmp(span->key, stage, len) && span->key[len] == ' ');
}

void turn_spans_print(const struct turn_spans *spans, const char *stage, struct buf *out)
{
    char trace[TRACE_ID_SIZE];
    bool first = true;

    trace_id_print(spans, trace);
    buf_printf(out, "{\"trace\":\"%s\",\"list\":[", trace);
    for (size_t i = 0; i < spans->count; i++) {
        if (!is_of(&spans->items[i], stage))
            continue;
        if (!first)
            buf_putc(out, ',');
        first = false;
        put_span(spans, &spans->items[i], out);
    }
    buf_printf(out, "],\"dropped\":%zu}", spans->dropped);
}

/* ---- reading ---------------------------------------------------------------------------------- */

static uint64_t number_of(const json_t *object, const char *key, int base)
{
    return strtoull(json_get_str(object, key, "0"), NULL, base);
}

static bool trace_id_read(const char *text, uint8_t ret[16])
{
    if (strlen(text) != 32 || strspn(text, "0123456789abcdef") != 32)
        return false;
    for (size_t i = 0; i < 16; i++) {
        const char byte[3] = {text[2 * i], text[2 * i + 1], '\0'};

        ret[i] = (uint8_t)strtoul(byte, NULL, 16);
    }
    return true;
}

static unsigned place_of(const struct turn_spans *spans, uint64_t id)
{
    for (size_t i = 0; id && i < spans->count; i++)
        if (spans->items[i].id == id)
            return (unsigned)i + 1;
    return 0;
}

static void read_span(struct turn_spans *spans, const json_t *item)
{
    const json_t *status = json_object_get(item, "status");
    json_t *attributes = json_object_get(item, "attributes");
    const char *kind = json_get_str(item, "kind", "");
    struct turn_span span = {
        .id = number_of(item, "id", 16),
        .parent = place_of(spans, number_of(item, "parent", 16)),
        .owner = "turn",
        .attempt = (unsigned)json_get_int(item, "attempt", 1),
        .start_ns = number_of(item, "start", 10),
        .end_ns = number_of(item, "end", 10),
        .outcome = json_is_integer(status),
        .status = (troupe_status)json_integer_value(status),
    };

    if (!span.id || place_of(spans, span.id) || spans->count >= TURN_SPANS_MAX)
        return;
    while (span.kind < KIND_COUNT && strcmp(kinds[span.kind], kind) != 0)
        span.kind++;
    if (span.kind >= KIND_COUNT)
        return;
    span.name = mem_strdup(json_get_str(item, "name", "?"));
    span.key = mem_strdup(json_get_str(item, "at", "?"));
    span.attributes = json_is_object(attributes) ? json_incref(attributes) : NULL;
    spans->bytes += strlen(span.name) + strlen(span.key);
    spans->calls += span.kind == SPAN_CALL;
    spans->items = mem_resize(spans->items, spans->count + 1, sizeof(*spans->items));
    spans->items[spans->count++] = span;
}

void turn_spans_read(struct turn_trace *trace, const json_t *printed)
{
    struct turn_spans *spans = trace->spans;
    const json_t *item;
    uint8_t id[16];
    size_t i;

    if (!json_is_object(printed) || !trace_id_read(json_get_str(printed, "trace", ""), id))
        return;
    if (!spans) {
        spans = trace->spans = mem_zero(1, sizeof(*spans));
        spans->mono_ns = clock_ns();
        spans->wall_ns = (uint64_t)clock_wall_ms() * 1000000u;
        memcpy(spans->trace_id, id, sizeof(id));
        spans->dropped = (size_t)json_get_int(printed, "dropped", 0);
    }
    json_array_foreach (json_object_get(printed, "list"), i, item)
        read_span(spans, item);
}

/* ---- for people ------------------------------------------------------------------------------- */

static void show_attributes(const json_t *attributes, struct buf *out)
{
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)attributes, key, value) {
        if (json_is_string(value))
            buf_printf(out, " %s=%s", key, json_string_value(value));
        else if (json_is_boolean(value))
            buf_printf(out, " %s=%s", key, json_is_true(value) ? "yes" : "no");
        else
            buf_printf(out, " %s=%lld", key, (long long)json_integer_value(value));
    }
}

static void show_span(const json_t *span, uint64_t from, unsigned depth, struct buf *out)
{
    uint64_t start = number_of(span, "start", 10), end = number_of(span, "end", 10);
    int64_t status = json_get_int(span, "status", 0);
    int64_t attempt = json_get_int(span, "attempt", 1);

    buf_printf(out, "\n%10.3f ms  %*s%s", start > from ? (double)(start - from) / 1e6 : 0.0,
               (int)(2 * depth), "", json_get_str(span, "name", "?"));
    if (end)
        buf_printf(out, ": %.3f ms", end > start ? (double)(end - start) / 1e6 : 0.0);
    else
        buf_puts(out, ": not ended");
    if (status < 0)
        buf_printf(out, ", %s", status_name((troupe_status)status));
    if (attempt > 1)
        buf_printf(out, ", run %lld", (long long)attempt);
    show_attributes(json_object_get(span, "attributes"), out);
}

#define DEPTH_MAX 32

/* Whether its parent is in the list. */
static bool has_parent(const json_t *list, const json_t *span)
{
    const char *parent = json_get_str(span, "parent", "");
    const json_t *other;
    size_t i;

    json_array_foreach (list, i, other)
        if (other != span && !strcmp(json_get_str(other, "id", ""), parent))
            return true;
    return false;
}

/* Those below `parent` (NULL: below none) in the order of their starts. Bounded: each level looks at the
 * list anew, and there are few. */
static void show_below(const json_t *list, const json_t *parent, uint64_t from, unsigned depth,
                       struct buf *out)
{
    const char *id = parent ? json_get_str(parent, "id", "") : NULL;
    uint64_t last = 0;
    size_t last_place = 0;

    if (depth > DEPTH_MAX)
        return;
    for (;;) {
        const json_t *next = NULL, *span;
        uint64_t best = 0;
        size_t i, place = 0;

        json_array_foreach (list, i, span) {
            uint64_t start = number_of(span, "start", 10);
            bool below = id ? !strcmp(json_get_str(span, "parent", ""), id) && span != parent
                            : !has_parent(list, span);

            if (!below || start < last || (start == last && i + 1 <= last_place))
                continue;
            if (!next || start < best) {
                next = span;
                best = start;
                place = i + 1;
            }
        }
        if (!next)
            return;
        last = best;
        last_place = place;
        show_span(next, from, depth, out);
        show_below(list, next, from, depth + 1, out);
    }
}

void turn_spans_show(const json_t *printed, struct buf *out)
{
    const json_t *list = json_object_get(printed, "list");
    int64_t dropped = json_get_int(printed, "dropped", 0);

    if (!json_array_size(list))
        return;
    buf_printf(out, "\nspans of trace %s:", json_get_str(printed, "trace", "?"));
    show_below(list, NULL, number_of(json_array_get(list, 0), "start", 10), 0, out);
    if (dropped)
        buf_printf(out, "\n(%lld more spans and attributes are not kept)", (long long)dropped);
}

/* ---- the log ---------------------------------------------------------------------------------- */

void turn_spans_log(const struct turn *turn, const struct turn_spans *spans,
                    const struct turn_span *span)
{
    char trace[TRACE_ID_SIZE], id[SPAN_ID_SIZE], parent[SPAN_ID_SIZE] = "";
    _cleanup_mem_ char *attributes = NULL;
    struct log_field fields[LOG_FIELDS_MAX];
    size_t count = 0;

    if (!log_enabled(LOG_DEBUG))
        return;
    trace_id_print(spans, trace);
    turn_span_id_print(span->id, id);
    fields[count++] = (struct log_field){.name = "turn", .number = turn->id};
    fields[count++] = (struct log_field){.name = "trace", .text = trace};
    fields[count++] = (struct log_field){.name = "span", .text = id};
    if (span->parent) {
        turn_span_id_print(spans->items[span->parent - 1].id, parent);
        fields[count++] = (struct log_field){.name = "parent", .text = parent};
    }
    fields[count++] = (struct log_field){.name = "name", .text = span->name};
    fields[count++] = (struct log_field){.name = "kind", .text = kinds[span->kind]};
    fields[count++] = (struct log_field){.name = "attempt", .number = span->attempt};
    fields[count++] = (struct log_field){
        .name = "us", .number = (int64_t)((span->end_ns - span->start_ns) / 1000)};
    if (span->outcome)
        fields[count++] = (struct log_field){
            .name = "status", .text = span->status < 0 ? status_name(span->status) : "ok"};
    attributes = span->attributes ? json_print(span->attributes) : NULL;
    if (attributes)
        fields[count++] = (struct log_field){.name = "attributes", .text = attributes};
    log_fields(LOG_DEBUG, span->owner, NULL, fields, count, "span");
}
