/* SPDX-License-Identifier: Apache-2.0 */
#include "base/heap.h"

#include "base/mem.h"

void heap_init(struct heap *heap,
               bool (*before)(const struct heap_node *a, const struct heap_node *b))
{
    *heap = (struct heap){.before = before};
}

void heap_clear(struct heap *heap)
{
    for (size_t i = 0; i < heap->count; i++)
        heap->nodes[i]->place = 0;
    mem_free(heap->nodes);
    *heap = (struct heap){.before = heap->before};
}

static void put(struct heap *heap, size_t i, struct heap_node *node)
{
    heap->nodes[i] = node;
    node->place = i + 1;
}

static size_t rise(struct heap *heap, size_t i)
{
    struct heap_node *node = heap->nodes[i];

    while (i > 0 && heap->before(node, heap->nodes[(i - 1) / 2])) {
        put(heap, i, heap->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    put(heap, i, node);
    return i;
}

static void sink(struct heap *heap, size_t i)
{
    struct heap_node *node = heap->nodes[i];

    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < heap->count && heap->before(heap->nodes[child + 1], heap->nodes[child]))
            child++;
        if (child >= heap->count || !heap->before(heap->nodes[child], node))
            break;
        put(heap, i, heap->nodes[child]);
        i = child;
    }
    put(heap, i, node);
}

void heap_add(struct heap *heap, struct heap_node *node)
{
    if (heap->count == heap->cap) {
        heap->cap = heap->cap ? heap->cap * 2 : 4;
        heap->nodes = mem_resize(heap->nodes, heap->cap, sizeof(struct heap_node *));
    }
    put(heap, heap->count, node);
    rise(heap, heap->count++);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    size_t i = node->place - 1;
    struct heap_node *last;

    if (node->place == 0)
        return;
    node->place = 0;
    last = heap->nodes[--heap->count];
    if (last == node)
        return;
    put(heap, i, last);
    sink(heap, rise(heap, i));
}

void heap_move(struct heap *heap, struct heap_node *node)
{
    sink(heap, rise(heap, node->place - 1));
}
