/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/budget_tell.h"
#include "turn/engine_private.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "turn/first_text.h"
#include "turn/frame.h"
#include "turn/gate.h"
#include "turn/patience.h"
#include "turn/reservation.h"
#include "turn/sql/turn.h"
#include "turn/wait.h"

#include <stdio.h>
#include <string.h>

#define START_AGAIN_MS 100 /* where no coroutine was free */

/* ---- life of a turn ------------------------------------------------------------------------- */

void turn_conclude(struct turn *turn, const char *state, const char *reason, const char *format,
                   ...)
{
    char sentence[ERROR_TEXT_MAX];
    va_list args;

    if (turn->state)
        return;
    turn->state = state;
    snprintf(turn->reason, sizeof(turn->reason), "%s", reason);
    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    turn_text_tidy(sentence);
    if (sentence[0])
        turn->sentence = arena_strdup(&turn->arena, sentence);
}

/* Where a turn was put aside and runs again, two may have its number: the ended one may go later. */
static void forget(struct turn *turn)
{
    struct map *numbered = &turn->engine->numbered;

    if (map_getn(numbered, (const char *)&turn->id, sizeof(turn->id)) == turn)
        map_removen(numbered, (const char *)&turn->id, sizeof(turn->id));
}

static void annotation_free(void *value)
{
    buf_clear(value);
    mem_free(value);
}

static void turn_free(struct loop_timer *timer)
{
    struct turn *turn = container_of(timer, struct turn, timer);
    struct engine *engine = turn->engine;

    list_remove(&turn->link);
    forget(turn);
    if (turn->over)
        turn->over(turn->over_arg, TROUPE_OK);
    if (turn->observed)
        scope_close(&turn->observers);
    engine->builtins -= turn->builtin;
    turn_builtin_settle(turn);
    turn_answer_clear(turn);
    plugin_set_unpin(turn->set);
    event_unref(turn->event);
    map_clear_with(&turn->annotations, annotation_free);
    turn_trace_clear(&turn->trace);
    turn_record_clear(&turn->record);
    turn_waits_clear(turn);
    turn_reservations_clear(turn);
    json_decref(turn->stages);
    arena_clear(&turn->arena);
    mem_free(turn);
    turn_engine_check_idle(engine);
}

/* It goes with the last of its coroutines, and not before it is told about its event. */
static void settle(struct turn *turn)
{
    if (turn->phase == TURN_ENDED && !turn->scope.live && !turn_is_observed(turn) && !turn->storing)
        loop_timer_close(&turn->timer, turn_free);
}

static void turn_scope_ended(struct scope *scope)
{
    settle(container_of(scope, struct turn, scope));
}

void turn_observers_ended(struct scope *scope)
{
    settle(container_of(scope, struct turn, observers));
}

static void timer_fired(struct loop_timer *timer)
{
    struct turn *turn = container_of(timer, struct turn, timer);

    if (!turn->scope.live)
        turn_start(turn); /* no coroutine was free before */
    else
        turn_first_text_over(turn);
}

void turn_set_id(struct turn *turn, int64_t id)
{
    turn->id = id;
    if (id)
        map_setn(&turn->engine->numbered, (const char *)&id, sizeof(id), turn);
}

struct turn *turn_new(struct engine *engine, struct event *event, int64_t id)
{
    struct turn *turn = mem_zero(1, sizeof(*turn));

    turn->engine = engine;
    turn->event = event;
    turn->sentence = "";
    turn_set_id(turn, id);
    turn->came_ms = loop_now(engine->loop);
    turn_record_init(&turn->record);
    list_init(&turn->waits);
    list_init(&turn->reservations);
    list_init(&turn->known);
    turn->record.off = !id || !strcmp(event->kind, "call");
    turn->answer.text.max = TURN_ANSWER_MAX;
    list_init(&turn->link);
    list_append(&engine->turns, &turn->link);
    turn_trace_init(&turn->trace);
    loop_timer_init(engine->loop, &turn->timer, timer_fired);
    scope_open_root(engine->loop, &turn->scope, 0, turn_scope_ended);
    return turn;
}

void turn_dispose(struct turn *turn)
{
    turn->phase = TURN_ENDED;
    settle(turn);
}

