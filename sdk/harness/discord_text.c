/* SPDX-License-Identifier: Apache-2.0 */
#include "discord_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* ---- writing ------------------------------------------------------------------------------- */

void discord_put_u64(struct fake_text *text, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    fake_text_put(text, digits + at, sizeof(digits) - at);
}

void discord_put_id(struct fake_text *text, uint64_t id)
{
    fake_text_put(text, "\"", 1);
    discord_put_u64(text, id);
    fake_text_put(text, "\"", 1);
}

void discord_put_str(struct fake_text *text, const char *ptr, size_t len)
{
    size_t from = 0;

    fake_text_put(text, "\"", 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)ptr[i];

        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        fake_text_put(text, ptr + from, i - from);
        from = i + 1;
        if (c == '"' || c == '\\')
            fake_text_printf(text, "\\%c", c);
        else if (c == '\n')
            fake_text_put(text, "\\n", 2);
        else
            fake_text_printf(text, "\\u%04x", c);
    }
    fake_text_put(text, ptr + from, len - from);
    fake_text_put(text, "\"", 1);
}

void discord_put_time(struct fake_text *text, int64_t unix_ms)
{
    struct tm tm;
    time_t seconds = (time_t)(unix_ms / 1000);
    char day[32];

    if (unix_ms == 0) {
        fake_text_put(text, "null", 4);
        return;
    }
    gmtime_r(&seconds, &tm);
    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
    fake_text_printf(text, "\"%s.%03d000+00:00\"", day, (int)(unix_ms % 1000));
}

/* ---- scanning ------------------------------------------------------------------------------ */

static size_t skip_space(struct discord_slice text, size_t at)
{
    while (at < text.len && (text.ptr[at] == ' ' || text.ptr[at] == '\n' || text.ptr[at] == '\r' ||
                             text.ptr[at] == '\t'))
        at++;
    return at;
}

/* Behind the string that starts at `at`, or SIZE_MAX. */
static size_t skip_string(struct discord_slice text, size_t at)
{
    for (at++; at < text.len; at++) {
        unsigned char c = (unsigned char)text.ptr[at];

        if (c == '"')
            return at + 1;
        if (c < 0x20)
            return SIZE_MAX;
        if (c == '\\')
            at++;
    }
    return SIZE_MAX;
}

static size_t skip_nested(struct discord_slice text, size_t at)
{
    size_t depth = 0;

    while (at < text.len) {
        char c = text.ptr[at];

        if (c == '"') {
            at = skip_string(text, at);
            if (at == SIZE_MAX)
                return SIZE_MAX;
            continue;
        }
        at++;
        if (c == '{' || c == '[')
            depth++;
        else if ((c == '}' || c == ']') && --depth == 0)
            return at;
    }
    return SIZE_MAX;
}

static size_t skip_value(struct discord_slice text, size_t at)
{
    size_t from = at;

    if (at >= text.len)
        return SIZE_MAX;
    if (text.ptr[at] == '"')
        return skip_string(text, at);
    if (text.ptr[at] == '{' || text.ptr[at] == '[')
        return skip_nested(text, at);
    while (at < text.len && !strchr(",]} \r\n\t", text.ptr[at]))
        at++;
    return at > from ? at : SIZE_MAX;
}

/* Reads "value" and what may follow it: a comma or the closing bracket. */
static bool take_value(struct discord_slice text, size_t *at, char closing,
                       struct discord_slice *ret_value)
{
    size_t from = skip_space(text, *at), end = skip_value(text, from);

    if (end == SIZE_MAX)
        return false;
    *ret_value = (struct discord_slice){text.ptr + from, end - from};
    end = skip_space(text, end);
    if (end >= text.len || (text.ptr[end] != ',' && text.ptr[end] != closing))
        return false;
    *at = text.ptr[end] == ',' ? end + 1 : end;
    return true;
}

static bool scan_begin(struct discord_slice text, size_t *at, char opening)
{
    if (*at > 0)
        return true;
    *at = skip_space(text, 0);
    if (!text.ptr || *at >= text.len || text.ptr[*at] != opening)
        return false;
    ++*at;
    return true;
}

bool discord_scan_member(struct discord_slice object, size_t *at, struct discord_slice *ret_key,
                         struct discord_slice *ret_value)
{
    size_t i, end;

    if (!scan_begin(object, at, '{'))
        goto broken;
    i = skip_space(object, *at);
    if (i >= object.len)
        goto broken;
    if (object.ptr[i] == '}') {
        *at = i;
        return false;
    }
    if (object.ptr[i] != '"' || (end = skip_string(object, i)) == SIZE_MAX)
        goto broken;
    *ret_key = (struct discord_slice){object.ptr + i + 1, end - i - 2};
    *at = skip_space(object, end);
    if (*at >= object.len || object.ptr[*at] != ':')
        goto broken;
    ++*at;
    if (take_value(object, at, '}', ret_value))
        return true;
broken:
    *at = SIZE_MAX;
    return false;
}

bool discord_scan_item(struct discord_slice array, size_t *at, struct discord_slice *ret_value)
{
    size_t i;

    if (!scan_begin(array, at, '['))
        goto broken;
    i = skip_space(array, *at);
    if (i >= array.len)
        goto broken;
    if (array.ptr[i] == ']') {
        *at = i;
        return false;
    }
    if (take_value(array, at, ']', ret_value))
        return true;
broken:
    *at = SIZE_MAX;
    return false;
}

