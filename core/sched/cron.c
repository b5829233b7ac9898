/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/cron.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define DAY       86400
#define YEARS_MAX 9   /* between two leap days, where a century is none; then it never comes */
#define TEXT_MAX  200 /* bytes of the five fields */

struct field {
    const char *what;
    int min, max;
    const char *const *names; /* of min, min + 1 …; NULL: none */
    int name_count;
};

static const char *const months[] = {"jan", "feb", "mar", "apr", "may", "jun",
                                     "jul", "aug", "sep", "oct", "nov", "dec"};
static const char *const weekdays[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

static const struct field fields[] = {
    {"minute", 0, 59, NULL, 0},         {"hour", 0, 23, NULL, 0},
    {"day of month", 1, 31, NULL, 0},   {"month", 1, 12, months, 12},
    {"day of week", 0, 7, weekdays, 7},
};

static bool take_value(const char **p, const struct field *field, int *ret)
{
    int value = 0, digits = 0;

    for (int i = 0; i < field->name_count; i++)
        if (!strncasecmp(*p, field->names[i], 3) && !isalpha((unsigned char)(*p)[3])) {
            *p += 3;
            *ret = field->min + i;
            return true;
        }
    while (isdigit((unsigned char)**p) && digits < 4) {
        value = value * 10 + (*(*p)++ - '0');
        digits++;
    }
    *ret = value;
    return digits > 0 && value >= field->min && value <= field->max;
}

/* "*", "5", "1-5", each with "/step". */
static bool take_part(const char **p, const struct field *field, uint64_t *ret)
{
    int from, to, step = 1;
    bool single = false;

    if (**p == '*') {
        (*p)++;
        from = field->min;
        to = field->max;
    } else {
        if (!take_value(p, field, &from))
            return false;
        to = from;
        single = true;
        if (**p == '-') {
            (*p)++;
            single = false;
            if (!take_value(p, field, &to) || to < from)
                return false;
        }
    }
    if (**p == '/') {
        static const struct field steps = {"step", 1, 999, NULL, 0};

        (*p)++;
        if (!take_value(p, &steps, &step))
            return false;
        if (single)
            to = field->max;
    }
    for (int i = from; i <= to; i += step)
        *ret |= UINT64_C(1) << i;
    return true;
}

static bool take_field(const char **p, const struct field *field, uint64_t *ret)
{
    *ret = 0;
    do {
        if (**p == ',')
            (*p)++;
        if (!take_part(p, field, ret))
            return false;
    } while (**p == ',');
    return !**p || isspace((unsigned char)**p);
}

static const char *expand(const char *text)
{
    static const struct {
        const char *name, *fields;
    } names[] = {
        {"@hourly", "0 * * * *"},   {"@daily", "0 0 * * *"},   {"@midnight", "0 0 * * *"},
        {"@weekly", "0 0 * * 0"},   {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"},
        {"@annually", "0 0 1 1 *"},
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcasecmp(text, names[i].name))
            return names[i].fields;
    return text;
}

troupe_status sched_cron_parse(const char *text, size_t len, struct sched_cron *ret,
                               struct error *err)
{
    char copy[TEXT_MAX + 1];
    uint64_t bits[5];
    bool any[5];
    const char *p;

    if (len > TEXT_MAX || memchr(text, '\0', len))
        return error_set(err, TROUPE_ARGUMENT, "a cron line has at most %d bytes", TEXT_MAX);
    memcpy(copy, text, len);
    copy[len] = '\0';
    p = expand(copy);
    for (size_t i = 0; i < 5; i++) {
        while (isspace((unsigned char)*p))
            p++;
        any[i] = *p == '*' && !memchr(p, ',', strcspn(p, " \t"));
        if (!take_field(&p, &fields[i], &bits[i]))
            return error_set(err, TROUPE_ARGUMENT,
                             "the %s of the cron line is not understood; the five fields are "
                             "minute, hour, day of month, month and day of week, as in "
                             "\"0 9 * * mon-fri\"",
                             fields[i].what);
    }
    while (isspace((unsigned char)*p))
        p++;
    if (*p)
        return error_set(err, TROUPE_ARGUMENT, "a cron line has five fields, this one has more");
    *ret = (struct sched_cron){
        .minutes = bits[0],
        .hours = (uint32_t)bits[1],
        .days = (uint32_t)bits[2],
        .months = (uint16_t)bits[3],
        .weekdays = (uint8_t)((bits[4] | bits[4] >> 7) & 0x7f), /* 7 is Sunday, too */
        .day_any = any[2],
        .weekday_any = any[4],
    };
    return TROUPE_OK;
}

static bool day_matches(const struct sched_cron *cron, int64_t days, int day)
{
    bool by_day = cron->days >> day & 1, by_weekday = cron->weekdays >> sched_weekday(days) & 1;

    if (cron->day_any || cron->weekday_any)
        return by_day && by_weekday;
    return by_day || by_weekday;
}

/* The first minute of the day from `minute` on that matches; -1: none. */
static int minute_of(const struct sched_cron *cron, int minute)
{
    for (int hour = minute / 60, m = minute % 60; hour < 24; hour++, m = 0) {
        if (!(cron->hours >> hour & 1))
            continue;
        for (; m < 60; m++)
            if (cron->minutes >> m & 1)
                return hour * 60 + m;
    }
    return -1;
}

int64_t sched_cron_next(const struct sched_cron *cron, const struct sched_zone *zone,
                        int64_t after_ms)
{
    int64_t after = after_ms >= 0 ? after_ms / 1000 : -((999 - after_ms) / 1000);
    int64_t civil = after + sched_zone_offset(zone, after), year, last;
    int64_t days = civil >= 0 ? civil / DAY : -((DAY - 1 - civil) / DAY);
    int minute = (int)((civil - days * DAY) / 60), month, day;

    sched_date(days, &year, &month, &day);
    last = year + YEARS_MAX < 9999 ? year + YEARS_MAX : 9999;
    while (year <= last) {
        if (!(cron->months >> month & 1)) {
            days += sched_month_length(year, month) - day + 1;
            minute = 0;
        } else if (!day_matches(cron, days, day) || (minute = minute_of(cron, minute)) < 0) {
            days++;
            minute = 0;
        } else {
            int64_t moment = sched_zone_moment(zone, days * DAY + minute * 60);

            /* Not so for minutes that were shown before, or that the same gap took. */
            if (moment > after && moment * 1000 > after_ms)
                return moment * 1000;
            minute++;
        }
        sched_date(days, &year, &month, &day);
    }
    return 0;
}
