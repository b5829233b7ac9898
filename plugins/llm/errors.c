/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of failures. A row has up to five marks by which providers tell it. A mark that is one
 * of their own tokens counts before words in a sentence, these before the bare status, and all of
 * them before tokens that say no more than a status does; among equals the first row counts.
 */
#include "errors.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Where a mark is looked for. Codes and types are compared whole; a sentence is only read where
 * servers send nothing better. */
enum where { NOWHERE, TOKEN, SENTENCE, STATUS_ONLY, VAGUE, WHERES };

#define RATE_WAIT_MS     30000 /* told to members where the provider does not say */
#define TOLD_WAIT_MAX_MS 86400000

#define ANY              0u
#define MARKS_MAX        8

struct mark {
    enum where where;
    uint32_t http_status; /* ANY */
    const char *word;
};

struct row {
    struct llm_kind kind;
    struct mark marks[MARKS_MAX];
};

#define KIND(name, category, status, code, retry, sentence)                                        \
    {                                                                                              \
        name, category, status, "llm." code, retry, (retry) >= LLM_AGAIN, sentence                 \
    }
/* The shorthands of the table. */
#define MARKS(...)                                                                                 \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define T(word)                                                                                    \
    {                                                                                              \
        TOKEN, ANY, word                                                                           \
    }
#define S(http, word)                                                                              \
    {                                                                                              \
        SENTENCE, http, word                                                                       \
    }
#define H(http)                                                                                    \
    {                                                                                              \
        STATUS_ONLY, http, NULL                                                                    \
    }
#define V(word)                                                                                    \
    {                                                                                              \
        VAGUE, ANY, word                                                                           \
    }
#define THE_MODEL         "The language model "
#define THE_PROVIDER      "The language model's provider "
#define THE_ACCOUNT       "The account at the language model's provider "
#define CANNOT_SEE        "no_images"
#define ADMIN_CHECKS(key) " The admin has to check " key "."

