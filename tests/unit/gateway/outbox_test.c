/* SPDX-License-Identifier: Apache-2.0
 *
 * Rows of the outbox as they are stored, marked and read back.
 */
#include "../store/store_fixture.h"

#include "base/buf.h"
#include "gateway/gateway.h"
#include "gateway/outbox.h"
#include "store/driver.h"

#include <fcntl.h>
#include <sqlite3.h>

struct box {
    struct fixture base; /* first */
    struct outbox *outbox;
    struct list_link rows; /* what was loaded */
};

static troupe_status open_main(void *arg)
{
    struct box *box = arg;

    return outbox_open(box->base.loop, box->base.store, &box->outbox, &box->base.err);
}

static int setup(void **state)
{
    struct box *box = mem_zero(1, sizeof(*box));

    place_make(&box->base.place);
    box->base.loop = fixture_new(NULL);
    fixture_open(&box->base, NULL);
    assert_status(fixture_run(box->base.loop, open_main, box), TROUPE_OK);
    list_init(&box->rows);
    *state = box;
    return 0;
}

static void forget_rows(struct box *box)
{
    list_for_each_safe (link, &box->rows)
        outbox_row_free(container_of(link, struct outbox_row, link));
}

static int teardown(void **state)
{
    struct box *box = *state;

    forget_rows(box);
    outbox_close(box->outbox);
    store_settle(&box->base);
    fixture_free(box->base.loop);
    place_remove(&box->base.place);
    mem_free(box);
    return 0;
}

static void run_box(void **state, co_fn body)
{
    struct box *box = *state;

    assert_status(fixture_run(box->base.loop, body, box), TROUPE_OK);
}

static struct outbox_row *make_row(struct box *box, const char *gateway, const char *body)
{
    struct outbox_row *row = outbox_row_new();

    row->id = outbox_next_id(box->outbox);
    row->gateway = mem_strdup(gateway);
    row->channel = mem_strdup("100");
    row->body = mem_strdup(body);
    row->state = OUTBOX_READY;
    row->created_ms = 5;
    snprintf(row->kind, sizeof(row->kind), "%s", outbox_kind(GATEWAY_REPLY));
    return row;
}

/* Stores a plain row of gateway "g"; its id, or -1. [waits] */
static int64_t store_row(struct box *box, const char *body)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct outbox_row *row = make_row(box, "g", body);
    int64_t id = row->id;

    outbox_insert(batch, row);
    outbox_row_free(row);
    return store_commit(box->base.store, batch, 0, &box->base.err) < 0 ? -1 : id;
}

/* [waits] */
static troupe_status load(struct box *box, size_t *ret_count)
{
    troupe_status status;

    forget_rows(box);
    status = outbox_load(box->outbox, "g", &box->rows, &box->base.err);
    *ret_count = 0;
    list_for_each (link, &box->rows)
        (*ret_count)++;
    return status;
}

