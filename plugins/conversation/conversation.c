/* SPDX-License-Identifier: Apache-2.0
 *
 * conversation - talks with members: history of the session, preferences, an editable prompt, the
 * answer of `llm.chat` as it streams in, and plain words where something does not work.
 */
#include "apology.h"
#include "context.h"
#include "context_summary.h"
#include "faq_warm.h"
#include "history.h"
#include "pictures.h"
#include "preferences.h"
#include "prompt.h"
#include "quote.h"
#include "recall.h"
#include "share.h"
#include "template.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <troupe/troupe.h>

#ifndef CONVERSATION_VERSION
#define CONVERSATION_VERSION "1.0.0"
#endif
#ifndef CONVERSATION_GREETING /* behind the greeting: tells two builds apart */
#define CONVERSATION_GREETING ""
#endif
#ifndef CONVERSATION_PROMPT
#define CONVERSATION_PROMPT ""
#endif

#define ANSWER_MAX ((size_t)64 * 1024) /* what troupe_write takes in all */
#define EXCUSE_MAX 1400                /* with the names of all pictures */
#define NAMES_MAX  350                 /* what a sentence has room for */

TROUPE_EMBED(conversation_default_prompt, "prompts/default.txt");
TROUPE_EMBED(conversation_sql_001, "sql/001_conversation.sql");
TROUPE_EMBED(conversation_sql_002, "sql/002_context.sql");
TROUPE_EMBED(conversation_sql_003, "sql/003_sealed.sql");
TROUPE_EMBED(conversation_sql_004, "sql/004_intents.sql");
TROUPE_EMBED(conversation_back_001, "sql/back/001_conversation.sql");
TROUPE_EMBED(conversation_back_002, "sql/back/002_context.sql");
TROUPE_EMBED(conversation_back_003, "sql/back/003_sealed.sql");
TROUPE_EMBED(conversation_back_004, "sql/back/004_intents.sql");

struct conversation {
    char template[TEMPLATE_MAX];
    char bot_name[TEMPLATE_VALUE_MAX]; /* where no server has another */
    size_t stable;                     /* bytes of the template that are the same for everybody */
    struct prompt_budget budget;
    struct faq faq;
    uint8_t summary;
};

/* ---- the answer -------------------------------------------------------------------------------*/

struct answer {
    char *text; /* ANSWER_MAX bytes */
    size_t len;
    uint8_t interrupted;
    uint8_t cached; /* somebody got it before */
    int64_t tokens;
    struct context_sample sample;
};

/* Shown below such an answer, and not remembered with it. */
#define CACHED_MARK "\n-# I gave this answer before"

/* Ends the turn with plain words about what does not work. The host shows them to the member,
 * beside what was shown already, which it closes with a mark; the code is for `troupe why`. `text` is what
 * they read. */
