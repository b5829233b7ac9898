/* SPDX-License-Identifier: Apache-2.0
 *
 * The checks of a Discord token that `troupe init` and `troupe doctor` share, with the sentences for
 * who reads them.
 */
#ifndef MAIN_PREFLIGHT_H
#define MAIN_PREFLIGHT_H

#include "base/buf.h"
#include "config/config.h"
#include "gateway/discord/preflight.h"

/* What keys of [discord] and [http] say about how Discord is reached; any may be NULL. */
struct preflight {
    const struct config *config; /* the core's own sections                             */
    const char *token;
    bool gateway; /* ask for the gateway, too                                            */
    void (*signaled)(void *arg, int signal_number); /* as in solo.h                 */
    void *signal_arg;
    /* Filled in. */
    struct discord_preflight found;
    troupe_status account, door;            /* of the account, and of the gateway        */
    struct error account_error, door_error; /* where those are negative                  */
};

/* Asks, on a loop of its own. The statuses tell the outcome. */
void preflight_run(struct preflight *preflight);
/* A line for each privileged intent that would help and is not switched on, with what works
 * without it and where the switch is. Nothing where all is well. */
void preflight_intents(const struct config *config, const struct discord_preflight *found,
                       struct buf *out);

#endif
