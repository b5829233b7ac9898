/* SPDX-License-Identifier: Apache-2.0
 *
 * One question to the model: what is asked on what, how its prompt comes about, and what is kept of it.
 */
#ifndef CONVERSATION_ASKING_H
#define CONVERSATION_ASKING_H

#include "answer.h"
#include "context.h"
#include "history.h"
#include "pictures.h"
#include "preferences.h"
#include "prompt.h"
#include "setup.h"
#include "share.h"

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

/* Where a prompt has a name, and the question is nobody's. */
#define ASKING_NO_NAME "a member whose name is not told"

int asking_is_blank(troupe_str text);
/* What the member wants of the model: the message, or that a cut answer goes on. */
troupe_str asking_question(const troupe_message *message);
/* `ret_stable`: how many bytes of it every member's begin with. */
char *asking_instructions(troupe_turn *turn, const struct conversation *conversation,
                          const struct preferences *preferences, int64_t now_ms,
                          uint64_t *ret_stable);
/* Who else may get the answer; what the model is told has nothing of the member where somebody may. */
troupe_status asking_share(troupe_turn *turn, struct asking *asking,
                           const struct preferences *preferences);
/* What is remembered. Without storage the talk goes on without a memory, and the trace says so. */
troupe_status asking_recall(troupe_turn *turn, const struct conversation *conversation,
                            struct preferences *preferences, struct history *history,
                            uint8_t *ret_stores);
/* The prompt, with the pictures where they are to be seen. TROUPE_LIMIT: the message alone is too long. */
troupe_status asking_build(troupe_turn *turn, struct asking *asking, int seen, struct prompt *ret);
/* Asks and answers; TROUPE_DONE where that went well. */
troupe_status asking_answer(troupe_turn *turn, struct asking *asking, struct prompt *prompt);
/* Keeps what was asked and answered. Without storage the trace says so, and it is no failure. */
troupe_status asking_remember(troupe_turn *turn, const struct asking *asking,
                              const struct answer *answer);

#endif
