/* SPDX-License-Identifier: Apache-2.0
 *
 * Does what it is ordered to: while it is loaded ('e') or when an agent is created ('l'). The order
 * stands in the file, where a test writes it; the rest of the bytes is the same.
 */
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <troupe/troupe.h>
#include <unistd.h>

/* "hostile-order:" and two letters. */
static const volatile char order[] = "hostile-order:--";

#define TRIES 1000

__attribute__((noinline)) static size_t exhaust(size_t depth)
{
    volatile char frame[512];

    frame[0] = (char)depth;
    return depth ? exhaust(depth + 1) + (size_t)frame[0] : 0;
}

static void *idle(void *arg)
{
    return arg;
}

/* Whatever grew is told by the status; else it goes as a crash. */
static void storm(int threads)
{
    for (int i = 0; i < TRIES; i++) {
        pthread_t thread;
        int grew = threads ? pthread_create(&thread, NULL, idle, NULL) == 0 : fork() >= 0;

        if (grew)
            _exit(42);
    }
    abort();
}

static void leak(void)
{
    size_t taken = 0;
    void *block;

    while ((block = malloc(1 << 20))) {
        memset(block, 1, 1 << 20);
        if (++taken > 1024)
            _exit(42);
    }
    abort();
}

static void misbehave(char kind)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    int *volatile nowhere = (int *)(uintptr_t)8;

    switch (kind) {
    case 's': *nowhere = 1; break;
    case 'a': abort();
    case 'x': exit(3);
    case 'o': _exit((int)exhaust(1)); break;
    case 'p':
        for (;;)
            __asm__ volatile("" ::: "memory");
    case 'd':
        pthread_mutex_lock(&lock);
        pthread_mutex_lock(&lock);
        break;
    case 'm': leak(); break;
    case 'f': storm(0); break;
    case 't': storm(1); break;
    case 'k': kill(getppid(), SIGKILL); abort();
    case 'e': execl("/bin/true", "true", (char *)NULL); break;
    default: break;
    }
}

__attribute__((constructor)) static void before_anything(void)
{
    if (order[14] == 'e')
        misbehave(order[15]);
}

static troupe_status create(troupe_host *host, void **ret_state)
{
    (void)host;
    *ret_state = NULL;
    if (order[14] == 'l')
        misbehave(order[15]);
    return TROUPE_OK;
}

static troupe_status stage(troupe_turn *turn)
{
    (void)turn;
    return TROUPE_NEXT;
}

TROUPE_PLUGIN("org.example.hostile", "1.0.0", "Does harm", .create = create, .stage = stage);