static troupe_status apologize(troupe_turn *turn, troupe_status status, const char *step,
                               char text[APOLOGY_MAX])
{
    troupe_str code, sentence;
    const char *reason;

    if (troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    troupe_error(turn, &code, &sentence);
    reason = apology_write(status, code, sentence, text, APOLOGY_MAX);
    troupe_reason(turn, reason, "%s: %s, status %d, code \"%.*s\"", step,
                  apology_name(apology_of(status, code)), status, (int)code.len, code.ptr);
    return troupe_fail(turn, status, reason, "%s", text);
}

static void take_result(troupe_str result, struct answer *answer)
{
    json_t *tree = json_loadb(result.ptr, result.len, 0, NULL);
    const json_t *usage = json_object_get(tree, "usage");

    answer->tokens = json_integer_value(json_object_get(usage, "input")) +
                     json_integer_value(json_object_get(usage, "output"));
    answer->cached = json_is_true(json_object_get(tree, "cached"));
    context_sample_read(result, &answer->sample);
    json_decref(tree);
}

/* Passes the answer on as it comes in. TROUPE_INTERRUPTED when it broke off after some of it had
 * been shown; any other failure means that nothing was. */
static troupe_status stream(troupe_turn *turn, troupe_str arguments, struct answer *answer)
{
    troupe_stream *chunks;
    troupe_str chunk, result = {NULL, 0};
    troupe_status status, read;

    status = troupe_open(turn, TROUPE_SERVICE_LLM_CHAT, arguments, &chunks);
    if (status < 0)
        return status;
    while ((read = troupe_read(turn, chunks, &chunk)) == TROUPE_OK) {
        if (chunk.len > ANSWER_MAX - answer->len) {
            read = TROUPE_LIMIT;
            break;
        }
        memcpy(answer->text + answer->len, chunk.ptr, chunk.len);
        answer->len += chunk.len;
        status = troupe_write(turn, chunk.ptr, chunk.len);
        if (status < 0) {
            read = status;
            break;
        }
    }
    status = troupe_close(turn, chunks, &result);
    if (status >= 0 && read < 0 && read != TROUPE_END)
        status = read;
    if (status >= 0 && result.len > 0)
        take_result(result, answer);
    if (status >= 0 && answer->cached)
        status = troupe_write(turn, CACHED_MARK, sizeof(CACHED_MARK) - 1);
    return status < 0 && answer->len > 0 ? TROUPE_INTERRUPTED : status;
}

/* ---- the stage --------------------------------------------------------------------------------*/

static int is_blank(troupe_str text)
{
    for (uint64_t i = 0; i < text.len; i++)
        if (!strchr(" \t\r\n", text.ptr[i]) || !text.ptr[i])
            return 0;
    return 1;
}

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

/* `ret_stable`: how many bytes of it every member's begin with. */
static char *instructions(troupe_turn *turn, const struct conversation *conversation,
                          const struct preferences *preferences, int64_t now_ms,
                          uint64_t *ret_stable)
{
    const troupe_message *message = troupe_turn_message(turn);
    const troupe_str bot_name = troupe_config_str(troupe_turn_host(turn), "bot_name");
    char name[132], bot[132], date[64];
    const char *values[TEMPLATE_FIELDS] = {
        [TEMPLATE_NAME] = preferences->name[0] ? preferences->name : name,
        [TEMPLATE_TONE] = preferences->tone,
        [TEMPLATE_EMOJI] = preferences_emoji_rule(preferences),
        [TEMPLATE_LANGUAGE] = preferences->language,
        [TEMPLATE_DATE] = date,
        [TEMPLATE_BOT] = bot,
    };
    size_t len;
    char *text;

    name[0] = 0;
    if (message)
        template_clean_name(message->author_name.ptr, message->author_name.len, name, sizeof(name));
    template_clean_name(bot_name.ptr, bot_name.len, bot, sizeof(bot));
    template_date(now_ms, preferences->offset_minutes, date, sizeof(date));
    len = template_render(conversation->template, values, NULL, 0);
    text = troupe_turn_alloc(turn, len + 1 + conversation->stable + 1);
    if (!text)
        return NULL;
    memcpy(text + len + 1, conversation->template, conversation->stable);
    *ret_stable = template_render(text + len + 1, values, NULL, 0);
    template_render(conversation->template, values, text, len + 1);
    return text;
}

/* What is remembered. Without storage the talk goes on without a memory, and the trace says so. */
static troupe_status recall(troupe_turn *turn, const struct conversation *conversation,
                            struct preferences *preferences, struct history *history,
                            uint8_t *ret_stores)
{
    const int64_t more =
        conversation->summary && context_summary_can(turn) ? CONTEXT_SUMMARY_LINES : 0;
    troupe_status status = preferences_load(turn, preferences);

    if (status >= 0)
        status = history_load(turn,
                              troupe_config_int(troupe_turn_host(turn), "session_timeout", 1800000),
                              preferences->window, more, history);
    *ret_stores = status >= 0;
    if (status >= 0)
        return status;
    if (troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    history->asked_ms = troupe_now(turn);
    history->per_mille = CONTEXT_PER_MILLE;
    troupe_reason(turn, "conversation.no_memory", "reading history failed with status %d", status);
    return TROUPE_OK;
}

/* What the member wants of the model: the message, or that a cut answer goes on. */
static troupe_str question(const troupe_message *message)
{
    static const char go_on[] = "Please go on where your last answer broke off.";

    if (message->flags & TROUPE_MESSAGE_CONTINUE)
        return (troupe_str){go_on, sizeof(go_on) - 1};
    return message->content;
}

/* What is asked, on what. */
struct asking {
    const struct conversation *conversation;
    struct prompt_budget budget;
    struct context context;
    struct pictures pictures;
    struct history history;
    struct share share;
    const char *system, *plain; /* the latter without what was recalled */
    struct intent_entry intent; /* what is told of it */
    uint8_t stores, recalled;
};

static troupe_status remember(troupe_turn *turn, const struct asking *asking,
                              const struct answer *answer)
{
    const struct history *history = &asking->history;
    const struct history_entry entry = {
        .question = pictures_note(turn, &asking->pictures, question(troupe_turn_message(turn)), 1),
        .answer = {answer->text, answer->len},
        .interrupted = answer->interrupted,
        .tokens = answer->tokens,
        .sample = answer->sample,
        .intent = asking->intent,
    };
    troupe_status status = history_store(turn, history, &entry);

    if (status >= 0)
        return status;
    if (troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    troupe_reason(turn, "conversation.not_stored", "writing history failed with status %d", status);
    return TROUPE_OK;
}

/* That a message of which it is told what it meant got no answer; the sentence is said in any case. */
static void note_failure(troupe_turn *turn, struct intent_entry *intent, const char *said)
{
    troupe_status status;

    if (!intent->intent[0] || troupe_turn_status(turn) < 0)
        return;
    intent->error = (troupe_str){said, strlen(said)};
    status = intent_log_write(turn, intent);
    if (status < 0 && troupe_turn_status(turn) >= 0)
        troupe_reason(turn, "conversation.not_stored", "writing the intent failed with status %d",
                      status);
}

/* Whether nobody was asked because nobody sees. */
static int was_blind(troupe_turn *turn, troupe_status status)
{
    static const char blind[] = "llm.cannot_see";
    troupe_str code = {"", 0};

    if (status != TROUPE_UNSUPPORTED)
        return 0;
    troupe_error(turn, &code, NULL);
    return code.len == sizeof(blind) - 1 && memcmp(code.ptr, blind, code.len) == 0;
}

static troupe_status build(troupe_turn *turn, struct asking *asking, int seen, struct prompt *ret)
{
    const troupe_message *message = troupe_turn_message(turn);
    const troupe_str said = pictures_note(turn, &asking->pictures, question(message), seen);
    const troupe_str asked = context_put(turn, &asking->context, &asking->budget,
                                         quote_put(turn, message, &asking->history, said));
    troupe_status status;

    asking->budget.pictures = asking->pictures.files;
    asking->budget.picture_count = seen ? asking->pictures.count : 0;
    status =
        prompt_build(&asking->budget, asking->system, &asking->history, asked, &asking->share, ret);
    if (status == TROUPE_LIMIT && asking->recalled) /* the message comes before notes */
        status = prompt_build(&asking->budget, asking->plain, &asking->history, asked,
                              &asking->share, ret);
    if (status >= 0)
        troupe_reason(turn, "conversation.context", "%u of %u earlier messages, about %lld tokens",
                      ret->used, asking->history.count, (long long)ret->tokens);
    return status;
}

/* The text alone, and below the answer that this was so. */
static troupe_status ask_unseen(troupe_turn *turn, struct asking *asking, struct prompt *prompt,
                                struct answer *answer)
{
    char excuse[EXCUSE_MAX];
    troupe_status status;

    prompt_clear(prompt);
    status = build(turn, asking, 0, prompt);
    if (status < 0)
        return status;
    troupe_reason(turn, "conversation.unseen", "no model sees pictures; asking without %u",
                  asking->pictures.count);
    status = stream(turn, (troupe_str){prompt->arguments, strlen(prompt->arguments)}, answer);
    if (status < 0)
        return status;
    pictures_excuse(turn, &asking->pictures, excuse, sizeof(excuse));
    return troupe_write(turn, excuse, strlen(excuse));
}

/* There are no words to answer instead. */
static troupe_status refuse_unseen(troupe_turn *turn, const struct asking *asking)
{
    char names[NAMES_MAX];
    const int fits = pictures_names(&asking->pictures, names, sizeof(names)) < sizeof(names);

    troupe_reason(turn, "llm.cannot_see", "no model sees pictures, and there is nothing else");
    return troupe_fail(turn, TROUPE_UNSUPPORTED, "llm.cannot_see",
                       "I can't look at %s: no language model here can see pictures. Please say in "
                       "words what is on %s.",
                       fits ? names : "your pictures", asking->pictures.count > 1 ? "them" : "it");
}

static troupe_status answer_with(troupe_turn *turn, struct asking *asking, struct prompt *prompt)
{
    struct answer answer = {.text = troupe_turn_alloc(turn, ANSWER_MAX)};
    char said[APOLOGY_MAX] = "";
    troupe_status status, stored = TROUPE_OK;

    if (!answer.text)
        return TROUPE_NOMEM;
    status = stream(turn, (troupe_str){prompt->arguments, strlen(prompt->arguments)}, &answer);
    if (was_blind(turn, status) && asking->pictures.count > 0) {
        if (is_blank(troupe_turn_message(turn)->content))
            return refuse_unseen(turn, asking);
        status = ask_unseen(turn, asking, prompt, &answer);
    }
    if (status >= 0 && answer.len == 0)
        status = TROUPE_DATA;
    if (status < 0 && status != TROUPE_INTERRUPTED) {
        status = apologize(turn, status, TROUPE_SERVICE_LLM_CHAT, said);
        if (asking->stores)
            note_failure(turn, &asking->intent, said);
        return status;
    }
    /* Why it broke off, before storing it can fail too. */
    answer.interrupted = status == TROUPE_INTERRUPTED;
    if (answer.interrupted)
        status = apologize(turn, status, TROUPE_SERVICE_LLM_CHAT, said);
    asking->intent.success = !answer.interrupted;
    asking->intent.error = (troupe_str){said, strlen(said)};
    if (asking->stores && answer.len > 0 && troupe_turn_status(turn) >= 0)
        stored = remember(turn, asking, &answer);
    if (status < 0 || stored < 0)
        return status < 0 ? status : stored;
    return TROUPE_DONE;
}

/* ---- frequent questions -----------------------------------------------------------------------*/

/* Nothing of a member or a server is in it. */
static troupe_status prompt_for_all(troupe_turn *turn, const struct conversation *conversation,
                                    int64_t now_ms, struct faq_prompt *ret)
{
    struct preferences anybody;
    uint64_t stable;

    preferences_defaults(&anybody);
    snprintf(anybody.name, sizeof(anybody.name), "a member");
    *ret = (struct faq_prompt){.instructions =
                                   instructions(turn, conversation, &anybody, now_ms, &stable),
                               .source = conversation->template,
                               .answer_tokens = conversation->budget.answer};
    return ret->instructions ? TROUPE_OK : TROUPE_NOMEM;
}

static int has_own_name(troupe_turn *turn, const struct conversation *conversation)
{
    const troupe_str name = troupe_config_str(troupe_turn_host(turn), "bot_name");

    return name.len != strlen(conversation->bot_name) ||
           memcmp(name.ptr, conversation->bot_name, (size_t)name.len) != 0;
}

/* The model's answer, kept or asked for now; of no length where the member or the server would have another
 * one. */
static troupe_status find_answer(troupe_turn *turn, const struct asking *asking,
                                 const struct preferences *preferences,
                                 const struct faq_entry *entry, struct answer *ret)
{
    char said[APOLOGY_MAX];
    struct faq_prompt prompt;
    troupe_str text = {"", 0};
    troupe_status status;

    if (preferences->stored || has_own_name(turn, asking->conversation))
        return TROUPE_OK;
    status = prompt_for_all(turn, asking->conversation, asking->history.asked_ms, &prompt);
    if (status < 0)
        return status;
    status = faq_kept(turn, entry, &prompt, &text);
    ret->cached = status >= 0;
    if (status < 0)
        status = faq_ask(turn, entry, &prompt, &text);
    if (status < 0)
        return apologize(turn, status, TROUPE_SERVICE_LLM_CHAT, said);
    ret->text = (char *)text.ptr;
    ret->len = (size_t)text.len;
    return TROUPE_OK;
}

/* TROUPE_DONE where the message was one of the declared questions and is answered, TROUPE_OK where not. */
static troupe_status answer_frequent(troupe_turn *turn, struct asking *asking,
                                     const struct preferences *preferences)
{
    const troupe_message *message = troupe_turn_message(turn);
    const struct faq_entry *entry =
        faq_find(&asking->conversation->faq, message->guild, message->content);
    struct answer answer = {0};
    troupe_status status = TROUPE_OK;

    if (!entry || message->reply_to || message->flags & TROUPE_MESSAGE_CONTINUE ||
        asking->pictures.count > 0)
        return TROUPE_OK;
    if (entry->answer) {
        answer.text = (char *)entry->answer;
        answer.len = strlen(entry->answer);
    } else {
        status = find_answer(turn, asking, preferences, entry, &answer);
    }
    if (status < 0 || answer.len == 0)
        return status;
    troupe_reason(turn, "conversation.faq", "a frequent question: %s",
                  entry->answer   ? "the declared answer"
                  : answer.cached ? "an answer that was kept"
                                  : "nobody had asked it yet");
    status = troupe_write(turn, answer.text, answer.len);
    if (status >= 0 && answer.cached)
        status = troupe_write(turn, CACHED_MARK, sizeof(CACHED_MARK) - 1);
    if (status < 0)
        return status;
    asking->intent.success = 1;
    status = asking->stores ? remember(turn, asking, &answer) : TROUPE_OK;
    return status < 0 ? status : TROUPE_DONE;
}

TROUPE_SERVICE(faq_warm, "faq-warm",
               "Asks the model the frequent questions that nobody has asked yet",
               TROUPE_AT_START | TROUPE_OWNER | TROUPE_PAID)

static troupe_status faq_warm(troupe_turn *turn)
{
    const struct conversation *conversation = troupe_state(turn);
    struct faq_prompt prompt;
    troupe_status status = prompt_for_all(turn, conversation, troupe_now(turn), &prompt);

    return status < 0 ? status
                      : faq_warm_run(turn, &conversation->faq, &prompt,
                                     troupe_config_int(troupe_turn_host(turn), "faq_warm", 0));
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
        recall(turn, conversation, &preferences, &asking->history, &asking->stores);

    if (status >= 0)
        status = answer_frequent(turn, asking, &preferences);
    if (status != TROUPE_OK)
        return status;
    asking->plain = asking->system = instructions(turn, conversation, &preferences,
                                                  asking->history.asked_ms, &asking->budget.stable);
    if (asking->plain && !is_blank(message->content))
        asking->system = recall_put(turn, message->content, asking->plain,
                                    troupe_config_int(troupe_turn_host(turn), "memory_tokens", 400),
                                    &asking->recalled);
    if (!asking->system)
        return TROUPE_NOMEM;
    asking->budget.per_mille = asking->history.per_mille;
    context_load(turn, &asking->context);
    if (asking->stores && !asking->recalled && asking->context.count == 0)
        share_decide(
            turn,
            &(struct share_prompt){conversation->template,
                                   &preferences,
                                   {conversation->bot_name, strlen(conversation->bot_name)}},
            &asking->share);
    return TROUPE_OK;
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

    if (!message || !(message->flags & TROUPE_MESSAGE_ADDRESSED) ||
        (message->flags & TROUPE_MESSAGE_BOT)) {
        troupe_reason(turn, "conversation.not_addressed", "nobody asked the bot");
        return TROUPE_NEXT;
    }
    troupe_reason(turn, "conversation.build", "conversation %s", CONVERSATION_VERSION);
    pictures_find(turn, &asking.pictures);
    if (is_blank(message->content) && asking.pictures.count == 0) {
        status = greet(turn, message);
        return status < 0 ? status : TROUPE_DONE;
    }
    intent_entry_read(turn, question(message), &asking.intent);
    status = prepare(turn, &asking);
    if (status != TROUPE_OK)
        return status;
    status = build(turn, &asking, 1, &prompt);
    if (status < 0)
        return apologize(turn, status, "the prompt", said);
    status = answer_with(turn, &asking, &prompt);
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

static troupe_status bad_template(troupe_host *host, troupe_str path, const char *problem)
{
    troupe_log(host, TROUPE_LOG_ERROR, "key \"template\": \"%.*s\": %s", (int)path.len, path.ptr,
               problem);
    return TROUPE_CONFIG;
}

/* The file that `template` names. Where nobody set it and the installed file is not there, the copy
 * in this plugin does. */
static troupe_status load_template(troupe_host *host, char *ret)
{
    const troupe_str path = troupe_config_str(host, "template");
    char name[4096], problem[256];
    size_t len;
    FILE *file;
    int failed;

    snprintf(name, sizeof(name), "%.*s", (int)path.len, path.ptr);
    file = fopen(name, "re");
    if (!file && (errno != ENOENT || strcmp(name, CONVERSATION_PROMPT) != 0))
        return bad_template(host, path, strerror(errno));
    if (!file) {
        snprintf(ret, TEMPLATE_MAX, "%s", conversation_default_prompt);
        return TROUPE_OK;
    }
    len = fread(ret, 1, TEMPLATE_MAX, file);
    failed = ferror(file);
    fclose(file);
    if (failed)
        return bad_template(host, path, "it cannot be read");
    if (len == TEMPLATE_MAX)
        return bad_template(host, path, "it is larger than 16 kB");
    if (memchr(ret, 0, len))
        return bad_template(host, path, "it is no text");
    ret[len] = 0;
    if (template_check(ret, problem, sizeof(problem)) < 0)
        return bad_template(host, path, problem);
    return TROUPE_OK;
}

/* The template with the longest values that there are must fit into its share, and something must
 * be left for the message. */
static troupe_status check_budget(troupe_host *host, const struct conversation *conversation)
{
    static const char longest[] = "two to four in an answer, Wednesday, 30 September 2026, and so";
    const char *values[TEMPLATE_FIELDS];
    const struct prompt_budget *budget = &conversation->budget;
    char *text;
    int64_t tokens, fixed = budget->answer + budget->reserve + budget->system;
    size_t len;

    for (int i = 0; i < TEMPLATE_FIELDS; i++)
        values[i] = longest;
    len = template_render(conversation->template, values, NULL, 0);
    text = troupe_alloc(host, len + 1);
    if (!text)
        return TROUPE_NOMEM;
    template_render(conversation->template, values, text, len + 1);
    tokens = prompt_tokens(text, len);
    troupe_free(host, text);
    if (tokens > budget->system) {
        troupe_log(host, TROUPE_LOG_ERROR,
                   "key \"template\": its text has about %lld tokens, above system_tokens %lld; "
                   "shorten it or raise system_tokens",
                   (long long)tokens, (long long)budget->system);
        return TROUPE_CONFIG;
    }
    if (fixed >= budget->context) {
        troupe_log(host, TROUPE_LOG_ERROR,
                   "key \"context_tokens\": %lld leaves nothing for the talk; it must be above "
                   "answer_tokens, reserve_tokens and system_tokens together, which are %lld",
                   (long long)budget->context, (long long)fixed);
        return TROUPE_CONFIG;
    }
    return TROUPE_OK;
}

static troupe_status take_bot_name(troupe_host *host, struct conversation *conversation)
{
    const troupe_str name = troupe_config_str(host, "bot_name");

    if (name.len >= sizeof(conversation->bot_name)) {
        troupe_log(host, TROUPE_LOG_ERROR, "key \"bot_name\": longer than %zu bytes",
                   sizeof(conversation->bot_name) - 1);
        return TROUPE_CONFIG;
    }
    memcpy(conversation->bot_name, name.ptr, name.len);
    conversation->bot_name[name.len] = '\0';
    return TROUPE_OK;
}

static troupe_status job(troupe_turn *turn, troupe_str payload)
{
    const struct conversation *conversation = troupe_state(turn);
    struct prompt_budget budget = conversation->budget;

    budget.per_mille = CONTEXT_PER_MILLE;
    return conversation->summary ? context_summary_write(turn, &budget, payload) : TROUPE_OK;
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    struct conversation *conversation = troupe_alloc(host, sizeof(*conversation));
    troupe_status status;

    if (!conversation)
        return TROUPE_NOMEM;
    conversation->budget.context = troupe_config_int(host, "context_tokens", 8000);
    conversation->budget.answer = troupe_config_int(host, "answer_tokens", 1024);
    conversation->budget.reserve = troupe_config_int(host, "reserve_tokens", 2000);
    conversation->budget.system = troupe_config_int(host, "system_tokens", 500);
    conversation->summary = troupe_config_int(host, "summary", 1) != 0;
    status = take_bot_name(host, conversation);
    if (status >= 0)
        status = load_template(host, conversation->template);
    if (status >= 0)
        conversation->stable = template_stable(conversation->template);
    if (status >= 0)
        status = check_budget(host, conversation);
    if (status >= 0)
        status = faq_load(host, troupe_config_str(host, "faq"), &conversation->faq);
    if (status < 0) {
        troupe_free(host, conversation);
        return status;
    }
    *ret_state = conversation;
    return TROUPE_OK;
}

static void destroy(troupe_host *host, void *state)
{
    struct conversation *conversation = state;

    faq_clear(host, &conversation->faq);
    troupe_free(host, conversation);
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
    .create = create, .destroy = destroy, .stage = stage, .job = job);
