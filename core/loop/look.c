/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/look.h"

#include "base/clock.h"
#include "loop/internal.h"

void loop_look_init(struct loop_look *look, bool (*fn)(struct loop_look *look),
                    void (*missed)(struct loop_look *look))
{
    list_init(&look->link);
    look->look = fn;
    look->missed = missed;
}

void loop_look_start(struct loop *loop, struct loop_look *look)
{
    if (list_empty(&look->link))
        list_append(&loop->looks, &look->link);
}

void loop_look_stop(struct loop_look *look)
{
    list_remove(&look->link);
}

static bool look_once(const struct loop *loop)
{
    list_for_each (link, &loop->looks) {
        struct loop_look *look = container_of(link, struct loop_look, link);

        if (look->look(look))
            return true;
    }
    return false;
}

void loop_look_around(struct loop *loop)
{
    const uint64_t until = clock_ns() + (uint64_t)LOOP_LOOK_US * 1000;
    struct list_link *link;

    do {
        if (look_once(loop))
            return;
        /* What other threads post is not kept waiting. */
        if (atomic_load_explicit(&loop->inbox, memory_order_relaxed))
            return;
        look_relax();
    } while (clock_ns() < until);
    while ((link = list_pop(&loop->looks))) {
        struct loop_look *look = container_of(link, struct loop_look, link);

        look->missed(look);
    }
}
