/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/outbox_attached.h"

#include "base/mem.h"
#include "base/text.h"
#include "gateway/attached.h"
#include "gateway/discord/message.h"
#include "gateway/discord/outbox_json.h"
#include "gateway/outbox.h"

#include <inttypes.h>
#include <string.h>
#include <sys/random.h>

#define HEADS 512 /* bytes around a part, name and type apart */

/* Drawn after the files are known, so that nobody can have written it into one; to look for it in
 * megabytes would take longer. */
static void put_boundary(struct buf *out)
{
    uint64_t random[2] = {0};

    while (getrandom(random, sizeof(random), 0) != sizeof(random))
        continue;
    buf_printf(out, "troupe-%016" PRIx64 "%016" PRIx64, random[0], random[1]);
}

void discord_attached_write(const struct outbox_row *row, struct buf *out, struct buf *ret_type)
{
    _cleanup_buf_ struct buf json = BUF_INIT, boundary = BUF_INIT;
    const struct attached *files = row->files;
    size_t size;

    discord_outbox_write(row, true, &json);
    put_boundary(&boundary);
    buf_printf(ret_type, "multipart/form-data; boundary=%s", boundary.data);
    size = json.len + HEADS;
    for (size_t i = 0; i < files->count; i++)
        size += files->files[i].size + HEADS;
    buf_reserve(out, size);
    buf_printf(out,
               "--%s\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n"
               "Content-Type: application/json\r\n\r\n",
               boundary.data);
    buf_append(out, json.data, json.len);
    for (size_t i = 0; i < files->count; i++) {
        const struct attached_file *file = &files->files[i];

        buf_printf(out,
                   "\r\n--%s\r\nContent-Disposition: form-data; name=\"files[%zu]\"; "
                   "filename=\"%s\"\r\nContent-Type: %s\r\n\r\n",
                   boundary.data, i, file->name, file->type);
        buf_append(out, file->data, file->size);
    }
    buf_printf(out, "\r\n--%s--\r\n", boundary.data);
}

bool discord_attached_same(const struct outbox_row *row, const json_t *attachments)
{
    const struct attached *files = row->files;

    if (json_array_size(attachments) != files->count)
        return false;
    for (size_t i = 0; i < files->count; i++) {
        const json_t *item = json_array_get(attachments, i);

        if (strcmp(json_get_str(item, "filename", ""), files->files[i].name) != 0 ||
            json_get_int(item, "size", -1) != (int64_t)files->files[i].size)
            return false;
    }
    return true;
}

void discord_attached_drop(struct outbox_row *row)
{
    struct buf body = BUF_INIT;

    buf_printf(&body, "%s%s-# I may not attach files here, so this is missing: ", row->body,
               *row->body ? "\n" : "");
    for (size_t i = 0; i < row->files->count; i++) {
        buf_printf(&body, "%s`%s` (", i ? ", " : "", row->files->files[i].name);
        attached_put_size(row->files->files[i].size, &body);
        buf_putc(&body, ')');
    }
    if (text_utf16_len(body.data, body.len) <= DISCORD_CONTENT_MAX) {
        mem_free(row->body);
        row->body = buf_take(&body);
    }
    buf_clear(&body);
    attached_unref(row->files);
    row->files = NULL;
}
