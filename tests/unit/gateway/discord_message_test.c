/* SPDX-License-Identifier: Apache-2.0
 *
 * Whatever a text says, no message of the bot's pings anybody.
 */
#include "tap.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "gateway/discord/message.h"
#include "gateway/discord/outbox_json.h"
#include "gateway/outbox.h"

#include <stdio.h>
#include <string.h>

/* Ways to mention, and places where they stand: in what a member wrote, in what a model answered,
 * in a name, in an error. */
static const char *const mentions[] = {
    "@everyone",
    "@here",
    "<@200000000000000002>",
    "<@!200000000000000002>",
    "<@&300000000000000003>",
    "@\\u200beveryone",
    "\\\\@everyone",
    "@EVERYONE",
    "<@everyone>",
    "<@&@everyone>",
    "\\uFF20everyone",
    "**@everyone**",
    "||@here||",
    "`@everyone`",
    "[@everyone](https://example.com)",
    "> @everyone",
    "# @here",
    "@every\\u200done",
    "<id:customize> @everyone",
    "<@200000000000000002> @everyone @here <@&300000000000000003>",
    "@everyone\\n@here",
    "\\\"},\\\"allowed_mentions\\\":{\\\"parse\\\":[\\\"everyone\\\"]},\\\"x\\\":{\\\"",
    "<@1><@2><@3><@4><@5>",
    "@everyone\\uD83D\\uDE00",
    "-# @here",
};
static const char *const places[] = {
    "%s",
    "hey %s, look",
    "The model says: %s",
    "member \"%s\" may not do that",
    "the server answered: error \"%s\"",
    "```\n%s\n```",
    "%s%s",
    "x%s",
    "%sx",
    " %s ",
    "| %s |",
    "1. %s",
    "* %s",
    "_%s_",
    "~~%s~~",
    "{\"content\":\"%s\"}",
    "https://x.example/%s",
    "%s — %s",
    "(only you see this) %s",
    "%s (interrupted)",
};

static void assert_pings_nobody(const json_t *message)
{
    const json_t *allowed = json_object_get(message, "allowed_mentions");

    assert_true(json_is_array(json_object_get(allowed, "parse")));
    assert_int_equal(json_array_size(json_object_get(allowed, "parse")), 0);
    assert_null(json_object_get(allowed, "users"));
    assert_null(json_object_get(allowed, "roles"));
    assert_true(json_is_false(json_object_get(allowed, "replied_user")));
}

static json_t *parsed(char *body)
{
    _cleanup_mem_ char *text = body;
    json_t *message = NULL;

    assert_non_null(text);
    assert_status(json_parse(text, strlen(text), &message, NULL), TROUPE_OK);
    return message;
}

/* What is owed goes out by the outbox: created and edited. */
static void assert_row_pings_nobody(const char *text)
{
    struct outbox_row row = {.kind = "reply",
                             .gateway = (char *)"discord:0",
                             .channel = (char *)"4",
                             .reply_to = (char *)"5",
                             .body = (char *)text};

    for (int create = 0; create < 2; create++) {
        _cleanup_buf_ struct buf body = BUF_INIT;
        _cleanup_json_ json_t *message = NULL;

        discord_outbox_write(&row, create, &body);
        assert_status(json_parse(body.data, body.len, &message, NULL), TROUPE_OK);
        assert_pings_nobody(message);
        assert_string_equal(json_get_str(message, "content", NULL), text);
    }
}

/* The mention as the JSON escapes above mean it. */
static char *unescaped(const char *mention)
{
    _cleanup_mem_ char *json = mem_printf("[\"%s\"]", mention);
    _cleanup_json_ json_t *list = NULL;

    assert_status(json_parse(json, strlen(json), &list, NULL), TROUPE_OK);
    return mem_strdup(json_string_value(json_array_get(list, 0)));
}

static char *placed(const char *place, const char *mention)
{
    struct buf_text {
        char data[4096];
    } out = {""};
    size_t len = 0;

    while (*place) {
        if (place[0] == '%' && place[1] == 's') {
            len += (size_t)snprintf(out.data + len, sizeof(out.data) - len, "%s", mention);
            place += 2;
        } else {
            out.data[len++] = *place++;
        }
    }
    return mem_strndup(out.data, len);
}

static void five_hundred_texts_ping_nobody(void **state)
{
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(mentions) / sizeof(mentions[0]); i++) {
        _cleanup_mem_ char *mention = unescaped(mentions[i]);

        for (size_t k = 0; k < sizeof(places) / sizeof(places[0]); k++) {
            _cleanup_mem_ char *text = placed(places[k], mention);
            _cleanup_json_ json_t *reply = parsed(discord_message_reply(text, "1"));
            _cleanup_json_ json_t *alone = parsed(discord_message_private(text));
            _cleanup_json_ json_t *callback =
                parsed(discord_message_callback(DISCORD_CALLBACK_MESSAGE, text));

            assert_pings_nobody(reply);
            assert_pings_nobody(alone);
            assert_pings_nobody(json_object_get(callback, "data"));
            assert_string_equal(json_get_str(reply, "content", NULL), text);
            assert_row_pings_nobody(text);
            count++;
        }
    }
    assert_true(count >= 500);
}

