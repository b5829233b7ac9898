/* SPDX-License-Identifier: Apache-2.0
 *
 * What routing reads of a message is what jansson reads there, whatever stands around it.
 */
#include "tap.h"

#include "base/json.h"
#include "base/mem.h"
#include "gateway/discord/incoming.h"

#include <string.h>

static const char message[] =
    " { \"type\" : 19 , \"tts\":false,\"timestamp\":\"2026-01-01T00:00:00.000000+00:00\","
    "\"mentions\":[{\"username\":\"a\",\"id\":\"7\"}],\"embeds\":[{\"a\":[[],{},\"}\"]}],"
    "\"member\":{\"roles\":[\"1\",\"2\"],\"nick\":\"N \\\"q\\\" \xc3\xa4\",\"joined_at\":null,"
    "\"avatar\":null},\"id\":\"12345678901234567\",\"content\":\"hi\\n\\ud83d\\ude00 } , {\","
    "\"author\":{\"avatar\":\"x\",\"username\":\"u\",\"id\":\"333\",\"bot\":true},"
    "\"channel_id\":\"44\",\"guild_id\":\"55\",\"channel_type\":11,\"sticker_items\":[{\"id\":"
    "\"1\"}],"
    "\"attachments\":[{\"filename\":\"avatar\",\"embeds\":1}],\"empty\":{},\"avatars\":2,"
    "\"message_reference\":{\"channel_id\":\"44\",\"message_id\":\"9\"},"
    "\"referenced_message\":{\"id\":\"9\",\"author\":{\"id\":\"777\",\"banner\":{\"b\":[1]},"
    "\"global_name\":\"G\"},\"content\":\"earlier\",\"attachments\":[{\"id\":\"8\"}],\"embeds\":[]}"
    " } ";

static void same(const char *got, const char *want)
{
    if (want)
        assert_string_equal(got, want);
    else
        assert_null(got);
}

static void same_user(const struct discord_user *got, const json_t *want)
{
    same(got->id, json_get_str(want, "id", NULL));
    same(got->username, json_get_str(want, "username", NULL));
    same(got->global_name, json_get_str(want, "global_name", NULL));
    assert_int_equal(got->bot, json_is_true(json_object_get(want, "bot")));
}

/* As the tree has it. */
static void check(const char *text, size_t len, json_t *tree)
{
    const json_t *member = json_object_get(tree, "member"), *roles, *role;
    const json_t *referenced = json_object_get(tree, "referenced_message");
    const json_t *files = json_object_get(tree, "attachments");
    const json_t *others = json_object_get(referenced, "attachments");
    struct discord_incoming in;
    size_t i, count = 0;

    assert_int_equal(discord_incoming_init(&in, text, len, NULL), TROUPE_OK);
    same(in.id, json_get_str(tree, "id", NULL));
    same(in.channel_id, json_get_str(tree, "channel_id", NULL));
    same(in.guild_id, json_get_str(tree, "guild_id", NULL));
    same(in.content, json_get_str(tree, "content", NULL));
    same(in.nick, json_get_str(member, "nick", NULL));
    same_user(&in.author, json_object_get(tree, "author"));
    roles = json_object_get(member, "roles");
    json_array_foreach (roles, i, role)
        if (json_is_string(role))
            same(in.roles[count++], json_string_value(role));
    assert_int_equal(in.role_count, count);
    same(in.reference_id,
         json_get_str(json_object_get(tree, "message_reference"), "message_id", NULL));
    assert_int_equal(in.has_referenced, json_is_object(referenced));
    same(in.referenced_content, json_get_str(referenced, "content", NULL));
    same_user(&in.referenced_author, json_object_get(referenced, "author"));
    assert_int_equal(in.channel_type, json_get_int(tree, "channel_type", -1));
    assert_int_equal(in.stickers, json_array_size(json_object_get(tree, "sticker_items")) > 0);
    assert_int_equal(in.attachments != NULL, json_array_size(files) > 0);
    if (in.attachments) {
        _cleanup_json_ json_t *list = NULL;

        assert_int_equal(json_parse(in.attachments, in.attachments_len, &list, NULL), TROUPE_OK);
        assert_true(json_equal(list, files));
    }
    assert_int_equal(in.referenced_attachments != NULL, json_array_size(others) > 0);
    if (in.referenced_attachments) {
        _cleanup_json_ json_t *list = NULL;

        assert_int_equal(
            json_parse(in.referenced_attachments, in.referenced_attachments_len, &list, NULL),
            TROUPE_OK);
        assert_true(json_equal(list, others));
    }
    discord_incoming_clear(&in);
}

static void check_text(const char *text)
{
    _cleanup_json_ json_t *tree = NULL;

    assert_int_equal(json_parse(text, strlen(text), &tree, NULL), TROUPE_OK);
    check(text, strlen(text), tree);
}

