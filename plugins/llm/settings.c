/* SPDX-License-Identifier: Apache-2.0 */
#include "settings.h"

#include "health.h"
#include "hedge.h"

#include <arpa/inet.h>
#include <string.h>
#include <strings.h>

static int equals(troupe_str s, const char *text)
{
    return s.len == strlen(text) && memcmp(s.ptr, text, s.len) == 0;
}

troupe_status llm_url_host(troupe_str url, char *ret, size_t size)
{
    const char *end = url.ptr + url.len, *start, *stop, *host;

    if (url.len > 8 && strncasecmp(url.ptr, "https://", 8) == 0)
        start = url.ptr + 8;
    else if (url.len > 7 && strncasecmp(url.ptr, "http://", 7) == 0)
        start = url.ptr + 7;
    else
        return TROUPE_ARGUMENT;
    host = start;
    for (stop = start; stop < end && !strchr("/?#", *stop); stop++)
        if (*stop == '@')
            host = stop + 1;
    end = stop;
    start = host;
    if (start < end && *start == '[') {
        for (stop = ++start; stop < end && *stop != ']'; stop++)
            ;
        if (stop == end)
            return TROUPE_ARGUMENT;
    } else {
        for (stop = start; stop < end && *stop != ':'; stop++)
            ;
    }
    if (stop == start || (size_t)(stop - start) >= size)
        return TROUPE_ARGUMENT;
    for (; start < stop; start++)
        *ret++ = *start >= 'A' && *start <= 'Z' ? (char)(*start - 'A' + 'a') : *start;
    *ret = 0;
    return TROUPE_OK;
}

/* Whether it is spelled as a host name is in DNS. What else a URL may hold (escapes, other scripts'
 * full stops, numbers like 2130706433 or 0x7f.1) becomes some other name or address only later. */
static int is_plain_name(const char *host)
{
    const char *last = strrchr(host, '.');

    last = last ? last + 1 : host;
    return strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == strlen(host) &&
           *last >= 'a' && *last <= 'z';
}

static int ends_with(const char *text, const char *tail)
{
    size_t text_len = strlen(text), tail_len = strlen(tail);

    return text_len >= tail_len && strcmp(text + text_len - tail_len, tail) == 0;
}

int llm_host_is_local(const char *host)
{
    static const char *const private_zones[] = {".localhost", ".local", ".internal", ".lan",
                                                ".home.arpa"};
    struct in6_addr v6;
    struct in_addr v4;

    if (inet_pton(AF_INET, host, &v4) == 1) {
        uint32_t a = ntohl(v4.s_addr);

        return a >> 24 == 127 || a >> 24 == 10 || a >> 20 == 0xAC1 || a >> 16 == 0xC0A8 ||
               a >> 16 == 0xA9FE;
    }
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6) || (v6.s6_addr[0] & 0xFE) == 0xFC ||
               (v6.s6_addr[0] == 0xFE && (v6.s6_addr[1] & 0xC0) == 0x80);
    if (!is_plain_name(host))
        return 0;
    for (size_t i = 0; i < sizeof(private_zones) / sizeof(private_zones[0]); i++)
        if (ends_with(host, private_zones[i]))
            return 1;
    return !strchr(host, '.'); /* one label, as containers have them, is in no public zone */
}

