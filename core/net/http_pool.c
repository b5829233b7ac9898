/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_pool.h"

#include "base/mem.h"
#include "net/http_private.h"

#include <errno.h>
#include <sys/epoll.h>

/* libcurl says what it waits for. A descriptor may be another connection's by now. */
static int watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct http_pool *pool = arg;
    struct epoll_event event = {.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
                                          (what & CURL_POLL_OUT ? EPOLLOUT : 0u),
                                .data.u64 = (uint64_t)pool->number << 32 | (uint32_t)fd};

    http_low_water_watch(easy, fd, (what & CURL_POLL_IN) != 0);
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(pool->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (epoll_ctl(pool->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) < 0)
        (void)epoll_ctl(pool->epoll, errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    curl_multi_assign(pool->multi, fd, pool);
    return 0;
}

static struct http_pool *pool_new(struct http_pools *pools, size_t place)
{
    struct http_pool *pool = mem_zero(1, sizeof(*pool));

    pool->multi = curl_multi_init();
    pool->epoll = pools->epoll;
    pool->number = (uint32_t)place + 1;
    if (!pool->multi) {
        mem_free(pool);
        return NULL;
    }
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, watch);
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
    /* Counted are those in use, too: where more are than this, each request that ends closes one. */
    curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_POOL_TRANSFERS);
    pools->places[place] = pool;
    if (pools->end <= place)
        pools->end = place + 1;
    return pool;
}

static void give_up(struct http_pools *pools, size_t place)
{
    struct http_pool *pool = pools->places[place];

    pools->places[place] = NULL;
    while (pools->end > 0 && !pools->places[pools->end - 1])
        pools->end--;
    if (!pool)
        return;
    curl_multi_cleanup(pool->multi);
    mem_free(pool);
}

troupe_status http_pools_init(struct http_pools *pools, size_t transfers, int epoll,
                              struct error *err)
{
    pools->count = transfers / HTTP_POOL_TRANSFERS + (transfers % HTTP_POOL_TRANSFERS != 0);
    pools->count += pools->count == 0;
    pools->places = mem_zero(pools->count, sizeof(struct http_pool *));
    pools->epoll = epoll;
    if (pool_new(pools, 0))
        return TROUPE_OK;
    http_pools_clear(pools);
    return error_set(err, TROUPE_NOMEM, "no memory for the HTTP client");
}

void http_pools_clear(struct http_pools *pools)
{
    for (size_t i = 0; i < pools->count; i++)
        give_up(pools, i);
    mem_free(pools->places);
    *pools = (struct http_pools){0};
}

struct http_pool *http_pools_take(struct http_pools *pools)
{
    struct http_pool *pool = NULL, *least = NULL;
    size_t empty = pools->count;

    for (size_t i = 0; i < pools->count && !pool; i++) {
        struct http_pool *at = pools->places[i];

        if (!at)
            empty = empty < i ? empty : i;
        else if (at->active < HTTP_POOL_TRANSFERS)
            pool = at;
        else if (!least || at->active < least->active)
            least = at;
    }
    if (!pool && empty < pools->count)
        pool = pool_new(pools, empty);
    if (!pool)
        pool = least; /* a cancelled transfer is there until the thread hears of it */
    if (pool)
        pool->active++;
    return pool;
}

void http_pools_give(struct http_pool *pool, uint64_t now)
{
    if (--pool->active == 0)
        pool->empty_since = now;
}

void http_pools_tidy(struct http_pools *pools, uint64_t now)
{
    for (size_t i = pools->end; i-- > 1;) {
        const struct http_pool *pool = pools->places[i];

        if (pool && pool->active == 0 && now - pool->empty_since >= HTTP_POOL_REST_MS)
            give_up(pools, i);
    }
}

struct http_pool *http_pools_find(const struct http_pools *pools, uint32_t number)
{
    return number > 0 && number <= pools->count ? pools->places[number - 1] : NULL;
}

struct http_pool *http_pools_next(const struct http_pools *pools, size_t *place)
{
    while (*place < pools->end) {
        struct http_pool *pool = pools->places[(*place)++];

        if (pool && pool->active > 0)
            return pool;
    }
    return NULL;
}
