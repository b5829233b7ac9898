/* SPDX-License-Identifier: Apache-2.0
 *
 * conversation - talks with members: history of the session, preferences, an editable prompt, the
 * answer of `llm.chat` as it streams in, and plain words where something does not work.
 */
#include "asking.h"
#include "context_summary.h"
#include "frequent.h"
#include "intent_log.h"
#include "recall.h"

#include <string.h>
#include <troupe/troupe.h>

#ifndef CONVERSATION_VERSION
#define CONVERSATION_VERSION "1.0.0"
#endif
#ifndef CONVERSATION_GREETING /* behind the greeting: tells two builds apart */
#define CONVERSATION_GREETING ""
#endif

TROUPE_EMBED(conversation_sql_001, "sql/001_conversation.sql");
TROUPE_EMBED(conversation_sql_002, "sql/002_context.sql");
TROUPE_EMBED(conversation_sql_003, "sql/003_sealed.sql");
TROUPE_EMBED(conversation_sql_004, "sql/004_intents.sql");
TROUPE_EMBED(conversation_back_001, "sql/back/001_conversation.sql");
TROUPE_EMBED(conversation_back_002, "sql/back/002_context.sql");
TROUPE_EMBED(conversation_back_003, "sql/back/003_sealed.sql");
TROUPE_EMBED(conversation_back_004, "sql/back/004_intents.sql");

/* ---- the stage --------------------------------------------------------------------------------*/

static troupe_status greet(troupe_turn *turn, const troupe_message *message)
{
    char name[132];

    troupe_reason(turn, "conversation.empty", "the message has no text");
    template_clean_name(message->author_name.ptr, message->author_name.len, name, sizeof(name));
    return troupe_reply(turn,
                        "Hi %s, I'm here, but I didn't find anything to read in that. What can I "
                        "do for you?" CONVERSATION_GREETING,
                        name);
}

TROUPE_SERVICE(faq_warm, "faq-warm",
               "Asks the model the frequent questions that nobody has asked yet",
               TROUPE_AT_START | TROUPE_OWNER | TROUPE_PAID)

static troupe_status faq_warm(troupe_turn *turn)
{
    return frequent_warm(turn);
}

/* ---- what comes together ----------------------------------------------------------------------*/

/* Instructions, what is recalled, what was found, and who else may get the answer; TROUPE_DONE where that was
 * a frequent question. */
static troupe_status prepare(troupe_turn *turn, struct asking *asking)
{
    const struct conversation *conversation = asking->conversation;
    const troupe_message *message = troupe_turn_message(turn);
    struct preferences preferences;
    troupe_status status =
        asking_recall(turn, conversation, &preferences, &asking->history, &asking->stores);

    if (status >= 0)
        status = frequent_answer(turn, asking, &preferences);
    if (status != TROUPE_OK)
        return status;
    asking->plain = asking->system = asking_instructions(
        turn, conversation, &preferences, asking->history.asked_ms, &asking->budget.stable);
    if (asking->plain && !asking_is_blank(message->content))
        asking->system = recall_put(turn, message->content, asking->plain,
                                    troupe_config_int(troupe_turn_host(turn), "memory_tokens", 400),
                                    &asking->recalled);
    if (!asking->system)
        return TROUPE_NOMEM;
    asking->budget.per_mille = asking->history.per_mille;
    context_load(turn, &asking->context);
    return asking->stores && !asking->recalled && asking->context.count == 0
               ? asking_share(turn, asking, &preferences)
               : TROUPE_OK;
}

