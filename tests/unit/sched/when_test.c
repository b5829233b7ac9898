/* SPDX-License-Identifier: Apache-2.0 */
#include "sched/when.h"

#include "base/mem.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

/* A moment as "2026-11-27T09:00:00Z"; 0 where the text is none. */
static int64_t at(const char *text)
{
    int year, month, day, hour, minute, second;

    if (sscanf(text, "%d-%d-%dT%d:%d:%dZ", &year, &month, &day, &hour, &minute, &second) != 6)
        return 0;
    return (sched_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) * 1000;
}

static const char *print(int64_t ms, char out[32])
{
    int64_t days = ms / 86400000, year;
    int second = (int)(ms / 1000 % 86400), month, day;

    sched_date(days, &year, &month, &day);
    snprintf(out, 32, "%04lld-%02d-%02dT%02d:%02d:%02dZ", (long long)year, month, day,
             second / 3600, second / 60 % 60, second % 60);
    return out;
}

static struct sched_zone *load(const char *name)
{
    struct sched_zone *zone = NULL;
    struct error err = {0};

    if (sched_zone_load(name, &zone, &err) < 0) {
        print_message("# %s\n", err.text);
        skip();
    }
    return zone;
}

/* `text`, read at `now` in `zone`, is due at the times listed, one after the other. */
struct when_case {
    const char *zone, *now, *text;
    const char *due[4];
};

static void check(const struct when_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct when_case *c = &cases[i];
        struct sched_zone *zone = load(c->zone);
        struct sched_when when;
        struct error err = {0};
        int64_t last = 0, now = at(c->now);
        char text[32];

        if (sched_when_parse(c->text, strlen(c->text), zone, now, &when, &err) < 0)
            fail_msg("\"%s\": %s", c->text, err.text);
        for (size_t k = 0; k < 4 && c->due[k]; k++) {
            int64_t next = sched_when_next(&when, zone, last, last ? last : now);

            if (next != at(c->due[k]))
                fail_msg("\"%s\" in %s: time %zu is %s, expected %s", c->text, c->zone, k,
                         print(next, text), c->due[k]);
            last = next;
        }
        sched_zone_free(zone);
    }
}

#define CHECK(...)                                                                                 \
    do {                                                                                           \
        static const struct when_case cases[] = {__VA_ARGS__};                                     \
        (void)state;                                                                               \
        check(cases, sizeof(cases) / sizeof(cases[0]));                                            \
    } while (0)

#define BERLIN    "Europe/Berlin"
#define NEW_YORK  "America/New_York"
#define KATHMANDU "Asia/Kathmandu"
#define NOW       "2026-11-26T19:00:00Z" /* a Thursday; 20:00 in Berlin */

