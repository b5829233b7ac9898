/* SPDX-License-Identifier: Apache-2.0
 *
 * What is kept about a member, as JSON for the member or the operator: the core's own rows, and those of
 * agents where they said that they keep some (troupe/user_data.h), also of agents that are not there
 * now. Loop thread, [waits].
 */
#ifndef TURN_EXPORT_H
#define TURN_EXPORT_H

#include "base/error.h"
#include "base/json.h"

struct engine;

#define TURN_EXPORT_ROWS 1000 /* of one table at most; "cut" stands where there are more */

/*
 *     {"member": "…", "core": {"messages": […], …},
 *      "agents": {"poll": [{"what": "Your votes in polls", "name": "vote", "rows": [{…}], "cut": false}]},
 *      "silent": ["an agent with tables that does not say what is in them"]}
 *
 * The caller's.
 */
troupe_status turn_export(struct engine *engine, const char *member, json_t **ret,
                          struct error *err);

#endif
