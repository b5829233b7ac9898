/* SPDX-License-Identifier: Apache-2.0
 *
 * The scanner against jansson: what it is sure of must be what the tree says, with and without
 * SSE2. The portable build of it comes in here under another name.
 */
#include "tap.h"

#include "base/buf.h"
#include "base/mem.h"
#include "gateway/discord/scan.h"

#include <stdio.h>
#include <stdlib.h>

/* Only the function's name, not the struct's. */
#define DISCORD_SCAN_PORTABLE              1
#define discord_scan(json, len, self, ret) portable_scan(json, len, self, ret)
enum discord_scanned discord_scan(const char *json, size_t len, uint64_t self,
                                  struct discord_scan *ret);
#include "../../../core/gateway/discord/scan.c"
#undef discord_scan

#define SELF UINT64_C(1111)

static const char message[] =
    "{\"t\":\"MESSAGE_CREATE\",\"s\":42,\"op\":0,\"d\":{\"type\":19,\"tts\":false,"
    "\"timestamp\":\"2026-01-01T00:00:00.000000+00:00\",\"pinned\":false,\"nonce\":\"1\","
    "\"mentions\":[{\"username\":\"a\",\"id\":\"7\"},{\"id\":\"1111\",\"bot\":true}],"
    "\"mention_roles\":[],\"mention_everyone\":true,\"member\":{\"roles\":[\"1\",\"2\"],"
    "\"joined_at\":null,\"flags\":-0.5e3},\"id\":\"12345678901234567\",\"flags\":0,"
    "\"embeds\":[{\"a\":[[],{},[1,2]]}],\"components\":[],"
    "\"content\":\"hi <@1111> \\\"you\\\" \\ud83d\\ude00 \xc3\xa4 and some more text to fill it\","
    "\"channel_id\":\"222\",\"author\":{\"username\":\"tester \xe4\xb8\xad\",\"id\":\"333\","
    "\"bot\":true},\"attachments\":[],\"guild_id\":\"444\",\"webhook_id\":\"555\","
    "\"application_id\":\"666\",\"referenced_message\":{\"id\":\"9\",\"author\":{\"id\":\"777\"},"
    "\"content\":\"earlier\"}}}";

static void same_text(struct discord_text a, struct discord_text b)
{
    assert_ptr_equal(a.ptr, b.ptr);
    assert_int_equal(a.len, b.len);
}

static void same(const struct discord_scan *a, const struct discord_scan *b)
{
    assert_int_equal(a->op, b->op);
    assert_int_equal(a->seq, b->seq);
    same_text(a->type, b->type);
    same_text(a->data, b->data);
    same_text(a->content, b->content);
    assert_int_equal(a->id, b->id);
    assert_int_equal(a->channel_id, b->channel_id);
    assert_int_equal(a->guild_id, b->guild_id);
    assert_int_equal(a->author_id, b->author_id);
    assert_int_equal(a->webhook_id, b->webhook_id);
    assert_int_equal(a->application_id, b->application_id);
    assert_int_equal(a->author_bot, b->author_bot);
    assert_int_equal(a->mentions_self, b->mentions_self);
    assert_int_equal(a->mention_everyone, b->mention_everyone);
    assert_int_equal(a->has_referenced, b->has_referenced);
    assert_int_equal(a->referenced_author_id, b->referenced_author_id);
    assert_int_equal(a->message_type, b->message_type);
}

/* The verdict, after both builds agreed with each other and, where they are sure, with the tree. */
static enum discord_scanned judge(const char *json, size_t len)
{
    struct discord_scan fast, slow, full;
    char *exact = mem_copy(json, len); /* ASan sees a read behind it */
    enum discord_scanned verdict = discord_scan(exact, len, SELF, &fast);
    enum discord_scanned truth = discord_scan_full(exact, len, SELF, &full);

