/* SPDX-License-Identifier: Apache-2.0
 *
 * Fatal signals name who ran; sanitizers find errors inside coroutines in the right function. Each
 * case dies in a child.
 */
#include "loop_fixture.h"

#include "base/mem.h"
#include "child.h"
#include "loop/fault.h"
#include "loop/internal.h"
#include "loop/sanitize.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static char marker_path[] = "/tmp/troupe-fault-XXXXXX";

static const struct co_owner echo = {"plugin:echo", 4711};
static const struct co_owner victim_owner = {"plugin:victim", 12};

/* ---- the faults ------------------------------------------------------------------------------ */

/* Which of them are used depends on the build: a sanitizer takes the signals itself. */
#pragma GCC diagnostic ignored "-Wunused-function"

static volatile int sink;
static char *volatile guard_of_victim;

__attribute__((noinline)) static int recurse_small(int depth)
{
    volatile char frame[512];

    frame[0] = (char)depth;
    frame[511] = frame[0];
    return depth > 0 ? recurse_small(depth - 1) + frame[511] : frame[0];
}

/* Larger than any frame we allow ourselves, and than an ordinary guard page. */
#pragma GCC diagnostic ignored "-Wframe-larger-than="
__attribute__((noinline)) static int recurse_large(int depth)
{
    volatile char frame[40000];

    frame[0] = (char)depth;
    frame[39999] = frame[0];
    return depth > 0 ? recurse_large(depth - 1) + frame[39999] : frame[0];
}

static troupe_status overflow_small(void *arg)
{
    (void)arg;
    co_pass();
    sink = recurse_small(1 << 20);
    return TROUPE_OK;
}

static troupe_status overflow_large(void *arg)
{
    (void)arg;
    co_pass();
    sink = recurse_large(1 << 20);
    return TROUPE_OK;
}

static troupe_status write_into_guard(void *arg)
{
    (void)arg;
    co_pass();
    *guard_of_victim = 1;
    return TROUPE_OK;
}

static troupe_status write_noncanonical(void *arg)
{
    (void)arg;
    co_pass();
    *(volatile char *)0x4141414141414141ull = 1;
    return TROUPE_OK;
}

static troupe_status call_abort(void *arg)
{
    (void)arg;
    co_pass();
    abort();
}

static troupe_status stand_by(void *arg)
{
    (void)arg;
    guard_of_victim = co_self()->fiber.stack - 100;
    return co_sleep(3600000);
}

static co_fn fault_fn;

static troupe_status spawn_fault(void *arg)
{
    SCOPE(scope, 0);

    (void)arg;
    assert_status(co_spawn(&scope, &victim_owner, stand_by, NULL), TROUPE_OK);
    assert_status(co_spawn(&scope, &echo, fault_fn, NULL), TROUPE_OK);
    return scope_close(&scope);
}

/* cmocka puts its own handlers over those that a sanitizer has set. */
static struct sigaction handler_before_cmocka;

static void die(void)
{
    struct loop *loop = fixture_new(NULL);

    sigaction(SIGSEGV, &handler_before_cmocka, NULL);
    assert_status(fault_install(loop, marker_path, NULL), TROUPE_OK);
    (void)fixture_run(loop, spawn_fault, NULL);
}

/* ---- signals --------------------------------------------------------------------------------- */

static void read_marker(char *text, size_t size)
{
    int fd = open(marker_path, O_RDONLY | O_CLOEXEC);
    ssize_t n;

    assert_true(fd >= 0);
    n = read(fd, text, size - 1);
    assert_true(n > 0);
    text[n] = '\0';
    close(fd);
}

