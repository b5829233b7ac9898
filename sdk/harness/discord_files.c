/* SPDX-License-Identifier: Apache-2.0 */
#include "discord.h"

#include <stdio.h>
#include <stdlib.h>

#define PREFIX "/attachments/"

const struct discord_file *discord_files_add(struct discord *discord, struct discord_slice name,
                                             const char *type, struct discord_slice data)
{
    struct discord_files *files = &discord->files;
    struct discord_file *file = &files->ring[files->next];

    files->next = (files->next + 1) % DISCORD_FILES_MAX;
    free(file->data);
    *file = (struct discord_file){.id = discord_world_new_id(&discord->world), .len = data.len};
    snprintf(file->name, sizeof(file->name), "%.*s", (int)name.len, name.ptr);
    snprintf(file->type, sizeof(file->type), "%s", type ? type : "");
    file->data = fake_alloc(data.len + 1);
    if (data.len)
        memcpy(file->data, data.ptr, data.len);
    return file;
}

const struct discord_file *discord_files_find(const struct discord *discord, uint64_t id)
{
    for (size_t i = 0; id && i < DISCORD_FILES_MAX; i++)
        if (discord->files.ring[i].id == id)
            return &discord->files.ring[i];
    return NULL;
}

void discord_files_put(struct fake_text *out, const struct discord *discord,
                       const struct discord_file *file, const char *url, uint64_t size)
{
    char own[256];

    snprintf(own, sizeof(own), "http://127.0.0.1:%d" PREFIX "%llu/file?ex=1&is=1&hm=secret",
             discord->base.port, (unsigned long long)file->id);
    fake_text_puts(out, "{\"id\":");
    discord_put_id(out, file->id);
    fake_text_puts(out, ",\"filename\":");
    discord_put_str(out, file->name, strlen(file->name));
    if (file->type[0]) {
        fake_text_puts(out, ",\"content_type\":");
        discord_put_str(out, file->type, strlen(file->type));
    }
    fake_text_puts(out, ",\"size\":");
    discord_put_u64(out, size ? size : file->len);
    fake_text_puts(out, ",\"url\":");
    discord_put_str(out, url ? url : own, strlen(url ? url : own));
    fake_text_puts(out, ",\"proxy_url\":");
    discord_put_str(out, url ? url : own, strlen(url ? url : own));
    fake_text_puts(out, "}");
}

/* What stands in the file: a text, bytes in hexadecimal, or so many letters. */
static void put_content(struct fake_text *out, const json_t *item)
{
    const char *text = json_string_value(json_object_get(item, "text"));
    const char *hex = json_string_value(json_object_get(item, "hex"));
    json_int_t fill = json_integer_value(json_object_get(item, "fill"));

    if (text)
        fake_text_puts(out, text);
    for (; hex && hex[0] && hex[1]; hex += 2) {
        char two[3] = {hex[0], hex[1], 0}, byte = (char)strtoul(two, NULL, 16);

        fake_text_put(out, &byte, 1);
    }
    for (json_int_t i = 0; i < fill; i++)
        fake_text_put(out, i % 64 == 63 ? "\n" : "x", 1);
}

char *discord_files_of(struct discord *discord, const json_t *list)
{
    struct fake_text out = {0};
    const json_t *item;
    char *text;
    size_t i;

    if (json_array_size(list) == 0)
        return NULL;
    json_array_foreach (list, i, item) {
        const char *name = json_string_value(json_object_get(item, "name"));
        struct fake_text content = {0};
        const struct discord_file *file;

        put_content(&content, item);
        file = discord_files_add(discord, discord_slice(name ? name : "file"),
                                 json_string_value(json_object_get(item, "type")),
                                 (struct discord_slice){content.data, content.len});
        fake_text_clear(&content);
        fake_text_puts(&out, i ? "," : "[");
        discord_files_put(&out, discord, file, json_string_value(json_object_get(item, "url")),
                          (uint64_t)json_integer_value(json_object_get(item, "size")));
    }
    fake_text_puts(&out, "]");
    text = fake_strdup(out.data);
    fake_text_clear(&out);
    return text;
}

/* ---- serving --------------------------------------------------------------------------------- */

static void after_pause(struct discord_conn *conn)
{
    struct fake_text *held = conn->arg;

    if (held) {
        discord_conn_put(conn, held->data ? held->data : "", held->len);
        fake_text_clear(held);
    }
    free(held);
    conn->arg = NULL;
}

static void serve(struct discord_conn *conn, const struct discord_file *file, uint64_t delay_ms)
{
    struct fake_text *held = fake_alloc(sizeof(*held));

    discord_http_write(held, file ? 200 : 404, file ? "application/octet-stream" : "text/plain",
                       NULL, file ? file->data : "", file ? file->len : 0);
    if (delay_ms) {
        free(conn->arg);
        conn->arg = held;
        discord_conn_pause(conn, delay_ms, after_pause);
        return;
    }
    discord_conn_put(conn, held->data, held->len);
    fake_text_clear(held);
    free(held);
}

void discord_files_take(struct discord *discord, struct discord_conn *conn,
                        const struct discord_http *http)
{
    const size_t at = sizeof(PREFIX) - 1;
    const char *from = http->path.ptr + at;
    const char *end = memchr(from, '/', http->path.len - at);
    uint64_t id = end ? discord_digits((struct discord_slice){from, (size_t)(end - from)}) : 0;
    const struct discord_fault *fault = discord_faults_take(discord, "attachment", false, 0, NULL);

    discord->counters.fetches++;
    if (fault && fault->what == WHAT_STATUS) {
        discord_http_write(&conn->out, fault->status, "text/plain", NULL, "", 0);
        discord_conn_dirty(conn);
    } else if (fault && (fault->what == WHAT_CUT || fault->what == WHAT_LOST)) {
        discord_conn_close(conn);
    } else if (fault && fault->what == WHAT_RESET) {
        discord_conn_reset(conn);
    } else if (fault && fault->what == WHAT_HANG) {
        conn->in_at = conn->in.len;
    } else {
        serve(conn, discord_files_find(discord, id),
              fault && fault->what == WHAT_SLOW ? fault->ms : 0);
    }
}

void discord_files_clear(struct discord *discord)
{
    for (size_t i = 0; i < DISCORD_FILES_MAX; i++)
        free(discord->files.ring[i].data);
    discord->files = (struct discord_files){0};
}
