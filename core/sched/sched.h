/* SPDX-License-Identifier: Apache-2.0
 *
 * Jobs: what agents have planned, once or again and again, kept in the store. A job that is due
 * becomes an event of kind "job" with source "schedule/GATEWAY" and id "JOB@DUE_MS": the claim on the
 * occurrence (one guarded UPDATE that also knows the next one) and the event are one commit, so each
 * occurrence runs once, whatever crashes between, and among several hosts it is one's.
 *
 * Time is CLOCK_REALTIME, since people mean the clock on the wall. A clock that is set back repeats
 * nothing: the next occurrence lies behind the last one. One that is set forward, a machine that slept
 * and a host that was not running are the same: what came due meanwhile was *missed*, and the job's
 * policy decides whether it runs (once, however many times were missed) or not. What is late only
 * because much is due at once always runs.
 *
 * Fair: of each member and channel one job runs at a time, and all jobs together take at most half of
 * the places that turns have. Loop thread; [waits] needs a coroutine.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "base/error.h"
#include "loop/loop.h"
#include "sched/when.h"

#include <stdbool.h>

#define SCHED_MEMBER_MAX  100   /* open jobs of a member       */
#define SCHED_GUILD_MAX   1000  /* open jobs of a guild        */
#define SCHED_PAYLOAD_MAX 2000  /* bytes                       */
#define SCHED_NAME_MAX    64    /* bytes of an agent's own name for a job */
#define SCHED_RUNNING_MAX 64    /* jobs at a time, at most     */
#define SCHED_LATE_MS     60000 /* later than that is missed, where nobody was there */
#define SCHED_CHECK_MS    15000 /* how often a set clock is noticed at the latest */

struct engine;
struct store;
struct store_batch;
struct store_rows;

enum sched_policy {
    SCHED_RUN,    /* a missed one runs as soon as it can           */
    SCHED_SKIP,   /* a missed one does not run                     */
    SCHED_WITHIN, /* it runs where it is not later than within_ms  */
};

struct sched_options {
    struct loop *loop;
    struct store *store;
    struct engine *engine; /* outlives it, up to sched_free */
    int64_t lease;         /* epoch that claims are made under; 0: this is the only host */
};

/* Looks up what there is; jobs run from the first sched_wake on. [waits] */
struct sched;
troupe_status sched_new(const struct sched_options *options, struct sched **ret, struct error *err);
/* Takes nothing any more. Before the engine drains. [waits] */
void sched_close(struct sched *sched);
/* After the engine was closed. NULL is fine. */
void sched_free(struct sched *sched);

/* A gateway came, or the clock was set: looks for what is due. */
void sched_wake(struct sched *sched);
/* A job that is due at `due_ms` was committed. */
void sched_watch(struct sched *sched, int64_t due_ms);

/* A cached zone, the scheduler's until the next call. */
troupe_status sched_zone(struct sched *sched, const char *name, const struct sched_zone **ret,
                         struct error *err);

/* Texts are borrowed; NULL or "" is none. */
struct sched_job {
    int64_t id;
    const char *agent, *gateway, *account, *guild, *channel, *member, *member_name;
    const char *name; /* the agent's own; replaces an open one of it of the same member and guild */
    const char *payload;
    size_t payload_len;
    uint32_t flags;        /* EVENT_DIRECT, EVENT_PING */
    const char *when_text; /* as sched_when_print writes it; "": once, at next_ms */
    const char *zone;
    enum sched_policy policy;
    int64_t within_ms, next_ms;
};

int64_t sched_next_id(struct sched *sched);
/* Statements; each leaves the rest of the batch to the caller. Adding conflicts where the member or the
 * guild has its full number of open jobs, canceling where there is none of that number, or it is
 * somebody else's. */
void sched_add(struct store_batch *batch, const struct sched_job *job);
void sched_cancel(struct store_batch *batch, const struct sched_job *job);

enum sched_column {
    SCHED_COL_ID,
    SCHED_COL_NAME,
    SCHED_COL_PAYLOAD,
    SCHED_COL_WHEN,
    SCHED_COL_ZONE,
    SCHED_COL_NEXT,
    SCHED_COL_RUNS,
    SCHED_COL_CHANNEL,
    SCHED_COL_MEMBER
};
/* Open jobs of the agent: of the member in that guild, or of the whole guild; soonest first, at most
 * `max`. [waits] */
troupe_status sched_list(struct sched *sched, const struct sched_job *whose, bool whole_guild,
                         size_t max, struct store_rows **ret, struct error *err);

/* Removes jobs that ended before `before_ms`, a portion at a time. [waits] */
troupe_status sched_sweep(struct store *store, int64_t before_ms, uint64_t deadline, bool *ret_more,
                          struct error *err);

struct sched_stats {
    uint64_t runs, skipped,
        steps; /* in this process; steps: times that the clock was set forward */
    size_t running;
};
void sched_stats(const struct sched *sched, struct sched_stats *ret);

#endif
