/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole database into another, either way, and encrypted anew; with files and a server that the program
 * starts itself.
 */
#include "server_fixture.h"
#include "store_fixture.h"

#include "base/buf.h"
#include "store/blob.h"
#include "store/catalog.h"
#include "store/reseal.h"
#include "store/seal.h"
#include "store/transfer.h"
#include "store/walk.h"

#include <string.h>

#define KEY   "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"
#define ROWS  450 /* more than two portions of a walk */
#define LARGE (3u << 20)

static const char canary[] = "yellow-bird-4711";

static int databases;

/* A second place beside the fixture's. */
struct pair {
    struct fixture f; /* f.store is the source */
    struct store *to;
    char to_path[128], to_url[160];
    struct store_transferred moved;
    uint64_t told;
};

static const struct store_migration steps[] = {
    {1, "001_note.sql",
     "CREATE TABLE {note} (id INTEGER PRIMARY KEY, member TEXT NOT NULL, words TEXT, body BLOB, "
     "ratio REAL);\nCREATE INDEX {note_member} ON {note} (member);",
     NULL},
    {2, "002_pair.sql",
     "CREATE TABLE {pair} (a TEXT NOT NULL, b INTEGER NOT NULL, words TEXT, PRIMARY KEY (a, b));"
     "CREATE TABLE {loose} (word TEXT, n INTEGER); INSERT INTO {loose} (word, n) VALUES ('seed', "
     "0)",
     NULL},
};

#define OWN(text, ...)                                                                             \
    (&(const struct store_statement){                                                              \
        .sql = (text), .ns = "suite", .expect = STORE_ANY, STORE_PARAMS(__VA_ARGS__)})

static const struct store_blob_place picture = {"suite", "member/bob", "picture"};

static troupe_status put_picture(struct fixture *f, const char *bytes, size_t len)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct store_blob_head blob = {.size = len, .type = "image/png", .sha256 = "0f"};
    size_t done = 0;

    CHECK_STATUS(store_blob_begin(f->store, &picture, len, &blob.body, &f->err), TROUPE_OK);
    CHECK_STATUS(store_blob_write(f->store, &picture, blob.body, 0, bytes, len, &done, &f->err),
                 TROUPE_OK);
    CHECK(done == len);
    store_blob_put(batch, &picture, &blob, 0);
    return store_commit(f->store, batch, 0, &f->err);
}

static troupe_status look_at_picture(struct fixture *f, struct store *store)
{
    struct store_blob_head blob;
    char end[sizeof(canary)];
    size_t got;

    CHECK_STATUS(store_blob_info(store, &picture, &blob, &f->err), TROUPE_OK);
    CHECK(blob.size == STORE_BLOB_PART + sizeof(canary) && !strcmp(blob.sha256, "0f"));
    CHECK_STATUS(
        store_blob_read(store, &picture, &blob, STORE_BLOB_PART, end, sizeof(end), &got, &f->err),
        TROUPE_OK);
    CHECK(got == sizeof(canary) && !memcmp(end, canary, sizeof(canary)));
    return TROUPE_OK;
}

