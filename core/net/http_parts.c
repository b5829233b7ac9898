/* SPDX-License-Identifier: Apache-2.0
 *
 * A body that is sent from where its parts are. The thread reads them while whoever asked waits in http_open; the
 * lock is for the end of that, which a called-off coroutine may come to at any time.
 */
#include "net/http_private.h"

#include "base/base64.h"
#include "base/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define SLICE ((size_t)48 * 1024) /* bytes that are made under the lock; of base64 whole groups */

struct http_parts {
    atomic_uint refs;
    size_t size; /* as it is sent */
    pthread_mutex_t lock;
    /* Below the lock: */
    struct http_part *parts; /* NULL: they are the caller's again */
    size_t count;
    size_t at;      /* bytes sent in this hop                                              */
    char *rest;     /* where the answer began before all was sent: what was to follow then … */
    size_t rest_at; /* … from here on                                                      */
};

static bool size_of(const struct http_part *part, size_t *ret)
{
    size_t groups = part->len / 3 + (part->len % 3 != 0);

    if (part->base64)
        return size_mul(groups, 4, ret);
    *ret = part->len;
    return true;
}

struct http_parts *http_parts_new(const struct http_part *parts, size_t count)
{
    struct http_parts *body;
    size_t size = 0, more;

    for (size_t i = 0; i < count; i++)
        if (!size_of(&parts[i], &more) || !size_add(size, more, &size))
            return NULL;
    body = mem_zero(1, sizeof(*body));
    atomic_init(&body->refs, 1);
    pthread_mutex_init(&body->lock, NULL);
    body->parts = mem_copy(parts, count * sizeof(*parts));
    body->count = count;
    body->size = size;
    return body;
}

struct http_parts *http_parts_ref(struct http_parts *body)
{
    atomic_fetch_add_explicit(&body->refs, 1, memory_order_relaxed);
    return body;
}

void http_parts_unref(struct http_parts *body)
{
    if (!body || atomic_fetch_sub_explicit(&body->refs, 1, memory_order_acq_rel) > 1)
        return;
    pthread_mutex_destroy(&body->lock);
    if (body->rest)
        explicit_bzero(body->rest, body->size - body->rest_at);
    mem_free(body->rest);
    mem_free(body->parts);
    mem_free(body);
}

size_t http_parts_size(const struct http_parts *body)
{
    return body->size;
}

/* ---- what is sent -------------------------------------------------------------------------- */

/* Text of the part from its `at`-th character on, which there is. */
static size_t put_base64(const struct http_part *part, size_t at, char *out, size_t room)
{
    const unsigned char *in = part->data;
    size_t from = at / 4 * 3, skip = at % 4, done = 0;
    char group[4];

    for (; done < room && from < part->len; from += 3) {
        const size_t len = part->len - from < 3 ? part->len - from : 3;

        if (!skip && room - done >= 4) {
            base64_group(in + from, len, out + done);
            done += 4;
            continue;
        }
        base64_group(in + from, len, group);
        for (; skip < 4 && done < room; skip++)
            out[done++] = group[skip];
        skip = 0;
    }
    return done;
}

/* What stands from `at` on, as much as has room or there is. */
static size_t put(const struct http_parts *body, size_t at, char *out, size_t room)
{
    size_t done = 0, size = 0;

    for (size_t i = 0; i < body->count && done < room; i++, at -= at < size ? at : size) {
        const struct http_part *part = &body->parts[i];
        size_t len;

        (void)size_of(part, &size); /* which http_parts_new saw */
        if (at >= size)
            continue;
        len = size - at < room - done ? size - at : room - done;
        if (part->base64)
            len = put_base64(part, at, out + done, len);
        else
            memcpy(out + done, (const char *)part->data + at, len);
        done += len;
    }
    return done;
}

size_t http_parts_read(char *out, size_t size, size_t count, void *arg)
{
    struct http_parts *body = arg;
    size_t room = size * count < SLICE ? size * count : SLICE, len = CURL_READFUNC_ABORT;

    pthread_mutex_lock(&body->lock);
    if (body->at >= body->size) {
        len = 0;
    } else if (body->parts) {
        len = put(body, body->at, out, room);
    } else if (body->rest && body->at >= body->rest_at) {
        len = body->size - body->at < room ? body->size - body->at : room;
        memcpy(out, body->rest + (body->at - body->rest_at), len);
    }
    if (len != CURL_READFUNC_ABORT)
        body->at += len;
    pthread_mutex_unlock(&body->lock);
    return len;
}

int http_parts_seek(void *arg, curl_off_t offset, int origin)
{
    struct http_parts *body = arg;

    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > body->size)
        return CURL_SEEKFUNC_FAIL;
    pthread_mutex_lock(&body->lock);
    body->at = (size_t)offset;
    pthread_mutex_unlock(&body->lock);
    return CURL_SEEKFUNC_OK;
}

size_t http_parts_let_go(struct http_parts *body, bool goes_on)
{
    size_t copied = 0;

    pthread_mutex_lock(&body->lock);
    if (body->parts && goes_on && body->at < body->size) {
        body->rest_at = body->at;
        copied = body->size - body->at;
        body->rest = mem_alloc(copied);
        (void)put(body, body->at, body->rest, copied);
    }
    mem_free(body->parts);
    body->parts = NULL;
    pthread_mutex_unlock(&body->lock);
    return copied;
}
