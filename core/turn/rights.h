/* SPDX-License-Identifier: Apache-2.0
 *
 * Who may do what: the bot's owner > admin (Manage Server) > moderator (Moderate Members) > member,
 * from the platform's own permissions, asked for at the moment of the action. Loop thread.
 */
#ifndef TURN_RIGHTS_H
#define TURN_RIGHTS_H

#include "turn/turn.h"

struct plugin_function;

enum turn_rights { TURN_MEMBER, TURN_MODERATOR, TURN_ADMIN, TURN_OWNER };

/* What the turn's member may do now. What nobody can tell counts as TURN_MEMBER; `ret_unknown` (may
 * be NULL) says that it was so. [waits] */
enum turn_rights turn_rights(const struct turn *turn, bool *ret_unknown);
/* What a function asks for. */
enum turn_rights turn_rights_needed(const struct plugin_function *function);
/* "moderators", for sentences. */
const char *turn_rights_name(enum turn_rights rights);
/* Whether they are enough for `what`; TROUPE_DENIED with a sentence in `err` (may be NULL), and a row
 * in the audit log. [waits] */
bool turn_rights_check(const struct turn *turn, enum turn_rights needed, const char *what,
                       struct error *err);
/* Whether the turn's member may call the function, whoever asks for it: a typed line, an interaction
 * or a model. [waits] */
bool turn_may_call(const struct turn *turn, const struct plugin_function *function,
                   struct error *err);

#endif
