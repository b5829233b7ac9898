/* SPDX-License-Identifier: Apache-2.0
 *
 * The JSON of a request, also out of multipart/form-data.
 */
#include "discord.h"

#include <stdio.h>

static struct discord_slice quoted(struct discord_slice head, const char *key)
{
    const char *from = memmem(head.ptr, head.len, key, strlen(key)), *end;

    if (!from)
        return (struct discord_slice){0};
    from += strlen(key);
    end = memchr(from, '"', (size_t)(head.ptr + head.len - from));
    return end ? (struct discord_slice){from, (size_t)(end - from)} : (struct discord_slice){0};
}

static void take_part(struct discord_call *call, struct discord_slice head,
                      struct discord_slice body)
{
    struct discord_slice name = quoted(head, " name=\""), file = quoted(head, "filename=\"");
    struct fake_text *list = &call->attachments;

    if (discord_slice_is(name, "payload_json")) {
        call->json = body;
        return;
    }
    if (!file.ptr)
        return;
    call->discord->counters.uploads++;
    fake_text_puts(list, list->len == 0 ? "[" : ",");
    discord_files_put(list, call->discord,
                      discord_files_add(call->discord, file, "text/plain", body), NULL, 0);
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
    if (call->json.len == 0 || call->route == ROUTE_COMMANDS)
        return true;
    if (call->attachments.len == 0 && call->json.ptr == call->http->body.ptr &&
        !(type.len >= 16 && memcmp(type.ptr, "application/json", 16) == 0))
        return false;
    return true;
}
