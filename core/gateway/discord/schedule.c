/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/schedule.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define RETRY_MS        500u
#define RETRY_MAX_MS    30000u
#define LIMITED_MS      5000u /* of a 429 that tells no time */
#define GONE_MAX        1000
#define UNKNOWN_MESSAGE 10008
#define NOT_READY_MS    2000u /* of a 202 that tells no time */

/* Of what waits and what flies with one key there is one each. */
struct discord_key {
    char *name;
    struct discord_job *waiting, *flying;
};

/* ---- orders -------------------------------------------------------------------------------- */

static bool goes_first(const struct discord_job *a, const struct discord_job *b)
{
    return a->priority != b->priority ? a->priority < b->priority : a->seq < b->seq;
}

static const struct discord_job *best_of_shape(const struct discord_shape *shape)
{
    return container_of(heap_first(&shape->jobs), struct discord_job, place);
}

static const struct discord_job *best_of_bucket(const struct discord_bucket *bucket)
{
    return best_of_shape(container_of(heap_first(&bucket->shapes), struct discord_shape, place));
}

static bool job_before(const struct heap_node *a, const struct heap_node *b)
{
    return goes_first(container_of(a, struct discord_job, place),
                      container_of(b, struct discord_job, place));
}

static bool shape_before(const struct heap_node *a, const struct heap_node *b)
{
    return goes_first(best_of_shape(container_of(a, struct discord_shape, place)),
                      best_of_shape(container_of(b, struct discord_shape, place)));
}

static bool bucket_before(const struct heap_node *a, const struct heap_node *b)
{
    return goes_first(best_of_bucket(container_of(a, struct discord_bucket, place)),
                      best_of_bucket(container_of(b, struct discord_bucket, place)));
}

static bool wakes_before(const struct heap_node *a, const struct heap_node *b)
{
    return container_of(a, struct discord_bucket, place)->wake <
           container_of(b, struct discord_bucket, place)->wake;
}

static bool unparked_before(const struct heap_node *a, const struct heap_node *b)
{
    return container_of(a, struct discord_shape, place)->parked_until <
           container_of(b, struct discord_shape, place)->parked_until;
}

static bool due_before(const struct heap_node *a, const struct heap_node *b)
{
    return container_of(a, struct discord_job, place)->due <
           container_of(b, struct discord_job, place)->due;
}

static bool late_before(const struct heap_node *a, const struct heap_node *b)
{
    return container_of(a, struct discord_job, lateness)->deadline <
           container_of(b, struct discord_job, lateness)->deadline;
}

/* ---- buckets ------------------------------------------------------------------------------- */

/* Puts the bucket where it belongs after anything about it has changed. */
static void settle(struct discord_schedule *schedule, struct discord_bucket *bucket, uint64_t now)
{
    struct heap *in = NULL;

    if (bucket->in)
        heap_remove(bucket->in, &bucket->place);
    if (heap_first(&bucket->shapes)) {
        bucket->wake = discord_bucket_opens(bucket, now);
        if (bucket->wake <= now)
            in = &schedule->ready[bucket->exempt];
        else if (bucket->wake != UINT64_MAX)
            in = &schedule->blocked;
    }
    bucket->in = in;
    if (in)
        heap_add(in, &bucket->place);
}

/* The shape's heap node is in its bucket's heap exactly while it has jobs and is not parked. The
 * bucket leaves the ready heap first: that one's order looks through to the jobs. */
static void lift(struct discord_bucket *bucket)
{
    if (bucket->in)
        heap_remove(bucket->in, &bucket->place);
    bucket->in = NULL;
}

static void shape_out(struct discord_shape *shape)
{
    if (!shape->parked)
        heap_remove(&shape->bucket->shapes, &shape->place);
}

static void shape_in(struct discord_shape *shape)
{
    if (!shape->parked && heap_first(&shape->jobs))
        heap_add(&shape->bucket->shapes, &shape->place);
}

static void park(struct discord_schedule *schedule, struct discord_shape *shape, uint64_t until,
                 uint64_t now)
{
    lift(shape->bucket);
    if (shape->parked) {
        heap_remove(&schedule->parked, &shape->place);
        until = until > shape->parked_until ? until : shape->parked_until;
    } else {
        shape_out(shape);
    }
    shape->parked = true;
    shape->parked_until = until;
    heap_add(&schedule->parked, &shape->place);
    settle(schedule, shape->bucket, now);
}

