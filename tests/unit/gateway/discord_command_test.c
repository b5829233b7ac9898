/* SPDX-License-Identifier: Apache-2.0
 *
 * Slash commands as Discord takes them: what is registered, what is left out, what a change is, and
 * what an interaction says.
 */
#include "tap.h"

#include "base/json.h"
#include "base/mem.h"
#include "gateway/discord/command_json.h"
#include "gateway/discord/outbox_json.h"
#include "gateway/discord/place.h"
#include "gateway/files.h"
#include "gateway/outbox.h"

#include <stdio.h>
#include <string.h>

#define MANY 60

static const char *const colours[] = {"red", "green", "blue"};

static const struct gateway_param paint_params[] = {
    {.name = "colour",
     .doc = "Which colour",
     .type = GATEWAY_PARAM_STRING,
     .choices = colours,
     .choice_count = 3},
    {.name = "coats",
     .doc = "How many coats",
     .type = GATEWAY_PARAM_INT,
     .required = true,
     .bounded = true,
     .min = 1,
     .max = INT64_MAX},
    {.name = "share",
     .doc = "How much of it",
     .type = GATEWAY_PARAM_FLOAT,
     .bounded = true,
     .min_f = 0,
     .max_f = 1},
    {.name = "note",
     .doc = "What to write",
     .type = GATEWAY_PARAM_STRING,
     .bounded = true,
     .min = 2,
     .max = 200},
    {.name = "who", .doc = "For whom", .type = GATEWAY_PARAM_MEMBER},
    {.name = "where", .doc = "Which room", .type = GATEWAY_PARAM_CHANNEL},
    {.name = "group", .doc = "Which group", .type = GATEWAY_PARAM_ROLE},
    {.name = "wet", .doc = "Wet or dry", .type = GATEWAY_PARAM_BOOL},
    {.name = "more", .doc = "More of it", .type = GATEWAY_PARAM_JSON},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const struct gateway_command paint = {.name = "paint",
                                             .target = "walls.paint",
                                             .doc = "Paints a wall",
                                             .params = paint_params,
                                             .param_count = COUNT(paint_params)};

static json_t *json_of(const struct gateway_command *commands, size_t count, struct buf *left_out)
{
    struct gateway_commands *copy = gateway_commands_copy(commands, count);
    json_t *list = discord_commands_json(copy, left_out);

    gateway_commands_free(copy);
    return list;
}

static const json_t *option(const json_t *command, const char *name)
{
    const json_t *item;
    size_t i;

    json_array_foreach (json_object_get(command, "options"), i, item)
        if (!strcmp(json_get_str(item, "name", ""), name))
            return item;
    fail_msg("there is no option \"%s\"", name);
    return NULL;
}

static void parameters_become_options_of_their_types(void **state)
{
    static const struct {
        const char *name;
        int type;
    } types[] = {{"colour", 3}, {"coats", 4}, {"share", 10}, {"note", 3}, {"who", 6},
                 {"where", 7},  {"group", 8}, {"wet", 5},    {"more", 3}};
    _cleanup_json_ json_t *list = json_of(&paint, 1, NULL);
    const json_t *command = json_array_get(list, 0), *coats, *note;

    (void)state;
    assert_string_equal(json_get_str(command, "name", ""), "paint");
    assert_string_equal(json_get_str(command, "description", ""), "Paints a wall");
    for (size_t i = 0; i < COUNT(types); i++)
        assert_int_equal(json_get_int(option(command, types[i].name), "type", 0), types[i].type);
    coats = json_array_get(json_object_get(command, "options"), 0);
    assert_string_equal(json_get_str(coats, "name", ""), "coats"); /* what is required is first */
    assert_true(json_is_true(json_object_get(coats, "required")));
    assert_int_equal(json_get_int(coats, "min_value", 0), 1);
    assert_null(json_object_get(coats, "max_value")); /* beyond what Discord's numbers hold */
    note = option(command, "note");
    assert_int_equal(json_get_int(note, "min_length", 0), 1); /* two bytes may be one character */
    assert_int_equal(json_get_int(note, "max_length", 0), 200);
    assert_int_equal(json_array_size(json_object_get(option(command, "colour"), "choices")), 3);
}

static void who_may_use_it_decides_whom_it_is_offered(void **state)
{
    static const struct {
        enum gateway_audience audience;
        const char *permissions; /* NULL: null */
        size_t contexts;
    } rows[] = {{GATEWAY_EVERYBODY, NULL, 2},
                {GATEWAY_MODERATORS, "1099511627776", 1},
                {GATEWAY_ADMINS, "32", 1},
                {GATEWAY_OWNERS, "0", 2}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct gateway_command command = {
            .name = "x", .doc = "x", .audience = rows[i].audience};
        _cleanup_json_ json_t *list = json_of(&command, 1, NULL);
        const json_t *json = json_array_get(list, 0);
        const char *permissions = json_get_str(json, "default_member_permissions", NULL);

        assert_int_equal(json_array_size(json_object_get(json, "contexts")), rows[i].contexts);
        if (rows[i].permissions)
            assert_string_equal(permissions, rows[i].permissions);
        else
            assert_null(permissions);
    }
}

/* `count` choices: "choice-00", or of `size` characters. */
static const char *const *many_choices(size_t count, size_t size)
{
    char **choices = mem_zero(count, sizeof(*choices));

    for (size_t i = 0; i < count; i++)
        choices[i] = mem_printf("choice-%02zu%.*s", i, size > 9 ? (int)size - 9 : 0,
                                "0123456789012345678901234567890123456789012345678901234567890123"
                                "456789012345678901234567890123456789");
    return (const char *const *)choices;
}

static void free_choices(const char *const *choices, size_t count)
{
    for (size_t i = 0; i < count; i++)
        mem_free((void *)(uintptr_t)choices[i]);
    mem_free((void *)(uintptr_t)choices);
}

static size_t completed(const struct gateway_command *command, const char *typed,
                        const char **ret_first)
{
    _cleanup_json_ json_t *data = json_pack("{s:[{s:s, s:s, s:b}]}", "options", "name", "which",
                                            "value", typed, "focused", 1);
    _cleanup_json_ json_t *choices = discord_command_complete(command, data);
    const char *first = json_get_str(json_array_get(choices, 0), "value", "");

    *ret_first = "";
    for (size_t i = 0; i < command->params[0].choice_count; i++)
        if (!strcmp(command->params[0].choices[i], first))
            *ret_first = command->params[0].choices[i];
    return json_array_size(choices);
}

static void more_choices_than_are_shown_are_offered_while_somebody_types(void **state)
{
    const char *const *choices = many_choices(MANY, 0);
    const struct gateway_param which = {.name = "which",
                                        .doc = "Which one",
                                        .type = GATEWAY_PARAM_STRING,
                                        .choices = choices,
                                        .choice_count = MANY};
    const struct gateway_command command = {
        .name = "pick", .doc = "Picks one", .params = &which, .param_count = 1};
    _cleanup_json_ json_t *list = json_of(&command, 1, NULL);
    const json_t *json = option(json_array_get(list, 0), "which");
    const char *first;

    (void)state;
    assert_null(json_object_get(json, "choices"));
    assert_true(json_is_true(json_object_get(json, "autocomplete")));
    assert_int_equal(completed(&command, "", &first), DISCORD_COMMAND_CHOICES);
    assert_int_equal(completed(&command, "CHOICE-4", &first), 10);
    assert_string_equal(first, "choice-40");
    assert_int_equal(completed(&command, "other", &first), 0);
    free_choices(choices, MANY);
}

static void choices_that_weigh_too_much_are_offered_while_somebody_types(void **state)
{
    const char *const *choices = many_choices(25, 90);
    struct gateway_param params[4];
    const struct gateway_command command = {
        .name = "heavy", .doc = "Much to choose", .params = params, .param_count = 4};
    static const char *const names[] = {"a", "b", "c", "d"};
    _cleanup_json_ json_t *list = NULL;

    (void)state;
    for (size_t i = 0; i < 4; i++)
        params[i] = (struct gateway_param){.name = names[i],
                                           .doc = "One of many",
                                           .type = GATEWAY_PARAM_STRING,
                                           .choices = choices,
                                           .choice_count = 25};
    list = json_of(&command, 1, NULL);
    assert_int_equal(json_array_size(list), 1);
    assert_true(
        json_is_true(json_object_get(option(json_array_get(list, 0), "d"), "autocomplete")));
    free_choices(choices, 25);
}

static void what_does_not_fit_is_named_and_the_rest_is_registered(void **state)
{
    _cleanup_mem_ struct gateway_command *commands = mem_zero(110, sizeof(*commands));
    _cleanup_buf_ struct buf left_out = BUF_INIT;
    _cleanup_json_ json_t *list = NULL;
    char names[110][16];

    (void)state;
    for (size_t i = 0; i < 110; i++) {
        snprintf(names[i], sizeof(names[i]), i == 3 ? "a name" : i == 5 ? "c4" : "c%zu", i);
        commands[i] = (struct gateway_command){.name = names[i], .doc = "Some command"};
    }
    list = json_of(commands, 110, &left_out);
    assert_int_equal(json_array_size(list), DISCORD_COMMANDS_MAX);
    assert_non_null(strstr(buf_text(&left_out), "/a name: its name"));
    assert_non_null(strstr(buf_text(&left_out), "/c4: another command has its name"));
    assert_non_null(strstr(buf_text(&left_out), "/c109: 100 commands"));
    assert_null(strstr(buf_text(&left_out), "/c101:"));
    assert_string_equal(json_get_str(json_array_get(list, 99), "name", ""), "c101");
}

static void a_long_description_is_cut_between_characters(void **state)
{
    struct gateway_command command = {.name = "x"};
    char doc[301];
    _cleanup_json_ json_t *list = NULL;
    const char *cut;

    (void)state;
    for (size_t i = 0; i < 150; i++)
        memcpy(doc + 2 * i, "ä", 2);
    doc[300] = '\0';
    command.doc = doc;
    list = json_of(&command, 1, NULL);
    cut = json_get_str(json_array_get(list, 0), "description", "");
    assert_int_equal(strlen(cut), 2 * 99 + strlen("…"));
    assert_string_equal(cut + 2 * 98, "ä…");
}

/* As Discord gives it back: ids, a version, defaults left out of options, null for what is unset. */
static json_t *given_back(const json_t *wanted)
{
    json_t *list = json_deep_copy(wanted), *command, *item;
    size_t i, k;

    json_array_foreach (list, i, command) {
        json_object_set_new(command, "id", json_string("9"));
        json_object_set_new(command, "application_id", json_string("1"));
        json_object_set_new(command, "version", json_string("7"));
        json_object_set_new(command, "name_localizations", json_null());
        json_object_set_new(command, "dm_permission", json_true());
        json_array_foreach (json_object_get(command, "options"), k, item) {
            if (!json_is_true(json_object_get(item, "required")))
                json_object_del(item, "required");
            if (json_object_get(item, "min_value"))
                json_object_set_new(
                    item, "min_value",
                    json_real(json_number_value(json_object_get(item, "min_value"))));
        }
    }
    return list;
}

static void what_discord_has_already_is_not_put_again(void **state)
{
    _cleanup_json_ json_t *wanted = json_of(&paint, 1, NULL);
    _cleanup_json_ json_t *there = given_back(wanted), *change = NULL;

    (void)state;
    assert_null(discord_commands_diff(wanted, there));
    json_object_set_new(json_array_get(there, 0), "description", json_string("Paints walls"));
    change = discord_commands_diff(wanted, there);
    assert_true(json_equal(change, wanted));
}

static void each_change_of_a_command_is_seen(void **state)
{
    static const char *const changes[] = {
        "{\"nsfw\": true}",        "{\"default_member_permissions\": \"32\"}",
        "{\"contexts\": [0]}",     "{\"options\": []}",
        "{\"description\": \"\"}",
    };
    _cleanup_json_ json_t *wanted = json_of(&paint, 1, NULL);

    (void)state;
    for (size_t i = 0; i < COUNT(changes); i++) {
        _cleanup_json_ json_t *there = given_back(wanted), *change = NULL, *diff = NULL;

        assert_status(json_parse(changes[i], strlen(changes[i]), &change, NULL), TROUPE_OK);
        json_object_update(json_array_get(there, 0), change);
        diff = discord_commands_diff(wanted, there);
        assert_non_null(diff);
    }
    for (size_t i = 0; i < COUNT(paint_params); i++) {
        _cleanup_json_ json_t *there = given_back(wanted), *diff = NULL;
        json_t *options = json_object_get(json_array_get(there, 0), "options");

        json_object_set_new(json_array_get(options, i), "description", json_string("other"));
        diff = discord_commands_diff(wanted, there);
        assert_non_null(diff);
    }
}

static void commands_of_other_kinds_stay_when_ours_are_put(void **state)
{
    _cleanup_json_ json_t *wanted = json_of(&paint, 1, NULL), *change = NULL;
    _cleanup_json_ json_t *there =
        json_pack("[{s:s, s:i, s:s, s:s, s:s}, {s:s, s:i, s:s}]", "id", "5", "type", 4, "name",
                  "Launch", "description", "", "version", "8", "id", "6", "type", 1, "name", "old");

    (void)state;
    change = discord_commands_diff(wanted, there);
    assert_int_equal(json_array_size(change), 2); /* "old" goes */
    assert_string_equal(json_get_str(json_array_get(change, 1), "id", ""), "5");
    assert_string_equal(json_get_str(json_array_get(change, 1), "name", ""), "Launch");
    assert_null(json_object_get(json_array_get(change, 1), "version"));
}

static const struct gateway_command menus[] = {
    {.name = "Quote this, please",
     .target = "keeper.quote",
     .doc = "Keeps it",
     .params = paint_params,
     .param_count = COUNT(paint_params),
     .offer = GATEWAY_MESSAGE_MENU,
     .member_param = "who",
     .text_param = "note",
     .id_param = "message"},
    {.name = "Look at",
     .target = "keeper.look",
     .doc = "Looks",
     .offer = GATEWAY_MEMBER_MENU,
     .member_param = "who"},
};

static void entries_of_menus_have_a_name_and_a_kind(void **state)
{
    _cleanup_json_ json_t *list = json_of(menus, COUNT(menus), NULL);
    const json_t *quote = json_array_get(list, 0), *look = json_array_get(list, 1);

    (void)state;
    assert_string_equal(json_get_str(quote, "name", ""), "Quote this, please");
    assert_int_equal(json_get_int(quote, "type", 0), 3);
    assert_int_equal(json_get_int(look, "type", 0), 2);
    assert_null(json_object_get(quote, "description"));
    assert_null(json_object_get(quote, "options"));
    assert_int_equal(json_array_size(json_object_get(look, "contexts")), 2);
}

static void menus_have_bounds_of_their_own(void **state)
{
    struct gateway_command many[8];
    char names[8][40];
    _cleanup_buf_ struct buf left_out = BUF_INIT;
    _cleanup_json_ json_t *list = NULL;

    (void)state;
    for (size_t i = 0; i < COUNT(many); i++) {
        many[i] = menus[0];
        snprintf(names[i], sizeof(names[i]), "Quote %zu", i);
        many[i].name = names[i];
    }
    many[1].name = many[0].name;
    many[2].name = "A name of as many as 33 characters";
    many[7] = paint; /* typed ones do not count among them */
    list = json_of(many, COUNT(many), &left_out);
    assert_int_equal(json_array_size(list), 6);
    assert_non_null(strstr(buf_text(&left_out), "menu Quote 0: another command has its name"));
    assert_non_null(strstr(buf_text(&left_out), "33 characters: its name has more than 32"));
    for (size_t i = 0; i < COUNT(many); i++)
        many[i].name = i < 7 ? names[i] : "paint";
    json_decref(list);
    buf_reset(&left_out);
    list = json_of(many, COUNT(many), &left_out);
    assert_int_equal(json_array_size(list), 6);
    assert_non_null(strstr(buf_text(&left_out), "menu Quote 6: 5 entries of that menu"));
}

static void menus_are_put_only_where_they_differ(void **state)
{
    _cleanup_json_ json_t *wanted = json_of(menus, COUNT(menus), NULL), *there = NULL, *put = NULL;

    (void)state;
    there = given_back(wanted);
    for (size_t i = 0; i < COUNT(menus); i++)
        json_object_set_new(json_array_get(there, i), "description", json_string(""));
    assert_null(discord_commands_diff(wanted, there));
    json_object_set_new(json_array_get(there, 0), "type", json_integer(2));
    put = discord_commands_diff(wanted, there); /* the same name elsewhere is another one */
    assert_int_equal(json_array_size(put), 2);
    json_object_set_new(json_array_get(there, 0), "type", json_integer(3));
    json_decref(put);
    json_array_append_new(there, json_pack("{s:s, s:i, s:s}", "id", "9", "type", 3, "name", "old"));
    put = discord_commands_diff(wanted, there);
    assert_int_equal(json_array_size(put), 2); /* "old" goes */
}

static void the_target_of_a_menu_becomes_arguments(void **state)
{
    static const char on_message[] =
        "{\"type\":3,\"target_id\":\"77\",\"resolved\":{\"messages\":{\"77\":{\"content\":\"so "
        "\\\"it\\\" is\","
        "\"author\":{\"id\":\"42\"}},\"78\":{\"content\":\"other\"}}}}";
    static const char on_member[] =
        "{\"type\":2,\"target_id\":\"42\",\"resolved\":{\"users\":{\"42\":{\"id\":\"42\"}}}}";
    _cleanup_json_ json_t *data = NULL, *arguments = NULL;
    _cleanup_mem_ char *text = NULL, *files = NULL;

    (void)state;
    assert_status(json_parse(on_message, strlen(on_message), &data, NULL), TROUPE_OK);
    text = discord_command_arguments(&menus[0], data, &files);
    assert_status(json_parse(text, strlen(text), &arguments, NULL), TROUPE_OK);
    assert_int_equal(json_object_size(arguments), 3);
    assert_string_equal(json_get_str(arguments, "note", ""), "so \"it\" is");
    assert_string_equal(json_get_str(arguments, "message", ""), "77");
    assert_string_equal(json_get_str(arguments, "who", ""), "42");
    json_decref(data);
    mem_free(text);
    assert_status(json_parse(on_member, strlen(on_member), &data, NULL), TROUPE_OK);
    text = discord_command_arguments(&menus[1], data, &files);
    assert_string_equal(text, "{\"who\":\"42\"}");
}

static void options_become_the_arguments_of_the_function(void **state)
{
    static const char data[] = "{\"options\":[{\"name\":\"coats\",\"type\":4,\"value\":3},"
                               "{\"name\":\"share\",\"type\":10,\"value\":0.5},{\"name\":\"wet\","
                               "\"type\":5,\"value\":true},"
                               "{\"name\":\"who\",\"type\":6,\"value\":\"400000000000000000\"},"
                               "{\"name\":\"note\",\"type\":3,\"value\":\"a \\\"b\\\"\"},"
                               "{\"name\":\"more\",\"type\":3,\"value\":\"{\\\"x\\\":[1]}\"}]}";
    _cleanup_json_ json_t *tree = NULL;
    _cleanup_mem_ char *arguments = NULL, *files = NULL;

    (void)state;
    assert_status(json_parse(data, strlen(data), &tree, NULL), TROUPE_OK);
    arguments = discord_command_arguments(&paint, tree, &files);
    assert_string_equal(arguments, "{\"coats\":3,\"share\":0.5,\"wet\":true,"
                                   "\"who\":\"400000000000000000\",\"note\":\"a \\\"b\\\"\","
                                   "\"more\":{\"x\":[1]}}");
    assert_null(files);
}

/* Also of a command that is not registered any more; an id that `resolved` does not know is no file. */
static void a_file_is_its_place_in_the_event(void **state)
{
    static const char data[] =
        "{\"options\":[{\"name\":\"b\",\"type\":11,\"value\":\"72\"},"
        "{\"name\":\"lost\",\"type\":11,\"value\":\"73\"},"
        "{\"name\":\"a\",\"type\":11,\"value\":\"71\"}],\"resolved\":{\"attachments\":{"
        "\"71\":{\"id\":\"71\",\"filename\":\"a.txt\",\"size\":3,\"url\":\"https://cdn/a\","
        "\"content_type\":\"text/plain\"},"
        "\"72\":{\"id\":\"72\",\"filename\":\"b.png\",\"size\":9,\"url\":\"https://cdn/b\"}}}}";
    _cleanup_json_ json_t *tree = NULL, *list = NULL;
    _cleanup_mem_ char *arguments = NULL, *files = NULL;
    struct gateway_file file;

    (void)state;
    assert_status(json_parse(data, strlen(data), &tree, NULL), TROUPE_OK);
    arguments = discord_command_arguments(NULL, tree, &files);
    assert_string_equal(arguments, "{\"b\":1,\"lost\":11,\"a\":2}");
    assert_status(json_parse(files, strlen(files), &list, NULL), TROUPE_OK);
    assert_int_equal(json_array_size(list), 2);
    file = gateway_file_at(list, 1);
    assert_string_equal(file.name, "a.txt");
    assert_string_equal(file.url, "https://cdn/a");
    assert_int_equal(file.size, 3);
}

static void an_answer_has_its_place_by_who_may_see_it(void **state)
{
    static const struct {
        uint32_t flags;
        enum gateway_kind kind;
        unsigned part;
        bool used;
        const char *place;
    } rows[] = {
        {EVENT_DEFERRED, GATEWAY_REPLY, 0, false, DISCORD_PLACE_ORIGINAL},
        {EVENT_DEFERRED, GATEWAY_REPLY, 1, true, DISCORD_PLACE_FOLLOWUP},
        {EVENT_DEFERRED, GATEWAY_ASK, 0, false, DISCORD_PLACE_ORIGINAL},
        {EVENT_DEFERRED, GATEWAY_REPLY, 0, true, DISCORD_PLACE_FOLLOWUP},
        {EVENT_DEFERRED, GATEWAY_PRIVATE, 0, false, DISCORD_PLACE_INSTEAD},
        {EVENT_DEFERRED, GATEWAY_NOTICE, 0, false, DISCORD_PLACE_INSTEAD},
        {EVENT_DEFERRED, GATEWAY_NOTICE, 0, true, DISCORD_PLACE_PRIVATE},
        {EVENT_DEFERRED, GATEWAY_PRIVATE, 1, true, DISCORD_PLACE_PRIVATE},
        {EVENT_DEFERRED | EVENT_PRIVATE, GATEWAY_PRIVATE, 0, false, DISCORD_PLACE_ORIGINAL},
        {EVENT_DEFERRED | EVENT_PRIVATE, GATEWAY_REPLY, 0, false, DISCORD_PLACE_ORIGINAL},
        {EVENT_DEFERRED | EVENT_PRIVATE, GATEWAY_REPLY, 1, true, DISCORD_PLACE_PRIVATE},
        {0, GATEWAY_REPLY, 0, false, NULL},
        {0, GATEWAY_PRIVATE, 0, false, DISCORD_PLACE_PRIVATE},
    };
    struct event event = {.token = "t"};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *place;

        event.flags = rows[i].flags;
        place = discord_place(&event, rows[i].kind, rows[i].part, rows[i].used);
        if (rows[i].place)
            assert_string_equal(place, rows[i].place);
        else
            assert_null(place);
    }
    event.flags = EVENT_AGAIN; /* by a press: of a message in the channel, of a command alone */
    assert_null(discord_place(&event, GATEWAY_NOTICE, 0, false));
    event.command = "walls.paint";
    assert_string_equal(discord_place(&event, GATEWAY_NOTICE, 0, false), DISCORD_PLACE_PRIVATE);
    assert_null(discord_place(&event, GATEWAY_REPLY, 0, false));
    event.command = NULL;
    event.token = NULL;
    event.flags = 0;
    assert_null(discord_place(&event, GATEWAY_PRIVATE, 0, false)); /* a message that was typed */
}

