/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#define KEY_MAX    64 /* bytes of a plain key, its end with them */
#define DIGITS_MAX 18 /* of a plain number: it never overflows */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* What is left of the text. */
struct reader {
    const char *at, *end;
    int depth;
};

static json_t *read_value(struct reader *reader);

/* ---- strings ----------------------------------------------------------------------------------*/

/* Of the first byte that is below 0x20, a quote or a backslash the high bit is set, and none of those in
 * front of it. */
static uint64_t special(uint64_t eight)
{
    const uint64_t quote = eight ^ EACH('"'), slash = eight ^ EACH('\\');

    return (((eight - EACH(0x20)) & ~eight) | ((quote - EACH(1)) & ~quote) |
            ((slash - EACH(1)) & ~slash)) &
           EACH(0x80);
}

/* How many bytes stand in front of the first marked one. */
static size_t before_mark(uint64_t marks)
{
    size_t n = 0;

    while (!(marks & 0xFF)) {
        marks >>= 8;
        n++;
    }
    return n;
}

size_t llm_json_span(const char *text, size_t len, int *ret_wide)
{
    uint64_t wide = 0;
    size_t i = 0;

    for (; len - i >= 8; i += 8) {
        uint64_t eight = 0, marks;

        memcpy(&eight, text + i, 8);
        eight = le64toh(eight);
        marks = special(eight);
        if (marks) {
            const size_t n = before_mark(marks);

            if (n > 0)
                wide |= eight << (64 - 8 * n);
            *ret_wide |= (wide & EACH(0x80)) != 0;
            return i + n;
        }
        wide |= eight;
    }
    for (; i < len; i++) {
        const unsigned char c = (unsigned char)text[i];

        if (c < 0x20 || c == '"' || c == '\\')
            break;
        wide |= c;
    }
    *ret_wide |= (wide & EACH(0x80)) != 0;
    return i;
}

/* The end of the string that begins at `at`, behind its quote; NULL where it has none. */
static const char *find_end(const struct reader *reader, int *ret_wide, int *ret_escaped)
{
    const char *at = reader->at;

    for (;;) {
        at += llm_json_span(at, (size_t)(reader->end - at), ret_wide);
        if (at == reader->end)
            return NULL;
        if (*at == '"')
            return at;
        if (*at != '\\' || reader->end - at < 2)
            return NULL;
        *ret_escaped = 1;
        at += 2;
    }
}

/* False for what is left to jansson: \u, and what is no escape at all. */
static int unescape(const char *at, const char *end, char *out, size_t *ret_len)
{
    static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char *start = out;

    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at)), *known;
        const size_t before = (size_t)((escape ? escape : end) - at);

        memcpy(out, at, before);
        out += before;
        if (!escape)
            break;
        known = memchr(escapes, escape[1], sizeof(escapes) - 1);
        if (!known)
            return 0;
        *out++ = meant[known - escapes];
        at = escape + 2;
    }
    *ret_len = (size_t)(out - start);
    return 1;
}

static json_t *new_string(const char *text, size_t len, int wide)
{
    return wide ? json_stringn(text, len) : json_stringn_nocheck(text, len);
}

static json_t *read_string(struct reader *reader)
{
    int wide = 0, escaped = 0;
    const char *start = ++reader->at, *end = find_end(reader, &wide, &escaped);
    size_t len = 0;
    json_t *value;
    char *text;

    if (!end)
        return NULL;
    reader->at = end + 1;
    if (!escaped)
        return new_string(start, (size_t)(end - start), wide);
    text = malloc((size_t)(end - start));
    value = text && unescape(start, end, text, &len) ? new_string(text, len, wide) : NULL;
    free(text);
    return value;
}

/* ---- everything else --------------------------------------------------------------------------*/

static char look(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
                                        *reader->at == '\r' || *reader->at == '\t'))
        reader->at++;
    return reader->at < reader->end ? *reader->at : '\0';
}

