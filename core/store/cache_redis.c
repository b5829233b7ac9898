/* SPDX-License-Identifier: Apache-2.0
 *
 * The cache in a Redis: a thread that sends what waits in one piece and reads the answers. A server that
 * does not answer in time is not waited for: its connection is closed, and until a pause is over every
 * call is told so at once.
 */
#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "store/cache_driver.h"
#include "store/reading.h"

#include <hiredis/hiredis.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PAUSE_MS = 500, /* between two attempts to connect */
    PORT = 6379,
};

/* A lock is its holder's only. */
static const char unlock_script[] = "if redis.call('get', KEYS[1]) == ARGV[1] then "
                                    "return redis.call('del', KEYS[1]) else return 0 end";

/* A value stands behind a head that says whose it is; counters and locks have none. */
#define HEAD      "\1by:"
#define HEAD_LEN  (sizeof(HEAD) - 1 + CACHE_OWNER)
#define NOBODY    "--------------------------------"
#define TEXT_(n)  #n
#define TEXT(n)   TEXT_(n)
#define HEAD_LAST 35 /* HEAD_LEN - 1, counted from 0 as GETRANGE does */

_Static_assert(HEAD_LEN == HEAD_LAST + 1, "the scripts count on it");

/* What is there already stays whose it was, and lives on. */
static const char set_script[] =
    "local old = redis.call('get', KEYS[1]) "
    "if old and #old == #ARGV[1] and string.sub(old, " TEXT(
        HEAD_LAST) " + 2) == "
                   "string.sub(ARGV[1], " TEXT(
                       HEAD_LAST) " + 2) then "
                                  "return redis.call('pexpire', KEYS[1], ARGV[2]) end "
                                  "return redis.call('set', KEYS[1], ARGV[1], 'PX', ARGV[2])";

/* Some keys at a time, so that nobody waits long; the answer is where to go on. What begins like ARGV[3] goes. */
static const char forget_script[] =
    "local found = redis.call('scan', ARGV[1], 'match', ARGV[2], 'count', 200) "
    "for _, key in ipairs(found[2]) do "
    "if redis.pcall('getrange', key, 0, #ARGV[3] - 1) == ARGV[3] then "
    "redis.call('del', key) end end "
    "return found[1]";

struct cache_engine {
    char *host, *path; /* one of them */
    int port, database;
    char *password, *prefix;
    struct timeval answer;
    struct queue queue;
    pthread_t thread;
    redisContext *redis; /* the thread's; NULL: not connected */
    uint64_t next_ms;    /* no attempt before                 */
    struct error away;
    _Atomic bool degraded;
};

/* ---- the connection ------------------------------------------------------------------------- */

static void lost(struct cache_engine *engine, const char *why)
{
    error_set(&engine->away, TROUPE_UNAVAILABLE, "the cache's server does not answer (%.200s)",
              why);
    redisFree(engine->redis);
    engine->redis = NULL;
    engine->next_ms = clock_ms() + PAUSE_MS;
    atomic_store(&engine->degraded, true);
}

static bool greeted(struct cache_engine *engine, const char *what, const char *argument)
{
    redisReply *reply = redisCommand(engine->redis, "%s %s", what, argument);
    bool good = reply && reply->type != REDIS_REPLY_ERROR;

    if (!good) /* the server's words may hold what it was told, so they are not passed on */
        lost(engine, reply ? "it refuses the password or the database" : engine->redis->errstr);
    freeReplyObject(reply);
    return good;
}

static bool connected(struct cache_engine *engine)
{
    char database[16];

    if (engine->redis)
        return true;
    if (clock_ms() < engine->next_ms)
        return false;
    engine->redis = engine->path
                        ? redisConnectUnixWithTimeout(engine->path, engine->answer)
                        : redisConnectWithTimeout(engine->host, engine->port, engine->answer);
    if (!engine->redis || engine->redis->err) {
        lost(engine, engine->redis ? engine->redis->errstr : "no memory");
        return false;
    }
    if (redisSetTimeout(engine->redis, engine->answer) != REDIS_OK) {
        lost(engine, engine->redis->errstr);
        return false;
    }
    if (engine->password && !greeted(engine, "AUTH", engine->password))
        return false;
    snprintf(database, sizeof(database), "%d", engine->database);
    return !engine->database || greeted(engine, "SELECT", database);
}

/* ---- calls ---------------------------------------------------------------------------------- */

static void send_set(struct cache_engine *engine, const char *key, const struct cache_call *call)
{
    _cleanup_buf_ struct buf value = BUF_INIT;

    buf_puts(&value, HEAD);
    buf_puts(&value, *call->owner ? call->owner : NOBODY);
    buf_append(&value, call->data, call->len);
    if (*call->owner)
        redisAppendCommand(engine->redis, "EVAL %s 1 %s %b %lld", set_script, key, value.data,
                           value.len, (long long)call->life_ms);
    else
        redisAppendCommand(engine->redis, "SET %s %b PX %lld", key, value.data, value.len,
                           (long long)call->life_ms);
}

