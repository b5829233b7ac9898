/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's figures: each turn is counted and logged as it ends, everything else is read from its
 * owner when somebody asks. Loop thread.
 */
#ifndef MAIN_FIGURES_H
#define MAIN_FIGURES_H

#include "base/buf.h"
#include "base/error.h"
#include "turn/engine.h"

#include <jansson.h>

struct figures;
struct host;

/* The store is open. [waits] */
troupe_status figures_open(struct host *host, struct figures **ret, struct error *err);
void figures_free(struct figures *figures); /* NULL is fine */
/* For engine_options.ended. */
void figures_turn(void *figures, const struct turn_figures *turn);
/* The agents of a set that was published may have figures of their own. */
void figures_take(struct figures *figures, const struct plugin_set *set);
/* For engine_options.measured. */
void figures_measured(void *figures, const struct plugin_agent *agent, size_t index,
                      const char *const *labels, double value);
/* Those of agents, as agent_figures_json. */
json_t *figures_agents(const struct figures *figures);
/* All of them as Prometheus reads them. [waits] for the store, at most FIGURES_STORE_MS. */
#define FIGURES_STORE_MS 1000
void figures_print(struct figures *figures, struct buf *out);

#endif
