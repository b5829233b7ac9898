/* SPDX-License-Identifier: Apache-2.0
 *
 * Encryption at rest: what is sealed is read in its own place by its own key only; in a file and in a
 * server that the program starts itself.
 */
#include "server_fixture.h"
#include "store_fixture.h"

#include "base/buf.h"
#include "store/catalog.h"
#include "store/rewrite.h"
#include "store/seal.h"

#include <string.h>

#define KEY   "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

static const char canary[] = "yellow-bird-4711";

static int databases;
static char sqlite[] = "sqlite", postgresql[] = "postgresql";

/* ---- values ---------------------------------------------------------------------------------- */

static struct seal *seal_of(const char *key, const char *old)
{
    struct seal_keys keys;
    struct seal *seal;

    assert_status(seal_keys_parse(key, old, &keys, NULL), TROUPE_OK);
    assert_status(seal_new(&keys, &seal, NULL), TROUPE_OK);
    seal_keys_clear(&keys);
    return seal;
}

static struct seal_place place_of(const char *ns, const char *place, int64_t id)
{
    return (struct seal_place){
        .ns = ns, .place = place, .identity = {store_int(id)}, .identity_count = 1};
}

static bool same(const struct store_value *a, const struct store_value *b)
{
    return a->type == b->type && a->len == b->len &&
           (!a->len || memcmp(a->data, b->data, a->len) == 0);
}

static void what_is_sealed_comes_back_as_it_was(void **state)
{
    static const char bytes[] = "\0\1\2 bytes \xff with anything";
    struct seal *seal = seal_of(KEY, NULL);
    struct seal_place place = place_of(NULL, "note.text", 7);
    const struct store_value values[] = {
        store_text(canary),    store_text("a"),   store_text("ab"),       store_text("abc"),
        store_blob(bytes, 25), store_text(""),    store_null(),           store_int(5),
        store_double(2.5),     store_blob("", 0), store_text("~seal1:x"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        bool encrypted = values[i].len > 0;
        struct store_value sealed, opened;

        assert_status(seal_value(seal, &place, &values[i], &sealed, NULL), TROUPE_OK);
        assert_int_equal(seal_is(&sealed, NULL), encrypted);
        assert_int_equal(sealed.type, values[i].type);
        if (encrypted)
            assert_null(memmem(sealed.data, sealed.len, values[i].data, values[i].len + 1));
        assert_status(seal_open(seal, &place, &sealed, &opened, NULL), TROUPE_OK);
        assert_true(same(&opened, &values[i]) || !encrypted);
        seal_reset(seal);
    }
    seal_free(seal);
}

static void a_value_that_was_moved_or_altered_is_refused(void **state)
{
    struct seal *seal = seal_of(KEY, NULL);
    const struct seal_place place = place_of("echo", "note.text", 7);
    const struct seal_place wrong[] = {
        place_of("echo", "note.text", 8), place_of("echo", "note.title", 7),
        place_of("other", "note.text", 7), place_of(NULL, "note.text", 7)};
    const struct store_value plain = store_text(canary), blob = store_blob(canary, 16);
    struct store_value sealed, opened;
    struct error err;
    char *copy;

    (void)state;
    assert_status(seal_value(seal, &place, &plain, &sealed, NULL), TROUPE_OK);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_status(seal_open(seal, &wrong[i], &sealed, &opened, &err), TROUPE_DATA);
        assert_null(strstr(err.text, canary));
    }
    assert_status(seal_value(seal, &place, &blob, &sealed, NULL), TROUPE_OK);
    copy = mem_copy(sealed.data, sealed.len);
    for (size_t i = SEAL_PREFIX_SIZE; i < sealed.len; i++) {
        const struct store_value altered = store_blob(copy, sealed.len);

        copy[i] ^= 1;
        assert_status(seal_open(seal, &place, &altered, &opened, NULL), TROUPE_DATA);
        copy[i] ^= 1;
        assert_status(seal_open(seal, &place,
                                &(struct store_value){.type = STORE_BLOB, .data = copy, .len = i},
                                &opened, NULL),
                      i == SEAL_PREFIX_SIZE ? TROUPE_OK
                                            : TROUPE_DATA); /* the bare head is no value */
    }
    mem_free(copy);
    seal_free(seal);
}

