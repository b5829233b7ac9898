/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/call.h"

#include "base/log.h"
#include "base/mem.h"
#include "loop/chan.h"
#include "plugin/set.h"
#include "turn/audit.h"
#include "turn/confirm.h"
#include "turn/engine_private.h"
#include "turn/enter.h"
#include "turn/files.h"
#include "turn/first_text.h"
#include "turn/rights.h"

#include <stdio.h>
#include <string.h>

void turn_result_clear(struct turn_result *result)
{
    buf_clear(&result->text);
    buf_clear(&result->json);
    result->code[0] = result->sentence[0] = '\0';
}

/* One call of a function, on a coroutine of its own, so that its time is bounded by a scope. */
struct call {
    struct turn_frame frame;
    const troupe_value *values;
    bool entered, confirmed;
    struct error err;
};

static troupe_status call_main(void *arg)
{
    struct call *call = arg;
    struct turn_frame *frame = &call->frame;
    struct plugin_agent *agent = frame->agent;
    troupe_status status;
    bool asked;

    co_set_local(frame);
    agent->running++;
    status = turn_confirm(frame, call->values, &asked);
    agent->running--;
    call->confirmed = asked && status == TROUPE_OK;
    if (status == TROUPE_OK)
        status = turn_frame_enter(frame);
    if (status == TROUPE_OK) {
        agent = frame->agent;
        agent->running++;
        status = plugin_agent_invoke(agent, frame->function, &frame->pub, call->values,
                                     &call->entered, &call->err);
        agent->running--;
        turn_frame_left(frame);
    }
    turn_frame_clear_resources(frame);
    return status;
}

static uint64_t call_deadline(const struct turn *turn, const struct turn_frame *frame)
{
    /* The set's section, not the agent's: one that was carried over keeps an older config. */
    const struct config_section *section =
        config_section(turn->set->config, "agent", frame->agent->name);
    const uint64_t configured = section ? (uint64_t)config_ms(section, "timeout") : 0;
    uint64_t ms = frame->function->timeout_ms, own;

    if (configured && (!ms || configured < ms))
        ms = configured;
    if (!ms)
        return turn->deadline;
    own = co_after(ms);
    return turn->deadline && turn->deadline < own ? turn->deadline : own;
}

/* Who is to blame and in which words, for the caller and the trace. */
static void explain(const struct call *call, troupe_status status, struct turn_result *ret)
{
    const struct turn_frame *frame = &call->frame;

    if (!call->entered && call->err.status < 0) {
        snprintf(ret->code, sizeof(ret->code), "call.argument");
        snprintf(ret->sentence, sizeof(ret->sentence), "%s", call->err.text);
    } else if (!turn_frame_explain(frame, status, ret->code, ret->sentence)) {
        snprintf(ret->code, sizeof(ret->code), "call.%s", status_name(status));
        snprintf(ret->sentence, sizeof(ret->sentence), "\"%s\" did not work (%s)",
                 frame->function->name, status_name(status));
    }
}

/* Without its arguments, which may hold what is nobody's business. What was put aside or left to the next
 * process is noted by the run that ends it. */
static void note_confirmed(const struct call *call, const char *outcome)
{
    const struct turn *turn = call->frame.turn;
    _cleanup_mem_ char *which = NULL;

    if (!call->confirmed || turn->parked || turn->left)
        return;
    which = mem_printf("%s.%s", call->frame.agent->name, call->frame.function->name);
    turn_audit_note(turn, "confirmed", which, NULL, outcome);
}

char *turn_call_path(const struct turn_frame *caller, unsigned ordinal)
{
    return mem_printf("%s/%u", caller->path, ordinal);
}

troupe_status turn_call(struct turn *turn, const struct turn_site *site, struct plugin_agent *agent,
                        const struct plugin_function *function, const troupe_value *values,
                        struct turn_result *ret)
{
    struct call *call = mem_zero(1, sizeof(*call));
    struct co_owner owner = {agent->owner, (uint64_t)turn->id};
    struct scope scope;
    troupe_status status, joined;
    bool held;

