/* SPDX-License-Identifier: Apache-2.0
 *
 * What a search keeps in memory of a scope is what the database has: with a file and with a server that the program
 * starts itself, sealed and not.
 */
#include "each_fixture.h"

#include "store/index.h"
#include "store/text_postings.h"
#include "store/vector_near.h"

#include <string.h>

enum { ROOM = 128 << 10 /* bytes of memory for indexes */ };

static int setup(void **state)
{
    return each_open(state, (struct store_options){.write_ms = 5000, .index_bytes = ROOM});
}

static void add(struct store_batch *batch, const char *scope, const char *key, const char *text)
{
    _cleanup_buf_ struct buf packed = BUF_INIT;

    (void)text_index_pack(text, strlen(text), &packed);
    store_index_put(batch, "a", scope, key, packed.data, packed.len);
}

/* "KEY TEXT": puts; "KEY": removes. */
static troupe_status change(struct fixture *f, const char *scope, const char *key, const char *text)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    if (text)
        add(batch, scope, key, text);
    else
        store_index_remove(batch, "a", scope, key);
    return store_commit(f->store, batch, 0, &f->err);
}

/* The keys of what is found, between blanks. */
static troupe_status find(struct fixture *f, const char *scope, const char *text, char ret[256])
{
    struct text_hit hits[10];
    struct text_query query;
    void *index = NULL;
    size_t count = 0;
    troupe_status status =
        store_index_use(f->store, &store_index_texts, 0, "a", scope, 0, &index, &f->err);

    ret[0] = '\0';
    if (status < 0)
        return status;
    (void)text_query_init(&query, text, strlen(text));
    if (index)
        count = text_postings_search(index, &query, 10, hits);
    for (size_t i = 0; i < count; i++)
        snprintf(ret + strlen(ret), 256 - strlen(ret), "%s%s", i ? " " : "", hits[i].key);
    return TROUPE_OK;
}

#define CHECK_FINDS(scope, text, want)                                                             \
    do {                                                                                           \
        char found_[256];                                                                          \
        CHECK_STATUS(find(f, scope, text, found_), TROUPE_OK);                                     \
        if (strcmp(found_, want) != 0)                                                             \
            fprintf(stderr, "# found \"%s\"\n", found_);                                           \
        CHECK(!strcmp(found_, want));                                                              \
    } while (0)

static struct store_index_stats stats_of(const struct fixture *f)
{
    struct store_index_stats stats;

    store_index_stats(f->store, &stats);
    return stats;
}

static troupe_status changes_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    int64_t others = -1;

    CHECK_FINDS("s", "walrus", "");
    CHECK_STATUS(change(f, "s", "one", "a walrus"), TROUPE_OK);
    CHECK_STATUS(change(f, "other", "two", "a walrus"), TROUPE_OK);
    CHECK_FINDS("s", "walrus", "one");
    CHECK_FINDS("other", "walrus", "two");
    CHECK(stats_of(f).loads == 2);
    /* From here on by what changed alone. */
    CHECK_STATUS(change(f, "s", "two", "walrus and carpenter"), TROUPE_OK);
    CHECK_STATUS(change(f, "s", "one", "an oyster"), TROUPE_OK);
    CHECK_FINDS("s", "walrus", "two");
    CHECK_FINDS("s", "oysters", "one");
    CHECK_STATUS(change(f, "s", "two", NULL), TROUPE_OK);
    CHECK_STATUS(change(f, "s", "never there", NULL), TROUPE_OK);
    CHECK_FINDS("s", "walrus", "");
    CHECK_STATUS(store_index_others(f->store, "a", "s", "one", 0, &others, &f->err), TROUPE_OK);
    CHECK(others == 0);
    CHECK_STATUS(store_index_others(f->store, "a", "s", "x", 0, &others, &f->err), TROUPE_OK);
    CHECK(others == 1);
    add(batch, "s", "b1", "walrus");
    add(batch, "s", "b2", "walrus");
    store_index_remove(batch, "a", "s", "b1");
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK_FINDS("s", "walrus", "b2");
    CHECK_FINDS("s", "walrus", "b2");
    CHECK(stats_of(f).loads == 2 && stats_of(f).updates == 3);
    CHECK_STATUS(change(f, "s", "b2", NULL), TROUPE_OK);
    CHECK_STATUS(change(f, "s", "one", NULL), TROUPE_OK);
    CHECK_FINDS("s", "oyster", "");
    CHECK(stats_of(f).scopes == 1); /* of an empty one nothing is kept */
    return TROUPE_OK;
}

