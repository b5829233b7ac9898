/* SPDX-License-Identifier: Apache-2.0
 *
 * Who else may get the answer to a message: nobody, where anything of the member or their talk is in the
 * prompt; the server, where anything of it is; whoever asks the same of this bot, where nothing is.
 *
 * What is surely a call for help or a question for the bot's state needs no name, so it is asked without where the
 * prompt has one. How a member wants to be talked to is in the prompt, and so it is part of the question: it parts
 * answers, and keeps none from those who want the same.
 */
#ifndef CONVERSATION_SHARE_H
#define CONVERSATION_SHARE_H

#include "intent.h"
#include "preferences.h"

#define SHARE_QUESTION_MAX (INTENT_WORDS_MAX + 64)

struct share {
    const char *cache;                 /* as llm.chat takes it: "none", "guild", "account" */
    char question[SHARE_QUESTION_MAX]; /* intent, tone and words; "": none is sure         */
    uint8_t nameless;                  /* the prompt has to be made without the member's name */
};

/* What the prompt is made of, beside the message. */
struct share_prompt {
    const char *template;
    const struct preferences *preferences;
    troupe_str bot_name; /* as the file has it, whatever a server calls it */
    uint8_t has_pictures;
};

/* For a message without history. [turn] */
void share_decide(troupe_turn *turn, const struct share_prompt *prompt, struct share *ret);

/* Whether a text names anything that a server has: members, roles, channels, emoji, messages. */
int share_names_guild(troupe_str text);

#endif
