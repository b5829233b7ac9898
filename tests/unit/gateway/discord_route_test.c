/* SPDX-License-Identifier: Apache-2.0
 *
 * Whom a message is for, and what the engine gets of it.
 */
#include "tap.h"

#include "base/mem.h"
#include "gateway/discord/route.h"
#include "gateway/gateway.h"

#include <stdio.h>
#include <string.h>

#define SELF  "900000000000000001"
#define ANN   "200000000000000002"
#define OWNER "200000000000000009"

static struct gateway gateway = {.name = "discord:0"};
static const uint64_t owners[] = {200000000000000009};

static struct discord_route_rules rules_all(void)
{
    return (struct discord_route_rules){
        .gateway = &gateway,
        .self = 900000000000000001,
        .mention = true,
        .dm = true,
        .reply = true,
        .content = true,
        .owners = owners,
        .owner_count = 1,
    };
}

/* A message of a guild by Ann; `more` are further members of the object. */
static char *message(const char *content, const char *more)
{
    return mem_printf("{\"t\":\"MESSAGE_CREATE\",\"s\":7,\"op\":0,\"d\":{\"type\":0,"
                      "\"id\":\"1300000000000000001\",\"channel_id\":\"400000000000000004\","
                      "\"guild_id\":\"300000000000000003\",\"content\":\"%s\","
                      "\"author\":{\"id\":\"" ANN
                      "\",\"username\":\"ann\",\"global_name\":\"Ann\"},"
                      "\"member\":{\"nick\":null,\"roles\":[\"51\",\"52\"]},\"mentions\":[],"
                      "\"mention_everyone\":false,\"attachments\":[]%s%s}}",
                      content, *more ? "," : "", more);
}

static char *replaced(char *text, const char *old, const char *new)
{
    char *at = strstr(text, old), *result;

    assert_non_null(at);
    result = mem_printf("%.*s%s%s", (int)(at - text), text, new, at + strlen(old));
    mem_free(text);
    return result;
}

static enum discord_route route_of(const struct discord_route_rules *rules, const char *json)
{
    struct discord_scan scan;

    assert_int_equal(discord_scan_full(json, strlen(json), rules->self, &scan), DISCORD_SCAN_OK);
    return discord_route_message(rules, &scan);
}

#define MENTIONED "\"mentions\":[{\"id\":\"" SELF "\",\"username\":\"bot\"}]"
#define REPLY_TO(who)                                                                              \
    "\"message_reference\":{\"message_id\":\"1200000000000000001\"},\"referenced_message\":{"      \
    "\"id\":\"1200000000000000001\",\"type\":0,\"content\":\"what was "                            \
    "said\",\"author\":{\"id\":\"" who "\",\"username\":\"writer\",\"bot\":true}}"

/* ---- the table ------------------------------------------------------------------------------- */

struct row {
    const char *what, *content;
    const char *old, *new; /* a replacement in the message; NULL: none */
    const char *more;
    enum discord_route route;
};

