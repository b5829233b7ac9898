/* SPDX-License-Identifier: Apache-2.0
 *
 * The best rows by sketches and, of few, halves of codes beside those of all codes: the same, whatever the rows
 * are.
 */
#include "vector_fixture.h"

#include "store/vector_best.h"

enum { DIM = 384, ROWS = 12000, QUERIES = 12, MOST = 400 };

typedef void make_fn(uint64_t *seed, size_t i, float *out);

static float centres[64][DIM];

static void random_ones(uint64_t *seed, size_t i, float *out)
{
    (void)i;
    fill_random(seed, out, DIM);
}

static void clusters(uint64_t *seed, size_t i, float *out)
{
    for (size_t j = 0; j < DIM; j++)
        out[j] = centres[i % 64][j] + 0.5F * next_normal(seed);
}

static void nearly_alike(uint64_t *seed, size_t i, float *out)
{
    (void)i;
    for (size_t j = 0; j < DIM; j++)
        out[j] = centres[0][j] + 0.002F * next_normal(seed);
}

static void all_equal(uint64_t *seed, size_t i, float *out)
{
    (void)seed;
    (void)i;
    memcpy(out, centres[0], DIM * sizeof(*out));
}

static void one_value_each(uint64_t *seed, size_t i, float *out)
{
    memset(out, 0, DIM * sizeof(*out));
    out[next_random(seed) % DIM] = i % 3 ? 1 : -1;
}

static void two_values_each(uint64_t *seed, size_t i, float *out)
{
    one_value_each(seed, i, out);
    out[next_random(seed) % DIM] += 0.5F;
}

/* Four values are much larger than the others, and the same in all rows. */
static void few_large_values(uint64_t *seed, size_t i, float *out)
{
    fill_random(seed, out, DIM);
    for (size_t j = i % 2; j < DIM; j += 97)
        out[j] = 20 + 4 * out[j];
}

/* A few rows among strangers are nearly the question, as are the questions among themselves. */
static void some_nearly_alike(uint64_t *seed, size_t i, float *out)
{
    if (i % 100 && i < ROWS)
        random_ones(seed, i, out);
    else
        nearly_alike(seed, i, out);
}

struct scope {
    struct vector_rows rows;
    struct vector_query query;
    float values[DIM], turned[DIM];
    struct vector_candidate best[MOST], all[ROWS];
};

static void next_vector(struct scope *scope, make_fn *make, uint64_t *seed, size_t i)
{
    do
        make(seed, i, scope->values);
    while (!vector_normalise(scope->values, DIM, scope->values));
    vector_rotate(scope->values, DIM, scope->turned);
}

