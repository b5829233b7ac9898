/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop's side of the cache: bounds, the choice of the driver, and the waiting.
 */
#include "store/cache.h"

#include "config.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/cache_away.h"
#include "store/cache_driver.h"
#include "store/migrate.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#define THERE_MS 1000 /* the life of what the server has to take to be there */

struct cache {
    struct loop *loop;
    const struct cache_driver *driver;
    struct cache_engine *engine;
    struct cache_away away; /* of a server */
    uint32_t answer_ms;
    uint64_t hits, misses, failed;
    size_t waiting;
};

troupe_status cache_new(struct loop *loop, const struct cache_options *options, struct cache **ret,
                        struct error *err)
{
    const struct cache_driver *driver = &cache_memory_driver;
    struct cache_options chosen = *options;
    struct cache_engine *engine;
    struct cache *cache;
    troupe_status status;

    if (options->url) {
#ifdef HAVE_REDIS
        driver = &cache_redis_driver;
#else
        return error_set(err, TROUPE_ARGUMENT,
                         "this build has no Redis: build it where hiredis is, or use the memory");
#endif
    }
    chosen.max_bytes = chosen.max_bytes ? chosen.max_bytes : 16u << 20;
    chosen.answer_ms = chosen.answer_ms ? chosen.answer_ms : 500;
    chosen.prefix = chosen.prefix ? chosen.prefix : "troupe";
    status = driver->open(&chosen, &engine, err);
    if (status < 0)
        return status;
    cache = mem_zero(1, sizeof(*cache));
    if (driver != &cache_memory_driver &&
        (status = cache_away_init(&cache->away, &chosen, err)) < 0) {
        driver->close(engine);
        mem_free(cache);
        return status;
    }
    cache->loop = loop;
    cache->driver = driver;
    cache->engine = engine;
    cache->answer_ms = chosen.answer_ms;
    *ret = cache;
    return TROUPE_OK;
}

void cache_free(struct cache *cache)
{
    if (!cache)
        return;
    cache->driver->close(cache->engine);
    cache_away_clear(&cache->away);
    mem_free(cache);
}

bool cache_is_shared(const struct cache *cache)
{
    return cache->driver != &cache_memory_driver;
}

void cache_stats(const struct cache *cache, struct cache_stats *ret)
{
    *ret =
        (struct cache_stats){.hits = cache->hits, .misses = cache->misses, .failed = cache->failed};
    cache->driver->stats(cache->engine, ret);
    if (cache->away.memory)
        cache_memory_driver.stats(cache->away.memory, ret);
    ret->degraded |= cache->away.away;
}

static void call_free(void *arg)
{
    struct cache_call *call = arg;

    buf_clear(&call->value);
    mem_free(call->name);
    mem_free(call->data);
    mem_free(call);
}

static void call_cleanup(struct cache_call **call)
{
    if (*call)
        call_free(*call);
}

/* NULL: the name or the life is none. */
static struct cache_call *call_new(enum cache_kind kind, const char *ns, const char *key,
                                   int64_t life_ms, struct error *err)
{
    const bool lives = kind == CACHE_SET || kind == CACHE_ADD || kind == CACHE_LOCK;
    struct cache_call *call;

    if (!ns || (strcmp(ns, "core") != 0 && !store_ns_valid(ns))) {
        error_set(err, TROUPE_ARGUMENT, "namespace \"%.80s\" is not a name for one", ns ? ns : "");
        return NULL;
    }
    if (!key || !*key || strlen(key) > CACHE_KEY_MAX) {
        error_set(err, key && *key ? TROUPE_LIMIT : TROUPE_ARGUMENT,
                  "a key has 1 to %d bytes: shorten it", CACHE_KEY_MAX);
        return NULL;
    }
    if (lives && (life_ms <= 0 || life_ms > CACHE_LIFE_MAX_MS)) {
        error_set(err, TROUPE_ARGUMENT, "what is cached lives from a millisecond to 30 days");
        return NULL;
    }
    call = mem_zero(1, sizeof(*call));
    call->kind = kind;
    call->life_ms = life_ms;
    call->name = mem_printf("%s:%s", ns, key);
    return call;
}

