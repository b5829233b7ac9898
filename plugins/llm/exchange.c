/* SPDX-License-Identifier: Apache-2.0 */
#include "exchange.h"

#include "clock.h"
#include "cost.h"
#include "limit_wait.h"
#include "limits.h"
#include "log.h"
#include "pick.h"
#include "retry.h"
#include "round.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_READ ((size_t)16 * 1024)

static troupe_str str(const char *text)
{
    return (troupe_str){text, strlen(text)};
}

/* What one attempt came to. */
struct attempt {
    const struct llm_kind *kind; /* NULL: an answer, or the turn has ended */
    int64_t retry_after_ms;      /* -1: not said */
    int retryable;
    int begun; /* bytes of an answer came */
    json_t *answer;
    enum llm_spent spent; /* of its key's limits, and tokens where they are known */
    uint64_t tokens;
    struct llm_allowed allowed; /* what is told of them */
};

/* ---- money ------------------------------------------------------------------------------------*/

/* After TROUPE_BUDGET: the host says which cap it was. */
static troupe_status refused(troupe_turn *turn, const struct llm_exchange *exchange)
{
    if (exchange->worst == TROUPE_PRICE_UNKNOWN && exchange->kept && !exchange->replayed)
        llm_alert_unpriced(turn, &exchange->kept->alerts[exchange->at], exchange->settings,
                           exchange->at == 0 ? exchange->price_key : NULL);
    if (exchange->worst == TROUPE_PRICE_UNKNOWN)
        return troupe_fail(turn, TROUPE_BUDGET, "budget.price_unknown",
                           "The price of the model \"%s\" is not known, so it is not asked. The "
                           "admin can set it in [agent %s], or add the model to the price table.",
                           exchange->settings->model, troupe_agent(exchange->settings->host));
    return llm_refused_by_host(turn);
}

static troupe_status reserve(troupe_turn *turn, const struct llm_exchange *exchange,
                             struct llm_reservation *ret)
{
    char what[LLM_MODEL_MAX + 32];
    troupe_status status;

    memset(ret, 0, sizeof(*ret));
    if (!troupe_budget(turn))
        return troupe_fail(turn, TROUPE_UNSUPPORTED, "budget.missing",
                           "This host keeps no budget, so no model is asked.");
    ret->worst = exchange->worst;
    snprintf(what, sizeof(what), "%s %s", exchange->what, exchange->settings->model);
    status = llm_reserve_next(turn, ret->worst, what, &ret->id);
    ret->open = status >= 0;
    return status == TROUPE_BUDGET ? refused(turn, exchange) : status;
}

/* ---- one attempt ------------------------------------------------------------------------------*/

static troupe_status open_request(troupe_turn *turn, const struct llm_exchange *exchange,
                                  uint32_t key_number, uint32_t patience_ms, uint64_t reservation,
                                  troupe_http **ret)
{
    const struct llm_settings *settings = exchange->settings;
    LLM_CLEANUP_TEXT char *body = json_dumps(exchange->body, JSON_COMPACT);
    troupe_header headers[LLM_HEADERS_MAX];
    char url[LLM_URL_MAX + 64], key[LLM_KEY_VALUE_MAX];
    troupe_http_request request = {.size = sizeof(request), .method = "POST"};

    if (!body)
        return TROUPE_NOMEM;
    snprintf(url, sizeof(url), "%s%s", settings->base_url, exchange->path);
    request.url = str(url);
    request.headers.ptr = headers;
    request.headers.count = llm_headers(settings, key_number, 1, key, headers);
    request.headers.stride = sizeof(headers[0]);
    request.body = str(body);
    request.connect_ms = settings->connect_ms;
    /* Nothing comes before all of it is done. */
    request.first_byte_ms = request.idle_ms = request.total_ms =
        patience_ms && patience_ms < settings->total_ms ? patience_ms : settings->total_ms;
    request.max_body = exchange->most;
    request.reservation = reservation;
    return troupe_http_api(turn)->open(turn, &request, ret);
}

/* All bytes of an answer; NULL without memory or above the bound. */
static char *read_all(troupe_turn *turn, troupe_http *http, size_t most, size_t *ret_len,
                      int *ret_begun, troupe_status *ret_status)
{
    const troupe_http_v1 *api = troupe_http_api(turn);
    size_t size = FIRST_READ, len = 0;
    char *text = malloc(size), *grown;
    troupe_str bytes;

    *ret_status = TROUPE_NOMEM;
    while (text && (*ret_status = api->read(turn, http, &bytes)) == TROUPE_OK) {
        if (bytes.len > most - len) {
            *ret_status = TROUPE_LIMIT;
            break;
        }
        while (size - len < bytes.len)
            size *= 2;
        grown = realloc(text, size);
        if (!grown) {
            *ret_status = TROUPE_NOMEM;
            break;
        }
        text = grown;
        memcpy(text + len, bytes.ptr, (size_t)bytes.len);
        len += (size_t)bytes.len;
        *ret_begun |= len > 0;
    }
    if (*ret_status == TROUPE_END) {
        *ret_len = len;
        return text;
    }
    free(text);
    return NULL;
}

