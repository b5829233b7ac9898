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

/* The member is asked by a button first, as by TROUPE_CONFIRM, though the function is not declared so. */
#define TROUPE_TOOL_CONFIRM (1u << 0)

typedef struct troupe_tools_v1 {
    uint32_t size;
    uint32_t reserved;
    /* A JSON array of {"type": "function", "function": {"name", "description", "parameters"}, "call": the
     * name for troupe_call, "idempotent": bool, "priority": integer}, in the order of the agents, at most 128;
     * "name" is what a model may call it, "priority" is its agent's: of several that are wanted at once the
     * higher one goes first. Valid until the turn ends. TROUPE_DENIED without the capability, TROUPE_LIMIT
     * above the turn's memory. Which functions they are is noted: a stage that runs again has the same list, less
     * what a reload took away. [turn, waits] */
    troupe_status (*list)(troupe_turn *turn, troupe_str *ret);
    /* Minor 6. troupe_call of a function of the list, with TROUPE_TOOL_…: they make a call stricter than its
     * declaration, never looser. TROUPE_ARGUMENT for other flags, TROUPE_DENIED without the capability; all else
     * is like troupe_call. Noted. [turn, waits] */
    troupe_status (*call)(troupe_turn *turn, const char *name, troupe_str args, uint32_t flags,
                          troupe_str *ret);
} troupe_tools_v1;

/* The table; NULL where this host has none, and in an isolated agent. Not recorded. [turn] */
static inline const troupe_tools_v1 *troupe_tools(troupe_turn *turn)
{
    return (const troupe_tools_v1 *)troupe_get_extension(turn, TROUPE_TOOLS);
}

/* The table's `call`; TROUPE_UNSUPPORTED where this host has none. Its end is Noted. [turn, waits] */
static inline troupe_status troupe_tool_call(troupe_turn *turn, const char *name, troupe_str args,
                                             uint32_t flags, troupe_str *ret)
{
    const troupe_tools_v1 *tools = troupe_tools(turn);

    return TROUPE_HAS(tools, call) ? tools->call(turn, name, args, flags, ret) : TROUPE_UNSUPPORTED;
}

#endif
