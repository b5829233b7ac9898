/* SPDX-License-Identifier: Apache-2.0 */
#include "store_fixture.h"

#include "base/clock.h"

static troupe_status put(struct fixture *f, const char *scope, const char *key, const char *value,
                         int64_t expires_ms)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_kv_put(batch, "echo", scope, key, value, strlen(value), expires_ms);
    return store_commit(f->store, batch, 0, &f->err);
}

static troupe_status put_if(struct fixture *f, const char *key, const char *value, int64_t version)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_kv_put_if(batch, "echo", "s", key, value, strlen(value), 0, version);
    return store_commit(f->store, batch, 0, &f->err);
}

static bool has(struct fixture *f, const char *scope, const char *key, const char *value)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_kv_get(f->store, "echo", scope, key, 0, &rows, &f->err);

    if (!value)
        return status == TROUPE_NOT_FOUND && !rows;
    return status == TROUPE_OK && strcmp(store_cell_text(rows, 0, 0, ""), value) == 0;
}

static troupe_status put_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    CHECK(has(f, "s", "a", NULL));
    CHECK_STATUS(put(f, "s", "a", "1", 0), TROUPE_OK);
    CHECK_STATUS(put(f, "s", "a", "2", 0), TROUPE_OK);
    CHECK_STATUS(put(f, "other", "a", "3", 0), TROUPE_OK);
    CHECK(has(f, "s", "a", "2"));
    CHECK(has(f, "other", "a", "3"));
    store_kv_delete(batch, "echo", "s", "a");
    store_kv_delete(batch, "echo", "s", "never there");
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK(has(f, "s", "a", NULL));
    CHECK(has(f, "other", "a", "3"));
    return TROUPE_OK;
}

static void a_key_is_put_read_and_deleted_in_its_scope(void **state)
{
    run_body(*state, put_body);
}

