/* SPDX-License-Identifier: Apache-2.0
 *
 * What providers really send when they fail, and what becomes of it. The bodies are recorded or
 * copied from the providers' documentation; names and numbers in them are changed.
 */
#include "conversation/apology.h"
#include "llm/errors.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

#define OPENAI(type, code, message)                                                                \
    "{\"error\":{\"message\":\"" message "\",\"type\":\"" type                                     \
    "\",\"param\":null,\"code\":\"" code "\"}}"
#define ANTHROPIC(type, message)                                                                   \
    "{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" message                  \
    "\"},\"request_id\":\"req_1\"}"
#define OLLAMA(message)           "{\"error\":\"" message "\"}"
#define OPENROUTER(code, message) "{\"error\":{\"message\":\"" message "\",\"code\":" code "}}"

static const struct {
    uint32_t http_status;
    const char *body, *kind;
} cases[] = {
    /* OpenAI */
    {429, OPENAI("insufficient_quota", "insufficient_quota", "You exceeded your current quota"),
     "no_credit"},
    {429, OPENAI("insufficient_quota", "credit_balance_exhausted", "Out of credits"), "no_credit"},
    {429, OPENAI("insufficient_quota", "organization_usage_limit_exceeded", "x"), "usage_limit"},
    {429, OPENAI("insufficient_quota", "organization_spend_limit_exceeded", "x"), "spend_limit"},
    {429, OPENAI("insufficient_quota", "project_spend_limit_exceeded", "x"), "project_limit"},
    {400, OPENAI("invalid_request_error", "billing_hard_limit_reached", "Billing hard limit"),
     "billing_limit"},
    {429, OPENAI("billing_not_active", "billing_not_active", "Your account is not active"),
     "billing_off"},
    {401, OPENAI("invalid_request_error", "account_deactivated", "The account was deactivated"),
     "account_off"},
    {401, OPENAI("invalid_request_error", "invalid_api_key", "Incorrect API key provided: sk-x"),
     "bad_key"},
    {401,
     "{\"error\":{\"message\":\"You didn't provide an API key. You need to\",\"type\":"
     "\"invalid_request_error\",\"param\":null,\"code\":null}}",
     "no_key"},
    {401, OPENAI("invalid_request_error", "ip_not_authorized", "Your IP is not authorized"),
     "no_address"},
    {403, OPENAI("request_forbidden", "unsupported_country_region_territory", "Country"),
     "no_region"},
    {403,
     OPENAI("invalid_request_error", "", "Your organization must be verified to use the model"),
     "not_verified"},
    {404,
     OPENAI("invalid_request_error", "model_not_found",
            "The model `gpt-9` does not exist or you do not have access to it."),
     "bad_model"},
    {404,
     OPENAI("invalid_request_error", "", "The model `gpt-3` has been deprecated, learn more here"),
     "model_gone"},
    {404,
     OPENAI("invalid_request_error", "",
            "This is not a chat model and thus not supported in the v1/chat/completions endpoint"),
     "not_a_chat_model"},
    {404,
     OPENAI("invalid_request_error", "",
            "This model is only supported in v1/responses and not in v1/chat/completions."),
     "not_a_chat_model"},
    {400, OPENAI("invalid_request_error", "context_length_exceeded", "This model's maximum"),
     "too_long"},
    {400,
     OPENAI("invalid_request_error", "",
            "max_tokens is too large: 200000. This model supports at most 16384"),
     "too_many_tokens_asked"},
    {400,
     OPENAI("invalid_request_error", "unsupported_parameter",
            "Unsupported parameter: 'max_tokens' is not supported with this model."),
     "bad_parameter"},
    {400,
     OPENAI("invalid_request_error", "unsupported_value",
            "'temperature' does not support 0.2 with this model."),
     "bad_value"},
    {400,
     OPENAI("invalid_request_error", "invalid_json_schema",
            "Invalid schema for response_format 'answer'"),
     "bad_schema"},
    {400,
     OPENAI("invalid_request_error", "invalid_function_parameters",
            "Invalid schema for function 'roll'"),
     "bad_tool"},
    {400,
     OPENAI("invalid_request_error", "",
            "An assistant message with 'tool_calls' must be followed by tool messages"),
     "bad_order"},
    {400, OPENAI("invalid_request_error", "", "We could not parse the JSON body of your request."),
     "bad_json"},
    {400, OPENAI("invalid_request_error", "content_policy_violation", "x"), "policy"},
    {400, OPENAI("invalid_request_error", "invalid_prompt", "Invalid prompt: your prompt was"),
     "policy"},
    {429, OPENAI("tokens", "rate_limit_exceeded", "Rate limit reached for gpt-5 on tokens per min"),
     "tokens_a_minute"},
    {429, OPENAI("requests", "rate_limit_exceeded", "Rate limit reached for gpt-5 on requests"),
     "rate"},
    {429, OPENAI("rate_limit_error", "slow_down", "Slow down"), "slow_down"},
    {503, OPENAI("server_error", "server_is_overloaded", "The engine is currently overloaded"),
     "overloaded"},
    {500, OPENAI("server_error", "", "The server had an error while processing your request"),
     "provider_failed"},
    {408, "", "provider_slow"},
    {409, "", "conflict"},
    {415, "", "bad_json"},
    {422, "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"field required\"}]}", "bad_request"},
    {501, "", "not_implemented"},
    {507, "", "other_failure"},
    {418, "", "unexpected"},
    {301, "", "moved"},
    /* Azure's content filter, over the compatible address */
    {400,
     OPENAI("", "content_filter",
            "The response was filtered due to the prompt triggering content management policy"),
     "filter"},

    /* Anthropic */
    {400, ANTHROPIC("invalid_request_error", "Your credit balance is too low to access the API"),
     "no_credit"},
    {400, ANTHROPIC("invalid_request_error", "prompt is too long: 210000 tokens > 200000 maximum"),
     "too_long"},
    {400, ANTHROPIC("invalid_request_error", "messages: roles must alternate between user"),
     "bad_order"},
    {400,
     ANTHROPIC("invalid_request_error",
               "max_tokens: 300000 > 128000, which is the maximum allowed number of output tokens"),
     "too_many_tokens_asked"},
    {400, ANTHROPIC("invalid_request_error", "thinkin: Extra inputs are not permitted"),
     "bad_parameter"},
    {400, ANTHROPIC("invalid_request_error", "tools.0.custom.name: String should match pattern"),
     "bad_tool"},
    {400, ANTHROPIC("invalid_request_error", "Output blocked by content filtering policy"),
     "filter"},
    {400, ANTHROPIC("invalid_request_error", "messages.0: something else"), "bad_request"},
    {401, ANTHROPIC("authentication_error", "invalid x-api-key"), "bad_key"},
    {402, ANTHROPIC("billing_error", "There is an issue with your billing"), "billing_off"},
    {403, ANTHROPIC("permission_error", "Your API key does not have permission"), "no_permission"},
    {404, ANTHROPIC("not_found_error", "model: claude-9"), "bad_model"},
    {404, ANTHROPIC("not_found_error", "Not Found"), "bad_url"},
    {413, ANTHROPIC("request_too_large", "Request exceeds the maximum size"), "too_big"},
    {429, ANTHROPIC("rate_limit_error", "This request would exceed your rate limit"), "rate"},
    {429,
     "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"x\",\"details\":{"
     "\"error_code\":\"enforced_spend_limit_reached\"}}}",
     "spend_limit"},
    {500, ANTHROPIC("api_error", "Internal server error"), "provider_failed"},
    {504, ANTHROPIC("timeout_error", "Request timed out"), "provider_slow"},
    {529, ANTHROPIC("overloaded_error", "Overloaded"), "overloaded"},
    {200, ANTHROPIC("overloaded_error", "Overloaded"), "overloaded"},
    {200, ANTHROPIC("api_error", "Internal server error"), "provider_failed"},
    {200, ANTHROPIC("invalid_request_error", "x"), "bad_request"},

    /* Ollama */
    {404, OLLAMA("model 'llama9' not found, try pulling it first"), "not_pulled"},
    {404, OLLAMA("model 'llama9' not found"), "bad_model"},
    {400, OLLAMA("registry.ollama.ai/library/tiny:latest does not support tools"), "no_tools"},
    {400, OLLAMA("\\\"tiny\\\" does not support thinking"), "no_thinking"},
    {400, OLLAMA("\\\"embed\\\" does not support chat"), "not_a_chat_model"},
    {400, OLLAMA("json: cannot unmarshal string into Go struct field"), "bad_json"},
    {500, OLLAMA("model requires more system memory (9.0 GiB) than is available (2.0 GiB)"),
     "no_memory"},
    {500, OLLAMA("llama runner process has terminated: signal: killed"), "runner_died"},
    {503, OLLAMA("server busy, please try again. maximum pending requests exceeded"),
     "too_many_at_once"},
    {502, OLLAMA("upstream error"), "upstream_failed"},
    {200, OLLAMA("an error was encountered while running the model"), "other_failure"},

    /* OpenRouter */
    {402, OPENROUTER("402", "Insufficient credits"), "no_credit"},
    {403, OPENROUTER("403", "Key limit exceeded (total limit)"), "no_credit"},
    {401, OPENROUTER("401", "No auth credentials found"), "no_key"},
    {403, OPENROUTER("403", "Your chosen model requires moderation and your input was flagged"),
     "moderated"},
    {404, OPENROUTER("404", "No endpoints found for acme/none."), "no_endpoint"},
    {404, OPENROUTER("404", "No endpoints found that support tool use."), "no_endpoint"},
    {400, OPENROUTER("400", "acme/none is not a valid model ID"), "bad_model"},
    {429, OPENROUTER("429", "Rate limit exceeded: free-models-per-day"), "free_limit"},
    {429, OPENROUTER("429", "acme/x is temporarily rate-limited upstream"), "upstream_rate"},
    {400, OPENROUTER("400", "Provider returned error"), "upstream_failed"},
    {200, OPENROUTER("502", "Upstream"), "upstream_failed"},
    {200, OPENROUTER("429", "Upstream"), "rate"},
    {408, OPENROUTER("408", "Timed out"), "provider_slow"},

    /* Gemini's compatible address */
    {400,
     "[{\"error\":{\"code\":400,\"message\":\"API key not valid. Please pass a valid API key.\","
     "\"status\":\"INVALID_ARGUMENT\"}}]",
     "bad_key"},
    {400,
     "[{\"error\":{\"code\":400,\"message\":\"API key expired. Please renew the API key.\","
     "\"status\":\"INVALID_ARGUMENT\"}}]",
     "old_key"},
    {400,
     "[{\"error\":{\"code\":400,\"message\":\"User location is not supported for the API use.\","
     "\"status\":\"FAILED_PRECONDITION\"}}]",
     "no_region"},
    {429,
     "[{\"error\":{\"code\":429,\"message\":\"You exceeded your current quota\",\"status\":"
     "\"RESOURCE_EXHAUSTED\"}}]",
     "rate"},
    {429,
     "[{\"error\":{\"code\":429,\"message\":\"Quota exceeded for metric: generate_content_"
     "free_tier_requests\"}}]",
     "free_limit"},
    {503,
     "[{\"error\":{\"code\":503,\"message\":\"The model is overloaded.\",\"status\":"
     "\"UNAVAILABLE\"}}]",
     "overloaded"},

    /* llama.cpp, vLLM, LM Studio, Groq, and what stands before a server */
    {503, "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}",
     "loading"},
    {400,
     "{\"error\":{\"code\":400,\"message\":\"the request exceeds the available context size\","
     "\"type\":\"exceed_context_size_error\"}}",
     "too_long"},
    {501, "{\"error\":{\"code\":501,\"message\":\"x\",\"type\":\"not_supported_error\"}}",
     "not_implemented"},
    {400, "{\"object\":\"error\",\"message\":\"image_url is only supported by certain models\"}",
     "no_images"},
    {500,
     "{\"error\":{\"code\":500,\"message\":\"image input is not supported - hint: if this is "
     "unexpected, you may need to provide the mmproj\",\"type\":\"server_error\"}}",
     "no_images"},
    {500, "{\"error\":\"this model is missing data required for image input\"}", "no_images"},
    {400,
     "{\"object\":\"error\",\"message\":\"At most 0 image(s) may be provided in one prompt.\"}",
     "no_images"},
    {400,
     "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":"
     "\"Could not process image\"}}",
     "bad_picture"},
    {400, OPENAI("invalid_request_error", "", "The model `x` has been decommissioned"),
     "model_gone"},
    {400, OPENAI("invalid_request_error", "", "The adapter 'x' does not exist"), "no_such_thing"},
    {404, "404 page not found", "bad_url"},
    {405, "", "bad_url"},
    {502, "<html>Bad gateway</html>", "upstream_failed"},
    {504, "<html>Gateway time-out</html>", "gateway_slow"},
    {522, "<html>Connection timed out</html>", "front_failed"},
    {524, "<html>A timeout occurred</html>", "gateway_slow"},
    {526, "<html>Invalid SSL certificate</html>", "front_not_trusted"},
};