static const struct row rows[] = {
    /* Money. Some of these come as 429, and asking again would never help. */
    {KIND("usage_limit", LLM_ACCOUNT, TROUPE_DENIED, "account", LLM_ELSEWHERE,
          THE_ACCOUNT "has reached its limit of use. The admin has to raise it there."),
     MARKS(T("organization_usage_limit_exceeded"))},
    {KIND("spend_limit", LLM_ACCOUNT, TROUPE_DENIED, "account", LLM_ELSEWHERE,
          THE_ACCOUNT "has spent what it may. The admin has to raise its limit there."),
     MARKS(T("organization_spend_limit_exceeded"), T("enforced_spend_limit_reached"))},
    {KIND("project_limit", LLM_ACCOUNT, TROUPE_DENIED, "account", LLM_ELSEWHERE,
          "The project at the language model's provider has spent what it may. The admin has to "
          "raise its limit there."),
     MARKS(T("project_spend_limit_exceeded"))},
    {KIND("billing_limit", LLM_ACCOUNT, TROUPE_DENIED, "account", LLM_ELSEWHERE,
          THE_ACCOUNT "has reached its monthly bill. The admin has to raise it there."),
     MARKS(T("billing_hard_limit_reached"))},
    {KIND("billing_off", LLM_ACCOUNT, TROUPE_DENIED, "account", LLM_ELSEWHERE,
          THE_ACCOUNT "has no way to pay. The admin has to set one up there."),
     MARKS(T("billing_not_active"), T("billing_error"))},
    {KIND("free_limit", LLM_ACCOUNT, TROUPE_DENIED, "account", LLM_ELSEWHERE,
          "The free questions of today are used up at the language model's provider. Please try "
          "again tomorrow."),
     MARKS(S(429, "free-models-per-day"), S(429, "free_tier"))},
    {KIND("no_credit", LLM_ACCOUNT, TROUPE_DENIED, "account", LLM_ELSEWHERE,
          THE_ACCOUNT "has no credit left. The admin has to top it up."),
     MARKS(T("insufficient_quota"), T("credit_balance_exhausted"), H(402),
           S(400, "credit balance is too low"), S(403, "key limit exceeded"))},

    /* The key and what it may. */
    {KIND("account_off", LLM_ACCOUNT, TROUPE_DENIED, "account", LLM_ELSEWHERE,
          THE_ACCOUNT "was switched off. The admin has to ask the provider."),
     MARKS(T("account_deactivated"), T("organization_deactivated"))},
    {KIND("old_key", LLM_CONFIG, TROUPE_DENIED, "account", LLM_ELSEWHERE,
          THE_PROVIDER "says that the key has expired. The admin has to set a new api_key."),
     MARKS(T("expired_api_key"), S(400, "api key expired"))},
    {KIND("no_key", LLM_CONFIG, TROUPE_DENIED, "account", LLM_ELSEWHERE,
          THE_PROVIDER "asks for a key. The admin has to set api_key."),
     MARKS(S(401, "provide an api key"), S(401, "no auth credentials"),
           S(401, "header is required"))},
    {KIND("bad_key", LLM_CONFIG, TROUPE_DENIED, "account", LLM_ELSEWHERE,
          THE_PROVIDER "does not accept the key." ADMIN_CHECKS("api_key")),
     MARKS(T("invalid_api_key"), T("authentication_error"), S(400, "api key not valid"), H(401))},
    {KIND("no_region", LLM_ACCOUNT, TROUPE_DENIED, "account", LLM_ELSEWHERE,
          THE_PROVIDER
          "does not serve the place where this bot runs. The admin has to set another one."),
     MARKS(T("unsupported_country_region_territory"), S(400, "location is not supported"))},
    {KIND("no_address", LLM_ACCOUNT, TROUPE_DENIED, "account", LLM_ELSEWHERE,
          THE_PROVIDER "does not accept this bot's address. The admin has to allow it there."),
     MARKS(T("ip_not_authorized"))},
    {KIND("not_verified", LLM_ACCOUNT, TROUPE_DENIED, "account", LLM_ELSEWHERE,
          THE_ACCOUNT "has to be verified for this model. The admin can do that there."),
     MARKS(S(403, "must be verified"), S(400, "must be verified"), S(404, "must be verified"))},

    /* Contents. Another provider is not asked what one of them does not allow. */
    {KIND("moderated", LLM_CONTENT, TROUPE_DENIED, "refused", LLM_STOP,
          THE_PROVIDER "does not allow this question. Please ask for something else."),
     MARKS(T("moderation_blocked"), S(403, "moderation"), S(403, "flagged"))},
    {KIND("policy", LLM_CONTENT, TROUPE_DENIED, "refused", LLM_STOP,
          "This question is against the rules of the language model's provider. Please ask for "
          "something else."),
     MARKS(T("content_policy_violation"), T("invalid_prompt"), S(400, "usage policy"))},
    {KIND("filter", LLM_CONTENT, TROUPE_DENIED, "refused", LLM_STOP,
          THE_PROVIDER "filtered this question or its answer. Please ask in other words."),
     MARKS(T("content_filter"), S(400, "content management policy"),
           S(400, "content filtering policy"))},
    {KIND("no_permission", LLM_CONFIG, TROUPE_DENIED, "account", LLM_ELSEWHERE,
          THE_PROVIDER "does not permit this." ADMIN_CHECKS("the account")),
     MARKS(H(403), V("permission_error"), V("permission_denied"))},

    /* The model. */
    {KIND("not_pulled", LLM_CONFIG, TROUPE_CONFIG, "bad_model", LLM_ELSEWHERE,
          "The server does not have that language model. The admin has to pull it."),
     MARKS(S(404, "try pulling it"))},
    {KIND("model_gone", LLM_CONFIG, TROUPE_CONFIG, "bad_model", LLM_ELSEWHERE,
          THE_MODEL "is not offered any more. The admin has to set another model."),
     MARKS(T("model_deprecated"), S(404, "deprecated"), S(400, "decommissioned"), S(404, "retired"),
           H(410))},
    {KIND("not_a_chat_model", LLM_CONFIG, TROUPE_CONFIG, "bad_model", LLM_ELSEWHERE,
          "That model does not chat in this way. The admin has to set another model."),
     MARKS(S(404, "not a chat model"), S(404, "v1/responses"), S(400, "v1/responses"),
           S(400, "does not support chat"))},
    {KIND("no_endpoint", LLM_CONFIG, TROUPE_CONFIG, "bad_model", LLM_ELSEWHERE,
          "Nobody offers that language model at the moment." ADMIN_CHECKS("model")),
     MARKS(S(404, "no endpoints found"), S(404, "no allowed providers"))},
    {KIND("no_tools", LLM_REQUEST, TROUPE_UNAVAILABLE, "provider_error", LLM_ELSEWHERE,
          THE_MODEL "cannot use tools." ADMIN_CHECKS("model")),
     MARKS(S(400, "does not support tools"), S(400, "does not support function"),
           S(404, "support tool use"), S(400, "tool choice requires"))},
    {KIND(CANNOT_SEE, LLM_REQUEST, TROUPE_UNSUPPORTED, "picture_refused", LLM_ELSEWHERE,
          THE_MODEL "cannot see pictures." ADMIN_CHECKS("model and route_vision")),
     MARKS(S(404, "support image input"), S(400, "image_url is only supported"),
           S(400, "does not support image"), S(ANY, "image input is not supported"),
           S(ANY, "missing data required for image input"), S(400, "at most 0 image"),
           S(400, "does not support vision"))},
    {KIND("bad_picture", LLM_REQUEST, TROUPE_DATA, "bad_picture", LLM_ELSEWHERE,
          THE_MODEL "does not take this picture. Please try another one, smaller or as a PNG."),
     MARKS(T("invalid_image_format"), T("image_parse_error"), T("invalid_image"),
           S(400, "could not process image"), S(400, "unsupported image"), S(400, "image exceeds"),
           S(400, "image dimensions exceed"), S(ANY, "failed to load image"))},
    {KIND("no_thinking", LLM_REQUEST, TROUPE_UNAVAILABLE, "provider_error", LLM_ELSEWHERE,
          THE_MODEL "cannot think first." ADMIN_CHECKS("model")),
     MARKS(S(400, "does not support thinking"))},
    {KIND("bad_model", LLM_CONFIG, TROUPE_CONFIG, "bad_model", LLM_ELSEWHERE,
          THE_PROVIDER "does not know the model." ADMIN_CHECKS("model")),
     MARKS(T("model_not_found"), T("invalid_model"), T("model_not_available"), S(404, "model"),
           S(400, "is not a valid model"), S(400, "model not found"))},
    {KIND("no_such_thing", LLM_CONFIG, TROUPE_CONFIG, "bad_model", LLM_ELSEWHERE,
          THE_PROVIDER "says that what is asked for does not exist." ADMIN_CHECKS("model")),
     MARKS(S(400, "does not exist"))},
    {KIND("bad_url", LLM_CONFIG, TROUPE_CONFIG, "bad_model", LLM_ELSEWHERE,
          "The provider has nothing of the kind at this address." ADMIN_CHECKS(
              "base_url and model")),
     MARKS(H(404), H(405), V("not_found_error"))},

    /* Size. */
    {KIND("too_many_tokens_asked", LLM_CONFIG, TROUPE_UNAVAILABLE, "provider_error", LLM_ELSEWHERE,
          THE_MODEL "gives no answers that long. The admin has to lower max_tokens."),
     MARKS(S(400, "max_tokens is too large"), S(400, "maximum allowed number of output tokens"),
           S(400, "max_completion_tokens is too large"))},
    {KIND("too_long", LLM_REQUEST, TROUPE_LIMIT, "too_long", LLM_ELSEWHERE,
          "That was more than the language model can take at once. Please try a shorter message."),
     MARKS(T("context_length_exceeded"), T("exceed_context_size_error"), S(400, "context length"),
           S(400, "context window"), S(400, "prompt is too long"), T("string_above_max_length"))},
    {KIND("too_big", LLM_REQUEST, TROUPE_LIMIT, "too_long", LLM_ELSEWHERE,
          "That was larger than what may be sent to the language model. Please try a shorter "
          "message."),
     MARKS(T("request_too_large"), H(413))},

    /* What was sent. */
    {KIND("bad_parameter", LLM_REQUEST, TROUPE_UNAVAILABLE, "provider_error", LLM_ELSEWHERE,
          THE_PROVIDER "does not know a part of the request." ADMIN_CHECKS("the log")),
     MARKS(T("unsupported_parameter"), T("unknown_parameter"), S(400, "unsupported parameter"),
           S(400, "unrecognized request argument"), S(400, "extra inputs are not permitted"))},
    {KIND("bad_value", LLM_REQUEST, TROUPE_UNAVAILABLE, "provider_error", LLM_ELSEWHERE,
          THE_PROVIDER "does not take a value in the request." ADMIN_CHECKS("the log")),
     MARKS(T("unsupported_value"), T("invalid_value"), T("invalid_type"))},
    {KIND("bad_schema", LLM_REQUEST, TROUPE_UNAVAILABLE, "provider_error", LLM_ELSEWHERE,
          THE_PROVIDER
          "does not take the form that the answer should have." ADMIN_CHECKS("the log")),
     MARKS(T("invalid_json_schema"), S(400, "response_format"), S(400, "output_config"))},
    {KIND("bad_tool", LLM_REQUEST, TROUPE_UNAVAILABLE, "provider_error", LLM_ELSEWHERE,
          THE_PROVIDER "does not take the tools that were offered." ADMIN_CHECKS("the log")),
     MARKS(T("invalid_function_parameters"), S(400, "invalid 'tools"), S(400, "tools.0"))},
    {KIND("bad_order", LLM_REQUEST, TROUPE_UNAVAILABLE, "provider_error", LLM_ELSEWHERE,
          THE_PROVIDER "does not take the messages in this order." ADMIN_CHECKS("the log")),
     MARKS(S(400, "roles must alternate"), S(400, "tool_use` ids were found"),
           S(400, "must be a response to a preceeding"),
           S(400, "must be followed by tool messages"))},
    {KIND("bad_json", LLM_REQUEST, TROUPE_UNAVAILABLE, "provider_error", LLM_ELSEWHERE,
          THE_PROVIDER "could not read the request." ADMIN_CHECKS("the log")),
     MARKS(T("invalid_json"), S(400, "could not parse the json"), S(400, "cannot unmarshal"),
           H(415))},
    {KIND("bad_request", LLM_REQUEST, TROUPE_UNAVAILABLE, "provider_error", LLM_ELSEWHERE,
          THE_PROVIDER "did not understand the request." ADMIN_CHECKS("the log")),
     MARKS(H(400), H(422), V("invalid_request_error"), V("invalid_argument"))},

    /* Too much at once. */
    {KIND("tokens_a_minute", LLM_RATE, TROUPE_BUSY, "rate_limited", LLM_LATER,
          THE_MODEL "reads too much in a minute right now."),
     MARKS(T("tokens"), T("input_tokens_rate_limit"), T("tokens_exceeded_error"))},
    {KIND("upstream_rate", LLM_RATE, TROUPE_BUSY, "rate_limited", LLM_LATER,
          "Others ask the language model too much right now."),
     MARKS(S(429, "rate-limited upstream"), S(429, "temporarily rate-limited"))},
    {KIND("too_many_at_once", LLM_RATE, TROUPE_BUSY, "rate_limited", LLM_LATER,
          THE_MODEL "answers as many questions at once as it can."),
     MARKS(S(429, "concurrent"), S(503, "maximum pending requests"), S(503, "server busy"))},
    {KIND("slow_down", LLM_RATE, TROUPE_BUSY, "rate_limited", LLM_LATER,
          THE_PROVIDER "asks for fewer questions."),
     MARKS(T("slow_down"))},
    {KIND("rate", LLM_RATE, TROUPE_BUSY, "rate_limited", LLM_LATER,
          THE_MODEL "gets too many questions right now."),
     MARKS(T("rate_limit_exceeded"), T("rate_limit_error"), T("resource_exhausted"), H(429))},

    /* The provider's own trouble. */
    {KIND("loading", LLM_TRANSIENT, TROUPE_UNAVAILABLE, "provider_error", LLM_AGAIN,
          THE_MODEL "is still starting. Please try again in a moment."),
     MARKS(S(503, "loading"), T("model_loading"))},
    {KIND("no_memory", LLM_CONFIG, TROUPE_UNAVAILABLE, "provider_error", LLM_ELSEWHERE,
          "The server has too little memory for the language model." ADMIN_CHECKS("the server")),
     MARKS(S(500, "more system memory"), S(500, "out of memory"))},
    {KIND("runner_died", LLM_TRANSIENT, TROUPE_UNAVAILABLE, "provider_error", LLM_AGAIN,
          THE_MODEL "crashed on its server. Please try again."),
     MARKS(S(500, "runner process"), S(500, "runner has"))},
    {KIND("overloaded", LLM_TRANSIENT, TROUPE_UNAVAILABLE, "provider_error", LLM_AGAIN,
          THE_MODEL "is overloaded at the moment. Please try again soon."),
     MARKS(T("overloaded_error"), T("server_is_overloaded"), T("engine_overloaded"), H(503), H(529),
           V("unavailable"))},
    {KIND("provider_slow", LLM_TRANSIENT, TROUPE_DEADLINE, "too_slow", LLM_AGAIN,
          THE_PROVIDER "took too long. Please try again."),
     MARKS(T("timeout_error"), T("request_timeout"), H(408), V("deadline_exceeded"))},
    {KIND("gateway_slow", LLM_TRANSIENT, TROUPE_DEADLINE, "too_slow", LLM_AGAIN,
          "The way to the language model took too long. Please try again."),
     MARKS(H(504), H(524))},
    {KIND("upstream_failed", LLM_TRANSIENT, TROUPE_UNAVAILABLE, "provider_error", LLM_AGAIN,
          "The server behind the language model's provider has a problem. Please try again."),
     MARKS(T("provider_unavailable"), S(400, "provider returned error"), H(502))},
    {KIND("front_failed", LLM_TRANSIENT, TROUPE_UNAVAILABLE, "provider_error", LLM_AGAIN,
          THE_PROVIDER "cannot be reached behind its own network. Please try again."),
     MARKS(H(520), H(521), H(522), H(523), H(530))},
    {KIND("front_not_trusted", LLM_CONFIG, TROUPE_UNAVAILABLE, "provider_error", LLM_ELSEWHERE,
          THE_PROVIDER "has a problem with its certificate." ADMIN_CHECKS("base_url")),
     MARKS(H(525), H(526))},
    {KIND("conflict", LLM_TRANSIENT, TROUPE_UNAVAILABLE, "provider_error", LLM_AGAIN,
          THE_PROVIDER "was busy with something else. Please try again."),
     MARKS(H(409), H(425))},
    {KIND("not_implemented", LLM_CONFIG, TROUPE_UNAVAILABLE, "provider_error", LLM_ELSEWHERE,
          "The server of the language model cannot do that." ADMIN_CHECKS("base_url")),
     MARKS(H(501), H(505), T("not_supported_error"))},
    {KIND("provider_failed", LLM_TRANSIENT, TROUPE_UNAVAILABLE, "provider_error", LLM_AGAIN,
          THE_PROVIDER "has a problem. Please try again."),
     MARKS(H(500), V("server_error"), V("api_error"), V("internal_server_error"),
           V("internal_error"))},
};

