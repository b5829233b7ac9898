/* SPDX-License-Identifier: Apache-2.0
 *
 * The text that Prometheus reads: names, escapes, histograms, and a bounded number of series.
 */
#include "tap.h"

#include "base/mem.h"
#include "ops/metrics.h"

#include <stdio.h>
#include <string.h>

enum { EVENTS, TURNS, WAITING, TIMES, CALLS, FAMILIES };

static const double bounds[] = {0.1, 1, 2.5};
static const struct metric_family families[FAMILIES] = {
    [EVENTS] = {.name = "troupe_events_total",
                .help = "Events\nby \\ \"kind\".",
                .kind = METRIC_COUNTER},
    [TURNS] = {.name = "troupe_turns_total",
               .help = "Turns.",
               .kind = METRIC_COUNTER,
               .labels = {"state", "reason"},
               .series_max = 3},
    [WAITING] = {.name = "troupe_waiting", .help = "Waiting.", .kind = METRIC_GAUGE},
    [TIMES] = {.name = "troupe_seconds",
               .help = "Times.",
               .kind = METRIC_HISTOGRAM,
               .labels = {"agent"},
               .buckets = bounds,
               .bucket_count = 3},
    [CALLS] = {.name = "troupe_calls",
               .help = "Calls.",
               .kind = METRIC_GAUGE,
               .labels = {"agent"},
               .series_max = 3},
};

static int setup(void **state)
{
    *state = metrics_new(families, FAMILIES);
    return 0;
}

static int teardown(void **state)
{
    metrics_free(*state);
    return 0;
}

static void assert_text(const struct metrics *metrics, const char *expected)
{
    _cleanup_buf_ struct buf out = BUF_INIT;

    metrics_print(metrics, &out);
    assert_string_equal(buf_text(&out), expected);
}

static void nothing_is_shown_of_what_nobody_counted(void **state)
{
    assert_text(*state, "");
}

static void a_family_has_help_type_and_samples(void **state)
{
    metrics_add(*state, EVENTS, NULL, 1);
    metrics_add(*state, EVENTS, NULL, 2);
    metrics_set(*state, WAITING, NULL, 7);
    metrics_set(*state, WAITING, NULL, 0.25);
    assert_text(*state, "# HELP troupe_events_total Events\\nby \\\\ \"kind\".\n"
                        "# TYPE troupe_events_total counter\n"
                        "troupe_events_total 3\n"
                        "# HELP troupe_waiting Waiting.\n"
                        "# TYPE troupe_waiting gauge\n"
                        "troupe_waiting 0.25\n");
}

static void large_counts_stay_exact(void **state)
{
    metrics_add(*state, EVENTS, NULL, 9007199254740991.0);
    assert_text(*state, "# HELP troupe_events_total Events\\nby \\\\ \"kind\".\n"
                        "# TYPE troupe_events_total counter\n"
                        "troupe_events_total 9007199254740991\n");
}

static void label_values_are_escaped(void **state)
{
    metrics_add(*state, TURNS, (const char *const[]){"a\\b", "say \"no\"\nnow"}, 1);
    assert_text(*state, "# HELP troupe_turns_total Turns.\n"
                        "# TYPE troupe_turns_total counter\n"
                        "troupe_turns_total{state=\"a\\\\b\",reason=\"say \\\"no\\\"\\nnow\"} 1\n");
}

static void a_histogram_counts_up_to_each_bound(void **state)
{
    const char *const one[] = {"llm"};

    metrics_observe(*state, TIMES, one, 0.1);
    metrics_observe(*state, TIMES, one, 0.5);
    metrics_observe(*state, TIMES, one, 2.5);
    metrics_observe(*state, TIMES, one, 100);
    assert_text(*state, "# HELP troupe_seconds Times.\n"
                        "# TYPE troupe_seconds histogram\n"
                        "troupe_seconds_bucket{agent=\"llm\",le=\"0.1\"} 1\n"
                        "troupe_seconds_bucket{agent=\"llm\",le=\"1\"} 2\n"
                        "troupe_seconds_bucket{agent=\"llm\",le=\"2.5\"} 3\n"
                        "troupe_seconds_bucket{agent=\"llm\",le=\"+Inf\"} 4\n"
                        "troupe_seconds_sum{agent=\"llm\"} 103.1\n"
                        "troupe_seconds_count{agent=\"llm\"} 4\n");
}

