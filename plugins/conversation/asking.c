/* SPDX-License-Identifier: Apache-2.0 */
#include "asking.h"

#include "context_summary.h"
#include "quote.h"

#include <stdio.h>
#include <string.h>
#include <troupe/troupe.h>

#define EXCUSE_MAX 1400 /* with the names of all pictures */
#define NAMES_MAX  350  /* what a sentence has room for */

int asking_is_blank(troupe_str text)
{
    for (uint64_t i = 0; i < text.len; i++)
        if (!strchr(" \t\r\n", text.ptr[i]) || !text.ptr[i])
            return 0;
    return 1;
}

char *asking_instructions(troupe_turn *turn, const struct conversation *conversation,
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

troupe_status asking_share(troupe_turn *turn, struct asking *asking,
                           const struct preferences *preferences)
{
    const struct conversation *conversation = asking->conversation;
    const struct share_prompt prompt = {
        .template = conversation->template,
        .preferences = preferences,
        .bot_name = {conversation->bot_name, strlen(conversation->bot_name)},
        .has_pictures = asking->pictures.count > 0,
    };
    struct preferences nobody = *preferences;

    if (asking->history.count > 0 || asking->history.summary.len > 0)
        return TROUPE_OK;
    share_decide(turn, &prompt, &asking->share);
    if (!asking->share.nameless)
        return TROUPE_OK;
    snprintf(nobody.name, sizeof(nobody.name), "%s", ASKING_NO_NAME);
    asking->plain = asking->system = asking_instructions(
        turn, conversation, &nobody, asking->history.asked_ms, &asking->budget.stable);
    return asking->system ? TROUPE_OK : TROUPE_NOMEM;
}

troupe_status asking_recall(troupe_turn *turn, const struct conversation *conversation,
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

troupe_str asking_question(const troupe_message *message)
{
    static const char go_on[] = "Please go on where your last answer broke off.";

    if (message->flags & TROUPE_MESSAGE_CONTINUE)
        return (troupe_str){go_on, sizeof(go_on) - 1};
    return message->content;
}

troupe_status asking_remember(troupe_turn *turn, const struct asking *asking,
                              const struct answer *answer)
{
    const struct history *history = &asking->history;
    const struct history_entry entry = {
        .question =
            pictures_note(turn, &asking->pictures, asking_question(troupe_turn_message(turn)), 1),
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

troupe_status asking_build(troupe_turn *turn, struct asking *asking, int seen, struct prompt *ret)
{
    const troupe_message *message = troupe_turn_message(turn);
    const troupe_str said = pictures_note(turn, &asking->pictures, asking_question(message), seen);
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
    status = asking_build(turn, asking, 0, prompt);
    if (status < 0)
        return status;
    troupe_reason(turn, "conversation.unseen", "no model sees pictures; asking without %u",
                  asking->pictures.count);
    status =
        answer_stream(turn, (troupe_str){prompt->arguments, strlen(prompt->arguments)}, answer);
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

troupe_status asking_answer(troupe_turn *turn, struct asking *asking, struct prompt *prompt)
{
    struct answer answer = {.text = troupe_turn_alloc(turn, ANSWER_MAX)};
    char said[APOLOGY_MAX] = "";
    troupe_status status, stored = TROUPE_OK;

    if (!answer.text)
        return TROUPE_NOMEM;
    status =
        answer_stream(turn, (troupe_str){prompt->arguments, strlen(prompt->arguments)}, &answer);
    if (was_blind(turn, status) && asking->pictures.count > 0) {
        if (asking_is_blank(troupe_turn_message(turn)->content))
            return refuse_unseen(turn, asking);
        status = ask_unseen(turn, asking, prompt, &answer);
    }
    if (status >= 0 && answer.len == 0)
        status = TROUPE_DATA;
    if (status < 0 && status != TROUPE_INTERRUPTED) {
        status = answer_apologize(turn, status, TROUPE_SERVICE_LLM_CHAT, said);
        if (asking->stores)
            note_failure(turn, &asking->intent, said);
        return status;
    }
    /* Why it broke off, before storing it can fail too. */
    answer.interrupted = status == TROUPE_INTERRUPTED;
    if (answer.interrupted)
        status = answer_apologize(turn, status, TROUPE_SERVICE_LLM_CHAT, said);
    asking->intent.success = !answer.interrupted;
    asking->intent.error = (troupe_str){said, strlen(said)};
    if (asking->stores && answer.len > 0 && troupe_turn_status(turn) >= 0)
        stored = asking_remember(turn, asking, &answer);
    if (status < 0 || stored < 0)
        return status < 0 ? status : stored;
    return TROUPE_DONE;
}
