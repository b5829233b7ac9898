/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors as agents have them: found by direction within their scope, and gone with the member's data.
 */
#include "turn_fixture.h"

#include "base/text.h"
#include "turn/erase.h"

#define AGENT(name, file) "[agent " name "]\nplugin = " LIBS "/" file ".so\n"

static const char vectors_ini[] =
    "[pipeline message]\nstages = v\n[pipeline other]\nstages = w\n" AGENT("v", "vectors")
        AGENT("w", "vectors");
static const char denied_ini[] = "[pipeline message]\nstages = v\n" AGENT("v", "vectors_denied");

#define BODY_IN(name, ini)                                                                         \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play_in(ini, NULL, name##_body);                                                           \
    }                                                                                              \
    static troupe_status name##_body(void *arg)
#define BODY(name) BODY_IN(name, vectors_ini)

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
static const struct asking ann_there = {.member = "7", .channel = "200", .guild = "5"};

BODY(vectors_are_found_by_their_direction_best_first)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_SAYS(ann, "near 0 1", "[]");
    CHECK_SAYS(ann, "axis 0 b 2;axis 0 a 1;axis 0 c 5", "[put][put][put]");
    CHECK_SAYS(ann, "near 0 1", "[a 0.89, b 0.45, c 0.00]");
    CHECK_SAYS(ann, "axis 0 a 7;near 0 1", "[put][b 0.45, a 0.00, c 0.00]");
    CHECK_SAYS(ann, "take 0 b;take 0 b;near 0 1", "[taken][taken][a 0.00, c 0.00]");
    CHECK_SAYS(ann, "batch 0;near 0 0", "[joined][in batch 0.89, a 0.00, c 0.00]");
    return TROUPE_OK;
}

BODY(a_text_is_found_by_a_question_about_it_without_a_model)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;

    (void)f;
    CHECK_SAYS(ann,
               "put 3 cat My cat is called Minka;put 3 nuts I am allergic to peanuts;"
               "put 3 raid The raid starts on Friday",
               "[put][put][put]");
    record = ask_as(t, ann, "find 3 what is the name of my cat?");
    WAIT_FOR(is_answered(record));
    CHECK(text_starts(buf_text(&record->shown), "[cat "));
    record = ask_as(t, ann, "find 3 when do raids start?");
    WAIT_FOR(is_answered(record));
    CHECK(text_starts(buf_text(&record->shown), "[raid "));
    /* Another number of values finds none of them, and does no harm. */
    CHECK_SAYS(ann, "near 3 1", "[]");
    return TROUPE_OK;
}

BODY(vectors_stay_in_their_scope_and_with_their_agent)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct asking other = ann;

    CHECK_SAYS(ann, "axis 3 mine 1;near 3 1", "[put][mine 0.89]");
    CHECK_SAYS(ann_there, "near 3 1;near 1 1;near 2 1;near 4 1;near 0 1", "[mine 0.89][][][][]");
    CHECK_SAYS(bob, "near 3 1;take 3 mine", "[][taken]");
    CHECK_SAYS(ann, "near 3 1", "[mine 0.89]");
    CHECK_SAYS(ann, "near 1 1", "[-9 kv.scope]");
    other.kind = "other";
    CHECK_SAYS(other, "near 3 1;axis 3 mine 4", "[][put]");
    CHECK_SAYS(ann, "near 3 1", "[mine 0.89]");
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE scope LIKE 'vectors/1/member/7'") == 2);
    return TROUPE_OK;
}

/* What is put meanwhile changes nothing of what the stage had found before it was put aside. */
BODY(a_stage_that_runs_again_finds_what_it_found_before)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;

    engine_end(t, 0);
    t->park_ms = 20;
    CHECK_STATUS(engine_start(t, vectors_ini), TROUPE_OK);
    record = ask_as(t, ann, "axis 0 a 1;near 0 1;axis 4 reached 1;sleep 400;near 0 1");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'reached'") == 1);
    CHECK_SAYS(bob, "axis 0 b 2", "[put]");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "[put][a 0.89][put][slept][a 0.89, b 0.45]"));
    return TROUPE_OK;
}

#define FILL                                                                                       \
    "INSERT INTO kv (ns, scope, key, value, expires_ms, updated_ms) WITH RECURSIVE n (i) AS "      \
    "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) "                                     \
    "SELECT 'v', 'vectors/agent', 'k' || i, zeroblob(64), 0, 0 FROM n"
/* As if there were ten times as many. */
#define FULL                                                                                       \
    "INSERT INTO index_scope (ns, scope, epoch, seq, entries) VALUES ('v', 'vectors/agent', 1, "   \
    "1, 99999)"

BODY(a_scope_is_bounded_and_the_last_one_in_it_is_found)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_SQL(FILL));
    store_batch_add(batch, STORE_SQL(FULL));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK_SAYS(ann, "axis 0 zz 1;axis 0 more 2;axis 0 zz 1", "[put][-11 vectors.full][put]");
    CHECK_SAYS(ann, "near 0 1", "[zz 0.89]");
    CHECK_SAYS(ann, "take 0 k1;axis 0 more 2;near 0 1", "[taken][put][zz 0.89, more 0.45]");
    return TROUPE_OK;
}

BODY(mistakes_are_told_and_nothing_is_stored)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record = ask_as(t, ann, "mistakes");

    WAIT_FOR(is_answered(record));
    CHECK(!strstr(buf_text(&record->shown), "taken"));
    CHECK(!strcmp(buf_text(&record->shown),
                  "[-4 vectors.values][-4 vectors.values][-4 vectors.values][-4 vectors.values]"
                  "[-4 vectors.key][-4 vectors.key][-4 kv.scope][-4 vectors.most][-4 vectors.most]"
                  "[-4 vectors.most][-4 vectors.key][-4 vectors.values][-10 vectors.text]"));
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE scope LIKE 'vectors/%'") == 0);
    return TROUPE_OK;
}

BODY_IN(without_the_capability_all_is_denied, denied_ini)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_SAYS(ann, "axis 0 k 1;near 0 1;take 0 k;find 0 word",
               "[-6 host.capability][-6 host.capability][-6 host.capability][-6 host.capability]");
    return TROUPE_OK;
}

BODY(a_members_vectors_go_with_their_data)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    CHECK_SAYS(ann, "axis 3 mine 1;axis 4 ours 1", "[put][put]");
    CHECK_SAYS(bob, "axis 3 his 1", "[put]");
    CHECK_STATUS(turn_erase_ask(t->engine, "7", "operator", 0, &f->err), TROUPE_OK);
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM erasure") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE scope LIKE 'vectors/%'") == 1);
    CHECK_SAYS(ann, "near 3 1", "[]");
    CHECK_SAYS(bob, "near 3 1", "[his 0.89]");
    return TROUPE_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_found_by_their_direction_best_first),
        cmocka_unit_test(a_text_is_found_by_a_question_about_it_without_a_model),
        cmocka_unit_test(vectors_stay_in_their_scope_and_with_their_agent),
        cmocka_unit_test(a_stage_that_runs_again_finds_what_it_found_before),
        cmocka_unit_test(a_scope_is_bounded_and_the_last_one_in_it_is_found),
        cmocka_unit_test(mistakes_are_told_and_nothing_is_stored),
        cmocka_unit_test(without_the_capability_all_is_denied),
        cmocka_unit_test(a_members_vectors_go_with_their_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
