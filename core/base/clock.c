/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include <stdio.h>
#include <time.h>

static int64_t ns_of(clockid_t id)
{
    struct timespec t;

    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

uint64_t clock_ns(void)
{
    return (uint64_t)ns_of(CLOCK_MONOTONIC);
}

uint64_t clock_ms(void)
{
    return clock_ns() / 1000000;
}

int64_t clock_wall_ms(void)
{
    return ns_of(CLOCK_REALTIME) / 1000000;
}

/* The last `digits` of them at `at`; the place behind. */
static char *put_number(char *at, int64_t number, int digits)
{
    if (number < 0)
        number = 0;
    for (int i = digits; i-- > 0; number /= 10)
        at[i] = (char)('0' + number % 10);
    return at + digits;
}

void clock_iso(int64_t wall_ms, char out[CLOCK_ISO_SIZE])
{
    int64_t sub = ((wall_ms % 1000) + 1000) % 1000;
    time_t seconds = (time_t)((wall_ms - sub) / 1000);
    struct tm tm;
    char *at = out;

    gmtime_r(&seconds, &tm); /* each log line has one: no printf */
    at = put_number(at, tm.tm_year + 1900, 4);
    *at++ = '-';
    at = put_number(at, tm.tm_mon + 1, 2);
    *at++ = '-';
    at = put_number(at, tm.tm_mday, 2);
    *at++ = 'T';
    at = put_number(at, tm.tm_hour, 2);
    *at++ = ':';
    at = put_number(at, tm.tm_min, 2);
    *at++ = ':';
    at = put_number(at, tm.tm_sec, 2);
    *at++ = '.';
    at = put_number(at, sub, 3);
    *at++ = 'Z';
    *at = '\0';
}
