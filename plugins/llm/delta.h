/* SPDX-License-Identifier: Apache-2.0
 *
 * The one chunk that nearly all are: a piece of text, and around it what does not matter. It is taken
 * without a tree, which costs more than all the rest that is done for a piece. Each format says by a
 * shape where the text stands and what must not be there; whatever does not fit is left to its reader.
 */
#ifndef LLM_DELTA_H
#define LLM_DELTA_H

#include "stream.h"

enum llm_member_kind {
    LLM_MEMBER_SKIP,    /* any value                                  */
    LLM_MEMBER_NOTHING, /* null, or it is no such chunk               */
    LLM_MEMBER_FALSE,   /* false                                      */
    LLM_MEMBER_IS,      /* the text `word`                            */
    LLM_MEMBER_TEXT,    /* the piece of text, or null                 */
    LLM_MEMBER_MODEL,   /* the model's name                           */
    LLM_MEMBER_FINISH,  /* why the answer ends, or null               */
    LLM_MEMBER_OBJECT,  /* an object of the shape `inner`             */
    LLM_MEMBER_FIRST,   /* an array of exactly one such object        */
};

struct llm_shape_of;

struct llm_member {
    const char *name;
    size_t len; /* of the name */
    enum llm_member_kind kind;
    int needed; /* without it, it is no such chunk */
    const char *word;
    const struct llm_shape_of *inner;
};

#define LLM_SHAPE_MEMBERS 8
#define LLM_NAMED(text)   .name = (text), .len = sizeof(text) - 1

/* The members of an object that matter, up to the first without a name. */
struct llm_shape_of {
    struct llm_member members[LLM_SHAPE_MEMBERS];
    enum llm_member_kind others; /* LLM_MEMBER_SKIP or LLM_MEMBER_NOTHING */
};

/* Takes the chunk as the format's reader would: 1; 0 where it is for that reader, and nothing was taken. */
int llm_delta_take(const struct llm_shape_of *shape, struct llm_stream *stream, const char *data,
                   size_t len);

#endif
