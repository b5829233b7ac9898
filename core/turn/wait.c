/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/wait.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "turn/engine_private.h"
#include "turn/form.h"
#include "turn/frame.h"
#include "turn/press.h"
#include "turn/sql/wait.h"

#include <stdio.h>
#include <string.h>

static const char *const state_names[] = {"open", "answered", "expired", "canceled"};

/* ---- of one turn ---------------------------------------------------------------------------- */

void turn_wait_drop(struct turn_wait *wait)
{
    list_remove(&wait->link);
    mem_free(wait->stage);
    mem_free(wait->path);
    mem_free(wait->given);
    mem_free(wait);
}

void turn_waits_clear(struct turn *turn)
{
    list_for_each_safe (link, &turn->waits)
        turn_wait_drop(container_of(link, struct turn_wait, link));
}

static enum turn_wait_state state_of(const char *name)
{
    enum turn_wait_state state = WAIT_OPEN;

    while (state < WAIT_CANCELED && strcmp(name, state_names[state]))
        state++;
    return state;
}

troupe_status turn_waits_load(struct turn *turn, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status =
        store_query(turn->engine->store, STORE_SQL(SQL_WAIT_LOAD, store_int(turn->id)),
                    turn_engine_soon(turn->engine), &rows, err);

    if (status < 0)
        return status;
    for (size_t i = 0; i < rows->count; i++) {
        struct turn_wait *wait = mem_zero(1, sizeof(*wait));

        wait->id = store_cell_int(rows, i, 0, 0);
        wait->stage = mem_strdup(store_cell_text(rows, i, 1, ""));
        wait->path = mem_strdup(store_cell_text(rows, i, 2, ""));
        wait->ordinal = (unsigned)store_cell_int(rows, i, 3, 0);
        wait->sleeps = !strcmp(store_cell_text(rows, i, 4, ""), "sleep");
        wait->due_ms = store_cell_int(rows, i, 5, 0);
        wait->state = state_of(store_cell_text(rows, i, 6, ""));
        wait->answer = (int32_t)store_cell_int(rows, i, 7, 0);
        if (store_cell_text(rows, i, 8, NULL))
            wait->given = mem_strdup(store_cell_text(rows, i, 8, ""));
        list_append(&turn->waits, &wait->link);
    }
    return TROUPE_OK;
}

struct turn_wait *turn_wait_find(const struct turn *turn, const struct record_call *call)
{
    list_for_each (link, &turn->waits) {
        struct turn_wait *wait = container_of(link, struct turn_wait, link);

        if (wait->ordinal == call->ordinal && !strcmp(wait->path, call->frame->path) &&
            !strcmp(wait->stage, turn->record.stage))
            return wait;
    }
    return NULL;
}

struct turn_wait *turn_wait_new(struct record_call *call, int64_t due_ms)
{
    struct turn *turn = call->frame->turn;
    struct turn_wait *wait = mem_zero(1, sizeof(*wait));

    wait->id = turn->engine->last_wait =
        store_next_id(turn->engine->store, turn->engine->last_wait);
    wait->stage = mem_strdup(turn->record.stage);
    wait->path = mem_strdup(call->frame->path);
    wait->ordinal = call->ordinal;
    wait->due_ms = due_ms;
    list_append(&turn->waits, &wait->link);
    return wait;
}

void turn_wait_put(const struct turn_wait *wait, const struct record_call *call, const char *kind,
                   const char *form, struct store_batch *batch)
{
    const struct turn *turn = call->frame->turn;

    store_batch_add(batch, STORE_EXPECT(1, SQL_WAIT_PUT, store_int(wait->id), store_int(turn->id),
                                        store_text(wait->stage), store_text(wait->path),
                                        store_int(wait->ordinal), store_text(kind),
                                        store_text(turn->event->member), store_int(wait->due_ms),
                                        store_int(clock_wall_ms()), store_text(form)));
}

/* ---- parking -------------------------------------------------------------------------------- */

static bool may_park(const struct turn *turn)
{
    return !turn->active && turn->waiting && !turn->parked && !turn->state && turn->work &&
           turn->work->why == TROUPE_OK;
}

