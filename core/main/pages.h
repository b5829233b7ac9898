/* SPDX-License-Identifier: Apache-2.0
 *
 * The pages that the host shows to those who watch it, as [ops] says: /metrics, /health, /ready.
 * Loop thread.
 */
#ifndef MAIN_PAGES_H
#define MAIN_PAGES_H

#include "config/config.h"

struct host;
struct ops_http;

/* What is wrong with [ops]. */
troupe_status pages_check(const struct config *config, struct config_problems *problems);
/* `ret` NULL: [ops] says nothing, or this is a talk in a terminal. The host serves. */
troupe_status pages_open(struct host *host, struct ops_http **ret, struct error *err);

#endif
