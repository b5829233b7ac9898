/* SPDX-License-Identifier: Apache-2.0
 *
 * What the readers of a driver share: the line of waiting queries, of which the first free reader
 * takes the next, so that a slow query holds up one reader and nobody else. And the start of a
 * driver's threads.
 */
#ifndef STORE_READING_H
#define STORE_READING_H

#include "store/driver.h"

#include <pthread.h>

struct store_reading {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct store_request *first, **last;
    bool closed;
};

void store_reading_init(struct store_reading *reading);
void store_reading_clear(struct store_reading *reading);
void store_reading_push(struct store_reading *reading, struct store_request *request);
/* Those that take get what is left, and then nothing. */
void store_reading_close(struct store_reading *reading);
/* Waits for the next query; NULL: closed, and nothing is left. */
struct store_request *store_reading_take(struct store_reading *reading);

/* pthread_create with every signal blocked that a thread of ours must not take. */
troupe_status store_thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg,
                                 const char *name, struct error *err);

#endif
