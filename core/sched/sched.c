/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/sched.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "gateway/gateway.h"
#include "loop/op.h"
#include "loop/scope.h"
#include "sched/sql/sched.h"
#include "store/store.h"
#include "turn/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define PORTION   100   /* due jobs of one look, as the statement says                 */
#define STORE_MS  10000 /* a commit or query                                           */
#define AGAIN_MS  1000  /* where the store did not work                                */
#define SOON_MS   20    /* a place is free, and more is due: some are filled at a time */
#define ZONES_MAX 64
#define STEP_MS   SCHED_LATE_MS

/* An occurrence on its way through the engine. */
struct run {
    struct sched *sched;
    char *lane;
    int64_t job, due_ms;
};

struct sched {
    struct sched_options options;
    struct scope scope;
    struct loop_timer timer;
    int64_t last_id;
    int64_t next_due;  /* wall clock; 0: nothing is planned              */
    uint64_t fires_at; /* loop_now() of the timer; 0: it is not set      */
    bool looking, again, backlog, closing;
    struct op *closed;
    struct map lanes; /* "channel\nmember" -> struct run                */
    struct map since; /* gateway -> int64_t: wall clock of its coming   */
    struct map zones; /* name -> struct sched_zone                      */
    /* The clock, when it was looked at last: wall and monotonic. */
    int64_t seen_wall;
    uint64_t seen_ms;
    int64_t watched_from; /* what came due before it was missed */
    struct sched_stats stats;
};

/* ---- the clock ------------------------------------------------------------------------------ */

/* Whether it was set forward, or we were not there to see it move. */
static void look_at_clock(struct sched *sched)
{
    int64_t wall = clock_wall_ms();
    uint64_t now = clock_ms();
    int64_t ahead = wall - sched->seen_wall - (int64_t)(now - sched->seen_ms);

    if (ahead > STEP_MS) {
        sched->stats.steps++;
        log_warn("sched", "the clock went %" PRId64 " s ahead; what was due meanwhile was missed",
                 ahead / 1000);
        sched->watched_from = wall;
    } else if (ahead < -STEP_MS) {
        log_warn("sched", "the clock was set back by %" PRId64 " s; nothing runs twice",
                 -ahead / 1000);
        if (sched->watched_from > wall)
            sched->watched_from = wall;
    }
    sched->seen_wall = wall;
    sched->seen_ms = now;
}

static void set_timer(struct sched *sched, uint64_t in_ms)
{
    uint64_t at = loop_now(sched->options.loop) + in_ms;

    if (sched->closing || (sched->fires_at && sched->fires_at <= at))
        return;
    sched->fires_at = at;
    loop_timer_start(&sched->timer, in_ms, 0);
}

/* For the earliest that is due; a set clock is noticed in between. */
static void arm(struct sched *sched)
{
    int64_t left = sched->next_due - clock_wall_ms();

    if (sched->next_due)
        set_timer(sched, left <= 0 ? 0 : left < SCHED_CHECK_MS ? (uint64_t)left : SCHED_CHECK_MS);
}

static void fired(struct loop_timer *timer)
{
    struct sched *sched = container_of(timer, struct sched, timer);

    sched->fires_at = 0;
    look_at_clock(sched);
    if (sched->backlog || (sched->next_due && sched->next_due <= clock_wall_ms()))
        sched_wake(sched);
    else
        arm(sched);
}

void sched_watch(struct sched *sched, int64_t due_ms)
{
    if (!sched->next_due || due_ms < sched->next_due)
        sched->next_due = due_ms;
    arm(sched);
}

/* ---- one occurrence ------------------------------------------------------------------------- */

enum column {
    COL_ID,
    COL_AGENT,
    COL_ACCOUNT,
    COL_GUILD,
    COL_CHANNEL,
    COL_MEMBER,
    COL_MEMBER_NAME,
    COL_PAYLOAD,
    COL_FLAGS,
    COL_WHEN,
    COL_ZONE,
    COL_POLICY,
    COL_WITHIN,
    COL_NEXT,
    COL_LAST
};

