/* SPDX-License-Identifier: Apache-2.0
 *
 * What the pass is not sure of (scan_json.h) is read by jansson, thinned to what is wanted, and read
 * again.
 */
#include "gateway/discord/incoming.h"

#include "base/json.h"
#include "base/mem.h"
#include "gateway/discord/scan_json.h"

#include <string.h>

/* Levels at which the parts of a message stand. */
enum { LEVEL_MESSAGE = 1, LEVEL_PART, LEVEL_INNER };

struct reader {
    struct cursor c;
    struct discord_incoming *in;
};

/* ---- values ---------------------------------------------------------------------------------- */

/* The last one counts, and what is no text is none. */
static bool read_text(struct reader *r, unsigned level, const char **ret)
{
    struct span text;
    char *copy;

    *ret = NULL;
    if (*r->c.p != '"')
        return skip_value(&r->c, level);
    if (!read_string(&r->c, &text))
        return false;
    copy = arena_strndup(&r->in->arena, text.ptr, text.len);
    if (text.escaped)
        copy[json_unescape(text.ptr, text.len, copy)] = '\0';
    *ret = copy;
    return true;
}

static bool read_bool(struct reader *r, unsigned level, bool *ret)
{
    *ret = *r->c.p == 't';
    return skip_value(&r->c, level);
}

static bool read_int(struct reader *r, unsigned level, int64_t *ret)
{
    int64_t value;
    bool integer;

    if (*r->c.p != '-' && !is_digit(*r->c.p))
        return skip_value(&r->c, level);
    if (!read_number(&r->c, &value, &integer))
        return false;
    if (integer)
        *ret = value;
    return true;
}

/* A list that is not empty, as it stands. */
static bool read_list(struct reader *r, unsigned level, const char **ret, size_t *ret_len)
{
    const unsigned char *begin = r->c.p;
    bool list = *begin == '[';
    struct cursor inside = {begin + 1, r->c.end, DISCORD_SCAN_OK};

    *ret = NULL;
    if (!skip_value(&r->c, level))
        return false;
    if (list && !accept(&inside, ']')) {
        *ret = (const char *)begin;
        *ret_len = (size_t)(r->c.p - begin);
    }
    return true;
}

static bool read_roles(struct reader *r, unsigned level)
{
    r->in->role_count = 0;
    if (*r->c.p != '[')
        return skip_value(&r->c, level);
    r->c.p++;
    if (accept(&r->c, ']'))
        return true;
    do {
        const char *role;

        skip_space(&r->c);
        if (r->c.p == r->c.end)
            return refuse(&r->c, DISCORD_SCAN_BAD);
        if (!read_text(r, level + 1, &role))
            return false;
        if (role && r->in->role_count < DISCORD_ROLES_MAX)
            r->in->roles[r->in->role_count++] = role;
    } while (accept(&r->c, ','));
    return accept(&r->c, ']') || refuse(&r->c, DISCORD_SCAN_BAD);
}

/* ---- objects --------------------------------------------------------------------------------- */

static bool read_user(struct reader *r, unsigned level, struct discord_user *ret)
{
    struct span name = {0};

    *ret = (struct discord_user){0};
    if (*r->c.p != '{')
        return skip_value(&r->c, level);
    while (next_member(&r->c, &name)) {
        bool good;

        if (IS(name, "id"))
            good = read_text(r, level, &ret->id);
        else if (IS(name, "username"))
            good = read_text(r, level, &ret->username);
        else if (IS(name, "global_name"))
            good = read_text(r, level, &ret->global_name);
        else if (IS(name, "bot"))
            good = read_bool(r, level, &ret->bot);
        else
            good = skip_value(&r->c, level);
        if (!good)
            return false;
    }
    return is_good(&r->c);
}

static bool read_member(struct reader *r)
{
    struct span name = {0};

    r->in->nick = NULL;
    r->in->role_count = 0;
    if (*r->c.p != '{')
        return skip_value(&r->c, LEVEL_MESSAGE);
    while (next_member(&r->c, &name)) {
        bool good;

        if (IS(name, "nick"))
            good = read_text(r, LEVEL_PART, &r->in->nick);
        else if (IS(name, "roles"))
            good = read_roles(r, LEVEL_PART);
        else
            good = skip_value(&r->c, LEVEL_PART);
        if (!good)
            return false;
    }
    return is_good(&r->c);
}

static bool read_reference(struct reader *r, unsigned level, struct discord_reference *ret)
{
    struct span name = {0};

    *ret = (struct discord_reference){0};
    if (*r->c.p != '{')
        return skip_value(&r->c, level);
    while (next_member(&r->c, &name)) {
        bool good;

        if (IS(name, "message_id"))
            good = read_text(r, level + 1, &ret->message_id);
        else if (IS(name, "channel_id"))
            good = read_text(r, level + 1, &ret->channel_id);
        else if (IS(name, "type"))
            good = read_int(r, level + 1, &ret->type);
        else
            good = skip_value(&r->c, level + 1);
        if (!good)
            return false;
    }
    return is_good(&r->c);
}

