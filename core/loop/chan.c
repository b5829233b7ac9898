/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/chan.h"

#include "base/mem.h"
#include "loop/internal.h"

struct chan {
    struct loop *loop;
    size_t references, capacity, first, count;
    troupe_status closed; /* TROUPE_OK: open */
    void (*free_item)(void *item);
    void (*room)(struct chan *chan, void *arg);
    void *room_arg;
    struct list_link senders, receivers; /* waiting coroutines, first come first */
    void *items[];
};

struct chan *chan_new(struct loop *loop, size_t capacity, void (*free_item)(void *item))
{
    struct chan *chan;
    size_t size;

    LOOP_CHECK(capacity > 0 && size_mul(capacity, sizeof(void *), &size) &&
                   size_add(size, sizeof(*chan), &size),
               "a channel needs a capacity that fits into memory");
    chan = mem_zero(1, size);
    chan->loop = loop;
    chan->references = 1;
    chan->capacity = capacity;
    chan->free_item = free_item;
    list_init(&chan->senders);
    list_init(&chan->receivers);
    return chan;
}

struct chan *chan_ref(struct chan *chan)
{
    chan->references++;
    return chan;
}

static void *take(struct chan *chan)
{
    void *item = chan->items[chan->first];

    chan->first = (chan->first + 1) % chan->capacity;
    chan->count--;
    return item;
}

void chan_unref(struct chan *chan)
{
    if (!chan || --chan->references > 0)
        return;
    while (chan->count > 0) {
        void *item = take(chan);

        if (chan->free_item)
            chan->free_item(item);
    }
    mem_free(chan);
}

static void wake_first(struct list_link *waiting)
{
    if (!list_empty(waiting))
        co_wake(container_of(waiting->next, struct co, parked), TROUPE_OK);
}

troupe_status chan_try_send(struct chan *chan, void *item)
{
    if (chan->closed != TROUPE_OK)
        return chan->closed;
    if (chan->count == chan->capacity)
        return TROUPE_BUSY;
    chan->items[(chan->first + chan->count) % chan->capacity] = item;
    chan->count++;
    wake_first(&chan->receivers);
    return TROUPE_OK;
}

/* Waits in `list`; who has waited before goes to its head, so that nobody is overtaken twice. */
static troupe_status wait_in(struct list_link *list, bool again, uint64_t deadline)
{
    struct co *self = co_must_self();

    if (again)
        list_prepend(list, &self->parked);
    else
        list_append(list, &self->parked);
    return co_suspend(self, deadline, co_unpark, NULL);
}

troupe_status chan_send(struct chan *chan, void *item, uint64_t deadline)
{
    troupe_status status = co_refuse_wait(co_must_self());

    for (bool again = false; status == TROUPE_OK; again = true) {
        /* A newcomer queues behind those who wait already. */
        if (again || list_empty(&chan->senders) || chan->closed != TROUPE_OK) {
            status = chan_try_send(chan, item);
            if (status != TROUPE_BUSY)
                return status;
        }
        status = wait_in(&chan->senders, again, deadline);
    }
    return status;
}

troupe_status chan_recv(struct chan *chan, uint64_t deadline, void **ret_item)
{
    troupe_status status = co_refuse_wait(co_must_self());

    for (bool again = false; status == TROUPE_OK; again = true) {
        if (chan->count > 0 && (again || list_empty(&chan->receivers))) {
            bool was_full = chan->count == chan->capacity;

            *ret_item = take(chan);
            wake_first(&chan->senders);
            if (was_full && chan->closed == TROUPE_OK && chan->room)
                chan->room(chan, chan->room_arg);
            /* The wake that a second item gave may have gone to somebody already ready. */
            if (chan->count > 0)
                wake_first(&chan->receivers);
            return TROUPE_OK;
        }
        if (chan->count == 0 && chan->closed != TROUPE_OK)
            return chan->closed;
        status = wait_in(&chan->receivers, again, deadline);
    }
    return status;
}

void chan_close(struct chan *chan, troupe_status status)
{
    LOOP_CHECK(status < 0, "a channel is closed with a negative status");
    if (chan->closed != TROUPE_OK)
        return;
    chan->closed = status;
    while (!list_empty(&chan->senders))
        wake_first(&chan->senders);
    while (!list_empty(&chan->receivers))
        wake_first(&chan->receivers);
}

size_t chan_count(const struct chan *chan)
{
    return chan->count;
}

void chan_on_room(struct chan *chan, void (*room)(struct chan *chan, void *arg), void *arg)
{
    chan->room = room;
    chan->room_arg = arg;
}
