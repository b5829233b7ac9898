/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/budget_tell.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "config/config.h"
#include "turn/engine_private.h"

#include <stdio.h>
#include <string.h>

static int64_t cap_of(const struct config_section *section, const char *key)
{
    return config_is_set(section, key) ? config_micros(section, key) : TURN_BUDGET_NO_CAP;
}

void turn_budget_limits_read(const struct config *config, struct turn_budget_limits *ret)
{
    const struct config_section *budget = config_section(config, "budget", NULL);

    ret->caps[TURN_BUDGET_DAY] = (struct turn_budget_caps){
        cap_of(budget, "daily"), cap_of(budget, "per_guild_daily"),
        cap_of(budget, "per_member_daily"), cap_of(budget, "per_plugin_daily")};
    ret->caps[TURN_BUDGET_HOUR] = (struct turn_budget_caps){
        cap_of(budget, "hourly"), cap_of(budget, "per_guild_hourly"),
        cap_of(budget, "per_member_hourly"), cap_of(budget, "per_plugin_hourly")};
    ret->caps[TURN_BUDGET_MONTH] = (struct turn_budget_caps){
        cap_of(budget, "monthly"), cap_of(budget, "per_guild_monthly"),
        cap_of(budget, "per_member_monthly"), cap_of(budget, "per_plugin_monthly")};
}

/* Members and servers come to theirs every day; those of the bot and its agents are the owner's. */
static bool is_owners(enum turn_budget_whose whose)
{
    return whose == TURN_BUDGET_BOT || whose == TURN_BUDGET_PLUGIN;
}

/* An agent's name follows. */
static const char *who(const struct turn_budget_mark *mark)
{
    static const char *const words[TURN_BUDGET_SCOPES] = {"the bot", "a guild", "a member",
                                                          "agent "};

    return words[mark->whose];
}

static const char *agent(const struct turn_budget_mark *mark)
{
    return mark->whose == TURN_BUDGET_PLUGIN ? mark->agent : "";
}

static void log_mark(const struct turn_budget_mark *mark, int64_t turn_id)
{
    char cap[TURN_BUDGET_USD_SIZE];

    log_warn("budget", "%.4f of %s USD are spent %s, %d %% of the cap of %s%s (turn %lld)",
             (double)mark->spent / 1e6, turn_budget_usd(mark->cap, cap),
             turn_budget_span_name(mark->span), mark->percent, who(mark), agent(mark),
             (long long)turn_id);
}

static void report_mark(const struct engine *engine, const struct turn_budget_mark *mark)
{
    char cap[TURN_BUDGET_USD_SIZE];

    turn_engine_report(engine, mark->span == TURN_BUDGET_HOUR ? TURN_REPORT_HOUR : TURN_REPORT_CAP,
                       "%.4f of %s USD are spent %s: %d %% of the cap of %s%s. What it "
                       "went to is in /usage.",
                       (double)mark->spent / 1e6, turn_budget_usd(mark->cap, cap),
                       turn_budget_span_name(mark->span), mark->percent, who(mark), agent(mark));
}

void turn_budget_tell(const struct engine *engine, struct turn *turn, int64_t turn_id,
                      const struct store_batch *batch, const struct turn_budget_watch *watch,
                      const struct turn_budget_limits *limits)
{
    struct turn_budget_mark marks[TURN_BUDGET_MARKS];
    size_t count = turn_budget_marks(batch, watch, limits, marks);

    for (size_t i = 0; i < count; i++) {
        const struct turn_budget_mark *mark = &marks[i];

        if (turn)
            turn_trace_add(&turn->trace, "budget", "budget.mark",
                           "%d %% of the %s's cap %s are spent", mark->percent,
                           turn_budget_scope_name(mark->whose), turn_budget_span_of(mark->span));
        log_mark(mark, turn_id);
        if (is_owners(mark->whose))
            report_mark(engine, mark);
    }
}

/* ---- at the start --------------------------------------------------------------------------- */

void turn_budget_tell_later(void *arg, int64_t turn_id, const struct store_batch *batch,
                            const struct turn_budget_watch *watch)
{
    struct turn_budget_late *late = arg;
    struct turn_budget_mark marks[TURN_BUDGET_MARKS];
    size_t count = turn_budget_marks(batch, watch, &late->limits, marks);

    for (size_t i = 0; i < count; i++) {
        const bool is_bots = marks[i].whose == TURN_BUDGET_BOT;
        struct turn_budget_late_mark *kept = &late->marks[is_bots][marks[i].span];

        log_mark(&marks[i], turn_id);
        if (!is_owners(marks[i].whose) || marks[i].percent < kept->mark.percent)
            continue;
        kept->mark = marks[i];
        snprintf(kept->agent, sizeof(kept->agent), "%s", marks[i].agent);
        kept->mark.agent = NULL; /* the batch's goes with it */
    }
}

