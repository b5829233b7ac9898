/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams: a function that runs beside its caller and hands out its text in chunks.
 */
#include "host/host_table.h"

#include "base/mem.h"
#include "loop/chan.h"
#include "turn/call.h"
#include "turn/engine_private.h"

#include <string.h>

#define STREAMS_MAX  16
#define CHUNKS_AHEAD 16 /* chunks that a callee may be ahead of its reader */

struct chunk {
    size_t len;
    char text[];
};

troupe_status host_stream_send(struct chan *chunks, const char *text, size_t len)
{
    struct chunk *chunk = mem_alloc(sizeof(*chunk) + len);
    troupe_status status;

    chunk->len = len;
    memcpy(chunk->text, text, len);
    status = chan_send(chunks, chunk, 0);
    if (status < 0)
        mem_free(chunk);
    return status;
}

/* A function that runs beside its caller; lives on the caller's frame. */
struct troupe_stream {
    struct turn_resource resource;
    struct turn_frame *frame;
    struct scope scope;
    struct chan *chunks;
    struct chunk *held; /* what the last read handed out */
    char *name, *args;
    size_t args_len;
    struct turn_result result;
    troupe_status status;
    bool ended;
};

static troupe_status stream_main(void *arg)
{
    troupe_stream *stream = arg;

    stream->status = turn_call_named(stream->frame->turn, stream->frame, stream->name, stream->args,
                                     stream->args_len, stream->chunks, &stream->result);
    stream->ended = true;
    chan_close(stream->chunks, TROUPE_END);
    return TROUPE_OK;
}

static void stream_release(struct turn_resource *resource)
{
    troupe_stream *stream = container_of(resource, troupe_stream, resource);

    list_remove(&resource->link);
    stream->frame->streams--;
    chan_close(stream->chunks, TROUPE_CANCELED);
    if (!stream->ended)
        scope_cancel(&stream->scope, TROUPE_CANCELED);
    scope_close(&stream->scope);
    chan_unref(stream->chunks);
    turn_result_clear(&stream->result);
    mem_free(stream->held);
    mem_free(stream->name);
    mem_free(stream->args);
    mem_free(stream);
}

troupe_status host_stream_open(troupe_turn *turn, const char *name, troupe_str json_args,
                               troupe_stream **ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct co_owner owner = {frame->agent->owner, (uint64_t)frame->turn->id};
    troupe_status status = host_may_call(frame, name);
    troupe_stream *stream;

    if (status == TROUPE_OK)
        status = host_bytes(frame, json_args.ptr, json_args.len, PLUGIN_MAX_JSON_TEXT,
                            "the arguments' text");
    if (status < 0)
        return status;
    if (frame->streams >= STREAMS_MAX)
        return turn_frame_error(frame, TROUPE_LIMIT, "host.limit",
                                "a stage has at most %d open streams", STREAMS_MAX);
    stream = mem_zero(1, sizeof(*stream));
    stream->frame = frame;
    stream->name = mem_strdup(name);
    stream->args = mem_strndup(json_args.ptr ? json_args.ptr : "", (size_t)json_args.len);
    stream->args_len = (size_t)json_args.len;
    stream->chunks = chan_new(frame->turn->engine->loop, CHUNKS_AHEAD, mem_free);
    frame->streams++;
    turn_frame_own(frame, &stream->resource, stream_release);
    scope_open(&stream->scope, 0);
    status = co_spawn_wait(&stream->scope, &owner, stream_main, stream, frame->turn->deadline);
    if (status < 0) {
        stream_release(&stream->resource);
        return turn_frame_error(frame, status, "host.busy", "no coroutine is free");
    }
    *ret = stream;
    return TROUPE_OK;
}

static troupe_status stream_check(troupe_turn *turn, const troupe_stream *stream)
{
    return host_holds(turn_frame_of(turn), stream ? &stream->resource : NULL);
}

troupe_status host_stream_read(troupe_turn *turn, troupe_stream *stream, troupe_str *ret)
{
    void *item;
    troupe_status status = stream_check(turn, stream);

    if (status < 0)
        return status;
    status = chan_recv(stream->chunks, 0, &item);
    if (status < 0)
        return status;
    mem_free(stream->held);
    stream->held = item;
    *ret = (troupe_str){stream->held->text, stream->held->len};
    return TROUPE_OK;
}

troupe_status host_stream_close(troupe_turn *turn, troupe_stream *stream, troupe_str *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    troupe_status status = stream_check(turn, stream);

    if (status < 0)
        return status;
    status = stream->ended ? stream->status : TROUPE_CANCELED;
    if (status >= 0)
        status = host_keep_result(frame, &stream->result, ret);
    else if (stream->ended)
        turn_frame_error(frame, status, stream->result.code, "%s", stream->result.sentence);
    stream_release(&stream->resource);
    return status;
}
