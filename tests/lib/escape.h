/* SPDX-License-Identifier: Apache-2.0
 *
 * Ways out of a sandbox, each tried by one function. They use the C library only, so that a plugin
 * can carry them. None does harm where it succeeds, which it does outside.
 */
#ifndef TESTS_ESCAPE_H
#define TESTS_ESCAPE_H

#include <stdbool.h>
#include <stddef.h>

/* Flags. */
#define ESCAPE_FATAL  0x1u /* may end the process instead of failing             */
#define ESCAPE_ALWAYS 0x2u /* works for every user of every Linux system outside */

struct escape {
    const char *name;
    /* 0 when it worked, else the errno. One that was not stopped but failed for another reason
     * (no such file, no socket) has reached what it must not reach. */
    int (*run)(void);
    unsigned flags;
};

extern const struct escape escapes[];
extern const size_t escape_count;

/* Whether an outcome of `run` means that it was stopped. */
bool escape_denied(int outcome);

#endif
