/* SPDX-License-Identifier: Apache-2.0
 *
 * What is under way in an isolated agent's process: entering it, doing what it asks for, and what
 * becomes of it when the process dies or does not come back.
 */
#include "plugin/isolate.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "loop/op.h"
#include "plugin/set.h"
#include "plugin/trial_wire.h"

#include <stdio.h>
#include <string.h>

#define VERDICT_MAX TROUPE_DROP /* the largest status that is told upwards */
#define FAILURE_MIN (-1000)

/* ---- calls ----------------------------------------------------------------------------------- */

static struct isolate_call *call_new(struct plugin_isolate *isolate, troupe_turn *turn,
                                     uint32_t what)
{
    struct isolate_call *call = mem_zero(1, sizeof(*call));

    call->isolate = isolate;
    call->life = isolate->life;
    call->turn = turn;
    call->what = what;
    /* Unsigned numbers come round after four thousand million calls; 0 is nobody. */
    do
        call->id = ++isolate->last_id;
    while (!call->id);
    list_append(&isolate->calls, &call->link);
    isolate->call_count++;
    return call;
}

static void call_free(struct isolate_call *call)
{
    list_remove(&call->link);
    call->isolate->call_count--;
    buf_clear(&call->payload);
    mem_free(call);
}

static struct isolate_call *find(const struct plugin_isolate *isolate, uint32_t id)
{
    list_for_each (link, &isolate->calls) {
        struct isolate_call *call = container_of(link, struct isolate_call, link);

        if (call->id == id && call->life == isolate->life)
            return call;
    }
    return NULL;
}

static void wake(struct isolate_call *call)
{
    if (call->op)
        op_complete(call->op, TROUPE_OK, NULL);
    call->op = NULL;
}

void plugin_isolate_crashed(struct plugin_isolate *isolate)
{
    uint32_t running = plugin_child_running(isolate->child);
    bool known = find(isolate, running) != NULL;
    bool killed = plugin_child_was_killed(isolate->child);

    list_for_each_safe (link, &isolate->calls) {
        struct isolate_call *call = container_of(link, struct isolate_call, link);

        if (call->life != isolate->life)
            continue;
        call->crashed = true;
        /* Where the page does not say who, it may have been any; or none, where none did it. */
        call->blamed = known ? call->id == running : !killed && call->ball == BALL_CHILD;
        if (call->orphan)
            call_free(call);
        else
            wake(call);
    }
}

/* ---- messages -------------------------------------------------------------------------------- */

static void take_log(struct plugin_isolate *isolate, const struct wire_head *head,
                     const struct buf *payload)
{
    uint64_t now = loop_now(isolate->manager->loop);
    size_t len = payload->len < WIRE_LOG_MAX ? payload->len : WIRE_LOG_MAX;
    struct plugin_agent *agent = isolate->agent;

    if (now - isolate->logs_since >= 1000) {
        isolate->logs_since = now;
        isolate->logs = 0;
    }
    if (++isolate->logs > WIRE_LOGS_MAX) {
        plugin_child_kill(isolate->child, "it logged more than %u lines within a second",
                          WIRE_LOGS_MAX);
        return;
    }
    if (!text_is_utf8(buf_text(payload), payload->len) || memchr(buf_text(payload), '\0', len))
        return;
    if (agent)
        agent->host.api->log(&agent->host, head->arg, buf_text(payload), len);
    else
        log_write((enum log_level)(head->arg < LOG_DEBUG ? head->arg : LOG_DEBUG), isolate->owner,
                  "%.*s", (int)len, buf_text(payload));
}

static void take_ready(struct plugin_isolate *isolate, const struct wire_head *head,
                       const struct buf *payload)
{
    if (isolate->state != ISOLATE_STARTING || isolate->err.status < 0 || head->id) {
        plugin_child_kill(isolate->child, "it said twice that it is ready");
        return;
    }
    if (head->status < 0)
        error_set(&isolate->err, head->status < FAILURE_MIN ? TROUPE_FAILED : head->status, "%.*s",
                  (int)text_utf8_cut(buf_text(payload), payload->len, ERROR_TEXT_MAX - 1),
                  buf_text(payload));
    else
        plugin_isolate_change(isolate, ISOLATE_READY);
    plugin_isolate_notify(isolate);
}

