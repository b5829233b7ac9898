/* SPDX-License-Identifier: Apache-2.0 */
#include "vector_fixture.h"

enum { DIM = 384, ROWS = 4000, QUERIES = 100, K = 10, CENTRES = 40 };

/* ---- against a scan of the floats ---- */

struct data {
    float *rows, *queries;
    size_t count, dim;
};

static void data_clear(struct data *data)
{
    mem_free(data->rows);
    mem_free(data->queries);
}

/* With `centres`, each row lies near one of them. */
static struct data data_make(uint64_t seed, size_t count, size_t dim, size_t centres)
{
    struct data data = {mem_alloc(count * dim * sizeof(float)),
                        mem_alloc(QUERIES * dim * sizeof(float)), count, dim};
    float *centre = mem_zero((centres + 1) * dim, sizeof(float));

    fill_random(&seed, centre, centres * dim);
    for (size_t i = 0; i < count + QUERIES; i++) {
        float *to = i < count ? data.rows + i * dim : data.queries + (i - count) * dim;
        const float *of = centre + (centres ? next_random(&seed) % centres : 0) * dim;

        for (size_t j = 0; j < dim; j++)
            to[j] = of[j] + 0.4F * next_normal(&seed);
    }
    mem_free(centre);
    return data;
}

static double cosine(const float *a, const float *b, size_t dim)
{
    double dot = 0, aa = 0, bb = 0;

    for (size_t i = 0; i < dim; i++) {
        dot += (double)a[i] * (double)b[i];
        aa += (double)a[i] * (double)a[i];
        bb += (double)b[i] * (double)b[i];
    }
    return dot / sqrt(aa * bb);
}

static int downwards(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? 1 : x > y ? -1 : 0;
}

static void put_all(struct vectors *v, const struct data *data)
{
    char key[32];

    for (size_t i = 0; i < data->count; i++) {
        snprintf(key, sizeof(key), "%zu", i);
        put(v, "s", key, data->rows + i * data->dim, data->dim);
    }
}

/* How many of the hits belong to the best; each score must be that of the floats. */
static size_t right_hits(struct vectors *v, const struct data *data, const float *query, size_t k)
{
    double *truth = mem_alloc(data->count * sizeof(*truth)), last = 2;
    double *sorted = mem_alloc(data->count * sizeof(*sorted));
    struct vector_hit hits[K];
    size_t count = 0, right = 0;

    for (size_t i = 0; i < data->count; i++)
        truth[i] = cosine(query, data->rows + i * data->dim, data->dim);
    memcpy(sorted, truth, data->count * sizeof(*sorted));
    qsort(sorted, data->count, sizeof(*sorted), downwards);
    assert_int_equal(vector_search(v->index, "s", query, data->dim, k, hits, &count, &v->err),
                     TROUPE_OK);
    assert_int_equal(count, k < data->count ? k : data->count);
    for (size_t i = 0; i < count; i++) {
        double score = truth[strtoul(hits[i].key, NULL, 10)];

        assert_true(fabs(score - (double)hits[i].score) < 1e-5);
        assert_true((double)hits[i].score <= last);
        last = (double)hits[i].score;
        right += score >= sorted[count - 1] - 1e-6;
    }
    mem_free(truth);
    mem_free(sorted);
    return right;
}

static void finds_what_a_scan_finds(struct vectors *v, size_t centres)
{
    struct data data = data_make(20 + centres, ROWS, DIM, centres);
    size_t right = 0;

    put_all(v, &data);
    for (size_t i = 0; i < QUERIES; i++)
        right += right_hits(v, &data, data.queries + i * DIM, K);
    data_clear(&data);
    assert_true(right * 1000 >= (size_t)QUERIES * K * 999);
}

static void of_random_vectors_it_finds_what_a_float_scan_finds(void **state)
{
    finds_what_a_scan_finds(*state, 0);
}

static void of_clustered_vectors_it_finds_what_a_float_scan_finds(void **state)
{
    finds_what_a_scan_finds(*state, CENTRES);
}

static void any_dimension_up_to_4096_is_searched(void **state)
{
    static const size_t dims[] = {1, 2, 3, 5, 31, 63, 64, 65, 127, 1000, 1536, 4095, 4096};
    struct vectors *v = *state;

    for (size_t d = 0; d < sizeof(dims) / sizeof(dims[0]); d++) {
        struct data data = data_make(d, 60, dims[d], 0);

        put_all(v, &data);
        for (size_t i = 0; i < 5; i++)
            assert_int_equal(right_hits(v, &data, data.queries + i * data.dim, K), K);
        data_clear(&data);
        assert_int_equal(vector_remove_scope(v->index, "s", &v->err), TROUPE_OK);
    }
}

