/* SPDX-License-Identifier: Apache-2.0 */
#include "vector_fixture.h"

enum { ROWS = 7 }; /* four at a time, and a rest */

static void codes_make(uint64_t *seed, size_t dim, int8_t *codes, bool extreme)
{
    memset(codes, 0, vector_stride(dim));
    for (size_t i = 0; i < dim; i++)
        codes[i] = (int8_t)(extreme ? (next_random(seed) & 1 ? 127 : -127)
                                    : (int)(next_random(seed) % 255) - 127);
}

static void expect_same(uint64_t *seed, size_t dim, bool extreme)
{
    size_t stride = vector_stride(dim);
    int8_t *rows = mem_alloc(ROWS * stride), *codes = mem_alloc(stride);
    uint8_t *raised = mem_alloc(stride);
    struct vector_codes query = {codes, raised, stride};
    const struct vector_kernel *kernel;
    int32_t sums[ROWS] = {0}, want[ROWS] = {0}, got[ROWS];

    codes_make(seed, dim, codes, extreme);
    for (size_t i = 0; i < stride; i++)
        raised[i] = (uint8_t)(codes[i] + 128);
    for (size_t r = 0; r < ROWS; r++) {
        codes_make(seed, dim, rows + r * stride, extreme);
        for (size_t i = 0; i < dim; i++) {
            sums[r] += rows[r * stride + i];
            want[r] += codes[i] * rows[r * stride + i];
        }
    }
    for (size_t k = 0; (kernel = vector_kernel_at(k)); k++) {
        memset(got, 0x55, sizeof(got));
        kernel->dots(&query, rows, sums, ROWS, got);
        assert_memory_equal(got, want, sizeof(want));
    }
    mem_free(rows);
    mem_free(codes);
    mem_free(raised);
}

static void all_ways_of_this_processor_give_the_same_whole_numbers(void **state)
{
    uint64_t seed = 3;

    (void)state;
    assert_string_equal(vector_kernel_at(0)->name, "portable");
    for (size_t dim = 1; dim <= VECTOR_DIM_MAX; dim += dim < 300 ? 1 : 73) {
        expect_same(&seed, dim, false);
        expect_same(&seed, dim, true);
    }
    expect_same(&seed, VECTOR_DIM_MAX, true);
}

static void a_code_is_off_by_half_a_step_at_most(void **state)
{
    static float values[VECTOR_DIM_MAX];
    static int8_t codes[VECTOR_DIM_MAX];
    uint64_t seed = 8;

    (void)state;
    for (size_t dim = 1; dim <= VECTOR_DIM_MAX; dim += dim < 70 ? 1 : 671) {
        int32_t sum = 0, want = 0;
        float scale;

        fill_random(&seed, values, dim);
        assert_true(vector_normalise(values, dim, values));
        assert_true(fabsf(vector_dot(values, values, dim) - 1) < 1e-5F);
        memset(codes, 0x55, sizeof(codes));
        scale = vector_quantise(values, dim, codes, &sum);
        for (size_t i = 0; i < dim; i++) {
            assert_true(fabsf((float)codes[i] * scale - values[i]) <= scale * 0.5001F);
            want += codes[i];
        }
        for (size_t i = dim; i < vector_stride(dim); i++)
            assert_int_equal(codes[i], 0);
        assert_int_equal(sum, want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ways_of_this_processor_give_the_same_whole_numbers),
        cmocka_unit_test(a_code_is_off_by_half_a_step_at_most),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
