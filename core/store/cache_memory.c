/* SPDX-License-Identifier: Apache-2.0
 *
 * The cache in this process's memory. What is over goes when it is asked for, and when room is needed:
 * first that, then the value that was used longest ago. Counters and locks are never put out before their
 * time, since they mean something by being there; where they take half of the memory, new ones are refused.
 */
#include "base/clock.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "store/cache_driver.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { OVERHEAD = 160 /* bytes of an entry beside its name and value, about */ };

struct entry {
    struct list_link link; /* in `values`, the last used in front, or in `kept` */
    char *name, *data;
    size_t len;
    uint64_t ends_ms;
    int64_t number;
    enum cache_kind kind; /* CACHE_SET, CACHE_ADD or CACHE_LOCK */
    char owner[CACHE_OWNER + 1];
};

struct cache_engine {
    struct map entries;
    struct list_link values, kept;
    size_t max_bytes, bytes, kept_bytes;
    uint64_t evicted;
};

static size_t size_of(const struct entry *entry)
{
    return OVERHEAD + 2 * strlen(entry->name) + entry->len;
}

static void drop(struct cache_engine *engine, struct entry *entry)
{
    (void)map_remove(&engine->entries, entry->name);
    list_remove(&entry->link);
    engine->bytes -= size_of(entry);
    if (entry->kind != CACHE_SET)
        engine->kept_bytes -= size_of(entry);
    mem_free(entry->name);
    mem_free(entry->data);
    mem_free(entry);
}

/* NULL: not there, or over. */
static struct entry *find(struct cache_engine *engine, const char *name)
{
    struct entry *entry = map_get(&engine->entries, name);

    if (!entry || entry->ends_ms > clock_ms())
        return entry;
    drop(engine, entry);
    return NULL;
}

static void drop_over(struct cache_engine *engine, struct list_link *list)
{
    uint64_t now = clock_ms();

    list_for_each_safe (link, list) {
        struct entry *entry = container_of(link, struct entry, link);

        if (entry->ends_ms <= now)
            drop(engine, entry);
    }
}

static bool make_room(struct cache_engine *engine, size_t size, bool keep)
{
    if (size > engine->max_bytes / 2)
        return false;
    if (keep && engine->kept_bytes + size > engine->max_bytes / 2) {
        drop_over(engine, &engine->kept);
        if (engine->kept_bytes + size > engine->max_bytes / 2)
            return false;
    }
    while (engine->bytes + size > engine->max_bytes && !list_empty(&engine->values)) {
        struct entry *last = container_of(engine->values.prev, struct entry, link);

        engine->evicted += last->ends_ms > clock_ms();
        drop(engine, last);
    }
    if (engine->bytes + size > engine->max_bytes)
        drop_over(engine, &engine->kept);
    return engine->bytes + size <= engine->max_bytes;
}

/* A new entry of the call's name; NULL where there is no room. */
static struct entry *add(struct cache_engine *engine, struct cache_call *call)
{
    size_t size = OVERHEAD + 2 * strlen(call->name) + call->len;
    bool keep = call->kind != CACHE_SET;
    struct entry *entry;

    if (!make_room(engine, size, keep)) {
        call->status = error_set(&call->error, TROUPE_BUSY,
                                 "the cache's memory is full: raise its size, or try again later");
        return NULL;
    }
    entry = mem_zero(1, sizeof(*entry));
    entry->name = mem_strdup(call->name);
    entry->data = call->data;
    entry->len = call->len;
    call->data = NULL;
    entry->kind = call->kind;
    memcpy(entry->owner, call->owner, sizeof(entry->owner));
    entry->ends_ms = clock_ms() + (uint64_t)call->life_ms;
    map_set(&engine->entries, entry->name, entry);
    list_prepend(keep ? &engine->kept : &engine->values, &entry->link);
    engine->bytes += size;
    engine->kept_bytes += keep ? size : 0;
    return entry;
}

static troupe_status absent(struct cache_call *call)
{
    return error_set(&call->error, TROUPE_NOT_FOUND, "no key \"%.80s\"", call->name);
}

/* A value was used. */
static void to_front(struct cache_engine *engine, struct entry *entry)
{
    list_remove(&entry->link);
    list_prepend(&engine->values, &entry->link);
}

