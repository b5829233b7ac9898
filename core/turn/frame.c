/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/frame.h"

#include "base/log.h"
#include "turn/engine_private.h"
#include "turn/span.h"
#include "turn/wait.h"

#include <stdio.h>
#include <string.h>

void turn_frame_init(struct turn_frame *frame, struct turn *turn, struct plugin_agent *agent,
                     struct turn_frame *caller, const char *path)
{
    memset(frame, 0, sizeof(*frame));
    frame->pub.api = turn->engine->options.turn_table;
    frame->turn = turn;
    frame->out = frame;
    frame->agent = agent;
    frame->caller = caller;
    frame->depth = caller ? caller->depth + 1 : 0;
    frame->unrecorded = caller && caller->unrecorded;
    frame->path = arena_strdup(&frame->arena, path);
    frame->text.max = TURN_ANSWER_MAX;
    frame->json.max = TURN_RESULT_MAX;
    list_init(&frame->resources);
    turn_span_enter(frame);
}

void turn_frame_active(const struct turn_frame *frame, bool on)
{
    if (!frame->unrecorded)
        turn_active(frame->turn, on);
}

void turn_frame_clear_resources(struct turn_frame *frame)
{
    struct list_link *link;

    while ((link = list_pop(&frame->resources))) {
        struct turn_resource *resource = container_of(link, struct turn_resource, link);

        resource->release(resource);
    }
}

void turn_frame_clear(struct turn_frame *frame)
{
    turn_frame_clear_resources(frame);
    turn_span_leave(frame);
    buf_clear(&frame->text);
    buf_clear(&frame->json);
    store_batch_free(frame->batch);
    arena_clear(&frame->arena);
}

void turn_frame_own(struct turn_frame *frame, struct turn_resource *resource,
                    void (*release)(struct turn_resource *resource))
{
    resource->release = release;
    list_prepend(&frame->resources, &resource->link);
}

bool turn_frame_explain(const struct turn_frame *frame, troupe_status status, char code[64],
                        char text[ERROR_TEXT_MAX])
{
    const struct turn_words *words = frame->fail;

    if (!words && frame->error_status == status)
        words = frame->error;
    if (!words)
        return false;
    memcpy(code, words->code, sizeof(words->code));
    memcpy(text, words->text, sizeof(words->text));
    return true;
}

const char *turn_frame_reason(const struct turn_frame *frame, troupe_status status)
{
    return frame->fail && frame->fail->text[0] ? frame->fail->text : status_name(status);
}

struct turn_words *turn_frame_words(struct turn_frame *frame, struct turn_words **words)
{
    if (!*words)
        *words = arena_alloc(&frame->arena, sizeof(**words));
    return *words;
}

troupe_status turn_frame_error(struct turn_frame *frame, troupe_status status, const char *code,
                               const char *format, ...)
{
    struct turn_words *words = turn_frame_words(frame, &frame->error);
    va_list args;

    frame->error_status = status;
    snprintf(words->code, sizeof(words->code), "%s", code);
    va_start(args, format);
    vsnprintf(words->text, sizeof(words->text), format, args);
    va_end(args);
    turn_text_tidy(words->text); /* the plugin may show it */
    log_debug(frame->agent->owner, "turn %lld: %s: %s", (long long)frame->turn->id, words->code,
              words->text);
    return status;
}
