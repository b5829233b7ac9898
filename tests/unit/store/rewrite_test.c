/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include "base/error.h"
#include "base/mem.h"
#include "store/migrate.h"
#include "store/rewrite.h"

#include <string.h>

static const struct store_dialect sqlite = {.placeholder = '?', .joint = "__"};
static const struct store_dialect postgres = {.placeholder = '$', .joint = "\".\""};

static void expect_text(const struct store_dialect *dialect, const char *ns, const char *sql,
                        const char *want)
{
    struct store_sql got;
    struct error err = {0};

    if (store_rewrite(dialect, sql, ns, STORE_SQL_ONE, &got, &err) != TROUPE_OK)
        fail_msg("%s: %s", sql, err.text);
    assert_string_equal(got.text, want);
    store_sql_clear(&got);
}

static void a_table_in_braces_becomes_the_namespaces_own(void **state)
{
    (void)state;
    expect_text(&sqlite, "echo", "SELECT a FROM {history}", "SELECT a FROM \"echo__history\"");
    expect_text(&sqlite, "org.example.x-1", "DELETE FROM {a}, {b_2}",
                "DELETE FROM \"org.example.x-1__a\", \"org.example.x-1__b_2\"");
    expect_text(&postgres, "echo", "SELECT a FROM {history} WHERE b = ?1",
                "SELECT a FROM \"echo\".\"history\" WHERE b = $1");
}

