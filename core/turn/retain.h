/* SPDX-License-Identifier: Apache-2.0
 *
 * What agents keep about members goes when it is as old as they declare (troupe/user_data.h), or the owner
 * ([agent NAME] keep): in bounded portions, beside the turns. Rows of tables that are to be anonymised stay,
 * without whose they were.
 */
#ifndef TURN_RETAIN_H
#define TURN_RETAIN_H

#include "turn/engine.h"

/* One portion of each table of the agents that run; `now_ms` is wall time. An agent whose table cannot be
 * swept is logged, and the others are swept. True in `ret_more` when a portion was full. [waits] */
troupe_status turn_retain(struct engine *engine, int64_t now_ms, bool *ret_more);

#endif
