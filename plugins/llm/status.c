/* SPDX-License-Identifier: Apache-2.0 */
#include "status.h"

#include "errors.h"
#include "health.h"
#include "json.h"
#include "price.h"
#include "provider.h"

#include <stdio.h>
#include <string.h>
#include <troupe/troupe.h>

#define OBSTACLE_MAX      256
#define STATUS_BODY_MAX   (256 * 1024)
#define STATUS_TIMEOUT_MS 10000

/* Where it is, without telling members about a private network. */
static const char *place(const struct llm_settings *settings)
{
    return llm_host_is_local(settings->host_name) ? "a local server" : settings->host_name;
}

static int lists_model(const struct llm_provider *provider, const char *body, size_t len,
                       const char *model)
{
    LLM_CLEANUP_JSON json_t *tree = llm_json_load(body, len);
    const json_t *data = json_object_get(tree, provider->model_list), *entry;
    size_t i;

    json_array_foreach (data, i, entry) {
        const char *id = json_string_value(json_object_get(entry, provider->model_name));

        if (id && strcmp(id, model) == 0)
            return 1;
    }
    return json_array_size(data) == 0; /* a server without a list says nothing against it */
}

static troupe_status ask_models(troupe_turn *turn, const struct llm_settings *settings,
                                troupe_http **ret)
{
    troupe_header headers[LLM_HEADERS_MAX];
    char url[LLM_URL_MAX + 32], key[LLM_KEY_VALUE_MAX];
    troupe_http_request request = {.size = sizeof(request),
                                   .method = "GET",
                                   .connect_ms = settings->connect_ms,
                                   .first_byte_ms = STATUS_TIMEOUT_MS,
                                   .idle_ms = STATUS_TIMEOUT_MS,
                                   .total_ms = STATUS_TIMEOUT_MS};

    snprintf(url, sizeof(url), "%s%s", settings->base_url, llm_provider_of(settings)->models);
    request.url = (troupe_str){url, strlen(url)};
    request.headers.ptr = headers;
    request.headers.count = llm_headers(settings, 0, 0, key, headers);
    request.headers.stride = sizeof(headers[0]);
    return troupe_http_api(turn)->open(turn, &request, ret);
}

static const char *describe_answer(troupe_turn *turn, const struct llm_settings *settings,
                                   troupe_http *http, char *body)
{
    const troupe_http_v1 *api = troupe_http_api(turn);
    uint32_t status = api->status(http);
    struct llm_provider_error error;
    troupe_str bytes;
    size_t len = 0;

    while (api->read(turn, http, &bytes) == TROUPE_OK && bytes.len <= STATUS_BODY_MAX - len) {
        memcpy(body + len, bytes.ptr, bytes.len);
        len += bytes.len;
    }
    if (status == 200)
        return lists_model(llm_provider_of(settings), body, len, settings->model)
                   ? "It answers."
                   : "It answers, but its list does not have that model.";
    llm_provider_error_read(body, len, &error);
    if (status == 404 || status == 405)
        return "It answers, but offers no list of models.";
    return llm_classify(status, &error)->sentence;
}

/* The agent's own model among those of its routes; NULL where it is none of them. */
static struct llm_candidate *find(struct llm_agent *agent)
{
    for (uint32_t i = 0; i < agent->router.count; i++)
        if (strcmp(agent->candidates[i].settings.model, agent->settings.model) == 0 &&
            strcmp(agent->candidates[i].settings.base_url, agent->settings.base_url) == 0)
            return &agent->candidates[i];
    return NULL;
}

/* Where some of its keys may not be used just now. */
static void describe_keys(const struct llm_candidate *candidate, const struct llm_link *link,
                          int64_t now_ms, char *ret, size_t size)
{
    const struct llm_need need = {.input = 1};
    int limited = 0, waiting = 0;

    for (int i = 0; i < link->keys; i++) {
        const char *obstacle = llm_health_key_obstacle(&candidate->health, link, &need, i, now_ms);

        limited += llm_health_limited(obstacle);
        waiting += llm_health_waits(obstacle);
    }
    if (limited + waiting > 0)
        snprintf(ret, size, " Of its %u keys at their limits: %d; made to wait: %d.", link->keys,
                 limited, waiting);
}

/* What keeps questions away from it, though its server may give this `answer`; "" where nothing does. */
static void describe_obstacle(struct llm_agent *agent, int64_t now_ms, const char *answer,
                              char *ret, size_t size)
{
    struct llm_candidate *candidate = find(agent);
    struct llm_link *link = candidate ? &agent->router.links[candidate->provider] : NULL;
    const struct llm_need need = {.input = 1, .refilled = 1}; /* the least that there is */
    const char *reason, *obstacle;
    long long seconds;
    int limit;

    ret[0] = 0;
    if (!candidate)
        return;
    llm_health_look(&candidate->health, now_ms);
    llm_link_look(link, now_ms);
    obstacle = llm_health_obstacle(&candidate->health, link, &need, now_ms);
    if (!obstacle) {
        describe_keys(candidate, link, now_ms, ret, size);
        return;
    }
    seconds = (llm_health_wait(&candidate->health, link, &need, now_ms, &limit) + 999) / 1000;
    if (llm_health_limited(obstacle)) {
        snprintf(ret, size,
                 " It gets as many questions as its limits allow: none for another %lld second%s.",
                 seconds, seconds == 1 ? "" : "s");
        return;
    }
    reason = candidate->health.last ? candidate->health.last->sentence
                                    : "Its provider could not be reached.";
    if (strcmp(reason, answer) == 0)
        reason = "";
    snprintf(ret, size, " No question is put to it for another %lld second%s.%s%s", seconds,
             seconds == 1 ? "" : "s", *reason ? " The last one failed: " : "", reason);
}

troupe_status llm_status_tell(troupe_turn *turn, struct llm_agent *agent)
{
    const struct llm_settings *settings = &agent->settings;
    const int64_t now_ms = troupe_now(turn);
    const struct llm_tariff tariff = llm_tariff_find(settings, now_ms);
    const char *price = !tariff.known         ? "its price is not known, so it is not asked"
                        : settings->has_price ? "its price is set in the config"
                        : settings->is_local  ? "it costs nothing"
                                              : "its price is in the price table";
    char obstacle[OBSTACLE_MAX];
    troupe_http *http = NULL;
    const char *answer;
    troupe_status status;
    char *body = troupe_turn_alloc(turn, STATUS_BODY_MAX);

    if (!body)
        return TROUPE_NOMEM;
    status = ask_models(turn, settings, &http);
    if (troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    if (status < 0) {
        answer = llm_classify_transport(status)->sentence;
    } else {
        answer = describe_answer(turn, settings, http, body);
        troupe_http_api(turn)->close(turn, http);
    }
    describe_obstacle(agent, now_ms, answer, obstacle, sizeof(obstacle));
    return troupe_reply(turn, "Model \"%s\" at %s; %s. %s%s", settings->model, place(settings),
                        price, answer, obstacle);
}
