/* SPDX-License-Identifier: Apache-2.0 */
#include "errors.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

const struct llm_kind llm_kind_garbage = {
    LLM_PROTOCOL, TROUPE_DATA, "llm.bad_answer",
    "The language model sent something that cannot be understood. Please try again.", 1};
const struct llm_kind llm_kind_empty = {
    LLM_PROTOCOL, TROUPE_DATA, "llm.bad_answer",
    "The language model gave an empty answer. Please try again.", 1};
const struct llm_kind llm_kind_no_room = {
    LLM_CONFIG, TROUPE_DATA, "llm.bad_answer",
    "The language model thought until its answer was full. The admin can raise max_tokens.", 0};
const struct llm_kind llm_kind_filtered = {
    LLM_CONTENT, TROUPE_DENIED, "llm.refused",
    "The language model's provider does not allow this question or its answer.", 0};
const struct llm_kind llm_kind_slow = {
    LLM_TRANSIENT, TROUPE_DEADLINE, "llm.too_slow",
    "The language model takes too long to answer. Please try again in a moment.", 0};
const struct llm_kind llm_kind_interrupted = {LLM_TRANSIENT, TROUPE_INTERRUPTED, "llm.interrupted",
                                              "The answer broke off in the middle.", 0};

static const struct llm_kind unreachable = {LLM_TRANSIENT, TROUPE_UNAVAILABLE, "llm.unreachable",
                                            "The language model cannot be reached at the moment.",
                                            1};
static const struct llm_kind not_trusted = {
    LLM_CONFIG, TROUPE_UNAVAILABLE, "llm.unreachable",
    "There is no secure connection to the language model. The admin has to check base_url.", 0};
static const struct llm_kind not_allowed = {
    LLM_CONFIG, TROUPE_DENIED, "llm.refused",
    "This bot may not reach the language model. The admin has to check base_url.", 0};
static const struct llm_kind too_long_answer = {LLM_PROTOCOL, TROUPE_DATA, "llm.bad_answer",
                                                "The language model sent more than can be taken.",
                                                0};
static const struct llm_kind bad_key = {
    LLM_CONFIG, TROUPE_DENIED, "llm.refused",
    "The language model's provider does not accept the key. The admin has to check api_key.", 0};
static const struct llm_kind no_permission = {
    LLM_CONFIG, TROUPE_DENIED, "llm.refused",
    "The language model's provider does not permit this. The admin has to check the account.", 0};
static const struct llm_kind no_credit = {
    LLM_ACCOUNT, TROUPE_DENIED, "llm.refused",
    "The account at the language model's provider has no credit left. The admin has to top it up.",
    0};
static const struct llm_kind bad_model = {
    LLM_CONFIG, TROUPE_CONFIG, "llm.bad_model",
    "The language model's provider does not know the model. The admin has to check model.", 0};
static const struct llm_kind bad_url = {
    LLM_CONFIG, TROUPE_CONFIG, "llm.bad_model",
    "The provider knows no chat at this address. The admin has to check base_url and model.", 0};
static const struct llm_kind too_long = {
    LLM_REQUEST, TROUPE_DENIED, "llm.refused",
    "That was more than the language model can take at once. Please try a shorter message.", 0};
static const struct llm_kind bad_request = {
    LLM_REQUEST, TROUPE_UNAVAILABLE, "llm.provider_error",
    "The language model's provider did not understand the request.", 0};
static const struct llm_kind rate = {LLM_RATE, TROUPE_BUSY, "llm.rate_limited",
                                     "The language model gets too many questions right now.", 1};
static const struct llm_kind overloaded = {
    LLM_TRANSIENT, TROUPE_UNAVAILABLE, "llm.provider_error",
    "The language model is overloaded at the moment. Please try again soon.", 1};
static const struct llm_kind loading = {
    LLM_TRANSIENT, TROUPE_UNAVAILABLE, "llm.provider_error",
    "The language model is still starting. Please try again in a moment.", 1};
static const struct llm_kind provider_slow = {
    LLM_TRANSIENT, TROUPE_DEADLINE, "llm.too_slow",
    "The language model's provider took too long. Please try again.", 1};
