/* SPDX-License-Identifier: Apache-2.0
 *
 * The pictures of a question: files of the turn that its messages name by their places ("pictures"). Their bytes
 * stay the host's. They are in no tree and in no record: a text stands for each in the request's body, and
 * gives way to its base64 while the body is written, which is the only copy that we make.
 */
#ifndef LLM_PICTURES_H
#define LLM_PICTURES_H

#include "digest.h"
#include "json.h"
#include "picture.h"
#include "settings.h"
#include "sight.h"

#include <troupe/files.h>

#define LLM_PICTURES_MAX     8
#define LLM_PICTURE_MAX      3932160u /* bytes; in base64 the 5 MB that Anthropic takes */
#define LLM_PICTURES_DEFAULT 4
#define LLM_CUTS_MAX         32 /* pictures of a body that is sent in parts; a file may be shown again */
/* What a picture is taken for where nobody knows who will see it. */
#define LLM_PICTURE_TOKENS 1000

struct llm_request;

struct llm_picture {
    uint32_t file; /* its place among the turn's files */
    troupe_str bytes;
    struct llm_picture_head head;
    char digest[LLM_DIGEST_TEXT]; /* "" until llm_pictures_digest */
    json_t *stand_in;             /* while a body is made         */
};

struct llm_pictures {
    struct llm_picture at[LLM_PICTURES_MAX];
    uint32_t count;
    uint8_t low; /* are shown in low detail, where a provider has that */
};

/* NULL, or what is wrong with a message's "pictures". */
const char *llm_pictures_check(const json_t *message);
/* How many a message has. */
size_t llm_pictures_of(const json_t *message);
/* Whether any message has one. */
int llm_pictures_any(const json_t *messages);

/* Reads what the request's messages name, within the bounds of the settings. Else the call has failed, with a
 * sentence that names the file. [turn, waits] */
troupe_status llm_pictures_load(troupe_turn *turn, const struct llm_settings *settings,
                                struct llm_request *request, struct llm_pictures *ret);

/* Tokens that the pictures of a message, or of all messages, count for at most with the request's model.
 * UINT64_MAX where nobody knows. */
uint64_t llm_pictures_tokens_of(const struct llm_request *request, const json_t *message);
uint64_t llm_pictures_tokens(const struct llm_request *request);
/* The same as a guess, which may be too low. */
uint64_t llm_pictures_guess(const struct llm_request *request, const json_t *message);

/* Makes the digests of their bytes, beside the loop as far as the host can. Negative only where the turn has
 * ended. [turn, waits] */
troupe_status llm_pictures_digest(troupe_turn *turn, struct llm_pictures *pictures);
/* They, in the order of the messages. NULL without memory. */
json_t *llm_pictures_digests(const struct llm_request *request);

/* For a format: the n-th picture of a message, and what stands for it. `before` goes in front of its base64;
 * NULL: "data:TYPE;base64,". Both NULL where there is none. */
const struct llm_picture *llm_pictures_at(const struct llm_request *request, const json_t *message,
                                          size_t n);
json_t *llm_pictures_stand_in(const struct llm_picture *picture, const char *before);

/* The body with the pictures in it, to be freed with free(); NULL without memory. */
char *llm_pictures_print(const struct llm_request *request, const json_t *body, size_t flags);
/* The body as it is sent in parts: its text without the pictures, and where their base64 belongs. */
struct llm_body {
    char *text; /* to be freed with free(); NULL without memory */
    size_t len;
    uint32_t count; /* 0: there are more than LLM_CUTS_MAX, or none */
    struct llm_cut {
        size_t at; /* in the text */
        const struct llm_picture *picture;
    } cuts[LLM_CUTS_MAX];
};
void llm_pictures_cut(const struct llm_request *request, const json_t *body, size_t flags,
                      struct llm_body *ret);

#endif
