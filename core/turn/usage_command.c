/* SPDX-License-Identifier: Apache-2.0
 *
 * /usage: what a member has asked for and spent in this hour, day and month; to those who manage the server,
 * what it has, and to the bot's owner all of it, and which agents spent most.
 * Times are UTC, as the budget's are.
 */
#include "turn/core_commands.h"

#include "base/clock.h"
#include "turn/audit.h"
#include "turn/budget_stop.h"
#include "turn/budget_view.h"
#include "turn/command.h"
#include "turn/engine_private.h"
#include "turn/rights.h"
#include "turn/sql/setting.h"

#include <stdio.h>

#define DAY_MS     INT64_C(86400000)
#define WHATS_MAX  10 /* lines of the dearest           */
#define AGENTS_MAX 5  /* of each hour, day and month    */

/* `turns` NULL: they are not counted. */
static void put_lines(struct turn_budget_view *view, const char *who, enum turn_budget_whose whose,
                      const char *id, const struct store_statement *turns)
{
    struct engine *engine = view->turn->engine;
    _cleanup_rows_ struct store_rows *rows = NULL;
    char note[40] = "";

    if (turns &&
        store_query(engine->store, turns, turn_engine_soon(engine), &rows, NULL) == TROUPE_OK)
        (void)snprintf(note, sizeof(note), "%lld turn%s, ",
                       (long long)store_cell_int(rows, 0, 0, 0),
                       store_cell_int(rows, 0, 0, 0) == 1 ? "" : "s");
    for (int span = 0; span < TURN_BUDGET_SPANS; span++)
        turn_budget_view_level(view, (enum turn_budget_span)span, whose, id, who,
                               span == TURN_BUDGET_DAY ? note : "");
}

/* What it went to today, and the agents that spent most: for the bot's owner. */
static void put_whats(struct turn_budget_view *view)
{
    struct engine *engine = view->turn->engine;
    _cleanup_rows_ struct store_rows *rows = NULL;
    json_t *list = json_array();

    for (int span = 0; span < TURN_BUDGET_SPANS; span++)
        turn_budget_view_most(view, (enum turn_budget_span)span, TURN_BUDGET_PLUGIN, "agent",
                              AGENTS_MAX);
    if (turn_budget_by_what(engine->store, turn_engine_soon(engine), &rows, NULL) < 0)
        buf_puts(&view->text, "what it went to today: the storage does not answer\n");
    for (size_t i = 0; rows && i < rows->count && i < WHATS_MAX; i++) {
        const char *what = store_cell_text(rows, i, 0, "");
        const int64_t unknown = store_cell_int(rows, i, 3, 0),
                      spent = store_cell_int(rows, i, 2, 0) + unknown,
                      count = store_cell_int(rows, i, 4, 0);
        json_t *item = json_pack("{s:s, s:I, s:I}", "what", what, "spent_micros", (json_int_t)spent,
                                 "count", (json_int_t)count);

        buf_printf(&view->text, "%s today: %.4f USD in %lld%s\n", what, (double)spent / 1e6,
                   (long long)count, unknown ? " (part of it estimated)" : "");
        if (item)
            json_array_append_new(list, item);
    }
    json_object_set_new(view->result, "went_to", list);
}

static troupe_status confirm(struct turn *turn, const char *what)
{
    struct engine *engine = turn->engine;
    _cleanup_buf_ struct buf out = BUF_INIT;
    troupe_status status = TROUPE_DENIED;
    struct error err;

    if (turn_rights(turn, NULL) < TURN_OWNER) {
        turn_audit_denied(turn, "budget.confirm");
        buf_puts(&out, "Only the bot's owner can confirm what something costs.");
        turn_command_reply(turn, &out);
        return status;
    }
    status = turn_budget_stop_confirm(engine->store, what, turn_engine_soon(engine), &err);
    if (status == TROUPE_OK) {
        turn_audit_note(turn, "budget.confirm", what, NULL, NULL);
        buf_printf(&out, "\"%s\" is paid for again.", what);
    } else if (status == TROUPE_NOT_FOUND) {
        status = TROUPE_ARGUMENT; /* a word that means nothing here */
        buf_printf(&out, "%s; %s without it names what is", err.text,
                   turn->event->member ? "/usage" : "troupe usage");
    } else {
        buf_puts(&out, err.text);
    }
    turn_command_reply(turn, &out);
    return status;
}

static void show(struct turn *turn)
{
    const struct event *event = turn->event;
    const enum turn_rights rights = turn_rights(turn, NULL); /* once: the platform is asked */
    int64_t now = clock_wall_ms(), today = now - now % DAY_MS;
    struct turn_budget_view view;

    turn_budget_view_init(&view, turn);
    if (event->member)
        put_lines(&view, "you", TURN_BUDGET_MEMBER, event->member,
                  STORE_SQL(SQL_SETTING_USED_BY_MEMBER, store_text(event->member),
                            store_text(event->account), store_int(today)));
    if (event->guild && rights >= TURN_ADMIN)
        put_lines(&view, "this server", TURN_BUDGET_GUILD, event->guild,
                  STORE_SQL(SQL_SETTING_USED_BY_GUILD, store_text(event->guild),
                            store_text(event->account), store_int(today)));
    if (rights >= TURN_OWNER) {
        put_lines(&view, "the bot", TURN_BUDGET_BOT, ENGINE_BUDGET_BOT, NULL);
        put_whats(&view);
    }
    if (rights >= TURN_ADMIN)
        turn_budget_view_stopped(&view);
    turn_budget_view_reply(&view);
    turn_budget_view_clear(&view);
}

troupe_status turn_core_usage(struct turn *turn, const troupe_value *values)
{
    const char *what = turn_core_text(&values[0], NULL);

    if (what)
        return confirm(turn, what);
    show(turn);
    return TROUPE_OK;
}
