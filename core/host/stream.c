/* SPDX-License-Identifier: Apache-2.0
 *
 * Streams: a function that runs beside its caller and hands out its text in chunks.
 */
#include "host/host_table.h"

#include "base/mem.h"
#include "loop/chan.h"
#include "turn/call.h"
#include "turn/engine_private.h"
#include "turn/pack.h"

#include <string.h>

#define STREAMS_MAX  16
#define CHUNKS_AHEAD 16  /* chunks that a callee may be ahead of its reader */
#define NOTE_NUMBERS 5   /* of a note: the status, and the length of each text */
#define GIVEN_FIRST  960 /* bytes of an answer for which there is room at once */

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
    bool reading;       /* the caller waits for the next one                     */
    struct buf given;   /* what was handed out, as far as it can be noted        */
    bool rest_given;    /* after a cut: what members had seen beyond it          */
    struct record_call call;
    bool replayed;
    char *name, *args, *path;
    size_t args_len;
    struct turn_result result;
    troupe_status status;
    bool ended;
};

static troupe_status stream_main(void *arg)
{
    troupe_stream *stream = arg;

    const struct turn_site site = {.caller = stream->frame,
                                   .path = stream->path,
                                   .chunks = stream->chunks,
                                   .reading = &stream->reading};

    stream->status = turn_call_named(stream->frame->turn, &site, stream->name, stream->args,
                                     stream->args_len, &stream->result);
    stream->ended = true;
    chan_close(stream->chunks, TROUPE_END);
    turn_frame_active(stream->frame, false);
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
    scope_close(&stream->scope); /* it was cancelled, so it neither waits nor parks */
    chan_unref(stream->chunks);
    turn_result_clear(&stream->result);
    mem_free(stream->held);
    buf_clear(&stream->given);
    mem_free(stream->name);
    mem_free(stream->args);
    mem_free(stream->path);
    mem_free(stream);
}

/* ---- the record ----------------------------------------------------------------------------- */

/* What the caller has had of it: one chunk when it is replayed. */
static troupe_status note(troupe_stream *stream, troupe_status status)
{
    const struct turn_result *result = &stream->result;
    const struct buf *json = result->json.len ? &result->json : &result->text;
    _cleanup_buf_ struct buf out = BUF_INIT;

    if (stream->replayed)
        return TROUPE_OK;
    buf_reserve(&out, stream->given.len + json->len + strlen(result->code) +
                          strlen(result->sentence) + NOTE_NUMBERS * sizeof(int64_t));
    pack_int(&out, status);
    pack_bytes(&out, buf_text(&stream->given), stream->given.len);
    pack_bytes(&out, buf_text(json), json->len);
    pack_text(&out, result->code);
    pack_text(&out, result->sentence);
    return turn_record_note_buf(&stream->call, TROUPE_OK, &out, RECORD_NOTE_MAX);
}

/* A stream whose end is known: no function runs. */
static void replay(troupe_stream *stream)
{
    const struct buf *row = &stream->call.row->result;
    struct unpack in = {row->data, row->len, false};
    struct turn_result *result = &stream->result;
    const char *data;
    size_t len;

    stream->replayed = stream->ended = true;
    stream->status = (troupe_status)unpack_int(&in);
    data = unpack_bytes(&in, &len);
    if (len) {
        struct chunk *chunk = mem_alloc(sizeof(*chunk) + len);

        chunk->len = len;
        memcpy(chunk->text, data, len);
        if (chan_try_send(stream->chunks, chunk) < 0)
            mem_free(chunk);
    }
    data = unpack_bytes(&in, &len);
    buf_append(&result->json, data, len);
    unpack_text(&in, result->code, sizeof(result->code));
    unpack_text(&in, result->sentence, sizeof(result->sentence));
    chan_close(stream->chunks, TROUPE_END);
    if (in.bad)
        turn_diverge(stream->frame->turn, "the end of a stream cannot be read");
}

