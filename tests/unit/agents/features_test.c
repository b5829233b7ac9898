/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent for feature requests, with its tables in SQLite: limits, pages, votes, what is decided and told, and
 * that members' words are never markup.
 */
#include "fake_turn.h"
#include "tap.h"

#include "features/show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const troupe_plugin *troupe_plugin_v1(void);

typedef troupe_status (*submit_fn)(troupe_turn *, troupe_str, troupe_str, int32_t);
typedef troupe_status (*list_fn)(troupe_turn *, troupe_str, int64_t);
typedef troupe_status (*number_fn)(troupe_turn *, int64_t);
typedef troupe_status (*decide_fn)(troupe_turn *, int64_t, troupe_str, troupe_str);

static troupe_str str(const char *text)
{
    return (troupe_str){text, strlen(text)};
}

static struct fake_turn *keeper(const char *key, const char *value)
{
    struct fake_turn *fake = fake_turn_new(troupe_plugin_v1(), "features");

    if (key)
        fake_config(fake, key, value);
    fake->has_schedule = 1;
    fake->has_message = 1;
    assert_int_equal(fake_create(fake), TROUPE_OK);
    return fake;
}

static troupe_status submits(struct fake_turn *fake, const char *title, const char *description)
{
    fake_next(fake);
    fake->random++; /* a key of its own */
    return ((submit_fn)fake_function(fake, "submit-feature"))(&fake->turn, str(title),
                                                              str(description), 0);
}

static const char *shows(struct fake_turn *fake, int64_t number)
{
    fake_next(fake);
    assert_int_equal(((number_fn)fake_function(fake, "feature"))(&fake->turn, number), TROUPE_OK);
    return fake->reply.ptr;
}

static const char *lists(struct fake_turn *fake, const char *status, int64_t page)
{
    fake_next(fake);
    assert_int_equal(((list_fn)fake_function(fake, "features"))(&fake->turn, str(status), page),
                     TROUPE_OK);
    return fake->reply.ptr;
}

static troupe_status decides(struct fake_turn *fake, int64_t number, const char *to,
                             const char *reason)
{
    fake_next(fake);
    return ((decide_fn)fake_function(fake, "feature-status"))(&fake->turn, number, str(to),
                                                              str(reason));
}

static troupe_status with_number(struct fake_turn *fake, const char *name, int64_t number)
{
    fake_next(fake);
    return ((number_fn)fake_function(fake, name))(&fake->turn, number);
}

static int64_t count(struct fake_turn *fake, const char *sql)
{
    sqlite3_stmt *statement;
    int64_t ret;

    assert_int_equal(sqlite3_prepare_v2(fake->db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    ret = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return ret;
}

/* ---- what is shown ----------------------------------------------------------------------------*/

static void what_members_wrote_is_never_markup(void **state)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        {"Dark mode", "Dark mode"},
        {"  two\n\nlines\tand  more ", "two lines and more"},
        {"**bold** _x_ ~~y~~ `z` ||s||",
         "\\*\\*bold\\*\\* \\_x\\_ \\~\\~y\\~\\~ \\`z\\` \\|\\|s\\|\\|"},
        {"<@400000000000000001> @everyone", "\\<\\@400000000000000001> \\@everyone"},
        {"[here](https://evil.example)", "\\[here\\](https\\://evil.example)"},
        {"# large", "\\# large"},
        {"- list", "\\- list"},
        {"> quote", "\\> quote"},
        {"a - b # c > d", "a - b # c > d"},
        {"back\\slash", "back\\\\slash"},
        {"a\u202Eb\u200Bc\uFEFFd\x07"
         "e\xc2\x85"
         "f",
         "abcdef"},
        {"Grüße 猫", "Grüße 猫"},
        {"", ""},
    };
    char shown[256];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        show_plain(str(cases[i].text), 100, shown, sizeof(shown));
        assert_string_equal(shown, cases[i].shown);
    }
    /* Cut between characters, by their number and by room. */
    show_plain(str("猫猫猫猫"), 3, shown, sizeof(shown));
    assert_string_equal(shown, "猫猫猫…");
    show_plain(str("one\ntwo"), 3, shown, sizeof(shown));
    assert_string_equal(shown, "one…");
    show_plain(str("猫猫猫猫"), 100, shown, 16);
    assert_string_equal(shown, "猫猫…");
    show_quoted(str("one\n\n# two\r\nthree"), shown, sizeof(shown));
    assert_string_equal(shown, "> one\n> \n> \\# two\n> three");
}