static void after_a_reopen_and_a_compaction_all_is_found_as_before(void **state)
{
    struct vectors *v = *state;
    struct data data = data_make(5, 600, 48, 0);
    struct vector_stats stats;
    char key[32];

    put_all(v, &data);
    for (size_t i = 300; i < 600; i++) {
        snprintf(key, sizeof(key), "%zu", i);
        assert_int_equal(vector_remove(v->index, "s", key, &v->err), TROUPE_OK);
    }
    data.count = 300;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(count_of(v), 300);
        for (size_t i = 0; i < 10; i++)
            assert_int_equal(right_hits(v, &data, data.queries + i * data.dim, K), K);
        if (round == 0)
            vectors_reopen(v);
        else
            assert_int_equal(vector_compact(v->index, &v->err), TROUPE_OK);
    }
    vector_stats(v->index, &stats);
    assert_int_equal(stats.file.erased, 0);
    /* What is put into the new file is there after another open. */
    put(v, "s", "one more", data.queries, data.dim);
    vectors_reopen(v);
    assert_string_equal(nearest(v, "s", data.queries, data.dim), "one more");
    assert_int_equal(count_of(v), 301);
    data_clear(&data);
}

/* ---- what is refused ---- */

static void expect_refused(struct vectors *v, const char *scope, const char *key,
                           const float *values, size_t dim, const char *why)
{
    struct error err = {0};

    assert_int_equal(vector_put(v->index, scope, key, values, dim, 0, &err), TROUPE_ARGUMENT);
    assert_non_null(strstr(err.text, why));
}

static void a_vector_without_a_direction_is_refused(void **state)
{
    static const float bad[][2] = {{NAN, 1},       {1, NAN}, {INFINITY, 1},
                                   {1, -INFINITY}, {0, 0},   {-0.0F, 0}};
    static const float tiny[] = {1e-40F, 0}, huge[] = {3e38F, 3e38F}, good[] = {1, 0};
    struct vectors *v = *state;
    struct vector_hit hit;
    size_t count;

    put(v, "s", "good", good, 2);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        expect_refused(v, "s", "x", bad[i], 2, "finite");
        assert_int_equal(vector_search(v->index, "s", bad[i], 2, 1, &hit, &count, &v->err),
                         TROUPE_ARGUMENT);
    }
    assert_int_equal(count_of(v), 1);
    put(v, "s", "huge", huge, 2);
    assert_string_equal(nearest(v, "s", huge, 2), "huge");
    assert_string_equal(nearest(v, "s", tiny, 2), "good");
}