/* What becomes of a due job. */
struct decision {
    int64_t job, due_ms, next_ms;
    bool runs;
};

/* When it is due again; 0: never. */
static int64_t again_at(struct sched *sched, const struct store_rows *rows, size_t row,
                        int64_t due_ms, int64_t now_ms)
{
    const char *text = store_cell_text(rows, row, COL_WHEN, "");
    const struct sched_zone *zone;
    struct sched_when when;
    struct error err;

    if (!*text)
        return 0;
    if (sched_zone(sched, store_cell_text(rows, row, COL_ZONE, ""), &zone, &err) < 0) {
        log_error("sched", "job %" PRId64 " goes on in UTC: %s",
                  store_cell_int(rows, row, COL_ID, 0), err.text);
        if (sched_zone(sched, "", &zone, &err) < 0)
            return 0;
    }
    if (sched_when_parse(text, strlen(text), zone, now_ms, &when, &err) < 0) {
        log_error("sched", "job %" PRId64 " ends: its time \"%s\" is not understood: %s",
                  store_cell_int(rows, row, COL_ID, 0), text, err.text);
        return 0;
    }
    return sched_when_next(&when, zone, due_ms, now_ms);
}

static struct decision decide(struct sched *sched, const struct store_rows *rows, size_t row,
                              int64_t since)
{
    const char *policy = store_cell_text(rows, row, COL_POLICY, "");
    int64_t now = clock_wall_ms(), due = store_cell_int(rows, row, COL_NEXT, 0);
    bool missed = due < since - SCHED_LATE_MS;
    struct decision decision = {.job = store_cell_int(rows, row, COL_ID, 0), .due_ms = due};

    decision.runs =
        !missed || !strcmp(policy, "run") ||
        (!strcmp(policy, "within") && now - due <= store_cell_int(rows, row, COL_WITHIN, 0));
    decision.next_ms = again_at(sched, rows, row, due, now);
    return decision;
}

static void claim(const struct sched *sched, const struct decision *decision,
                  struct store_batch *batch, int64_t expect)
{
    bool over = !decision->next_ms;
    struct store_value ended = over ? store_int(clock_wall_ms()) : store_null();

    store_batch_lease(batch, sched->options.lease);
    store_batch_add(batch, STORE_EXPECT(expect, SQL_SCHED_CLAIM, store_int(decision->job),
                                        store_int(decision->due_ms),
                                        store_int(over ? decision->due_ms : decision->next_ms),
                                        store_int(decision->runs),
                                        store_text(!over            ? "open"
                                                   : decision->runs ? "done"
                                                                    : "skipped"),
                                        store_int(sched->options.lease), ended));
}

static const char *text_or_null(const struct store_rows *rows, size_t row, size_t column)
{
    const char *text = store_cell_text(rows, row, column, "");

    return *text ? text : NULL;
}

static struct event *event_of(const struct store_rows *rows, size_t row, struct gateway *gateway)
{
    const struct store_value *payload = store_cell(rows, row, COL_PAYLOAD);
    int64_t due = store_cell_int(rows, row, COL_NEXT, 0);
    _cleanup_mem_ char *source = mem_printf(ENGINE_SCHEDULE "%s", gateway->name);
    _cleanup_mem_ char *id =
        mem_printf("%" PRId64 "@%" PRId64, store_cell_int(rows, row, COL_ID, 0), due);
    const struct event event = {
        .gateway = gateway,
        .source = source,
        .source_id = id,
        .kind = "job",
        .agent = store_cell_text(rows, row, COL_AGENT, ""),
        .account = text_or_null(rows, row, COL_ACCOUNT),
        .guild = text_or_null(rows, row, COL_GUILD),
        .channel = text_or_null(rows, row, COL_CHANNEL),
        .member = text_or_null(rows, row, COL_MEMBER),
        .member_name = text_or_null(rows, row, COL_MEMBER_NAME),
        .content = payload->data,
        .content_len = payload->len,
        .flags =
            EVENT_ADDRESSED | EVENT_UNASKED | (uint32_t)store_cell_int(rows, row, COL_FLAGS, 0),
        .time_ms = due,
        .seq = -1,
    };

