/* SPDX-License-Identifier: Apache-2.0
 *
 * A provider of the service "test.echo", with a parameter of every type.
 */
#include <troupe/troupe.h>

TROUPE_SERVICE(echo, "test.echo", "Says what it was given", TROUPE_TOOL | TROUPE_IDEMPOTENT,
               TROUPE_INT(number, "A number"), TROUPE_FLOAT(share, "A share", .min = 0, .max = 1),
               TROUPE_BOOL(loud, "Whether to shout", .def = 0), TROUPE_STRING(text, "A text"),
               TROUPE_OPT_JSON(any, "Any value"), TROUPE_OPT_MEMBER(who, "A member"))
static troupe_status echo(troupe_turn *turn, int64_t number, double share, int32_t loud,
                          troupe_str text, troupe_str any, uint64_t who)
{
    return troupe_reply(turn, "%s: %lld %g %d %.*s %.*s %llu", troupe_agent(troupe_turn_host(turn)),
                        (long long)number, share, (int)loud, (int)text.len, text.ptr, (int)any.len,
                        any.ptr, (unsigned long long)who);
}

TROUPE_PLUGIN("org.example.service", "1.0.0", "A service for tests",
              .functions = TROUPE_LIST(echo));
