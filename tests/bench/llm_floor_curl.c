/* SPDX-License-Identifier: Apache-2.0
 *
 * What core/net learned about libcurl is done here as well, or the floor would be too high: a handle of many for
 * each 64 transfers, kept connections and handles of requests, and for LLM_FLOOR_TOGETHER a rest between two
 * passes and a low-water mark of sockets (core/net/http_pool.h, http_thread.c, http_low_water.c). Without what it
 * has for safety: no deadlines, no guard of addresses, no bounds.
 */
#include "llm_client.h"
#include "llm_floor.h"

#include <curl/curl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    POOLS = 64,
    POOL_CALLS = 64,
    CALLS = POOLS * POOL_CALLS,
    EVENTS = 256,
    TOGETHER_FROM = 32, /* calls at a time */
    LOW_WATER = 448,    /* bytes */
};
#define REST_NS     250000u
#define MAY_WAIT_NS 100000000u
#define LOOK_NS     20000000u
#define LATE_NS     10000000000u

struct call {
    struct floor *floor;
    CURL *easy;
    struct pool *pool; /* NULL: not on its way */
    curl_socket_t socket;
    uint64_t look_at; /* 0: its socket has no mark */
    size_t bytes;
};

struct pool {
    CURLM *multi;
    int epoll;
    uint32_t number;
    size_t active;
    uint64_t due; /* UINT64_MAX: libcurl waits for nothing but its sockets */
};

struct floor {
    int epoll;
    enum llm_floor_pieces pieces;
    char url[64], body[LLM_BODY_SIZE];
    size_t body_len, open;
    uint64_t now, next_look;
    struct curl_slist *headers;
    struct pool pools[POOLS];
    struct call calls[CALLS], *spare[CALLS];
    size_t spare_count;
    struct llm_floor *result;
};

static uint64_t now_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ---- what libcurl calls ---------------------------------------------------------------------- */

static void set_mark(struct call *call, int bytes, uint64_t look_at)
{
    if (call->socket != CURL_SOCKET_BAD && (call->look_at != 0) != (look_at != 0))
        setsockopt(call->socket, SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof(bytes));
    call->look_at = look_at;
}

static int watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
    struct pool *pool = arg;
    struct epoll_event event = {.events = (what & CURL_POLL_IN ? EPOLLIN : 0u) |
                                          (what & CURL_POLL_OUT ? EPOLLOUT : 0u),
                                .data.u64 = (uint64_t)pool->number << 32 | (uint32_t)fd};
    struct call *call = NULL;

    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &call);
    if (call) {
        set_mark(call, 1, 0);
        call->socket = what & CURL_POLL_IN ? fd : CURL_SOCKET_BAD;
    }
    if (what == CURL_POLL_REMOVE) {
        (void)epoll_ctl(pool->epoll, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (epoll_ctl(pool->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) < 0)
        (void)epoll_ctl(pool->epoll, EPOLL_CTL_MOD, fd, &event);
    curl_multi_assign(pool->multi, fd, pool);
    return 0;
}

static int set_timer(CURLM *multi, long ms, void *arg)
{
    struct pool *pool = arg;

    (void)multi;
    pool->due = ms < 0 ? UINT64_MAX : now_ns(CLOCK_MONOTONIC) + (uint64_t)ms * 1000000;
    return 0;
}

static size_t count(char *data, size_t size, size_t items, void *arg)
{
    struct call *call = arg;

    (void)data;
    call->bytes += size * items;
    if (call->floor->pieces == LLM_FLOOR_TOGETHER && call->floor->open >= TOGETHER_FROM)
        set_mark(call, LOW_WATER, call->floor->now + MAY_WAIT_NS);
    return size * items;
}

/* ---- calls ----------------------------------------------------------------------------------- */

static CURL *new_easy(struct floor *floor, struct call *call)
{
    CURL *easy = curl_easy_init();

    if (!easy)
        abort();
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_URL, floor->url);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, floor->headers);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)floor->body_len);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, floor->body);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, count);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
    return easy;
}

static struct pool *take_pool(struct floor *floor)
{
    for (size_t i = 0; i < POOLS; i++) {
        struct pool *pool = &floor->pools[i];

        if (pool->active >= POOL_CALLS)
            continue;
        if (!pool->multi) {
            pool->multi = curl_multi_init();
            pool->epoll = floor->epoll;
            pool->number = (uint32_t)i;
            pool->due = UINT64_MAX;
            curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, watch);
            curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
            curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, set_timer);
            curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool);
            curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, (long)POOL_CALLS);
        }
        return pool;
    }
    abort(); /* there are as many places as calls */
}

static void begin(struct floor *floor)
{
    struct call *call;

    if (floor->spare_count == 0) {
        floor->result->failed++;
        return;
    }
    call = floor->spare[--floor->spare_count];
    if (!call->easy)
        call->easy = new_easy(floor, call);
    call->socket = CURL_SOCKET_BAD;
    call->look_at = 0;
    call->bytes = 0;
    call->pool = take_pool(floor);
    call->pool->active++;
    if (++floor->open > floor->result->most)
        floor->result->most = floor->open;
    if (curl_multi_add_handle(call->pool->multi, call->easy) != CURLM_OK)
        abort();
}

static void end(struct floor *floor, struct call *call, CURLcode code)
{
    long status = 0;

    curl_easy_getinfo(call->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status != 200 || call->bytes == 0)
        floor->result->failed++;
    set_mark(call, 1, 0);
    curl_multi_remove_handle(call->pool->multi, call->easy);
    call->pool->active--;
    call->pool = NULL;
    floor->open--;
    floor->spare[floor->spare_count++] = call;
}

