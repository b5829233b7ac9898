/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/latch.h"

#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>

struct latch {
    atomic_uint refs;
    atomic_int state;     /* enum latch_state; changed under the lock */
    pthread_mutex_t lock; /* of what follows                          */
    void (*told)(void *arg);
    void *arg;
};

struct latch *latch_new(void)
{
    struct latch *latch = mem_zero(1, sizeof(*latch));

    atomic_init(&latch->refs, 1);
    pthread_mutex_init(&latch->lock, NULL);
    return latch;
}

struct latch *latch_ref(struct latch *latch)
{
    atomic_fetch_add(&latch->refs, 1);
    return latch;
}

void latch_unref(struct latch *latch)
{
    if (!latch || atomic_fetch_sub(&latch->refs, 1) > 1)
        return;
    pthread_mutex_destroy(&latch->lock);
    mem_free(latch);
}

static enum latch_state decide(struct latch *latch, enum latch_state state)
{
    pthread_mutex_lock(&latch->lock);
    if (latch_look(latch) == LATCH_SHUT) {
        atomic_store(&latch->state, state);
        if (latch->told)
            latch->told(latch->arg);
        latch->told = NULL;
    }
    pthread_mutex_unlock(&latch->lock);
    return latch_look(latch);
}

enum latch_state latch_open(struct latch *latch)
{
    return decide(latch, LATCH_OPEN);
}

enum latch_state latch_break(struct latch *latch)
{
    return decide(latch, LATCH_BROKEN);
}

/* Without the lock: who is told looks while that one still holds it. */
enum latch_state latch_look(struct latch *latch)
{
    return (enum latch_state)atomic_load(&latch->state);
}

enum latch_state latch_watch(struct latch *latch, void (*told)(void *arg), void *arg)
{
    enum latch_state state;

    pthread_mutex_lock(&latch->lock);
    state = latch_look(latch);
    latch->told = state == LATCH_SHUT ? told : NULL;
    latch->arg = arg;
    pthread_mutex_unlock(&latch->lock);
    return state;
}

void latch_unwatch(struct latch *latch)
{
    pthread_mutex_lock(&latch->lock);
    latch->told = NULL;
    pthread_mutex_unlock(&latch->lock);
}
