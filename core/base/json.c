/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json.h"

#include "base/json_plain.h"
#include "base/mem.h"
#include "base/text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT 0xfffdu

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
    json_t *value =
        json_plain_parse(text, len, JSON_DEPTH_MAX, (flags & JSON_REJECT_DUPLICATES) != 0);
    json_error_t where;

    if (value) { /* as nearly always */
        *ret = value;
        return TROUPE_OK;
    }
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
    struct buf out = BUF_INIT;

    if (!value)
        return NULL;
    json_plain_print(value, &out);
    return buf_take(&out);
}

/* The four digits behind "\\u"; -1 where they are not there. */
static int32_t read_unit(const char *p, const char *end)
{
    int32_t value = 0;

    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static char *put_utf8(char *out, uint32_t c)
{
    if (c < 0x80) {
        *out++ = (char)c;
        return out;
    }
    if (c < 0x800) {
        *out++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *out++ = (char)(0xe0 | c >> 12);
        } else {
            *out++ = (char)(0xf0 | c >> 18);
            *out++ = (char)(0x80 | (c >> 12 & 0x3f));
        }
        *out++ = (char)(0x80 | (c >> 6 & 0x3f));
    }
    *out++ = (char)(0x80 | (c & 0x3f));
    return out;
}

/* The character of the "\\u" at *p, which moves behind it. */
static uint32_t read_escape(const char **p, const char *end)
{
    int32_t unit = read_unit(*p, end), low;

    *p += unit < 0 ? 2 : 6;
    if (unit < 0)
        return '?'; /* there is no room for more */
    if (unit == 0 || (unit >= 0xdc00 && unit < 0xe000))
        return REPLACEMENT;
    if (unit < 0xd800 || unit >= 0xe000)
        return (uint32_t)unit;
    low = read_unit(*p, end);
    if (low < 0xdc00 || low >= 0xe000)
        return REPLACEMENT;
    *p += 6;
    return 0x10000 + (((uint32_t)unit - 0xd800) << 10) + ((uint32_t)low - 0xdc00);
}

size_t json_unescape(const char *raw, size_t len, char *out)
{
    static const char escapes[] = "bfnrt", meant[] = "\b\f\n\r\t";
    const char *end = raw + len, *p = raw;
    char *start = out;

    while (p < end) {
        const char *escape = memchr(p, '\\', (size_t)(end - p)), *known;
        size_t plain = (size_t)((escape ? escape : end) - p);

        memmove(out, p, plain);
        out += plain;
        p += plain;
        if (!escape)
            break;
        if (end - p < 2)
            break;
        if (p[1] == 'u') {
            out = put_utf8(out, read_escape(&p, end));
            continue;
        }
        known = memchr(escapes, p[1], sizeof(escapes) - 1);
        *out++ = known ? meant[known - escapes] : p[1];
        p += 2;
    }
    return (size_t)(out - start);
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
    if (text_is_plain(text, len)) { /* as most is */
        buf_append(out, text, len);
        buf_putc(out, '"');
        return;
    }
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