    assert_int_equal(portable_scan(exact, len, SELF, &slow), verdict);
    if (verdict != DISCORD_SCAN_UNSURE)
        assert_int_equal(truth, verdict);
    if (verdict == DISCORD_SCAN_OK) {
        same(&fast, &full);
        same(&slow, &full);
    }
    mem_free(exact);
    return verdict;
}

static void it_finds_what_routing_needs(void **state)
{
    struct discord_scan got;

    (void)state;
    assert_int_equal(judge(message, strlen(message)), DISCORD_SCAN_OK);
    assert_int_equal(discord_scan(message, strlen(message), SELF, &got), DISCORD_SCAN_OK);
    assert_int_equal(got.op, 0);
    assert_int_equal(got.seq, 42);
    assert_memory_equal(got.type.ptr, "MESSAGE_CREATE\"", 15);
    assert_int_equal(got.type.len, 14);
    assert_int_equal(got.data.ptr[0], '{');
    assert_ptr_equal(got.data.ptr + got.data.len, message + strlen(message) - 1);
    assert_int_equal(got.id, 12345678901234567);
    assert_int_equal(got.channel_id, 222);
    assert_int_equal(got.author_id, 333);
    assert_true(got.author_bot);
    assert_int_equal(got.guild_id, 444);
    assert_int_equal(got.webhook_id, 555);
    assert_int_equal(got.application_id, 666);
    assert_true(got.mentions_self);
    assert_true(got.mention_everyone);
    assert_true(got.has_referenced);
    assert_int_equal(got.referenced_author_id, 777);
    assert_int_equal(got.message_type, 19);
    assert_memory_equal(got.content.ptr, "hi <@1111> \\\"you", 16);
    assert_int_equal(discord_scan(message, strlen(message), 7777, &got), DISCORD_SCAN_OK);
    assert_false(got.mentions_self);
}

static void the_order_of_keys_does_not_matter(void **state)
{
    static const char text[] =
        " { \"d\" : { \"referenced_message\" : null , \"author\" : { \"id\" : \"5\" } ,\n"
        "\t\"content\" : \"\" , \"mentions\" : [ ] } ,\r\n \"op\" : 0 , \"s\" : 9 , "
        "\"t\" : \"MESSAGE_UPDATE\" } \n";
    struct discord_scan got;

    (void)state;
    assert_int_equal(judge(text, strlen(text)), DISCORD_SCAN_OK);
    discord_scan(text, strlen(text), SELF, &got);
    assert_int_equal(got.author_id, 5);
    assert_int_equal(got.seq, 9);
    assert_non_null(got.content.ptr);
    assert_int_equal(got.content.len, 0);
    assert_false(got.has_referenced);
}

static void verdicts(const char *const *cases, size_t count, enum discord_scanned want)
{
    for (size_t i = 0; i < count; i++) {
        enum discord_scanned got = judge(cases[i], strlen(cases[i]));

        if (got != want)
            fail_msg("%s is %d instead of %d", cases[i], got, want);
    }
}
#define VERDICTS(cases, want) verdicts(cases, sizeof(cases) / sizeof((cases)[0]), want)

static void other_messages_are_read_too(void **state)
{
    static const char *const cases[] = {
        "{\"t\":null,\"s\":null,\"op\":10,\"d\":{\"heartbeat_interval\":41250,\"_trace\":[\"[]\"]}"
        "}",
        "{\"t\":null,\"s\":null,\"op\":11,\"d\":null}",
        "{\"op\":9,\"d\":false}",
        "{\"op\":1,\"d\":251}",
        "{\"op\":7,\"d\":[1,\"two\",{\"id\":3}]}",
        "{}",
        "{\"op\":null,\"s\":0}",
        "{\"d\":{\"id\":null,\"type\":null,\"content\":null,\"mentions\":null,\"author\":null}}",
        "{\"d\":{\"type\":-5,\"id\":\"9999999999999999999\"}}",
        "{\"d\":{\"x\":{\"id\":1,\"id\":2},\"y\":[-0,0.5,1e5,1E+5,2.25e-7,true,false,null,"
        "\"\\u00e4\"]}}",
    };

    (void)state;
    VERDICTS(cases, DISCORD_SCAN_OK);
}

