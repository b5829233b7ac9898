/* SPDX-License-Identifier: Apache-2.0
 *
 * What build.c needs of find.c and set.c.
 */
#ifndef PLUGIN_BUILD_H
#define PLUGIN_BUILD_H

#include "plugin/set.h"

/* The file of a section's plugin, with the isolation rule applied; problems are reported at the
 * place that has to change. `ret` is the caller's. Looks at files: on a worker. */
troupe_status plugin_find_file(const struct plugin_manager *manager, const struct config *config,
                               const struct config_section *section, char **ret, bool *ret_isolated,
                               struct config_problems *problems);

/* Where what blocks is done; NULL, with a sentence, when no thread can be started. */
struct pool *plugin_manager_pool(struct plugin_manager *manager, struct error *err);

/* A set without agents, pinned once; it takes its own reference on `config`. */
struct plugin_set *plugin_set_new(struct plugin_manager *manager, struct config *config);
/* Takes a reference on the agent. */
void plugin_set_add(struct plugin_set *set, struct plugin_agent *agent);
/* The order in which the agents were made, `agent_count` indexes; that of adding them without. */
void plugin_set_order(struct plugin_set *set, const size_t *order);
/* Fills the tables of names once all agents are there. */
troupe_status plugin_set_index(struct plugin_set *set, struct config_problems *problems);

#endif
