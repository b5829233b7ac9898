/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_chunk.h"

#include <stdlib.h>
#include <string.h>

int fake_unchunk(char *data, size_t len, size_t max, size_t *ret_used, size_t *ret_len)
{
    size_t at = 0, out = 0;

    for (int pass = 0; pass < 2; pass++) { /* look first, move only when all is there */
        at = out = 0;
        for (;;) {
            char *eol = memmem(data + at, len - at, "\r\n", 2);
            unsigned long size;

            if (!eol)
                return len - at > 1024 ? -1 : 0;
            size = strtoul(data + at, NULL, 16);
            at = (size_t)(eol - data) + 2;
            if (size > max || out + size > max)
                return -1;
            if (len - at < size + 2)
                return 0;
            if (pass == 1)
                memmove(data + out, data + at, size);
            out += size;
            at += size + 2;
            if (size == 0)
                break;
        }
    }
    *ret_used = at;
    *ret_len = out;
    return 1;
}