static troupe_status stage(troupe_turn *turn)
{
    const struct conversation *conversation = troupe_state(turn);
    const troupe_message *message = troupe_turn_message(turn);
    struct asking asking = {
        .conversation = conversation, .budget = conversation->budget, .share = {.cache = "none"}};
    struct prompt prompt = {0};
    char said[APOLOGY_MAX];
    troupe_status status;

    /* Of other bots the host lets through what it is told to answer, and counts it. */
    if (!message || !(message->flags & TROUPE_MESSAGE_ADDRESSED)) {
        troupe_reason(turn, "conversation.not_addressed", "nobody asked the bot");
        return TROUPE_NEXT;
    }
    troupe_reason(turn, "conversation.build", "conversation %s", CONVERSATION_VERSION);
    pictures_find(turn, &asking.pictures);
    if (asking_is_blank(message->content) && asking.pictures.count == 0) {
        status = greet(turn, message);
        return status < 0 ? status : TROUPE_DONE;
    }
    intent_entry_read(turn, asking_question(message), &asking.intent);
    status = prepare(turn, &asking);
    if (status != TROUPE_OK)
        return status;
    status = asking_build(turn, &asking, 1, &prompt);
    if (status < 0)
        return answer_apologize(turn, status, "the prompt", said);
    status = asking_answer(turn, &asking, &prompt);
    prompt_clear(&prompt);
    if (status == TROUPE_DONE && asking.stores && conversation->summary &&
        context_summary_can(turn) && context_summary_plan(turn, &asking.history, prompt.reach) < 0)
        return troupe_turn_status(turn);
    return status;
}

/* ---- /preferences -----------------------------------------------------------------------------*/

static troupe_status show(troupe_turn *turn, const struct preferences *preferences)
{
    return troupe_reply(turn,
                        "Name: %s. Tone: %s. Emoji: %s. Language: %s. I keep %lld messages in "
                        "mind. Time zone: %s. Change them with /preferences tone=casual and the "
                        "like.",
                        preferences->name[0] ? preferences->name : "as you are called here",
                        preferences->tone, preferences->emoji, preferences->language,
                        (long long)preferences->window, preferences->time_zone);
}

static troupe_status no_notes(troupe_turn *turn, troupe_status status)
{
    return troupe_fail(turn, status, "preferences.storage",
                       "I can't get at my notes at the moment. Please try again in a minute.");
}

TROUPE_FUNCTION(preferences, "Shows or changes how the bot talks with you",
                TROUPE_SLASH | TROUPE_PRIVATE | TROUPE_IDEMPOTENT,
                TROUPE_OPT_STRING(name, "What to call you; - for your own name", .max = 128),
                TROUPE_OPT_STRING(tone, "How to talk",
                                  .choices = "formal|friendly|casual|technical"),
                TROUPE_OPT_STRING(emoji, "How many emoji", .choices = "none|low|medium|high"),
                TROUPE_OPT_STRING(language, "Code of a language, like en or pt-BR", .max = 16),
                TROUPE_OPT_INT(window, "Messages to keep in mind", .min = PREFERENCES_WINDOW_MIN,
                               .max = PREFERENCES_WINDOW_MAX),
                TROUPE_OPT_STRING(time_zone, "Like UTC+2", .max = 15),
                TROUPE_OPT_BOOL(reset, "Back to what everyone begins with"))

static troupe_status preferences(troupe_turn *turn, troupe_str name, troupe_str tone,
                                 troupe_str emoji, troupe_str language, int64_t window,
                                 troupe_str time_zone, int32_t reset)
{
    const struct preferences_change change = {name, tone, emoji, language, time_zone, window};
    struct preferences current;
    char said[APOLOGY_MAX];
    troupe_status status;

    if (!troupe_turn_message(turn))
        return troupe_fail(turn, TROUPE_UNSUPPORTED, "preferences.no_member",
                           "Preferences belong to a member; call this from a chat.");
    if (reset) {
        status = preferences_reset(turn);
        if (status < 0)
            return no_notes(turn, status);
        return troupe_reply(turn, "Done: everything is as at the beginning.");
    }
    status = preferences_load(turn, &current);
    if (status < 0)
        return no_notes(turn, status);
    status = preferences_apply(&current, &change, said, sizeof(said));
    if (status < 0)
        return troupe_fail(turn, status, "preferences.value", "%s", said);
    if (!said[0])
        return show(turn, &current);
    status = preferences_store(turn, &current);
    return status < 0 ? no_notes(turn, status) : troupe_reply(turn, "Done: %s.", said);
}

/* ---- /intents ---------------------------------------------------------------------------------*/

TROUPE_FUNCTION(intents, "Counts what members' messages were meant as",
                TROUPE_SLASH | TROUPE_OWNER | TROUPE_PRIVATE | TROUPE_IDEMPOTENT,
                TROUPE_INT(days, "Of how many days", .min = 1, .max = 30, .def = 7))

