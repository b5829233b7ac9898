/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/zone.h"

#include "base/mem.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DAY            86400
#define HEADER         44
#define CHANGES_MAX    4096
#define TYPES_MAX      256
#define OFFSET_MAX     (26 * 3600) /* RFC 9636, 3.2                                   */
#define RULE_HOURS_MAX 167         /* RFC 9636, 3.3.1                                 */
#define FOOTER_MAX     128
#define WINDOW         (2 * DAY) /* any civil second is within it of its moment     */

/* When clocks change in each year, as in POSIX's TZ. */
struct change {
    enum { BY_MONTH, BY_JULIAN, BY_DAY } kind;
    int month, week, day;
    int32_t second; /* of the day, on the clock before the change */
};

struct sched_zone {
    int64_t *times; /* of listed changes, ascending */
    uint8_t *kinds; /* what holds from each         */
    size_t count;
    int32_t offsets[TYPES_MAX];
    size_t offset_count;
    int32_t before; /* before the first change */
    /* The footer. */
    bool ruled, summer;
    int32_t standard, daylight;
    struct change start, end;
};

static int64_t floor_day(int64_t second)
{
    return second >= 0 ? second / DAY : -((DAY - 1 - second) / DAY);
}

/* ---- the footer ----------------------------------------------------------------------------- */

static bool take(const char **p, char c)
{
    if (**p != c)
        return false;
    (*p)++;
    return true;
}

static bool take_number(const char **p, int max, int *ret)
{
    int value = 0, digits = 0;

    while (isdigit((unsigned char)**p) && digits < 4) {
        value = value * 10 + (*(*p)++ - '0');
        digits++;
    }
    *ret = value;
    return digits > 0 && value <= max;
}

static bool take_name(const char **p)
{
    const char *from = *p;

    if (take(p, '<')) {
        while (isalnum((unsigned char)**p) || **p == '+' || **p == '-')
            (*p)++;
        return take(p, '>');
    }
    while (isalpha((unsigned char)**p))
        (*p)++;
    return *p - from >= 3;
}

/* "[+-]hh[:mm[:ss]]" in seconds. */
static bool take_time(const char **p, int hours_max, int32_t *ret)
{
    bool minus = **p == '-';
    int hours, minutes = 0, seconds = 0;

    if (minus || **p == '+')
        (*p)++;
    if (!take_number(p, hours_max, &hours) || (take(p, ':') && !take_number(p, 59, &minutes)) ||
        (take(p, ':') && !take_number(p, 59, &seconds)))
        return false;
    *ret = hours * 3600 + minutes * 60 + seconds;
    if (minus)
        *ret = -*ret;
    return true;
}

static bool take_change(const char **p, struct change *ret)
{
    *ret = (struct change){.kind = BY_DAY, .second = 2 * 3600};
    if (take(p, 'M')) {
        ret->kind = BY_MONTH;
        if (!take_number(p, 12, &ret->month) || !ret->month || !take(p, '.') ||
            !take_number(p, 5, &ret->week) || !ret->week || !take(p, '.') ||
            !take_number(p, 6, &ret->day))
            return false;
    } else if (take(p, 'J')) {
        ret->kind = BY_JULIAN;
        if (!take_number(p, 365, &ret->day) || !ret->day)
            return false;
    } else if (!take_number(p, 365, &ret->day)) {
        return false;
    }
    return !take(p, '/') || take_time(p, RULE_HOURS_MAX, &ret->second);
}

/* "CET-1CEST,M3.5.0,M10.5.0/3": POSIX counts west of UTC. */
static bool parse_rule(const char *text, struct sched_zone *zone)
{
    const char *p = text;

    if (!take_name(&p) || !take_time(&p, 24, &zone->standard))
        return false;
    zone->standard = -zone->standard;
    zone->ruled = true;
    if (!*p)
        return true;
    zone->summer = true;
    zone->daylight = zone->standard + 3600;
    if (!take_name(&p))
        return false;
    if (*p != ',') {
        if (!take_time(&p, 24, &zone->daylight))
            return false;
        zone->daylight = -zone->daylight;
    }
    return take(&p, ',') && take_change(&p, &zone->start) && take(&p, ',') &&
           take_change(&p, &zone->end) && !*p;
}

