/* SPDX-License-Identifier: Apache-2.0 */
#include "frequent.h"

#include "faq_warm.h"

#include <stdio.h>
#include <string.h>
#include <troupe/troupe.h>

/* Nothing of a member or a server is in it. */
static troupe_status prompt_for_all(troupe_turn *turn, const struct conversation *conversation,
                                    int64_t now_ms, struct faq_prompt *ret)
{
    struct preferences anybody;
    uint64_t stable;

    preferences_defaults(&anybody);
    snprintf(anybody.name, sizeof(anybody.name), "%s", ASKING_NO_NAME);
    *ret = (struct faq_prompt){
        .instructions = asking_instructions(turn, conversation, &anybody, now_ms, &stable),
        .source = conversation->template,
        .bot_name = conversation->bot_name,
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
    int whole;

    if (!preferences_are_usual(preferences) || has_own_name(turn, asking->conversation))
        return TROUPE_OK;
    status = prompt_for_all(turn, asking->conversation, asking->history.asked_ms, &prompt);
    if (status < 0)
        return status;
    status = faq_kept(turn, entry, &prompt, &text);
    ret->cached = status >= 0;
    if (status < 0)
        status = faq_ask(turn, entry, &prompt, &text, &whole);
    if (status < 0)
        return answer_apologize(turn, status, TROUPE_SERVICE_LLM_CHAT, said);
    ret->text = (char *)text.ptr;
    ret->len = (size_t)text.len;
    return TROUPE_OK;
}

troupe_status frequent_answer(troupe_turn *turn, struct asking *asking,
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
        status = troupe_write(turn, ANSWER_CACHED_MARK, sizeof(ANSWER_CACHED_MARK) - 1);
    if (status < 0)
        return status;
    asking->intent.success = 1;
    status = asking->stores ? asking_remember(turn, asking, &answer) : TROUPE_OK;
    return status < 0 ? status : TROUPE_DONE;
}

troupe_status frequent_warm(troupe_turn *turn)
{
    const struct conversation *conversation = troupe_state(turn);
    struct faq_prompt prompt;
    troupe_status status = prompt_for_all(turn, conversation, troupe_now(turn), &prompt);

    return status < 0 ? status
                      : faq_warm_run(turn, &conversation->faq, &prompt,
                                     troupe_config_int(troupe_turn_host(turn), "faq_warm", 0));
}