static troupe_status fill(void *arg)
{
    struct pair *pair = arg;
    struct fixture *f = &pair->f;
    char *large = mem_zero(1, LARGE);

    CHECK_STATUS(store_migrate(f->store, "suite", steps, 2, 0, &f->err), TROUPE_OK);
    for (int64_t n = 1; n <= ROWS;) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        for (int i = 0; i < 150; i++, n++) {
            char member[16];

            snprintf(member, sizeof(member), "m%d", (int)(n % 7));
            store_batch_add(
                batch,
                OWN("INSERT INTO {note} (id, member, words, body, ratio) VALUES (?1, ?2, "
                    "seal(?3, 'note.words', ?1), ?4, ?5)",
                    store_int(n * 2), store_text(member), n % 5 ? store_text(canary) : store_null(),
                    store_blob("\0\xff\1", 3), store_double((double)n / 4)));
            store_batch_add(batch, OWN("INSERT INTO {pair} (a, b, words) VALUES (?1, ?2, "
                                       "seal(?3, 'pair.words', ?1, ?2))",
                                       store_text(member), store_int(n), store_text("")));
            store_batch_add(batch, OWN("INSERT INTO {loose} (word, n) VALUES (?1, ?2)",
                                       store_text("\xc3\xa4 same"), store_int(n % 3)));
        }
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    }
    for (int i = 0; i < 4; i++) { /* a page of them is above what a result may hold */
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        store_batch_add(batch, OWN("UPDATE {note} SET body = ?2 WHERE id = ?1",
                                   store_int(2 * i + 2), store_blob(large, pair->to ? LARGE : 1)));
        store_kv_put(batch, "suite", "member/bob", i % 2 ? "odd" : "even", canary, strlen(canary),
                     0);
        store_batch_add(batch, STORE_SQL("INSERT INTO audit_log (created_ms, actor, action) "
                                         "VALUES (?1, 'host', 'test')",
                                         store_int(i)));
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    }
    memcpy(large + STORE_BLOB_PART, canary, sizeof(canary));
    CHECK_STATUS(put_picture(f, large, STORE_BLOB_PART + sizeof(canary)), TROUPE_OK);
    mem_free(large);
    return TROUPE_OK;
}

static int64_t number(struct fixture *f, struct store *store, const struct store_statement *ask)
{
    _cleanup_rows_ struct store_rows *rows = NULL;

    if (store_query(store, ask, 0, &rows, &f->err) < 0)
        return -1;
    return store_cell_int(rows, 0, 0, -1);
}

static void told(void *arg, const char *ns, const char *table, uint64_t rows)
{
    struct pair *pair = arg;

    (void)ns;
    (void)table;
    pair->told += rows;
}

static troupe_status transfer(void *arg)
{
    struct pair *pair = arg;
    struct fixture *f = &pair->f;

    f->err.text[0] = '\0';
    CHECK_STATUS(store_transfer(f->store, pair->to, told, pair, &pair->moved, &f->err), TROUPE_OK);
    return TROUPE_OK;
}

static troupe_status look(void *arg)
{
    struct pair *pair = arg;
    struct fixture *f = &pair->f;
    _cleanup_rows_ struct store_rows *rows = NULL, *value = NULL;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    size_t at;

    CHECK(pair->told == pair->moved.rows && pair->moved.rows > 3 * ROWS);
    CHECK(number(f, pair->to, OWN("SELECT count(*) FROM {note}")) == ROWS);
    CHECK(number(f, pair->to, OWN("SELECT count(*) FROM {pair}")) == ROWS);
    CHECK(number(f, pair->to, OWN("SELECT count(*) FROM {loose}")) == ROWS + 1);
    CHECK(number(f, pair->to, OWN("SELECT max(length(body)) FROM {note}")) == LARGE);
    CHECK_STATUS(store_query(pair->to,
                             OWN("SELECT unseal(words, 'note.words', id), ratio, body FROM {note} "
                                 "WHERE id = ?1",
                                 store_int(98)),
                             0, &rows, &f->err),
                 TROUPE_OK);
    CHECK(!strcmp(store_cell_text(rows, 0, 0, ""), canary));
    CHECK(store_cell_double(rows, 0, 1, 0) == 49.0 / 4 && store_cell(rows, 0, 2)->len == 3);
    CHECK_STATUS(store_kv_get(pair->to, "suite", "member/bob", "odd", 0, &value, &f->err),
                 TROUPE_OK);
    CHECK(!strcmp(store_cell_text(value, 0, 0, ""), canary));
    CHECK(store_cell_int(value, 0, 1, 0) == 2); /* its version */
    CHECK_STATUS(look_at_picture(f, pair->to), TROUPE_OK);
    /* The steps ran, and are known: a host goes on from here, and so does the next transfer. */
    CHECK_STATUS(store_migrate(pair->to, "suite", steps, 2, 0, &f->err), TROUPE_OK);
    CHECK(number(f, pair->to,
                 STORE_SQL("SELECT count(*) FROM migration_text WHERE ns = 'suite'")) == 2);
    /* Numbers that the database makes go on behind those that came. */
    at = store_batch_add(batch, STORE_SQL("INSERT INTO audit_log (created_ms, actor, action) "
                                          "VALUES (9, 'host', 'test') RETURNING id"));
    store_batch_add(batch, OWN("INSERT INTO {note} (member) VALUES ('new')"));
    CHECK_STATUS(store_commit(pair->to, batch, 0, &f->err), TROUPE_OK);
    CHECK(store_cell_int(store_batch_result(batch, at), 0, 0, 0) > 4);
    CHECK(number(f, pair->to, OWN("SELECT max(id) FROM {note}")) > 2 * ROWS);
    return TROUPE_OK;
}

