/* SPDX-License-Identifier: Apache-2.0 */
#include "loop_fixture.h"

#include "base/mem.h"
#include "child.h"
#include "loop/fault.h"
#include "loop/internal.h"
#include "loop/watchdog.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct sighting {
    pthread_mutex_t lock;
    unsigned count; /* of slices that the test provokes */
    uint64_t turn;
    uint32_t ms;
    char owner[64];
    char stack[4096];
};

static const struct co_owner hog_owner = {"plugin:hog", 4711};
static struct sighting seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* On a loaded machine any slice may take long, so only those of the given owner count. */
static void note(void *arg, const char *owner, uint64_t turn, uint32_t ms, const char *stack)
{
    if (strcmp(owner, arg) != 0)
        return;
    pthread_mutex_lock(&seen.lock);
    seen.count++;
    seen.turn = turn;
    seen.ms = ms;
    snprintf(seen.owner, sizeof(seen.owner), "%s", owner);
    snprintf(seen.stack, sizeof(seen.stack), "%s", stack);
    pthread_mutex_unlock(&seen.lock);
}

static unsigned count_seen(void)
{
    unsigned count;

    pthread_mutex_lock(&seen.lock);
    count = seen.count;
    pthread_mutex_unlock(&seen.lock);
    return count;
}

static void block_ms(long ms)
{
    struct timespec time = {ms / 1000, ms % 1000 * 1000000};

    while (nanosleep(&time, &time) != 0)
        ;
}

/* Visible to dladdr, as the entry of a plugin is. */
__attribute__((visibility("default"), noinline)) void hog_the_loop(unsigned until_count);

void hog_the_loop(unsigned until_count)
{
    while (count_seen() < until_count)
        block_ms(1);
    block_ms(50); /* some more looks of the watchdog: it must not report again */
}

static troupe_status hog_twice(void *arg)
{
    (void)arg;
    hog_the_loop(1);
    assert_int_equal(count_seen(), 1);
    co_pass();
    hog_the_loop(2);
    return TROUPE_OK;
}

static troupe_status spawn_hog(void *arg)
{
    SCOPE(scope, 0);

    assert_status(co_spawn(&scope, &hog_owner, (co_fn)arg, NULL), TROUPE_OK);
    return scope_close(&scope);
}

static struct watchdog *watch(struct loop *loop, const char *owner)
{
    const struct watchdog_options options = {
        .warn_ms = 10, .abort_ms = UINT32_MAX, .slow = note, .arg = (void *)(uintptr_t)owner};
    struct watchdog *watchdog = NULL;
    struct error err;

    seen.count = 0;
    if (watchdog_start(loop, &options, &watchdog, &err) != TROUPE_OK)
        fail_msg("%s", err.text);
    return watchdog;
}

static void a_hog_is_named_once_a_slice(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct watchdog *watchdog = watch(loop, hog_owner.name);

    (void)state;
    assert_status(fixture_run(loop, spawn_hog, (void *)hog_twice), TROUPE_OK);
    watchdog_stop(watchdog);
    watchdog_stop(NULL);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.owner, "plugin:hog");
    assert_true(seen.turn == 4711);
    assert_true(seen.ms >= 10);
    if (!strstr(seen.stack, "hog_the_loop+0x"))
        fail_msg("no hog_the_loop in: %s", seen.stack);
    fixture_free(loop);
}

static void slow_task(struct loop_task *task)
{
    (void)task;
    hog_the_loop(1);
}

static troupe_status wait_for_report(void *arg)
{
    (void)arg;
    while (count_seen() < 1)
        co_sleep(1);
    return TROUPE_OK;
}

static void a_slow_task_is_the_loops(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct watchdog *watchdog = watch(loop, "core:loop");
    struct loop_task task = {.run = slow_task};

    (void)state;
    loop_post(loop, &task);
    assert_status(fixture_run(loop, wait_for_report, NULL), TROUPE_OK);
    watchdog_stop(watchdog);
    assert_true(seen.count >= 1);
    assert_true(seen.turn == 0);
    fixture_free(loop);
}

/* Over before the watchdog's thread has looked: told by the loop's thread, without a stack. */
static troupe_status block_unseen(void *arg)
{
    struct loop *loop = loop_current();

    (void)arg;
    loop->span_ended(loop, UINT64_MAX, 77000000);
    return wait_for_report(NULL);
}

static void a_slice_that_was_slept_through_is_told(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct watchdog *watchdog = watch(loop, hog_owner.name);

    (void)state;
    assert_status(fixture_run(loop, spawn_hog, (void *)block_unseen), TROUPE_OK);
    watchdog_stop(watchdog);
    assert_int_equal(seen.ms, 77);
    assert_string_equal(seen.stack, "");
    fixture_free(loop);
}

/* ---- a hang ---------------------------------------------------------------------------------- */

static char marker_path[] = "/tmp/troupe-hang-XXXXXX";

static troupe_status hang(void *arg)
{
    (void)arg;
    for (;;)
        block_ms(10);
    return TROUPE_OK;
}

static void run_hang(void)
{
    const struct watchdog_options options = {
        .warn_ms = 20, .abort_ms = 300, .marker_path = marker_path};
    struct loop *loop = fixture_new(NULL);
    struct watchdog *watchdog;

    assert_status(fault_install(loop, marker_path, NULL), TROUPE_OK);
    assert_status(watchdog_start(loop, &options, &watchdog, NULL), TROUPE_OK);
    (void)fixture_run(loop, spawn_hog, (void *)hang);
}

static void a_hang_is_marked_and_ends_the_process(void **state)
{
    struct child child;
    char text[200];
    ssize_t n;
    int fd;

    (void)state;
    fd = mkstemp(marker_path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(unlink(marker_path), 0);
    child_run(&child, run_hang);
    assert_true(WIFSIGNALED(child.status));
    assert_int_equal(WTERMSIG(child.status), SIGABRT);
    if (!strstr(child.output, "plugin:hog turn 4711 has held the loop for ") ||
        !strstr(child.output, "troupe: fatal SIGABRT in plugin:hog turn 4711"))
        fail_msg("the hog is not named: %s", child.output);
    child_clear(&child);
    fd = open(marker_path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    (void)unlink(marker_path);
    assert_true(n > 0);
    text[n] = '\0';
    assert_string_equal(text, "hang plugin:hog 4711\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hog_is_named_once_a_slice),
        cmocka_unit_test(a_slow_task_is_the_loops),
        cmocka_unit_test(a_slice_that_was_slept_through_is_told),
        cmocka_unit_test(a_hang_is_marked_and_ends_the_process),
    };

    return cmocka_run_group_tests_name("watchdog", tests, NULL, NULL);
}
