/* SPDX-License-Identifier: Apache-2.0
 *
 * What a member used up is told to the cache's server, where there is one, so that a restart and another host
 * know of it. Nobody waits for that: who asks is let in or not by this process's own windows (turn/limits.h),
 * which learn from the answer what else was counted. While the server is away these windows are all there is,
 * as without a server; `troupe status` says that it is away. Loop thread.
 */
#ifndef TURN_LIMITS_SHARE_H
#define TURN_LIMITS_SHARE_H

#include <stdint.h>

#define TURN_LIMITS_TELLING 64 /* at once; what is beyond is counted here alone */

struct engine;

/* After turn_limits_take of that key. */
void turn_limits_share(struct engine *engine, const char *key, uint64_t window_ms);

#endif
