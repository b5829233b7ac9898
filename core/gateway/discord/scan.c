/* SPDX-License-Identifier: Apache-2.0
 *
 * Which members are read and what counts as odd. The whole message is validated on the way.
 */
#include "gateway/discord/scan.h"

#include "gateway/discord/scan_json.h"

#include <limits.h>
#include <string.h>

#define ID_DIGITS_MAX 19

/* Levels at which the parts of a message stand. */
enum { LEVEL_TOP = 1, LEVEL_DATA, LEVEL_MEMBER, LEVEL_INNER };

/* ---- members that are read ------------------------------------------------------------------ */

static bool skip_null(struct cursor *c)
{
    if (*c->p != 'n')
        return refuse(c, DISCORD_SCAN_UNSURE);
    return skip_literal(c);
}

/* An id is written as a string of digits. */
static bool read_id(struct cursor *c, uint64_t *ret)
{
    const unsigned char *p = c->p + 1;
    uint64_t value = 0;

    if (*c->p != '"')
        return skip_null(c);
    while (p < c->end && is_digit(*p) && p - c->p <= ID_DIGITS_MAX)
        value = value * 10 + (*p++ - '0');
    if (p == c->end || *p != '"' || p == c->p + 1)
        return refuse(c, DISCORD_SCAN_UNSURE);
    c->p = p + 1;
    *ret = value;
    return true;
}

static bool read_bool(struct cursor *c, bool *ret)
{
    if (*c->p == 't')
        *ret = true;
    else if (*c->p != 'f')
        return skip_null(c);
    return skip_literal(c);
}

static bool read_int(struct cursor *c, int64_t min, int64_t max, int64_t *ret)
{
    int64_t value = 0;
    bool integer = false;

    if (*c->p == 'n')
        return skip_literal(c);
    if (*c->p != '-' && !is_digit(*c->p))
        return refuse(c, DISCORD_SCAN_UNSURE);
    if (!read_number(c, &value, &integer))
        return false;
    if (!integer || value < min || value > max)
        return refuse(c, DISCORD_SCAN_UNSURE);
    *ret = value;
    return true;
}

static bool read_text(struct cursor *c, struct discord_text *ret)
{
    struct span text;

    if (*c->p != '"')
        return skip_null(c);
    if (!read_string(c, &text))
        return false;
    *ret = (struct discord_text){text.ptr, text.len};
    return true;
}

/* ---- objects ------------------------------------------------------------------------------- */

/* A member that is read must be there once. */
static inline bool once(struct cursor *c, unsigned *seen, unsigned bit)
{
    if (*seen & bit)
        return refuse(c, DISCORD_SCAN_UNSURE);
    *seen |= bit;
    return true;
}

/* A user's id and whether it is a bot; `bot` may be NULL. */
static bool read_user(struct cursor *c, unsigned level, uint64_t *id, bool *bot)
{
    struct span name = {0};
    unsigned seen = 0;

    if (*c->p != '{')
        return skip_null(c);
    while (next_member(c, &name)) {
        bool good;

        if (IS(name, "id"))
            good = once(c, &seen, 1) && read_id(c, id);
        else if (bot && IS(name, "bot"))
            good = once(c, &seen, 2) && read_bool(c, bot);
        else
            good = skip_value(c, level);
        if (!good)
            return false;
    }
    return is_good(c);
}

static bool read_mentions(struct cursor *c, uint64_t self, bool *ret)
{
    if (*c->p != '[')
        return skip_null(c);
    c->p++;
    if (accept(c, ']'))
        return true;
    do {
        uint64_t id = 0;

        skip_space(c);
        if (c->p == c->end)
            return refuse(c, DISCORD_SCAN_BAD);
        if (*c->p != '{')
            return refuse(c, DISCORD_SCAN_UNSURE);
        if (!read_user(c, LEVEL_INNER, &id, NULL))
            return false;
        *ret |= id == self && id != 0;
    } while (accept(c, ','));
    return accept(c, ']') || refuse(c, DISCORD_SCAN_BAD);
}

static bool read_referenced(struct cursor *c, struct discord_scan *ret)
{
    struct span name = {0};
    unsigned seen = 0;

    if (*c->p != '{')
        return skip_null(c);
    ret->has_referenced = true;
    while (next_member(c, &name)) {
        if (IS(name, "author")
                ? !once(c, &seen, 1) || !read_user(c, LEVEL_INNER, &ret->referenced_author_id, NULL)
                : !skip_value(c, LEVEL_MEMBER))
            return false;
    }
    return is_good(c);
}

