/* SPDX-License-Identifier: Apache-2.0
 *
 * What the provider's chunks add up to: text, usage, why it ended, or an error in the middle. Takes
 * a whole answer (object "chat.completion") as one chunk too, from servers that do not stream.
 */
#ifndef LLM_STREAM_H
#define LLM_STREAM_H

#include <stddef.h>
#include <stdint.h>
#include <troupe/status.h>

#define LLM_TEXT_MAX   ((size_t)60 * 1024) /* of an answer; troupe_write takes 64 kB in all */
#define LLM_FINISH_MAX 31

/* More tokens than any model takes: a count above it is no count. */
#define LLM_USAGE_MAX 1000000000

/* A provider's error object; the texts are cut and for the log only. */
struct llm_provider_error {
    char type[64], code[64], param[64], message[400];
};

struct llm_usage {
    uint64_t input, output, cached;
    uint64_t cost_micros; /* what the provider itself says that it took */
    uint8_t known, has_cost;
};

struct llm_stream {
    char *text; /* LLM_TEXT_MAX bytes, the caller's */
    size_t len;
    struct llm_usage usage;
    char finish[LLM_FINISH_MAX + 1]; /* "" until the provider said why it ended */
    char model[128];                 /* that answered */
    uint32_t chunks;                 /* that could be understood */
    uint64_t hidden;                 /* bytes of reasoning, which is billed and not shown */
    uint8_t begun;                   /* a first token came, reasoning included */
    uint8_t done;                    /* [DONE] came */
    uint8_t full;                    /* text was cut at LLM_TEXT_MAX */
    struct llm_provider_error error;
};

void llm_stream_init(struct llm_stream *stream, char *text);

/* One event's data. TROUPE_OK: `*ret` and `*ret_len` are new text inside `stream->text`, length 0
 * when the chunk had none. TROUPE_END after [DONE]. TROUPE_DATA: no JSON, or none of ours.
 * TROUPE_UNAVAILABLE: an error object, which is in `stream->error`. */
troupe_status llm_stream_chunk(struct llm_stream *stream, const char *data, size_t len,
                               const char **ret, size_t *ret_len);

/* Reads an error body or object: {"error": {…}}, {"error": "text"}, or any other text. */
void llm_provider_error_read(const char *body, size_t len, struct llm_provider_error *ret);

/* Copies at most `size` - 1 bytes without control characters, cut before a UTF-8 sequence. */
void llm_clean(char *ret, size_t size, const char *text, size_t len);

#endif
