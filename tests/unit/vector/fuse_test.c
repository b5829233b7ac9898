/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include "store/fuse.h"

#include <math.h>
#include <string.h>

#define LIST(weight, ...)                                                                          \
    {                                                                                              \
        (const char *const[]){__VA_ARGS__},                                                        \
            sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *), weight                         \
    }

static void expect(const struct fuse_list *lists, size_t count, size_t most, const char *want)
{
    struct fused got[8];
    char text[64] = "";
    size_t found = fuse_ranks(lists, count, most, got);

    for (size_t i = 0; i < found; i++) {
        assert_true(strlen(text) + strlen(got[i].key) < sizeof(text));
        memcpy(text + strlen(text), got[i].key, strlen(got[i].key) + 1);
        assert_true(i == 0 || got[i].score <= got[i - 1].score);
    }
    assert_string_equal(text, want);
}

static void what_two_lists_have_comes_before_what_one_has(void **state)
{
    const struct fuse_list lists[] = {LIST(1, "a", "b", "c"), LIST(1, "d", "c", "b")};

    (void)state;
    expect(lists, 2, 8, "bcad");
    expect(lists, 1, 8, "abc");
    expect(lists, 2, 2, "bc");
    expect(lists, 0, 8, "");
}

static void a_heavier_list_decides_and_one_without_weight_has_no_say(void **state)
{
    const struct fuse_list heavier[] = {LIST(1, "a", "b"), LIST(3, "c", "d")};
    const struct fuse_list silent[] = {LIST(1, "a", "b"), LIST(0, "c", "b")};

    (void)state;
    expect(heavier, 2, 8, "cdab");
    expect(silent, 2, 8, "ab");
}

static void a_key_counts_once_in_a_list_at_its_best_rank(void **state)
{
    const struct fuse_list lists[] = {LIST(1, "a", "a", "a", "b"), LIST(1, "b")};
    struct fused got[2];

    (void)state;
    assert_int_equal(fuse_ranks(lists, 2, 2, got), 2);
    assert_string_equal(got[0].key, "b");
    assert_true(fabs(got[0].score - (1.0 / 64 + 1.0 / 61)) < 1e-12);
    assert_true(fabs(got[1].score - 1.0 / 61) < 1e-12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_two_lists_have_comes_before_what_one_has),
        cmocka_unit_test(a_heavier_list_decides_and_one_without_weight_has_no_say),
        cmocka_unit_test(a_key_counts_once_in_a_list_at_its_best_rank),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
