/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/budget_refusal.h"

#include "turn/budget_span.h"
#include "turn/budget_stop.h"

struct turn_budget_obstacle turn_budget_obstacle(struct store *store,
                                                 const struct turn_budget_request *request,
                                                 uint64_t deadline)
{
    struct turn_budget_taken taken;

    if (request->worst > INT64_MAX ||
        turn_budget_span_taken(store, &request->scope, deadline, &taken, NULL) < 0)
        return (struct turn_budget_obstacle){0};
    for (int i = 0; i < TURN_BUDGET_SPANS; i++)
        for (int k = 0; k < TURN_BUDGET_SCOPES; k++) {
            const enum turn_budget_span span = (enum turn_budget_span)i;
            const enum turn_budget_whose whose = (enum turn_budget_whose)k;
            const char *id = turn_budget_id_of(&request->scope, whose);
            const int64_t cap = turn_budget_cap_of(request->caps[span], whose);

            if (*id && cap != TURN_BUDGET_NO_CAP && taken.of[i][k] > cap - (int64_t)request->worst)
                return (struct turn_budget_obstacle){true, whose, id, span, cap, taken.of[i][k]};
        }
    return (struct turn_budget_obstacle){0};
}

static troupe_status by_cap(const struct turn_budget_obstacle *obstacle, struct error *err)
{
    static const char *const whose[TURN_BUDGET_SCOPES] = {"the bot's", "this server's", "your",
                                                          "this plugin's"};
    static const char *const ends[TURN_BUDGET_SPANS] = {"with the next hour", "at 00:00 UTC",
                                                        "on the first of the next month, UTC"};

    if (obstacle->cap == 0)
        return error_set(err, TROUPE_BUDGET,
                         "%s budget for %s is 0, so only what costs nothing is asked; the admin "
                         "can raise the cap in [budget]",
                         whose[obstacle->whose], turn_budget_span_name(obstacle->span));
    return error_set(err, TROUPE_BUDGET,
                     "%s budget for %s is used up; it starts anew %s, or when the admin raises the "
                     "cap in [budget]",
                     whose[obstacle->whose], turn_budget_span_name(obstacle->span),
                     ends[obstacle->span]);
}

troupe_status turn_budget_refusal(struct store *store, const struct turn_budget_request *request,
                                  uint64_t deadline, struct turn_budget_obstacle *obstacle,
                                  struct error *err)
{
    *obstacle = turn_budget_obstacle(store, request, deadline);
    if (obstacle->is_there)
        return by_cap(obstacle, err);
    if (turn_budget_stop_refusal(store, request, deadline, err) < 0)
        return TROUPE_BUDGET;
    return error_set(err, TROUPE_BUDGET,
                     "this could cost up to %.4f USD, which is more than a cap in [budget] leaves",
                     (double)(int64_t)request->worst / 1e6);
}

troupe_status turn_budget_check(struct store *store, const struct turn_budget_request *request,
                                uint64_t deadline, struct turn_budget_obstacle *obstacle,
                                struct error *err)
{
    if (request->worst > INT64_MAX) {
        *obstacle = (struct turn_budget_obstacle){0};
        return error_set(err, TROUPE_BUDGET,
                         "the price of \"%s\" is not known, so it is not spent; the admin can set "
                         "a price in the agent's section or in the price table",
                         request->what);
    }
    for (int i = 0; i < TURN_BUDGET_SCOPES; i++) {
        const enum turn_budget_whose whose = (enum turn_budget_whose)i;

        if (*turn_budget_id_of(&request->scope, whose) &&
            (int64_t)request->worst > turn_budget_cap_of(request->caps[TURN_BUDGET_DAY], whose))
            return turn_budget_refusal(store, request, deadline, obstacle, err);
    }
    return TROUPE_OK;
}