    return event_new(&event);
}

static size_t running_max(const struct sched *sched)
{
    size_t half = turn_engine_places(sched->options.engine) / 2;

    return half < 1 ? 1 : half < SCHED_RUNNING_MAX ? half : SCHED_RUNNING_MAX;
}

/* The engine is done with it, one way or the other. */
static void over(void *arg, troupe_status status)
{
    struct run *run = arg;
    struct sched *sched = run->sched;

    map_remove(&sched->lanes, run->lane);
    sched->stats.running--;
    if (status == TROUPE_OK)
        sched->stats.runs++;
    else if (status == TROUPE_CONFLICT)
        log_debug("sched", "job %" PRId64 ": somebody else has it, or it is canceled", run->job);
    else if (status != TROUPE_CANCELED)
        log_warn("sched", "job %" PRId64 " is due and could not be stored: %s; it is tried again",
                 run->job, status_name(status));
    mem_free(run->lane);
    mem_free(run);
    if (status < 0 && status != TROUPE_CONFLICT) {
        sched->next_due = clock_wall_ms();
        set_timer(sched, AGAIN_MS);
    } else if (sched->backlog) {
        set_timer(sched, sched->stats.running <= running_max(sched) / 2 ? 0 : SOON_MS);
    }
}

static troupe_status begin(struct sched *sched, const struct store_rows *rows, size_t row,
                           struct gateway *gateway, const struct decision *decision, char *lane,
                           struct error *err)
{
    _cleanup_batch_ struct store_batch *batch = store_batch_new();
    struct event *event = event_of(rows, row, gateway);
    struct run *run = mem_zero(1, sizeof(*run));
    troupe_status status;

    *run = (struct run){sched, lane, decision->job, decision->due_ms};
    claim(sched, decision, batch, 1);
    status = turn_engine_take(sched->options.engine, event, batch, over, run, err);
    if (status < 0) {
        event_unref(event);
        mem_free(run);
        return status;
    }
    map_set(&sched->lanes, lane, run);
    sched->stats.running++;
    return TROUPE_OK;
}

/* ---- looking for what is due ---------------------------------------------------------------- */

static int64_t since_of(struct sched *sched, const struct gateway *gateway)
{
    int64_t *since = map_get(&sched->since, gateway->name);

    if (!since) {
        since = mem_zero(1, sizeof(*since));
        *since = clock_wall_ms();
        map_set(&sched->since, gateway->name, since);
    }
    return *since > sched->watched_from ? *since : sched->watched_from;
}

/* Several hosts begin at different places, so that they seldom want the same. */
static size_t first_of(const struct sched *sched, size_t count)
{
    size_t host = (size_t)store_host(sched->options.store);

    return host * (count / 2 + count / 8) % count;
}

