/* SPDX-License-Identifier: Apache-2.0 */
#include "main/heap.h"

#include <malloc.h>

/* Rows and bodies are made on one thread and freed on another; with an arena for each thread the
 * heap frays a little with every message and the process grows for ever. Three stay flat: with fewer, the
 * loop and the threads of store and HTTP wait for each other at every turn.
 * What is large, as a member's picture, is mapped and goes back to the system when it is freed: else the
 * first of its size that is freed would have malloc keep the like in each of the three. Small blocks are joined
 * with their neighbours when they are freed: else each block above a kilobyte that is asked for joins all of
 * them first, and nearly every turn asks for some. */
void heap_keep_small(void)
{
#ifdef M_ARENA_MAX
    (void)mallopt(M_ARENA_MAX, 3);
    (void)mallopt(M_MMAP_THRESHOLD, 512 * 1024);
    (void)mallopt(M_TRIM_THRESHOLD, 1024 * 1024);
#endif
#ifdef M_MXFAST
    (void)mallopt(M_MXFAST, 0);
#endif
}
