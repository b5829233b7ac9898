/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_api.h"

#include "fake_answer.h"
#include "fake_gzip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fake_api_init(struct fake_api *api)
{
    *api = (struct fake_api){.log = json_array()};
}

void fake_api_clear(struct fake_api *api)
{
    fake_script_free(api->script);
    json_decref(api->log);
}

static bool model_known(const struct fake_api *api, const char *model)
{
    for (size_t i = 0; i < api->model_count; i++) {
        if (strcmp(api->models[i], model) == 0)
            return true;
    }
    return false;
}

/* Header values are secrets: the log has names, and a digest to compare keys by. */
static json_t *log_entry(const struct fake_request *request, const json_t *body, uint64_t nth)
{
    const char *authorization = fake_request_header(request, "Authorization");
    json_t *names = json_array();
    char digest[17] = "";

    for (size_t i = 0; i < request->header_count; i++)
        json_array_append_new(names, json_string(request->headers[i].name));
    if (authorization)
        snprintf(digest, sizeof(digest), "%016llx",
                 (unsigned long long)fake_digest(authorization, strlen(authorization)));
    return json_pack("{s:I,s:s,s:o?,s:O?,s:O,s:o,s:b,s:s}", "nth", (json_int_t)nth, "path",
                     request->path, "model", json_incref(json_object_get(body, "model")),
                     "messages", json_object_get(body, "messages"), "body", body, "headers", names,
                     "authorized", authorization != NULL, "authorization_digest", digest);
}

static void log_request(struct fake_api *api, const struct fake_request *request,
                        const json_t *body, uint64_t nth)
{
    if (json_array_size(api->log) >= FAKE_LOG_MAX)
        json_array_remove(api->log, 0);
    json_array_append_new(api->log, log_entry(request, body, nth));
}

static struct fake_plan *unknown_model(enum fake_format format, const char *model)
{
    char text[256];

    snprintf(text, sizeof(text),
             "The model `%.100s` does not exist or you do not have access to it.", model);
    if (format == FAKE_OLLAMA)
        snprintf(text, sizeof(text), "model '%.100s' not found", model);
    else if (format == FAKE_ANTHROPIC)
        snprintf(text, sizeof(text), "model: %.100s", model);
    return fake_answer_error_in(format, 404, "model_not_found", text, NULL);
}

/* ---- OpenAI ------------------------------------------------------------------------------ */

/* A round is the same when the same question is asked again, or goes on with the same tool result.
 * What comes before may differ: a later attempt may know more or less of the talk. */
static uint64_t round_key(const struct fake_talk *talk)
{
    struct fake_text text = {0};
    uint64_t key;

    fake_text_printf(&text, "%s\n%s", talk->last, talk->tool);
    key = fake_digest(text.data, text.len);
    fake_text_clear(&text);

    return key ? key : 1;
}

/* Ollama streams unless it is told not to. */
static bool wants_stream(enum fake_format format, const json_t *body)
{
    const json_t *stream = json_object_get(body, "stream");

    return format == FAKE_OLLAMA ? !json_is_false(stream) : json_is_true(stream);
}