static const struct row rows[] = {
    {"a message to nobody", "hello all", NULL, NULL, "", DISCORD_ROUTE_SEEN},
    {"a mention", "<@" SELF "> hi", "\"mentions\":[]", MENTIONED, "", DISCORD_ROUTE_OWED},
    {"@everyone", "@everyone hi", "\"mention_everyone\":false", "\"mention_everyone\":true", "",
     DISCORD_ROUTE_SEEN},
    {"@everyone beside a mention", "@everyone <@" SELF ">", "\"mentions\":[]", MENTIONED, "",
     DISCORD_ROUTE_OWED},
    {"a role of the bot's", "<@&51> hi", NULL, NULL, "\"mention_roles\":[\"51\"]",
     DISCORD_ROUTE_SEEN},
    {"a mention that is text only", "`<@" SELF ">` is its id", NULL, NULL, "", DISCORD_ROUTE_SEEN},
    {"somebody else mentioned", "<@" ANN ">", "\"mentions\":[]",
     "\"mentions\":[{\"id\":\"" ANN "\"}]", "", DISCORD_ROUTE_SEEN},
    {"a direct message", "hi", "\"guild_id\":\"300000000000000003\",", "", "", DISCORD_ROUTE_OWED},
    {"a reply to the bot", "and then?", "\"type\":0", "\"type\":19", REPLY_TO(SELF),
     DISCORD_ROUTE_OWED},
    {"a reply to somebody else", "and then?", "\"type\":0", "\"type\":19", REPLY_TO(ANN),
     DISCORD_ROUTE_SEEN},
    {"a reply to a message that is gone", "and then?", "\"type\":0", "\"type\":19",
     "\"referenced_message\":null", DISCORD_ROUTE_SEEN},
    {"a bot's mention", "<@" SELF ">", "\"username\":\"ann\"", "\"username\":\"ann\",\"bot\":true",
     MENTIONED, DISCORD_ROUTE_IGNORE},
    {"a webhook's mention", "<@" SELF ">", "\"mentions\":[]", MENTIONED,
     "\"webhook_id\":\"600000000000000006\"", DISCORD_ROUTE_IGNORE},
    {"its own message", "<@" SELF ">", "{\"id\":\"" ANN "\"", "{\"id\":\"" SELF "\"", MENTIONED,
     DISCORD_ROUTE_IGNORE},
    {"a pin", "", "\"type\":0", "\"type\":6", MENTIONED, DISCORD_ROUTE_IGNORE},
    {"a thread's first message", "", "\"type\":0", "\"type\":21", MENTIONED, DISCORD_ROUTE_IGNORE},
    {"a command's message", "", "\"type\":0", "\"type\":20", MENTIONED, DISCORD_ROUTE_IGNORE},
};

static char *row_message(const struct row *row)
{
    char *json = message(row->content, row->more);

    return row->old ? replaced(json, row->old, row->new) : json;
}

/* With answer_bots: by name, in a server, and never a reply or a webhook. */
static void bots_are_answered_by_name_where_they_may_be(void **state)
{
    static const struct row bots[] = {
        {"a bot's mention", "<@" SELF ">", "\"username\":\"ann\"",
         "\"username\":\"ann\",\"bot\":true", MENTIONED, DISCORD_ROUTE_OWED},
        {"a bot's talk", "hello all", "\"username\":\"ann\"", "\"username\":\"ann\",\"bot\":true",
         "", DISCORD_ROUTE_IGNORE},
        {"a bot's reply", "and then?", "\"username\":\"ann\"", "\"username\":\"ann\",\"bot\":true",
         REPLY_TO(SELF), DISCORD_ROUTE_IGNORE},
        {"a webhook's mention", "<@" SELF ">", "\"mentions\":[]", MENTIONED,
         "\"webhook_id\":\"600000000000000006\"", DISCORD_ROUTE_IGNORE},
        {"its own message", "<@" SELF ">", "{\"id\":\"" ANN "\"", "{\"id\":\"" SELF "\"", MENTIONED,
         DISCORD_ROUTE_IGNORE},
    };
    struct discord_route_rules rules = rules_all();

    (void)state;
    rules.bots = true;
    for (size_t i = 0; i < sizeof(bots) / sizeof(bots[0]); i++) {
        _cleanup_mem_ char *json = row_message(&bots[i]);
        enum discord_route route = route_of(&rules, json);

        if (route != bots[i].route)
            fail_msg("%s: %d, expected %d", bots[i].what, (int)route, (int)bots[i].route);
    }
}

static void only_who_means_the_bot_is_owed_an_answer(void **state)
{
    struct discord_route_rules rules = rules_all();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        _cleanup_mem_ char *json = row_message(&rows[i]);
        enum discord_route route = route_of(&rules, json);

        if (route != rows[i].route)
            fail_msg("%s: %d, expected %d", rows[i].what, (int)route, (int)rows[i].route);
    }
}

static void the_scanner_and_the_parser_route_alike(void **state)
{
    struct discord_route_rules rules = rules_all();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        _cleanup_mem_ char *json = row_message(&rows[i]);
        struct discord_scan scan;

        if (discord_scan(json, strlen(json), rules.self, &scan) == DISCORD_SCAN_OK &&
            discord_route_message(&rules, &scan) != rows[i].route)
            fail_msg("%s", rows[i].what);
    }
}

