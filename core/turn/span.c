/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/span.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/text.h"
#include "turn/engine_private.h"
#include "turn/frame.h"

#include <stdio.h>
#include <string.h>

#define KEY_MAX 512 /* stage, path and number */

void turn_spans_free(struct turn_spans *spans)
{
    if (!spans)
        return;
    for (size_t i = 0; i < spans->count; i++) {
        mem_free(spans->items[i].name);
        mem_free(spans->items[i].key);
        json_decref(spans->items[i].attributes);
    }
    mem_free(spans->items);
    mem_free(spans);
}

static uint64_t wall(const struct turn_spans *spans, uint64_t mono_ns)
{
    return spans->wall_ns + (mono_ns - spans->mono_ns);
}

static uint64_t now(const struct turn_spans *spans)
{
    return wall(spans, clock_ns());
}

static void put_half(const struct event *event, uint64_t start, uint8_t ret[8])
{
    const char *const parts[] = {event->source, event->source_id, event->account, event->channel};
    uint64_t hash = hash_add(start, (const char *)&event->time_ms, sizeof(event->time_ms));

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        hash = hash_add(hash, parts[i] ? parts[i] : "", parts[i] ? strlen(parts[i]) + 1 : 1);
    hash = hash_finish(hash);
    for (size_t i = 0; i < 8; i++)
        ret[i] = (uint8_t)(hash >> (56 - 8 * i));
}

/* The turn's, made when somebody first asks for them. */
static struct turn_spans *spans_of(struct turn *turn)
{
    struct turn_spans *spans = turn->trace.spans;

    if (spans)
        return spans;
    spans = turn->trace.spans = mem_zero(1, sizeof(*spans));
    spans->mono_ns = clock_ns();
    spans->wall_ns = (uint64_t)clock_wall_ms() * 1000000u;
    put_half(turn->event, HASH_START, spans->trace_id);
    put_half(turn->event, ~HASH_START, spans->trace_id + 8);
    spans->trace_id[15] |= 1; /* all zeroes are no id */
    return spans;
}

static struct turn_span *at(const struct turn_spans *spans, unsigned place)
{
    return place && place <= spans->count ? &spans->items[place - 1] : NULL;
}

static unsigned find(const struct turn_spans *spans, const char *key)
{
    for (size_t i = 0; i < spans->count; i++)
        if (!strcmp(spans->items[i].key, key))
            return (unsigned)i + 1;
    return 0;
}

static uint64_t id_of(const struct turn_spans *spans, const char *key)
{
    uint64_t hash = hash_add(HASH_START, (const char *)spans->trace_id, sizeof(spans->trace_id));

    return hash_finish(hash_add(hash, key, strlen(key))) | 1;
}

static bool has_room(const struct turn_spans *spans, size_t bytes)
{
    return spans->bytes + bytes <= TURN_SPANS_BYTES;
}

/* What is begun anew, or was left open by an earlier attempt; 0: it is too much. */
static unsigned put(struct turn_spans *spans, const struct turn_span *made)
{
    size_t bytes = strlen(made->name) + strlen(made->key);
    unsigned place = find(spans, made->key);
    struct turn_span *span;

    if (place) {
        span = at(spans, place);
        span->earlier = span->end_ns != 0;
        span->frame = made->frame;
        span->owner = made->owner;
        return place;
    }
    if (spans->count >= TURN_SPANS_MAX || !has_room(spans, bytes) ||
        (made->kind == SPAN_CALL && spans->calls >= TURN_SPANS_CALLS)) {
        spans->dropped++;
        return 0;
    }
    spans->items = mem_resize(spans->items, spans->count + 1, sizeof(*spans->items));
    span = &spans->items[spans->count++];
    *span = *made;
    span->name = mem_strdup(made->name);
    span->key = mem_strdup(made->key);
    span->id = id_of(spans, made->key);
    spans->bytes += bytes;
    spans->calls += made->kind == SPAN_CALL;
    return (unsigned)spans->count;
}

