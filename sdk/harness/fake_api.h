/* SPDX-License-Identifier: Apache-2.0
 *
 * The endpoints of the fake LLM:
 *
 *   POST /v1/chat/completions, /v1/embeddings; GET /v1/models        as OpenAI
 *   POST /v1/messages                                                as Anthropic
 *   POST /api/chat; GET /api/version, /api/tags                      as Ollama
 *   GET /_log      the chat and embedding requests received, oldest first, at most FAKE_LOG_MAX;
 *                  names of the headers, and of Authorization a digest, never a value
 *   GET /_stats    {"requests", "streamed", "faults", "aborted", "connections", "answering",
 *                  "concurrent_max"; "billed" (answers that began), "billed_input", "billed_output"
 *                  (their tokens)}
 *   GET /_rounds   what became of each question to the model, see fake_rounds.h
 *   POST /_script  replaces the script; [] empties it.  POST /_reset empties log, rounds and script
 *   GET /_bytes/N, /_gzip/N (a bomb), /_status/N; any method: /_echo, /_redirect?to=URL
 *                  plain resources for tests of HTTP clients
 */
#ifndef FAKE_API_H
#define FAKE_API_H

#include "fake_http.h"
#include "fake_script.h"

#define FAKE_LOG_MAX    1000
#define FAKE_MODELS_MAX 32

struct fake_api {
    const char *models[FAKE_MODELS_MAX];
    size_t model_count;
    struct fake_script *script;
    json_t *log;
    uint64_t chats, embeddings, listings, others, streamed;
};

void fake_api_init(struct fake_api *api);
void fake_api_clear(struct fake_api *api);
struct fake_plan *fake_api_answer(struct fake_server *server, const struct fake_request *request);

/* The answer to an embeddings request: a bag of hashed words, so like texts lie near each other;
 * of `values` where the request does not say. */
struct fake_plan *fake_answer_embeddings(const json_t *body, const char *model, int64_t values);
/* The same as Ollama gives it. */
struct fake_plan *fake_answer_embed(const json_t *body, const char *model, int64_t values);
/* Texts with "bad" in them are flagged. */
struct fake_plan *fake_answer_moderation(const json_t *body, const char *model);
/* A picture of one point; with what it cost, as OpenRouter tells. */
struct fake_plan *fake_answer_image(const json_t *body, bool with_cost);

#endif
