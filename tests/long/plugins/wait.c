/* SPDX-License-Identifier: Apache-2.0
 *
 * Turns that wait: a question with buttons for each message that says "choose", and two commands that
 * take their time, one of which answers its member alone. Everything else is left to the next stage.
 */
#include <troupe/troupe.h>

#include <string.h>

#define PAUSE_MS 20

static troupe_status stage(troupe_turn *turn)
{
    const troupe_message *message = troupe_turn_message(turn);
    troupe_status status;
    int32_t choice = 0;

    if (!message || !memmem(message->content.ptr, message->content.len, "choose", 6))
        return TROUPE_NEXT;
    status = troupe_ask(turn, "Tea or coffee?", TROUPE_BUTTONS("Tea", "Coffee"), &choice);
    if (status < 0)
        return status;
    status = troupe_reply(turn, "%s it is: %.*s", choice ? "Coffee" : "Tea",
                          (int)message->content.len, message->content.ptr);
    return status < 0 ? status : TROUPE_DONE;
}

TROUPE_FUNCTION(later, "Answers after a moment", TROUPE_SLASH, TROUPE_STRING(text, "What to say"))
static troupe_status later(troupe_turn *turn, troupe_str text)
{
    troupe_status status = troupe_sleep(turn, PAUSE_MS);

    return status < 0 ? status : troupe_reply(turn, "later: %.*s", (int)text.len, text.ptr);
}

TROUPE_FUNCTION(hidden, "Answers its member after a moment", TROUPE_SLASH | TROUPE_PRIVATE,
                TROUPE_STRING(text, "What to say"))
static troupe_status hidden(troupe_turn *turn, troupe_str text)
{
    troupe_status status = troupe_sleep(turn, PAUSE_MS);

    return status < 0 ? status : troupe_reply(turn, "hidden: %.*s", (int)text.len, text.ptr);
}

/* cppcheck-suppress syntaxError ; it does not know __VA_OPT__ */
TROUPE_PLUGIN("org.example.wait", "1.0.0", "Waits for people", .stage = stage,
              .functions = TROUPE_LIST(later, hidden));