static void what_is_odd_is_left_to_the_full_parser(void **state)
{
    static const char *const cases[] = {
        "{\"op\":0,\"op\":1}", /* twice */
        "{\"d\":{\"id\":\"1\",\"id\":\"2\"}}",
        "{\"d\":{\"author\":{\"id\":\"1\",\"bot\":true,\"bot\":false}}}",
        "{\"d\":1,\"d\":{\"content\":\"x\"}}",
        "{\"\\u0064\":{\"id\":\"1\"}}", /* a key in escapes */
        "{\"d\":{\"i\\u0064\":\"1\"}}",
        "{\"op\":\"0\"}", /* types */
        "{\"op\":0.0}",
        "{\"op\":-1}",
        "{\"op\":99999999999}",
        "{\"s\":-1}",
        "{\"s\":\"1\"}",
        "{\"t\":1}",
        "{\"d\":{\"id\":5}}",
        "{\"d\":{\"id\":\"\"}}",
        "{\"d\":{\"id\":\"12a\"}}",
        "{\"d\":{\"id\":\"99999999999999999999\"}}",
        "{\"d\":{\"author\":[]}}",
        "{\"d\":{\"author\":{\"bot\":1}}}",
        "{\"d\":{\"mentions\":{}}}",
        "{\"d\":{\"mentions\":[\"1111\"]}}",
        "{\"d\":{\"content\":5}}",
        "{\"d\":{\"type\":\"x\"}}",
        "{\"d\":{\"type\":1234567890123456789}}", /* numbers that might overflow */
        "{\"x\":1e400}",
        "{\"x\":1e308}",
        "{\"x\":12345678901234567890123}",
    };

    (void)state;
    VERDICTS(cases, DISCORD_SCAN_UNSURE);
}

static void what_is_no_json_is_refused(void **state)
{
    static const char *const cases[] = {
        "",
        " ",
        "[]",
        "null",
        "{",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":1,}",
        "{,}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\":[1 2]}",
        "{\"a\":{1:2}}",
        "{\"a\":{\"b\" 2}}",
        "{\"a\":[}]}",
        "{\"a\":{]}",
        "{\"a\":1}}",
        "{\"a\":1} x",
        "{a:1}",
        "{\"a\":'x'}",
        "{\"a\":tru}",
        "{\"a\":nul}",
        "{\"a\":truex}",
        "{\"a\":NaN}",
        "{\"a\":01}",
        "{\"a\":-}",
        "{\"a\":+1}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":1e}",
        "{\"a\":1e+}",
        "{\"a\":0x1}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\u0000\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\ud800\\u0041\"}",
        "{\"a\":\"\\udc00\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xc0\x80\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "{\"a\":\"\xf4\x90\x80\x80\"}",
        "{\"a\":\"unended",
        "{\"a\":\"unended and longer than sixteen bytes",
        "{\"d\":{\"mentions\":[{\"id\":\"1\"}",
        "{\"d\":{\"mentions\":[",
        "\xef\xbb\xbf{}",
    };

    (void)state;
    VERDICTS(cases, DISCORD_SCAN_BAD);
}

static void a_nul_is_left_to_the_full_parser(void **state)
{
    static const char text[] = "{\"a\":null\0,\"d\":{\"content\":\"x\"}}";
    struct discord_scan got;

    (void)state;
    assert_int_equal(judge(text, sizeof(text) - 1), DISCORD_SCAN_UNSURE);
    if (discord_scan_full(text, sizeof(text) - 1, SELF, &got) == DISCORD_SCAN_OK)
        assert_ptr_equal(got.content.ptr, strchr(text + 10, 'x'));
}