/* What no mark tells. */
static const struct llm_kind moved =
    KIND("moved", LLM_CONFIG, TROUPE_UNAVAILABLE, "provider_error", LLM_ELSEWHERE,
         THE_MODEL "has moved to another address." ADMIN_CHECKS("base_url"));
static const struct llm_kind other_failure =
    KIND("other_failure", LLM_TRANSIENT, TROUPE_UNAVAILABLE, "provider_error", LLM_AGAIN,
         THE_PROVIDER "failed in a way of its own. Please try again.");
static const struct llm_kind unexpected =
    KIND("unexpected", LLM_PROTOCOL, TROUPE_UNAVAILABLE, "provider_error", LLM_ELSEWHERE,
         THE_PROVIDER "answered in an unexpected way." ADMIN_CHECKS("base_url"));

/* What the connection tells. */
static const struct llm_kind unreachable =
    KIND("unreachable", LLM_TRANSIENT, TROUPE_UNAVAILABLE, "unreachable", LLM_AGAIN,
         THE_MODEL "cannot be reached at the moment. Please try again in a minute.");
static const struct llm_kind broken_off =
    KIND("broken_off", LLM_TRANSIENT, TROUPE_UNAVAILABLE, "unreachable", LLM_AGAIN,
         "The connection to the language model broke off. Please try again.");
