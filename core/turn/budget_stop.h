/* SPDX-License-Identifier: Apache-2.0
 *
 * What cost more than the worst case that was reserved for it. The worst case is then wrong, and with it
 * every cap: it is booked, and nothing of that name ("llm.chat gpt-x") is reserved again until the
 * bot's owner confirms, by /usage, that its price is right now.
 */
#ifndef TURN_BUDGET_STOP_H
#define TURN_BUDGET_STOP_H

#include "turn/budget.h"

#define TURN_BUDGET_WHAT_MAX   240 /* bytes of a name that can be confirmed */
#define TURN_BUDGET_ALIAS_SIZE 48  /* of what stands for a name, with the end */

/* What stands for a name that only a member had who was deleted: a digest, by which the name stays stopped. "" where
 * libcrypto has none. Pure. */
void turn_budget_stop_alias(const char *what, char ret[TURN_BUDGET_ALIAS_SIZE]);

#define TURN_BUDGET_ALIASES 16

/* What was made last of the names in use, as each reservation asks for one and a digest costs more than all
 * else of it. A longer name is made anew each time. All zero: none yet. */
struct turn_budget_aliases {
    struct {
        char what[96], alias[TURN_BUDGET_ALIAS_SIZE];
    } kept[TURN_BUDGET_ALIASES];
};

/* turn_budget_stop_alias, by what is kept; `aliases` may be NULL. */
void turn_budget_stop_alias_kept(struct turn_budget_aliases *aliases, const char *what,
                                 char ret[TURN_BUDGET_ALIAS_SIZE]);

/* Behind the statements that settle: stops what went above its reservation. */
void turn_budget_stop_note(struct store_batch *batch, int64_t id);
/* TROUPE_BUDGET with a sentence where that was it, else TROUPE_OK. [waits] */
troupe_status turn_budget_stop_refusal(struct store *store,
                                       const struct turn_budget_request *request, uint64_t deadline,
                                       struct error *err);
/* Rows what, over_micros; at most 20. [waits] */
troupe_status turn_budget_stop_list(struct store *store, uint64_t deadline, struct store_rows **ret,
                                    struct error *err);
/* It may be paid for again. TROUPE_NOT_FOUND where nothing of that name is stopped. [waits] */
troupe_status turn_budget_stop_confirm(struct store *store, const char *what, uint64_t deadline,
                                       struct error *err);

#endif