/* Later in the tick: whoever was waiting for what has just ended works again by then. */
static void park_idle(struct loop_task *task)
{
    struct engine *engine = container_of(task, struct engine, park_task);

    engine->park_posted = false;
    list_for_each (link, &engine->turns) {
        struct turn *turn = container_of(link, struct turn, link);

        if (!may_park(turn))
            continue;
        turn->parked = true;
        scope_cancel(turn->work, TROUPE_PARKED);
    }
    turn_engine_release(engine);
}

void turn_active(struct turn *turn, bool on)
{
    struct engine *engine = turn->engine;

    turn->active += on ? 1u : -1u;
    if (!may_park(turn) || engine->park_posted)
        return;
    engine->park_posted = true;
    engine->park_task.run = park_idle;
    turn_engine_hold(engine);
    loop_post(engine->loop, &engine->park_task);
}

troupe_status turn_wait_for(struct turn *turn, struct turn_wait *wait)
{
    struct op *op;
    troupe_status status;

    if (wait->state != WAIT_OPEN)
        return TROUPE_OK;
    turn_wait_watch(turn->engine, wait->due_ms);
    op = wait->op = op_new(turn->engine->loop, NULL);
    turn->waiting++;
    turn_active(turn, false);
    status = op_wait(op, 0, NULL);
    turn->active++;
    turn->waiting--;
    if (wait->op) /* nobody completes it any more */
        op_complete(op, TROUPE_OK, NULL);
    wait->op = NULL;
    op_drop(op);
    return status;
}

bool turn_park(struct turn *turn)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    _cleanup_mem_ char *trace = NULL;
    struct engine *engine = turn->engine;
    struct error err;

    turn_trace_add(&turn->trace, "turn", "parked", "it waits for somebody, or for its time");
    turn_record_flush(turn);
    trace = turn_trace_print(&turn->trace);
    store_batch_add(batch, STORE_EXPECT(1, SQL_WAIT_PARK, store_int(turn->id), store_text(trace)));
    if (store_commit(engine->store, batch, turn_engine_soon(engine), &err) < 0) {
        log_error("turn", "turn %lld cannot be parked: %s", (long long)turn->id, err.text);
        return false;
    }
    return true;
}

/* ---- deciding ------------------------------------------------------------------------------- */

/* A wait was decided in the store: whoever waits hears it, or the turn runs again. */
static void decided(struct engine *engine, int64_t turn_id, int64_t wait_id,
                    enum turn_wait_state state, int32_t answer, const char *given,
                    struct gateway *gateway)
{
    struct turn *turn = turn_engine_turn(engine, turn_id);
    struct error err;

    if (!turn) {
        if (turn_engine_again(engine, turn_id, gateway, &err) < 0)
            log_error("turn", "turn %lld was answered and does not go on before the next start: %s",
                      (long long)turn_id, err.text);
        return;
    }
    turn->answered_meanwhile = true;
    list_for_each (link, &turn->waits) {
        struct turn_wait *wait = container_of(link, struct turn_wait, link);

        if (wait->id != wait_id)
            continue;
        wait->state = state;
        wait->answer = answer;
        if (given && !wait->given)
            wait->given = mem_strdup(given);
        if (wait->op)
            op_complete(wait->op, TROUPE_OK, NULL);
        wait->op = NULL;
    }
}

/* TROUPE_CONFLICT: it was decided before. [waits] */
static troupe_status decide(struct engine *engine, int64_t wait_id, enum turn_wait_state state,
                            int32_t answer, const char *given, struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();

    store_batch_add(batch, STORE_EXPECT(1, SQL_WAIT_ANSWER, store_int(wait_id),
                                        store_text(state_names[state]), store_int(answer),
                                        store_int(clock_wall_ms()), store_text(given)));
    return store_commit(engine->store, batch, turn_engine_soon(engine), err);
}

/* ---- /stop ---------------------------------------------------------------------------------- */

struct stopping {
    struct engine *engine;
    char *channel, *member; /* member NULL: of everybody */
};

