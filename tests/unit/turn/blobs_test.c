/* SPDX-License-Identifier: Apache-2.0
 *
 * Blobs as agents have them: whole, in ranges, within their scope and their bounds, and gone with the
 * member's data.
 */
#include "turn_fixture.h"

#include "store/blob.h"
#include "turn/erase.h"

#define AGENT(name, file) "[agent " name "]\nplugin = " LIBS "/" file ".so\n"

static const char blobs_ini[] =
    "[pipeline message]\nstages = v\n[pipeline other]\nstages = w\n" AGENT("v", "blobs")
        AGENT("w", "blobs");
static const char bounded_ini[] =
    "[store]\nscope_blobs = 1M\nagent_blobs = 2M\n[pipeline message]\nstages = v\n" AGENT("v",
                                                                                          "blobs");
static const char denied_ini[] = "[pipeline message]\nstages = v\n" AGENT("v", "blobs_denied");

#define BODY_IN(name, ini)                                                                         \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play_in(ini, NULL, name##_body);                                                           \
    }                                                                                              \
    static troupe_status name##_body(void *arg)
#define BODY(name) BODY_IN(name, blobs_ini)

/* The whole answer is `want`. */
#define CHECK_SAYS(who, text, want)                                                                \
    do {                                                                                           \
        struct record *record_ = ask_as(t, who, text);                                             \
        WAIT_FOR(is_answered(record_));                                                            \
        if (strcmp(buf_text(&record_->shown), (want)))                                             \
            fprintf(stderr, "# shown \"%s\", notice \"%s\"\n", buf_text(&record_->shown),          \
                    buf_text(&record_->notice));                                                   \
        CHECK(!strcmp(buf_text(&record_->shown), (want)));                                         \
    } while (0)

static const struct asking ann = {.member = "7"}, bob = {.member = "8"};
static const struct asking ann_in_guild = {.member = "7", .channel = "200", .guild = "5"};

static troupe_status make_due(struct fixture *f)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_SQL("UPDATE blob_loose SET due_ms = 1"));
    return store_commit(f->store, batch, 0, &f->err);
}

BODY(what_was_put_is_given_whole_and_in_ranges)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_SAYS(ann, "get 3 a;range 3 a 0 1;info 3 a;take 3 a",
               "[-10 blobs.none][-10 blobs.none][-10 blobs.none][taken]");
    CHECK_SAYS(ann, "put 3 a hello;get 3 a;range 3 a 1 3;range 3 a 4 9;range 3 a 5 9",
               "[put][hello][ell][o][]");
    CHECK_SAYS(ann, "info 3 a", "[a text/plain 5 2cf24dba]");
    CHECK_SAYS(ann, "put 3 a something else;get 3 a;put 3 b ;get 3 b",
               "[put][something else][put][]");
    CHECK_SAYS(ann, "fill 3 a 700001;get 3 a;through 3 a", "[filled][700001 right][700001 right]");
    CHECK(ask_int(f, "SELECT count(*) FROM blob_head") == 2);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_part") == 3);
    CHECK_SAYS(ann, "take 3 a;get 3 a;take 3 a;take 3 b", "[taken][-10 blobs.none][taken][taken]");
    CHECK(ask_int(f, "SELECT count(*) FROM blob_part") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_loose") == 0);
    return TROUPE_OK;
}

BODY(a_document_of_25_megabytes_is_kept)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_SAYS(ann, "fill 3 d 26214400;info 3 d",
               "[filled][d application/octet-stream 26214400 aa442f25]");
    CHECK_SAYS(ann, "get 3 d;get 3 d;get 3 d", "[26214400 right][26214400 right][-11 host.limit]");
    CHECK_SAYS(ann, "through 3 d", "[26214400 right]");
    CHECK(ask_int(f, "SELECT count(*) FROM blob_part") == 100);
    return TROUPE_OK;
}

BODY(keys_are_listed_by_prefix)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_SAYS(ann, "put 3 p/1 a;put 3 p/2 bb;brief 3 p/3 ccc;put 3 q d;sleep 3",
               "[put][put][put][put][slept]");
    CHECK_SAYS(ann, "list 3 p/ 100;list 3 - 100;list 3 - 1;list 3 p/ 9 p/1;list 3 z 9;list 0 - 9",
               "[p/1 1, p/2 2][p/1 1, p/2 2, q 1][p/1 1][p/2 2][][]");
    CHECK_SAYS(ann, "get 3 p/3;info 3 p/3;range 3 p/3 0 1",
               "[-10 blobs.none][-10 blobs.none][-10 blobs.none]");
    return TROUPE_OK;
}