/* The salt is a connection's, the counter a value's: both in clear, so both can be compared. */
static void no_nonce_comes_twice_under_a_key(void **state)
{
    enum { HEAD = SEAL_PREFIX_SIZE, SALT = 16, COUNTER = 8 };
    struct seal_place place = place_of(NULL, "note.text", 7);
    const struct store_value plain = store_blob(canary, 16);
    char salts[3][SALT];

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct seal *seal = seal_of(KEY, NULL);

        for (uint64_t count = 0; count < 1000; count++) {
            struct store_value sealed;
            uint64_t counted = 0;

            assert_status(seal_value(seal, &place, &plain, &sealed, NULL), TROUPE_OK);
            for (int k = 0; k < COUNTER; k++)
                counted = counted << 8 | (unsigned char)sealed.data[HEAD + SALT + k];
            assert_int_equal(counted, count);
            if (count)
                assert_memory_equal(salts[i], sealed.data + HEAD, SALT);
            memcpy(salts[i], sealed.data + HEAD, SALT);
            seal_reset(seal);
        }
        seal_free(seal);
    }
    assert_memory_not_equal(salts[0], salts[1], SALT);
    assert_memory_not_equal(salts[1], salts[2], SALT);
}

static void old_keys_read_and_a_key_is_in_no_error(void **state)
{
    static const char *const wrong[] = {"abc", KEY "0", "g" KEY, KEY "x", "0123456789"};
    struct seal_place place = place_of(NULL, "note.text", 7);
    const struct store_value plain = store_text(canary);
    struct seal *before = seal_of(OTHER, NULL), *now = seal_of(KEY, " " OTHER ", ");
    struct store_value sealed, opened, again;
    struct seal_keys keys;
    struct error err;

    (void)state;
    assert_status(seal_value(before, &place, &plain, &sealed, NULL), TROUPE_OK);
    assert_status(seal_open(now, &place, &sealed, &opened, NULL), TROUPE_OK);
    assert_true(same(&opened, &plain));
    assert_status(seal_value(now, &place, &plain, &again, NULL), TROUPE_OK);
    assert_memory_not_equal(sealed.data, again.data, SEAL_PREFIX_SIZE);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_status(seal_keys_parse(wrong[i], NULL, &keys, &err), TROUPE_ARGUMENT);
        assert_non_null(strstr(err.text, "openssl rand -hex 32"));
        assert_null(strstr(err.text, wrong[i]));
    }
    seal_free(before);
    seal_free(now);
}

/* ---- SQL ------------------------------------------------------------------------------------- */