/* Whether the call may say this now. */
static bool is_due(const struct isolate_call *call, const struct wire_head *head)
{
    if (call->ball != BALL_CHILD || call->arrived)
        return false;
    switch (head->kind) {
    case WIRE_CALL:
        return !call->computing && head->sequence == call->sequence + 1 && head->arg &&
               head->arg < WIRE_DO_COUNT;
    case WIRE_COMPUTED: return call->computing && head->sequence == call->sequence;
    case WIRE_RETURN: return !call->computing;
    default: return false;
    }
}

/* Of somebody who was given up: told that it is over until it returns. */
static void answer_orphan(struct isolate_call *call, const struct wire_head *head)
{
    const struct wire_head over = {
        .kind = WIRE_REPLY, .id = call->id, .sequence = head->sequence, .status = TROUPE_CANCELED};

    if (head->kind == WIRE_RETURN) {
        call_free(call);
        return;
    }
    call->sequence = head->sequence;
    call->computing = false;
    if (++call->late_calls > ISOLATE_LATE_CALLS)
        plugin_child_kill(call->isolate->child, "it goes on calling after it was ended");
    else
        plugin_child_send(call->isolate->child, &over, NULL, 0);
}

void plugin_isolate_message(struct plugin_child *child, const struct wire_head *head,
                            struct buf *payload)
{
    struct plugin_isolate *isolate = child->owner;
    struct isolate_call *call;

    if (head->kind == WIRE_LOG) {
        take_log(isolate, head, payload);
        return;
    }
    if (head->kind == WIRE_READY) {
        take_ready(isolate, head, payload);
        return;
    }
    call = find(isolate, head->id);
    if (!call && isolate->state == ISOLATE_CLOSING) /* the return of destroy */
        return;
    if (!call || !is_due(call, head)) {
        plugin_child_kill(child, "it sent a message (%u) for number %u that nobody waits for",
                          head->kind, head->id);
        return;
    }
    if (call->orphan) {
        answer_orphan(call, head);
        return;
    }
    call->head = *head;
    call->sequence = head->kind == WIRE_RETURN ? call->sequence : head->sequence;
    buf_clear(&call->payload);
    call->payload = *payload;
    memset(payload, 0, sizeof(*payload));
    call->arrived = true;
    call->ball = BALL_HOST;
    wake(call);
}

/* ---- staying --------------------------------------------------------------------------------- */

/* Until the child has said something, or died. [waits] */
static troupe_status wait_once(struct isolate_call *call)
{
    troupe_status status = TROUPE_OK;

    while (!call->arrived && !call->crashed && status == TROUPE_OK) {
        struct op *op = call->op = op_new(call->isolate->manager->loop, NULL);

        status = op_wait(op, 0, NULL);
        if (call->op)
            op_complete(op, TROUPE_OK, NULL);
        call->op = NULL;
        op_drop(op);
    }
    return call->arrived || call->crashed ? TROUPE_OK : status;
}

/* The same, and a moment longer where the caller's time is over: who is in the middle of something
 * hears of it by its next call. [waits] */
static troupe_status wait_message(struct isolate_call *call)
{
    troupe_status status = co_status(), late;

    if (status == TROUPE_OK)
        status = wait_once(call);
    if (status == TROUPE_OK)
        return status;
    co_shield(status == TROUPE_DEADLINE ? ISOLATE_GRACE_MS : ISOLATE_STOP_MS);
    late = wait_once(call);
    co_unshield();
    return late == TROUPE_OK ? late : status;
}

/* It did not come back in time. Where it has the processor its process ends; where another one has it,
 * that one's own time will end. */
static void give_up(struct isolate_call *call)
{
    struct plugin_isolate *isolate = call->isolate;
    uint32_t running = plugin_child_running(isolate->child);

    call->orphan = true;
    call->turn = NULL;
    if (running != call->id && find(isolate, running))
        return;
    plugin_child_kill(isolate->child, "it did not return in time");
}

static void reply(struct isolate_call *call, troupe_status status, const struct buf *out)
{
    const struct wire_head head = {
        .kind = WIRE_REPLY, .id = call->id, .sequence = call->sequence, .status = status};

    call->ball = BALL_CHILD;
    plugin_child_send(call->isolate->child, &head, buf_text(out), out->len);
}

