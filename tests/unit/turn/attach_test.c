/* SPDX-License-Identifier: Apache-2.0
 *
 * Files that agents attach: they go with the answer, once, whatever happens between, and are kept no
 * longer than that.
 */
#include "turn_fixture.h"

#include "turn/erase.h"
#include "turn/sweep.h"

#define AGENT(name, file) "[agent " name "]\nplugin = " LIBS "/" file ".so\n"

static const char attach_ini[] = "[pipeline message]\nstages = a\n" AGENT("a", "attach");
static const char denied_ini[] = "[pipeline message]\nstages = a\n" AGENT("a", "attach_denied");

#define BODY_IN(name, ini)                                                                         \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play_in(ini, NULL, name##_body);                                                           \
    }                                                                                              \
    static troupe_status name##_body(void *arg)
#define BODY(name) BODY_IN(name, attach_ini)

#define KEPT       "SELECT (SELECT count(*) FROM answer_file) + (SELECT count(*) FROM answer_file_part)"

static troupe_status write_rows(struct fixture *f, const char *sql)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_SQL(sql));
    return store_commit(f->store, batch, 0, &f->err);
}

/* What goes with the whole answer `want`. */
#define CHECK_FILES(text, want, files_)                                                            \
    do {                                                                                           \
        struct record *record_ = ask(t, text);                                                     \
        WAIT_FOR(is_answered(record_));                                                            \
        if (strcmp(buf_text(&record_->shown), (want)) ||                                           \
            strcmp(buf_text(&record_->files), (files_)))                                           \
            fprintf(stderr, "# shown \"%s\", files \"%s\", notice \"%s\"\n",                       \
                    buf_text(&record_->shown), buf_text(&record_->files),                          \
                    buf_text(&record_->notice));                                                   \
        CHECK(!strcmp(buf_text(&record_->shown), (want)));                                         \
        CHECK(!strcmp(buf_text(&record_->files), (files_)));                                       \
    } while (0)

BODY(files_go_with_the_answer_and_are_kept_no_longer_than_it_takes)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_FILES("file a.png image/png 5000000 a chart;file b.txt text/plain 12;say here", "here",
                "[file a.png, 5.0 MB: a chart][file b.txt, 12 bytes]");
    WAIT_FOR(ask_int(f, KEPT) == 0);
    CHECK_TRACE("a.png (image/png, 5.0 MB)");
    return TROUPE_OK;
}

BODY(a_file_is_an_answer_also_without_a_word)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_FILES("file a.png image/png 70000", "", "[file a.png, 70.0 kB]");
    CHECK_FILES("write so;file a.png image/png 1", "so", "[file a.png, 1 bytes]");
    WAIT_FOR(ask_int(f, KEPT) == 0);
    return TROUPE_OK;
}

BODY(an_answer_takes_ten_files_and_24_mb)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_FILES("many", "[-11 attach.count]done",
                "[file 0.bin, 1 bytes][file 1.bin, 2 bytes][file 2.bin, 3 bytes]"
                "[file 3.bin, 4 bytes][file 4.bin, 5 bytes][file 5.bin, 6 bytes]"
                "[file 6.bin, 7 bytes][file 7.bin, 8 bytes][file 8.bin, 9 bytes]"
                "[file 9.bin, 10 bytes]");
    CHECK_FILES("file a a/a 10485760;file b a/a 10485760;file c a/a 4194305;file d a/a 4194304",
                "[-11 attach.bytes]", "[file a, 10.4 MB][file b, 10.4 MB][file d, 4.1 MB]");
    WAIT_FOR(ask_int(f, KEPT) == 0);
    return TROUPE_OK;
}

BODY(mistakes_are_told_and_nothing_is_stored)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    char *text = NULL, *json = NULL;

    CHECK_FILES("mistakes",
                "[-4 attach.name][-4 attach.name][-4 attach.name][-4 attach.name][-4 attach.name]"
                "[-4 attach.name][-4 attach.name][-4 attach.name][-4 attach.name][-4 attach.name]"
                "[-4 attach.type][-4 attach.type][-4 attach.type][-4 attach.type][-4 attach.type]"
                "[-4 attach.type][-4 attach.alt][-4 attach.alt][-4 attach.empty][-11 host.limit]"
                "[-4 attach.size][-9 attach.batch]done",
                "");
    CHECK_STATUS(turn_engine_call(t->engine, "sketch", "{\"what\":\"file a a/a 1\"}", 0, &text,
                                  &json, &f->err),
                 TROUPE_OK);
    CHECK(!strcmp(text, "[-9 attach.nobody]"));
    mem_free(text);
    mem_free(json);
    CHECK(ask_int(f, KEPT) == 0);
    return TROUPE_OK;
}

BODY_IN(without_the_capability_it_is_denied, denied_ini)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_FILES("file a.png image/png 1", "[-6 host.capability]", "");
    return TROUPE_OK;
}

BODY(what_is_not_answered_takes_its_files_with_it)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *failed = ask(t, "file a.png image/png 9;fail"), *dropped;

    WAIT_FOR(is_answered(failed));
    CHECK(!failed->ends && failed->notices == 1 && !failed->files.len);
    dropped = ask(t, "file a.png image/png 9;drop");
    WAIT_FOR(is_answered(dropped));
    CHECK(!dropped->ends && !dropped->files.len);
    CHECK(ask_int(f, KEPT) == 0);
    return TROUPE_OK;
}

