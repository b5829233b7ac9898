/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define LONG 300

static void fill(char text[LONG])
{
    for (size_t i = 0; i < LONG; i++)
        text[i] = (char)(i * 7);
}

static int by_value(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return (x > y) - (x < y);
}

static void every_bit_of_much_data_counts(void **state)
{
    static uint64_t all[LONG * 8 + 1];
    char text[LONG];
    size_t count = 0;

    (void)state;
    fill(text);
    all[count++] = hash_add_long(HASH_START, text, LONG);
    for (size_t bit = 0; bit < (size_t)LONG * 8; bit++) {
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
        all[count++] = hash_add_long(HASH_START, text, LONG);
        text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
    }
    qsort(all, count, sizeof(all[0]), by_value);
    for (size_t i = 1; i < count; i++)
        assert_true(all[i] != all[i - 1]);
}

static void the_order_of_much_data_counts(void **state)
{
    char text[LONG], swapped[LONG];

    (void)state;
    fill(text);
    for (size_t step = 8; step <= 64; step += 8) { /* within a round of the sums, and over it */
        memcpy(swapped, text, LONG);
        memcpy(swapped, text + step, 8);
        memcpy(swapped + step, text, 8);
        assert_true(hash_add_long(HASH_START, text, LONG) !=
                    hash_add_long(HASH_START, swapped, LONG));
    }
}

/* They stand in databases. */
static void values_stay_as_they_are(void **state)
{
    char text[LONG];

    (void)state;
    fill(text);
    assert_true(hash_add(HASH_START, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(hash_add_long(HASH_START, text, HASH_LONG - 1) ==
                hash_add(HASH_START, text, HASH_LONG - 1));
    assert_true(hash_add_long(HASH_START, text, LONG) == UINT64_C(0x9e743d62a55d0f83));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bit_of_much_data_counts),
        cmocka_unit_test(the_order_of_much_data_counts),
        cmocka_unit_test(values_stay_as_they_are),
    };

    return cmocka_run_group_tests_name("base/hash", tests, NULL, NULL);
}
