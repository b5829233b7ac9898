/* SPDX-License-Identifier: Apache-2.0 */
#include "base/map.h"

#include "base/hash.h"
#include "base/mem.h"

#include <string.h>
#include <sys/random.h>

/* From a random start: unpredictable from outside. Eight bytes at a time, as some keys are whole
 * statements of SQL. */
static uint64_t hash_of(const struct map *map, const char *key, size_t len)
{
    uint64_t hash = map->seed ^ HASH_START, word;

    for (; len >= sizeof(word); key += sizeof(word), len -= sizeof(word)) {
        memcpy(&word, key, sizeof(word));
        hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
        hash ^= hash >> 32;
    }
    return hash_finish(hash_add(hash, key, len));
}

void map_clear_with(struct map *map, void (*free_value)(void *value))
{
    for (size_t i = 0; i < map->count; i++) {
        mem_free(map->entries[i].key);
        if (free_value)
            free_value(map->entries[i].value);
    }
    mem_free(map->entries);
    mem_free(map->slots);
    memset(map, 0, sizeof(*map));
}

void map_clear(struct map *map)
{
    map_clear_with(map, NULL);
}

/* The slot that holds the key, or the free slot where it would go. */
static size_t slot_of(const struct map *map, const char *key, size_t len, uint64_t hash)
{
    size_t slot = hash & (map->slot_count - 1);

    while (map->slots[slot]) {
        const struct map_entry *entry = &map->entries[map->slots[slot] - 1];

        if (entry->hash == hash && entry->key_len == len && !memcmp(entry->key, key, len))
            break;
        slot = (slot + 1) & (map->slot_count - 1);
    }
    return slot;
}

static void rebuild(struct map *map, size_t slot_count)
{
    mem_free(map->slots);
    map->slots = mem_zero(slot_count, sizeof(*map->slots));
    map->slot_count = slot_count;
    for (size_t i = 0; i < map->count; i++) {
        const struct map_entry *entry = &map->entries[i];

        map->slots[slot_of(map, entry->key, entry->key_len, entry->hash)] = (uint32_t)i + 1;
    }
}

void *map_getn(const struct map *map, const char *key, size_t len)
{
    uint32_t index;

    if (!map->count)
        return NULL;
    index = map->slots[slot_of(map, key, len, hash_of(map, key, len))];
    return index ? map->entries[index - 1].value : NULL;
}

void *map_get(const struct map *map, const char *key)
{
    return map_getn(map, key, strlen(key));
}

void *map_setn(struct map *map, const char *key, size_t len, void *value)
{
    uint64_t hash;
    size_t slot;
    void *old = NULL;

    if (!map->seed) {
        if (getrandom(&map->seed, sizeof(map->seed), GRND_NONBLOCK) < 0)
            map->seed = (uintptr_t)map;
        map->seed |= 1;
    }
    if (map->count + 1 > map->slot_count / 2)
        rebuild(map, map->slot_count ? map->slot_count * 2 : 16);
    hash = hash_of(map, key, len);
    slot = slot_of(map, key, len, hash);
    if (map->slots[slot]) {
        old = map->entries[map->slots[slot] - 1].value;
        map->entries[map->slots[slot] - 1].value = value;
        return old;
    }
    if (map->count == map->cap) {
        map->cap = map->cap ? map->cap * 2 : 8;
        map->entries = mem_resize(map->entries, map->cap, sizeof(*map->entries));
    }
    map->entries[map->count] = (struct map_entry){mem_strndup(key, len), len, hash, value};
    map->slots[slot] = (uint32_t)++map->count;
    return NULL;
}

void *map_set(struct map *map, const char *key, void *value)
{
    return map_setn(map, key, strlen(key), value);
}

/* Frees the slot and moves up what would not be found past it any more, so that look-up meets no
 * tombstones and removal costs what look-up does. */
static void free_slot(struct map *map, size_t slot)
{
    size_t mask = map->slot_count - 1;

    for (size_t next = (slot + 1) & mask; map->slots[next]; next = (next + 1) & mask) {
        size_t home = map->entries[map->slots[next] - 1].hash & mask;

        if (((next - home) & mask) < ((next - slot) & mask))
            continue; /* it begins its way behind the free slot */
        map->slots[slot] = map->slots[next];
        slot = next;
    }
    map->slots[slot] = 0;
}

void *map_removen(struct map *map, const char *key, size_t len)
{
    size_t slot, index;
    const struct map_entry *last;
    void *value;

    if (!map->count)
        return NULL;
    slot = slot_of(map, key, len, hash_of(map, key, len));
    if (!map->slots[slot])
        return NULL;
    index = map->slots[slot] - 1;
    value = map->entries[index].value;
    free_slot(map, slot);
    mem_free(map->entries[index].key);
    if (index == --map->count)
        return value;
    last = &map->entries[map->count];
    map->slots[slot_of(map, last->key, last->key_len, last->hash)] = (uint32_t)index + 1;
    map->entries[index] = *last;
    return value;
}

void *map_remove(struct map *map, const char *key)
{
    return map_removen(map, key, strlen(key));
}
