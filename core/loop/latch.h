/* SPDX-License-Identifier: Apache-2.0
 *
 * A gate between threads that is opened once, or broken for good: what waits behind it goes on as soon
 * as something else is done, without a detour over the loop. So a request is made while the disk
 * works, and leaves when the commit that it must not overtake is there. Any thread; counted.
 */
#ifndef LOOP_LATCH_H
#define LOOP_LATCH_H

enum latch_state {
    LATCH_SHUT,
    LATCH_OPEN,
    LATCH_BROKEN, /* it will never open */
};

struct latch;

struct latch *latch_new(void); /* shut, with one reference */
struct latch *latch_ref(struct latch *latch);
void latch_unref(struct latch *latch); /* NULL is fine */

/* The first of these counts. What it is from now on. */
enum latch_state latch_open(struct latch *latch);
enum latch_state latch_break(struct latch *latch);
enum latch_state latch_look(struct latch *latch);

/* While it is shut, which is returned, `told` is called once by whoever opens or breaks it, on that
 * thread, and must touch no latch. One watches at a time. */
enum latch_state latch_watch(struct latch *latch, void (*told)(void *arg), void *arg);
/* `told` is not called any more once this has returned, and does not run. */
void latch_unwatch(struct latch *latch);

#endif
