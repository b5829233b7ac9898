/* SPDX-License-Identifier: Apache-2.0 */
#include "share.h"

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
    static const char *const marks[] = {
        "<@", "<#", "<:", "<a:", "</", "<id:", "/channels/", "discord.gg/"};

    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++)
        if (memmem(text.ptr, text.len, marks[i], strlen(marks[i])))
            return 1;
    return 0;
}

/* Whether the prompt and the message alone say nothing about the member. A quote is part of a talk. */
static int is_impersonal(const struct share_prompt *prompt, const troupe_message *message)
{
    return !strstr(prompt->template, "{{name}}") && !prompt->preferences->stored &&
           !(message->flags & (TROUPE_MESSAGE_DIRECT | TROUPE_MESSAGE_CONTINUE)) &&
           !message->reply_to;
}

/* A server's own name of the bot is in the prompt only where the template puts it there. */
static int is_of_guild(troupe_turn *turn, const struct share_prompt *prompt,
                       const troupe_message *message)
{
    return share_names_guild(message->content) ||
           (strstr(prompt->template, "{{bot}}") &&
            !equals(troupe_config_str(troupe_turn_host(turn), "bot_name"), prompt->bot_name));
}

void share_decide(troupe_turn *turn, const struct share_prompt *prompt, struct share *ret)
{
    const troupe_message *message = troupe_turn_message(turn);
    const troupe_str widest = troupe_config_str(troupe_turn_host(turn), "share_answers");
    char words[INTENT_WORDS_MAX];
    enum intent intent;

    memset(ret, 0, sizeof(*ret));
    ret->cache = "none";
    if (says(widest, "none") || !is_impersonal(prompt, message))
        return;
    ret->cache = says(widest, "guild") || is_of_guild(turn, prompt, message) ? "guild" : "account";
    if (intent_words(message->content, words) == 0)
        return;
    intent = intent_of(words);
    if (intent != INTENT_OTHER)
        snprintf(ret->question, sizeof(ret->question), "%s %s: %s", intent_name(intent),
                 prompt->preferences->tone, words);
}
