/* SPDX-License-Identifier: Apache-2.0
 *
 * When something is due, as people write it: "in 20 minutes", "tomorrow at 9", "at 17:30", "every
 * weekday at 9", "every monday and friday at 8:15", "every 15 minutes", "every month on the 1st", an
 * ISO 8601 date and time with or without offset, or a cron line; German words for the same, too.
 * Without a time of day it is 9:00. Read in a time zone; pure.
 *
 * Rules: a time that clocks skip is the first moment after the gap, one that they show twice is the
 * first; "every 15 minutes" and its like count real minutes from the last time on; a day of the month
 * that a month does not have is left out there.
 */
#ifndef SCHED_WHEN_H
#define SCHED_WHEN_H

#include "base/buf.h"
#include "base/error.h"
#include "sched/cron.h"
#include "sched/zone.h"

#define SCHED_WHEN_MAX  200                            /* bytes of the text of a job            */
#define SCHED_FIND_MAX  4096                           /* bytes of a text that is searched      */
#define SCHED_EVERY_MIN 60000                          /* ms, of "every …"                      */
#define SCHED_AHEAD_MAX (INT64_C(366) * 10 * 86400000) /* ms, how far ahead a time may be        */

enum sched_when_kind { SCHED_ONCE, SCHED_EVERY, SCHED_CRON };

struct sched_when {
    enum sched_when_kind kind;
    int64_t at_ms;    /* SCHED_ONCE  */
    int64_t every_ms; /* SCHED_EVERY */
    struct sched_cron cron;
};

/* The whole text. `now_ms` is what "in" and "tomorrow" count from. TROUPE_ARGUMENT with a sentence for
 * the member: not understood, over already, too often. */
troupe_status sched_when_parse(const char *text, size_t len, const struct sched_zone *zone,
                               int64_t now_ms, struct sched_when *ret, struct error *err);
/* Where a text speaks of a time: at its beginning ("in 20 minutes to …"), else at its end ("… tomorrow
 * at 9"); bytes `ret_start` to `ret_end`. Cron lines are not looked for. TROUPE_NOT_FOUND. */
troupe_status sched_when_find(const char *text, size_t len, const struct sched_zone *zone,
                              int64_t now_ms, struct sched_when *ret, size_t *ret_start,
                              size_t *ret_end, struct error *err);
/* The next time after `after_ms`; 0: none. `last_ms` is when it was due last, 0: never yet. */
int64_t sched_when_next(const struct sched_when *when, const struct sched_zone *zone,
                        int64_t last_ms, int64_t after_ms);

/* One text for the same, which sched_when_parse reads back: a date and time with offset, "every 15
 * minutes", or a cron line. */
void sched_when_print(const struct sched_when *when, const struct sched_zone *zone,
                      struct buf *out);
/* For people: "Fri 27 Nov 2026 at 09:00". */
void sched_when_moment(int64_t at_ms, const struct sched_zone *zone, struct buf *out);

#endif
