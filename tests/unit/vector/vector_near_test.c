/* SPDX-License-Identifier: Apache-2.0
 *
 * The vectors of a scope in memory beside a scan of the floats that they were made of, whatever was put, replaced
 * and removed before.
 */
#include "vector_fixture.h"

#include "store/vector_near.h"

enum { ROWS = 700, DIM = 67, K = 10 };

struct scope {
    struct vector_near *near;
    float values[ROWS][DIM];
    bool there[ROWS];
};

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    return (uint32_t)(next_random(&seed) >> 32) % below;
}

static void make(float *out)
{
    do
        for (size_t i = 0; i < DIM; i++)
            out[i] = (float)draw(2001) / 1000.0F - 1;
    while (!vector_normalise(out, DIM, out));
}

static void put(struct scope *scope, size_t i)
{
    char key[16];

    snprintf(key, sizeof(key), "k%03zu", i);
    make(scope->values[i]);
    scope->there[i] = true;
    assert_true(vector_near_put(scope->near, key, scope->values[i]));
}

static void take_out(struct scope *scope, size_t i)
{
    char key[16];

    snprintf(key, sizeof(key), "k%03zu", i);
    scope->there[i] = false;
    vector_near_remove(scope->near, key);
}

struct wanted {
    float score;
    size_t row;
};

static int by_score(const void *a, const void *b)
{
    const struct wanted *x = a, *y = b;

    return x->score > y->score ? -1 : x->score < y->score;
}

/* The first ten are those of the floats, but for neighbours that lie closer than what sixteen bits tell. */
static void check_like_floats(const struct scope *scope)
{
    static struct wanted wanted[ROWS];
    struct vector_near_hit hits[K];
    float query[DIM];

    for (size_t n = 0; n < 10; n++) {
        size_t count = 0, found;

        make(query);
        for (size_t i = 0; i < ROWS; i++)
            if (scope->there[i])
                wanted[count++] = (struct wanted){vector_dot(query, scope->values[i], DIM), i};
        qsort(wanted, count, sizeof(*wanted), by_score);
        assert_int_equal(vector_near_count(scope->near), count);
        found = vector_near_search(scope->near, query, K, hits);
        assert_int_equal(found, count < K ? count : K);
        for (size_t i = 0; i < found; i++) {
            size_t row = strtoul(hits[i].key + 1, NULL, 10);

            assert_true(row < ROWS && scope->there[row]);
            assert_true(fabs(hits[i].score - (double)vector_dot(query, scope->values[row], DIM)) <
                        0.00005);
            assert_true(fabs(hits[i].score - (double)wanted[i].score) < 0.0001);
        }
    }
}

static void a_search_finds_what_a_scan_of_the_floats_finds(void **state)
{
    struct scope *scope = mem_zero(1, sizeof(*scope));

    (void)state;
    seed = 3;
    scope->near = vector_near_new(DIM);
    check_like_floats(scope);
    for (size_t i = 0; i < ROWS; i++) {
        put(scope, i);
        if (i == 0 || i == 8 || i == 300)
            check_like_floats(scope);
    }
    check_like_floats(scope);
    for (size_t i = 0; i < 2000; i++)
        if (draw(3))
            take_out(scope, draw(ROWS));
        else
            put(scope, draw(ROWS));
    check_like_floats(scope);
    for (size_t i = 5; i < ROWS; i++)
        take_out(scope, i);
    check_like_floats(scope);
    for (size_t i = 0; i < ROWS; i++)
        take_out(scope, i);
    check_like_floats(scope);
    put(scope, 9);
    check_like_floats(scope);
    vector_near_free(scope->near);
    mem_free(scope);
}

static void memory_is_given_back_by_what_is_removed(void **state)
{
    struct scope *scope = mem_zero(1, sizeof(*scope));
    size_t empty, full;

    (void)state;
    seed = 4;
    scope->near = vector_near_new(DIM);
    empty = vector_near_bytes(scope->near);
    for (size_t i = 0; i < ROWS; i++)
        put(scope, i);
    full = vector_near_bytes(scope->near);
    assert_true(full > ROWS * DIM * 2 && full < ROWS * (DIM * 2 + 400));
    for (size_t i = 0; i < ROWS; i++)
        take_out(scope, i);
    assert_true(vector_near_bytes(scope->near) <= empty + 4096);
    vector_near_free(scope->near);
    mem_free(scope);
}

/* ---- at the size that it is for ---- */

enum { WIDE = 384, MANY = 4000, QUERIES = 100 };

