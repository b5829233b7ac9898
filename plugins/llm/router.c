/* SPDX-License-Identifier: Apache-2.0 */
#include "router.h"

#include "cost.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SMOOTHING    0.2      /* weight of the newest measurement                      */
#define CHEAP_MICROS 2000.0   /* a price that is half as good as none                  */
#define QUICK_MS     4000.0   /* a latency that is half as good as none                */
#define UNKNOWN_MS   2000.0   /* what a model that was never asked is taken to need    */
#define FORGET_MS    600000.0 /* after which half of the failures are forgotten        */
#define WEIGHT_FIT   0.5      /* the parts of the score beside the price               */
#define WEIGHT_SPEED 0.25
#define WEIGHT_TRUST 0.25

static const struct {
    const char *name;
    double need; /* quality that the task asks for, before its complexity */
} routes[LLM_ROUTES] = {
    [LLM_CHAT] = {"chat", 0.4},     [LLM_QUICK] = {"quick", 0.2},     [LLM_CODE] = {"code", 0.7},
    [LLM_VISION] = {"vision", 0.5}, [LLM_SUMMARY] = {"summary", 0.3},
};

void llm_router_init(struct llm_router *router, struct llm_candidate *candidates)
{
    memset(router, 0, sizeof(*router));
    router->candidates = candidates;
    router->cost_weight = 0.4;
    router->retries = LLM_RETRY_RESERVE;
}

enum llm_route llm_route_of(troupe_str name)
{
    for (int i = 0; i < LLM_ROUTES; i++)
        if (name.len == strlen(routes[i].name) && memcmp(name.ptr, routes[i].name, name.len) == 0)
            return (enum llm_route)i;
    return LLM_CHAT;
}

const char *llm_route_name(enum llm_route route)
{
    return routes[route].name;
}

int llm_router_chooses(const struct llm_router *router)
{
    int keys = 0;

    for (int i = 0; i < LLM_PROVIDERS_MAX; i++)
        keys |= router->links[i].keys > 1;
    return router->count > 1 || keys;
}

/* ---- what is asked ------------------------------------------------------------------------------*/

int64_t llm_complexity(const json_t *messages)
{
    const json_t *content =
        json_object_get(json_array_get(messages, json_array_size(messages) - 1), "content");
    const char *text = json_string_value(content);
    int64_t value =
        (int64_t)(llm_estimate_text(text ? text : "", json_string_length(content)) / 20);

    if (!text)
        return 0;
    if (strstr(text, "```"))
        value += 30;
    for (const char *at = strchr(text, '?'); at; at = strchr(at + 1, '?'))
        value += 5;
    return value > 100 ? 100 : value;
}

/* ---- breakers ----------------------------------------------------------------------------------*/

static void breaker_look(struct llm_breaker *breaker, int64_t now_ms)
{
    int64_t ms = LLM_BREAKER_FIRST_MS;

    if (!breaker->tripped)
        return;
    for (uint32_t i = 0; i < breaker->openings && ms < LLM_BREAKER_MOST_MS; i++)
        ms *= 2;
    breaker->open_until = now_ms + (ms > LLM_BREAKER_MOST_MS ? LLM_BREAKER_MOST_MS : ms);
    breaker->openings++;
    breaker->tripped = 0;
    breaker->probe_since = 0;
}

/* Open, or half open while somebody is trying. */
static int breaker_stops(const struct llm_breaker *breaker, int64_t now_ms)
{
    if (breaker->open_until == 0)
        return 0;
    return breaker->open_until > now_ms ||
           (breaker->probe_since != 0 && now_ms - breaker->probe_since < LLM_PROBE_MS);
}

static void breaker_enter(struct llm_breaker *breaker, int64_t now_ms)
{
    if (breaker->open_until != 0)
        breaker->probe_since = now_ms;
}

static void breaker_note(struct llm_breaker *breaker, int failed, int at_once)
{
    if (!failed) {
        memset(breaker, 0, sizeof(*breaker));
        return;
    }
    breaker->failures++;
    if (at_once || breaker->open_until != 0 || breaker->failures >= LLM_BREAKER_FAILURES)
        breaker->tripped = 1;
}

/* ---- what came of it ---------------------------------------------------------------------------*/

