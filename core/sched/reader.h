/* SPDX-License-Identifier: Apache-2.0
 *
 * Reading times word by word: each function looks for one thing at the reader's place, moves behind it
 * where it is there, and leaves the place as it was where it is not. Words are English or German, in
 * any case. Private to core/sched.
 */
#ifndef SCHED_READER_H
#define SCHED_READER_H

#include "base/error.h"
#include "sched/zone.h"

#include <stdbool.h>

#define SCHED_DAY        86400 /* seconds                            */
#define SCHED_MINUTE_MS  60000
#define SCHED_USUAL_TIME (9 * 60) /* minute of a day without a time     */
#define SCHED_WEEKDAYS   0x3e     /* monday to friday, as bits          */
#define SCHED_EVERY_DAY  0x7f

struct sched_reader {
    const char *p, *end;
    const struct sched_zone *zone;
    int64_t now_ms;
    struct error *err;
    int usual; /* minute of the day where none is said, for "at 9 every day" */
};

struct sched_duration {
    int64_t ms;
    int months;
};

/* ---- words.c -------------------------------------------------------------------------------- */

void sched_skip_space(struct sched_reader *r);
/* One of the words of "a|b|c". */
bool sched_word(struct sched_reader *r, const char *words);
bool sched_sign(struct sched_reader *r, char c);
/* A number of `least` to `most` digits, and no further digit behind it. */
bool sched_digits(struct sched_reader *r, int least, int most, int *ret);
/* Whether a word or number ends here. */
bool sched_word_ends(const struct sched_reader *r);
/* "minutes": what one is, in ms, or that it is a month. */
bool sched_unit(struct sched_reader *r, int64_t *ret_ms, bool *ret_month);
/* "2 hours and 30 minutes". */
bool sched_read_duration(struct sched_reader *r, struct sched_duration *ret);
/* "9", "9:30", "9 pm", "17 uhr 30", "noon", as minutes of the day. */
bool sched_clock_time(struct sched_reader *r, int *ret);
/* "at 9". */
bool sched_at_time(struct sched_reader *r, int *ret);
/* "evening" and its usual time. */
bool sched_day_part(struct sched_reader *r, int *ret);
/* What follows a day: "[evening] [at 8]", "17:30", nothing; `ret` is what it is without. */
void sched_day_time(struct sched_reader *r, int *ret);

/* ---- days.c --------------------------------------------------------------------------------- */

int64_t sched_civil_now(const struct sched_reader *r);
int64_t sched_today(const struct sched_reader *r); /* in days since 1970 */
/* When clocks show that minute of that day. */
int64_t sched_moment_ms(const struct sched_reader *r, int64_t days, int minute);
/* 0 is Sunday. */
bool sched_weekday_name(struct sched_reader *r, int *ret);
/* "tomorrow", "on monday": days since 1970 and the usual time; `ret_named`: a weekday, which may be next
 * week's. */
bool sched_named_day(struct sched_reader *r, int64_t *ret, int *ret_time, bool *ret_named);
/* "2026-11-27", "27.11.2026". */
bool sched_read_date(struct sched_reader *r, int64_t *ret_days);
/* "T09:00[:30[.5]][offset]" behind a date; false: the date stands alone. */
bool sched_iso_time(struct sched_reader *r, int64_t days, int64_t *ret_ms);

#endif