static void what_was_put_replaced_or_removed_before_is_what_a_search_finds(void **state)
{
    run_body(fixture_of(state), changes_body);
}

static troupe_status emptied_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    for (int i = 0; i < 5; i++)
        CHECK_STATUS(change(f, "x/member/7", "one", "a walrus"), TROUPE_OK);
    CHECK_FINDS("x/member/7", "walrus", "one");
    CHECK_STATUS(change(f, "x/member/77", "one", "a walrus"), TROUPE_OK);
    CHECK_FINDS("x/member/77", "walrus", "one");
    /* As the deletion of a member's data does it; the scope's numbers begin anew. */
    store_batch_add(batch, STORE_SQL("DELETE FROM kv WHERE scope = 'x/member/7'"));
    store_batch_add(batch, STORE_SQL("DELETE FROM index_scope WHERE scope = 'x/member/7'"));
    store_batch_add(batch, STORE_SQL("DELETE FROM index_change WHERE scope = 'x/member/7'"));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    for (int i = 0; i < 5; i++)
        CHECK_STATUS(change(f, "x/member/7", "two", "an oyster"), TROUPE_OK);
    CHECK_FINDS("x/member/7", "walrus oyster", "two");
    CHECK(stats_of(f).scopes == 2);
    store_index_forget(f->store, "7");
    CHECK(stats_of(f).scopes == 1);
    CHECK_FINDS("x/member/77", "walrus", "one");
    CHECK(stats_of(f).loads == 3);
    CHECK_FINDS("x/member/7", "walrus oyster", "two");
    return TROUPE_OK;
}

static void a_scope_that_was_emptied_is_forgotten_also_where_it_fills_again(void **state)
{
    run_body(fixture_of(state), emptied_body);
}

static troupe_status many_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_rows_ struct store_rows *rows = NULL;

    CHECK_STATUS(change(f, "s", "one", "a walrus"), TROUPE_OK);
    CHECK_FINDS("s", "walrus", "one");
    for (int i = 0; i < 4 * INDEX_CHANGES / 200; i++) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        for (int n = 0; n < 200; n++)
            add(batch, "s", n % 2 ? "two" : "three", n % 3 ? "a walrus" : "an oyster");
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
        if (i == 1) { /* in two pages */
            CHECK_FINDS("s", "walrus oyster", "three one two");
            CHECK(stats_of(f).loads == 1 && stats_of(f).updates == 1);
        }
    }
    CHECK_FINDS("s", "walrus", "one two");
    CHECK(stats_of(f).loads == 2);
    /* What is kept of changes is bounded. */
    CHECK_STATUS(
        store_query(f->store, STORE_SQL("SELECT count(*) FROM index_change"), 0, &rows, &f->err),
        TROUPE_OK);
    CHECK(store_cell_int(rows, 0, 0, 0) >= INDEX_CHANGES);
    CHECK(store_cell_int(rows, 0, 0, 0) < 2 * INDEX_CHANGES);
    return TROUPE_OK;
}

static void more_changes_than_are_kept_read_the_scope_anew(void **state)
{
    run_body(fixture_of(state), many_body);
}

