/* SPDX-License-Identifier: Apache-2.0 */
#include "template.h"

#include <stdio.h>
#include <string.h>

#define NAME_CHARACTERS 32

static const char *const fields[TEMPLATE_FIELDS] = {
    [TEMPLATE_NAME] = "name",         [TEMPLATE_TONE] = "tone", [TEMPLATE_EMOJI] = "emoji",
    [TEMPLATE_LANGUAGE] = "language", [TEMPLATE_DATE] = "date", [TEMPLATE_BOT] = "bot",
};

/* The placeholder that begins at `at` ("{{"): its field, or -1. `ret_end` is behind its "}}", NULL
 * where there is none. */
static int field_at(const char *at, const char **ret_end)
{
    const char *start = at + 2, *stop = strstr(start, "}}");

    *ret_end = stop ? stop + 2 : NULL;
    if (!stop)
        return -1;
    while (start < stop && *start == ' ')
        start++;
    while (stop > start && stop[-1] == ' ')
        stop--;
    for (int i = 0; i < TEMPLATE_FIELDS; i++)
        if (strlen(fields[i]) == (size_t)(stop - start) &&
            memcmp(fields[i], start, (size_t)(stop - start)) == 0)
            return i;
    return -1;
}

troupe_status template_check(const char *text, char *error, size_t error_size)
{
    const char *end;

    for (const char *at = strstr(text, "{{"); at; at = strstr(end, "{{")) {
        int field = field_at(at, &end);

        if (!end) {
            snprintf(error, error_size, "\"%.20s\" has no closing \"}}\"", at);
            return TROUPE_DATA;
        }
        if (field < 0) {
            int length = end - at < 60 ? (int)(end - at) : 60;

            snprintf(error, error_size,
                     "unknown placeholder \"%.*s\": there are {{name}}, {{tone}}, {{emoji}}, "
                     "{{language}}, {{date}} and {{bot}}",
                     length, at);
            return TROUPE_DATA;
        }
    }
    return TROUPE_OK;
}

int template_has(const char *text, enum template_field field)
{
    const char *end;

    for (const char *at = strstr(text, "{{"); at; at = strstr(end, "{{")) {
        const int found = field_at(at, &end);

        if (!end || found == (int)field)
            return end != NULL;
    }
    return 0;
}

size_t template_stable(const char *text)
{
    const char *at, *end = text, *start = text;

    for (at = strstr(text, "{{"); at; at = strstr(end, "{{")) {
        int field = field_at(at, &end);

        if (!end || field != TEMPLATE_BOT)
            break;
    }
    if (!at)
        return strlen(text);
    for (const char *gap = strstr(text, "\n\n"); gap && gap < at; gap = strstr(gap + 1, "\n\n"))
        start = gap + 2;
    return (size_t)(start - text);
}

static size_t put(char *ret, size_t size, size_t at, const char *text, size_t len)
{
    if (!ret)
        return at + len;
    if (at + len >= size)
        len = size - 1 - at;
    memcpy(ret + at, text, len);
    return at + len;
}

size_t template_render(const char *text, const char *const values[TEMPLATE_FIELDS], char *ret,
                       size_t size)
{
    size_t n = 0;
    const char *at, *end;

    for (; (at = strstr(text, "{{")) != NULL; text = end) {
        int field = field_at(at, &end);

        if (!end || field < 0)
            break;
        n = put(ret, size, n, text, (size_t)(at - text));
        n = put(ret, size, n, values[field], strnlen(values[field], TEMPLATE_VALUE_MAX));
    }
    n = put(ret, size, n, text, strlen(text));
    if (ret)
        ret[n] = 0;
    return n;
}

/* The code point at `text` and its length; -1 with length 1 for what is no UTF-8. */
static int32_t decode(const unsigned char *text, size_t len, size_t *ret_len)
{
    static const int32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = text[0] < 0x80   ? 1
               : text[0] < 0xC2 ? 0
               : text[0] < 0xE0 ? 2
               : text[0] < 0xF0 ? 3
               : text[0] < 0xF5 ? 4
                                : 0;
    int32_t c;

    *ret_len = 1;
    if (n == 0 || n > len)
        return -1;
    c = n == 1 ? text[0] : text[0] & (0x7F >> n);
    for (size_t i = 1; i < n; i++) {
        if ((text[i] & 0xC0) != 0x80)
            return -1;
        c = c << 6 | (text[i] & 0x3F);
    }
    if (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF))
        return -1;
    *ret_len = n;
    return c;
}

/* Control characters, invisible ones and those that turn the direction of text. */
static int is_hidden(int32_t c)
{
    return c < 0x20 || (c >= 0x7F && c <= 0xA0) || c == 0xAD || c == 0x61C || c == 0x180E ||
           (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202F) ||
           (c >= 0x2060 && c <= 0x206F) || (c >= 0xFE00 && c <= 0xFE0F) || c == 0xFEFF ||
           (c >= 0xFFF0 && c <= 0xFFFF) || c >= 0xE0000;
}

void template_clean_name(const char *text, size_t len, char *ret, size_t size)
{
    size_t n = 0, step;
    int characters = 0, space = 0;

    for (size_t i = 0; i < len && characters < NAME_CHARACTERS; i += step) {
        int32_t c = decode((const unsigned char *)text + i, len - i, &step);

        if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
            space = n > 0;
            continue;
        }
        if (c < 0 || is_hidden(c) || (c < 0x80 && strchr("{}<>[]`*_~|#@\"\\:", c)))
            continue;
        if (n + (size_t)space + step >= size)
            break;
        if (space)
            ret[n++] = ' ';
        memcpy(ret + n, text + i, step);
        n += step;
        characters += 1 + space;
        space = 0;
    }
    ret[n] = 0;
    if (n == 0)
        snprintf(ret, size, "the member");
}

void template_date(int64_t now_ms, int32_t offset_minutes, char *ret, size_t size)
{
    static const char *const weekdays[] = {"Thursday", "Friday",  "Saturday", "Sunday",
                                           "Monday",   "Tuesday", "Wednesday"};
    static const char *const months[] = {"January",   "February", "March",    "April",
                                         "May",       "June",     "July",     "August",
                                         "September", "October",  "November", "December"};
    int64_t days = (now_ms / 60000 + offset_minutes) / 1440, shifted, era, day, year, month;

    if (days < 0)
        days = 0;
    /* Days since March 1 of year 0; years that begin in March put the leap day last. */
    shifted = days + 719468;
    era = shifted / 146097;
    day = shifted % 146097;
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    day = day - (153 * month + 2) / 5 + 1;
    year += era * 400 + (month >= 10);
    snprintf(ret, size, "%s, %d %s %d", weekdays[days % 7], (int)day, months[(month + 2) % 12],
             (int)year);
}
