/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/core_commands.h"

#include "base/mem.h"
#include "base/text.h"
#include "turn/audit.h"
#include "turn/budget_stop.h"
#include "turn/command.h"
#include "turn/engine_private.h"
#include "turn/guard.h"
#include "turn/rights.h"
#include "turn/why.h"

#include <stdio.h>
#include <string.h>

#define PAUSE_MINUTES_MAX (7 * 24 * 60)
#define NAME_MAX_BYTES    72 /* of a command, or of a message's id */

int64_t turn_core_int(const troupe_value *value, int64_t otherwise)
{
    return value->type == TROUPE_TYPE_NULL ? otherwise : value->u.i;
}

/* Arguments own their texts with a NUL behind them. */
const char *turn_core_text(const troupe_value *value, const char *otherwise)
{
    return value->type == TROUPE_TYPE_NULL || !value->u.s.len ? otherwise : value->u.s.ptr;
}

/* ---- /help ---------------------------------------------------------------------------------- */

static void add_function(struct turn *turn, enum turn_rights rights,
                         const struct plugin_function *function, struct buf *out)
{
    /* A usage begins with "/", whatever members type here. */
    buf_printf(out, "%s%s — %s%s\n", turn_command_prefix(turn->set, turn->event),
               function->usage + 1, function->doc,
               turn_rights_needed(function) <= rights ? "" : " (not for you)");
}

/* Menus are the platform's; the console has none. */
static void add_menus(const struct turn *turn, enum turn_rights rights,
                      const struct plugin_function *function, struct buf *out)
{
    static const struct {
        uint32_t flag;
        const char *on;
    } menus[] = {{TROUPE_MENU_MEMBER, "a member"}, {TROUPE_MENU_MESSAGE, "a message"}};

    if (!text_starts(turn->event->source, "discord:"))
        return;
    for (size_t i = 0; i < sizeof(menus) / sizeof(menus[0]); i++)
        if (function->flags & menus[i].flag)
            buf_printf(out, "on %s, Apps > %s — %s%s\n", menus[i].on, function->menu, function->doc,
                       turn_rights_needed(function) <= rights ? "" : " (not for you)");
}

static troupe_status help_with(struct turn *turn, const char *name, struct buf *out)
{
    const struct turn_core_command *own = turn_core_find(name);
    const struct plugin_target *target;
    troupe_status status = TROUPE_OK;
    struct error err;

    if (own) {
        plugin_function_help(&own->function, out);
        return TROUPE_OK;
    }
    status = plugin_set_find(turn->set, name, &target, &err);
    if (status < 0)
        buf_puts(out, err.text);
    else
        plugin_function_help(target->function, out);
    return status;
}

static troupe_status help(struct turn *turn, const troupe_value *values)
{
    _cleanup_buf_ struct buf out = BUF_INIT;
    const char *name = turn_core_text(&values[0], NULL);
    const struct plugin_set *set = turn->set;
    const struct turn_core_command *own;
    enum turn_rights rights;
    size_t count;

    if (name) {
        troupe_status status = help_with(turn, text_starts(name, "/") ? name + 1 : name, &out);

        turn_command_reply(turn, &out);
        return status;
    }
    rights = turn_rights(turn, NULL); /* once: the platform is asked each time */
    buf_printf(&out, "I am %s. Write to me and I answer, or use a command:\n",
               config_str(config_section(set->config, "troupe", NULL), "name"));
    for (size_t i = 0; i < set->target_count; i++)
        if (set->targets[i].function->flags & TROUPE_SLASH)
            add_function(turn, rights, set->targets[i].function, &out);
    for (size_t i = 0; i < set->target_count; i++)
        add_menus(turn, rights, set->targets[i].function, &out);
    own = turn_core_commands(&count);
    for (size_t i = 0; i < count; i++)
        add_function(turn, rights, &own[i].function, &out);
    out.len -= out.len && buf_text(&out)[out.len - 1] == '\n';
    turn_command_reply(turn, &out);
    return TROUPE_OK;
}

/* ---- /status, /why, /stop ------------------------------------------------------------------- */