static void a_reply_names_its_message_and_survives_it(void **state)
{
    _cleanup_json_ json_t *reply = parsed(discord_message_reply("x", "123"));
    const json_t *reference = json_object_get(reply, "message_reference");
    _cleanup_json_ json_t *plain = parsed(discord_message_reply("x", NULL));

    (void)state;
    assert_string_equal(json_get_str(reference, "message_id", NULL), "123");
    assert_true(json_is_false(json_object_get(reference, "fail_if_not_exists")));
    assert_null(json_object_get(plain, "message_reference"));
}

static void only_the_member_sees_a_private_message(void **state)
{
    _cleanup_json_ json_t *alone = parsed(discord_message_private("x"));
    _cleanup_json_ json_t *callback =
        parsed(discord_message_callback(DISCORD_CALLBACK_MESSAGE, "x"));
    _cleanup_json_ json_t *defer =
        parsed(discord_message_callback(DISCORD_CALLBACK_DEFER_UPDATE, NULL));
    _cleanup_json_ json_t *update = parsed(discord_message_callback(DISCORD_CALLBACK_UPDATE, NULL));
    _cleanup_json_ json_t *choices =
        parsed(discord_message_callback(DISCORD_CALLBACK_AUTOCOMPLETE, NULL));

    (void)state;
    assert_int_equal(json_get_int(alone, "flags", 0), 64);
    assert_int_equal(json_get_int(callback, "type", 0), 4);
    assert_int_equal(json_get_int(json_object_get(callback, "data"), "flags", 0), 64);
    assert_int_equal(json_get_int(defer, "type", 0), 6);
    assert_null(json_object_get(defer, "data"));
    assert_int_equal(json_get_int(update, "type", 0), 7);
    assert_int_equal(
        json_array_size(json_object_get(json_object_get(update, "data"), "components")), 0);
    assert_null(json_object_get(json_object_get(update, "data"), "content"));
    assert_true(json_is_array(json_object_get(json_object_get(choices, "data"), "choices")));
}

static void what_became_of_a_question_stands_below_it_and_pings_nobody(void **state)
{
    _cleanup_mem_ char *text = discord_message_below("Really?", "Do it — chosen by <@7>");
    _cleanup_json_ json_t *edit = parsed(discord_message_bare(text));
    _cleanup_json_ json_t *update = parsed(discord_message_callback(DISCORD_CALLBACK_UPDATE, text));
    const json_t *bodies[] = {edit, json_object_get(update, "data")};
    char question[DISCORD_CONTENT_MAX + 1], line[DISCORD_CONTENT_MAX + 1];
    _cleanup_mem_ char *longer = NULL;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const json_t *allowed = json_object_get(bodies[i], "allowed_mentions");

        assert_string_equal(json_get_str(bodies[i], "content", ""),
                            "Really?\nDo it — chosen by <@7>");
        assert_true(json_is_array(json_object_get(bodies[i], "components")));
        assert_true(json_is_array(json_object_get(allowed, "parse")));
        assert_int_equal(json_array_size(json_object_get(allowed, "parse")), 0);
    }

    memset(question, 'q', DISCORD_CONTENT_MAX);
    question[DISCORD_CONTENT_MAX] = '\0';
    longer = discord_message_below(question, "nobody chose in time");
    assert_int_equal(text_utf16_len(longer, strlen(longer)), DISCORD_CONTENT_MAX);
    assert_non_null(strstr(longer, "q…\nnobody chose in time"));
    mem_free(longer);
    memset(line, 'l', DISCORD_CONTENT_MAX);
    line[DISCORD_CONTENT_MAX] = '\0';
    longer = discord_message_below(question, line);
    assert_int_equal(text_utf16_len(longer, strlen(longer)), DISCORD_CONTENT_MAX);
}

static void a_text_is_cut_where_discord_would_refuse_it(void **state)
{
    _cleanup_mem_ char *text = mem_alloc(4 * 3000 + 1);
    _cleanup_json_ json_t *reply = NULL;
    const char *content;

    (void)state;
    for (size_t i = 0; i < 3000; i++)
        memcpy(text + 4 * i, "\xF0\x9F\x98\x80", 4);
    text[4 * 3000] = '\0';
    reply = parsed(discord_message_reply(text, "1"));
    content = json_get_str(reply, "content", NULL);
    assert_non_null(content);
    assert_true(text_is_utf8(content, strlen(content)));
    assert_true(text_utf16_len(content, strlen(content)) <= DISCORD_CONTENT_MAX);
    assert_true(text_utf16_len(content, strlen(content)) > DISCORD_CONTENT_MAX - 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_hundred_texts_ping_nobody),
        cmocka_unit_test(a_reply_names_its_message_and_survives_it),
        cmocka_unit_test(only_the_member_sees_a_private_message),
        cmocka_unit_test(what_became_of_a_question_stands_below_it_and_pings_nobody),
        cmocka_unit_test(a_text_is_cut_where_discord_would_refuse_it),
    };

    return cmocka_run_group_tests_name("gateway/discord_message", tests, NULL, NULL);
}
