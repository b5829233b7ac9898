/* SPDX-License-Identifier: Apache-2.0
 *
 * Large values: whole or not at all, in pieces, cleared in portions; in a file and in a server, in the clear
 * and encrypted.
 */
#include "server_fixture.h"
#include "store_fixture.h"

#include "base/clock.h"
#include "store/blob.h"

static int databases;

#define KEY "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

struct kind {
    bool server, sealed;
};
static struct kind plain = {false, false}, sealed = {false, true}, postgres = {true, false},
                   postgres_sealed = {true, true};

static int setup(void **state)
{
    const struct kind *kind = *state;
    struct store_options options = {.write_ms = 5000};
    struct fixture *f;

    if (kind->server && !have_server) {
        *state = NULL;
        return 0;
    }
    f = mem_zero(1, sizeof(*f));
    place_make(&f->place);
    f->loop = fixture_new(NULL);
    if (kind->server) {
        snprintf(f->name, sizeof(f->name), "blob%d", ++databases);
        postgres_server_database(&server, f->name, NULL, f->url);
        options.url = f->url;
    }
    if (kind->sealed)
        options.encrypt_key = KEY;
    fixture_open(f, &options);
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

static const struct store_blob_place at_a = {"echo", "s", "a"}, at_b = {"echo", "s", "b"},
                                     elsewhere = {"echo", "other", "a"},
                                     of_other = {"other", "s", "a"};

/* Bytes of which no piece is like another. */
static char *bytes_of(size_t len, unsigned seed)
{
    char *data = mem_alloc(len + 1);

    for (size_t i = 0; i < len; i++)
        data[i] = (char)((i * 31 + i / 251 + seed) & 0xff);
    return data;
}

static troupe_status write_body(struct fixture *f, const struct store_blob_place *place,
                                const char *data, size_t len, int64_t *ret_body)
{
    int64_t part = 0;
    troupe_status status = store_blob_begin(f->store, place, len, ret_body, &f->err);

    while (status >= 0 && len) {
        size_t done = 0;

        status = store_blob_write(f->store, place, *ret_body, part, data, len, &done, &f->err);
        data += done;
        len -= done;
        part += STORE_BLOB_AT_ONCE;
    }
    return status;
}

static troupe_status put_at(struct fixture *f, const struct store_blob_place *place,
                            const char *data, size_t len, int64_t before, int64_t expires_ms)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct store_blob_head blob = {.size = len, .expires_ms = expires_ms};
    troupe_status status = write_body(f, place, data, len, &blob.body);

    if (status < 0)
        return status;
    snprintf(blob.type, sizeof(blob.type), "image/png");
    memset(blob.sha256, 'f', STORE_BLOB_HASH);
    store_blob_put(batch, place, &blob, before);
    return store_commit(f->store, batch, 0, &f->err);
}

static int64_t body_at(struct fixture *f, const struct store_blob_place *place)
{
    struct store_blob_head blob;

    return store_blob_info(f->store, place, &blob, &f->err) < 0 ? 0 : blob.body;
}

static bool reads(struct fixture *f, const struct store_blob_place *place, const char *data,
                  size_t offset, size_t len)
{
    _cleanup_mem_ char *buf = mem_alloc(len + 1);
    struct store_blob_head blob;
    size_t done = 0, got = 1;

    if (store_blob_info(f->store, place, &blob, &f->err) < 0)
        return false;
    while (done < len && got) {
        if (store_blob_read(f->store, place, &blob, offset + done, buf + done, len - done, &got,
                            &f->err) < 0)
            return false;
        done += got;
    }
    return done == len && !memcmp(buf, data + offset, len);
}

static troupe_status sweep_all(struct fixture *f, int *ret_rounds)
{
    bool more = true;

    for (*ret_rounds = 0; more; (*ret_rounds)++)
        CHECK_STATUS(store_blob_sweep(f->store, 0, &more, &f->err), TROUPE_OK);
    return TROUPE_OK;
}

