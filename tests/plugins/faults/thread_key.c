/* SPDX-License-Identifier: Apache-2.0
 *
 * Leaves a destructor in the threads of the host.
 */
#include "fault.h"

#include <pthread.h>

static troupe_status do_it(troupe_turn *turn)
{
    pthread_key_t key;

    (void)turn;
    return pthread_key_create(&key, NULL) == 0 ? TROUPE_NEXT : TROUPE_FAILED;
}

FAULTY();