troupe_status host_stream_open(troupe_turn *turn, const char *name, troupe_str json_args,
                               troupe_stream **ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct co_owner owner = {frame->agent->owner, (uint64_t)frame->turn->id};
    troupe_status status = host_may_call(frame, name);
    struct record_call call = {0};
    troupe_stream *stream;

    if (status == TROUPE_OK)
        status = host_bytes(frame, json_args.ptr, json_args.len, PLUGIN_MAX_JSON_TEXT,
                            "the arguments' text");
    if (status < 0)
        return status;
    if (frame->streams >= STREAMS_MAX)
        return turn_frame_error(frame, TROUPE_LIMIT, "host.limit",
                                "a stage has at most %d open streams", STREAMS_MAX);
    status = host_limit(frame, name);
    if (status < 0)
        return status;
    status = host_record_call(&call, frame, "open", name, json_args);
    if (status < 0)
        return status;
    stream = mem_zero(1, sizeof(*stream));
    stream->frame = frame;
    stream->call = call;
    stream->path = turn_call_path(frame, call.ordinal);
    stream->name = mem_strdup(name);
    stream->args = mem_strndup(json_args.ptr ? json_args.ptr : "", (size_t)json_args.len);
    stream->args_len = (size_t)json_args.len;
    stream->chunks = chan_new(frame->turn->engine->loop, CHUNKS_AHEAD, mem_free);
    frame->streams++;
    turn_frame_own(frame, &stream->resource, stream_release);
    scope_open(&stream->scope, 0);
    if (status == RECORD_REPLAYED) {
        replay(stream);
        *ret = stream;
        return TROUPE_OK;
    }
    turn_frame_active(frame, true);
    status = co_spawn_wait(&stream->scope, &owner, stream_main, stream, frame->turn->deadline);
    if (status < 0) {
        turn_frame_active(frame, false);
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

/* A round of the callee was cut by a crash after members had seen some of it: the caller gets what
 * they saw, so that it can keep it. False: there is no more than it had. */
static bool take_rest(troupe_stream *stream, struct chunk **ret)
{
    const char *rest;
    size_t len = stream->ended && stream->status == TROUPE_INTERRUPTED && !stream->rest_given
                     ? turn_answer_rest(stream->frame->turn, &rest)
                     : 0;

    stream->rest_given = true;
    if (!len)
        return false;
    *ret = mem_alloc(sizeof(**ret) + len);
    (*ret)->len = len;
    memcpy((*ret)->text, rest, len);
    return true;
}

troupe_status host_stream_read(troupe_turn *turn, troupe_stream *stream, troupe_str *ret)
{
    struct chunk *chunk;
    void *item;
    troupe_status status = stream_check(turn, stream);

    if (status < 0)
        return status;
    stream->reading = true;
    turn_frame_active(stream->frame, false);
    status = chan_recv(stream->chunks, 0, &item);
    turn_frame_active(stream->frame, true);
    stream->reading = false;
    if (status == TROUPE_END && !stream->replayed && take_rest(stream, &chunk))
        item = chunk;
    else if (status < 0)
        return status;
    mem_free(stream->held);
    stream->held = item;
    if (!stream->given.cap)
        buf_reserve(&stream->given, GIVEN_FIRST);
    if (stream->given.len <= RECORD_NOTE_MAX) /* beyond it only its hash will be noted */
        buf_append(&stream->given, stream->held->text, stream->held->len);
    *ret = (troupe_str){stream->held->text, stream->held->len};
    return TROUPE_OK;
}

troupe_status host_stream_close(troupe_turn *turn, troupe_stream *stream, troupe_str *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    troupe_status status = stream_check(turn, stream), noted;

    if (status < 0)
        return status;
    status = stream->ended ? stream->status : TROUPE_CANCELED;
    noted = note(stream, status);
    if (noted < 0)
        status = noted;
    else if (status >= 0)
        status = host_keep_result(frame, &stream->result, ret);
    else if (stream->ended)
        turn_frame_error(frame, status, stream->result.code, "%s", stream->result.sentence);
    stream_release(&stream->resource);
    return status;
}