static void put_in_shape(struct discord_schedule *schedule, struct discord_job *job, uint64_t now)
{
    struct discord_shape *shape = job->shape;

    lift(shape->bucket);
    shape_out(shape);
    heap_add(&shape->jobs, &job->place);
    shape_in(shape);
    settle(schedule, shape->bucket, now);
    discord_buckets_busy(&schedule->buckets, shape);
}

static void take_from_shape(struct discord_schedule *schedule, struct discord_job *job,
                            uint64_t now)
{
    struct discord_shape *shape = job->shape;

    lift(shape->bucket);
    shape_out(shape);
    heap_remove(&shape->jobs, &job->place);
    shape_in(shape);
    settle(schedule, shape->bucket, now);
    if (!heap_first(&shape->jobs))
        discord_buckets_rest(&schedule->buckets, shape, now);
}

/* The answer told the shape's hash. */
static void rekey(struct discord_schedule *schedule, struct discord_shape *shape, const char *hash,
                  uint64_t now)
{
    struct discord_bucket *old;

    if (hash[0] == '\0')
        return;
    lift(shape->bucket);
    shape_out(shape);
    old = discord_buckets_rekey(&schedule->buckets, shape, hash);
    lift(shape->bucket);
    shape_in(shape);
    settle(schedule, shape->bucket, now);
    if (old)
        settle(schedule, old, now);
}

/* ---- jobs ---------------------------------------------------------------------------------- */

static void wait_in_shape(struct discord_schedule *schedule, struct discord_job *job, uint64_t now)
{
    char key[512];

    job->state = DISCORD_JOB_QUEUED;
    snprintf(key, sizeof(key), "%s %s%s %s", job->method, job->no_auth ? "-" : "", job->route,
             job->major ? job->major : "");
    job->shape = discord_buckets_shape(&schedule->buckets, key, job->major, job->no_auth);
    put_in_shape(schedule, job, now);
}

/* Takes a job that does not fly out of wherever it waits. */
static void withdraw(struct discord_schedule *schedule, struct discord_job *job, uint64_t now)
{
    if (job->state == DISCORD_JOB_QUEUED)
        take_from_shape(schedule, job, now);
    else if (job->state == DISCORD_JOB_DELAYED)
        heap_remove(&schedule->delayed, &job->place);
    heap_remove(&schedule->late, &job->lateness);
    schedule->waiting--;
}

static void end(struct discord_schedule *schedule, struct discord_job *job, troupe_status status)
{
    job->state = DISCORD_JOB_ENDED;
    job->status = status;
    list_append(&schedule->ended, &job->ended);
}

static void key_check(struct discord_schedule *schedule, struct discord_key *key)
{
    if (key->waiting || key->flying)
        return;
    map_remove(&schedule->keys, key->name);
    mem_free(key->name);
    mem_free(key);
}

/* A job that did not fly has ended. */
static void end_waiting(struct discord_schedule *schedule, struct discord_job *job,
                        troupe_status status, uint64_t now)
{
    struct discord_key *key = job->key;

    withdraw(schedule, job, now);
    if (key) {
        key->waiting = NULL;
        key_check(schedule, key);
    }
    end(schedule, job, status);
}

/* Waiting has not led anywhere: why. */
static troupe_status gave_up(const struct discord_schedule *schedule, const struct discord_job *job,
                             bool stopped)
{
    bool tried = job->sent || schedule->gate.unreached > 0;

    return job->doubt ? TROUPE_MAYBE_DONE : stopped || tried ? TROUPE_UNAVAILABLE : TROUPE_DEADLINE;
}

static void expire(struct discord_schedule *schedule, uint64_t now)
{
    uint64_t stop = discord_gate_stopped(&schedule->gate);
    struct heap_node *node;

    while ((node = heap_first(&schedule->late)) != NULL) {
        struct discord_job *job = container_of(node, struct discord_job, lateness);
        bool stopped = stop > now && job->deadline <= stop;

        if (job->deadline > now && !stopped)
            return;
        end_waiting(schedule, job, gave_up(schedule, job, stopped), now);
    }
}

static void place(struct discord_schedule *schedule, struct discord_job *job, uint64_t now)
{
    schedule->waiting++;
    heap_add(&schedule->late, &job->lateness);
    if (job->key && job->key->flying) {
        job->state = DISCORD_JOB_HELD;
    } else if (job->due > now) {
        job->state = DISCORD_JOB_DELAYED;
        heap_add(&schedule->delayed, &job->place);
    } else {
        wait_in_shape(schedule, job, now);
    }
}

