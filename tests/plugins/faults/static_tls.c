/* SPDX-License-Identifier: Apache-2.0
 *
 * Takes storage of threads that cannot be given back.
 */
#include "fault.h"

static __thread int64_t counted __attribute__((tls_model("initial-exec")));

static troupe_status do_it(troupe_turn *turn)
{
    return troupe_reply(turn, "%lld", (long long)++counted);
}

FAULTY();
