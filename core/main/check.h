/* SPDX-License-Identifier: Apache-2.0
 *
 * The rules of `troupe check` on a loop of their own, for subcommands that want their outcome.
 */
#ifndef MAIN_CHECK_H
#define MAIN_CHECK_H

#include "main/host.h"

/* Everything up to the plugins' trial; nothing is started and nothing written. The configuration is
 * the caller's. On TROUPE_CONFIG `problems` tells. */
troupe_status check_config(const struct host_options *options, struct config_problems *problems,
                           struct config **ret);

#endif
