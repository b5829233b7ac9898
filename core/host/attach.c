/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.attach/1". Names and types are as narrow as every gateway and every viewer of a file takes
 * them without a change: what was sent is found again by them.
 */
#include "host/host_table.h"

#include "base/text.h"
#include "gateway/attached.h"
#include "turn/attach.h"
#include "turn/engine_private.h"

#include <ctype.h>
#include <string.h>

#define NEW_FILE_1 (offsetof(troupe_new_file, data) + sizeof(troupe_str))
#define HASHED     32768 /* bytes at each end: enough to tell files apart */

static bool is_plain(char c)
{
    return isascii((unsigned char)c) && (isalnum((unsigned char)c) || c == '-' || c == '_');
}

static bool is_name(troupe_str name)
{
    if (!name.ptr || !name.len || name.len > ATTACHED_NAME_MAX || !is_plain(name.ptr[0]) ||
        name.ptr[name.len - 1] == '.')
        return false;
    for (uint64_t i = 0; i < name.len; i++)
        if (!is_plain(name.ptr[i]) &&
            (name.ptr[i] != '.' || (i + 1 < name.len && name.ptr[i + 1] == '.')))
            return false;
    return true;
}

bool host_is_media_type(troupe_str type)
{
    const char *slash = type.ptr ? memchr(type.ptr, '/', (size_t)type.len) : NULL;

    if (!slash || type.len > ATTACHED_TYPE_MAX || slash == type.ptr ||
        slash + 1 == type.ptr + type.len)
        return false;
    for (const char *p = type.ptr; p < type.ptr + type.len; p++)
        if (p != slash && !is_plain(*p) && *p != '.' && *p != '+')
            return false;
    return true;
}

static bool is_alt(troupe_str alt)
{
    return (alt.ptr || !alt.len) && alt.len <= 4 * ATTACHED_ALT_MAX &&
           text_is_utf8(alt.ptr ? alt.ptr : "", (size_t)alt.len) &&
           (!alt.len || !memchr(alt.ptr, '\0', (size_t)alt.len)) &&
           text_utf16_len(alt.ptr ? alt.ptr : "", (size_t)alt.len) <= ATTACHED_ALT_MAX;
}

static troupe_status check(struct turn_frame *frame, const troupe_new_file *file)
{
    if (!file || file->size < NEW_FILE_1 || file->flags)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "attach.size",
                                "troupe_new_file says no size that this host knows, or flags");
    if (!is_name(file->name))
        return turn_frame_error(
            frame, TROUPE_ARGUMENT, "attach.name",
            "a file's name has 1 to %d of a-z, A-Z, 0-9, . _ and -, begins with "
            "none but a letter, digit, _ or -, and has no .. in it",
            ATTACHED_NAME_MAX);
    if (!host_is_media_type(file->type))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "attach.type",
                                "a file's type is like \"image/png\", of at most %d bytes",
                                ATTACHED_TYPE_MAX);
    if (!is_alt(file->alt))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "attach.alt",
                                "what a file shows is told by at most %d characters of UTF-8",
                                ATTACHED_ALT_MAX);
    if (!file->data.len)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "attach.empty", "a file has bytes");
    return host_bytes(frame, file->data.ptr, file->data.len, ATTACHED_FILE_MAX, "a file");
}

static troupe_status check_place(struct turn_frame *frame)
{
    const struct turn *turn = frame->turn;

    if (frame->observer)
        return turn_frame_error(frame, TROUPE_DENIED, "host.observer",
                                "an observer cannot answer; use a stage");
    if (!turn->event->gateway || !turn->id)
        return turn_frame_error(frame, TROUPE_UNSUPPORTED, "attach.nobody",
                                "this turn's answer is a text alone: nobody here takes files");
    if (frame->batch)
        return turn_frame_error(frame, TROUPE_UNSUPPORTED, "attach.batch",
                                "a file is attached outside of a batch");
    return turn->answer.closed ? TROUPE_CANCELED : TROUPE_OK;
}

static int64_t hash(const troupe_new_file *file)
{
    const char *data = file->data.ptr;
    size_t len = (size_t)file->data.len, part = len < HASHED ? len : HASHED;
    int64_t hash = turn_record_hash(RECORD_HASH_START, file->name.ptr, (size_t)file->name.len);

    hash = turn_record_hash(turn_record_hash_int(hash, (int64_t)len), data, part);
    return turn_record_hash(hash, data + len - part, part);
}

static troupe_status attach(troupe_turn *turn, const troupe_new_file *file)
{
    struct turn_frame *frame = turn_frame_of(turn);
    struct record_call call = {0};
    struct attached_file made;
    const char *code;
    struct error err;
    troupe_status status = host_need(frame, "attach");

    if (status == TROUPE_OK)
        status = check(frame, file);
    if (status == TROUPE_OK)
        status = check_place(frame);
    if (status == TROUPE_OK)
        status = turn_record_begin(&call, frame, "attach", hash(file));
    if (status == RECORD_REPLAYED)
        return turn_record_status(&call);
    if (status < 0)
        return status;
    status = turn_attach_room(frame->turn, (size_t)file->data.len, &code, &err);
    if (status < 0) {
        turn_frame_error(frame, status, code, "%s", err.text);
        return turn_record_note(&call, status, NULL, 0);
    }
    made = (struct attached_file){
        .name = arena_strndup(&frame->arena, file->name.ptr, (size_t)file->name.len),
        .type = arena_strndup(&frame->arena, file->type.ptr, (size_t)file->type.len),
        .alt = file->alt.len ? arena_strndup(&frame->arena, file->alt.ptr, (size_t)file->alt.len)
                             : NULL,
        .data = (char *)(uintptr_t)file->data.ptr,
        .size = (size_t)file->data.len,
    };
    return turn_attach_add(&call, &made);
}

const troupe_attach_v1 *host_attach_table(void)
{
    static const troupe_attach_v1 table = {.size = sizeof(table), .attach = attach};

    return &table;
}
