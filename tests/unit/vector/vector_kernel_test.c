/* SPDX-License-Identifier: Apache-2.0 */
#include "vector_fixture.h"

enum { ROWS = 7 }; /* four at a time, and a rest */

/* Values in the order in which a plane has them: first those below in the bytes, then those above. */
static int32_t sum_plainly(const int8_t *codes, const uint8_t *row, size_t plane)
{
    int32_t sum = 0;

    for (size_t i = 0; i < plane; i++) {
        sum += codes[i] * (row[i] & 15);
        sum += codes[plane + i] * (row[i] / 16);
    }
    return sum;
}

/* Values in the order in which a sketch has them. */
static int32_t sum_sketch_plainly(const int8_t *codes, const uint8_t *row, size_t len)
{
    int32_t sum = 0;

    for (size_t i = 0; i < 4 * len; i++)
        sum += codes[i] * ((row[i % len] >> (2 * (i / len))) & 3);
    return sum;
}

static void expect_same(uint64_t *seed, size_t dim, bool extreme)
{
    size_t stride = vector_stride(dim), plane = vector_plane(dim), len = vector_sketch(dim);
    uint8_t *rows = mem_alloc(ROWS * plane); /* no sketch is larger */
    int8_t *codes = mem_zero(4 * len, 1);
    struct vector_codes query = {codes, stride};
    const struct vector_kernel *kernel;
    int32_t want[ROWS], got[ROWS];

    for (size_t i = 0; i < dim; i++)
        codes[i] = (int8_t)(extreme ? (next_random(seed) & 1 ? 127 : -127)
                                    : (int)(next_random(seed) % 255) - 127);
    for (size_t i = 0; i < ROWS * plane; i++)
        rows[i] = (uint8_t)(extreme ? 0xff : next_random(seed) & 0xff);
    for (size_t r = 0; r < ROWS; r++)
        want[r] = sum_plainly(codes, rows + r * plane, plane);
    for (size_t k = 0; (kernel = vector_kernel_at(k)); k++) {
        memset(got, 0x55, sizeof(got));
        kernel->sums(&query, rows, ROWS, got);
        assert_memory_equal(got, want, sizeof(want));
        kernel->sums(&query, rows + 5 * plane, 1, got);
        assert_int_equal(got[0], want[5]);
    }
    for (size_t r = 0; r < ROWS; r++)
        want[r] = sum_sketch_plainly(codes, rows + r * len, len);
    for (size_t k = 0; (kernel = vector_kernel_at(k)); k++) {
        for (size_t count = 1; count <= ROWS; count++) {
            memset(got, 0x55, sizeof(got));
            kernel->sketches(&query, rows, count, got);
            assert_memory_equal(got, want, count * sizeof(*got));
            for (size_t i = count; i < ROWS; i++)
                assert_int_equal(got[i], 0x55555555);
        }
    }
    mem_free(rows);
    mem_free(codes);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ways_of_this_processor_give_the_same_whole_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
