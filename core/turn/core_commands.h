/* SPDX-License-Identifier: Apache-2.0
 *
 * The core's own commands, declared like the functions of plugins: one table, from which come the
 * checks of their arguments, /help, `troupe functions` and what a platform registers. Those that are
 * left when an agent hangs run at once, also while everything else waits, and owe nothing to the
 * store; the others are turns like any command. No pause holds them up, and the limits only those that
 * stop or silence nothing. Of a program they are turns like any other of its.
 */
#ifndef TURN_CORE_COMMANDS_H
#define TURN_CORE_COMMANDS_H

#include "plugin/function.h"
#include "turn/turn.h"

/* `function` has all that describes it (name, doc, flags, params, usage) but cannot be invoked:
 * `run` is called instead, with checked values in the order of the parameters, and answers. Rights
 * were checked before (turn_may_call). Below 0 where what was asked for was not done: the answer says why.
 * [waits] */
struct turn_core_command {
    struct plugin_function function;
    troupe_status (*run)(struct turn *turn, const troupe_value *values);
    bool waits;  /* its turn, in the order of its member's   */
    bool counts; /* against [limits] messages                */
};

const struct turn_core_command *turn_core_commands(size_t *ret_count);
const struct turn_core_command *turn_core_find(const char *name); /* NULL: there is none */

/* The larger ones, in files of their own. */
troupe_status turn_core_config(struct turn *turn,
                               const troupe_value *values);                   /* config_command.c */
troupe_status turn_core_pause(struct turn *turn, const troupe_value *values); /* pause_command.c  */
troupe_status turn_core_resume(struct turn *turn, const troupe_value *values);
troupe_status turn_core_budget(struct turn *turn,
                               const troupe_value *values);                   /* budget_command.c */
troupe_status turn_core_usage(struct turn *turn, const troupe_value *values); /* usage_command.c */
troupe_status turn_core_privacy(struct turn *turn,
                                const troupe_value *values); /* privacy_command.c */

/* What was given for a parameter, or `otherwise`. Texts are borrowed and end with a NUL. */
int64_t turn_core_int(const troupe_value *value, int64_t otherwise);
const char *turn_core_text(const troupe_value *value, const char *otherwise);

#endif
