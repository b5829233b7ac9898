/* SPDX-License-Identifier: Apache-2.0
 *
 * In which order the agents of a set are made, by what they declare to call (CORE-3).
 */
#ifndef PLUGIN_ORDER_H
#define PLUGIN_ORDER_H

#include "config/config.h"
#include "plugin/manifest.h"

struct plugin_order_agent {
    const char *name;
    const char *file; /* where its section stands, for problems */
    unsigned line;
    const struct plugin_manifest *manifest;
};

/*
 * Writes `count` indexes of `agents` to `ret_order`, each agent behind those whose functions it
 * declares to call ("call:NAME"), else in the order given. Its own functions are no need. A circle
 * is a problem that names it whole; a name that no agent provides is a warning. TROUPE_CONFIG for
 * a circle, with `ret_order` untouched.
 */
troupe_status plugin_order(const struct plugin_order_agent *agents, size_t count, size_t *ret_order,
                           struct config_problems *problems);

#endif