static struct event *asked(uint32_t flags)
{
    const struct event event = {.source = "discord:0",
                                .source_id = "7",
                                .kind = "command",
                                .member = "4",
                                .channel = "3",
                                .command = "walls.paint",
                                .content = "{}",
                                .content_len = 2,
                                .token = "secret",
                                .flags = EVENT_DEFERRED | flags};

    return event_new(&event);
}

static char *content_of(const struct outbox_row *row, bool create)
{
    _cleanup_buf_ struct buf body = BUF_INIT;
    _cleanup_json_ json_t *message = NULL;

    discord_outbox_write(row, create, &body);
    assert_null(strstr(buf_text(&body), "secret"));
    assert_status(json_parse(body.data, body.len, &message, NULL), TROUPE_OK);
    assert_int_equal(
        json_array_size(json_object_get(json_object_get(message, "allowed_mentions"), "parse")), 0);
    assert_null(json_object_get(json_object_get(message, "allowed_mentions"), "users"));
    return mem_strdup(json_get_str(message, "content", ""));
}

static void a_private_answer_is_never_shown_in_the_channel(void **state)
{
    struct event *events[] = {asked(EVENT_PRIVATE), asked(0)};
    static const char *const places[] = {DISCORD_PLACE_ORIGINAL, DISCORD_PLACE_INSTEAD};

    (void)state;
    for (size_t i = 0; i < COUNT(events); i++) {
        struct outbox_row row = {.kind = "private",
                                 .gateway = (char *)"discord:0",
                                 .channel = (char *)"3",
                                 .reply_to = (char *)(uintptr_t)places[i],
                                 .body = (char *)"between us",
                                 .event = events[i],
                                 .detached = true};

        for (int create = 0; create < 2; create++) {
            _cleanup_mem_ char *content = content_of(&row, create);

            assert_null(strstr(content, "between us"));
            assert_non_null(strstr(content, "<@4> my answer to /paint can't be shown"));
            assert_true(discord_outbox_shows(&row, content));
        }
        event_unref(events[i]);
    }
}