static void a_message_is_read_as_the_full_parser_reads_it(void **state)
{
    (void)state;
    check_text(message);
    check_text("{}");
    check_text(" {\"embeds\":1, \"avatar\":{\"id\":\"5\"} }");
}

static void what_is_of_another_kind_is_none(void **state)
{
    static const char *const texts[] = {
        "{\"id\":5,\"content\":null,\"author\":\"x\",\"member\":[1],\"attachments\":{}}",
        "{\"member\":{\"roles\":{\"a\":1},\"nick\":7},\"author\":{\"id\":[],\"bot\":\"true\"}}",
        "{\"member\":{\"roles\":[1,\"2\",null,{\"a\":[]},\"3\"]},\"channel_type\":\"11\"}",
        "{\"channel_type\":1.5,\"attachments\":[ ],\"sticker_items\":[ {} ]}",
        "{\"referenced_message\":null,\"message_reference\":{\"message_id\":null}}",
        "{\"referenced_message\":{\"content\":1,\"author\":null,\"referenced_message\":{}}}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        check_text(texts[i]);
}

/* Long numbers, escaped names and depth: jansson decides. */
static void what_is_odd_around_it_costs_no_message(void **state)
{
    static const char *const texts[] = {
        "{\"n\":1e200,\"id\":\"1\",\"content\":\"a\\n\",\"author\":{\"id\":\"2\",\"n\":1e200}}",
        "{\"cont\\u0065nt\":\"x\",\"i\\u0064\":\"4\",\"member\":{\"roles\":[\"8\"],\"n\":1e200}}",
        ("{\"n\":1e200,\"referenced_message\":{\"n\":0.5e100,\"author\":{\"id\":\"2\",\"x\":{}},"
         "\"content\":\"q\",\"attachments\":[{\"id\":\"5\"}],\"member\":{\"n\":1e200}},"
         "\"attachments\":[{\"id\":\"3\"}]}"),
    };
    struct buf deep = BUF_INIT;

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        check_text(texts[i]);
    buf_puts(&deep, "{\"id\":\"6\",\"deep\":");
    for (int i = 0; i < 100; i++)
        buf_putc(&deep, '[');
    for (int i = 0; i < 100; i++)
        buf_putc(&deep, ']');
    buf_puts(&deep, "}");
    check_text(buf_text(&deep));
    buf_clear(&deep);
}

static void more_roles_than_a_guild_has_are_left_out(void **state)
{
    struct buf text = BUF_INIT;
    struct discord_incoming in;

    (void)state;
    buf_puts(&text, "{\"member\":{\"roles\":[");
    for (int i = 0; i < 2 * DISCORD_ROLES_MAX; i++)
        buf_printf(&text, "%s\"%d\"", i ? "," : "", i);
    buf_puts(&text, "]}}");
    assert_int_equal(discord_incoming_init(&in, buf_text(&text), text.len, NULL), TROUPE_OK);
    assert_int_equal(in.role_count, DISCORD_ROLES_MAX);
    assert_string_equal(in.roles[DISCORD_ROLES_MAX - 1], "249");
    discord_incoming_clear(&in);
    buf_clear(&text);
}

static void a_text_that_is_cut_or_damaged_is_refused(void **state)
{
    static const char *const none[] = {"[1,{\"id\":2}]", "3", "null", "", "\"id\""};
    size_t end = strlen(message);
    struct discord_incoming in;
    struct error err;

    (void)state;
    while (message[end - 1] != '}')
        end--;
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        assert_int_equal(discord_incoming_init(&in, none[i], strlen(none[i]), &err), TROUPE_DATA);
        discord_incoming_clear(&in);
    }
    for (size_t len = 0; len < end; len++) {
        _cleanup_mem_ char *cut = mem_copy(message, len); /* so that a read behind it is seen */

        assert_int_equal(discord_incoming_init(&in, cut, len, &err), TROUPE_DATA);
        discord_incoming_clear(&in);
    }
    for (size_t at = 0; at < end; at++) {
        _cleanup_mem_ char *odd = mem_copy(message, end);
        _cleanup_json_ json_t *whole = NULL;

        odd[at] = '\x01';
        if (json_parse(odd, end, &whole, NULL) == TROUPE_OK) {
            check(odd, end, whole);
            continue;
        }
        assert_int_equal(discord_incoming_init(&in, odd, end, &err), TROUPE_DATA);
        discord_incoming_clear(&in);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_read_as_the_full_parser_reads_it),
        cmocka_unit_test(what_is_of_another_kind_is_none),
        cmocka_unit_test(what_is_odd_around_it_costs_no_message),
        cmocka_unit_test(more_roles_than_a_guild_has_are_left_out),
        cmocka_unit_test(a_text_that_is_cut_or_damaged_is_refused),
    };

    return cmocka_run_group_tests_name("gateway/incoming", tests, NULL, NULL);
}