#define COUNT (sizeof(cases) / sizeof(cases[0]))

static void a_recorded_error_is_recognized_for_what_it_is(void **state)
{
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        struct llm_provider_error error;
        const struct llm_kind *kind;

        llm_provider_error_read(cases[i].body, strlen(cases[i].body), &error);
        kind = llm_classify(cases[i].http_status, &error);
        if (strcmp(kind->name, cases[i].kind) == 0)
            continue;
        print_message("%u %s: %s, not %s\n", cases[i].http_status, cases[i].body, kind->name,
                      cases[i].kind);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

/* Those that are found without an error from a provider. */
static int is_our_own(const char *name)
{
    static const char *const own[] = {
        "unreachable", "broken_off",  "not_trusted", "not_allowed", "too_long_answer",
        "own_limit",   "garbage",     "empty",       "no_room",     "filtered",
        "slow",        "interrupted", "full",        "no_context",  "misfit",
        "at_limit"};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(own[i], name) == 0)
            return 1;
    return 0;
}

static void every_kind_is_proven_by_a_recorded_error(void **state)
{
    size_t kinds = 0;

    (void)state;
    for (const struct llm_kind *kind; (kind = llm_kind_at(kinds)) != NULL; kinds++) {
        size_t found = 0;

        for (size_t i = 0; i < COUNT; i++)
            found += strcmp(cases[i].kind, kind->name) == 0;
        if (found == 0 && !is_our_own(kind->name))
            fail_msg("nothing proves %s", kind->name);
    }
    assert_true(kinds >= 50);
}