void turn_start(struct turn *turn)
{
    struct engine *engine = turn->engine;
    struct co_owner owner = {"core:turn", (uint64_t)turn->id};

    if (turn->phase == TURN_WAITING)
        turn->set = plugin_set_pin(engine->set);
    turn->phase = TURN_RUNNING;
    if (co_spawn(&turn->scope, &owner, turn_run, turn) == TROUPE_OK)
        return;
    log_warn("turn", "turn %lld waits: no coroutine is free", (long long)turn->id);
    loop_timer_start(&turn->timer, START_AGAIN_MS, 0);
}

static bool is_observed(const struct turn *turn)
{
    return turn->event->flags & EVENT_OBSERVED;
}

/* Observers have places of their own. */
static struct turn_admission *admission_of(const struct turn *turn)
{
    return is_observed(turn) ? &turn->engine->observed : &turn->engine->admission;
}

static void give_place_back(struct turn *turn)
{
    turn->phase = TURN_ENDED;
    if (!turn->admitted)
        return;
    turn_admission_remove(admission_of(turn), &turn->ticket);
    turn_engine_pump(turn->engine);
    turn_owed_refill(turn->engine);
}

static void tell_figures(const struct turn *turn)
{
    const struct engine_options *options = &turn->engine->options;
    uint64_t now = loop_now(turn->engine->loop);
    struct turn_figures figures = {
        .id = turn->id,
        .event = turn->event,
        .state = turn->state,
        .reason = turn->reason,
        .stage = turn->stage,
        .what = turn->what,
        .cost_micros = turn->cost_micros,
        .units_in = turn->units_in,
        .units_out = turn->units_out,
        .total_ms = now - turn->came_ms,
        .work_ms = turn->started_ms ? now - turn->started_ms : 0,
        .first_text_ms = turn->shown_ms ? (int64_t)(turn->shown_ms - turn->came_ms) : -1,
        .resumed = turn->resumed,
    };

    if (turn->agent) {
        figures.agent = turn->agent->name;
        figures.plugin = turn->agent->manifest->id;
    }
    if (options->ended)
        options->ended(options->ended_arg, &figures);
}

void turn_engine_ended(struct turn *turn)
{
    struct engine *engine = turn->engine;

    if (turn->left || turn->duplicate)
        ; /* nothing was decided */
    else if (is_observed(turn))
        engine->stats.observed += !turn->unstored;
    else if (!strcmp(turn->state, "done"))
        engine->stats.answered++;
    else if (!strcmp(turn->state, "refused") || !strcmp(turn->state, "dropped"))
        engine->stats.refused++;
    else
        engine->stats.failed++;
    if (!turn->left && !turn->duplicate)
        tell_figures(turn);
    give_place_back(turn);
}

/* Whether it waits for nobody, and not for long. */
static bool is_short(const struct turn *turn)
{
    const int64_t soon = clock_wall_ms() + TURN_WORKING_MS;

    list_for_each (link, &turn->waits) {
        const struct turn_wait *wait = container_of(link, struct turn_wait, link);

        if (wait->state == WAIT_OPEN && (!wait->sleeps || wait->due_ms > soon))
            return false;
    }
    return true;
}

void turn_engine_put_aside(struct turn *turn)
{
    struct gateway *gateway = turn->event->gateway;
    struct engine *engine = turn->engine;
    struct error err;

    if (gateway)
        map_set(&engine->gateways, gateway->name, gateway); /* where it goes on */
    /* Else it goes on at once, or soon. */
    if (gateway && gateway->ops->working && !turn->answered_meanwhile && !is_short(turn))
        gateway->ops->working(gateway, turn->event, false);
    /* What goes on at once stands in its lane again before its place is free, or its member's next
     * question would overtake it. */
    turn->phase = TURN_ENDED;
    if (turn->answered_meanwhile && turn_engine_again(engine, turn->id, gateway, &err) < 0)
        log_error("turn", "turn %lld was answered and does not go on before the next start: %s",
                  (long long)turn->id, err.text);
    give_place_back(turn);
}

void turn_cancel(struct turn *turn, const char *reason, const char *sentence)
{
    turn_conclude(turn, "interrupted", reason, "%s", sentence);
    if (turn->work)
        scope_cancel(turn->work, TROUPE_CANCELED);
}

