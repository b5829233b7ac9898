/* SPDX-License-Identifier: Apache-2.0
 *
 * A binary heap whose nodes sit inside the elements: the first, adding, removing anywhere and moving
 * after a change, each in O(log n). The heap holds pointers only. A zeroed node is in no heap; a node
 * is in one heap at a time, so one place in an element may serve several heaps in turn.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct heap_node {
    size_t place; /* index + 1; 0: in no heap */
};

struct heap {
    struct heap_node **nodes;
    size_t count, cap;
    bool (*before)(const struct heap_node *a, const struct heap_node *b);
};

void heap_init(struct heap *heap,
               bool (*before)(const struct heap_node *a, const struct heap_node *b));
void heap_clear(struct heap *heap);                          /* the elements stay the caller's */
void heap_add(struct heap *heap, struct heap_node *node);    /* it is in no heap */
void heap_remove(struct heap *heap, struct heap_node *node); /* in no heap: nothing happens */
void heap_move(struct heap *heap, struct heap_node *node);   /* its order has changed */

static inline struct heap_node *heap_first(const struct heap *heap)
{
    return heap->count > 0 ? heap->nodes[0] : NULL;
}

#endif
