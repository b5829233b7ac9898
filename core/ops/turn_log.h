/* SPDX-License-Identifier: Apache-2.0
 *
 * The log's one line for each turn, at level info: who it was for (a keyed hash, see member_hash.h),
 * who worked at it, what it cost and how it ended. docs/operations.md lists the fields; programs
 * read them, so a name that is there stays. Nothing of what members or models wrote.
 */
#ifndef OPS_TURN_LOG_H
#define OPS_TURN_LOG_H

#include "ops/member_hash.h"
#include "turn/engine.h"

/* The journal's MESSAGE_ID of these lines. */
#define OPS_TURN_MESSAGE_ID "4d0a7f2c1b9e4c53a8d6f0e35b7c9a12"

void ops_turn_log(const struct turn_figures *figures, const struct ops_member_key *key);

#endif