static troupe_status status(struct turn *turn, const troupe_value *values)
{
    _cleanup_buf_ struct buf out = BUF_INIT;
    struct engine *engine = turn->engine;
    struct turn_budget_sum sum = {0, 0, 0};
    char cap[TURN_BUDGET_USD_SIZE];
    struct engine_stats stats;
    struct error err;

    (void)values;
    turn_engine_stats(engine, &stats);
    buf_printf(&out, "%zu of %zu turns run, %zu wait; %llu answered, %llu refused, %llu failed\n",
               stats.running, stats.concurrent_max, stats.queued,
               (unsigned long long)stats.answered, (unsigned long long)stats.refused,
               (unsigned long long)stats.failed);
    if (turn_budget_span_sum(engine->store, TURN_BUDGET_DAY, TURN_BUDGET_BOT, ENGINE_BUDGET_BOT,
                             turn_engine_soon(engine), &sum, &err) < 0)
        buf_puts(&out, "storage: does not answer\n");
    else
        buf_printf(&out, "spent today: %.4f of %s USD%s\n", (double)sum.settled / 1e6,
                   turn_budget_usd(engine->budget.caps[TURN_BUDGET_DAY].bot, cap),
                   sum.unknown ? " (part of it estimated)" : "");
    buf_printf(&out, "agents (generation %u):", stats.generation);
    for (size_t i = 0; i < turn->set->agent_count; i++)
        buf_printf(&out, " %s %s", turn->set->agents[i]->name,
                   turn->set->agents[i]->manifest->version);
    turn_command_reply(turn, &out);
    return TROUPE_OK;
}

static troupe_status why(struct turn *turn, const troupe_value *values)
{
    _cleanup_mem_ char *text = NULL;
    _cleanup_buf_ struct buf out = BUF_INIT;
    struct error err;
    const char *channel = turn->event->channel ? turn->event->channel : "";
    const char *asker = turn->event->member ? turn->event->member : "";
    const char *id = turn_core_text(&values[0], "last");
    troupe_status found;

    /* Members see what happened in their own channel, and not what others were told alone. */
    if (strcmp(id, "last") && turn->event->flags & EVENT_OWNER)
        channel = asker = NULL;
    found = text_starts(turn->event->source, "discord:")
                ? turn_why_chat(turn->engine, id, channel, asker, &text, &err)
                : turn_why_text(turn->engine, id, channel, asker, &text, &err);
    buf_puts(&out, found < 0 ? err.text : text);
    turn_command_reply(turn, &out);
    return found;
}

static troupe_status stop(struct turn *turn, const troupe_value *values)
{
    _cleanup_buf_ struct buf out = BUF_INIT;
    struct engine *engine = turn->engine;
    const struct event *event = turn->event;
    /* One's own goes at once, whatever the platform takes to tell about rights. */
    size_t count = turn_engine_stop_member(engine, event->channel, event->member), others = 0;
    bool all = event->flags & EVENT_DIRECT || turn_rights(turn, NULL) >= TURN_MODERATOR;

    (void)values;
    turn_guard_stop(engine, event);
    if (all)
        others = turn_engine_stop_channel(engine, event->channel);
    if (others) {
        char text[24];

        snprintf(text, sizeof(text), "%zu", others);
        turn_audit_note(turn, "stop", "turns of others", text, NULL);
    }
    if (count + others)
        buf_printf(&out, "stopped %zu", count + others);
    else
        buf_puts(&out, all ? "nothing is running here" : "nothing of yours is running here");
    turn_command_reply(turn, &out);
    return TROUPE_OK;
}

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* ---- the table ------------------------------------------------------------------------------ */

static const struct plugin_param help_params[] = {
    {.name = "command",
     .doc = "one command to tell more about",
     .type = TROUPE_TYPE_STRING,
     .optional = true,
     .bounded = true,
     .max = NAME_MAX_BYTES},
};

static const struct plugin_param why_params[] = {
    {.name = "number",
     .doc = "a turn's number or a message's id; without it my last answer here",
     .type = TROUPE_TYPE_STRING,
     .optional = true,
     .bounded = true,
     .max = NAME_MAX_BYTES},
};

static const struct plugin_param usage_params[] = {
    {.name = "confirm",
     .doc = "what cost more than it could and is stopped: its price is right now",
     .type = TROUPE_TYPE_STRING,
     .optional = true,
     .bounded = true,
     .max = TURN_BUDGET_WHAT_MAX},
};

static const struct plugin_param pause_params[] = {
    {.name = "minutes",
     .doc = "for how long; without it until /resume, 0 ends it",
     .type = TROUPE_TYPE_INT,
     .optional = true,
     .bounded = true,
     .min = 0,
     .max = PAUSE_MINUTES_MAX},
};

static const troupe_str config_actions[] = {
    {"get", 3}, {"set", 3}, {"unset", 5}, {"list", 4}, {"audit", 5}};
static const troupe_str config_scopes[] = {{"bot", 3}, {"guild", 5}, {"channel", 7}, {"role", 4}};