static const struct llm_kind not_trusted =
    KIND("not_trusted", LLM_CONFIG, TROUPE_UNAVAILABLE, "unreachable", LLM_ELSEWHERE,
         "There is no secure connection to the language model." ADMIN_CHECKS(
             "base_url, and [http] ca_file"));
static const struct llm_kind not_allowed =
    KIND("not_allowed", LLM_CONFIG, TROUPE_DENIED, "account", LLM_ELSEWHERE,
         "This bot may not reach the language model." ADMIN_CHECKS("base_url"));
static const struct llm_kind too_long_answer =
    KIND("too_long_answer", LLM_PROTOCOL, TROUPE_DATA, "bad_answer", LLM_ELSEWHERE,
         THE_MODEL "sent more than can be taken. Please ask for less at once.");
static const struct llm_kind too_many_requests =
    KIND("own_limit", LLM_TRANSIENT, TROUPE_UNAVAILABLE, "provider_error", LLM_AGAIN,
         "This bot asks too much at once at the moment. Please try again soon.");

/* What the plugin finds. */
const struct llm_kind llm_kind_garbage =
    KIND("garbage", LLM_PROTOCOL, TROUPE_DATA, "bad_answer", LLM_AGAIN,
         THE_MODEL "sent something that cannot be understood. Please try again.");