static struct fake_plan *answer_chat(struct fake_api *api, enum fake_format format,
                                     const struct fake_request *request, const json_t *body)
{
    char err[200] = "messages must be a list with content";
    json_t *messages = fake_format_messages(format, request, body, err, sizeof(err));
    const char *coding = fake_request_header(request, "Accept-Encoding");
    struct fake_chat chat = {
        .format = format,
        .model = fake_rule_str(body, "model", ""),
        .stream = wants_stream(format, body),
        .include_usage =
            json_is_true(json_object_get(json_object_get(body, "stream_options"), "include_usage")),
        .gzip_accepted = coding && strstr(coding, "gzip"),
        .max_tokens =
            fake_rule_int(body, "max_completion_tokens", fake_rule_int(body, "max_tokens", 0)),
    };
    struct fake_plan *plan;
    json_t *refusal;

    if (format == FAKE_OLLAMA)
        chat.max_tokens = fake_rule_int(json_object_get(body, "options"), "num_predict", 0);

    log_request(api, request, body, ++api->chats);
    if (format == FAKE_OLLAMA && json_is_array(messages) && json_array_size(messages) == 0) {
        json_decref(messages); /* no question: the model is only loaded */
        return fake_answer_json(
            200, json_pack("{s:s,s:b,s:s}", "model", chat.model, "done", 1, "done_reason", "load"));
    }
    if (!json_is_array(messages) || json_array_size(messages) == 0) {
        json_decref(messages);
        return fake_answer_error_in(format, 400, "invalid_value", err, NULL);
    }
    if (!model_known(api, chat.model)) {
        json_decref(messages);
        return unknown_model(format, chat.model);
    }
    chat.thinking = fake_thinking_of(fake_script_thinks(api->script, chat.model));
    refusal = fake_thoughts_refuse(chat.thinking, body);
    if (refusal) {
        json_decref(messages);
        return fake_answer_json(400, refusal);
    }
    if (!fake_thinks_at(chat.thinking, body))
        chat.thinking = FAKE_THINKS_NOT;
    fake_talk_init(&chat.talk, "chat", messages, api->chats);
    chat.talk.model = chat.model;
    chat.talk.key = fake_request_header(request, "x-api-key");
    if (!chat.talk.key)
        chat.talk.key = fake_request_header(request, "Authorization");
    chat.rule = fake_script_match(api->script, &chat.talk);
    if (chat.stream)
        api->streamed++;
    plan = fake_answer_chat(&chat);
    plan->round = round_key(&chat.talk);
    fake_talk_clear(&chat.talk);
    json_decref(messages);
    return plan;
}

/* The early fault of a rule for an endpoint without messages, or NULL. */
static struct fake_plan *endpoint_fault(struct fake_api *api, const char *endpoint,
                                        const char *model, uint64_t nth)
{
    struct fake_talk talk;
    struct fake_plan *plan;

    fake_talk_init(&talk, endpoint, NULL, nth);
    talk.model = model;
    plan = fake_answer_early_fault(FAKE_OPENAI, fake_script_match(api->script, &talk));
    fake_talk_clear(&talk);
    return plan;
}

static struct fake_plan *answer_embeddings(struct fake_api *api, const struct fake_request *request,
                                           const json_t *body)
{
    const char *model = fake_rule_str(body, "model", "");
    struct fake_plan *fault;

    log_request(api, request, body, ++api->embeddings);
    fault = endpoint_fault(api, "embeddings", model, api->embeddings);
    if (fault)
        return fault;
    return model_known(api, model)
               ? fake_answer_embeddings(body, model, fake_script_values(api->script, model))
               : unknown_model(FAKE_OPENAI, model);
}

/* Ollama's form of the same. */
static struct fake_plan *answer_embed(struct fake_api *api, const struct fake_request *request,
                                      const json_t *body)
{
    const char *model = fake_rule_str(body, "model", "");

    log_request(api, request, body, ++api->embeddings);
    return model_known(api, model)
               ? fake_answer_embed(body, model, fake_script_values(api->script, model))
               : unknown_model(FAKE_OLLAMA, model);
}

static struct fake_plan *answer_moderation(struct fake_api *api, const struct fake_request *request,
                                           const json_t *body)
{
    const char *model = fake_rule_str(body, "model", "");
    struct fake_plan *fault;

    log_request(api, request, body, ++api->others);
    fault = endpoint_fault(api, "moderations", model, api->others);
    return fault ? fault : fake_answer_moderation(body, model);
}

static struct fake_plan *answer_image(struct fake_api *api, const struct fake_request *request,
                                      const json_t *body, bool with_cost)
{
    const char *model = fake_rule_str(body, "model", "");
    struct fake_plan *fault;

    log_request(api, request, body, ++api->others);
    fault = endpoint_fault(api, "images", model, api->others);
    if (fault)
        return fault;
    return model_known(api, model) ? fake_answer_image(body, with_cost)
                                   : unknown_model(FAKE_OPENAI, model);
}

static struct fake_plan *answer_models(struct fake_api *api)
{
    struct fake_plan *fault = endpoint_fault(api, "models", NULL, ++api->listings);
    json_t *list;