static void send_forget(struct cache_engine *engine, const struct cache_call *call)
{
    _cleanup_buf_ struct buf pattern = BUF_INIT;

    for (const char *p = engine->prefix; *p; p++) {
        if (strchr("*?[]^\\-", *p))
            buf_putc(&pattern, '\\');
        buf_putc(&pattern, *p);
    }
    buf_puts(&pattern, ":*");
    redisAppendCommand(engine->redis, "EVAL %s 0 %lld %s %s%s", forget_script,
                       (long long)call->number, buf_text(&pattern), HEAD, call->owner);
}

/* How many answers there will be. */
static int send_call(struct cache_engine *engine, const struct cache_call *call)
{
    redisContext *redis = engine->redis;
    _cleanup_mem_ char *key = mem_printf("%s:%s", engine->prefix, call->name);

    switch (call->kind) {
    case CACHE_SET: send_set(engine, key, call); return 1;
    case CACHE_FORGET:
    case CACHE_DROP: send_forget(engine, call); return 1;
    case CACHE_GET: redisAppendCommand(redis, "GET %s", key); return 1;
    case CACHE_REMOVE: redisAppendCommand(redis, "DEL %s", key); return 1;
    case CACHE_LIFE: redisAppendCommand(redis, "PTTL %s", key); return 1;
    case CACHE_ADD: /* the window begins with the counter */
        redisAppendCommand(redis, "MULTI");
        redisAppendCommand(redis, "SET %s 0 PX %lld NX", key, (long long)call->life_ms);
        redisAppendCommand(redis, "INCRBY %s %lld", key, (long long)call->by);
        redisAppendCommand(redis, "EXEC");
        return 4;
    case CACHE_LOCK:
        redisAppendCommand(redis, "SET %s %b PX %lld NX", key, call->data, call->len,
                           (long long)call->life_ms);
        return 1;
    case CACHE_UNLOCK:
        redisAppendCommand(redis, "EVAL %s 1 %s %b", unlock_script, key, call->data, call->len);
        return 1;
    }
    return 0;
}

static troupe_status absent(struct cache_call *call)
{
    return error_set(&call->error, TROUPE_NOT_FOUND, "no key \"%.80s\"", call->name);
}

/* -LOADING, -OOM, -READONLY, -MISCONF: it is there and does not work. */
static troupe_status refused(struct cache_engine *engine, struct cache_call *call,
                             const redisReply *reply)
{
    if (strncmp(reply->str, "WRONGTYPE", 9) == 0 || strstr(reply->str, "not an integer") ||
        strstr(reply->str, "overflow"))
        return error_set(&call->error, TROUPE_CONFLICT, "\"%.80s\" is no counter", call->name);
    atomic_store(&engine->degraded, true);
    return error_set(&call->error, TROUPE_UNAVAILABLE, "the cache's server refuses (%.200s)",
                     reply->str);
}

static troupe_status take(struct cache_engine *engine, struct cache_call *call,
                          const redisReply *reply)
{
    if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2) /* EXEC */
        reply = reply->element[1];
    if (reply->type == REDIS_REPLY_ERROR)
        return refused(engine, call, reply);
    atomic_store(&engine->degraded, false);
    switch (call->kind) {
    case CACHE_GET:
        if (reply->type != REDIS_REPLY_STRING)
            return absent(call);
        if (reply->len >= HEAD_LEN && memcmp(reply->str, HEAD, sizeof(HEAD) - 1) == 0)
            return buf_append(&call->value, reply->str + HEAD_LEN, reply->len - HEAD_LEN);
        return buf_append(&call->value, reply->str, reply->len);
    case CACHE_LIFE:
        call->number = reply->integer;
        return reply->integer < 0 ? absent(call) : TROUPE_OK;
    case CACHE_ADD: call->number = reply->integer; return TROUPE_OK;
    case CACHE_LOCK:
        if (reply->type == REDIS_REPLY_NIL)
            return error_set(&call->error, TROUPE_CONFLICT, "\"%.80s\" is locked", call->name);
        return TROUPE_OK;
    case CACHE_UNLOCK: return reply->integer == 1 ? TROUPE_OK : absent(call);
    case CACHE_FORGET:
    case CACHE_DROP:
        if (reply->type != REDIS_REPLY_STRING)
            return error_set(&call->error, TROUPE_UNAVAILABLE,
                             "the cache's server gives no place to go on from");
        call->number = strtoll(reply->str, NULL, 10);
        break;
    case CACHE_SET:
    case CACHE_REMOVE: break;
    }
    return TROUPE_OK;
}

