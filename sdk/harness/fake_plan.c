/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_plan.h"

#include "fake_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_plan *fake_plan_new(void)
{
    return fake_alloc(sizeof(struct fake_plan));
}

void fake_plan_free(struct fake_plan *plan)
{
    if (!plan)
        return;
    for (size_t i = 0; i < plan->count; i++)
        free(plan->steps[i].data);
    free(plan->steps);
    free(plan);
}

static struct fake_step *append(struct fake_plan *plan)
{
    if (plan->count == plan->cap) {
        size_t cap = plan->cap ? plan->cap * 2 : 16;
        struct fake_step *steps = fake_alloc(cap * sizeof(*steps));

        if (plan->count)
            memcpy(steps, plan->steps, plan->count * sizeof(*steps));
        free(plan->steps);
        plan->steps = steps;
        plan->cap = cap;
    }
    plan->steps[plan->count] = (struct fake_step){0};
    return &plan->steps[plan->count++];
}

struct fake_step *fake_plan_add(struct fake_plan *plan, uint32_t delay_ms, const void *data,
                                size_t len)
{
    struct fake_step *step = append(plan);

    step->delay_ms = delay_ms;
    step->data = fake_alloc(len);
    step->len = len;
    if (len)
        memcpy(step->data, data, len);
    return step;
}

struct fake_step *fake_plan_add_chunk(struct fake_plan *plan, uint32_t delay_ms, const void *data,
                                      size_t len)
{
    struct fake_text framed = {0};
    struct fake_step *step;

    fake_text_printf(&framed, "%zx\r\n", len);
    fake_text_put(&framed, data, len);
    fake_text_puts(&framed, "\r\n");
    step = fake_plan_add(plan, delay_ms, framed.data, framed.len);
    fake_text_clear(&framed);
    return step;
}

void fake_plan_one_byte_a_time(struct fake_plan *plan, uint32_t delay_ms)
{
    struct fake_step *old = plan->steps;
    size_t count = plan->count;

    plan->steps = NULL;
    plan->count = plan->cap = 0;
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < old[i].len; j++)
            fake_plan_add(plan, delay_ms, old[i].data + j, 1);
        free(old[i].data);
    }
    free(old);
}