static void a_link_is_made_of_what_is_known(void **state)
{
    struct request_row row = {.channel = {"7", 1}, .message = 55};
    char link[SHOW_LINK_MAX];

    (void)state;
    show_link("https://x/{guild}/{channel}/{message}?{other}", 3, &row, link);
    assert_string_equal(link, "https://x/3/7/55?{other}");
    show_link("", 3, &row, link);
    assert_string_equal(link, "");
    row.message = 0;
    show_link("https://x/{message}", 3, &row, link);
    assert_string_equal(link, "");
}

static void the_longest_texts_have_room(void **state)
{
    static char title[REQUEST_TITLE_MAX], description[REQUEST_DESCRIPTION_MAX],
        reason[REQUEST_REASON_MAX];
    struct request_row row = {.title = {title, sizeof(title)},
                              .description = {description, sizeof(description)},
                              .reason = {reason, sizeof(reason)},
                              .status = {"declined", 8},
                              .number = INT64_MAX,
                              .votes = INT64_MAX};
    char *whole = malloc(SHOW_WHOLE_MAX), line[SHOW_LINE_MAX];

    (void)state;
    memset(title, '*', sizeof(title));
    memset(description, '*', sizeof(description));
    memset(reason, '*', sizeof(reason));
    assert_true(show_line(&row, line) < SHOW_LINE_MAX);
    assert_true(show_whole(&row, "https://x", whole) < SHOW_WHOLE_MAX);
    assert_non_null(strstr(whole, "<https://x>"));
    memset(description, '\n', sizeof(description));
    assert_true(show_whole(&row, "https://x", whole) < SHOW_WHOLE_MAX);
    assert_non_null(strstr(whole, "<https://x>"));
    free(whole);
}

/* ---- the life of a request --------------------------------------------------------------------*/

static void a_request_is_kept_listed_and_shown(void **state)
{
    struct fake_turn *fake = keeper(NULL, NULL);

    (void)state;
    assert_int_equal(submits(fake, "Dark *mode*", "My eyes\nhurt"), TROUPE_OK);
    assert_string_equal(fake->reply.ptr,
                        "Kept as request #1: Dark \\*mode\\*\n"
                        "-# you are told here when it is decided; /features lists all");
    assert_string_equal(fake->planned_key, "look");
    assert_int_equal(submits(fake, "Light mode", ""), TROUPE_OK);
    assert_string_equal(lists(fake, "all", 1), "**#2** Light mode (open, 0 votes)\n"
                                               "**#1** Dark \\*mode\\* (open, 0 votes)");
    assert_true(fake_text_has(&fake->reply, "#1"));
    shows(fake, 1);
    assert_true(fake_text_has(&fake->reply, "> My eyes\n> hurt"));
    assert_true(fake_text_has(&fake->reply, "<https://discord.com/channels/3/7/"));
    /* The same once more is none. */
    assert_int_equal(submits(fake, "Light mode", "other words"), TROUPE_OK);
    assert_true(fake_text_has(&fake->reply, "it is #2"));
    assert_int_equal(count(fake, "SELECT COUNT(*) FROM features__feature_requests"), 2);
    /* Nor is one without a word. */
    assert_int_equal(submits(fake, " *** ", ""), TROUPE_ARGUMENT);
    assert_string_equal(fake->code, "features.title");
    fake_next(fake);
    assert_int_equal(with_number(fake, "feature", 3), TROUPE_NOT_FOUND);
    assert_string_equal(fake->code, "features.none");
    fake_turn_free(fake);
}

static void where_a_pull_request_is_wanted_it_says_that_nobody_makes_one(void **state)
{
    struct fake_turn *fake = keeper(NULL, NULL);

    (void)state;
    assert_int_equal(
        ((submit_fn)fake_function(fake, "submit_feature"))(&fake->turn, str("Stars"), str(""), 1),
        TROUPE_OK);
    assert_true(fake_text_has(&fake->reply, "Kept as request #1: Stars\n"));
    assert_true(fake_text_has(&fake->reply, "no pull request is made"));
    fake_turn_free(fake);
}