static troupe_status again_is_refused(void *arg)
{
    struct pair *pair = arg;
    struct fixture *f = &pair->f;

    CHECK_STATUS(store_transfer(f->store, pair->to, NULL, NULL, &pair->moved, &f->err),
                 TROUPE_CONFLICT);
    CHECK(strstr(f->err.text, "take a new database"));
    return TROUPE_OK;
}

/* ---- opening --------------------------------------------------------------------------------- */

static void new_url(char url[160])
{
    char name[16];

    snprintf(name, sizeof(name), "move%d", ++databases);
    postgres_server_database(&server, name, NULL, url);
}

static troupe_status open_one(struct pair *pair, const char *path, const char *url, bool unfinished,
                              const char *key, const char *old, struct store **ret)
{
    const struct store_options options = {.path = path,
                                          .url = url && *url ? url : NULL,
                                          .unfinished = unfinished,
                                          .write_ms = 60000,
                                          .encrypt_key = key,
                                          .encrypt_old_keys = old};

    pair->f.err.text[0] = '\0';
    return store_open(pair->f.loop, &options, ret, &pair->f.err);
}

static void must_open(struct pair *pair, const char *path, const char *url, const char *key,
                      const char *old, struct store **ret)
{
    if (open_one(pair, path, url, true, key, old, ret) < 0)
        fail_msg("store_open: %s", pair->f.err.text);
}

static void close_both(struct pair *pair)
{
    store_close(pair->to);
    pair->to = NULL;
    store_settle(&pair->f);
}

static int setup(void **state)
{
    struct pair *pair = mem_zero(1, sizeof(*pair));

    place_make(&pair->f.place);
    snprintf(pair->to_path, sizeof(pair->to_path), "%s/to.db", pair->f.place.dir);
    pair->f.loop = fixture_new(NULL);
    *state = pair;
    return 0;
}

static int teardown(void **state)
{
    struct pair *pair = *state;

    close_both(pair);
    fixture_free(pair->f.loop);
    place_remove(&pair->f.place);
    mem_free(pair);
    return 0;
}

static void run_pair(struct pair *pair, co_fn body)
{
    assert_status(fixture_run(pair->f.loop, body, pair), TROUPE_OK);
}

/* ---- transfer -------------------------------------------------------------------------------- */

static void transfer_both_ways(struct pair *pair, const char *key)
{
    if (!have_server)
        skip();
    new_url(pair->to_url);
    must_open(pair, pair->f.place.path, NULL, key, NULL, &pair->f.store);
    must_open(pair, NULL, pair->to_url, key, NULL, &pair->to);
    run_pair(pair, fill);
    run_pair(pair, transfer);
    run_pair(pair, look);
    run_pair(pair, again_is_refused);
    close_both(pair);
    pair->told = 0;
    /* And back: from the server into a new file, with what was added meanwhile. */
    must_open(pair, NULL, pair->to_url, key, NULL, &pair->f.store);
    must_open(pair, pair->to_path, NULL, key, NULL, &pair->to);
    run_pair(pair, transfer);
    close_both(pair);
    assert_status(open_one(pair, pair->to_path, NULL, false, key, NULL, &pair->to), TROUPE_OK);
}

static void everything_goes_to_a_server_and_back(void **state)
{
    transfer_both_ways(*state, NULL);
}

static void what_is_encrypted_goes_as_it_is(void **state)
{
    transfer_both_ways(*state, KEY);
}

