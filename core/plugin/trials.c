/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/trials.h"

#include <stdio.h>
#include <string.h>

bool plugin_trials_hold(const struct plugin_trials *trials, const char *key)
{
    for (size_t i = 0; i < PLUGIN_TRIALS_KEPT; i++)
        if (!strcmp(trials->keys[i], key))
            return true;
    return false;
}

void plugin_trials_keep(struct plugin_trials *trials, const char *key)
{
    snprintf(trials->keys[trials->next], sizeof(trials->keys[0]), "%s", key);
    trials->next = (trials->next + 1) % PLUGIN_TRIALS_KEPT;
}
