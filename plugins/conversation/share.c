/* SPDX-License-Identifier: Apache-2.0 */
#include "share.h"

#include "template.h"

#include <stdio.h>
#include <string.h>

static int equals(troupe_str a, troupe_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static int says(troupe_str value, const char *text)
{
    return equals(value, (troupe_str){text, strlen(text)});
}

int share_names_guild(troupe_str text)
{
    static const char *const marks[] = {"<@",   "<#",         "<:",          "<a:",     "</",
                                        "<id:", "/channels/", "discord.gg/", "/invite/"};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (memmem(text.ptr, text.len, marks[i], strlen(marks[i])))
            return 1;
    return 0;
}

/* A quote is part of a talk. */
static int is_personal(const troupe_message *message)
{
    return (message->flags & (TROUPE_MESSAGE_DIRECT | TROUPE_MESSAGE_CONTINUE)) ||
           message->reply_to;
}

/* A server's own name of the bot is in the prompt only where the template puts it there. */
static int is_of_guild(troupe_turn *turn, const struct share_prompt *prompt,
                       const troupe_message *message)
{
    return share_names_guild(message->content) ||
           (template_has(prompt->template, TEMPLATE_BOT) &&
            !equals(troupe_config_str(troupe_turn_host(turn), "bot_name"), prompt->bot_name));
}

/* Intent, tone and words, where that is sure; words alone do not say what a picture is asked about. */
static enum intent put_question(const struct share_prompt *prompt, troupe_str message,
                                char ret[SHARE_QUESTION_MAX])
{
    char words[INTENT_WORDS_MAX];
    enum intent intent;

    ret[0] = '\0';
    if (prompt->has_pictures || intent_words(message, words) == 0)
        return INTENT_OTHER;
    intent = intent_of(words);
    if (intent != INTENT_OTHER)
        snprintf(ret, SHARE_QUESTION_MAX, "%s %s: %s", intent_name(intent),
                 prompt->preferences->tone, words);
    return intent;
}

void share_decide(troupe_turn *turn, const struct share_prompt *prompt, struct share *ret)
{
    const troupe_message *message = troupe_turn_message(turn);
    const troupe_str widest = troupe_config_str(troupe_turn_host(turn), "share_answers");
    const int names = template_has(prompt->template, TEMPLATE_NAME);
    enum intent intent;

    memset(ret, 0, sizeof(*ret));
    ret->cache = "none";
    if (says(widest, "none") || is_personal(message))
        return;
    intent = put_question(prompt, message->content, ret->question);
    /* Who says hello may be called by their name, and anything else may be about whoever asks it. */
    if (names && intent != INTENT_HELP && intent != INTENT_STATUS) {
        ret->question[0] = '\0';
        return;
    }
    ret->nameless = names != 0;
    ret->cache = says(widest, "guild") || is_of_guild(turn, prompt, message) ? "guild" : "account";
}