    turn_frame_init(&call->frame, turn, agent, site->caller, site->path);
    call->frame.function = function;
    call->frame.chunks = site->chunks;
    call->frame.reading = site->reading;
    call->frame.confirm = site->confirm;
    call->values = values;
    if (!turn_agent_serves(agent, &call->err)) {
        snprintf(ret->code, sizeof(ret->code), "agent.disabled");
        snprintf(ret->sentence, sizeof(ret->sentence), "%s", call->err.text);
        status = TROUPE_UNAVAILABLE;
        goto out;
    }
    if (call->frame.depth > TURN_DEPTH_MAX) {
        snprintf(ret->code, sizeof(ret->code), "call.depth");
        snprintf(ret->sentence, sizeof(ret->sentence),
                 "functions call each other more than %d deep", TURN_DEPTH_MAX);
        status = TROUPE_LIMIT;
        goto out;
    }
    if (turn->calls >= TURN_CALLS_MAX) {
        snprintf(ret->code, sizeof(ret->code), "call.limit");
        snprintf(ret->sentence, sizeof(ret->sentence),
                 "more than %d functions of one turn run at a time", TURN_CALLS_MAX);
        status = TROUPE_LIMIT;
        goto out;
    }
    if (plugin_function_takes_files(function) &&
        (status = turn_files_check(turn, function, values, &call->err)) < 0) {
        snprintf(ret->code, sizeof(ret->code), "call.file");
        snprintf(ret->sentence, sizeof(ret->sentence), "%s", call->err.text);
        goto out;
    }
    turn->calls++;
    held = turn_first_text_hold(turn, function);
    scope_open(&scope, call_deadline(turn, &call->frame));
    /* For turn_active, the callee works in the caller's stead. */
    status = co_spawn_wait(&scope, &owner, call_main, call, turn->deadline);
    joined = scope_close(&scope);
    turn_first_text_go_on(turn, held);
    turn->calls--;
    if (status == TROUPE_OK)
        status = joined;
    call->frame.verdict = status;
    if (status < 0)
        explain(call, status, ret);
    note_confirmed(call, status < 0 ? ret->code : "done");
    ret->text = call->frame.text;
    ret->json = call->frame.json;
    memset(&call->frame.text, 0, sizeof(call->frame.text));
    memset(&call->frame.json, 0, sizeof(call->frame.json));
out:
    turn_frame_clear(&call->frame);
    mem_free(call);
    return status;
}

/* One provider with arguments that are still JSON. */
static troupe_status call_target(struct turn *turn, const struct turn_site *site,
                                 const struct plugin_target *target, const char *json, size_t len,
                                 struct turn_result *ret)
{
    _cleanup_plugin_args_ struct plugin_args args = {0};
    struct error err;
    troupe_status status = plugin_args_from_json_text(target->function, json, len, &args, &err);

    if (status == TROUPE_OK && !turn_may_call(turn, target->function, &err))
        status = TROUPE_DENIED;
    if (status < 0) {
        snprintf(ret->code, sizeof(ret->code), "call.%s", status_name(status));
        snprintf(ret->sentence, sizeof(ret->sentence), "%s", err.text);
        return status;
    }
    return turn_call(turn, site, target->agent, target->function, args.values, ret);
}

troupe_status turn_call_named(struct turn *turn, const struct turn_site *site, const char *name,
                              const char *json, size_t len, struct turn_result *ret)
{
    const struct turn_frame *caller = site->caller;
    const struct plugin_service *service = plugin_set_service(turn->set, name);
    const struct plugin_target *target;
    struct error err;
    troupe_status status;

    if (!service && caller) {
        /* An agent means its own function, whoever else has one of that name. */
        const struct plugin_target own = {
            .agent = caller->agent,
            .function = plugin_manifest_function(caller->agent->manifest, name)};

        if (own.function)
            return call_target(turn, site, &own, json, len, ret);
    }
    if (!service) {
        status = plugin_set_find(turn->set, name, &target, &err);
        if (status < 0) {
            snprintf(ret->code, sizeof(ret->code), "call.%s", status_name(status));
            snprintf(ret->sentence, sizeof(ret->sentence), "%s", err.text);
            return status;
        }
        return call_target(turn, site, target, json, len, ret);
    }
    for (size_t i = 0;; i++) {
        _cleanup_mem_ char *path = i ? mem_printf("%s~%zu", site->path, i) : mem_strdup(site->path);
        struct turn_site own = *site;

        own.path = path;
        turn_result_clear(ret);
        status = call_target(turn, &own, service->providers[i], json, len, ret);
        if (status != TROUPE_UNAVAILABLE || ret->text.len || i + 1 == service->count)
            return status;
        turn_trace_add(&turn->trace, name, "fallback", "agent \"%s\": %s",
                       service->providers[i]->agent->name, ret->sentence);
    }
}