BODY(blobs_stay_in_their_scope_and_with_their_agent)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct asking other = ann;

    (void)f;
    CHECK_SAYS(ann, "put 5 mine walrus;put 3 both walrus", "[put][put]");
    CHECK_SAYS(ann_in_guild, "get 5 mine;get 3 both;list 5 - 9", "[-10 blobs.none][walrus][]");
    CHECK_SAYS(bob, "get 5 mine;get 3 both;take 3 both", "[-10 blobs.none][-10 blobs.none][taken]");
    CHECK_SAYS(ann, "get 5 mine;get 3 both;get 1 both", "[walrus][walrus][-9 kv.scope]");
    other.kind = "other";
    CHECK_SAYS(other, "get 3 both;put 3 both another", "[-10 blobs.none][put]");
    CHECK_SAYS(ann, "get 3 both", "[walrus]");
    return TROUPE_OK;
}

/* What another turn puts meanwhile changes nothing of what the stage had read before it was put aside; of what
 * is long, only what it is now can be given. */
BODY(a_stage_that_runs_again_puts_nothing_twice)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;
    int64_t changed;

    engine_end(t, 0);
    t->park_ms = 20;
    CHECK_STATUS(engine_start(t, blobs_ini), TROUPE_OK);
    record = ask_as(t, ann,
                    "put 0 a first;get 0 a;info 0 a;list 0 - 9;take 0 b;put 4 reached x;sleep 400;"
                    "get 0 a");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM blob_head WHERE key = 'reached'") >= 1);
    changed = ask_int(f, "SELECT changed_ms FROM blob_head WHERE key = 'reached'");
    CHECK_SAYS(bob, "put 0 a second;put 0 b kept", "[put][put]");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "[put][first][a text/plain 5 a7937b64][a 5][taken]"
                                            "[put][slept][second]"));
    CHECK_SAYS(bob, "get 0 a;get 0 b", "[second][kept]");
    CHECK(ask_int(f, "SELECT changed_ms FROM blob_head WHERE key = 'reached'") == changed);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_part") == 3);
    return TROUPE_OK;
}

/* Cut in the middle of its pieces, a put leaves the key where it led, and is done by the next run. */
BODY(a_put_that_was_cut_is_done_once)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;
    bool more = true;

    CHECK_SAYS(ann, "put 3 d before", "[put]");
    record = ask_as(t, ann, "fill 3 d 26214400;get 3 d");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM blob_part") > 1);
    engine_end(t, 0);
    CHECK(!is_answered(record));
    CHECK(ask_int(f, "SELECT size FROM blob_head") == 6);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_loose") == 1);
    CHECK_STATUS(engine_start(t, blobs_ini), TROUPE_OK);
    CHECK_STATUS(turn_engine_recover(t->engine, &t->gateway, &f->err), TROUPE_OK);
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "[filled][26214400 right]"));
    /* What the first run had written is nobody's, and goes when its time is over. */
    CHECK(ask_int(f, "SELECT count(*) FROM blob_loose") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_part") > 100);
    CHECK_STATUS(make_due(f), TROUPE_OK);
    while (more)
        CHECK_STATUS(store_blob_sweep(f->store, 0, &more, &f->err), TROUPE_OK);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_part") == 100);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_loose") == 0);
    CHECK_SAYS(ann, "through 3 d", "[26214400 right]");
    return TROUPE_OK;
}

BODY_IN(a_scope_and_an_agent_are_bounded, bounded_ini)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_SAYS(ann, "fill 3 a 1000000;fill 3 b 100000;fill 3 a 1040000",
               "[filled][-11 blobs.full][filled]");
    CHECK_SAYS(bob, "fill 3 a 1040000;fill 0 c 100000;take 3 a;fill 0 c 100000",
               "[filled][-11 blobs.full][taken][filled]");
    CHECK(ask_int(f, "SELECT count(*) FROM blob_loose") == 0);
    return TROUPE_OK;
}

BODY(mistakes_are_told_and_nothing_is_stored)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_SAYS(ann, "mistakes",
               "[-4 blobs.key][-4 blobs.key][-4 kv.scope][-4 blobs.type][-4 blobs.type]"
               "[-4 host.null][-4 blobs.place][-4 blobs.key][-4 blobs.range]"
               "[-4 blobs.range][-4 blobs.range][-4 blobs.size][-4 blobs.size][-4 blobs.most]"
               "[-4 blobs.most][-4 blobs.most][-4 blobs.key]");
    CHECK_SAYS(ann, "batch 0;fill 0 k 33554433", "[-9 blobs.batch][-11 host.limit]");
    CHECK(ask_int(f, "SELECT count(*) FROM blob_head") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_part") == 0);
    return TROUPE_OK;
}

BODY_IN(without_the_capability_all_is_denied, denied_ini)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_SAYS(ann, "put 0 k word;get 0 k;range 0 k 0 1;info 0 k;list 0 - 1;take 0 k",
               "[-6 host.capability][-6 host.capability][-6 host.capability][-6 host.capability]"
               "[-6 host.capability][-6 host.capability]");
    return TROUPE_OK;
}

