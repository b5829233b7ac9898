/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/outbox_json.h"

#include "base/mem.h"
#include "base/text.h"
#include "gateway/discord/outbox_attached.h"
#include "gateway/outbox.h"

#include <inttypes.h>
#include <string.h>

#define FALLBACK_UNITS 1700 /* of 2,000; the rest is for fences and the sentence */

/* A boundary that stands in neither part: the text is searched for each try. */
static void put_boundary(const struct outbox_row *row, const char *json, struct buf *out)
{
    for (uint64_t n = 0;; n++) {
        buf_reset(out);
        buf_printf(out, "troupe-%016" PRIx64 "-%" PRIu64, (uint64_t)row->id, n);
        if (!strstr(row->file, out->data) && !strstr(json, out->data))
            return;
    }
}

void discord_outbox_write_file(const struct outbox_row *row, struct buf *out, struct buf *ret_type)
{
    _cleanup_buf_ struct buf json = BUF_INIT, boundary = BUF_INIT;

    discord_outbox_write(row, true, &json);
    put_boundary(row, buf_text(&json), &boundary);
    buf_printf(ret_type, "multipart/form-data; boundary=%s", boundary.data);
    buf_printf(out,
               "--%s\r\nContent-Disposition: form-data; name=\"payload_json\"\r\n"
               "Content-Type: application/json\r\n\r\n",
               boundary.data);
    buf_append(out, json.data, json.len);
    buf_printf(out,
               "\r\n--%s\r\nContent-Disposition: form-data; name=\"files[0]\"; filename=\"%s\"\r\n"
               "Content-Type: text/plain; charset=utf-8\r\n\r\n",
               boundary.data, row->file_name);
    buf_puts(out, row->file);
    buf_printf(out, "\r\n--%s--\r\n", boundary.data);
}

bool discord_outbox_same_file(const struct outbox_row *row, const json_t *message)
{
    const json_t *files = json_object_get(message, "attachments");
    const json_t *file = json_array_get(files, 0);

    if (row->files)
        return discord_attached_same(row, files);
    if (!row->file_name)
        return json_array_size(files) == 0;
    return json_array_size(files) == 1 &&
           !strcmp(json_get_str(file, "filename", ""), row->file_name) &&
           json_get_int(file, "size", -1) == (int64_t)strlen(row->file);
}

void discord_outbox_unfile(struct outbox_row *row)
{
    size_t len = strlen(row->file), cut = text_utf8_cut(row->file, len, (size_t)FALLBACK_UNITS);
    struct buf body = BUF_INIT;

    /* Longer than any fence inside. */
    buf_puts(&body, "``````\n");
    buf_append(&body, row->file, cut);
    buf_printf(&body, "%s``````\n-# I may not attach files here, so %s of `%s`.",
               cut && row->file[cut - 1] == '\n' ? "" : "\n",
               cut < len ? "this is only the beginning" : "this is the text", row->file_name);
    mem_free(row->body);
    row->body = buf_take(&body);
    mem_free(row->file_name);
    mem_free(row->file);
    row->file_name = row->file = NULL;
}
