/* SPDX-License-Identifier: Apache-2.0
 *
 * Starts a thread.
 */
#include "fault.h"

#include <pthread.h>

static void *work(void *arg)
{
    return arg;
}

static troupe_status do_it(troupe_turn *turn)
{
    pthread_t thread;

    return pthread_create(&thread, NULL, work, turn) == 0 ? TROUPE_NEXT : TROUPE_FAILED;
}

FAULTY();