void turn_diverge(struct turn *turn, const char *format, ...)
{
    char why[ERROR_TEXT_MAX];
    va_list args;

    va_start(args, format);
    vsnprintf(why, sizeof(why), format, args);
    va_end(args);
    turn_text_tidy(why);
    turn_trace_add(&turn->trace, "replay", "diverged", "%s", why);
    log_warn("turn", "turn %lld cannot go on after the restart: %s", (long long)turn->id, why);
    turn->answer.closed = true;
    turn_conclude(turn, "diverged", "diverged",
                  "I was restarted in the middle of this and cannot go on where I was; please ask "
                  "again");
    if (turn->work)
        scope_cancel(turn->work, TROUPE_CANCELED);
}

struct turn *turn_engine_turn(const struct engine *engine, int64_t id)
{
    struct turn *turn = map_getn(&engine->numbered, (const char *)&id, sizeof(id));

    return turn && turn->phase != TURN_ENDED ? turn : NULL;
}

/* One that waits in its lane never held a place; its coroutine only stores and says the end. */
static void end_waiting(struct turn *turn)
{
    if (turn->phase != TURN_WAITING || !turn->admitted)
        return;
    turn_admission_remove(admission_of(turn), &turn->ticket);
    turn->admitted = false;
    turn_start(turn);
}

void turn_stop(struct turn *turn)
{
    turn_cancel(turn, "stopped", "stopped");
    end_waiting(turn);
}

void turn_ended_by_another(struct engine *engine, int64_t id)
{
    struct turn *turn = turn_engine_turn(engine, id);

    if (!turn || turn->phase != TURN_WAITING)
        return;
    turn->duplicate = true; /* its coroutine stores and says nothing */
    turn_cancel(turn, "merged", "merged");
    end_waiting(turn);
}

void turn_withdraw(struct turn *turn)
{
    turn->withdrawn = true;
    turn_cancel(turn, "deleted", "the message was deleted");
    end_waiting(turn);
}

void turn_stored(struct turn *turn, enum turn_storing outcome)
{
    turn->storing = false;
    if (is_observed(turn))
        turn_owed_stored(turn, outcome);
    if (outcome != TURN_STORED) {
        turn->duplicate = outcome == TURN_DUPLICATE;
        turn->unstored = outcome == TURN_UNSTORED;
        turn->engine->stats.duplicates += turn->duplicate;
        turn->spooled = outcome == TURN_SPOOLED;
        turn->duplicate |= turn->spooled; /* another turn answers it */
        turn_cancel(turn, turn->duplicate ? "duplicate" : "storage_unavailable", ENGINE_NO_STORAGE);
        end_waiting(turn);
    } else if (turn->phase == TURN_RUNNING && !turn->state) {
        turn_show_working(turn);
    }
    settle(turn);
}

void turn_show_working(struct turn *turn)
{
    struct gateway *gateway = turn->event->gateway;

    if (!turn->storing && gateway && gateway->ops->working)
        gateway->ops->working(gateway, turn->event, true);
}

/* ---- admission ------------------------------------------------------------------------------ */

static void pump(struct turn_admission *admission)
{
    struct turn_ticket *ticket;

    while ((ticket = turn_admission_next(admission))) {
        struct turn *turn = container_of(ticket, struct turn, ticket);

        turn_trace_add(&turn->trace, "admission", "started", "%zu run, %zu wait",
                       admission->running, admission->queued);
        turn_start(turn);
    }
}

void turn_engine_pump(struct engine *engine)
{
    pump(&engine->admission);
    pump(&engine->observed);
}