    if (fault)
        return fault;
    list = json_array();
    for (size_t i = 0; i < api->model_count; i++)
        json_array_append_new(list, json_pack("{s:s,s:s,s:i,s:s}", "id", api->models[i], "object",
                                              "model", "created", 1700000000, "owned_by", "fake"));
    return fake_answer_json(200, json_pack("{s:s,s:o}", "object", "list", "data", list));
}

/* ---- Ollama, as far as finding it goes ------------------------------------------------------ */

static struct fake_plan *answer_tags(const struct fake_api *api)
{
    json_t *list = json_array();

    for (size_t i = 0; i < api->model_count; i++)
        json_array_append_new(
            list, json_pack("{s:s,s:s,s:s,s:i,s:s,s:{s:s,s:s}}", "name", api->models[i], "model",
                            api->models[i], "modified_at", "2026-01-01T00:00:00Z", "size", 1,
                            "digest", "0", "details", "format", "gguf", "family", "fake"));
    return fake_answer_json(200, json_pack("{s:o}", "models", list));
}

/* ---- the test's own ends ------------------------------------------------------------------- */

static struct fake_plan *answer_stats(const struct fake_server *server, const struct fake_api *api)
{
    const struct fake_server_stats *stats = &server->stats;

    return fake_answer_json(
        200, json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "requests",
                       (json_int_t)stats->requests, "chats", (json_int_t)api->chats, "streamed",
                       (json_int_t)api->streamed, "faults", (json_int_t)stats->faults, "aborted",
                       (json_int_t)stats->aborted, "connections", (json_int_t)stats->connections,
                       "answering", (json_int_t)stats->answering, "concurrent_max",
                       (json_int_t)stats->answering_max, "billed", (json_int_t)stats->billed,
                       "billed_input", (json_int_t)stats->billed_in, "billed_output",
                       (json_int_t)stats->billed_out));
}

static struct fake_plan *set_script(struct fake_api *api, const json_t *body)
{
    char err[300];
    struct fake_script *script = fake_script_new(body, err, sizeof(err));

    if (!script)
        return fake_answer_error(400, "bad_script", err, NULL);
    fake_script_free(api->script);
    api->script = script;
    return fake_answer_json(200, json_pack("{s:b}", "ok", 1));
}

static struct fake_plan *reset(struct fake_server *server, struct fake_api *api)
{
    fake_rounds_clear(server->rounds);
    fake_script_free(api->script);
    api->script = NULL;
    json_array_clear(api->log);
    return fake_answer_json(200, json_pack("{s:b}", "ok", 1));
}

/* N bytes "0123456789…" so that a reader can check the place of each. */
static struct fake_plan *answer_bytes(uint64_t n)
{
    enum { BLOCK = 64000 }; /* a multiple of the pattern's period */
    struct fake_plan *plan = fake_plan_new();
    struct fake_text head = {0};
    char *block = fake_alloc(BLOCK);

    for (size_t i = 0; i < BLOCK; i++)
        block[i] = (char)('0' + i % 10);
    fake_text_printf(&head,
                     "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                     "Content-Length: %llu\r\n\r\n",
                     (unsigned long long)n);
    fake_plan_add(plan, 0, head.data, head.len);
    if (n >= BLOCK)
        fake_plan_add(plan, 0, block, BLOCK)->repeat = n / BLOCK;
    if (n % BLOCK)
        fake_plan_add(plan, 0, block, n % BLOCK);
    fake_text_clear(&head);
    free(block);
    return plan;
}

static struct fake_plan *answer_bomb(uint64_t n)
{
    struct fake_plan *plan = fake_plan_new();
    struct fake_text text = {0};
    struct fake_text body = {0};

    fake_gzip_bomb(&body, n);
    fake_text_printf(&text,
                     "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\n"
                     "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                     body.len);
    fake_plan_add(plan, 0, text.data, text.len);
    fake_plan_add(plan, 0, body.data, body.len);
    fake_text_clear(&text);
    fake_text_clear(&body);
    return plan;
}

static struct fake_plan *answer_redirect(const char *query)
{
    struct fake_plan *plan = fake_plan_new();
    struct fake_text text = {0};

