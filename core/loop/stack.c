/* SPDX-License-Identifier: Apache-2.0
 *
 * The pool of guarded stacks.
 *
 * Stacks come in slabs of 64, each below a guard of 64 kB: that large, because aarch64 compilers
 * probe only in such steps and a frame of 40 kB jumped a guard of one page. Where the kernel has
 * MADV_GUARD_INSTALL (6.13) a slab is one mapping; elsewhere each guard is an mprotect and costs two
 * of vm.max_map_count, and when those are used up every mmap and every thread start of the process
 * fails. So there the cap is what leaves 5,000 mappings to the rest.
 *
 * MAP_NORESERVE keeps the address space out of the commit charge (not with overcommit_memory=2),
 * and MADV_NOHUGEPAGE keeps one touched page from costing 2 MB.
 *
 * A freed stack is reused last in, first out with its pages as they are: a page fault costs more
 * than everything else here. Beyond 256 the least recently used lose their pages by a timer.
 */
#include "base/mem.h"
#include "loop/internal.h"
#include "loop/sanitize.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Not in Debian 12's headers. */
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define MAPS_FOR_THE_REST 5000
#define TSAN_FIBERS_MAX   2000 /* gcc's runtime dies near 9,000 */

static bool injected(struct stacks *stacks)
{
    return stacks->fail_in > 0 && --stacks->fail_in == 0;
}

static size_t map_count_max(void)
{
    FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
    unsigned long count = 65530; /* the kernel's default */

    if (file) {
        if (fscanf(file, "%lu", &count) != 1)
            count = 65530;
        fclose(file);
    }
    return count;
}

static bool kernel_has_guards(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    void *probe = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    bool works;

    if (probe == MAP_FAILED)
        return false;
    works = madvise(probe, page, MADV_GUARD_INSTALL) == 0;
    munmap(probe, page);
    return works;
}

void stacks_init(struct stacks *stacks, size_t stack_size, size_t max)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    memset(stacks, 0, sizeof(*stacks));
    list_init(&stacks->hot);
    list_init(&stacks->cold);
    stacks->stack_size = (stack_size + page - 1) / page * page;
    stacks->guard_by_madvise = kernel_has_guards();
    if (!stacks->guard_by_madvise) {
        size_t maps = map_count_max();
        size_t most = maps > MAPS_FOR_THE_REST + 2 ? (maps - MAPS_FOR_THE_REST) / 2 : 1;

        if (max > most)
            max = most;
    }
#ifdef LOOP_TSAN
    if (max > TSAN_FIBERS_MAX)
        max = TSAN_FIBERS_MAX;
#endif
    stacks->max = max;
}

void stacks_clear(struct stacks *stacks)
{
    struct slab *next;

    for (struct slab *slab = stacks->slabs; slab; slab = next) {
        next = slab->next;
        for (unsigned i = 0; i < slab->carved; i++) {
            if (slab->cos[i].state == CO_ABANDONED)
                fiber_release(&slab->cos[i].fiber);
            fiber_clear(&slab->cos[i].fiber);
        }
        munmap(slab->map, slab->map_size);
        mem_free(slab);
    }
    stacks->slabs = NULL;
}