static bool read_referenced(struct reader *r)
{
    struct span name = {0};

    r->in->referenced_content = r->in->referenced_attachments = NULL;
    r->in->referenced_author = (struct discord_user){0};
    r->in->referenced_reference = (struct discord_reference){0};
    r->in->has_referenced = *r->c.p == '{';
    if (!r->in->has_referenced)
        return skip_value(&r->c, LEVEL_MESSAGE);
    while (next_member(&r->c, &name)) {
        bool good;

        if (IS(name, "content"))
            good = read_text(r, LEVEL_PART, &r->in->referenced_content);
        else if (IS(name, "author"))
            good = read_user(r, LEVEL_INNER, &r->in->referenced_author);
        else if (IS(name, "message_reference"))
            good = read_reference(r, LEVEL_PART, &r->in->referenced_reference);
        else if (IS(name, "attachments"))
            good = read_list(r, LEVEL_PART, &r->in->referenced_attachments,
                             &r->in->referenced_attachments_len);
        else
            good = skip_value(&r->c, LEVEL_PART);
        if (!good)
            return false;
    }
    return is_good(&r->c);
}

static bool read_one(struct reader *r, struct span name)
{
    struct discord_incoming *in = r->in;
    const char *list;
    size_t len;

    if (IS(name, "id"))
        return read_text(r, LEVEL_MESSAGE, &in->id);
    if (IS(name, "channel_id"))
        return read_text(r, LEVEL_MESSAGE, &in->channel_id);
    if (IS(name, "guild_id"))
        return read_text(r, LEVEL_MESSAGE, &in->guild_id);
    if (IS(name, "content"))
        return read_text(r, LEVEL_MESSAGE, &in->content);
    if (IS(name, "author"))
        return read_user(r, LEVEL_PART, &in->author);
    if (IS(name, "member"))
        return read_member(r);
    if (IS(name, "message_reference")) {
        struct discord_reference reference;

        if (!read_reference(r, LEVEL_MESSAGE, &reference))
            return false;
        in->reference_id = reference.message_id;
        return true;
    }
    if (IS(name, "referenced_message"))
        return read_referenced(r);
    if (IS(name, "channel_type"))
        return read_int(r, LEVEL_MESSAGE, &in->channel_type);
    if (IS(name, "attachments"))
        return read_list(r, LEVEL_MESSAGE, &in->attachments, &in->attachments_len);
    if (IS(name, "sticker_items")) {
        if (!read_list(r, LEVEL_MESSAGE, &list, &len))
            return false;
        in->stickers = list != NULL;
        return true;
    }
    return skip_value(&r->c, LEVEL_MESSAGE);
}

static bool read_message(struct discord_incoming *in, const char *json, size_t len)
{
    struct reader r = {
        {(const unsigned char *)json, (const unsigned char *)json + len, DISCORD_SCAN_OK}, in};
    struct span name = {0};

    skip_space(&r.c);
    if (r.c.p == r.c.end || *r.c.p != '{')
        return false;
    while (next_member(&r.c, &name))
        if (!read_one(&r, name))
            return false;
    skip_space(&r.c);
    return is_good(&r.c) && r.c.p == r.c.end;
}

/* ---- what is odd ----------------------------------------------------------------------------- */

/* Numbers and depths are what the pass is unsure of: objects stay `levels` deep, and lists as they are. */
static void thin(json_t *object, unsigned levels)
{
    static const char *const wanted[] = {"attachments",
                                         "author",
                                         "channel_type",
                                         "member",
                                         "roles",
                                         "message_reference",
                                         "referenced_message",
                                         "sticker_items",
                                         "type"};
    const char *name;
    json_t *value;
    void *next;

    json_object_foreach_safe (object, next, name, value) {
        bool stays = json_is_string(value) || json_is_boolean(value);

        for (size_t i = 0; !stays && i < sizeof(wanted) / sizeof(wanted[0]); i++)
            stays = !strcmp(name, wanted[i]) && (levels || !json_is_object(value));
        if (!stays)
            json_object_del(object, name);
        else if (json_is_object(value))
            thin(value, levels - 1);
    }
}

static troupe_status read_odd(struct discord_incoming *in, const char *json, size_t len,
                              struct error *err)
{
    _cleanup_json_ json_t *tree = NULL;
    _cleanup_mem_ char *text = NULL;
    troupe_status status = json_parse(json, len, &tree, err);
    char *kept;

    if (status < 0)
        return status;
    if (!json_is_object(tree))
        return error_set(err, TROUPE_DATA, "message is no object");
    thin(tree, 2);
    text = json_print(tree);
    kept = text ? arena_strdup(&in->arena, text) : NULL;
    if (!kept || !read_message(in, kept, strlen(kept)))
        return error_set(err, TROUPE_DATA,
                         "message has members of a kind that Discord never sends");
    return TROUPE_OK;
}

troupe_status discord_incoming_init(struct discord_incoming *ret, const char *json, size_t len,
                                    struct error *err)
{
    *ret = (struct discord_incoming){.channel_type = -1};
    if (read_message(ret, json, len))
        return TROUPE_OK;
    discord_incoming_clear(ret);
    *ret = (struct discord_incoming){.channel_type = -1};
    return read_odd(ret, json, len, err);
}

void discord_incoming_clear(struct discord_incoming *incoming)
{
    arena_clear(&incoming->arena);
}