static void depth_is_bounded_on_both_sides(void **state)
{
    (void)state;
    for (size_t depth = 1; depth < 300; depth++) {
        _cleanup_buf_ struct buf text = BUF_INIT;
        enum discord_scanned verdict;

        buf_puts(&text, "{\"d\":{\"x\":");
        for (size_t i = 2; i < depth; i++)
            buf_puts(&text, i % 2 ? "[" : "{\"y\":");
        buf_puts(&text, "1");
        for (size_t i = depth; i-- > 2;)
            buf_puts(&text, i % 2 ? "]" : "}");
        buf_puts(&text, "}}");
        verdict = judge(text.data, text.len);
        assert_int_equal(verdict, depth <= 60 ? DISCORD_SCAN_OK : DISCORD_SCAN_UNSURE);
    }
}

static void the_full_parser_takes_the_last_of_equal_keys(void **state)
{
    static const char text[] = "{\"op\":3,\"d\":{\"id\":\"1\",\"content\":\"a\\\"}]\"},\"op\":0,"
                               "\"\\u0064\":{\"id\":\"2\",\"id\":\"3\",\"\\u0063ontent\":\"b\"}}";
    struct discord_scan got;

    (void)state;
    assert_int_equal(judge(text, strlen(text)), DISCORD_SCAN_UNSURE);
    assert_int_equal(discord_scan_full(text, strlen(text), SELF, &got), DISCORD_SCAN_OK);
    assert_int_equal(got.op, 0);
    assert_int_equal(got.id, 3);
    assert_memory_equal(got.content.ptr, "b\"}", 3);
    assert_int_equal(got.content.len, 1);
}

/* Changed bytes, cuts and doubled pieces of a real message, and its spacing. */
static void mutants_are_judged_as_jansson_does(void **state)
{
    static const char alphabet[] = "{}[]\",:\\0123456789.-+eEtfnu x\xc3\xa4\xff\x1f\x80";
    const size_t len = strlen(message);
    unsigned sure = 0;

    (void)state;
    for (unsigned i = 0; i < 8000; i++) {
        char mutant[2048];
        size_t size = len;

        memcpy(mutant, message, len);
        for (int n = rand() % 3; n >= 0; n--) {
            size_t at = (size_t)rand() % size, other = (size_t)rand() % size;
            size_t piece = 1 + (size_t)rand() % 40;

            switch (rand() % 4) {
            case 0: mutant[at] = alphabet[(size_t)rand() % (sizeof(alphabet) - 1)]; break;
            case 1: /* a piece goes */
                piece = piece < size - at ? piece : size - at;
                memmove(mutant + at, mutant + at + piece, size - at - piece);
                size -= piece < size ? piece : 0;
                break;
            case 2: /* a piece comes twice */
                piece = piece < size - other ? piece : size - other;
                if (size + piece > sizeof(mutant))
                    break;
                memmove(mutant + at + piece, mutant + at, size - at);
                memmove(mutant + at, mutant + (other > at ? other + piece : other),
                        piece < sizeof(mutant) - other - piece ? piece : 0);
                size += piece;
                break;
            default: mutant[at] = " \n\t,"[rand() % 4]; break;
            }
        }
        sure += judge(mutant, size) != DISCORD_SCAN_UNSURE;
    }
    assert_true(sure > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_finds_what_routing_needs),
        cmocka_unit_test(the_order_of_keys_does_not_matter),
        cmocka_unit_test(other_messages_are_read_too),
        cmocka_unit_test(what_is_odd_is_left_to_the_full_parser),
        cmocka_unit_test(what_is_no_json_is_refused),
        cmocka_unit_test(a_nul_is_left_to_the_full_parser),
        cmocka_unit_test(depth_is_bounded_on_both_sides),
        cmocka_unit_test(the_full_parser_takes_the_last_of_equal_keys),
        cmocka_unit_test(mutants_are_judged_as_jansson_does),
    };

    srand(1);
    return cmocka_run_group_tests_name("gateway/scan", tests, NULL, NULL);
}