static troupe_status slab_add(struct stacks *stacks)
{
    size_t size = STACK_SLAB_COUNT * (STACK_GUARD_SIZE + stacks->stack_size);
    struct slab *slab;
    void *map;

    if (injected(stacks))
        return TROUPE_NOMEM;
    map = mmap(NULL, size, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (map == MAP_FAILED)
        return TROUPE_NOMEM;
    slab = mem_try(sizeof(*slab));
    if (!slab) {
        munmap(map, size);
        return TROUPE_NOMEM;
    }
    /* Fails on kernels without huge pages, where it is not needed. */
    (void)madvise(map, size, MADV_NOHUGEPAGE);
    memset(slab, 0, sizeof(*slab));
    slab->map = map;
    slab->map_size = size;
    slab->next = stacks->slabs;
    stacks->slabs = slab;
    return TROUPE_OK;
}

static troupe_status guard(struct stacks *stacks, char *at)
{
    if (injected(stacks))
        return TROUPE_NOMEM;
    /* A locked mapping (mlockall) cannot have guards of the new kind: the old one is tried then. */
    if (stacks->guard_by_madvise && madvise(at, STACK_GUARD_SIZE, MADV_GUARD_INSTALL) == 0)
        return TROUPE_OK;
    return mprotect(at, STACK_GUARD_SIZE, PROT_NONE) == 0 ? TROUPE_OK : TROUPE_NOMEM;
}

/* The next stack of the newest slab. */
static troupe_status carve(struct stacks *stacks, struct co **ret)
{
    struct slab *slab;
    struct co *co;
    char *at;

    if (!stacks->slabs || stacks->slabs->carved == STACK_SLAB_COUNT) {
        troupe_status status = slab_add(stacks);

        if (status != TROUPE_OK)
            return status;
    }
    slab = stacks->slabs;
    at = slab->map + slab->carved * (STACK_GUARD_SIZE + stacks->stack_size);
    if (guard(stacks, at) != TROUPE_OK)
        return TROUPE_NOMEM;
    co = &slab->cos[slab->carved];
    co->slab = slab;
    co->fiber.stack = at + STACK_GUARD_SIZE;
    co->fiber.stack_size = stacks->stack_size;
    list_init(&co->member);
    list_init(&co->queued);
    list_init(&co->parked);
    fiber_init(&co->fiber);
    slab->carved++;
    *ret = co;
    return TROUPE_OK;
}

troupe_status stacks_take(struct stacks *stacks, struct co **ret)
{
    struct co *co;

    if (stacks->used >= stacks->max)
        return TROUPE_LIMIT;
    if (!list_empty(&stacks->hot)) {
        co = container_of(list_pop(&stacks->hot), struct co, queued);
        stacks->hot_count--;
    } else if (!list_empty(&stacks->cold)) {
        co = container_of(list_pop(&stacks->cold), struct co, queued);
        stacks->cold_count--;
    } else {
        troupe_status status = carve(stacks, &co);

        if (status != TROUPE_OK)
            return status;
    }
    stacks->used++;
    if (!co->entered)
        fiber_make(&co->fiber, co_entry, co);
    *ret = co;
    return TROUPE_OK;
}

void stacks_put(struct stacks *stacks, struct co *co)
{
    co->state = CO_FREE;
    list_prepend(&stacks->hot, &co->queued);
    stacks->hot_count++;
    stacks->used--;
}

bool stacks_trim(struct stacks *stacks)
{
    for (int i = 0; i < STACK_TRIM_AT_ONCE && stacks->hot_count > STACK_HOT_MAX; i++) {
        struct co *co = container_of(stacks->hot.prev, struct co, queued);

        list_remove(&co->queued);
        stacks->hot_count--;
        (void)madvise(co->fiber.stack, co->fiber.stack_size, MADV_DONTNEED);
        co->entered = false; /* its entry loop went with the pages */
        list_prepend(&stacks->cold, &co->queued);
        stacks->cold_count++;
    }
    return stacks->hot_count > STACK_HOT_MAX;
}

const struct co *stacks_find(const struct stacks *stacks, const void *address, bool *ret_guard)
{
    const char *at = address;

    for (const struct slab *slab = stacks->slabs; slab; slab = slab->next) {
        size_t offset, step = STACK_GUARD_SIZE + stacks->stack_size;

        if (at < slab->map || at >= slab->map + slab->map_size)
            continue;
        offset = (size_t)(at - slab->map);
        if (offset / step >= slab->carved)
            return NULL;
        *ret_guard = offset % step < STACK_GUARD_SIZE;
        return &slab->cos[offset / step];
    }
    return NULL;
}

size_t co_stack_used(const struct co *co)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char present[256];

    if (!co)
        co = co_self();
    if (!co)
        return 0;
    for (size_t done = 0; done < co->fiber.stack_size; done += sizeof(present) * page) {
        size_t left = co->fiber.stack_size - done;
        size_t pages = (left / page < sizeof(present)) ? left / page : sizeof(present);

        if (mincore(co->fiber.stack + done, pages * page, present) != 0)
            return 0;
        for (size_t i = 0; i < pages; i++)
            if (present[i] & 1)
                return left - i * page;
    }
    return 0;
}
