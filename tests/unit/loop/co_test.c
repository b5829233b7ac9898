/* SPDX-License-Identifier: Apache-2.0 */
#include "loop_fixture.h"

#include "base/mem.h"
#include "loop/internal.h"
#include "loop/op.h"

#include <errno.h>
#include <fenv.h>
#include <stdlib.h>
#include <string.h>

/* ---- order and state ------------------------------------------------------------------------- */

struct trace {
    char text[64];
    size_t len;
};

struct writer {
    struct trace *trace;
    char letter;
};

static troupe_status write_letters(void *arg)
{
    struct writer *writer = arg;

    for (int i = 0; i < 3; i++) {
        writer->trace->text[writer->trace->len++] = writer->letter;
        assert_status(co_pass(), TROUPE_OK);
    }
    return TROUPE_OK;
}

static troupe_status spawn_writers(void *arg)
{
    struct trace *trace = arg;
    struct writer a = {trace, 'a'}, b = {trace, 'b'}, c = {trace, 'c'};
    SCOPE(scope, 0);

    assert_status(co_spawn(&scope, NULL, write_letters, &a), TROUPE_OK);
    assert_status(co_spawn(&scope, NULL, write_letters, &b), TROUPE_OK);
    assert_status(co_spawn(&scope, NULL, write_letters, &c), TROUPE_OK);
    assert_int_equal(trace->len, 0);
    return scope_close(&scope);
}

static void coroutines_take_turns_in_order(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct trace trace = {{0}, 0};

    (void)state;
    assert_status(fixture_run(loop, spawn_writers, &trace), TROUPE_OK);
    assert_string_equal(trace.text, "abcabcabc");
    fixture_free(loop);
}

static troupe_status keep_errno(void *arg)
{
    for (int i = 0; i < 20; i++) {
        errno = (int)(intptr_t)arg;
        assert_status(co_pass(), TROUPE_OK);
        assert_int_equal(errno, (int)(intptr_t)arg);
    }
    return TROUPE_OK;
}

static const int rounding_modes[] = {FE_TONEAREST, FE_UPWARD, FE_DOWNWARD, FE_TOWARDZERO};

/* Values that live in registers across switches, with pressure on all callee-saved ones, and the
 * rounding mode, which each coroutine sets differently. */
static troupe_status torture(void *arg)
{
    unsigned seed = (unsigned)(uintptr_t)arg;
    int mode = rounding_modes[seed % 4];
    uint64_t a = seed * 3u + 1, b = seed * 5u + 2, c = seed * 7u + 3, d = seed * 11u + 4;
    uint64_t e = seed * 13u + 5, f = seed * 17u + 6, g = seed * 19u + 7, h = seed * 23u + 8;
    double x = seed * 1.5, y = seed * 2.5, z = seed * 3.5;
    uint64_t sum = 0, expected = 0;
    double real = 0, real_expected = 0;

    assert_int_equal(fegetround(), FE_TONEAREST);
    fesetround(mode);
    for (unsigned i = 0; i < 200; i++) {
        sum += (a ^ i) + (b ^ i) + (c ^ i) + (d ^ i) + (e ^ i) + (f ^ i) + (g ^ i) + (h ^ i);
        real += x * i + y - z;
        if (co_pass() != TROUPE_OK)
            fail();
        a += i, b += a, c += b, d += c, e += d, f += e, g += f, h += g;
    }
    assert_int_equal(fegetround(), mode);
    /* The same without a switch in between. */
    a = seed * 3u + 1, b = seed * 5u + 2, c = seed * 7u + 3, d = seed * 11u + 4;
    e = seed * 13u + 5, f = seed * 17u + 6, g = seed * 19u + 7, h = seed * 23u + 8;
    for (unsigned i = 0; i < 200; i++) {
        expected += (a ^ i) + (b ^ i) + (c ^ i) + (d ^ i) + (e ^ i) + (f ^ i) + (g ^ i) + (h ^ i);
        real_expected += x * i + y - z;
        a += i, b += a, c += b, d += c, e += d, f += e, g += f, h += g;
    }
    assert_true(sum == expected);
    assert_true(real == real_expected);
    return TROUPE_OK;
}

static troupe_status spawn_torture(void *arg)
{
    SCOPE(scope, 0);

    (void)arg;
    for (uintptr_t i = 1; i <= 32; i++) {
        assert_status(co_spawn(&scope, NULL, torture, (void *)i), TROUPE_OK);
        assert_status(co_spawn(&scope, NULL, keep_errno, (void *)i), TROUPE_OK);
    }
    return scope_close(&scope);
}