/* The key's newest takes the place of the one that waits. */
static void coalesce(struct discord_schedule *schedule, struct discord_job *job, uint64_t now)
{
    struct discord_key *key = map_get(&schedule->keys, job->coalesce);
    struct discord_job *old;

    if (!key) {
        key = mem_zero(1, sizeof(*key));
        key->name = mem_strdup(job->coalesce);
        map_set(&schedule->keys, job->coalesce, key);
    }
    old = key->waiting;
    if (old) {
        withdraw(schedule, old, now);
        job->seq = old->seq;
        job->priority = old->priority < job->priority ? old->priority : job->priority;
        job->due = old->due;
        schedule->coalesced++;
        end(schedule, old, TROUPE_CANCELED);
    }
    key->waiting = job;
    job->key = key;
}

static char *gone_key(const struct discord_job *job, char out[256])
{
    snprintf(out, 256, "%s", job->major);
    return out;
}

static bool is_gone(const struct discord_schedule *schedule, const struct discord_job *job)
{
    char key[256];

    return job->no_auth && job->major && map_get(&schedule->gone, gone_key(job, key)) != NULL;
}

troupe_status discord_schedule_add(struct discord_schedule *schedule, struct discord_job *job,
                                   uint64_t now, struct error *err)
{
    if (discord_gate_stopped(&schedule->gate) == DISCORD_NEVER)
        return error_set(err, TROUPE_UNAVAILABLE, "%s", schedule->gate.why);
    if (schedule->waiting >= DISCORD_WAITING_MAX)
        return error_set(err, TROUPE_BUSY, "%d requests to Discord are waiting already",
                         DISCORD_WAITING_MAX);
    list_init(&job->ended);
    job->seq = ++schedule->seq;
    job->due = 0;
    if (job->coalesce)
        coalesce(schedule, job, now);
    place(schedule, job, now);
    return TROUPE_OK;
}

/* ---- sending ------------------------------------------------------------------------------- */

/* Takes up whatever waited for a time that has come. */
static void release(struct discord_schedule *schedule, uint64_t now)
{
    struct heap_node *node;

    while ((node = heap_first(&schedule->delayed)) != NULL) {
        struct discord_job *job = container_of(node, struct discord_job, place);

        if (job->due > now)
            break;
        heap_remove(&schedule->delayed, node);
        wait_in_shape(schedule, job, now);
    }
    while ((node = heap_first(&schedule->parked)) != NULL) {
        struct discord_shape *shape = container_of(node, struct discord_shape, place);

        if (shape->parked_until > now)
            break;
        heap_remove(&schedule->parked, node);
        shape->parked = false;
        lift(shape->bucket);
        shape_in(shape);
        settle(schedule, shape->bucket, now);
    }
    while ((node = heap_first(&schedule->blocked)) != NULL) {
        struct discord_bucket *bucket = container_of(node, struct discord_bucket, place);

        if (bucket->wake > now)
            break;
        settle(schedule, bucket, now);
    }
}

static struct discord_job *choose(const struct discord_schedule *schedule, uint64_t now)
{
    const struct discord_job *best = NULL;

    for (int exempt = 0; exempt < 2; exempt++) {
        struct heap_node *node = heap_first(&schedule->ready[exempt]);
        const struct discord_job *job;

        if (!node || discord_gate_opens(&schedule->gate, now, exempt) > now)
            continue;
        job = best_of_bucket(container_of(node, struct discord_bucket, place));
        if (!best || goes_first(job, best))
            best = job;
    }
    return (struct discord_job *)best;
}

struct discord_job *discord_schedule_next(struct discord_schedule *schedule, uint64_t now)
{
    struct discord_job *job;

