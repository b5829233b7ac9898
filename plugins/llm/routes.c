/* SPDX-License-Identifier: Apache-2.0 */
#include "routes.h"

#include "limits.h"

#include <stdio.h>
#include <string.h>

#define ENTRY_MAX 300

static troupe_status bad(const struct llm_settings *main, const char *key, const char *entry,
                         const char *problem)
{
    troupe_log(main->host, TROUPE_LOG_ERROR, "key \"%s\": \"%s\": %s", key, entry, problem);
    return TROUPE_CONFIG;
}

/* The next of a list with commas, without the spaces around it; 0 at the end. */
static int next_entry(troupe_str *list, char *ret)
{
    size_t n = 0, len;

    while (list->len > 0 && strchr(" \t,", *list->ptr)) {
        list->ptr++;
        list->len--;
    }
    while (n < list->len && list->ptr[n] != ',')
        n++;
    len = n;
    while (len > 0 && strchr(" \t", list->ptr[len - 1]))
        len--;
    if (len >= ENTRY_MAX)
        len = ENTRY_MAX - 1;
    memcpy(ret, list->ptr, len);
    ret[len] = 0;
    list->ptr += n;
    list->len -= n;
    return len > 0;
}

/* Takes a number of at most so many digits off the end; -1 where there is none. */
static int take_number(char *entry, size_t digits)
{
    char *space = strrchr(entry, ' ');
    int value = 0;

    if (!space || !space[1] || strspn(space + 1, "0123456789") != strlen(space + 1) ||
        strlen(space + 1) > digits)
        return -1;
    for (const char *at = space + 1; *at; at++)
        value = value * 10 + (*at - '0');
    while (space > entry && space[-1] == ' ')
        space--;
    *space = 0;
    return value;
}

static int is_listed(const struct llm_settings *main, const char *key, const char *model)
{
    troupe_str list = troupe_config_str(main->host, key);
    char entry[ENTRY_MAX];

    while (next_entry(&list, entry))
        if (llm_price_fits(entry, model))
            return 1;
    return 0;
}

/* What a model does not take, by the table and the section. */
static uint32_t lacks_of(const struct llm_settings *settings)
{
    uint32_t lacks = llm_price_lacks(settings->prices, settings->host_name, settings->model);

    if (is_listed(settings, "no_tools", settings->model))
        lacks |= LLM_LACKS_TOOLS;
    if (is_listed(settings, "no_json", settings->model))
        lacks |= LLM_LACKS_JSON;
    return lacks;
}

/* Micro-USD of "1.25"; -1 for anything else. */
static int64_t micros_of(const char *text, size_t len)
{
    int64_t value = 0;
    int digits = 0, behind = -1; /* of the point; -1: before it */

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '.' && behind < 0 && digits > 0) {
            behind = 0;
            continue;
        }
        if (text[i] < '0' || text[i] > '9' || ++digits > 15 || behind == 6)
            return -1;
        value = value * 10 + (text[i] - '0');
        behind += behind >= 0;
    }
    for (int i = behind < 0 ? 0 : behind; i < 6; i++)
        if (__builtin_mul_overflow(value, (int64_t)10, &value))
            return -1;
    return digits > 0 && value <= LLM_PRICE_MOST ? value : -1;
}

/* Takes "INPUT/OUTPUT" off the end; 0 where there is none. */
static int take_price(char *entry, struct llm_price *ret)
{
    char *space = strrchr(entry, ' '), *slash = space ? strchr(space, '/') : NULL;
    int64_t input, output;

    if (!slash)
        return 0;
    input = micros_of(space + 1, (size_t)(slash - space - 1));
    output = micros_of(slash + 1, strlen(slash + 1));
    if (input < 0 || output < 0)
        return 0;
    while (space > entry && space[-1] == ' ')
        space--;
    *space = 0;
    *ret = (struct llm_price){(uint64_t)input, (uint64_t)input, (uint64_t)output};
    return 1;
}

/* Takes the number of a provider off the front, from 0; -1 where there is none. */
static int take_provider(const char **entry)
{
    const char *at = *entry;

    if (at[0] < '1' || at[0] > '9' || at[1] != ':')
        return -1;
    *entry += 2;
    while (**entry == ' ')
        (*entry)++;
    return at[0] - '1';
}

/* What the config says that a model costs comes before the table. */
static void look_up_price(struct llm_settings *settings, uint8_t provider)
{
    troupe_str list = troupe_config_str(settings->host, "prices");
    char entry[ENTRY_MAX];
    struct llm_price price;

    while (!settings->has_price && next_entry(&list, entry)) {
        const char *model = entry;
        int of;

        if (!take_price(entry, &price))
            continue;
        of = take_provider(&model);
        if ((of >= 0 && of != provider) || !llm_price_fits(model, settings->model))
            continue;
        settings->has_price = 1;
        settings->price = price;
    }
}

/* What the config says that a model holds, in tokens; 0 where it says nothing. */
static int64_t listed_context(const struct llm_settings *settings)
{
    troupe_str list = troupe_config_str(settings->host, "contexts");
    char entry[ENTRY_MAX];

    while (next_entry(&list, entry)) {
        const int tokens = take_number(entry, 8);

        if (llm_price_fits(entry, settings->model))
            return tokens;
    }
    return 0;
}