/* Does what it asked for. False: its process is to end. [waits] */
static bool serve(struct isolate_call *call)
{
    struct plugin_isolate *isolate = call->isolate;
    struct wire_in in = {buf_text(&call->payload), call->payload.len, false};
    _cleanup_buf_ struct buf out = BUF_INIT;
    uint32_t what = call->head.arg;
    troupe_status status;

    call->arrived = false;
    status = call->turn ? plugin_serve(call, what, &in, &out) : TROUPE_UNSUPPORTED;
    if (call->crashed)
        return true;
    if (status == ISOLATE_BROKEN) {
        plugin_child_kill(isolate->child, "it sent a call (%u) that cannot be read", what);
        return false;
    }
    if (out.len > WIRE_PAYLOAD_MAX) {
        buf_reset(&out);
        status = TROUPE_LIMIT;
    }
    if (co_status() < 0 && ++call->late_calls > ISOLATE_LATE_CALLS) {
        plugin_child_kill(isolate->child, "it goes on calling after it was ended");
        return false;
    }
    reply(call, status, &out);
    return true;
}

troupe_status plugin_isolate_compute(struct isolate_call *call, void *out, uint64_t out_len)
{
    const struct wire_head head = {
        .kind = WIRE_COMPUTE, .id = call->id, .sequence = call->sequence};
    struct wire_in in;
    troupe_status status;
    troupe_str made;

    call->computing = true;
    call->ball = BALL_CHILD;
    plugin_child_send(call->isolate->child, &head, NULL, 0);
    status = wait_message(call);
    if (status < 0) {
        give_up(call);
        return status;
    }
    if (call->crashed || call->head.kind != WIRE_COMPUTED)
        return TROUPE_CRASHED;
    call->computing = call->arrived = false;
    in = (struct wire_in){buf_text(&call->payload), call->payload.len, false};
    made = wire_take_str(&in);
    if (call->head.status >= 0 && made.ptr && made.len == out_len && out_len)
        memcpy(out, made.ptr, (size_t)out_len);
    return call->head.status < FAILURE_MIN ? TROUPE_FAILED : call->head.status;
}

/* From entering it to its return. [waits] */
static troupe_status stay(struct isolate_call *call, const struct buf *payload, struct buf *out)
{
    const struct wire_head head = {.kind = WIRE_ENTER, .id = call->id, .arg = call->what};
    troupe_status status;

    plugin_child_send(call->isolate->child, &head, payload ? buf_text(payload) : NULL,
                      payload ? payload->len : 0);
    for (;;) {
        status = wait_message(call);
        if (status < 0) {
            give_up(call);
            return status;
        }
        if (!call->arrived)
            return TROUPE_CRASHED;
        if (call->head.kind == WIRE_RETURN) {
            if (out) {
                *out = call->payload;
                memset(&call->payload, 0, sizeof(call->payload));
            }
            call->crashed = false; /* it died after this was done */
            status = call->head.status;
            return status > VERDICT_MAX ? TROUPE_OK : status < FAILURE_MIN ? TROUPE_FAILED : status;
        }
        if (!call->crashed)
            (void)serve(call);
        if (call->orphan)
            return co_status() < 0 ? co_status() : TROUPE_CANCELED;
        if (call->crashed)
            return TROUPE_CRASHED;
    }
}

/* ---- entering -------------------------------------------------------------------------------- */

/* A failure with its sentence. */
static troupe_status fail(troupe_turn *turn, troupe_status status, const char *code,
                          const char *sentence)
{
    return turn ? (turn->api->fail)(turn, status, code, sentence, strlen(sentence)) : status;
}

/* Until there is a process that is ready. [waits] */
static troupe_status get_ready(struct plugin_isolate *isolate, troupe_turn *turn)
{
    char text[160];
    troupe_status status = TROUPE_OK;

    for (;;) {
        if (isolate->state == ISOLATE_STARTING || isolate->state == ISOLATE_WAITING)
            status = plugin_isolate_wait(isolate, isolate->state, 0);
        else if (isolate->state == ISOLATE_READY && isolate->child->silenced)
            status = plugin_isolate_wait(isolate, ISOLATE_READY, 0); /* it is ending just now */
        else
            break;
        if (status < 0)
            return status;
    }
    if (isolate->state == ISOLATE_READY) {
        if (isolate->call_count < ISOLATE_CALLS_MAX)
            return TROUPE_OK;
        snprintf(text, sizeof(text), "\"%s\" has %d things to do already; try again in a moment",
                 isolate->name, ISOLATE_CALLS_MAX);
        return fail(turn, TROUPE_BUSY, "agent.busy", text);
    }
    snprintf(text, sizeof(text),
             "\"%s\" is switched off since its process crashed too often; the admin can reload",
             isolate->name);
    return fail(turn, TROUPE_UNAVAILABLE, "agent.disabled", text);
}