void turn_engine_admit(struct engine *engine, struct turn *turn)
{
    const struct event *event = turn->event;
    enum turn_refusal refusal = TURN_ADMITTED;

    if (is_observed(turn)) {
        turn_owed_admit(turn);
        return;
    }
    if (!turn->resumed && !turn_gate_passes(turn)) {
        turn_trace_add(&turn->trace, "admission", turn->reason, "%s", turn->sentence);
        turn_start(turn);
        return;
    }
    if (turn->resumed || turn->over)
        turn_admission_restore(&engine->admission, &turn->ticket, event->channel, event->member);
    else
        refusal =
            turn_admission_add(&engine->admission, &turn->ticket, event->channel, event->member);
    switch (refusal) {
    case TURN_ADMITTED:
        turn->admitted = true;
        turn_trace_add(&turn->trace, "admission", "queued", NULL);
        turn_engine_pump(engine);
        return;
    case TURN_REFUSED_QUEUE:
        turn_conclude(turn, "refused", "queue_full",
                      "too many people are asking at once; please try again in a minute");
        break;
    case TURN_REFUSED_LANE:
        turn_conclude(turn, "refused", "member_queue_full",
                      "I still have several messages of yours to answer and leave this one out; "
                      "please send it again in a minute");
        break;
    case TURN_REFUSED_DRAIN: turn_conclude(turn, "refused", "stopping", ENGINE_STOPPING); break;
    }
    turn_trace_add(&turn->trace, "admission", turn->reason, NULL);
    turn_start(turn); /* only to store and say it: turn_run does no work once a state is set */
}

/* ---- the engine ----------------------------------------------------------------------------- */

/* Reads [admission] and [budget] of the current set. */
static void configure(struct engine *engine)
{
    const struct config *config = engine->set->config;
    const struct config_section *admission = config_section(config, "admission", NULL);

    engine->admission.concurrent = (size_t)config_int(admission, "concurrent");
    engine->admission.queue_max = (size_t)config_int(admission, "queue");
    engine->admission.lane_max = (size_t)config_int(admission, "queue_per_member");
    engine->merge = config_bool(admission, "merge");
    engine->first_text_ms = (uint64_t)config_ms(admission, "first_text");
    engine->total_ms = (uint64_t)config_ms(admission, "total");
    turn_budget_limits_read(config, &engine->budget);
}

static bool is_busy(const struct engine *engine)
{
    return !list_empty(&engine->turns) || !list_empty(&engine->incoming) || engine->recovering ||
           engine->seen.count;
}

void turn_engine_check_idle(struct engine *engine)
{
    if (!engine->idle || engine->idle_posted || is_busy(engine))
        return;
    engine->idle_posted = true;
    loop_post(engine->loop, &engine->idle_task);
}

static void idle_now(struct loop_task *task)
{
    struct engine *engine = container_of(task, struct engine, idle_task);
    void (*idle)(void *arg) = engine->idle;

    engine->idle_posted = false;
    if (!idle || is_busy(engine))
        return;
    engine->idle = NULL;
    idle(engine->idle_arg);
}

/* The process stops: what is recorded goes on in the next one, everything else is told. */
static void leave(struct turn *turn)
{
    turn->left |= turn->engine->stopping && !turn->record.off && !turn->state;
    turn_cancel(turn, "stopping", "I am being stopped for maintenance, so this answer ends here");
}

static void grace_over(struct loop_timer *timer)
{
    struct engine *engine = container_of(timer, struct engine, grace);

    list_for_each (link, &engine->turns) {
        struct turn *turn = container_of(link, struct turn, link);

        leave(turn);
        if (turn->observed)
            scope_cancel(&turn->observers, TROUPE_CANCELED);
    }
    turn_seen_cancel(engine);
}

/* Nothing of the engine's own runs or is about to be told. */
static void check_closed(struct engine *engine)
{
    if (!engine->closed || engine->scope.live || engine->in_flight)
        return;
    op_complete(engine->closed, TROUPE_OK, NULL);
    engine->closed = NULL;
}

static void own_ended(struct scope *scope)
{
    struct engine *engine = container_of(scope, struct engine, scope);

    check_closed(engine);
}

void turn_engine_hold(struct engine *engine)
{
    engine->in_flight++;
}

void turn_engine_release(struct engine *engine)
{
    engine->in_flight--;
    check_closed(engine);
}

/* A plugin's code went on after it was cancelled. Its stack is lost, and it is not entered again
 * before somebody reloads. */