static int64_t change_day(const struct change *change, int64_t year)
{
    bool leap = sched_month_length(year, 2) == 29;
    int64_t first;
    int day;

    if (change->kind == BY_DAY)
        return sched_days(year, 1, 1) + change->day;
    if (change->kind == BY_JULIAN)
        return sched_days(year, 1, 1) + change->day - 1 + (leap && change->day >= 60);
    first = sched_days(year, change->month, 1);
    day = (change->day - sched_weekday(first) + 7) % 7 + 7 * (change->week - 1);
    while (day >= sched_month_length(year, change->month))
        day -= 7;
    return first + day;
}

static int32_t rule_offset(const struct sched_zone *zone, int64_t second)
{
    int64_t year, start, end;
    int month, day;

    if (!zone->summer)
        return zone->standard;
    sched_date(floor_day(second + zone->standard), &year, &month, &day);
    start = change_day(&zone->start, year) * DAY + zone->start.second - zone->standard;
    end = change_day(&zone->end, year) * DAY + zone->end.second - zone->daylight;
    if (start < end ? second >= start && second < end : second >= start || second < end)
        return zone->daylight;
    return zone->standard;
}

/* ---- the file ------------------------------------------------------------------------------- */

struct counts {
    uint32_t utc, standard, leap, time, type, chars;
};

static int64_t big_endian(const uint8_t *p, size_t size)
{
    uint64_t value = size == 8 || !(p[0] & 0x80) ? 0 : UINT64_MAX;

    for (size_t i = 0; i < size; i++)
        value = value << 8 | p[i];
    return (int64_t)value;
}

static bool read_counts(const uint8_t *data, size_t len, struct counts *ret)
{
    if (len < HEADER || memcmp(data, "TZif", 4) != 0)
        return false;
    ret->utc = (uint32_t)big_endian(data + 20, 4);
    ret->standard = (uint32_t)big_endian(data + 24, 4);
    ret->leap = (uint32_t)big_endian(data + 28, 4);
    ret->time = (uint32_t)big_endian(data + 32, 4);
    ret->type = (uint32_t)big_endian(data + 36, 4);
    ret->chars = (uint32_t)big_endian(data + 40, 4);
    return ret->time <= CHANGES_MAX && ret->type && ret->type <= TYPES_MAX && ret->leap < 1000 &&
           ret->chars < 4096 && ret->utc <= TYPES_MAX && ret->standard <= TYPES_MAX;
}

static size_t block_size(const struct counts *counts, size_t word)
{
    return counts->time * (word + 1) + counts->type * 6 + counts->chars +
           counts->leap * (word + 4) + counts->standard + counts->utc;
}

static bool read_block(const uint8_t *data, const struct counts *counts, size_t word,
                       struct sched_zone *zone)
{
    const uint8_t *types = data + counts->time * (word + 1);

    zone->count = counts->time;
    zone->times = mem_zero(zone->count + 1, sizeof(*zone->times));
    zone->kinds = mem_zero(zone->count + 1, sizeof(*zone->kinds));
    zone->offset_count = counts->type;
    for (size_t i = 0; i < counts->type; i++) {
        zone->offsets[i] = (int32_t)big_endian(types + i * 6, 4);
        if (zone->offsets[i] < -OFFSET_MAX || zone->offsets[i] > OFFSET_MAX)
            return false;
    }
    for (size_t i = 0; i < zone->count; i++) {
        zone->times[i] = big_endian(data + i * word, word);
        zone->kinds[i] = data[counts->time * word + i];
        if (zone->kinds[i] >= zone->offset_count || (i && zone->times[i] <= zone->times[i - 1]))
            return false;
    }
    zone->before = zone->offsets[0];
    return true;
}

