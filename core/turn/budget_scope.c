/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/budget_scope.h"

const char *turn_budget_scope_name(enum turn_budget_whose whose)
{
    static const char *const names[TURN_BUDGET_SCOPES] = {"bot", "guild", "member", "plugin"};

    return names[whose];
}

const char *turn_budget_id_of(const struct turn_budget_scope *scope, enum turn_budget_whose whose)
{
    const char *const all[TURN_BUDGET_SCOPES] = {scope->bot, scope->guild, scope->member,
                                                 scope->plugin};

    return all[whose] ? all[whose] : "";
}

int64_t turn_budget_cap_of(const struct turn_budget_caps *caps, enum turn_budget_whose whose)
{
    if (!caps)
        return TURN_BUDGET_NO_CAP;
    const int64_t all[TURN_BUDGET_SCOPES] = {caps->bot, caps->guild, caps->member, caps->plugin};

    return all[whose];
}

int turn_budget_scope_count(const struct turn_budget_scope *scope)
{
    int count = 0;

    for (int i = 0; i < TURN_BUDGET_SCOPES; i++)
        count += *turn_budget_id_of(scope, (enum turn_budget_whose)i) != '\0';
    return count;
}

int turn_budget_cap_count(const struct turn_budget_scope *scope,
                          const struct turn_budget_caps *caps)
{
    int count = 0;

    for (int i = 0; i < TURN_BUDGET_SCOPES; i++) {
        const enum turn_budget_whose whose = (enum turn_budget_whose)i;

        count += *turn_budget_id_of(scope, whose) &&
                 turn_budget_cap_of(caps, whose) != TURN_BUDGET_NO_CAP;
    }
    return count;
}