const struct llm_kind llm_kind_misfit =
    KIND("misfit", LLM_REQUEST, TROUPE_UNAVAILABLE, "provider_error", LLM_ELSEWHERE,
         "The model for vectors makes others than were asked for. The admin can name another one.");
const struct llm_kind llm_kind_empty =
    KIND("empty", LLM_PROTOCOL, TROUPE_DATA, "bad_answer", LLM_AGAIN,
         THE_MODEL "gave an empty answer. Please try again.");
const struct llm_kind llm_kind_no_room =
    KIND("no_room", LLM_CONFIG, TROUPE_DATA, "bad_answer", LLM_ELSEWHERE,
         THE_MODEL "thought until its answer was full. The admin can raise max_tokens.");
const struct llm_kind llm_kind_filtered =
    KIND("filtered", LLM_CONTENT, TROUPE_DENIED, "refused", LLM_STOP,
         THE_PROVIDER "does not allow this question or its answer. Please ask in other words.");
const struct llm_kind llm_kind_slow =
    KIND("slow", LLM_TRANSIENT, TROUPE_DEADLINE, "too_slow", LLM_ELSEWHERE,
         THE_MODEL "takes too long to answer. Please try again in a moment.");
const struct llm_kind llm_kind_full =
    KIND("full", LLM_RATE, TROUPE_BUSY, "rate_limited", LLM_LATER,
         THE_MODEL "has more questions than it can answer at once.");
