/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/gate.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "plugin/set.h"
#include "turn/core_commands.h"
#include "turn/engine_private.h"
#include "turn/guard.h"
#include "turn/limits_share.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MINUTE_MS 60000
#define HOUR_MS   (60 * MINUTE_MS)
#define TOLD_MAX  1000 /* channels that were told of a pause */

/* ---- limits ---------------------------------------------------------------------------------- */

struct limit_class {
    const char *name, *guild, *total; /* keys of [limits] */
    const char *what, *span;          /* for the sentence  */
    uint64_t window_ms;
};

static const struct limit_class messages = {"messages", "guild_messages", "total_messages",
                                            "messages", "a minute",       MINUTE_MS};
static const struct limit_class images = {"images", "guild_images", "total_images",
                                          "images", "an hour",      HOUR_MS};
static const struct limit_class features = {"features",          "guild_features", "total_features",
                                            "uses of this kind", "an hour",        HOUR_MS};

static const struct limit_class *class_of(const struct plugin_function *function)
{
    return function->flags & TROUPE_LIMIT_IMAGES     ? &images
           : function->flags & TROUPE_LIMIT_FEATURES ? &features
                                                     : NULL;
}

/* One of the three bounds of a class. */
struct bound {
    const char *code, *who;
    int64_t limit;
    char *key;
};

static void add_bound(struct bound bounds[3], size_t *count, const struct bound *bound)
{
    if (bound->limit > 0)
        bounds[(*count)++] = *bound;
    else
        mem_free(bound->key);
}

static char *key_of(const char *kind, const struct limit_class *class, const char *account,
                    const char *who)
{
    struct buf key = BUF_INIT;

    buf_puts(&key, kind);
    buf_putc(&key, ' ');
    buf_puts(&key, class->name);
    if (who) {
        buf_putc(&key, ' ');
        buf_puts(&key, account);
        buf_putc(&key, ' ');
        buf_puts(&key, who);
    }
    return buf_take(&key);
}

static size_t bounds_of(const struct turn *turn, const struct limit_class *class,
                        struct bound bounds[3])
{
    const struct engine *engine = turn->engine;
    const struct config_section *limits = config_section(engine->set->config, "limits", NULL);
    const struct event *event = turn->event;
    const char *account = event->account ? event->account : "";
    size_t count = 0;

    if (event->member)
        add_bound(bounds, &count,
                  &(struct bound){"member", "that is more than",
                                  turn_settings_int(engine, event, "limits", class->name),
                                  key_of("m", class, account, event->member)});
    if (event->guild)
        add_bound(bounds, &count,
                  &(struct bound){"guild", "this server has asked for more than",
                                  config_int(limits, class->guild),
                                  key_of("g", class, account, event->guild)});
    add_bound(bounds, &count,
              &(struct bound){"total", "all together have asked for more than",
                              config_int(limits, class->total), key_of("t", class, NULL, NULL)});
    return count;
}

/* A member's are known to other hosts and after a restart, where there is a server for that. */
static void take(const struct turn *turn, const struct bound *bound, uint64_t window_ms,
                 uint64_t now)
{
    turn_limits_take(&turn->engine->limits, bound->key, window_ms, now);
    if (!strcmp(bound->code, "member") && bound->limit > 0)
        turn_limits_share(turn->engine, bound->key, window_ms);
}

/* Either all bounds count it or none does. */
static troupe_status count_one(const struct turn *turn, const struct limit_class *class,
                               char code[64], struct error *err)
{
    struct turn_limits *limits = &turn->engine->limits;
    uint64_t now = loop_now(turn->engine->loop);
    struct bound bounds[3];
    size_t count = bounds_of(turn, class, bounds);
    troupe_status status = TROUPE_OK;

    for (size_t i = 0; i < count && status == TROUPE_OK; i++) {
        uint64_t wait =
            turn_limits_wait(limits, bounds[i].key, bounds[i].limit, class->window_ms, now);

        if (!wait)
            continue;
        snprintf(code, 64, "limit.%s.%s", class->name, bounds[i].code);
        status = error_set(
            err, TROUPE_LIMIT, "%s %" PRId64 " %s in %s; please wait %" PRIu64 " seconds",
            bounds[i].who, bounds[i].limit, class->what, class->span, (wait + 999) / 1000);
    }
    for (size_t i = 0; i < count; i++) {
        if (status == TROUPE_OK)
            take(turn, &bounds[i], class->window_ms, now);
        mem_free(bounds[i].key);
    }
    return status;
}

static void put_span(struct buf *out, uint32_t seconds)
{
    static const struct {
        uint32_t seconds;
        const char *one, *many;
    } units[] = {{86400, "a day", "days"}, {3600, "an hour", "hours"}, {60, "a minute", "minutes"}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (seconds % units[i].seconds)
            continue;
        if (seconds == units[i].seconds)
            buf_puts(out, units[i].one);
        else
            buf_printf(out, "%" PRIu32 " %s", seconds / units[i].seconds, units[i].many);
        return;
    }
    buf_printf(out, "%" PRIu32 " seconds", seconds);
}

/* What a function declares for itself. Its names are the key, so that a reload changes nothing. */
static troupe_status count_own(const struct turn *turn, const char *agent,
                               const struct plugin_function *function, char code[64],
                               struct error *err)
{
    const struct event *event = turn->event;
    const char *account = event->account ? event->account : "";
    struct turn_limits *limits = &turn->engine->limits;
    uint64_t now = loop_now(turn->engine->loop);
    uint64_t window_ms = (uint64_t)function->limit_seconds * 1000;
    struct bound bounds[3];
    size_t count = 0;
    troupe_status status = TROUPE_OK;

