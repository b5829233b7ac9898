/* SPDX-License-Identifier: Apache-2.0
 *
 * What goes to the model beside instructions, talk and message: blocks of data that earlier stages
 * of the turn found (memories, pages), each fenced, and all of them within a share of the context.
 *
 * A stage before this one hands them over by troupe_annotate under the keys below.
 */
#ifndef CONVERSATION_CONTEXT_H
#define CONVERSATION_CONTEXT_H

#include "prompt.h"

#define CONTEXT_BLOCKS_MAX 4
#define CONTEXT_SHARE      4 /* of what is left for the talk, blocks take at most a quarter */

struct context_block {
    const char *title; /* constant, ours */
    troupe_str text;   /* anybody's      */
};

struct context {
    struct context_block blocks[CONTEXT_BLOCKS_MAX];
    uint32_t count;
};

/* Takes what earlier stages left: "context.memories", "context.pages". [turn] */
void context_load(troupe_turn *turn, struct context *ret);
/* One more; nothing where there is no text, no UTF-8 or no place. */
void context_add(struct context *context, const char *title, troupe_str text);

/* `text` with the blocks above it, cut to the budget; `text` itself where there are none. Lives as
 * long as the turn. [turn] */
troupe_str context_put(troupe_turn *turn, const struct context *context,
                       const struct prompt_budget *budget, troupe_str text);

#endif