static int by_score(const void *a, const void *b)
{
    const struct vector_candidate *x = a, *y = b;

    if (x->score > y->score || x->score < y->score)
        return x->score > y->score ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

static void scan_all_codes(struct scope *scope)
{
    const struct vector_kernel *kernel = vector_kernel_at(0);
    const struct vector_codes codes = {scope->query.codes, scope->query.stride};

    for (size_t row = 0; row < scope->rows.count; row++) {
        struct vector_planes planes = vector_rows_planes(&scope->rows, row);
        int32_t upper, lower, dot;

        kernel->sums(&codes, planes.upper, 1, &upper);
        kernel->sums(&codes, planes.lower, 1, &lower);
        dot = 16 * upper + lower - VECTOR_CODE_ZERO * scope->query.codes_sum;
        scope->all[row] = (struct vector_candidate){
            vector_rows_scale(&scope->rows, row) * (float)dot, (uint32_t)row, dot};
    }
    qsort(scope->all, scope->rows.count, sizeof(*scope->all), by_score);
}

/* Which of those as good as the last one are found is not told. */
static void check_best(struct scope *scope, const struct vector_kernel *kernel, size_t k,
                       size_t *close)
{
    size_t some = 0,
           found = vector_best(&scope->rows, kernel, &scope->query, k, scope->best, &some);

    assert_int_equal(found, k < scope->rows.count ? k : scope->rows.count);
    assert_in_range(some, found, scope->rows.count);
    *close += some;
    qsort(scope->best, found, sizeof(*scope->best), by_score);
    for (size_t i = 0; i < found; i++) {
        assert_true(scope->best[i].score >= scope->all[i].score);
        assert_true(scope->best[i].score <= scope->all[i].score);
    }
}

/* Returns how many rows of a hundred both halves were looked at of, for forty results. */
static size_t check(make_fn *make, size_t count)
{
    struct scope *scope = mem_zero(1, sizeof(*scope));
    const struct vector_kernel *kernel;
    uint64_t seed = 21;
    size_t close = 0, ignored = 0;

    fill_random(&seed, centres[0], sizeof(centres) / sizeof(float));
    vector_rows_init(&scope->rows, DIM);
    for (size_t i = 0; i < count; i++) {
        next_vector(scope, make, &seed, i);
        assert_true(vector_rows_add(&scope->rows, scope->turned));
    }
    for (size_t q = 0; q < QUERIES; q++) {
        next_vector(scope, make, &seed, ROWS + q);
        vector_query_init(&scope->query, scope->turned, DIM);
        scan_all_codes(scope);
        check_best(scope, vector_kernel(), 40, &close);
        check_best(scope, vector_kernel(), 1, &ignored);
        for (size_t k = 0; q % 4 == 0 && (kernel = vector_kernel_at(k)); k++)
            check_best(scope, kernel, MOST, &ignored);
    }
    vector_rows_clear(&scope->rows);
    assert_int_equal(scope->rows.bytes, 0);
    mem_free(scope);
    return count ? close * 100 / (count * QUERIES) : 0;
}

static void what_is_found_is_what_a_look_at_all_codes_finds(void **state)
{
    (void)state;
    (void)check(random_ones, ROWS);
    (void)check(clusters, ROWS);
    (void)check(one_value_each, ROWS);
    (void)check(two_values_each, ROWS);
    (void)check(few_large_values, ROWS);
    (void)check(some_nearly_alike, ROWS);
}

static void so_it_is_in_scopes_of_any_size(void **state)
{
    static const size_t counts[] = {0, 1, 7, 8, 9, 255, 256, 257, 300, 5375, 5376, 5377, 10752};

    (void)state;
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        (void)check(clusters, counts[i]);
}

static void of_few_rows_both_halves_are_looked_at(void **state)
{
    (void)state;
    assert_true(check(random_ones, ROWS) < 15);
    assert_true(check(clusters, ROWS) < 15);
}

static void of_rows_that_are_all_alike_both_halves_are_looked_at_of_all(void **state)
{
    (void)state;
    assert_int_equal(check(nearly_alike, ROWS), 100);
    assert_int_equal(check(all_equal, ROWS), 100);
}

/* What was removed is nowhere in the memory that stays. */
static void a_row_that_is_removed_is_overwritten_at_once(void **state)
{
    struct scope *scope = mem_zero(1, sizeof(*scope));
    uint64_t seed = 22;
    struct vector_planes planes;
    static const uint8_t none[DIM] = {0};

    (void)state;
    vector_rows_init(&scope->rows, DIM);
    for (size_t i = 0; i < 20; i++) {
        next_vector(scope, random_ones, &seed, i);
        assert_true(vector_rows_add(&scope->rows, scope->turned));
    }
    planes = vector_rows_planes(&scope->rows, 19);
    assert_memory_not_equal(planes.upper, none, DIM / 2);
    assert_memory_not_equal(planes.sketch, none, DIM / 4);
    vector_rows_remove(&scope->rows, 3);
    assert_memory_equal(planes.sketch, none, DIM / 4);
    assert_memory_equal(planes.upper, none, DIM / 2);
    assert_memory_equal(planes.lower, none, DIM / 2);
    assert_memory_equal(planes.fine_upper, none, DIM / 2);
    assert_memory_equal(planes.fine_lower, none, DIM / 2);
    vector_rows_clear(&scope->rows);
    mem_free(scope);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_found_is_what_a_look_at_all_codes_finds),
        cmocka_unit_test(so_it_is_in_scopes_of_any_size),
        cmocka_unit_test(of_few_rows_both_halves_are_looked_at),
        cmocka_unit_test(of_rows_that_are_all_alike_both_halves_are_looked_at_of_all),
        cmocka_unit_test(a_row_that_is_removed_is_overwritten_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
