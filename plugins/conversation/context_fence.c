/* SPDX-License-Identifier: Apache-2.0 */
#include "context_fence.h"

#include <string.h>

uint64_t context_fence_room(troupe_str text)
{
    uint64_t lines = 1;

    for (uint64_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    return text.len + 2 * lines + 1;
}

/* Bytes at the beginning that some take for a line end and others do not; 0: none. */
static uint64_t odd_line_end(const char *at, uint64_t left)
{
    if (*at == '\r' || *at == '\v' || *at == '\f')
        return 1;
    if (left >= 2 && memcmp(at, "\xc2\x85", 2) == 0)
        return 2;
    return left >= 3 && (memcmp(at, "\xe2\x80\xa8", 3) == 0 || memcmp(at, "\xe2\x80\xa9", 3) == 0)
               ? 3
               : 0;
}

uint64_t context_fence_put(char *out, troupe_str text)
{
    uint64_t len = 0;

    out[len++] = '>';
    out[len++] = ' ';
    for (uint64_t i = 0; i < text.len; i++) {
        const uint64_t odd = odd_line_end(text.ptr + i, text.len - i);

        if (odd > 0) {
            memset(out + len, ' ', odd);
            len += odd;
            i += odd - 1;
            continue;
        }
        out[len++] = text.ptr[i];
        if (text.ptr[i] != '\n')
            continue;
        out[len++] = '>';
        out[len++] = ' ';
    }
    out[len++] = '\n';
    return len;
}

troupe_str context_fence_cut(troupe_str text, uint64_t most)
{
    if (text.len <= most)
        return text;
    text.len = most;
    while (text.len > 0 && ((unsigned char)text.ptr[text.len] & 0xC0) == 0x80)
        text.len--;
    return text;
}
