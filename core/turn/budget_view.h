/* SPDX-License-Identifier: Apache-2.0
 *
 * How the levels of money are shown: lines for people, and the same as JSON for programs, with which
 * /usage and /budget answer. Sums and caps are those of now, UTC. Loop thread.
 */
#ifndef TURN_BUDGET_VIEW_H
#define TURN_BUDGET_VIEW_H

#include "base/buf.h"
#include "base/json.h"
#include "turn/budget_span.h"
#include "turn/turn.h"

struct turn_budget_view {
    struct turn *turn;
    bool anew; /* the lines say when the cap starts anew */
    struct buf text;
    json_t *result; /* "levels", "stopped" and what is added  */
};

void turn_budget_view_init(struct turn_budget_view *view, struct turn *turn);
void turn_budget_view_clear(struct turn_budget_view *view);

/* A line with what one has spent and reserved: "WHO today: NOTE0.1000 USD of 1.00 (10 %)". [waits] */
void turn_budget_view_level(struct turn_budget_view *view, enum turn_budget_span span,
                            enum turn_budget_whose whose, const char *id, const char *who,
                            const char *note);
/* A line for each of those of a scope that spent most, at most `limit`, who are called "WHO ID".
 * Returns their number. [waits] */
size_t turn_budget_view_most(struct turn_budget_view *view, enum turn_budget_span span,
                             enum turn_budget_whose whose, const char *who, size_t limit);
/* What may not be paid for any more, and how that ends. [waits] */
void turn_budget_view_stopped(struct turn_budget_view *view);
/* Answers with it. [waits] */
void turn_budget_view_reply(struct turn_budget_view *view);

#endif
