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

struct figures;
struct host;

/* The store is open. [waits] */
troupe_status figures_open(struct host *host, struct figures **ret, struct error *err);
void figures_free(struct figures *figures); /* NULL is fine */
/* For engine_options.ended. */
void figures_turn(void *figures, const struct turn_figures *turn);
/* All of them as Prometheus reads them. [waits] for the store, at most FIGURES_STORE_MS. */
#define FIGURES_STORE_MS 1000
void figures_print(struct figures *figures, struct buf *out);

#endif
