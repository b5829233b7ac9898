/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands between cache.h and a driver: one call, whose answer is there at once or by an operation.
 * For drivers only.
 */
#ifndef STORE_CACHE_DRIVER_H
#define STORE_CACHE_DRIVER_H

#include "loop/op.h"
#include "loop/queue.h"
#include "store/cache.h"

enum cache_kind {
    CACHE_SET,
    CACHE_GET,
    CACHE_REMOVE,
    CACHE_LIFE,
    CACHE_ADD,
    CACHE_LOCK,
    CACHE_UNLOCK,
    CACHE_FORGET,
    CACHE_DROP /* every value, but no counter and no lock; goes on as CACHE_FORGET does */
};

/* Owns all it points at: its waiter may leave. */
struct cache_call {
    struct queue_item link;
    enum cache_kind kind;
    char *name; /* namespace, colon, key                    */
    char *data; /* of a value, or a lock's token            */
    size_t len;
    int64_t life_ms, by;
    char owner[CACHE_OWNER + 1]; /* of a value; "": nobody's. Of CACHE_FORGET: whose */
    struct op *op;
    /* The answer. */
    troupe_status status;
    struct error error;
    struct buf value;
    int64_t
        number; /* of CACHE_FORGET, CACHE_DROP: where to go on, 0 at the beginning and the end */
};

struct cache_engine; /* each driver's own */

struct cache_driver {
    troupe_status (*open)(const struct cache_options *options, struct cache_engine **ret,
                          struct error *err);
    /* True: it is answered. False: `op` is completed with the call as its result, once, later. */
    bool (*run)(struct cache_engine *engine, struct cache_call *call);
    void (*close)(struct cache_engine *engine);
    void (*stats)(const struct cache_engine *engine, struct cache_stats *ret);
};

extern const struct cache_driver cache_memory_driver;
extern const struct cache_driver cache_redis_driver; /* where HAVE_REDIS */

#endif