/* A model that holds less than the others gets less, and gives at most half of it. */
static void look_up_context(struct llm_settings *settings)
{
    int64_t context = listed_context(settings);

    if (context == 0)
        context = llm_price_context(settings->prices, settings->host_name, settings->model);
    if (context == 0 || context >= settings->context_tokens)
        return;
    settings->context_tokens = context;
    if (settings->max_tokens > context / 2)
        settings->max_tokens = context / 2;
}

/* Whether it takes pictures, and what they count for. The table says it, or who names it for them. */
static void look_up_sight(struct llm_settings *settings, int for_pictures)
{
    settings->sees =
        (uint8_t)(settings->sees || for_pictures || settings->sight.rule != LLM_SIGHT_UNKNOWN);
    if (settings->sees && settings->sight.rule == LLM_SIGHT_UNKNOWN && settings->picture_tokens > 0)
        settings->sight =
            (struct llm_sight){.rule = LLM_SIGHT_FLAT, .most = settings->picture_tokens};
}

/* The candidate for a model of a provider, made where it is new. -1: too many. */
static int candidate_for(struct llm_router *router, const struct llm_settings *settings,
                         uint8_t provider, const char *model)
{
    struct llm_candidate *candidate;

    for (uint32_t i = 0; i < router->count; i++) {
        candidate = &router->candidates[i];
        if (candidate->provider == provider && strcmp(candidate->settings.model, model) == 0)
            return (int)i;
    }
    if (router->count == LLM_CANDIDATES_MAX)
        return -1;
    candidate = &router->candidates[router->count];
    memset(candidate, 0, sizeof(*candidate));
    candidate->settings = *settings;
    candidate->provider = provider;
    llm_health_init(&candidate->health);
    /* The prices of the section are those of its model. */
    if (strcmp(settings->model, model) != 0 || provider != 0)
        candidate->settings.has_price = 0;
    snprintf(candidate->settings.model, sizeof(candidate->settings.model), "%s", model);
    candidate->settings.lacks = lacks_of(&candidate->settings);
    look_up_context(&candidate->settings);
    look_up_price(&candidate->settings, provider);
    (void)llm_price_sight(settings->prices, settings->host_name, model, &candidate->settings.sight);
    look_up_sight(&candidate->settings, 0);
    return (int)router->count++;
}

static troupe_status add_entry(struct llm_router *router, const struct llm_settings *providers,
                               enum llm_route route, const char *key, char *entry)
{
    static const char *const keys[LLM_ROUTES] = {[LLM_CHAT] = "route_chat",
                                                 [LLM_QUICK] = "route_quick",
                                                 [LLM_CODE] = "route_code",
                                                 [LLM_VISION] = "route_vision",
                                                 [LLM_SUMMARY] = "route_summary"};
    const struct llm_settings *main = providers;
    struct llm_way *way = &router->ways[route];
    const uint32_t before = router->count;
    char whole[ENTRY_MAX];
    const char *model = entry;
    int quality, index, provider;

    snprintf(whole, sizeof(whole), "%s", entry);
    quality = take_number(entry, 3);
    provider = take_provider(&model);
    if (provider < 0)
        provider = 0;
    if (!*model || strlen(model) > LLM_MODEL_MAX || quality > 100)
        return bad(main, key, whole,
                   "expected a model, with the number of its provider before it and its quality "
                   "(0 to 100) behind it where they matter: \"2:claude-haiku-4-5 80\"");
    if (provider >= LLM_PROVIDERS_MAX || !providers[provider].base_url[0])
        return bad(main, key, whole,
                   provider ? "there is no such provider; set base_url_2 for the second and so on"
                            : "there is no provider; set base_url");
    index = candidate_for(router, &providers[provider], (uint8_t)provider, model);
    if (index < 0 || way->count == LLM_CANDIDATES_MAX)
        return bad(main, key, whole, "more than 16 models; leave some out");
    if (router->count > before && (provider > 0 || strcmp(model, main->model) != 0))
        router->candidates[index].settings.model_key = keys[route];
    look_up_sight(&router->candidates[index].settings, route == LLM_VISION);
    way->to[way->count].candidate = (uint8_t)index;
    way->to[way->count].quality = (uint8_t)(quality < 0 ? LLM_QUALITY : quality);
    way->count++;
    return TROUPE_OK;
}

/* Of a route that has a floor and no models of its own: those of chat, held to that floor. */
static int reaches_floor(struct llm_router *router, enum llm_route route)
{
    struct llm_way *way = &router->ways[route];
    const uint8_t floor = way->floor;

    if (way->count == 0)
        *way = router->ways[LLM_CHAT];
    way->floor = floor;
    for (uint32_t i = 0; i < way->count; i++)
        if (way->to[i].quality >= floor)
            return 1;
    return way->count == 0; /* no model is set up at all */
}