static double average(double before, double value)
{
    return before < 0 ? value : before + SMOOTHING * (value - before);
}

static int is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

void llm_router_note(struct llm_router *router, uint32_t candidate, uint32_t key,
                     const struct llm_kind *kind, int64_t retry_after_ms, int64_t first_ms,
                     int64_t total_ms)
{
    struct llm_candidate *model = &router->candidates[candidate];
    struct llm_link *link = &router->links[model->provider];

    if (!kind) {
        model->first_ms = average(model->first_ms, (double)first_ms);
        model->total_ms = average(model->total_ms, (double)total_ms);
        model->success = average(model->success, 1);
        breaker_note(&model->breaker, 0, 0);
        breaker_note(&link->breaker, 0, 0);
        return;
    }
    /* Cut by a restart of the host, or kept back by its own bounds: nothing of the model's. */
    if (kind == &llm_kind_interrupted || is(kind->name, "own_limit"))
        return;
    /* What was asked is no fault of the model's, which is there and says so. */
    if (kind->category == LLM_CONTENT || kind->category == LLM_REQUEST) {
        breaker_note(&model->breaker, 0, 0);
        breaker_note(&link->breaker, 0, 0);
        return;
    }
    if (kind->category == LLM_RATE) {
        model->cool_for[key] = retry_after_ms > 0 ? retry_after_ms : LLM_COOL_MS;
        return;
    }
    if (kind->category == LLM_ACCOUNT ||
        (kind->category == LLM_CONFIG && is(kind->code, "llm.refused"))) {
        link->cool_for[key] = LLM_KEY_COOL_MS;
        return;
    }
    model->success = average(model->success, 0);
    model->measured_ms = 0;
    breaker_note(&model->breaker, 1, kind->category == LLM_CONFIG);
    if (is(kind->code, "llm.unreachable"))
        breaker_note(&link->breaker, 1, 0);
}

void llm_router_earn(struct llm_router *router)
{
    router->retries += LLM_RETRY_SHARE;
    if (router->retries > LLM_RETRY_RESERVE)
        router->retries = LLM_RETRY_RESERVE;
}

/* ---- the choice --------------------------------------------------------------------------------*/

static void cool(int64_t *until, int64_t *duration, int64_t now_ms)
{
    for (int i = 0; i < LLM_KEYS_MAX; i++) {
        if (duration[i] > 0)
            until[i] = now_ms + duration[i];
        duration[i] = 0;
    }
}

/* What happened since is given its time: only here is there a clock that the host records. */
static void look(struct llm_router *router, int64_t now_ms)
{
    for (int i = 0; i < LLM_PROVIDERS_MAX; i++) {
        breaker_look(&router->links[i].breaker, now_ms);
        cool(router->links[i].cool_until, router->links[i].cool_for, now_ms);
    }
    for (uint32_t i = 0; i < router->count; i++) {
        struct llm_candidate *model = &router->candidates[i];

        breaker_look(&model->breaker, now_ms);
        cool(model->cool_until, model->cool_for, now_ms);
        if (model->measured_ms == 0)
            model->measured_ms = now_ms;
    }
}

/* A key that may be used; the first where each has its own limits and all are free. -1: none. */
static int free_key(const struct llm_router *router, const struct llm_candidate *model,
                    int64_t now_ms)
{
    const struct llm_link *link = &router->links[model->provider];

    for (int i = 0; i < (link->keys ? link->keys : 1); i++)
        if (link->cool_until[i] <= now_ms && model->cool_until[i] <= now_ms)
            return i;
    return -1;
}

static const char no_price[] = "no price";

/* NULL where it may be asked. */
static const char *obstacle(const struct llm_router *router, const struct llm_ask *ask,
                            const struct llm_way *way, uint32_t place, int64_t now_ms)
{
    const uint32_t index = way->to[place].candidate;
    const struct llm_candidate *model = &router->candidates[index];

    if (ask->tried & (1u << index))
        return "failed";
    if (way->to[place].quality < way->floor)
        return "below the floor";
    if (breaker_stops(&router->links[model->provider].breaker, now_ms))
        return "provider is down";
    if (breaker_stops(&model->breaker, now_ms))
        return "is down";
    if (free_key(router, model, now_ms) < 0)
        return "must wait";
    return llm_tariff_find(&model->settings, now_ms).known ? NULL : no_price;
}

