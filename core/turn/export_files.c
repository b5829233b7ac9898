/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/export_files.h"

#include "base/clock.h"
#include "base/mem.h"
#include "gateway/attached.h"
#include "store/blob.h"
#include "turn/attach.h"
#include "turn/engine_private.h"
#include "turn/erase.h"
#include "turn/export.h"
#include "turn/sql/erase.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Columns of SQL_ERASE_SHOW_FILES. */
enum { NS, SCOPE, KEY, TYPE, SIZE };

struct files {
    struct turn *turn;
    size_t attached, large, more; /* large: than a file of a message may be; more: than it takes */
};

/* A name that every platform takes: the key is an agent's. */
static char *name_of(size_t number, const char *key)
{
    char *name = mem_printf("%zu-%.80s", number, key);
    size_t len = strlen(name);

    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)name[i];
        const bool dot = c == '.' && i + 1 < len && name[i + 1] != '.';

        if (!dot && !(isascii(c) && (isalnum(c) || c == '-' || c == '_')))
            name[i] = '_';
    }
    return name;
}

/* All of a blob, which may be gone by now. [waits] */
static troupe_status read_blob(struct store *store, const struct store_blob_place *place,
                               struct buf *ret, struct error *err)
{
    struct store_blob_head blob;
    troupe_status status = store_blob_info(store, place, &blob, err);

    if (status == TROUPE_OK && (!blob.size || blob.size > ATTACHED_FILE_MAX))
        status = TROUPE_NOT_FOUND;
    if (status == TROUPE_OK)
        buf_reserve(ret, (size_t)blob.size);
    while (status == TROUPE_OK && ret->len < blob.size) {
        size_t got = 0;

        status = store_blob_read(store, place, &blob, ret->len, ret->data + ret->len,
                                 (size_t)blob.size - ret->len, &got, err);
        if (status == TROUPE_OK && !got)
            status = TROUPE_NOT_FOUND;
        ret->len += got;
    }
    return status;
}

/* `room`: how many bytes of it there is room for. */
static troupe_status attach(struct files *files, const struct store_rows *rows, size_t row,
                            size_t room, struct error *err)
{
    const struct store_blob_place place = {store_cell_text(rows, row, NS, ""),
                                           store_cell_text(rows, row, SCOPE, ""),
                                           store_cell_text(rows, row, KEY, "")};
    _cleanup_mem_ char *name = name_of(files->attached + 1, place.key);
    _cleanup_buf_ struct buf data = BUF_INIT;
    struct turn *turn = files->turn;
    struct attached_file file = {.name = name,
                                 .type = (char *)store_cell_text(rows, row, TYPE, "")};
    troupe_status status = read_blob(turn->engine->store, &place, &data, err);

    if (status == TROUPE_NOT_FOUND || status == TROUPE_CONFLICT ||
        (status == TROUPE_OK && data.len > room))
        return TROUPE_OK; /* it is being replaced or deleted */
    if (status < 0)
        return status;
    file.data = data.data;
    file.size = data.len;
    status = turn_attach_add_own(turn, &file, err);
    if (status == TROUPE_OK)
        files->attached++;
    return status;
}

static troupe_status attach_all(struct files *files, const struct store_rows *rows,
                                struct error *err)
{
    /* What an earlier run of the command attached is attached anew. */
    troupe_status status = turn_attach_clear(files->turn, err);

    for (size_t i = 0; status == TROUPE_OK && i < rows->count; i++) {
        const int64_t size = store_cell_int(rows, i, SIZE, 0);
        const char *code;

        if (size > (int64_t)ATTACHED_FILE_MAX) {
            files->large++;
            continue;
        }
        status = turn_attach_room(files->turn, (size_t)size, &code, err);
        if (status == TROUPE_OK) {
            status = attach(files, rows, i, (size_t)size, err);
        } else if (strcmp(code, TURN_ATTACH_STORAGE)) {
            files->more++;
            status = TROUPE_OK;
        }
    }
    return status;
}

static void tell(const struct files *files, struct buf *out)
{
    if (files->attached)
        buf_printf(out, "\nFiles that are kept for you are attached: %zu.", files->attached);
    if (files->large)
        buf_printf(out, "\nNot attached, as a file of a message has at most %u MB: %zu.",
                   ATTACHED_FILE_MAX >> 20, files->large);
    if (files->more)
        buf_printf(out,
                   "\nNot attached, as a message takes %d files of %u MB together: %zu older ones.",
                   ATTACHED_FILES_MAX, ATTACHED_BYTES_MAX >> 20, files->more);
}

/* Whether nobody else reads the answer. */
static bool is_alone(const struct turn *turn)
{
    return turn->answer.private || !turn->event->guild || !turn->event->guild[0];
}

troupe_status turn_export_files(struct turn *turn, struct buf *out, struct error *err)
{
    _cleanup_mem_ char *member = turn_erase_scope(turn->event->member, false);
    _cleanup_mem_ char *session = turn_erase_scope(turn->event->member, true);
    _cleanup_rows_ struct store_rows *rows = NULL;
    struct files files = {.turn = turn};
    troupe_status status;

    if (!turn->id || turn->held || !turn->event->gateway)
        return TROUPE_OK; /* nobody there takes files */
    status = store_query(turn->engine->store,
                         STORE_SQL(SQL_ERASE_SHOW_FILES, store_text(member), store_text(session),
                                   store_int(TURN_EXPORT_ROWS), store_int(clock_wall_ms())),
                         turn_engine_soon(turn->engine), &rows, err);
    if (status < 0 || !rows->count)
        return status;
    if (!is_alone(turn)) {
        buf_printf(
            out,
            "\n%zu files are kept for you; ask by the slash command, or in a direct message, "
            "to get them.",
            rows->count);
        return TROUPE_OK;
    }
    status = attach_all(&files, rows, err);
    if (status == TROUPE_OK)
        tell(&files, out);
    return status;
}
