/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer as a plan: the exact bytes that go onto the wire, when each piece goes, and how the
 * connection ends. Every fault is just another plan, so the part that plays it stays simple.
 */
#ifndef FAKE_PLAN_H
#define FAKE_PLAN_H

#include <stddef.h>
#include <stdint.h>

enum fake_end {
    FAKE_END_KEEP,  /* the next request may come  */
    FAKE_END_CLOSE, /* FIN                        */
    FAKE_END_RESET, /* RST                        */
    FAKE_END_HANG,  /* silent until the peer goes */
};

struct fake_step {
    uint32_t delay_ms; /* before it is sent             */
    char *data;
    size_t len;
    uint64_t repeat; /* sent so often; 0 counts as 1  */
};

struct fake_plan {
    struct fake_step *steps;
    size_t count, cap;
    enum fake_end end;
    int fault;                      /* whether it counts as one                             */
    uint64_t round;                 /* the round it answers; 0: none                        */
    uint64_t billed_in, billed_out; /* tokens that the answer costs once it has begun */
    size_t text_step;               /* of a round: the first step with a piece of its text  */
};

struct fake_plan *fake_plan_new(void);
void fake_plan_free(struct fake_plan *plan);
/* Copies `data`. The step, to set `repeat` on, is valid until the next call. */
struct fake_step *fake_plan_add(struct fake_plan *plan, uint32_t delay_ms, const void *data,
                                size_t len);
/* The same, framed as one chunk of Transfer-Encoding: chunked. */
struct fake_step *fake_plan_add_chunk(struct fake_plan *plan, uint32_t delay_ms, const void *data,
                                      size_t len);
/* Cuts every step into single bytes with `delay_ms` before each. */
void fake_plan_one_byte_a_time(struct fake_plan *plan, uint32_t delay_ms);

#endif
