/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/tools.h - "troupe.tools/1": the functions that a language model may call for the member whom the
 * turn answers. Capability "tools"; with it troupe_call takes each of them by the name in "call". They are
 * those that any agent declares TROUPE_TOOL, less what the member may not call and the agent's own. Whatever
 * the list says, the member's right is checked again at the call, and a function with TROUPE_CONFIRM asks
 * them first.
 *
 *     const troupe_tools_v1 *tools = troupe_tools(turn);
 *     troupe_str list;
 *
 *     if (tools && tools->list(turn, &list) == TROUPE_OK)
 *         offer(list);
 */
#ifndef TROUPE_TOOLS_H
#define TROUPE_TOOLS_H

#include <troupe/turn.h>

/* The extension's id, for `needs`. */
#define TROUPE_TOOLS "troupe.tools/1"

typedef struct troupe_tools_v1 {
    uint32_t size;
    uint32_t reserved;
    /* A JSON array of {"type": "function", "function": {"name", "description", "parameters"}, "call": the
     * name for troupe_call, "idempotent": bool}, in the order of the agents, at most 128; "name" is what a
     * model may call it. Valid until the turn ends. TROUPE_DENIED without the capability, TROUPE_LIMIT
     * above the turn's memory. Not recorded. [turn] */
    troupe_status (*list)(troupe_turn *turn, troupe_str *ret);
} troupe_tools_v1;

/* The table; NULL where this host has none, and in an isolated agent. Not recorded. [turn] */
static inline const troupe_tools_v1 *troupe_tools(troupe_turn *turn)
{
    return (const troupe_tools_v1 *)troupe_get_extension(turn, TROUPE_TOOLS);
}

#endif