/* The last of a call's answers counts; of MULTI's parts an error does, which EXEC only says was. */
static void receive(struct cache_engine *engine, struct cache_call *call, int answers)
{
    void *reply = NULL;
    troupe_status failure = TROUPE_OK;

    for (int i = 0; i < answers && engine->redis; i++) {
        if (redisGetReply(engine->redis, &reply) != REDIS_OK) {
            lost(engine, engine->redis->errstr);
            break;
        }
        if (i + 1 == answers)
            call->status = failure < 0 ? failure : take(engine, call, reply);
        else if (failure >= 0 && ((redisReply *)reply)->type == REDIS_REPLY_ERROR)
            failure = refused(engine, call, reply);
        freeReplyObject(reply);
    }
    if (!engine->redis) {
        call->status = engine->away.status;
        call->error = engine->away;
    }
}

/* All that waits: sent in one piece, answered in order. */
static void run_all(struct cache_engine *engine, struct queue_item *items)
{
    size_t count = 0, n = 0;
    int *answers;

    for (struct queue_item *item = items; item; item = item->next)
        count++;
    answers = mem_zero(count, sizeof(*answers));
    if (connected(engine))
        for (struct queue_item *item = items; item; item = item->next)
            answers[n++] = send_call(engine, container_of(item, struct cache_call, link));
    n = 0;
    while (items) {
        struct cache_call *call = container_of(items, struct cache_call, link);

        items = items->next;
        receive(engine, call, answers[n++]);
        op_complete(call->op, TROUPE_OK, call);
    }
    mem_free(answers);
}

static void *run(void *arg)
{
    struct cache_engine *engine = arg;
    struct queue_item *items;

    while ((items = queue_take_all(&engine->queue, UINT64_MAX)))
        run_all(engine, items);
    return NULL;
}

static bool redis_run(struct cache_engine *engine, struct cache_call *call)
{
    (void)queue_push(&engine->queue, &call->link, NULL); /* bounded by cache.c, not closed */
    return false;
}

/* ---- opening -------------------------------------------------------------------------------- */

static troupe_status misunderstood(struct error *err)
{
    return error_set(err, TROUPE_ARGUMENT,
                     "the cache's url is not understood: write it as redis://HOST:PORT/DATABASE or "
                     "unix:/PATH, with the password beside it");
}

static troupe_status read_url(struct cache_engine *engine, const char *url, struct error *err)
{
    const char *end, *colon;
    char *rest = NULL;

    if (strncmp(url, "unix:/", 6) == 0) {
        engine->path = mem_strdup(url + 5);
        return TROUPE_OK;
    }
    if (strncmp(url, "redis://", 8) != 0 || strchr(url, '@'))
        return misunderstood(err);
    url += 8;
    end = url + strcspn(url, "/");
    colon = memchr(url, ':', (size_t)(end - url));
    engine->port = PORT;
    engine->host = mem_strndup(url, (size_t)((colon ? colon : end) - url));
    if (colon) {
        long port = strtol(colon + 1, &rest, 10);

        engine->port = port > 0 && port < 65536 && rest == end ? (int)port : 0;
    }
    if (*end && end[1]) {
        long database = strtol(end + 1, &rest, 10);

        engine->database = database >= 0 && database < 1000 && !*rest ? (int)database : -1;
    }
    return *engine->host && engine->port && engine->database >= 0 ? TROUPE_OK : misunderstood(err);
}

static void redis_close(struct cache_engine *engine)
{
    queue_close(&engine->queue);
    if (engine->thread)
        pthread_join(engine->thread, NULL);
    queue_clear(&engine->queue);
    redisFree(engine->redis);
    if (engine->password)
        explicit_bzero(engine->password, strlen(engine->password));
    mem_free(engine->password);
    mem_free(engine->prefix);
    mem_free(engine->host);
    mem_free(engine->path);
    mem_free(engine);
}

static troupe_status redis_open(const struct cache_options *options, struct cache_engine **ret,
                                struct error *err)
{
    struct cache_engine *engine = mem_zero(1, sizeof(*engine));
    troupe_status status = read_url(engine, options->url, err);

    engine->prefix = mem_strdup(options->prefix);
    engine->password =
        options->password && *options->password ? mem_strdup(options->password) : NULL;
    engine->answer.tv_sec = options->answer_ms / 1000;
    engine->answer.tv_usec = (options->answer_ms % 1000) * 1000;
    queue_init(&engine->queue, 0);
    if (status >= 0)
        status = store_thread_start(&engine->thread, run, engine, "cache", err);
    if (status < 0) {
        redis_close(engine);
        return status;
    }
    *ret = engine;
    return TROUPE_OK;
}

static void redis_stats(const struct cache_engine *engine, struct cache_stats *ret)
{
    ret->degraded = atomic_load(&engine->degraded);
}

const struct cache_driver cache_redis_driver = {
    .open = redis_open,
    .run = redis_run,
    .close = redis_close,
    .stats = redis_stats,
};
