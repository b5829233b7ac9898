/* SPDX-License-Identifier: Apache-2.0
 *
 * One pass copies the text of what stays, then jansson reads that. What the pass is not sure of is
 * read whole.
 */
#include "gateway/discord/pick.h"

#include "base/mem.h"
#include "gateway/discord/scan_json.h"

#define LEVEL_PICKED 3 /* objects below are copied as they stand */

/* Members of messages, members and users (message.mdx, guild.mdx, user.mdx) that cost most and that
 * nothing here reads. */
static const char *const left_out[] = {
    "accent_color",
    "activity",
    "avatar",
    "avatar_decoration_data",
    "banner",
    "call",
    "clan",
    "collectibles",
    "communication_disabled_until",
    "components",
    "deaf",
    "discriminator",
    "display_name",
    "display_name_styles",
    "edited_timestamp",
    "embeds",
    "joined_at",
    "mention_channels",
    "mention_everyone",
    "mention_roles",
    "mentions",
    "mute",
    "nonce",
    "pending",
    "pinned",
    "poll",
    "premium_since",
    "primary_guild",
    "public_flags",
    "reactions",
    "role_subscription_data",
    "timestamp",
    "tts",
    "unusual_dm_activity_until",
};

static bool is_left_out(struct span name)
{
    size_t low = 0, high = sizeof(left_out) / sizeof(left_out[0]);

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strncmp(name.ptr, left_out[middle], name.len);

        if (order == 0 && left_out[middle][name.len] == '\0')
            return true;
        if (order > 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static void put(char **out, const void *data, size_t len)
{
    memcpy(*out, data, len);
    *out += len;
}

/* The cursor is at the object's brace and comes to stand behind it. What is written is never longer
 * than what was read. */
static bool copy_object(struct cursor *c, unsigned level, char **out)
{
    bool first = true;

    c->p++;
    *(*out)++ = '{';
    if (accept(c, '}')) {
        *(*out)++ = '}';
        return true;
    }
    do {
        struct span name;
        const unsigned char *begin;

        skip_space(c);
        if (c->p == c->end || *c->p != '"' || !read_string(c, &name) || !accept(c, ':'))
            return refuse(c, DISCORD_SCAN_BAD);
        skip_space(c);
        begin = c->p;
        if (is_left_out(name)) {
            if (!skip_value(c, level + 1))
                return false;
            continue;
        }
        if (!first)
            *(*out)++ = ',';
        first = false;
        *(*out)++ = '"';
        put(out, name.ptr, name.len);
        put(out, "\":", 2);
        if (c->p < c->end && *c->p == '{' && level < LEVEL_PICKED) {
            if (!copy_object(c, level + 1, out))
                return false;
            continue;
        }
        if (!skip_value(c, level + 1))
            return false;
        put(out, begin, (size_t)(c->p - begin));
    } while (accept(c, ','));
    *(*out)++ = '}';
    return accept(c, '}') || refuse(c, DISCORD_SCAN_BAD);
}

troupe_status discord_pick(const char *json, size_t len, json_t **ret, struct error *err)
{
    struct cursor c = {(const unsigned char *)json, (const unsigned char *)json + len,
                       DISCORD_SCAN_OK};
    _cleanup_mem_ char *text = mem_alloc(len + 1);
    char *out = text;

    skip_space(&c);
    if (c.p < c.end && *c.p == '{' && copy_object(&c, 1, &out)) {
        skip_space(&c);
        if (c.p == c.end)
            return json_parse(text, (size_t)(out - text), ret, err);
    }
    return json_parse(json, len, ret, err);
}
