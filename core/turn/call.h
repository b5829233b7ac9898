/* SPDX-License-Identifier: Apache-2.0
 *
 * Calling declared functions: one way for a member's command, the shell, and other plugins. The
 * callee runs in the caller's coroutine on a frame of its own. [waits]
 */
#ifndef TURN_CALL_H
#define TURN_CALL_H

#include "turn/frame.h"

/* What a function gave; a zeroed struct is empty. */
struct turn_result {
    struct buf text;
    struct buf json;
    char code[64]; /* of a failure */
    char sentence[ERROR_TEXT_MAX];
};
void turn_result_clear(struct turn_result *result);

/* Where a call stands and where its text goes. */
struct turn_site {
    struct turn_frame *caller; /* NULL: the core                                      */
    const char *path;          /* of the callee in the turn's record                  */
    struct chan *chunks;       /* receives its text piece by piece; NULL: nobody does */
    const bool *reading;       /* whether somebody waits there for the next piece     */
    bool confirm;              /* the member is asked first, whatever is declared     */
};
/* `values` are checked already and stand for the declared parameters in order. The status is the
 * function's own; code and sentence are filled on failure. */
troupe_status turn_call(struct turn *turn, const struct turn_site *site, struct plugin_agent *agent,
                        const struct plugin_function *function, const troupe_value *values,
                        struct turn_result *ret);
/* The function or service by name, with arguments as a JSON object; providers of a service are
 * tried in turn while they fail with TROUPE_UNAVAILABLE before anything was handed out, each at a
 * path of its own. */
troupe_status turn_call_named(struct turn *turn, const struct turn_site *site, const char *name,
                              const char *json, size_t len, struct turn_result *ret);
/* The callee's path below the frame's call `ordinal`; mem_free. */
char *turn_call_path(const struct turn_frame *caller, unsigned ordinal);

#endif