static troupe_status get(struct cache_engine *engine, struct cache_call *call)
{
    struct entry *entry = find(engine, call->name);
    char text[24];

    if (!entry)
        return absent(call);
    if (call->kind == CACHE_LIFE) {
        call->number = (int64_t)(entry->ends_ms - clock_ms());
        return TROUPE_OK;
    }
    if (entry->kind == CACHE_SET)
        to_front(engine, entry);
    if (entry->kind != CACHE_ADD)
        return buf_append(&call->value, entry->data, entry->len);
    snprintf(text, sizeof(text), "%" PRId64, entry->number);
    return buf_puts(&call->value, text);
}

static troupe_status count(struct cache_engine *engine, struct cache_call *call)
{
    struct entry *entry = find(engine, call->name);

    if (!entry)
        entry = add(engine, call);
    if (!entry)
        return call->status;
    if (entry->kind != CACHE_ADD || __builtin_add_overflow(entry->number, call->by, &call->number))
        return error_set(&call->error, TROUPE_CONFLICT, "\"%.80s\" is no counter", call->name);
    entry->number = call->number;
    return TROUPE_OK;
}

static troupe_status unlock(struct cache_engine *engine, struct cache_call *call)
{
    struct entry *entry = find(engine, call->name);

    if (!entry || entry->kind != CACHE_LOCK || entry->len != call->len ||
        memcmp(entry->data, call->data, call->len) != 0)
        return absent(call);
    drop(engine, entry);
    return TROUPE_OK;
}

static bool is_same(const struct entry *entry, const struct cache_call *call)
{
    return entry && entry->kind == CACHE_SET && *call->owner && entry->len == call->len &&
           memcmp(entry->data, call->data, call->len) == 0;
}

static void forget_all(struct cache_engine *engine, struct cache_call *call)
{
    list_for_each_safe (link, &engine->values) {
        struct entry *entry = container_of(link, struct entry, link);

        if (call->kind == CACHE_DROP || strcmp(entry->owner, call->owner) == 0)
            drop(engine, entry);
    }
    call->number = 0;
}

static bool memory_run(struct cache_engine *engine, struct cache_call *call)
{
    struct entry *entry;

    call->status = TROUPE_OK;
    switch (call->kind) {
    case CACHE_SET:
    case CACHE_REMOVE:
        entry = find(engine, call->name);
        if (call->kind == CACHE_SET && is_same(entry, call)) {
            entry->ends_ms = clock_ms() + (uint64_t)call->life_ms;
            to_front(engine, entry);
            break;
        }
        if (entry)
            drop(engine, entry);
        if (call->kind == CACHE_SET)
            (void)add(engine, call);
        break;
    case CACHE_GET:
    case CACHE_LIFE: call->status = get(engine, call); break;
    case CACHE_ADD: call->status = count(engine, call); break;
    case CACHE_LOCK:
        if (find(engine, call->name))
            call->status =
                error_set(&call->error, TROUPE_CONFLICT, "\"%.80s\" is locked", call->name);
        else
            (void)add(engine, call);
        break;
    case CACHE_UNLOCK: call->status = unlock(engine, call); break;
    case CACHE_FORGET:
    case CACHE_DROP: forget_all(engine, call); break;
    }
    return true;
}

static troupe_status memory_open(const struct cache_options *options, struct cache_engine **ret,
                                 struct error *err)
{
    struct cache_engine *engine = mem_zero(1, sizeof(*engine));

    (void)err;
    engine->max_bytes = options->max_bytes;
    list_init(&engine->values);
    list_init(&engine->kept);
    *ret = engine;
    return TROUPE_OK;
}

static void memory_close(struct cache_engine *engine)
{
    list_for_each_safe (link, &engine->values)
        drop(engine, container_of(link, struct entry, link));
    list_for_each_safe (link, &engine->kept)
        drop(engine, container_of(link, struct entry, link));
    map_clear(&engine->entries);
    mem_free(engine);
}

static void memory_stats(const struct cache_engine *engine, struct cache_stats *ret)
{
    ret->entries = engine->entries.count;
    ret->bytes = engine->bytes;
    ret->evicted = engine->evicted;
}

const struct cache_driver cache_memory_driver = {
    .open = memory_open,
    .run = memory_run,
    .close = memory_close,
    .stats = memory_stats,
};
