/* SPDX-License-Identifier: Apache-2.0 */
#include "vector_fixture.h"

#include "store/vector_code.h"

static const size_t dims[] = {1,  2,   3,   4,   5,   7,    8,    63,  64,
                              65, 127, 128, 383, 384, 1536, 4095, 4096};
#define DIMS (sizeof(dims) / sizeof(dims[0]))

static float values[VECTOR_DIM_MAX], turned[VECTOR_DIM_MAX], other[VECTOR_DIM_MAX];
static float other_turned[VECTOR_DIM_MAX];

static void make(uint64_t *seed, size_t dim, float *out)
{
    do
        fill_random(seed, out, dim);
    while (!vector_normalise(out, dim, out));
}

static void a_rotation_keeps_lengths_and_angles(void **state)
{
    uint64_t seed = 11;

    (void)state;
    for (size_t d = 0; d < DIMS; d++) {
        size_t dim = dims[d];

        make(&seed, dim, values);
        make(&seed, dim, other);
        vector_rotate(values, dim, turned);
        vector_rotate(other, dim, other_turned);
        assert_true(fabsf(vector_dot(turned, turned, dim) - 1) < 1e-5F);
        assert_true(fabsf(vector_dot(turned, other_turned, dim) - vector_dot(values, other, dim)) <
                    1e-5F);
    }
}

static void a_rotation_spreads_what_lies_in_one_value(void **state)
{
    enum { DIM = 384 };

    (void)state;
    for (size_t one = 0; one < DIM; one++) {
        float most = 0;

        memset(values, 0, sizeof(values));
        values[one] = 1;
        vector_rotate(values, DIM, turned);
        for (size_t i = 0; i < DIM; i++)
            most = fmaxf(most, fabsf(turned[i]));
        assert_true(most < 0.45F);
    }
}

struct vector {
    uint8_t planes[4][VECTOR_DIM_MAX / 2], sketch[VECTOR_DIM_MAX / 4];
    struct vector_guesses guesses;
    float scale;
};

static void encode(const float *of, size_t dim, struct vector *out)
{
    struct vector_planes planes = {out->sketch, out->planes[0], out->planes[1], out->planes[2],
                                   out->planes[3]};

    memset(out->planes, 0x55, sizeof(out->planes));
    memset(out->sketch, 0x55, sizeof(out->sketch));
    out->scale = vector_encode(of, dim, &planes, &out->guesses);
}

static int half(const struct vector *vector, size_t plane, size_t i, size_t len)
{
    return i < len ? vector->planes[plane][i] & 15 : vector->planes[plane][i - len] >> 4;
}

static int code(const struct vector *vector, size_t i, size_t len)
{
    return 16 * half(vector, 0, i, len) + half(vector, 1, i, len) - VECTOR_CODE_ZERO;
}

static void a_code_is_off_by_half_a_step_at_most_and_all_bits_by_a_254th_of_that(void **state)
{
    uint64_t seed = 8;
    static struct vector vector;

    (void)state;
    for (size_t d = 0; d < DIMS; d++) {
        size_t dim = dims[d], len = vector_plane(dim);

        make(&seed, dim, values);
        encode(values, dim, &vector);
        for (size_t i = 0; i < dim; i++) {
            int fine = 16 * half(&vector, 2, i, len) + half(&vector, 3, i, len) - VECTOR_FINE_ZERO;
            float by_code = (float)code(&vector, i, len) * vector.scale;
            float by_all = by_code + (float)fine * vector.scale / VECTOR_FINE_STEPS;

            assert_in_range(half(&vector, 0, i, len), 1, 15);
            assert_true(fabsf(by_code - values[i]) <= vector.scale * 0.5001F);
            assert_true(fabsf(by_all - values[i]) <= vector.scale * 0.0021F);
        }
        for (size_t i = dim; i < vector_stride(dim); i++)
            assert_int_equal(code(&vector, i, len), 0);
    }
}

static int level(const struct vector *vector, size_t i, size_t dim)
{
    size_t len = vector_sketch(dim);

    return 2 * (vector->sketch[i % len] >> (2 * (i / len)) & 3) - 3;
}

static void a_sketch_has_the_sign_of_each_value_and_whether_it_is_large(void **state)
{
    uint64_t seed = 10;
    static struct vector vector;

    (void)state;
    for (size_t d = 0; d < DIMS; d++) {
        size_t dim = dims[d], len = vector_plane(dim);
        float unit = 1 / sqrtf((float)dim); /* the root of the mean square */

        make(&seed, dim, values);
        encode(values, dim, &vector);
        for (size_t i = 0; i < dim; i++) {
            assert_int_equal(level(&vector, i, dim) < 0, code(&vector, i, len) < 0);
            if (fabsf(fabsf(values[i]) - unit) > 1.1F * vector.scale)
                assert_int_equal(abs(level(&vector, i, dim)), fabsf(values[i]) > unit ? 3 : 1);
        }
    }
}

/* Of the product by all codes, what levels do not tell. */
static void check_guess(const struct vector *vector, const struct vector_guess *guess, int32_t sum,
                        const struct vector_query *query, int32_t dot)
{
    float error = guess->factor * (float)sum - vector->scale * (float)dot;

    assert_true(fabsf(error) <= guess->doubt * query->length);
}

static void check_guesses(const struct vector *vector, const struct vector_query *query, size_t dim)
{
    int32_t upper = 0, sketch = 0, dot = 0;
    size_t len = vector_plane(dim);

    for (size_t i = 0; i < dim; i++) {
        upper += (half(vector, 0, i, len) - VECTOR_HALF_ZERO) * query->codes[i];
        sketch += level(vector, i, dim) * query->codes[i];
        dot += code(vector, i, len) * query->codes[i];
    }
    check_guess(vector, &vector->guesses.by_upper, upper, query, dot);
    check_guess(vector, &vector->guesses.by_sketch, sketch, query, dot);
}

static void what_sketches_and_upper_halves_tell_is_right_within_its_doubt(void **state)
{
    uint64_t seed = 9;
    static struct vector vector;
    static struct vector_query query;

    (void)state;
    for (size_t d = 0; d < DIMS; d++)
        for (size_t n = 0; n < 60; n++) {
            size_t dim = dims[d];

            make(&seed, dim, values);
            make(&seed, dim, other);
            /* From the same to a stranger. */
            for (size_t i = 0; i < dim; i++)
                other[i] = values[i] + other[i] * (float)n / 20;
            if (!vector_normalise(other, dim, other))
                continue;
            vector_rotate(values, dim, turned);
            vector_rotate(other, dim, other_turned);
            encode(turned, dim, &vector);
            vector_query_init(&query, other_turned, dim);
            check_guesses(&vector, &query, dim);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rotation_keeps_lengths_and_angles),
        cmocka_unit_test(a_rotation_spreads_what_lies_in_one_value),
        cmocka_unit_test(a_code_is_off_by_half_a_step_at_most_and_all_bits_by_a_254th_of_that),
        cmocka_unit_test(a_sketch_has_the_sign_of_each_value_and_whether_it_is_large),
        cmocka_unit_test(what_sketches_and_upper_halves_tell_is_right_within_its_doubt),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
