/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/mem.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Counts brackets outside strings; cheap beside the parse, and needs no stack. */
static bool too_deep(const char *text, size_t len)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > JSON_DEPTH_MAX)
                return true;
        } else if ((c == ']' || c == '}') && depth) {
            depth--;
        }
    }
    return false;
}

/* jansson quotes what it stumbled over: a stranger's bytes, which may be no text at all. */
static void clean(char *text)
{
    bool valid = text_is_utf8(text, strlen(text));

    for (unsigned char *c = (unsigned char *)text; *c; c++)
        if (*c < 0x20 || *c == 0x7f || (*c >= 0x80 && !valid))
            *c = '?';
}

static troupe_status parse(const char *text, size_t len, size_t flags, json_t **ret,
                           struct error *err)
{
    json_error_t where;
    json_t *value;

    if (too_deep(text, len))
        return error_set(err, TROUPE_DATA, "json is nested deeper than %d levels", JSON_DEPTH_MAX);
    value = json_loadb(text, len, JSON_DECODE_ANY | flags, &where);
    if (!value) {
        clean(where.text);
        return error_set(err, TROUPE_DATA, "bad json at line %d column %d: %s", where.line,
                         where.column, where.text);
    }
    *ret = value;
    return TROUPE_OK;
}

troupe_status json_parse(const char *text, size_t len, json_t **ret, struct error *err)
{
    return parse(text, len, JSON_REJECT_DUPLICATES, ret, err);
}

troupe_status json_parse_lenient(const char *text, size_t len, json_t **ret, struct error *err)
{
    return parse(text, len, 0, ret, err);
}

char *json_print(const json_t *value)
{
    char *dumped = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    char *copy;

    if (!dumped)
        return NULL;
    copy = mem_strdup(dumped);
    free(dumped);
    return copy;
}

const char *json_get_str(const json_t *object, const char *key, const char *fallback)
{
    const char *value = json_string_value(json_object_get(object, key));

    return value ? value : fallback;
}

int64_t json_get_int(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? (int64_t)json_integer_value(value) : fallback;
}

void json_put(struct buf *out, const char *text, size_t len)
{
    static const char hex[] = "0123456789abcdef";
    size_t from = 0;

    buf_putc(out, '"');
    if (!text_is_utf8(text, len))
        len = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        char escape[] = {'\\', 'u', '0', '0', hex[c >> 4 & 15], hex[c & 15]};

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        buf_append(out, text + from, i - from);
        from = i + 1;
        if (c >= 0x20) {
            buf_putc(out, '\\');
            buf_putc(out, (char)c);
        } else {
            buf_append(out, escape, sizeof(escape));
        }
    }
    buf_append(out, text + from, len - from);
    buf_putc(out, '"');
}
