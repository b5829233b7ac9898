/* SPDX-License-Identifier: Apache-2.0
 *
 * The index of a scope's words beside a scan of all its texts: the same hits, scores and shares, whatever was
 * put, replaced and removed before.
 */
#include "vector_fixture.h"

#include "store/text_postings.h"

enum { TEXTS = 3000, WORDS = 4000, MOST = 20 };

struct scope {
    struct text_postings *postings;
    struct buf packed[TEXTS]; /* empty: not there */
};

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    return (uint32_t)(next_random(&seed) >> 32) % below;
}

/* Some words are in nearly every text, most in few. */
static size_t write_text(char *out, size_t size, size_t most)
{
    size_t count = 1 + draw((uint32_t)most), len = 0;

    for (size_t i = 0; i < count; i++) {
        uint32_t word = draw(draw(draw(WORDS) + 1) + 1);

        len += (size_t)snprintf(out + len, size - len, "%sw%uq", i ? " " : "", word);
    }
    return len;
}

static void put(struct scope *scope, size_t i)
{
    char text[512], key[16];
    size_t len = write_text(text, sizeof(text), 40);

    buf_clear(&scope->packed[i]);
    assert_true(text_index_pack(text, len, &scope->packed[i]));
    snprintf(key, sizeof(key), "k%04zu", i);
    text_postings_put(scope->postings, key, scope->packed[i].data, scope->packed[i].len);
}

static void take_out(struct scope *scope, size_t i)
{
    char key[16];

    buf_clear(&scope->packed[i]);
    snprintf(key, sizeof(key), "k%04zu", i);
    text_postings_remove(scope->postings, key);
}

struct wanted {
    char key[16];
    double score, share;
};

static int by_score(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;

    if (x->score > y->score || x->score < y->score)
        return x->score > y->score ? -1 : 1;
    return strcmp(x->key, y->key);
}

static size_t scan(const struct scope *scope, const char *text, struct wanted *out)
{
    static struct text_match matches[TEXTS];
    static bool found[TEXTS];
    struct text_query query;
    size_t count = 0;

    if (!text_query_init(&query, text, strlen(text)))
        return 0;
    for (size_t i = 0; i < TEXTS; i++)
        found[i] = scope->packed[i].len && text_query_look(&query, scope->packed[i].data,
                                                           scope->packed[i].len, &matches[i]);
    for (size_t i = 0; i < TEXTS; i++) {
        if (!found[i])
            continue;
        snprintf(out[count].key, sizeof(out[count].key), "k%04zu", i);
        out[count].score = text_query_score(&query, &matches[i]);
        out[count++].share = text_query_share(&query, &matches[i]);
    }
    qsort(out, count, sizeof(*out), by_score);
    return count;
}

static void check_like_scan(const struct scope *scope)
{
    static struct wanted wanted[TEXTS];
    struct text_hit hits[MOST];
    struct text_query query;
    char text[512];

    for (size_t n = 0; n < 20; n++) {
        size_t len = write_text(text, sizeof(text), 8), count, found;

        (void)text_query_init(&query, text, len);
        count = scan(scope, text, wanted);
        count = count < MOST ? count : MOST;
        found = text_postings_search(scope->postings, &query, MOST, hits);
        assert_int_equal(found, count);
        for (size_t i = 0; i < count; i++) {
            assert_string_equal(hits[i].key, wanted[i].key);
            assert_true(hits[i].score == wanted[i].score);
            assert_true(hits[i].share == wanted[i].share);
        }
    }
}

static void a_search_finds_what_a_scan_of_all_texts_finds_in_the_same_order(void **state)
{
    struct scope *scope = mem_zero(1, sizeof(*scope));
    size_t live = 0;

    (void)state;
    seed = 7;
    scope->postings = text_postings_new();
    check_like_scan(scope);
    for (size_t i = 0; i < TEXTS; i++)
        put(scope, i);
    check_like_scan(scope);
    for (size_t round = 0; round < 10; round++) {
        for (size_t i = 0; i < 100; i++)
            if (draw(3))
                put(scope, draw(TEXTS));
            else
                take_out(scope, draw(TEXTS));
        check_like_scan(scope);
    }
    for (size_t i = 0; i < TEXTS; i++)
        live += scope->packed[i].len > 0;
    assert_int_equal(text_postings_count(scope->postings), live);
    for (size_t i = 3; i < TEXTS; i++)
        take_out(scope, i);
    check_like_scan(scope);
    for (size_t i = 0; i < TEXTS; i++)
        take_out(scope, i);
    assert_int_equal(text_postings_count(scope->postings), 0);
    check_like_scan(scope);
    text_postings_free(scope->postings);
    mem_free(scope);
}

static void memory_is_given_back_by_what_is_removed(void **state)
{
    struct scope *scope = mem_zero(1, sizeof(*scope));
    size_t full;

    (void)state;
    seed = 8;
    scope->postings = text_postings_new();
    for (size_t i = 0; i < TEXTS; i++)
        put(scope, i);
    full = text_postings_bytes(scope->postings);
    for (size_t round = 0; round < 8; round++)
        for (size_t i = 0; i < TEXTS; i++)
            put(scope, i);
    assert_true(text_postings_bytes(scope->postings) < 2 * full);
    for (size_t i = 0; i < TEXTS; i++)
        take_out(scope, i);
    assert_true(text_postings_bytes(scope->postings) < full / 2);
    text_postings_free(scope->postings);
    mem_free(scope);
}

static void what_cannot_be_read_is_not_there(void **state)
{
    struct text_postings *postings = text_postings_new();
    _cleanup_buf_ struct buf packed = BUF_INIT;
    struct text_query query;
    struct text_hit hit;

    (void)state;
    assert_true(text_index_pack("a walrus", 8, &packed));
    assert_true(text_query_init(&query, "walrus", 6));
    text_postings_put(postings, "k", packed.data, packed.len);
    assert_int_equal(text_postings_search(postings, &query, 1, &hit), 1);
    text_postings_put(postings, "k", packed.data, packed.len - 1);
    assert_int_equal(text_postings_search(postings, &query, 1, &hit), 0);
    text_postings_put(postings, "k", NULL, 0);
    assert_int_equal(text_postings_count(postings), 0);
    text_postings_remove(postings, "k");
    text_postings_free(postings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_finds_what_a_scan_of_all_texts_finds_in_the_same_order),
        cmocka_unit_test(memory_is_given_back_by_what_is_removed),
        cmocka_unit_test(what_cannot_be_read_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
