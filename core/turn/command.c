/* SPDX-License-Identifier: Apache-2.0
 *
 * Commands that members type: `/name arguments` reaches a declared function, before any pipeline.
 * /help, /why, /status and /stop are the core's own; they run at once, also while everything else
 * waits, because they are what is left when an agent hangs.
 */
#include "turn/call.h"
#include "turn/engine_private.h"

#include "base/mem.h"
#include "base/text.h"
#include "turn/why.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Name and the rest of a command line. */
struct line {
    char name[72];
    const char *rest;
    size_t rest_len;
};

/* What a command begins with where the event came from. */
static const char *prefix_of(const struct plugin_set *set, const struct event *event)
{
    const char *section = text_starts(event->source, "discord:") ? "discord" : "console";
    const char *prefix = config_str(config_section(set->config, section, NULL), "prefix");

    return prefix && *prefix ? prefix : "/";
}

static bool split(const struct plugin_set *set, const struct event *event, struct line *ret)
{
    const char *prefix = prefix_of(set, event), *p = event->content;
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

static void reply(struct turn *turn, const struct buf *text)
{
    size_t len = text_utf8_cut(buf_text(text), text->len, TURN_ANSWER_MAX);
    _cleanup_mem_ char *copy = mem_strndup(buf_text(text), len);

    turn_text_tidy(copy); /* error texts quote what members typed, cut to a length */
    turn_answer_reply(turn, copy, strlen(copy));
}

/* ---- the core's own ------------------------------------------------------------------------- */

static void add_functions(struct turn *turn, struct buf *out)
{
    const struct plugin_set *set = turn->set;

    for (size_t i = 0; i < set->target_count; i++) {
        const struct plugin_target *target = &set->targets[i];

        if (!(target->function->flags & TROUPE_SLASH))
            continue;
        /* A usage begins with "/", whatever members type here. */
        buf_printf(out, "%s%s — %s%s\n", prefix_of(set, turn->event), target->function->usage + 1,
                   target->function->doc,
                   turn_may_call(turn, target->function, NULL) ? "" : " (not for you)");
    }
}

static void help(struct turn *turn, const struct line *line)
{
    _cleanup_buf_ struct buf out = BUF_INIT;
    const struct plugin_target *target;
    struct error err;
    char name[72];

    if (line->rest_len && line->rest_len < sizeof(name)) {
        snprintf(name, sizeof(name), "%.*s", (int)line->rest_len, line->rest);
        if (plugin_set_find(turn->set, text_starts(name, "/") ? name + 1 : name, &target, &err) < 0)
            buf_puts(&out, err.text);
        else
            plugin_function_help(target->function, &out);
        reply(turn, &out);
        return;
    }
    buf_printf(&out, "I am %s. Write to me and I answer, or use a command:\n",
               config_str(config_section(turn->set->config, "troupe", NULL), "name"));
    add_functions(turn, &out);
    buf_printf(&out,
               "%1$shelp [command] — this list, or more about one command\n"
               "%1$swhy [number] — how my last answer, or a turn by its number, came about\n"
               "%1$sstatus — what runs, what waits, what was spent today\n"
               "%1$sstop — ends what I am doing in this channel",
               prefix_of(turn->set, turn->event));
    reply(turn, &out);
}

static void status(struct turn *turn, const struct line *line)
{
    _cleanup_buf_ struct buf out = BUF_INIT;
    struct engine *engine = turn->engine;
    struct turn_budget_sum sum = {0, 0, 0};
    struct engine_stats stats;
    struct error err;

    (void)line;
    turn_engine_stats(engine, &stats);
    buf_printf(&out, "%zu of %zu turns run, %zu wait; %llu answered, %llu refused, %llu failed\n",
               stats.running, stats.concurrent_max, stats.queued,
               (unsigned long long)stats.answered, (unsigned long long)stats.refused,
               (unsigned long long)stats.failed);
    if (turn_budget_today(engine->store, "bot", ENGINE_BUDGET_BOT, turn_engine_soon(engine), &sum,
                          &err) < 0)
        buf_puts(&out, "storage: does not answer\n");
    else
        buf_printf(&out, "spent today: %.4f of %.2f USD%s\n", (double)sum.settled / 1e6,
                   (double)engine->caps.bot / 1e6, sum.unknown ? " (part of it estimated)" : "");
    buf_printf(&out, "agents (generation %u):", stats.generation);
    for (size_t i = 0; i < turn->set->agent_count; i++)
        buf_printf(&out, " %s %s", turn->set->agents[i]->name,
                   turn->set->agents[i]->manifest->version);
    reply(turn, &out);
}

static void why(struct turn *turn, const struct line *line)
{
    _cleanup_mem_ char *text = NULL;
    _cleanup_buf_ struct buf out = BUF_INIT;
    struct error err;
    const char *channel = turn->event->channel ? turn->event->channel : "";
    char id[72] = "last";

    if (line->rest_len && line->rest_len < sizeof(id))
        snprintf(id, sizeof(id), "%.*s", (int)line->rest_len, line->rest);
    /* Members see what happened in their own channel. */
    if (strcmp(id, "last") && turn->event->flags & EVENT_OWNER)
        channel = NULL;
    if (turn_why_text(turn->engine, id, channel, &text, &err) < 0)
        buf_puts(&out, err.text);
    else
        buf_puts(&out, text);
    reply(turn, &out);
}

static void stop(struct turn *turn, const struct line *line)
{
    _cleanup_buf_ struct buf out = BUF_INIT;
    size_t count = turn_engine_stop_channel(turn->engine, turn->event->channel);

    (void)line;
    if (count)
        buf_printf(&out, "stopped %zu", count);
    else
        buf_puts(&out, "nothing is running here");
    reply(turn, &out);
}

static const struct builtin {
    const char *name;
    void (*run)(struct turn *turn, const struct line *line);
} builtins[] = {{"help", help}, {"why", why}, {"status", status}, {"stop", stop}};

#define BUILTINS (sizeof(builtins) / sizeof(builtins[0]))

static const struct builtin *builtin_of(const struct plugin_set *set, const struct event *event,
                                        struct line *line)
{
    if (split(set, event, line))
        for (size_t i = 0; i < BUILTINS; i++)
            if (!strcmp(line->name, builtins[i].name))
                return &builtins[i];
    return NULL;
}

bool turn_is_builtin(const struct plugin_set *set, const struct event *event)
{
    struct line line;

    return builtin_of(set, event, &line) != NULL;
}

bool turn_is_command(const struct plugin_set *set, const struct event *event)
{
    struct line line;

    return split(set, event, &line);
}

/* ---- declared functions --------------------------------------------------------------------- */

bool turn_may_call(const struct turn *turn, const struct plugin_function *function,
                   struct error *err)
{
    const uint32_t guarded = TROUPE_OWNER | TROUPE_ADMIN | TROUPE_MODERATOR;

    if (!(function->flags & guarded) || !turn->event || (turn->event->flags & EVENT_OWNER))
        return true;
    error_set(err, TROUPE_DENIED, "\"%s\" is for %s only", function->name,
              function->flags & TROUPE_OWNER   ? "the bot's owner"
              : function->flags & TROUPE_ADMIN ? "those who manage the server"
                                               : "moderators");
    return false;
}

static void unknown(struct turn *turn, const struct line *line, struct error *err)
{
    _cleanup_buf_ struct buf out = BUF_INIT;
    const char *prefix = prefix_of(turn->set, turn->event), *names[256], *near;
    size_t count = 0;

    for (size_t i = 0; i < BUILTINS; i++)
        names[count++] = builtins[i].name;
    for (size_t i = 0; i < turn->set->target_count && count < 256; i++)
        if (turn->set->targets[i].function->flags & TROUPE_SLASH)
            names[count++] = turn->set->targets[i].function->name;
    near = text_nearest(line->name, names, count);
    if (err->status == TROUPE_CONFLICT)
        buf_puts(&out, err->text);
    else
        buf_printf(&out, "there is no command %s%s; %s%s%s%s", prefix, line->name,
                   near ? "did you mean " : "", prefix, near ? near : "help",
                   near ? "?" : " lists what there is");
    turn_trace_add(&turn->trace, "command", "unknown", "/%s", line->name);
    reply(turn, &out);
}

static void call(struct turn *turn, const struct plugin_target *target, const struct line *line)
{
    _cleanup_plugin_args_ struct plugin_args args = {0};
    static const struct turn_site site = {.path = "0"};
    struct turn_result result = {0};
    _cleanup_buf_ struct buf out = BUF_INIT;
    struct error err;
    char where[96];
    troupe_status status =
        plugin_args_from_text(target->function, line->rest, line->rest_len, &args, &err);

    snprintf(where, sizeof(where), "command %s", target->function->name);
    if (status == TROUPE_OK && !turn_may_call(turn, target->function, &err))
        status = TROUPE_DENIED;
    if (status < 0) {
        turn_trace_add(&turn->trace, where, status_name(status), "%s", err.text);
        buf_puts(&out, err.text);
        reply(turn, &out);
        return;
    }
    turn->agent = target->agent;
    turn->answer.private =
        (target->function->flags & TROUPE_PRIVATE) && !(turn->event->flags & EVENT_DIRECT);
    status = turn_call(turn, &site, target->agent, target->function, args.values, &result);
    turn_trace_add(&turn->trace, where, status < 0 ? result.code : status_name(status),
                   status < 0 ? "%s" : NULL, result.sentence);
    if (status < 0)
        turn_conclude(turn, "failed", result.code, "%s", result.sentence);
    else if (result.text.len)
        reply(turn, &result.text);
    else if (result.json.len)
        reply(turn, &result.json);
    else
        turn_conclude(turn, "done", "command", "done");
    turn_result_clear(&result);
}

void turn_command(struct turn *turn)
{
    const struct plugin_target *target;
    const struct builtin *builtin;
    struct error err = {0};
    struct line line;

    builtin = builtin_of(turn->set, turn->event, &line);
    if (builtin)
        builtin->run(turn, &line);
    else if (plugin_set_find(turn->set, line.name, &target, &err) < 0 ||
             !(target->function->flags & TROUPE_SLASH))
        unknown(turn, &line, &err);
    else
        call(turn, target, &line);
}
