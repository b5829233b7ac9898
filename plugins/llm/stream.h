/* SPDX-License-Identifier: Apache-2.0
 *
 * What a provider's chunks add up to: text, calls of tools, usage, why it ended, or an error in the
 * middle. Which format the chunks have is the business of provider.h; here is what all of them need.
 */
#ifndef LLM_STREAM_H
#define LLM_STREAM_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>
#include <troupe/status.h>

#define LLM_TEXT_MAX   ((size_t)60 * 1024) /* of an answer; troupe_write takes 64 kB in all */
#define LLM_FINISH_MAX 31

/* Calls of tools in one answer, and what their arguments may take together. */
#define LLM_CALLS_MAX     16
#define LLM_ARGUMENTS_MAX ((size_t)64 * 1024)
#define LLM_EXTRA_MAX     ((size_t)64 * 1024) /* what providers want back with them, as JSON */
#define LLM_THOUGHTS_MAX  ((size_t)64 * 1024) /* that may have to go back with calls */
#define LLM_CALL_ID_MAX   127
#define LLM_CALL_NAME_MAX 127

/* More tokens than any model takes: a count above it is no count. */
#define LLM_USAGE_MAX 1000000000

/* A provider's error object; the texts are cut and for the log only. */
struct llm_provider_error {
    char type[64], code[64], param[64], message[400];
};

/* Tokens as one kind of provider counts them, said in one way: `input` holds `cached` and `written`,
 * `output` holds `reasoning`. */
struct llm_usage {
    uint64_t input, output;
    uint64_t cached;      /* read from the provider's cache, at a lower price  */
    uint64_t written;     /* put into it, at a quarter more than plain input   */
    uint64_t reasoning;   /* thought and not said                              */
    uint64_t cost_micros; /* what the provider itself says that it took */
    uint8_t known, has_cost;
};

/* A tool that the model wants called. Its arguments come in pieces and are JSON only at the end. */
struct llm_call {
    int64_t index; /* the provider's, which tells the calls of one answer apart */
    char id[LLM_CALL_ID_MAX + 1], name[LLM_CALL_NAME_MAX + 1];
    char *arguments; /* NUL-terminated; NULL while there are none */
    size_t len;
    json_t *extra; /* what the provider wants back with it, as it came; NULL: nothing */
    size_t extra_len;
    uint8_t confirm; /* it shall be asked for first: actions.h */
};

#define LLM_FORM_MAX 448 /* bytes around the text, above what any provider writes there */

/* What stood around the text of the last chunk, where that was a plain one (delta.h). */
struct llm_form {
    const void *shape;   /* by which it was taken */
    uint16_t head, tail; /* `head` 0: it is not known */
    char bytes[LLM_FORM_MAX];
};

/* The text of the last of a stream's details under `key`, which grows. */
struct llm_growth {
    const char *key; /* static; NULL: there is none */
    char *text;
    size_t len, size;
};

struct llm_stream {
    char *text;       /* LLM_TEXT_MAX bytes, the caller's */
    size_t len, most; /* `most` may be written, LLM_TEXT_MAX unless set lower */
    struct llm_usage usage;
    char finish[LLM_FINISH_MAX + 1]; /* "" until the provider said why it ended */
    char model[128];                 /* that answered */
    uint32_t chunks;                 /* that could be understood */
    uint64_t hidden;                 /* bytes of reasoning, which is billed and not shown */
    uint8_t begun;                   /* a first token came, reasoning included */
    uint8_t done;                    /* the provider said that this is all */
    uint8_t full;                    /* text was cut at LLM_TEXT_MAX */
    struct llm_call calls[LLM_CALLS_MAX];
    uint32_t call_count;
    size_t argument_bytes, extra_bytes;
    char *thoughts;  /* in words; NULL: there were none, or more than LLM_THOUGHTS_MAX of both */
    json_t *details; /* the same as OpenRouter lists them, or Anthropic's blocks; NULL likewise */
    struct llm_growth growth;
    size_t thoughts_len, thought_bytes;
    uint8_t thoughts_full;
    struct llm_provider_error error;
    struct llm_form form;
};

void llm_stream_init(struct llm_stream *stream, char *text);
void llm_stream_clear(struct llm_stream *stream);

/* ---- for the readers of each format; values of another type than expected are ignored ---------- */

void llm_stream_append(struct llm_stream *stream, const json_t *text);
/* The same of UTF-8. */
void llm_stream_append_text(struct llm_stream *stream, const char *text, size_t len);
/* Bytes of thoughts, which are not shown but are a sign of life. */
void llm_stream_think(struct llm_stream *stream, size_t bytes);
/* Keeps thoughts, which some providers want back with calls: text, or a list whose pieces belong together. */
void llm_stream_remember(struct llm_stream *stream, const char *text, size_t len);
void llm_stream_remember_details(struct llm_stream *stream, const json_t *details);
/* The same of a block of thoughts, with where it stood: behind so many bytes of text ("at") and so many calls
 * ("calls"). What comes behind belongs to its member `key`. */
void llm_stream_remember_block(struct llm_stream *stream, const json_t *block);
void llm_stream_grow_block(struct llm_stream *stream, const char *key, const json_t *text);
/* All of them, the stream's; NULL: there are none. */
json_t *llm_stream_details(struct llm_stream *stream);
void llm_stream_finish(struct llm_stream *stream, const char *reason);
/* The latest call with that index; NULL where there is none. */
struct llm_call *llm_stream_find(struct llm_stream *stream, int64_t index);
/* A new one; NULL where there are too many. */
struct llm_call *llm_stream_begin(struct llm_stream *stream, int64_t index);
/* What came of a call's id and name, of which the first counts. */
void llm_stream_name(struct llm_call *call, const json_t *id, const json_t *name);
/* The call with that index, made where it is new; NULL where there are too many. */
struct llm_call *llm_stream_call(struct llm_stream *stream, int64_t index, const json_t *id,
                                 const json_t *name);
/* More of a call's arguments. TROUPE_LIMIT above LLM_ARGUMENTS_MAX, TROUPE_NOMEM. */
troupe_status llm_stream_argue(struct llm_stream *stream, struct llm_call *call, const char *text,
                               size_t len);
/* Keeps an object that has to go back with the call, in place of one before. TROUPE_LIMIT above LLM_EXTRA_MAX. */
troupe_status llm_stream_keep(struct llm_stream *stream, struct llm_call *call,
                              const json_t *extra);
/* A count of tokens; 0 where there is none or it is beyond all reason. */
int llm_stream_count(const json_t *object, const char *key, uint64_t *ret);
/* A text, cleaned and cut; a number in its digits. */
void llm_stream_text(const json_t *object, const char *key, char *ret, size_t size);

/* ---- errors ------------------------------------------------------------------------------------*/

/* Reads an error body: {"error": {…}}, {"error": "text"}, or any other text. */
void llm_provider_error_read(const char *body, size_t len, struct llm_provider_error *ret);
/* The same of a parsed "error". */
void llm_provider_error_take(const json_t *error, struct llm_provider_error *ret);

/* Copies at most `size` - 1 bytes without control characters, cut before a UTF-8 sequence. */
void llm_clean(char *ret, size_t size, const char *text, size_t len);

#endif
