/* SPDX-License-Identifier: Apache-2.0 */
#include "store/reading.h"

#include <signal.h>

void store_reading_init(struct store_reading *reading)
{
    pthread_mutex_init(&reading->lock, NULL);
    pthread_cond_init(&reading->wake, NULL);
    reading->first = NULL;
    reading->last = &reading->first;
    reading->closed = false;
}

void store_reading_clear(struct store_reading *reading)
{
    pthread_cond_destroy(&reading->wake);
    pthread_mutex_destroy(&reading->lock);
}

void store_reading_push(struct store_reading *reading, struct store_request *request)
{
    pthread_mutex_lock(&reading->lock);
    request->next = NULL;
    *reading->last = request;
    reading->last = &request->next;
    pthread_cond_signal(&reading->wake);
    pthread_mutex_unlock(&reading->lock);
}

void store_reading_close(struct store_reading *reading)
{
    pthread_mutex_lock(&reading->lock);
    reading->closed = true;
    pthread_cond_broadcast(&reading->wake);
    pthread_mutex_unlock(&reading->lock);
}

struct store_request *store_reading_take(struct store_reading *reading)
{
    struct store_request *request;

    pthread_mutex_lock(&reading->lock);
    while (!reading->first && !reading->closed)
        pthread_cond_wait(&reading->wake, &reading->lock);
    request = reading->first;
    if (request) {
        reading->first = request->next;
        if (!reading->first)
            reading->last = &reading->first;
    }
    pthread_mutex_unlock(&reading->lock);
    return request;
}

troupe_status store_thread_start(pthread_t *thread, void *(*run)(void *arg), void *arg,
                                 const char *name, struct error *err)
{
    sigset_t block, old;
    int code;

    sigfillset(&block);
    sigdelset(&block, SIGSEGV);
    sigdelset(&block, SIGBUS);
    sigdelset(&block, SIGFPE);
    sigdelset(&block, SIGILL);
    sigdelset(&block, SIGABRT);
    pthread_sigmask(SIG_SETMASK, &block, &old);
    code = pthread_create(thread, NULL, run, arg);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (code)
        return error_set(err, TROUPE_NOMEM,
                         "no thread for the store (%s): raise the limit of tasks", strerror(code));
    pthread_setname_np(*thread, name);
    return TROUPE_OK;
}