static void too_many_labels_count_as_other(void **state)
{
    for (int i = 0; i < 100; i++) {
        char reason[16];

        snprintf(reason, sizeof(reason), "r%d", i);
        metrics_add(*state, TURNS, (const char *const[]){"done", reason}, 1);
    }
    metrics_add(*state, TURNS, (const char *const[]){"done", "r1"}, 1);
    assert_text(*state, "# HELP troupe_turns_total Turns.\n"
                        "# TYPE troupe_turns_total counter\n"
                        "troupe_turns_total{state=\"done\",reason=\"r0\"} 1\n"
                        "troupe_turns_total{state=\"done\",reason=\"r1\"} 2\n"
                        "troupe_turns_total{state=\"other\",reason=\"other\"} 98\n");
}

static void what_is_filled_anew_is_summed_in_other(void **state)
{
    for (int scrape = 0; scrape < 2; scrape++) {
        metrics_reset(*state, CALLS);
        for (int i = 0; i < 5; i++) {
            char agent[2] = {(char)('a' + i), 0};

            metrics_set(*state, CALLS, (const char *const[]){agent}, 10);
        }
    }
    assert_text(*state, "# HELP troupe_calls Calls.\n"
                        "# TYPE troupe_calls gauge\n"
                        "troupe_calls{agent=\"a\"} 10\n"
                        "troupe_calls{agent=\"b\"} 10\n"
                        "troupe_calls{agent=\"other\"} 30\n");
}

static void a_long_label_is_cut_between_characters(void **state)
{
    _cleanup_buf_ struct buf agent = BUF_INIT, out = BUF_INIT;
    const char *label;

    buf_puts(&agent, "x");
    for (size_t i = 0; i < METRIC_LABEL_MAX; i++)
        buf_puts(&agent, "\xc3\xa9");
    metrics_set(*state, CALLS, (const char *const[]){buf_text(&agent)}, 1);
    metrics_print(*state, &out);
    label = strstr(buf_text(&out), "=\"") + 2;
    assert_int_equal(strcspn(label, "\""), METRIC_LABEL_MAX - 1);
    assert_int_equal(strncmp(label + METRIC_LABEL_MAX - 3, "\xc3\xa9\"} 1\n", 7), 0);
}

static void put_line(void *arg, const char *labels, double value)
{
    buf_printf(arg, "%s=%g\n", labels, value);
}

static void each_series_is_told_with_its_labels(void **state)
{
    _cleanup_buf_ struct buf out = BUF_INIT;

    metrics_each(*state, EVENTS, put_line, &out);
    assert_int_equal(out.len, 0);
    metrics_add(*state, EVENTS, NULL, 3);
    metrics_add(*state, TURNS, (const char *const[]){"done", "answered"}, 2);
    metrics_observe(*state, TIMES, (const char *const[]){"a"}, 2);
    metrics_observe(*state, TIMES, (const char *const[]){"a"}, 7);
    metrics_each(*state, EVENTS, put_line, &out);
    metrics_each(*state, TURNS, put_line, &out);
    metrics_each(*state, TIMES, put_line, &out);
    assert_string_equal(buf_text(&out), "=3\ndone/answered=2\na=2\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_is_shown_of_what_nobody_counted),
        TEST(a_family_has_help_type_and_samples),
        TEST(large_counts_stay_exact),
        TEST(label_values_are_escaped),
        TEST(a_histogram_counts_up_to_each_bound),
        TEST(too_many_labels_count_as_other),
        TEST(what_is_filled_anew_is_summed_in_other),
        TEST(a_long_label_is_cut_between_characters),
        TEST(each_series_is_told_with_its_labels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