    expire(schedule, now);
    release(schedule, now);
    for (;;) {
        if (schedule->flying >= schedule->flying_max)
            return NULL;
        job = choose(schedule, now);
        if (!job || !is_gone(schedule, job))
            break;
        end_waiting(schedule, job, TROUPE_NOT_FOUND, now);
    }
    if (!job)
        return NULL;
    job->bucket = job->shape->bucket;
    job->bucket->in_flight++;
    job->shape->in_flight++;
    withdraw(schedule, job, now); /* settles the bucket, too */
    job->state = DISCORD_JOB_FLYING;
    job->sent = true;
    schedule->flying++;
    schedule->left++;
    if (job->key) {
        job->key->flying = job;
        job->key->waiting = NULL;
    }
    job->number = discord_gate_left(&schedule->gate, now, job->no_auth);
    return job;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t discord_schedule_wake(const struct discord_schedule *schedule, uint64_t now)
{
    uint64_t wake = UINT64_MAX;
    struct heap_node *node;

    if ((node = heap_first(&schedule->late)) != NULL)
        wake = container_of(node, struct discord_job, lateness)->deadline;
    if (schedule->flying >= schedule->flying_max)
        return wake; /* nothing leaves before an answer */
    if ((node = heap_first(&schedule->delayed)) != NULL)
        wake = sooner(wake, container_of(node, struct discord_job, place)->due);
    if ((node = heap_first(&schedule->parked)) != NULL)
        wake = sooner(wake, container_of(node, struct discord_shape, place)->parked_until);
    if ((node = heap_first(&schedule->blocked)) != NULL)
        wake = sooner(wake, container_of(node, struct discord_bucket, place)->wake);
    for (int exempt = 0; exempt < 2; exempt++)
        if (heap_first(&schedule->ready[exempt]))
            wake = sooner(wake, discord_gate_opens(&schedule->gate, now, exempt));
    return wake;
}

/* ---- what became of it --------------------------------------------------------------------- */

/* The job is back. `limits` NULL: without an answer. */
static void land(struct discord_schedule *schedule, struct discord_job *job, uint64_t now,
                 const struct discord_limits *limits)
{
    struct discord_bucket *bucket = job->bucket;
    struct discord_shape *shape = job->shape;

    discord_gate_landed(&schedule->gate, job->number, now);
    schedule->flying--;
    shape->in_flight--;
    job->bucket = NULL;
    if (limits) /* `bucket` stays: the job is still in flight there */
        rekey(schedule, shape, limits->bucket, now);
    bucket->in_flight--;
    discord_bucket_answer(limits ? shape->bucket : bucket, now, limits);
    settle(schedule, shape->bucket, now);
    if (bucket != shape->bucket) {
        settle(schedule, bucket, now);
        discord_buckets_drop(&schedule->buckets, bucket);
    }
}

static void end_flying(struct discord_schedule *schedule, struct discord_job *job,
                       troupe_status status, uint64_t now)
{
    struct discord_key *key = job->key;

    end(schedule, job, status);
    if (!key)
        return;
    key->flying = NULL;
    if (key->waiting) { /* it was held: its turn */
        schedule->waiting--;
        heap_remove(&schedule->late, &key->waiting->lateness);
        place(schedule, key->waiting, now);
    }
    key_check(schedule, key);
}

/* It is sent again, not before `due`, unless a newer one has come. */
static void again(struct discord_schedule *schedule, struct discord_job *job, uint64_t due,
                  uint64_t now)
{
    struct discord_key *key = job->key;

    schedule->retried++;
    if (key && key->waiting) {
        schedule->coalesced++;
        end_flying(schedule, job, TROUPE_CANCELED, now);
        return;
    }
    if (key) {
        key->flying = NULL;
        key->waiting = job;
    }
    job->due = due;
    place(schedule, job, now);
}

/* It may have been done, and nobody tells. */
static void doubtful(struct discord_schedule *schedule, struct discord_job *job, uint64_t now)
{
    job->doubt = true;
    job->tries++;
    if (!job->repeatable || job->tries >= DISCORD_TRIES_MAX)
        end_flying(schedule, job, TROUPE_MAYBE_DONE, now);
    else
        again(schedule, job,
              now + discord_gate_backoff(&schedule->gate, job->tries - 1, RETRY_MS, RETRY_MAX_MS),
              now);
}

static void limited(struct discord_schedule *schedule, struct discord_job *job, uint64_t now,
                    const struct discord_limits *limits)
{
    uint64_t wait = limits->has_retry ? limits->retry_ms
                    : limits->counted ? limits->reset_ms
                                      : LIMITED_MS;

    schedule->limited++;
    if (limits->cloudflare || (limits->scope == DISCORD_SCOPE_GLOBAL && !job->no_auth)) {
        /* the gate knows */
    } else if (limits->counted && limits->remaining == 0 && limits->scope != DISCORD_SCOPE_SHARED) {
        struct discord_bucket *bucket = job->shape->bucket;

        wait = wait > limits->reset_ms ? wait : limits->reset_ms;
        if (bucket->blocked_until < now + wait)
            bucket->blocked_until = now + wait;
        settle(schedule, bucket, now);
    } else { /* the bucket has room: a limit of this kind of request only, or one shared with others */
        park(schedule, job->shape, now + wait, now);
    }
    again(schedule, job, 0, now);
}

static void remember_gone(struct discord_schedule *schedule, const struct discord_job *job)
{
    char key[256];

    if (!job->major)
        return;
    if (schedule->gone.count >= GONE_MAX)
        map_clear(&schedule->gone);
    map_set(&schedule->gone, gone_key(job, key), schedule);
}

static troupe_status status_of(int status)
{
    return status < 300                     ? TROUPE_OK
           : status == 401 || status == 403 ? TROUPE_DENIED
           : status == 404                  ? TROUPE_NOT_FOUND
                                            : TROUPE_ARGUMENT;
}

void discord_schedule_answer(struct discord_schedule *schedule, struct discord_job *job,
                             uint64_t now, const struct discord_limits *limits)
{
    bool not_ready = limits->status == 202 && limits->has_retry && limits->code != 0;

    land(schedule, job, now, limits);
    discord_gate_answer(&schedule->gate, now, job->no_auth, limits);
    if (discord_limits_invalid(limits))
        schedule->invalid++;
    if (job->no_auth &&
        (limits->status == 401 || (limits->status == 404 && limits->code != UNKNOWN_MESSAGE)))
        remember_gone(schedule, job);
    if (limits->status == 429)
        limited(schedule, job, now, limits);
    else if (limits->status >= 500 || limits->status == 408)
        doubtful(schedule, job, now);
    else if (not_ready && job->repeatable && ++job->tries < DISCORD_TRIES_MAX)
        again(schedule, job, now + (limits->retry_ms ? limits->retry_ms : NOT_READY_MS), now);
    else
        end_flying(schedule, job, status_of(limits->status), now);
    if (discord_gate_stopped(&schedule->gate) == DISCORD_NEVER)
        discord_schedule_end_all(schedule, TROUPE_UNAVAILABLE);
}

void discord_schedule_lost(struct discord_schedule *schedule, struct discord_job *job, uint64_t now,
                           bool left)
{
    land(schedule, job, now, NULL);
    if (left) {
        doubtful(schedule, job, now);
        return;
    }
    discord_gate_unreached(&schedule->gate, now);
    again(schedule, job, 0, now);
}

void discord_schedule_fail(struct discord_schedule *schedule, struct discord_job *job, uint64_t now,
                           troupe_status status)
{
    land(schedule, job, now, NULL);
    end_flying(schedule, job, status, now);
}

bool discord_schedule_take_back(struct discord_schedule *schedule, const char *key, uint64_t now)
{
    const struct discord_key *found = map_get(&schedule->keys, key);

    if (!found || !found->waiting || found->waiting->doubt)
        return false;
    end_waiting(schedule, found->waiting, TROUPE_CANCELED, now);
    return true;
}

void discord_schedule_end_all(struct discord_schedule *schedule, troupe_status status)
{
    struct heap_node *node;

    while ((node = heap_first(&schedule->late)) != NULL) {
        struct discord_job *job = container_of(node, struct discord_job, lateness);

        end_waiting(schedule, job, job->doubt ? TROUPE_MAYBE_DONE : status, 0);
    }
}

struct discord_job *discord_schedule_ended(struct discord_schedule *schedule)
{
    struct list_link *link = list_pop(&schedule->ended);

