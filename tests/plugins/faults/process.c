/* SPDX-License-Identifier: Apache-2.0
 *
 * Sets the locale of the whole process.
 */
#include "fault.h"

#include <locale.h>

static troupe_status do_it(troupe_turn *turn)
{
    (void)turn;
    return setlocale(LC_ALL, "C") ? TROUPE_NEXT : TROUPE_FAILED;
}

FAULTY();