static void pages_have_ten_and_say_where_they_are(void **state)
{
    struct fake_turn *fake = keeper(NULL, NULL);
    char title[32];
    int lines = 0;

    (void)state;
    for (int i = 1; i <= 12; i++) {
        snprintf(title, sizeof(title), "wish %d", i);
        assert_int_equal(submits(fake, title, ""), TROUPE_OK);
    }
    for (const char *at = lists(fake, "all", 1); *at; at++)
        lines += *at == '\n';
    assert_int_equal(lines, 10);
    assert_true(fake_text_has(&fake->reply, "\n-# page 1 of 2; page= shows the others"));
    assert_true(fake_text_has(&fake->reply, "**#12** wish 12"));
    assert_string_equal(lists(fake, "open", 2), "**#2** wish 2 (open, 0 votes)\n"
                                                "**#1** wish 1 (open, 0 votes)\n"
                                                "-# page 2 of 2");
    assert_string_equal(lists(fake, "open", 3), "There are only 2 pages.");
    assert_string_equal(lists(fake, "done", 1),
                        "There are no such requests here. /request-feature makes one.");
    fake_turn_free(fake);
}

static void a_member_and_a_server_have_only_so_many(void **state)
{
    struct fake_turn *fake = keeper("most_member", "2");

    (void)state;
    assert_int_equal(submits(fake, "one", ""), TROUPE_OK);
    assert_int_equal(submits(fake, "two", ""), TROUPE_OK);
    assert_int_equal(submits(fake, "three", ""), TROUPE_LIMIT);
    assert_true(strstr(fake->sentence, "You have 2 open requests here") != NULL);
    fake->message.author = 43;
    assert_int_equal(submits(fake, "three", ""), TROUPE_OK);
    fake_turn_free(fake);

    fake = keeper("most", "1");
    assert_int_equal(submits(fake, "one", ""), TROUPE_OK);
    fake->message.author = 43;
    assert_int_equal(submits(fake, "two", ""), TROUPE_LIMIT);
    assert_true(strstr(fake->sentence, "There are 1 open requests here") != NULL);
    /* What is done makes room. */
    assert_int_equal(decides(fake, 1, "done", ""), TROUPE_OK);
    assert_int_equal(submits(fake, "two", ""), TROUPE_OK);
    fake_turn_free(fake);
}

static void a_vote_is_one_and_may_be_taken_back(void **state)
{
    struct fake_turn *fake = keeper(NULL, NULL);

    (void)state;
    assert_int_equal(submits(fake, "one", ""), TROUPE_OK);
    assert_int_equal(with_number(fake, "vote-feature", 1), TROUPE_OK);
    fake->message.author = 43;
    assert_int_equal(with_number(fake, "vote-feature", 1), TROUPE_OK);
    assert_string_equal(lists(fake, "all", 1), "**#1** one (open, 2 votes)");
    assert_int_equal(with_number(fake, "vote-feature", 1), TROUPE_OK);
    assert_string_equal(fake->reply.ptr, "Your vote for request #1 is taken back.");
    assert_string_equal(lists(fake, "all", 1), "**#1** one (open, 1 vote)");
    assert_int_equal(decides(fake, 1, "done", ""), TROUPE_OK);
    assert_int_equal(with_number(fake, "vote-feature", 1), TROUPE_OK);
    assert_string_equal(fake->reply.ptr, "Request #1 is done already.");
    fake_turn_free(fake);
}

static void only_who_asked_takes_it_back_and_its_number_is_not_given_again(void **state)
{
    struct fake_turn *fake = keeper(NULL, NULL);

    (void)state;
    assert_int_equal(submits(fake, "one", ""), TROUPE_OK);
    assert_int_equal(with_number(fake, "vote-feature", 1), TROUPE_OK);
    fake->message.author = 43;
    assert_int_equal(with_number(fake, "withdraw-feature", 1), TROUPE_DENIED);
    assert_string_equal(fake->code, "features.not_yours");
    fake->message.author = 42;
    assert_int_equal(with_number(fake, "withdraw-feature", 1), TROUPE_OK);
    assert_int_equal(count(fake, "SELECT (SELECT COUNT(*) FROM features__feature_requests) + "
                                 "(SELECT COUNT(*) FROM features__feature_votes)"),
                     0);
    assert_int_equal(submits(fake, "one", ""), TROUPE_OK);
    assert_true(fake_text_has(&fake->reply, "#2"));
    fake_turn_free(fake);
}

