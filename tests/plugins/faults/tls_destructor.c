/* SPDX-License-Identifier: Apache-2.0
 *
 * Has code run when a thread ends, as C++ does for thread-local objects.
 */
#include "fault.h"

int __cxa_thread_atexit_impl(void (*fn)(void *), void *object, void *image);

static void destroy(void *object)
{
    (void)object;
}

static troupe_status do_it(troupe_turn *turn)
{
    return __cxa_thread_atexit_impl(destroy, turn, turn) == 0 ? TROUPE_NEXT : TROUPE_FAILED;
}

FAULTY();