static void every_kind_has_all_that_belongs_to_one(void **state)
{
    static const char *const codes[] = {
        "llm.unreachable", "llm.too_slow",   "llm.rate_limited",    "llm.refused",
        "llm.bad_model",   "llm.bad_answer", "llm.provider_error",  "llm.interrupted",
        "llm.account",     "llm.too_long",   "llm.picture_refused", "llm.bad_picture"};

    (void)state;
    for (size_t i = 0; llm_kind_at(i); i++) {
        const struct llm_kind *kind = llm_kind_at(i);
        size_t len = strlen(kind->sentence), known = 0;

        for (size_t n = 0; n < sizeof(codes) / sizeof(codes[0]); n++)
            known += strcmp(codes[n], kind->code) == 0;
        if (known != 1 || len < 20 || kind->sentence[len - 1] != '.' || kind->status >= 0)
            fail_msg("%s: %s, %d, \"%s\"", kind->name, kind->code, kind->status, kind->sentence);
        assert_int_equal(kind->retryable, kind->retry >= LLM_AGAIN);
        assert_true(strspn(kind->name, "abcdefghijklmnopqrstuvwxyz_") == strlen(kind->name));
        assert_non_null(llm_category_name(kind->category));
        for (size_t n = 0; n < i; n++)
            assert_string_not_equal(kind->name, llm_kind_at(n)->name);
    }
}

