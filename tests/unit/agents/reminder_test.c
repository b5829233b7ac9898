/* SPDX-License-Identifier: Apache-2.0 */
#include "reminder/recurrence.h"
#include "reminder/request.h"
#include "tap.h"

#include <string.h>

static troupe_str str(const char *text)
{
    return (troupe_str){text, strlen(text)};
}

static void what_asks_to_be_reminded_is_known_from_what_does_not(void **state)
{
    static const struct {
        const char *text, *rest; /* NULL: none of ours */
    } cases[] = {
        {"remind me in 20 minutes to drink tea", "in 20 minutes to drink tea"},
        {"Please, remind me tomorrow", "tomorrow"},
        {"hey, can you remind me at 9 to call mom?", "at 9 to call mom"},
        {"Erinnere mich morgen um 9 an den Tee", "morgen um 9 an den Tee"},
        {"kannst du mich erinnern morgen um 9: Tee", "morgen um 9: Tee"},
        {"REMIND ME", ""},
        {"remind me: in 5 min: eggs", "in 5 min: eggs"},
        {"remind mel in 20 minutes", NULL},
        {"reminder", NULL},
        {"what does remind me mean", NULL},
        {"please", NULL},
        {"", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        troupe_str rest = {NULL, 0};
        int is_ours = request_read(str(cases[i].text), &rest);

        assert_int_equal(is_ours, cases[i].rest != NULL);
        if (!is_ours)
            continue;
        assert_int_equal(rest.len, strlen(cases[i].rest));
        assert_memory_equal(rest.ptr, cases[i].rest, rest.len);
    }
    assert_int_equal(request_read((troupe_str){"remind me\0x", 11}, &(troupe_str){NULL, 0}), 0);
}

static void the_words_around_the_time_are_no_part_of_the_reminder(void **state)
{
    static const struct {
        const char *rest, *time, *subject;
    } cases[] = {
        {"in 20 minutes to drink tea", "in 20 minutes", "drink tea"},
        {"tomorrow at 9 that the train leaves", "tomorrow at 9", "the train leaves"},
        {"to drink tea in 20 minutes", "in 20 minutes", "drink tea"},
        {"about the meeting, tomorrow at 9", "tomorrow at 9", "the meeting"},
        {"in 5 min: eggs", "in 5 min", "eggs"},
        {"morgen um 9 daran, den Müll zu holen", "morgen um 9", "den Müll zu holen"},
        {"morgen um 9 daran dass Ada kommt", "morgen um 9", "Ada kommt"},
        {"in 1 hour tomorrow's plan", "in 1 hour", "tomorrow's plan"},
        {"in 1 hour to", "in 1 hour", ""},
        {"in 1 hour", "in 1 hour", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t start = (uint64_t)(strstr(cases[i].rest, cases[i].time) - cases[i].rest);
        troupe_str subject =
            request_subject(str(cases[i].rest), start, start + strlen(cases[i].time));

        assert_int_equal(subject.len, strlen(cases[i].subject));
        assert_memory_equal(subject.ptr, cases[i].subject, subject.len);
    }
}

static void recurrences_take_their_time_from_the_first_run(void **state)
{
    static const char local[] = "Fri 27 Nov 2026 at 09:05";
    static const struct {
        const char *recurrence, *text;
    } cases[] = {
        {"", ""},
        {"none", ""},
        {"Once ", ""},
        {"daily", "every day at 09:05"},
        {"weekly", "every Fri at 09:05"},
        {"Weekdays", "every weekday at 09:05"},
        {"monthly", "every month on the 27. at 09:05"},
        {"hourly", "every hour"},
        {"FREQ=WEEKLY", "every Fri at 09:05"},
        {"RRULE:FREQ=DAILY", "every day at 09:05"},
        {"every monday at 8", "every monday at 8"},
        {"0 8 * * 1", "0 8 * * 1"},
        {"FREQ=DAILY;INTERVAL=3", "FREQ=DAILY;INTERVAL=3"}, /* which no time is */
    };
    char text[RECURRENCE_MAX], longest[RECURRENCE_MAX + 1];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(recurrence_text(str(cases[i].recurrence), str(local), text), 1);
        assert_string_equal(text, cases[i].text);
    }
    memset(longest, 'x', sizeof(longest));
    assert_int_equal(recurrence_text((troupe_str){longest, RECURRENCE_MAX}, str(local), text), 0);
    assert_int_equal(recurrence_text((troupe_str){longest, RECURRENCE_MAX - 1}, str(local), text),
                     1);
    assert_int_equal(recurrence_text(str("daily\nmore"), str(local), text), 0);
    assert_int_equal(recurrence_text(str("daily"), str("never"), text), 1);
    assert_string_equal(text, "daily");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_asks_to_be_reminded_is_known_from_what_does_not),
        cmocka_unit_test(the_words_around_the_time_are_no_part_of_the_reminder),
        cmocka_unit_test(recurrences_take_their_time_from_the_first_run),
    };

    return cmocka_run_group_tests_name("reminder", tests, NULL, NULL);
}
