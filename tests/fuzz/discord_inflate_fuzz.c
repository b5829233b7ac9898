/* SPDX-License-Identifier: Apache-2.0
 *
 * Packed messages of the gateway: the first byte says which packing, then each message has its
 * length in front. Nothing larger than the limit comes out, and a failure says why.
 */
#include "gateway/discord/inflate.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A heap block of its own, so that ASan sees a read behind it. */
static troupe_status take(struct discord_inflate *inflater, bool binary, const uint8_t *data,
                          size_t len)
{
    char *copy = malloc(len + 1), *text = NULL;
    struct error err = {0};
    size_t text_len = 0;
    troupe_status status;

    if (!copy)
        abort();
    memcpy(copy, data, len);
    copy[len] = '\0';
    status = discord_inflate_take(inflater, binary, copy, len, &text, &text_len, &err);
    if (status != TROUPE_OK && (status != err.status || !err.text[0]))
        abort();
    if (status == TROUPE_OK && text && (text[text_len] != '\0' || text_len > DISCORD_MESSAGE_MAX))
        abort();
    free(copy);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct discord_inflate *inflater;
    bool binary;

    if (size < 1)
        return 0;
    inflater = discord_inflate_new((enum discord_compress)(data[0] % 3));
    binary = !(data[0] & 0x80);
    if (!inflater)
        abort();
    for (size_t at = 1; at < size;) {
        size_t len = data[at++];

        len = len < size - at ? len : size - at;
        if (take(inflater, binary, data + at, len) != TROUPE_OK)
            break;
        at += len;
    }
    discord_inflate_free(inflater);
    return 0;
}
