/* SPDX-License-Identifier: Apache-2.0
 *
 * Turns that wait: a question for each message that says "choose" (buttons), "fill" (a form) or "list" (a
 * select), and two commands that take their time, one of which answers its member alone. Everything
 * else is left to the next stage.
 */
#include <troupe/troupe.h>

#include <string.h>

#define PAUSE_MS 20

static int says(const troupe_message *message, const char *word)
{
    return memmem(message->content.ptr, message->content.len, word, strlen(word)) != NULL;
}

static troupe_status choose(troupe_turn *turn, troupe_str *ret)
{
    int32_t choice = 0;
    troupe_status status =
        troupe_ask(turn, "Tea or coffee?", TROUPE_BUTTONS("Tea", "Coffee"), &choice);

    *ret = choice ? (troupe_str){"Coffee", 6} : (troupe_str){"Tea", 3};
    return status;
}

static troupe_status fill(troupe_turn *turn, troupe_str *ret)
{
    troupe_str values[2] = {{"", 0}, {"", 0}};
    troupe_status status = troupe_ask_text(
        turn, "Tea or coffee? Say it in words", "Your wish",
        TROUPE_FIELDS({.label = "Which", .min = 3, .max = 30},
                      {.label = "Why", .flags = TROUPE_FIELD_PARAGRAPH | TROUPE_FIELD_OPTIONAL}),
        values);

    *ret = values[0];
    return status;
}

static troupe_status list(troupe_turn *turn, troupe_str *ret)
{
    int32_t places[2] = {0};
    uint32_t count = 0;
    troupe_status status =
        troupe_ask_select(turn, "Tea or coffee? Or both of it",
                          TROUPE_OPTIONS({.label = "Tea"}, {.label = "Coffee"}, {.label = "Milk"}),
                          1, 2, places, &count);

    *ret = count == 2 ? (troupe_str){"Both", 4} : (troupe_str){"One", 3};
    return status;
}

static troupe_status stage(troupe_turn *turn)
{
    const troupe_message *message = troupe_turn_message(turn);
    troupe_str wish = {"", 0};
    troupe_status status = TROUPE_NEXT;

    if (message && says(message, "choose"))
        status = choose(turn, &wish);
    else if (message && says(message, "fill"))
        status = fill(turn, &wish);
    else if (message && says(message, "list"))
        status = list(turn, &wish);
    if (status < 0 || !wish.len)
        return status;
    status = troupe_reply(turn, "%.*s it is: %.*s", (int)wish.len, wish.ptr,
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