static void times_are_read_as_people_write_them(void **state)
{
    CHECK({BERLIN, NOW, "in 20 minutes", {"2026-11-26T19:20:00Z"}},
          {BERLIN, NOW, "  In 2 hours 30 minutes ", {"2026-11-26T21:30:00Z"}},
          {BERLIN, NOW, "in 1h30m", {"2026-11-26T20:30:00Z"}},
          {BERLIN, NOW, "in half an hour", {"2026-11-26T19:30:00Z"}},
          {BERLIN, NOW, "in 2 days, 3 hours and 5 min", {"2026-11-28T22:05:00Z"}},
          {BERLIN, NOW, "in a month", {"2026-12-26T19:00:00Z"}},
          {BERLIN, "2026-01-31T08:00:00Z", "in 1 month", {"2026-02-28T08:00:00Z"}},
          {BERLIN, NOW, "tomorrow at 9", {"2026-11-27T08:00:00Z"}},
          {BERLIN, NOW, "tomorrow", {"2026-11-27T08:00:00Z"}},
          {BERLIN, NOW, "tomorrow 17:30", {"2026-11-27T16:30:00Z"}},
          {BERLIN, NOW, "tomorrow evening", {"2026-11-27T17:00:00Z"}},
          {BERLIN, NOW, "tomorrow evening at 8", {"2026-11-27T19:00:00Z"}},
          {BERLIN, NOW, "the day after tomorrow at noon", {"2026-11-28T11:00:00Z"}},
          {BERLIN, NOW, "at 17:30", {"2026-11-27T16:30:00Z"}},
          {BERLIN, NOW, "at 21:15", {"2026-11-26T20:15:00Z"}},
          {BERLIN, NOW, "at 9 pm", {"2026-11-26T20:00:00Z"}},
          {BERLIN, NOW, "at 12am tomorrow", {"2026-11-26T23:00:00Z"}},
          {BERLIN, NOW, "at 8 on monday", {"2026-11-30T07:00:00Z"}},
          {BERLIN, NOW, "on thursday at 8", {"2026-12-03T07:00:00Z"}},
          {BERLIN, NOW, "next friday at 8:05", {"2026-11-27T07:05:00Z"}},
          {BERLIN, NOW, "2026-12-24 18:00", {"2026-12-24T17:00:00Z"}},
          {BERLIN, NOW, "2026-12-24T18:00:30Z", {"2026-12-24T18:00:30Z"}},
          {BERLIN, NOW, "2026-12-24T18:00-05:00", {"2026-12-24T23:00:00Z"}},
          {BERLIN, NOW, "2026-12-24T18:00:00.250+0545", {"2026-12-24T12:15:00Z"}},
          {BERLIN, NOW, "2026-12-24", {"2026-12-24T08:00:00Z"}},
          {BERLIN, NOW, "on 24.12.2026 at 18:00", {"2026-12-24T17:00:00Z"}},
          {"UTC", NOW, "every 15 minutes", {"2026-11-26T19:15:00Z", "2026-11-26T19:30:00Z"}},
          {"UTC", NOW, "every hour", {"2026-11-26T20:00:00Z", "2026-11-26T21:00:00Z"}},
          {"UTC", NOW, "every day at 9", {"2026-11-27T09:00:00Z", "2026-11-28T09:00:00Z"}},
          {"UTC", NOW, "daily at 21:00", {"2026-11-26T21:00:00Z", "2026-11-27T21:00:00Z"}},
          {"UTC", NOW, "at 21:00 every day", {"2026-11-26T21:00:00Z", "2026-11-27T21:00:00Z"}},
          {"UTC", NOW, "every evening", {"2026-11-27T18:00:00Z"}},
          {"UTC",
           NOW,
           "every weekday at 9",
           {"2026-11-27T09:00:00Z", "2026-11-30T09:00:00Z", "2026-12-01T09:00:00Z"}},
          {"UTC", NOW, "every weekend at 10:30", {"2026-11-28T10:30:00Z", "2026-11-29T10:30:00Z"}},
          {"UTC",
           NOW,
           "every monday and friday at 8:15",
           {"2026-11-27T08:15:00Z", "2026-11-30T08:15:00Z", "2026-12-04T08:15:00Z"}},
          {"UTC", NOW, "every week at 7", {"2026-12-03T07:00:00Z", "2026-12-10T07:00:00Z"}},
          {"UTC",
           NOW,
           "every month on the 1st",
           {"2026-12-01T09:00:00Z", "2027-01-01T09:00:00Z", "2027-02-01T09:00:00Z"}},
          {"UTC",
           "2027-01-30T00:00:00Z",
           "every month on the 31st at 6:00",
           {"2027-01-31T06:00:00Z", "2027-03-31T06:00:00Z", "2027-05-31T06:00:00Z"}});
}

static void german_times_are_read_too(void **state)
{
    CHECK({BERLIN, NOW, "in 20 Minuten", {"2026-11-26T19:20:00Z"}},
          {BERLIN, NOW, "in einer halben Stunde", {"2026-11-26T19:30:00Z"}},
          {BERLIN, NOW, "in zwei Stunden", {"2026-11-26T21:00:00Z"}},
          {BERLIN, NOW, "morgen um 9", {"2026-11-27T08:00:00Z"}},
          {BERLIN, NOW, "morgen früh um 7 Uhr 30", {"2026-11-27T06:30:00Z"}},
          {BERLIN, NOW, "übermorgen um 17:30 Uhr", {"2026-11-28T16:30:00Z"}},
          {BERLIN, NOW, "um 21 Uhr", {"2026-11-26T20:00:00Z"}},
          {BERLIN, NOW, "am Montag um 8", {"2026-11-30T07:00:00Z"}},
          {BERLIN, NOW, "am 24.12.2026 um 18 Uhr", {"2026-12-24T17:00:00Z"}},
          {BERLIN, NOW, "jeden Werktag um 9", {"2026-11-27T08:00:00Z", "2026-11-30T08:00:00Z"}},
          {BERLIN, NOW, "jeden Montag und Freitag um 8:15", {"2026-11-27T07:15:00Z"}},
          {BERLIN, NOW, "alle 15 Minuten", {"2026-11-26T19:15:00Z"}},
          {BERLIN, NOW, "täglich um 12", {"2026-11-27T11:00:00Z"}},
          {BERLIN, NOW, "jeden Monat am 1. um 10", {"2026-12-01T09:00:00Z"}});
}