/* `end_ns` 0: now. */
static void end(struct turn *turn, struct turn_span *span, const troupe_status *outcome)
{
    if (!span || span->end_ns)
        return;
    span->end_ns = now(turn->trace.spans);
    if (outcome) {
        span->outcome = true;
        span->status = *outcome;
    }
    turn_spans_log(turn, turn->trace.spans, span);
}

/* ---- the host's own -------------------------------------------------------------------------- */

/* Who runs on a frame, in its key. */
static const char *stage_of(const struct turn_frame *frame)
{
    const char *stage = frame->turn->record.stage;

    return frame->unrecorded || !stage ? frame->agent->owner : stage;
}

static bool is_kept(const struct turn_frame *frame)
{
    return !frame->turn->record.off && !frame->unrecorded;
}

static void key_of(const struct turn_frame *frame, char kind, unsigned number, char ret[KEY_MAX])
{
    /* What is not recorded runs once, and its paths are no keys. */
    if (is_kept(frame))
        snprintf(ret, KEY_MAX, "%s %s%c%u", stage_of(frame), frame->path, kind, number);
    else
        snprintf(ret, KEY_MAX, "%s @%u%c%u", stage_of(frame), frame->number, kind, number);
}

static unsigned turn_span(struct turn *turn)
{
    struct turn_spans *spans = spans_of(turn);

    return put(spans, &(const struct turn_span){
                          .kind = SPAN_TURN,
                          .name = (char *)(uintptr_t) "turn",
                          .key = (char *)(uintptr_t) "",
                          .owner = "turn",
                          .attempt = turn->attempt ? turn->attempt : 1,
                          .start_ns = wall(spans, turn->trace.start_ms * 1000000u),
                      });
}

/* The frame's own, and those that it is part of. */
static unsigned frame_span(struct turn_frame *frame)
{
    struct turn_spans *spans = spans_of(frame->turn);
    char key[KEY_MAX], name[160];
    struct turn_span made = {
        .name = name,
        .key = key,
        .frame = frame,
        .owner = frame->agent->owner,
        .attempt = frame->turn->attempt ? frame->turn->attempt : 1,
        .start_ns = wall(spans, frame->began_ns),
    };

    if (frame->span)
        return frame->span;
    key_of(frame, '=', 0, key);
    made.parent = frame->span_above ? frame->span_above
                  : frame->caller   ? frame_span(frame->caller)
                                    : turn_span(frame->turn);
    if (frame->child) {
        made.kind = SPAN_CHILD;
        snprintf(name, sizeof(name), "child %s", strrchr(frame->path, '.') + 1);
    } else if (frame->function) {
        made.kind = SPAN_FUNCTION;
        snprintf(name, sizeof(name), "%s.%s", frame->agent->name, frame->function->name);
    } else {
        made.kind = SPAN_STAGE;
        snprintf(name, sizeof(name), "%s %s", frame->observer ? "observer" : "stage",
                 frame->observer ? frame->agent->name : stage_of(frame));
    }
    frame->span = put(spans, &made);
    if (!frame->span_open)
        frame->span_open = frame->span;
    return frame->span;
}

void turn_span_enter(struct turn_frame *frame)
{
    frame->began_ns = clock_ns();
    frame->number = ++frame->turn->frames;
    if (frame->turn->trace.spans && frame->caller)
        frame->span_above = frame->caller->span_open;
}

static void leave(struct turn_frame *frame, const troupe_status *outcome, bool forget)
{
    struct turn_spans *spans = frame->turn->trace.spans;

    for (size_t i = 0; i < spans->count; i++) {
        struct turn_span *span = &spans->items[i];

        if (span->frame != frame)
            continue;
        /* What waits goes on when the turn does. */
        if (!frame->turn->parked)
            end(frame->turn, span, i + 1 == frame->span || forget ? outcome : NULL);
        span->frame = NULL;
    }
}

void turn_span_leave(struct turn_frame *frame)
{
    if (!frame->turn->trace.spans || (!frame->span && !frame->span_above))
        return;
    (void)frame_span(frame);
    leave(frame, &frame->verdict, false);
    frame->span = frame->span_above = frame->span_open = 0;
}