static const struct outbox_row *first(struct box *box)
{
    return container_of(box->rows.next, struct outbox_row, link);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static troupe_status whole_body(void *arg)
{
    const struct gateway_button buttons[] = {{"a:1", "Yes \"now\""}, {"a:2", "No"}};
    struct box *box = arg;
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new(), *later = store_batch_new();
    _cleanup_batch_ struct store_batch *gone = store_batch_new();
    struct outbox_row *row = make_row(box, "g", "shown"), *other = make_row(box, "h", "not mine");
    const struct outbox_row *back;
    size_t count;

    row->turn = 7;
    row->ordinal = GATEWAY_ORDINAL_NOTICE;
    row->part = 2;
    row->account = mem_strdup("1");
    row->reply_to = mem_strdup("18446744073709551615");
    row->source = mem_strdup("raw");
    row->buttons = outbox_buttons(buttons, 2);
    row->ping = mem_strdup("77");
    row->state = OUTBOX_STREAMING;
    row->remote_id = mem_strdup("42");
    CHECK(!outbox_buttons(NULL, 0));
    outbox_insert(batch, row);
    outbox_insert(batch, other);
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(load(box, &count), TROUPE_OK);
    CHECK(count == 1);
    back = first(box);
    CHECK(back->id == row->id && back->turn == 7 && back->part == 2);
    CHECK(back->ordinal == GATEWAY_ORDINAL_NOTICE && back->state == OUTBOX_STREAMING);
    CHECK(!strcmp(back->kind, "reply") && !strcmp(back->gateway, "g"));
    CHECK(!strcmp(back->account, "1") && !strcmp(back->channel, "100"));
    CHECK(!strcmp(back->reply_to, row->reply_to) && !strcmp(back->body, "shown"));
    CHECK(!strcmp(back->source, "raw") && !strcmp(back->remote_id, "42"));
    CHECK(back->ping && !strcmp(back->ping, "77"));
    CHECK(!strcmp(back->buttons, "[{\"id\":\"a:1\",\"label\":\"Yes \\\"now\\\"\"},"
                                 "{\"id\":\"a:2\",\"label\":\"No\"}]"));
    CHECK(back->created_ms == 5 && !back->inherited);
    mem_free(row->body);
    row->body = mem_strdup("final");
    mem_free(row->source);
    row->source = NULL;
    row->state = OUTBOX_READY;
    outbox_update(later, row);
    CHECK_STATUS(store_commit(f->store, later, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(load(box, &count), TROUPE_OK);
    back = first(box);
    CHECK(count == 1 && back->state == OUTBOX_READY && !strcmp(back->body, "final"));
    CHECK(!back->source && !strcmp(back->remote_id, "42") && back->turn == 7);
    outbox_delete(gone, row->id);
    CHECK_STATUS(store_commit(f->store, gone, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(load(box, &count), TROUPE_OK);
    CHECK(count == 0);
    outbox_row_free(row);
    outbox_row_free(other);
    return TROUPE_OK;
}

static void a_row_comes_back_as_it_was_stored(void **state)
{
    run_box(state, whole_body);
}

static troupe_status ids_body(void *arg)
{
    struct box *box = arg;
    struct fixture *f = arg;
    struct outbox *next = NULL;
    int64_t last = 0, id;
    size_t count;

    for (int i = 0; i < 10; i++) {
        id = store_row(box, "x");
        CHECK(id > last);
        last = id;
    }
    CHECK_STATUS(load(box, &count), TROUPE_OK);
    CHECK(count == 10 && !first(box)->inherited);
    CHECK_STATUS(outbox_open(f->loop, f->store, &next, &f->err), TROUPE_OK);
    CHECK(outbox_next_id(next) == last + 1);
    forget_rows(box);
    CHECK_STATUS(outbox_load(next, "g", &box->rows, &f->err), TROUPE_OK);
    list_for_each (link, &box->rows)
        CHECK(container_of(link, struct outbox_row, link)->inherited);
    outbox_close(next);
    return TROUPE_OK;
}

static void ids_rise_past_what_an_earlier_process_stored(void **state)
{
    run_box(state, ids_body);
}

static troupe_status portions_body(void *arg)
{
    struct box *box = arg;
    struct fixture *f = arg;
    int64_t last = 0;
    size_t count;

    for (int portion = 0; portion < 3; portion++) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        for (int i = 0; i < 500 - portion; i++) {
            struct outbox_row *row = make_row(box, "g", "x");

            outbox_insert(batch, row);
            outbox_row_free(row);
        }
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    }
    CHECK_STATUS(load(box, &count), TROUPE_OK);
    CHECK(count == 1497);
    list_for_each (link, &box->rows) {
        const struct outbox_row *row = container_of(link, struct outbox_row, link);

        CHECK(row->id > last);
        last = row->id;
    }
    return TROUPE_OK;
}

static void all_open_rows_come_oldest_first(void **state)
{
    run_box(state, portions_body);
}

static void nonces_tell_rows_apart_and_stay_the_same(void **state)
{
    struct outbox_row a = {.gateway = (char *)"discord:0", .turn = 3, .id = 8, .created_ms = 5};
    struct outbox_row other = a;
    char first_nonce[OUTBOX_NONCE_MAX + 1], nonce[OUTBOX_NONCE_MAX + 1];

    (void)state;
    outbox_nonce(&a, first_nonce);
    assert_int_equal(strlen(first_nonce), OUTBOX_NONCE_MAX);
    other.id = 9; /* the same answer, made again */
    other.created_ms = 6;
    outbox_nonce(&other, nonce);
    assert_string_equal(nonce, first_nonce);
    other = a;
    other.part = 1;
    outbox_nonce(&other, nonce);
    assert_string_not_equal(nonce, first_nonce);
    other = a;
    other.ordinal = 1;
    outbox_nonce(&other, nonce);
    assert_string_not_equal(nonce, first_nonce);
    other = a;
    other.gateway = (char *)"discord:1";
    outbox_nonce(&other, nonce);
    assert_string_not_equal(nonce, first_nonce);
    /* What belongs to no turn is kept nowhere: another process gives the same id again. */
    a.turn = other.turn = 0;
    other = a;
    other.created_ms = 6;
    outbox_nonce(&a, first_nonce);
    outbox_nonce(&other, nonce);
    assert_string_not_equal(nonce, first_nonce);
}

/* ---- marks ---------------------------------------------------------------------------------- */

/* Until all that was submitted is written. [waits] */
static troupe_status settle(struct box *box)
{
    struct fixture *f = &box->base;
    struct store_stats stats;

    do {
        CHECK_STATUS(co_sleep(1), TROUPE_OK);
        store_stats(f->store, &stats);
    } while (stats.batches_queued || outbox_gathered(box->outbox));
    return TROUPE_OK;
}

static troupe_status marks_body(void *arg)
{
    struct box *box = arg;
    struct fixture *f = arg;
    int64_t streaming = store_row(box, "a"), sent = store_row(box, "b");
    int64_t failed = store_row(box, "c"), unknown = store_row(box, "d");
    struct store_stats before, after;
    size_t count;

    store_stats(f->store, &before);
    outbox_mark(box->outbox, streaming, OUTBOX_STREAMING, "11", NULL);
    outbox_mark(box->outbox, sent, OUTBOX_READY, "12", NULL);
    outbox_mark(box->outbox, sent, OUTBOX_SENT, NULL, NULL);
    outbox_mark(box->outbox, sent, OUTBOX_FAILED, "13", "too late");
    outbox_mark(box->outbox, failed, OUTBOX_FAILED, NULL, "no channel");
    outbox_mark(box->outbox, unknown, OUTBOX_UNKNOWN, NULL, "history cannot be read");
    outbox_mark(box->outbox, 999, OUTBOX_SENT, NULL, NULL); /* is nowhere */
    CHECK_STATUS(settle(box), TROUPE_OK);
    store_stats(f->store, &after);
    CHECK(after.batches == before.batches + 1); /* they share one */
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE body = 'a' AND state = 'ready' AND "
                     "remote_id = '11' AND sent_ms IS NULL") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE body = 'b' AND state = 'sent' AND "
                     "remote_id = '12' AND sent_ms > 0 AND error IS NULL") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE body = 'c' AND state = 'failed' AND "
                     "error = 'no channel' AND sent_ms IS NULL") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE body = 'd' AND state = 'unknown'") == 1);
    outbox_mark(box->outbox, unknown, OUTBOX_SENT, "14", NULL); /* it was found after all */
    CHECK_STATUS(settle(box), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE body = 'd' AND state = 'sent' AND "
                     "remote_id = '14'") == 1);
    CHECK_STATUS(load(box, &count), TROUPE_OK);
    CHECK(count == 1 && first(box)->id == streaming);
    return TROUPE_OK;
}

