/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts as agents have them: found by their words within their scope, and gone with the member's data.
 */
#include "turn_fixture.h"

#include "base/text.h"
#include "store/index.h"
#include "turn/erase.h"

#define AGENT(name, file) "[agent " name "]\nplugin = " LIBS "/" file ".so\n"

static const char texts_ini[] =
    "[pipeline message]\nstages = v\n[pipeline other]\nstages = w\n" AGENT("v", "texts")
        AGENT("w", "texts");
static const char denied_ini[] = "[pipeline message]\nstages = v\n" AGENT("v", "texts_denied");

#define BODY_IN(name, ini)                                                                         \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play_in(ini, NULL, name##_body);                                                           \
    }                                                                                              \
    static troupe_status name##_body(void *arg)
#define BODY(name) BODY_IN(name, texts_ini)

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
static const struct asking ann_elsewhere = {.member = "7", .channel = "300", .guild = "6"};

BODY(texts_are_found_by_their_words_also_in_other_forms)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_SAYS(ann, "find 5 cats", "[]");
    CHECK_SAYS(ann,
               "put 5 cat My cat is called Minka;put 5 nuts I am allergic to peanuts;"
               "put 5 raid The raid starts on Friday at nine",
               "[put][put][put]");
    CHECK_SAYS(ann, "find 5 what are my cats called?;find 5 allergies to a peanut",
               "[cat 1.0][nuts 0.3]");
    CHECK_SAYS(ann, "find 5 friday;find 5 zebra", "[raid 1.0][]");
    /* Put again it is another text; taken away it is none, and a second time no harm. */
    CHECK_SAYS(ann, "put 5 cat We have a parrot;find 5 cat;find 5 parrots", "[put][][cat 1.0]");
    CHECK_SAYS(ann, "take 5 cat;take 5 cat;find 5 parrots", "[taken][taken][]");
    CHECK_SAYS(ann, "batch 5;find 5 walrus", "[joined][in_batch 1.0]");
    return TROUPE_OK;
}

BODY(words_and_direction_make_one_order)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_SAYS(ann, "put 5 a allergic to peanuts;put 5 b the weather is fine;put 5 c go peanut",
               "[put][put][put]");
    /* By words alone a misspelled question finds nothing. */
    CHECK_SAYS(ann, "find 5 alergik penuts", "[]");
    CHECK_SAYS(ann, "both 5 alergik penuts", "[a 0.0 alike, c 0.0, b 0.0]");
    CHECK_SAYS(ann, "both 5 allergic peanuts", "[a 1.0 alike, c 0.3 alike, b 0.0]");
    return TROUPE_OK;
}

BODY(texts_stay_in_their_scope_and_with_their_agent)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct asking other = ann;

    CHECK_SAYS(ann, "put 5 mine the secret walrus", "[put]");
    /* The same member in a guild, and in another one; nothing of a direct message is there. */
    CHECK_SAYS(ann_in_guild,
               "find 5 walrus;both 5 walrus;find 0 walrus;find 3 walrus;find 1 walrus",
               "[][][][][]");
    CHECK_SAYS(ann_in_guild, "put 5 ours the public walrus;find 5 walrus", "[put][ours 1.0]");
    CHECK_SAYS(ann_elsewhere, "find 5 walrus;both 5 walrus", "[][]");
    CHECK_SAYS(ann, "find 5 walrus", "[mine 1.0]");
    CHECK_SAYS(bob, "find 5 walrus;both 5 walrus;take 5 mine", "[][][taken]");
    CHECK_SAYS(ann, "find 5 walrus;find 1 walrus", "[mine 1.0][-9 kv.scope]");
    other.kind = "other";
    CHECK_SAYS(other, "find 5 walrus;put 5 mine another walrus", "[][put]");
    CHECK_SAYS(ann, "find 5 walrus", "[mine 1.0]");
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE scope = 'texts/1/place/direct/member/7'") == 2);
    /* No text is kept. */
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE CAST(value AS TEXT) LIKE '%walrus%'") == 0);
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
    CHECK_STATUS(engine_start(t, texts_ini), TROUPE_OK);
    record = ask_as(t, ann,
                    "put 0 a big walrus;both 0 walrus;put 4 reached word;sleep 400;both 0 walrus");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM kv WHERE key = 'reached'") >= 1);
    CHECK_SAYS(bob, "put 0 b walrus", "[put]");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown),
                  "[put][a 1.0 alike][put][slept][b 1.0 alike, a 1.0 alike]"));
    return TROUPE_OK;
}