struct discord_slice discord_scan_get(struct discord_slice object, const char *key)
{
    static const struct discord_slice none;
    struct discord_slice name, value;
    size_t at = 0;

    while (discord_scan_member(object, &at, &name, &value)) {
        if (discord_slice_is(name, key))
            return discord_slice_is(value, "null") ? none : value;
    }
    return none;
}

bool discord_scan_is_object(struct discord_slice value)
{
    struct discord_slice name, member;
    size_t at = 0;

    while (discord_scan_member(value, &at, &name, &member))
        ;
    return at != SIZE_MAX;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int hex4(const char *p, const char *end)
{
    int value = 0;

    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

static void put_code_point(struct fake_text *out, unsigned c)
{
    char b[4];
    size_t n = 0;

    if (c < 0x80) {
        b[n++] = (char)c;
    } else if (c < 0x800) {
        b[n++] = (char)(0xc0 | c >> 6);
        b[n++] = (char)(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        b[n++] = (char)(0xe0 | c >> 12);
        b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        b[n++] = (char)(0x80 | (c & 0x3f));
    } else {
        b[n++] = (char)(0xf0 | c >> 18);
        b[n++] = (char)(0x80 | (c >> 12 & 0x3f));
        b[n++] = (char)(0x80 | (c >> 6 & 0x3f));
        b[n++] = (char)(0x80 | (c & 0x3f));
    }
    fake_text_put(out, b, n);
}

/* The escape behind a backslash at `p`; the place behind it, or NULL. */
static const char *take_escape(const char *p, const char *end, struct fake_text *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *known = p < end && *p ? strchr(from, *p) : NULL;
    int high, low;

    if (known) {
        fake_text_put(out, &to[known - from], 1);
        return p + 1;
    }
    if (p >= end || *p != 'u' || (high = hex4(p + 1, end)) < 0)
        return NULL;
    p += 5;
    if (high >= 0xd800 && high < 0xdc00 && end - p >= 6 && p[0] == '\\' && p[1] == 'u' &&
        (low = hex4(p + 2, end)) >= 0xdc00 && low < 0xe000) {
        put_code_point(out, 0x10000 + (((unsigned)high & 0x3ff) << 10 | ((unsigned)low & 0x3ff)));
        return p + 6;
    }
    put_code_point(out, high >= 0xd800 && high < 0xe000 ? 0xfffd : (unsigned)high);
    return p;
}

bool discord_scan_string(struct discord_slice value, struct fake_text *out)
{
    const char *p, *end;

    if (!value.ptr || value.len < 2 || *value.ptr != '"')
        return false;
    p = value.ptr + 1;
    end = value.ptr + value.len - 1;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));

        fake_text_put(out, p, (size_t)((slash ? slash : end) - p));
        if (!slash)
            break;
        p = take_escape(slash + 1, end, out);
        if (!p)
            return false;
    }
    if (!out->data)
        fake_text_put(out, "", 0);
    return true;
}

uint64_t discord_digits(struct discord_slice text)
{
    uint64_t value = 0;

    if (text.len == 0 || text.len > 20)
        return 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return 0;
        value = value * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    return value;
}

uint64_t discord_scan_u64(struct discord_slice value)
{
    if (value.len >= 2 && value.ptr[0] == '"')
        value = (struct discord_slice){value.ptr + 1, value.len - 2};
    return discord_digits(value);
}

bool discord_scan_true(struct discord_slice value)
{
    return discord_slice_is(value, "true");
}

size_t discord_code_points(const char *text, size_t len, size_t *ret_utf16)
{
    size_t points = 0, units = 0;

    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        if ((c & 0xc0) == 0x80)
            continue;
        points++;
        units += c >= 0xf0 ? 2 : 1;
    }
    if (ret_utf16)
        *ret_utf16 = units;
    return points;
}

/* ---- the map ------------------------------------------------------------------------------- */

static struct discord_slot *find_slot(const struct discord_map *map, uint64_t key)
{
    size_t i = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (map->cap - 1);

    while (map->slots[i].key != 0 && map->slots[i].key != key)
        i = (i + 1) & (map->cap - 1);
    return &map->slots[i];
}

void *discord_map_get(const struct discord_map *map, uint64_t key)
{
    return map->cap == 0 || key == 0 ? NULL : find_slot(map, key)->value;
}

static void map_grow(struct discord_map *map)
{
    struct discord_map old = *map;
    size_t live = 0;

    for (size_t i = 0; i < old.cap; i++)
        live += old.slots[i].value != NULL;
    map->cap = 64;
    while (map->cap < live * 4)
        map->cap *= 2;
    map->slots = fake_alloc(map->cap * sizeof(*map->slots));
    map->count = live;
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].value)
            *find_slot(map, old.slots[i].key) = old.slots[i];
    }
    free(old.slots);
}

void discord_map_set(struct discord_map *map, uint64_t key, void *value)
{
    struct discord_slot *slot;

    if (map->count * 2 >= map->cap)
        map_grow(map);
    slot = find_slot(map, key);
    if (slot->key == 0) {
        if (!value)
            return;
        map->count++;
    }
    slot->key = key;
    slot->value = value;
}

void discord_map_clear(struct discord_map *map)
{
    free(map->slots);
    *map = (struct discord_map){0};
}
