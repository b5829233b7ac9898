/* SPDX-License-Identifier: Apache-2.0
 *
 * The scanner's reader of JSON (RFC 8259), as strict as jansson: no NUL, no lone surrogate, no
 * number that a double or int64_t cannot hold. The state is a cursor and a verdict; what is skipped
 * keeps its nesting as one bit a level, so nothing recurses by data. All of it is for scan.c and
 * incoming.c, inlined into each.
 */
#ifndef GATEWAY_DISCORD_SCAN_JSON_H
#define GATEWAY_DISCORD_SCAN_JSON_H

#include "gateway/discord/scan.h"

#include <string.h>

#if defined(__SSE2__) && !defined(DISCORD_SCAN_PORTABLE)
#include <emmintrin.h>
#define USE_SSE2 1
#endif

#define LEVELS_MAX     60 /* below 64 bits; what is deeper goes to the full parser */
#define INT_DIGITS_MAX 18 /* below INT64_MAX                                       */
#define FRACTION_MAX   40 /* with two digits of exponent: far from overflow        */
#define EXPONENT_MAX   2
#define likely(x)      __builtin_expect(!!(x), 1)

struct cursor {
    const unsigned char *p, *end;
    enum discord_scanned verdict;
};

struct span {
    const char *ptr;
    size_t len;
    bool escaped; /* has a backslash */
};

static bool refuse(struct cursor *c, enum discord_scanned verdict)
{
    c->verdict = verdict;
    return false;
}

static inline bool is_digit(unsigned char byte)
{
    return byte >= '0' && byte <= '9';
}

static inline void skip_space(struct cursor *c)
{
    while (c->p < c->end && *c->p <= ' ' &&
           (*c->p == ' ' || *c->p == '\n' || *c->p == '\r' || *c->p == '\t'))
        c->p++;
}

/* Steps over white space and `byte`, when that is next. */
static inline bool accept(struct cursor *c, unsigned char byte)
{
    if (c->p < c->end && *c->p != byte)
        skip_space(c);
    if (c->p == c->end || *c->p != byte)
        return false;
    c->p++;
    return true;
}

/* ---- strings ------------------------------------------------------------------------------- */

static inline bool is_plain(unsigned char byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* The first byte that is a quote, an escape, a control character or no ASCII. */
static inline const unsigned char *find_special(const unsigned char *p, const unsigned char *end)
{
#ifdef USE_SSE2
    const __m128i quote = _mm_set1_epi8('"'), escape = _mm_set1_epi8('\\');
    const __m128i space = _mm_set1_epi8(' ');

    while (end - p >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
        /* As signed numbers, both control characters and no ASCII are less than a space. */
        __m128i hits =
            _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, escape)),
                         _mm_cmplt_epi8(bytes, space));
        unsigned mask = (unsigned)_mm_movemask_epi8(hits);

        if (mask)
            return p + __builtin_ctz(mask);
        p += 16;
    }
#endif
    while (p < end && is_plain(*p))
        p++;
    return p;
}

