/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/reader.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#define MONTHS_MAX 120
#define PARTS_MAX  8 /* of a duration */

/* ---- words ---------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
    return isalpha((unsigned char)c) || (unsigned char)c >= 0x80;
}

void sched_skip_space(struct sched_reader *r)
{
    while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\n'))
        r->p++;
}

/* One of the words of "a|b|c". */
bool sched_word(struct sched_reader *r, const char *words)
{
    const char *before = r->p, *from, *to;
    size_t len;

    sched_skip_space(r);
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

bool sched_sign(struct sched_reader *r, char c)
{
    if (r->p == r->end || *r->p != c)
        return false;
    r->p++;
    return true;
}

/* Up to `most` digits, not less than `least`. */
bool sched_digits(struct sched_reader *r, int least, int most, int *ret)
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
bool sched_word_ends(const struct sched_reader *r)
{
    return r->p == r->end || !(is_letter(*r->p) || isdigit((unsigned char)*r->p));
}

static bool number(struct sched_reader *r, int *ret)
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

    sched_skip_space(r);
    if (sched_digits(r, 1, 6, ret))
        return true;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (sched_word(r, names[i])) {
            *ret = (int)i + 1;
            return true;
        }
    return false;
}

/* ---- durations ------------------------------------------------------------------------------ */

bool sched_unit(struct sched_reader *r, int64_t *ret_ms, bool *ret_month)
{
    static const struct {
        const char *words;
        int64_t ms;
    } units[] = {
        {"s|sec|secs|second|seconds|sekunde|sekunden", 1000},
        {"m|min|mins|minute|minutes|minuten", SCHED_MINUTE_MS},
        {"h|hr|hrs|hour|hours|std|stunde|stunden", 60 * SCHED_MINUTE_MS},
        {"d|day|days|tag|tage|tagen", SCHED_DAY * 1000},
        {"w|week|weeks|woche|wochen", 7 * SCHED_DAY * 1000},
    };

    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (sched_word(r, units[i].words)) {
            *ret_ms = units[i].ms;
            *ret_month = false;
            return true;
        }
    *ret_ms = 0;
    *ret_month = true;
    return sched_word(r, "month|months|monat|monate|monaten");
}

static bool half_hour(struct sched_reader *r)
{
    const char *from = r->p;

    if ((sched_word(r, "half") && sched_word(r, "an|a") && sched_word(r, "hour")) ||
        (r->p = from, sched_word(r, "einer") && sched_word(r, "halben") && sched_word(r, "stunde")))
        return true;
    r->p = from;
    return false;
}

bool sched_read_duration(struct sched_reader *r, struct sched_duration *ret)
{
    const char *from = r->p;
    int parts = 0;

    *ret = (struct sched_duration){0, 0};
    if (half_hour(r)) {
        ret->ms = 30 * SCHED_MINUTE_MS;
        return true;
    }
    for (; parts < PARTS_MAX; parts++) {
        const char *before = r->p;
        int64_t ms;
        bool month;
        int n;

        if (parts && !(sched_skip_space(r), sched_sign(r, ',')))
            (void)sched_word(r, "and|und");
        if (!number(r, &n) || !sched_unit(r, &ms, &month) ||
            (month && (n > MONTHS_MAX || ret->months))) {
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
bool sched_clock_time(struct sched_reader *r, int *ret)
{
    const char *from = r->p, *after;
    int hour, minute = 0;

    if (sched_word(r, "noon|midday|mittag|mittags")) {
        *ret = 12 * 60;
        return true;
    }
    if (sched_word(r, "midnight|mitternacht")) {
        *ret = 0;
        return true;
    }
    sched_skip_space(r);
    if (!sched_digits(r, 1, 2, &hour) || (sched_sign(r, ':') && !sched_digits(r, 2, 2, &minute)))
        goto none;
    after = r->p;
    if (sched_word(r, "am|pm")) {
        if (hour < 1 || hour > 12)
            goto none;
        hour = hour % 12 + (tolower((unsigned char)r->p[-2]) == 'p' ? 12 : 0);
    } else if (sched_word(r, "uhr")) {
        after = r->p;
        sched_skip_space(r);
        if (minute || !sched_digits(r, 2, 2, &minute) || !sched_word_ends(r))
            r->p = after;
    } else {
        r->p = after;
    }
    if (hour < 24 && minute < 60 && sched_word_ends(r) && !(r->p < r->end && *r->p == ':')) {
        *ret = hour * 60 + minute;
        return true;
    }
none:
    r->p = from;
    return false;
}

bool sched_at_time(struct sched_reader *r, int *ret)
{
    const char *from = r->p;

    if (sched_word(r, "at|um|gegen") && sched_clock_time(r, ret))
        return true;
    r->p = from;
    return false;
}

/* A part of the day and its usual time. */
bool sched_day_part(struct sched_reader *r, int *ret)
{
    static const struct {
        const char *words;
        int hour;
    } parts[] = {
        {"morning|früh|vormittag|morgens", 9}, {"noon|mittag", 12}, {"afternoon|nachmittag", 15},
        {"evening|abend|abends", 18},          {"night|nacht", 21},
    };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        if (sched_word(r, parts[i].words)) {
            *ret = parts[i].hour * 60;
            return true;
        }
    return false;
}

/* What follows a day: "[evening] [at 8]", "17:30", nothing. `ret` is what it is without. */
void sched_day_time(struct sched_reader *r, int *ret)
{
    const char *from;
    int part = -1, minute;

    if (sched_day_part(r, &part))
        *ret = part;
    from = r->p;
    if (sched_at_time(r, &minute)) {
        *ret = part >= 12 * 60 && minute < 12 * 60 ? minute + 12 * 60 : minute;
        return;
    }
    /* Without "at" a bare number may be the beginning of what is to be done. */
    if (sched_clock_time(r, &minute)) {
        if (memchr(from, ':', (size_t)(r->p - from)) || is_letter(r->p[-1])) {
            *ret = minute;
            return;
        }
        r->p = from;
    }
}
