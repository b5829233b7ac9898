/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands that members type: `/name arguments` reaches a declared function, before any pipeline;
 * first the core's own, which run at once, also while everything else waits.
 */
#include "turn/command.h"

#include "base/mem.h"
#include "base/text.h"
#include "turn/call.h"
#include "turn/core_commands.h"
#include "turn/engine_private.h"
#include "turn/files.h"
#include "turn/rights.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Name and the rest of a command line. */
struct line {
    char name[72];
    const char *rest;
    size_t rest_len;
};

const char *turn_command_prefix(const struct plugin_set *set, const struct event *event)
{
    const char *section = text_starts(event->source, "discord:") ? "discord" : "console";
    const char *prefix = config_str(config_section(set->config, section, NULL), "prefix");

    return prefix && *prefix ? prefix : "/";
}

static bool split(const struct plugin_set *set, const struct event *event, struct line *ret)
{
    const char *prefix = turn_command_prefix(set, event), *p = event->content;
    size_t skip = strlen(prefix), len = event->content_len, n = 0;

    while (len && isspace((unsigned char)*p)) {
        p++;
        len--;
    }
    if (len <= skip || strncmp(p, prefix, skip) || !isalpha((unsigned char)p[skip]))
        return false;
    p += skip;
    len -= skip;
    while (n < len && !isspace((unsigned char)p[n]))
        n++;
    if (n >= sizeof(ret->name))
        return false;
    memcpy(ret->name, p, n);
    ret->name[n] = '\0';
    while (n < len && isspace((unsigned char)p[n]))
        n++;
    ret->rest = p + n;
    ret->rest_len = len - n;
    return true;
}

void turn_command_reply(struct turn *turn, const struct buf *text)
{
    size_t len = text_utf8_cut(buf_text(text), text->len, TURN_ANSWER_MAX);
    _cleanup_mem_ char *copy = mem_strndup(buf_text(text), len);

    turn_text_tidy(copy); /* error texts quote what members typed, cut to a length */
    turn_answer_reply(turn, copy, strlen(copy));
}

bool turn_is_builtin(const struct plugin_set *set, const struct event *event)
{
    const struct turn_core_command *own = NULL;
    struct line line;

    if (event->flags & EVENT_BOT)
        return false; /* the loop guard has a say first */
    if (event->command)
        own = turn_core_find(event->command);
    else if (split(set, event, &line))
        own = turn_core_find(line.name);
    return own && !own->waits;
}

bool turn_command_name(const struct plugin_set *set, const struct event *event,
                       char ret[PLUGIN_TOOL_NAME + 1])
{
    const char *name = event->command;
    struct line line;

    if (!name && split(set, event, &line))
        name = line.name;
    if (!name || strlen(name) > PLUGIN_TOOL_NAME)
        return false;
    memcpy(ret, name, strlen(name) + 1);
    return true;
}

bool turn_is_command(const struct plugin_set *set, const struct event *event)
{
    struct line line;

    return event->command || split(set, event, &line);
}

/* ---- declared functions --------------------------------------------------------------------- */

static void unknown(struct turn *turn, const char *name, const struct error *err)
{
    _cleanup_buf_ struct buf out = BUF_INIT;
    const char *prefix = turn_command_prefix(turn->set, turn->event), *names[256], *near;
    size_t count = 0, own;
    const struct turn_core_command *commands = turn_core_commands(&own);

    for (size_t i = 0; i < own; i++)
        names[count++] = commands[i].function.name;
    for (size_t i = 0; i < turn->set->target_count && count < 256; i++)
        if (turn->set->targets[i].function->flags & TROUPE_SLASH)
            names[count++] = turn->set->targets[i].function->name;
    near = text_nearest(name, names, count);
    if (err->status == TROUPE_CONFLICT)
        buf_puts(&out, err->text);
    else
        buf_printf(&out, "there is no command %s%s; %s%s%s%s", prefix, name,
                   near ? "did you mean " : "", prefix, near ? near : "help",
                   near ? "?" : " lists what there is");
    turn_trace_add(&turn->trace, "command", "unknown", "/%s", name);
    turn->answer.private = turn->event->command != NULL;
    turn_command_reply(turn, &out);
}