static void runaway(void *local, const struct co_owner *owner)
{
    struct turn_frame *frame = local;

    if (!frame) {
        log_error("turn", "%s did not end when it was cancelled and was given up", owner->name);
        return;
    }
    plugin_agent_disable(frame->agent, "did not stop when it was told to");
    frame->agent->running--;
    frame->agent->failures++;
    turn_trace_add(&frame->turn->trace, frame->agent->owner, "runaway",
                   "went on to call the host after it was told to return");
    /* Whoever is asked would answer to nobody. */
    if (frame->turn->parked)
        turn_conclude(
            frame->turn, "failed", "runaway",
            "\"%s\" did not stop when it was told to wait for an answer; it is switched off "
            "until the admin reloads",
            frame->agent->name);
    log_error(frame->agent->owner,
              "turn %lld: went on after it was cancelled; it is switched off until the next reload",
              (long long)frame->turn->id);
    if (frame->turn->engine->options.switched_off)
        frame->turn->engine->options.switched_off(frame->turn->engine->options.switched_off_arg,
                                                  frame->agent);
}

void turn_engine_report(const struct engine *engine, enum turn_report kind, const char *format, ...)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    va_list args;

    if (!engine->options.report)
        return;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    engine->options.report(engine->options.report_arg, kind, buf_text(&text));
}

bool turn_agent_serves(const struct plugin_agent *agent, struct error *err)
{
    if (!agent->disabled)
        return true;
    error_set(err, TROUPE_UNAVAILABLE, "\"%s\" is switched off since it %s; the admin can reload",
              agent->name, agent->why_disabled);
    return false;
}

troupe_status turn_engine_new(const struct engine_options *options, struct engine **ret,
                              struct error *err)
{
    static const struct co_owner owner = {"core:intake", 0};
    struct engine *engine = mem_zero(1, sizeof(*engine));
    troupe_status status;

    *ret = NULL;
    engine->options = *options;
    engine->loop = options->loop;
    engine->file_bytes = engine->attached_bytes = -1;
    loop_on_runaway(engine->loop, runaway);
    engine->store = options->store;
    engine->cache = options->cache;
    engine->spool.file = options->spool;
    engine->idle_task.run = idle_now;
    list_init(&engine->turns);
    list_init(&engine->incoming);
    engine->recent_keys = mem_zero(ENGINE_RECENT, sizeof(*engine->recent_keys));
    turn_admission_init(&engine->admission);
    turn_admission_init(&engine->observed);
    engine->observed.concurrent = ENGINE_OWED_MAX;
    turn_limits_init(&engine->limits);
    turn_seen_init(engine);
    turn_erase_init(engine);
    engine->intake = chan_new(engine->loop, ENGINE_INTAKE_MAX, turn_incoming_free);
    scope_open_root(engine->loop, &engine->scope, 0, own_ended);
    list_init(&engine->late);
    loop_timer_init(engine->loop, &engine->grace, grace_over);
    loop_timer_init(engine->loop, &engine->due, turn_waits_due);
    engine->park_ms = options->park_ms ? options->park_ms : ENGINE_PARK_MS;
    status = turn_recover_begin(engine, err);
    if (status == TROUPE_OK)
        status = turn_waits_begin(engine, err);
    if (status == TROUPE_OK)
        status = turn_settings_load(engine, err);
    if (status == TROUPE_OK) {
        status = co_spawn(&engine->scope, &owner, turn_intake_main, engine);
        if (status < 0)
            error_set(err, status, "the intake cannot start: no coroutine is free");
    }
    if (status < 0) {
        turn_engine_free(engine);
        return status;
    }
    *ret = engine;
    return TROUPE_OK;
}

void turn_engine_close(struct engine *engine)
{
    struct op *closed = op_new(engine->loop, NULL);

    engine->closing = true;
    engine->closed = closed;
    chan_close(engine->intake, TROUPE_CANCELED);
    turn_seen_cancel(engine);
    check_closed(engine);
    op_wait(closed, 0, NULL);
    op_drop(closed);
}

static void timer_closed(struct loop_timer *timer)
{
    struct engine *engine = container_of(timer, struct engine, grace);

    turn_admission_clear(&engine->admission);
    turn_admission_clear(&engine->observed);
    map_clear_with(&engine->recovered, mem_free);
    map_clear(&engine->numbered);
    map_clear(&engine->recent);
    turn_spool_clear(&engine->spool);
    map_clear(&engine->gateways);
    turn_settings_clear(&engine->settings);
    turn_limits_clear(&engine->limits);
    map_clear(&engine->told);
    map_clear_with(&engine->bot_turns, mem_free);
    for (size_t i = 0; i < ENGINE_RECENT; i++)
        mem_free(engine->recent_keys[i]);
    mem_free(engine->recent_keys);
    chan_unref(engine->intake);
    plugin_set_unpin(engine->set);
    mem_free(engine);
}