static void log_failure(const struct llm_exchange *exchange, const struct llm_kind *kind,
                        const struct llm_provider_error *error)
{
    if (!exchange->replayed)
        llm_log_failure(exchange->settings, exchange->what, kind, exchange->http_status, error, -1);
}

/* What a server said it could not do, be it with a status of success. */
static void take_error(struct llm_exchange *exchange, const struct llm_provider_error *error,
                       struct attempt *ret)
{
    ret->kind = llm_classify(exchange->http_status, error);
    ret->retryable = ret->kind->retryable;
    log_failure(exchange, ret->kind, error);
}

/* Reads what came and settles it. What broke off, or makes no sense, may be billed to its worst case: it stays
 * open, and the host books that. */
static troupe_status take(troupe_turn *turn, struct llm_exchange *exchange, troupe_http *http,
                          struct llm_reservation *reservation, struct attempt *ret)
{
    struct llm_provider_error error = {0};
    struct llm_usage usage = {0};
    troupe_status status;
    size_t len = 0;
    LLM_CLEANUP_TEXT char *text = read_all(turn, http, exchange->most, &len, &ret->begun, &status);
    LLM_CLEANUP_JSON json_t *answer = NULL;
    const json_t *inner;

    if (!text) {
        ret->kind = llm_classify_transport(status == TROUPE_LIMIT ? TROUPE_DATA : status);
        ret->retryable = ret->kind->retryable;
        llm_take_cause(turn, &error);
        log_failure(exchange, ret->kind, &error);
        return troupe_turn_status(turn);
    }
    if (exchange->http_status < 200 || exchange->http_status >= 300) {
        llm_provider_error_read(text, len, &error);
        ret->retry_after_ms = llm_retry_told(turn, http);
        ret->spent = LLM_SPENT_REQUEST;
        if (exchange->values > 0 && exchange->kept && llm_vector_is_refused(error.message)) {
            llm_vector_fix(&exchange->kept->vectors[exchange->at]);
            ret->kind = &llm_kind_misfit;
            log_failure(exchange, ret->kind, &error);
        } else {
            take_error(exchange, &error, ret);
        }
        return llm_settle(turn, reservation, 0);
    }
    answer = llm_json_load(text, len);
    inner = json_object_get(answer, "error");
    if (inner && !json_is_null(inner)) {
        llm_provider_error_take(inner, &error);
        ret->retry_after_ms = llm_retry_told(turn, http);
        take_error(exchange, &error, ret);
        return json_object_get(answer, "usage") ? troupe_turn_status(turn)
                                                : llm_settle(turn, reservation, 0);
    }
    ret->kind = !json_is_object(answer) ? &llm_kind_garbage
                : exchange->fits        ? exchange->fits(exchange, answer)
                                        : NULL;
    if (ret->kind)
        log_failure(exchange, ret->kind, &error);
    /* Nobody knows whether it was paid for: it is not asked for there again. */
    if (ret->kind == &llm_kind_garbage)
        return troupe_turn_status(turn);
    if (!ret->kind)
        ret->answer = json_incref(answer);
    exchange->cost_micros = exchange->cost(exchange, answer, &usage.input, &usage.output);
    ret->spent = LLM_SPENT_TOKENS;
    ret->tokens = usage.input + usage.output;
    llm_used(turn, reservation, &usage);
    return llm_settle(turn, reservation, exchange->cost_micros);
}

