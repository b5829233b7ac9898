/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_plain.h"

#include "base/mem.h"

#include <endian.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define NAME_MAX_PLAIN 64 /* bytes of a plain name, its end with them */
#define DIGITS_MAX     18 /* of a plain number: it never overflows */
#define REAL_MAX       128

#define EACH(byte)     (UINT64_C(0x0101010101010101) * (byte))
/* The place of the first marked byte. */
#define FIRST(marks) ((size_t)__builtin_ctzll(marks) / 8)

/* ---- strings -------------------------------------------------------------------------------- */

/* Of the first byte that is below 0x20, a quote or a backslash the high bit is set, and none of those
 * in front of it. */
static uint64_t special(uint64_t eight)
{
    const uint64_t quote = eight ^ EACH('"'), back = eight ^ EACH('\\');

    return (((eight - EACH(0x20)) & ~eight) | ((quote - EACH(1)) & ~quote) |
            ((back - EACH(1)) & ~back)) &
           EACH(0x80);
}

#ifdef __SSE2__
/* Whole sixteens without any of them, as most of a long text is. */
static size_t span_sixteens(const char *text, size_t len, bool *wide)
{
    const __m128i quote = _mm_set1_epi8('"'), back = _mm_set1_epi8('\\'),
                  last = _mm_set1_epi8(0x1f);
    int high = 0;
    size_t i = 0;

    for (; len - i >= 16; i += 16) {
        const __m128i all = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
        const __m128i found =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(all, quote), _mm_cmpeq_epi8(all, back)),
                         _mm_cmpeq_epi8(_mm_min_epu8(all, last), all));

        if (_mm_movemask_epi8(found))
            break;
        high |= _mm_movemask_epi8(all);
    }
    *wide |= high != 0;
    return i;
}
#else
static size_t span_sixteens(const char *text, size_t len, bool *wide)
{
    (void)text, (void)len, (void)wide;
    return 0;
}
#endif

size_t json_plain_span(const char *text, size_t len, bool *wide)
{
    size_t i = span_sixteens(text, len, wide);
    uint64_t seen = 0;

    while (i < len) {
        size_t n = len - i < 8 ? len - i : 8;
        uint64_t eight = EACH(' '), marks;

        if (n == 8)
            memcpy(&eight, text + i, 8);
        else
            memcpy(&eight, text + i, n);
        eight = le64toh(eight);
        marks = special(eight);
        if (!marks) {
            seen |= eight;
            i += n;
            continue;
        }
        n = FIRST(marks);
        if (n)
            seen |= eight << (64 - 8 * n);
        i += n;
        break;
    }
    *wide |= (seen & EACH(0x80)) != 0;
    return i;
}

/* ---- reading -------------------------------------------------------------------------------- */

struct reader {
    const char *at, *end;
    unsigned depth; /* levels that may be entered */
    bool unique;
};

static json_t *read_value(struct reader *reader);

/* The end of the string that begins at `at`, behind its quote; NULL where it has none. */
static const char *find_end(const struct reader *reader, bool *wide, bool *escaped)
{
    const char *at = reader->at;

    for (;;) {
        at += json_plain_span(at, (size_t)(reader->end - at), wide);
        if (at == reader->end)
            return NULL;
        if (*at == '"')
            return at;
        if (*at != '\\' || reader->end - at < 2)
            return NULL;
        *escaped = true;
        at += 2;
    }
}

/* False for what is left to jansson: \u, and what is no escape at all. */
static bool unescape(const char *at, const char *end, char *out, size_t *ret_len)
{
    static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const char *start = out;

    while (at < end) {
        const char *escape = memchr(at, '\\', (size_t)(end - at)), *known;
        size_t before = (size_t)((escape ? escape : end) - at);

        memcpy(out, at, before);
        out += before;
        if (!escape)
            break;
        known = memchr(escapes, escape[1], sizeof(escapes) - 1);
        if (!known)
            return false;
        *out++ = meant[known - escapes];
        at = escape + 2;
    }
    *ret_len = (size_t)(out - start);
    return true;
}

static json_t *new_string(const char *text, size_t len, bool wide)
{
    return wide ? json_stringn(text, len) : json_stringn_nocheck(text, len);
}

static json_t *read_string(struct reader *reader)
{
    bool wide = false, escaped = false;
    const char *start = ++reader->at, *end = find_end(reader, &wide, &escaped);
    _cleanup_mem_ char *text = NULL;
    size_t len = 0;

    if (!end)
        return NULL;
    reader->at = end + 1;
    if (!escaped)
        return new_string(start, (size_t)(end - start), wide);
    text = mem_try((size_t)(end - start));
    return text && unescape(start, end, text, &len) ? new_string(text, len, wide) : NULL;
}

static char look(struct reader *reader)
{
    while (reader->at < reader->end && (*reader->at == ' ' || *reader->at == '\n' ||
                                        *reader->at == '\r' || *reader->at == '\t'))
        reader->at++;
    return reader->at < reader->end ? *reader->at : '\0';
}

static json_t *read_number(struct reader *reader)
{
    bool minus = *reader->at == '-';
    const char *start = reader->at + minus, *at = start;
    json_int_t value = 0;

    for (; at < reader->end && *at >= '0' && *at <= '9' && at - start < DIGITS_MAX; at++)
        value = value * 10 + (*at - '0');
    if (at == start || (*start == '0' && (at - start > 1 || minus)) ||
        (at < reader->end &&
         ((*at >= '0' && *at <= '9') || *at == '.' || *at == 'e' || *at == 'E')))
        return NULL;
    reader->at = at;
    return json_integer(minus ? -value : value);
}