static void the_words_are_gone_before_a_database_sees_them(void **state)
{
    static const struct store_dialect plain = {.placeholder = '?', .joint = "__"},
                                      seals = {.placeholder = '?', .joint = "__", .seals = true};
    static const struct {
        const char *sql, *plain, *sealed;
    } texts[] = {
        {"INSERT INTO t (a, b) VALUES (?1, seal(?2, 't.b', ?1))",
         "INSERT INTO t (a, b) VALUES (?1, ?2)", "INSERT INTO t (a, b) VALUES (?1, ?2)"},
        {"UPDATE t SET b = SEAL ( ?1 , 't.b' , :id, 0, 'x' ) WHERE id = :id AND b <> ?1",
         "UPDATE t SET b = ?1 WHERE id = ?2 AND b <> ?1",
         "UPDATE t SET b = ?1 WHERE id = ?2 AND b <> ?3"},
        {"SELECT unseal(coalesce(b, ')'), 't.b', t.id, t.n), c FROM t",
         "SELECT coalesce(b, ')'), c FROM t",
         "SELECT coalesce(b, ')') AS \"~unseal:t.b\", t.id AS \"~identity\", t.n AS \"~identity\", "
         "c FROM t"},
        {"SELECT sealed, 'seal(x)' FROM seal", "SELECT sealed, 'seal(x)' FROM seal",
         "SELECT sealed, 'seal(x)' FROM seal"},
    };
    static const char *const wrong[] = {
        "SELECT unseal(b)",          "SELECT unseal(b, 't.b')",
        "SELECT unseal(b, t.b, id)", "SELECT unseal(b, 't.b', ",
        "SELECT unseal(b, '', a)",   "INSERT INTO t VALUES (seal(b, 't.b', a))",
        "SELECT seal(?1)",           "SELECT seal(?1, 't.b')",
        "SELECT seal(?, 't.b', ?1)", "SELECT seal('x', 't', 1)",
        "SELECT seal(?1, 't.b', 1",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct store_sql sql;

        assert_status(store_rewrite(&plain, texts[i].sql, NULL, STORE_SQL_ONE, &sql, NULL),
                      TROUPE_OK);
        assert_string_equal(sql.text, texts[i].plain);
        store_sql_clear(&sql);
        assert_status(store_rewrite(&seals, texts[i].sql, NULL, STORE_SQL_ONE, &sql, NULL),
                      TROUPE_OK);
        assert_string_equal(sql.text, texts[i].sealed);
        assert_int_equal(sql.unseals, strstr(texts[i].sealed, "~unseal") != NULL);
        store_sql_clear(&sql);
    }
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct store_sql sql;
        struct error err = {0};

        assert_status(store_rewrite(&seals, wrong[i], NULL, STORE_SQL_ONE, &sql, &err),
                      TROUPE_ARGUMENT);
        assert_true(strstr(err.text, "seal"));
        assert_status(store_rewrite(&plain, wrong[i], NULL, STORE_SQL_ONE, &sql, NULL),
                      TROUPE_ARGUMENT);
    }
}

/* ---- a database ------------------------------------------------------------------------------ */

static int setup(void **state)
{
    struct fixture *f;

    if (*state == postgresql && !have_server) {
        *state = NULL;
        return 0;
    }
    f = mem_zero(1, sizeof(*f));
    place_make(&f->place);
    f->loop = fixture_new(NULL);
    if (*state == postgresql) {
        snprintf(f->name, sizeof(f->name), "seal%d", ++databases);
        postgres_server_database(&server, f->name, NULL, f->url);
    }
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    return *state ? store_teardown(state) : 0;
}

static struct fixture *fixture_of(void **state)
{
    if (!*state)
        skip(); /* no PostgreSQL on this machine */
    return *state;
}

static troupe_status try_open(struct fixture *f, const char *key, const char *old)
{
    struct store_options options = {.path = f->place.path,
                                    .url = f->url[0] ? f->url : NULL,
                                    .encrypt_key = key,
                                    .encrypt_old_keys = old};

    store_settle(f);
    f->err.text[0] = '\0';
    return store_open(f->loop, &options, &f->store, &f->err);
}

static void open_with(struct fixture *f, const char *key, const char *old)
{
    if (try_open(f, key, old) < 0)
        fail_msg("store_open: %s", f->err.text);
}

static const struct store_migration steps[] = {
    {1, "001_note.sql",
     "CREATE TABLE {note} (member TEXT NOT NULL, n INTEGER NOT NULL, words TEXT, body BLOB, "
     "PRIMARY KEY (member, n))",
     NULL},
};

#define PUT                                                                                        \
    "INSERT INTO {note} (member, n, words, body) VALUES (:member, ?1, "                            \
    "seal(?2, 'note.words', :member, ?1), seal(?3, 'note.body', :member, ?1))"
#define GET                                                                                        \
    "SELECT n, unseal(words, 'note.words', member, n), unseal(body, 'note.body', member, n), "     \
    "unseal(coalesce(words, 'none'), 'note.words', member, n) FROM {note} ORDER BY n"

