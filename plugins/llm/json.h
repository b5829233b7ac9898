/* SPDX-License-Identifier: Apache-2.0
 *
 * jansson on a coroutine's stack: what a stranger sent is parsed only where its nesting is bounded,
 * because the parser recurses for every level. What nearly everybody sends (text without \u, whole
 * numbers) is read and written here, as jansson takes some 60 instructions a byte for it; it decides
 * about all the rest, so that both say the same of every text.
 */
#ifndef LLM_JSON_H
#define LLM_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define LLM_JSON_DEPTH_MAX 64

/* One JSON value, the caller's; NULL where it is none or nested too deep. */
json_t *llm_json_load(const char *text, size_t len);

/* The same where it is plain, else NULL. */
json_t *llm_json_load_plain(const char *text, size_t len);

/* As json_dumps with JSON_COMPACT, JSON_ENCODE_ANY and `flags`, which concern numbers only; to be given
 * to free(). NULL where there is no memory, or no value. */
char *llm_json_print(const json_t *value, size_t flags);

/* A text that is put together without a tree. */
struct llm_json_writer {
    char *text; /* to be given to free(), without an end; NULL: there was no memory */
    size_t len, room;
    size_t flags; /* of jansson, for fractions */
    /* Writes a text of its own where it returns 1; NULL: none is. */
    int (*other)(struct llm_json_writer *writer, const json_t *text, void *arg);
    void *arg;
};

/* With a first guess of the bytes that it takes. */
void llm_json_begin(struct llm_json_writer *writer, size_t room, size_t flags);
/* What is JSON already. */
void llm_json_put(struct llm_json_writer *writer, const char *text, size_t len);
/* Room for so many bytes, which the caller fills; NULL: there was no memory. */
char *llm_json_room(struct llm_json_writer *writer, size_t len);
/* As llm_json_print, with a first guess of the bytes that it takes and with texts that `other` writes. */
char *llm_json_print_with(const json_t *value, size_t flags, size_t room,
                          int (*other)(struct llm_json_writer *, const json_t *, void *),
                          void *arg);
void llm_json_put_int(struct llm_json_writer *writer, int64_t number);
/* UTF-8, between quotes. */
void llm_json_put_string(struct llm_json_writer *writer, const char *text, size_t len);

/* How many bytes stand in front of the first that cannot stand for itself in a string. Whether some are
 * not ASCII is added to `ret_wide`. */
size_t llm_json_span(const char *text, size_t len, int *ret_wide);

static inline void llm_json_cleanup(json_t **value)
{
    json_decref(*value);
}
#define LLM_CLEANUP_JSON __attribute__((cleanup(llm_json_cleanup)))

static inline void llm_text_cleanup(char **text)
{
    free(*text);
}
#define LLM_CLEANUP_TEXT __attribute__((cleanup(llm_text_cleanup)))

#endif
