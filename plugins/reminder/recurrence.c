/* SPDX-License-Identifier: Apache-2.0 */
#include "recurrence.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

enum unit { ONCE, HOUR, DAY, WEEKDAYS, WEEK, MONTH };

static const struct {
    const char *name;
    enum unit unit;
} names[] = {
    {"", ONCE},
    {"none", ONCE},
    {"once", ONCE},
    {"hourly", HOUR},
    {"daily", DAY},
    {"weekdays", WEEKDAYS},
    {"weekly", WEEK},
    {"monthly", MONTH},
    {"every hour", HOUR},
    {"every day", DAY},
    {"every week", WEEK},
    {"every month", MONTH},
    {"freq=hourly", HOUR},
    {"freq=daily", DAY},
    {"freq=weekly", WEEK},
    {"freq=monthly", MONTH},
};

/* "Fri 27 Nov 2026 at 09:00" */
struct moment {
    char weekday[4], time[6];
    int day;
};

static int read_moment(troupe_str local, struct moment *ret)
{
    char text[64];

    snprintf(text, sizeof(text), "%.*s", (int)(local.len < sizeof(text) ? local.len : 0),
             local.ptr);
    return sscanf(text, "%3s %d %*s %*d at %5s", ret->weekday, &ret->day, ret->time) == 3;
}

static void write_unit(enum unit unit, const struct moment *at, char ret[RECURRENCE_MAX])
{
    switch (unit) {
    case ONCE: ret[0] = 0; break;
    case HOUR: snprintf(ret, RECURRENCE_MAX, "every hour"); break;
    case DAY: snprintf(ret, RECURRENCE_MAX, "every day at %s", at->time); break;
    case WEEKDAYS: snprintf(ret, RECURRENCE_MAX, "every weekday at %s", at->time); break;
    case WEEK: snprintf(ret, RECURRENCE_MAX, "every %s at %s", at->weekday, at->time); break;
    case MONTH:
        snprintf(ret, RECURRENCE_MAX, "every month on the %d. at %s", at->day, at->time);
        break;
    }
}

int recurrence_text(troupe_str recurrence, troupe_str local, char ret[RECURRENCE_MAX])
{
    static const char rule[] = "RRULE:";
    struct moment at;

    while (recurrence.len > 0 && recurrence.ptr[recurrence.len - 1] == ' ')
        recurrence.len--;
    if (recurrence.len >= sizeof(rule) - 1 &&
        strncasecmp(recurrence.ptr, rule, sizeof(rule) - 1) == 0) {
        recurrence.ptr += sizeof(rule) - 1;
        recurrence.len -= sizeof(rule) - 1;
    }
    if (recurrence.len >= RECURRENCE_MAX || memchr(recurrence.ptr, '\n', (size_t)recurrence.len))
        return 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (recurrence.len == strlen(names[i].name) &&
            strncasecmp(recurrence.ptr, names[i].name, (size_t)recurrence.len) == 0 &&
            (names[i].unit == ONCE || read_moment(local, &at))) {
            write_unit(names[i].unit, &at, ret);
            return 1;
        }
    snprintf(ret, RECURRENCE_MAX, "%.*s", (int)recurrence.len, recurrence.ptr);
    return 1;
}