static void a_public_answer_stands_in_the_channel_with_the_name(void **state)
{
    struct event *event = asked(0);
    char longest[2001];
    struct outbox_row row = {.kind = "reply",
                             .gateway = (char *)"discord:0",
                             .channel = (char *)"3",
                             .reply_to = (char *)DISCORD_PLACE_ORIGINAL,
                             .body = (char *)"all white",
                             .event = event,
                             .detached = true};
    _cleanup_mem_ char *content = content_of(&row, true), *whole = NULL;

    (void)state;
    assert_string_equal(content, "<@4> /paint: all white");
    memset(longest, 'x', 2000);
    longest[2000] = '\0';
    row.body = longest;
    whole = content_of(&row, true);
    assert_string_equal(whole, longest); /* nothing of the answer is lost to the name */
    event_unref(event);
}

static void a_private_followup_is_marked_as_such(void **state)
{
    struct event *event = asked(0);
    struct outbox_row row = {.kind = "private",
                             .gateway = (char *)"discord:0",
                             .channel = (char *)"3",
                             .reply_to = (char *)DISCORD_PLACE_PRIVATE,
                             .body = (char *)"between us",
                             .event = event};
    _cleanup_buf_ struct buf body = BUF_INIT;
    _cleanup_json_ json_t *message = NULL;

    (void)state;
    discord_outbox_write(&row, true, &body);
    assert_status(json_parse(body.data, body.len, &message, NULL), TROUPE_OK);
    assert_int_equal(json_get_int(message, "flags", 0), 64);
    assert_null(json_object_get(message, "nonce"));
    assert_null(json_object_get(message, "message_reference"));
    event_unref(event);
}

