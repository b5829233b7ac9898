/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.attach/1" in the child's process: the file goes to the host in one message.
 */
#include "plugin/guest.h"

static troupe_status attach(troupe_turn *turn, const troupe_new_file *file)
{
    struct buf args = BUF_INIT;

    /* The host says what is wrong with it, here with none at all. */
    if (!file || file->size < offsetof(troupe_new_file, data) + sizeof(troupe_str)) {
        wire_put_int(&args, 0);
        return guest_call(guest_turn_of(turn), WIRE_DO_ATTACH, &args);
    }
    wire_put_int(&args, 1);
    wire_put_int(&args, file->flags);
    wire_put_bytes(&args, file->name.ptr, file->name.len);
    wire_put_bytes(&args, file->type.ptr, file->type.len);
    wire_put_bytes(&args, file->alt.ptr, file->alt.len);
    wire_put_bytes(&args, file->data.ptr, file->data.len);
    return guest_call(guest_turn_of(turn), WIRE_DO_ATTACH, &args);
}

const troupe_attach_v1 *guest_attach_table(void)
{
    static const troupe_attach_v1 table = {.size = sizeof(table), .attach = attach};

    return &table;
}
