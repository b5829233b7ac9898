/* SPDX-License-Identifier: Apache-2.0 */
#include "main/init_env.h"

#include "base/mem.h"
#include "base/text.h"
#include "gateway/discord/preflight.h"
#include "main/discover.h"

#include <inttypes.h>
#include <string.h>

struct import {
    struct init_plan *plan;
    const char *const *environment;
    bool model_given; /* before anything was imported */
    struct buf *told;
    struct error *err;
};

/* What is done with one variable; `value` is not empty. */
typedef troupe_status (*taker)(struct import *import, const char *name, const char *value);

static void tell(struct import *import, const char *name, const char *what)
{
    buf_printf(import->told, "%s: %s\n", name, what);
}

static troupe_status take_token(struct import *import, const char *name, const char *value)
{
    char *copy = mem_strdup(value), *token = discord_token_clean(copy);
    troupe_status status = TROUPE_OK;

    if (!token) {
        status = error_set(import->err, TROUPE_ARGUMENT,
                           "%s holds no bot token: copy it whole from the Developer Portal", name);
    } else if (import->plan->token) {
        tell(import, name, "not taken, another token was given");
    } else {
        init_plan_set(&import->plan->token, token);
        tell(import, name, "the bot's token, into " INIT_TOKEN_FILE);
    }
    explicit_bzero(copy, strlen(value));
    mem_free(copy);
    return status;
}

static const char *lookup(const struct import *import, const char *name)
{
    size_t len = strlen(name);

    for (const char *const *variable = import->environment; *variable; variable++) {
        if (!strncmp(*variable, name, len) && (*variable)[len] == '=')
            return *variable + len + 1;
    }
    return NULL;
}

/* Whether the plan's provider is that of OPENAI_*, OPENROUTER_* or ANTHROPIC_*, as `variable` begins. A key goes to
 * no other server than its own, or the one that OPENAI_BASE_URL names beside it. */
static bool is_provider_of(const struct import *import, const char *variable)
{
    size_t count;
    const struct discover_key *keys = discover_keys(&count);
    const char *other = text_starts(variable, "OPENAI_") ? lookup(import, "OPENAI_BASE_URL") : NULL;
    const char *end = strchr(variable, '_');

    if (!import->plan->base_url)
        return false;
    if (other && !strcmp(import->plan->base_url, other))
        return true;
    for (size_t i = 0; i < count; i++) {
        if (!strncmp(keys[i].variable, variable, (size_t)(end - variable) + 1))
            return !strcmp(import->plan->base_url, keys[i].base_url);
    }
    return false;
}

/* The first of the providers wins, with its own address and a cheap model. */
static troupe_status take_key(struct import *import, const char *name, const char *value)
{
    size_t count;
    const struct discover_key *keys = discover_keys(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].variable, name) != 0)
            continue;
        if (import->plan->base_url && !is_provider_of(import, name)) {
            tell(import, name, "not taken, another provider was given");
        } else if (import->plan->api_key) {
            tell(import, name, "not taken, another key was given");
        } else {
            init_plan_set(&import->plan->api_key, value);
            if (!import->plan->base_url)
                init_plan_set(&import->plan->base_url, keys[i].base_url);
            if (!import->plan->model && !strcmp(import->plan->base_url, keys[i].base_url))
                init_plan_set(&import->plan->model, keys[i].model);
            tell(import, name, "the key of [agent llm], into " INIT_KEY_FILE);
        }
    }
    return TROUPE_OK;
}

static troupe_status take_base_url(struct import *import, const char *name, const char *value)
{
    if (import->plan->base_url) {
        tell(import, name, "not taken, another address was given");
        return TROUPE_OK;
    }
    init_plan_set(&import->plan->base_url, value);
    tell(import, name, "base_url of [agent llm]");
    return TROUPE_OK;
}

static troupe_status take_model(struct import *import, const char *name, const char *value)
{
    if (import->model_given || !is_provider_of(import, name)) {
        tell(import, name,
             import->model_given ? "not taken, another model was given"
                                 : "not taken, another provider is used");
        return TROUPE_OK;
    }
    init_plan_set(&import->plan->model, value);
    tell(import, name, "model of [agent llm]");
    return TROUPE_OK;
}