/* Takes the call; the one that is returned has its answer. NULL: there is none. */
static struct cache_call *ask_driver(struct cache *cache, struct cache_call *call,
                                     uint64_t deadline, troupe_status *ret_status,
                                     struct error *err)
{
    _cleanup_op_ struct op *op = NULL;
    void *result = NULL;
    troupe_status status;

    if (cache->waiting >= CACHE_QUEUE_MAX) {
        call_free(call);
        *ret_status = error_set(err, TROUPE_BUSY, "too much waits for the cache: try again later");
        return NULL;
    }
    op = call->op = op_new(cache->loop, call_free);
    if (cache->driver->run(cache->engine, call)) {
        op_complete(op, TROUPE_OK, call);
        status = op_wait(op, 0, &result); /* it is there: it does not wait */
    } else {
        cache->waiting++;
        status = op_wait(op, deadline ? deadline : co_after(cache->answer_ms), &result);
        cache->waiting--;
    }
    call = result;
    if (!call) {
        cache->failed++;
        *ret_status = status == TROUPE_DEADLINE
                          ? error_set(err, TROUPE_UNAVAILABLE, "the cache did not answer in time")
                          : error_set(err, status, "nobody waits for the cache any more");
        return NULL;
    }
    cache->failed += call->status == TROUPE_UNAVAILABLE;
    if (call->status < 0 && err)
        *err = call->error;
    *ret_status = call->status;
    return call;
}

/* ---- while the server is away ---------------------------------------------------------------- */

/* A call of the cache's own: one of those that take out what is stale. True where it is done. */
static bool take_out(struct cache *cache, enum cache_kind kind, const char *name, int64_t *number)
{
    __attribute__((cleanup(call_cleanup))) struct cache_call *answer = NULL;
    struct cache_call *call = mem_zero(1, sizeof(*call));
    troupe_status status = TROUPE_OK;

    call->kind = kind;
    call->name = mem_strdup(name);
    call->number = *number;
    call->life_ms = THERE_MS;
    answer = ask_driver(cache, call, 0, &status, NULL);
    if (answer)
        *number = answer->number;
    return status >= 0 || status == TROUPE_NOT_FOUND;
}

static bool is_there(struct cache *cache, enum cache_kind kind)
{
    int64_t none = 0;

    return take_out(cache, kind, "core:there", &none);
}

/* What changes meanwhile is taken out, too: so nobody reads at the server before the last of it is gone. At the
 * end it has to take a value, which one that is full does not. */
static bool take_out_all(struct cache *cache)
{
    struct cache_away *away = &cache->away;
    int64_t from = 0, none = 0;

    for (int i = 0; i < CACHE_AWAY_CALLS; i++) {
        const char *next = cache_away_next(away);

        if (away->all)
            from = 0;
        if (away->all || from) {
            away->all = false; /* what comes from now on is known by its name */
            if (!take_out(cache, CACHE_DROP, "", &from)) {
                away->all = true;
                return false;
            }
        } else if (next) {
            _cleanup_mem_ char *name = mem_strdup(next);

            cache_away_done(away, name); /* it may change again while this waits */
            if (!take_out(cache, CACHE_REMOVE, name, &none)) {
                cache_away_changed(away, name);
                return false;
            }
        } else {
            return is_there(cache, CACHE_SET) && !cache_away_next(away);
        }
    }
    away->all |= from != 0;
    return false;
}

/* Whether the memory is to be asked. One of the calls tries the server now and then. */
static bool is_away(struct cache *cache)
{
    struct cache_away *away = &cache->away;

    if (!away->away)
        return false;
    if (away->returning || clock_ms() < away->next_ms)
        return true;
    away->returning = true;
    if (take_out_all(cache))
        cache_away_end(away);
    else
        cache_away_begin(away);
    away->returning = false;
    return away->away;
}

void cache_look(struct cache *cache)
{
    if (cache_is_shared(cache) && !is_away(cache) && !is_there(cache, CACHE_LIFE))
        cache_away_begin(&cache->away);
}

