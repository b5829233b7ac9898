/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include "base/mem.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void buf_clear(struct buf *buf)
{
    mem_free(buf->data);
    buf->data = NULL;
    buf->len = buf->cap = 0;
}

void buf_reset(struct buf *buf)
{
    buf->len = 0;
    if (buf->data)
        buf->data[0] = '\0';
}

troupe_status buf_reserve(struct buf *buf, size_t len)
{
    size_t need, cap = buf->cap ? buf->cap : 64;

    if (!size_add(buf->len, len, &need) || !size_add(need, 1, &need))
        return TROUPE_LIMIT;
    if (buf->max && need - 1 > buf->max)
        return TROUPE_LIMIT;
    if (need <= buf->cap)
        return TROUPE_OK;
    while (cap < need)
        cap = cap > SIZE_MAX / 2 ? need : cap * 2;
    buf->data = mem_resize(buf->data, cap, 1);
    buf->cap = cap;
    buf->data[buf->len] = '\0';
    return TROUPE_OK;
}

/* Most puts are a few bytes where there is room. */
static bool has_room(const struct buf *buf, size_t len)
{
    return len < buf->cap - buf->len && (!buf->max || buf->len + len <= buf->max);
}

troupe_status buf_append(struct buf *buf, const void *data, size_t len)
{
    troupe_status status = has_room(buf, len) ? TROUPE_OK : buf_reserve(buf, len);

    if (status < 0)
        return status;
    if (len)
        memcpy(buf->data + buf->len, data, len);
    buf->len += len;
    buf->data[buf->len] = '\0';
    return TROUPE_OK;
}

troupe_status buf_puts(struct buf *buf, const char *text)
{
    return buf_append(buf, text, strlen(text));
}

troupe_status buf_putc(struct buf *buf, char c)
{
    if (!has_room(buf, 1))
        return buf_append(buf, &c, 1);
    buf->data[buf->len++] = c;
    buf->data[buf->len] = '\0';
    return TROUPE_OK;
}

troupe_status buf_put_uint(struct buf *buf, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + number % 10);
        number /= 10;
    } while (number);
    return buf_append(buf, digits + at, sizeof(digits) - at);
}

troupe_status buf_put_int(struct buf *buf, int64_t number)
{
    troupe_status status = number < 0 ? buf_putc(buf, '-') : TROUPE_OK;

    return status < 0 ? status
                      : buf_put_uint(buf, number < 0 ? 0 - (uint64_t)number : (uint64_t)number);
}

troupe_status buf_vprintf(struct buf *buf, const char *format, va_list args)
{
    char first[256]; /* most texts are formatted once, and not first to be measured */
    va_list again;
    troupe_status status;
    int n;

    va_copy(again, args);
    n = vsnprintf(first, sizeof(first), format, again);
    va_end(again);
    if (n < 0)
        return TROUPE_ARGUMENT;
    if ((size_t)n < sizeof(first))
        return buf_append(buf, first, (size_t)n);
    status = buf_reserve(buf, (size_t)n);
    if (status < 0)
        return status;
    vsnprintf(buf->data + buf->len, (size_t)n + 1, format, args);
    buf->len += (size_t)n;
    return TROUPE_OK;
}

troupe_status buf_printf(struct buf *buf, const char *format, ...)
{
    va_list args;
    troupe_status status;

    va_start(args, format);
    status = buf_vprintf(buf, format, args);
    va_end(args);
    return status;
}

void buf_shift(struct buf *buf, size_t n)
{
    if (n > buf->len)
        n = buf->len;
    if (!n)
        return;
    memmove(buf->data, buf->data + n, buf->len - n);
    buf->len -= n;
    buf->data[buf->len] = '\0';
}

char *buf_take(struct buf *buf)
{
    char *text = buf->data ? buf->data : mem_strdup("");

    buf->data = NULL;
    buf->len = buf->cap = 0;
    return text;
}

const char *buf_text(const struct buf *buf)
{
    return buf->data ? buf->data : "";
}
