/* SPDX-License-Identifier: Apache-2.0 */
#include "loop/fiber.h"

#include "loop/sanitize.h"

#include <errno.h>
#include <string.h>

void fiber_init_thread(struct fiber *fiber)
{
    memset(fiber, 0, sizeof(*fiber));
#ifdef LOOP_TSAN
    fiber->tsan_fiber = __tsan_get_current_fiber();
#endif
}

void fiber_init(struct fiber *fiber)
{
    fiber->saved_errno = 0;
    fiber->asan_fake_stack = NULL;
    memset(fiber->exceptions, 0, sizeof(fiber->exceptions));
#ifdef LOOP_VALGRIND
    fiber->valgrind_id =
        VALGRIND_STACK_REGISTER(fiber->stack, fiber->stack + fiber->stack_size - 1);
#endif
}

void fiber_clear(struct fiber *fiber)
{
#ifdef LOOP_VALGRIND
    VALGRIND_STACK_DEREGISTER(fiber->valgrind_id);
#endif
#ifdef LOOP_TSAN
    if (fiber->tsan_fiber)
        __tsan_destroy_fiber(fiber->tsan_fiber);
#endif
    fiber->tsan_fiber = NULL;
}

void fiber_make(struct fiber *fiber, void (*fn)(void *arg), void *arg)
{
#ifdef LOOP_TSAN
    /* Its shadow call stack belongs to the frames that are given up here. */
    if (fiber->tsan_fiber)
        __tsan_destroy_fiber(fiber->tsan_fiber);
    fiber->tsan_fiber = __tsan_create_fiber(0);
#endif
#ifdef LOOP_ASAN
    __asan_unpoison_memory_region(fiber->stack, fiber->stack_size);
#endif
    switch_make(&fiber->context, fiber->stack, fiber->stack_size, fn, arg);
}

void fiber_entered(struct fiber *from)
{
#ifdef LOOP_ASAN
    const void *bottom;
    size_t size;

    /* The only way to learn the bounds of the thread's own stack is to come from it. */
    __sanitizer_finish_switch_fiber(NULL, &bottom, &size);
    if (!from->stack) {
        from->stack = (char *)bottom; /* NOLINT: the interface's const, not ours */
        from->stack_size = size;
    }
#else
    (void)from;
#endif
}

void fiber_acquire(struct fiber *fiber, const char *name)
{
#ifdef LOOP_ASAN
    /* A stack that was left in the middle still carries the red zones of its frames. */
    __asan_unpoison_memory_region(fiber->stack, fiber->stack_size);
    /* What only a suspended coroutine points to is no leak. */
    __lsan_register_root_region(fiber->stack, fiber->stack_size);
#endif
#ifdef LOOP_TSAN
    __tsan_set_fiber_name(fiber->tsan_fiber, name);
#endif
    (void)fiber;
    (void)name;
}

void fiber_release(struct fiber *fiber)
{
#ifdef LOOP_ASAN
    __lsan_unregister_root_region(fiber->stack, fiber->stack_size);
#endif
    (void)fiber;
}

void fiber_swap_exceptions(struct fiber *from, struct fiber *to, void *globals)
{
    memcpy(from->exceptions, globals, FIBER_EXCEPTION_STATE);
    memcpy(globals, to->exceptions, FIBER_EXCEPTION_STATE);
}

#ifdef LOOP_SANITIZED
/* One function holds the annotation and the switch: a frame between the two would belong to
 * neither stack. */
void fiber_switch(struct fiber *from, struct fiber *to, bool ending,
                  void *(*exception_globals)(void))
{
    from->saved_errno = errno;
    if (exception_globals)
        fiber_swap_exceptions(from, to, exception_globals());
#ifdef LOOP_ASAN
    /* No place to keep it tells ASan to free the frames of a coroutine that has ended. */
    if (ending)
        from->asan_fake_stack = NULL;
    __sanitizer_start_switch_fiber(ending ? NULL : &from->asan_fake_stack, to->stack,
                                   to->stack_size);
#else
    (void)ending;
#endif
#ifdef LOOP_TSAN
    __tsan_switch_to_fiber(to->tsan_fiber, 0);
#endif
    switch_to(&from->context, &to->context);
#ifdef LOOP_ASAN
    __sanitizer_finish_switch_fiber(from->asan_fake_stack, NULL, NULL);
#endif
    errno = from->saved_errno;
}
#endif
