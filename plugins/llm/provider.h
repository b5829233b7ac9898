/* SPDX-License-Identifier: Apache-2.0
 *
 * The formats that providers speak, behind one small interface: how a request is written, how an
 * answer is read, where both go. What is asked (request.h) and what came (stream.h) are the same for
 * all of them.
 */
#ifndef LLM_PROVIDER_H
#define LLM_PROVIDER_H

#include "delta.h"
#include "pictures.h"
#include "request.h"
#include "sse.h"
#include "stream.h"

/* How an answer is cut into chunks: server-sent events, or a JSON object on each line. */
enum llm_framing { LLM_EVENTS, LLM_LINES };

struct llm_provider {
    const char *name;
    enum llm_framing framing;
    const char *accept;                  /* media type of a streamed answer               */
    const char *chat, *models;           /* paths behind base_url                         */
    const char *key_header, *key_prefix; /* the host puts the key behind the prefix       */
    const char *extra_header, *extra;    /* one that every request needs; NULL: none      */
    const char *model_list, *model_name; /* keys in the list of models                    */
    /* The body; NULL without memory. */
    json_t *(*body)(const struct llm_request *request);
    /* Adds one chunk to the stream, or a whole answer of a server that does not stream. TROUPE_DATA
     * where it is neither, TROUPE_UNAVAILABLE for an error object (in `stream->error`). */
    troupe_status (*read)(struct llm_stream *stream, const json_t *chunk);
    const struct llm_shape_of *delta; /* of a piece of text, which is taken without `read` */
};

extern const struct llm_provider llm_provider_openai;
extern const struct llm_provider llm_provider_anthropic;
extern const struct llm_provider llm_provider_ollama;

/* By enum llm_format, LLM_FORMAT_AUTO excepted. */
const struct llm_provider *llm_provider_of(const struct llm_settings *settings);

/* The tools of a request as OpenAI and Ollama want them, without what only the host needs. The
 * caller's. */
json_t *llm_provider_tools(const struct llm_request *request);

/* The name of the call that a tool's message belongs to, the nearest with its id; NULL: there is none. */
const char *llm_provider_called(const json_t *messages, const json_t *result);

/* What Gemini puts beside a call, and wants back. */
#define LLM_EXTRA "extra_content"
/* What Gemini takes in its place beside the first call of another model's answer, and the bytes of both together
 * at most: ai.google.dev/gemini-api/docs/thought-signatures, "FAQs". */
#define LLM_ANY_SIGNATURE "skip_thought_signature_validator"
#define LLM_SIGNATURE_MAX 128
/* What was thought before calls, by the members in which some want it back beside these (shape.thoughts). */
#define LLM_THOUGHTS "thoughts"
/* Among these: Anthropic's blocks, as the stream keeps them. */
#define LLM_BLOCKS "blocks"
/* Whether a message has either from the model that is asked. */
int llm_provider_is_own(const struct llm_request *request, const json_t *message);
/* Whether the model has to be asked not to think, as answers before lack its thoughts: it would refuse them.
 * OpenAI's interface; api-docs.deepseek.com/guides/thinking_mode. */
int llm_provider_stops_thinking(const struct llm_request *request);
/* Says in a message with either which model it came from: no other is to read it. 0, or -1 without
 * memory. */
int llm_provider_sign(json_t *message, const struct llm_settings *settings);

/* The messages of a request as OpenAI wants them, without what only we need. The caller's. */
json_t *llm_provider_messages(const struct llm_request *request);

/* The wish for JSON as the model takes it: a schema, any object, or none beside the words of the question. */
enum llm_json_wish { LLM_JSON_NONE, LLM_JSON_OBJECT, LLM_JSON_SCHEMA };
enum llm_json_wish llm_provider_json_wish(const struct llm_request *request);

/* The body, to be freed with free(); NULL without memory. */
char *llm_provider_body(const struct llm_request *request);
/* The same of a request with pictures, without them and with where they belong. */
void llm_provider_cut(const struct llm_request *request, struct llm_body *ret);

/* One chunk's data. TROUPE_OK: `*ret` and `*ret_len` are new text inside `stream->text`, length 0
 * when the chunk had none. TROUPE_END after the mark that ends a stream. TROUPE_DATA: no JSON, or
 * none of ours. TROUPE_UNAVAILABLE: an error object, which is in `stream->error`. */
troupe_status llm_provider_chunk(const struct llm_provider *provider, struct llm_stream *stream,
                                 const char *data, size_t len, const char **ret, size_t *ret_len);

/* Cuts bytes into chunks as the provider frames them; the interface is that of llm_sse. */
struct llm_frames {
    enum llm_framing framing;
    struct llm_sse sse;
};
void llm_frames_init(struct llm_frames *frames, enum llm_framing framing, char *buffer,
                     size_t capacity);
troupe_status llm_frames_next(struct llm_frames *frames, const char **data, size_t *len,
                              struct llm_sse_event *ret);

#endif
