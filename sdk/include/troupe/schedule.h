/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.schedule/1": what an agent wants to do later, once or again and again. A job belongs to the
 * member, guild and channel of the turn that planned it; the host keeps it, and when it is due calls
 * the plugin's `job` (troupe/plugin.h) with the same scope, once for each time, whatever crashes
 * between. Needs the capability "schedule".
 *
 * Times are read as people write them ("in 20 minutes", "every weekday at 9", "2026-12-24 18:00", a
 * cron line; docs/abi.md has all) in a time zone by its IANA name ("Europe/Berlin"; empty is UTC). A
 * time that clocks skip is the first moment after the gap, one that they show twice is the first.
 *
 * Bounds: 100 open jobs of a member, 1,000 of a guild, 2,000 bytes of payload.
 *
 *     troupe_job job = {.size = sizeof(job), .when = when, .payload = text, .missed = TROUPE_MISSED_RUN};
 *     troupe_planned planned;
 *     troupe_status status = troupe_schedule_add(turn, &job, &planned);
 */
#ifndef TROUPE_SCHEDULE_H
#define TROUPE_SCHEDULE_H

#include <troupe/kv.h>
#include <troupe/turn.h>

/* The extension's id, for `needs`. */
#define TROUPE_SCHEDULE "troupe.schedule/1"

/* What becomes of a job that came due while the host was not there, or whose time the clock jumped
 * over by more than a minute. Of a recurring job all missed times together are one. */
#define TROUPE_MISSED_RUN    0u /* it runs as soon as it can             */
#define TROUPE_MISSED_SKIP   1u /* it does not run                       */
#define TROUPE_MISSED_WITHIN 2u /* it runs where it is at most `within_ms` late */

/* The answer may notify the member who planned it, where it names him. */
#define TROUPE_JOB_PING (1u << 0)

/* What is to be planned: borrowed until the call returns. The size is sizeof(troupe_job). */
typedef struct troupe_job {
    uint32_t size;
    uint32_t flags;     /* TROUPE_JOB_… */
    troupe_str when;    /* at most 200 bytes; empty: `at_ms` */
    int64_t at_ms;      /* once, milliseconds since 1970 */
    troupe_str zone;    /* for `when` */
    troupe_str payload; /* UTF-8, what `job` gets */
    troupe_str key;     /* of the plugin's own, at most 64 bytes: replaces the member's open job of
                         * that key in that guild; empty: none */
    uint32_t missed;    /* TROUPE_MISSED_… */
    uint32_t reserved;
    int64_t within_ms;
} troupe_job;

/* A time that was understood. The host sets `size`; the caller does not say how much room it has, so
 * members are not appended to this one in this revision. */
typedef struct troupe_when {
    uint32_t size;
    uint32_t recurring;  /* 1: again and again */
    int64_t next_ms;     /* when it is due (first) */
    troupe_str text;     /* the same in one spelling: "every weekday at 09:00" */
    troupe_str local;    /* next_ms as the zone's clocks show it: "Fri 27 Nov 2026 at 09:00" */
    uint64_t start, end; /* the bytes of the text that spoke of it */
} troupe_when;

/* An open job. The host sets `size`. A list is walked by its stride; what `add` fills in ends with the
 * member. */
typedef struct troupe_planned {
    uint32_t size;
    uint32_t recurring;
    uint64_t id;
    int64_t next_ms;
    uint64_t runs;    /* so far */
    troupe_str when;  /* in one spelling; empty: once */
    troupe_str local; /* next_ms in its zone */
    troupe_str zone, payload, key;
    uint64_t channel, member;
} troupe_planned;

typedef struct troupe_schedule_v1 {
    uint32_t size;
    uint32_t reserved;
    /* What a time means, without planning anything. With `find` 1 the time is looked for at the
     * beginning or the end of `text` (up to 4 kB), and `start` and `end` tell where it stands;
     * TROUPE_NOT_FOUND where there is none. TROUPE_ARGUMENT, with a sentence for the member in
     * troupe_error: not understood, over already, unknown zone. Noted. [turn, waits] */
    troupe_status (*look)(troupe_turn *turn, troupe_str text, troupe_str zone, uint32_t find,
                          troupe_when *ret);
    /* Plans a job; `ret` (may be NULL) is the same as a later list tells. TROUPE_ARGUMENT as above,
     * TROUPE_LIMIT where the member or the guild has as many jobs as it may. Stored. [turn, waits] */
    troupe_status (*add)(troupe_turn *turn, const troupe_job *job, troupe_planned *ret);
    /* Takes back a job of the turn's member in this guild. TROUPE_NOT_FOUND where there is none of that
     * number. Stored. [turn, waits] */
    troupe_status (*cancel)(troupe_turn *turn, uint64_t id);
    /* Open jobs of this agent, soonest first: of the turn's member in this guild (TROUPE_SCOPE_MEMBER),
     * or of everybody in it (TROUPE_SCOPE_GUILD). `ret`: an array of troupe_planned that lives as long
     * as the stage or function. At most 100. TROUPE_ARGUMENT for another scope. Noted. [turn, waits] */
    troupe_status (*list)(troupe_turn *turn, uint32_t scope, troupe_array *ret);
} troupe_schedule_v1;

/* The table; NULL where this host has none. Not recorded. [turn] */
static inline const troupe_schedule_v1 *troupe_schedule(troupe_turn *turn)
{
    return (const troupe_schedule_v1 *)troupe_get_extension(turn, TROUPE_SCHEDULE);
}

static inline troupe_status troupe_schedule_look(troupe_turn *turn, troupe_str text,
                                                 troupe_str zone, uint32_t find, troupe_when *ret)
{
    const troupe_schedule_v1 *schedule = troupe_schedule(turn);

    return schedule ? schedule->look(turn, text, zone, find, ret) : TROUPE_UNSUPPORTED;
}

static inline troupe_status troupe_schedule_add(troupe_turn *turn, const troupe_job *job,
                                                troupe_planned *ret)
{
    const troupe_schedule_v1 *schedule = troupe_schedule(turn);

    return schedule ? schedule->add(turn, job, ret) : TROUPE_UNSUPPORTED;
}

static inline troupe_status troupe_schedule_cancel(troupe_turn *turn, uint64_t id)
{
    const troupe_schedule_v1 *schedule = troupe_schedule(turn);

    return schedule ? schedule->cancel(turn, id) : TROUPE_UNSUPPORTED;
}

static inline troupe_status troupe_schedule_list(troupe_turn *turn, uint32_t scope,
                                                 troupe_array *ret)
{
    const troupe_schedule_v1 *schedule = troupe_schedule(turn);

    return schedule ? schedule->list(turn, scope, ret) : TROUPE_UNSUPPORTED;
}

#endif