void turn_span_crashed(struct turn_frame *frame)
{
    const troupe_status crashed = TROUPE_CRASHED;

    if (!frame->turn->trace.spans || !frame->span)
        return;
    leave(frame, &crashed, true);
    frame->span = frame->span_open = 0;
}

void turn_span_finish(struct turn *turn, bool well)
{
    const troupe_status outcome = well ? TROUPE_OK : TROUPE_FAILED;

    if (turn->trace.spans)
        end(turn, at(turn->trace.spans, find(turn->trace.spans, "")), &outcome);
}

/* Those that tell nothing, or have a frame of their own. */
static bool is_shown(const char *kind)
{
    static const char *const hidden[] = {"now", "random", "call", "limit", "open"};

    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        if (!strcmp(kind, hidden[i]))
            return false;
    return true;
}

unsigned turn_span_call(struct turn_frame *frame, const char *kind, unsigned ordinal)
{
    struct turn_spans *spans = frame->turn->trace.spans;
    char key[KEY_MAX];

    if (!spans || (!frame->span_open && !frame->span_above) || !is_shown(kind))
        return 0;
    (void)frame_span(frame);
    key_of(frame, '#', is_kept(frame) ? ordinal : frame->span_calls++, key);
    return put(spans,
               &(const struct turn_span){.kind = SPAN_CALL,
                                         .parent = frame->span_open,
                                         .name = (char *)(uintptr_t)kind,
                                         .key = key,
                                         .frame = frame,
                                         .owner = frame->agent->owner,
                                         .attempt = frame->turn->attempt ? frame->turn->attempt : 1,
                                         .start_ns = now(spans)});
}

void turn_span_called(struct turn_frame *frame, unsigned span, troupe_status status)
{
    if (span && frame->turn->trace.spans && !frame->turn->parked)
        end(frame->turn, at(frame->turn->trace.spans, span), &status);
}

/* ---- for agents ------------------------------------------------------------------------------- */

static bool is_name(const char *text, size_t max)
{
    size_t len = text ? strnlen(text, max + 1) : 0;

    if (!len || len > max)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return true;
}

troupe_status turn_span_begin(struct turn_frame *frame, const char *name, uint64_t *ret)
{
    struct turn *turn = frame->turn;
    struct turn_spans *spans;
    char key[KEY_MAX], tidy[SPAN_NAME_MAX + 1];
    unsigned place;

    if (!is_name(name, SPAN_NAME_MAX) || !ret)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "trace.name",
                                "a span has a name of 1 to %d printable ASCII characters",
                                SPAN_NAME_MAX);
    *ret = 0;
    /* What is only seen has no trace; what ends, or waits, begins nothing. */
    if (!turn->trace.start_ms || turn->parked || co_heed() < 0)
        return TROUPE_OK;
    snprintf(tidy, sizeof(tidy), "%s", name);
    turn_text_tidy(tidy);
    spans = spans_of(turn);
    (void)frame_span(frame);
    key_of(frame, ':', frame->span_count++, key);
    place = put(spans, &(const struct turn_span){.kind = SPAN_AGENT,
                                                 .parent = frame->span_open,
                                                 .name = tidy,
                                                 .key = key,
                                                 .frame = frame,
                                                 .owner = frame->agent->owner,
                                                 .attempt = turn->attempt ? turn->attempt : 1,
                                                 .start_ns = now(spans)});
    if (place)
        frame->span_open = place;
    *ret = place;
    return TROUPE_OK;
}

static struct turn_span *own(struct turn_frame *frame, uint64_t place)
{
    const struct turn_spans *spans = frame->turn->trace.spans;
    struct turn_span *span = spans && place <= TURN_SPANS_MAX ? at(spans, (unsigned)place) : NULL;

    return span && span->frame == frame && span->kind == SPAN_AGENT ? span : NULL;
}

static troupe_status no_span(struct turn_frame *frame)
{
    return turn_frame_error(frame, TROUPE_ARGUMENT, "trace.span",
                            "a span that has ended, or is not of this stage or function");
}

