/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/limits_share.h"

#include "base/mem.h"
#include "store/cache.h"
#include "turn/engine_private.h"
#include "turn/owner.h"

#include <string.h>

struct telling {
    struct engine *engine;
    char *key;
    uint64_t window_ms;
};

static void telling_free(struct telling *telling)
{
    telling->engine->telling--;
    mem_free(telling->key);
    mem_free(telling);
}

/* The key is a hash: it has a member's id in it. The server's window begins with the first use in it, so its count
 * is never above what a window up to now has. */
static troupe_status tell(void *arg)
{
    struct telling *telling = arg;
    struct engine *engine = telling->engine;
    char hash[CACHE_OWNER + 1];
    _cleanup_mem_ char *name = NULL;
    struct error err;
    int64_t count = 0;

    if (turn_owner(telling->key, hash)) {
        name = mem_printf("limit.%s", hash);
        if (cache_add(engine->cache, "core", name, 1, (int64_t)telling->window_ms, 0, &count,
                      &err) == TROUPE_OK)
            turn_limits_raise(&engine->limits, telling->key, count, telling->window_ms,
                              loop_now(engine->loop));
    }
    telling_free(telling);
    return TROUPE_OK;
}

void turn_limits_share(struct engine *engine, const char *key, uint64_t window_ms)
{
    static const struct co_owner owner = {"core:limits", 0};
    struct telling *telling;

    if (!engine->cache || !cache_is_shared(engine->cache) || engine->closing ||
        engine->telling >= TURN_LIMITS_TELLING)
        return;
    telling = mem_zero(1, sizeof(*telling));
    telling->engine = engine;
    telling->key = mem_strdup(key);
    telling->window_ms = window_ms;
    engine->telling++;
    if (co_spawn(&engine->scope, &owner, tell, telling) != TROUPE_OK)
        telling_free(telling);
}
