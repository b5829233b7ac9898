/* SPDX-License-Identifier: Apache-2.0
 *
 * What the runner tells of a plugin's table when it is asked to look (trial.h): the figures that a
 * check compares. The first half is told before the declaration is read, so that it is there when
 * that is refused. For the runner only: the table is a stranger's, and reading it may crash.
 */
#ifndef PLUGIN_LOOK_H
#define PLUGIN_LOOK_H

#include "plugin/agent.h"

/* {"size", "minor", "id", "version"}; texts only where the table is long enough to have them. */
json_t *plugin_look_table(const troupe_plugin *table);
/* {"capabilities": […], "endpoints": n, "functions": [{"name", "size"}]} */
json_t *plugin_look_manifest(const troupe_plugin *table, const struct plugin_manifest *manifest);
/*
 * Values of a section that sets nothing. TROUPE_NOT_FOUND where a key is required, so that there is
 * no such section.
 */
troupe_status plugin_look_defaults(const struct plugin_manifest *manifest,
                                   struct plugin_values *ret);

#endif
