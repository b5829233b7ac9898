/* SPDX-License-Identifier: Apache-2.0
 *
 * A small grammar over words, read from left to right; each reader leaves the place where it was when
 * it does not find what it looks for.
 */
#include "sched/when.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MINUTE_MS    60000
#define DAY          86400
#define DEFAULT_TIME (9 * 60)
#define WEEKDAYS     0x3e /* monday to friday */
#define EVERY_DAY    0x7f
#define MONTHS_MAX   120
#define PARTS_MAX    8 /* of a duration */

struct reader {
    const char *p, *end;
    const struct sched_zone *zone;
    int64_t now_ms;
    struct error *err;
    int usual; /* minute of the day where none is said, for "at 9 every day" */
};

/* ---- words ---------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
    return isalpha((unsigned char)c) || (unsigned char)c >= 0x80;
}

static void skip_space(struct reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n'))
        r->p++;
}

/* One of the words of "a|b|c". */
static bool word(struct reader *r, const char *words)
{
    const char *before = r->p, *from, *to;
    size_t len;

    skip_space(r);
    for (from = to = r->p; to < r->end && is_letter(*to);)
        to++;
    len = (size_t)(to - from);
    for (const char *w = words; len; w++) {
        size_t n = strcspn(w, "|");

        if (n == len && !strncasecmp(w, from, n)) {
            r->p = to;
            return true;
        }
        w += n;
        if (!*w)
            break;
    }
    r->p = before;
    return false;
}

