/* SPDX-License-Identifier: Apache-2.0
 *
 * /budget: every cap of [budget], what is spent and reserved of it and when it starts anew, and what is
 * stopped, for those who manage a server. At the host's shell, where no member and no server asks,
 * those that spent most stand for them: their numbers are nobody else's business.
 */
#include "turn/core_commands.h"

#include "turn/budget_view.h"
#include "turn/engine_private.h"

#define AGENTS_MAX 10 /* of each cap                      */
#define OTHERS_MAX 3  /* servers or members, of each cap  */

/* Whose caps these are here; `id` NULL: of those that spent most. */
struct level {
    enum turn_budget_whose whose;
    const char *id, *who, *each;
    size_t most; /* 0: nobody's are told */
};

static void put_cap(struct turn_budget_view *view, enum turn_budget_span span,
                    const struct level *level)
{
    if (level->id)
        turn_budget_view_level(view, span, level->whose, level->id, level->who, "");
    else if (!turn_budget_view_most(view, span, level->whose, level->who, level->most))
        turn_budget_view_level(view, span, level->whose, "", level->each, "");
}

troupe_status turn_core_budget(struct turn *turn, const troupe_value *values)
{
    const struct event *event = turn->event;
    const size_t others = event->member ? 0 : OTHERS_MAX;
    const struct level levels[] = {
        {TURN_BUDGET_BOT, ENGINE_BUDGET_BOT, "the bot", "the bot", 1},
        {TURN_BUDGET_GUILD, event->guild, event->guild ? "this server" : "server", "each server",
         others},
        {TURN_BUDGET_MEMBER, event->member, event->member ? "you" : "member", "each member",
         others},
        {TURN_BUDGET_PLUGIN, NULL, "agent", "each agent", AGENTS_MAX},
    };
    _cleanup_buf_ struct buf without = BUF_INIT;
    struct turn_budget_view view;

    (void)values;
    turn_budget_view_init(&view, turn);
    view.anew = true;
    for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
        const struct level *level = &levels[i];

        for (int span = 0; span < TURN_BUDGET_SPANS && (level->id || level->most); span++) {
            if (turn_budget_cap_of(&turn->engine->budget.caps[span], level->whose) !=
                TURN_BUDGET_NO_CAP)
                put_cap(&view, (enum turn_budget_span)span, level);
            else
                buf_printf(&without, "%s%s %s", without.len ? ", " : "", level->each,
                           turn_budget_span_name((enum turn_budget_span)span));
        }
    }
    if (without.len)
        buf_printf(&view.text, "without a cap: %s\n", buf_text(&without));
    turn_budget_view_stopped(&view);
    turn_budget_view_reply(&view);
    turn_budget_view_clear(&view);
    return TROUPE_OK;
}
