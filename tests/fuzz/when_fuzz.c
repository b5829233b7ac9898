/* SPDX-License-Identifier: Apache-2.0
 *
 * Any text as a time: what is understood lies ahead, comes again later and later, and reads back as the
 * same from what is printed. The same bytes are looked through for a time, too.
 */
#include "sched/when.h"

#include <stdint.h>
#include <stdlib.h>

#define NOW INT64_C(1795719600000) /* 26 November 2026 */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct sched_when *when, const struct sched_zone *zone)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    int64_t first = sched_when_next(when, zone, 0, NOW), last = first;
    struct sched_when again;
    struct error err;

    if (first <= NOW)
        abort();
    for (int i = 0; i < 3 && when->kind != SCHED_ONCE; i++) {
        int64_t next = sched_when_next(when, zone, last, NOW);

        if (next && next <= last)
            abort();
        if (!next)
            break;
        last = next;
    }
    sched_when_print(when, zone, &text);
    if (when->kind == SCHED_ONCE)
        return; /* without its milliseconds it may be over */
    if (sched_when_parse(buf_text(&text), text.len, zone, NOW, &again, &err) < 0 ||
        sched_when_next(&again, zone, 0, NOW) != first)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sched_zone *zones[2];
    struct sched_when when;
    size_t start, end;
    struct error err;

    if (!zones[0] && (sched_zone_load("UTC", &zones[0], &err) < 0 ||
                      sched_zone_load("Europe/Berlin", &zones[1], &err) < 0))
        zones[1] = zones[0];
    for (size_t i = 0; i < 2; i++) {
        if (sched_when_parse((const char *)data, size, zones[i], NOW, &when, &err) == TROUPE_OK)
            check(&when, zones[i]);
        if (sched_when_find((const char *)data, size, zones[i], NOW, &when, &start, &end, &err) ==
            TROUPE_OK) {
            if (start >= end || end > size)
                abort();
            check(&when, zones[i]);
        }
    }
    return 0;
}
