/* SPDX-License-Identifier: Apache-2.0 */
#include "base/json_printed.h"

#include "base/json_plain.h"
#include "base/text.h"

#include <string.h>

#define MEMBERS_MAX 16 /* of an object: names are compared with each other */
#define LEVELS_MAX  16
#define DIGITS_MAX  18 /* of a number: it never overflows */

struct walk {
    const char *at, *end;
    unsigned levels; /* that may be entered */
};

static bool walk_value(struct walk *walk);

static bool take(struct walk *walk, char c)
{
    if (walk->at == walk->end || *walk->at != c)
        return false;
    walk->at++;
    return true;
}

static bool walk_string(struct walk *walk)
{
    static const char escapes[] = {'"', '\\', 'b', 'f', 'n', 'r', 't'};
    const char *start = walk->at + 1;
    bool wide = false;

    if (!take(walk, '"'))
        return false;
    for (;;) {
        walk->at += json_plain_span(walk->at, (size_t)(walk->end - walk->at), &wide);
        if (take(walk, '"'))
            return !wide || text_is_utf8(start, (size_t)(walk->at - 1 - start));
        if (walk->end - walk->at < 2 || *walk->at != '\\' ||
            !memchr(escapes, walk->at[1], sizeof(escapes)))
            return false;
        walk->at += 2;
    }
}

static bool walk_number(struct walk *walk)
{
    static const char goes_on[] = {'.', 'e', 'E'};
    const char *start;
    bool minus = take(walk, '-');

    for (start = walk->at; walk->at < walk->end && *walk->at >= '0' && *walk->at <= '9';)
        walk->at++;
    return walk->at > start && walk->at - start <= DIGITS_MAX &&
           (*start != '0' || (walk->at - start == 1 && !minus)) &&
           (walk->at == walk->end || !memchr(goes_on, *walk->at, sizeof(goes_on)));
}

static bool walk_word(struct walk *walk, const char *word)
{
    size_t len = strlen(word);

    if ((size_t)(walk->end - walk->at) < len || memcmp(walk->at, word, len) != 0)
        return false;
    walk->at += len;
    return true;
}

static bool walk_items(struct walk *walk)
{
    walk->at++;
    if (take(walk, ']'))
        return true;
    do
        if (!walk_value(walk))
            return false;
    while (take(walk, ','));
    return take(walk, ']');
}

static bool is_known(const struct json_member *members, size_t count,
                     const struct json_member *member)
{
    for (size_t i = 0; i < count; i++)
        if (members[i].name_len == member->name_len &&
            !memcmp(members[i].name, member->name, member->name_len))
            return true;
    return false;
}

static bool walk_member(struct walk *walk, struct json_member *ret)
{
    ret->name = walk->at + 1;
    if (!walk_string(walk))
        return false;
    ret->name_len = (size_t)(walk->at - 1 - ret->name);
    if (memchr(ret->name, '\\', ret->name_len) || !take(walk, ':'))
        return false;
    ret->value = walk->at;
    if (!walk_value(walk))
        return false;
    ret->len = (size_t)(walk->at - ret->value);
    return true;
}

static bool walk_members(struct walk *walk, struct json_member *ret, size_t most, size_t *ret_count)
{
    size_t count = 0;

    walk->at++;
    if (!take(walk, '}')) {
        do
            if (count == most || !walk_member(walk, &ret[count]) ||
                is_known(ret, count, &ret[count]))
                return false;
        while (count++, take(walk, ','));
        if (!take(walk, '}'))
            return false;
    }
    *ret_count = count;
    return true;
}

static bool walk_object(struct walk *walk)
{
    struct json_member members[MEMBERS_MAX];
    size_t count;

    return walk_members(walk, members, MEMBERS_MAX, &count);
}

static bool walk_value(struct walk *walk)
{
    bool printed;

    if (walk->at == walk->end)
        return false;
    switch (*walk->at) {
    case '"': return walk_string(walk);
    case 't': return walk_word(walk, "true");
    case 'f': return walk_word(walk, "false");
    case 'n': return walk_word(walk, "null");
    case '{':
    case '[':
        if (!walk->levels)
            return false;
        walk->levels--;
        printed = *walk->at == '{' ? walk_object(walk) : walk_items(walk);
        walk->levels++;
        return printed;
    default: return walk_number(walk);
    }
}

bool json_printed(const char *text, size_t len)
{
    struct walk walk = {.at = text, .end = len ? text + len : text, .levels = LEVELS_MAX};

    return walk_value(&walk) && walk.at == walk.end;
}

bool json_printed_members(const char *text, size_t len, struct json_member *ret, size_t most,
                          size_t *ret_count)
{
    struct walk walk = {.at = text, .end = len ? text + len : text, .levels = LEVELS_MAX - 1};
    size_t count;

    if (!len || *text != '{' ||
        !walk_members(&walk, ret, most < MEMBERS_MAX ? most : MEMBERS_MAX, &count) ||
        walk.at != walk.end)
        return false;
    *ret_count = count;
    return true;
}

bool json_printed_int(const struct json_member *member, int64_t *ret)
{
    const bool minus = *member->value == '-';
    int64_t number = 0;

    if (!minus && (*member->value < '0' || *member->value > '9'))
        return false;
    for (size_t i = minus; i < member->len; i++)
        number = number * 10 + (member->value[i] - '0');
    *ret = minus ? -number : number;
    return true;
}