static void cron_lines_mean_what_crontab_says(void **state)
{
    CHECK({"UTC", NOW, "0 9 * * mon-fri", {"2026-11-27T09:00:00Z", "2026-11-30T09:00:00Z"}},
          {"UTC",
           NOW,
           "*/20 19,20 * * *",
           {"2026-11-26T19:20:00Z", "2026-11-26T19:40:00Z", "2026-11-26T20:00:00Z"}},
          {"UTC",
           NOW,
           "5-10/5 0 1 JAN,jul *",
           {"2027-01-01T00:05:00Z", "2027-01-01T00:10:00Z", "2027-07-01T00:05:00Z"}},
          {"UTC", NOW, "@daily", {"2026-11-27T00:00:00Z"}},
          {"UTC", NOW, "@hourly", {"2026-11-26T20:00:00Z"}},
          {"UTC", NOW, "@weekly", {"2026-11-29T00:00:00Z"}},
          {"UTC", NOW, "@monthly", {"2026-12-01T00:00:00Z"}},
          {"UTC", NOW, "@yearly", {"2027-01-01T00:00:00Z"}},
          {"UTC", NOW, "0 0 * * 7", {"2026-11-29T00:00:00Z"}},
          {"UTC", NOW, "0 12 29 2 *", {"2028-02-29T12:00:00Z", "2032-02-29T12:00:00Z"}},
          {"UTC", "2096-03-01T00:00:00Z", "0 12 29 2 *", {"2104-02-29T12:00:00Z"}},
          {"UTC",
           "2027-01-31T00:00:00Z",
           "0 6 31 * *",
           {"2027-01-31T06:00:00Z", "2027-03-31T06:00:00Z"}},
          /* Day of month and day of week: one is enough, unless one of them is not restricted. */
          {"UTC",
           NOW,
           "0 0 1 * fri",
           {"2026-11-27T00:00:00Z", "2026-12-01T00:00:00Z", "2026-12-04T00:00:00Z"}},
          {"UTC", NOW, "0 0 1 * *", {"2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"}},
          {"UTC", NOW, "0 0 */2 * fri", {"2026-11-27T00:00:00Z", "2026-12-11T00:00:00Z"}});
}