static void due_closed(struct loop_timer *timer)
{
    loop_timer_close(&container_of(timer, struct engine, due)->grace, timer_closed);
}

static void overdue_closed(struct loop_timer *timer)
{
    loop_timer_close(&container_of(timer, struct engine, seen.overdue)->due, due_closed);
}

static void erase_closed(struct loop_timer *timer)
{
    turn_seen_clear(container_of(timer, struct engine, erase.timer), overdue_closed);
}

void turn_engine_free(struct engine *engine)
{
    if (engine)
        loop_timer_close(&engine->erase.timer, erase_closed);
}

void turn_engine_publish(struct engine *engine, struct plugin_set *set)
{
    struct plugin_set *old = engine->set;

    engine->set = set;
    for (size_t i = 0; i < set->agent_count; i++)
        set->agents[i]->disabled = false; /* by the operator's own word */
    configure(engine);
    turn_settings_check(engine);
    turn_erase_wake(engine); /* an agent may have said now what it keeps */
    plugin_set_unpin(old);
    turn_engine_pump(engine);
}

struct plugin_set *turn_engine_set(struct engine *engine)
{
    return engine->set;
}

void turn_engine_set_sched(struct engine *engine, struct sched *sched)
{
    engine->sched = sched;
}

struct sched *turn_engine_sched(const struct engine *engine)
{
    return engine->sched;
}

size_t turn_engine_stop_channel(struct engine *engine, const char *channel)
{
    return turn_engine_stop_member(engine, channel, NULL);
}

static bool is_of(const struct turn *turn, const char *member)
{
    return !member || (turn->event->member && !strcmp(turn->event->member, member));
}

size_t turn_engine_stop_member(struct engine *engine, const char *channel, const char *member)
{
    size_t count = 0;

    list_for_each (link, &engine->turns) {
        struct turn *turn = container_of(link, struct turn, link);

        if (turn->phase == TURN_ENDED || !turn->id || !channel || !turn->event->channel ||
            (strcmp(turn->event->channel, channel) &&
             (!turn->event->parent || strcmp(turn->event->parent, channel))) ||
            turn->state || is_observed(turn) || !is_of(turn, member))
            continue;
        turn_stop(turn);
        count++;
    }
    if (channel)
        turn_waits_stop(engine, channel, member);
    return count;
}

void turn_engine_drain(struct engine *engine, uint64_t grace_ms, void (*idle)(void *arg), void *arg)
{
    if (engine->stopping)
        return;
    engine->admission.draining = true;
    engine->stopping = idle != NULL;
    engine->idle = idle;
    engine->idle_arg = arg;
    loop_timer_start(&engine->grace, grace_ms, 0);
    turn_engine_check_idle(engine);
}

troupe_status turn_engine_resume(struct engine *engine)
{
    if (engine->stopping)
        return TROUPE_BUSY;
    engine->admission.draining = false;
    loop_timer_stop(&engine->grace);
    return TROUPE_OK;
}

void turn_engine_stats(const struct engine *engine, struct engine_stats *ret)
{
    *ret = engine->stats;
    ret->running = engine->admission.running;
    ret->queued = engine->admission.queued;
    ret->seen_running = engine->seen.count;
    ret->observed_running = engine->observed.running;
    ret->observed_queued = engine->observed.queued + engine->left.count;
    ret->concurrent_max = engine->admission.concurrent;
    ret->generation = engine->set ? (uint32_t)engine->set->number : 0;
    ret->cap_micros = engine->budget.caps[TURN_BUDGET_DAY].bot;
    ret->settings = engine->settings.count;
    ret->settings_ignored = engine->settings.ignored;
    ret->settings_ignored_names = engine->settings.ignored_names;
    ret->draining = engine->admission.draining;
    ret->spooled = engine->spool.keys.count;
    ret->spool_lost = engine->spool.lost;
}
