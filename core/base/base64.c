/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include <stdint.h>
#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_group(const void *data, size_t len, char ret[4])
{
    const unsigned char *at = data;
    uint32_t word = (uint32_t)at[0] << 16 | (len > 1 ? (uint32_t)at[1] << 8 : 0) |
                    (len > 2 ? (uint32_t)at[2] : 0);

    ret[0] = digits[word >> 18];
    ret[1] = digits[word >> 12 & 63];
    ret[2] = len > 1 ? digits[word >> 6 & 63] : '=';
    ret[3] = len > 2 ? digits[word & 63] : '=';
}

void base64_put(struct buf *out, const void *data, size_t len)
{
    const unsigned char *at = data;

    for (; len; at += len < 3 ? len : 3, len -= len < 3 ? len : 3) {
        char group[4];

        base64_group(at, len, group);
        buf_append(out, group, sizeof(group));
    }
}

bool base64_take(struct buf *out, const char *text, size_t len)
{
    size_t pad = len && text[len - 1] == '=' ? 1 + (len > 1 && text[len - 2] == '=') : 0;

    if (len % 4)
        return false;
    for (size_t i = 0; i < len; i += 4) {
        bool last = i + 4 == len;
        uint32_t word = 0;

        for (size_t k = 0; k < 4; k++) {
            const char *found =
                last && k >= 4 - pad ? digits : memchr(digits, text[i + k], sizeof(digits) - 1);

            if (!found)
                return false;
            word = word << 6 | (uint32_t)(found - digits);
        }
        for (size_t k = 0; k < (last ? 3 - pad : 3); k++)
            buf_putc(out, (char)(word >> (16 - 8 * k) & 0xff));
    }
    return true;
}
