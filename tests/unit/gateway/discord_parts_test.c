/* SPDX-License-Identifier: Apache-2.0
 *
 * The small parts of a Discord session: addresses, intents, the bounds of what the owner is told.
 */
#include "tap.h"

#include "base/error.h"
#include "gateway/discord/intents.h"
#include "gateway/discord/internal.h"
#include "gateway/discord/url.h"

#include <string.h>

static void an_address_gets_version_encoding_and_compression(void **state)
{
    char url[DISCORD_URL_MAX] = "untouched";
    struct error err;

    (void)state;
    assert_status(discord_url_build("wss://gateway.discord.gg", DISCORD_ZSTD, url, &err),
                  TROUPE_OK);
    assert_string_equal(url, "wss://gateway.discord.gg/?v=10&encoding=json&compress=zstd-stream");
    assert_status(
        discord_url_build("wss://gateway-us-east1-b.discord.gg:443/", DISCORD_ZLIB, url, &err),
        TROUPE_OK);
    assert_string_equal(url, "wss://gateway-us-east1-b.discord.gg:443/"
                             "?v=10&encoding=json&compress=zlib-stream");
    assert_status(discord_url_build("ws://127.0.0.1:8080", DISCORD_PLAIN, url, &err), TROUPE_OK);
    assert_string_equal(url, "ws://127.0.0.1:8080/?v=10&encoding=json");
    assert_status(discord_url_build("https://discord.com", DISCORD_PLAIN, url, &err),
                  TROUPE_ARGUMENT);
    assert_string_equal(url, "ws://127.0.0.1:8080/?v=10&encoding=json");
}

static void the_token_goes_to_wss_or_to_this_machine_only(void **state)
{
    static const char *const good[] = {"wss://gateway.discord.gg", "wss://[2001:db8::1]:443/path",
                                       "ws://127.0.0.1:1", "ws://localhost/", "ws://[::1]:80"};
    static const char *const bad[] = {"",
                                      "wss://",
                                      "wss:///path",
                                      "ws://gateway.discord.gg",
                                      "ws://127.0.0.1.example.org",
                                      "ws://localhost.example.org/",
                                      "http://127.0.0.1",
                                      "wss://user:pass@example.org",
                                      "wss://example.org/?v=9",
                                      "wss://example.org/#a",
                                      "wss://exa mple.org",
                                      "wss://example.org\r\nHost: a",
                                      "ws://127.0.0.1:80@example.org/",
                                      "WSS://example.org",
                                      "wss://ex\xc3\xa4mple.org"};
    char longest[300] = "wss://";

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!discord_url_valid(good[i]))
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (discord_url_valid(bad[i]))
            fail_msg("taken: %s", bad[i]);
    memset(longest + 6, 'a', 249);
    assert_true(discord_url_valid(longest));
    longest[255] = 'a';
    assert_false(discord_url_valid(longest));
}

static void intents_follow_from_what_is_subscribed(void **state)
{
    char text[128];

    (void)state;
    assert_int_equal(discord_intents_for(&(struct discord_subscribed){.content = true}), 1);
    assert_int_equal(discord_intents_for(&(struct discord_subscribed){.guild_messages = true,
                                                                      .direct_messages = true}),
                     1 << 0 | 1 << 9 | 1 << 12);
    assert_int_equal(discord_intents_for(&(struct discord_subscribed){
                         .guild_messages = true, .content = true, .reactions = true}),
                     1 << 0 | 1 << 9 | 1 << 10 | 1 << 15);
    assert_int_equal(discord_intents_for(&(struct discord_subscribed){
                         .direct_messages = true, .typing = true, .members = true}),
                     1 << 0 | 1 << 1 | 1 << 12 | 1 << 14);
    discord_intents_print(1 | 1 << 9 | 1u << 31, text, sizeof(text));
    assert_string_equal(text, "guilds guild_messages 2147483648");
    discord_intents_print(1 | 1 << 9, text, 10);
    assert_string_equal(text, "guilds gu");
}

static void each_intent_has_a_name(void **state)
{
    const char *const *names;
    size_t count = discord_intent_names(&names);
    uint32_t all = 0;

    (void)state;
    for (size_t i = 0; i < count; i++) {
        uint32_t bit = discord_intent_of(names[i]);

        assert_true(bit > all); /* in order, none twice */
        assert_string_equal(discord_intent_name(bit), names[i]);
        all |= bit;
    }
    assert_int_equal(count, 21);
    assert_int_equal(discord_intent_of("Message_Content"), DISCORD_INTENT_MESSAGE_CONTENT);
    assert_int_equal(discord_intent_of("direct_message_polls"), 1 << 25);
    assert_int_equal(discord_intent_of("content"), 0);
    assert_null(discord_intent_name(1 << 17));
}

static void the_flags_of_the_application_tell_what_it_may_not_ask_for(void **state)
{
    uint32_t asked = DISCORD_INTENTS_PRIVILEGED | DISCORD_INTENT_GUILDS;

    (void)state;
    assert_int_equal(discord_intents_denied(asked, 0), DISCORD_INTENTS_PRIVILEGED);
    assert_int_equal(discord_intents_denied(DISCORD_INTENT_GUILDS, 0), 0);
    assert_int_equal(discord_intents_denied(asked, 1 << 13 | 1 << 14 | 1 << 19), 0);
    assert_int_equal(discord_intents_denied(asked, 1 << 12 | 1 << 15 | 1 << 18), 0);
    assert_int_equal(discord_intents_denied(asked, 1 << 18),
                     DISCORD_INTENT_GUILD_MEMBERS | DISCORD_INTENT_GUILD_PRESENCES);
}

static void no_kind_of_report_keeps_another_from_being_told(void **state)
{
    static const unsigned most[DISCORD_REPORT_KINDS] = {20, 10, 20};
    struct discord_reports reports = {0};
    const uint64_t now = 1000, hour = 3600000;

    (void)state;
    for (int kind = 0; kind < DISCORD_REPORT_KINDS; kind++) {
        for (unsigned i = 0; i < 40; i++)
            assert_int_equal(
                discord_report_allowed(&reports, (enum discord_report_kind)kind, now + i * 1000),
                i < most[kind]);
        assert_false(
            discord_report_allowed(&reports, (enum discord_report_kind)kind, now + hour - 1));
    }
    for (int kind = 0; kind < DISCORD_REPORT_KINDS; kind++)
        assert_true(discord_report_allowed(&reports, (enum discord_report_kind)kind, now + hour));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_gets_version_encoding_and_compression),
        cmocka_unit_test(the_token_goes_to_wss_or_to_this_machine_only),
        cmocka_unit_test(intents_follow_from_what_is_subscribed),
        cmocka_unit_test(each_intent_has_a_name),
        cmocka_unit_test(no_kind_of_report_keeps_another_from_being_told),
        cmocka_unit_test(the_flags_of_the_application_tell_what_it_may_not_ask_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
