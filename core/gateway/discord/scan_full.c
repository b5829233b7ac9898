/* SPDX-License-Identifier: Apache-2.0
 *
 * The same by jansson's tree. A tree knows no places, so the raw texts are looked up afterwards in
 * what is known to be valid JSON: that needs quotes and brackets only.
 */
#include "base/json.h"
#include "gateway/discord/scan.h"

#include <limits.h>
#include <string.h>

/* ---- places -------------------------------------------------------------------------------- */

/* A NUL counts as space: jansson 2.14 reads over it behind a number or literal. */
static const char *skip_space(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t' || *p == '\0'))
        p++;
    return p;
}

static const char *skip_string(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        if (*p == '\\')
            p++;
    return p < end ? p + 1 : end;
}

static const char *skip_container(const char *p, const char *end)
{
    size_t open = 0;

    while (p < end) {
        if (*p == '"') {
            p = skip_string(p, end);
            continue;
        }
        if (*p == '{' || *p == '[')
            open++;
        else if ((*p == '}' || *p == ']') && --open == 0)
            return p + 1;
        p++;
    }
    return end;
}

static const char *skip_value(const char *p, const char *end)
{
    if (p < end && *p == '"')
        return skip_string(p, end);
    if (p < end && (*p == '{' || *p == '['))
        return skip_container(p, end);
    while (p < end && !strchr(",]} \n\r\t", *p)) /* finds its NUL, too */
        p++;
    return p;
}

/* Whether a name, with its quotes, says `key`, perhaps in escapes. */
static bool says(const char *name, size_t len, const char *key)
{
    _cleanup_json_ json_t *value = NULL;

    if (!memchr(name, '\\', len))
        return len == strlen(key) + 2 && memcmp(name + 1, key, len - 2) == 0;
    value = json_loadb(name, len, JSON_DECODE_ANY, NULL);
    return json_is_string(value) && strcmp(json_string_value(value), key) == 0;
}

/* The raw value of `key` in the valid object at `p`: the last one, as in the tree. */
static struct discord_text find(const char *p, const char *end, const char *key)
{
    struct discord_text found = {0};

    for (p = skip_space(p, end) + 1; p < end; p++) { /* over a bracket or comma */
        const char *name = skip_space(p, end), *value;
        size_t name_len;

        if (name >= end || *name != '"')
            break;
        p = skip_string(name, end);
        name_len = (size_t)(p - name);
        value = skip_space(skip_space(p, end) + 1, end);
        p = skip_value(value, end);
        if (says(name, name_len, key))
            found = (struct discord_text){value, (size_t)(p - value)};
        p = skip_space(p, end);
    }
    return found;
}

/* Without the quotes. */
static struct discord_text find_string(const char *p, const char *end, const char *key)
{
    struct discord_text text = find(p, end, key);

    if (!text.ptr || *text.ptr != '"')
        return (struct discord_text){0};
    return (struct discord_text){text.ptr + 1, text.len - 2};
}

/* ---- values -------------------------------------------------------------------------------- */

static uint64_t get_id(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    uint64_t value = 0;

    if (!text || !*text)
        return 0;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return 0;
    }
    return value;
}

static int64_t get_int(const json_t *object, const char *key, int64_t min, int64_t max,
                       int64_t fallback)
{
    int64_t value = json_get_int(object, key, fallback);

    return value >= min && value <= max ? value : fallback;
}

static bool mentions(const json_t *list, uint64_t self)
{
    json_t *user;
    size_t i;

    json_array_foreach (list, i, user)
        if (self != 0 && get_id(user, "id") == self)
            return true;
    return false;
}

static void read_data(const json_t *data, uint64_t self, struct discord_scan *ret)
{
    const json_t *author = json_object_get(data, "author");
    const json_t *referenced = json_object_get(data, "referenced_message");

    ret->id = get_id(data, "id");
    ret->channel_id = get_id(data, "channel_id");
    ret->guild_id = get_id(data, "guild_id");
    ret->author_id = get_id(author, "id");
    ret->author_bot = json_is_true(json_object_get(author, "bot"));
    ret->webhook_id = get_id(data, "webhook_id");
    ret->application_id = get_id(data, "application_id");
    ret->mentions_self = mentions(json_object_get(data, "mentions"), self);
    ret->mention_everyone = json_is_true(json_object_get(data, "mention_everyone"));
    ret->has_referenced = json_is_object(referenced);
    ret->referenced_author_id = get_id(json_object_get(referenced, "author"), "id");
    ret->message_type = json_get_int(data, "type", 0);
}

enum discord_scanned discord_scan_full(const char *json, size_t len, uint64_t self,
                                       struct discord_scan *ret)
{
    _cleanup_json_ json_t *top = NULL;
    const char *end = json + len;
    const json_t *data;

    *ret = (struct discord_scan){.op = -1, .seq = -1};
    if (json_parse_lenient(json, len, &top, NULL) != TROUPE_OK || !json_is_object(top))
        return DISCORD_SCAN_BAD;
    ret->op = (int)get_int(top, "op", 0, INT_MAX, -1);
    ret->seq = get_int(top, "s", 0, INT64_MAX, -1);
    ret->type = find_string(json, end, "t");
    data = json_object_get(top, "d");
    if (data && !json_is_null(data))
        ret->data = find(json, end, "d");
    if (json_is_object(data)) {
        read_data(data, self, ret);
        ret->content = find_string(ret->data.ptr, ret->data.ptr + ret->data.len, "content");
    }
    return DISCORD_SCAN_OK;
}
