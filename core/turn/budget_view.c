/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/budget_view.h"

#include "base/clock.h"
#include "base/mem.h"
#include "turn/budget_stop.h"
#include "turn/command.h"
#include "turn/engine_private.h"

#include <string.h>

#define DATE_LEN 10 /* of "2026-11-20T10:00:00.000Z" */
#define TIME_LEN 5

void turn_budget_view_init(struct turn_budget_view *view, struct turn *turn)
{
    *view = (struct turn_budget_view){.turn = turn, .result = json_object()};
    json_object_set_new(view->result, "levels", json_array());
}

void turn_budget_view_clear(struct turn_budget_view *view)
{
    buf_clear(&view->text);
    json_decref(view->result);
}

static int percent_of(const struct turn_budget_sum *sum, int64_t cap)
{
    return cap ? (int)((double)(sum->reserved + sum->settled) * 100 / (double)cap) : 100;
}

/* ---- lines ---------------------------------------------------------------------------------- */

static void put_anew(enum turn_budget_span span, struct buf *out)
{
    char stamp[CLOCK_ISO_SIZE];

    clock_iso(turn_budget_span_end(span, clock_wall_ms()), stamp);
    if (span == TURN_BUDGET_MONTH)
        buf_printf(out, "; anew on %.*s", DATE_LEN, stamp);
    else
        buf_printf(out, "; anew at %.*s UTC", TIME_LEN, stamp + DATE_LEN + 1);
}

static void put_text(struct turn_budget_view *view, enum turn_budget_span span, int64_t cap,
                     const struct turn_budget_sum *sum)
{
    struct buf *out = &view->text;
    char most[TURN_BUDGET_USD_SIZE];

    buf_printf(out, "%.4f USD", (double)sum->settled / 1e6);
    if (cap != TURN_BUDGET_NO_CAP)
        buf_printf(out, " of %s (%d %%)", turn_budget_usd(cap, most), percent_of(sum, cap));
    if (sum->reserved)
        buf_printf(out, ", %.4f more are reserved", (double)sum->reserved / 1e6);
    if (sum->unknown)
        buf_puts(out, " (part of it estimated)");
    if (view->anew && cap != TURN_BUDGET_NO_CAP)
        put_anew(span, out);
    buf_putc(out, '\n');
}

static void put_json(struct turn_budget_view *view, enum turn_budget_span span,
                     enum turn_budget_whose whose, const char *id, int64_t cap,
                     const struct turn_budget_sum *sum)
{
    static const char *const spans[TURN_BUDGET_SPANS] = {"hour", "day", "month"};
    char stamp[CLOCK_ISO_SIZE];
    json_t *level;

    clock_iso(turn_budget_span_end(span, clock_wall_ms()), stamp);
    level = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:s}", "scope", turn_budget_scope_name(whose),
                      "id", id, "span", spans[span], "spent_micros", (json_int_t)sum->settled,
                      "reserved_micros", (json_int_t)sum->reserved, "estimated_micros",
                      (json_int_t)sum->unknown, "anew", stamp);
    if (!level)
        return; /* a name that is no UTF-8 */
    if (cap != TURN_BUDGET_NO_CAP) {
        json_object_set_new(level, "cap_micros", json_integer(cap));
        json_object_set_new(level, "percent", json_integer(percent_of(sum, cap)));
    }
    json_array_append_new(json_object_get(view->result, "levels"), level);
}

void turn_budget_view_level(struct turn_budget_view *view, enum turn_budget_span span,
                            enum turn_budget_whose whose, const char *id, const char *who,
                            const char *note)
{
    struct engine *engine = view->turn->engine;
    const int64_t cap = turn_budget_cap_of(&engine->budget.caps[span], whose);
    struct turn_budget_sum sum = {0, 0, 0};

    buf_printf(&view->text, "%s %s: ", who, turn_budget_span_name(span));
    if (turn_budget_span_sum(engine->store, span, whose, id, turn_engine_soon(engine), &sum, NULL) <
        0) {
        buf_puts(&view->text, "the storage does not answer\n");
        return;
    }
    buf_puts(&view->text, note);
    put_text(view, span, cap, &sum);
    put_json(view, span, whose, id, cap, &sum);
}

size_t turn_budget_view_most(struct turn_budget_view *view, enum turn_budget_span span,
                             enum turn_budget_whose whose, const char *who, size_t limit)
{
    struct engine *engine = view->turn->engine;
    const int64_t cap = turn_budget_cap_of(&engine->budget.caps[span], whose);
    _cleanup_rows_ struct store_rows *rows = NULL;

    if (turn_budget_span_most(engine->store, span, whose, limit, turn_engine_soon(engine), &rows,
                              NULL) < 0) {
        buf_printf(&view->text, "%s %s: the storage does not answer\n", who,
                   turn_budget_span_name(span));
        return 1;
    }
    for (size_t i = 0; i < rows->count; i++) {
        const char *id = store_cell_text(rows, i, 0, "");
        const struct turn_budget_sum sum = {store_cell_int(rows, i, 1, 0),
                                            store_cell_int(rows, i, 2, 0),
                                            store_cell_int(rows, i, 3, 0)};

        buf_printf(&view->text, "%s %s %s: ", who, id, turn_budget_span_name(span));
        put_text(view, span, cap, &sum);
        put_json(view, span, whose, id, cap, &sum);
    }
    return rows->count;
}

void turn_budget_view_stopped(struct turn_budget_view *view)
{
    struct turn *turn = view->turn;
    struct engine *engine = turn->engine;
    _cleanup_rows_ struct store_rows *rows = NULL;
    json_t *list;

    if (turn_budget_stop_list(engine->store, turn_engine_soon(engine), &rows, NULL) < 0) {
        buf_puts(&view->text, "what is stopped: the storage does not answer\n");
        return;
    }
    list = json_array();
    for (size_t i = 0; i < rows->count; i++) {
        const char *what = store_cell_text(rows, i, 0, "");
        const int64_t over = store_cell_int(rows, i, 1, 0);
        json_t *item = json_pack("{s:s, s:I}", "what", what, "over_micros", (json_int_t)over);

        buf_printf(&view->text,
                   "stopped: \"%s\" cost %.6f USD more than its worst case; when its price is "
                   "right, the bot's owner confirms it: ",
                   what, (double)over / 1e6);
        if (turn->event->command) /* as the platform shows its options */
            buf_printf(&view->text, "/usage confirm:%s\n", what);
        else
            buf_printf(&view->text, "%susage \"%s\"\n",
                       turn->event->member ? turn_command_prefix(turn->set, turn->event)
                                           : "troupe ",
                       what);
        if (item)
            json_array_append_new(list, item);
    }
    json_object_set_new(view->result, "stopped", list);
}

void turn_budget_view_reply(struct turn_budget_view *view)
{
    struct turn *turn = view->turn;
    _cleanup_mem_ char *json = json_print(view->result);

    buf_reset(&turn->answer.data);
    if (json)
        buf_puts(&turn->answer.data, json);
    view->text.len -= view->text.len > 0; /* the last line's end */
    turn_command_reply(turn, &view->text);
}
