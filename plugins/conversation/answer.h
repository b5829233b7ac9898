/* SPDX-License-Identifier: Apache-2.0
 *
 * An answer of the model's: how it is passed on as it comes in, and what is said in its place.
 */
#ifndef CONVERSATION_ANSWER_H
#define CONVERSATION_ANSWER_H

#include "apology.h"
#include "context.h"

#include <stddef.h>
#include <stdint.h>
#include <troupe/turn.h>

#define ANSWER_MAX ((size_t)64 * 1024) /* what troupe_write takes in all */

struct answer {
    char *text; /* ANSWER_MAX bytes */
    size_t len;
    uint8_t interrupted;
    uint8_t cached;   /* somebody got it before */
    uint8_t full;     /* ended at the bound of an answer  */
    uint8_t filtered; /* ended by the provider's own filter */
    int64_t tokens;
    struct context_sample sample;
};

/* Shown below such an answer, and not remembered with it. */
#define ANSWER_CACHED_MARK   "\n-# I gave this answer before"
#define ANSWER_FULL_MARK     "\n-# This is as long as my answers get. Tell me to go on for the rest"
#define ANSWER_FILTERED_MARK "\n-# My language model's provider stopped this answer here"

/* Ends the turn with plain words about what does not work. The host shows them to the member,
 * beside what was shown already, which it closes with a mark; the code is for `troupe why`. `text` is what
 * they read. */
troupe_status answer_apologize(troupe_turn *turn, troupe_status status, const char *step,
                               char text[APOLOGY_MAX]);

/* Passes the answer on as it comes in. TROUPE_INTERRUPTED when it broke off after some of it had
 * been shown; any other failure means that nothing was. */
troupe_status answer_stream(troupe_turn *turn, troupe_str arguments, struct answer *answer);

#endif
