/* SPDX-License-Identifier: Apache-2.0
 *
 * What a member may do in a server, from its roles as Discord tells them.
 */
#include "tap.h"

#include "gateway/discord/rights.h"

#include <stdlib.h>

#define ADMIN    "32"            /* Manage Server    */
#define ALL      "8"             /* Administrator    */
#define MODERATE "1099511627776" /* Moderate Members */

static json_t *guild_of(const char *id, const char *everyone)
{
    json_t *guild = json_pack("{s:s, s:s, s:[{s:s, s:s}, {s:s, s:s}, {s:s, s:s}, {s:s, s:s}]}",
                              "id", id, "owner_id", "900", "roles", "id", id, "permissions",
                              everyone, "id", "11", "permissions", "0", "id", "12", "permissions",
                              MODERATE, "id", "13", "permissions", ADMIN);

    assert_non_null(guild);
    return guild;
}

static void take(struct discord_rights *rights, const char *id, const char *everyone, uint64_t now)
{
    _cleanup_json_ json_t *guild = guild_of(id, everyone);

    assert_true(discord_rights_take(rights, guild, now));
}

static enum gateway_rights look(const struct discord_rights *rights, const char *member,
                                const char *role)
{
    enum gateway_rights ret = GATEWAY_MEMBER;

    assert_true(discord_rights_look(rights, "10", member, &role, 1, 1000, &ret));
    return ret;
}

static void rights_follow_roles_and_owner(void **state)
{
    struct discord_rights rights = {0};

    (void)state;
    discord_rights_init(&rights);
    take(&rights, "10", "2248473465835073", 1000);
    assert_int_equal(look(&rights, "1", "11"), GATEWAY_MEMBER);
    assert_int_equal(look(&rights, "1", "12"), GATEWAY_MODERATOR);
    assert_int_equal(look(&rights, "1", "13"), GATEWAY_ADMIN);
    assert_int_equal(look(&rights, "900", "11"), GATEWAY_ADMIN);
    assert_int_equal(look(&rights, "1", "99"), GATEWAY_MEMBER); /* of no such role */
    take(&rights, "10", ALL, 1000);                             /* everybody's role counts */
    assert_int_equal(look(&rights, "1", "11"), GATEWAY_ADMIN);
    take(&rights, "10", "0", 1000);
    assert_int_equal(look(&rights, "1", "11"), GATEWAY_MEMBER);
    discord_rights_clear(&rights);
}

static void what_is_old_or_unknown_is_not_guessed(void **state)
{
    struct discord_rights rights = {0};
    _cleanup_json_ json_t *broken = json_pack("{s:s, s:s}", "id", "10", "owner_id", "900");
    enum gateway_rights ret = GATEWAY_ADMIN;

    (void)state;
    discord_rights_init(&rights);
    assert_false(discord_rights_take(&rights, broken, 0));
    assert_false(discord_rights_look(&rights, "10", "900", NULL, 0, 0, &ret));
    assert_false(discord_rights_look(&rights, NULL, "900", NULL, 0, 0, &ret));
    take(&rights, "10", "0", 1000);
    assert_true(
        discord_rights_look(&rights, "10", "900", NULL, 0, 1000 + DISCORD_RIGHTS_KEEP_MS, &ret));
    assert_false(
        discord_rights_look(&rights, "10", "900", NULL, 0, 1001 + DISCORD_RIGHTS_KEEP_MS, &ret));
    discord_rights_clear(&rights);
}

/* Requests that fail count against the bot, so members cannot make many of them. */
static void what_could_not_be_had_is_not_asked_for_at_once(void **state)
{
    struct discord_rights rights = {0};
    enum gateway_rights ret;

    (void)state;
    discord_rights_init(&rights);
    assert_false(discord_rights_is_missed(&rights, "10", 1000));
    discord_rights_missed(&rights, "10", 1000);
    assert_true(discord_rights_is_missed(&rights, "10", 1000 + DISCORD_RIGHTS_KEEP_MS));
    assert_false(discord_rights_is_missed(&rights, "10", 1001 + DISCORD_RIGHTS_KEEP_MS));
    assert_false(discord_rights_look(&rights, "10", "900", NULL, 0, 1000, &ret));
    take(&rights, "10", "0", 1000);
    assert_false(discord_rights_is_missed(&rights, "10", 1000));
    assert_true(discord_rights_look(&rights, "10", "900", NULL, 0, 1000, &ret));
    discord_rights_clear(&rights);
}

static void servers_in_mind_are_bounded(void **state)
{
    struct discord_rights rights = {0};
    enum gateway_rights ret;
    char id[24];

    (void)state;
    discord_rights_init(&rights);
    for (int i = 1; i <= DISCORD_RIGHTS_GUILDS + 10; i++) {
        snprintf(id, sizeof(id), "%d", i);
        take(&rights, id, "0", 1000);
    }
    assert_int_equal(rights.guilds.count, DISCORD_RIGHTS_GUILDS);
    assert_false(discord_rights_look(&rights, "10", "900", NULL, 0, 1000, &ret));
    assert_true(discord_rights_look(&rights, id, "900", NULL, 0, 1000, &ret));
    discord_rights_clear(&rights);
}

static void permissions_are_read_or_are_none(void **state)
{
    (void)state;
    assert_int_equal(discord_rights_of_bits(NULL), GATEWAY_MEMBER);
    assert_int_equal(discord_rights_of_bits(""), GATEWAY_MEMBER);
    assert_int_equal(discord_rights_of_bits("-8"), GATEWAY_MEMBER);
    assert_int_equal(discord_rights_of_bits("8x"), GATEWAY_MEMBER);
    assert_int_equal(discord_rights_of_bits(ALL), GATEWAY_ADMIN);
    assert_int_equal(discord_rights_of_bits(ADMIN), GATEWAY_ADMIN);
    assert_int_equal(discord_rights_of_bits(MODERATE), GATEWAY_MODERATOR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rights_follow_roles_and_owner),
        cmocka_unit_test(what_is_old_or_unknown_is_not_guessed),
        cmocka_unit_test(what_could_not_be_had_is_not_asked_for_at_once),
        cmocka_unit_test(servers_in_mind_are_bounded),
        cmocka_unit_test(permissions_are_read_or_are_none),
    };

    return cmocka_run_group_tests_name("gateway/rights", tests, NULL, NULL);
}
