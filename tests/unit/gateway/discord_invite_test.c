/* SPDX-License-Identifier: Apache-2.0
 *
 * The invite link, and what is read of an application.
 */
#include "tap.h"

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "config/config.h"
#include "gateway/discord/invite.h"
#include "gateway/discord/preflight.h"

#include <string.h>

static struct config *configured(const char *set)
{
    return config_look(NULL, &set, set ? 1 : 0);
}

static void the_bot_asks_for_no_more_than_it_uses(void **state)
{
    struct config *plain = configured(NULL), *silent = configured("discord.acknowledge=no");
    uint64_t all = discord_permissions_for(plain);
    char names[256], few[20];

    (void)state;
    assert_int_equal(all, UINT64_C(1) << 6 | UINT64_C(1) << 10 | UINT64_C(1) << 11 |
                              UINT64_C(1) << 15 | UINT64_C(1) << 16 | UINT64_C(1) << 38);
    assert_int_equal(discord_permissions_for(silent), all & ~DISCORD_MAY_REACT);
    discord_permissions_print(all, names, sizeof(names));
    assert_string_equal(names,
                        "View Channels, Send Messages, Send Messages in Threads, Read Message "
                        "History, Add Reactions, Attach Files");
    discord_permissions_print(all, few, sizeof(few));
    assert_string_equal(few, "View Channels");
    config_unref(plain);
    config_unref(silent);
}

static void the_link_has_both_scopes(void **state)
{
    char url[DISCORD_INVITE_MAX];

    (void)state;
    discord_invite_url("100000000000000001", UINT64_C(274877991936), url);
    assert_string_equal(url, "https://discord.com/oauth2/authorize?client_id=100000000000000001"
                             "&scope=bot%20applications.commands&permissions=274877991936");
    discord_portal_url("1", url);
    assert_string_equal(url, "https://discord.com/developers/applications/1/bot");
}

static void read(const char *application, struct discord_preflight *ret)
{
    _cleanup_json_ json_t *user = json_pack("{s:s, s:s}", "id", "10", "username", "Robin");
    _cleanup_json_ json_t *tree = NULL;

    *ret = (struct discord_preflight){0};
    assert_status(json_parse(application, strlen(application), &tree, NULL), TROUPE_OK);
    discord_preflight_read_account(user, tree, ret);
}

static void the_owner_is_a_member_or_a_team(void **state)
{
    struct discord_preflight found;

    (void)state;
    read("{\"id\": \"20\", \"flags\": 524288, \"owner\": {\"id\": \"30\", \"username\": \"ada\"}}",
         &found);
    assert_string_equal(found.account, "10");
    assert_string_equal(found.name, "Robin");
    assert_string_equal(found.application, "20");
    assert_string_equal(found.owner, "ada (30)");
    assert_int_equal(found.owners, 1);
    assert_int_equal(found.flags, 1 << 19);
    read("{\"id\": \"20\", \"owner\": {\"id\": \"30\", \"username\": \"team30\"}, \"team\": "
         "{\"name\": "
         "\"Crew\", \"members\": [{}, {}]}}",
         &found);
    assert_string_equal(found.owner, "the team Crew (2 members)");
    assert_int_equal(found.owners, 2);
    read("{\"id\": \"20\", \"flags\": 1, \"flags_new\": \"1099511627776\"}", &found);
    assert_int_equal(found.flags, UINT64_C(1) << 40);
    assert_int_equal(found.owners, 0);
}

static void names_of_any_length_fit(void **state)
{
    struct discord_preflight found = {0};
    char name[600];
    _cleanup_json_ json_t *user = NULL, *application = NULL;

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    user = json_pack("{s:s, s:s}", "id", name, "username", name);
    application = json_pack("{s:s, s:{s:s, s:[{}]}}", "id", name, "team", "name", name, "members");
    discord_preflight_read_account(user, application, &found);
    assert_int_equal(strlen(found.name), sizeof(found.name) - 1);
    assert_non_null(strstr(found.owner, "the team xxx"));
    /* At 99 bytes a character of two begins. */
    memcpy(name + 99, "\xc3\xab", 2);
    found = (struct discord_preflight){0};
    json_decref(application);
    application = json_pack("{s:s, s:{s:s, s:[{}]}}", "id", "1", "team", "name", name, "members");
    discord_preflight_read_account(user, application, &found);
    assert_true(text_is_utf8(found.owner, strlen(found.owner)));
    assert_non_null(strstr(found.owner, "xxx (1 member)"));
}

static void what_is_no_token_is_refused(void **state)
{
    char longer[DISCORD_TOKEN_MAX + 2];
    char bad[][24] = {"", "  ", "Bot ", "\"\"", "two words", "tok\nen", "Zo\xc3\xab", "a\tb"};
    char good[] = " Bot MTA.Gx_-y.z \r\n";

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_null(discord_token_clean(bad[i]));
    memset(longer, 'x', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    assert_null(discord_token_clean(longer));
    assert_string_equal(discord_token_clean(good), "MTA.Gx_-y.z");
}

static void a_date_is_read_to_the_second(void **state)
{
    (void)state;
    assert_int_equal(discord_preflight_date("Thu, 26 Nov 2026 19:35:09 GMT"), 1795721709000);
    assert_int_equal(discord_preflight_date("26 Nov 2026"), -1);
    assert_int_equal(discord_preflight_date(""), -1);
    assert_int_equal(discord_preflight_date(NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bot_asks_for_no_more_than_it_uses),
        cmocka_unit_test(the_link_has_both_scopes),
        cmocka_unit_test(the_owner_is_a_member_or_a_team),
        cmocka_unit_test(names_of_any_length_fit),
        cmocka_unit_test(what_is_no_token_is_refused),
        cmocka_unit_test(a_date_is_read_to_the_second),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
