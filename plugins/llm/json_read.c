/* SPDX-License-Identifier: Apache-2.0 */
#include "json_scan.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define KEY_MAX    64 /* bytes of a plain key, its end with them */
#define DIGITS_MAX 18 /* of a plain number: it never overflows */

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
/* The place of the first marked byte. */
#define FIRST(marks) ((size_t)__builtin_ctzll(marks) / 8)

static json_t *read_value(struct llm_scan *scan);

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

#ifdef __SSE2__
/* Sixteen at a time, and where one of them is found, which most often is in the first sixteen, its place
 * there; else what is left is fewer. */
static size_t span_sixteens(const char *text, size_t len, int *ret_wide, int *ret_found)
{
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'),
                  last = _mm_set1_epi8(0x1F);
    unsigned wide = 0;
    size_t i = 0;

    for (; len - i >= 16; i += 16) {
        const __m128i all = _mm_loadu_si128((const __m128i *)(const void *)(text + i));
        const __m128i found =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(all, quote), _mm_cmpeq_epi8(all, slash)),
                         _mm_cmpeq_epi8(_mm_min_epu8(all, last), all));
        const unsigned marks = (unsigned)_mm_movemask_epi8(found);
        const unsigned high = (unsigned)_mm_movemask_epi8(all);

        if (marks) {
            wide |= high & ((marks & -marks) - 1); /* of those in front of it */
            i += (size_t)__builtin_ctz(marks);
            *ret_found = 1;
            break;
        }
        wide |= high;
    }
    *ret_wide |= wide != 0;
    return i;
}
#else
static size_t span_sixteens(const char *text, size_t len, int *ret_wide, int *ret_found)
{
    (void)text, (void)len, (void)ret_wide, (void)ret_found;
    return 0;
}
#endif

size_t llm_json_span(const char *text, size_t len, int *ret_wide)
{
    int found = 0;
    size_t i = span_sixteens(text, len, ret_wide, &found);
    uint64_t wide = 0;

    if (found)
        return i;
    for (; len - i >= 8; i += 8) {
        uint64_t eight = 0, marks;

        memcpy(&eight, text + i, 8);
        eight = le64toh(eight);
        marks = special(eight);
        if (marks) {
            const size_t n = FIRST(marks);

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

static json_t *read_string(struct llm_scan *scan)
{
    struct llm_quoted quoted;
    size_t len = 0;
    json_t *value;
    char *text;

    if (!llm_scan_string(scan, &quoted))
        return NULL;
    if (!quoted.escaped)
        return new_string(quoted.text, quoted.len, quoted.wide);
    text = malloc(quoted.len);
    value = text && unescape(quoted.text, quoted.text + quoted.len, text, &len)
                ? new_string(text, len, quoted.wide)
                : NULL;
    free(text);
    return value;
}

/* ---- everything else --------------------------------------------------------------------------*/

/* Whole ones that fit. */
static json_t *read_number(struct llm_scan *scan)
{
    const int minus = *scan->at == '-';
    const char *start = scan->at + minus, *at = start;
    json_int_t value = 0;

    for (; at < scan->end && *at >= '0' && *at <= '9' && at - start < DIGITS_MAX; at++)
        value = value * 10 + (*at - '0');
    if (at == start || (*start == '0' && (at - start > 1 || minus)) ||
        (at < scan->end && ((*at >= '0' && *at <= '9') || *at == '.' || *at == 'e' || *at == 'E')))
        return NULL;
    scan->at = at;
    return json_integer(minus ? -value : value);
}

static json_t *read_word(struct llm_scan *scan, const char *word, json_t *value)
{
    const size_t len = strlen(word);

    if ((size_t)(scan->end - scan->at) < len || memcmp(scan->at, word, len) != 0)
        return NULL;
    scan->at += len;
    return value; /* the three are jansson's own and not counted */
}

static int read_items(struct llm_scan *scan, json_t *array)
{
    int more = !llm_scan_take(scan, ']');

    while (more > 0) {
        if (json_array_append_new(array, read_value(scan)) < 0)
            return 0;
        more = llm_scan_more(scan, ']');
    }
    return more == 0;
}

static int read_members(struct llm_scan *scan, json_t *object)
{
    int more = !llm_scan_take(scan, '}');
    struct llm_quoted name;
    char key[KEY_MAX];

    while (more > 0) {
        if (!llm_scan_string(scan, &name) || name.wide || name.escaped || name.len >= KEY_MAX ||
            !llm_scan_take(scan, ':'))
            return 0;
        memcpy(key, name.text, name.len);
        key[name.len] = '\0';
        if (json_object_set_new_nocheck(object, key, read_value(scan)) < 0)
            return 0;
        more = llm_scan_more(scan, '}');
    }
    return more == 0;
}

static json_t *read_inner(struct llm_scan *scan)
{
    const int is_object = *scan->at == '{';
    json_t *value = is_object ? json_object() : json_array();

    scan->at++;
    scan->depth++;
    if (!(is_object ? read_members(scan, value) : read_items(scan, value))) {
        json_decref(value);
        value = NULL;
    }
    scan->depth--;
    return value;
}

/* NULL for what is not plain. */
static json_t *read_value(struct llm_scan *scan)
{
    switch (llm_scan_look(scan)) {
    case '"': return read_string(scan);
    case 't': return read_word(scan, "true", json_true());
    case 'f': return read_word(scan, "false", json_false());
    case 'n': return read_word(scan, "null", json_null());
    case '{':
    case '[': return scan->depth < LLM_JSON_DEPTH_MAX ? read_inner(scan) : NULL;
    default: return scan->at < scan->end ? read_number(scan) : NULL;
    }
}

json_t *llm_json_load_plain(const char *text, size_t len)
{
    struct llm_scan scan = {.at = text, .end = len ? text + len : text};
    json_t *value = read_value(&scan);

    if (!value || (llm_scan_look(&scan), scan.at == scan.end))
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