static troupe_status whole_body(void *arg)
{
    struct fixture *f = arg;
    const size_t len = 11 * STORE_BLOB_PART + 77;
    _cleanup_mem_ char *data = bytes_of(len, 1);
    struct store_blob_head blob = {0};
    char byte;
    size_t got = 7;

    CHECK_STATUS(put_at(f, &at_a, data, len, 0, 0), TROUPE_OK);
    CHECK_STATUS(put_at(f, &at_b, "", 0, 0, 0), TROUPE_OK);
    CHECK(reads(f, &at_a, data, 0, len));
    CHECK(reads(f, &at_a, data, STORE_BLOB_PART - 3, 6));
    CHECK(reads(f, &at_a, data, len - 1, 1));
    CHECK(!reads(f, &at_a, data, len - 1, 2));
    CHECK_STATUS(store_blob_info(f->store, &at_a, &blob, &f->err), TROUPE_OK);
    CHECK(blob.size == len && !strcmp(blob.type, "image/png") && blob.sha256[63] == 'f');
    CHECK(blob.created_ms > 0 && blob.created_ms == blob.changed_ms && !blob.expires_ms);
    CHECK_STATUS(store_blob_read(f->store, &at_a, &blob, len, &byte, 1, &got, &f->err), TROUPE_OK);
    CHECK(got == 0);
    CHECK_STATUS(store_blob_info(f->store, &at_b, &blob, &f->err), TROUPE_OK);
    CHECK(blob.size == 0 && store_blob_is_live(&blob));
    CHECK(ask_int(f, "SELECT count(*) FROM blob_loose") == 0);
    CHECK_STATUS(store_blob_info(f->store, &elsewhere, &blob, &f->err), TROUPE_NOT_FOUND);
    CHECK_STATUS(store_blob_info(f->store, &of_other, &blob, &f->err), TROUPE_NOT_FOUND);
    return TROUPE_OK;
}

static void a_value_is_read_whole_and_in_ranges(void **state)
{
    run_body(fixture_of(state), whole_body);
}