static void marks_share_a_batch_and_end_rows_for_good(void **state)
{
    run_box(state, marks_body);
}

static troupe_status pending_body(void *arg)
{
    struct box *box = arg;
    int64_t id;
    size_t count;

    for (int i = 0; i < 50; i++) {
        id = store_row(box, "x");
        outbox_mark(box->outbox, id, OUTBOX_SENT, NULL, NULL);
        for (int pass = 0; pass < i % 5; pass++)
            CHECK(co_pass() == TROUPE_OK);
        if (load(box, &count) < 0 || count)
            return TROUPE_FAILED;
    }
    return TROUPE_OK;
}

static void a_row_whose_mark_is_on_its_way_is_not_loaded(void **state)
{
    run_box(state, pending_body);
}

static troupe_status many_body(void *arg)
{
    struct box *box = arg;
    struct fixture *f = arg;

    for (int64_t id = 1; id <= 5000; id++)
        outbox_mark(box->outbox, id, OUTBOX_SENT, NULL, NULL);
    CHECK_STATUS(settle(box), TROUPE_OK);
    CHECK(ask_int(f, "SELECT 1") == 1);
    return TROUPE_OK;
}

static void any_number_of_marks_goes_out_in_batches_that_fit(void **state)
{
    struct store_stats stats;

    run_box(state, many_body);
    store_stats(((struct box *)*state)->base.store, &stats);
    assert_int_equal(stats.failed, 0);
}