    if (event->member)
        add_bound(bounds, &count,
                  &(struct bound){
                      "member", "you may use", function->limit_member,
                      mem_printf("fm %s %s %s %s", agent, function->name, account, event->member)});
    if (event->guild)
        add_bound(bounds, &count,
                  &(struct bound){
                      "guild", "this server may use", function->limit_guild,
                      mem_printf("fg %s %s %s %s", agent, function->name, account, event->guild)});
    for (size_t i = 0; i < count && status == TROUPE_OK; i++) {
        uint64_t wait = turn_limits_wait(limits, bounds[i].key, bounds[i].limit, window_ms, now);
        _cleanup_buf_ struct buf span = BUF_INIT;

        if (!wait)
            continue;
        put_span(&span, function->limit_seconds);
        snprintf(code, 64, "limit.function.%s", bounds[i].code);
        status = error_set(
            err, TROUPE_LIMIT, "%s \"%s\" %" PRId64 " times in %s; please wait %" PRIu64 " seconds",
            bounds[i].who, function->name, bounds[i].limit, buf_text(&span), (wait + 999) / 1000);
    }
    for (size_t i = 0; i < count; i++) {
        if (status == TROUPE_OK)
            take(turn, &bounds[i], window_ms, now);
        mem_free(bounds[i].key);
    }
    return status;
}

bool turn_gate_counts(const struct turn *turn, const struct plugin_function *function)
{
    return (class_of(function) || function->limit_seconds) && !(turn->event->flags & EVENT_OWNER);
}

troupe_status turn_gate_call(const struct turn *turn, const char *agent,
                             const struct plugin_function *function, char code[64],
                             struct error *err)
{
    troupe_status status = TROUPE_OK;

    if (!turn_gate_counts(turn, function))
        return status;
    if (function->limit_seconds)
        status = count_own(turn, agent, function, code, err);
    if (status == TROUPE_OK && class_of(function))
        status = count_one(turn, class_of(function), code, err);
    return status;
}

/* A message counts, and what its command counts against by itself. Who owns the bot is not held up by
 * it. */
static bool is_within(struct turn *turn)
{
    const struct plugin_set *set = turn->engine->set;
    const struct plugin_target *target;
    char code[64] = "";
    char name[PLUGIN_TOOL_NAME + 1];
    struct error err;
    troupe_status status;

    if (turn->event->flags & (EVENT_OWNER | EVENT_UNASKED))
        return true;
    status = count_one(turn, &messages, code, &err);
    if (status == TROUPE_OK && turn_command_name(set, turn->event, name) &&
        plugin_set_find(set, name, &target, &err) == TROUPE_OK)
        status = turn_gate_call(turn, target->agent->name, target->function, code, &err);
    if (status == TROUPE_OK)
        return true;
    turn_conclude(turn, "refused", code, "%s", err.text);
    return false;
}

/* ---- pause ----------------------------------------------------------------------------------- */

int64_t turn_paused_until(const struct engine *engine, const struct event *event)
{
    const struct turn_place place = {TURN_SCOPE_GUILD, event->account, event->guild, NULL};
    const struct turn_setting *row =
        event->guild ? turn_settings_at(&engine->settings, &place, TURN_SETTING_PAUSE, "until")
                     : NULL;
    int64_t until;

    if (!row || text_to_int(row->value, &until) < 0)
        return 0;
    return until > clock_wall_ms() ? until : 0;
}

/* Each channel is told once; then the reason stands in the trace only. Who uses a slash command is told
 * each time, alone: an answer is being waited for. */
static bool was_told(struct engine *engine, const struct event *event)
{
    _cleanup_mem_ char *key = mem_printf("%s %s", event->guild, event->channel);

    if (map_get(&engine->told, key))
        return true;
    if (engine->told.count >= TOLD_MAX)
        map_clear(&engine->told);
    map_set(&engine->told, key, engine);
    return false;
}

static bool is_paused(struct turn *turn)
{
    int64_t until = turn_paused_until(turn->engine, turn->event);
    char when[CLOCK_ISO_SIZE];

    if (!until)
        return false;
    clock_iso(until, when);
    /* What is due is not said into a server that wants silence. */
    turn->quiet = turn->event->flags & EVENT_UNASKED ||
                  (!(turn->event->flags & EVENT_DEFERRED) && was_told(turn->engine, turn->event));
    if (until == INT64_MAX)
        turn_conclude(turn, "refused", "paused",
                      "I am paused in this server; those who manage it can say /resume");
    else
        turn_conclude(
            turn, "refused", "paused",
            "I am paused in this server until %.10s %.5s UTC; those who manage it can say "
            "/resume",
            when, when + 11);
    return true;
}

bool turn_gate_passes(struct turn *turn)
{
    const struct turn_core_command *own = NULL;
    char name[PLUGIN_TOOL_NAME + 1];

    if (turn_command_name(turn->engine->set, turn->event, name))
        own = turn_core_find(name);
    /* What stops and silences, and what ends that, is held up by nothing; a program has no say in it. */
    if (own && !own->counts && !(turn->event->flags & EVENT_BOT))
        return true;
    if (!turn_guard_passes(turn->engine, turn->event)) {
        turn->quiet = true; /* a sentence would be one more turn of the circle */
        turn_conclude(turn, "refused", "bot_loop",
                      "bots have talked to each other here for long enough; somebody has to say "
                      "something");
        return false;
    }
    /* Who manages a paused server may look and set. */
    if ((!own || turn->event->flags & EVENT_BOT) && is_paused(turn))
        return false;
    return is_within(turn);
}
