/* SPDX-License-Identifier: Apache-2.0
 *
 * Who hears of the marks of a cap, and of what it refuses: the turn's trace of all of them, the log of all marks, the
 * bot's owner and the log of what is of the bot and its agents. Loop thread.
 */
#ifndef TURN_BUDGET_TELL_H
#define TURN_BUDGET_TELL_H

#include "turn/budget_refusal.h"
#include "turn/budget_warn.h"

struct config;
struct engine;
struct turn;

#define TURN_BUDGET_TOLD 16

/* Requests that the owner knows to be refused: of more than there are places for, the one that is over first is
 * forgotten. */
struct turn_budget_told {
    struct {
        uint64_t key;
        int64_t until_ms;
    } of[TURN_BUDGET_TOLD];
};

/* What [budget] says. */
void turn_budget_limits_read(const struct config *config, struct turn_budget_limits *ret);
/* After the commit. `turn` NULL: it has ended. */
void turn_budget_tell(const struct engine *engine, struct turn *turn, int64_t turn_id,
                      const struct store_batch *batch, const struct turn_budget_watch *watch,
                      const struct turn_budget_limits *limits);
#define TURN_BUDGET_AGENT_SIZE 64 /* a longer name is cut */

/* The same of bookings at the start, when nobody serves yet: the log hears at once, the owner when there is an
 * engine, of the highest mark of each kind. */
struct turn_budget_late {
    struct turn_budget_limits limits;
    struct turn_budget_late_mark {
        struct turn_budget_mark mark;
        char agent[TURN_BUDGET_AGENT_SIZE];
    } marks[2][TURN_BUDGET_SPANS]; /* of an agent, and of the bot */
};
/* A turn_budget_watcher's `booked`, with `late`. */
void turn_budget_tell_later(void *late, int64_t turn_id, const struct store_batch *batch,
                            const struct turn_budget_watch *watch);
void turn_budget_tell_late(const struct engine *engine, const struct turn_budget_late *late);
/* A request was refused: the turn's trace has the cap that stood in its way, if one did. The owner hears of those of the
 * bot and its agents, of each thing that is paid for once until the cap starts anew or is another one. */
void turn_budget_tell_refused(struct turn *turn, const struct turn_budget_request *request,
                              const struct turn_budget_obstacle *obstacle);
/* turn_budget_close of one turn, and what that passed is told. [waits] */
troupe_status turn_budget_end(struct engine *engine, int64_t turn_id, struct error *err);

#endif
