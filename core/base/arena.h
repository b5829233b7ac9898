/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that is given back all at once: a turn, a parsed config, a plugin's manifest. A zeroed
 * struct is an empty arena. One thread at a time.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stddef.h>

struct arena {
    struct arena_block *head;
    size_t used; /* bytes handed out, for limits and accounting */
};

void arena_clear(struct arena *arena);
void *arena_alloc(struct arena *arena, size_t size); /* 16-byte aligned, zeroed */
char *arena_strdup(struct arena *arena, const char *text);
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