enum {
    SEEN_ID = 1 << 0,
    SEEN_CHANNEL = 1 << 1,
    SEEN_GUILD = 1 << 2,
    SEEN_AUTHOR = 1 << 3,
    SEEN_WEBHOOK = 1 << 4,
    SEEN_APPLICATION = 1 << 5,
    SEEN_MENTIONS = 1 << 6,
    SEEN_EVERYONE = 1 << 7,
    SEEN_REFERENCED = 1 << 8,
    SEEN_TYPE = 1 << 9,
    SEEN_CONTENT = 1 << 10,
};

/* One member of "d". */
static bool read_member(struct cursor *c, struct span name, uint64_t self, unsigned *seen,
                        struct discord_scan *ret)
{
    switch (name.len) {
    case 2:
        if (IS(name, "id"))
            return once(c, seen, SEEN_ID) && read_id(c, &ret->id);
        break;
    case 4:
        if (IS(name, "type"))
            return once(c, seen, SEEN_TYPE) &&
                   read_int(c, INT64_MIN, INT64_MAX, &ret->message_type);
        break;
    case 6:
        if (IS(name, "author"))
            return once(c, seen, SEEN_AUTHOR) &&
                   read_user(c, LEVEL_MEMBER, &ret->author_id, &ret->author_bot);
        break;
    case 7:
        if (IS(name, "content"))
            return once(c, seen, SEEN_CONTENT) && read_text(c, &ret->content);
        break;
    case 8:
        if (IS(name, "guild_id"))
            return once(c, seen, SEEN_GUILD) && read_id(c, &ret->guild_id);
        if (IS(name, "mentions"))
            return once(c, seen, SEEN_MENTIONS) && read_mentions(c, self, &ret->mentions_self);
        break;
    case 10:
        if (IS(name, "channel_id"))
            return once(c, seen, SEEN_CHANNEL) && read_id(c, &ret->channel_id);
        if (IS(name, "webhook_id"))
            return once(c, seen, SEEN_WEBHOOK) && read_id(c, &ret->webhook_id);
        break;
    case 14:
        if (IS(name, "application_id"))
            return once(c, seen, SEEN_APPLICATION) && read_id(c, &ret->application_id);
        break;
    case 16:
        if (IS(name, "mention_everyone"))
            return once(c, seen, SEEN_EVERYONE) && read_bool(c, &ret->mention_everyone);
        break;
    case 18:
        if (IS(name, "referenced_message"))
            return once(c, seen, SEEN_REFERENCED) && read_referenced(c, ret);
        break;
    default: break;
    }
    return skip_value(c, LEVEL_DATA);
}

static bool read_data(struct cursor *c, uint64_t self, struct discord_scan *ret)
{
    const unsigned char *begin = c->p;
    struct span name = {0};
    unsigned seen = 0;

    if (*begin == 'n')
        return skip_literal(c);
    if (*begin != '{') {
        if (!skip_value(c, LEVEL_TOP))
            return false;
    } else {
        while (next_member(c, &name))
            if (!read_member(c, name, self, &seen, ret))
                return false;
        if (!is_good(c))
            return false;
    }
    ret->data = (struct discord_text){(const char *)begin, (size_t)(c->p - begin)};
    return true;
}

static bool read_top(struct cursor *c, uint64_t self, struct discord_scan *ret)
{
    struct span name = {0};
    unsigned seen = 0;
    int64_t op = -1;

    while (next_member(c, &name)) {
        bool good;

        if (IS(name, "t"))
            good = once(c, &seen, 1) && read_text(c, &ret->type);
        else if (IS(name, "s"))
            good = once(c, &seen, 2) && read_int(c, 0, INT64_MAX, &ret->seq);
        else if (IS(name, "op"))
            good = once(c, &seen, 4) && read_int(c, 0, INT_MAX, &op);
        else if (IS(name, "d"))
            good = once(c, &seen, 8) && read_data(c, self, ret);
        else
            good = skip_value(c, LEVEL_TOP);
        if (!good)
            return false;
    }
    ret->op = (int)op;
    return is_good(c);
}

enum discord_scanned discord_scan(const char *json, size_t len, uint64_t self,
                                  struct discord_scan *ret)
{
    struct cursor c = {(const unsigned char *)json, (const unsigned char *)json + len,
                       DISCORD_SCAN_OK};

    *ret = (struct discord_scan){.op = -1, .seq = -1};
    skip_space(&c);
    if (c.p == c.end || *c.p != '{')
        c.verdict = DISCORD_SCAN_BAD;
    else if (read_top(&c, self, ret)) {
        skip_space(&c);
        if (c.p != c.end)
            c.verdict = DISCORD_SCAN_BAD;
    }
    /* jansson 2.14 reads on behind a NUL that follows a number or literal. */
    if (c.verdict == DISCORD_SCAN_BAD && memchr(json, '\0', len))
        return DISCORD_SCAN_UNSURE;
    return c.verdict;
}