/* What a member reads of a kind, and what of the few that is. */
static enum apology tell(const struct llm_kind *kind, char ret[APOLOGY_MAX])
{
    const troupe_str code = {kind->code, strlen(kind->code)};
    char sentence[400];

    snprintf(sentence, sizeof(sentence), "%s%s", kind->sentence,
             kind->category == LLM_RATE ? " Please try again in 7 seconds." : "");
    apology_write(kind->status, code, (troupe_str){sentence, strlen(sentence)}, ret, APOLOGY_MAX);
    return apology_of(kind->status, code);
}

static enum apology expected(const struct llm_kind *kind)
{
    if (strcmp(kind->name, "bad_picture") == 0 || strcmp(kind->name, "too_long") == 0 ||
        strcmp(kind->name, "too_big") == 0 || strcmp(kind->name, "no_context") == 0)
        return APOLOGY_NOT_UNDERSTOOD;
    switch (kind->category) {
    case LLM_RATE: return APOLOGY_TOO_FAST;
    case LLM_CONTENT: return APOLOGY_NOT_ALLOWED;
    case LLM_TRANSIENT: return kind->status == TROUPE_DEADLINE ? APOLOGY_TOO_SLOW : APOLOGY_TROUBLE;
    default: return APOLOGY_TROUBLE;
    }
}

