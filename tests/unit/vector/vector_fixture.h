/* SPDX-License-Identifier: Apache-2.0
 *
 * An index in a directory of its own, and numbers that look random and are always the same.
 */
#ifndef TESTS_VECTOR_FIXTURE_H
#define TESTS_VECTOR_FIXTURE_H

#include "tap.h"

#include "base/buf.h"
#include "base/mem.h"
#include "store/vector.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct vectors {
    char dir[64], path[96];
    struct vector_options options;
    struct vector_index *index;
    struct error err;
};

static inline void vectors_open(struct vectors *v)
{
    v->options.path = v->path;
    if (vector_open(&v->options, &v->index, &v->err) != TROUPE_OK)
        fail_msg("vector_open: %s", v->err.text);
}

static inline void vectors_reopen(struct vectors *v)
{
    vector_close(v->index);
    v->index = NULL;
    vectors_open(v);
}

static inline int vectors_setup(void **state)
{
    struct vectors *v = mem_zero(1, sizeof(*v));

    snprintf(v->dir, sizeof(v->dir), "/tmp/troupe-vector-XXXXXX");
    assert_non_null(mkdtemp(v->dir));
    snprintf(v->path, sizeof(v->path), "%s/vectors", v->dir);
    vectors_open(v);
    *state = v;
    return 0;
}

static inline int vectors_teardown(void **state)
{
    struct vectors *v = *state;

    vector_close(v->index);
    unlink(v->path);
    rmdir(v->dir);
    mem_free(v);
    return 0;
}

static inline uint64_t next_random(uint64_t *seed)
{
    uint64_t x = *seed += UINT64_C(0x9e3779b97f4a7c15);

    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* About normal: mean 0, deviation 1. */
static inline float next_normal(uint64_t *seed)
{
    double sum = 0;

    for (int i = 0; i < 4; i++)
        sum += (double)(next_random(seed) >> 11) / 9007199254740992.0 - 0.5;
    return (float)(sum * 1.7320508);
}

static inline void fill_random(uint64_t *seed, float *values, size_t dim)
{
    for (size_t i = 0; i < dim; i++)
        values[i] = next_normal(seed);
}

static inline void put(struct vectors *v, const char *scope, const char *key, const float *values,
                       size_t dim)
{
    if (vector_put(v->index, scope, key, values, dim, 7, &v->err) != TROUPE_OK)
        fail_msg("vector_put %s: %s", key, v->err.text);
}

static inline size_t count_of(const struct vectors *v)
{
    struct vector_stats stats;

    vector_stats(v->index, &stats);
    return stats.vectors;
}

/* The key of what is nearest in the scope; "" for none. */
static inline const char *nearest(struct vectors *v, const char *scope, const float *query,
                                  size_t dim)
{
    struct vector_hit hit = {0};
    size_t count = 99;

    assert_int_equal(vector_search(v->index, scope, query, dim, 1, &hit, &count, &v->err),
                     TROUPE_OK);
    return count ? hit.key : "";
}

/* The whole file behind a descriptor. */
static inline void read_all(int fd, struct buf *out)
{
    char part[4096];
    ssize_t n;

    for (off_t at = 0; (n = pread(fd, part, sizeof(part), at)) > 0; at += n)
        buf_append(out, part, (size_t)n);
}

static inline void read_path(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    assert_true(fd >= 0);
    read_all(fd, out);
    close(fd);
}

static inline void write_path(const char *path, const void *data, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, len), (ssize_t)len);
    close(fd);
}

#endif
