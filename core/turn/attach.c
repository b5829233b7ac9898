/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/attach.h"

#include "base/mem.h"
#include "gateway/attached.h"
#include "turn/engine_private.h"
#include "turn/frame.h"

troupe_status turn_attach_load(struct turn *turn, struct error *err)
{
    struct turn_attached *known = &turn->attached;
    struct attached *files = NULL;
    troupe_status status = attached_list(turn->engine->store, turn->id,
                                         turn_engine_soon(turn->engine), &files, &known->next, err);

    if (status < 0)
        return status;
    known->count = files ? files->count : 0;
    known->bytes = 0;
    for (size_t i = 0; i < known->count; i++)
        known->bytes += files->files[i].size;
    attached_unref(files);
    return TROUPE_OK;
}

/* The count is of what was attached since the last look, and never less than there is. */
static troupe_status check_total(struct turn_frame *frame, size_t size)
{
    struct engine *engine = frame->turn->engine;
    struct error err;
    troupe_status status;

    if (engine->attached_bytes >= 0 && engine->attached_bytes + (int64_t)size <= ATTACHED_TOTAL_MAX)
        return TROUPE_OK;
    status = attached_total(engine->store, turn_engine_soon(engine), &engine->attached_bytes, &err);
    if (status < 0)
        return turn_frame_error(frame, status, "attach.storage", "%s", err.text);
    if (engine->attached_bytes + (int64_t)size > ATTACHED_TOTAL_MAX)
        return turn_frame_error(frame, TROUPE_BUSY, "attach.busy",
                                "too many files wait to be sent; try again later");
    return TROUPE_OK;
}

troupe_status turn_attach_room(struct turn_frame *frame, size_t size)
{
    const struct turn_attached *known = &frame->turn->attached;

    if (known->count >= ATTACHED_FILES_MAX)
        return turn_frame_error(frame, TROUPE_LIMIT, "attach.count",
                                "an answer takes at most %d files", ATTACHED_FILES_MAX);
    if (size > ATTACHED_BYTES_MAX - known->bytes)
        return turn_frame_error(frame, TROUPE_LIMIT, "attach.bytes",
                                "the files of an answer have at most %u MB together",
                                ATTACHED_BYTES_MAX >> 20);
    return check_total(frame, size);
}

troupe_status turn_attach_add(struct record_call *call, const struct attached_file *file)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct turn *turn = call->frame->turn;
    _cleanup_buf_ struct buf what = BUF_INIT;
    troupe_status status;

    /* A child of the stage may attach another one while this is being stored. */
    attached_insert(batch, turn->id, turn->attached.next++, file);
    turn->attached.count++;
    turn->attached.bytes += file->size;
    turn->engine->attached_bytes += (int64_t)file->size;
    status = turn_record_commit(call, batch, "attach.storage", NULL, 0);
    if (status < 0) {
        turn->attached.count--;
        turn->attached.bytes -= file->size;
        return status;
    }
    attached_put_size(file->size, &what);
    turn_trace_add(&turn->trace, "answer", "attached", "%s (%s, %s)", file->name, file->type,
                   buf_text(&what));
    return status;
}
