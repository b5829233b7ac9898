/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.files/1". The rows were stored before the turn's first stage and do not change, so a replay
 * reads them again; nothing is recorded.
 */
#include "host/host_table.h"

#include "base/mem.h"
#include "gateway/files.h"
#include "turn/engine_private.h"
#include "turn/sql/file.h"

/* What every caller has room for; of what a later minor appends, ask its `size`. */
#define FILE_1 (offsetof(troupe_file, type) + sizeof(troupe_str))

static troupe_status query(struct turn_frame *frame, const struct store_statement *statement,
                           struct store_rows **ret)
{
    struct error err;
    troupe_status status = store_query(frame->turn->engine->store, statement, 0, ret, &err);

    return status < 0 ? turn_frame_error(frame, status, "files.storage", "%s", err.text) : status;
}

static uint32_t kind_of(const char *state)
{
    switch (gateway_file_state_of(state)) {
    case GATEWAY_FILE_TEXT:
    case GATEWAY_FILE_CUT: return TROUPE_FILE_TEXT;
    case GATEWAY_FILE_KEPT:
    case GATEWAY_FILE_SEEN: return TROUPE_FILE_PICTURE;
    default: return TROUPE_FILE_LEFT_OUT;
    }
}

static troupe_status no_file(struct turn_frame *frame, uint32_t index)
{
    return turn_frame_error(frame, TROUPE_NOT_FOUND, "files.index", "the message has no file %u",
                            index);
}

static troupe_status info(troupe_turn *turn, uint32_t index, troupe_file *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = host_need(frame, "files");
    const struct store_value *name, *type;

    if (status < 0)
        return status;
    if (!ret || ret->size < FILE_1)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "files.size",
                                "troupe_file is smaller than this host writes");
    if (index >= frame->turn->files)
        return no_file(frame, index);
    status = query(frame, STORE_SQL(SQL_FILE_LIST, store_int(frame->turn->id)), &rows);
    if (status < 0)
        return status;
    if (!rows || index >= rows->count)
        return no_file(frame, index);
    ret->kind = kind_of(store_cell_text(rows, index, 4, ""));
    ret->bytes = (uint64_t)store_cell_int(rows, index, 3, 0);
    ret->shown = (uint64_t)store_cell_int(rows, index, 5, 0);
    name = store_cell(rows, index, 1);
    type = store_cell(rows, index, 2);
    status = host_keep(frame, name->data, name->len, &ret->name);
    return status < 0 ? status : host_keep(frame, type->data, type->len, &ret->type);
}

/* The member need not be told that nobody looked at it; what is lost of this says too much. [waits] */
static void note_seen(struct turn *turn, uint32_t index)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_SQL(SQL_FILE_SEEN, store_int(turn->id), store_int(index)));
    (void)store_commit(turn->engine->store, batch, turn_engine_soon(turn->engine), NULL);
}

/* The bytes as the store gave them: a picture's megabytes are not copied once more. */
struct kept {
    struct turn_resource resource;
    struct store_rows *rows;
};

static void kept_release(struct turn_resource *resource)
{
    struct kept *kept = container_of(resource, struct kept, resource);

    store_rows_free(kept->rows);
    mem_free(kept);
}

static troupe_status keep_rows(struct turn_frame *frame, struct store_rows **rows, troupe_str *ret)
{
    const struct store_value *data = store_cell(*rows, 0, 0);
    troupe_status status = host_hold(frame, data->len);
    struct kept *kept;

    if (status < 0)
        return status;
    *ret = (troupe_str){data->len ? data->data : "", data->len};
    kept = mem_zero(1, sizeof(*kept));
    kept->rows = *rows;
    *rows = NULL;
    turn_frame_own(frame, &kept->resource, kept_release);
    return TROUPE_OK;
}

static troupe_status read_file(troupe_turn *turn, uint32_t index, troupe_str *ret)
{
    struct turn_frame *frame = turn_frame_of(turn);
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = host_need(frame, "files");

    if (status < 0)
        return status;
    if (index >= frame->turn->files)
        return no_file(frame, index);
    status =
        query(frame, STORE_SQL(SQL_FILE_READ, store_int(frame->turn->id), store_int(index)), &rows);
    if (status < 0)
        return status;
    if (store_cell(rows, 0, 0)->type == STORE_NULL)
        return turn_frame_error(frame, TROUPE_UNSUPPORTED, "files.left_out",
                                "file %u of the message was left out", index);
    status = keep_rows(frame, &rows, ret);
    if (status >= 0)
        note_seen(frame->turn, index);
    return status;
}

const troupe_files_v1 *host_files_table(void)
{
    static const troupe_files_v1 table = {.size = sizeof(table), .info = info, .read = read_file};

    return &table;
}