static troupe_status failed_body(void *arg)
{
    struct box *box = arg;
    struct fixture *f = arg;
    struct outbox *next = NULL;
    int64_t id = store_row(box, "x");
    sqlite3 *db;
    size_t count;

    CHECK(sqlite3_open(f->place.path, &db) == SQLITE_OK);
    CHECK(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK);
    outbox_mark(box->outbox, id, OUTBOX_SENT, NULL, NULL);
    CHECK_STATUS(settle(box), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'ready'") == 1);
    CHECK_STATUS(load(box, &count), TROUPE_OK);
    CHECK(count == 0); /* it was shown */
    CHECK_STATUS(outbox_open(f->loop, f->store, &next, &f->err), TROUPE_OK);
    CHECK_STATUS(outbox_load(next, "g", &box->rows, &f->err), TROUPE_OK);
    CHECK(!list_empty(&box->rows) && first(box)->inherited); /* the next process finds out */
    outbox_close(next);
    sqlite3_close(db);
    while (ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'sent'") == 0)
        CHECK_STATUS(co_sleep(1), TROUPE_OK);
    return TROUPE_OK;
}

static void a_mark_that_failed_keeps_the_row_from_being_shown_and_is_made_later(void **state)
{
    struct box *box = *state;
    const struct store_options options = {.busy_ms = 20};

    outbox_close(box->outbox);
    store_settle(&box->base);
    fixture_open(&box->base, &options);
    assert_status(fixture_run(box->base.loop, open_main, box), TROUPE_OK);
    run_box(state, failed_body);
}

static troupe_status mark_main(void *arg)
{
    struct box *box = arg;
    int64_t id = store_row(box, "last");

    outbox_mark(box->outbox, id, OUTBOX_SENT, NULL, NULL);
    return id < 0 ? TROUPE_FAILED : TROUPE_OK;
}

static troupe_status count_main(void *arg)
{
    struct fixture *f = arg;

    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'sent'") == 1);
    return TROUPE_OK;
}

static void marks_are_written_when_everything_closes(void **state)
{
    struct box *box = *state;

    run_box(state, mark_main);
    outbox_close(box->outbox);
    store_settle(&box->base);
    fixture_open(&box->base, NULL);
    run_box(state, count_main);
    assert_status(fixture_run(box->base.loop, open_main, box), TROUPE_OK);
}

/* ---- the table before ----------------------------------------------------------------------- */

static void exec(sqlite3 *db, const char *sql)
{
    char *text = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &text) != SQLITE_OK)
        fail_msg("%s: %s", sql, text);
}

#define MIGRATION_TABLE                                                                            \
    "PRAGMA application_id = 1953656933; CREATE TABLE migration (ns TEXT NOT NULL, version "       \
    "INTEGER "                                                                                     \
    "NOT NULL, name TEXT NOT NULL, checksum TEXT NOT NULL, applied_ms INTEGER NOT NULL, PRIMARY "  \
    "KEY (ns, version))"