static void stopping_free(struct stopping *stopping)
{
    mem_free(stopping->channel);
    mem_free(stopping->member);
    mem_free(stopping);
}

static troupe_status stop_main(void *arg)
{
    struct stopping *stopping = arg;
    struct engine *engine = stopping->engine;
    _cleanup_rows_ struct store_rows *rows = NULL;
    struct error err;
    troupe_status status = store_query(
        engine->store,
        STORE_SQL(SQL_WAIT_OF_CHANNEL, store_text(stopping->channel), store_text(stopping->member)),
        turn_engine_soon(engine), &rows, &err);

    for (size_t i = 0; status == TROUPE_OK && i < rows->count; i++) {
        int64_t id = store_cell_int(rows, i, 0, 0);

        status = decide(engine, id, WAIT_CANCELED, 0, NULL, &err);
        if (status == TROUPE_OK)
            decided(engine, store_cell_int(rows, i, 1, 0), id, WAIT_CANCELED, 0, NULL, NULL);
        else if (status == TROUPE_CONFLICT)
            status = TROUPE_OK;
    }
    if (status < 0)
        log_warn("turn", "what waits in channel %s cannot be stopped: %s", stopping->channel,
                 err.text);
    stopping_free(stopping);
    return TROUPE_OK;
}

void turn_waits_stop(struct engine *engine, const char *channel, const char *member)
{
    static const struct co_owner owner = {"core:waits", 0};
    struct stopping *stopping = mem_zero(1, sizeof(*stopping));

    stopping->engine = engine;
    stopping->channel = mem_strdup(channel);
    stopping->member = member ? mem_strdup(member) : NULL;
    if (!engine->closing && co_spawn(&engine->scope, &owner, stop_main, stopping) == TROUPE_OK)
        return;
    stopping_free(stopping);
}

/* ---- time ----------------------------------------------------------------------------------- */

#define WATCH_AGAIN_MS 1000 /* where the store did not answer */

void turn_wait_watch(struct engine *engine, int64_t due_ms)
{
    int64_t left = due_ms - clock_wall_ms();

    if (engine->closing || (engine->next_due && engine->next_due <= due_ms))
        return;
    engine->next_due = due_ms;
    loop_timer_start(&engine->due, left > 0 ? (uint64_t)left : 0, 0);
}

static troupe_status expire_all(struct engine *engine, struct error *err)
{
    for (;;) {
        _cleanup_rows_ struct store_rows *rows = NULL;
        troupe_status status =
            store_query(engine->store, STORE_SQL(SQL_WAIT_DUE, store_int(clock_wall_ms())),
                        turn_engine_soon(engine), &rows, err);

        if (status < 0 || !rows->count)
            return status;
        for (size_t i = 0; i < rows->count; i++) {
            int64_t id = store_cell_int(rows, i, 0, 0);

            status = decide(engine, id, WAIT_EXPIRED, 0, NULL, err);
            if (status == TROUPE_OK)
                decided(engine, store_cell_int(rows, i, 1, 0), id, WAIT_EXPIRED, 0, NULL, NULL);
            else if (status != TROUPE_CONFLICT)
                return status;
        }
    }
}

static troupe_status watch_next(struct engine *engine, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    const struct store_statement next = {.sql = SQL_WAIT_NEXT, .expect = STORE_ANY};
    troupe_status status = store_query(engine->store, &next, turn_engine_soon(engine), &rows, err);
    int64_t due;

    if (status < 0)
        return status;
    due = store_cell_int(rows, 0, 0, 0);
    if (due)
        turn_wait_watch(engine, due);
    return TROUPE_OK;
}

static troupe_status due_main(void *arg)
{
    struct engine *engine = arg;
    struct error err;
    troupe_status status = expire_all(engine, &err);

    if (status == TROUPE_OK)
        status = watch_next(engine, &err);
    if (status < 0 && !engine->closing) {
        log_warn("turn", "what waits cannot be looked up: %s", err.text);
        turn_wait_watch(engine, clock_wall_ms() + WATCH_AGAIN_MS);
    }
    return TROUPE_OK;
}