static troupe_status once(troupe_turn *turn, struct llm_exchange *exchange, uint32_t key,
                          uint32_t patience_ms, int64_t now_ms, struct attempt *ret)
{
    const troupe_http_v1 *api = troupe_http_api(turn);
    const int64_t left = troupe_time_left(turn);
    struct llm_reservation reservation;
    struct llm_provider_error none = {0};
    troupe_http *http = NULL;
    troupe_status status;

    memset(ret, 0, sizeof(*ret));
    ret->retry_after_ms = -1;
    exchange->http_status = 0;
    status = reserve(turn, exchange, &reservation);
    if (status < 0)
        return status;
    status = open_request(turn, exchange, key, patience_ms, reservation.id, &http);
    exchange->replayed = troupe_replayed(turn);
    if (status == TROUPE_BUDGET)
        return refused(turn, exchange);
    if (status < 0) {
        const int unstored = status != TROUPE_CANCELED && llm_is_unstored(turn);

        llm_take_cause(turn, &none);
        llm_give_back(turn, &reservation, status);
        if (unstored)
            return status;
        if (reservation.open)
            ret->spent = LLM_SPENT_UNKNOWN;
        ret->kind = llm_classify_transport(status);
        ret->retryable = ret->kind->retryable;
        log_failure(exchange, ret->kind, &none);
        return troupe_turn_status(turn);
    }
    exchange->http_status = api->status(http);
    ret->spent = LLM_SPENT_UNKNOWN;
    llm_allowed_read(api, http, exchange->settings->format, now_ms + left - troupe_time_left(turn),
                     &ret->allowed);
    status = take(turn, exchange, http, &reservation, ret);
    api->close(turn, http);
    /* An answer stays one where its cost could not be written down: the host books the worst case. */
    return status < 0 && troupe_turn_status(turn) < 0 ? troupe_turn_status(turn) : TROUPE_OK;
}

/* ---- one model after the other ----------------------------------------------------------------*/

/* What is known of the models of one exchange. */
struct asking {
    uint32_t gone;                 /* bits of those that are not asked again                  */
    uint32_t tried;                /* the same of those that are not in this round            */
    uint32_t skip;                 /* and of those that are not meant                         */
    uint8_t times[LLM_MODELS_MAX]; /* that each was asked in this round                       */
    int64_t next;                  /* who may be asked behind the one that is; -1: nobody     */
    int unfit;                     /* so many may not be asked for it, whatever their health  */
    int64_t after_ms;              /* the shortest wait that one asked for                    */
    int64_t told_ms;               /* what the last that failed asked for, -1: nothing */
    int64_t limit_ms;              /* until one may be asked whose keys are at their limits; -1 */
    int limit_waits;               /* so often it was waited for that                           */
    int again;                     /* one may answer later */
    troupe_status refused;         /* why money was not given */
    struct llm_clock clock;        /* as it was when it began */
};

static uint32_t end_of(const struct llm_exchange *exchange)
{
    return exchange->alone ? exchange->first + 1 : exchange->count;
}

/* Another key may do what this one may not. */
static int has_other_key(const struct llm_exchange *exchange, const struct attempt *attempt,
                         const struct asking *asking)
{
    return llm_kind_blames_key(attempt->kind) &&
           asking->times[exchange->at] < exchange->settings->key_count;
}

static void note_failure(struct llm_exchange *exchange, const struct attempt *attempt,
                         struct asking *asking)
{
    const int64_t after = attempt->retry_after_ms < 0 ? 0 : attempt->retry_after_ms;
    const uint32_t bit = 1u << exchange->at;

    exchange->kind = attempt->kind;
    asking->told_ms = attempt->retry_after_ms;
    if (!has_other_key(exchange, attempt, asking)) {
        asking->tried |= bit;
        if (!attempt->retryable)
            asking->gone |= bit;
    }
    if (!attempt->retryable)
        return;
    if (!asking->again || after < asking->after_ms)
        asking->after_ms = after;
    asking->again = 1;
}

static void tell_next(troupe_turn *turn, const struct llm_exchange *exchange,
                      const struct asking *asking, const char *why)
{
    if (asking->next >= 0)
        troupe_reason(turn, "llm.fallback", "%s: %s with %s; asking %s", exchange->what, why,
                      exchange->settings->model, exchange->models[asking->next].model);
}

/* `left` was left of the turn when it was asked. */
static void note_health(troupe_turn *turn, const struct llm_exchange *exchange,
                        const struct asking *asking, uint32_t key, const struct attempt *attempt,
                        int64_t left)
{
    struct llm_models *kept = exchange->kept;
    const int64_t left_now = troupe_time_left(turn), ms = left - left_now;

    if (!kept || exchange->replayed)
        return;
    llm_alert_watch(turn, &kept->alerts[exchange->at], exchange->settings, attempt->kind,
                    llm_clock_now(turn, &asking->clock));
    llm_health_note(&kept->health[exchange->at],
                    &exchange->router->links[kept->providers[exchange->at]], key, attempt->kind,
                    attempt->retry_after_ms, ms, ms);
}