static json_t *read_word(struct reader *reader, const char *word, json_t *value)
{
    size_t len = strlen(word);

    if ((size_t)(reader->end - reader->at) < len || memcmp(reader->at, word, len) != 0)
        return NULL;
    reader->at += len;
    return value; /* the three are jansson's own and not counted */
}

/* Behind an element: 1 where another one follows, 0 at the end, -1 where neither is so. */
static int goes_on(struct reader *reader, char end)
{
    char c = look(reader);

    if (c != ',' && c != end)
        return -1;
    reader->at++;
    return c == ',';
}

static bool read_items(struct reader *reader, json_t *array)
{
    int more = look(reader) != ']';

    if (!more)
        reader->at++;
    while (more > 0) {
        if (json_array_append_new(array, read_value(reader)) < 0)
            return false;
        more = goes_on(reader, ']');
    }
    return more == 0;
}

static bool read_name(struct reader *reader, char ret[NAME_MAX_PLAIN])
{
    bool wide = false;
    size_t len;

    if (look(reader) != '"')
        return false;
    reader->at++;
    len = json_plain_span(reader->at, (size_t)(reader->end - reader->at), &wide);
    if (wide || len >= NAME_MAX_PLAIN || reader->at + len == reader->end || reader->at[len] != '"')
        return false;
    memcpy(ret, reader->at, len);
    ret[len] = '\0';
    reader->at += len + 1;
    if (look(reader) != ':')
        return false;
    reader->at++;
    return true;
}

static bool read_members(struct reader *reader, json_t *object)
{
    char name[NAME_MAX_PLAIN];
    int more = look(reader) != '}';

    if (!more)
        reader->at++;
    while (more > 0) {
        if (!read_name(reader, name) || (reader->unique && json_object_get(object, name)) ||
            json_object_set_new_nocheck(object, name, read_value(reader)) < 0)
            return false;
        more = goes_on(reader, '}');
    }
    return more == 0;
}

static json_t *read_inner(struct reader *reader)
{
    bool is_object = *reader->at == '{';
    json_t *value = is_object ? json_object() : json_array();

    reader->at++;
    if (!(is_object ? read_members(reader, value) : read_items(reader, value))) {
        json_decref(value);
        return NULL;
    }
    return value;
}

/* NULL for what is not plain. */
static json_t *read_value(struct reader *reader)
{
    json_t *value;

    switch (look(reader)) {
    case '"': return read_string(reader);
    case 't': return read_word(reader, "true", json_true());
    case 'f': return read_word(reader, "false", json_false());
    case 'n': return read_word(reader, "null", json_null());
    case '{':
    case '[':
        if (!reader->depth)
            return NULL;
        reader->depth--;
        value = read_inner(reader);
        reader->depth++;
        return value;
    default: return reader->at < reader->end ? read_number(reader) : NULL;
    }
}

json_t *json_plain_parse(const char *text, size_t len, unsigned depth, bool unique)
{
    struct reader reader = {
        .at = text, .end = len ? text + len : text, .depth = depth, .unique = unique};
    json_t *value = read_value(&reader);

    if (!value || (look(&reader), reader.at == reader.end))
        return value;
    json_decref(value);
    return NULL;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void put_escape(struct buf *out, char c)
{
    static const char meant[] = "\"\\\b\f\n\r\t", escapes[] = "\"\\bfnrt";
    const char *known = memchr(meant, c, sizeof(meant) - 1);

    if (known) {
        char escape[] = {'\\', escapes[known - meant]};

        buf_append(out, escape, sizeof(escape));
    } else {
        buf_printf(out, "\\u%04X", (unsigned)(unsigned char)c);
    }
}

static void put_string(struct buf *out, const char *text, size_t len)
{
    bool wide = false;

    buf_putc(out, '"');
    while (len) {
        size_t n = json_plain_span(text, len, &wide);

        buf_append(out, text, n);
        if (n == len)
            break;
        put_escape(out, text[n]);
        text += n + 1;
        len -= n + 1;
    }
    buf_putc(out, '"');
}

static void put_array(struct buf *out, const json_t *array)
{
    const json_t *item;
    size_t i;

    buf_putc(out, '[');
    json_array_foreach (array, i, item) {
        if (i)
            buf_putc(out, ',');
        json_plain_print(item, out);
    }
    buf_putc(out, ']');
}

static void put_object(struct buf *out, const json_t *object)
{
    json_t *all = (json_t *)(uintptr_t)object; /* which is not changed */
    bool first = true;

    buf_putc(out, '{');
    for (void *at = json_object_iter(all); at; at = json_object_iter_next(all, at)) {
        const char *name = json_object_iter_key(at);

        if (!first)
            buf_putc(out, ',');
        first = false;
        put_string(out, name, strlen(name));
        buf_putc(out, ':');
        json_plain_print(json_object_iter_value(at), out);
    }
    buf_putc(out, '}');
}

void json_plain_print(const json_t *value, struct buf *out)
{
    char real[REAL_MAX];
    size_t len;

    switch (json_typeof(value)) {
    case JSON_OBJECT: put_object(out, value); break;
    case JSON_ARRAY: put_array(out, value); break;
    case JSON_STRING: put_string(out, json_string_value(value), json_string_length(value)); break;
    case JSON_INTEGER: buf_put_int(out, json_integer_value(value)); break;
    case JSON_REAL: /* jansson knows how a fraction is written */
        len = json_dumpb(value, real, sizeof(real), JSON_COMPACT | JSON_ENCODE_ANY);
        buf_append(out, real, len < sizeof(real) ? len : 0);
        break;
    case JSON_TRUE: buf_puts(out, "true"); break;
    case JSON_FALSE: buf_puts(out, "false"); break;
    case JSON_NULL: buf_puts(out, "null"); break;
    }
}
