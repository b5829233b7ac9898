/* SPDX-License-Identifier: Apache-2.0
 *
 * `troupe config --effective`: what holds, and where it comes from.
 */
#include "base/log.h"
#include "base/mem.h"
#include "config/raw.h"

#include <stdio.h>
#include <string.h>

static void put_escaped(struct buf *out, const char *text)
{
    for (const char *p = text; *p; p++) {
        unsigned char c = (unsigned char)*p;

        if (c == '\n')
            buf_puts(out, "\\n");
        else if (c < 0x20 || c == 0x7f)
            buf_printf(out, "\\x%02x", c);
        else
            buf_putc(out, *p);
    }
}

/* A string with the secrets in it masked, and what stands before the "@" of a URL; the caller's. */
static char *shown(const struct config_value *value, const char *text)
{
    char *copy = mem_strdup(text), *host = strstr(copy, "://"), *at;

    log_mask_apply(copy);
    if (value->type != CONFIG_URL || !host)
        return copy;
    host += 3;
    at = memrchr(host, '@', strcspn(host, "/?#"));
    if (at) {
        char *masked = mem_printf("%.*s***%s", (int)(host - copy), copy, at);

        mem_free(copy);
        return masked;
    }
    return copy;
}

static void put_value(struct buf *out, const struct config_value *value)
{
    const bool list = value->flags & CONFIG_LIST;
    const size_t count = list ? value->list.count : 1;

    if (value->flags & CONFIG_SECRET) {
        buf_puts(out, "***");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        _cleanup_mem_ char *text = shown(value, list ? value->list.items[i] : value->text);

        buf_puts(out, i ? ", " : "");
        put_escaped(out, text);
    }
}

void config_print(const struct config *config, struct buf *out)
{
    for (size_t i = 0; i < config->count; i++) {
        const struct config_section *section = config->sections[i];

        buf_printf(out, "%s[%s]\n", i ? "\n" : "", section->title);
        for (size_t k = 0; k < section->count; k++) {
            const struct config_value *value = &section->values[k];

            if (!value->set) {
                buf_printf(out, "; %s has no value\n", value->key);
                continue;
            }
            buf_printf(out, "%s = ", value->key);
            put_value(out, value);
            if (value->line)
                buf_printf(out, " ; %s:%u\n", value->file, value->line);
            else
                buf_printf(out, " ; %s\n", value->file);
        }
    }
}

static json_t *json_text(const struct config_value *value, const char *text)
{
    _cleanup_mem_ char *copy = shown(value, text);

    return json_string(copy);
}

static json_t *json_value(const struct config_value *value)
{
    if (!value->set)
        return json_null();
    if (value->flags & CONFIG_SECRET)
        return json_string("***");
    if (value->flags & CONFIG_LIST) {
        json_t *list = json_array();

        for (size_t i = 0; i < value->list.count; i++)
            json_array_append_new(list, json_text(value, value->list.items[i]));
        return list;
    }
    switch (value->type) {
    case CONFIG_DURATION:
        if (value->number < 0) /* a word */
            return json_text(value, value->text);
        return json_integer(value->number);
    case CONFIG_INT:
    case CONFIG_SIZE: return json_integer(value->number);
    case CONFIG_BOOL: return json_boolean(value->number);
    case CONFIG_FLOAT: return json_real(value->real);
    default: return json_text(value, value->text);
    }
}

json_t *config_json(const struct config *config)
{
    json_t *all = json_object();

    for (size_t i = 0; i < config->count; i++) {
        const struct config_section *section = config->sections[i];
        json_t *keys = json_object();

        for (size_t k = 0; k < section->count; k++) {
            const struct config_value *value = &section->values[k];
            json_t *entry = json_object();

            json_object_set_new(entry, "value", json_value(value));
            json_object_set_new(entry, "file", json_string(value->file));
            if (value->line)
                json_object_set_new(entry, "line", json_integer(value->line));
            json_object_set_new(keys, value->key, entry);
        }
        json_object_set_new(all, section->title, keys);
    }
    return all;
}