static void set_clocks_neither_lose_nor_double_a_time(void **state)
{
    CHECK(/* Berlin, 29 March 2026: 2:00 to 3:00 is not shown. */
          {BERLIN,
           "2026-03-28T12:00:00Z",
           "30 2 * * *",
           {"2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
          {BERLIN,
           "2026-03-29T00:30:00Z",
           "*/30 * * * *",
           {"2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"}},
          {BERLIN, "2026-03-28T12:00:00Z", "tomorrow at 2:30", {"2026-03-29T01:00:00Z"}},
          {BERLIN,
           "2026-03-28T12:00:00Z",
           "every day at 9",
           {"2026-03-29T07:00:00Z", "2026-03-30T07:00:00Z"}},
          /* 25 October 2026: 2:00 to 3:00 is shown twice. */
          {BERLIN,
           "2026-10-24T12:00:00Z",
           "30 2 * * *",
           {"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
          {BERLIN,
           "2026-10-25T00:00:00Z",
           "*/30 * * * *",
           {"2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z", "2026-10-25T02:30:00Z"}},
          {BERLIN, "2026-10-25T01:10:00Z", "30 2 * * *", {"2026-10-26T01:30:00Z"}},
          {BERLIN,
           "2026-10-24T23:50:00Z",
           "every 30 minutes",
           {"2026-10-25T00:20:00Z", "2026-10-25T00:50:00Z", "2026-10-25T01:20:00Z"}},
          /* New York, 8 March and 1 November 2026. */
          {NEW_YORK,
           "2026-03-07T17:00:00Z",
           "30 2 * * *",
           {"2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z"}},
          {NEW_YORK,
           "2026-10-31T17:00:00Z",
           "30 1 * * *",
           {"2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"}},
          {NEW_YORK, NOW, "every weekday at 9", {"2026-11-27T14:00:00Z", "2026-11-30T14:00:00Z"}},
          /* A quarter of an hour beside the others, and no summer time. */
          {KATHMANDU, NOW, "at 9:00", {"2026-11-27T03:15:00Z"}},
          {KATHMANDU, NOW, "0 9 * * *", {"2026-11-27T03:15:00Z", "2026-11-28T03:15:00Z"}},
          /* The southern hemisphere, and a zone whose summer is its standard. */
          {"Australia/Sydney",
           "2026-10-03T03:00:00Z",
           "30 2 * * *",
           {"2026-10-03T16:00:00Z", "2026-10-04T15:30:00Z"}},
          {"Europe/Dublin", "2026-03-28T12:00:00Z", "30 1 * * *", {"2026-03-29T01:00:00Z"}},
          /* Far behind what the file lists. */
          {BERLIN,
           "2060-03-27T12:00:00Z",
           "30 2 * * *",
           {"2060-03-28T01:00:00Z", "2060-03-29T00:30:00Z"}});
}

static void what_is_no_time_is_refused_with_a_sentence(void **state)
{
    static const struct {
        const char *text, *why;
    } cases[] = {
        {"", "is understood"},
        {"soon", "is understood"},
        {"in", "is understood"},
        {"in 20 parsecs", "is understood"},
        {"in an hour and a half", "is understood"},
        {"at 25:00", "is understood"},
        {"at 9:75", "is understood"},
        {"tomorrow at 9 sharp", "is understood"},
        {"2026-02-30 10:00", "is understood"},
        {"today at 8", "over already"},
        {"yesterday at 9", "over already"},
        {"2020-01-01 10:00", "over already"},
        {"in 0 minutes", "over already"},
        {"2099-01-01", "ten years"},
        {"in 999999 weeks", "ten years"},
        {"every 5 seconds", "once a minute"},
        {"every 999999 weeks", "ten years"},
        {"every month on the 40th", "is understood"},
        {"61 * * * *", "minute"},
        {"0 24 * * *", "hour"},
        {"0 0 0 * *", "day of month"},
        {"0 0 * 13 *", "month"},
        {"0 0 * * 8", "day of week"},
        {"0 0 * *", "day of week"},
        {"0 0 * * * *", "five fields"},
        {"*/0 * * * *", "minute"},
        {"0 0 30 2 *", "never comes"},
        {"@sometimes", "minute"},
        {"every day at 9\xff", "is understood"},
    };
    struct sched_zone *zone = load("UTC");
    char endless[400];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sched_when when;
        struct error err = {0};

        if (sched_when_parse(cases[i].text, strlen(cases[i].text), zone, at(NOW), &when, &err) !=
                TROUPE_ARGUMENT ||
            !strstr(err.text, cases[i].why))
            fail_msg("\"%s\": \"%s\", expected \"%s\"", cases[i].text, err.text, cases[i].why);
    }
    memset(endless, '1', sizeof(endless));
    assert_int_equal(
        sched_when_parse(endless, sizeof(endless), zone, at(NOW), &(struct sched_when){0}, NULL),
        TROUPE_ARGUMENT);
    sched_zone_free(zone);
}

static void a_time_is_found_at_either_end_of_a_text(void **state)
{
    static const struct {
        const char *text, *found, *due;
    } cases[] = {
        {"in 20 minutes to drink tea", "in 20 minutes", "2026-11-26T19:20:00Z"},
        {"tomorrow at 9 to call mom", "tomorrow at 9", "2026-11-27T09:00:00Z"},
        {"tomorrow 3 eggs", "tomorrow", "2026-11-27T09:00:00Z"},
        {"every weekday at 9 to stand up", "every weekday at 9", "2026-11-27T09:00:00Z"},
        {"to buy 2 tickets in 2 hours", "in 2 hours", "2026-11-26T21:00:00Z"},
        {"to call mom at 9 pm!", "at 9 pm", "2026-11-26T21:00:00Z"},
        {"in 1 hour 20 mins: 3 things", "in 1 hour 20 mins", "2026-11-26T20:20:00Z"},
    };
    struct sched_zone *zone = load("UTC");
    struct sched_when when;
    struct error err;
    size_t start, end;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *text = cases[i].text;

        if (sched_when_find(text, strlen(text), zone, at(NOW), &when, &start, &end, &err) < 0)
            print_message("# %s: %s\n", text, err.text), fail();
        if (end - start != strlen(cases[i].found) ||
            memcmp(text + start, cases[i].found, end - start) != 0)
            fail_msg("\"%s\": found \"%.*s\"", text, (int)(end - start), text + start);
        assert_int_equal(sched_when_next(&when, zone, 0, at(NOW)), at(cases[i].due));
    }
    assert_int_equal(sched_when_find("to drink tea", 12, zone, at(NOW), &when, &start, &end, &err),
                     TROUPE_NOT_FOUND);
    assert_int_equal(
        sched_when_find("to sleep today at 8", 19, zone, at(NOW), &when, &start, &end, &err),
        TROUPE_ARGUMENT);
    sched_zone_free(zone);
}

static void what_is_printed_reads_back_as_the_same(void **state)
{
    static const struct {
        const char *text, *printed;
    } cases[] = {
        {"every weekday at 9", "every weekday at 09:00"},
        {"every day at 7:30", "every day at 07:30"},
        {"jeden Sonntag und Montag um 8", "every monday and sunday at 08:00"},
        {"every month on the 22nd at 10", "every month on the 22nd at 10:00"},
        {"every month on the 11th at 10", "every month on the 11th at 10:00"},
        {"every 90 minutes", "every 90 minutes"},
        {"every 14 days", "every 2 weeks"},
        {"every 90 seconds", "every 90 seconds"},
        {"@weekly", "every sunday at 00:00"},
        {"*/15 8-18 * * mon-fri", "0,15,30,45 8-18 * * 1-5"},
        {"0 9 */2 * fri", "0 9 */2 * 5"},
        {"0 9 1,15 * fri", "0 9 1,15 * 5"},
        {"2026-12-24 18:00", "2026-12-24T18:00:00+01:00"},
    };
    struct sched_zone *zone = load(BERLIN);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        _cleanup_buf_ struct buf text = BUF_INIT;
        struct sched_when when, again;
        struct error err;

        assert_int_equal(
            sched_when_parse(cases[i].text, strlen(cases[i].text), zone, at(NOW), &when, &err),
            TROUPE_OK);
        sched_when_print(&when, zone, &text);
        assert_string_equal(buf_text(&text), cases[i].printed);
        assert_int_equal(sched_when_parse(buf_text(&text), text.len, zone, at(NOW), &again, &err),
                         TROUPE_OK);
        assert_int_equal(sched_when_next(&when, zone, 0, at(NOW)),
                         sched_when_next(&again, zone, 0, at(NOW)));
    }
    sched_zone_free(zone);
}

static void a_clock_that_was_set_back_repeats_nothing(void **state)
{
    struct sched_zone *zone = load("UTC");
    struct sched_when when;
    int64_t due = at("2026-11-27T09:00:00Z"), hour = 3600000;

    (void)state;
    assert_int_equal(sched_when_parse("every day at 9", 14, zone, at(NOW), &when, NULL), TROUPE_OK);
    assert_int_equal(sched_when_next(&when, zone, due, due - hour), due + 24 * hour);
    /* And what was missed is one time, not many. */
    assert_int_equal(sched_when_next(&when, zone, due, due + 50 * hour), due + 72 * hour);
    assert_int_equal(sched_when_parse("every 15 minutes", 16, zone, at(NOW), &when, NULL),
                     TROUPE_OK);
    assert_int_equal(sched_when_next(&when, zone, due, due - hour), due + hour / 4);
    assert_int_equal(sched_when_next(&when, zone, due, due + hour + 1), due + hour + hour / 4);
    sched_zone_free(zone);
}

static void a_zone_that_is_none_is_refused(void **state)
{
    static const char *const names[] = {"Europe/Nowhere", "../../etc/passwd",       "/etc/passwd",
                                        "Europe",         "Europe//Berlin",         "1",
                                        "Euro pe",        "Europe/../Europe/Berlin"};
    struct sched_zone *zone;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(sched_zone_load(names[i], &zone, &err), TROUPE_ARGUMENT);
    assert_int_equal(sched_zone_parse("TZif", 4, &zone, &err), TROUPE_DATA);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_as_people_write_them),
        cmocka_unit_test(german_times_are_read_too),
        cmocka_unit_test(cron_lines_mean_what_crontab_says),
        cmocka_unit_test(set_clocks_neither_lose_nor_double_a_time),
        cmocka_unit_test(what_is_no_time_is_refused_with_a_sentence),
        cmocka_unit_test(a_time_is_found_at_either_end_of_a_text),
        cmocka_unit_test(what_is_printed_reads_back_as_the_same),
        cmocka_unit_test(a_clock_that_was_set_back_repeats_nothing),
        cmocka_unit_test(a_zone_that_is_none_is_refused),
    };

    return cmocka_run_group_tests_name("when", tests, NULL, NULL);
}