static void braces_in_strings_comments_and_identifiers_are_left_alone(void **state)
{
    static const char *const texts[] = {
        "SELECT '{a}'",          "SELECT '{\"a\": ?, :b}'",    "SELECT 'it''s {a}'",
        "SELECT \"{a}\" FROM t", "SELECT \"a\"\"{b}\" FROM t", "SELECT `{a}` FROM t",
        "SELECT [{a}] FROM t",   "SELECT 1 -- {a} ? :b",       "SELECT 1 /* {a} ' ? */ + 2",
        "SELECT x'7b617d'",      "SELECT 1 /* not closed {a}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        expect_text(&sqlite, "echo", texts[i], texts[i]);
}

static void parameters_get_one_number_each(void **state)
{
    struct store_sql got;

    (void)state;
    assert_status(store_rewrite(&sqlite,
                                "SELECT :member, ?, ?2, :member, ?1, :own, '?' FROM {t} "
                                "WHERE a::text = ?",
                                "echo", STORE_SQL_ONE, &got, NULL),
                  TROUPE_OK);
    assert_string_equal(got.text,
                        "SELECT ?1, ?2, ?3, ?1, ?2, ?4, '?' FROM \"echo__t\" WHERE a::text = ?5");
    assert_int_equal(got.slot_count, 5);
    assert_int_equal(got.positions, 3);
    assert_string_equal(got.slots[0].name, "member");
    assert_int_equal(got.slots[1].position, 1);
    assert_int_equal(got.slots[2].position, 2);
    assert_string_equal(got.slots[3].name, "own");
    assert_int_equal(got.slots[4].position, 3);
    store_sql_clear(&got);
}

struct refusal {
    const char *sql;
    troupe_status status;
    const char *says;
};

static void what_cannot_stand_is_refused_with_its_line(void **state)
{
    static const struct refusal table[] = {
        {"SELECT 1; SELECT 2", TROUPE_DENIED, "second statement"},
        {"SELECT 1;\n;\n/* */ x", TROUPE_DENIED, "line 3: a second statement"},
        {"SELECT {", TROUPE_ARGUMENT, "table's name"},
        {"SELECT {}", TROUPE_ARGUMENT, "table's name"},
        {"SELECT {a b}", TROUPE_ARGUMENT, "table's name"},
        {"SELECT {1a}", TROUPE_ARGUMENT, "table's name"},
        {"SELECT {a\"; --}", TROUPE_ARGUMENT, "table's name"},
        {"SELECT\n'abc", TROUPE_ARGUMENT, "line 2: ' is not closed"},
        {"SELECT \"abc", TROUPE_ARGUMENT, "not closed"},
        {"SELECT ?0", TROUPE_ARGUMENT, "?1 to"},
        {"SELECT ?1000", TROUPE_ARGUMENT, "?1 to"},
        {"SELECT ?99999999999999999999", TROUPE_ARGUMENT, "?1 to"},
        {"SELECT : a", TROUPE_ARGUMENT, "parameter's name"},
        {"SELECT $a", TROUPE_ARGUMENT, "not understood"},
        {"SELECT @a", TROUPE_ARGUMENT, "not understood"},
        {"SELECT }", TROUPE_ARGUMENT, "not understood"},
        {"SELECT * FROM sqlite_master", TROUPE_DENIED, "database's own"},
        {"SELECT * FROM main.\"SQLite_Schema\"", TROUPE_DENIED, "database's own"},
        {"SELECT * FROM [sqlite_sequence]", TROUPE_DENIED, "database's own"},
        {"PRAGMA user_version", TROUPE_DENIED, "may not begin"},
        {"  /* c */ vacuum", TROUPE_DENIED, "may not begin"},
        {"(SELECT 1)", TROUPE_DENIED, "may not begin"},
        {"CREATE TABLE {a} (b)", TROUPE_DENIED, "may not begin"},
        {"", TROUPE_ARGUMENT, "no statement"},
        {" ; -- nothing", TROUPE_ARGUMENT, "no statement"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct store_sql got;
        struct error err = {0};
        troupe_status status =
            store_rewrite(&sqlite, table[i].sql, "echo", STORE_SQL_ONE, &got, &err);

        if (status != table[i].status || !strstr(err.text, table[i].says))
            fail_msg("%s gives %s: %s", table[i].sql, status_name(status), err.text);
    }
}

static void the_core_writes_any_statement_but_no_braces(void **state)
{
    struct store_sql got;
    struct error err;

    (void)state;
    expect_text(&sqlite, NULL, "PRAGMA user_version;", "PRAGMA user_version;");
    expect_text(&sqlite, NULL, "SELECT name FROM sqlite_master", "SELECT name FROM sqlite_master");
    assert_status(store_rewrite(&sqlite, "SELECT 1 FROM {a}", NULL, STORE_SQL_ONE, &got, &err),
                  TROUPE_ARGUMENT);
    assert_status(store_rewrite(&sqlite, "SELECT 1; SELECT 2", NULL, STORE_SQL_ONE, &got, &err),
                  TROUPE_ARGUMENT);
}

static void sizes_are_bounded(void **state)
{
    char *text = mem_alloc(STORE_SQL_MAX + 64);
    struct store_sql got;
    struct error err;

    (void)state;
    memset(text, ' ', STORE_SQL_MAX + 63);
    memcpy(text, "SELECT 1", 8);
    text[STORE_SQL_MAX + 63] = '\0';
    assert_status(store_rewrite(&sqlite, text, NULL, STORE_SQL_ONE, &got, &err), TROUPE_LIMIT);
    text[STORE_SQL_MAX - 1] = '\0'; /* fits, but not with what the braces become */
    assert_status(store_rewrite(&sqlite, text, "echo", STORE_SQL_ONE, &got, &err), TROUPE_OK);
    store_sql_clear(&got);
    memcpy(text, "SELECT {a}", 10);
    assert_status(store_rewrite(&sqlite, text, "echo", STORE_SQL_ONE, &got, &err), TROUPE_LIMIT);
    memcpy(text, "SELECT ", 7);
    for (size_t i = 0; i < STORE_PARAMETERS_MAX + 1; i++)
        memcpy(text + 7 + 2 * i, "?,", 2);
    memcpy(text + 7 + 2 * (STORE_PARAMETERS_MAX + 1), "1", 2);
    assert_true(store_rewrite(&sqlite, text, NULL, STORE_SQL_ONE, &got, &err) < 0);
    mem_free(text);
}

static void no_two_namespaces_can_share_a_name(void **state)
{
    static const char *const good[] = {"echo", "a", "org.example.dice", "a-b", "x_1"};
    static const char *const bad[] = {"",    "Echo", "1a", "a__b", "a_",       "core",
                                      "a b", "a\"b", "_a", "a/b",  "\xc3\xa4", ".a"};
    char longest[STORE_NAME_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(store_ns_valid(good[i]));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (store_ns_valid(bad[i]))
            fail_msg("\"%s\" passes", bad[i]);
    assert_false(store_ns_valid(NULL));
    memset(longest, 'a', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_false(store_ns_valid(longest));
    longest[STORE_NAME_MAX] = '\0';
    assert_true(store_ns_valid(longest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_in_braces_becomes_the_namespaces_own),
        cmocka_unit_test(braces_in_strings_comments_and_identifiers_are_left_alone),
        cmocka_unit_test(parameters_get_one_number_each),
        cmocka_unit_test(what_cannot_stand_is_refused_with_its_line),
        cmocka_unit_test(the_core_writes_any_statement_but_no_braces),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(no_two_namespaces_can_share_a_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
