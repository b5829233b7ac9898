/* SPDX-License-Identifier: Apache-2.0 */
#include "pick.h"

#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

__attribute__((format(printf, 2, 3))) static void tell(struct llm_pick *pick, const char *format,
                                                       ...)
{
    size_t len = strlen(pick->why);
    va_list args;

    va_start(args, format);
    vsnprintf(pick->why + len, sizeof(pick->why) - len, format, args);
    va_end(args);
}

static const char other_vectors[] = "makes other vectors";

static int is_misfit(const struct llm_models *models, const struct llm_wish *wish, uint32_t i)
{
    return !llm_vector_may(&models->vectors[i], wish->values, wish->most ? wish->most : UINT32_MAX);
}

/* The lower the better; -1 where it may not be asked. `note` says what is the matter with it. */
static int rank(const struct llm_models *models, const struct llm_router *router,
                const struct llm_wish *wish, uint32_t i, int64_t now_ms, const char **ret_note)
{
    const struct llm_health *health = &models->health[i];
    const struct llm_need need = {wish->tokens, 0, wish->refilled};

    *ret_note =
        wish->tried >> i & 1 ? "failed"
        : is_misfit(models, wish, i)
            ? other_vectors
            : llm_health_obstacle(health, &router->links[models->providers[i]], &need, now_ms);
    if (*ret_note && !(wish->again && llm_health_waits(*ret_note)))
        return -1;
    if (!llm_health_fails_often(health, now_ms))
        return 0;
    *ret_note = "fails often";
    return 1;
}

/* More than a limit on questions is in its way. */
static int keeps_failing(const struct llm_models *models, const struct llm_router *router,
                         const struct llm_wish *wish, uint32_t i, int64_t now_ms)
{
    const struct llm_need need = {wish->tokens, 0, wish->refilled};
    int limit;

    (void)llm_health_wait(&models->health[i], &router->links[models->providers[i]], &need, now_ms,
                          &limit);
    return !limit;
}

static void enter(struct llm_models *models, struct llm_router *router, const struct llm_wish *wish,
                  int64_t now_ms, struct llm_pick *pick)
{
    struct llm_health *health = &models->health[pick->model];
    struct llm_link *link = &router->links[models->providers[pick->model]];
    const struct llm_need need = {wish->tokens, 0, wish->refilled};

    pick->key = llm_health_key(health, link, &need, -1, now_ms);
    if (pick->key < 0)
        pick->key = 0; /* its wait has been kept */
    for (int i = 0; i < pick->key; i++)
        pick->passed |= llm_health_limited(llm_health_key_obstacle(health, link, &need, i, now_ms));
    pick->at_ms = now_ms;
    llm_health_take(health, link, pick->key, &need, now_ms);
    llm_health_enter(health, link, now_ms);
}

/* When the first of those that are only at their limits may be asked. */
static void look_ahead(const struct llm_models *models, const struct llm_router *router,
                       const struct llm_wish *wish, uint32_t i, int64_t now_ms,
                       struct llm_pick *pick)
{
    const struct llm_need need = {wish->tokens, 0, wish->refilled};
    int limit;
    const int64_t wait = llm_health_wait(&models->health[i], &router->links[models->providers[i]],
                                         &need, now_ms, &limit);

    if (limit && (pick->wait_ms < 0 || wait < pick->wait_ms))
        pick->wait_ms = wait;
}

/* The best and who is behind it, into `ret`. */
static void compare(const struct llm_models *models, const struct llm_router *router,
                    const struct llm_wish *wish, int64_t now_ms, struct llm_pick *ret)
{
    int best = -1, second = -1;

    memset(ret, 0, sizeof(*ret));
    ret->model = ret->next = ret->wait_ms = ret->told = -1;
    for (uint32_t i = wish->from; i < wish->until && i < models->count; i++) {
        const char *note = NULL;
        int value;

        if (wish->skip >> i & 1)
            continue;
        value = rank(models, router, wish, i, now_ms, &note);
        tell(ret, "%s%s at %s%s%s%s", *ret->why ? ", " : "", models->to[i].model,
             models->to[i].host_name, note ? " (" : "", note ? note : "", note ? ")" : "");
        if (note == other_vectors) {
            if (ret->misfit == 0)
                ret->others = models->vectors[i];
            ret->misfit |= 1u << i;
        }
        if (value < 0 && note != other_vectors && !(wish->tried >> i & 1) &&
            keeps_failing(models, router, wish, i, now_ms))
            ret->around |= 1u << i;
        if (llm_health_limited(note))
            look_ahead(models, router, wish, i, now_ms, ret);
        if (value >= 0 && (best < 0 || value < best)) {
            second = best;
            ret->next = ret->model;
            best = value;
            ret->model = i;
        } else if (value >= 0 && (second < 0 || value < second)) {
            second = value;
            ret->next = i;
        }
    }
}