static troupe_status write_notes(void *arg)
{
    struct fixture *f = arg;
    const struct store_scope scope = {.member = "bob"};
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    CHECK_STATUS(store_migrate(f->store, "suite", steps, 1, 0, &f->err), TROUPE_OK);
    for (int64_t n = 0; n < 3; n++)
        store_batch_add(batch,
                        &(const struct store_statement){
                            .sql = PUT,
                            .ns = "suite",
                            .scope = &scope,
                            .expect = 1,
                            STORE_PARAMS(store_int(n), n == 2 ? store_null() : store_text(canary),
                                         store_blob("\0\xff", 2))});
    store_kv_put(batch, "suite", "member/bob", "pet", canary, strlen(canary), 0);
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    return TROUPE_OK;
}

static troupe_status get(struct fixture *f, struct store_rows **ret)
{
    const struct store_statement statement = {.sql = GET, .ns = "suite", .expect = STORE_ANY};

    return store_query(f->store, &statement, 0, ret, &f->err);
}

static troupe_status read_notes(void *arg)
{
    struct fixture *f = arg;
    _cleanup_rows_ struct store_rows *rows = NULL, *value = NULL;

    CHECK_STATUS(get(f, &rows), TROUPE_OK);
    CHECK(rows->count == 3 && rows->columns == 4);
    CHECK(!strcmp(rows->names[1], "words"));
    for (size_t i = 0; i < 3; i++) {
        CHECK(store_cell_int(rows, i, 0, -1) == (int64_t)i);
        CHECK(!strcmp(store_cell_text(rows, i, 1, "null"), i == 2 ? "null" : canary));
        CHECK(store_cell(rows, i, 2)->len == 2 &&
              !memcmp(store_cell(rows, i, 2)->data, "\0\xff", 2));
        CHECK(!strcmp(store_cell_text(rows, i, 3, ""), i == 2 ? "none" : canary));
    }
    CHECK_STATUS(store_kv_get(f->store, "suite", "member/bob", "pet", 0, &value, &f->err),
                 TROUPE_OK);
    CHECK(!strcmp(store_cell_text(value, 0, 0, ""), canary));
    store_rows_free(value);
    value = NULL;
    CHECK_STATUS(store_kv_list(f->store, "suite", "member/bob", "p", NULL, 10, 0, &value, &f->err),
                 TROUPE_OK);
    CHECK(value->count == 1 && !strcmp(store_cell_text(value, 0, 1, ""), canary));
    return TROUPE_OK;
}

static troupe_status read_raw(void *arg)
{
    struct fixture *f = arg;
    _cleanup_rows_ struct store_rows *rows = NULL;
    const struct store_statement statement = {
        .sql = "SELECT words, body FROM {note} ORDER BY n", .ns = "suite", .expect = STORE_ANY};

    CHECK_STATUS(store_query(f->store, &statement, 0, &rows, &f->err), TROUPE_OK);
    CHECK(seal_is(store_cell(rows, 0, 0), NULL) && seal_is(store_cell(rows, 0, 1), NULL));
    CHECK(store_cell(rows, 0, 0)->type == STORE_TEXT && store_cell(rows, 0, 1)->type == STORE_BLOB);
    CHECK(strcmp(store_cell_text(rows, 0, 0, ""), store_cell_text(rows, 1, 0, "")) != 0);
    CHECK(store_cell(rows, 2, 0)->type == STORE_NULL);
    return TROUPE_OK;
}

