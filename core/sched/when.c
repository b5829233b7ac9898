/* SPDX-License-Identifier: Apache-2.0
 *
 * A small grammar over words (reader.h), read from left to right.
 */
#include "sched/when.h"

#include "sched/reader.h"

#include <ctype.h>
#include <string.h>

/* ---- once ----------------------------------------------------------------------------------- */

static troupe_status once(struct sched_reader *r, int64_t at_ms, struct sched_when *ret)
{
    if (at_ms <= r->now_ms)
        return error_set(r->err, TROUPE_ARGUMENT, "that time is over already");
    if (at_ms - r->now_ms > SCHED_AHEAD_MAX)
        return error_set(r->err, TROUPE_ARGUMENT, "that is more than ten years ahead");
    *ret = (struct sched_when){.kind = SCHED_ONCE, .at_ms = at_ms};
    return TROUPE_OK;
}

static int64_t add_duration(const struct sched_reader *r, const struct sched_duration *by)
{
    int64_t civil = sched_civil_now(r), year, at = r->now_ms;
    int month, day;

    if (by->months) {
        sched_date(civil / SCHED_DAY, &year, &month, &day);
        year += (month - 1 + by->months) / 12;
        month = (month - 1 + by->months) % 12 + 1;
        if (day > sched_month_length(year, month))
            day = sched_month_length(year, month);
        at = sched_zone_moment(r->zone,
                               sched_days(year, month, day) * SCHED_DAY + civil % SCHED_DAY) *
             1000;
    }
    return at + by->ms;
}

static troupe_status read_once(struct sched_reader *r, struct sched_when *ret)
{
    const char *from = r->p;
    struct sched_duration by;
    int64_t days, at;
    int minute, part;
    bool named;

    if (sched_word(r, "in") && sched_read_duration(r, &by)) {
        const char *after = r->p;

        if (!sched_word(r, "from") || !sched_word(r, "now"))
            r->p = after;
        return once(r, add_duration(r, &by), ret);
    }
    r->p = from;
    if (sched_read_date(r, &days)) {
        if (sched_iso_time(r, days, &at))
            return once(r, at, ret);
        minute = SCHED_USUAL_TIME;
        sched_day_time(r, &minute);
        return once(r, sched_moment_ms(r, days, minute), ret);
    }
    if (sched_named_day(r, &days, &minute, &named)) {
        sched_day_time(r, &minute);
        at = sched_moment_ms(r, days, minute);
        if (named && at <= r->now_ms)
            at = sched_moment_ms(r, days + 7, minute);
        return once(r, at, ret);
    }
    if (sched_at_time(r, &minute)) {
        if (sched_read_date(r, &days))
            return once(r, sched_moment_ms(r, days, minute), ret);
        if (sched_named_day(r, &days, &part, &named)) {
            at = sched_moment_ms(r, days, minute);
            return once(r, named && at <= r->now_ms ? sched_moment_ms(r, days + 7, minute) : at,
                        ret);
        }
        at = sched_moment_ms(r, sched_today(r), minute);
        return once(r, at <= r->now_ms ? sched_moment_ms(r, sched_today(r) + 1, minute) : at, ret);
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
                 .weekday_any = weekdays == SCHED_EVERY_DAY},
    };
    return TROUPE_OK;
}

static bool weekday_list(struct sched_reader *r, uint8_t *ret)
{
    const char *after;
    int day;

    if (!sched_weekday_name(r, &day))
        return false;
    *ret = (uint8_t)(1u << day);
    for (;;) {
        after = r->p;
        sched_skip_space(r);
        if (sched_sign(r, ',') || sched_sign(r, '&'))
            (void)sched_word(r, "and|und");
        else if (!sched_word(r, "and|und"))
            break;
        if (!sched_weekday_name(r, &day))
            break;
        *ret |= (uint8_t)(1u << day);
    }
    r->p = after;
    return true;
}

