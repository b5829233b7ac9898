/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <unistd.h>

/* Counts down to the allocation that a fault test wants to fail; below one it is off. */
static atomic_llong fail_countdown;

void mem_fail_at(int64_t nth)
{
    atomic_store(&fail_countdown, nth);
}

static bool injected(void)
{
    if (atomic_load_explicit(&fail_countdown, memory_order_relaxed) <= 0)
        return false;
    return atomic_fetch_sub(&fail_countdown, 1) == 1;
}

/* Nothing here may allocate. */
static void __attribute__((noreturn)) out_of_memory(void)
{
    static const char text[] =
        "troupe: out of memory; exiting, start it again or raise its limit\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);

    (void)ignored;
    _exit(EX_OSERR);
}

void *mem_try(size_t size)
{
    return injected() ? NULL : malloc(size ? size : 1);
}

void *mem_try_huge(void)
{
    void *block = injected() ? NULL : aligned_alloc(MEM_HUGE, MEM_HUGE);

#ifdef MADV_HUGEPAGE
    if (block)
        (void)madvise(block, MEM_HUGE, MADV_HUGEPAGE); /* else it is slower, and right */
#endif
    return block;
}

void *mem_alloc(size_t size)
{
    void *block = mem_try(size);

    if (!block)
        out_of_memory();
    return block;
}

/* glibc keeps freed blocks up to this for each thread, and its calloc does not look there (before 2.41). */
#define KEPT_MAX 1032

void *mem_zero(size_t count, size_t size)
{
    size_t bytes;
    void *block;

    if (size_mul(count, size, &bytes) && bytes > 0 && bytes <= KEPT_MAX)
        return memset(mem_alloc(bytes), 0, bytes);
    block = injected() ? NULL : calloc(count ? count : 1, size ? size : 1);
    if (!block)
        out_of_memory();
    return block;
}

void *mem_resize(void *old, size_t count, size_t size)
{
    size_t bytes;
    void *block;

    if (!size_mul(count, size, &bytes) || injected())
        out_of_memory();
    block = realloc(old, bytes ? bytes : 1);
    if (!block)
        out_of_memory();
    return block;
}

void *mem_copy(const void *data, size_t len)
{
    void *block = mem_alloc(len);

    if (len)
        memcpy(block, data, len);
    return block;
}

char *mem_strndup(const char *text, size_t len)
{
    char *copy = mem_alloc(len + 1);

    if (len)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}

char *mem_strdup(const char *text)
{
    return mem_strndup(text, text ? strlen(text) : 0);
}

char *mem_printf(const char *format, ...)
{
    char first[256]; /* most texts are formatted once, and not first to be measured */
    va_list args;
    char *text;
    int n;

    va_start(args, format);
    n = vsnprintf(first, sizeof(first), format, args);
    va_end(args);
    if (n < 0)
        return mem_strdup("");
    if ((size_t)n < sizeof(first))
        return mem_strndup(first, (size_t)n);
    text = mem_alloc((size_t)n + 1);
    va_start(args, format);
    vsnprintf(text, (size_t)n + 1, format, args);
    va_end(args);
    return text;
}

void mem_free(void *block)
{
    free(block);
}