void turn_budget_tell_late(const struct engine *engine, const struct turn_budget_late *late)
{
    for (int is_bots = 1; is_bots >= 0; is_bots--)
        for (int span = 0; span < TURN_BUDGET_SPANS; span++) {
            struct turn_budget_mark mark = late->marks[is_bots][span].mark;

            mark.agent = late->marks[is_bots][span].agent;
            if (mark.percent)
                report_mark(engine, &mark);
        }
}

/* ---- refusals ------------------------------------------------------------------------------- */

static double percent(int64_t part, int64_t cap)
{
    return cap > 0 ? (double)part * 100 / (double)cap : 100;
}

static uint64_t key_of(const struct turn_budget_obstacle *obstacle, const char *what)
{
    const int64_t numbers[2] = {obstacle->span, obstacle->cap};
    const char *whose = turn_budget_scope_name(obstacle->whose);
    uint64_t hash = hash_add(HASH_START, what, strlen(what) + 1);

    hash = hash_add(hash, whose, strlen(whose) + 1);
    hash = hash_add(hash, obstacle->id, strlen(obstacle->id) + 1);
    return hash_finish(hash_add(hash, (const char *)numbers, sizeof(numbers)));
}

/* Whether it was not known yet. */
static bool take(struct turn_budget_told *told, uint64_t key, int64_t until_ms)
{
    size_t place = 0;

    for (size_t i = 0; i < TURN_BUDGET_TOLD; i++) {
        if (told->of[i].key == key && told->of[i].until_ms == until_ms)
            return false;
        if (told->of[i].until_ms < told->of[place].until_ms)
            place = i;
    }
    told->of[place].key = key;
    told->of[place].until_ms = until_ms;
    return true;
}

static void tell_owner(const struct engine *engine, const struct turn_budget_request *request,
                       const struct turn_budget_obstacle *obstacle, int64_t until_ms)
{
    static const char *const keys[TURN_BUDGET_SPANS] = {"hourly", "daily", "monthly"};
    const bool is_bots = obstacle->whose == TURN_BUDGET_BOT;
    char cap[TURN_BUDGET_USD_SIZE], stamp[CLOCK_ISO_SIZE];
    _cleanup_buf_ struct buf text = BUF_INIT;

    clock_iso(until_ms, stamp);
    buf_printf(&text,
               "\"%s\" is refused: %.4f of the %s USD that %s%s may cost %s are spent or reserved, "
               "and it could cost up to %.4f. That starts anew at %.16s UTC, or raise %s%s in "
               "[budget] and reload",
               request->what, (double)obstacle->taken / 1e6, turn_budget_usd(obstacle->cap, cap),
               is_bots ? "the bot" : "agent ", is_bots ? "" : obstacle->id,
               turn_budget_span_name(obstacle->span), (double)(int64_t)request->worst / 1e6, stamp,
               is_bots ? "" : "per_plugin_", keys[obstacle->span]);
    log_warn("budget", "%s", buf_text(&text));
    turn_engine_report(engine,
                       obstacle->span == TURN_BUDGET_HOUR ? TURN_REPORT_HOUR : TURN_REPORT_CAP,
                       "%s.", buf_text(&text));
}

void turn_budget_tell_refused(struct turn *turn, const struct turn_budget_request *request,
                              const struct turn_budget_obstacle *obstacle)
{
    struct engine *engine = turn->engine;
    int64_t until_ms;

    if (!obstacle->is_there)
        return;
    turn_trace_add(&turn->trace, "budget", "budget.refused",
                   "%.0f %% of the %s's cap %s are spent or reserved, and \"%s\" could cost up to "
                   "%.0f %% of it",
                   percent(obstacle->taken, obstacle->cap), turn_budget_scope_name(obstacle->whose),
                   turn_budget_span_of(obstacle->span), request->what,
                   percent((int64_t)request->worst, obstacle->cap));
    if (!is_owners(obstacle->whose) || obstacle->cap == 0) /* as the owner wanted */
        return;
    until_ms = turn_budget_span_end(obstacle->span, clock_wall_ms());
    if (take(&engine->refused, key_of(obstacle, request->what), until_ms))
        tell_owner(engine, request, obstacle, until_ms);
}

/* ---- worst cases ---------------------------------------------------------------------------- */

struct ending {
    struct engine *engine;
    struct turn_budget_limits limits;
};

static void booked(void *arg, int64_t turn_id, const struct store_batch *batch,
                   const struct turn_budget_watch *watch)
{
    const struct ending *ending = arg;

    turn_budget_tell(ending->engine, turn_engine_turn(ending->engine, turn_id), turn_id, batch,
                     watch, &ending->limits);
}

troupe_status turn_budget_end(struct engine *engine, int64_t turn_id, struct error *err)
{
    struct ending ending = {engine, engine->budget};
    const struct turn_budget_watcher watcher = {&ending.limits, booked, &ending};

    return turn_budget_close(engine->store, turn_id, turn_engine_soon(engine), &watcher, err);
}