/* "on the 1st", "on day 15", "am 1."; else today's. */
static int day_of_month(struct sched_reader *r)
{
    const char *from = r->p;
    int64_t year;
    int month, day;

    if (sched_word(r, "on|am")) {
        (void)sched_word(r, "the|day");
        sched_skip_space(r);
        if (sched_digits(r, 1, 2, &day) && day >= 1 && day <= 31 &&
            (sched_sign(r, '.') || sched_word(r, "st|nd|rd|th") || sched_word_ends(r)))
            return day;
    }
    r->p = from;
    sched_date(sched_today(r), &year, &month, &day);
    return day;
}

static troupe_status read_interval(struct sched_reader *r, struct sched_when *ret)
{
    struct sched_duration by;
    int64_t one;
    bool month;

    if (!sched_read_duration(r, &by)) {
        if (!sched_unit(r, &one, &month) || month)
            return TROUPE_NOT_FOUND;
        by = (struct sched_duration){one, 0};
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

static troupe_status read_every(struct sched_reader *r, struct sched_when *ret)
{
    const char *from = r->p;
    int minute = r->usual, day;
    uint8_t weekdays;

    if (sched_word(r, "daily|täglich")) {
        sched_day_time(r, &minute);
        return on_days(ret, SCHED_EVERY_DAY, 0, minute);
    }
    if (sched_word(r, "weekdays|werktags")) {
        sched_day_time(r, &minute);
        return on_days(ret, SCHED_WEEKDAYS, 0, minute);
    }
    if (sched_word(r, "hourly|stündlich")) {
        *ret = (struct sched_when){.kind = SCHED_EVERY, .every_ms = 60 * SCHED_MINUTE_MS};
        return TROUPE_OK;
    }
    if (!sched_word(r, "every|each|jede|jeden|jedes|jeder|alle"))
        return TROUPE_NOT_FOUND;
    if (sched_word(r, "weekday|weekdays|workday|werktag"))
        weekdays = SCHED_WEEKDAYS;
    else if (sched_word(r, "weekend|wochenende"))
        weekdays = 0x41;
    else if (sched_word(r, "day|tag") || sched_day_part(r, &minute) || sched_word(r, "morgen"))
        weekdays = SCHED_EVERY_DAY;
    else if (sched_word(r, "week|woche"))
        weekdays = (uint8_t)(1u << sched_weekday(sched_today(r)));
    else if (sched_word(r, "month|monat")) {
        day = day_of_month(r);
        sched_day_time(r, &minute);
        return on_days(ret, SCHED_EVERY_DAY, day, minute);
    } else if (!weekday_list(r, &weekdays)) {
        troupe_status status = read_interval(r, ret);

        if (status == TROUPE_NOT_FOUND)
            r->p = from;
        return status;
    }
    sched_day_time(r, &minute);
    return on_days(ret, weekdays, 0, minute);
}

/* ---- texts ---------------------------------------------------------------------------------- */

/* At the reader's place; it stands behind what was read afterwards. */
static troupe_status read_when(struct sched_reader *r, struct sched_when *ret)
{
    const char *from = r->p;
    troupe_status status;

    r->usual = SCHED_USUAL_TIME;
    if (!sched_at_time(r, &r->usual))
        r->usual = SCHED_USUAL_TIME;
    status = read_every(r, ret);
    if (status == TROUPE_NOT_FOUND) {
        r->p = from;
        status = read_once(r, ret);
    }
    return status == TROUPE_OK && !sched_word_ends(r) ? TROUPE_NOT_FOUND : status;
}

static bool only_space(const struct sched_reader *r, const char *also)
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
    struct sched_reader r = {text, text + len, zone, now_ms, err, SCHED_USUAL_TIME};
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
        sched_skip_space(&r);
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
    struct sched_reader r = {text, text + (len < SCHED_FIND_MAX ? len : SCHED_FIND_MAX),
                             zone, now_ms,
                             err,  SCHED_USUAL_TIME};
    const char *from = text;
    struct sched_when when;

    while (from < r.end) {
        troupe_status status;

        r.p = from;
        sched_skip_space(&r);
        from = r.p;
        status = read_when(&r, &when);
        if ((status == TROUPE_OK || status == TROUPE_ARGUMENT) &&
            (only_space(&(struct sched_reader){.p = text, .end = from}, "") ||
             only_space(&r, ".!?"))) {
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
