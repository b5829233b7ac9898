/* SPDX-License-Identifier: Apache-2.0
 *
 * Whom money counts against and over which time: the one place that lists scopes, spans and caps. A new
 * one is added here and to the statements in sql/, which name them in the same order.
 */
#ifndef TURN_BUDGET_SCOPE_H
#define TURN_BUDGET_SCOPE_H

#include "store/value.h"

#include <stdint.h>

#define TURN_BUDGET_NO_CAP INT64_MAX

/* Their names sort like this, too: it is the order in which all hosts write their sums. */
enum turn_budget_whose {
    TURN_BUDGET_BOT,
    TURN_BUDGET_GUILD,
    TURN_BUDGET_MEMBER,
    TURN_BUDGET_PLUGIN,
    TURN_BUDGET_SCOPES
};

enum turn_budget_span { TURN_BUDGET_HOUR, TURN_BUDGET_DAY, TURN_BUDGET_MONTH, TURN_BUDGET_SPANS };

/* Of one span. */
struct turn_budget_caps {
    int64_t bot, guild, member, plugin; /* TURN_BUDGET_NO_CAP where none is set */
};

/* All of them. */
struct turn_budget_limits {
    struct turn_budget_caps caps[TURN_BUDGET_SPANS];
};

/* For an array of pointers to the caps of each span. */
#define TURN_BUDGET_CAPS_OF(limits)                                                                \
    {                                                                                              \
        &(limits)->caps[TURN_BUDGET_HOUR], &(limits)->caps[TURN_BUDGET_DAY],                       \
            &(limits)->caps[TURN_BUDGET_MONTH]                                                     \
    }

/* Whom a reservation counts against; NULL is none (a direct message has no guild). */
struct turn_budget_scope {
    const char *bot, *guild, *member, *plugin;
};

/* "bot", "guild" …, as the sums have it. */
const char *turn_budget_scope_name(enum turn_budget_whose whose);
/* "" where there is none. */
const char *turn_budget_id_of(const struct turn_budget_scope *scope, enum turn_budget_whose whose);
/* `caps` NULL: none is set. */
int64_t turn_budget_cap_of(const struct turn_budget_caps *caps, enum turn_budget_whose whose);
/* How many there are, and how many caps are set on these. */
int turn_budget_scope_count(const struct turn_budget_scope *scope);
int turn_budget_cap_count(const struct turn_budget_scope *scope,
                          const struct turn_budget_caps *caps);

/* For statements: of all scopes, in their order. */
#define TURN_BUDGET_ID_VALUES(scope)                                                               \
    store_text(turn_budget_id_of(scope, TURN_BUDGET_BOT)),                                         \
        store_text(turn_budget_id_of(scope, TURN_BUDGET_GUILD)),                                   \
        store_text(turn_budget_id_of(scope, TURN_BUDGET_MEMBER)),                                  \
        store_text(turn_budget_id_of(scope, TURN_BUDGET_PLUGIN))
#define TURN_BUDGET_CAP_VALUES(caps)                                                               \
    store_int(turn_budget_cap_of(caps, TURN_BUDGET_BOT)),                                          \
        store_int(turn_budget_cap_of(caps, TURN_BUDGET_GUILD)),                                    \
        store_int(turn_budget_cap_of(caps, TURN_BUDGET_MEMBER)),                                   \
        store_int(turn_budget_cap_of(caps, TURN_BUDGET_PLUGIN))

#endif
