/* SPDX-License-Identifier: Apache-2.0
 *
 * The batches that a driver's writer joins in one transaction, and their outcomes. For drivers only;
 * the writer's thread.
 */
#ifndef STORE_GROUP_H
#define STORE_GROUP_H

#include "store/driver.h"

#define STORE_GROUP_MAX 512 /* batches in one transaction */

struct store_group {
    struct store_request *requests[STORE_GROUP_MAX];
    size_t count;
};

/* What the statements of a batch that is undone gave is forgotten. */
void store_outcome_reset(struct store_batch *batch);
/* Batches whose fate is still open: none failed by itself. */
size_t store_group_left(const struct store_group *group);
/* The transaction is undone, to be run anew: those forget what they gave. */
void store_group_reset(struct store_group *group);
/* Everybody whose fate was still open shares it. */
void store_group_fail(struct store_group *group, troupe_status status, const struct error *err);
/* Opens the latches of those that are durable; a second time does nothing. */
void store_group_open(struct store_group *group);
/* Hands the outcomes on; the group is empty then. Latches first: `done` wakes the loop, which takes
 * longer. */
void store_group_done(struct store_group *group);

#endif