static troupe_status load_floors(struct llm_router *router, const struct llm_settings *main)
{
    troupe_str list = troupe_config_str(main->host, "quality_floor");
    char entry[ENTRY_MAX];

    while (next_entry(&list, entry)) {
        int value = take_number(entry, 3);
        enum llm_route route = llm_route_of((troupe_str){entry, strlen(entry)});

        if (value < 0 || value > 100 || strcmp(entry, llm_route_name(route)) != 0)
            return bad(main, "quality_floor", entry,
                       "expected a route and a number from 0 to 100: \"code 80\"");
        router->ways[route].floor = (uint8_t)value;
        if (!reaches_floor(router, route))
            return bad(main, "quality_floor", entry,
                       "none of the models of this route is as good, so nobody would be asked; "
                       "lower it, or give one that quality behind its name in route_chat or the "
                       "route's own list");
    }
    return TROUPE_OK;
}

static troupe_status check_contexts(const struct llm_settings *main)
{
    troupe_str list = troupe_config_str(main->host, "contexts");
    char entry[ENTRY_MAX], whole[ENTRY_MAX];

    while (next_entry(&list, entry)) {
        snprintf(whole, sizeof(whole), "%s", entry);
        if (take_number(entry, 8) < LLM_CONTEXT_LEAST)
            return bad(main, "contexts", whole,
                       "expected a model, by name or with *, and behind it the tokens that it "
                       "holds, at least 256: \"tiny-* 4096\"");
    }
    return TROUPE_OK;
}

static troupe_status check_prices(const struct llm_settings *main)
{
    troupe_str list = troupe_config_str(main->host, "prices");
    char entry[ENTRY_MAX], whole[ENTRY_MAX];
    struct llm_price price;

    while (next_entry(&list, entry)) {
        snprintf(whole, sizeof(whole), "%s", entry);
        if (!take_price(entry, &price))
            return bad(main, "prices", whole,
                       "expected a model, by name or with *, and behind it the USD for a million "
                       "tokens of input and of output: \"openai/gpt-5-mini 0.25/2\"");
    }
    return TROUPE_OK;
}

/* A candidate that is local by its address, and that nobody calls a way to the outside. */
static troupe_status check_local(const struct llm_settings *providers)
{
    static const char *const keys[] = {"base_url", "base_url_2", "base_url_3", "base_url_4"};

    for (int i = 0; i < LLM_PROVIDERS_MAX; i++)
        if (providers[i].base_url[0] &&
            (!llm_host_is_local(providers[i].host_name) || !providers[i].is_local))
            return bad(providers, keys[i], providers[i].host_name,
                       "is not local, and local_only = yes lets nothing leave; name a server of "
                       "your own, or say local_only = no");
    return TROUPE_OK;
}

static troupe_status load_ways(struct llm_router *router, const struct llm_settings *providers)
{
    const struct llm_settings *main = providers;
    troupe_status status;

    for (int i = 0; i < LLM_ROUTES; i++) {
        char key[32], entry[ENTRY_MAX];
        troupe_str list;

        snprintf(key, sizeof(key), "route_%s", llm_route_name((enum llm_route)i));
        list = troupe_config_str(main->host, key);
        while (next_entry(&list, entry)) {
            status = add_entry(router, providers, (enum llm_route)i, key, entry);
            if (status < 0)
                return status;
        }
    }
    /* The section's own model serves whatever has no route. */
    if (router->ways[LLM_CHAT].count == 0 && llm_configured(main)) {
        int index = candidate_for(router, main, 0, main->model);

        if (index < 0)
            return bad(main, "model", main->model, "more than 16 models; leave some out");
        router->ways[LLM_CHAT].to[0].candidate = (uint8_t)index;
        router->ways[LLM_CHAT].to[0].quality = 100;
        router->ways[LLM_CHAT].count = 1;
    }
    return load_floors(router, main);
}

troupe_status llm_routes_load(const struct llm_settings *main, struct llm_router *router)
{
    struct llm_settings *providers =
        troupe_alloc(main->host, LLM_PROVIDERS_MAX * sizeof(*providers));
    troupe_status status = TROUPE_OK;

    if (!providers)
        return TROUPE_NOMEM;
    providers[0] = *main;
    for (int i = 1; i < LLM_PROVIDERS_MAX && status >= 0; i++) {
        providers[i] = *main;
        providers[i].has_price = 0;
        status = llm_settings_provider(&providers[i], i + 1);
    }
    for (int i = 0; i < LLM_PROVIDERS_MAX && status >= 0; i++) {
        static const char *const tails[LLM_PROVIDERS_MAX] = {"", "_2", "_3", "_4"};

        router->links[i].keys = providers[i].base_url[0] ? providers[i].key_count : 0;
        status =
            llm_limits_load(main->host, tails[i], router->links[i].keys, router->links[i].windows);
    }
    router->cost_weight = troupe_config_float(main->host, "cost_weight", 0.4);
    if (status >= 0 && troupe_config_int(main->host, "local_only", 0))
        status = check_local(providers);
    if (status >= 0)
        status = check_contexts(main);
    if (status >= 0)
        status = check_prices(main);
    if (status >= 0)
        status = load_ways(router, providers);
    troupe_free(main->host, providers);
    return status;
}