/* A database as the first schema made it. */
static void make_first_schema(const char *path)
{
    const char *source = getenv("TROUPE_SRCDIR");
    _cleanup_mem_ char *schema_path =
        mem_printf("%s/core/store/sql/001_core.sql", source ? source : ".");
    _cleanup_mem_ char *schema = mem_zero(1, 65536), *note = NULL;
    char checksum[STORE_CHECKSUM_SIZE];
    int fd = open(schema_path, O_RDONLY | O_CLOEXEC);
    sqlite3 *db;

    assert_true(fd >= 0);
    assert_true(read(fd, schema, 65535) > 0);
    close(fd);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    exec(db, schema);
    store_checksum(schema, checksum);
    exec(db, MIGRATION_TABLE);
    note =
        mem_printf("INSERT INTO migration VALUES ('core', 1, '001_core.sql', '%s', 1)", checksum);
    exec(db, note);
    exec(db, "INSERT INTO event (id, source, source_id, kind, payload, created_ms) VALUES "
             "(1, 'console', '11', 'message', '{}', 1)");
    exec(db, "INSERT INTO turn (id, event_id, started_ms) VALUES (5, 1, 1)");
    exec(db, "INSERT INTO budget_ledger (turn_id, day, reserved_micros, created_ms) VALUES "
             "(5, '2026-01-01', 1, 1)");
    exec(db, "INSERT INTO outbox (id, turn_id, kind, channel, reply_to, body, state, created_ms) "
             "VALUES (21, 5, 'reply', '1', '11', 'waits', 'ready', 3), "
             "(22, 5, 'notice', '1', '11', 'told', 'ready', 4), "
             "(23, 5, 'reply', '1', '11', 'over', 'sent', 5)");
    sqlite3_close(db);
}

static troupe_status carried_body(void *arg)
{
    struct box *box = arg;
    struct fixture *f = arg;
    const struct outbox_row *row;

    CHECK_STATUS(open_main(box), TROUPE_OK);
    CHECK_STATUS(outbox_load(box->outbox, "console", &box->rows, &f->err), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM outbox") == 2);
    /* The event is its turn now. */
    CHECK(ask_int(f, "SELECT count(*) FROM event WHERE id = 1 AND state = 'running' AND stages = "
                     "'[]' AND finished_ms IS NULL") == 1);
    CHECK(ask_int(f, "SELECT turn_id FROM budget_ledger") == 1);
    row = first(box);
    CHECK(row->id == 21 && row->turn == 1 && row->ordinal == 0 && !strcmp(row->kind, "reply"));
    CHECK(!strcmp(row->body, "waits") && !strcmp(row->reply_to, "11") && row->created_ms == 3);
    CHECK(row->state == OUTBOX_READY && row->inherited);
    row = container_of(row->link.next, struct outbox_row, link);
    CHECK(row->id == 22 && row->ordinal == GATEWAY_ORDINAL_NOTICE && !strcmp(row->kind, "notice"));
    CHECK(outbox_next_id(box->outbox) == 23);
    return TROUPE_OK;
}

static void what_was_ready_before_the_outbox_was_rebuilt_is_still_owed(void **state)
{
    struct box *box = *state;

    outbox_close(box->outbox);
    store_settle(&box->base);
    place_remove(&box->base.place);
    place_make(&box->base.place);
    make_first_schema(box->base.place.path);
    fixture_open(&box->base, NULL);
    run_box(state, carried_body);
}

#define BOX_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOX_TEST(a_row_comes_back_as_it_was_stored),
        BOX_TEST(ids_rise_past_what_an_earlier_process_stored),
        BOX_TEST(all_open_rows_come_oldest_first),
        cmocka_unit_test(nonces_tell_rows_apart_and_stay_the_same),
        BOX_TEST(marks_share_a_batch_and_end_rows_for_good),
        BOX_TEST(a_row_whose_mark_is_on_its_way_is_not_loaded),
        BOX_TEST(any_number_of_marks_goes_out_in_batches_that_fit),
        BOX_TEST(a_mark_that_failed_keeps_the_row_from_being_shown_and_is_made_later),
        BOX_TEST(marks_are_written_when_everything_closes),
        BOX_TEST(what_was_ready_before_the_outbox_was_rebuilt_is_still_owed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
