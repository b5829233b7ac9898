/* SPDX-License-Identifier: Apache-2.0
 *
 * What a call of a declared function costs the host: three arguments of three types checked against
 * their declaration and passed through libffi. The baseline is the same C function called directly
 * by pointer with the same values. Both take turns in the same run; the median of each is printed.
 * Processor time counts, so that a neighbour does not.
 */
#include "plugin/function.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 15, CALLS = 400000, BOUND_NS = 100 };

static int64_t sum;

TROUPE_FUNCTION(mix, "Three arguments of three types", TROUPE_TOOL,
                TROUPE_INT(count, "How many", .min = 1, .max = 1000000),
                TROUPE_FLOAT(share, "Which part", .min = 0, .max = 1),
                TROUPE_STRING(text, "A text", .min = 1, .max = 200))
static troupe_status mix(troupe_turn *turn, int64_t count, double share, troupe_str text)
{
    (void)turn;
    sum += count + (int64_t)(share * 4) + (int64_t)text.len;
    return TROUPE_OK;
}

static uint64_t cpu_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *samples)
{
    qsort(samples, ROUNDS, sizeof(*samples), by_value);
    return samples[ROUNDS / 2];
}

static double time_prepared(const struct plugin_function *function, const troupe_value *values)
{
    uint64_t begun = cpu_ns();

    for (int i = 0; i < CALLS; i++)
        if (plugin_function_invoke(function, NULL, values, NULL, NULL) != TROUPE_OK)
            abort();
    return (double)(cpu_ns() - begun) / CALLS;
}

static double time_direct(const troupe_value *values)
{
    troupe_status (*volatile direct)(troupe_turn *, int64_t, double, troupe_str) = mix;
    uint64_t begun = cpu_ns();

    for (int i = 0; i < CALLS; i++)
        if (direct(NULL, values[0].u.i, values[1].u.f, values[2].u.s) != TROUPE_OK)
            abort();
    return (double)(cpu_ns() - begun) / CALLS;
}

int main(void)
{
    const troupe_value values[] = {
        {.type = TROUPE_TYPE_INT, .u.i = 42},
        {.type = TROUPE_TYPE_FLOAT, .u.f = 0.5},
        {.type = TROUPE_TYPE_STRING, .u.s = {"some text of a member", 21}}};
    double prepared[ROUNDS], direct[ROUNDS], ns, baseline;
    struct plugin_function function = {0};
    struct error err = {0};

    if (plugin_function_read(&mix_function_, "org.example.bench", &function, &err) < 0) {
        fprintf(stderr, "plugin_bench: %s\n", err.text);
        return EXIT_FAILURE;
    }
    for (int round = 0; round < ROUNDS; round++) {
        prepared[round] = time_prepared(&function, values);
        direct[round] = time_direct(values);
    }
    plugin_function_clear(&function);
    ns = median(prepared);
    baseline = median(direct);
    printf("bench call_libffi_3args %.1f ns baseline %.1f ratio %.1f\n", ns, baseline,
           ns / baseline);
    if (ns > BOUND_NS) {
        fprintf(stderr, "plugin_bench: a call takes %.1f ns, at most %d are allowed\n", ns,
                BOUND_NS);
        return EXIT_FAILURE;
    }
    return sum ? EXIT_SUCCESS : EXIT_FAILURE;
}