BODY(a_stage_that_runs_again_attaches_nothing_twice)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;

    engine_end(t, 0);
    t->park_ms = 20;
    CHECK_STATUS(engine_start(t, attach_ini), TROUPE_OK);
    record = ask(t, "file a.png image/png 100000;sleep 400;file b.png image/png 7;say both");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM wait") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM answer_file") == 1);
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->files), "[file a.png, 100.0 kB][file b.png, 7 bytes]"));
    WAIT_FOR(ask_int(f, KEPT) == 0);
    return TROUPE_OK;
}

/* Nobody takes the answer until another time: the rows have all of it. */
BODY(what_waits_in_the_outbox_has_its_bytes_still)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    const int64_t day = 24 * 3600 * 1000, far = clock_wall_ms() + 30 * day;
    struct record *record;
    bool more;

    t->away = true;
    record = ask(t, "file a.bin a/b 9000000;say late");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'ready' AND files <> ''") == 1);
    CHECK_STATUS(turn_sweep(f->store, far, 90 * day, 0, &more, &f->err), TROUPE_OK);
    CHECK(ask_int(f, KEPT) == 4); /* of which three are parts */
    CHECK_STATUS(fake_deliver(t), TROUPE_OK);
    CHECK(!strcmp(buf_text(&record->files), "[file a.bin, 9.0 MB]"));
    /* Whoever does not say that it was sent leaves it to the sweep. */
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'sent'") == 1);
    CHECK_STATUS(turn_sweep(f->store, far, 90 * day, 0, &more, &f->err), TROUPE_OK);
    CHECK(ask_int(f, KEPT) == 0);
    return TROUPE_OK;
}

/* As if files of other turns waited to be sent: all but `room` bytes of what may. */
static troupe_status fill_total(struct fixture *f, long long room)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "INSERT INTO answer_file (turn_id, n, name, type, size) "
             "VALUES (1000000, 0, 'other', 'a/b', %lld)",
             (long long)ATTACHED_TOTAL_MAX - room);
    return write_rows(f, sql);
}

BODY(of_all_turns_files_96_mb_wait_to_be_sent)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_STATUS(fill_total(f, 20), TROUPE_OK);
    CHECK_FILES("file a a/a 21;file b a/a 20;file c a/a 1", "[-8 attach.busy][-8 attach.busy]",
                "[file b, 20 bytes]");
    WAIT_FOR(ask_int(f, KEPT) == 1);
    CHECK_FILES("file c a/a 20", "", "[file c, 20 bytes]");
    CHECK_STATUS(write_rows(f, "DELETE FROM answer_file WHERE turn_id = 1000000"), TROUPE_OK);
    CHECK_FILES("file d a/a 21", "", "[file d, 21 bytes]");
    WAIT_FOR(ask_int(f, KEPT) == 0);
    return TROUPE_OK;
}

/* Each looks at the store while the other's is on its way there. */
BODY(files_that_are_being_stored_count_too)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    static const char *const members[] = {"7", "8", "9", "10"};

    CHECK_STATUS(fill_total(f, 10000000), TROUPE_OK);
    t->away = true;
    for (int i = 0; i < 4; i++)
        (void)ask_as(t, (struct asking){.member = members[i], .channel = members[i]},
                     "file a a/a 9000000");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'ready'") == 4);
    CHECK(ask_int(f, "SELECT count(*) FROM outbox WHERE body LIKE '%attach.busy%'") == 3);
    CHECK(ask_int(f, "SELECT sum(size) FROM answer_file") <= (long long)ATTACHED_TOTAL_MAX);
    CHECK_STATUS(fake_deliver(t), TROUPE_OK);
    return TROUPE_OK;
}

BODY(a_members_files_go_with_their_data)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_FILES("say one", "one", "");
    CHECK_STATUS(write_rows(f, "INSERT INTO answer_file (turn_id, n, name, type, size) "
                               "SELECT id, 0, 'a', 'a/b', 1 FROM event"),
                 TROUPE_OK);
    CHECK_STATUS(write_rows(f, "INSERT INTO answer_file_part (turn_id, n, part, data) "
                               "SELECT id, 0, 0, 'x' FROM event"),
                 TROUPE_OK);
    CHECK(ask_int(f, KEPT) == 2);
    CHECK_STATUS(turn_erase_ask(t->engine, "7", "operator", 0, &f->err), TROUPE_OK);
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM erasure") == 0);
    CHECK(ask_int(f, KEPT) == 0);
    return TROUPE_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_go_with_the_answer_and_are_kept_no_longer_than_it_takes),
        cmocka_unit_test(a_file_is_an_answer_also_without_a_word),
        cmocka_unit_test(an_answer_takes_ten_files_and_24_mb),
        cmocka_unit_test(mistakes_are_told_and_nothing_is_stored),
        cmocka_unit_test(without_the_capability_it_is_denied),
        cmocka_unit_test(what_is_not_answered_takes_its_files_with_it),
        cmocka_unit_test(a_stage_that_runs_again_attaches_nothing_twice),
        cmocka_unit_test(what_waits_in_the_outbox_has_its_bytes_still),
        cmocka_unit_test(of_all_turns_files_96_mb_wait_to_be_sent),
        cmocka_unit_test(files_that_are_being_stored_count_too),
        cmocka_unit_test(a_members_files_go_with_their_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