static void triggers_can_be_switched_off(void **state)
{
    struct discord_route_rules rules = rules_all();
    _cleanup_mem_ char *mention =
        replaced(message("<@" SELF "> hi", ""), "\"mentions\":[]", MENTIONED);
    _cleanup_mem_ char *direct =
        replaced(message("hi", ""), "\"guild_id\":\"300000000000000003\",", "");
    _cleanup_mem_ char *reply =
        replaced(message("hi", REPLY_TO(SELF)), "\"type\":0", "\"type\":19");
    /* With its ping on, a reply has whom it answers among the mentions. */
    _cleanup_mem_ char *ping =
        replaced(replaced(message("hi", REPLY_TO(SELF)), "\"type\":0", "\"type\":19"),
                 "\"mentions\":[]", MENTIONED);

    (void)state;
    rules.mention = false;
    assert_int_equal(route_of(&rules, mention), DISCORD_ROUTE_SEEN);
    rules = rules_all();
    rules.dm = false;
    assert_int_equal(route_of(&rules, direct), DISCORD_ROUTE_SEEN);
    rules = rules_all();
    rules.reply = false;
    assert_int_equal(route_of(&rules, reply), DISCORD_ROUTE_SEEN);
    assert_int_equal(route_of(&rules, ping), DISCORD_ROUTE_SEEN);
    assert_int_equal(route_of(&rules, mention), DISCORD_ROUTE_OWED);
}

static void without_the_content_intent_a_reply_must_mention(void **state)
{
    struct discord_route_rules rules = rules_all();
    _cleanup_mem_ char *reply = replaced(message("", REPLY_TO(SELF)), "\"type\":0", "\"type\":19");
    _cleanup_mem_ char *ping =
        replaced(replaced(message("hi", REPLY_TO(SELF)), "\"type\":0", "\"type\":19"),
                 "\"mentions\":[]", MENTIONED);

    (void)state;
    rules.content = false;
    assert_int_equal(route_of(&rules, reply), DISCORD_ROUTE_SEEN);
    assert_int_equal(route_of(&rules, ping), DISCORD_ROUTE_OWED);
}

static void nobody_is_addressed_before_it_is_known_who_the_bot_is(void **state)
{
    struct discord_route_rules rules = rules_all();
    _cleanup_mem_ char *direct =
        replaced(message("hi", ""), "\"guild_id\":\"300000000000000003\",", "");

    (void)state;
    rules.self = 0;
    assert_int_equal(route_of(&rules, direct), DISCORD_ROUTE_IGNORE);
}

/* ---- events ---------------------------------------------------------------------------------- */

static struct event *event_of(const char *json)
{
    struct discord_route_rules rules = rules_all();
    struct discord_scan scan;
    struct event *event = NULL;
    struct error err = {0};

    assert_int_equal(discord_scan_full(json, strlen(json), rules.self, &scan), DISCORD_SCAN_OK);
    assert_status(discord_route_event(&rules, scan.data.ptr, scan.data.len, 42, &event, &err),
                  TROUPE_OK);
    return event;
}

static void an_event_has_what_the_message_says(void **state)
{
    _cleanup_mem_ char *json = message("<@" SELF "> what is up?", "");
    struct event *event = event_of(json);

    (void)state;
    assert_string_equal(event->source, "discord:0");
    assert_string_equal(event->source_id, "1300000000000000001");
    assert_string_equal(event->kind, "message");
    assert_string_equal(event->account, SELF);
    assert_string_equal(event->guild, "300000000000000003");
    assert_string_equal(event->channel, "400000000000000004");
    assert_string_equal(event->member, ANN);
    assert_string_equal(event->member_name, "Ann");
    assert_int_equal(event->role_count, 2);
    assert_string_equal(event->roles[1], "52");
    assert_string_equal(event->content, "what is up?");
    assert_int_equal(event->content_len, 11);
    assert_int_equal(event->flags, EVENT_ADDRESSED);
    assert_int_equal(event->seq, 42);
    assert_null(event->reply_to);
    assert_true(event->time_ms == (INT64_C(1300000000000000001) >> 22) + INT64_C(1420070400000));
    event_unref(event);
}