/* So many different words that two such scopes are more than the room. */
static troupe_status fill(struct fixture *f, const char *scope, int texts)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    for (int i = 0; i < texts; i++) {
        char key[16], text[512];
        size_t len = (size_t)snprintf(text, sizeof(text), "walrus%s", i ? "es" : " first");

        snprintf(key, sizeof(key), "k%03d", i);
        for (int n = 0; n < 40; n++)
            len += (size_t)snprintf(text + len, sizeof(text) - len, " w%dq%d", i, n);
        add(batch, scope, key, text);
    }
    return store_commit(f->store, batch, 0, &f->err);
}

static troupe_status bounded_body(void *arg)
{
    struct fixture *f = arg;
    struct store_index_wish wishes[2] = {{&store_index_texts, 0, "s", NULL},
                                         {&store_index_texts, 0, "t", NULL}};
    char found[256];

    CHECK_STATUS(fill(f, "s", 40), TROUPE_OK);
    CHECK_STATUS(fill(f, "t", 40), TROUPE_OK);
    CHECK_STATUS(fill(f, "large", 200), TROUPE_OK);
    CHECK_FINDS("s", "first", "k000");
    CHECK_FINDS("t", "first", "k000");
    CHECK(stats_of(f).scopes == 1 && stats_of(f).bytes <= ROOM);
    CHECK_FINDS("s", "w30q7", "k030");
    CHECK(stats_of(f).loads == 3);
    CHECK_STATUS(find(f, "large", "first", found), TROUPE_LIMIT);
    CHECK(stats_of(f).bytes <= ROOM);
    /* The next one knows before it reads. */
    CHECK_STATUS(find(f, "large", "first", found), TROUPE_LIMIT);
    CHECK(stats_of(f).loads == 3);
    CHECK_FINDS("s", "w30q7", "k030");
    /* Either fits, and both do not. */
    CHECK_STATUS(store_index_use_both(f->store, "a", wishes, 0, &f->err), TROUPE_LIMIT);
    CHECK(stats_of(f).bytes <= ROOM);
    CHECK_FINDS("t", "first", "k000");
    return TROUPE_OK;
}

static void memory_is_bounded_and_what_has_no_room_is_told(void **state)
{
    run_body(fixture_of(state), bounded_body);
}

static troupe_status find_body(void *arg)
{
    struct fixture *f = arg;

    CHECK_FINDS("s", "first", "k000");
    return TROUPE_OK;
}

static troupe_status together_body(void *arg)
{
    struct fixture *f = arg;

    CHECK_STATUS(fill(f, "s", 40), TROUPE_OK);
    for (int round = 0; round < 2; round++) {
        struct scope scope;

        scope_open(&scope, 0);
        for (int i = 0; i < 5; i++)
            CHECK_STATUS(co_spawn(&scope, NULL, find_body, f), TROUPE_OK);
        CHECK_STATUS(scope_close(&scope), TROUPE_OK);
        CHECK(stats_of(f).loads == 1 && stats_of(f).updates == (uint64_t)round);
        CHECK_STATUS(change(f, "s", "more", "another one"), TROUPE_OK);
    }
    return TROUPE_OK;
}

static void searches_at_the_same_time_read_a_scope_once(void **state)
{
    run_body(fixture_of(state), together_body);
}

static bool is_a(void *arg, const char *ns)
{
    return arg && !strcmp(ns, "a");
}

static troupe_status warm_body(void *arg)
{
    static const float to_x[] = {1, 0, 0};
    struct fixture *f = arg;
    size_t count = 99;

    for (int i = 0; i < INDEX_WARM_LEAST; i += 50) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        for (int n = i; n < i + 50; n++) {
            char key[16];

            snprintf(key, sizeof(key), "k%04d", n);
            add(batch, "texts/large", key, n ? "an oyster" : "a walrus");
            if (n)
                add(batch, "texts/small", key, "a walrus");
            store_index_put(batch, "a", "vectors/large", key, to_x, sizeof(to_x));
            store_index_put(batch, "a", "other/large", key, to_x, sizeof(to_x));
        }
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    }
    CHECK_STATUS(store_index_warm(f->store, is_a, NULL, &count, &f->err), TROUPE_OK);
    CHECK(count == 0 && stats_of(f).loads == 0); /* nobody searches there */
    CHECK_STATUS(store_index_warm(f->store, is_a, f, &count, &f->err), TROUPE_OK);
    CHECK(count == 2 && stats_of(f).loads == 2);
    CHECK_FINDS("texts/large", "walrus", "k0000");
    CHECK(stats_of(f).loads == 2);
    return TROUPE_OK;
}

