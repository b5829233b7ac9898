/* SPDX-License-Identifier: Apache-2.0 */
#include "context_fence.h"

uint64_t context_fence_room(troupe_str text)
{
    uint64_t lines = 1;

    for (uint64_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    return text.len + 2 * lines + 1;
}

uint64_t context_fence_put(char *out, troupe_str text)
{
    uint64_t len = 0;

    out[len++] = '>';
    out[len++] = ' ';
    for (uint64_t i = 0; i < text.len; i++) {
        out[len++] = text.ptr[i] == '\r' ? ' ' : text.ptr[i]; /* some take it for a line end */
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
