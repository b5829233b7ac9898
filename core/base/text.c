/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Bytes of the code point at `s`, 0 when it is not well-formed. */
static size_t utf8_step(const unsigned char *s, size_t len)
{
    size_t n;

    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (len < n)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return n;
}

/* Whether all of `WIDE` bytes are ASCII: most text is, and so it is read at memory's speed. */
enum { WIDE = 32 };
static bool wide_ascii(const unsigned char *s)
{
    uint64_t word[WIDE / sizeof(uint64_t)];

    memcpy(word, s, WIDE);
    return ((word[0] | word[1] | word[2] | word[3]) & UINT64_C(0x8080808080808080)) == 0;
}

/* Eight bytes of printable ASCII without quote and backslash. */
static bool word_is_plain(const char *text)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), tops = UINT64_C(0x8080808080808080);
    uint64_t word, quote, back;

    memcpy(&word, text, sizeof(word));
    quote = word ^ (ones * '"');
    back = word ^ (ones * '\\');
    return ((word | (word - ones * 0x20) | (quote - ones) | (back - ones)) & tops) == 0;
}

bool text_is_plain(const char *text, size_t len)
{
    char rest[sizeof(uint64_t)];
    size_t i = 0;

    for (; len - i >= sizeof(rest); i += sizeof(rest))
        if (!word_is_plain(text + i))
            return false;
    if (i == len)
        return true;
    memset(rest, ' ', sizeof(rest));
    memcpy(rest, text + i, len - i);
    return word_is_plain(rest);
}

bool text_is_utf8(const char *text, size_t len)
{
    const unsigned char *s = (const unsigned char *)text;

    for (size_t i = 0, n; i < len; i += n) {
        if (len - i >= WIDE && wide_ascii(s + i)) {
            n = WIDE;
            continue;
        }
        n = utf8_step(s + i, len - i);
        if (!n)
            return false;
    }
    return true;
}

size_t text_utf8_cut(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max > 0 && ((unsigned char)text[max] & 0xc0) == 0x80)
        max--;
    return max;
}

size_t text_utf16_len(const char *text, size_t len)
{
    size_t units = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if ((c & 0xc0) != 0x80)
            units += c >= 0xf0 ? 2 : 1;
    }
    return units;
}

unsigned text_distance(const char *a, const char *b, unsigned limit)
{
    enum { MAX = 64 };
    unsigned row[3][MAX + 1];
    size_t na = strlen(a), nb = strlen(b);

    if (na > MAX || nb > MAX || (na > nb ? na - nb : nb - na) > limit)
        return limit + 1;
    for (size_t j = 0; j <= nb; j++)
        row[0][j] = (unsigned)j;
    for (size_t i = 1; i <= na; i++) {
        unsigned *cur = row[i % 3], *prev = row[(i - 1) % 3], *prev2 = row[(i + 1) % 3];

        cur[0] = (unsigned)i;
        for (size_t j = 1; j <= nb; j++) {
            int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
            unsigned best = prev[j - 1] + (ca != cb);

            if (prev[j] + 1 < best)
                best = prev[j] + 1;
            if (cur[j - 1] + 1 < best)
                best = cur[j - 1] + 1;
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
                cb == tolower((unsigned char)a[i - 2]) && prev2[j - 2] + 1 < best)
                best = prev2[j - 2] + 1;
            cur[j] = best;
        }
    }
    return row[na % 3][nb] > limit ? limit + 1 : row[na % 3][nb];
}

const char *text_nearest(const char *word, const char *const *candidates, size_t count)
{
    unsigned limit = (unsigned)(strlen(word) + 2) / 3, best = limit + 1;
    const char *found = NULL;

    for (size_t i = 0; i < count; i++) {
        unsigned d = text_distance(word, candidates[i], limit);

        if (d < best) {
            best = d;
            found = candidates[i];
        }
    }
    return found;
}

troupe_status text_to_int(const char *text, int64_t *ret)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (end == text || *end || errno || isspace((unsigned char)*text))
        return TROUPE_ARGUMENT;
    *ret = value;
    return TROUPE_OK;
}

troupe_status text_to_double(const char *text, double *ret)
{
    char *end;
    double value;

    errno = 0;
    value = strtod(text, &end);
    if (end == text || *end || errno || !isfinite(value) || isspace((unsigned char)*text))
        return TROUPE_ARGUMENT;
    *ret = value;
    return TROUPE_OK;
}

troupe_status text_to_bool(const char *text, bool *ret)
{
    static const char *const yes[] = {"yes", "true", "on", "1"}, *const no[] = {"no", "false",
                                                                                "off", "0"};

    for (int i = 0; i < 4; i++) {
        if (!strcasecmp(text, yes[i])) {
            *ret = true;
            return TROUPE_OK;
        }
        if (!strcasecmp(text, no[i])) {
            *ret = false;
            return TROUPE_OK;
        }
    }
    return TROUPE_ARGUMENT;
}

struct unit {
    const char *name;
    int64_t factor;
};

/* A non-negative whole number with one of the units behind it. */
static troupe_status with_unit(const char *text, const struct unit *units, int64_t bare,
                               int64_t *ret)
{
    char *end;
    long long value;

    errno = 0;
    value = strtoll(text, &end, 10);
    if (end == text || errno || value < 0 || !isdigit((unsigned char)*text))
        return TROUPE_ARGUMENT;
    if (*end) {
        const struct unit *unit = units;

        while (unit->name && strcmp(unit->name, end))
            unit++;
        if (!unit->name)
            return TROUPE_ARGUMENT;
        bare = unit->factor;
    }
    return __builtin_mul_overflow(value, bare, ret) ? TROUPE_ARGUMENT : TROUPE_OK;
}

troupe_status text_to_duration(const char *text, int64_t *ret_ms)
{
    static const struct unit units[] = {{"ms", 1},      {"s", 1000},    {"m", 60000},
                                        {"min", 60000}, {"h", 3600000}, {"d", 86400000},
                                        {NULL, 0}};
    int64_t value;
    troupe_status status = with_unit(text, units, 1000, &value);

    if (status == TROUPE_OK)
        *ret_ms = value;
    return status;
}

troupe_status text_to_size(const char *text, int64_t *ret_bytes)
{
    static const struct unit units[] = {{"k", 1 << 10},  {"K", 1 << 10},  {"kB", 1 << 10},
                                        {"M", 1 << 20},  {"MB", 1 << 20}, {"G", 1 << 30},
                                        {"GB", 1 << 30}, {NULL, 0}};
    int64_t value;
    troupe_status status = with_unit(text, units, 1, &value);

    if (status == TROUPE_OK)
        *ret_bytes = value;
    return status;
}

char *text_trim(char *text)
{
    size_t len;

    while (isspace((unsigned char)*text))
        text++;
    len = strlen(text);
    while (len && isspace((unsigned char)text[len - 1]))
        text[--len] = '\0';
    return text;
}

bool text_starts(const char *text, const char *prefix)
{
    return !strncmp(text, prefix, strlen(prefix));
}

bool text_glob(const char *pattern, const char *text)
{
    const char *star = NULL, *back = NULL;

    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            back = text;
        } else if (*pattern == '?' || *pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++back;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}
