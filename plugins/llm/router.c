/* SPDX-License-Identifier: Apache-2.0 */
#include "router.h"

#include "cost.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define CHEAP_MICROS 2000.0 /* a price that is half as good as none                  */
#define QUICK_MS     4000.0 /* a latency that is half as good as none                */
#define UNKNOWN_MS   2000.0 /* what a model that was never asked is taken to need    */
#define PREFERRED    2.0    /* above any score                                       */
#define WEIGHT_FIT   0.5    /* the parts of the score beside the price               */
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
    router->hedges = 1;
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

/* ---- what came of it ---------------------------------------------------------------------------*/

void llm_router_note(struct llm_router *router, uint32_t candidate, uint32_t key,
                     const struct llm_kind *kind, int64_t retry_after_ms, int64_t first_ms,
                     int64_t total_ms)
{
    struct llm_candidate *model = &router->candidates[candidate];

    llm_health_note(&model->health, &router->links[model->provider], key, kind, retry_after_ms,
                    first_ms, total_ms);
}

void llm_router_earn(struct llm_router *router)
{
    router->retries += LLM_RETRY_SHARE;
    if (router->retries > LLM_RETRY_RESERVE)
        router->retries = LLM_RETRY_RESERVE;
}

int llm_router_spend(struct llm_router *router)
{
    if (router->retries < 1)
        return 0;
    router->retries -= 1;
    return 1;
}

/* ---- the choice --------------------------------------------------------------------------------*/

/* What happened since is given its time: only here is there a clock that the host records. */
static void look(struct llm_router *router, int64_t now_ms)
{
    for (int i = 0; i < LLM_PROVIDERS_MAX; i++)
        llm_link_look(&router->links[i], now_ms);
    for (uint32_t i = 0; i < router->count; i++)
        llm_health_look(&router->candidates[i].health, now_ms);
}

static struct llm_need need_of(const struct llm_ask *ask)
{
    return (struct llm_need){ask->tokens, ask->max_tokens, ask->refilled > 0};
}

/* With which key it is asked, which counts from now on: the first where none is free, as who repeats a question
 * keeps its wait. */
static void take_key(struct llm_router *router, const struct llm_ask *ask, int key, int64_t now_ms,
                     struct llm_choice *choice)
{
    struct llm_candidate *model = &router->candidates[choice->candidate];
    struct llm_link *link = &router->links[model->provider];
    const struct llm_need need = need_of(ask);

    choice->key = key < 0 ? 0 : key;
    choice->at_ms = now_ms;
    for (int i = 0; i < choice->key; i++)
        choice->passed |=
            llm_health_limited(llm_health_key_obstacle(&model->health, link, &need, i, now_ms));
    llm_health_take(&model->health, link, choice->key, &need, now_ms);
}

static void choose_key(struct llm_router *router, const struct llm_ask *ask, int64_t now_ms,
                       struct llm_choice *choice)
{
    const struct llm_candidate *model = &router->candidates[choice->candidate];
    const struct llm_need need = need_of(ask);

    take_key(router, ask,
             llm_health_key(&model->health, &router->links[model->provider], &need, -1, now_ms),
             now_ms, choice);
}

static const char no_price[] = "no price", cannot_see[] = "cannot see pictures";

static const struct llm_way *way_of(const struct llm_router *router, enum llm_route route)
{
    return &router->ways[router->ways[route].count > 0 ? route : LLM_CHAT];
}

int llm_router_sees(const struct llm_router *router, enum llm_route route)
{
    const struct llm_way *way = way_of(router, route);

    for (uint32_t i = 0; i < way->count; i++)
        if (router->candidates[way->to[i].candidate].settings.sees)
            return 1;
    return 0;
}

/* A picture costs tokens, of which somebody has to know how many. */
static int has_price(const struct llm_settings *settings, const struct llm_ask *ask, int64_t now_ms)
{
    const struct llm_tariff tariff = llm_tariff_find(settings, now_ms);

    return tariff.known &&
           (!ask->pictures || tariff.price.input == 0 || settings->sight.rule != LLM_SIGHT_UNKNOWN);
}

