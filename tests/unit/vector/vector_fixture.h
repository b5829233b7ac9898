/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers that look random and are always the same.
 */
#ifndef TESTS_VECTOR_FIXTURE_H
#define TESTS_VECTOR_FIXTURE_H

#include "tap.h"

#include "base/mem.h"
#include "store/vector_kernel.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline uint64_t next_random(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* About normal: mean 0, deviation 1. */
static inline float next_normal(uint64_t *seed)
{
    double sum = 0;

    for (int i = 0; i < 4; i++)
        sum += (double)(next_random(seed) >> 11) / 9007199254740992.0 - 0.5;
    return (float)(sum * 1.7320508);
}

static inline void fill_random(uint64_t *seed, float *values, size_t dim)
{
    for (size_t i = 0; i < dim; i++)
        values[i] = next_normal(seed);
}

#endif
