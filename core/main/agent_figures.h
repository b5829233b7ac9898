/* SPDX-License-Identifier: Apache-2.0
 *
 * Figures that agents declare for themselves: a table for each agent, named after it. A reload keeps the values
 * of what is declared as before. Loop thread.
 */
#ifndef MAIN_AGENT_FIGURES_H
#define MAIN_AGENT_FIGURES_H

#include "base/buf.h"
#include "base/map.h"

#include <jansson.h>
#include <stddef.h>

struct plugin_agent;
struct plugin_set;

/* A zeroed struct is empty. */
struct agent_figures {
    struct map agents; /* name -> struct agent_table of agent_figures.c */
};
void agent_figures_clear(struct agent_figures *figures);

/* From now on those of the set's agents. */
void agent_figures_take(struct agent_figures *figures, const struct plugin_set *set);
/* A value of the agent's metric `index`. */
void agent_figures_note(struct agent_figures *figures, const struct plugin_agent *agent,
                        size_t index, const char *const *labels, double value);
void agent_figures_print(const struct agent_figures *figures, struct buf *out);
/* {AGENT: {METRIC: number, or {LABELS: number}}}, without what nobody has counted yet. */
json_t *agent_figures_json(const struct agent_figures *figures);

#endif