void turn_waits_due(struct loop_timer *timer)
{
    static const struct co_owner owner = {"core:waits", 0};
    struct engine *engine = container_of(timer, struct engine, due);

    engine->next_due = 0;
    if (engine->closing)
        return;
    if (co_spawn(&engine->scope, &owner, due_main, engine) < 0)
        turn_wait_watch(engine, clock_wall_ms() + WATCH_AGAIN_MS);
}

troupe_status turn_waits_look(struct engine *engine, struct error *err)
{
    return watch_next(engine, err);
}

troupe_status turn_waits_begin(struct engine *engine, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    const struct store_statement newest = {.sql = SQL_WAIT_NEWEST, .expect = STORE_ANY};
    troupe_status status =
        store_query(engine->store, &newest, turn_engine_soon(engine), &rows, err);

    if (status < 0)
        return status;
    engine->last_wait = store_cell_int(rows, 0, 0, 0);
    return watch_next(engine, err);
}

/* ---- buttons -------------------------------------------------------------------------------- */

/* "t:TURN:WAIT:CHOICE". */
static bool parse_answer(const char *id, int64_t *ret_wait, int32_t *ret_choice)
{
    long long turn, wait;
    int choice, end = 0;

    if (!id || sscanf(id, "t:%lld:%lld:%d%n", &turn, &wait, &choice, &end) != 3 || id[end])
        return false;
    *ret_wait = wait;
    *ret_choice = choice;
    return choice >= 0;
}

#define IS_GONE "this question is not open any more"
/* Never shown. */
#define ELSEWHERE "another host answers it"
#define IS_OVER   "this question was answered already, or is over"

/* The question that a press is about. */
struct asked {
    struct store_rows *rows;
    int64_t id, turn;
    const char *form; /* of rows; NULL: buttons answer it */
    bool open;
};

static void asked_clear(struct asked *asked)
{
    store_rows_free(asked->rows);
}
#define _cleanup_asked_ _cleanup_(asked_clear)

/* Why the press counts for nothing; NULL: it may. `ret_spent`: no other one will count. [waits] */
static const char *find_question(struct engine *engine, const struct event *event,
                                 struct asked *asked, bool *ret_spent)
{
    struct error err;

    if (store_query(engine->store, STORE_SQL(SQL_WAIT_READ, store_int(asked->id)),
                    turn_engine_soon(engine), &asked->rows, &err) < 0)
        return ENGINE_NO_STORAGE;
    *ret_spent = !asked->rows->count;
    if (!asked->rows->count)
        return IS_GONE;
    if (!store_cell_int(asked->rows, 0, 4, 1))
        return ELSEWHERE;
    if (!event->member || strcmp(store_cell_text(asked->rows, 0, 1, ""), event->member) != 0)
        return "this question is for somebody else";
    asked->turn = store_cell_int(asked->rows, 0, 0, 0);
    asked->open = state_of(store_cell_text(asked->rows, 0, 2, "")) == WAIT_OPEN;
    asked->form = store_cell_text(asked->rows, 0, 3, NULL);
    return NULL;
}

/* The same for an answer that holds what was asked. [waits] */
static const char *take_answer(struct engine *engine, const struct event *event,
                               const struct asked *asked, int32_t choice, const char *given,
                               bool *ret_spent)
{
    struct error err;
    troupe_status status = decide(engine, asked->id, WAIT_ANSWERED, choice, given, &err);

    *ret_spent = status == TROUPE_CONFLICT;
    if (status == TROUPE_CONFLICT)
        return IS_OVER;
    if (status < 0)
        return ENGINE_NO_STORAGE;
    *ret_spent = true;
    decided(engine, asked->turn, asked->id, WAIT_ANSWERED, choice, given, event->gateway);
    return NULL;
}

static const char *answer_button(struct engine *engine, const struct event *event, int64_t id,
                                 int32_t choice, bool *ret_spent)
{
    _cleanup_asked_ struct asked asked = {.id = id};
    const char *problem = find_question(engine, event, &asked, ret_spent);

    if (problem)
        return problem;
    return asked.form ? IS_GONE : take_answer(engine, event, &asked, choice, NULL, ret_spent);
}

