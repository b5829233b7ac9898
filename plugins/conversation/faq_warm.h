/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers to frequent questions that have none of their own: asked of the model before a member asks, with
 * nothing of anybody in the prompt, and kept in the host's cache for a day.
 */
#ifndef CONVERSATION_FAQ_WARM_H
#define CONVERSATION_FAQ_WARM_H

#include "faq.h"

#define FAQ_LIFE_MS                                                                                \
    ((uint64_t)24 * 3600 * 1000) /* of an answer, as long as the host's cache keeps anything */
#define FAQ_REST_MS 2000         /* between two questions at the start */
#define FAQ_HELD_FOR                                                                               \
    50 /* per cent of a cap that are spent: then it is left for later, the first mark of the budget */

/* What the prompt for such questions is made of. */
struct faq_prompt {
    const char *instructions; /* as they are told to the model now */
    const char *source;       /* what they are made from: another one is another answer */
    const char *bot_name;     /* so is another one of these, where no server has its own */
    int64_t answer_tokens;
};

/* The answer that is kept, valid as long as the turn; TROUPE_NOT_FOUND. [turn, waits] */
troupe_status faq_kept(troupe_turn *turn, const struct faq_entry *entry,
                       const struct faq_prompt *prompt, troupe_str *ret);
/* Asks the model; the answer is the turn's in `ret`, and kept where it is a whole one. TROUPE_DATA where there
 * is none. [turn, waits] */
troupe_status faq_ask(troupe_turn *turn, const struct faq_entry *entry,
                      const struct faq_prompt *prompt, troupe_str *ret, int *ret_whole);
/* Asks for those that are missing, at most `most` of them and as long as no cap is at its first mark. Gives
 * {"kept": n, "asked": n, "left": n}. [turn, waits] */
troupe_status faq_warm_run(troupe_turn *turn, const struct faq *faq,
                           const struct faq_prompt *prompt, int64_t most);

#endif