static bool sign(struct reader *r, char c)
{
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

/* Up to `most` digits, not less than `least`. */
static bool digits(struct reader *r, int least, int most, int *ret)
{
    const char *from = r->p;
    int value = 0, n = 0;

    while (r->p < r->end && isdigit((unsigned char)*r->p) && n < most) {
        value = value * 10 + (*r->p++ - '0');
        n++;
    }
    if (n < least || (r->p < r->end && isdigit((unsigned char)*r->p))) {
        r->p = from;
        return false;
    }
    *ret = value;
    return true;
}

/* Whether a word or number ends here. */
static bool at_end_of_word(const struct reader *r)
{
    return r->p == r->end || !(is_letter(*r->p) || isdigit((unsigned char)*r->p));
}

static bool number(struct reader *r, int *ret)
{
    static const char *const names[] = {
        "a|an|one|ein|eine|einer|einem|einen",
        "two|zwei",
        "three|drei",
        "four|vier",
        "five|fünf",
        "six|sechs",
        "seven|sieben",
        "eight|acht",
        "nine|neun",
        "ten|zehn",
    };

    skip_space(r);
    if (digits(r, 1, 6, ret))
        return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (word(r, names[i])) {
            *ret = (int)i + 1;
            return true;
        }
    return false;
}

/* ---- the local calendar --------------------------------------------------------------------- */

static int64_t civil_now(const struct reader *r)
{
    return r->now_ms / 1000 + sched_zone_offset(r->zone, r->now_ms / 1000);
}

static int64_t today(const struct reader *r)
{
    return civil_now(r) / DAY;
}

static int64_t moment_ms(const struct reader *r, int64_t days, int minute)
{
    return sched_zone_moment(r->zone, days * DAY + minute * 60) * 1000;
}

/* ---- durations ------------------------------------------------------------------------------ */

struct duration {
    int64_t ms;
    int months;
};

static bool unit(struct reader *r, int64_t *ret_ms, bool *ret_month)
{
    static const struct {
        const char *words;
        int64_t ms;
    } units[] = {
        {"s|sec|secs|second|seconds|sekunde|sekunden", 1000},
        {"m|min|mins|minute|minutes|minuten", MINUTE_MS},
        {"h|hr|hrs|hour|hours|std|stunde|stunden", 60 * MINUTE_MS},
        {"d|day|days|tag|tage|tagen", DAY * 1000},
        {"w|week|weeks|woche|wochen", 7 * DAY * 1000},
    };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (word(r, units[i].words)) {
            *ret_ms = units[i].ms;
            *ret_month = false;
            return true;
        }
    *ret_ms = 0;
    *ret_month = true;
    return word(r, "month|months|monat|monate|monaten");
}

static bool half_hour(struct reader *r)
{
    const char *from = r->p;

    if ((word(r, "half") && word(r, "an|a") && word(r, "hour")) ||
        (r->p = from, word(r, "einer") && word(r, "halben") && word(r, "stunde")))
        return true;
    r->p = from;
    return false;
}

static bool duration(struct reader *r, struct duration *ret)
{
    const char *from = r->p;
    int parts = 0;

    *ret = (struct duration){0, 0};
    if (half_hour(r)) {
        ret->ms = 30 * MINUTE_MS;
        return true;
    }
    for (; parts < PARTS_MAX; parts++) {
        const char *before = r->p;
        int64_t ms;
        bool month;
        int n;

        if (parts && !(skip_space(r), sign(r, ',')))
            (void)word(r, "and|und");
        if (!number(r, &n) || !unit(r, &ms, &month) || (month && (n > MONTHS_MAX || ret->months))) {
            r->p = before;
            break;
        }
        if (month)
            ret->months = n;
        else
            ret->ms += n * ms; /* 8 parts of 999,999 weeks fit */
    }
    if (!parts)
        r->p = from;
    return parts > 0;
}

/* ---- times of a day ------------------------------------------------------------------------- */

/* "9", "9:30", "9 pm", "17 uhr 30", "noon", as minutes of the day. */
static bool clock_time(struct reader *r, int *ret)
{
    const char *from = r->p, *after;
    int hour, minute = 0;

    if (word(r, "noon|midday|mittag|mittags")) {
        *ret = 12 * 60;
        return true;
    }
    if (word(r, "midnight|mitternacht")) {
        *ret = 0;
        return true;
    }
    skip_space(r);
    if (!digits(r, 1, 2, &hour) || (sign(r, ':') && !digits(r, 2, 2, &minute)))
        goto none;
    after = r->p;
    if (word(r, "am|pm")) {
        if (hour < 1 || hour > 12)
            goto none;
        hour = hour % 12 + (tolower((unsigned char)r->p[-2]) == 'p' ? 12 : 0);
    } else if (word(r, "uhr")) {
        after = r->p;
        skip_space(r);
        if (minute || !digits(r, 2, 2, &minute) || !at_end_of_word(r))
            r->p = after;
    } else {
        r->p = after;
    }
    if (hour < 24 && minute < 60 && at_end_of_word(r) && !(r->p < r->end && *r->p == ':')) {
        *ret = hour * 60 + minute;
        return true;
    }
none:
    r->p = from;
    return false;
}

static bool at_time(struct reader *r, int *ret)
{
    const char *from = r->p;

    if (word(r, "at|um|gegen") && clock_time(r, ret))
        return true;
    r->p = from;
    return false;
}

/* A part of the day and its usual time. */
static bool day_part(struct reader *r, int *ret)
{
    static const struct {
        const char *words;
        int hour;
    } parts[] = {
        {"morning|früh|vormittag|morgens", 9}, {"noon|mittag", 12}, {"afternoon|nachmittag", 15},
        {"evening|abend|abends", 18},          {"night|nacht", 21},
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (word(r, parts[i].words)) {
            *ret = parts[i].hour * 60;
            return true;
        }
    return false;
}

/* What follows a day: "[evening] [at 8]", "17:30", nothing. `ret` is what it is without. */
static void day_time(struct reader *r, int *ret)
{
    const char *from;
    int part = -1, minute;

    if (day_part(r, &part))
        *ret = part;
    from = r->p;
    if (at_time(r, &minute)) {
        *ret = part >= 12 * 60 && minute < 12 * 60 ? minute + 12 * 60 : minute;
        return;
    }
    /* Without "at" a bare number may be the beginning of what is to be done. */
    if (clock_time(r, &minute)) {
        if (memchr(from, ':', (size_t)(r->p - from)) || is_letter(r->p[-1])) {
            *ret = minute;
            return;
        }
        r->p = from;
    }
}

/* ---- days ----------------------------------------------------------------------------------- */

static bool weekday(struct reader *r, int *ret)
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
        if (word(r, names[i])) {
            *ret = i;
            return true;
        }
    return false;
}

/* A day as days since 1970, and its usual time; `ret_named`: a weekday, which may be next week's. */
static bool named_day(struct reader *r, int64_t *ret, int *ret_time, bool *ret_named)
{
    const char *from = r->p;
    int name;

    *ret = today(r);
    *ret_time = DEFAULT_TIME;
    *ret_named = false;
    if (word(r, "today|heute"))
        return true;
    if (word(r, "tonight")) {
        *ret_time = 20 * 60;
        return true;
    }
    if (word(r, "yesterday|gestern")) { /* to be told so, rather than to find another time in it */
        *ret -= 1;
        return true;
    }
    if (word(r, "tomorrow|morgen")) {
        *ret += 1;
        return true;
    }
    if (word(r, "übermorgen") ||
        ((void)word(r, "the"), word(r, "day") && word(r, "after") && word(r, "tomorrow"))) {
        *ret += 2;
        return true;
    }
    r->p = from;
    (void)word(r, "on|am|next|this|nächsten|kommenden|diesen");
    if (weekday(r, &name)) {
        *ret += (name - sched_weekday(*ret) + 7) % 7;
        *ret_named = true;
        return true;
    }
    r->p = from;
    return false;
}

/* "2026-11-27", "27.11.2026". */
static bool date(struct reader *r, int64_t *ret_days)
{
    const char *from = r->p;
    int year, month, day;
    bool good;

    (void)word(r, "on|am");
    skip_space(r);
    good = digits(r, 4, 4, &year) && sign(r, '-') && digits(r, 2, 2, &month) && sign(r, '-') &&
           digits(r, 2, 2, &day);
    if (!good) {
        r->p = from;
        (void)word(r, "on|am");
        skip_space(r);
        good = digits(r, 1, 2, &day) && sign(r, '.') && digits(r, 1, 2, &month) && sign(r, '.') &&
               digits(r, 4, 4, &year);
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
static bool offset(struct reader *r, int *ret)
{
    const char *from = r->p;
    int hours, minutes = 0;
    bool minus;

    if (r->p < r->end && (*r->p == 'Z' || *r->p == 'z')) {
        r->p++;
        *ret = 0;
        if (at_end_of_word(r))
            return true;
        r->p = from;
        return false;
    }
    minus = sign(r, '-');
    if (!minus && !sign(r, '+'))
        return false;
    if (r->end - r->p >= 2 && isdigit((unsigned char)r->p[0]) && isdigit((unsigned char)r->p[1])) {
        hours = (r->p[0] - '0') * 10 + r->p[1] - '0';
        r->p += 2;
        (void)sign(r, ':');
        if ((digits(r, 2, 2, &minutes) || r->p[-1] != ':') && hours <= 26 && minutes < 60 &&
            at_end_of_word(r)) {
            *ret = (hours * 3600 + minutes * 60) * (minus ? -1 : 1);
            return true;
        }
    }
    r->p = from;
    return false;
}

/* "T09:00[:30[.5]][offset]" behind a date; false: the date stands alone. */
static bool iso_time(struct reader *r, int64_t days, int64_t *ret_ms)
{
    const char *from = r->p;
    int hour, minute, second = 0, part, east;

    if (sign(r, 'T') || sign(r, 't') || (skip_space(r), true)) {
        if (digits(r, 2, 2, &hour) && sign(r, ':') && digits(r, 2, 2, &minute) &&
            (!sign(r, ':') ||
             (digits(r, 2, 2, &second) && (!sign(r, '.') || digits(r, 1, 9, &part)))) &&
            hour < 24 && minute < 60 && second < 60) {
            int64_t civil = days * DAY + hour * 3600 + minute * 60 + second;

            if (offset(r, &east))
                *ret_ms = (civil - east) * 1000;
            else if (at_end_of_word(r))
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

/* ---- once ----------------------------------------------------------------------------------- */

static troupe_status once(struct reader *r, int64_t at_ms, struct sched_when *ret)
{
    if (at_ms <= r->now_ms)
        return error_set(r->err, TROUPE_ARGUMENT, "that time is over already");
    if (at_ms - r->now_ms > SCHED_AHEAD_MAX)
        return error_set(r->err, TROUPE_ARGUMENT, "that is more than ten years ahead");
    *ret = (struct sched_when){.kind = SCHED_ONCE, .at_ms = at_ms};
    return TROUPE_OK;
}

static int64_t add_duration(const struct reader *r, const struct duration *by)
{
    int64_t civil = civil_now(r), year, at = r->now_ms;
    int month, day;

    if (by->months) {
        sched_date(civil / DAY, &year, &month, &day);
        year += (month - 1 + by->months) / 12;
        month = (month - 1 + by->months) % 12 + 1;
        if (day > sched_month_length(year, month))
            day = sched_month_length(year, month);
        at = sched_zone_moment(r->zone, sched_days(year, month, day) * DAY + civil % DAY) * 1000;
    }
    return at + by->ms;
}

static troupe_status read_once(struct reader *r, struct sched_when *ret)
{
    const char *from = r->p;
    struct duration by;
    int64_t days, at;
    int minute, part;
    bool named;

    if (word(r, "in") && duration(r, &by)) {
        const char *after = r->p;

        if (!word(r, "from") || !word(r, "now"))
            r->p = after;
        return once(r, add_duration(r, &by), ret);
    }
    r->p = from;
    if (date(r, &days)) {
        if (iso_time(r, days, &at))
            return once(r, at, ret);
        minute = DEFAULT_TIME;
        day_time(r, &minute);
        return once(r, moment_ms(r, days, minute), ret);
    }
    if (named_day(r, &days, &minute, &named)) {
        day_time(r, &minute);
        at = moment_ms(r, days, minute);
        if (named && at <= r->now_ms)
            at = moment_ms(r, days + 7, minute);
        return once(r, at, ret);
    }
    if (at_time(r, &minute)) {
        if (date(r, &days))
            return once(r, moment_ms(r, days, minute), ret);
        if (named_day(r, &days, &part, &named)) {
            at = moment_ms(r, days, minute);
            return once(r, named && at <= r->now_ms ? moment_ms(r, days + 7, minute) : at, ret);
        }
        at = moment_ms(r, today(r), minute);
        return once(r, at <= r->now_ms ? moment_ms(r, today(r) + 1, minute) : at, ret);
    }
    return TROUPE_NOT_FOUND;
}

/* ---- again and again ------------------------------------------------------------------------ */

static troupe_status on_days(struct sched_when *ret, uint8_t weekdays, int day, int minute)
{
    *ret = (struct sched_when){
        .kind = SCHED_CRON,
        .cron = {.minutes = UINT64_C(1) << minute % 60,
                 .hours = 1u << minute / 60,
                 .days = day ? 1u << day : UINT32_C(0xfffffffe),
                 .months = 0x1ffe,
                 .weekdays = weekdays,
                 .day_any = !day,
                 .weekday_any = weekdays == EVERY_DAY},
    };
    return TROUPE_OK;
}

static bool weekday_list(struct reader *r, uint8_t *ret)
{
    const char *after;
    int day;

    if (!weekday(r, &day))
        return false;
    *ret = (uint8_t)(1u << day);
    for (;;) {
        after = r->p;
        skip_space(r);
        if (sign(r, ',') || sign(r, '&'))
            (void)word(r, "and|und");
        else if (!word(r, "and|und"))
            break;
        if (!weekday(r, &day))
            break;
        *ret |= (uint8_t)(1u << day);
    }
    r->p = after;
    return true;
}

/* "on the 1st", "on day 15", "am 1."; else today's. */
static int day_of_month(struct reader *r)
{
    const char *from = r->p;
    int64_t year;
    int month, day;

    if (word(r, "on|am")) {
        (void)word(r, "the|day");
        skip_space(r);
        if (digits(r, 1, 2, &day) && day >= 1 && day <= 31 &&
            (sign(r, '.') || word(r, "st|nd|rd|th") || at_end_of_word(r)))
            return day;
    }
    r->p = from;
    sched_date(today(r), &year, &month, &day);
    return day;
}

static troupe_status read_interval(struct reader *r, struct sched_when *ret)
{
    struct duration by;
    int64_t one;
    bool month;

    if (!duration(r, &by)) {
        if (!unit(r, &one, &month) || month)
            return TROUPE_NOT_FOUND;
        by = (struct duration){one, 0};
    }
    if (by.months)
        return TROUPE_NOT_FOUND;
    if (by.ms < SCHED_EVERY_MIN)
        return error_set(r->err, TROUPE_ARGUMENT, "once a minute is the most");
    if (by.ms > SCHED_AHEAD_MAX)
        return error_set(r->err, TROUPE_ARGUMENT, "that is more than ten years ahead");
    *ret = (struct sched_when){.kind = SCHED_EVERY, .every_ms = by.ms};
    return TROUPE_OK;
}

static troupe_status read_every(struct reader *r, struct sched_when *ret)
{
    const char *from = r->p;
    int minute = r->usual, day;
    uint8_t weekdays;

    if (word(r, "daily|täglich")) {
        day_time(r, &minute);
        return on_days(ret, EVERY_DAY, 0, minute);
    }
    if (word(r, "weekdays|werktags")) {
        day_time(r, &minute);
        return on_days(ret, WEEKDAYS, 0, minute);
    }
    if (word(r, "hourly|stündlich")) {
        *ret = (struct sched_when){.kind = SCHED_EVERY, .every_ms = 60 * MINUTE_MS};
        return TROUPE_OK;
    }
    if (!word(r, "every|each|jede|jeden|jedes|jeder|alle"))
        return TROUPE_NOT_FOUND;
    if (word(r, "weekday|weekdays|workday|werktag"))
        weekdays = WEEKDAYS;
    else if (word(r, "weekend|wochenende"))
        weekdays = 0x41;
    else if (word(r, "day|tag"))
        weekdays = EVERY_DAY;
    else if (word(r, "week|woche"))
        weekdays = (uint8_t)(1u << sched_weekday(today(r)));
    else if (word(r, "month|monat")) {
        day = day_of_month(r);
        day_time(r, &minute);
        return on_days(ret, EVERY_DAY, day, minute);
    } else if (day_part(r, &minute) || word(r, "morgen")) {
        weekdays = EVERY_DAY;
    } else if (!weekday_list(r, &weekdays)) {
        troupe_status status = read_interval(r, ret);

        if (status == TROUPE_NOT_FOUND)
            r->p = from;
        return status;
    }
    day_time(r, &minute);
    return on_days(ret, weekdays, 0, minute);
}

/* ---- texts ---------------------------------------------------------------------------------- */

/* At the reader's place; it stands behind what was read afterwards. */
static troupe_status read_when(struct reader *r, struct sched_when *ret)
{
    const char *from = r->p;
    troupe_status status;

    r->usual = DEFAULT_TIME;
    if (!at_time(r, &r->usual))
        r->usual = DEFAULT_TIME;
    status = read_every(r, ret);
    if (status == TROUPE_NOT_FOUND) {
        r->p = from;
        status = read_once(r, ret);
    }
    return status == TROUPE_OK && !at_end_of_word(r) ? TROUPE_NOT_FOUND : status;
}

static bool only_space(const struct reader *r, const char *also)
{
    for (const char *p = r->p; p < r->end; p++)
        if (!isspace((unsigned char)*p) && !(*p && strchr(also, *p)))
            return false;
    return true;
}

static troupe_status not_understood(struct error *err)
{
    return error_set(
        err, TROUPE_ARGUMENT,
        "that is no time that is understood; write it like \"in 20 minutes\", "
        "\"tomorrow at 9\", \"at 17:30\", \"every weekday at 9\", \"2026-12-24 18:00\" "
        "or as a cron line");
}

static bool never(const struct sched_when *when, const struct sched_zone *zone, int64_t now_ms)
{
    return when->kind == SCHED_CRON && !sched_cron_next(&when->cron, zone, now_ms);
}

troupe_status sched_when_parse(const char *text, size_t len, const struct sched_zone *zone,
                               int64_t now_ms, struct sched_when *ret, struct error *err)
{
    struct reader r = {text, text + len, zone, now_ms, err, DEFAULT_TIME};
    struct sched_when when = {.kind = SCHED_CRON};
    troupe_status status;

    if (len > SCHED_WHEN_MAX)
        return error_set(err, TROUPE_ARGUMENT, "a time has at most %d bytes of text",
                         SCHED_WHEN_MAX);
    status = read_when(&r, &when);
    if (status == TROUPE_ARGUMENT)
        return status;
    if (status < 0 || !only_space(&r, "")) {
        r.p = text;
        skip_space(&r);
        if (r.p == r.end || !(*r.p == '@' || *r.p == '*' || isdigit((unsigned char)*r.p)))
            return not_understood(err);
        when = (struct sched_when){.kind = SCHED_CRON};
        status = sched_cron_parse(r.p, (size_t)(r.end - r.p), &when.cron, err);
        if (status < 0)
            return *r.p == '@' || memchr(r.p, '*', (size_t)(r.end - r.p)) ? status
                                                                          : not_understood(err);
    }
    if (never(&when, zone, now_ms))
        return error_set(err, TROUPE_ARGUMENT, "that time never comes");
    *ret = when;
    return TROUPE_OK;
}

troupe_status sched_when_find(const char *text, size_t len, const struct sched_zone *zone,
                              int64_t now_ms, struct sched_when *ret, size_t *ret_start,
                              size_t *ret_end, struct error *err)
{
    struct reader r = {text, text + (len < SCHED_FIND_MAX ? len : SCHED_FIND_MAX),
                       zone, now_ms,
                       err,  DEFAULT_TIME};
    const char *from = text;
    struct sched_when when;

    while (from < r.end) {
        troupe_status status;

        r.p = from;
        skip_space(&r);
        from = r.p;
        status = read_when(&r, &when);
        if ((status == TROUPE_OK || status == TROUPE_ARGUMENT) &&
            (only_space(&(struct reader){.p = text, .end = from}, "") || only_space(&r, ".!?"))) {
            if (status < 0)
                return status;
            if (never(&when, zone, now_ms))
                return error_set(err, TROUPE_ARGUMENT, "that time never comes");
            *ret = when;
            *ret_start = (size_t)(from - text);
            *ret_end = (size_t)(r.p - text);
            return TROUPE_OK;
        }
        while (from < r.end && !isspace((unsigned char)*from))
            from++;
        while (from < r.end && isspace((unsigned char)*from))
            from++;
    }
    return error_set(err, TROUPE_NOT_FOUND, "the text speaks of no time");
}

int64_t sched_when_next(const struct sched_when *when, const struct sched_zone *zone,
                        int64_t last_ms, int64_t after_ms)
{
    int64_t after = last_ms > after_ms ? last_ms : after_ms;

    switch (when->kind) {
    case SCHED_ONCE: return last_ms ? 0 : when->at_ms;
    case SCHED_EVERY:
        if (!last_ms)
            return after_ms + when->every_ms;
        return last_ms + ((after - last_ms) / when->every_ms + 1) * when->every_ms;
    case SCHED_CRON: return sched_cron_next(&when->cron, zone, after);
    }
    return 0;
}

/* ---- printing ------------------------------------------------------------------------------- */

/* The one bit that is set; -1: none or several. */
static int only_bit(uint64_t bits)
{
    return bits && !(bits & (bits - 1)) ? __builtin_ctzll(bits) : -1;
}

static void print_list(uint64_t bits, int min, int max, struct buf *out)
{
    bool first = true;

    for (int i = min; i <= max; i++) {
        int to = i;

        if (!(bits >> i & 1))
            continue;
        while (to < max && bits >> (to + 1) & 1)
            to++;
        buf_printf(out, to > i ? "%s%d-%d" : "%s%d", first ? "" : ",", i, to);
        first = false;
        i = to;
    }
}

/* "*" and the step that leaves these; it counts as not restricted. */
static void print_star(uint64_t bits, int min, int max, struct buf *out)
{
    int step = 1;

    while (min + step <= max && !(bits >> (min + step) & 1))
        step++;
    buf_putc(out, '*');
    if (step > 1)
        buf_printf(out, "/%d", step);
}

static void print_line(const struct sched_cron *cron, struct buf *out)
{
    print_list(cron->minutes, 0, 59, out);
    buf_putc(out, ' ');
    print_list(cron->hours, 0, 23, out);
    buf_putc(out, ' ');
    if (cron->day_any)
        print_star(cron->days, 1, 31, out);
    else
        print_list(cron->days, 1, 31, out);
    buf_putc(out, ' ');
    if (cron->months == 0x1ffe)
        buf_putc(out, '*');
    else
        print_list(cron->months, 1, 12, out);
    buf_putc(out, ' ');
    if (cron->weekday_any)
        print_star(cron->weekdays, 0, 6, out);
    else
        print_list(cron->weekdays, 0, 6, out);
}

static void print_weekdays(uint8_t weekdays, struct buf *out)
{
    static const char *const names[] = {"sunday",   "monday", "tuesday", "wednesday",
                                        "thursday", "friday", "saturday"};
    bool first = true;

    for (int i = 1; i <= 7; i++)
        if (weekdays >> i % 7 & 1) {
            buf_printf(out, "%s%s", first ? "" : " and ", names[i % 7]);
            first = false;
        }
}

/* In words where words can say it. */
static bool print_days(const struct sched_cron *cron, struct buf *out)
{
    int minute = only_bit(cron->minutes), hour = only_bit(cron->hours), day = only_bit(cron->days);
    bool every_day = cron->day_any && (cron->days & 0xfffffffe) == 0xfffffffe;

    if (minute < 0 || hour < 0 || cron->months != 0x1ffe)
        return false;
    if (every_day && cron->weekdays == EVERY_DAY)
        buf_puts(out, "every day");
    else if (every_day && cron->weekdays == WEEKDAYS)
        buf_puts(out, "every weekday");
    else if (every_day) {
        buf_puts(out, "every ");
        print_weekdays(cron->weekdays, out);
    } else if (!cron->day_any && cron->weekday_any && cron->weekdays == EVERY_DAY && day > 0)
        buf_printf(out, "every month on the %d%s", day,
                   day / 10 == 1   ? "th"
                   : day % 10 == 1 ? "st"
                   : day % 10 == 2 ? "nd"
                   : day % 10 == 3 ? "rd"
                                   : "th");
    else
        return false;
    buf_printf(out, " at %02d:%02d", hour, minute);
    return true;
}

static void print_every(int64_t ms, struct buf *out)
{
    static const struct {
        int64_t ms;
        const char *name;
    } units[] = {{7 * DAY * 1000, "week"},
                 {DAY * 1000, "day"},
                 {60 * MINUTE_MS, "hour"},
                 {MINUTE_MS, "minute"},
                 {1000, "second"}};

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (ms % units[i].ms == 0) {
            int64_t n = ms / units[i].ms;

            buf_printf(out, "every %lld %s%s", (long long)n, units[i].name, n > 1 ? "s" : "");
            return;
        }
}

struct local {
    int64_t year;
    int month, day, weekday, hour, minute, second;
    int32_t east;
};

static struct local local_of(int64_t at_ms, const struct sched_zone *zone)
{
    int64_t second = at_ms / 1000, civil;
    struct local local;
    int in_day;

    local.east = sched_zone_offset(zone, second);
    civil = second + local.east;
    sched_date(civil / DAY, &local.year, &local.month, &local.day);
    local.weekday = sched_weekday(civil / DAY);
    in_day = (int)(civil % DAY);
    local.hour = in_day / 3600;
    local.minute = in_day / 60 % 60;
    local.second = in_day % 60;
    return local;
}

void sched_when_print(const struct sched_when *when, const struct sched_zone *zone, struct buf *out)
{
    struct local local;
    int east;

    switch (when->kind) {
    case SCHED_EVERY: print_every(when->every_ms, out); return;
    case SCHED_CRON:
        if (!print_days(&when->cron, out))
            print_line(&when->cron, out);
        return;
    case SCHED_ONCE: break;
    }
    local = local_of(when->at_ms, zone);
    east = local.east < 0 ? -local.east : local.east;
    buf_printf(out, "%04lld-%02d-%02dT%02d:%02d:%02d%c%02d:%02d", (long long)local.year,
               local.month, local.day, local.hour, local.minute, local.second,
               local.east < 0 ? '-' : '+', east / 3600, east / 60 % 60);
}

void sched_when_moment(int64_t at_ms, const struct sched_zone *zone, struct buf *out)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct local local = local_of(at_ms, zone);

    buf_printf(out, "%s %d %s %lld at %02d:%02d", days[local.weekday], local.day,
               names[local.month - 1], (long long)local.year, local.hour, local.minute);
}