/* Whole ones that fit. */
static json_t *read_number(struct reader *reader)
{
    const int minus = *reader->at == '-';
    const char *start = reader->at + minus, *at = start;
    json_int_t value = 0;

    for (; at < reader->end && *at >= '0' && *at <= '9' && at - start <= DIGITS_MAX; at++)
        value = value * 10 + (*at - '0');
    if (at == start || at - start > DIGITS_MAX || (*start == '0' && (at - start > 1 || minus)) ||
        (at < reader->end && (*at == '.' || *at == 'e' || *at == 'E')))
        return NULL;
    reader->at = at;
    return json_integer(minus ? -value : value);
}

static json_t *read_word(struct reader *reader, const char *word, json_t *value)
{
    const size_t len = strlen(word);

    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0)
        return NULL;
    reader->at += len;
    return value; /* the three are jansson's own and not counted */
}

/* Behind an element: 1 where another one follows, 0 at the end, -1 where neither is so. */
static int goes_on(struct reader *reader, char end)
{
    const char c = look(reader);

    if (c != ',' && c != end)
        return -1;
    reader->at++;
    return c == ',';
}

static json_t *read_array(struct reader *reader)
{
    LLM_CLEANUP_JSON json_t *array = json_array();
    int more;

    reader->at++;
    if (look(reader) == ']') {
        reader->at++;
        return json_incref(array);
    }
    do {
        if (json_array_append_new(array, read_value(reader)) < 0)
            return NULL;
        more = goes_on(reader, ']');
    } while (more == 1);
    return more == 0 ? json_incref(array) : NULL;
}

static int read_key(struct reader *reader, char ret[KEY_MAX])
{
    int wide = 0;
    size_t len;

    if (look(reader) != '"')
        return 0;
    reader->at++;
    len = llm_json_span(reader->at, (size_t)(reader->end - reader->at), &wide);
    if (wide || len >= KEY_MAX || reader->at + len == reader->end || reader->at[len] != '"')
        return 0;
    memcpy(ret, reader->at, len);
    ret[len] = '\0';
    reader->at += len + 1;
    if (look(reader) != ':')
        return 0;
    reader->at++;
    return 1;
}

static json_t *read_object(struct reader *reader)
{
    LLM_CLEANUP_JSON json_t *object = json_object();
    char key[KEY_MAX];
    int more;

    reader->at++;
    if (look(reader) == '}') {
        reader->at++;
        return json_incref(object);
    }
    do {
        if (!read_key(reader, key) ||
            json_object_set_new_nocheck(object, key, read_value(reader)) < 0)
            return NULL;
        more = goes_on(reader, '}');
    } while (more == 1);
    return more == 0 ? json_incref(object) : NULL;
}

/* NULL for what is not plain. */
static json_t *read_value(struct reader *reader)
{
    json_t *value = NULL;

    switch (look(reader)) {
    case '"': return read_string(reader);
    case 't': return read_word(reader, "true", json_true());
    case 'f': return read_word(reader, "false", json_false());
    case 'n': return read_word(reader, "null", json_null());
    case '{':
    case '[':
        if (reader->depth == LLM_JSON_DEPTH_MAX)
            return NULL;
        reader->depth++;
        value = *reader->at == '{' ? read_object(reader) : read_array(reader);
        reader->depth--;
        return value;
    default: return reader->at < reader->end ? read_number(reader) : NULL;
    }
}

json_t *llm_json_load_plain(const char *text, size_t len)
{
    struct reader reader = {.at = text, .end = len ? text + len : text};
    json_t *value = read_value(&reader);

    if (!value || (look(&reader), reader.at == reader.end))
        return value;
    json_decref(value);
    return NULL;
}

/* Depth of the brackets outside strings never passes LLM_JSON_DEPTH_MAX. */
static int is_flat(const char *text, size_t len)
{
    int depth = 0, in_string = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = 0;
        } else if (c == '"') {
            in_string = 1;
        } else if (c == '{' || c == '[') {
            if (++depth > LLM_JSON_DEPTH_MAX)
                return 0;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return 1;
}

json_t *llm_json_load(const char *text, size_t len)
{
    json_t *value = llm_json_load_plain(text, len);

    if (value)
        return value;
    return is_flat(text, len) ? json_loadb(text, len, JSON_DECODE_ANY, NULL) : NULL;
}