/* As ask_driver, with the memory in the place of a server that is away. */
static struct cache_call *run(struct cache *cache, struct cache_call *call, uint64_t deadline,
                              troupe_status *ret_status, struct error *err)
{
    const bool changes = call->kind == CACHE_SET || call->kind == CACHE_REMOVE;
    const bool locks = call->kind == CACHE_LOCK || call->kind == CACHE_UNLOCK;
    _cleanup_mem_ char *name = NULL;
    bool away = is_away(cache);

    if (!away && !cache_is_shared(cache))
        return ask_driver(cache, call, deadline, ret_status, err);
    if (!away) {
        name = changes ? mem_strdup(call->name) : NULL;
        call = ask_driver(cache, call, deadline, ret_status, err);
        if (*ret_status != TROUPE_UNAVAILABLE)
            return call;
        cache_away_begin(&cache->away);
        if (!call) { /* the driver has it still, and may do it yet */
            if (name)
                cache_away_changed(&cache->away, name);
            return NULL;
        }
        if (locks)
            return call;
        call->status = TROUPE_OK;
    }
    cache_away_run(&cache->away, call);
    if (call->status < 0 && err)
        *err = call->error;
    *ret_status = call->status;
    return call;
}

static bool is_owner(const char *owner)
{
    return strlen(owner) == CACHE_OWNER && strspn(owner, "0123456789abcdef") == CACHE_OWNER;
}

troupe_status cache_set(struct cache *cache, const char *ns, const char *key, const void *data,
                        size_t len, int64_t life_ms, uint64_t deadline, struct error *err)
{
    return cache_set_of(cache, NULL, ns, key, data, len, life_ms, deadline, err);
}

troupe_status cache_set_of(struct cache *cache, const char *owner, const char *ns, const char *key,
                           const void *data, size_t len, int64_t life_ms, uint64_t deadline,
                           struct error *err)
{
    __attribute__((cleanup(call_cleanup))) struct cache_call *answer = NULL;
    struct error cause = {0};
    struct cache_call *call = call_new(CACHE_SET, ns, key, life_ms, &cause);
    troupe_status status = TROUPE_OK;

    if (call && len > CACHE_VALUE_MAX) {
        call_free(call);
        call = NULL;
        error_set(&cause, TROUPE_LIMIT, "a value of more than %u bytes under \"%.80s\"",
                  CACHE_VALUE_MAX, key);
    }
    if (call && owner && !is_owner(owner)) {
        call_free(call);
        call = NULL;
        error_set(&cause, TROUPE_ARGUMENT, "an owner has %d hexadecimal digits", CACHE_OWNER);
    }
    if (!call)
        return error_set(err, cause.status, "%s", cause.text);
    if (owner)
        memcpy(call->owner, owner, sizeof(call->owner));
    call->data = mem_copy(len ? data : "", len ? len : 1);
    call->len = len;
    answer = run(cache, call, deadline, &status, err);
    (void)answer; /* its status is all */
    return status;
}

/* In the memory that stands in, and at the server, without which it is not done. */
static struct cache_call *forget(struct cache *cache, struct cache_call *call,
                                 troupe_status *ret_status, struct error *err)
{
    int64_t from = call->number;

    if (cache->away.memory)
        (void)cache_memory_driver.run(cache->away.memory, call);
    call->number = from;
    if (is_away(cache)) {
        call_free(call);
        *ret_status = error_set(err, TROUPE_UNAVAILABLE, "the cache's server does not answer");
        return NULL;
    }
    call = ask_driver(cache, call, 0, ret_status, err);
    if (*ret_status == TROUPE_UNAVAILABLE && cache_is_shared(cache))
        cache_away_begin(&cache->away);
    return call;
}

troupe_status cache_forget(struct cache *cache, const char *owner, struct error *err)
{
    int64_t from = 0;

    if (!owner || !is_owner(owner))
        return error_set(err, TROUPE_ARGUMENT, "an owner has %d hexadecimal digits", CACHE_OWNER);
    do {
        __attribute__((cleanup(call_cleanup))) struct cache_call *answer = NULL;
        struct cache_call *call = mem_zero(1, sizeof(*call));
        troupe_status status = TROUPE_OK;

        call->kind = CACHE_FORGET;
        call->name = mem_strdup("");
        call->number = from;
        memcpy(call->owner, owner, sizeof(call->owner));
        answer = forget(cache, call, &status, err);
        if (status < 0)
            return status;
        from = answer->number;
    } while (from);
    return TROUPE_OK;
}