/* A form's button, or what was filled in or chosen. */
static const char *answer_form(struct engine *engine, const struct event *event, int64_t id,
                               enum turn_form kind, bool *ret_spent)
{
    _cleanup_asked_ struct asked asked = {.id = id};
    _cleanup_mem_ char *given = NULL;
    const char *problem = find_question(engine, event, &asked, ret_spent);
    troupe_status status;

    if (problem)
        return problem;
    *ret_spent = !asked.open;
    if (!asked.open || !asked.form)
        return IS_OVER;
    if (kind != TURN_FORM_OPEN) {
        given = turn_form_take(asked.form, kind, event->content, event->content_len, &problem);
        return given ? take_answer(engine, event, &asked, 0, given, ret_spent) : problem;
    }
    status = turn_form_show(event, asked.form, asked.turn, id);
    return status == TROUPE_UNSUPPORTED ? "this cannot be filled in here" : NULL;
}

static const char *press(struct engine *engine, const struct event *event, bool *ret_spent)
{
    const char *id = event->press_id ? event->press_id : "";
    long long number;
    enum turn_form kind;
    int64_t wait;
    int32_t choice;
    int value;

    if (parse_answer(id, &wait, &choice))
        return answer_button(engine, event, wait, choice, ret_spent);
    kind = turn_form_parse(id, &wait);
    if (kind)
        return answer_form(engine, event, wait, kind, ret_spent);
    if (sscanf(id, "t:retry:%lld", &number) == 1)
        return turn_press_again(engine, event, number, 0, ret_spent);
    if (sscanf(id, "t:continue:%lld", &number) == 1)
        return turn_press_again(engine, event, number, EVENT_CONTINUE, ret_spent);
    if (sscanf(id, "t:stop:%lld", &number) == 1 && !turn_engine_ours(engine, number))
        return ELSEWHERE;
    if (sscanf(id, "t:rate:%lld:", &number) == 1 && !turn_engine_ours(engine, number))
        return ELSEWHERE;
    if (sscanf(id, "t:stop:%lld", &number) == 1)
        return turn_press_stop(engine, event, number);
    if (sscanf(id, "t:rate:%lld:%d", &number, &value) == 2)
        return turn_press_rate(engine, event, number, value);
    *ret_spent = true;
    return "this button does nothing any more";
}

/* Who chose what, below the question: whoever reads it later sees why the turn went on. NULL: the press answers
 * none. mem_free. */
static char *line_of(const struct event *event)
{
    const char *id = event->press_id ? event->press_id : "";
    int64_t wait;
    int32_t choice;

    if (!event->member || (!parse_answer(id, &wait, &choice) && !turn_form_parse(id, &wait)))
        return NULL;
    if (!event->press_label || !*event->press_label)
        return mem_printf("answered by <@%s>", event->member);
    return mem_printf("%s — chosen by <@%s>", event->press_label, event->member);
}

static troupe_status press_main(void *arg)
{
    struct engine_incoming *incoming = arg;
    struct event *event = incoming->event;
    _cleanup_mem_ char *line = NULL;
    bool spent = false;
    const char *problem = press(incoming->engine, event, &spent);

    if (problem && !strcmp(problem, ELSEWHERE)) {
        if (event->gateway && event->gateway->ops->leave)
            event->gateway->ops->leave(event->gateway, event);
        turn_incoming_free(incoming);
        return TROUPE_OK;
    }
    if (problem && event->gateway)
        event->gateway->ops->notice(event->gateway, event, problem, true);
    if (spent && !problem)
        line = line_of(event);
    if (spent && event->gateway && event->gateway->ops->retire)
        event->gateway->ops->retire(event->gateway, event, line);
    turn_incoming_free(incoming);
    return TROUPE_OK;
}

void turn_engine_press(struct engine *engine, struct event *event)
{
    static const struct co_owner owner = {"core:press", 0};
    struct engine_incoming *incoming = turn_incoming_new(engine, event);

    turn_incoming_apart(incoming);
    if (engine->closing || co_spawn(&engine->scope, &owner, press_main, incoming) < 0)
        turn_incoming_free(incoming);
}
