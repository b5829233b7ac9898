/* SPDX-License-Identifier: Apache-2.0
 *
 * What one agent's section says, read once when the agent is made.
 */
#ifndef LLM_SETTINGS_H
#define LLM_SETTINGS_H

#include "price.h"
#include "sight.h"

#include <troupe/troupe.h>

#define LLM_URL_MAX                   2048
#define LLM_MODEL_MAX                 200
#define LLM_HOST_MAX                  255
#define LLM_KEY_MAX                   24
#define LLM_KEYS_MAX                  8      /* of a provider */
#define LLM_TOKENS_MAX                128000 /* larger ones are charged at higher prices */
#define LLM_TOOL_STEPS                3
#define LLM_TEMPERATURE_AS_CONFIGURED (-1.0)

enum llm_format { LLM_FORMAT_OPENAI, LLM_FORMAT_ANTHROPIC, LLM_FORMAT_OLLAMA };

enum llm_token_parameter { LLM_TOKEN_AUTO, LLM_TOKEN_MAX_TOKENS, LLM_TOKEN_MAX_COMPLETION_TOKENS };

/* When the bot's owner is told that a model keeps failing (alert.h). */
#define LLM_ALERT_LEAST 10 /* questions within the window, below which their share says nothing */
struct llm_alert_rule {
    uint32_t count; /* of one kind within the window; 0: never */
    int64_t window_ms;
    double share; /* of all questions within the window; 0: never */
};

struct llm_settings {
    troupe_host *host;
    char base_url[LLM_URL_MAX + 1]; /* without the slash at its end; "" where none is set */
    char host_name[LLM_HOST_MAX + 1];
    char model[LLM_MODEL_MAX + 1];
    const char *model_key;  /* the section's key that names it; static */
    uint32_t lacks;         /* LLM_LACKS_… of the model */
    uint8_t sees;           /* the model takes pictures …    */
    struct llm_sight sight; /* … which count by this */
    uint8_t has_key, is_local, has_temperature, has_price;
    uint8_t key_count; /* that are set */
    char keys[LLM_KEYS_MAX]
             [LLM_KEY_MAX]; /* the config keys that hold them, for the host to fill in */
    enum llm_format format;
    enum llm_token_parameter token_parameter;
    double temperature;
    int64_t max_tokens, context_tokens, attempts, tool_steps;
    uint64_t tool_cost;      /* micro-USD for all rounds of one answer */
    uint8_t cache;           /* answers may be kept */
    uint8_t picture_low;     /* pictures are shown in low detail       */
    uint32_t pictures;       /* of a question at most …                */
    uint64_t picture_bytes;  /* … and all of them together             */
    uint32_t picture_tokens; /* of one at most, where the table does not say; 0: nobody knows */
    uint32_t cache_entries;
    int64_t cache_ttl_ms;
    struct llm_alert_rule alert;
    char keep_alive[24]; /* how long Ollama keeps the model loaded; "" as it likes */
    int32_t hedge_ms;    /* of silence before another is asked, too; 0: never, LLM_HEDGE_P95 */
    uint8_t hedge_share; /* of questions at most, in per cent */
    uint32_t connect_ms, first_token_ms, idle_ms, total_ms;
    struct llm_price price; /* price_input and price_output, where they are set */
    struct llm_price_table *prices;
};

/* Reads and checks the section. What is wrong goes to the log, with the remedy. */
troupe_status llm_settings_load(troupe_host *host, struct llm_settings *ret);
/* Puts the address and keys of the n-th provider (2 to 4) in place of the first's; base_url is ""
 * where there is none. */
troupe_status llm_settings_provider(struct llm_settings *settings, int number);
void llm_settings_clear(struct llm_settings *settings);

/* Whether a provider is set up at all. */
static inline int llm_configured(const struct llm_settings *settings)
{
    return settings->base_url[0] && settings->model[0];
}

/* Host name of an http(s) URL, in lower case and without brackets. TROUPE_ARGUMENT where there is
 * none. */
troupe_status llm_url_host(troupe_str url, char *ret, size_t size);
/* Whether a host name or address can only lead to this machine or its private network. */
int llm_host_is_local(const char *host);

#endif
