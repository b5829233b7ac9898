/* SPDX-License-Identifier: Apache-2.0
 *
 * Who hears of the marks of a cap: the log and the turn's trace of all of them, the bot's owner of those of the
 * bot and its agents. Loop thread.
 */
#ifndef TURN_BUDGET_TELL_H
#define TURN_BUDGET_TELL_H

#include "turn/budget_warn.h"

struct config;
struct engine;
struct turn;

/* What [budget] says. */
void turn_budget_limits_read(const struct config *config, struct turn_budget_limits *ret);
struct turn_budget_limits turn_budget_limits_of(const struct engine *engine);
/* After the commit. `engine` NULL: nobody serves yet, the log alone hears. `turn` NULL: it has ended. */
void turn_budget_tell(const struct engine *engine, struct turn *turn, int64_t turn_id,
                      const struct store_batch *batch, const struct turn_budget_watch *watch,
                      const struct turn_budget_limits *limits);
/* turn_budget_close of one turn, and what that passed is told. [waits] */
troupe_status turn_budget_end(struct engine *engine, int64_t turn_id, struct error *err);

#endif