static void a_nickname_goes_before_the_names_of_the_account(void **state)
{
    _cleanup_mem_ char *nick = replaced(message("x", ""), "\"nick\":null", "\"nick\":\"Annie\"");
    _cleanup_mem_ char *plain =
        replaced(message("x", ""), "\"global_name\":\"Ann\"", "\"global_name\":null");
    struct event *event = event_of(nick);

    (void)state;
    assert_string_equal(event->member_name, "Annie");
    event_unref(event);
    event = event_of(plain);
    assert_string_equal(event->member_name, "ann");
    event_unref(event);
}

static void a_direct_message_of_the_owner_says_so(void **state)
{
    _cleanup_mem_ char *json =
        replaced(replaced(message("x", ""), "\"guild_id\":\"300000000000000003\",", ""),
                 "{\"id\":\"" ANN "\"", "{\"id\":\"" OWNER "\"");
    struct event *event = event_of(json);

    (void)state;
    assert_null(event->guild);
    assert_int_equal(event->flags, EVENT_ADDRESSED | EVENT_DIRECT | EVENT_OWNER);
    event_unref(event);
}

static void a_reply_brings_along_what_it_answers(void **state)
{
    _cleanup_mem_ char *json = message("and then?", REPLY_TO(SELF));
    struct event *event = event_of(json);

    (void)state;
    assert_string_equal(event->reply_to, "1200000000000000001");
    assert_string_equal(event->quote, "what was said");
    assert_string_equal(event->quote_author, "writer");
    assert_string_equal(event->content, "and then?");
    event_unref(event);
}

static void a_bare_mention_below_a_message_asks_about_it(void **state)
{
    _cleanup_mem_ char *json = message("<@" SELF ">", REPLY_TO(ANN));
    struct event *event = event_of(json);

    (void)state;
    assert_string_equal(event->content, "> what was said");
    event_unref(event);
}

static void a_message_in_one_of_the_bots_threads_is_for_it(void **state)
{
    _cleanup_mem_ char *json = message("go on", "");
    _cleanup_mem_ char *reply = message(
        "go on",
        "\"referenced_message\":{\"id\":\"8\",\"content\":\"x\",\"author\":{\"id\":\"77\"}}");
    struct discord_route_rules rules = rules_all();
    const uint64_t thread = UINT64_C(400000000000000004), other = 5;
    struct map threads = {0};

    (void)state;
    rules.prefix = NULL;
    rules.threads = &threads;
    assert_int_equal(route_of(&rules, json), DISCORD_ROUTE_SEEN);
    map_setn(&threads, (const char *)&other, sizeof(other), &threads);
    assert_int_equal(route_of(&rules, json), DISCORD_ROUTE_SEEN);
    map_setn(&threads, (const char *)&thread, sizeof(thread), &threads);
    assert_int_equal(route_of(&rules, json), DISCORD_ROUTE_OWED);
    assert_int_equal(route_of(&rules, reply), DISCORD_ROUTE_SEEN);
    rules.content = false;
    assert_int_equal(route_of(&rules, json), DISCORD_ROUTE_SEEN);
    rules.content = true;
    rules.threads = NULL;
    assert_int_equal(route_of(&rules, json), DISCORD_ROUTE_SEEN);
    map_clear(&threads);
}

static struct event *threaded(const struct discord_threading *threading, const char *content,
                              const char *more)
{
    _cleanup_mem_ char *json = message(content, more);
    struct discord_route_rules rules = rules_all();
    struct discord_scan scan;
    struct event *event = NULL;

    rules.threading = threading;
    assert_int_equal(discord_scan_full(json, strlen(json), rules.self, &scan), DISCORD_SCAN_OK);
    assert_status(discord_route_event(&rules, scan.data.ptr, scan.data.len, 1, &event, NULL),
                  TROUPE_OK);
    return event;
}

static bool set_to(void *arg, const struct event *event, const char *key, bool otherwise)
{
    assert_string_equal(key, "auto_thread");
    assert_string_equal(event->channel, "400000000000000004");
    (void)otherwise;
    return *(bool *)arg;
}

