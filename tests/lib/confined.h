/* SPDX-License-Identifier: Apache-2.0
 *
 * Runs one way out in a child that confined itself as a trial does.
 */
#ifndef TESTS_CONFINED_H
#define TESTS_CONFINED_H

#include "escape.h"
#include "plugin/sandbox.h"

/* Modes, beside PLUGIN_SANDBOX_NO_LANDLOCK. */
#define CONFINED_NOT   0x100u /* outside, to know that it is a way                 */
#define CONFINED_FIRST 0x200u /* only the filter under which libraries are mapped  */

struct confined {
    bool ran;    /* false: the child could not be made or confined, or ended otherwise than told */
    bool killed; /* by the filter                                                                */
    int outcome; /* of escape->run; EPERM when it was killed                                     */
    char text[ERROR_TEXT_MAX + 32]; /* why it did not run */
};

/* `files` as for plugin_sandbox_first. */
struct confined confined_run(unsigned mode, const char *const *files, size_t count,
                             const struct escape *escape);

#endif