const struct llm_kind llm_kind_at_limit =
    KIND("at_limit", LLM_RATE, TROUPE_BUSY, "rate_limited", LLM_LATER,
         THE_MODEL "gets as many questions as its limits allow.");
const struct llm_kind llm_kind_no_context =
    KIND("no_context", LLM_REQUEST, TROUPE_LIMIT, "too_long", LLM_ELSEWHERE,
         "That is more than the language model can take at once. Please try a shorter message.");
const struct llm_kind llm_kind_interrupted =
    KIND("interrupted", LLM_TRANSIENT, TROUPE_INTERRUPTED, "interrupted", LLM_STOP,
         "The answer broke off in the middle. Please try again.");

static const struct llm_kind *const others[] = {
    &moved,
    &other_failure,
    &unexpected,
    &unreachable,
    &broken_off,
    &not_trusted,
    &not_allowed,
    &too_long_answer,
    &too_many_requests,
    &llm_kind_garbage,
    &llm_kind_misfit,
    &llm_kind_empty,
    &llm_kind_no_room,
    &llm_kind_filtered,
    &llm_kind_slow,
    &llm_kind_full,
    &llm_kind_at_limit,
    &llm_kind_no_context,
    &llm_kind_interrupted,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

const struct llm_kind *llm_kind_at(size_t i)
{
    if (i < COUNT(rows))
        return &rows[i].kind;
    i -= COUNT(rows);
    return i < COUNT(others) ? others[i] : NULL;
}

const struct llm_kind *llm_kind_named(const char *name)
{
    const struct llm_kind *kind = NULL;

    for (size_t i = 0; name && (kind = llm_kind_at(i)); i++)
        if (strcmp(kind->name, name) == 0)
            return kind;
    return NULL;
}

int llm_kind_cannot_see(const struct llm_kind *kind)
{
    return strcmp(kind->name, CANNOT_SEE) == 0;
}

int llm_kind_may_name_key(const struct llm_kind *kind, uint32_t http_status)
{
    return http_status == 401 || http_status == 403 ||
           (kind->category == LLM_CONFIG && kind->status == TROUPE_DENIED);
}

/* `text` contains `word`, without regard to the case of ASCII letters. */
static int contains(const char *text, const char *word)
{
    size_t len = strlen(word);

    for (; *text; text++)
        if (strncasecmp(text, word, len) == 0)
            return 1;
    return 0;
}

static int fits(const struct mark *mark, uint32_t http_status,
                const struct llm_provider_error *error)
{
    if (mark->http_status != ANY && mark->http_status != http_status)
        return 0;
    switch (mark->where) {
    case TOKEN:
    case VAGUE:
        return strcasecmp(error->code, mark->word) == 0 || strcasecmp(error->type, mark->word) == 0;
    case SENTENCE: return contains(error->message, mark->word);
    case STATUS_ONLY: return 1;
    case NOWHERE:
    case WHERES: break;
    }
    return 0;
}

static const struct llm_kind *find(enum where where, uint32_t http_status,
                                   const struct llm_provider_error *error)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t n = 0; n < MARKS_MAX; n++)
            if (rows[i].marks[n].where == where && fits(&rows[i].marks[n], http_status, error))
                return &rows[i].kind;
    return NULL;
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
    for (int where = TOKEN; where < WHERES; where++) {
        const struct llm_kind *kind = find((enum where)where, http_status, error);

        if (kind)
            return kind;
    }
    if (http_status >= 500 || http_status == 200)
        return &other_failure;
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
    case TROUPE_BUSY: return &too_many_requests;
    case TROUPE_IO: return &broken_off;
    case TROUPE_INTERRUPTED:
    case TROUPE_MAYBE_DONE: /* it may have been answered, and billed: not asked again */
        return &llm_kind_interrupted;
    default: return &unreachable;
    }
}