static void what_people_set_for_a_place_wins_over_the_file(void **state)
{
    bool yes = true, no = false;
    struct discord_threading off = {.off = true, .setting = set_to, .arg = &yes},
                             on = {.setting = set_to, .arg = &no}, file = {.off = true};
    struct event *event = threaded(&off, "what?", "");

    (void)state;
    assert_string_equal(event->parent, "400000000000000004");
    event_unref(event);
    event = threaded(&on, "what?", "");
    assert_null(event->parent);
    event_unref(event);
    event = threaded(&file, "what?", "");
    assert_null(event->parent);
    event_unref(event);
}

static void a_thread_is_opened_from_questions_in_text_channels(void **state)
{
    static const uint64_t elsewhere[] = {9}, here[] = {UINT64_C(400000000000000004)},
                          guild[] = {UINT64_C(300000000000000003)};
    const struct {
        struct discord_threading threading;
        const char *content, *more;
        bool opened;
    } cases[] = {
        {{.prefix = "/"}, "what?", "", true},
        {{.prefix = "/"}, "what?", "\"channel_type\":0", true},
        {{.prefix = "/"}, "what?", "\"channel_type\":5", true},
        {{.prefix = "/"}, "what?", "\"channel_type\":11", false},
        {{.prefix = "/"}, "what?", "\"channel_type\":2", false},
        {{.prefix = "/"}, "<@" SELF "> /hello", "", false},
        {{.places = elsewhere, .place_count = 1}, "what?", "", false},
        {{.places = here, .place_count = 1}, "what?", "", true},
        {{.places = guild, .place_count = 1}, "what?", "", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct event *event = threaded(&cases[i].threading, cases[i].content, cases[i].more);

        if (cases[i].opened) {
            assert_string_equal(event->channel, "1300000000000000001");
            assert_string_equal(event->parent, "400000000000000004");
        } else {
            assert_string_equal(event->channel, "400000000000000004");
            assert_null(event->parent);
        }
        event_unref(event);
    }
}

#define PICTURE_OF(id)                                                                             \
    "{\"id\":\"" id "\",\"filename\":\"p" id ".png\",\"content_type\":\"image/png\",\"size\":1}"

/* "what is this?" below a picture speaks of it; other files are not what a quote is. */
static void pictures_of_the_answered_message_come_behind_its_own(void **state)
{
    static const char more[] =
        "\"referenced_message\":{\"id\":\"8\",\"content\":\"look\",\"author\":{\"id\":\"77\","
        "\"username\":\"b\"},\"attachments\":[" PICTURE_OF(
            "11") ",{\"id\":\"12\",\"filename\":"
                  "\"notes.txt\",\"content_type\":\"text/plain\"}," PICTURE_OF("13") "]}";
    static const struct {
        const char *own, *ids, *content;
    } cases[] = {
        {"", "11 13 ", "> look"}, /* without a word of one's own the quote is the question */
        {PICTURE_OF("1"), "1 11 13 ", ""},
        {PICTURE_OF("1") "," PICTURE_OF("2") "," PICTURE_OF("3") "," PICTURE_OF("4") "," //
         PICTURE_OF("5") "," PICTURE_OF("6") "," PICTURE_OF("7") "," PICTURE_OF("8") "," //
         PICTURE_OF("9"),
         "1 2 3 4 5 6 7 8 9 11 ", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_mem_ char *own = mem_printf("\"attachments\":[%s]", cases[i].own);
        _cleanup_mem_ char *json =
            replaced(message("<@" SELF ">", more), "\"attachments\":[]", own);
        struct event *event = event_of(json);
        _cleanup_json_ json_t *list = NULL;
        char ids[100] = "";

        assert_status(json_parse(event->files, strlen(event->files), &list, NULL), TROUPE_OK);
        for (size_t n = 0; n < json_array_size(list); n++)
            snprintf(ids + strlen(ids), sizeof(ids) - strlen(ids), "%s ",
                     gateway_file_at(list, n).id);
        assert_string_equal(ids, cases[i].ids);
        assert_string_equal(event->content, cases[i].content);
        event_unref(event);
    }
}

static void files_are_listed_with_what_is_known_of_them(void **state)
{
    char *plain = message("<@" SELF ">", "");
    _cleanup_mem_ char *json = replaced(
        plain, "\"attachments\":[]",
        "\"attachments\":[{\"id\":\"7\",\"filename\":\"cat.png\",\"content_type\":\"image/png\","
        "\"size\":12,\"url\":\"https://cdn.discordapp.com/a/7/cat.png?ex=1\"},"
        "{\"id\":\"8\",\"filename\":\"notes\"}]");
    struct event *event = event_of(json), *again = NULL;
    _cleanup_mem_ char *payload = event_print(event);
    _cleanup_json_ json_t *list = NULL;
    struct gateway_file file;

    (void)state;
    assert_status(event_parse(payload, strlen(payload), &again, NULL), TROUPE_OK);
    assert_string_equal(again->content, "");
    assert_status(json_parse(again->files, strlen(again->files), &list, NULL), TROUPE_OK);
    assert_int_equal(json_array_size(list), 2);
    file = gateway_file_at(list, 0);
    assert_string_equal(file.id, "7");
    assert_string_equal(file.name, "cat.png");
    assert_string_equal(file.type, "image/png");
    assert_string_equal(file.url, "https://cdn.discordapp.com/a/7/cat.png?ex=1");
    assert_int_equal(file.size, 12);
    file = gateway_file_at(list, 1);
    assert_string_equal(file.name, "notes");
    assert_string_equal(file.type, "");
    event_unref(again);
    event_unref(event);
}

static void a_message_without_text_and_files_is_owed_a_sentence(void **state)
{
    static const struct {
        const char *content, *old, *new;
        bool sticker;
    } cases[] = {
        {"<@" SELF ">", NULL, NULL, false},
        {"", "\"attachments\":[]", "\"sticker_items\":[{\"id\":\"1\"}]", true},
    };
    struct discord_route_rules rules = rules_all();

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *plain = message(cases[i].content, "");
        _cleanup_mem_ char *json =
            cases[i].old ? replaced(plain, cases[i].old, cases[i].new) : plain;
        struct discord_scan scan;
        struct event *event = NULL;

        assert_int_equal(discord_scan_full(json, strlen(json), rules.self, &scan), DISCORD_SCAN_OK);
        assert_status(discord_route_event(&rules, scan.data.ptr, scan.data.len, 1, &event, NULL),
                      TROUPE_OK);
        assert_int_equal(event->content_len, 0);
        assert_null(event->parent);
        assert_int_equal(!!(event->flags & EVENT_STICKER), cases[i].sticker);
        assert_string_equal(event->source_id, "1300000000000000001");
        event_unref(event);
    }
}

static void the_own_mention_goes_from_the_ends_only(void **state)
{
    static const struct {
        const char *from, *to;
    } cases[] = {
        {"<@" SELF "> hi", "hi"},
        {"<@!" SELF ">hi", "hi"},
        {"hi <@" SELF ">", "hi"},
        {" \\n<@" SELF "> <@" SELF ">  hi there <@!" SELF ">\\n", "hi there"},
        {"tell <@" SELF "> that", "tell <@" SELF "> that"},
        {"<@" ANN "> and <@&51> hi", "<@" ANN "> and <@&51> hi"},
        {"<@" SELF "1> hi", "<@" SELF "1> hi"},
        {"<@" SELF "> /help", "/help"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_mem_ char *json = message(cases[i].from, "");
        struct event *event = event_of(json);

        assert_string_equal(event->content, cases[i].to);
        event_unref(event);
    }
}

/* ---- presses --------------------------------------------------------------------------------- */

#define PRESS                                                                                      \
    "{\"id\":\"700000000000000007\",\"application_id\":\"8\",\"type\":3,\"token\":\"tok\","        \
    "\"guild_id\":\"300000000000000003\",\"channel_id\":\"400000000000000004\","                   \
    "\"member\":{\"nick\":\"Annie\",\"roles\":[],\"user\":{\"id\":\"" ANN                          \
    "\",\"username\":\"ann\"}},\"data\":{\"custom_id\":\"ask:1:0\",\"component_type\":2},"         \
    "\"message\":{\"id\":\"1200000000000000001\",\"content\":\"Shall I?\",\"components\":[{"       \
    "\"type\":1,\"components\":[{\"type\":2,\"custom_id\":\"ask:1:0\",\"label\":\"Do it\"},{"      \
    "\"type\":2,\"custom_id\":\"ask:1:1\",\"label\":\"Leave it\"}]}]}}"

static void a_press_tells_who_pressed_what(void **state)
{
    struct discord_route_rules rules = rules_all();
    struct event *event = NULL;
    int type = 0;

    (void)state;
    assert_status(discord_route_press(&rules, PRESS, strlen(PRESS), 9, &event, &type, NULL),
                  TROUPE_OK);
    assert_int_equal(type, 3);
    assert_string_equal(event->kind, "press");
    assert_string_equal(event->press_id, "ask:1:0");
    assert_string_equal(event->token, "tok");
    assert_string_equal(event->reply_to, "1200000000000000001");
    assert_string_equal(event->press_label, "Do it");
    assert_string_equal(event->quote, "Shall I?");
    assert_string_equal(event->member, ANN);
    assert_string_equal(event->member_name, "Annie");
    event_unref(event);
}

static void an_unknown_interaction_can_be_answered(void **state)
{
    static const char json[] = "{\"id\":\"700000000000000007\",\"type\":2,\"token\":\"tok\","
                               "\"channel_id\":\"4\",\"user\":{\"id\":\"" ANN
                               "\",\"username\":\"ann\"},\"data\":{\"name\":\"ask\"}}";
    struct discord_route_rules rules = rules_all();
    struct event *event = NULL;
    int type = 0;

    (void)state;
    assert_status(discord_route_press(&rules, json, strlen(json), 9, &event, &type, NULL),
                  TROUPE_OK);
    assert_int_equal(type, 2);
    assert_null(event->press_id);
    assert_string_equal(event->token, "tok");
    assert_int_equal(event->flags & EVENT_DIRECT, EVENT_DIRECT);
    event_unref(event);
}

static void broken_payloads_make_no_event(void **state)
{
    static const char *const broken[] = {"{",
                                         "[]",
                                         "{}",
                                         "{\"id\":\"1\"}",
                                         "{\"id\":\"x\",\"channel_id\":\"2\",\"content\":\"\"}",
                                         "{\"id\":1,\"channel_id\":2,\"author\":{\"id\":3}}",
                                         "{\"id\":\"1\",\"token\":7}"};
    struct discord_route_rules rules = rules_all();

    (void)state;
    for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        struct event *event = NULL;
        int type = 0;

        assert_true(discord_route_event(&rules, broken[i], strlen(broken[i]), 1, &event, NULL) < 0);
        assert_true(
            discord_route_press(&rules, broken[i], strlen(broken[i]), 1, &event, &type, NULL) < 0);
        assert_null(event);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_who_means_the_bot_is_owed_an_answer),
        cmocka_unit_test(bots_are_answered_by_name_where_they_may_be),
        cmocka_unit_test(the_scanner_and_the_parser_route_alike),
        cmocka_unit_test(triggers_can_be_switched_off),
        cmocka_unit_test(without_the_content_intent_a_reply_must_mention),
        cmocka_unit_test(nobody_is_addressed_before_it_is_known_who_the_bot_is),
        cmocka_unit_test(an_event_has_what_the_message_says),
        cmocka_unit_test(a_nickname_goes_before_the_names_of_the_account),
        cmocka_unit_test(a_direct_message_of_the_owner_says_so),
        cmocka_unit_test(a_reply_brings_along_what_it_answers),
        cmocka_unit_test(a_bare_mention_below_a_message_asks_about_it),
        cmocka_unit_test(a_message_without_text_and_files_is_owed_a_sentence),
        cmocka_unit_test(files_are_listed_with_what_is_known_of_them),
        cmocka_unit_test(pictures_of_the_answered_message_come_behind_its_own),
        cmocka_unit_test(a_message_in_one_of_the_bots_threads_is_for_it),
        cmocka_unit_test(what_people_set_for_a_place_wins_over_the_file),
        cmocka_unit_test(a_thread_is_opened_from_questions_in_text_channels),
        cmocka_unit_test(the_own_mention_goes_from_the_ends_only),
        cmocka_unit_test(a_press_tells_who_pressed_what),
        cmocka_unit_test(an_unknown_interaction_can_be_answered),
        cmocka_unit_test(broken_payloads_make_no_event),
    };

    return cmocka_run_group_tests_name("gateway/discord_route", tests, NULL, NULL);
}
