/* SPDX-License-Identifier: Apache-2.0
 *
 * Buckets of Discord's rate limits (rate-limits.mdx, "Header Format"). Requests of one shape - method,
 * route, major parameter - share a bucket; which one only an answer tells, by its hash. Until then a
 * shape has a bucket of its own that lets one request at a time through. The key is (hash, major
 * parameter), and several shapes may have the same. Here is only who waits behind what; when and
 * what is sent is the schedule's (schedule.h). Pure.
 */
#ifndef GATEWAY_DISCORD_BUCKET_H
#define GATEWAY_DISCORD_BUCKET_H

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"
#include "gateway/discord/limits.h"

#define DISCORD_ROUNDING_MS 10u  /* what answers and our clock may round away of a window's end */
#define DISCORD_SHAPES_KEPT 4096 /* idle ones beyond are forgotten, the oldest first */

struct discord_bucket {
    char *key; /* "hash major"; NULL: of one shape, not told yet */
    size_t shape_count;
    uint32_t in_flight;    /* sent and not answered                              */
    bool known, unlimited; /* unlimited: an answer came without limits            */
    uint32_t limit;
    uint32_t remaining;     /* the lowest that this window's answers told        */
    uint64_t reset;         /* end of the window                                 */
    uint64_t blocked_until; /* after a 429                                       */
    struct heap shapes;     /* that have something to send and are not parked     */
    bool exempt;            /* of interactions and webhooks: no global limit      */
    struct heap_node place; /* in one of the schedule's heaps                     */
    struct heap *in;        /* that heap; NULL: none                              */
    uint64_t wake;          /* while blocked                                      */
};

struct discord_shape {
    struct list_link idle;
    char *key, *major; /* "METHOD route major" */
    struct discord_bucket *bucket;
    struct heap jobs;
    struct heap_node place; /* in the bucket's shapes, or in the schedule's parked ones */
    uint64_t parked_until;  /* after a 429 that was not about the bucket                */
    bool parked;
    uint32_t in_flight; /* of this shape, in whatever bucket                         */
};

struct discord_buckets {
    struct map shapes, buckets;
    struct list_link idle; /* shapes without jobs, the oldest first */
    size_t idle_count;
    /* Order of a bucket's shapes, and of a shape's jobs. */
    bool (*shape_before)(const struct heap_node *a, const struct heap_node *b);
    bool (*job_before)(const struct heap_node *a, const struct heap_node *b);
};

void discord_buckets_init(struct discord_buckets *buckets,
                          bool (*shape_before)(const struct heap_node *, const struct heap_node *),
                          bool (*job_before)(const struct heap_node *, const struct heap_node *));
void discord_buckets_clear(struct discord_buckets *buckets); /* nothing waits or is in flight */
/* The shape of that key, a new one if need be. */
struct discord_shape *discord_buckets_shape(struct discord_buckets *buckets, const char *key,
                                            const char *major, bool exempt);
/* The shape's bucket is the one of `hash` from now on; returns the bucket it left where that is still
 * there and another one, else NULL. The shape is in no bucket's heap meanwhile. */
struct discord_bucket *discord_buckets_rekey(struct discord_buckets *buckets,
                                             struct discord_shape *shape, const char *hash);
/* A shape without jobs: it may be forgotten once its limits are over. */
void discord_buckets_rest(struct discord_buckets *buckets, struct discord_shape *shape,
                          uint64_t now);
void discord_buckets_busy(struct discord_buckets *buckets, struct discord_shape *shape);
/* A request of the bucket has come back, or its last shape was taken away: frees it if nobody is left. */
void discord_buckets_drop(struct discord_buckets *buckets, struct discord_bucket *bucket);

/* From when on it lets one more through: `now`, later, or UINT64_MAX after the next answer. */
uint64_t discord_bucket_opens(const struct discord_bucket *bucket, uint64_t now);
/* What an answer told; the request is not in flight any more. NULL: nothing was told. */
void discord_bucket_answer(struct discord_bucket *bucket, uint64_t now,
                           const struct discord_limits *limits);

#endif
