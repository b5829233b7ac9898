/* SPDX-License-Identifier: Apache-2.0
 *
 * A member's message that addresses nobody here, as a gateway's scanner found it: nothing is copied
 * or parsed before somebody wants it. Borrowed for the call that it is passed to.
 */
#ifndef GATEWAY_SEEN_H
#define GATEWAY_SEEN_H

#include <stddef.h>
#include <stdint.h>

struct gateway_seen {
    const char *source;                           /* as in struct event; outlives the engine */
    uint64_t id, account, guild, channel, member; /* 0: none */
    int64_t time_ms;                              /* wall clock */
    const char *content; /* what stands between the quotes of a valid JSON string; NULL: none */
    size_t content_len;
};

#endif