static bool was_blamed(const struct plugin_isolate *isolate, uint64_t id)
{
    for (size_t i = 0; id && i < sizeof(isolate->blamed) / sizeof(isolate->blamed[0]); i++)
        if (isolate->blamed[i] == id)
            return true;
    return false;
}

/* TROUPE_OK: it may be entered again. */
static troupe_status after_crash(struct plugin_isolate *isolate, troupe_turn *turn, bool blamed,
                                 bool effects, unsigned tries)
{
    const struct plugin_elsewhere *elsewhere = isolate->manager->registry.elsewhere;
    uint64_t id = turn->api->id(turn);
    bool last = id ? blamed && was_blamed(isolate, id) : tries > 0;
    char text[200];
    troupe_status status;

    if (blamed && id && !last)
        isolate->blamed[isolate->blamed_next++ % 64] = id;
    status = last || !elsewhere ? TROUPE_CRASHED : elsewhere->again(turn, blamed);
    if (last && elsewhere)
        elsewhere->twice(turn);
    if (status == TROUPE_PARKED || (status == TROUPE_OK && !effects))
        return status;
    snprintf(text, sizeof(text),
             last ? "\"%s\" crashed on this twice, so I stopped"
                  : "\"%s\" crashed in the middle of this",
             isolate->name);
    return fail(turn, TROUPE_CRASHED, "agent.crashed", text);
}

troupe_status plugin_isolate_enter(struct plugin_isolate *isolate, troupe_turn *turn, uint32_t what,
                                   const struct buf *payload, struct buf *out)
{
    for (unsigned tries = 0;; tries++) {
        troupe_status status = get_ready(isolate, turn);
        struct isolate_call *call;
        bool crashed, blamed, effects;

        if (status < 0)
            return status;
        call = call_new(isolate, turn, what);
        status = stay(call, payload, out);
        crashed = call->crashed;
        blamed = call->blamed;
        effects = call->effects;
        if (!call->orphan) /* else its return, or the end of its process, frees it */
            call_free(call);
        if (!crashed || status != TROUPE_CRASHED || co_status() < 0 || !turn)
            return co_status() < 0 && crashed ? co_status() : status;
        status = after_crash(isolate, turn, blamed, effects, tries);
        if (status != TROUPE_OK)
            return status;
    }
}

troupe_status plugin_isolate_enter_task(struct plugin_isolate *isolate, uint64_t life,
                                        troupe_turn *turn, const struct buf *payload)
{
    struct isolate_call *call;
    troupe_status status;

    if (isolate->life != life || isolate->state != ISOLATE_READY || !isolate->child)
        return TROUPE_CRASHED;
    if (isolate->call_count >= ISOLATE_CALLS_MAX)
        return TROUPE_BUSY;
    call = call_new(isolate, turn, WIRE_ENTER_TASK);
    status = stay(call, payload, NULL);
    if (!call->orphan)
        call_free(call);
    return status;
}

/* ---- members of the manifest ----------------------------------------------------------------- */

static struct plugin_isolate *isolate_of(troupe_turn *turn)
{
    return plugin_agent_of(turn->api->host(turn))->isolate;
}

troupe_status plugin_isolate_stage(troupe_turn *turn)
{
    return plugin_isolate_enter(isolate_of(turn), turn, WIRE_ENTER_STAGE, NULL, NULL);
}

troupe_status plugin_isolate_observe(troupe_turn *turn)
{
    return plugin_isolate_enter(isolate_of(turn), turn, WIRE_ENTER_OBSERVER, NULL, NULL);
}

troupe_status plugin_isolate_job(troupe_turn *turn, troupe_str payload)
{
    _cleanup_buf_ struct buf args = BUF_INIT;

    wire_put_bytes(&args, payload.ptr, payload.len);
    return plugin_isolate_enter(isolate_of(turn), turn, WIRE_ENTER_JOB, &args, NULL);
}

troupe_status plugin_isolate_function(const struct plugin_function *function, troupe_turn *turn,
                                      const troupe_value *values)
{
    struct plugin_isolate *isolate = isolate_of(turn);
    _cleanup_buf_ struct buf args = BUF_INIT;

    wire_put_int(&args, function - isolate->agent->manifest->functions);
    for (size_t i = 0; i < function->param_count; i++)
        wire_put_value(&args, &values[i]);
    return plugin_isolate_enter(isolate, turn, WIRE_ENTER_FUNCTION, &args, NULL);
}
