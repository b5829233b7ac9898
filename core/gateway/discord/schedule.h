/* SPDX-License-Identifier: Apache-2.0
 *
 * What may leave when: the queue in front of Discord's REST API, without a socket and without a
 * clock. The caller says what time it is (milliseconds of one monotonic clock), takes what may
 * leave, and tells what became of it; whatever has ended comes out of discord_schedule_ended.
 *
 * Of what may leave, the lowest priority number goes first, then the oldest. Everything is
 * O(log n), with any number of jobs behind any number of buckets.
 */
#ifndef GATEWAY_DISCORD_SCHEDULE_H
#define GATEWAY_DISCORD_SCHEDULE_H

#include "gateway/discord/bucket.h"
#include "gateway/discord/gate.h"
#include "gateway/discord/rest.h"

#define DISCORD_WAITING_MAX 10000
#define DISCORD_TRIES_MAX   5 /* of what may have been done: answers of 5xx, lost answers */

enum discord_job_state {
    DISCORD_JOB_QUEUED,  /* behind its shape                                       */
    DISCORD_JOB_DELAYED, /* until it is tried again                                */
    DISCORD_JOB_HELD,    /* until an older one of its key is back                  */
    DISCORD_JOB_FLYING,
    DISCORD_JOB_ENDED,
};

struct discord_key;

/* Inside the caller's own struct; the texts stay until the job has ended. */
struct discord_job {
    const char *method, *route, *major, *coalesce; /* as in struct discord_request */
    enum discord_priority priority;
    bool repeatable, no_auth;
    uint64_t deadline; /* absolute */

    /* The schedule's. */
    enum discord_job_state state;
    uint64_t seq, due;
    uint64_t number; /* the gate's */
    unsigned tries;
    bool sent;  /* at least once         */
    bool doubt; /* it may have been done */
    struct discord_shape *shape;
    struct discord_bucket *bucket; /* while flying */
    struct discord_key *key;
    struct heap_node place;    /* in its shape's jobs, or among the delayed ones */
    struct heap_node lateness; /* by deadline; not while flying                  */
    struct list_link ended;
    troupe_status status; /* the end */
};

struct discord_schedule {
    struct discord_gate gate;
    struct discord_buckets buckets;
    struct heap ready[2]; /* buckets that let one through; [1]: exempt from the global limit */
    struct heap blocked;  /* buckets that wait for a time                                    */
    struct heap parked;   /* shapes that do                                                  */
    struct heap delayed;  /* jobs that do                                                    */
    struct heap late;     /* jobs by deadline                                                */
    struct map keys;      /* coalesce -> struct discord_key                                   */
    struct map gone;      /* webhooks that are no more                                        */
    struct list_link ended;
    size_t waiting, flying, flying_max;
    uint64_t seq;
    uint64_t left, retried, limited, invalid, coalesced;
};

void discord_schedule_init(struct discord_schedule *schedule, unsigned flying_max,
                           uint32_t global_limit, uint64_t seed);
/* Nothing flies and nothing waits any more. */
void discord_schedule_clear(struct discord_schedule *schedule);
/* TROUPE_BUSY: DISCORD_WAITING_MAX wait; TROUPE_UNAVAILABLE: stopped for good. */
troupe_status discord_schedule_add(struct discord_schedule *schedule, struct discord_job *job,
                                   uint64_t now, struct error *err);
/* The next that leaves now; NULL: none. */
struct discord_job *discord_schedule_next(struct discord_schedule *schedule, uint64_t now);
/* When discord_schedule_next is to be asked again at the latest; UINT64_MAX: after an answer. */
uint64_t discord_schedule_wake(const struct discord_schedule *schedule, uint64_t now);
/* What became of a flying job: an answer, none, or it could not even be tried (`status`). */
void discord_schedule_answer(struct discord_schedule *schedule, struct discord_job *job,
                             uint64_t now, const struct discord_limits *limits);
void discord_schedule_lost(struct discord_schedule *schedule, struct discord_job *job, uint64_t now,
                           bool left);
void discord_schedule_fail(struct discord_schedule *schedule, struct discord_job *job, uint64_t now,
                           troupe_status status);
/* Ends what waits with that key as TROUPE_CANCELED. False: nothing does, or it may have been done. */
bool discord_schedule_take_back(struct discord_schedule *schedule, const char *key, uint64_t now);
/* Everything that waits ends as `status`; what flies is given back by discord_schedule_fail. */
void discord_schedule_end_all(struct discord_schedule *schedule, troupe_status status);
/* The next that has ended: it is the caller's again. NULL: none. */
struct discord_job *discord_schedule_ended(struct discord_schedule *schedule);

#endif