/* Counts with the key's limits what came of it, and keeps what its provider tells of them. */
static void count(const struct llm_exchange *exchange, const struct llm_pick *pick,
                  const struct attempt *attempt)
{
    struct llm_models *kept = exchange->kept;
    struct llm_taken taken = {pick->at_ms, {exchange->tokens, 0, 0}};
    struct llm_health *health;

    if (!kept || exchange->replayed)
        return;
    health = &kept->health[exchange->at];
    llm_health_settle(health, &exchange->router->links[kept->providers[exchange->at]],
                      (uint32_t)pick->key, &taken, attempt->spent, attempt->tokens);
    llm_allowance_note(&health->allowances[pick->key], &attempt->allowed, attempt->answer != NULL,
                       attempt->retry_after_ms);
}

/* Whether the turn's own time ended while the model said nothing for longer than it may (LLM_SILENT_MS). What
 * takes longer than a first token may be silent for half of its time. */
static int is_silent(troupe_turn *turn, const struct llm_exchange *exchange,
                     const struct attempt *attempt, int64_t left)
{
    const struct llm_settings *settings = exchange->settings;
    const int64_t whole = exchange->patience_ms ? exchange->patience_ms : settings->total_ms;
    const int64_t half = whole / 2;

    return troupe_turn_status(turn) == TROUPE_DEADLINE && !attempt->begun && !attempt->answer &&
           left - troupe_time_left(turn) >=
               (whole <= settings->first_token_ms && half > LLM_SILENT_MS ? LLM_SILENT_MS : half);
}

/* What it would have been told at its own deadline. */
static void note_silence(troupe_turn *turn, const struct llm_exchange *exchange,
                         const struct asking *asking, uint32_t key, struct attempt *attempt,
                         int64_t left)
{
    const struct llm_provider_error none = {0};

    attempt->kind = &llm_kind_slow;
    log_failure(exchange, attempt->kind, &none);
    troupe_metric(turn, "errors", 1, attempt->kind->name, NULL);
    note_health(turn, exchange, asking, key, attempt, left);
}

/* Asks the model that `exchange->at` names. TROUPE_NEXT: it did not answer. */
static troupe_status ask_one(troupe_turn *turn, struct llm_exchange *exchange,
                             struct asking *asking, const struct llm_pick *pick, json_t **ret)
{
    const int64_t left = troupe_time_left(turn);
    const uint32_t key = (uint32_t)pick->key;
    struct attempt attempt;
    troupe_status status = once(turn, exchange, key, asking->next >= 0 ? exchange->patience_ms : 0,
                                llm_clock_now(turn, &asking->clock), &attempt);

    count(exchange, pick, &attempt);
    if (status == TROUPE_BUDGET && troupe_turn_status(turn) >= 0) {
        asking->gone |= 1u << exchange->at;
        asking->refused = status;
        tell_next(turn, exchange, asking, "no money");
        return TROUPE_NEXT;
    }
    if (status < 0) {
        if (is_silent(turn, exchange, &attempt, left))
            note_silence(turn, exchange, asking, key, &attempt, left);
        json_decref(attempt.answer);
        return status;
    }
    note_health(turn, exchange, asking, key, &attempt, left);
    if (!attempt.kind) {
        *ret = attempt.answer;
        return TROUPE_DONE;
    }
    if (!exchange->replayed)
        troupe_metric(turn, "errors", 1, attempt.kind->name, NULL);
    asking->times[exchange->at]++;
    note_failure(exchange, &attempt, asking);
    if (attempt.kind->retry == LLM_STOP) {
        asking->gone = UINT32_MAX;
        asking->again = 0;
    } else {
        tell_next(turn, exchange, asking, attempt.kind->code);
    }
    return TROUPE_NEXT;
}

/* All that may still answer, once each, or once with each key. */
static troupe_status ask_all(troupe_turn *turn, struct llm_exchange *exchange,
                             struct asking *asking, int64_t n, json_t **ret)
{
    asking->again = 0;
    asking->tried = 0;
    memset(asking->times, 0, sizeof(asking->times));
    while (asking->gone != UINT32_MAX) {
        const struct llm_wish wish = {.tried = asking->gone | asking->tried,
                                      .skip = asking->skip,
                                      .from = exchange->first,
                                      .until = end_of(exchange),
                                      .again = n > 1,
                                      .values = exchange->values,
                                      .most = exchange->values_most,
                                      .tokens = exchange->tokens};
        struct llm_pick pick;
        troupe_status status = llm_pick_ask(turn, exchange->kind_name, &wish, &pick);

        if (status < 0)
            return status;
        exchange->replayed = troupe_replayed(turn);
        exchange->misfit = pick.misfit;
        exchange->others = pick.others;
        exchange->told = pick.told;
        if (pick.model < 0) {
            asking->limit_ms = pick.wait_ms;
            break;
        }
        llm_exchange_clear(exchange);
        exchange->at = (uint32_t)pick.model;
        exchange->settings = &exchange->models[pick.model];
        asking->next = pick.next;
        if (!exchange->aim(exchange, turn)) {
            const struct attempt none = {.spent = LLM_SPENT_NOTHING, .retry_after_ms = -1};

            count(exchange, &pick, &none);
            asking->gone |= 1u << pick.model;
            asking->unfit++;
            continue;
        }
        status = ask_one(turn, exchange, asking, &pick, ret);
        if (status != TROUPE_NEXT)
            return status;
    }
    return TROUPE_NEXT;
}

