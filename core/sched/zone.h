/* SPDX-License-Identifier: Apache-2.0
 *
 * Time zones from the system's tzdata, without libc's one global zone: TZif files (RFC 9636) with the
 * rule in their footer, which holds for all time after the last listed change. A zone is immutable,
 * any thread. Seconds are since 1970 in UTC; a *civil* second is what a clock on the wall shows, as if
 * the wall stood in UTC.
 */
#ifndef SCHED_ZONE_H
#define SCHED_ZONE_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

#define SCHED_ZONE_NAME_MAX 64        /* bytes of a name                */
#define SCHED_ZONE_FILE_MAX (1 << 18) /* bytes of a file, far above any */

struct sched_zone;

/* The zone of an IANA name ("Europe/Berlin"; "" and "UTC" need no file), from $TZDIR or
 * /usr/share/zoneinfo. Reads one small file. TROUPE_ARGUMENT for what is no name or is not there. */
troupe_status sched_zone_load(const char *name, struct sched_zone **ret, struct error *err);
/* From the bytes of a file, which are not trusted. TROUPE_DATA. */
troupe_status sched_zone_parse(const void *data, size_t len, struct sched_zone **ret,
                               struct error *err);
void sched_zone_free(struct sched_zone *zone); /* NULL is fine */

/* Seconds east of UTC at that moment. */
int32_t sched_zone_offset(const struct sched_zone *zone, int64_t second);
/* The moment at which clocks show `civil`. Shown twice (clocks set back): the first one. Never shown
 * (clocks set forward): the first moment after the gap. */
int64_t sched_zone_moment(const struct sched_zone *zone, int64_t civil);

/* Days since 1970-01-01 of a date of the Gregorian calendar, and back. Month and day count from 1. */
int64_t sched_days(int64_t year, int month, int day);
void sched_date(int64_t days, int64_t *ret_year, int *ret_month, int *ret_day);
/* 0 is Sunday. */
int sched_weekday(int64_t days);
int sched_month_length(int64_t year, int month);

#endif
