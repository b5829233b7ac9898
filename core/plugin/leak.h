/* SPDX-License-Identifier: Apache-2.0
 *
 * Memory that a plugin took from the host (troupe_alloc) and did not give back before its agent went.
 * It is freed in any case; the author is told which lines of the plugin asked for it.
 */
#ifndef PLUGIN_LEAK_H
#define PLUGIN_LEAK_H

#include "base/buf.h"
#include "base/list.h"
#include "plugin/agent.h"

#define PLUGIN_LEAK_SITES 8 /* that are told; what is beyond is summed up */

/* Where the function that uses this was called from. */
#define PLUGIN_CALLER() __builtin_extract_return_addr(__builtin_return_address(0))

/* Stands before every block that a plugin holds; keeps its alignment. */
struct plugin_block {
    struct list_link link;
    struct plugin_agent *agent;
    uint64_t size;
    const void *site; /* in the plugin's code, behind the call that asked for it */
    uint64_t reserved;
};
_Static_assert(sizeof(struct plugin_block) % _Alignof(max_align_t) == 0,
               "blocks must stay aligned");

/* A line for all that the agent still holds, and one for each place that asked for some of it. Nothing
 * where it holds nothing. */
void plugin_leaks_print(const struct plugin_agent *agent, struct buf *out);
/* The same into the log, as warnings of the agent's: its own one, or the host's under its owner. */
void plugin_leaks_log(const struct plugin_agent *agent);
/* An agent's function_name. */
void plugin_leak_name(const struct plugin_image *image, uint64_t address, struct buf *out);

#endif