/* A call of which the name is all that it takes. */
static struct cache_call *ask(struct cache *cache, enum cache_kind kind, const char *ns,
                              const char *key, uint64_t deadline, troupe_status *ret_status,
                              struct error *err)
{
    struct error cause = {0};
    struct cache_call *call = call_new(kind, ns, key, 0, &cause);

    if (call)
        return run(cache, call, deadline, ret_status, err);
    *ret_status = error_set(err, cause.status, "%s", cause.text);
    return NULL;
}

troupe_status cache_get(struct cache *cache, const char *ns, const char *key, uint64_t deadline,
                        struct buf *ret, struct error *err)
{
    troupe_status status = TROUPE_OK;
    __attribute__((cleanup(call_cleanup))) struct cache_call *answer =
        ask(cache, CACHE_GET, ns, key, deadline, &status, err);

    cache->hits += status >= 0;
    cache->misses += status == TROUPE_NOT_FOUND;
    if (status < 0)
        return status;
    return buf_append(ret, answer->value.data ? answer->value.data : "", answer->value.len);
}

troupe_status cache_remove(struct cache *cache, const char *ns, const char *key, uint64_t deadline,
                           struct error *err)
{
    troupe_status status = TROUPE_OK;
    __attribute__((cleanup(call_cleanup))) struct cache_call *answer =
        ask(cache, CACHE_REMOVE, ns, key, deadline, &status, err);

    (void)answer;
    return status;
}

troupe_status cache_life(struct cache *cache, const char *ns, const char *key, uint64_t deadline,
                         int64_t *ret_ms, struct error *err)
{
    troupe_status status = TROUPE_OK;
    __attribute__((cleanup(call_cleanup))) struct cache_call *answer =
        ask(cache, CACHE_LIFE, ns, key, deadline, &status, err);

    if (status >= 0)
        *ret_ms = answer->number;
    return status;
}

troupe_status cache_add(struct cache *cache, const char *ns, const char *key, int64_t by,
                        int64_t life_ms, uint64_t deadline, int64_t *ret, struct error *err)
{
    __attribute__((cleanup(call_cleanup))) struct cache_call *answer = NULL;
    struct error cause = {0};
    struct cache_call *call = call_new(CACHE_ADD, ns, key, life_ms, &cause);
    troupe_status status = TROUPE_OK;

    if (!call)
        return error_set(err, cause.status, "%s", cause.text);
    call->by = by;
    answer = run(cache, call, deadline, &status, err);
    if (status >= 0)
        *ret = answer->number;
    return status;
}

troupe_status cache_lock(struct cache *cache, const char *ns, const char *key, int64_t life_ms,
                         uint64_t deadline, char ret_token[CACHE_TOKEN_SIZE], struct error *err)
{
    __attribute__((cleanup(call_cleanup))) struct cache_call *answer = NULL;
    struct error cause = {0};
    struct cache_call *call;
    unsigned char random[(CACHE_TOKEN_SIZE - 1) / 2];
    char token[CACHE_TOKEN_SIZE];
    troupe_status status = TROUPE_OK;

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return error_set(err, TROUPE_FAILED, "the system gives no random numbers");
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(token + 2 * i, 3, "%02x", random[i]);
    call = call_new(CACHE_LOCK, ns, key, life_ms, &cause);
    if (!call)
        return error_set(err, cause.status, "%s", cause.text);
    call->data = mem_strdup(token);
    call->len = strlen(token);
    answer = run(cache, call, deadline, &status, err);
    (void)answer;
    if (status >= 0)
        memcpy(ret_token, token, sizeof(token));
    return status;
}

troupe_status cache_unlock(struct cache *cache, const char *ns, const char *key, const char *token,
                           uint64_t deadline, struct error *err)
{
    __attribute__((cleanup(call_cleanup))) struct cache_call *answer = NULL;
    struct error cause = {0};
    struct cache_call *call = call_new(CACHE_UNLOCK, ns, key, 0, &cause);
    troupe_status status = TROUPE_OK;

    if (!call)
        return error_set(err, cause.status, "%s", cause.text);
    call->data = mem_strdup(token);
    call->len = strlen(token);
    answer = run(cache, call, deadline, &status, err);
    (void)answer; /* its status is all */
    return status;
}