static int setup_roomy(void **state)
{
    struct store_options options = {.write_ms = 5000, .index_bytes = 8 << 20};
    struct fixture *f = mem_zero(1, sizeof(*f));

    place_make(&f->place);
    f->loop = fixture_new(NULL);
    fixture_open(f, &options);
    *state = f;
    return 0;
}

static void large_scopes_of_those_who_search_are_read_ahead(void **state)
{
    run_body(fixture_of(state), warm_body);
}

static troupe_status vectors_body(void *arg)
{
    static const float to_x[] = {1, 0, 0}, to_y[] = {0, 1, 0}, plane[] = {0, 1};
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new(), *later = store_batch_new();
    struct vector_near_hit hits[4];
    void *near = NULL;

    store_index_put(batch, "a", "v", "x", to_x, sizeof(to_x));
    store_index_put(batch, "a", "v", "y", to_y, sizeof(to_y));
    store_index_put(batch, "a", "v", "z", plane, sizeof(plane));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(store_index_use(f->store, &store_index_vectors, 3, "a", "v", 0, &near, &f->err),
                 TROUPE_OK);
    CHECK(vector_near_search(near, to_y, 4, hits) == 2);
    CHECK(!strcmp(hits[0].key, "y") && hits[0].score > 0.999 && hits[1].score < 0.001);
    /* Each number of dimensions is looked for by itself. */
    CHECK_STATUS(store_index_use(f->store, &store_index_vectors, 2, "a", "v", 0, &near, &f->err),
                 TROUPE_OK);
    CHECK(vector_near_search(near, plane, 4, hits) == 1 && !strcmp(hits[0].key, "z"));
    store_index_put(later, "a", "v", "y", plane, sizeof(plane));
    CHECK_STATUS(store_commit(f->store, later, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(store_index_use(f->store, &store_index_vectors, 3, "a", "v", 0, &near, &f->err),
                 TROUPE_OK);
    CHECK(vector_near_search(near, to_y, 4, hits) == 1 && !strcmp(hits[0].key, "x"));
    CHECK_STATUS(store_index_use(f->store, &store_index_vectors, 2, "a", "v", 0, &near, &f->err),
                 TROUPE_OK);
    CHECK(vector_near_search(near, plane, 4, hits) == 2);
    return TROUPE_OK;
}

static void vectors_are_found_among_those_of_their_length(void **state)
{
    run_body(fixture_of(state), vectors_body);
}

/* A form that counts what it is given since the loop turned last: forms have nothing else to count in. */
static struct {
    struct loop_task task;
    struct loop *loop;
    bool ended;
    size_t turns, given, since, most;
} turning;

static void on_turn(struct loop_task *task)
{
    turning.turns++;
    turning.since = 0;
    if (!turning.ended)
        loop_post(turning.loop, task);
}

static void *counting_make(size_t variant)
{
    (void)variant;
    return mem_alloc(1);
}

static bool counting_put(void *index, const char *key, const void *value, size_t len)
{
    (void)index;
    (void)key;
    (void)value;
    (void)len;
    turning.given++;
    turning.since++;
    turning.most = turning.since > turning.most ? turning.since : turning.most;
    return true;
}

static void counting_remove(void *index, const char *key)
{
    (void)index;
    (void)key;
}

static size_t counting_bytes(const void *index)
{
    (void)index;
    return 1;
}

static const struct store_index_form counting = {
    "counting", counting_make, mem_free, counting_put, counting_remove, counting_bytes,
};

static troupe_status slices_body(void *arg)
{
    enum { PAGES = 5, AT_ONCE = 50 };
    struct fixture *f = arg;
    void *index = NULL;

    for (int i = 0; i < PAGES * INDEX_PAGE; i += AT_ONCE) {
        _cleanup_batch_ struct store_batch *batch = store_batch_new();

        for (int j = 0; j < AT_ONCE; j++) {
            char key[16];

            snprintf(key, sizeof(key), "k%05d", i + j);
            add(batch, "s", key, "a walrus");
        }
        CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    }
    memset(&turning, 0, sizeof(turning));
    turning.loop = f->loop;
    turning.task.run = on_turn;
    loop_post(turning.loop, &turning.task);
    CHECK_STATUS(store_index_use(f->store, &counting, 0, "a", "s", 0, &index, &f->err), TROUPE_OK);
    turning.ended = true;
    CHECK(turning.given == PAGES * INDEX_PAGE && turning.most <= INDEX_PAGE);
    CHECK(turning.turns >= PAGES);
    CHECK_STATUS(co_sleep(1), TROUPE_OK); /* its last turn */
    return TROUPE_OK;
}

static void the_loop_turns_between_pages_of_a_first_search(void **state)
{
    run_body(fixture_of(state), slices_body);
}

/* Of scope "w" words and of "v" vectors. */
static troupe_status use_both(struct fixture *f, struct store_index_wish wishes[2])
{
    wishes[0] = (struct store_index_wish){&store_index_texts, 0, "w", f};
    wishes[1] = (struct store_index_wish){&store_index_vectors, 2, "v", f};
    return store_index_use_both(f->store, "a", wishes, 0, &f->err);
}

static troupe_status both_body(void *arg)
{
    static const float values[] = {1, 0};
    struct fixture *f = arg;
    _cleanup_batch_ struct store_batch *batch = store_batch_new(), *later = store_batch_new();
    struct store_index_wish wishes[2];

    CHECK_STATUS(use_both(f, wishes), TROUPE_OK);
    CHECK(!wishes[0].index && !wishes[1].index && stats_of(f).scopes == 0);
    store_index_put(batch, "a", "v", "x", values, sizeof(values));
    CHECK_STATUS(store_commit(f->store, batch, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(use_both(f, wishes), TROUPE_OK);
    CHECK(!wishes[0].index && vector_near_count(wishes[1].index) == 1);
    add(later, "w", "one", "a walrus");
    store_index_put(later, "a", "v", "y", values, sizeof(values));
    CHECK_STATUS(store_commit(f->store, later, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(use_both(f, wishes), TROUPE_OK);
    CHECK(text_postings_count(wishes[0].index) == 1 && vector_near_count(wishes[1].index) == 2);
    CHECK(stats_of(f).loads == 2 && stats_of(f).updates == 1);
    CHECK_STATUS(change(f, "w", "one", NULL), TROUPE_OK);
    CHECK_STATUS(use_both(f, wishes), TROUPE_OK);
    CHECK(!wishes[0].index && vector_near_count(wishes[1].index) == 2);
    CHECK(stats_of(f).scopes == 1); /* of an empty one nothing is kept */
    return TROUPE_OK;
}

static void two_scopes_are_there_at_once(void **state)
{
    run_body(fixture_of(state), both_body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        {"large_scopes_of_those_who_search_are_read_ahead",
         large_scopes_of_those_who_search_are_read_ahead, setup_roomy, teardown, NULL},
        EACH(what_was_put_replaced_or_removed_before_is_what_a_search_finds),
        EACH(a_scope_that_was_emptied_is_forgotten_also_where_it_fills_again),
        EACH(more_changes_than_are_kept_read_the_scope_anew),
        EACH(memory_is_bounded_and_what_has_no_room_is_told),
        EACH(searches_at_the_same_time_read_a_scope_once),
        EACH(vectors_are_found_among_those_of_their_length),
        EACH(the_loop_turns_between_pages_of_a_first_search),
        EACH(two_scopes_are_there_at_once),
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