static int has_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strstr(text, *words))
            return 1;
    return 0;
}

/* Members never read of statuses, codes and the like, and always what can be done. */
static void every_kind_is_told_as_a_person_would(void **state)
{
    static const char *const remedies[] = {"try again",   "admin",       "fewer words",
                                           "Ask me",      "shorter",     "ask for",
                                           "other words", "try another", NULL};
    static const char *const jargon[] = {"HTTP", "JSON", "status", "error", "code",      "null",
                                         "llm.", "sk-",  "429",    "{",     "exception", NULL};
    size_t of[APOLOGIES] = {0};

    (void)state;
    for (size_t i = 0; llm_kind_at(i); i++) {
        const struct llm_kind *kind = llm_kind_at(i);
        char text[APOLOGY_MAX];
        const enum apology apology = tell(kind, text);

        of[apology]++;
        if (apology != expected(kind))
            fail_msg("%s is %s: \"%s\"", kind->name, apology_name(apology), text);
        /* The kind's own sentence is what commands show. */
        if ((kind->category != LLM_RATE && !has_one_of(kind->sentence, remedies)) ||
            !has_one_of(text, remedies))
            fail_msg("%s tells no remedy: \"%s\", \"%s\"", kind->name, kind->sentence, text);
        if (has_one_of(kind->sentence, jargon) || has_one_of(text, jargon))
            fail_msg("%s: \"%s\", \"%s\"", kind->name, kind->sentence, text);
        if ((apology == APOLOGY_TOO_FAST) != (strstr(text, "7 seconds") != NULL))
            fail_msg("%s: \"%s\"", kind->name, text);
    }
    assert_true(of[APOLOGY_TROUBLE] && of[APOLOGY_TOO_SLOW] && of[APOLOGY_NOT_UNDERSTOOD] &&
                of[APOLOGY_NOT_ALLOWED] && of[APOLOGY_TOO_FAST]);
    assert_int_equal(of[APOLOGY_UNKNOWN], 0);
}

/* What no provider would answer is not offered to the next; what costs money to repeat is not
 * repeated. */
static void the_rules_of_retry_hold_for_whole_categories(void **state)
{
    (void)state;
    for (size_t i = 0; llm_kind_at(i); i++) {
        const struct llm_kind *kind = llm_kind_at(i);

        if (kind->category == LLM_CONTENT)
            assert_int_equal(kind->retry, LLM_STOP);
        if (kind->category == LLM_ACCOUNT || kind->category == LLM_CONFIG ||
            kind->category == LLM_REQUEST)
            assert_int_equal(kind->retry, LLM_ELSEWHERE);
        if (kind->category == LLM_RATE)
            assert_int_equal(kind->retry, LLM_LATER);
    }
}

static void a_connection_that_fails_has_a_kind_for_each_way(void **state)
{
    static const struct {
        troupe_status status;
        const char *kind;
    } ways[] = {{TROUPE_DEADLINE, "slow"},
                {TROUPE_DENIED, "not_allowed"},
                {TROUPE_FAILED, "not_trusted"},
                {TROUPE_LIMIT, "too_long_answer"},
                {TROUPE_DATA, "garbage"},
                {TROUPE_BUSY, "own_limit"},
                {TROUPE_IO, "broken_off"},
                {TROUPE_MAYBE_DONE, "interrupted"},
                {TROUPE_INTERRUPTED, "interrupted"},
                {TROUPE_UNAVAILABLE, "unreachable"}};

    (void)state;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        assert_string_equal(llm_classify_transport(ways[i].status)->name, ways[i].kind);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recorded_error_is_recognized_for_what_it_is),
        cmocka_unit_test(every_kind_is_proven_by_a_recorded_error),
        cmocka_unit_test(every_kind_has_all_that_belongs_to_one),
        cmocka_unit_test(every_kind_is_told_as_a_person_would),
        cmocka_unit_test(the_rules_of_retry_hold_for_whole_categories),
        cmocka_unit_test(a_connection_that_fails_has_a_kind_for_each_way),
    };

    return cmocka_run_group_tests_name("llm errors", tests, NULL, NULL);
}