static bool read_file(const uint8_t *data, size_t len, struct sched_zone *zone)
{
    struct counts counts;
    size_t size, left;
    char footer[FOOTER_MAX];
    const uint8_t *end;

    if (!read_counts(data, len, &counts))
        return false;
    size = block_size(&counts, 4);
    if (len - HEADER < size)
        return false;
    if (data[4] < '2') /* the 32-bit block is all there is */
        return read_block(data + HEADER, &counts, 4, zone);
    data += HEADER + size;
    left = len - HEADER - size;
    if (!read_counts(data, left, &counts))
        return false;
    size = block_size(&counts, 8);
    if (left - HEADER < size || !read_block(data + HEADER, &counts, 8, zone))
        return false;
    data += HEADER + size;
    left -= HEADER + size;
    end = left > 1 && data[0] == '\n' ? memchr(data + 1, '\n', left - 1) : NULL;
    if (!end || end - data - 1 >= FOOTER_MAX)
        return false;
    memcpy(footer, data + 1, (size_t)(end - data) - 1);
    footer[end - data - 1] = '\0';
    return !*footer || parse_rule(footer, zone);
}

troupe_status sched_zone_parse(const void *data, size_t len, struct sched_zone **ret,
                               struct error *err)
{
    struct sched_zone *zone = mem_zero(1, sizeof(*zone));

    if (!read_file(data, len, zone)) {
        sched_zone_free(zone);
        return error_set(err, TROUPE_DATA, "the time zone's file is broken; install tzdata anew");
    }
    *ret = zone;
    return TROUPE_OK;
}

static bool is_name(const char *name)
{
    size_t len = strlen(name);

    if (!isalpha((unsigned char)*name) || len > SCHED_ZONE_NAME_MAX)
        return false;
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_+-/", *p))
            return false;
    return !strstr(name, "//");
}

troupe_status sched_zone_load(const char *name, struct sched_zone **ret, struct error *err)
{
    const char *directory = getenv("TZDIR");
    _cleanup_mem_ char *path = NULL, *data = NULL;
    size_t len = 0;
    ssize_t n = 1;
    int fd;

    if (!*name || !strcmp(name, "UTC")) {
        *ret = mem_zero(1, sizeof(**ret));
        (*ret)->ruled = true;
        return TROUPE_OK;
    }
    if (!is_name(name))
        return error_set(err, TROUPE_ARGUMENT,
                         "\"%.64s\" is no time zone; write a name like Europe/Berlin", name);
    path = mem_printf("%s/%s", directory && *directory ? directory : "/usr/share/zoneinfo", name);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return error_set(err, TROUPE_ARGUMENT,
                         "time zone \"%s\" is not known here; write a name like Europe/Berlin, or "
                         "install tzdata",
                         name);
    data = mem_alloc(SCHED_ZONE_FILE_MAX);
    while (n > 0 && len < SCHED_ZONE_FILE_MAX) {
        n = read(fd, data + len, SCHED_ZONE_FILE_MAX - len);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            len += (size_t)n;
    }
    close(fd);
    if (n < 0) /* a directory, for one: "Europe" */
        return error_set(err, TROUPE_ARGUMENT,
                         "\"%s\" is no time zone; write a name like Europe/Berlin", name);
    return sched_zone_parse(data, len, ret, err);
}

void sched_zone_free(struct sched_zone *zone)
{
    if (!zone)
        return;
    mem_free(zone->times);
    mem_free(zone->kinds);
    mem_free(zone);
}

/* ---- asking --------------------------------------------------------------------------------- */

int32_t sched_zone_offset(const struct sched_zone *zone, int64_t second)
{
    size_t low = 0, high = zone->count;

    if (!zone->count)
        return zone->ruled ? rule_offset(zone, second) : zone->before;
    if (zone->ruled && second >= zone->times[zone->count - 1])
        return rule_offset(zone, second);
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (zone->times[middle] <= second)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? zone->offsets[zone->kinds[low - 1]] : zone->before;
}

int64_t sched_zone_moment(const struct sched_zone *zone, int64_t civil)
{
    int32_t before = sched_zone_offset(zone, civil - WINDOW);
    int32_t after = sched_zone_offset(zone, civil + WINDOW);
    int64_t by_before = civil - before, by_after = civil - after;
    bool is_before = sched_zone_offset(zone, by_before) == before;
    bool is_after = sched_zone_offset(zone, by_after) == after;
    int64_t low = by_after, high = by_before;

    if (is_before && is_after)
        return by_before < by_after ? by_before : by_after;
    if (is_before || is_after)
        return is_before ? by_before : by_after;
    /* In the gap: the change lies between the two. */
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;

        if (sched_zone_offset(zone, middle) == before)
            low = middle;
        else
            high = middle;
    }
    return high;
}