static void registers_rounding_mode_and_errno_survive(void **state)
{
    struct loop *loop = fixture_new(NULL);

    (void)state;
    assert_status(fixture_run(loop, spawn_torture, NULL), TROUPE_OK);
    assert_int_equal(fegetround(), FE_TONEAREST);
    fixture_free(loop);
}

/* ---- clocks ---------------------------------------------------------------------------------- */

static void compute_ms(uint64_t ms)
{
    uint64_t until = uv_hrtime() + ms * 1000000;

    while (uv_hrtime() < until)
        ;
}

/* Something that wakes the loop while the timer under test is pending. */
static troupe_status tick(void *arg)
{
    while (*(bool *)arg)
        assert_status(co_sleep(1), TROUPE_OK);
    return TROUPE_OK;
}

static troupe_status compute_then_sleep(void *arg)
{
    struct loop *loop = loop_current();
    bool ticking = true;
    uint64_t before;
    SCOPE(scope, 0);

    (void)arg;
    assert_status(co_spawn(&scope, NULL, tick, &ticking), TROUPE_OK);
    for (int i = 0; i < 3; i++) {
        compute_ms(30);
        before = loop_now(loop);
        assert_status(co_sleep(20), TROUPE_OK);
        assert_true(loop_now(loop) >= before + 20);
    }
    ticking = false;
    return scope_close(&scope);
}

static void a_sleep_after_computing_is_never_short(void **state)
{
    struct loop *loop = fixture_new(NULL);

    (void)state;
    assert_status(fixture_run(loop, compute_then_sleep, NULL), TROUPE_OK);
    fixture_free(loop);
}

/* ---- fairness -------------------------------------------------------------------------------- */

struct race {
    unsigned ticks;
    bool done;
};

static troupe_status spin(void *arg)
{
    struct race *race = arg;

    while (!race->done) {
        for (volatile int i = 0; i < 1000; i++)
            ;
        assert_status(co_pass(), TROUPE_OK);
    }
    return TROUPE_OK;
}

static troupe_status ticker(void *arg)
{
    struct race *race = arg;

    while (race->ticks < 10) {
        assert_status(co_sleep(1), TROUPE_OK);
        race->ticks++;
    }
    race->done = true;
    return TROUPE_OK;
}

static troupe_status spawn_race(void *arg)
{
    SCOPE(scope, 0);

    for (int i = 0; i < 100; i++)
        assert_status(co_spawn(&scope, NULL, spin, arg), TROUPE_OK);
    assert_status(co_spawn(&scope, NULL, ticker, arg), TROUPE_OK);
    return scope_close(&scope);
}

static void a_ticker_goes_on_beside_spinners(void **state)
{
    struct loop *loop = fixture_new(NULL);
    struct race race = {0, false};

    (void)state;
    assert_status(fixture_run(loop, spawn_race, &race), TROUPE_OK);
    assert_int_equal(race.ticks, 10);
    fixture_free(loop);
}

/* ---- the loop's stack, locals, owners -------------------------------------------------------- */

static void note_stack(void *arg)
{
    char here;

    *(uintptr_t *)arg = (uintptr_t)&here;
}

/* Instrumented builds keep locals elsewhere (fake stacks), so the frame's own address is asked. */
static __attribute__((noinline)) bool on_stack_of(const struct co *co)
{
    const char *here = __builtin_frame_address(0);

    return here >= co->fiber.stack && here < co->fiber.stack + co->fiber.stack_size;
}

static void deep_on_loop_stack(void *arg)
{
    struct co *co = co_self();

    assert_non_null(co);
    *(bool *)arg = !on_stack_of(co);
}

static troupe_status borrow_loop_stack(void *arg)
{
    bool elsewhere = false;

    (void)arg;
    assert_true(on_stack_of(co_self()));
    co_on_loop_stack(deep_on_loop_stack, &elsewhere);
    assert_true(elsewhere);
    assert_true(on_stack_of(co_self()));
    assert_status(co_pass(), TROUPE_OK);
    return TROUPE_OK;
}

static void deep_work_runs_on_the_loops_stack(void **state)
{
    struct loop *loop = fixture_new(NULL);
    uintptr_t direct = 0;

    (void)state;
    assert_status(fixture_run(loop, borrow_loop_stack, NULL), TROUPE_OK);
    co_on_loop_stack(note_stack, &direct);
    assert_true(direct != 0);
    fixture_free(loop);
}

