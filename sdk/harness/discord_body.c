/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON of a request, also out of multipart/form-data.
 */
#include "discord.h"

#include <stdio.h>

/* Of one message (reference.mdx, "Uploading Files"). */
#define UPLOADS_MAX     10
#define UPLOAD_SIZE_MAX ((size_t)10 * 1024 * 1024)
#define DESCRIPTION_MAX 1024

static struct discord_slice quoted(struct discord_slice head, const char *key)
{
    const char *from = memmem(head.ptr, head.len, key, strlen(key)), *end;

    if (!from)
        return (struct discord_slice){0};
    from += strlen(key);
    end = memchr(from, '"', (size_t)(head.ptr + head.len - from));
    return end ? (struct discord_slice){from, (size_t)(end - from)} : (struct discord_slice){0};
}

/* What stands behind "Content-Type:" in the head of a part. */
static void type_of(struct discord_slice head, char *out, size_t size)
{
    const char *from = memmem(head.ptr, head.len, "Content-Type: ", 14), *end;

    snprintf(out, size, "application/octet-stream");
    if (!from)
        return;
    from += 14;
    end = memchr(from, '\r', (size_t)(head.ptr + head.len - from));
    snprintf(out, size, "%.*s", (int)((end ? end : head.ptr + head.len) - from), from);
}

/* The item of payload_json's attachments whose id is that of "files[ID]". */
static struct discord_slice item_of(const struct discord_call *call, struct discord_slice name)
{
    struct discord_slice list = discord_scan_get(call->json, "attachments"), item, id;
    size_t at = 0;

    if (!list.ptr || name.len < 8 || memcmp(name.ptr, "files[", 6) != 0)
        return (struct discord_slice){0};
    id = (struct discord_slice){name.ptr + 6, name.len - 7};
    while (discord_scan_item(list, &at, &item)) {
        struct discord_slice own = discord_scan_get(item, "id");

        if (own.len > 2 && *own.ptr == '"')
            own = (struct discord_slice){own.ptr + 1, own.len - 2};
        if (own.ptr && own.len == id.len && memcmp(own.ptr, id.ptr, id.len) == 0)
            return item;
    }
    return (struct discord_slice){0};
}

/* False: its description is none. */
static bool describe(struct discord_call *call, struct discord_slice name)
{
    struct discord_slice raw = discord_scan_get(item_of(call, name), "description");
    struct fake_text *list = &call->attachments, text = {0};
    bool good;

    if (!raw.ptr)
        return true;
    good = discord_scan_string(raw, &text) &&
           discord_code_points(text.data, text.len, NULL) <= DESCRIPTION_MAX;
    fake_text_clear(&text);
    list->len--; /* its closing brace */
    fake_text_puts(list, ",\"description\":");
    fake_text_put(list, raw.ptr, raw.len);
    fake_text_puts(list, "}");
    return good;
}

static void take_part(struct discord_call *call, struct discord_slice head,
                      struct discord_slice body)
{
    struct discord_slice name = quoted(head, " name=\""), file = quoted(head, "filename=\"");
    struct fake_text *list = &call->attachments;
    char type[64];

    if (discord_slice_is(name, "payload_json")) {
        call->json = body;
        return;
    }
    if (!file.ptr)
        return;
    call->discord->counters.uploads++;
    call->oversized |= body.len > UPLOAD_SIZE_MAX;
    call->uploads++;
    type_of(head, type, sizeof(type));
    fake_text_puts(list, list->len == 0 ? "[" : ",");
    discord_files_put(list, call->discord, discord_files_add(call->discord, file, type, body), NULL,
                      0);
    call->malformed |= !describe(call, name) || call->uploads > UPLOADS_MAX;
}

/* multipart/form-data: finds payload_json, and makes attachments of the files. */
static void take_multipart(struct discord_call *call)
{
    struct discord_slice type = call->http->content_type, rest = call->http->body;
    const char *mark = memmem(type.ptr, type.len, "boundary=", 9);
    char boundary[128];

    call->json = discord_slice("{}");
    if (!mark)
        return;
    snprintf(boundary, sizeof(boundary), "--%.*s", (int)(type.ptr + type.len - mark - 9), mark + 9);
    for (;;) {
        char *from = memmem(rest.ptr, rest.len, boundary, strlen(boundary)), *head, *next;
        size_t left;

        if (!from)
            break;
        from += strlen(boundary);
        left = (size_t)(rest.ptr + rest.len - from);
        head = memmem(from, left, "\r\n\r\n", 4);
        next = memmem(from, left, boundary, strlen(boundary));
        if (!head || !next || head > next)
            break;
        take_part(call, (struct discord_slice){from, (size_t)(head - from)},
                  (struct discord_slice){head + 4, (size_t)(next - head - 6)});
        rest = (struct discord_slice){next, (size_t)(rest.ptr + rest.len - next)};
    }
    if (call->attachments.len > 0)
        fake_text_puts(&call->attachments, "]");
}

bool discord_body_take(struct discord_call *call)
{
    struct discord_slice type = call->http->content_type;

    call->json = call->http->body;
    if (type.len > 19 && memcmp(type.ptr, "multipart/form-data", 19) == 0)
        take_multipart(call);
    if (call->malformed)
        return false;
    if (call->json.len == 0 || call->route == ROUTE_COMMANDS)
        return true;
    if (call->attachments.len == 0 && call->json.ptr == call->http->body.ptr &&
        !(type.len >= 16 && memcmp(type.ptr, "application/json", 16) == 0))
        return false;
    return true;
}