/* One portion; `ret_more`: another look may find more. [waits] */
static troupe_status look_once(struct sched *sched, struct gateway *gateway, bool *ret_more,
                               struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    _cleanup_batch_ struct store_batch *skipped = store_batch_new();
    int64_t since = since_of(sched, gateway);
    uint64_t deadline = co_after(STORE_MS);
    size_t moved = 0, skips = 0;
    troupe_status status =
        store_query(sched->options.store,
                    STORE_SQL(SQL_SCHED_DUE, store_text(gateway->name), store_int(clock_wall_ms())),
                    deadline, &rows, err);

    for (size_t n = 0; status == TROUPE_OK && n < rows->count && !sched->closing; n++) {
        size_t i = (n + first_of(sched, rows->count)) % rows->count;
        char *lane = mem_printf("%s\n%s", store_cell_text(rows, i, COL_CHANNEL, ""),
                                store_cell_text(rows, i, COL_MEMBER, ""));
        struct decision decision;

        if (!map_get(&sched->lanes, lane)) {
            decision = decide(sched, rows, i, since);
            if (!decision.runs) {
                claim(sched, &decision, skipped, STORE_ANY);
                skips++;
            } else if (sched->stats.running >= running_max(sched)) {
                sched->backlog = true;
            } else {
                status = begin(sched, rows, i, gateway, &decision, lane, err);
                moved += status == TROUPE_OK;
                lane = status == TROUPE_OK ? NULL : lane;
            }
        } else {
            sched->backlog = true; /* behind the one that runs there is another */
        }
        mem_free(lane);
    }
    if (status == TROUPE_OK && skips) {
        status = store_commit(sched->options.store, skipped, deadline, err);
        if (status == TROUPE_OK) {
            sched->stats.skipped += skips;
            log_info("sched", "%zu jobs were missed and are skipped, as they are set", skips);
        }
    }
    /* Behind one that is skipped there may be another of the same member. */
    *ret_more = status == TROUPE_OK && (skips > 0 || (rows->count == PORTION && moved > 0));
    return status;
}

static troupe_status look(struct sched *sched, struct error *err)
{
    struct engine *engine = sched->options.engine;
    struct gateway *gateway;
    troupe_status status = TROUPE_OK;
    int64_t next = 0;

    look_at_clock(sched);
    sched->backlog = false;
    for (size_t i = 0; status == TROUPE_OK && (gateway = turn_engine_gateway(engine, i)); i++) {
        bool more = true;

        while (more && status == TROUPE_OK && !sched->closing)
            status = look_once(sched, gateway, &more, err);
    }
    for (size_t i = 0; status == TROUPE_OK && (gateway = turn_engine_gateway(engine, i)); i++) {
        _cleanup_rows_ struct store_rows *rows = NULL;
        int64_t due;

        status =
            store_query(sched->options.store, STORE_SQL(SQL_SCHED_NEXT, store_text(gateway->name)),
                        co_after(STORE_MS), &rows, err);
        due = status == TROUPE_OK ? store_cell_int(rows, 0, 0, 0) : 0;
        if (due && (!next || due < next))
            next = due;
    }
    sched->next_due = next;
    return status;
}

/* What is due and has no place waits for one to be free; all else for its time. */
static void rest(struct sched *sched)
{
    if (sched->stats.running && sched->next_due && sched->next_due <= clock_wall_ms()) {
        sched->backlog = true;
        set_timer(sched, SCHED_CHECK_MS); /* over() is sooner */
    } else if (sched->next_due && sched->next_due <= clock_wall_ms()) {
        set_timer(sched, AGAIN_MS); /* nothing runs and nothing may: the host drains */
    } else {
        arm(sched);
    }
}

static troupe_status look_main(void *arg)
{
    struct sched *sched = arg;
    struct error err;
    troupe_status status = TROUPE_OK;

    do {
        sched->again = false;
        status = look(sched, &err);
    } while (status == TROUPE_OK && sched->again && !sched->closing);
    sched->looking = false;
    if (sched->closing)
        return TROUPE_OK;
    if (status < 0) {
        if (status != TROUPE_UNAVAILABLE) /* that is a drain */
            log_warn("sched", "what is due waits: %s", err.text);
        sched->next_due = clock_wall_ms();
        set_timer(sched, AGAIN_MS);
    } else {
        rest(sched);
    }
    return TROUPE_OK;
}

void sched_wake(struct sched *sched)
{
    static const struct co_owner owner = {"core:sched", 0};

    if (sched->closing)
        return;
    sched->again = true;
    if (sched->looking)
        return;
    sched->looking = true;
    if (co_spawn(&sched->scope, &owner, look_main, sched) == TROUPE_OK)
        return;
    sched->looking = false;
    sched->next_due = clock_wall_ms();
    set_timer(sched, AGAIN_MS);
}