    fake_text_printf(&text, "HTTP/1.1 302 Found\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n",
                     strncmp(query, "to=", 3) == 0 ? query + 3 : "/");
    fake_plan_add(plan, 0, text.data, text.len);
    fake_text_clear(&text);
    return plan;
}

static struct fake_plan *answer_echo(const struct fake_request *request)
{
    json_t *names = json_array();

    for (size_t i = 0; i < request->header_count; i++)
        json_array_append_new(names, json_string(request->headers[i].name));
    return fake_answer_json(200,
                            json_pack("{s:s,s:s,s:s,s:o,s:o?}", "method", request->method, "path",
                                      request->path, "query", request->query, "headers", names,
                                      "body", json_stringn(request->body, request->body_len)));
}

static struct fake_plan *answer_resource(const struct fake_server *server, struct fake_api *api,
                                         const struct fake_request *request)
{
    const char *path = request->path;

    if (strcmp(path, "/_log") == 0)
        return fake_answer_json(200, json_deep_copy(api->log));
    if (strcmp(path, "/_stats") == 0)
        return answer_stats(server, api);
    if (strcmp(path, "/_rounds") == 0)
        return fake_answer_json(200, fake_rounds_report(server->rounds));
    if (strncmp(path, "/_bytes/", 8) == 0)
        return answer_bytes(strtoull(path + 8, NULL, 10));
    if (strncmp(path, "/_gzip/", 7) == 0)
        return answer_bomb(strtoull(path + 7, NULL, 10) & 0xfffffff);
    if (strncmp(path, "/_status/", 9) == 0)
        return fake_answer_error((int)strtol(path + 9, NULL, 10), "asked_for", "as asked", NULL);
    if (strcmp(path, "/v1/models") == 0)
        return answer_models(api);
    if (strcmp(path, "/api/version") == 0)
        return fake_answer_json(200, json_pack("{s:s}", "version", "0.12.0"));
    if (strcmp(path, "/api/tags") == 0)
        return answer_tags(api);
    return fake_answer_error(404, "not_found", "no such resource", NULL);
}

struct fake_plan *fake_api_answer(struct fake_server *server, const struct fake_request *request)
{
    struct fake_api *api = server->arg;
    struct fake_plan *plan;
    json_t *body;

    if (strcmp(request->path, "/_echo") == 0)
        return answer_echo(request);
    if (strcmp(request->path, "/_redirect") == 0)
        return answer_redirect(request->query);
    if (strcmp(request->method, "POST") != 0)
        return answer_resource(server, api, request);
    if (strcmp(request->path, "/_reset") == 0)
        return reset(server, api);
    body = json_loadb(request->body, request->body_len, 0, NULL);
    if (!body)
        return fake_answer_error(400, "invalid_json", "the body is no JSON", NULL);
    if (strcmp(request->path, "/v1/chat/completions") == 0)
        plan = answer_chat(api, FAKE_OPENAI, request, body);
    else if (strcmp(request->path, "/v1/messages") == 0)
        plan = answer_chat(api, FAKE_ANTHROPIC, request, body);
    else if (strcmp(request->path, "/api/chat") == 0)
        plan = answer_chat(api, FAKE_OLLAMA, request, body);
    else if (strcmp(request->path, "/v1/embeddings") == 0)
        plan = answer_embeddings(api, request, body);
    else if (strcmp(request->path, "/api/embed") == 0)
        plan = answer_embed(api, request, body);
    else if (strcmp(request->path, "/v1/moderations") == 0)
        plan = answer_moderation(api, request, body);
    else if (strcmp(request->path, "/v1/images/generations") == 0)
        plan = answer_image(api, request, body, false);
    else if (strcmp(request->path, "/v1/images") == 0)
        plan = answer_image(api, request, body, true);
    else if (strcmp(request->path, "/_script") == 0)
        plan = set_script(api, body);
    else
        plan = fake_answer_error(404, "not_found", "no such resource", NULL);
    json_decref(body);
    return plan;
}