    return link ? container_of(link, struct discord_job, ended) : NULL;
}

/* ---- life ---------------------------------------------------------------------------------- */

void discord_schedule_init(struct discord_schedule *schedule, unsigned flying_max,
                           uint32_t global_limit, uint64_t seed)
{
    *schedule = (struct discord_schedule){.flying_max = flying_max};
    discord_gate_init(&schedule->gate, global_limit, seed);
    discord_buckets_init(&schedule->buckets, shape_before, job_before);
    heap_init(&schedule->ready[0], bucket_before);
    heap_init(&schedule->ready[1], bucket_before);
    heap_init(&schedule->blocked, wakes_before);
    heap_init(&schedule->parked, unparked_before);
    heap_init(&schedule->delayed, due_before);
    heap_init(&schedule->late, late_before);
    list_init(&schedule->ended);
}

void discord_schedule_clear(struct discord_schedule *schedule)
{
    for (int i = 0; i < 2; i++)
        heap_clear(&schedule->ready[i]);
    heap_clear(&schedule->blocked);
    heap_clear(&schedule->parked);
    heap_clear(&schedule->delayed);
    heap_clear(&schedule->late);
    discord_buckets_clear(&schedule->buckets);
    map_clear(&schedule->keys);
    map_clear(&schedule->gone);
    discord_gate_clear(&schedule->gate);
}