void llm_pick(struct llm_models *models, struct llm_router *router, const struct llm_wish *given,
              int64_t now_ms, struct llm_pick *ret)
{
    struct llm_wish wish = *given;
    int64_t first = -1;

    for (int i = 0; i < LLM_PROVIDERS_MAX; i++)
        llm_link_look(&router->links[i], now_ms);
    for (uint32_t i = 0; i < models->count; i++)
        llm_health_look(&models->health[i], now_ms);
    compare(models, router, &wish, now_ms, ret);
    if (ret->model < 0 && ret->wait_ms >= 0) {
        wish.refilled = 1; /* whose limit should have given enough back by now is asked */
        compare(models, router, &wish, now_ms, ret);
    }
    for (uint32_t i = wish.from; first < 0 && i < wish.until && i < models->count; i++)
        if (!((wish.tried | wish.skip) >> i & 1))
            first = i;
    if (ret->model >= 0 && wish.again && !llm_router_spend(router)) {
        tell(ret, "; too many questions were repeated lately");
        ret->model = ret->next = -1;
    }
    ret->diverts = ret->model != first;
    if (ret->model < 0) {
        tell(ret, "; none is left");
        return;
    }
    ret->around &= (1u << ret->model) - 1;
    ret->told = llm_vector_is_told(&models->vectors[ret->model], wish.values);
    enter(models, router, &wish, now_ms, ret);
    tell(ret, "; %s", models->to[ret->model].model);
    if (ret->passed)
        tell(ret, " with key %lld (one before it is at its limit)", (long long)ret->key + 1);
}

/* ---- llm-pick ----------------------------------------------------------------------------------*/

/* Where the function cannot be asked, the order of the config holds. */
static void in_order(const struct llm_wish *wish, struct llm_pick *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->model = ret->next = ret->wait_ms = ret->told = -1;
    for (uint32_t i = wish->until; i > wish->from; i--) {
        if ((wish->tried | wish->skip) >> (i - 1) & 1)
            continue;
        ret->next = ret->model;
        ret->model = i - 1;
    }
}

static int64_t number(const json_t *tree, const char *key)
{
    return json_integer_value(json_object_get(tree, key));
}

troupe_status llm_pick_ask(troupe_turn *turn, const char *kind, const struct llm_wish *wish,
                           struct llm_pick *ret)
{
    char args[300];
    troupe_str result = {NULL, 0};
    LLM_CLEANUP_JSON json_t *tree = NULL;
    troupe_status status;

    in_order(wish, ret);
    if (!kind)
        return TROUPE_OK;
    snprintf(args, sizeof(args),
             "{\"kind\":\"%s\",\"tried\":%u,\"skip\":%u,\"from\":%u,\"until\":%u,\"again\":%s,"
             "\"values\":%u,"
             "\"most\":%u,\"tokens\":%lld}",
             kind, wish->tried, wish->skip, wish->from, wish->until, wish->again ? "true" : "false",
             wish->values, wish->most, (long long)wish->tokens);
    status = troupe_call(turn, LLM_PICK_FUNCTION, (troupe_str){args, strlen(args)}, &result);
    if (status < 0)
        return troupe_turn_status(turn);
    tree = llm_json_load(result.ptr, result.len);
    if (!json_is_integer(json_object_get(tree, "model")))
        return TROUPE_OK;
    ret->model = number(tree, "model");
    ret->next = number(tree, "next");
    ret->key = number(tree, "key");
    ret->misfit = (uint32_t)number(tree, "misfit");
    ret->others.own = (uint32_t)number(tree, "own");
    ret->others.fewer = number(tree, "fewer") != 0;
    ret->at_ms = number(tree, "at");
    if (json_is_integer(json_object_get(tree, "wait")))
        ret->wait_ms = number(tree, "wait");
    if (json_is_integer(json_object_get(tree, "told")))
        ret->told = (int)number(tree, "told");
    if (ret->model >= (int64_t)wish->until || ret->next >= (int64_t)wish->until || ret->key < 0 ||
        ret->key >= LLM_KEYS_MAX)
        in_order(wish, ret);
    return TROUPE_OK;
}

/* A question that goes round a model is one more that it fails, for the owner; one that may wait for a limit comes
 * here again. */
static void tell_around(troupe_turn *turn, struct llm_models *models, const struct llm_pick *pick,
                        int64_t now_ms)
{
    for (uint32_t i = 0; i < models->count; i++)
        if (pick->around >> i & 1 && models->health[i].last)
            llm_alert_watch(turn, &models->alerts[i], &models->to[i], models->health[i].last,
                            now_ms);
}

troupe_status llm_pick_answer(troupe_turn *turn, struct llm_others *others,
                              struct llm_router *router, troupe_str kind,
                              const struct llm_wish *wish)
{
    struct llm_models *models = kind.ptr[0] == 'e'   ? &others->embed
                                : kind.ptr[0] == 'm' ? &others->moderation
                                                     : &others->image;
    struct llm_pick pick;
    const int64_t now_ms = troupe_now(turn);
    char result[LLM_PICK_MAX];

    llm_pick(models, router, wish, now_ms, &pick);
    if (!wish->tried && !wish->again && (pick.model >= 0 || pick.wait_ms < 0))
        tell_around(turn, models, &pick, now_ms);
    if (pick.passed)
        troupe_metric(turn, "limits", 1, "passed", NULL);
    if (pick.diverts || pick.passed)
        troupe_reason(turn, "llm.pick", "%.*s: %s", (int)kind.len, kind.ptr, pick.why);
    snprintf(result, sizeof(result),
             "{\"model\":%lld,\"next\":%lld,\"key\":%lld,\"misfit\":%u,\"at\":%lld,"
             "\"wait\":%lld,\"told\":%d,\"own\":%u,\"fewer\":%d}",
             (long long)pick.model, (long long)pick.next, (long long)pick.key, pick.misfit,
             (long long)pick.at_ms, (long long)pick.wait_ms, pick.told, pick.others.own,
             pick.others.fewer);
    return troupe_result(turn, result, strlen(result));
}
