/* SPDX-License-Identifier: Apache-2.0
 *
 * The orders that tests/plugins/hostile.c obeys, and what the trial's verdict says about each.
 */
#ifndef TESTS_HOSTILE_H
#define TESTS_HOSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct hostile {
    char kind;
    bool late;         /* it ends at the deadline                                    */
    bool memory;       /* a sanitizer's build has no limit on memory, which this needs */
    const char *cause; /* in the verdict                                             */
};

static const struct hostile hostiles[] = {
    {'s', false, false, "(signal SEGV)"},
    {'a', false, false, "(signal ABRT)"},
    {'x', false, false, "ended its process"},
    {'o', false, false, "(signal SEGV)"},
    {'p', true, false, "did not finish within"},
    {'d', true, false, "did not finish within"},
    {'m', false, true, "(signal ABRT)"},
    {'f', false, false, "(signal ABRT)"},
    {'t', false, false, "(signal ABRT)"},
    {'k', false, false, "(signal ABRT)"},
    {'e', false, false, "asked the system for what no plugin may"},
};

#define HOSTILE_COUNT (sizeof(hostiles) / sizeof(hostiles[0]))

/* Writes the order into the plugin's bytes: `phase` is 'e' while it is loaded, 'l' at create. False
 * when they have no place for it. */
static inline bool hostile_order(char *data, size_t size, char phase, char kind)
{
    static const char mark[] = "hostile-order:";
    char *at = memmem(data, size, mark, sizeof(mark) - 1);

    if (!at)
        return false;
    at[sizeof(mark) - 1] = phase;
    at[sizeof(mark)] = kind;
    return true;
}

#endif
