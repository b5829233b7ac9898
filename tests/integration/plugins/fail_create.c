/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin that does not like its configuration and says why.
 */
#include <troupe/troupe.h>

static troupe_status create(troupe_host *host, void **ret_state)
{
    (void)ret_state;
    troupe_log(host, TROUPE_LOG_ERROR, "the moon is not full; wait for it");
    return TROUPE_CONFIG;
}

static troupe_status stage(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

TROUPE_PLUGIN("org.example.failcreate", "1.0.0", "Never made", .create = create, .stage = stage);