/* Of the ten best by the floats so many of a thousand are among the ten found. */
static size_t recall(size_t centres)
{
    float *centre = mem_zero((centres + 1) * WIDE, sizeof(float));
    float *rows = mem_alloc((MANY + QUERIES) * WIDE * sizeof(float));
    static struct wanted wanted[MANY];
    struct vector_near *near = vector_near_new(WIDE);
    size_t right = 0;

    fill_random(&seed, centre, centres * WIDE);
    for (size_t i = 0; i < MANY + QUERIES; i++) {
        const float *of = centre + (centres ? next_random(&seed) % centres : 0) * WIDE;
        char key[16];

        for (size_t j = 0; j < WIDE; j++)
            rows[i * WIDE + j] = of[j] + 0.4F * next_normal(&seed);
        assert_true(vector_normalise(rows + i * WIDE, WIDE, rows + i * WIDE));
        snprintf(key, sizeof(key), "%zu", i);
        if (i < MANY)
            assert_true(vector_near_put(near, key, rows + i * WIDE));
    }
    for (size_t q = MANY; q < MANY + QUERIES; q++) {
        struct vector_near_hit hits[K];

        for (size_t i = 0; i < MANY; i++)
            wanted[i] = (struct wanted){vector_dot(rows + q * WIDE, rows + i * WIDE, WIDE), i};
        qsort(wanted, MANY, sizeof(*wanted), by_score);
        assert_int_equal(vector_near_search(near, rows + q * WIDE, K, hits), K);
        for (size_t i = 0; i < K; i++)
            for (size_t j = 0; j < K; j++)
                right += strtoul(hits[i].key, NULL, 10) == wanted[j].row;
    }
    vector_near_free(near);
    mem_free(centre);
    mem_free(rows);
    return right;
}

static void of_the_ten_best_by_floats_999_of_1000_are_found(void **state)
{
    (void)state;
    seed = 5;
    assert_true(recall(0) >= 999);
    assert_true(recall(40) >= 999);
}

/* Each has one value alone: what is asked for is found first, and all others are alike, by their keys. */
static void vectors_at_right_angles_have_a_score_of_zero_and_no_order_but_their_keys(void **state)
{
    static const size_t some[] = {4, 8, 100, WIDE};
    static float values[WIDE];

    (void)state;
    for (size_t d = 0; d < sizeof(some) / sizeof(some[0]); d++) {
        struct vector_near *near = vector_near_new(some[d]);
        struct vector_near_hit hits[4];
        char key[24];

        for (size_t i = some[d]; i-- > 0;) {
            memset(values, 0, sizeof(values));
            values[i] = 1;
            snprintf(key, sizeof(key), "%03zu", i);
            assert_true(vector_near_put(near, key, values));
        }
        memset(values, 0, sizeof(values));
        values[3] = 1;
        assert_int_equal(vector_near_search(near, values, 4, hits), 4);
        assert_string_equal(hits[0].key, "003");
        for (size_t i = 1; i < 4; i++) {
            assert_true(hits[i].score >= 0 && hits[i].score <= 0 && !signbit(hits[i].score));
            snprintf(key, sizeof(key), "%03zu", i - 1);
            assert_true(some[d] > 16 || !strcmp(hits[i].key, key));
        }
        vector_near_free(near);
    }
}

static void any_dimension_up_to_4096_is_searched(void **state)
{
    static const size_t dims[] = {1, 2, 7, 8, 63, 64, 65, 383, 1536, 4096};

    (void)state;
    seed = 6;
    for (size_t d = 0; d < sizeof(dims) / sizeof(dims[0]); d++) {
        struct vector_near *near = vector_near_new(dims[d]);
        float *values = mem_alloc(dims[d] * sizeof(float));
        struct vector_near_hit hit;

        for (size_t i = 0; i < 20; i++) {
            char key[16];

            snprintf(key, sizeof(key), "%zu", i);
            do
                fill_random(&seed, values, dims[d]);
            while (!vector_normalise(values, dims[d], values));
            assert_true(vector_near_put(near, key, values));
        }
        /* The last one put is the nearest to itself; with one dimension others point its way, too. */
        assert_int_equal(vector_near_search(near, values, 1, &hit), 1);
        assert_true(hit.score > 0.9999);
        assert_true(dims[d] < 7 || !strcmp(hit.key, "19"));
        vector_near_free(near);
        mem_free(values);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_finds_what_a_scan_of_the_floats_finds),
        cmocka_unit_test(of_the_ten_best_by_floats_999_of_1000_are_found),
        cmocka_unit_test(vectors_at_right_angles_have_a_score_of_zero_and_no_order_but_their_keys),
        cmocka_unit_test(any_dimension_up_to_4096_is_searched),
        cmocka_unit_test(memory_is_given_back_by_what_is_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
