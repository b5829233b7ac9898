/* SPDX-License-Identifier: Apache-2.0
 *
 * Any bytes as a time zone's file: what is taken answers for any moment, and for any wall time.
 */
#include "sched/zone.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t moments[] = {-5000000000, -1,         0,           951782400,
                                      1793000000,  4102444800, 253402300799};
    struct sched_zone *zone;
    struct error err;

    if (sched_zone_parse(data, size, &zone, &err) < 0)
        return 0;
    for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        int32_t east = sched_zone_offset(zone, moments[i]);
        int64_t moment = sched_zone_moment(zone, moments[i] + east);

        if (east < -26 * 3600 || east > 26 * 3600 || moment > moments[i] + 3 * 86400 ||
            moment < moments[i] - 3 * 86400)
            abort();
    }
    sched_zone_free(zone);
    return 0;
}