static uint32_t milliseconds(troupe_host *host, const char *key)
{
    int64_t value = troupe_config_int(host, key, 0);

    return value < 0 ? 0 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static troupe_status copy(troupe_host *host, const char *key, troupe_str value, char *ret,
                          size_t size)
{
    if (value.len >= size) {
        troupe_log(host, TROUPE_LOG_ERROR, "key \"%s\": longer than %zu bytes", key, size - 1);
        return TROUPE_CONFIG;
    }
    memcpy(ret, value.ptr, value.len);
    ret[value.len] = 0;
    return TROUPE_OK;
}

/* Which format an address speaks where nobody says it. */
static enum llm_format guess_format(const struct llm_settings *settings)
{
    if (strcmp(settings->host_name, "api.anthropic.com") == 0)
        return LLM_FORMAT_ANTHROPIC;
    return ends_with(settings->base_url, "/api") ? LLM_FORMAT_OLLAMA : LLM_FORMAT_OPENAI;
}

static enum llm_format format_of(troupe_str name, const struct llm_settings *settings)
{
    if (equals(name, "anthropic"))
        return LLM_FORMAT_ANTHROPIC;
    if (equals(name, "ollama"))
        return LLM_FORMAT_OLLAMA;
    return equals(name, "openai") ? LLM_FORMAT_OPENAI : guess_format(settings);
}

/* The plugin is told that there is a secret, never what it is. */
static void load_keys(struct llm_settings *settings, const char *tail)
{
    troupe_value value;

    settings->key_count = 0;
    for (int i = 0; i < LLM_KEYS_MAX; i++) {
        char *name = settings->keys[settings->key_count];

        if (i == 0)
            snprintf(name, LLM_KEY_MAX, "api_key%s", tail);
        else if (i == 1)
            snprintf(name, LLM_KEY_MAX, "api_key%s_alt", tail);
        else
            snprintf(name, LLM_KEY_MAX, "api_key%s_alt_%d", tail, i);
        if (troupe_config(settings->host, name, &value) == TROUPE_DENIED)
            settings->key_count++;
    }
    settings->has_key = settings->key_count > 0;
}

/* `tail` is that of the provider's keys: "", "_2" … */
static troupe_status load_endpoint(struct llm_settings *settings, const char *tail)
{
    troupe_host *host = settings->host;
    char key[LLM_KEY_MAX];
    troupe_str url, local;
    troupe_status status;

    snprintf(key, sizeof(key), "local%s", tail);
    local = troupe_config_str(host, key);
    settings->format = LLM_FORMAT_OPENAI;
    settings->host_name[0] = 0;
    settings->is_local = 0;
    load_keys(settings, tail);
    snprintf(key, sizeof(key), "base_url%s", tail);
    url = troupe_config_str(host, key);
    while (url.len > 0 && url.ptr[url.len - 1] == '/')
        url.len--;
    status = copy(host, key, url, settings->base_url, sizeof(settings->base_url));
    if (status < 0 || url.len == 0)
        return status;
    if (llm_url_host(url, settings->host_name, sizeof(settings->host_name)) < 0) {
        troupe_log(host, TROUPE_LOG_ERROR,
                   "key \"%s\": no host in it; expected for example "
                   "\"https://api.openai.com/v1\" or \"http://127.0.0.1:11434/v1\"",
                   key);
        return TROUPE_CONFIG;
    }
    settings->is_local = llm_host_is_local(settings->host_name);
    if (settings->has_key && !settings->is_local && strncasecmp(url.ptr, "http://", 7) == 0) {
        troupe_log(host, TROUPE_LOG_ERROR,
                   "key \"%s\": \"http://\" would send api_key unprotected to \"%s\"; "
                   "write \"https://\"",
                   key, settings->host_name);
        return TROUPE_CONFIG;
    }
    snprintf(key, sizeof(key), "format%s", tail);
    settings->format = format_of(troupe_config_str(host, key), settings);
    if (equals(local, "yes"))
        settings->is_local = 1;
    else if (equals(local, "no"))
        settings->is_local = 0;
    return TROUPE_OK;
}

troupe_status llm_settings_provider(struct llm_settings *settings, int number)
{
    char tail[4];

    snprintf(tail, sizeof(tail), "_%d", number % 10);
    return load_endpoint(settings, tail);
}

static troupe_status load_price(struct llm_settings *settings)
{
    troupe_value input, output;
    int has_input = troupe_config(settings->host, "price_input", &input) == TROUPE_OK;
    int has_output = troupe_config(settings->host, "price_output", &output) == TROUPE_OK;
    troupe_str path;
    char error[256] = "";
    troupe_status status;

    if (has_input != has_output) {
        troupe_log(settings->host, TROUPE_LOG_ERROR,
                   "key \"price_%s\": set without price_%s; set both, in USD per million tokens",
                   has_input ? "input" : "output", has_input ? "output" : "input");
        return TROUPE_CONFIG;
    }
    if (has_input) {
        settings->has_price = 1;
        settings->price.input = settings->price.cached = (uint64_t)input.u.i;
        settings->price.output = (uint64_t)output.u.i;
    }
    path = troupe_config_str(settings->host, "price_table");
    status = llm_price_table_load(path, &settings->prices, error, sizeof(error));
    if (status == TROUPE_NOT_FOUND &&
        (settings->has_price || troupe_config_str(settings->host, "prices").len > 0 ||
         settings->is_local || !llm_configured(settings)))
        return TROUPE_OK; /* nothing depends on it */
    if (status < 0)
        troupe_log(settings->host, TROUPE_LOG_ERROR, "key \"price_table\": %s", error);
    return status;
}

troupe_status llm_settings_load(troupe_host *host, struct llm_settings *ret)
{
    troupe_str parameter;
    troupe_value value;
    troupe_status status;

    memset(ret, 0, sizeof(*ret));
    ret->host = host;
    ret->model_key = "model";
    status = load_endpoint(ret, "");
    if (status < 0)
        return status;
    status = copy(host, "model", troupe_config_str(host, "model"), ret->model, sizeof(ret->model));
    if (status < 0)
        return status;
    if (troupe_config(host, "temperature", &value) == TROUPE_OK && value.u.f >= 0) {
        ret->has_temperature = 1;
        ret->temperature = value.u.f;
    }
    parameter = troupe_config_str(host, "token_parameter");
    if (equals(parameter, "max_tokens"))
        ret->token_parameter = LLM_TOKEN_MAX_TOKENS;
    else if (equals(parameter, "max_completion_tokens"))
        ret->token_parameter = LLM_TOKEN_MAX_COMPLETION_TOKENS;
    ret->max_tokens = troupe_config_int(host, "max_tokens", 1024);
    ret->context_tokens = troupe_config_int(host, "context_tokens", 8000);
    if (ret->max_tokens >= ret->context_tokens) {
        troupe_log(host, TROUPE_LOG_ERROR,
                   "key \"max_tokens\": %lld leaves no room for a question within the %lld of "
                   "context_tokens; lower it, or raise context_tokens",
                   (long long)ret->max_tokens, (long long)ret->context_tokens);
        return TROUPE_CONFIG;
    }
    ret->tool_steps = troupe_config_int(host, "tool_steps", LLM_TOOL_STEPS);
    ret->tool_cost = (uint64_t)troupe_config_int(host, "tool_cost", 0);
    ret->attempts = troupe_config_int(host, "attempts", 3);
    ret->cache = troupe_config_int(host, "cache", 1) != 0;
    ret->cache_ttl_ms = troupe_config_int(host, "cache_ttl", 3600000);
    ret->alert.count = (uint32_t)troupe_config_int(host, "alert_count", LLM_BREAKER_FAILURES);
    ret->alert.window_ms = troupe_config_int(host, "alert_window", 600000);
    ret->alert.share = troupe_config_float(host, "alert_share", 0.5);
    ret->cache_entries = (uint32_t)troupe_config_int(host, "cache_entries", 2000);
    ret->pictures = (uint32_t)troupe_config_int(host, "pictures", 4);
    ret->picture_bytes = (uint64_t)troupe_config_int(host, "picture_bytes", 3932160);
    ret->picture_tokens = (uint32_t)troupe_config_int(host, "picture_tokens", 0);
    ret->picture_low = equals(troupe_config_str(host, "picture_detail"), "low");
    value.u.i = troupe_config_int(host, "keep_alive", 0);
    if (value.u.i > 0)
        snprintf(ret->keep_alive, sizeof(ret->keep_alive), "%llds",
                 (long long)(value.u.i + 999) / 1000);
    value.u.i = troupe_config_int(host, "hedge", LLM_HEDGE_OFF);
    ret->hedge_ms = value.u.i == LLM_HEDGE_OFF ? 0 : (int32_t)value.u.i;
    ret->hedge_share = (uint8_t)troupe_config_int(host, "hedge_share", 5);
    ret->connect_ms = milliseconds(host, "connect_timeout");
    ret->first_token_ms = milliseconds(host, "first_token_timeout");
    ret->idle_ms = milliseconds(host, "idle_timeout");
    ret->total_ms = milliseconds(host, "total_timeout");
    status = load_price(ret);
    if (status < 0)
        llm_settings_clear(ret);
    return status;
}

void llm_settings_clear(struct llm_settings *settings)
{
    llm_price_table_free(settings->prices);
    settings->prices = NULL;
}