void llm_kind_sentence(const struct llm_kind *kind, const char *model_key,
                       char ret[LLM_SENTENCE_MAX])
{
    static const char *const tails[] = {ADMIN_CHECKS("model"), ADMIN_CHECKS("base_url and model")};
    const size_t len = strlen(kind->sentence), key = strlen("model.");

    snprintf(ret, LLM_SENTENCE_MAX, "%s", kind->sentence);
    for (size_t i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
        const size_t tail = strlen(tails[i]);

        if (len > tail && strcmp(kind->sentence + len - tail, tails[i]) == 0)
            snprintf(ret + len - key, LLM_SENTENCE_MAX - (len - key), "%s.",
                     model_key ? model_key : "model");
    }
}

troupe_status llm_fail(troupe_turn *turn, const struct llm_kind *kind, int64_t retry_after_ms)
{
    return llm_fail_of(turn, kind, "model", retry_after_ms);
}

troupe_status llm_fail_of(troupe_turn *turn, const struct llm_kind *kind, const char *model_key,
                          int64_t retry_after_ms)
{
    int64_t wait = retry_after_ms >= 0 ? retry_after_ms : RATE_WAIT_MS;
    char sentence[LLM_SENTENCE_MAX];

    if (kind->category != LLM_RATE) {
        llm_kind_sentence(kind, model_key, sentence);
        return troupe_fail(turn, kind->status, kind->code, "%s", sentence);
    }
    if (wait > TOLD_WAIT_MAX_MS) /* a provider may send any number */
        wait = TOLD_WAIT_MAX_MS;
    wait = wait < 1000 ? 1 : (wait + 999) / 1000;
    return troupe_fail(turn, kind->status, kind->code, "%s Please try again in %lld second%s.",
                       kind->sentence, (long long)wait, wait == 1 ? "" : "s");
}

