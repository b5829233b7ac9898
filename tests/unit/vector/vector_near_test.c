/* SPDX-License-Identifier: Apache-2.0
 *
 * The vectors of a scope in memory beside a scan of the floats that they were made of, whatever was put, replaced
 * and removed before.
 */
#include "tap.h"

#include "base/mem.h"
#include "store/vector_near.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 700, DIM = 67, K = 10 };

struct scope {
    struct vector_near *near;
    float values[ROWS][DIM];
    bool there[ROWS];
};

static uint64_t seed;

static uint32_t draw(uint32_t below)
{
    uint64_t x = seed += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((x ^ (x >> 31)) >> 32) % below;
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_search_finds_what_a_scan_of_the_floats_finds),
        cmocka_unit_test(memory_is_given_back_by_what_is_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