static void expect_death(co_fn fn, int number, const char *line, const char *marker)
{
    struct child child;
    char text[600];

    (void)unlink(marker_path);
    fault_fn = fn;
    child_run(&child, die);
    if (!strstr(child.output, line))
        fail_msg("expected \"%s\" in: %s", line, child.output);
    if (number) {
        assert_true(WIFSIGNALED(child.status));
        assert_int_equal(WTERMSIG(child.status), number);
    }
    read_marker(text, sizeof(text));
    if (strncmp(text, marker, strlen(marker)) != 0)
        fail_msg("expected marker \"%s\", found \"%s\"", marker, text);
    child_clear(&child);
}

#ifndef LOOP_SANITIZED

static void an_overflow_names_its_owner(void **state)
{
    (void)state;
    expect_death(overflow_small, SIGSEGV,
                 "troupe: fatal SIGSEGV in plugin:echo turn 4711: stack overflow (code ",
                 "crash plugin:echo 4711 SIGSEGV in plugin:echo turn 4711: stack overflow");
    expect_death(overflow_large, SIGSEGV,
                 "troupe: fatal SIGSEGV in plugin:echo turn 4711: stack overflow (code ",
                 "crash plugin:echo 4711 SIGSEGV");
}

static void a_wild_write_into_a_guard_is_no_overflow(void **state)
{
    (void)state;
    expect_death(write_into_guard, SIGSEGV,
                 "troupe: fatal SIGSEGV in plugin:echo turn 4711: wild access into the guard of "
                 "plugin:victim turn 12 (code ",
                 "crash plugin:echo 4711 SIGSEGV");
}

static void a_noncanonical_pointer_names_who_ran(void **state)
{
    (void)state;
    expect_death(write_noncanonical, SIGSEGV,
                 "troupe: fatal SIGSEGV in plugin:echo turn 4711 (code 128, address 0x0,",
                 "crash plugin:echo 4711 SIGSEGV");
}

#endif

static void an_abort_names_who_ran(void **state)
{
    (void)state;
    expect_death(call_abort, SIGABRT, "troupe: fatal SIGABRT in plugin:echo turn 4711 (code 0,",
                 "crash plugin:echo 4711 SIGABRT");
}

static void *abort_on_thread(void *arg)
{
    pthread_setname_np(pthread_self(), "side");
    abort();
    return arg;
}

static troupe_status fault_elsewhere(void *arg)
{
    pthread_t thread;

    (void)arg;
    assert_int_equal(pthread_create(&thread, NULL, abort_on_thread, NULL), 0);
    pthread_join(thread, NULL);
    return TROUPE_OK;
}

static void another_threads_fault_is_not_blamed_on_the_turn(void **state)
{
    (void)state;
    expect_death(fault_elsewhere, SIGABRT, "troupe: fatal SIGABRT in thread:side turn 0 (code 0,",
                 "crash thread:side 0 SIGABRT");
}

/* In the loop's own code, with the marker of an earlier death in place. */
static void abort_in_loop(void)
{
    struct loop *loop = fixture_new(NULL);

    assert_status(fault_install(loop, marker_path, NULL), TROUPE_OK);
    abort();
}

static void the_first_marker_stands(void **state)
{
    struct child child;
    char text[600];
    int fd;

    (void)state;
    (void)unlink(marker_path);
    fd = open(marker_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "hang plugin:x 1\n", 16), 16);
    close(fd);
    child_run(&child, abort_in_loop);
    assert_non_null(strstr(child.output, "troupe: fatal SIGABRT in core:loop turn 0"));
    read_marker(text, sizeof(text));
    assert_string_equal(text, "hang plugin:x 1\n");
    child_clear(&child);
}

