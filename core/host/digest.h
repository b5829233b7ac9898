/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 of what may be many megabytes, as 64 hexadecimal digits: short bytes at once, long ones a portion at a
 * time on the worker pool, while other turns go on. Loop thread.
 */
#ifndef HOST_DIGEST_H
#define HOST_DIGEST_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define HOST_DIGEST 64

struct pool;

/* TROUPE_BUSY: too much waits for a thread. [waits] */
troupe_status host_digest(struct pool *pool, const void *data, size_t len, uint64_t deadline,
                          char ret[HOST_DIGEST + 1], struct error *err);

#endif
