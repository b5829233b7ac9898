/* SPDX-License-Identifier: Apache-2.0
 *
 * Latches between threads: opened once, told once, whoever is first.
 */
#include "loop_fixture.h"

#include "loop/latch.h"

#include <pthread.h>
#include <stdatomic.h>

#define ROUNDS 2000

static void count(void *arg)
{
    atomic_fetch_add((atomic_uint *)arg, 1);
}

static void the_first_word_counts_and_is_told_once(void **state)
{
    struct latch *latch = latch_new(), *other = latch_new();
    atomic_uint told = 0;

    (void)state;
    assert_int_equal(latch_watch(latch, count, &told), LATCH_SHUT);
    assert_int_equal(latch_open(latch), LATCH_OPEN);
    assert_int_equal(latch_break(latch), LATCH_OPEN);
    assert_int_equal(told, 1);
    assert_int_equal(latch_watch(latch, count, &told), LATCH_OPEN);
    assert_int_equal(latch_watch(other, count, &told), LATCH_SHUT);
    latch_unwatch(other);
    assert_int_equal(latch_break(other), LATCH_BROKEN);
    assert_int_equal(latch_open(other), LATCH_BROKEN);
    assert_int_equal(latch_look(other), LATCH_BROKEN);
    assert_int_equal(told, 1);
    latch_unref(latch);
    latch_unref(other);
    latch_unref(NULL);
}

static void *open_it(void *latch)
{
    latch_open(latch);
    latch_unref(latch);
    return NULL;
}

/* Whoever watches hears of it or sees it: nothing falls between. */
static void an_opening_is_never_missed(void **state)
{
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        struct latch *latch = latch_new();
        atomic_uint told = 0;
        bool shut;
        pthread_t thread;

        assert_int_equal(pthread_create(&thread, NULL, open_it, latch_ref(latch)), 0);
        shut = latch_watch(latch, count, &told) == LATCH_SHUT;
        pthread_join(thread, NULL);
        assert_int_equal(atomic_load(&told), shut);
        assert_int_equal(latch_look(latch), LATCH_OPEN);
        latch_unref(latch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_word_counts_and_is_told_once),
        cmocka_unit_test(an_opening_is_never_missed),
    };

    return cmocka_run_group_tests_name("loop/latch", tests, NULL, NULL);
}