static const struct plugin_param config_params[] = {
    {.name = "action",
     .doc = "what to do; audit shows who changed what",
     .type = TROUPE_TYPE_STRING,
     .optional = true,
     .choices = config_actions,
     .choice_count = COUNT(config_actions),
     .max = 8},
    {.name = "key",
     .doc = "the setting, like limits.messages; list shows what there is",
     .type = TROUPE_TYPE_STRING,
     .optional = true,
     .bounded = true,
     .max = 100},
    {.name = "value",
     .doc = "what it is to be; quoted where it has blanks",
     .type = TROUPE_TYPE_STRING,
     .optional = true,
     .bounded = true,
     .max = TURN_SETTING_VALUE_MAX},
    {.name = "scope",
     .doc = "where it holds: the whole bot, this server, a channel or a role",
     .type = TROUPE_TYPE_STRING,
     .optional = true,
     .choices = config_scopes,
     .choice_count = COUNT(config_scopes),
     .max = 8},
    {.name = "role",
     .doc = "the role that it holds for",
     .type = TROUPE_TYPE_ROLE,
     .optional = true},
    {.name = "channel",
     .doc = "the channel that it holds in; without it this one",
     .type = TROUPE_TYPE_CHANNEL,
     .optional = true},
};

static const troupe_str privacy_actions[] = {{"about", 5}, {"show", 4}, {"delete", 6}};

static const struct plugin_param privacy_params[] = {
    {.name = "action",
     .doc = "about: what is kept; show: yours; delete: deletes it",
     .type = TROUPE_TYPE_STRING,
     .optional = true,
     .choices = privacy_actions,
     .choice_count = COUNT(privacy_actions),
     .max = 8},
    {.name = "sure", .doc = "yes: you mean it", .type = TROUPE_TYPE_BOOL, .optional = true},
};

static const struct turn_core_command commands[] = {
    {{.name = "help",
      .doc = "What I can do, or more about one command",
      .flags = TROUPE_SLASH | TROUPE_PRIVATE,
      .params = help_params,
      .param_count = COUNT(help_params),
      .usage = "/help [command]"},
     help,
     false,
     true},
    {{.name = "why",
      .doc = "How my last answer, or a turn by its number, came about",
      .flags = TROUPE_SLASH | TROUPE_PRIVATE,
      .params = why_params,
      .param_count = COUNT(why_params),
      .usage = "/why [number]"},
     why,
     false,
     true},
    {{.name = "status",
      .doc = "What runs, what waits, what was spent today",
      .flags = TROUPE_SLASH | TROUPE_PRIVATE,
      .usage = "/status"},
     status,
     false,
     true},
    {{.name = "stop",
      .doc = "Ends what I am doing for you in this channel; for moderators, all of it",
      .flags = TROUPE_SLASH,
      .usage = "/stop"},
     stop,
     false,
     false},
    {{.name = "usage",
      .doc = "What you spent by hour, day and month; for those who manage the server, its sum",
      .flags = TROUPE_SLASH | TROUPE_PRIVATE,
      .params = usage_params,
      .param_count = COUNT(usage_params),
      .usage = "/usage [confirm]"},
     turn_core_usage,
     true,
     true},
    {{.name = "budget",
      .doc = "Every cap on money: what is spent of it, when it starts anew, what is stopped",
      .flags = TROUPE_SLASH | TROUPE_ADMIN | TROUPE_PRIVATE,
      .usage = "/budget"},
     turn_core_budget,
     true,
     true},
    {{.name = "privacy",
      .doc = "What is kept about you: shows it, or deletes it",
      .flags = TROUPE_SLASH | TROUPE_PRIVATE,
      .params = privacy_params,
      .param_count = COUNT(privacy_params),
      .usage = "/privacy [action] [sure]"},
     turn_core_privacy,
     true,
     true},
    {{.name = "config",
      .doc = "Shows and changes settings of this server, a channel or a role",
      .flags = TROUPE_SLASH | TROUPE_ADMIN | TROUPE_PRIVATE,
      .params = config_params,
      .param_count = COUNT(config_params),
      .usage = "/config [action] [key] [value] [scope] [role] [channel]"},
     turn_core_config,
     true,
     true},
    {{.name = "pause",
      .doc = "I say nothing more in this server, for some minutes or until /resume",
      .flags = TROUPE_SLASH | TROUPE_ADMIN,
      .params = pause_params,
      .param_count = COUNT(pause_params),
      .usage = "/pause [minutes]"},
     turn_core_pause,
     false,
     false},
    {{.name = "resume",
      .doc = "Ends a pause",
      .flags = TROUPE_SLASH | TROUPE_ADMIN,
      .usage = "/resume"},
     turn_core_resume,
     false,
     false},
};

const struct turn_core_command *turn_core_commands(size_t *ret_count)
{
    *ret_count = COUNT(commands);
    return commands;
}

const struct turn_core_command *turn_core_find(const char *name)
{
    for (size_t i = 0; i < COUNT(commands); i++)
        if (!strcmp(commands[i].function.name, name))
            return &commands[i];
    return NULL;
}