static const struct llm_kind provider_failed = {
    LLM_TRANSIENT, TROUPE_UNAVAILABLE, "llm.provider_error",
    "The language model's provider has a problem. Please try again.", 1};
static const struct llm_kind moved = {
    LLM_CONFIG, TROUPE_UNAVAILABLE, "llm.provider_error",
    "The language model has moved to another address. The admin has to check base_url.", 0};
static const struct llm_kind unexpected = {
    LLM_PROTOCOL, TROUPE_UNAVAILABLE, "llm.provider_error",
    "The language model's provider answered in an unexpected way.", 0};

#define ANY 0u

/* Where a word is looked for. Codes and types are the provider's own tokens and are compared whole;
 * only servers that send nothing but a sentence are read by it. */
enum where { STATUS_ONLY, TOKEN, SENTENCE };

static const struct rule {
    uint32_t http_status; /* ANY */
    enum where where;
    const char *word;
    const struct llm_kind *kind;
} rules[] = {
    /* Money first: some of these come as 429, and asking again would never help. */
    {ANY, TOKEN, "insufficient_quota", &no_credit},
    {ANY, TOKEN, "credit_balance_exhausted", &no_credit},
    {ANY, TOKEN, "organization_usage_limit_exceeded", &no_credit},
    {ANY, TOKEN, "organization_spend_limit_exceeded", &no_credit},
    {ANY, TOKEN, "project_spend_limit_exceeded", &no_credit},
    {ANY, TOKEN, "enforced_spend_limit_reached", &no_credit},
    {ANY, TOKEN, "billing_hard_limit_reached", &no_credit},
    {ANY, TOKEN, "billing_not_active", &no_credit},
    {ANY, TOKEN, "billing_error", &no_credit},
    {402, STATUS_ONLY, NULL, &no_credit},
    {400, SENTENCE, "credit balance is too low", &no_credit},
    {ANY, TOKEN, "invalid_api_key", &bad_key},
    {ANY, TOKEN, "authentication_error", &bad_key},
    {400, SENTENCE, "api key not valid", &bad_key},
    {401, STATUS_ONLY, NULL, &bad_key},
    {ANY, TOKEN, "model_not_found", &bad_model},
    {ANY, TOKEN, "invalid_model", &bad_model},
    {ANY, TOKEN, "model_not_available", &bad_model},
    {ANY, TOKEN, "context_length_exceeded", &too_long},
    {ANY, TOKEN, "exceed_context_size_error", &too_long},
    {ANY, TOKEN, "string_above_max_length", &too_long},
    {ANY, TOKEN, "request_too_large", &too_long},
    {413, STATUS_ONLY, NULL, &too_long},
    {400, SENTENCE, "context length", &too_long},
    {400, SENTENCE, "context window", &too_long},
    {400, SENTENCE, "prompt is too long", &too_long},
    {ANY, TOKEN, "content_filter", &llm_kind_filtered},
    {ANY, TOKEN, "content_policy_violation", &llm_kind_filtered},
    {ANY, TOKEN, "moderation_blocked", &llm_kind_filtered},
    {403, SENTENCE, "moderation", &llm_kind_filtered},
    {403, SENTENCE, "flagged", &llm_kind_filtered},
    {ANY, TOKEN, "permission_error", &no_permission},
    {ANY, TOKEN, "permission_denied", &no_permission},
    {ANY, TOKEN, "unsupported_country_region_territory", &no_permission},
    {403, STATUS_ONLY, NULL, &no_permission},
    {404, SENTENCE, "model", &bad_model},
    {400, SENTENCE, "is not a valid model", &bad_model},
    {400, SENTENCE, "model not found", &bad_model},
    {400, SENTENCE, "does not exist", &bad_model},
    {404, STATUS_ONLY, NULL, &bad_url},
    {405, STATUS_ONLY, NULL, &bad_url},
    {ANY, TOKEN, "rate_limit_exceeded", &rate},
    {ANY, TOKEN, "rate_limit_error", &rate},
    {ANY, TOKEN, "slow_down", &rate},
    {ANY, TOKEN, "tokens_exceeded_error", &rate},
    {429, STATUS_ONLY, NULL, &rate},
    {503, SENTENCE, "loading", &loading},
    {ANY, TOKEN, "overloaded_error", &overloaded},
    {ANY, TOKEN, "server_is_overloaded", &overloaded},
    {503, STATUS_ONLY, NULL, &overloaded},
    {529, STATUS_ONLY, NULL, &overloaded},
    {ANY, TOKEN, "timeout_error", &provider_slow},
    {ANY, TOKEN, "request_timeout", &provider_slow},
    {408, STATUS_ONLY, NULL, &provider_slow},
    {504, STATUS_ONLY, NULL, &provider_slow},
    {524, STATUS_ONLY, NULL, &provider_slow},
    {409, STATUS_ONLY, NULL, &provider_failed},
    {ANY, TOKEN, "server_error", &provider_failed},
    {ANY, TOKEN, "api_error", &provider_failed},
    {ANY, TOKEN, "internal_server_error", &provider_failed},
    {ANY, TOKEN, "invalid_request_error", &bad_request},
    {400, STATUS_ONLY, NULL, &bad_request},
    {415, STATUS_ONLY, NULL, &bad_request},
    {422, STATUS_ONLY, NULL, &bad_request},
};