static troupe_status cut(void *arg)
{
    struct pair *pair = arg;
    struct fixture *f = &pair->f;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    /* As a transfer leaves it that ended after some tables. */
    store_batch_add(batch, STORE_SQL("INSERT INTO seal_key (id, created_ms) VALUES (?1, 1)",
                                     store_text(SEAL_UNFINISHED)));
    store_batch_add(batch, STORE_SQL("INSERT INTO audit_log (created_ms, actor, action) "
                                     "VALUES (1, 'host', 'half')"));
    CHECK_STATUS(store_commit(pair->to, batch, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(store_migrate(pair->to, "suite", steps, 1, 0, &f->err), TROUPE_OK);
    return TROUPE_OK;
}

static troupe_status no_half(void *arg)
{
    struct pair *pair = arg;
    struct fixture *f = &pair->f;

    CHECK(number(f, pair->to, STORE_SQL("SELECT count(*) FROM audit_log WHERE action = 'half'")) ==
          0);
    return TROUPE_OK;
}

static void a_cut_transfer_is_no_database_and_begins_anew(void **state)
{
    struct pair *pair = *state;

    must_open(pair, pair->f.place.path, NULL, NULL, NULL, &pair->f.store);
    must_open(pair, pair->to_path, NULL, NULL, NULL, &pair->to);
    run_pair(pair, fill);
    run_pair(pair, cut);
    store_close(pair->to);
    pair->to = NULL;
    assert_status(open_one(pair, pair->to_path, NULL, false, NULL, NULL, &pair->to), TROUPE_DATA);
    assert_non_null(strstr(pair->f.err.text, "run it again"));
    must_open(pair, pair->to_path, NULL, NULL, NULL, &pair->to);
    run_pair(pair, transfer);
    run_pair(pair, look);
    run_pair(pair, no_half);
    store_close(pair->to);
    assert_status(open_one(pair, pair->to_path, NULL, false, NULL, NULL, &pair->to), TROUPE_OK);
}

static void a_database_that_a_host_uses_is_refused(void **state)
{
    struct pair *pair = *state;
    struct store *second = NULL;

    must_open(pair, pair->f.place.path, NULL, NULL, NULL, &pair->f.store);
    assert_status(open_one(pair, pair->f.place.path, NULL, true, NULL, NULL, &second),
                  TROUPE_UNAVAILABLE);
}

static troupe_status forget_steps(void *arg)
{
    struct pair *pair = arg;
    struct fixture *f = &pair->f;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_SQL("DELETE FROM migration_text"));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(store_transfer(f->store, pair->to, NULL, NULL, &pair->moved, &f->err),
                 TROUPE_NOT_FOUND);
    CHECK(strstr(f->err.text, "run the host once"));
    /* A start with the agent is what remembers them. */
    CHECK_STATUS(store_migrate(f->store, "suite", steps, 2, 0, &f->err), TROUPE_OK);
    return transfer(arg);
}

static void tables_whose_steps_are_not_known_are_refused_with_the_remedy(void **state)
{
    struct pair *pair = *state;

    must_open(pair, pair->f.place.path, NULL, NULL, NULL, &pair->f.store);
    must_open(pair, pair->to_path, NULL, NULL, NULL, &pair->to);
    run_pair(pair, fill);
    run_pair(pair, forget_steps);
}

/* ---- reseal ---------------------------------------------------------------------------------- */

struct resealing {
    struct pair *pair;
    struct seal_keys keys;
    uint64_t values;
};

static troupe_status reseal(void *arg)
{
    struct resealing *work = arg;
    struct fixture *f = &work->pair->f;
    struct store_resealed done;

    CHECK_STATUS(store_reseal(f->store, &work->keys, &done, &f->err), TROUPE_OK);
    work->values = done.values;
    return TROUPE_OK;
}

static uint64_t reseal_with(struct pair *pair, const char *url, const char *key, const char *old)
{
    struct resealing work = {.pair = pair};

    store_settle(&pair->f);
    must_open(pair, pair->f.place.path, url, key, old, &pair->f.store);
    assert_status(seal_keys_parse(key, old, &work.keys, NULL), TROUPE_OK);
    assert_status(fixture_run(pair->f.loop, reseal, &work), TROUPE_OK);
    return work.values;
}

/* Values that are encrypted, and all are readable. */
static troupe_status read_all(void *arg)
{
    struct pair *pair = arg;
    struct fixture *f = &pair->f;
    _cleanup_rows_ struct store_rows *rows = NULL, *value = NULL;

    CHECK_STATUS(store_query(f->store,
                             OWN("SELECT unseal(words, 'note.words', id) FROM {note} ORDER BY id"),
                             0, &rows, &f->err),
                 TROUPE_OK);
    CHECK(rows->count == ROWS);
    for (size_t i = 0; i < rows->count; i++)
        CHECK(!strcmp(store_cell_text(rows, i, 0, "null"), (i + 1) % 5 ? canary : "null"));
    CHECK_STATUS(store_kv_get(f->store, "suite", "member/bob", "odd", 0, &value, &f->err),
                 TROUPE_OK);
    CHECK(!strcmp(store_cell_text(value, 0, 0, ""), canary));
    pair->told =
        (uint64_t)number(f, f->store,
                         OWN("SELECT count(*) FROM {note} WHERE words = ?1", store_text(canary))) +
        (uint64_t)number(f, f->store,
                         STORE_SQL("SELECT count(*) FROM kv WHERE value = ?1",
                                   store_blob(canary, sizeof(canary) - 1)));
    return TROUPE_OK;
}

static troupe_status seal_one(void *arg)
{
    struct pair *pair = arg;
    struct fixture *f = &pair->f;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, OWN("UPDATE {note} SET words = seal(?2, 'note.words', ?1) WHERE id = ?1",
                               store_int(2), store_text(canary)));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    return TROUPE_OK;
}

