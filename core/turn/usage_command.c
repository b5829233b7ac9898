/* SPDX-License-Identifier: Apache-2.0
 *
 * /usage: what a member has asked for and spent today; to those who manage the server, what it has, and to
 * the bot's owner all of it.
 * Days are UTC, as the budget's are.
 */
#include "turn/core_commands.h"

#include "base/clock.h"
#include "turn/audit.h"
#include "turn/budget_stop.h"
#include "turn/command.h"
#include "turn/engine_private.h"
#include "turn/rights.h"
#include "turn/sql/setting.h"

#include <string.h>

#define DAY_MS    INT64_C(86400000)
#define WHATS_MAX 10 /* lines of the dearest */

static void put_line(struct turn *turn, const char *who, const char *scope, const char *id,
                     const struct store_statement *turns, int64_t cap, struct buf *out)
{
    struct engine *engine = turn->engine;
    _cleanup_rows_ struct store_rows *rows = NULL;
    struct turn_budget_sum sum = {0, 0, 0};
    struct error err;

    if (store_query(engine->store, turns, turn_engine_soon(engine), &rows, &err) < 0 ||
        turn_budget_today(engine->store, scope, id, turn_engine_soon(engine), &sum, &err) < 0) {
        buf_printf(out, "%s today: the storage does not answer\n", who);
        return;
    }
    buf_printf(out, "%s today: %lld turns, %.4f USD", who, (long long)store_cell_int(rows, 0, 0, 0),
               (double)sum.settled / 1e6);
    if (cap != TURN_BUDGET_NO_CAP)
        buf_printf(out, " of %.2f", (double)cap / 1e6);
    if (sum.reserved)
        buf_printf(out, ", %.4f more are reserved", (double)sum.reserved / 1e6);
    buf_puts(out, sum.unknown ? " (part of it estimated)\n" : "\n");
}

/* All that the bot spent, and on what: for its owner. */
static void put_bot(struct turn *turn, struct buf *out)
{
    struct engine *engine = turn->engine;
    _cleanup_rows_ struct store_rows *rows = NULL;
    struct turn_budget_sum sum = {0, 0, 0};

    if (turn_budget_today(engine->store, "bot", ENGINE_BUDGET_BOT, turn_engine_soon(engine), &sum,
                          NULL) < 0 ||
        turn_budget_by_what(engine->store, turn_engine_soon(engine), &rows, NULL) < 0) {
        buf_puts(out, "the bot today: the storage does not answer\n");
        return;
    }
    buf_printf(out, "the bot today: %.4f USD", (double)sum.settled / 1e6);
    if (engine->caps.bot != TURN_BUDGET_NO_CAP)
        buf_printf(out, " of %.2f", (double)engine->caps.bot / 1e6);
    if (sum.reserved)
        buf_printf(out, ", %.4f more are reserved", (double)sum.reserved / 1e6);
    buf_puts(out, sum.unknown ? " (part of it estimated)\n" : "\n");
    for (size_t i = 0; i < rows->count && i < WHATS_MAX; i++)
        buf_printf(out, "%s: %.4f USD in %lld\n", store_cell_text(rows, i, 0, ""),
                   (double)store_cell_int(rows, i, 2, 0) / 1e6,
                   (long long)store_cell_int(rows, i, 4, 0));
}

/* What may not be paid for any more, for those who can do something about it. */
static void put_stopped(struct turn *turn, struct buf *out)
{
    struct engine *engine = turn->engine;
    _cleanup_rows_ struct store_rows *rows = NULL;

    if (turn_budget_stop_list(engine->store, turn_engine_soon(engine), &rows, NULL) < 0)
        return;
    for (size_t i = 0; i < rows->count; i++)
        buf_printf(out, "stopped: \"%s\" cost %.6f USD more than its worst case\n",
                   store_cell_text(rows, i, 0, ""), (double)store_cell_int(rows, i, 1, 0) / 1e6);
}

static void confirm(struct turn *turn, const char *what)
{
    struct engine *engine = turn->engine;
    _cleanup_buf_ struct buf out = BUF_INIT;
    struct error err;

    if (turn_rights(turn, NULL) < TURN_OWNER) {
        turn_audit_denied(turn, "budget.confirm");
        buf_puts(&out, "Only the bot's owner can confirm what something costs.");
    } else if (turn_budget_stop_confirm(engine->store, what, turn_engine_soon(engine), &err) < 0) {
        buf_puts(&out, err.text);
    } else {
        turn_audit_note(turn, "budget.confirm", what, NULL, NULL);
        buf_printf(&out, "\"%s\" is paid for again.", what);
    }
    turn_command_reply(turn, &out);
}

void turn_core_usage(struct turn *turn, const troupe_value *values)
{
    const char *what = turn_core_text(&values[0], NULL);
    const struct event *event = turn->event;
    const struct turn_budget_caps *caps = &turn->engine->caps;
    int64_t now = clock_wall_ms(), today = now - now % DAY_MS;
    _cleanup_buf_ struct buf out = BUF_INIT;

    if (what) {
        confirm(turn, what);
        return;
    }
    if (event->member)
        put_line(turn, "you", "member", event->member,
                 STORE_SQL(SQL_SETTING_USED_BY_MEMBER, store_text(event->member),
                           store_text(event->account), store_int(today)),
                 caps->member, &out);
    if (event->guild && turn_rights(turn, NULL) >= TURN_ADMIN)
        put_line(turn, "this server", "guild", event->guild,
                 STORE_SQL(SQL_SETTING_USED_BY_GUILD, store_text(event->guild),
                           store_text(event->account), store_int(today)),
                 caps->guild, &out);
    if (turn_rights(turn, NULL) >= TURN_OWNER)
        put_bot(turn, &out);
    if (turn_rights(turn, NULL) >= TURN_ADMIN)
        put_stopped(turn, &out);
    turn_command_reply(turn, &out);
}
