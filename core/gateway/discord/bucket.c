/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/bucket.h"

#include "base/mem.h"

#include <string.h>

#define SAME_WINDOW_MS                                                                             \
    1000u /* how far the ends of one window may lie apart, as answers tell them */

void discord_buckets_init(struct discord_buckets *buckets,
                          bool (*shape_before)(const struct heap_node *, const struct heap_node *),
                          bool (*job_before)(const struct heap_node *, const struct heap_node *))
{
    *buckets = (struct discord_buckets){.shape_before = shape_before, .job_before = job_before};
    list_init(&buckets->idle);
}

static void free_shape(struct discord_buckets *buckets, struct discord_shape *shape)
{
    struct discord_bucket *bucket = shape->bucket;

    list_remove(&shape->idle);
    map_remove(&buckets->shapes, shape->key);
    heap_clear(&shape->jobs);
    mem_free(shape->key);
    mem_free(shape->major);
    mem_free(shape);
    bucket->shape_count--;
    discord_buckets_drop(buckets, bucket);
}

void discord_buckets_clear(struct discord_buckets *buckets)
{
    while (buckets->shapes.count > 0)
        free_shape(buckets, buckets->shapes.entries[buckets->shapes.count - 1].value);
    map_clear(&buckets->shapes);
    map_clear(&buckets->buckets);
}

static struct discord_bucket *bucket_new(const struct discord_buckets *buckets, bool exempt)
{
    struct discord_bucket *bucket = mem_zero(1, sizeof(*bucket));

    bucket->exempt = exempt;
    heap_init(&bucket->shapes, buckets->shape_before);
    return bucket;
}

void discord_buckets_drop(struct discord_buckets *buckets, struct discord_bucket *bucket)
{
    if (bucket->shape_count > 0 || bucket->in_flight > 0)
        return;
    if (bucket->in)
        heap_remove(bucket->in, &bucket->place);
    if (bucket->key)
        map_remove(&buckets->buckets, bucket->key);
    heap_clear(&bucket->shapes);
    mem_free(bucket->key);
    mem_free(bucket);
}

struct discord_shape *discord_buckets_shape(struct discord_buckets *buckets, const char *key,
                                            const char *major, bool exempt)
{
    struct discord_shape *shape = map_get(&buckets->shapes, key);

    if (shape)
        return shape;
    shape = mem_zero(1, sizeof(*shape));
    list_init(&shape->idle);
    shape->key = mem_strdup(key);
    shape->major = mem_strdup(major);
    shape->bucket = bucket_new(buckets, exempt);
    shape->bucket->shape_count = 1;
    heap_init(&shape->jobs, buckets->job_before);
    map_set(&buckets->shapes, key, shape);
    return shape;
}

struct discord_bucket *discord_buckets_rekey(struct discord_buckets *buckets,
                                             struct discord_shape *shape, const char *hash)
{
    struct discord_bucket *old = shape->bucket, *bucket;
    _cleanup_mem_ char *key =
        mem_printf("%s %s%s", hash, old->exempt ? "exempt " : "", shape->major);

    if (old->key && strcmp(old->key, key) == 0)
        return NULL;
    bucket = map_get(&buckets->buckets, key);
    if (!bucket && !old->key) { /* the first that is told: it was only the name that lacked */
        old->key = mem_strdup(key);
        map_set(&buckets->buckets, key, old);
        return NULL;
    }
    if (!bucket) {
        bucket = bucket_new(buckets, old->exempt);
        bucket->key = mem_strdup(key);
        map_set(&buckets->buckets, key, bucket);
    }
    bucket->shape_count++;
    shape->bucket = bucket;
    if (--old->shape_count > 0 || old->in_flight > 0)
        return old;
    discord_buckets_drop(buckets, old);
    return NULL;
}

void discord_buckets_busy(struct discord_buckets *buckets, struct discord_shape *shape)
{
    if (list_empty(&shape->idle))
        return;
    list_remove(&shape->idle);
    buckets->idle_count--;
}

void discord_buckets_rest(struct discord_buckets *buckets, struct discord_shape *shape,
                          uint64_t now)
{
    discord_buckets_busy(buckets, shape);
    list_append(&buckets->idle, &shape->idle);
    buckets->idle_count++;
    while (buckets->idle_count > DISCORD_SHAPES_KEPT) {
        struct discord_shape *oldest = container_of(buckets->idle.next, struct discord_shape, idle);
        const struct discord_bucket *bucket = oldest->bucket;

        if (oldest->in_flight > 0 || bucket->in_flight > 0 || bucket->reset > now ||
            bucket->blocked_until > now || oldest->parked)
            break; /* its limits still hold; another time */
        buckets->idle_count--;
        free_shape(buckets, oldest);
    }
}

uint64_t discord_bucket_opens(const struct discord_bucket *bucket, uint64_t now)
{
    uint32_t left;

    if (bucket->blocked_until > now)
        return bucket->blocked_until;
    if (!bucket->known)
        return bucket->in_flight > 0 ? UINT64_MAX : now;
    if (bucket->unlimited)
        return now;
    left = now >= bucket->reset ? bucket->limit : bucket->remaining;
    if (left > bucket->in_flight)
        return now;
    /* All are in flight: the answers tell more. */
    return now >= bucket->reset ? UINT64_MAX : bucket->reset;
}

void discord_bucket_answer(struct discord_bucket *bucket, uint64_t now,
                           const struct discord_limits *limits)
{
    uint64_t reset;

    if (!limits || !limits->counted) {
        if (limits && limits->status < 400 && !bucket->known)
            bucket->known = bucket->unlimited = true; /* "optional on some routes" */
        else if (bucket->remaining > 0)
            bucket->remaining--; /* it may have been counted */
        return;
    }
    reset = now + limits->reset_ms + DISCORD_ROUNDING_MS;
    /* Answers overtake each other. Within a window the lowest number is the newest, and the earliest
     * end the best guess, because each has the answer's way in it. */
    if (!bucket->known || bucket->unlimited || now >= bucket->reset ||
        reset > bucket->reset + SAME_WINDOW_MS || limits->limit != bucket->limit) {
        bucket->remaining = limits->remaining;
        bucket->reset = reset;
    } else {
        bucket->remaining =
            limits->remaining < bucket->remaining ? limits->remaining : bucket->remaining;
        bucket->reset = reset < bucket->reset ? reset : bucket->reset;
    }
    bucket->limit = limits->limit > 0 ? limits->limit : 1; /* never a bucket that stays shut */
    bucket->known = true;
    bucket->unlimited = false;
}
