/* SPDX-License-Identifier: Apache-2.0
 *
 * What cache.h promises, over the memory and over a Redis that the program starts itself.
 */
#include "../loop/loop_fixture.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define REDIS "/usr/bin/redis-server"

struct fixture {
    struct loop *loop;
    struct cache *cache;
    struct error err;
    bool server;
};

static char memory[] = "memory", redis[] = "redis";
static char dir[32], url[64], socket_path[48];
static pid_t server;

/* ---- the server ----------------------------------------------------------------------------- */

/* -1 where it does not listen. */
static int connect_server(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* The socket is there before anybody may connect. */
static bool listens(void)
{
    int fd = connect_server();

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static void launch(void)
{
    server = fork();
    if (server == 0) {
        int null = open("/dev/null", O_RDWR);

        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execl(REDIS, REDIS, "--port", "0", "--unixsocket", socket_path, "--save", "", "--dir", dir,
              "--appendonly", "no", "--requirepass", "canary7", "--loglevel", "warning",
              (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 3000 && !listens(); i++)
        usleep(10000);
    assert_true(listens());
}

static void end_server(void)
{
    if (server <= 0)
        return;
    kill(server, SIGKILL);
    while (waitpid(server, NULL, 0) < 0 && errno == EINTR)
        continue;
    server = 0;
    unlink(socket_path);
}

static int start_server(void **state)
{
    (void)state;
    if (access(REDIS, X_OK) < 0)
        return 0;
    snprintf(dir, sizeof(dir), "/tmp/troupe-redis-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(socket_path, sizeof(socket_path), "%s/s", dir);
    snprintf(url, sizeof(url), "unix:%s", socket_path);
    launch();
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    end_server();
    if (dir[0])
        rmdir(dir);
    return 0;
}

/* ---- the fixture ---------------------------------------------------------------------------- */

static int prefixes;

static int setup(void **state)
{
    const bool with_server = *state == redis;
    struct cache_options options = {.max_bytes = 256 * 1024, .answer_ms = 2000};
    struct fixture *f;
    char prefix[16];

    if (with_server && !server) {
        *state = NULL;
        return 0;
    }
    f = mem_zero(1, sizeof(*f));
    f->server = with_server;
    f->loop = fixture_new(NULL);
    snprintf(prefix, sizeof(prefix), "test%d", ++prefixes);
    options.prefix = prefix;
    if (with_server) {
        options.url = url;
        options.password = "canary7";
    }
    assert_status(cache_new(f->loop, &options, &f->cache, &f->err), TROUPE_OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    if (!f)
        return 0;
    cache_free(f->cache);
    for (int i = 0; i < 3; i++)
        loop_step(f->loop, 0);
    fixture_free(f->loop);
    mem_free(f);
    return 0;
}

static struct fixture *fixture_of(void **state)
{
    if (!*state)
        skip(); /* no Redis on this machine */
    return *state;
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "# %s:%d: %s\n", __FILE__, __LINE__, #condition);                      \
            return TROUPE_FAILED;                                                                  \
        }                                                                                          \
    } while (0)
#define CHECK_STATUS(got, want)                                                                    \
    do {                                                                                           \
        troupe_status got_ = (got);                                                                \
        if (got_ != (want)) {                                                                      \
            fprintf(stderr, "# %s:%d: %s is %s, expected %s (%s)\n", __FILE__, __LINE__, #got,     \
                    status_name(got_), status_name(want), f->err.text);                            \
            return TROUPE_FAILED;                                                                  \
        }                                                                                          \
    } while (0)

static troupe_status put(struct fixture *f, const char *key, const char *value, int64_t life)
{
    return cache_set(f->cache, "suite", key, value, strlen(value), life, 0, &f->err);
}

static bool has(struct fixture *f, const char *key, const char *value)
{
    _cleanup_buf_ struct buf got = BUF_INIT;

    return cache_get(f->cache, "suite", key, 0, &got, &f->err) == TROUPE_OK &&
           strcmp(buf_text(&got), value) == 0;
}

static bool lacks(struct fixture *f, const char *ns, const char *key)
{
    _cleanup_buf_ struct buf got = BUF_INIT;

    return cache_get(f->cache, ns, key, 0, &got, &f->err) == TROUPE_NOT_FOUND;
}

/* ---- promises ------------------------------------------------------------------------------- */

static troupe_status values_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_mem_ char *bytes = mem_zero(1, 100000);
    _cleanup_buf_ struct buf got = BUF_INIT;
    struct cache_stats stats;

    for (size_t i = 0; i < 100000; i++)
        bytes[i] = (char)(i * 31);
    CHECK(lacks(f, "suite", "a"));
    CHECK_STATUS(put(f, "a", "one", 60000), TROUPE_OK);
    CHECK_STATUS(put(f, "a", "two %s \xff", 60000), TROUPE_OK);
    CHECK(has(f, "a", "two %s \xff"));
    CHECK(lacks(f, "other", "a"));
    CHECK_STATUS(put(f, "a key of words", "", 60000), TROUPE_OK);
    CHECK(has(f, "a key of words", ""));
    CHECK_STATUS(cache_set(f->cache, "suite", "big", bytes, 100000, 60000, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(cache_get(f->cache, "suite", "big", 0, &got, &f->err), TROUPE_OK);
    CHECK(got.len == 100000 && memcmp(got.data, bytes, got.len) == 0);
    CHECK_STATUS(cache_remove(f->cache, "suite", "a", 0, &f->err), TROUPE_OK);
    CHECK_STATUS(cache_remove(f->cache, "suite", "a", 0, &f->err), TROUPE_OK);
    CHECK(lacks(f, "suite", "a"));
    cache_stats(f->cache, &stats);
    CHECK(stats.hits == 3 && stats.misses == 3 && !stats.degraded && !stats.failed);
    return TROUPE_OK;
}

static void a_value_comes_back_as_it_was_under_its_name_only(void **state)
{
    struct fixture *f = fixture_of(state);

    assert_status(fixture_run(f->loop, values_body, f), TROUPE_OK);
}

static troupe_status life_body(void *arg)
{
    struct fixture *f = arg;
    uint64_t began = clock_ms();
    int64_t left = 0;

    CHECK_STATUS(put(f, "short", "x", 30), TROUPE_OK);
    CHECK_STATUS(put(f, "long", "x", CACHE_LIFE_MAX_MS), TROUPE_OK);
    CHECK_STATUS(cache_life(f->cache, "suite", "long", 0, &left, &f->err), TROUPE_OK);
    CHECK(left > CACHE_LIFE_MAX_MS - 60000 && left <= CACHE_LIFE_MAX_MS);
    CHECK_STATUS(cache_life(f->cache, "suite", "none", 0, &left, &f->err), TROUPE_NOT_FOUND);
    while (!lacks(f, "suite", "short"))
        CHECK_STATUS(co_sleep(5), TROUPE_OK);
    CHECK(clock_ms() - began >= 29);
    CHECK(has(f, "long", "x"));
    return TROUPE_OK;
}

static void a_value_is_gone_when_its_life_is_over_and_not_before(void **state)
{
    struct fixture *f = fixture_of(state);

    assert_status(fixture_run(f->loop, life_body, f), TROUPE_OK);
}

static troupe_status counter_body(void *arg)
{
    struct fixture *f = arg;
    int64_t value = 0, first = 0, left = 0;

    for (int i = 1; i <= 3; i++) {
        CHECK_STATUS(cache_add(f->cache, "suite", "n", i, 60000, 0, &value, &f->err), TROUPE_OK);
        CHECK(value == i * (i + 1) / 2);
    }
    CHECK(has(f, "n", "6"));
    CHECK_STATUS(cache_add(f->cache, "suite", "n", 1, 600000, 0, &value, &f->err), TROUPE_OK);
    CHECK_STATUS(cache_life(f->cache, "suite", "n", 0, &left, &f->err), TROUPE_OK);
    CHECK(left <= 60000); /* the window stays */
    CHECK_STATUS(cache_add(f->cache, "suite", "w", 5, 30, 0, &first, &f->err), TROUPE_OK);
    do {
        CHECK_STATUS(co_sleep(5), TROUPE_OK);
        CHECK_STATUS(cache_add(f->cache, "suite", "w", 1, 30, 0, &value, &f->err), TROUPE_OK);
    } while (value > first); /* and ends */
    CHECK(value == 1);
    CHECK_STATUS(put(f, "text", "x", 60000), TROUPE_OK);
    CHECK_STATUS(cache_add(f->cache, "suite", "text", 1, 60000, 0, &value, &f->err),
                 TROUPE_CONFLICT);
    CHECK(has(f, "text", "x"));
    return TROUPE_OK;
}

static void a_counter_counts_in_a_window_that_adding_does_not_prolong(void **state)
{
    struct fixture *f = fixture_of(state);

    assert_status(fixture_run(f->loop, counter_body, f), TROUPE_OK);
}

static const char ann[] = "00112233445566778899aabbccddeeff";
static const char ben[] = "ffeeddccbbaa99887766554433221100";

static troupe_status put_of(struct fixture *f, const char *owner, const char *key,
                            const char *value)
{
    return cache_set_of(f->cache, owner, "suite", key, value, strlen(value), 60000, 0, &f->err);
}

static troupe_status owner_body(void *arg)
{
    struct fixture *f = arg;
    char token[CACHE_TOKEN_SIZE], key[16];
    int64_t n = 0, left = 0;

    CHECK_STATUS(put_of(f, "ann", "a", "x"), TROUPE_ARGUMENT);
    CHECK_STATUS(cache_forget(f->cache, "ann", &f->err), TROUPE_ARGUMENT);
    for (int i = 0; i < 500; i++) { /* more than a server looks at once */
        snprintf(key, sizeof(key), "k%d", i);
        CHECK_STATUS(put_of(f, i % 2 ? ann : ben, key, key), TROUPE_OK);
    }
    CHECK_STATUS(cache_set_of(f->cache, ann, "other", "a", "x", 1, 60000, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(put(f, "nobody's", "x", 60000), TROUPE_OK);
    CHECK_STATUS(cache_add(f->cache, "suite", "n", 7, 60000, 0, &n, &f->err), TROUPE_OK);
    CHECK_STATUS(cache_lock(f->cache, "suite", "l", 60000, 0, token, &f->err), TROUPE_OK);
    /* The same value stays whose it was and lives on; another one is its writer's. */
    CHECK_STATUS(put_of(f, ann, "same", "x"), TROUPE_OK);
    CHECK_STATUS(cache_set_of(f->cache, ben, "suite", "same", "x", 1, 600000, 0, &f->err),
                 TROUPE_OK);
    CHECK_STATUS(cache_life(f->cache, "suite", "same", 0, &left, &f->err), TROUPE_OK);
    CHECK(left > 60000 && has(f, "same", "x"));
    CHECK_STATUS(put_of(f, ann, "changed", "x"), TROUPE_OK);
    CHECK_STATUS(put_of(f, ben, "changed", "y"), TROUPE_OK);

    CHECK_STATUS(cache_forget(f->cache, ann, &f->err), TROUPE_OK);
    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        CHECK(i % 2 ? lacks(f, "suite", key) : has(f, key, key));
    }
    CHECK(lacks(f, "other", "a") && lacks(f, "suite", "same"));
    CHECK(has(f, "changed", "y") && has(f, "nobody's", "x") && has(f, "n", "7"));
    CHECK_STATUS(cache_unlock(f->cache, "suite", "l", token, 0, &f->err), TROUPE_OK);
    return TROUPE_OK;
}

static void all_of_an_owner_is_taken_out_and_nothing_of_others(void **state)
{
    struct fixture *f = fixture_of(state);

    assert_status(fixture_run(f->loop, owner_body, f), TROUPE_OK);
}

struct taker {
    struct fixture *f;
    int got;
};

static troupe_status take_lock(void *arg)
{
    struct taker *taker = arg;
    char token[CACHE_TOKEN_SIZE];
    struct error err;

    taker->got += cache_lock(taker->f->cache, "suite", "one", 60000, 0, token, &err) == TROUPE_OK;
    return TROUPE_OK;
}

static troupe_status lock_body(void *arg)
{
    struct fixture *f = arg;
    const struct co_owner owner = {"test:taker", 0};
    struct taker taker = {.f = f};
    char mine[CACHE_TOKEN_SIZE], other[CACHE_TOKEN_SIZE];

    CHECK_STATUS(cache_lock(f->cache, "suite", "l", 40, 0, mine, &f->err), TROUPE_OK);
    CHECK_STATUS(cache_lock(f->cache, "suite", "l", 40, 0, other, &f->err), TROUPE_CONFLICT);
    CHECK_STATUS(cache_unlock(f->cache, "suite", "l", "another's", 0, &f->err), TROUPE_NOT_FOUND);
    while (cache_lock(f->cache, "suite", "l", 60000, 0, other, &f->err) != TROUPE_OK)
        CHECK_STATUS(co_sleep(5), TROUPE_OK);
    CHECK(strcmp(mine, other) != 0);
    /* It was lost meanwhile, and is another's. */
    CHECK_STATUS(cache_unlock(f->cache, "suite", "l", mine, 0, &f->err), TROUPE_NOT_FOUND);
    CHECK_STATUS(cache_lock(f->cache, "suite", "l", 60000, 0, mine, &f->err), TROUPE_CONFLICT);
    CHECK_STATUS(cache_unlock(f->cache, "suite", "l", other, 0, &f->err), TROUPE_OK);
    CHECK_STATUS(cache_lock(f->cache, "suite", "l", 60000, 0, mine, &f->err), TROUPE_OK);
    {
        SCOPE(scope, 0);
        for (int i = 0; i < 20; i++)
            CHECK_STATUS(co_spawn(&scope, &owner, take_lock, &taker), TROUPE_OK);
        CHECK_STATUS(scope_close(&scope), TROUPE_OK);
    }
    CHECK(taker.got == 1);
    return TROUPE_OK;
}

static void a_lock_is_one_holders_until_it_is_given_back_or_over(void **state)
{
    struct fixture *f = fixture_of(state);

    assert_status(fixture_run(f->loop, lock_body, f), TROUPE_OK);
}

static troupe_status bounds_body(void *arg)
{
    struct fixture *f = arg;
    char key[CACHE_KEY_MAX + 2];
    _cleanup_mem_ char *big = mem_zero(1, CACHE_VALUE_MAX + 1);
    int64_t value;

    memset(key, 'k', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    CHECK_STATUS(put(f, key, "x", 1000), TROUPE_LIMIT);
    CHECK_STATUS(put(f, "", "x", 1000), TROUPE_ARGUMENT);
    CHECK_STATUS(put(f, "a", "x", 0), TROUPE_ARGUMENT);
    CHECK_STATUS(put(f, "a", "x", CACHE_LIFE_MAX_MS + 1), TROUPE_ARGUMENT);
    CHECK_STATUS(cache_set(f->cache, "Bad:name", "a", "x", 1, 1000, 0, &f->err), TROUPE_ARGUMENT);
    CHECK_STATUS(cache_set(f->cache, "suite", "a", big, CACHE_VALUE_MAX + 1, 1000, 0, &f->err),
                 TROUPE_LIMIT);
    CHECK_STATUS(cache_add(f->cache, "suite", "a", 1, -1, 0, &value, &f->err), TROUPE_ARGUMENT);
    key[CACHE_KEY_MAX] = '\0';
    CHECK_STATUS(put(f, key, "x", 1000), TROUPE_OK);
    CHECK(has(f, key, "x"));
    return TROUPE_OK;
}

static void names_values_and_lives_are_bounded(void **state)
{
    struct fixture *f = fixture_of(state);

    assert_status(fixture_run(f->loop, bounds_body, f), TROUPE_OK);
}

/* ---- each driver's own ---------------------------------------------------------------------- */

static troupe_status room_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_mem_ char *block = mem_zero(1, 10001);
    char key[32], token[CACHE_TOKEN_SIZE];
    struct cache_stats stats;
    troupe_status status = TROUPE_OK;
    int64_t n;
    int locks = 0;

    memset(block, 'x', 10000);
    CHECK_STATUS(cache_add(f->cache, "suite", "kept", 1, 60000, 0, &n, &f->err), TROUPE_OK);
    CHECK_STATUS(put(f, "used", block, 60000), TROUPE_OK);
    CHECK_STATUS(put(f, "unused", block, 60000), TROUPE_OK);
    for (int i = 0; i < 200; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        CHECK_STATUS(put(f, key, block, 60000), TROUPE_OK);
        CHECK(has(f, "used", block));
    }
    cache_stats(f->cache, &stats);
    CHECK(stats.bytes <= 256 * 1024 && stats.evicted > 150);
    CHECK(lacks(f, "suite", "unused") && has(f, "kept", "1"));
    for (; status >= 0 && locks < 100000; locks++) {
        snprintf(key, sizeof(key), "l%d", locks);
        status = cache_lock(f->cache, "suite", key, 60000, 0, token, &f->err);
    }
    CHECK_STATUS(status, TROUPE_BUSY);
    CHECK_STATUS(cache_lock(f->cache, "suite", "l0", 60000, 0, token, &f->err), TROUPE_CONFLICT);
    CHECK_STATUS(put(f, "still", "x", 60000), TROUPE_OK); /* values have the other half */
    return TROUPE_OK;
}

/* 25 of these fill the memory. */
static troupe_status order_body(void *arg)
{
    static const char owner[] = "0123456789abcdef0123456789abcdef";
    struct fixture *f = arg;
    _cleanup_mem_ char *block = mem_zero(1, 10001);
    char key[32];

    memset(block, 'x', 10000);
    for (int round = 0; round < 2; round++) {
        CHECK_STATUS(
            cache_set_of(f->cache, owner, "suite", "again", block, 10000, 60000, 0, &f->err),
            TROUPE_OK);
        for (int i = 0; i < 20 - 5 * round; i++) {
            snprintf(key, sizeof(key), "%d.%d", round, i);
            CHECK_STATUS(put(f, key, block, 60000), TROUPE_OK);
        }
        CHECK(has(f, "0.1", block));
    }
    CHECK(has(f, "again", block)); /* put once more it was used, though nothing changed */
    CHECK(has(f, "0.1", block));   /* as was what was read                              */
    CHECK(lacks(f, "suite", "0.0") && lacks(f, "suite", "0.2"));
    CHECK(has(f, "0.19", block) && has(f, "1.0", block));
    return TROUPE_OK;
}

static void values_go_in_the_order_of_their_last_use(void **state)
{
    struct fixture *f = fixture_of(state);

    assert_status(fixture_run(f->loop, order_body, f), TROUPE_OK);
}

static void the_memory_is_bounded_and_the_longest_unused_value_goes(void **state)
{
    struct fixture *f = fixture_of(state);

    assert_status(fixture_run(f->loop, room_body, f), TROUPE_OK);
}

static bool is_degraded(struct fixture *f)
{
    struct cache_stats stats;

    cache_stats(f->cache, &stats);
    return stats.degraded;
}

/* It answers by a deadline that is over before a stopped server's. */
static troupe_status stop_answering(struct fixture *f)
{
    char token[CACHE_TOKEN_SIZE];

    kill(server, SIGSTOP);
    return cache_lock(f->cache, "suite", "l", 60000, co_after(50), token, &f->err);
}

/* Whatever is asked for leads to it. */
static troupe_status until_it_is_back(struct fixture *f)
{
    while (is_degraded(f)) {
        CHECK(!has(f, "a", "old"));
        CHECK_STATUS(co_sleep(10), TROUPE_OK);
    }
    return TROUPE_OK;
}

static troupe_status away_body(void *arg)
{
    struct fixture *f = arg;
    char token[CACHE_TOKEN_SIZE], key[16];
    int64_t n = 0;

    CHECK_STATUS(put(f, "a", "old", 60000), TROUPE_OK);
    CHECK_STATUS(put(f, "removed", "old", 60000), TROUPE_OK);
    CHECK_STATUS(put(f, "kept", "x", 60000), TROUPE_OK);
    CHECK_STATUS(cache_add(f->cache, "suite", "n", 7, 60000, 0, &n, &f->err), TROUPE_OK);
    CHECK_STATUS(stop_answering(f), TROUPE_UNAVAILABLE);
    CHECK(is_degraded(f));
    /* The memory stands in. */
    CHECK(lacks(f, "suite", "a") && lacks(f, "suite", "kept"));
    CHECK_STATUS(put(f, "a", "new", 60000), TROUPE_OK);
    CHECK(has(f, "a", "new"));
    CHECK_STATUS(cache_remove(f->cache, "suite", "removed", 0, &f->err), TROUPE_OK);
    for (int i = 1; i <= 3; i++)
        CHECK_STATUS(cache_add(f->cache, "suite", "n", 1, 60000, 0, &n, &f->err), TROUPE_OK);
    CHECK(n == 3);
    CHECK_STATUS(cache_lock(f->cache, "suite", "l", 60000, 0, token, &f->err), TROUPE_UNAVAILABLE);
    CHECK_STATUS(put_of(f, ann, "hers", "x"), TROUPE_OK);
    CHECK_STATUS(cache_forget(f->cache, ann, &f->err),
                 TROUPE_UNAVAILABLE); /* it has more of hers */
    CHECK(lacks(f, "suite", "hers"));
    kill(server, SIGCONT);
    CHECK_STATUS(until_it_is_back(f), TROUPE_OK);
    /* Nothing of before what changed is there, all else is. */
    CHECK(lacks(f, "suite", "a") && lacks(f, "suite", "removed"));
    CHECK(has(f, "kept", "x") && has(f, "n", "7"));
    CHECK_STATUS(put(f, "b", "x", 60000), TROUPE_OK);

    end_server();
    CHECK_STATUS(put(f, "c", "x", 60000), TROUPE_OK);
    CHECK(has(f, "c", "x") && is_degraded(f) && lacks(f, "suite", "b"));
    launch();
    CHECK_STATUS(until_it_is_back(f), TROUPE_OK);
    CHECK(lacks(f, "suite", "c")); /* what was in the memory is not there */

    /* More than it knows by name. */
    CHECK_STATUS(put(f, "a", "old", 60000), TROUPE_OK);
    CHECK_STATUS(put(f, "kept", "x", 60000), TROUPE_OK);
    CHECK_STATUS(cache_add(f->cache, "suite", "n", 7, 60000, 0, &n, &f->err), TROUPE_OK);
    CHECK_STATUS(stop_answering(f), TROUPE_UNAVAILABLE);
    CHECK_STATUS(cache_remove(f->cache, "suite", "a", 0, &f->err), TROUPE_OK);
    for (int i = 0; i < 400; i++) {
        snprintf(key, sizeof(key), "k%d", i);
        CHECK_STATUS(put(f, key, "x", 60000), TROUPE_OK);
    }
    kill(server, SIGCONT);
    CHECK_STATUS(until_it_is_back(f), TROUPE_OK);
    CHECK(lacks(f, "suite", "a") && lacks(f, "suite", "kept") && lacks(f, "suite", "k7"));
    CHECK(has(f, "n", "7"));
    return TROUPE_OK;
}

static void while_a_server_is_away_the_memory_stands_in_and_nothing_stale_comes_back(void **state)
{
    struct fixture *f = fixture_of(state);

    assert_status(fixture_run(f->loop, away_body, f), TROUPE_OK);
}

/* Nobody calls but who looks. */
static troupe_status look_until(struct fixture *f, bool degraded)
{
    for (int i = 0; i < 1000 && is_degraded(f) != degraded; i++) {
        cache_look(f->cache);
        CHECK_STATUS(co_sleep(10), TROUPE_OK);
    }
    CHECK(is_degraded(f) == degraded);
    return TROUPE_OK;
}

static troupe_status tell_server(const char *maxmemory)
{
    static const char good[] = "+OK\r\n+OK\r\n";
    char text[100], answer[sizeof(good)] = "";
    int fd = connect_server();
    size_t len = 0;

    snprintf(text, sizeof(text), "AUTH canary7\r\nCONFIG SET maxmemory %s\r\n", maxmemory);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    while (len < sizeof(good) - 1) {
        ssize_t n = read(fd, answer + len, sizeof(good) - 1 - len);

        CHECK(n > 0);
        len += (size_t)n;
    }
    close(fd);
    CHECK(strcmp(answer, good) == 0);
    return TROUPE_OK;
}

static troupe_status look_body(void *arg)
{
    struct fixture *f = arg;

    kill(server, SIGSTOP);
    CHECK_STATUS(look_until(f, true), TROUPE_OK);
    kill(server, SIGCONT);
    CHECK_STATUS(look_until(f, false), TROUPE_OK);
    /* One that is full answers, and keeps nothing. */
    CHECK_STATUS(tell_server("1"), TROUPE_OK);
    CHECK_STATUS(put(f, "a", "x", 60000), TROUPE_OK);
    CHECK(is_degraded(f));
    for (int i = 0; i < 70; i++) {
        cache_look(f->cache);
        CHECK(is_degraded(f));
        CHECK_STATUS(co_sleep(10), TROUPE_OK);
    }
    CHECK_STATUS(tell_server("0"), TROUPE_OK);
    return look_until(f, false);
}

static void a_server_that_goes_and_comes_back_is_noticed_though_nobody_asks_it(void **state)
{
    struct fixture *f = fixture_of(state);

    assert_status(fixture_run(f->loop, look_body, f), TROUPE_OK);
}

/* A process that ended while the server was away. */
static troupe_status marked_body(void *arg)
{
    struct fixture *f = arg;
    _cleanup_mem_ char *mark = mem_printf("%s/mark", dir);
    struct cache_options options = {
        .url = url, .password = "canary7", .prefix = "marked", .answer_ms = 2000, .mark = mark};

    cache_free(f->cache);
    CHECK_STATUS(cache_new(f->loop, &options, &f->cache, &f->err), TROUPE_OK);
    CHECK_STATUS(put(f, "a", "old", 60000), TROUPE_OK);
    CHECK(access(mark, F_OK) < 0);
    CHECK_STATUS(stop_answering(f), TROUPE_UNAVAILABLE);
    CHECK_STATUS(cache_remove(f->cache, "suite", "a", 0, &f->err), TROUPE_OK);
    CHECK(access(mark, F_OK) == 0);
    kill(server, SIGCONT);
    cache_free(f->cache);
    CHECK_STATUS(cache_new(f->loop, &options, &f->cache, &f->err), TROUPE_OK);
    CHECK(lacks(f, "suite", "a"));
    CHECK_STATUS(until_it_is_back(f), TROUPE_OK);
    CHECK(access(mark, F_OK) < 0);
    CHECK(lacks(f, "suite", "a"));
    CHECK_STATUS(put(f, "a", "new", 60000), TROUPE_OK);
    cache_free(f->cache);
    CHECK_STATUS(cache_new(f->loop, &options, &f->cache, &f->err), TROUPE_OK);
    CHECK(has(f, "a", "new")); /* without the mark all is as it was */
    return TROUPE_OK;
}

static void what_a_process_could_not_take_out_the_next_one_does(void **state)
{
    struct fixture *f = fixture_of(state);

    assert_status(fixture_run(f->loop, marked_body, f), TROUPE_OK);
}

static troupe_status wrong_password_body(void *arg)
{
    struct fixture *f = arg;
    struct cache_options options = {.url = url, .password = "canary8"};
    struct cache *cache = NULL;
    char token[CACHE_TOKEN_SIZE];

    CHECK_STATUS(cache_new(f->loop, &options, &cache, &f->err), TROUPE_OK);
    CHECK_STATUS(cache_lock(cache, "suite", "a", 1000, 0, token, &f->err), TROUPE_UNAVAILABLE);
    CHECK(strstr(f->err.text, "password") && !strstr(f->err.text, "canary8"));
    cache_free(cache);
    options.url = "redis://user:canary8@host";
    CHECK_STATUS(cache_new(f->loop, &options, &cache, &f->err), TROUPE_ARGUMENT);
    CHECK(!strstr(f->err.text, "canary8"));
    options.url = "redis://host:99999";
    CHECK_STATUS(cache_new(f->loop, &options, &cache, &f->err), TROUPE_ARGUMENT);
    return TROUPE_OK;
}

static void a_wrong_password_is_told_without_it(void **state)
{
    struct fixture *f = fixture_of(state);

    assert_status(fixture_run(f->loop, wrong_password_body, f), TROUPE_OK);
}

#define BOTH(test)                                                                                 \
    {#test, test, setup, teardown, memory},                                                        \
    {                                                                                              \
#test "_in_redis", test, setup, teardown, redis                                            \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_value_comes_back_as_it_was_under_its_name_only),
        BOTH(a_value_is_gone_when_its_life_is_over_and_not_before),
        BOTH(a_counter_counts_in_a_window_that_adding_does_not_prolong),
        BOTH(all_of_an_owner_is_taken_out_and_nothing_of_others),
        BOTH(a_lock_is_one_holders_until_it_is_given_back_or_over),
        BOTH(names_values_and_lives_are_bounded),
        {"the_memory_is_bounded_and_the_longest_unused_value_goes",
         the_memory_is_bounded_and_the_longest_unused_value_goes, setup, teardown, memory},
        {"values_go_in_the_order_of_their_last_use", values_go_in_the_order_of_their_last_use,
         setup, teardown, memory},
        {"while_a_server_is_away_the_memory_stands_in_and_nothing_stale_comes_back",
         while_a_server_is_away_the_memory_stands_in_and_nothing_stale_comes_back, setup, teardown,
         redis},
        {"a_server_that_goes_and_comes_back_is_noticed_though_nobody_asks_it",
         a_server_that_goes_and_comes_back_is_noticed_though_nobody_asks_it, setup, teardown,
         redis},
        {"what_a_process_could_not_take_out_the_next_one_does",
         what_a_process_could_not_take_out_the_next_one_does, setup, teardown, redis},
        {"a_wrong_password_is_told_without_it", a_wrong_password_is_told_without_it, setup,
         teardown, redis},
    };

    return cmocka_run_group_tests(tests, start_server, stop_server);
}