static troupe_status intents(troupe_turn *turn, int64_t days)
{
    troupe_status status = intent_log_report(turn, days);

    return status < 0 ? no_notes(turn, status) : status;
}

/* ---- the plugin -------------------------------------------------------------------------------*/

static troupe_status job(troupe_turn *turn, troupe_str payload)
{
    const struct conversation *conversation = troupe_state(turn);
    struct prompt_budget budget = conversation->budget;

    budget.per_mille = CONTEXT_PER_MILLE;
    return conversation->summary ? context_summary_write(turn, &budget, payload) : TROUPE_OK;
}

/* cppcheck-suppress syntaxError ; it does not know __VA_OPT__ */
TROUPE_PLUGIN(
    "org.troupe.conversation", CONVERSATION_VERSION, "Talks with members", .needs = "troupe.sql/1",
    .capabilities = "sql schedule files cache budget call:llm.chat try:memory.search",
    .functions = TROUPE_LIST(preferences, intents, faq_warm),
    .migrations = TROUPE_MIGRATIONS({1, 0, "conversation", conversation_sql_001,
                                     conversation_back_001},
                                    {2, 0, "context", conversation_sql_002, conversation_back_002},
                                    {3, 0, "sealed", conversation_sql_003, conversation_back_003},
                                    {4, 0, "intents", conversation_sql_004, conversation_back_004}),
    .user_data = TROUPE_USER_DATA(
        TROUPE_USER_TABLE("conversation_history", "What you and I said to each other",
                          .age = "created_at", .keep_days = 90),
        TROUPE_USER_TABLE("conversation_sessions", "When we talked, and what about",
                          .age = "last_message_at", .keep_days = 7),
        TROUPE_USER_TABLE("intent_logs", "What I took your messages for", .age = "created_at",
                          .keep_days = 30),
        TROUPE_USER_TABLE("user_preferences", "How you want to be talked to")),
    .config = TROUPE_KEYS(
        {"template", "File of the prompt", .type = TROUPE_TYPE_PATH, .def = CONVERSATION_PROMPT},
        {"bot_name", "What the bot is called in the prompt", .type = TROUPE_TYPE_STRING,
         .flags = TROUPE_KEY_SETTABLE, .def = "Troupe"},
        {"share_answers", "Who may get an answer that has nothing of a member in it",
         .type = TROUPE_TYPE_STRING, .flags = TROUPE_KEY_SETTABLE, .def = "account",
         .choices = "none|guild|account"},
        {"faq", "File of frequent questions, with answers or without", .type = TROUPE_TYPE_PATH},
        {"faq_warm", "Frequent questions the model is asked at the start, at most; 0: none",
         .type = TROUPE_TYPE_INT, .def = "0", .min = 0, .max = FAQ_MAX},
        {"session_timeout", "Silence that ends a session", .type = TROUPE_TYPE_DURATION,
         .flags = TROUPE_KEY_SETTABLE, .def = "30m", .min = 60000, .max = 86400000},
        {"memory_tokens", "Bound of what is recalled from memory; 0: nothing",
         .type = TROUPE_TYPE_INT, .def = "400", .min = 0, .max = 8000},
        {"context_tokens", "Prompt, answer and reserve together", .type = TROUPE_TYPE_INT,
         .def = "8000", .min = 512, .max = 128000},
        {"summary", "Whether what is too old for the window is summed up by a model",
         .type = TROUPE_TYPE_BOOL, .def = "yes"},
        {"answer_tokens", "Bound of an answer", .type = TROUPE_TYPE_INT, .def = "1024", .min = 16,
         .max = 32000},
        {"reserve_tokens", "Kept free for wrong estimates", .type = TROUPE_TYPE_INT, .def = "2000",
         .min = 0, .max = 64000},
        {"system_tokens", "Bound of the prompt's own text", .type = TROUPE_TYPE_INT, .def = "500",
         .min = 50, .max = 16000}),
    .create = setup_create, .destroy = setup_destroy, .stage = stage, .job = job);
