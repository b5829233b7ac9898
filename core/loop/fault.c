/* SPDX-License-Identifier: Apache-2.0
 *
 * A guard hit alone does not prove an overflow: a wild pointer hits guards, too, and a pointer that
 * is no address at all (non-canonical) reports address 0. So "stack overflow" is said only when the
 * address lies in a guard, the guard is the running coroutine's and the stack pointer is at the
 * bottom of that stack.
 *
 * The handler returns after restoring the default action: the instruction faults again, and the core
 * file has the registers of the fault instead of the handler's.
 */
#include "loop/fault.h"
#include "base/log.h"

#include "loop/internal.h"
#include "loop/marker.h"
#include "loop/sanitize.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

/* How far above a guard the stack pointer still counts as at the bottom. */
#define BOTTOM_ZONE 8192

/* A signal handler gets no argument of ours, so what it needs is global. Written by fault_install
 * before the handlers are set, only read afterwards. */
static struct {
    const struct loop *loop;
    char marker_path[MARKER_PATH_MAX];
} fault;

static const struct {
    int number;
    const char *name;
} fatal[] = {
    {SIGABRT, "SIGABRT"},
#ifndef LOOP_SANITIZED
    /* A sanitizer explains these better; our line comes from its death callback then. */
    {SIGSEGV, "SIGSEGV"},
    {SIGBUS, "SIGBUS"},
    {SIGFPE, "SIGFPE"},
    {SIGILL, "SIGILL"},
#endif
};
#define FATAL_COUNT (sizeof(fatal) / sizeof(fatal[0]))

static uintptr_t stack_pointer(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (uintptr_t)context->uc_mcontext.gregs[REG_RSP];
#elif defined(__aarch64__)
    return (uintptr_t)context->uc_mcontext.sp;
#else
    (void)context;
    return 0;
#endif
}

static void explain(struct marker_line *line, const siginfo_t *info, uintptr_t sp)
{
    const struct loop *loop = fault.loop;
    const struct co *running = loop->running, *hit;
    bool in_guard = false;
    uintptr_t bottom = running ? (uintptr_t)running->fiber.stack : 0;

    if (info->si_code <= 0)
        return; /* sent by somebody, no fault */
    hit = stacks_find(&loop->stacks, info->si_addr, &in_guard);
    if (in_guard && hit && hit == running && sp >= bottom - STACK_GUARD_SIZE &&
        sp < bottom + BOTTOM_ZONE) {
        marker_text(line, ": stack overflow");
    } else if (in_guard && hit) {
        marker_text(line, ": wild access into the guard of ");
        marker_text(line, hit->owner.name ? hit->owner.name : "an unused stack");
        marker_text(line, " turn ");
        marker_decimal(line, hit->owner.turn);
    } else if (running && !loop->on_loop_stack && sp &&
               (sp < bottom - STACK_GUARD_SIZE || sp > bottom + running->fiber.stack_size)) {
        marker_text(line, ": stack pointer outside the running stack");
    }
}

static void announce(const char *what, const siginfo_t *info, const ucontext_t *context)
{
    struct marker_line line = {.len = 0}, marker = {.len = 0};
    struct co_owner owner;
    char thread_name[32];
    size_t detail;

    log_flush_dying();
    marker_owner(fault.loop, thread_name, &owner);
    marker_text(&line, "troupe: fatal ");
    detail = line.len;
    marker_text(&line, what);
    marker_text(&line, " in ");
    marker_text(&line, owner.name);
    marker_text(&line, " turn ");
    marker_decimal(&line, owner.turn);
    if (info) {
        if (pthread_equal(pthread_self(), fault.loop->thread))
            explain(&line, info, stack_pointer(context));
        marker_text(&line, " (code ");
        marker_decimal(&line, (uint64_t)(info->si_code < 0 ? 0 : info->si_code));
        marker_text(&line, ", address ");
        marker_hex(&line, (uintptr_t)info->si_addr);
        marker_text(&line, ", stack pointer ");
        marker_hex(&line, stack_pointer(context));
        marker_text(&line, ")");
    }
    marker_text(&marker, "crash ");
    marker_text(&marker, owner.name);
    marker_text(&marker, " ");
    marker_decimal(&marker, owner.turn);
    marker_text(&marker, " ");
    line.text[line.len] = '\0';
    marker_text(&marker, line.text + detail);
    marker_flush(&line, STDERR_FILENO);
    marker_write(fault.marker_path, &marker);
}

static void on_fatal(int number, siginfo_t *info, void *context)
{
    const char *name = "signal";

    for (size_t i = 0; i < FATAL_COUNT; i++)
        if (fatal[i].number == number)
            name = fatal[i].name;
    announce(name, info, context);
    signal(number, SIG_DFL);
    /* A fault comes again by itself; what was sent has to be sent again. */
    if (info->si_code <= 0)
        raise(number);
}

#ifdef LOOP_SANITIZED
static void on_sanitizer_death(void)
{
    if (fault.loop)
        announce("sanitizer report", NULL, NULL);
}
#endif

troupe_status fault_install(struct loop *loop, const char *marker_path, struct error *err)
{
    struct sigaction action = {.sa_sigaction = on_fatal, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    troupe_status status;
    sigset_t blocked;

    LOOP_CHECK(loop == loop_current(), "fault_install was called outside the loop's thread");
    if (marker_path && strlen(marker_path) >= sizeof(fault.marker_path))
        return error_set(err, TROUPE_LIMIT,
                         "marker path \"%s\" is longer than %d bytes; choose a shorter directory",
                         marker_path, MARKER_PATH_MAX - 1);
    status = marker_signal_stack(err);
    if (status != TROUPE_OK)
        return status;
    fault.marker_path[0] = '\0';
    if (marker_path)
        memcpy(fault.marker_path, marker_path, strlen(marker_path) + 1);
    fault.loop = loop;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < FATAL_COUNT; i++)
        if (sigaction(fatal[i].number, &action, NULL) != 0)
            return error_set(err, TROUPE_FAILED, "cannot set the handler of %s: %s", fatal[i].name,
                             strerror(errno));
#ifdef LOOP_SANITIZED
    __sanitizer_set_death_callback(on_sanitizer_death);
#endif
    /* A handler without SA_ONSTACK, as libraries install them, would run on whatever coroutine has
     * the thread and take several kB of its stack. */
    sigfillset(&blocked);
    sigdelset(&blocked, SIGSEGV);
    sigdelset(&blocked, SIGBUS);
    sigdelset(&blocked, SIGFPE);
    sigdelset(&blocked, SIGILL);
    sigdelset(&blocked, SIGABRT);
    sigdelset(&blocked, SIGTRAP);
    sigdelset(&blocked, WATCHDOG_SIGNAL);
    pthread_sigmask(SIG_SETMASK, &blocked, NULL);
    return TROUPE_OK;
}

void fault_remove(void)
{
    for (size_t i = 0; i < FATAL_COUNT; i++)
        signal(fatal[i].number, SIG_DFL);
#ifdef LOOP_SANITIZED
    __sanitizer_set_death_callback(NULL);
#endif
    fault.loop = NULL;
}
