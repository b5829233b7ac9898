/* SPDX-License-Identifier: Apache-2.0
 *
 * The core's allocator. Sizes that the core chooses itself come from mem_alloc and its kin, which
 * never return NULL: when memory is gone the process says so and exits with EX_OSERR (71), and the
 * supervisor starts it again. Sizes that somebody outside chose go through mem_try, which can fail.
 * All sizes are checked for overflow. Memory is given back with mem_free; strings too.
 *
 * Any thread. mem_fail_at is the seam of the fault tests: the n-th allocation from now fails.
 */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));
void *mem_zero(size_t count, size_t size) __attribute__((returns_nonnull));
void *mem_resize(void *old, size_t count, size_t size) __attribute__((returns_nonnull));
void *mem_try(size_t size);
/* MEM_HUGE bytes in one page, where the system has such: what is read from end to end is read faster. As mem_try. */
#define MEM_HUGE ((size_t)2 << 20)
void *mem_try_huge(void);
void *mem_copy(const void *data, size_t len) __attribute__((returns_nonnull));
char *mem_strdup(const char *text) __attribute__((returns_nonnull)); /* NULL gives ""          */
char *mem_strndup(const char *text, size_t len) __attribute__((returns_nonnull));
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2), returns_nonnull));
void mem_free(void *block);    /* NULL is fine */
void mem_fail_at(int64_t nth); /* 0 switches injection off */

/* Adds and multiplies sizes; false when the result does not fit and `ret` is untouched. */
static inline bool size_add(size_t a, size_t b, size_t *ret)
{
    size_t sum; /* the builtin writes the wrapped result too */

    if (__builtin_add_overflow(a, b, &sum))
        return false;
    *ret = sum;
    return true;
}
static inline bool size_mul(size_t a, size_t b, size_t *ret)
{
    size_t product;

    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *ret = product;
    return true;
}

/* Frees on leaving the block: `_cleanup_mem_ char *text = …`. */
static inline void mem_cleanup(void *block)
{
    mem_free(*(void **)block);
}
#define _cleanup_(f)  __attribute__((cleanup(f)))
#define _cleanup_mem_ _cleanup_(mem_cleanup)

#endif