static troupe_status read_catalog(void *arg)
{
    struct fixture *f = arg;
    static const char *const types[] = {"text", "integer", "text", "blob"};
    _cleanup_rows_ struct store_rows *tables = NULL, *columns = NULL, *core = NULL, *rows = NULL;
    _cleanup_buf_ struct buf sql = BUF_INIT;

    CHECK_STATUS(store_tables(f->store, "suite", 0, &tables, &f->err), TROUPE_OK);
    CHECK(tables->count == 1 && !strcmp(store_cell_text(tables, 0, 0, ""), "note"));
    CHECK_STATUS(store_columns(f->store, "suite", "note", 0, &columns, &f->err), TROUPE_OK);
    CHECK(columns->count == 4);
    for (size_t i = 0; i < 4; i++) {
        CHECK(!strcmp(store_cell_text(columns, i, STORE_COLUMN_TYPE, ""), types[i]));
        CHECK(store_cell_int(columns, i, STORE_COLUMN_KEY, -1) == (i < 2 ? (int64_t)i + 1 : 0));
    }
    buf_puts(&sql, "SELECT ");
    store_columns_unsealed("note", columns, &sql);
    buf_puts(&sql, " FROM {note} ORDER BY n");
    CHECK_STATUS(store_query(f->store,
                             &(const struct store_statement){
                                 .sql = buf_text(&sql), .ns = "suite", .expect = STORE_ANY},
                             0, &rows, &f->err),
                 TROUPE_OK);
    CHECK(rows->columns == 4 && !strcmp(store_cell_text(rows, 0, 2, ""), canary));
    CHECK_STATUS(store_tables(f->store, NULL, 0, &core, &f->err), TROUPE_OK);
    for (size_t i = 0; i < core->count; i++)
        CHECK(!strchr(store_cell_text(core, i, 0, ""), ':') &&
              strcmp(store_cell_text(core, i, 0, ""), "writer") != 0);
    CHECK(core->count > 15);
    return TROUPE_OK;
}

static troupe_status swap_notes(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_rows_ struct store_rows *rows = NULL;

    store_batch_add(batch, &(const struct store_statement){
                               .sql = "UPDATE {note} SET words = (SELECT o.words FROM {note} AS o "
                                      "WHERE o.n = 0) WHERE n = 1",
                               .ns = "suite",
                               .expect = 1});
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(get(f, &rows), TROUPE_DATA);
    CHECK(strstr(f->err.text, "note.words") && !strstr(f->err.text, canary));
    return TROUPE_OK;
}

static void a_database_holds_nothing_in_clear_and_gives_it_back(void **state)
{
    struct fixture *f = fixture_of(state);

    open_with(f, KEY, NULL);
    run_body(f, write_notes);
    run_body(f, read_notes);
    run_body(f, read_raw);
    run_body(f, read_catalog);
    open_with(f, KEY, NULL);
    run_body(f, read_notes);
}

static void a_value_moved_to_another_row_is_not_read(void **state)
{
    struct fixture *f = fixture_of(state);

    open_with(f, KEY, NULL);
    run_body(f, write_notes);
    run_body(f, swap_notes);
}

static void a_missing_or_wrong_key_refuses_the_start(void **state)
{
    struct fixture *f = fixture_of(state);

    open_with(f, KEY, NULL);
    run_body(f, write_notes);
    assert_status(try_open(f, NULL, NULL), TROUPE_ARGUMENT);
    assert_true(strstr(f->err.text, "encrypt_key"));
    assert_int_equal(store_exit_code(TROUPE_ARGUMENT), 78);
    assert_status(try_open(f, OTHER, NULL), TROUPE_ARGUMENT);
    assert_true(strstr(f->err.text, "encrypt_old_keys"));
    open_with(f, OTHER, KEY); /* the remedy */
    run_body(f, read_notes);
    assert_status(try_open(f, KEY, NULL), TROUPE_ARGUMENT); /* both are in use now */
    open_with(f, NULL, KEY " " OTHER);
    run_body(f, read_notes);
}

static void what_was_there_before_the_key_is_read_as_it_is(void **state)
{
    struct fixture *f = fixture_of(state);

    open_with(f, NULL, NULL);
    run_body(f, write_notes);
    run_body(f, read_notes);
    open_with(f, KEY, NULL);
    run_body(f, read_notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sealed_comes_back_as_it_was),
        cmocka_unit_test(a_value_that_was_moved_or_altered_is_refused),
        cmocka_unit_test(no_nonce_comes_twice_under_a_key),
        cmocka_unit_test(old_keys_read_and_a_key_is_in_no_error),
        cmocka_unit_test(the_words_are_gone_before_a_database_sees_them),
        BOTH(a_database_holds_nothing_in_clear_and_gives_it_back),
        BOTH(a_value_moved_to_another_row_is_not_read),
        BOTH(a_missing_or_wrong_key_refuses_the_start),
        BOTH(what_was_there_before_the_key_is_read_as_it_is),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
