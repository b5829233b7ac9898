/* SPDX-License-Identifier: Apache-2.0
 *
 * The loop publishes when the span it is in began (internal.h); this thread looks at that twice per
 * `warn_ms` while there is progress and seldom while the loop sleeps. Who holds the loop, and where,
 * only the loop's thread can say without a race: it is sent a signal, and the handler copies the
 * running owner and takes a backtrace on the signal stack.
 *
 * Covered are coroutine slices, tasks, timers and closing callbacks; not libuv's callbacks inside
 * the poll, which in Troupe do nothing but make something ready.
 *
 * What this thread itself slept through (a debugger, a stopped process) is no hang of the loop.
 */
#include "loop/watchdog.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/internal.h"
#include "loop/marker.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define WARN_MS        5
#define ABORT_MS       2000
#define IDLE_MS        50 /* between two looks while nothing happens */
#define TICK_MAX_MS    100
#define ANSWER_POLL_NS 100000
#define ANSWER_POLLS   1000
#define FRAMES_MAX     48
#define FRAMES_SKIPPED 2 /* the handler and the signal's return */
#define SLOW_KEPT      16
#define NAME_MAX_LEN   64

enum question { NONE, ASKED, ANSWERING, ANSWERED };

/* Who held the loop. */
struct holder {
    uint64_t serial;
    char name[NAME_MAX_LEN];
    uint64_t turn;
    uint64_t ns;
};

struct watchdog {
    struct loop *loop;
    struct watchdog_options options;
    char *marker_path;
    uint64_t warn_ns, abort_ns;
    pthread_t thread;
    struct sigaction old_action;

    pthread_mutex_t lock; /* over the next four */
    pthread_cond_t wake;
    bool stop;
    struct holder slow[SLOW_KEPT]; /* spans that ended late */
    size_t slow_count;

    /* One question at a time to the loop's thread; the answer is the handler's until ANSWERED. */
    _Atomic(enum question) question;
    struct holder answer;
    void *frames[FRAMES_MAX];
    int frame_count;

    uint64_t reported, watched, held_ns; /* this thread's only */
    atomic_uint_least64_t warnings;
};

static void describe_holder(struct loop *loop, struct holder *ret)
{
    struct co_owner owner = {"core:loop", 0};
    size_t len;

    if (loop->running)
        owner = loop->running->owner;
    len = strnlen(owner.name, NAME_MAX_LEN - 1);
    memcpy(ret->name, owner.name, len);
    ret->name[len] = '\0';
    ret->turn = owner.turn;
    ret->serial = atomic_load_explicit(&loop->span.serial, memory_order_relaxed);
}

/* On the loop's thread, wherever it was. */
static void on_question(int number)
{
    struct loop *loop = loop_current();
    struct watchdog *watchdog = loop ? loop->watchdog : NULL;
    enum question asked = ASKED;
    int saved_errno = errno;

    (void)number;
    if (!watchdog || !atomic_compare_exchange_strong(&watchdog->question, &asked, ANSWERING))
        return;
    describe_holder(loop, &watchdog->answer);
    watchdog->frame_count = backtrace(watchdog->frames, FRAMES_MAX);
    atomic_store(&watchdog->question, ANSWERED);
    errno = saved_errno;
}

/* On the loop's thread at the end of each span. */
static void span_ended(struct loop *loop, uint64_t serial, uint64_t ns)
{
    struct watchdog *watchdog = loop->watchdog;

    if (ns < watchdog->warn_ns)
        return;
    pthread_mutex_lock(&watchdog->lock);
    if (watchdog->slow_count < SLOW_KEPT) {
        struct holder *slow = &watchdog->slow[watchdog->slow_count++];

        describe_holder(loop, slow);
        slow->serial = serial;
        slow->ns = ns;
    }
    pthread_cond_signal(&watchdog->wake);
    pthread_mutex_unlock(&watchdog->lock);
}

/* ---- the watchdog's thread ------------------------------------------------------------------- */

/* False when the loop's thread did not answer in time or has moved on. The answer takes microseconds
 * unless the thread is stuck in the kernel, so it is simply looked for. */
static bool ask(struct watchdog *watchdog, uint64_t serial)
{
    const struct timespec moment = {0, ANSWER_POLL_NS};

    atomic_store(&watchdog->question, ASKED);
    if (pthread_kill(watchdog->loop->thread, WATCHDOG_SIGNAL) != 0)
        return false;
    for (int looks = 0; atomic_load(&watchdog->question) != ANSWERED; looks++) {
        enum question asked = ASKED;

        if (looks > ANSWER_POLLS &&
            atomic_compare_exchange_strong(&watchdog->question, &asked, NONE))
            return false;
        nanosleep(&moment, NULL);
    }
    atomic_store(&watchdog->question, NONE);
    return watchdog->answer.serial == serial;
}