static int is_code(troupe_str code, const char *name)
{
    return code.len == strlen(name) && memcmp(code.ptr, name, code.len) == 0;
}

void llm_take_cause(troupe_turn *turn, struct llm_provider_error *error)
{
    troupe_str code, sentence;

    if (error->message[0])
        return;
    troupe_error(turn, &code, &sentence);
    if (!is_code(code, "http.failed"))
        return;
    llm_clean(error->message, sizeof(error->message), sentence.ptr, sentence.len);
    troupe_reason(turn, "llm.connection", "%s", error->message);
}

int llm_is_unstored(troupe_turn *turn)
{
    troupe_str code;

    troupe_error(turn, &code, NULL);
    return is_code(code, "budget.storage") || is_code(code, "budget.dispatch");
}

int llm_kind_blames_model(const struct llm_kind *kind)
{
    /* What does not come through the host's own bounds never reached the provider. */
    return kind != &llm_kind_interrupted && kind != &too_many_requests &&
           kind->category != LLM_CONTENT && kind->category != LLM_REQUEST;
}

int llm_kind_needs_admin(const struct llm_kind *kind)
{
    /* How long a model thinks is the question's doing, and the next one may be easier. */
    return kind->category == LLM_ACCOUNT ||
           (kind->category == LLM_CONFIG && kind != &llm_kind_no_room);
}

const char *llm_kind_advice(const struct llm_kind *kind)
{
    static const char *const advice[LLM_CATEGORIES] = {
        [LLM_TRANSIENT] = " Look at the provider's status page and at base_url, or name another "
                          "model in route_chat.",
        [LLM_RATE] = " Have the limit raised there, set api_key_alt, or name another model in "
                     "route_chat.",
        [LLM_PROTOCOL] = " Check base_url, format and model, or name another model in route_chat.",
    };

    return advice[kind->category] ? advice[kind->category] : "";
}

const char *llm_category_name(enum llm_category category)
{
    static const char *const names[LLM_CATEGORIES] = {
        [LLM_TRANSIENT] = "transient", [LLM_RATE] = "rate",       [LLM_CONFIG] = "config",
        [LLM_ACCOUNT] = "account",     [LLM_CONTENT] = "content", [LLM_REQUEST] = "request",
        [LLM_PROTOCOL] = "protocol"};

    return names[category];
}