#define FILL                                                                                       \
    "INSERT INTO kv (ns, scope, key, value, expires_ms, updated_ms) WITH RECURSIVE n (i) AS "      \
    "(SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9999) "                                     \
    "SELECT 'v', 'texts/agent', 'k' || i, zeroblob(32), 0, 0 FROM n"
/* As if there were ten times as many. */
#define FULL                                                                                       \
    "INSERT INTO index_scope (ns, scope, epoch, seq, entries) VALUES ('v', 'texts/agent', 1, 1, "  \
    "99999)"

BODY(a_scope_is_bounded_and_the_last_one_in_it_is_found)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_SQL(FILL));
    store_batch_add(batch, STORE_SQL(FULL));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK_SAYS(ann, "put 0 zz walrus;put 0 more walrus;put 0 zz walruses",
               "[put][-11 texts.full][put]");
    CHECK_SAYS(ann, "find 0 walrus", "[zz 1.0]");
    CHECK_SAYS(ann, "take 0 k1;put 0 more a walrus;find 0 walrus",
               "[taken][put][zz 1.0, more 1.0]");
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
                  "[-4 texts.key][-4 texts.key][-10 texts.text][-4 kv.scope][-4 texts.key]"
                  "[-4 texts.most][-4 texts.most][-4 texts.most][-4 texts.weight][-4 texts.weight]"
                  "[-4 vectors.values][nothing]"));
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE scope LIKE 'texts/%'") == 0);
    return TROUPE_OK;
}

BODY_IN(without_the_capability_all_is_denied, denied_ini)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_SAYS(ann, "put 0 k word;find 0 word;both 0 word;take 0 k",
               "[-6 host.capability][-6 host.capability][-6 host.capability][-6 host.capability]");
    return TROUPE_OK;
}

BODY(a_members_texts_go_with_their_data)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct store_index_stats before, after;

    CHECK_SAYS(ann, "put 5 mine walrus;put 4 ours walrus;put 3 all walrus", "[put][put][put]");
    CHECK_SAYS(ann_in_guild, "put 5 there walrus", "[put]");
    CHECK_SAYS(bob, "put 5 his walrus", "[put]");
    CHECK_SAYS(ann, "find 5 walrus;both 5 walrus", "[mine 1.0][mine 1.0 alike]");
    CHECK_SAYS(ann_in_guild, "find 5 walrus", "[there 1.0]");
    CHECK_SAYS(bob, "find 5 walrus", "[his 1.0]");
    store_index_stats(f->store, &before);
    CHECK_STATUS(turn_erase_ask(t->engine, "7", "operator", 0, &f->err), TROUPE_OK);
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM erasure") == 0);
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE scope LIKE 'texts/%'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM index_scope WHERE scope LIKE 'texts/%'") == 1);
    CHECK(ask_int(f, "SELECT count(*) FROM index_change WHERE scope LIKE 'texts/%'") == 1);
    /* Neither is anything in memory, before somebody searches. */
    store_index_stats(f->store, &after);
    CHECK(before.scopes > 2 && after.scopes == 1);
    CHECK_SAYS(ann, "find 5 walrus;both 5 walrus", "[][]");
    CHECK_SAYS(ann_in_guild, "find 5 walrus", "[]");
    CHECK_SAYS(bob, "find 5 walrus", "[his 1.0]");
    return TROUPE_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_found_by_their_words_also_in_other_forms),
        cmocka_unit_test(words_and_direction_make_one_order),
        cmocka_unit_test(texts_stay_in_their_scope_and_with_their_agent),
        cmocka_unit_test(a_stage_that_runs_again_finds_what_it_found_before),
        cmocka_unit_test(a_scope_is_bounded_and_the_last_one_in_it_is_found),
        cmocka_unit_test(mistakes_are_told_and_nothing_is_stored),
        cmocka_unit_test(without_the_capability_all_is_denied),
        cmocka_unit_test(a_members_texts_go_with_their_data),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