static troupe_status replace_body(void *arg)
{
    struct fixture *f = arg;
    const size_t len = 3 * STORE_BLOB_PART;
    _cleanup_mem_ char *data = bytes_of(len, 1), *other = bytes_of(len, 2);
    struct store_blob_head before = {0}, after = {0};
    char byte;
    size_t got;

    CHECK_STATUS(put_at(f, &at_a, data, len, 0, 0), TROUPE_OK);
    CHECK_STATUS(store_blob_info(f->store, &at_a, &before, &f->err), TROUPE_OK);
    /* Who thinks that the key leads elsewhere, or nowhere, changes nothing. */
    CHECK_STATUS(put_at(f, &at_a, other, len, 0, 0), TROUPE_CONFLICT);
    CHECK_STATUS(put_at(f, &at_a, other, len, before.body ^ 1, 0), TROUPE_CONFLICT);
    CHECK(reads(f, &at_a, data, 0, len));
    CHECK_STATUS(put_at(f, &at_a, other, len, before.body, 0), TROUPE_OK);
    CHECK(reads(f, &at_a, other, 0, len));
    CHECK_STATUS(store_blob_info(f->store, &at_a, &after, &f->err), TROUPE_OK);
    CHECK(after.created_ms == before.created_ms && after.changed_ms >= before.changed_ms);
    /* What it led to is loose, and gone at once when it is cleared. */
    CHECK(ask_int(f, "SELECT count(*) FROM blob_loose WHERE due_ms = 0") == 1);
    CHECK_STATUS(store_blob_clear(f->store, &at_a, before.body, &f->err), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_loose WHERE due_ms = 0") == 0);
    CHECK_STATUS(store_blob_read(f->store, &at_a, &before, 0, &byte, 1, &got, &f->err),
                 TROUPE_CONFLICT);
    CHECK(reads(f, &at_a, other, 0, len));
    return TROUPE_OK;
}

static void a_value_is_replaced_whole_or_not_at_all(void **state)
{
    run_body(fixture_of(state), replace_body);
}

static troupe_status remove_body(void *arg)
{
    struct fixture *f = arg;
    const size_t len = 40 * STORE_BLOB_PART;
    _cleanup_mem_ char *data = bytes_of(len, 1);
    _cleanup_batch_ struct store_batch *wrong = store_batch_new(), *right = store_batch_new();
    struct store_blob_head blob;
    int rounds;

    CHECK_STATUS(put_at(f, &at_a, data, len, 0, 0), TROUPE_OK);
    CHECK_STATUS(put_at(f, &elsewhere, data, 5, 0, 0), TROUPE_OK);
    store_blob_remove(wrong, &at_a, body_at(f, &elsewhere));
    CHECK_STATUS(store_commit(f->store, wrong, 0, &f->err), TROUPE_CONFLICT);
    store_blob_remove(right, &at_a, body_at(f, &at_a));
    CHECK_STATUS(store_commit(f->store, right, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(store_blob_info(f->store, &at_a, &blob, &f->err), TROUPE_NOT_FOUND);
    /* Forty pieces are more than a portion. */
    CHECK_STATUS(sweep_all(f, &rounds), TROUPE_OK);
    CHECK(rounds == 2);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_part") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_loose") == 0);
    CHECK(reads(f, &elsewhere, data, 0, 5));
    return TROUPE_OK;
}

static void what_was_removed_is_cleared_in_portions(void **state)
{
    run_body(fixture_of(state), remove_body);
}

static troupe_status unfinished_body(void *arg)
{
    struct fixture *f = arg;
    const size_t len = 2 * STORE_BLOB_PART;
    _cleanup_mem_ char *data = bytes_of(len, 1);
    _cleanup_batch_ struct store_batch *over = store_batch_new();
    struct store_blob_use use;
    int64_t body = 0;
    size_t done;
    int rounds;

    CHECK_STATUS(write_body(f, &at_a, data, len, &body), TROUPE_OK);
    CHECK(body_at(f, &at_a) == 0);
    /* It counts, so that many that are begun together do not go beyond what may be kept. */
    CHECK_STATUS(store_blob_use(f->store, &at_a, &use, &f->err), TROUPE_OK);
    CHECK(use.count == 0 && use.scope_bytes == 0 && use.bytes == len);
    CHECK_STATUS(sweep_all(f, &rounds), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_part") == 2);
    store_batch_add(over, STORE_SQL("UPDATE blob_loose SET due_ms = 1"));
    CHECK_STATUS(store_commit(f->store, over, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(sweep_all(f, &rounds), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_part") == 0);
    CHECK_STATUS(store_blob_write(f->store, &at_a, body, 2, data, len, &done, &f->err),
                 TROUPE_CONFLICT);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_part") == 0);
    return TROUPE_OK;
}

static void what_was_never_finished_is_cleared_after_its_time(void **state)
{
    run_body(fixture_of(state), unfinished_body);
}

static troupe_status expiry_body(void *arg)
{
    struct fixture *f = arg;
    int64_t now = clock_wall_ms();
    struct store_blob_head blob;
    int rounds;

    CHECK_STATUS(put_at(f, &at_a, "past", 4, 0, now - 1), TROUPE_OK);
    CHECK_STATUS(put_at(f, &at_b, "future", 6, 0, now + 3600000), TROUPE_OK);
    CHECK_STATUS(put_at(f, &elsewhere, "always", 6, 0, 0), TROUPE_OK);
    CHECK_STATUS(store_blob_info(f->store, &at_a, &blob, &f->err), TROUPE_OK);
    CHECK(!store_blob_is_live(&blob));
    CHECK_STATUS(sweep_all(f, &rounds), TROUPE_OK);
    CHECK(rounds == 1 && body_at(f, &at_a) == 0 && body_at(f, &at_b) && body_at(f, &elsewhere));
    CHECK(ask_int(f, "SELECT count(*) FROM blob_part") == 2);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_loose") == 0);
    return TROUPE_OK;
}

static void a_value_past_its_time_is_swept(void **state)
{
    run_body(fixture_of(state), expiry_body);
}

static troupe_status list_body(void *arg)
{
    struct fixture *f = arg;
    static const char *const keys[] = {"p/1", "p/2", "p/3", "q", "p"};
    const struct store_blob_place prefix = {"echo", "s", "p/"};
    struct store_rows *rows = NULL;
    struct store_blob_head blob;
    struct store_blob_use use;

    for (size_t i = 0; i < 5; i++) {
        struct store_blob_place place = {"echo", "s", keys[i]};

        CHECK_STATUS(put_at(f, &place, "some", i, 0, i == 1 ? 1 : 0), TROUPE_OK);
    }
    CHECK_STATUS(store_blob_list(f->store, &prefix, NULL, 0, &rows, &f->err), TROUPE_OK);
    CHECK(rows->count == 2 && !strcmp(store_blob_key(rows, 0), "p/1") &&
          !strcmp(store_blob_key(rows, 1), "p/3"));
    store_blob_of(rows, 1, &blob);
    CHECK(blob.size == 2 && !strcmp(blob.type, "image/png"));
    store_rows_free(rows);
    CHECK_STATUS(store_blob_list(f->store, &prefix, "p/1", 1, &rows, &f->err), TROUPE_OK);
    CHECK(rows->count == 1 && !strcmp(store_blob_key(rows, 0), "p/3"));
    store_rows_free(rows);
    CHECK_STATUS(put_at(f, &elsewhere, "1234567", 7, 0, 0), TROUPE_OK);
    CHECK_STATUS(put_at(f, &of_other, "1234567", 7, 0, 0), TROUPE_OK);
    CHECK_STATUS(
        store_blob_use(f->store, &(struct store_blob_place){"echo", "s", "q"}, &use, &f->err),
        TROUPE_OK);
    CHECK(use.count == 4 && use.scope_bytes == 0 + 1 + 2 + 4 && use.bytes == 7 + 7);
    return TROUPE_OK;
}

static void keys_are_listed_by_prefix_and_counted(void **state)
{
    run_body(fixture_of(state), list_body);
}

static troupe_status sealed_body(void *arg)
{
    struct fixture *f = arg;
    static const char canary[] = "canary-in-a-picture";

    CHECK_STATUS(put_at(f, &at_a, canary, sizeof(canary), 0, 0), TROUPE_OK);
    CHECK(reads(f, &at_a, canary, 0, sizeof(canary)));
    CHECK(ask_int(f, "SELECT length(data) FROM blob_part") > (int64_t)sizeof(canary) + 32);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_head WHERE sha256 LIKE 'fff%'") == 0);
    return TROUPE_OK;
}

static void bytes_and_their_sum_are_encrypted(void **state)
{
    run_body(fixture_of(state), sealed_body);
}

#define IN(test, kind)                                                                             \
    {                                                                                              \
#test "_in_" #kind, test, setup, teardown, &(kind)                                         \
    }
#define EVERYWHERE(test) IN(test, plain), IN(test, sealed), IN(test, postgres)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EVERYWHERE(a_value_is_read_whole_and_in_ranges),
        EVERYWHERE(a_value_is_replaced_whole_or_not_at_all),
        EVERYWHERE(what_was_removed_is_cleared_in_portions),
        EVERYWHERE(what_was_never_finished_is_cleared_after_its_time),
        EVERYWHERE(a_value_past_its_time_is_swept),
        EVERYWHERE(keys_are_listed_by_prefix_and_counted),
        IN(bytes_and_their_sum_are_encrypted, sealed),
        IN(bytes_and_their_sum_are_encrypted, postgres_sealed),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
