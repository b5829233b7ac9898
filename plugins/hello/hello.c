/* SPDX-License-Identifier: Apache-2.0
 *
 * hello - the smallest agent. It declares one function; from the declaration the host makes the
 * command `/hello`, checks its argument, and knows how to call it from the shell.
 */
#include <troupe/troupe.h>

/* What it is called, what it does, who may call it, and its parameters with their bounds. */
TROUPE_FUNCTION(hello, "Says hello", TROUPE_SLASH | TROUPE_IDEMPOTENT,
                TROUPE_STRING(wish, "What to wish you", .max = 200, .def_text = "a good day"))

/* The parameters arrive as C arguments. Text has a length and no NUL: print it with "%.*s". */
static troupe_status hello(troupe_turn *turn, troupe_str wish)
{
    const troupe_message *message = troupe_turn_message(turn);

    if (!message) /* called from the shell: nobody wrote */
        return troupe_reply(turn, "Hello! I wish you %.*s.", (int)wish.len, wish.ptr);
    return troupe_reply(turn, "Hello, %.*s! I wish you %.*s.", (int)message->author_name.len,
                        message->author_name.ptr, (int)wish.len, wish.ptr);
}

/* The plugin itself: an id that never changes, a version, one line, and what it offers. */
/* cppcheck-suppress syntaxError ; it does not know __VA_OPT__ */
TROUPE_PLUGIN("org.troupe.hello", "1.0.0", "Greets members by name",
              .functions = TROUPE_LIST(hello));