static double score(const struct llm_router *router, const struct llm_ask *ask,
                    const struct llm_way *way, uint32_t place, int64_t now_ms)
{
    const struct llm_candidate *model = &router->candidates[way->to[place].candidate];
    const struct llm_tariff tariff = llm_tariff_find(&model->settings, now_ms);
    double micros = (double)llm_price_cost(&tariff.price, (uint64_t)ask->tokens, 0,
                                           (uint64_t)ask->max_tokens / 2);
    double latency = model->first_ms < 0 ? UNKNOWN_MS : model->first_ms + model->total_ms / 4;
    double need = routes[ask->route].need + 0.3 * (double)ask->complexity / 100;
    double quality = way->to[place].quality / 100.0;
    double fit = quality >= need ? 1 : quality / need;
    double failed = model->success < 0 ? 0 : 1 - model->success, age, rest;

    /* Failures fade, so that who failed once is asked again. */
    for (age = (double)(now_ms - model->measured_ms); age > FORGET_MS && failed > 0.01;
         age -= FORGET_MS)
        failed /= 2;
    rest = WEIGHT_FIT * fit + WEIGHT_SPEED * QUICK_MS / (QUICK_MS + latency) +
           WEIGHT_TRUST * (1 - failed);
    return router->cost_weight * CHEAP_MICROS / (CHEAP_MICROS + micros) +
           (1 - router->cost_weight) * rest;
}

__attribute__((format(printf, 2, 3))) static void tell(struct llm_choice *choice,
                                                       const char *format, ...)
{
    size_t len = strlen(choice->why);
    va_list args;

    va_start(args, format);
    vsnprintf(choice->why + len, sizeof(choice->why) - len, format, args);
    va_end(args);
}

/* The one that just failed, where it alone is left. */
static int may_repeat(struct llm_router *router, const struct llm_ask *ask,
                      struct llm_choice *choice)
{
    if (ask->last < 0 || !ask->again)
        return 0;
    if (router->retries < 1) {
        tell(choice, "; too many questions were repeated lately");
        return 0;
    }
    router->retries -= 1;
    tell(choice, "; the same again");
    return 1;
}

void llm_router_choose(struct llm_router *router, const struct llm_ask *ask, int64_t now_ms,
                       struct llm_choice *ret)
{
    const struct llm_way *way =
        &router->ways[router->ways[ask->route].count > 0 ? ask->route : LLM_CHAT];
    int64_t unpriced = -1;
    double best = -1;

    memset(ret, 0, sizeof(*ret));
    ret->candidate = -1;
    look(router, now_ms);
    tell(ret, "%s:", routes[ask->route].name);
    for (uint32_t i = 0; i < way->count; i++) {
        const struct llm_candidate *model = &router->candidates[way->to[i].candidate];
        const char *why_not = obstacle(router, ask, way, i, now_ms);
        double value = score(router, ask, way, i, now_ms);

        tell(ret, "%s %s at %s %.2f%s%s%s", i ? "," : "", model->settings.model,
             model->settings.host_name, value, why_not ? " (" : "", why_not ? why_not : "",
             why_not ? ")" : "");
        if (!why_not && value > best) {
            best = value;
            ret->candidate = way->to[i].candidate;
        }
        if (why_not == no_price && unpriced < 0)
            unpriced = way->to[i].candidate;
    }
    /* Asking it is refused with the remedy, which helps more than silence. */
    if (ret->candidate < 0 && ask->last < 0)
        ret->candidate = unpriced;
    if (ret->candidate >= 0) {
        struct llm_candidate *model = &router->candidates[ret->candidate];

        ret->key = free_key(router, model, now_ms);
        if (ret->key < 0)
            ret->key = 0;
        breaker_enter(&model->breaker, now_ms);
        breaker_enter(&router->links[model->provider].breaker, now_ms);
        tell(ret, "; %s", model->settings.model);
    } else if (may_repeat(router, ask, ret)) {
        ret->candidate = ask->last;
        ret->key = free_key(router, &router->candidates[ask->last], now_ms);
        if (ret->key < 0)
            ret->key = 0; /* its wait is kept by whoever repeats */
    } else {
        tell(ret, "; none is left");
    }
}