static void another_server_sees_none_of_it(void **state)
{
    struct fake_turn *fake = keeper(NULL, NULL);

    (void)state;
    assert_int_equal(submits(fake, "one", ""), TROUPE_OK);
    fake->message.guild = 4;
    assert_string_equal(lists(fake, "all", 1),
                        "There are no such requests here. /request-feature makes one.");
    assert_int_equal(with_number(fake, "feature", 1), TROUPE_NOT_FOUND);
    assert_int_equal(decides(fake, 1, "done", ""), TROUPE_NOT_FOUND);
    assert_int_equal(submits(fake, "other", ""), TROUPE_OK);
    assert_true(fake_text_has(&fake->reply, "#1: other"));
    fake->message.guild = 0;
    assert_int_equal(submits(fake, "two", ""), TROUPE_UNSUPPORTED);
    assert_string_equal(fake->code, "features.no_guild");
    fake_turn_free(fake);
}

/* ---- telling ----------------------------------------------------------------------------------*/

static void who_asked_is_told_once_and_looked_for_until_all_is_decided(void **state)
{
    struct fake_turn *fake = keeper(NULL, NULL);
    unsigned planned;

    (void)state;
    assert_int_equal(submits(fake, "one", ""), TROUPE_OK);
    assert_int_equal(submits(fake, "two", ""), TROUPE_OK);
    assert_string_equal(fake->planned, "42");
    assert_int_equal(decides(fake, 1, "declined", " "), TROUPE_ARGUMENT);
    assert_string_equal(fake->code, "features.reason");
    assert_int_equal(decides(fake, 1, "declined", "too *dark*"), TROUPE_OK);
    assert_int_equal(decides(fake, 2, "planned", ""), TROUPE_OK);
    fake_next(fake);
    planned = fake->planned_count;
    assert_int_equal(fake_job(fake), TROUPE_OK);
    assert_string_equal(fake->reply.ptr, "<@42> what you wished for:\n"
                                         "**#1** one (declined, 0 votes): too \\*dark\\*\n"
                                         "**#2** two (planned, 0 votes)");
    assert_int_equal(fake->planned_count, planned + 1);
    /* Once. */
    fake_next(fake);
    assert_int_equal(fake_job(fake), TROUPE_DONE);
    assert_int_equal(fake->reply_count, 0);
    assert_int_equal(fake->planned_count, planned + 2);
    /* What fails is looked for again. */
    fake_next(fake);
    fake->sql_status = TROUPE_UNAVAILABLE;
    assert_int_equal(fake_job(fake), TROUPE_DONE);
    assert_int_equal(fake->reply_count, 0);
    assert_int_equal(fake->planned_count, planned + 3);
    fake->sql_status = TROUPE_OK;
    /* The last one, and there is nothing to look for. */
    assert_int_equal(decides(fake, 2, "done", ""), TROUPE_OK);
    fake_next(fake);
    assert_int_equal(fake_job(fake), TROUPE_OK);
    assert_string_equal(fake->reply.ptr, "<@42> what you wished for:\n"
                                         "**#2** two (done, 0 votes)");
    assert_int_equal(fake->planned_count, planned + 3);
    fake_turn_free(fake);
}

static void without_storage_it_says_so(void **state)
{
    struct fake_turn *fake = keeper(NULL, NULL);

    (void)state;
    fake->sql_status = TROUPE_UNAVAILABLE;
    assert_int_equal(submits(fake, "one", ""), TROUPE_UNAVAILABLE);
    assert_string_equal(fake->code, "features.storage");
    fake_turn_free(fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_members_wrote_is_never_markup),
        cmocka_unit_test(a_link_is_made_of_what_is_known),
        cmocka_unit_test(the_longest_texts_have_room),
        cmocka_unit_test(a_request_is_kept_listed_and_shown),
        cmocka_unit_test(where_a_pull_request_is_wanted_it_says_that_nobody_makes_one),
        cmocka_unit_test(pages_have_ten_and_say_where_they_are),
        cmocka_unit_test(a_member_and_a_server_have_only_so_many),
        cmocka_unit_test(a_vote_is_one_and_may_be_taken_back),
        cmocka_unit_test(only_who_asked_takes_it_back_and_its_number_is_not_given_again),
        cmocka_unit_test(another_server_sees_none_of_it),
        cmocka_unit_test(who_asked_is_told_once_and_looked_for_until_all_is_decided),
        cmocka_unit_test(without_storage_it_says_so),
    };

    return cmocka_run_group_tests_name("features", tests, NULL, NULL);
}