static json_t *value_of(const troupe_value *value)
{
    char text[SPAN_TEXT_MAX + 1];
    size_t len;

    switch (value->type) {
    case TROUPE_TYPE_INT: return json_integer((json_int_t)value->u.i);
    case TROUPE_TYPE_BOOL: return json_boolean(value->u.i != 0);
    case TROUPE_TYPE_STRING:
        if (!value->u.s.ptr && value->u.s.len)
            return NULL;
        len = value->u.s.len <= SPAN_TEXT_MAX ? (size_t)value->u.s.len : SPAN_TEXT_MAX;
        snprintf(text, sizeof(text), "%.*s", (int)len, value->u.s.ptr ? value->u.s.ptr : "");
        turn_text_tidy(text);
        return json_string(text);
    default: return NULL;
    }
}

troupe_status turn_span_set(struct turn_frame *frame, uint64_t place, const char *key,
                            const troupe_value *value)
{
    struct turn_span *span = place ? own(frame, place) : NULL;
    struct turn_spans *spans = frame->turn->trace.spans;
    _cleanup_json_ json_t *kept = NULL;
    char tidy[SPAN_NAME_MAX + 1];
    size_t bytes;

    if (!is_name(key, SPAN_NAME_MAX))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "trace.key",
                                "an attribute has a key of 1 to %d printable ASCII characters",
                                SPAN_NAME_MAX);
    kept = value ? value_of(value) : NULL;
    if (!kept)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "trace.value",
                                "an attribute is a string, an integer or a boolean");
    if (!place)
        return TROUPE_OK;
    if (!span)
        return no_span(frame);
    if (span->earlier) /* it stays what it was */
        return TROUPE_OK;
    snprintf(tidy, sizeof(tidy), "%s", key);
    turn_text_tidy(tidy);
    bytes = strlen(tidy) + (json_is_string(kept) ? json_string_length(kept) : 8);
    if (!span->attributes)
        span->attributes = json_object();
    if (!has_room(spans, bytes) || (json_object_size(span->attributes) >= SPAN_ATTRIBUTES &&
                                    !json_object_get(span->attributes, tidy))) {
        spans->dropped++;
        return TROUPE_LIMIT;
    }
    spans->bytes += bytes;
    json_object_set(span->attributes, tidy, kept);
    return TROUPE_OK;
}

troupe_status turn_span_end(struct turn_frame *frame, uint64_t place, troupe_status outcome)
{
    struct turn_span *span = place ? own(frame, place) : NULL;
    struct turn *turn = frame->turn;

    if (!place)
        return TROUPE_OK;
    if (!span)
        return no_span(frame);
    if (turn->parked) /* it goes on when the turn does */
        return TROUPE_OK;
    for (unsigned open = frame->span_open; open && open != (unsigned)place;) {
        struct turn_span *inner = at(turn->trace.spans, open);

        if (!inner || inner->frame != frame || inner->kind != SPAN_AGENT)
            break;
        end(turn, inner, NULL);
        inner->frame = NULL;
        open = inner->parent;
    }
    frame->span_open = span->parent;
    end(turn, span, &outcome);
    span->frame = NULL;
    return TROUPE_OK;
}

/* ---- a stage that ended ----------------------------------------------------------------------- */

void turn_span_keep(struct turn *turn, const char *stage)
{
    _cleanup_buf_ struct buf out = BUF_INIT;

    if (!turn->trace.spans)
        return;
    turn_spans_print(turn->trace.spans, stage, &out);
    turn_record_mark(turn, stage, RECORD_SPANS, TROUPE_OK, &out);
}

void turn_span_restore(struct turn *turn, const char *stage)
{
    const struct record_row *row = turn_record_marked(turn, stage, RECORD_SPANS);
    _cleanup_json_ json_t *printed = NULL;

    if (row && json_parse(buf_text(&row->result), row->result.len, &printed, NULL) == TROUPE_OK)
        turn_spans_read(&turn->trace, printed);
}
