/* SPDX-License-Identifier: Apache-2.0 */
#include "main/discover.h"

#include "base/json.h"
#include "base/mem.h"
#include "loop/co.h"
#include "main/print.h"
#include "main/solo.h"
#include "net/http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define PROBE_MS 300

static const struct discover_key known_keys[] = {
    {"OPENAI_API_KEY", "https://api.openai.com/v1", "gpt-4o-mini"},
    {"OPENROUTER_API_KEY", "https://openrouter.ai/api/v1", "openai/gpt-4o-mini"},
    {"ANTHROPIC_API_KEY", "https://api.anthropic.com/v1", "claude-haiku-4-5"},
};

const struct discover_key *discover_keys(size_t *ret_count)
{
    *ret_count = sizeof(known_keys) / sizeof(known_keys[0]);
    return known_keys;
}

/* ---- Ollama ---------------------------------------------------------------------------------- */

struct probe {
    const char *base, *path;
    const char *list, *name; /* members of the answer */
    char *model;
};

static char *first_model(const struct probe *probe, const struct http_response *response)
{
    _cleanup_json_ json_t *tags = NULL;
    const json_t *model;

    if (response->status != 200 ||
        json_parse(buf_text(&response->body), response->body.len, &tags, NULL) < 0)
        return NULL;
    model = json_array_get(json_object_get(tags, probe->list), 0);
    return json_get_str(model, probe->name, NULL) ? mem_strdup(json_get_str(model, probe->name, ""))
                                                  : NULL;
}

static void probe_run(struct loop *loop, void *arg)
{
    struct probe *probe = arg;
    _cleanup_mem_ char *url = mem_printf("%s%s", probe->base, probe->path);
    struct http_request request = {
        .url = url,
        .trust = HTTP_TRUST_CONFIGURED,
        .deadline = co_after(PROBE_MS),
        .max_body = (size_t)1 << 20,
    };
    struct http_response response = {0};
    struct http_client *client = NULL;

    if (http_client_new(loop, NULL, &client, NULL) < 0)
        return;
    if (http_fetch(client, &request, &response, NULL) == TROUPE_OK)
        probe->model = first_model(probe, &response);
    http_response_clear(&response);
    http_client_free(client);
}

static char *look(struct probe *probe)
{
    const struct solo task = {.run = probe_run, .arg = probe};

    (void)solo_run(&task, NULL);
    return probe->model;
}

char *discover_ollama(const char *base)
{
    struct probe probe = {.base = base, .path = "/api/tags", .list = "models", .name = "name"};

    return look(&probe);
}

char *discover_first_model(const char *base_url)
{
    struct probe probe = {.base = base_url, .path = "/models", .list = "data", .name = "id"};

    return look(&probe);
}

/* ---- choosing -------------------------------------------------------------------------------- */

static void use(struct options *options, const char *base_url, const char *model,
                const char *key_variable)
{
    _cleanup_mem_ char *url_set = mem_printf("agent llm.base_url=%s", base_url);
    _cleanup_mem_ char *model_set = mem_printf("agent llm.model=%s", model);
    struct error err;

    /* A model or a key that the user named stays: the same key twice would be refused. */
    for (size_t i = 0; i < options->set_count; i++) {
        if (!strncmp(options->sets[i], "agent llm.model=", strlen("agent llm.model=")))
            *model_set = 0;
        if (!strncmp(options->sets[i], "agent llm.api_key=", strlen("agent llm.api_key=")))
            key_variable = NULL;
    }
    if (options_add_set(options, url_set, &err) < 0 ||
        (*model_set && options_add_set(options, model_set, &err) < 0)) {
        print_failure(err.text);
        return;
    }
    if (key_variable) {
        _cleanup_mem_ char *key_set = mem_printf("agent llm.api_key=${env:%s}", key_variable);

        (void)options_add_set(options, key_set, NULL);
    }
}

static const struct discover_key *key_in_environment(void)
{
    for (size_t i = 0; i < sizeof(known_keys) / sizeof(known_keys[0]); i++) {
        const char *value = getenv(known_keys[i].variable);

        if (value && *value)
            return &known_keys[i];
    }
    return NULL;
}

/* Reads a line without buffering: what follows belongs to the chat. */
static bool said_yes(void)
{
    char answer[16];
    size_t len = 0;
    char c;

    while (read(STDIN_FILENO, &c, 1) == 1 && c != '\n') {
        if (len < sizeof(answer) - 1)
            answer[len++] = c;
    }
    answer[len] = 0;
    return !strcasecmp(answer, "y") || !strcasecmp(answer, "yes");
}

/* Nothing that was found is used before the person says so. */
static bool may_use(const struct options *options, bool terminal, const char *what,
                    const char *consequence)
{
    if (options->use_env_key)
        return true;
    if (!terminal) {
        (void)fprintf(stderr, "troupe: found %s; it is used with --use-env-key only (%s)\n", what,
                      consequence);
        return false;
    }
    (void)fprintf(stderr, "troupe: found %s (%s). Use it? [y/N] ", what, consequence);
    return said_yes();
}

static bool offer_key(struct options *options, const struct discover_key *key, bool terminal)
{
    _cleanup_mem_ char *what =
        mem_printf("%s in the environment, model %s", key->variable, key->model);

    if (!may_use(options, terminal, what, "answers cost money, capped by [budget] daily"))
        return false;
    use(options, key->base_url, key->model, key->variable);
    return true;
}

static bool offer_ollama(struct options *options, const char *model, bool terminal)
{
    _cleanup_mem_ char *what = mem_printf("an Ollama at " DISCOVER_OLLAMA ", model %s", model);

    if (!may_use(options, terminal, what, "it runs on this machine and costs nothing"))
        return false;
    use(options, DISCOVER_OLLAMA "/v1", model, NULL);
    return true;
}

void discover_model(struct options *options, bool terminal)
{
    const struct discover_key *key = key_in_environment();
    _cleanup_mem_ char *ollama = NULL;

    if (options->use_env_key && key) { /* asked for by name */
        (void)offer_key(options, key, terminal);
        return;
    }
    ollama = discover_ollama(DISCOVER_OLLAMA);
    if ((ollama && offer_ollama(options, ollama, terminal)) ||
        (key && offer_key(options, key, terminal)) || ollama || key)
        return;
    if (options->use_env_key)
        print_failure("--use-env-key: no Ollama runs here, and none of OPENAI_API_KEY, "
                      "OPENROUTER_API_KEY and ANTHROPIC_API_KEY is set");
    else
        print_failure(
            "no language model found: start Ollama, set OPENAI_API_KEY, OPENROUTER_API_KEY or "
            "ANTHROPIC_API_KEY, or set base_url and model in [agent llm]; commands work, "
            "see /help");
}
