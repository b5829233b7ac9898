/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include "net/http_pool.h"

#include <sys/epoll.h>
#include <unistd.h>

enum { POOLS = 3, MOST = POOLS * HTTP_POOL_TRANSFERS };

static int open_pools(void **state)
{
    static struct http_pools pools;
    struct error err;

    assert_int_equal(http_pools_init(&pools, MOST, epoll_create1(EPOLL_CLOEXEC), &err), TROUPE_OK);
    *state = &pools;
    return 0;
}

static int clear_pools(void **state)
{
    struct http_pools *pools = *state;

    int epoll = pools->epoll;

    http_pools_clear(pools);
    close(epoll);
    return 0;
}

static void the_first_pool_with_room_takes_the_next_transfer(void **state)
{
    struct http_pools *pools = *state;
    struct http_pool *first = pools->places[0], *taken = NULL;
    size_t place = 0;

    for (size_t i = 0; i < HTTP_POOL_TRANSFERS; i++)
        assert_ptr_equal(http_pools_take(pools), first);
    assert_null(pools->places[1]); /* none is made before it is needed */
    taken = http_pools_take(pools);
    assert_ptr_equal(taken, pools->places[1]);
    assert_ptr_equal(http_pools_find(pools, taken->number), taken);
    http_pools_give(first, 0);
    assert_ptr_equal(http_pools_take(pools), first);
    assert_ptr_equal(http_pools_next(pools, &place), first);
    assert_ptr_equal(http_pools_next(pools, &place), taken);
    assert_null(http_pools_next(pools, &place));
}

static void more_than_all_have_room_for_go_where_fewest_are(void **state)
{
    struct http_pools *pools = *state;

    for (size_t i = 0; i < MOST; i++)
        assert_non_null(http_pools_take(pools));
    assert_ptr_equal(http_pools_take(pools), pools->places[0]);
    assert_ptr_equal(http_pools_take(pools), pools->places[1]);
}

static void a_pool_that_rests_for_a_minute_is_given_up_but_not_the_first(void **state)
{
    struct http_pools *pools = *state;
    struct http_pool *first = pools->places[0], *second;
    size_t place = 0;
    uint32_t number;

    for (size_t i = 0; i < HTTP_POOL_TRANSFERS; i++)
        (void)http_pools_take(pools);
    second = http_pools_take(pools);
    number = second->number;
    http_pools_give(second, 1000);
    for (size_t i = 0; i < HTTP_POOL_TRANSFERS; i++)
        http_pools_give(first, 1000);
    assert_null(http_pools_next(pools, &place)); /* nobody uses one */
    http_pools_tidy(pools, 1000 + HTTP_POOL_REST_MS - 1);
    assert_ptr_equal(http_pools_find(pools, number), second);
    http_pools_tidy(pools, 1000 + HTTP_POOL_REST_MS);
    assert_null(http_pools_find(pools, number));
    assert_ptr_equal(http_pools_take(pools), first);
}

static void a_pool_in_use_is_not_given_up(void **state)
{
    struct http_pools *pools = *state;
    struct http_pool *second;

    for (size_t i = 0; i < HTTP_POOL_TRANSFERS; i++)
        (void)http_pools_take(pools);
    second = http_pools_take(pools);
    http_pools_give(second, 0);
    (void)http_pools_take(pools);
    http_pools_tidy(pools, UINT64_MAX);
    assert_ptr_equal(pools->places[1], second);
}

/* A pool between others is given up, and one behind them all. */
static void each_in_use_is_found_whatever_was_given_up(void **state)
{
    struct http_pools *pools = *state;
    struct http_pool *used[3];
    size_t place = 0;

    for (size_t i = 0; i < 3 * HTTP_POOL_TRANSFERS; i++)
        used[i / HTTP_POOL_TRANSFERS] = http_pools_take(pools);
    for (size_t i = 0; i < HTTP_POOL_TRANSFERS; i++)
        http_pools_give(used[1], 0);
    http_pools_tidy(pools, HTTP_POOL_REST_MS);
    assert_null(pools->places[1]);
    assert_ptr_equal(http_pools_next(pools, &place), used[0]);
    assert_ptr_equal(http_pools_next(pools, &place), used[2]);
    assert_null(http_pools_next(pools, &place));
    for (size_t i = 0; i < HTTP_POOL_TRANSFERS; i++)
        http_pools_give(used[2], 0);
    http_pools_tidy(pools, HTTP_POOL_REST_MS);
    place = 0;
    assert_ptr_equal(http_pools_next(pools, &place), used[0]);
    assert_null(http_pools_next(pools, &place));
    for (size_t i = 0; i < HTTP_POOL_TRANSFERS; i++)
        used[1] = http_pools_take(pools);
    place = 0;
    assert_ptr_equal(http_pools_next(pools, &place), used[0]);
    assert_ptr_equal(http_pools_next(pools, &place), used[1]);
}

static void a_number_that_no_pool_has_finds_none(void **state)
{
    struct http_pools *pools = *state;

    assert_null(http_pools_find(pools, 0));
    assert_null(http_pools_find(pools, 2));
    assert_null(http_pools_find(pools, POOLS + 1));
    assert_null(http_pools_find(pools, UINT32_MAX));
}

static int init(void **state)
{
    (void)state;
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : -1;
}

static int cleanup(void **state)
{
    (void)state;
    curl_global_cleanup();
    return 0;
}

#define POOLS_TEST(name) cmocka_unit_test_setup_teardown(name, open_pools, clear_pools)

int main(void)
{
    const struct CMUnitTest tests[] = {
        POOLS_TEST(the_first_pool_with_room_takes_the_next_transfer),
        POOLS_TEST(more_than_all_have_room_for_go_where_fewest_are),
        POOLS_TEST(a_pool_that_rests_for_a_minute_is_given_up_but_not_the_first),
        POOLS_TEST(a_pool_in_use_is_not_given_up),
        POOLS_TEST(each_in_use_is_found_whatever_was_given_up),
        POOLS_TEST(a_number_that_no_pool_has_finds_none),
    };

    return cmocka_run_group_tests_name("net/http_pool", tests, init, cleanup);
}
