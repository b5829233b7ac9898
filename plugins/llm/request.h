/* SPDX-License-Identifier: Apache-2.0
 *
 * What is asked of the provider: messages that were checked, in the shape that the model takes.
 */
#ifndef LLM_REQUEST_H
#define LLM_REQUEST_H

#include "json.h"
#include "pictures.h"
#include "settings.h"

#define LLM_MESSAGES_MAX 500
#define LLM_TOOLS_MAX    128

/* Which spelling the model takes; a provider that refuses one is asked once more without it. */
/* Flags only. Their places are recorded (shape.h): new ones go to the end. */
struct llm_shape {
    uint8_t completion_tokens; /* "max_completion_tokens" in place of "max_tokens" */
    uint8_t no_temperature;
    uint8_t no_usage;     /* "stream_options" is not known                    */
    uint8_t no_thinking;  /* nor that it shall not think first             */
    uint8_t no_schema;    /* nor a schema: it is asked for any object         */
    uint8_t no_json;      /* nor the wish for JSON; the question asks for it  */
    uint8_t no_cache;     /* nor marks of what may be kept of the question */
    uint8_t no_tools;     /* nor tools: they are described in words */
    uint8_t thoughts;     /* it wants back what it thought before calls …         */
    uint8_t all_thoughts; /* … and before every answer                            */
    uint8_t signs;        /* it wants calls signed, also those of other models    */
};

struct llm_request {
    const struct llm_settings *settings;
    json_t *messages; /* array, after what fits into no model's context was left out */
    json_t *tools;    /* as OpenAI declares them; NULL: none        */
    json_t *schema;   /* of an answer in JSON; NULL: any            */
    uint32_t dropped; /* messages that were left out                */
    uint8_t wants_json;
    uint8_t repairs;  /* user's messages at the end that are ours */
    uint8_t no_calls; /* tools are only told because the talk has calls of them */
    int64_t max_tokens;
    double temperature;
    uint8_t has_temperature;
    uint64_t input_bytes;          /* of all contents, calls and tools */
    struct llm_pictures *pictures; /* the caller's; NULL: there are none */
    struct llm_shape shape;
};

/* Checks the messages (a JSON array of role and content; an assistant's may have "tool_calls", a
 * tool's has "tool_call_id", a user's "pictures", any may have "stable") and fits them into the configured context:
 * the oldest that are neither "system" nor the last are left out. `max_tokens` 0 and `temperature`
 * below 0 take what the config says. TROUPE_ARGUMENT for bad messages, TROUPE_LIMIT where even the
 * last does not fit; `ret_problem` then says what. */
troupe_status llm_request_init(struct llm_request *request, const struct llm_settings *settings,
                               troupe_str messages, int64_t max_tokens, double temperature,
                               const char **ret_problem);
void llm_request_clear(struct llm_request *request);

/* Offers tools: a JSON array of {"type": "function", "function": {"name", "description",
 * "parameters"}}, at most LLM_TOOLS_MAX. TROUPE_ARGUMENT as above. */
troupe_status llm_request_offer(struct llm_request *request, troupe_str tools,
                                const char **ret_problem);
/* Counts input_bytes anew, after messages were added. */
void llm_request_measure(struct llm_request *request);
/* Asks for an answer in JSON, of that schema where it is not empty. TROUPE_ARGUMENT as above. */
troupe_status llm_request_want_json(struct llm_request *request, troupe_str schema,
                                    const char **ret_problem);
/* Turns to another model: what a provider refused before may be new to this one. */
void llm_request_turn_to(struct llm_request *request, const struct llm_settings *settings);

/* The body in the provider's format, to be freed with free(); NULL without memory. */
char *llm_request_body(const struct llm_request *request);

/* Learns from the provider's refusal of a parameter (the error's "param" and text, either may be
 * NULL): 1 when the shape changed and asking again makes sense. */
int llm_request_adapt(struct llm_request *request, const char *param, const char *message);

/* Tokens that a text or the messages will have, guessed rather too high than too low. */
uint64_t llm_estimate_text(const char *text, size_t len);
uint64_t llm_estimate_message(const struct llm_request *request, const json_t *message);
uint64_t llm_estimate_request(const struct llm_request *request);

#endif
