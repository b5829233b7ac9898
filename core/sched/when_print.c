/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/reader.h"
#include "sched/when.h"

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
    if (every_day && cron->weekdays == SCHED_EVERY_DAY)
        buf_puts(out, "every day");
    else if (every_day && cron->weekdays == SCHED_WEEKDAYS)
        buf_puts(out, "every weekday");
    else if (every_day) {
        buf_puts(out, "every ");
        print_weekdays(cron->weekdays, out);
    } else if (!cron->day_any && cron->weekday_any && cron->weekdays == SCHED_EVERY_DAY && day > 0)
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
    } units[] = {{7 * SCHED_DAY * 1000, "week"},
                 {SCHED_DAY * 1000, "day"},
                 {60 * SCHED_MINUTE_MS, "hour"},
                 {SCHED_MINUTE_MS, "minute"},
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
    sched_date(civil / SCHED_DAY, &local.year, &local.month, &local.day);
    local.weekday = sched_weekday(civil / SCHED_DAY);
    in_day = (int)(civil % SCHED_DAY);
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