static troupe_status expiry_body(void *arg)
{
    struct fixture *f = arg;
    int64_t now = clock_wall_ms();
    size_t removed = 99;

    CHECK_STATUS(put(f, "s", "past", "x", now - 1), TROUPE_OK);
    CHECK_STATUS(put(f, "s", "past2", "x", now - 1), TROUPE_OK);
    CHECK_STATUS(put(f, "s", "past3", "x", now - 1), TROUPE_OK);
    CHECK_STATUS(put(f, "s", "future", "x", now + 3600000), TROUPE_OK);
    CHECK_STATUS(put(f, "s", "always", "x", 0), TROUPE_OK);
    CHECK(has(f, "s", "past", NULL));
    CHECK(has(f, "s", "future", "x"));
    CHECK_STATUS(store_kv_sweep(f->store, 2, 0, &removed, &f->err), TROUPE_OK);
    CHECK(removed == 2);
    CHECK_STATUS(store_kv_sweep(f->store, 2, 0, &removed, &f->err), TROUPE_OK);
    CHECK(removed == 1);
    CHECK_STATUS(store_kv_sweep(f->store, 2, 0, &removed, &f->err), TROUPE_OK);
    CHECK(removed == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM kv") == 2);
    return TROUPE_OK;
}

static void an_expired_key_is_not_there_and_is_swept_in_portions(void **state)
{
    run_body(*state, expiry_body);
}

static troupe_status versions_body(void *arg)
{
    struct fixture *f = arg;

    CHECK_STATUS(put_if(f, "a", "1", 1), TROUPE_CONFLICT);
    CHECK_STATUS(put_if(f, "a", "1", 0), TROUPE_OK);
    CHECK_STATUS(put_if(f, "a", "2", 0), TROUPE_CONFLICT);
    CHECK_STATUS(put_if(f, "a", "2", 1), TROUPE_OK);
    CHECK_STATUS(put_if(f, "a", "3", 1), TROUPE_CONFLICT);
    CHECK(has(f, "s", "a", "2"));
    CHECK_STATUS(put(f, "s", "a", "4", clock_wall_ms() - 1), TROUPE_OK);
    CHECK_STATUS(put_if(f, "a", "5", 3), TROUPE_CONFLICT); /* expired: it is not there */
    CHECK_STATUS(put_if(f, "a", "5", 0), TROUPE_OK);
    CHECK(has(f, "s", "a", "5"));
    return TROUPE_OK;
}

static void a_put_can_ask_for_the_version_it_read(void **state)
{
    run_body(*state, versions_body);
}

static troupe_status list_body(void *arg)
{
    static const char *const keys[] = {"a", "a:", "a:1", "a:2", "a:3\xc3\xa4", "b", "\xc3\xa4"};
    struct fixture *f = arg;
    struct store_rows *rows = NULL;

    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        CHECK_STATUS(put(f, "s", keys[i], keys[i], 0), TROUPE_OK);
    CHECK_STATUS(put(f, "s", "a:gone", "x", 1), TROUPE_OK);
    CHECK_STATUS(put(f, "t", "a:4", "x", 0), TROUPE_OK);
    CHECK_STATUS(store_kv_list(f->store, "echo", "s", "a:", NULL, 0, 0, &rows, &f->err), TROUPE_OK);
    CHECK(rows->count == 4);
    CHECK(strcmp(store_cell_text(rows, 3, 0, ""), "a:3\xc3\xa4") == 0);
    store_rows_free(rows);
    CHECK_STATUS(store_kv_list(f->store, "echo", "s", "a:", "a:1", 1, 0, &rows, &f->err),
                 TROUPE_OK);
    CHECK(rows->count == 1 && strcmp(store_cell_text(rows, 0, 0, ""), "a:2") == 0);
    store_rows_free(rows);
    CHECK_STATUS(store_kv_list(f->store, "echo", "s", "", NULL, 0, 0, &rows, &f->err), TROUPE_OK);
    CHECK(rows->count == 7);
    store_rows_free(rows);
    {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();
        store_kv_delete_all(batch, "echo", "s");
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
        CHECK(ask_int(f, "SELECT count(*) FROM kv") == 1);
    }
    return TROUPE_OK;
}

static void keys_are_listed_by_prefix_in_pages(void **state)
{
    run_body(*state, list_body);
}

static troupe_status bounds_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_mem_ char *long_key = mem_zero(1, STORE_KV_KEY_MAX + 2);
    _cleanup_mem_ char *value = mem_zero(1, STORE_KV_VALUE_MAX + 2);
    struct store_rows *rows = NULL;

    memset(long_key, 'k', STORE_KV_KEY_MAX + 1);
    memset(value, 'v', STORE_KV_VALUE_MAX + 1);
    CHECK_STATUS(put(f, "s", long_key, "x", 0), TROUPE_LIMIT);
    CHECK_STATUS(put(f, "s", "a", value, 0), TROUPE_LIMIT);
    CHECK_STATUS(put(f, long_key, "a", "x", 0), TROUPE_LIMIT);
    CHECK_STATUS(put(f, "s", "", "x", 0), TROUPE_ARGUMENT);
    CHECK_STATUS(put(f, "s", "\xff", "x", 0), TROUPE_ARGUMENT);
    CHECK_STATUS(store_kv_get(f->store, "No", "s", "a", 0, &rows, &f->err), TROUPE_ARGUMENT);
    long_key[STORE_KV_KEY_MAX] = value[STORE_KV_VALUE_MAX] = '\0';
    CHECK_STATUS(put(f, "s", long_key, value, 0), TROUPE_OK);
    CHECK(has(f, "s", long_key, value));
    return TROUPE_OK;
}

static void keys_and_values_are_bounded(void **state)
{
    run_body(*state, bounds_body);
}

#define STORE_TEST(name) cmocka_unit_test_setup_teardown(name, store_setup, store_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(a_key_is_put_read_and_deleted_in_its_scope),
        STORE_TEST(an_expired_key_is_not_there_and_is_swept_in_portions),
        STORE_TEST(a_put_can_ask_for_the_version_it_read),
        STORE_TEST(keys_are_listed_by_prefix_in_pages),
        STORE_TEST(keys_and_values_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
