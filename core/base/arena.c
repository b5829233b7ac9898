/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include "base/mem.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Most arenas hold one event or one command. Their block is of a size that glibc keeps a list of for each
 * thread (up to 1,032 bytes), where what is larger is cut from the heap each time. */
enum { FIRST = 960, LATER = 4032 };

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(16) unsigned char data[];
};

void arena_clear(struct arena *arena)
{
    struct arena_block *block = arena->head;

    while (block) {
        struct arena_block *next = block->next;

        mem_free(block);
        block = next;
    }
    arena->head = NULL;
    arena->used = 0;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    struct arena_block *block = arena->head;
    size_t need = (size + 15) & ~(size_t)15;
    void *place;

    if (!block || block->size - block->used < need) {
        size_t room = block ? LATER : FIRST;

        if (room < need)
            room = need;

        block = mem_alloc(sizeof(*block) + room);
        block->next = arena->head;
        block->used = 0;
        block->size = room;
        arena->head = block;
    }
    place = block->data + block->used;
    block->used += need;
    arena->used += need;
    return memset(place, 0, need);
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
    char *copy = arena_alloc(arena, len + 1);

    if (len)
        memcpy(copy, text, len);
    return copy;
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_strndup(arena, text ? text : "", text ? strlen(text) : 0);
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    char *text;
    int n;

    va_start(args, format);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        n = 0;
    text = arena_alloc(arena, (size_t)n + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}