BODY(a_members_blobs_go_with_their_data)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_SAYS(ann, "put 5 mine walrus;put 4 ours walrus;fill 3 all 17000000;put 0 none walrus",
               "[put][put][filled][put]");
    CHECK_SAYS(ann_in_guild, "put 5 there walrus", "[put]");
    CHECK_SAYS(bob, "put 5 his walrus", "[put]");
    CHECK_STATUS(turn_erase_ask(t->engine, "7", "operator", 0, &f->err), TROUPE_OK);
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM erasure") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_head") == 2);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_part") == 2);
    CHECK(ask_int(f, "SELECT count(*) FROM blob_loose") == 0);
    CHECK_SAYS(ann, "get 3 all;get 5 mine;get 0 none", "[-10 blobs.none][-10 blobs.none][walrus]");
    CHECK_SAYS(bob, "get 5 his", "[walrus]");
    return TROUPE_OK;
}

BODY(a_member_who_asks_what_is_kept_gets_the_files)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;

    CHECK_SAYS(ann, "put 3 no/../thing hello;sleep 5", "[put][slept]");
    CHECK_SAYS(ann, "fill 3 large.bin 11000000;put 3 empty ", "[filled][put]");
    CHECK_SAYS(bob, "put 3 other walrus", "[put]");
    record = ask_as(t, ann, "/privacy show");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->files), "[file 1-no__._thing, 5 bytes]"));
    CHECK(strstr(buf_text(&record->shown), "Files that are kept for you are attached: 1."));
    CHECK(strstr(buf_text(&record->shown), "a file of a message has at most 10 MB: 1."));
    record = ask_as(t, ann_in_guild, "/privacy show"); /* others would see them */
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->files), ""));
    CHECK(strstr(buf_text(&record->shown), "2 files are kept for you; ask by the slash command"));
    for (int i = 0; i < 3; i++)
        CHECK_SAYS(ann,
                   i == 0   ? "put 3 a 1;put 3 b 1;put 3 c 1;put 3 d 1"
                   : i == 1 ? "put 3 e 1;put 3 f 1;put 3 g 1;put 3 h 1"
                            : "put 3 i 1;put 3 j 1;put 3 k 1;put 3 l 1",
                   "[put][put][put][put]");
    record = ask_as(t, ann, "/privacy show");
    WAIT_FOR(is_answered(record));
    CHECK(strstr(buf_text(&record->shown), "Files that are kept for you are attached: 10."));
    CHECK(strstr(buf_text(&record->shown), "24 MB together: 3 older ones."));
    CHECK(!strstr(buf_text(&record->files), "walrus") &&
          !strstr(buf_text(&record->files), "other"));
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM answer_file") == 0);
    return TROUPE_OK;
}

/* As if files of other turns waited to be sent: all but `room` bytes of what may. */
static troupe_status fill_answers(struct stage_test *t, long long room)
{
    struct fixture *f = &t->base;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_SQL("DELETE FROM answer_file WHERE turn_id = 1000000"));
    store_batch_add(batch, STORE_SQL("INSERT INTO answer_file (turn_id, n, name, type, size) "
                                     "VALUES (1000000, 0, 'other', 'a/b', ?1)",
                                     store_int((int64_t)ATTACHED_TOTAL_MAX - room)));
    t->engine->attached_bytes = -1; /* it is to look */
    return store_commit(f->store, batch, 0, &f->err);
}

BODY(a_members_files_count_like_all_that_wait_to_be_sent)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;

    CHECK_SAYS(ann, "put 3 thing hello", "[put]");
    CHECK_STATUS(fill_answers(t, 4), TROUPE_OK);
    record = ask_as(t, ann, "/privacy show");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->files), ""));
    CHECK(strstr(buf_text(&record->shown), "10 files of 24 MB together: 1 older ones."));
    CHECK_STATUS(fill_answers(t, 5), TROUPE_OK);
    t->away = true;
    record = ask_as(t, ann, "/privacy show");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM outbox WHERE state = 'ready' AND files <> ''") == 1);
    CHECK(t->engine->attached_bytes == (int64_t)ATTACHED_TOTAL_MAX);
    CHECK_STATUS(fake_deliver(t), TROUPE_OK);
    CHECK(!strcmp(buf_text(&record->files), "[file 1-thing, 5 bytes]"));
    return TROUPE_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_given_whole_and_in_ranges),
        cmocka_unit_test(a_document_of_25_megabytes_is_kept),
        cmocka_unit_test(keys_are_listed_by_prefix),
        cmocka_unit_test(a_member_who_asks_what_is_kept_gets_the_files),
        cmocka_unit_test(a_members_files_count_like_all_that_wait_to_be_sent),
        cmocka_unit_test(blobs_stay_in_their_scope_and_with_their_agent),
        cmocka_unit_test(a_stage_that_runs_again_puts_nothing_twice),
        cmocka_unit_test(a_put_that_was_cut_is_done_once),
        cmocka_unit_test(a_scope_and_an_agent_are_bounded),
        cmocka_unit_test(mistakes_are_told_and_nothing_is_stored),
        cmocka_unit_test(without_the_capability_all_is_denied),
        cmocka_unit_test(a_members_blobs_go_with_their_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
