/* SPDX-License-Identifier: Apache-2.0
 *
 * `--from-env`: what other bots are set up by, in the environment, as a plan. Each variable that is
 * known and set gets a line that says what became of it; values are never told. Pure but for the
 * environment it is given.
 */
#ifndef MAIN_INIT_ENV_H
#define MAIN_INIT_ENV_H

#include "main/init_plan.h"

/* `environment` is environ: "NAME=VALUE" up to NULL. What the plan has already stays. Lines go to
 * `told`, each with its newline. TROUPE_ARGUMENT: the value of a variable makes no sense. */
troupe_status init_env_import(struct init_plan *plan, const char *const *environment,
                              struct buf *told, struct error *err);

#endif