/* ---- life ----------------------------------------------------------------------------------- */

static void scope_ended(struct scope *scope)
{
    struct sched *sched = container_of(scope, struct sched, scope);

    if (sched->closed)
        op_complete(sched->closed, TROUPE_OK, NULL);
    sched->closed = NULL;
}

troupe_status sched_new(const struct sched_options *options, struct sched **ret, struct error *err)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    const struct store_statement newest = {.sql = SQL_SCHED_NEWEST, .expect = STORE_ANY};
    troupe_status status = store_query(options->store, &newest, co_after(STORE_MS), &rows, err);
    struct sched *sched;

    if (status < 0)
        return status;
    sched = mem_zero(1, sizeof(*sched));
    sched->options = *options;
    sched->last_id = store_cell_int(rows, 0, 0, 0);
    sched->seen_wall = sched->watched_from = clock_wall_ms();
    sched->seen_ms = clock_ms();
    scope_open_root(options->loop, &sched->scope, 0, scope_ended);
    loop_timer_init(options->loop, &sched->timer, fired);
    turn_engine_set_sched(options->engine, sched);
    *ret = sched;
    return TROUPE_OK;
}

void sched_close(struct sched *sched)
{
    struct op *closed;

    sched->closing = true;
    loop_timer_stop(&sched->timer);
    scope_cancel(&sched->scope, TROUPE_CANCELED);
    if (!sched->scope.live)
        return;
    closed = sched->closed = op_new(sched->options.loop, NULL);
    (void)op_wait(closed, 0, NULL);
    if (sched->closed) /* our own coroutine was ended first */
        scope_ended(&sched->scope);
    op_drop(closed);
}

static void zone_free(void *zone)
{
    sched_zone_free(zone);
}

static void timer_closed(struct loop_timer *timer)
{
    struct sched *sched = container_of(timer, struct sched, timer);

    map_clear(&sched->lanes);
    map_clear_with(&sched->since, mem_free);
    map_clear_with(&sched->zones, zone_free);
    mem_free(sched);
}

void sched_free(struct sched *sched)
{
    if (!sched)
        return;
    scope_close(&sched->scope);
    loop_timer_close(&sched->timer, timer_closed);
}

/* ---- jobs ----------------------------------------------------------------------------------- */

troupe_status sched_zone(struct sched *sched, const char *name, const struct sched_zone **ret,
                         struct error *err)
{
    struct sched_zone *zone = map_get(&sched->zones, name);
    troupe_status status;

    if (zone) {
        *ret = zone;
        return TROUPE_OK;
    }
    status = sched_zone_load(name, &zone, err);
    if (status < 0)
        return status;
    if (sched->zones.count >= ZONES_MAX)
        map_clear_with(&sched->zones, zone_free);
    map_set(&sched->zones, name, zone);
    *ret = zone;
    return TROUPE_OK;
}

int64_t sched_next_id(struct sched *sched)
{
    return sched->last_id = store_next_id(sched->options.store, sched->last_id);
}

troupe_status sched_list(struct sched *sched, const struct sched_job *whose, bool whole_guild,
                         size_t max, struct store_rows **ret, struct error *err)
{
    if (whole_guild)
        return store_query(sched->options.store,
                           STORE_SQL(SQL_SCHED_LIST_GUILD, store_text(whose->agent),
                                     store_text(whose->account), store_text(whose->guild),
                                     store_int((int64_t)max)),
                           co_after(STORE_MS), ret, err);
    return store_query(sched->options.store,
                       STORE_SQL(SQL_SCHED_LIST_MEMBER, store_text(whose->agent),
                                 store_text(whose->account), store_text(whose->guild),
                                 store_text(whose->member), store_int((int64_t)max)),
                       co_after(STORE_MS), ret, err);
}

void sched_stats(const struct sched *sched, struct sched_stats *ret)
{
    *ret = sched->stats;
}
