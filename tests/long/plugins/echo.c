/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers each message with itself and its own version: what long runs swap under load. With
 * `pass = yes` it only looks on, so that a pipeline may have it once more.
 */
#include <troupe/troupe.h>

#ifndef VERSION
#define VERSION "1.0.0"
#endif

#ifdef UNDEFINED
/* Nobody has it: such a build links where the linker may leave symbols open, and must not load. */
int troupe_nobody_has_this(void);
#endif

static troupe_status create(troupe_host *host, void **ret_state)
{
    troupe_value pass = {.type = TROUPE_TYPE_BOOL};

#ifdef UNDEFINED
    if (troupe_nobody_has_this())
        return TROUPE_FAILED;
#endif
    if (troupe_config(host, "pass", &pass) == TROUPE_OK && pass.u.i)
        *ret_state = (void *)host;
    return TROUPE_OK;
}

static troupe_status stage(troupe_turn *turn)
{
    const troupe_message *message = troupe_turn_message(turn);
    troupe_status status;

    if (turn->api->state(turn) || !message)
        return TROUPE_NEXT;
    status = troupe_reply(turn, "%.*s " VERSION, (int)message->content.len, message->content.ptr);
    return status < 0 ? status : TROUPE_DONE;
}

/* cppcheck-suppress syntaxError ; it does not know __VA_OPT__ */
TROUPE_PLUGIN("org.example.echo", VERSION, "Says what was said", .create = create, .stage = stage,
              .config = TROUPE_KEYS({"pass", "Leave the answer to others", .type = TROUPE_TYPE_BOOL,
                                     .def = "no"}));
