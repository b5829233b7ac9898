/* SPDX-License-Identifier: Apache-2.0
 *
 * A growing byte string. Always NUL-terminated once something was put in, `len` does not count the
 * NUL. A zeroed struct is an empty buffer. Give `max` a value to bound it: what does not fit is
 * refused with TROUPE_LIMIT and nothing is appended.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <troupe/status.h>

struct buf {
    char *data;
    size_t len, cap;
    size_t max; /* 0: no bound */
};

#define BUF_INIT                                                                                   \
    {                                                                                              \
        NULL, 0, 0, 0                                                                              \
    }

void buf_clear(struct buf *buf); /* frees; the buffer may be used again */
void buf_reset(struct buf *buf); /* empties and keeps the memory        */
/* Makes room for so many more bytes. */
troupe_status buf_reserve(struct buf *buf, size_t len);
troupe_status buf_append(struct buf *buf, const void *data, size_t len);
troupe_status buf_puts(struct buf *buf, const char *text);
troupe_status buf_putc(struct buf *buf, char c);
/* The number in decimal; much less work than buf_printf. */
troupe_status buf_put_uint(struct buf *buf, uint64_t number);
troupe_status buf_put_int(struct buf *buf, int64_t number);
troupe_status buf_printf(struct buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
troupe_status buf_vprintf(struct buf *buf, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* Takes `n` bytes off the front. */
void buf_shift(struct buf *buf, size_t n);
/* Hands the text to the caller, who frees it with mem_free; never NULL. The buffer is empty then. */
char *buf_take(struct buf *buf);
/* The text, "" when empty. */
const char *buf_text(const struct buf *buf);

#define _cleanup_buf_ __attribute__((cleanup(buf_clear)))

#endif
