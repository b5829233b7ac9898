/* @NAME@ - say here in one line what it does. */
#include <troupe/troupe.h>

/* Name, what it does, who may call it, and its parameters: from this the host makes the command
 * /@NAME@ and checks what members type. troupe/plugin.h lists the types. */
TROUPE_FUNCTION(@NAME@, "Greets you", TROUPE_SLASH,
                TROUPE_STRING(whom, "Whom to greet", .min = 1, .max = 100, .def_text = "world"))
static troupe_status @NAME@(troupe_turn *turn, troupe_str whom)
{
    troupe_str greeting = troupe_config_str(troupe_turn_host(turn), "greeting");

    /* Text has a length and no NUL: print it with "%.*s". */
    return troupe_reply(turn, "%.*s, %.*s!", (int)greeting.len, greeting.ptr, (int)whom.len,
                        whom.ptr);
}

/* An id that never changes (use a domain of yours), a version, one line, and what it offers. */
TROUPE_PLUGIN("@ID@", "0.1.0", "Greets members", .functions = TROUPE_LIST(@NAME@),
              .config = TROUPE_KEYS({"greeting", "What to begin with", .def = "Hello",
                                     .type = TROUPE_TYPE_STRING, .flags = TROUPE_KEY_SETTABLE}));