static void names_and_sizes_out_of_bounds_are_refused(void **state)
{
    static float many[VECTOR_DIM_MAX + 1];
    struct vectors *v = *state;
    char name[VECTOR_SCOPE_MAX + 2];
    struct vector_hit hit;
    size_t count;

    for (size_t i = 0; i < VECTOR_DIM_MAX + 1; i++)
        many[i] = 1;
    memset(name, 'a', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    expect_refused(v, "s", "x", many, 0, "1 to 4096 values");
    expect_refused(v, "s", "x", many, VECTOR_DIM_MAX + 1, "1 to 4096 values");
    expect_refused(v, "", "x", many, 3, "a scope");
    expect_refused(v, name, "x", many, 3, "a scope");
    expect_refused(v, "s", "", many, 3, "key");
    expect_refused(v, "s", name, many, 3, "key");
    put(v, "s", "x", many, 3);
    expect_refused(v, "s", "y", many, 4, "where the others have 3");
    assert_int_equal(vector_search(v->index, "s", many, 4, 1, &hit, &count, &v->err),
                     TROUPE_ARGUMENT);
    assert_int_equal(vector_search(v->index, "s", many, 3, 0, &hit, &count, &v->err),
                     TROUPE_ARGUMENT);
    /* An empty scope takes another number. */
    assert_int_equal(vector_remove(v->index, "s", "x", &v->err), TROUPE_OK);
    put(v, "s", "y", many, 4);
}

static void memory_and_file_stay_within_their_bounds(void **state)
{
    static const float values[64] = {1};
    struct vectors *v = *state;
    struct vector_stats stats, after;
    char key[32];
    troupe_status status = TROUPE_OK;
    int n = 0;

    v->options.max_bytes = 100000;
    vectors_reopen(v);
    for (; n < 5000 && status == TROUPE_OK; n++) {
        snprintf(key, sizeof(key), "%d", n);
        status = vector_put(v->index, "s", key, values, 64, 0, &v->err);
    }
    vector_stats(v->index, &stats);
    assert_int_equal(status, TROUPE_LIMIT);
    assert_true(stats.vectors > 100 && stats.bytes <= 100000);
    assert_non_null(strstr(v->err.text, "raise the bound"));
    /* What is removed gives its room back, to the byte. */
    assert_int_equal(vector_remove_scope(v->index, "s", &v->err), TROUPE_OK);
    vector_stats(v->index, &after);
    assert_int_equal(after.bytes, 0);
    assert_int_equal(after.scopes, 0);
    v->options.max_file_bytes = stats.file.bytes + 100;
    vectors_reopen(v);
    assert_int_equal(vector_put(v->index, "s", "x", values, 64, 0, &v->err), TROUPE_LIMIT);
    assert_int_equal(count_of(v), 0);
    assert_int_equal(vector_compact(v->index, &v->err), TROUPE_OK);
    put(v, "s", "x", values, 64);
}

/* ---- scopes and keys ---- */

static void nothing_is_found_across_scopes(void **state)
{
    static const float a[] = {1, 0, 0}, b[] = {0, 1, 0};
    struct vectors *v = *state;
    uint64_t tag = 0;

    put(v, "echo/1/guild/10", "ours", a, 3);
    put(v, "echo/1/guild/1", "theirs", b, 3);
    put(v, "echo/1/guild/1", "ours", b, 3);
    for (int round = 0; round < 2; round++) {
        assert_string_equal(nearest(v, "echo/1/guild/10", b, 3), "ours");
        assert_string_equal(nearest(v, "echo/1/guild", a, 3), "");
        assert_int_equal(vector_tag(v->index, "echo/1/guild/10", "theirs", &tag), TROUPE_NOT_FOUND);
        vectors_reopen(v);
    }
    assert_int_equal(vector_remove_scope(v->index, "echo/1/guild/1", &v->err), TROUPE_OK);
    assert_string_equal(nearest(v, "echo/1/guild/10", a, 3), "ours");
    assert_int_equal(vector_remove(v->index, "echo/1/guild/1", "ours", &v->err), TROUPE_NOT_FOUND);
    assert_int_equal(count_of(v), 1);
}

static void a_key_has_one_vector_and_its_tag(void **state)
{
    static const float a[] = {1, 0, 0}, b[] = {0, 1, 0};
    struct vectors *v = *state;
    uint64_t tag = 0;

    put(v, "s", "k", a, 3);
    put(v, "s", "other", a, 3);
    assert_int_equal(vector_put(v->index, "s", "k", b, 3, 42, &v->err), TROUPE_OK);
    for (int round = 0; round < 2; round++) {
        assert_int_equal(count_of(v), 2);
        assert_string_equal(nearest(v, "s", b, 3), "k");
        assert_string_equal(nearest(v, "s", a, 3), "other");
        assert_int_equal(vector_tag(v->index, "s", "k", &tag), TROUPE_OK);
        assert_int_equal(tag, 42);
        vectors_reopen(v);
    }
}

/* Many puts and removals in an order that looks random, against a plain list. */
static void whatever_is_put_and_removed_what_is_left_is_found(void **state)
{
    enum { KEYS = 700, STEPS = 4000, D = 20 };
    struct vectors *v = *state;
    float(*live)[D] = mem_zero(KEYS, sizeof(*live));
    bool there[KEYS] = {false};
    uint64_t seed = 99;
    size_t left = 0;
    char key[32];

    for (int step = 0; step < STEPS; step++) {
        size_t i = next_random(&seed) % KEYS;

        snprintf(key, sizeof(key), "%zu", i);
        if (there[i] && next_random(&seed) % 3 == 0) {
            assert_int_equal(vector_remove(v->index, "s", key, &v->err), TROUPE_OK);
            there[i] = false;
            continue;
        }
        fill_random(&seed, live[i], D);
        put(v, "s", key, live[i], D);
        there[i] = true;
        if (step == STEPS / 2)
            vectors_reopen(v);
    }
    for (size_t i = 0; i < KEYS; i++) {
        snprintf(key, sizeof(key), "%zu", i);
        left += there[i];
        assert_int_equal(strcmp(nearest(v, "s", live[i][0] != 0 ? live[i] : live[0], D), key) == 0,
                         there[i]);
    }
    assert_int_equal(count_of(v), left);
    mem_free(live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(of_random_vectors_it_finds_what_a_float_scan_finds,
                                        vectors_setup, vectors_teardown),
        cmocka_unit_test_setup_teardown(of_clustered_vectors_it_finds_what_a_float_scan_finds,
                                        vectors_setup, vectors_teardown),
        cmocka_unit_test_setup_teardown(any_dimension_up_to_4096_is_searched, vectors_setup,
                                        vectors_teardown),
        cmocka_unit_test_setup_teardown(after_a_reopen_and_a_compaction_all_is_found_as_before,
                                        vectors_setup, vectors_teardown),
        cmocka_unit_test_setup_teardown(a_vector_without_a_direction_is_refused, vectors_setup,
                                        vectors_teardown),
        cmocka_unit_test_setup_teardown(names_and_sizes_out_of_bounds_are_refused, vectors_setup,
                                        vectors_teardown),
        cmocka_unit_test_setup_teardown(memory_and_file_stay_within_their_bounds, vectors_setup,
                                        vectors_teardown),
        cmocka_unit_test_setup_teardown(nothing_is_found_across_scopes, vectors_setup,
                                        vectors_teardown),
        cmocka_unit_test_setup_teardown(a_key_has_one_vector_and_its_tag, vectors_setup,
                                        vectors_teardown),
        cmocka_unit_test_setup_teardown(whatever_is_put_and_removed_what_is_left_is_found,
                                        vectors_setup, vectors_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