static void a_command_event_survives_the_store(void **state)
{
    struct event *event = asked(EVENT_PRIVATE), *back = NULL;
    _cleanup_mem_ char *payload = event_print(event);

    (void)state;
    assert_status(event_parse(payload, strlen(payload), &back, NULL), TROUPE_OK);
    assert_string_equal(back->command, "walls.paint");
    assert_string_equal(back->content, "{}");
    assert_string_equal(back->token, "secret");
    assert_int_equal(back->flags, EVENT_DEFERRED | EVENT_PRIVATE);
    event_unref(back);
    event_unref(event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parameters_become_options_of_their_types),
        cmocka_unit_test(who_may_use_it_decides_whom_it_is_offered),
        cmocka_unit_test(more_choices_than_are_shown_are_offered_while_somebody_types),
        cmocka_unit_test(choices_that_weigh_too_much_are_offered_while_somebody_types),
        cmocka_unit_test(what_does_not_fit_is_named_and_the_rest_is_registered),
        cmocka_unit_test(a_long_description_is_cut_between_characters),
        cmocka_unit_test(what_discord_has_already_is_not_put_again),
        cmocka_unit_test(each_change_of_a_command_is_seen),
        cmocka_unit_test(commands_of_other_kinds_stay_when_ours_are_put),
        cmocka_unit_test(entries_of_menus_have_a_name_and_a_kind),
        cmocka_unit_test(menus_have_bounds_of_their_own),
        cmocka_unit_test(menus_are_put_only_where_they_differ),
        cmocka_unit_test(the_target_of_a_menu_becomes_arguments),
        cmocka_unit_test(options_become_the_arguments_of_the_function),
        cmocka_unit_test(a_file_is_its_place_in_the_event),
        cmocka_unit_test(an_answer_has_its_place_by_who_may_see_it),
        cmocka_unit_test(a_private_answer_is_never_shown_in_the_channel),
        cmocka_unit_test(a_public_answer_stands_in_the_channel_with_the_name),
        cmocka_unit_test(a_private_followup_is_marked_as_such),
        cmocka_unit_test(a_command_event_survives_the_store),
    };

    return cmocka_run_group_tests_name("gateway/discord_command", tests, NULL, NULL);
}
