/* SPDX-License-Identifier: Apache-2.0
 *
 * The cache as agents have it: in their namespace and scope, the same for a stage that runs again, and no
 * error where it is away.
 */
#include "turn_fixture.h"

#include "store/cache.h"

#define AGENT(name, file) "[agent " name "]\nplugin = " LIBS "/" file ".so\n"

static const char cache_ini[] =
    "[pipeline message]\nstages = c\n[pipeline other]\nstages = d\n" AGENT("c", "cache")
        AGENT("d", "cache");
static const char denied_ini[] = "[pipeline message]\nstages = c\n" AGENT("c", "cache_denied");

#define BODY_IN(name, ini)                                                                         \
    static troupe_status name##_body(void *arg);                                                   \
    static void name(void **state)                                                                 \
    {                                                                                              \
        (void)state;                                                                               \
        play_in(ini, NULL, name##_body);                                                           \
    }                                                                                              \
    static troupe_status name##_body(void *arg)
#define BODY(name) BODY_IN(name, cache_ini)

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

/* The engine anew, with a cache; its end is the body's. [waits] */
static troupe_status with_cache(struct stage_test *t, const struct cache_options *options)
{
    engine_end(t, 0);
    if (cache_new(t->base.loop, options, &t->cache, &t->base.err) < 0)
        return TROUPE_FAILED;
    return engine_start(t, t->ini);
}

static void drop_cache(struct stage_test *t)
{
    engine_end(t, 0);
    cache_free(t->cache);
    t->cache = NULL;
}

BODY(what_is_put_is_found_in_its_scope_and_by_its_agent)
{
    static const struct cache_options memory = {.max_bytes = 1 << 20};
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct asking other = ann;
    struct cache_stats stats;

    CHECK_STATUS(with_cache(t, &memory), TROUPE_OK);
    CHECK_SAYS(ann, "get 0 k;put 0 k all;get 0 k", "[nothing][put][all]");
    CHECK_SAYS(bob, "get 0 k;get 3 k", "[all][nothing]");
    CHECK_SAYS(ann, "put 3 k mine;get 3 k;get 4 k;get 2 k", "[put][mine][nothing][nothing]");
    CHECK_SAYS(bob, "get 3 k;take 3 k", "[nothing][taken]");
    CHECK_SAYS(ann, "get 3 k;take 3 k;get 3 k;get 0 k", "[mine][taken][nothing][all]");
    other.kind = "other";
    CHECK_SAYS(other, "get 0 k;get 3 k", "[nothing][nothing]");
    cache_stats(t->cache, &stats);
    CHECK(stats.entries == 1 && stats.hits > 0);
    /* Nothing of it is durable. */
    CHECK(ask_int(f, "SELECT count(*) FROM kv WHERE ns = 'c'") == 0);
    drop_cache(t);
    return TROUPE_OK;
}

/* What is put meanwhile changes nothing of what the stage had found before it was put aside. */
BODY(a_stage_that_runs_again_finds_what_it_found_before)
{
    static const struct cache_options memory = {.max_bytes = 1 << 20};
    struct stage_test *t = arg;
    struct fixture *f = arg;
    struct record *record;

    t->park_ms = 20;
    CHECK_STATUS(with_cache(t, &memory), TROUPE_OK);
    CHECK_SAYS(ann, "put 0 k old", "[put]");
    record = ask_as(t, ann, "get 0 k;get 0 new;sleep 400;get 0 k;get 0 new");
    WAIT_FOR(ask_int(f, "SELECT count(*) FROM event WHERE state = 'parked'") == 1);
    CHECK_SAYS(bob, "put 0 k young;put 0 new it", "[put][put]");
    WAIT_FOR(is_answered(record));
    CHECK(!strcmp(buf_text(&record->shown), "[old][nothing][slept][young][it]"));
    drop_cache(t);
    return TROUPE_OK;
}

BODY(a_cache_that_is_away_is_empty_and_no_error)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_SAYS(ann, "put 0 k x;get 0 k;take 0 k", "[put][nothing][taken]"); /* there is none */
#ifdef HAVE_REDIS
    {
        struct cache_options nowhere = {.answer_ms = 200};
        char url[128];

        snprintf(url, sizeof(url), "unix:%s/nobody.sock", t->base.place.dir);
        nowhere.url = url;
        CHECK_STATUS(with_cache(t, &nowhere), TROUPE_OK);
        CHECK_SAYS(ann, "put 0 k x;get 0 k;take 0 k", "[put][nothing][taken]");
        drop_cache(t);
    }
#endif
    return TROUPE_OK;
}

BODY(mistakes_are_told)
{
    static const struct cache_options memory = {.max_bytes = 1 << 20};
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_STATUS(with_cache(t, &memory), TROUPE_OK);
    CHECK_SAYS(ann, "mistakes",
               "[-4 cache.key][-4 cache.key][-4 kv.scope][-4 cache.life][-4 cache.life]"
               "[-11 host.limit][nothing]");
    drop_cache(t);
    return TROUPE_OK;
}

BODY_IN(without_the_capability_all_is_denied, denied_ini)
{
    struct stage_test *t = arg;
    struct fixture *f = arg;

    (void)f;
    CHECK_SAYS(ann, "put 0 k x;get 0 k;take 0 k",
               "[-6 host.capability][-6 host.capability][-6 host.capability]");
    return TROUPE_OK;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_is_found_in_its_scope_and_by_its_agent),
        cmocka_unit_test(a_stage_that_runs_again_finds_what_it_found_before),
        cmocka_unit_test(a_cache_that_is_away_is_empty_and_no_error),
        cmocka_unit_test(mistakes_are_told),
        cmocka_unit_test(without_the_capability_all_is_denied),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
