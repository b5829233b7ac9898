/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of the spool, as a disk may give them back: what is whole reads the same once it is written again,
 * nothing is longer than what there is, and every step goes forward.
 */
#include "store/spool_format.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data;

    while (size) {
        struct spool_record record;
        struct buf out = BUF_INIT;
        size_t len = 0;
        enum spool_found found = spool_get(at, size, &record, &len);

        if (found == SPOOL_SHORT || found == SPOOL_STRANGE)
            break;
        if (len < SPOOL_RECORD_SIZE || len > size)
            abort();
        if (found == SPOOL_WHOLE) {
            spool_put(&out, &record);
            if (out.len != len || memcmp(out.data, at, len) != 0)
                abort();
        }
        buf_clear(&out);
        at += len;
        size -= len;
    }
    return 0;
}