static troupe_status take_number(struct import *import, const char *name, const char *value,
                                 const char *section, const char *key, int64_t min, int64_t max)
{
    int64_t number;
    char text[32];

    if (text_to_int(value, &number) < 0 || number < min || number > max)
        return error_set(import->err, TROUPE_ARGUMENT,
                         "%s is to be \"%s\" in [%s], a number from %" PRIi64 " to %" PRIi64, name,
                         key, section, min, max);
    if (init_plan_get(import->plan, section, key)) {
        tell(import, name, "not taken, another value was given");
        return TROUPE_OK;
    }
    snprintf(text, sizeof(text), "%" PRIi64, number);
    buf_printf(import->told, "%s: %s of [%s]\n", name, key, section);
    return init_plan_put(import->plan, section, key, text, import->err);
}

static troupe_status take_concurrent(struct import *import, const char *name, const char *value)
{
    return take_number(import, name, value, "admission", "concurrent", 1, 1000);
}

static troupe_status take_max_tokens(struct import *import, const char *name, const char *value)
{
    return take_number(import, name, value, "agent conversation", "answer_tokens", 16, 32000);
}

static troupe_status skip_database(struct import *import, const char *name, const char *value)
{
    (void)value;
    tell(import, name,
         "not taken: it may hold a password, set backend, url and password in [store]");
    return TROUPE_OK;
}

static troupe_status skip_github(struct import *import, const char *name, const char *value)
{
    (void)value;
    tell(import, name, "not supported yet: no agent speaks with GitHub");
    return TROUPE_OK;
}

static troupe_status skip_context(struct import *import, const char *name, const char *value)
{
    (void)value;
    tell(
        import, name,
        "not taken: context is counted in tokens here, set context_tokens in [agent conversation]");
    return TROUPE_OK;
}

static troupe_status skip_cache(struct import *import, const char *name, const char *value)
{
    (void)value;
    tell(import, name, "not taken: set cache_ttl in [agent llm]");
    return TROUPE_OK;
}

static troupe_status skip_rate(struct import *import, const char *name, const char *value)
{
    (void)value;
    tell(import, name, "not taken: set messages, images and features in [limits]");
    return TROUPE_OK;
}

/* In this order: an address, its key, its model. A name may be a pattern. */
static const struct {
    const char *name;
    taker take;
} variables[] = {
    {"DISCORD_TOKEN", take_token},
    {"DISCORD_BOT_TOKEN", take_token},
    {"OPENAI_BASE_URL", take_base_url},
    {"OPENAI_API_KEY", take_key},
    {"OPENAI_MODEL", take_model},
    {"OPENROUTER_API_KEY", take_key},
    {"OPENROUTER_MODEL", take_model},
    {"ANTHROPIC_API_KEY", take_key},
    {"ANTHROPIC_MODEL", take_model},
    {"DATABASE_URL", skip_database},
    {"GITHUB_TOKEN", skip_github},
    {"GITHUB_REPO", skip_github},
    {"MAX_CONCURRENT_MESSAGES", take_concurrent},
    {"MAX_TOKENS_PER_REQUEST", take_max_tokens},
    {"CONTEXT_WINDOW_SIZE", skip_context},
    {"RESPONSE_CACHE_TTL", skip_cache},
    {"RATE_LIMIT_*", skip_rate},
};

troupe_status init_env_import(struct init_plan *plan, const char *const *environment,
                              struct buf *told, struct error *err)
{
    struct import import = {plan, environment, plan->model != NULL, told, err};

    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        for (const char *const *variable = environment; *variable; variable++) {
            const char *equals = strchr(*variable, '=');
            _cleanup_mem_ char *name =
                mem_strndup(*variable, equals ? (size_t)(equals - *variable) : 0);
            troupe_status status;

            if (!equals || !equals[1] || !text_glob(variables[i].name, name))
                continue;
            status = variables[i].take(&import, name, equals + 1);
            if (status < 0)
                return status;
        }
    }
    return TROUPE_OK;
}
