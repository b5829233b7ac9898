/* SPDX-License-Identifier: Apache-2.0
 *
 * Is linked to a library with state of its own.
 */
#include "fault.h"

const char *curl_version(void);

static troupe_status do_it(troupe_turn *turn)
{
    return troupe_reply(turn, "%s", curl_version());
}

FAULTY();
