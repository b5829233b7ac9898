/* SPDX-License-Identifier: Apache-2.0
 *
 * Who is pinged: Discord's rules of allowed_mentions (message.mdx, "Allowed Mentions Object").
 */
#include "discord_ledger.h"

struct rules {
    bool everyone, roles, users;
    struct discord_slice role_list, user_list;
};

static bool lists(struct discord_slice list, uint64_t id)
{
    struct discord_slice item;
    size_t at = 0;

    while (discord_scan_item(list, &at, &item)) {
        if (discord_scan_u64(item) == id)
            return true;
    }
    return false;
}

static void read_rules(struct discord_slice allowed, bool interaction, struct rules *ret)
{
    struct discord_slice parse = {0}, item;
    size_t at = 0;

    *ret = (struct rules){.users = true, .everyone = !interaction, .roles = !interaction};
    if (!allowed.ptr)
        return;
    *ret = (struct rules){
        .role_list = discord_scan_get(allowed, "roles"),
        .user_list = discord_scan_get(allowed, "users"),
    };
    parse = discord_scan_get(allowed, "parse");
    while (parse.ptr && discord_scan_item(parse, &at, &item)) {
        ret->everyone |= discord_slice_is(item, "\"everyone\"");
        ret->roles |= discord_slice_is(item, "\"roles\"");
        ret->users |= discord_slice_is(item, "\"users\"");
    }
}

/* "<@1>", "<@!1>", "<@&1>" at `p`: the id, 0 for none. */
static uint64_t mention_at(const char *p, const char *end, bool *ret_role)
{
    const char *close = memchr(p, '>', (size_t)(end - p));

    if (!close || close - p < 4 || p[1] != '@')
        return 0;
    *ret_role = p[2] == '&';
    p += p[2] == '&' || p[2] == '!' ? 3 : 2;
    return discord_digits((struct discord_slice){p, (size_t)(close - p)});
}

void discord_pings_of(const char *content, size_t len, struct discord_slice allowed,
                      bool interaction, bool reply, struct discord_pings *ret, uint64_t *ret_users,
                      size_t max)
{
    const char *end = content + len;
    struct rules rules;
    size_t seen = 0;

    *ret = (struct discord_pings){.absent = allowed.ptr == NULL};
    read_rules(allowed, interaction, &rules);
    ret->replied =
        reply && (!allowed.ptr || discord_scan_true(discord_scan_get(allowed, "replied_user")));
    for (const char *p = content; p < end; p++) {
        bool role = false, known = false;
        uint64_t id;

        if (*p == '@' && rules.everyone) {
            size_t left = (size_t)(end - p);

            ret->everyone |= (left >= 9 && memcmp(p, "@everyone", 9) == 0) ||
                             (left >= 5 && memcmp(p, "@here", 5) == 0);
        }
        if (*p != '<' || (id = mention_at(p, end, &role)) == 0)
            continue;
        if (role) {
            ret->roles += rules.roles || lists(rules.role_list, id);
            continue;
        }
        for (size_t i = 0; i < seen; i++)
            known |= ret_users[i] == id;
        if (known || !(rules.users || lists(rules.user_list, id)))
            continue;
        ret->users++;
        if (seen < max)
            ret_users[seen++] = id;
    }
}
