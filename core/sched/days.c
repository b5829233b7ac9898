/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/reader.h"

#include <ctype.h>

/* ---- the local calendar --------------------------------------------------------------------- */

int64_t sched_civil_now(const struct sched_reader *r)
{
    return r->now_ms / 1000 + sched_zone_offset(r->zone, r->now_ms / 1000);
}

int64_t sched_today(const struct sched_reader *r)
{
    return sched_civil_now(r) / SCHED_DAY;
}

int64_t sched_moment_ms(const struct sched_reader *r, int64_t days, int minute)
{
    return sched_zone_moment(r->zone, days * SCHED_DAY + minute * 60) * 1000;
}

/* ---- days ----------------------------------------------------------------------------------- */

bool sched_weekday_name(struct sched_reader *r, int *ret)
{
    static const char *const names[] = {
        "sunday|sundays|sun|sonntag|sonntags",
        "monday|mondays|mon|montag|montags",
        "tuesday|tuesdays|tue|tues|dienstag|dienstags",
        "wednesday|wednesdays|wed|mittwoch|mittwochs",
        "thursday|thursdays|thu|thur|thurs|donnerstag|donnerstags",
        "friday|fridays|fri|freitag|freitags",
        "saturday|saturdays|sat|samstag|samstags|sonnabend",
    };

    for (int i = 0; i < 7; i++)
        if (sched_word(r, names[i])) {
            *ret = i;
            return true;
        }
    return false;
}

/* A day as days since 1970, and its usual time; `ret_named`: a weekday, which may be next week's. */
bool sched_named_day(struct sched_reader *r, int64_t *ret, int *ret_time, bool *ret_named)
{
    const char *from = r->p;
    int name;

    *ret = sched_today(r);
    *ret_time = SCHED_USUAL_TIME;
    *ret_named = false;
    if (sched_word(r, "today|heute"))
        return true;
    if (sched_word(r, "tonight")) {
        *ret_time = 20 * 60;
        return true;
    }
    if (sched_word(
            r, "yesterday|gestern")) { /* to be told so, rather than to find another time in it */
        *ret -= 1;
        return true;
    }
    if (sched_word(r, "tomorrow|morgen")) {
        *ret += 1;
        return true;
    }
    if (sched_word(r, "übermorgen") ||
        ((void)sched_word(r, "the"),
         sched_word(r, "day") && sched_word(r, "after") && sched_word(r, "tomorrow"))) {
        *ret += 2;
        return true;
    }
    r->p = from;
    (void)sched_word(r, "on|am|next|this|nächsten|kommenden|diesen");
    if (sched_weekday_name(r, &name)) {
        *ret += (name - sched_weekday(*ret) + 7) % 7;
        *ret_named = true;
        return true;
    }
    r->p = from;
    return false;
}

/* "2026-11-27", "27.11.2026". */
bool sched_read_date(struct sched_reader *r, int64_t *ret_days)
{
    const char *from = r->p;
    int year, month, day;
    bool good;

    (void)sched_word(r, "on|am");
    sched_skip_space(r);
    good = sched_digits(r, 4, 4, &year) && sched_sign(r, '-') && sched_digits(r, 2, 2, &month) &&
           sched_sign(r, '-') && sched_digits(r, 2, 2, &day);
    if (!good) {
        r->p = from;
        (void)sched_word(r, "on|am");
        sched_skip_space(r);
        good = sched_digits(r, 1, 2, &day) && sched_sign(r, '.') && sched_digits(r, 1, 2, &month) &&
               sched_sign(r, '.') && sched_digits(r, 4, 4, &year);
    }
    if (!good || year < 1970 || month < 1 || month > 12 || day < 1 ||
        day > sched_month_length(year, month)) {
        r->p = from;
        return false;
    }
    *ret_days = sched_days(year, month, day);
    return true;
}

/* "Z", "+01:00", "-0530": seconds east. */
static bool offset(struct sched_reader *r, int *ret)
{
    const char *from = r->p;
    int hours, minutes = 0;
    bool minus;

    if (r->p < r->end && (*r->p == 'Z' || *r->p == 'z')) {
        r->p++;
        *ret = 0;
        if (sched_word_ends(r))
            return true;
        r->p = from;
        return false;
    }
    minus = sched_sign(r, '-');
    if (!minus && !sched_sign(r, '+'))
        return false;
    if (r->end - r->p >= 2 && isdigit((unsigned char)r->p[0]) && isdigit((unsigned char)r->p[1])) {
        hours = (r->p[0] - '0') * 10 + r->p[1] - '0';
        r->p += 2;
        (void)sched_sign(r, ':');
        if ((sched_digits(r, 2, 2, &minutes) || r->p[-1] != ':') && hours <= 26 && minutes < 60 &&
            sched_word_ends(r)) {
            *ret = (hours * 3600 + minutes * 60) * (minus ? -1 : 1);
            return true;
        }
    }
    r->p = from;
    return false;
}

/* "T09:00[:30[.5]][offset]" behind a date; false: the date stands alone. */
bool sched_iso_time(struct sched_reader *r, int64_t days, int64_t *ret_ms)
{
    const char *from = r->p;
    int hour, minute, second = 0, part, east;

    if (sched_sign(r, 'T') || sched_sign(r, 't') || (sched_skip_space(r), true)) {
        if (sched_digits(r, 2, 2, &hour) && sched_sign(r, ':') && sched_digits(r, 2, 2, &minute) &&
            (!sched_sign(r, ':') || (sched_digits(r, 2, 2, &second) &&
                                     (!sched_sign(r, '.') || sched_digits(r, 1, 9, &part)))) &&
            hour < 24 && minute < 60 && second < 60) {
            int64_t civil = days * SCHED_DAY + hour * 3600 + minute * 60 + second;

            if (offset(r, &east))
                *ret_ms = (civil - east) * 1000;
            else if (sched_word_ends(r))
                *ret_ms = sched_zone_moment(r->zone, civil) * 1000;
            else
                goto none;
            return true;
        }
    }
none:
    r->p = from;
    return false;
}
