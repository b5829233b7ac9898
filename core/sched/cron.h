/* SPDX-License-Identifier: Apache-2.0
 *
 * Five fields as in crontab(5): minute, hour, day of month, month, day of week, each with lists,
 * ranges, steps and names of months and days, and @hourly, @daily, @midnight, @weekly, @monthly,
 * @yearly, @annually. Day of month and day of week: where both are restricted, one that matches is
 * enough; "*", with or without a step, does not restrict. Pure.
 */
#ifndef SCHED_CRON_H
#define SCHED_CRON_H

#include "base/error.h"
#include "sched/zone.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sched_cron {
    uint64_t minutes; /* bit n: minute n              */
    uint32_t hours;   /* bit n: hour n                */
    uint32_t days;    /* bit n: day n of the month, from 1 */
    uint16_t months;  /* bit n: month n, from 1       */
    uint8_t weekdays; /* bit n: day n, 0 is Sunday    */
    bool day_any, weekday_any;
};

/* TROUPE_ARGUMENT with a sentence that names the field. */
troupe_status sched_cron_parse(const char *text, size_t len, struct sched_cron *ret,
                               struct error *err);
/* The first moment after `after_ms` at which clocks in the zone show a minute that matches. What falls
 * into a gap is the first moment behind it; what is shown twice counts the first time. 0: never (the
 * 30th of February), or beyond the year 9999. */
int64_t sched_cron_next(const struct sched_cron *cron, const struct sched_zone *zone,
                        int64_t after_ms);

#endif