static void change_keys(struct pair *pair, const char *url)
{
    enum { SEALED = ROWS - ROWS / 5 + 2, PICTURE = 3 };

    must_open(pair, pair->f.place.path, url, NULL, NULL, &pair->f.store);
    run_pair(pair, fill);
    run_pair(pair, read_all);
    assert_int_equal(pair->told, SEALED); /* all in the clear */
    store_settle(&pair->f);
    must_open(pair, pair->f.place.path, url, KEY, NULL, &pair->f.store);
    run_pair(pair, seal_one); /* that a column is encrypted is seen from what is */
    assert_int_equal(reseal_with(pair, url, KEY, NULL), SEALED - 1 + PICTURE);
    run_pair(pair, read_all);
    assert_int_equal(pair->told, 0);
    assert_int_equal(reseal_with(pair, url, KEY, NULL), 0); /* nothing is left to do */
    assert_int_equal(reseal_with(pair, url, OTHER, KEY), SEALED + PICTURE);
    store_settle(&pair->f);
    must_open(pair, pair->f.place.path, url, OTHER, NULL, &pair->f.store); /* the old one may go */
    run_pair(pair, read_all);
    assert_int_equal(pair->told, 0);
    assert_int_equal(reseal_with(pair, url, NULL, OTHER), SEALED + PICTURE);
    store_settle(&pair->f);
    must_open(pair, pair->f.place.path, url, NULL, NULL, &pair->f.store);
    run_pair(pair, read_all);
    assert_int_equal(pair->told, SEALED);
}

static void a_database_is_encrypted_anew_and_in_the_clear_again(void **state)
{
    change_keys(*state, NULL);
}

static void a_database_on_a_server_is_encrypted_anew_and_in_the_clear_again(void **state)
{
    struct pair *pair = *state;

    if (!have_server)
        skip();
    new_url(pair->to_url);
    change_keys(pair, pair->to_url);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(everything_goes_to_a_server_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_encrypted_goes_as_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cut_transfer_is_no_database_and_begins_anew, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_database_that_a_host_uses_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(
            tables_whose_steps_are_not_known_are_refused_with_the_remedy, setup, teardown),
        cmocka_unit_test_setup_teardown(a_database_is_encrypted_anew_and_in_the_clear_again, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            a_database_on_a_server_is_encrypted_anew_and_in_the_clear_again, setup, teardown),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
