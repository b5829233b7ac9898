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

/* Counts anew. What was on its way to the store meanwhile it may have shown or not: it counts once more, as
 * the count is never less than there is. [waits] */
static troupe_status look(struct engine *engine, struct error *err)
{
    const int64_t ended = engine->attach_ended;
    int64_t total;
    troupe_status status = attached_total(engine->store, turn_engine_soon(engine), &total, err);

    if (status >= 0)
        engine->attached_bytes = total + engine->attach_begun - ended;
    return status;
}

/* By the count of the last look and what came since; only where that is too much by another look. */
static troupe_status check_total(struct engine *engine, size_t size, const char **ret_code,
                                 struct error *err)
{
    troupe_status status;

    if (engine->attached_bytes >= 0 && engine->attached_bytes + (int64_t)size <= ATTACHED_TOTAL_MAX)
        return TROUPE_OK;
    *ret_code = TURN_ATTACH_STORAGE;
    status = look(engine, err);
    if (status < 0)
        return status;
    if (engine->attached_bytes + (int64_t)size <= ATTACHED_TOTAL_MAX)
        return TROUPE_OK;
    *ret_code = "attach.busy";
    return error_set(err, TROUPE_BUSY, "too many files wait to be sent; try again later");
}

troupe_status turn_attach_room(struct turn *turn, size_t size, const char **ret_code,
                               struct error *err)
{
    const struct turn_attached *known = &turn->attached;

    if (known->count >= ATTACHED_FILES_MAX) {
        *ret_code = "attach.count";
        return error_set(err, TROUPE_LIMIT, "an answer takes at most %d files", ATTACHED_FILES_MAX);
    }
    if (size > ATTACHED_BYTES_MAX - known->bytes) {
        *ret_code = "attach.bytes";
        return error_set(err, TROUPE_LIMIT, "the files of an answer have at most %u MB together",
                         ATTACHED_BYTES_MAX >> 20);
    }
    return check_total(turn->engine, size, ret_code, err);
}

/* `call`: whose effect it is, which keeps its error; NULL: nobody's. It is counted before it is stored, as
 * somebody else may attach another one meanwhile. */
static troupe_status store(struct turn *turn, const struct attached_file *file,
                           struct record_call *call, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct engine *engine = turn->engine;
    troupe_status status;

    attached_insert(batch, turn->id, turn->attached.next++, file);
    turn->attached.count++;
    turn->attached.bytes += file->size;
    engine->attached_bytes += (int64_t)file->size;
    engine->attach_begun += (int64_t)file->size;
    status = call ? turn_record_commit(call, batch, TURN_ATTACH_STORAGE, NULL, 0)
                  : store_commit(engine->store, batch, turn_engine_soon(engine), err);
    engine->attach_ended += (int64_t)file->size;
    if (status < 0) {
        turn->attached.count--;
        turn->attached.bytes -= file->size;
    }
    return status;
}

troupe_status turn_attach_add(struct record_call *call, const struct attached_file *file)
{
    struct turn *turn = call->frame->turn;
    _cleanup_buf_ struct buf what = BUF_INIT;
    troupe_status status = store(turn, file, call, NULL);

    if (status < 0)
        return status;
    attached_put_size(file->size, &what);
    turn_trace_add(&turn->trace, "answer", "attached", "%s (%s, %s)", file->name, file->type,
                   buf_text(&what));
    return status;
}

troupe_status turn_attach_add_own(struct turn *turn, const struct attached_file *file,
                                  struct error *err)
{
    return store(turn, file, NULL, err);
}

troupe_status turn_attach_clear(struct turn *turn, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    attached_delete(batch, turn->id);
    turn->attached.count = turn->attached.bytes = 0;
    return store_commit(turn->engine->store, batch, turn_engine_soon(turn->engine), err);
}
