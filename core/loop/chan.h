/* SPDX-License-Identifier: Apache-2.0
 *
 * A bounded channel of pointers between coroutines (and loop tasks) of one loop: the body of a
 * streamed response, the chunks of an answer. Closing carries a status: TROUPE_END for a good end.
 * Loop thread only; reference-counted, because either side may leave first.
 */
#ifndef LOOP_CHAN_H
#define LOOP_CHAN_H

#include "loop/co.h"

struct chan;

/* `free_item` (may be NULL) frees what nobody received. One reference for the caller. */
struct chan *chan_new(struct loop *loop, size_t capacity, void (*free_item)(void *item));
struct chan *chan_ref(struct chan *chan);
void chan_unref(struct chan *chan); /* NULL is fine */
/* Waits for room. NULL is no item. The item is the channel's on TROUPE_OK, still the caller's on failure; a closed
 * channel gives the status it was closed with. [waits] */
troupe_status chan_send(struct chan *chan, void *item, uint64_t deadline);
/* Without waiting: TROUPE_BUSY when full. Loop tasks may call it. */
troupe_status chan_try_send(struct chan *chan, void *item);
/* Items first, then the close status. [waits] */
troupe_status chan_recv(struct chan *chan, uint64_t deadline, void **ret_item);
/* First close wins. `status` is negative. What is inside can still be received. */
void chan_close(struct chan *chan, troupe_status status);
size_t chan_count(const struct chan *chan);
/* Called on the loop whenever a full channel gets room again (for back-pressure on a side thread). */
void chan_on_room(struct chan *chan, void (*room)(struct chan *chan, void *arg), void *arg);

#endif
