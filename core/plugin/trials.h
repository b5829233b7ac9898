/* SPDX-License-Identifier: Apache-2.0
 *
 * Trials that were passed in this process, by key (plugin_trial_key): the same bytes with the same
 * config need no second one. What a trial cannot see (the state of a file that the config names, a
 * secret) may differ; then create in the host refuses. The last PLUGIN_TRIALS_KEPT are known.
 */
#ifndef PLUGIN_TRIALS_H
#define PLUGIN_TRIALS_H

#include "plugin/copy.h"

#define PLUGIN_TRIALS_KEPT 256

/* A zeroed struct knows none. */
struct plugin_trials {
    char keys[PLUGIN_TRIALS_KEPT][PLUGIN_BUILD_ID_LEN + 1];
    size_t next;
};

bool plugin_trials_hold(const struct plugin_trials *trials, const char *key);
/* Forgets the oldest one where there are too many. */
void plugin_trials_keep(struct plugin_trials *trials, const char *key);

#endif