/* One code point that is no ASCII; NULL when it is malformed. */
static const unsigned char *step_utf8(const unsigned char *p, const unsigned char *end)
{
    unsigned char first = *p;
    size_t len = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

    if (first < 0xc2 || first > 0xf4 || (size_t)(end - p) < len)
        return NULL;
    for (size_t i = 1; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return NULL;
    if ((first == 0xe0 && p[1] < 0xa0) || (first == 0xed && p[1] > 0x9f) ||
        (first == 0xf0 && p[1] < 0x90) || (first == 0xf4 && p[1] > 0x8f))
        return NULL;
    return p + len;
}

/* Four hexadecimal digits; -1 when they are none. */
static int read_hex(const unsigned char *p, const unsigned char *end)
{
    int value = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        unsigned char digit = p[i];

        if (is_digit(digit))
            digit -= '0';
        else if ((digit | 0x20) >= 'a' && (digit | 0x20) <= 'f')
            digit = (unsigned char)((digit | 0x20) - 'a' + 10);
        else
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* What stands behind a backslash at `p`; NULL when that is no escape. */
static const unsigned char *step_escape(const unsigned char *p, const unsigned char *end)
{
    int unit;

    if (end - p < 2)
        return NULL;
    if (p[1] != 'u')
        return p[1] && strchr("\"\\/bfnrt", p[1]) ? p + 2 : NULL;
    unit = read_hex(p + 2, end);
    if (unit <= 0 || (unit >= 0xdc00 && unit < 0xe000))
        return NULL;
    p += 6;
    if (unit < 0xd800 || unit >= 0xe000)
        return p;
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return NULL;
    unit = read_hex(p + 2, end);
    return unit >= 0xdc00 && unit < 0xe000 ? p + 6 : NULL;
}

/* The cursor is at the opening quote and comes to stand behind the closing one. */
static inline bool read_string(struct cursor *c, struct span *ret)
{
    const unsigned char *begin = c->p + 1, *p = begin;
    bool escaped = false;

    for (;;) {
        p = find_special(p, c->end);
        if (p == c->end)
            return refuse(c, DISCORD_SCAN_BAD);
        if (likely(*p == '"'))
            break;
        if (*p == '\\') {
            escaped = true;
            p = step_escape(p, c->end);
        } else {
            p = step_utf8(p, c->end); /* refuses control characters */
        }
        if (!p)
            return refuse(c, DISCORD_SCAN_BAD);
    }
    *ret = (struct span){(const char *)begin, (size_t)(p - begin), escaped};
    c->p = p + 1;
    return true;
}

/* ---- other scalars ------------------------------------------------------------------------- */

static bool skip_word(struct cursor *c, const char *word, size_t len)
{
    if ((size_t)(c->end - c->p) < len || memcmp(c->p, word, len) != 0)
        return refuse(c, DISCORD_SCAN_BAD);
    c->p += len;
    return true;
}

static bool skip_literal(struct cursor *c)
{
    switch (*c->p) {
    case 't': return skip_word(c, "true", 4);
    case 'f': return skip_word(c, "false", 5);
    default: return skip_word(c, "null", 4);
    }
}

static size_t skip_digits(struct cursor *c)
{
    const unsigned char *begin = c->p;

    while (c->p < c->end && is_digit(*c->p))
        c->p++;
    return (size_t)(c->p - begin);
}

/* Fraction and exponent. What might overflow a double is left to the full parser. */
static bool skip_rest(struct cursor *c)
{
    if (*c->p == '.') {
        size_t digits;

        c->p++;
        digits = skip_digits(c);
        if (digits == 0 || digits > FRACTION_MAX)
            return refuse(c, digits ? DISCORD_SCAN_UNSURE : DISCORD_SCAN_BAD);
    }
    if (c->p < c->end && (*c->p | 0x20) == 'e') {
        size_t digits;

        c->p++;
        if (c->p < c->end && (*c->p == '+' || *c->p == '-'))
            c->p++;
        digits = skip_digits(c);
        if (digits == 0 || digits > EXPONENT_MAX)
            return refuse(c, digits ? DISCORD_SCAN_UNSURE : DISCORD_SCAN_BAD);
    }
    return true;
}

static bool read_number(struct cursor *c, int64_t *ret, bool *ret_integer)
{
    bool negative = *c->p == '-';
    const unsigned char *begin;
    int64_t value = 0;

    if (negative)
        c->p++;
    if (c->p == c->end || !is_digit(*c->p))
        return refuse(c, DISCORD_SCAN_BAD);
    begin = c->p;
    if (*c->p == '0')
        c->p++;
    else
        skip_digits(c);
    if (c->p - begin > INT_DIGITS_MAX)
        return refuse(c, DISCORD_SCAN_UNSURE);
    for (const unsigned char *p = begin; p < c->p; p++)
        value = value * 10 + (*p - '0');
    *ret = negative ? -value : value;
    *ret_integer = c->p == c->end || (*c->p != '.' && (*c->p | 0x20) != 'e');
    return *ret_integer || skip_rest(c);
}

/* ---- skipping ------------------------------------------------------------------------------ */

static bool skip_scalar(struct cursor *c)
{
    struct span text;
    int64_t number;
    bool integer;

    switch (*c->p) {
    case '"': return read_string(c, &text);
    case 't':
    case 'f':
    case 'n': return skip_literal(c);
    default: return read_number(c, &number, &integer);
    }
}

static inline bool skip_key(struct cursor *c)
{
    struct span name;

    skip_space(c);
    if (c->p == c->end || *c->p != '"' || !read_string(c, &name) || !accept(c, ':'))
        return refuse(c, DISCORD_SCAN_BAD);
    return true;
}

/* Skips one value, whatever it is, that stands at `level`. */
static bool skip_value(struct cursor *c, unsigned level)
{
    uint64_t objects = 0; /* a bit for each open container: 1 is an object */
    unsigned open = 0;

    for (;;) {
        skip_space(c);
        if (c->p == c->end)
            return refuse(c, DISCORD_SCAN_BAD);
        if (*c->p == '{' || *c->p == '[') {
            bool object = *c->p == '{';

            if (level + open >= LEVELS_MAX)
                return refuse(c, DISCORD_SCAN_UNSURE);
            c->p++;
            objects = objects << 1 | object;
            open++;
            if (!accept(c, object ? '}' : ']')) {
                if (object && !skip_key(c))
                    return false;
                continue;
            }
            objects >>= 1;
            open--;
        } else if (!skip_scalar(c)) {
            return false;
        }
        for (;; objects >>= 1, open--) {
            if (open == 0)
                return true;
            if (accept(c, ','))
                break;
            if (!accept(c, objects & 1 ? '}' : ']'))
                return refuse(c, DISCORD_SCAN_BAD);
        }
        if ((objects & 1) && !skip_key(c))
            return false;
    }
}

/* ---- members ------------------------------------------------------------------------------- */

/* The next member's name, the cursor at its value; false at the end of the object or on failure.
 * `name` is zeroed before the first. Names with escapes are for the full parser. */
static inline bool next_member(struct cursor *c, struct span *name)
{
    if (!name->ptr) {
        c->p++;
        if (accept(c, '}'))
            return false;
    } else if (!accept(c, ',')) {
        return accept(c, '}') ? false : refuse(c, DISCORD_SCAN_BAD);
    }
    skip_space(c);
    if (c->p == c->end || *c->p != '"' || !read_string(c, name) || !accept(c, ':'))
        return refuse(c, DISCORD_SCAN_BAD);
    if (name->escaped)
        return refuse(c, DISCORD_SCAN_UNSURE);
    skip_space(c);
    return c->p < c->end ? true : refuse(c, DISCORD_SCAN_BAD);
}

static inline bool is_name(struct span name, const char *text, size_t len)
{
    return name.len == len && memcmp(name.ptr, text, len) == 0;
}
#define IS(name, text) is_name(name, text, sizeof(text) - 1)

static inline bool is_good(const struct cursor *c)
{
    return c->verdict == DISCORD_SCAN_OK;
}

#endif
