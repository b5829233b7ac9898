/* SPDX-License-Identifier: Apache-2.0
 *
 * The question to llm.chat: instructions, as much of the talk as fits, and the message.
 */
#ifndef CONVERSATION_PROMPT_H
#define CONVERSATION_PROMPT_H

#include "history.h"
#include "share.h"

/* Tokens, as they are estimated here: rather too many than too few. */
struct prompt_budget {
    int64_t context; /* everything together           */
    int64_t answer;  /* kept free for the answer      */
    int64_t reserve; /* kept free for what comes later, and for wrong guesses */
    int64_t system;  /* the instructions at most      */
    /* Of one turn. */
    int64_t per_mille;        /* tokens that models count for 1,000 estimated; 0: as many */
    uint64_t stable;          /* bytes of the instructions that are the same for every member */
    const uint32_t *pictures; /* that go along with the message: places of the turn's files */
    uint32_t picture_count;
};

struct prompt {
    char *arguments; /* JSON for llm.chat; prompt_clear frees it */
    uint32_t used;   /* lines of the talk that fitted */
    uint32_t reach;  /* lines up to the oldest of them */
    uint8_t shared;  /* the answer may be given to others */
    int64_t tokens;  /* estimated */
};

int64_t prompt_tokens(const char *text, uint64_t len);
/* What is left for everything but the answer, in tokens as we estimate them. */
int64_t prompt_room(const struct prompt_budget *budget);

/* Newest first within the budget, those that want something before small talk, what is older as its summary above the oldest that has a place. What every
 * question begins with is marked as stable, so that providers need not read it anew. `share`: who may get
 * the same answer, which is nobody where there are earlier lines. TROUPE_LIMIT where the message alone is
 * too long, TROUPE_DATA where it is no UTF-8. */
troupe_status prompt_build(const struct prompt_budget *budget, const char *system,
                           const struct history *history, troupe_str message,
                           const struct share *share, struct prompt *ret);
void prompt_clear(struct prompt *prompt);

#endif