/* "function+0x12 (file)" a line, as far as exported symbols tell. */
static void describe_stack(const struct watchdog *watchdog, struct buf *text)
{
    for (int i = FRAMES_SKIPPED; i < watchdog->frame_count; i++) {
        const char *at = watchdog->frames[i], *file = "?", *slash;
        Dl_info info;

        if (!dladdr(at, &info)) {
            buf_printf(text, "%p\n", (const void *)at);
            continue;
        }
        if (info.dli_fname)
            file = (slash = strrchr(info.dli_fname, '/')) ? slash + 1 : info.dli_fname;
        if (info.dli_sname)
            buf_printf(text, "%s+0x%zx (%s)\n", info.dli_sname,
                       (size_t)(at - (const char *)info.dli_saddr), file);
        else
            buf_printf(text, "+0x%zx (%s)\n", (size_t)(at - (const char *)info.dli_fbase), file);
    }
}

static void report(struct watchdog *watchdog, const struct holder *holder, uint64_t ns,
                   const char *stack)
{
    uint32_t ms = (uint32_t)(ns / 1000000);
    _cleanup_buf_ struct buf line = BUF_INIT;

    atomic_fetch_add_explicit(&watchdog->warnings, 1, memory_order_relaxed);
    if (watchdog->options.slow) {
        watchdog->options.slow(watchdog->options.arg, holder->name, holder->turn, ms, stack);
        return;
    }
    buf_puts(&line, stack);
    for (size_t i = 0; i < line.len; i++)
        if (line.data[i] == '\n')
            line.data[i] = i + 1 < line.len ? '|' : '\0';
    log_warn("watchdog", "%s turn %llu held the loop for %u ms%s%s", holder->name,
             (unsigned long long)holder->turn, ms, line.len ? "; stack: " : "", buf_text(&line));
}

/* Spans that were over before anybody looked, or before the question arrived. */
static void report_ended(struct watchdog *watchdog, const struct holder *slow, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (slow[i].serial != watchdog->reported)
            report(watchdog, &slow[i], slow[i].ns, "");
}

static void give_up(struct watchdog *watchdog, uint64_t serial, uint64_t ns)
{
    struct holder holder = {.name = "unknown"};
    struct marker_line marker = {.len = 0};
    struct timespec moment = {1, 0};
    _cleanup_buf_ struct buf stack = BUF_INIT;

    if (ask(watchdog, serial)) {
        holder = watchdog->answer;
        describe_stack(watchdog, &stack);
    } else if (watchdog->loop->span.serial != serial) {
        return; /* it went on at the last moment */
    }
    marker_text(&marker, "hang ");
    marker_text(&marker, holder.name);
    marker_text(&marker, " ");
    marker_decimal(&marker, holder.turn);
    marker_write(watchdog->marker_path, &marker);
    log_error("watchdog", "%s turn %llu has held the loop for %llu ms; aborting, stack: %s",
              holder.name, (unsigned long long)holder.turn, (unsigned long long)(ns / 1000000),
              buf_text(&stack));
    /* The core should show the thread that hangs. */
    pthread_kill(watchdog->loop->thread, SIGABRT);
    nanosleep(&moment, NULL);
    abort();
}

/* Looks once; returns how long to sleep until the next look. */
static uint64_t look(struct watchdog *watchdog, uint64_t since_last_ns)
{
    struct span *span = &watchdog->loop->span;
    uint64_t serial = atomic_load_explicit(&span->serial, memory_order_acquire);
    uint64_t started = atomic_load_explicit(&span->started_ns, memory_order_acquire);
    uint64_t now = clock_ns(), held;
    bool moved = serial != watchdog->watched;

    if (started == 0 || started > now ||
        serial != atomic_load_explicit(&span->serial, memory_order_acquire)) {
        watchdog->watched = serial;
        watchdog->held_ns = 0;
        return moved ? watchdog->warn_ns / 2 : IDLE_MS * 1000000ull;
    }
    held = now - started;
    if (moved)
        watchdog->held_ns = held < since_last_ns ? held : since_last_ns;
    else
        watchdog->held_ns += since_last_ns;
    watchdog->watched = serial;
    if (held >= watchdog->warn_ns && serial != watchdog->reported && ask(watchdog, serial)) {
        _cleanup_buf_ struct buf stack = BUF_INIT;

        watchdog->reported = serial;
        describe_stack(watchdog, &stack);
        report(watchdog, &watchdog->answer, held, buf_text(&stack));
    }
    if (watchdog->held_ns >= watchdog->abort_ns)
        give_up(watchdog, serial, watchdog->held_ns);
    return watchdog->warn_ns / 2;
}