/* None was asked: nobody has the kind, there is no money, or all that could answer are down. */
static troupe_status fail_unasked(troupe_turn *turn, const struct llm_exchange *exchange,
                                  const struct asking *asking)
{
    if (asking->refused)
        return asking->refused;
    if (asking->limit_ms >= 0)
        return llm_limit_refuse(turn, asking->limit_ms);
    if (asking->unfit + __builtin_popcount(exchange->misfit) >=
        (int)(end_of(exchange) - exchange->first))
        return llm_exchange_unsupported(turn, exchange->nowhere);
    return troupe_fail(turn, TROUPE_UNAVAILABLE, "llm.unreachable",
                       "%s cannot be asked at the moment. Please try again in a minute.",
                       exchange->whom);
}

/* Waits once where all that may be asked are at their limits for a moment: 1, or 0 where that is no use. */
static troupe_status wait_for_limit(troupe_turn *turn, const struct llm_exchange *exchange,
                                    struct asking *asking)
{
    const int64_t wait = asking->limit_ms;
    char why[96];
    troupe_status status;

    if (wait < 0 || asking->limit_waits > 0)
        return 0;
    snprintf(why, sizeof(why), "%s: all keys are at their limits", exchange->what);
    status = llm_limit_wait(turn, wait, exchange->models[exchange->first].first_token_ms, 1, why);
    if (status > 0) {
        asking->limit_waits++;
        asking->limit_ms = -1;
    }
    return status;
}

troupe_status llm_exchange_run(troupe_turn *turn, struct llm_exchange *exchange, json_t **ret)
{
    struct asking asking = {.next = -1, .limit_ms = -1};
    troupe_status status;
    int64_t wait;

    exchange->kind = NULL;
    for (uint32_t i = exchange->first; i < end_of(exchange); i++)
        if (exchange->meant && !exchange->meant(exchange, &exchange->models[i])) {
            asking.skip |= 1u << i;
            asking.unfit++;
        }
    asking.clock = llm_clock_look(turn);
    if (exchange->router && !troupe_replayed(turn))
        llm_router_earn(exchange->router);
    for (int64_t n = 1;; n++) {
        status = ask_all(turn, exchange, &asking, n, ret);
        if (status != TROUPE_NEXT)
            return status == TROUPE_DONE ? TROUPE_OK : status;
        if (!exchange->kind) {
            status = wait_for_limit(turn, exchange, &asking);
            if (status < 0)
                return status;
            if (status == 0)
                return fail_unasked(turn, exchange, &asking);
            n = 0;
            continue;
        }
        if (exchange->kind == &llm_kind_garbage && !asking.again && exchange->whom)
            return troupe_fail(turn, TROUPE_DATA, exchange->kind->code,
                               "%s gave an answer that makes no sense.", exchange->whom);
        wait = -1;
        status = asking.again ? llm_retry_plan(turn, n, exchange->models[exchange->first].attempts,
                                               asking.after_ms, &wait)
                              : TROUPE_OK;
        if (status < 0)
            return status;
        if (wait < 0)
            return llm_fail_of(turn, exchange->kind, exchange->settings->model_key, asking.told_ms);
        troupe_reason(turn, "llm.retry", "%s: %s in attempt %lld; again in %lld ms", exchange->what,
                      exchange->kind->code, (long long)n, (long long)wait);
        status = troupe_sleep(turn, (uint64_t)wait);
        if (status < 0)
            return status;
    }
}

void llm_exchange_clear(struct llm_exchange *exchange)
{
    json_decref(exchange->body);
    exchange->body = NULL;
}

troupe_status llm_exchange_unsupported(troupe_turn *turn, const char *sentence)
{
    return troupe_fail(turn, TROUPE_UNSUPPORTED, "llm.unsupported", "%s", sentence);
}