static troupe_status check_inherited(void *arg)
{
    assert_ptr_equal(co_local(), arg);
    assert_string_equal(co_self()->owner.name, "renamed");
    co_set_local(NULL);
    return TROUPE_OK;
}

static troupe_status set_and_inherit(void *arg)
{
    struct co_owner old = co_set_owner((struct co_owner){"renamed", 9});
    SCOPE(scope, 0);

    assert_null(co_local());
    co_set_local(arg);
    assert_string_equal(old.name, "test");
    assert_status(co_spawn(&scope, NULL, check_inherited, arg), TROUPE_OK);
    assert_status(scope_close(&scope), TROUPE_OK);
    assert_ptr_equal(co_local(), arg);
    return TROUPE_OK;
}

static void owner_and_local_are_inherited(void **state)
{
    struct loop *loop = fixture_new(NULL);
    int token;

    (void)state;
    assert_null(co_self());
    assert_null(co_local());
    assert_status(fixture_run(loop, set_and_inherit, &token), TROUPE_OK);
    fixture_free(loop);
}

/* ---- exceptions' per-thread state ------------------------------------------------------------ */

static unsigned char fake_globals[FIBER_EXCEPTION_STATE];

static void *get_fake_globals(void)
{
    return fake_globals;
}

static troupe_status keep_exception_state(void *arg)
{
    unsigned char mine = (unsigned char)(uintptr_t)arg;

    assert_int_equal(fake_globals[0], 0);
    fake_globals[0] = mine;
    for (int i = 0; i < 5; i++) {
        assert_status(co_pass(), TROUPE_OK);
        assert_int_equal(fake_globals[0], mine);
    }
    fake_globals[0] = 0;
    return TROUPE_OK;
}

static troupe_status spawn_exception_users(void *arg)
{
    SCOPE(scope, 0);

    (void)arg;
    assert_status(co_spawn(&scope, NULL, keep_exception_state, (void *)1), TROUPE_OK);
    assert_status(co_spawn(&scope, NULL, keep_exception_state, (void *)2), TROUPE_OK);
    return scope_close(&scope);
}

static void exception_state_is_kept_per_coroutine(void **state)
{
    struct loop *loop = fixture_new(NULL);

    (void)state;
    co_set_exception_globals(loop, get_fake_globals);
    assert_status(fixture_run(loop, spawn_exception_users, NULL), TROUPE_OK);
    co_set_exception_globals(loop, NULL);
    fixture_free(loop);
}

/* ---- the high-water mark --------------------------------------------------------------------- */

static __attribute__((noinline)) char touch(size_t bytes)
{
    volatile char frame[4096];

    __asm__ volatile("" : : "r"(frame) : "memory"); /* or clang keeps the two bytes only */
    frame[0] = (char)bytes;
    frame[4095] = 1;
    if (bytes > sizeof(frame))
        frame[1] = touch(bytes - sizeof(frame));
    return frame[0];
}

static troupe_status measure_depth(void *arg)
{
    size_t before = co_stack_used(NULL);

    (void)arg;
    assert_true(before > 0);
    (void)touch((size_t)100 * 1024);
    assert_true(co_stack_used(NULL) >= (size_t)100 * 1024);
    assert_true(co_stack_used(NULL) <= co_self()->fiber.stack_size);
    return TROUPE_OK;
}

static void the_high_water_mark_follows_depth(void **state)
{
    struct loop *loop = fixture_new(NULL);

    (void)state;
    assert_int_equal(co_stack_used(NULL), 0);
    assert_status(fixture_run(loop, measure_depth, NULL), TROUPE_OK);
    fixture_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coroutines_take_turns_in_order),
        cmocka_unit_test(registers_rounding_mode_and_errno_survive),
        cmocka_unit_test(a_sleep_after_computing_is_never_short),
        cmocka_unit_test(a_ticker_goes_on_beside_spinners),
        cmocka_unit_test(deep_work_runs_on_the_loops_stack),
        cmocka_unit_test(owner_and_local_are_inherited),
        cmocka_unit_test(exception_state_is_kept_per_coroutine),
        cmocka_unit_test(the_high_water_mark_follows_depth),
    };

    return cmocka_run_group_tests_name("co", tests, NULL, NULL);
}