static void install_checks_its_path_and_can_be_undone(void **state)
{
    struct loop *loop = fixture_new(NULL);
    char path[700];
    struct error err;
    sigset_t old;
    stack_t stack;
    struct sigaction action;

    (void)state;
    pthread_sigmask(SIG_SETMASK, NULL, &old);
    memset(path, 'x', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    assert_status(fault_install(loop, path, &err), TROUPE_LIMIT);
    assert_status(fault_install(loop, NULL, &err), TROUPE_OK);
    assert_int_equal(sigaltstack(NULL, &stack), 0);
    assert_false(stack.ss_flags & SS_DISABLE);
    fault_remove();
    assert_int_equal(sigaction(SIGABRT, NULL, &action), 0);
    assert_true(action.sa_handler == SIG_DFL);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    fixture_free(loop);
}

/* ---- AddressSanitizer ------------------------------------------------------------------------ */

#ifdef LOOP_ASAN

/* Off by default in gcc; a coroutine's frames are then on ASan's fake stacks. */
__attribute__((visibility("default"))) const char *__asan_default_options(void); /* NOLINT */
const char *__asan_default_options(void)                                         /* NOLINT */
{
    return "detect_stack_use_after_return=1";
}

static volatile int sixteen = 16;
static int *volatile shared_pointer;

__attribute__((noinline)) static void overrun_array(void)
{
    volatile char array[16];
    volatile char *volatile at = array; /* or UBSan would see the bound first */

    array[0] = 1;
    co_pass();
    at[sixteen] = 1;
    sink = array[0];
}

static troupe_status overrun(void *arg)
{
    (void)arg;
    overrun_array();
    return TROUPE_OK;
}

__attribute__((noinline)) static void leave_pointer_behind(void)
{
    int local = 5;

    shared_pointer = &local;
    co_pass();
}

__attribute__((noinline)) static void read_shared(void)
{
    sink = *shared_pointer;
}

static troupe_status use_after_return(void *arg)
{
    (void)arg;
    leave_pointer_behind();
    co_pass();
    read_shared();
    return TROUPE_OK;
}

static void free_shared(void *arg)
{
    (void)arg;
    mem_free(shared_pointer);
}

static troupe_status use_after_free(void *arg)
{
    (void)arg;
    shared_pointer = mem_zero(1, sizeof(int));
    co_pass();
    co_on_loop_stack(free_shared, NULL);
    read_shared();
    return TROUPE_OK;
}

__attribute__((noinline)) static void leak_memory(void)
{
    char *volatile lost = mem_alloc(111);

    lost[0] = 1;
    lost = NULL;
    co_pass();
}

static troupe_status leak(void *arg)
{
    (void)arg;
    leak_memory();
    return TROUPE_OK;
}

static troupe_status park_with_pointer(void *arg)
{
    char *volatile kept = mem_alloc(222);

    (void)arg;
    kept[0] = 1;
    co_sleep(3600000);
    mem_free(kept);
    return TROUPE_OK;
}

static co_fn leak_fn;

static void check_leaks(void)
{
    struct loop *loop = fixture_new(NULL);
    struct scope scope;

    scope_open_root(loop, &scope, 0, NULL);
    assert_status(co_spawn(&scope, &echo, leak_fn, NULL), TROUPE_OK);
    for (int i = 0; i < 5; i++)
        loop_step(loop, 0);
    __lsan_do_leak_check();
    _exit(0);
}

static jmp_buf back;

__attribute__((noinline)) static void jump_back(void)
{
    longjmp(back, 1);
}

/* Leaps over frames, waits, leaves a stack in the middle and uses it anew: what confuses a
 * sanitizer that was not told of the switches. */
static troupe_status leap(void *arg)
{
    volatile char frame[64];

    (void)arg;
    frame[0] = 1;
    for (volatile int i = 0; i < 3; i++) {
        if (setjmp(back) == 0)
            jump_back();
        co_pass();
    }
    sink = frame[0];
    return TROUPE_OK;
}

static troupe_status leap_often(void *arg)
{
    (void)arg;
    for (int i = 0; i < 20; i++) {
        SCOPE(scope, 0);

        for (int k = 0; k < 10; k++)
            assert_status(co_spawn(&scope, &echo, leap, NULL), TROUPE_OK);
    }
    return TROUPE_OK;
}

static void leap_about(void)
{
    struct loop *loop = fixture_new(NULL);

    assert_status(fixture_run(loop, leap_often, NULL), TROUPE_OK);
    fixture_free(loop);
}

static void expect_report(co_fn fn, const char *kind, const char *function)
{
    struct child child;

    (void)unlink(marker_path);
    fault_fn = fn;
    child_run(&child, die);
    if (!strstr(child.output, kind) || !strstr(child.output, function))
        fail_msg("expected \"%s\" in \"%s\": %s", kind, function, child.output);
    if (strstr(child.output, "handle_no_return"))
        fail_msg("the sanitizer lost track of the stacks: %s", child.output);
    if (!strstr(child.output, "troupe: fatal sanitizer report in plugin:echo turn 4711"))
        fail_msg("the owner is not named: %s", child.output);
    child_clear(&child);
}

/* Whether locals are kept on ASan's fake stacks: our default above, unless the run says otherwise. */
static bool fake_stacks(void)
{
    const char *options = getenv("ASAN_OPTIONS");

    return !options || !strstr(options, "detect_stack_use_after_return=0");
}

static void asan_reports_faults_of_coroutines(void **state)
{
    (void)state;
    expect_report(overflow_small, "stack-overflow", "in recurse_small");
    expect_report(overrun, "stack-buffer-overflow", "in overrun_array");
    if (fake_stacks())
        expect_report(use_after_return, "stack-use-after-return", "in read_shared");
    expect_report(use_after_free, "heap-use-after-free", "in read_shared");
}

static void asan_is_not_confused_by_switches(void **state)
{
    struct child child;

    (void)state;
    child_run(&child, leap_about);
    if (child.status != 0 || strstr(child.output, "handle_no_return"))
        fail_msg("status %d: %s", child.status, child.output);
    child_clear(&child);
}

static void lsan_tells_lost_from_kept(void **state)
{
    struct child child;

    (void)state;
    leak_fn = leak;
    child_run(&child, check_leaks);
    if (!strstr(child.output, "111 byte(s)") || !strstr(child.output, "in leak_memory"))
        fail_msg("the leak was not found: %s", child.output);
    child_clear(&child);
#ifdef __clang__
    /* clang 14's LSan does not look into the fake stack of a suspended coroutine. */
    if (fake_stacks())
        return;
#endif
    leak_fn = park_with_pointer;
    child_run(&child, check_leaks);
    if (strstr(child.output, "222 byte(s)"))
        fail_msg("what a suspended coroutine holds is no leak: %s", child.output);
    child_clear(&child);
}

#endif

static int make_marker(void **state)
{
    int fd = mkstemp(marker_path);

    (void)state;
    if (fd >= 0)
        close(fd);
    return fd < 0;
}

static int remove_marker(void **state)
{
    (void)state;
    (void)unlink(marker_path);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
/* cmocka prints a skipped test as "not ok", so what a build cannot show is left out. */
#ifndef LOOP_SANITIZED
        cmocka_unit_test(an_overflow_names_its_owner),
        cmocka_unit_test(a_wild_write_into_a_guard_is_no_overflow),
        cmocka_unit_test(a_noncanonical_pointer_names_who_ran),
#endif
        cmocka_unit_test(an_abort_names_who_ran),
        cmocka_unit_test(another_threads_fault_is_not_blamed_on_the_turn),
        cmocka_unit_test(the_first_marker_stands),
        cmocka_unit_test(install_checks_its_path_and_can_be_undone),
#ifdef LOOP_ASAN
        cmocka_unit_test(asan_reports_faults_of_coroutines),
        cmocka_unit_test(asan_is_not_confused_by_switches),
        cmocka_unit_test(lsan_tells_lost_from_kept),
#endif
    };

    sigaction(SIGSEGV, NULL, &handler_before_cmocka);
    return cmocka_run_group_tests_name("fault", tests, make_marker, remove_marker);
}