/* Those whose handle has ended. */
static void harvest(struct floor *floor, const struct pool *pool)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(pool->multi, &left)) != NULL) {
        struct call *call = NULL;
        CURLcode code = message->data.result;

        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &call);
        if (message->msg == CURLMSG_DONE)
            end(floor, call, code);
    }
}

/* ---- a pass ---------------------------------------------------------------------------------- */

/* Looks at those that waited for long. */
static void look(struct floor *floor)
{
    if (floor->now < floor->next_look)
        return;
    floor->next_look = floor->now + LOOK_NS;
    for (size_t i = 0; i < CALLS; i++) {
        struct call *call = &floor->calls[i];
        int running;

        if (!call->pool || call->look_at == 0 || call->look_at > floor->now)
            continue;
        set_mark(call, 1, 0);
        curl_multi_socket_action(call->pool->multi, call->socket, CURL_CSELECT_IN, &running);
    }
}

static void pass(struct floor *floor, const struct epoll_event *events, int event_count)
{
    int running;

    floor->now = now_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < event_count; i++) {
        const struct pool *pool = &floor->pools[events[i].data.u64 >> 32];

        curl_multi_socket_action(
            pool->multi, (curl_socket_t)(uint32_t)events[i].data.u64,
            (events[i].events & EPOLLIN ? CURL_CSELECT_IN : 0) |
                (events[i].events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                (events[i].events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0),
            &running);
    }
    for (size_t i = 0; i < POOLS && floor->pools[i].multi; i++) {
        struct pool *pool = &floor->pools[i];

        if (pool->due <= floor->now) {
            pool->due = UINT64_MAX;
            curl_multi_socket_action(pool->multi, CURL_SOCKET_TIMEOUT, 0, &running);
        }
        harvest(floor, pool);
    }
    look(floor);
}

/* How long the next wait may be, in ms: a call is due each ms. */
static int wait_ms(const struct floor *floor)
{
    for (size_t i = 0; i < POOLS && floor->pools[i].multi; i++)
        if (floor->pools[i].due <= floor->now)
            return 0;
    return 1;
}

static void rest(const struct floor *floor)
{
    uint64_t passed = now_ns(CLOCK_MONOTONIC) - floor->now;
    struct timespec rest = {0, passed < REST_NS ? (long)(REST_NS - passed) : 0};

    if (floor->pieces == LLM_FLOOR_TOGETHER && floor->open >= TOGETHER_FROM && rest.tv_nsec > 0)
        clock_nanosleep(CLOCK_MONOTONIC, 0, &rest, NULL);
}

static void run(struct floor *floor, unsigned rate, size_t calls)
{
    struct epoll_event events[EVENTS];
    uint64_t begun = now_ns(CLOCK_MONOTONIC);
    uint64_t until = begun + (uint64_t)calls * 1000000000u / rate + LATE_NS;
    size_t asked = 0;

    floor->now = begun;
    while ((asked < calls || floor->open > 0) && floor->now < until) {
        size_t due = (size_t)((now_ns(CLOCK_MONOTONIC) - begun) * rate / 1000000000u);
        int n;

        for (; asked < calls && asked < due; asked++)
            begin(floor);
        n = epoll_wait(floor->epoll, events, EVENTS, wait_ms(floor));
        pass(floor, events, n);
        rest(floor);
    }
    floor->result->failed += floor->open;
}

/* ---- life ------------------------------------------------------------------------------------ */

static struct floor *floor_new(int port, enum llm_floor_pieces pieces, struct llm_floor *result)
{
    struct floor *floor = calloc(1, sizeof(*floor));

    if (!floor || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        abort();
    floor->epoll = epoll_create1(EPOLL_CLOEXEC);
    floor->pieces = pieces;
    floor->result = result;
    snprintf(floor->url, sizeof(floor->url), "http://127.0.0.1:%d/v1/chat/completions", port);
    floor->body_len = llm_client_body(floor->body);
    floor->headers = curl_slist_append(NULL, "Content-Type: application/json");
    floor->headers = curl_slist_append(floor->headers, "Expect:");
    for (size_t i = CALLS; i > 0; i--) {
        floor->calls[i - 1].floor = floor;
        floor->spare[floor->spare_count++] = &floor->calls[i - 1];
    }
    return floor;
}

static void floor_free(struct floor *floor)
{
    for (size_t i = 0; i < CALLS; i++) {
        struct call *call = &floor->calls[i];

        if (call->pool)
            curl_multi_remove_handle(call->pool->multi, call->easy);
        curl_easy_cleanup(call->easy);
    }
    for (size_t i = 0; i < POOLS; i++)
        curl_multi_cleanup(floor->pools[i].multi);
    curl_slist_free_all(floor->headers);
    close(floor->epoll);
    free(floor);
}

void llm_floor_curl(int port, enum llm_floor_pieces pieces, unsigned rate, size_t calls,
                    struct llm_floor *ret)
{
    struct floor *floor = floor_new(port, pieces, ret);
    uint64_t cpu;

    run(floor, rate, calls / 10); /* connections, handles */
    *ret = (struct llm_floor){.failed = 0};
    cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
    run(floor, rate, calls);
    ret->cpu_us = (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu) / 1e3 / (double)calls;
    floor_free(floor);
}
