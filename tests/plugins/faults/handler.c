/* SPDX-License-Identifier: Apache-2.0
 *
 * Handles a signal.
 */
#include "fault.h"

#include <signal.h>

static void ignore(int number)
{
    (void)number;
}

static troupe_status do_it(troupe_turn *turn)
{
    const struct sigaction action = {.sa_handler = ignore};

    (void)turn;
    return sigaction(SIGUSR1, &action, NULL) == 0 ? TROUPE_NEXT : TROUPE_FAILED;
}

FAULTY();