/* NULL where it may be asked. */
static const char *obstacle(const struct llm_router *router, const struct llm_ask *ask,
                            const struct llm_way *way, uint32_t place, int64_t now_ms,
                            uint8_t *ret_waits)
{
    const uint32_t index = way->to[place].candidate;
    const struct llm_candidate *model = &router->candidates[index];
    const struct llm_need need = need_of(ask);
    const char *why_not;

    *ret_waits = 0;
    if (ask->pictures && (!model->settings.sees || model->blind))
        return cannot_see;
    if (ask->tried & (1u << index))
        return "failed";
    if (way->to[place].quality < way->floor)
        return "below the floor";
    why_not = llm_health_obstacle(&model->health, &router->links[model->provider], &need, now_ms);
    *ret_waits = why_not != NULL;
    if (why_not)
        return why_not;
    return has_price(&model->settings, ask, now_ms) ? NULL : no_price;
}

/* The share of a talk that a model would be sent; the rest would be left out. */
static double holds(const struct llm_settings *settings, const struct llm_ask *ask)
{
    const double whole = (double)ask->tokens + (double)ask->max_tokens;
    const double context = (double)settings->context_tokens;

    return context > 0 && whole > context ? context / whole : 1;
}

static double score(const struct llm_router *router, const struct llm_ask *ask,
                    const struct llm_way *way, uint32_t place, int64_t now_ms)
{
    const struct llm_candidate *model = &router->candidates[way->to[place].candidate];
    const struct llm_tariff tariff = llm_tariff_find(&model->settings, now_ms);
    double micros = (double)llm_price_cost(&tariff.price, (uint64_t)ask->tokens, 0,
                                           (uint64_t)ask->max_tokens / 2);
    const struct llm_health *health = &model->health;
    double latency = health->first_ms < 0 ? UNKNOWN_MS : health->first_ms + health->total_ms / 4;
    double need = routes[ask->route].need + 0.3 * (double)ask->complexity / 100;
    double quality = way->to[place].quality / 100.0;
    double fit = (quality >= need ? 1 : quality / need) * holds(&model->settings, ask);
    double failed = llm_health_failed(health, now_ms), rest;

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

/* What was found out about the candidates of a way. */
struct findings {
    double value[LLM_CANDIDATES_MAX];
    const char *why_not[LLM_CANDIDATES_MAX]; /* NULL: it may be asked */
    uint8_t waits[LLM_CANDIDATES_MAX];       /* only its health is in the way */
    int best;                                /* its place; -1: none   */
    int unpriced;                            /* the first without a price; -1: none */
};

static int is_preferred(const struct llm_ask *ask, const struct llm_way *way, uint32_t place)
{
    return ask->prefer >> way->to[place].candidate & 1;
}

static void compare(const struct llm_router *router, const struct llm_ask *ask,
                    const struct llm_way *way, int64_t now_ms, struct findings *ret)
{
    ret->best = ret->unpriced = -1;
    for (uint32_t i = 0; i < way->count; i++) {
        ret->why_not[i] = obstacle(router, ask, way, i, now_ms, &ret->waits[i]);
        ret->value[i] = score(router, ask, way, i, now_ms);
        if (ret->why_not[i]) {
            if (ret->why_not[i] == no_price && ret->unpriced < 0)
                ret->unpriced = (int)i;
            continue;
        }
        if (is_preferred(ask, way, i))
            ret->value[i] += PREFERRED;
        if (ret->best < 0 || ret->value[i] > ret->value[ret->best])
            ret->best = (int)i;
    }
}

/* Names are cut so that all candidates have room. */
static void tell_one(const struct llm_router *router, const struct llm_ask *ask,
                     const struct llm_way *way, uint32_t place, const struct findings *found,
                     struct llm_choice *choice)
{
    const struct llm_settings *settings = &router->candidates[way->to[place].candidate].settings;
    const char *note = found->why_not[place];

    if (!note && is_preferred(ask, way, place))
        note = "preferred";
    tell(choice, "%.90s at %.60s %.2f%s%s%s", settings->model, settings->host_name,
         found->value[place], note ? " (" : "", note ? note : "", note ? ")" : "");
}

static void tell_others(const struct llm_router *router, const struct llm_ask *ask,
                        const struct llm_way *way, int chosen, const struct findings *found,
                        struct llm_choice *choice)
{
    const char *before = "; not ";

    for (uint32_t i = 0; i < way->count; i++) {
        if ((int)i == chosen)
            continue;
        tell(choice, "%s", before);
        tell_one(router, ask, way, i, found, choice);
        before = ", ";
    }
}

/* The value with which it would be chosen, were nothing in its way. */
static double value_of(const struct llm_ask *ask, const struct findings *found,
                       const struct llm_way *way, uint32_t place)
{
    return found->value[place] +
           (found->why_not[place] && is_preferred(ask, way, place) ? PREFERRED : 0);
}

/* The same, had it never failed. */
static double unharmed(const struct llm_router *router, const struct llm_health *health,
                       double value, int64_t now_ms)
{
    return value + (1 - router->cost_weight) * WEIGHT_TRUST * llm_health_failed(health, now_ms);
}

/* Keeps of those that cannot be asked now who may be first, and who is gone round. */
static void look_ahead(const struct llm_router *router, const struct llm_ask *ask,
                       const struct findings *found, const struct llm_way *way, uint32_t place,
                       int64_t now_ms, struct llm_choice *choice)
{
    const uint8_t index = way->to[place].candidate;
    const struct llm_candidate *model = &router->candidates[index];
    const struct llm_need need = need_of(ask);
    int limit;
    const int64_t wait =
        llm_health_wait(&model->health, &router->links[model->provider], &need, now_ms, &limit);

    if (!limit &&
        (found->best < 0 || unharmed(router, &model->health, value_of(ask, found, way, place),
                                     now_ms) >= found->value[found->best]))
        choice->around |= 1u << index;
    if (wait <= 0 || (choice->wait_ms >= 0 && wait >= choice->wait_ms))
        return;
    choice->next = index;
    choice->wait_ms = wait;
    choice->kind =
        llm_health_limited(found->why_not[place]) ? &llm_kind_at_limit : model->health.last;
    choice->limit = limit;
}

/* With which key it is repeated: a free one, else the first that was told to wait, as that wait is kept. -1: all
 * are at limits of which nobody knows that they end in time. */
static int repeat_key(const struct llm_router *router, const struct llm_ask *ask, int64_t now_ms)
{
    const struct llm_candidate *model = &router->candidates[ask->last];
    const struct llm_link *link = &router->links[model->provider];
    const struct llm_need need = need_of(ask);
    int key = llm_health_key(&model->health, link, &need, -1, now_ms);

    for (int i = 0; key < 0 && i < (link->keys ? link->keys : 1); i++)
        if (llm_health_waits(llm_health_key_obstacle(&model->health, link, &need, i, now_ms)))
            key = i;
    return key;
}

/* The one that just failed, where it alone is left. */
static int may_repeat(struct llm_router *router, const struct llm_ask *ask, int key,
                      struct llm_choice *choice)
{
    if (ask->last < 0 || !ask->again || key < 0) {
        tell(choice, "none is left");
        return 0;
    }
    if (!llm_router_spend(router)) {
        tell(choice, "none is left, too many questions were repeated lately");
        return 0;
    }
    tell(choice, "%.90s, the same again", router->candidates[ask->last].settings.model);
    return 1;
}

/* Whether a better one than may be asked now is only at its limit, and not for long: then `choice` says how long. */
static int is_worth_waiting(const struct llm_router *router, const struct llm_ask *ask,
                            const struct llm_way *way, const struct findings *found, int64_t now_ms,
                            struct llm_choice *choice)
{
    const struct llm_need need = need_of(ask);
    double best = found->best < 0 ? 0 : found->value[found->best];
    int is = 0;

    if (found->best < 0)
        return 0;
    for (uint32_t i = 0; i < way->count; i++) {
        const struct llm_candidate *model = &router->candidates[way->to[i].candidate];
        const double value = value_of(ask, found, way, i);
        int64_t wait;
        int limit;

        if (!llm_health_limited(found->why_not[i]) || value <= best)
            continue;
        wait =
            llm_health_wait(&model->health, &router->links[model->provider], &need, now_ms, &limit);
        if (!limit || wait > ask->patience_ms)
            continue;
        is = 1;
        best = value;
        choice->next = way->to[i].candidate;
        choice->wait_ms = wait;
        choice->kind = &llm_kind_at_limit;
        choice->limit = 1;
    }
    return is;
}

/* Nobody is free: whose limit should have given enough back by now is, too. */
static int try_refilled(const struct llm_router *router, struct llm_ask *ask,
                        const struct llm_way *way, int64_t now_ms, struct findings *found)
{
    for (uint32_t i = 0; i < way->count && !ask->refilled; i++)
        ask->refilled = llm_health_limited(found->why_not[i]);
    if (ask->refilled > 0)
        compare(router, ask, way, now_ms, found);
    return found->best >= 0;
}

void llm_router_choose(struct llm_router *router, const struct llm_ask *given, int64_t now_ms,
                       struct llm_choice *ret)
{
    struct llm_ask asked = *given;
    const struct llm_ask *ask = &asked;
    const struct llm_way *way = way_of(router, ask->route);
    struct findings found;
    int chosen, refilled = 0;

    memset(ret, 0, sizeof(*ret));
    ret->candidate = ret->next = ret->wait_ms = -1;
    ret->blind = way->count > 0;
    look(router, now_ms);
    compare(router, ask, way, now_ms, &found);
    if (found.best < 0)
        refilled = try_refilled(router, &asked, way, now_ms, &found);
    for (uint32_t i = 0; i < way->count; i++) {
        ret->blind &= found.why_not[i] == cannot_see;
        if (found.waits[i])
            look_ahead(router, ask, &found, way, i, now_ms, ret);
    }
    /* Asking one without a price is refused with the remedy, which helps more than silence. */
    chosen = found.best < 0 && ask->last < 0 ? found.unpriced : found.best;
    tell(ret, "%s: ", routes[ask->route].name);
    if (is_worth_waiting(router, ask, way, &found, now_ms, ret)) {
        chosen = -1;
        tell(ret, "the best in %lld ms", (long long)ret->wait_ms);
    } else if (chosen >= 0) {
        struct llm_candidate *model = &router->candidates[way->to[chosen].candidate];

        ret->candidate = way->to[chosen].candidate;
        choose_key(router, ask, now_ms, ret);
        tell_one(router, ask, way, (uint32_t)chosen, &found, ret);
        if (refilled)
            tell(ret, " as enough of its limit should be back");
        if (ret->key > 0)
            tell(ret, " with key %lld%s", (long long)ret->key + 1,
                 ret->passed ? " (one before it is at its limit)" : "");
        llm_health_enter(&model->health, &router->links[model->provider], now_ms);
    } else {
        const int key = ask->last < 0 ? -1 : repeat_key(router, ask, now_ms);

        if (may_repeat(router, ask, key, ret)) {
            ret->candidate = ask->last;
            take_key(router, ask, key, now_ms, ret);
        }
    }
    tell_others(router, ask, way, chosen, &found, ret);
}

/* A free key, the one of before first. */
static int stay_key(const struct llm_health *health, const struct llm_link *link,
                    const struct llm_need *need, int key, int64_t now_ms)
{
    return !llm_health_key_obstacle(health, link, need, key, now_ms)
               ? key
               : llm_health_key(health, link, need, -1, now_ms);
}

void llm_router_stay(struct llm_router *router, const struct llm_ask *ask, int64_t key,
                     int64_t now_ms, struct llm_choice *ret)
{
    const struct llm_candidate *model = &router->candidates[ask->last];
    const struct llm_link *link = &router->links[model->provider];
    struct llm_need need = need_of(ask);
    int free_key;

    memset(ret, 0, sizeof(*ret));
    ret->candidate = ret->next = ret->wait_ms = -1;
    look(router, now_ms);
    free_key = stay_key(&model->health, link, &need, (int)key, now_ms);
    if (free_key < 0) {
        need.refilled = 1;
        free_key = stay_key(&model->health, link, &need, (int)key, now_ms);
    }
    if (free_key >= 0) {
        ret->candidate = ask->last;
        take_key(router, ask, free_key, now_ms, ret);
        ret->passed = free_key != key;
        return;
    }
    ret->next = ask->last;
    ret->wait_ms = llm_health_wait(&model->health, link, &need, now_ms, &ret->limit);
    ret->kind =
        llm_health_limited(llm_health_key_obstacle(&model->health, link, &need, (int)key, now_ms))
            ? &llm_kind_at_limit
            : model->health.last;
}

int llm_router_other_key(struct llm_router *router, const struct llm_ask *ask, int64_t key,
                         int64_t now_ms, struct llm_choice *ret)
{
    const struct llm_candidate *model = &router->candidates[ask->last];
    const struct llm_need need = need_of(ask);
    const int other =
        llm_health_key(&model->health, &router->links[model->provider], &need, (int)key, now_ms);

    if (other < 0)
        return 0;
    ret->candidate = ask->last;
    take_key(router, ask, other, now_ms, ret);
    return 1;
}

int llm_choice_tell(const char **at, char *ret, size_t size)
{
    size_t len = strlen(*at), part = 0;

    if (len == 0)
        return 0;
    if (len < size)
        part = len;
    for (const char *comma = *at; !part && (comma = strstr(comma + 1, ", "));) {
        const char *next = strstr(comma + 1, ", ");

        if (!next || (size_t)(next - *at) + 1 >= size)
            part = (size_t)(comma - *at) + 2;
    }
    if (part == 0 || part >= size)
        part = size - 1;
    memcpy(ret, *at, part);
    ret[part] = 0;
    *at += part;
    return 1;
}
