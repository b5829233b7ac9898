/* SPDX-License-Identifier: Apache-2.0
 *
 * A hash map from byte strings to pointers; keys are copied, values stay the caller's. The hash is
 * keyed with a random seed, since members choose some of the keys. Iteration is in insertion order
 * until the first removal. A zeroed struct is an empty map.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_entry {
    char *key; /* NUL-terminated copy */
    size_t key_len;
    uint64_t hash;
    void *value;
};

struct map {
    struct map_entry *entries; /* dense */
    uint32_t *slots;           /* index + 1 into entries, 0 = free */
    size_t count, cap, slot_count;
    uint64_t seed;
};

void map_clear(struct map *map); /* values are not freed */
void map_clear_with(struct map *map, void (*free_value)(void *value));
void *map_get(const struct map *map, const char *key);
void *map_getn(const struct map *map, const char *key, size_t len);
/* Returns the value that stood there before, or NULL. */
void *map_set(struct map *map, const char *key, void *value);
void *map_setn(struct map *map, const char *key, size_t len, void *value);
/* Removes and returns the value, or NULL. */
void *map_remove(struct map *map, const char *key);
void *map_removen(struct map *map, const char *key, size_t len);

#define map_for_each(entry, map)                                                                   \
    for (struct map_entry *entry = (map)->entries; entry && entry < (map)->entries + (map)->count; \
         entry++)

#endif
