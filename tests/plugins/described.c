/* SPDX-License-Identifier: Apache-2.0
 *
 * Declares one of everything, for what is derived from a declaration.
 */
#include <troupe/troupe.h>

TROUPE_FUNCTION(translate, "Puts a text into another language", TROUPE_SLASH | TROUPE_TOOL,
                TROUPE_STRING(text, "What to translate", .max = 500),
                TROUPE_STRING(language, ".. or \\e, into which", .choices = "de|en|fr",
                              .def_text = "en"),
                TROUPE_OPT_INT(tries, "How often", .min = 1, .max = 3))
static troupe_status translate(troupe_turn *turn, troupe_str text, troupe_str language,
                               int64_t tries)
{
    (void)language;
    (void)tries;
    return troupe_reply(turn, "%.*s", (int)text.len, text.ptr);
}

TROUPE_MENU(keep, "Keep this", "Keeps a message", TROUPE_MENU_MESSAGE | TROUPE_PRIVATE,
            TROUPE_STRING(text, "What it says"))
static troupe_status keep(troupe_turn *turn, troupe_str text)
{
    return troupe_reply(turn, "%.*s", (int)text.len, text.ptr);
}

static troupe_status stage(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

static troupe_status observe(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_OK;
}

TROUPE_PLUGIN("org.example.described", "2.1.0", "Translates what members write", .stage = stage,
              .observe = observe, .events = "seen:message", .capabilities = "kv http:*.example.org",
              .functions = TROUPE_LIST(translate, keep),
              .config = TROUPE_KEYS(
                  {"server", "The API's base", .type = TROUPE_TYPE_URL,
                   .flags = TROUPE_KEY_REQUIRED | TROUPE_KEY_ENDPOINT},
                  {"api_key", "Key of the API", .type = TROUPE_TYPE_STRING,
                   .flags = TROUPE_KEY_REQUIRED | TROUPE_KEY_SECRET},
                  {"style", "'plain' words or fine ones", .def = "plain", .choices = "plain|fine",
                   .type = TROUPE_TYPE_STRING, .flags = TROUPE_KEY_SETTABLE},
                  {"tries", "How often it is tried", .type = TROUPE_TYPE_INT, .min = 2, .max = 5,
                   .flags = TROUPE_KEY_REQUIRED},
                  {"share", "Of members who are served", .def = "0.5", .type = TROUPE_TYPE_FLOAT,
                   .max = 1},
                  {"polite", "Whether it says please", .def = "yes", .type = TROUPE_TYPE_BOOL},
                  {"patience", "Longest wait", .def = "30s", .type = TROUPE_TYPE_DURATION,
                   .min = 1000, .max = 60000},
                  {"rest", "Pause between two", .type = TROUPE_TYPE_DURATION,
                   .choices = "none|measured", .def = "none"},
                  {"most", "Longest text", .def = "64k", .type = TROUPE_TYPE_SIZE},
                  {"cost", "Most that it costs a day", .def = "0.25", .type = TROUPE_TYPE_MONEY},
                  {"words", "A file of words", .type = TROUPE_TYPE_PATH},
                  {"languages", "Which it knows", .def = "de, en", .type = TROUPE_TYPE_LIST},
                  {"channel", "Where it reports", .type = TROUPE_TYPE_CHANNEL,
                   .flags = TROUPE_KEY_REQUIRED}));