static void *watch(void *arg)
{
    struct watchdog *watchdog = arg;
    struct holder slow[SLOW_KEPT];
    uint64_t pause_ns = watchdog->warn_ns / 2, last = clock_ns();

    pthread_mutex_lock(&watchdog->lock);
    while (!watchdog->stop) {
        uint64_t until = clock_ns() + pause_ns, now, since;
        struct timespec at = {(time_t)(until / 1000000000), (long)(until % 1000000000)};
        size_t count;

        if (watchdog->slow_count == 0)
            pthread_cond_timedwait(&watchdog->wake, &watchdog->lock, &at);
        count = watchdog->slow_count;
        memcpy(slow, watchdog->slow, count * sizeof(slow[0]));
        watchdog->slow_count = 0;
        pthread_mutex_unlock(&watchdog->lock);
        report_ended(watchdog, slow, count);
        now = clock_ns();
        since = now - last < TICK_MAX_MS * 1000000ull ? now - last : TICK_MAX_MS * 1000000ull;
        last = now;
        pause_ns = look(watchdog, since);
        pthread_mutex_lock(&watchdog->lock);
    }
    pthread_mutex_unlock(&watchdog->lock);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void clear(struct watchdog *watchdog)
{
    pthread_cond_destroy(&watchdog->wake);
    pthread_mutex_destroy(&watchdog->lock);
    mem_free(watchdog->marker_path);
    mem_free(watchdog);
}

troupe_status watchdog_start(struct loop *loop, const struct watchdog_options *options,
                             struct watchdog **ret, struct error *err)
{
    struct sigaction action = {.sa_handler = on_question, .sa_flags = SA_ONSTACK | SA_RESTART};
    struct watchdog *watchdog;
    pthread_condattr_t attributes;
    sigset_t all, old, own;
    troupe_status status;
    void *preload[4];
    int rc;

    LOOP_CHECK(loop == loop_current(), "watchdog_start was called outside the loop's thread");
    LOOP_CHECK(!loop->watchdog, "a loop has one watchdog");
    status = marker_signal_stack(err);
    if (status != TROUPE_OK)
        return status;
    /* The first call loads libgcc, which a signal handler must not do. */
    (void)backtrace(preload, 4);
    watchdog = mem_zero(1, sizeof(*watchdog));
    watchdog->loop = loop;
    if (options)
        watchdog->options = *options;
    watchdog->marker_path = mem_strdup(watchdog->options.marker_path);
    watchdog->warn_ns =
        (watchdog->options.warn_ms ? watchdog->options.warn_ms : WARN_MS) * 1000000ull;
    watchdog->abort_ns =
        (watchdog->options.abort_ms ? watchdog->options.abort_ms : ABORT_MS) * 1000000ull;
    if (watchdog->options.abort_ms == UINT32_MAX)
        watchdog->abort_ns = UINT64_MAX;
    pthread_mutex_init(&watchdog->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&watchdog->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    sigemptyset(&action.sa_mask);
    sigaction(WATCHDOG_SIGNAL, &action, &watchdog->old_action);
    loop->watchdog = watchdog;
    loop->span_ended = span_ended;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    rc = pthread_create(&watchdog->thread, NULL, watch, watchdog);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc != 0) {
        loop->span_ended = NULL;
        loop->watchdog = NULL;
        sigaction(WATCHDOG_SIGNAL, &watchdog->old_action, NULL);
        clear(watchdog);
        return error_set(err, TROUPE_FAILED,
                         "cannot start the watchdog: %s; raise the limit of processes",
                         strerror(rc));
    }
    pthread_setname_np(watchdog->thread, "troupe-watchdog");
    sigemptyset(&own);
    sigaddset(&own, WATCHDOG_SIGNAL);
    pthread_sigmask(SIG_UNBLOCK, &own, NULL);
    *ret = watchdog;
    return TROUPE_OK;
}

void watchdog_stop(struct watchdog *watchdog)
{
    if (!watchdog)
        return;
    LOOP_CHECK(watchdog->loop == loop_current(),
               "watchdog_stop was called outside the loop's thread");
    pthread_mutex_lock(&watchdog->lock);
    watchdog->stop = true;
    pthread_cond_signal(&watchdog->wake);
    pthread_mutex_unlock(&watchdog->lock);
    pthread_join(watchdog->thread, NULL);
    watchdog->loop->span_ended = NULL;
    watchdog->loop->watchdog = NULL;
    sigaction(WATCHDOG_SIGNAL, &watchdog->old_action, NULL);
    clear(watchdog);
}

uint64_t watchdog_warnings(const struct loop *loop)
{
    return loop->watchdog ? atomic_load_explicit(&loop->watchdog->warnings, memory_order_relaxed)
                          : 0;
}