/* `text` contains `word`, without regard to the case of ASCII letters. */
static int contains(const char *text, const char *word)
{
    size_t len = strlen(word);

    for (; *text; text++)
        if (strncasecmp(text, word, len) == 0)
            return 1;
    return 0;
}

static int fits(const struct rule *rule, uint32_t http_status,
                const struct llm_provider_error *error)
{
    if (rule->http_status != ANY && rule->http_status != http_status)
        return 0;
    switch (rule->where) {
    case TOKEN:
        return strcasecmp(error->code, rule->word) == 0 || strcasecmp(error->type, rule->word) == 0;
    case SENTENCE: return contains(error->message, rule->word);
    case STATUS_ONLY: break;
    }
    return 1;
}

/* Errors in the middle of a stream come with 200 outside and the real status as a number inside. */
static uint32_t inner_status(const char *code)
{
    uint32_t value = 0;

    if (strlen(code) != 3)
        return 0;
    for (; *code; code++) {
        if (*code < '0' || *code > '9')
            return 0;
        value = value * 10 + (uint32_t)(*code - '0');
    }
    return value;
}

const struct llm_kind *llm_classify(uint32_t http_status, const struct llm_provider_error *error)
{
    if (http_status < 400 && inner_status(error->code) >= 400)
        http_status = inner_status(error->code);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (fits(&rules[i], http_status, error))
            return rules[i].kind;
    if (http_status >= 500 || http_status == 200)
        return &provider_failed;
    return http_status >= 300 && http_status < 400 ? &moved : &unexpected;
}

const struct llm_kind *llm_classify_transport(troupe_status status)
{
    switch (status) {
    case TROUPE_DEADLINE: return &llm_kind_slow;
    case TROUPE_DENIED: return &not_allowed;
    case TROUPE_FAILED: return &not_trusted;
    case TROUPE_LIMIT: return &too_long_answer;
    case TROUPE_DATA: return &llm_kind_garbage;
    case TROUPE_BUSY: return &overloaded;
    case TROUPE_INTERRUPTED:
    case TROUPE_MAYBE_DONE: /* it may have been answered, and billed: not asked again */
        return &llm_kind_interrupted;
    default: return &unreachable; /* UNAVAILABLE, IO */
    }
}

const char *llm_category_name(enum llm_category category)
{
    static const char *const names[LLM_CATEGORIES] = {
        [LLM_TRANSIENT] = "transient", [LLM_RATE] = "rate",       [LLM_CONFIG] = "config",
        [LLM_ACCOUNT] = "account",     [LLM_CONTENT] = "content", [LLM_REQUEST] = "request",
        [LLM_PROTOCOL] = "protocol"};

    return names[category];
}