/* A command that was found: the core's own, else an agent's. */
struct found {
    const struct turn_core_command *own;
    const struct plugin_target *target;
    const struct plugin_function *function;
};

static bool find(struct turn *turn, const char *name, struct found *ret)
{
    struct error err = {0};

    ret->own = turn_core_find(name);
    if (ret->own) {
        ret->function = &ret->own->function;
        return true;
    }
    /* A platform offers what is only in menus nowhere else. */
    if (plugin_set_find(turn->set, name, &ret->target, &err) < 0 ||
        !(ret->target->function->flags &
          (turn->event->command ? PLUGIN_FOR_MEMBERS : TROUPE_SLASH))) {
        unknown(turn, name, &err);
        return false;
    }
    ret->function = ret->target->function;
    return true;
}

static void call(struct turn *turn, const struct plugin_target *target, const char *where,
                 const troupe_value *values)
{
    static const struct turn_site site = {.path = "0"};
    struct turn_result result = {0};
    troupe_status status;

    turn->agent = target->agent;
    turn->active++;
    status = turn_call(turn, &site, target->agent, target->function, values, &result);
    turn->active--;
    if (turn->parked) { /* the run after the answer tells what became of it */
        turn_result_clear(&result);
        return;
    }
    turn_trace_add(&turn->trace, where, status < 0 ? result.code : status_name(status),
                   status < 0 ? "%s" : NULL, result.sentence);
    if (status < 0)
        turn_fail(turn, status, result.code, result.sentence);
    else if (result.text.len)
        turn_command_reply(turn, &result.text);
    else if (result.json.len)
        turn_command_reply(turn, &result.json);
    else
        turn_conclude(turn, "done", "command", "done");
    turn_result_clear(&result);
}

/* `status` and `err` tell what became of the arguments. */
static void run(struct turn *turn, const struct found *found, const struct plugin_args *args,
                troupe_status status, struct error *err)
{
    char where[96];

    snprintf(where, sizeof(where), "command %s", found->function->name);
    if (status == TROUPE_OK && !turn_may_call(turn, found->function, err))
        status = TROUPE_DENIED;
    if (status == TROUPE_OK && plugin_function_takes_files(found->function) &&
        !turn_files_give(turn))
        return;
    if (status < 0) {
        _cleanup_buf_ struct buf out = BUF_INIT;

        turn_trace_add(&turn->trace, where, status_name(status), "%s", err->text);
        buf_puts(&out, err->text);
        turn->answer.private = turn->event->command != NULL;
        turn_command_reply(turn, &out);
        return;
    }
    /* What the core tells to a typed line stands in the channel, where the line stands. */
    turn->answer.private = (found->function->flags & TROUPE_PRIVATE) &&
                           !(turn->event->flags & EVENT_DIRECT) &&
                           (!found->own || turn->event->token);
    if (found->own)
        (void)found->own->run(turn, args->values); /* it has answered */
    else
        call(turn, found->target, where, args->values);
}

void turn_command_named(struct turn *turn, const char *name, const char *json, size_t len)
{
    _cleanup_plugin_args_ struct plugin_args args = {0};
    struct found found;
    struct error err;

    if (find(turn, name, &found))
        run(turn, &found, &args, plugin_args_from_json_text(found.function, json, len, &args, &err),
            &err);
}

void turn_command(struct turn *turn)
{
    _cleanup_plugin_args_ struct plugin_args args = {0};
    struct found found;
    struct error err;
    struct line line;

    if (turn->event->command) {
        turn_command_named(turn, turn->event->command, turn->event->content,
                           turn->event->content_len);
        return;
    }
    if (split(turn->set, turn->event, &line) && find(turn, line.name, &found))
        run(turn, &found, &args,
            plugin_args_from_text(found.function, line.rest, line.rest_len, &args, &err), &err);
}
