/* SPDX-License-Identifier: Apache-2.0 */
#include "ops/metrics.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define KEY_MAX   (METRIC_LABELS_MAX * (METRIC_LABEL_MAX + 1))
#define SEPARATOR '\xff' /* never in UTF-8 */

struct series {
    char labels[METRIC_LABELS_MAX][METRIC_LABEL_MAX + 1];
    double value;       /* of a histogram: the sum */
    uint64_t count;     /* of a histogram          */
    uint64_t buckets[]; /* each by itself        */
};

struct metrics {
    const struct metric_family *families;
    size_t count;
    struct map *series; /* for each family: labels -> struct series */
};

struct metrics *metrics_new(const struct metric_family *families, size_t count)
{
    struct metrics *metrics = mem_zero(1, sizeof(*metrics));

    metrics->families = families;
    metrics->count = count;
    metrics->series = mem_zero(count, sizeof(*metrics->series));
    return metrics;
}

void metrics_free(struct metrics *metrics)
{
    if (!metrics)
        return;
    for (size_t i = 0; i < metrics->count; i++)
        map_clear_with(&metrics->series[i], mem_free);
    mem_free(metrics->series);
    mem_free(metrics);
}

void metrics_reset(struct metrics *metrics, size_t family)
{
    map_clear_with(&metrics->series[family], mem_free);
}

/* ---- series ---------------------------------------------------------------------------------- */

static size_t label_count(const struct metric_family *family)
{
    size_t count = 0;

    while (count < METRIC_LABELS_MAX && family->labels[count])
        count++;
    return count;
}

/* As many bytes of the value as are taken: whole characters. */
static size_t label_len(const char *value)
{
    return text_utf8_cut(value, strnlen(value, METRIC_LABEL_MAX + 1), METRIC_LABEL_MAX);
}

static struct series *series_new(const struct metric_family *family, const char *const *labels,
                                 size_t count)
{
    struct series *series =
        mem_zero(1, sizeof(*series) + family->bucket_count * sizeof(series->buckets[0]));

    for (size_t i = 0; i < count; i++)
        memcpy(series->labels[i], labels[i], label_len(labels[i]));
    return series;
}

/* The series of these labels; `ret_other` tells that it is the one for what is too much. */
static struct series *series_of(struct metrics *metrics, size_t index, const char *const *labels,
                                bool *ret_other)
{
    static const char *const other[METRIC_LABELS_MAX] = {"other", "other"};
    const struct metric_family *family = &metrics->families[index];
    size_t count = label_count(family), len = 0;
    size_t max = family->series_max ? family->series_max : METRIC_SERIES_MAX;
    struct map *map = &metrics->series[index];
    struct series *series;
    char key[KEY_MAX];

    *ret_other = false;
    for (;;) {
        len = 0;
        for (size_t i = 0; i < count; i++) {
            size_t part = label_len(labels[i]);

            memcpy(key + len, labels[i], part);
            len += part;
            key[len++] = SEPARATOR;
        }
        series = map_getn(map, key, len);
        if (series || *ret_other || map->count + 1 < max || !count)
            break;
        /* The last place is kept for the rest. */
        labels = other;
        *ret_other = true;
    }
    if (!series) {
        series = series_new(family, labels, count);
        map_setn(map, key, len, series);
    }
    return series;
}

void metrics_add(struct metrics *metrics, size_t family, const char *const *labels, double value)
{
    bool other;

    series_of(metrics, family, labels, &other)->value += value;
}

void metrics_set(struct metrics *metrics, size_t family, const char *const *labels, double value)
{
    bool other;
    struct series *series = series_of(metrics, family, labels, &other);

    series->value = other ? series->value + value : value;
}

void metrics_observe(struct metrics *metrics, size_t index, const char *const *labels, double value)
{
    const struct metric_family *family = &metrics->families[index];
    bool other;
    struct series *series = series_of(metrics, index, labels, &other);

    series->value += value;
    series->count++;
    for (size_t i = 0; i < family->bucket_count; i++) {
        if (value <= family->buckets[i]) {
            series->buckets[i]++;
            break;
        }
    }
}

void metrics_each(const struct metrics *metrics, size_t family, metrics_fn fn, void *arg)
{
    const bool counts = metrics->families[family].kind == METRIC_HISTOGRAM;

    map_for_each (entry, &metrics->series[family]) {
        const struct series *series = entry->value;
        char labels[METRIC_LABELS_MAX * (METRIC_LABEL_MAX + 1) + 1];

        snprintf(labels, sizeof(labels), "%s%s%s", series->labels[0],
                 series->labels[1][0] ? "/" : "", series->labels[1]);
        fn(arg, labels, counts ? (double)series->count : series->value);
    }
}

/* ---- text ------------------------------------------------------------------------------------ */

static void put_number(struct buf *out, double value)
{
    char text[40];
    double back;

    if (isnan(value)) {
        buf_puts(out, "NaN");
    } else if (isinf(value)) {
        buf_puts(out, value > 0 ? "+Inf" : "-Inf");
    } else {
        snprintf(text, sizeof(text), "%.15g", value);
        if (sscanf(text, "%lf", &back) != 1 || back != value)
            snprintf(text, sizeof(text), "%.17g", value);
        buf_puts(out, text);
    }
}

/* What the format escapes; a quote in a label's value only. */
static void put_escaped(struct buf *out, const char *text, bool quotes)
{
    for (; *text; text++) {
        if (*text == '\n')
            buf_puts(out, "\\n");
        else if (*text == '\\' || (quotes && *text == '"'))
            buf_printf(out, "\\%c", *text);
        else
            buf_putc(out, *text);
    }
}

/* NAME SUFFIX{labels,le="bound"}; `bound` NULL: without. */
static void put_name(struct buf *out, const struct metric_family *family,
                     const struct series *series, const char *suffix, const double *bound)
{
    size_t count = label_count(family);

    buf_printf(out, "%s%s", family->name, suffix);
    if (!count && !bound) {
        buf_putc(out, ' ');
        return;
    }
    buf_putc(out, '{');
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%s%s=\"", i ? "," : "", family->labels[i]);
        put_escaped(out, series->labels[i], true);
        buf_putc(out, '"');
    }
    if (bound) {
        buf_printf(out, "%sle=\"", count ? "," : "");
        put_number(out, *bound);
        buf_putc(out, '"');
    }
    buf_puts(out, "} ");
}

static void put_histogram(struct buf *out, const struct metric_family *family,
                          const struct series *series)
{
    const double last = INFINITY;
    uint64_t sum = 0;

    for (size_t i = 0; i < family->bucket_count; i++) {
        sum += series->buckets[i];
        put_name(out, family, series, "_bucket", &family->buckets[i]);
        buf_printf(out, "%llu\n", (unsigned long long)sum);
    }
    put_name(out, family, series, "_bucket", &last);
    buf_printf(out, "%llu\n", (unsigned long long)series->count);
    put_name(out, family, series, "_sum", NULL);
    put_number(out, series->value);
    buf_putc(out, '\n');
    put_name(out, family, series, "_count", NULL);
    buf_printf(out, "%llu\n", (unsigned long long)series->count);
}

void metrics_print(const struct metrics *metrics, struct buf *out)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};

    for (size_t i = 0; i < metrics->count; i++) {
        const struct metric_family *family = &metrics->families[i];

        if (!metrics->series[i].count)
            continue;
        buf_printf(out, "# HELP %s ", family->name);
        put_escaped(out, family->help, false);
        buf_printf(out, "\n# TYPE %s %s\n", family->name, kinds[family->kind]);
        map_for_each (entry, &metrics->series[i]) {
            const struct series *series = entry->value;

            if (family->kind == METRIC_HISTOGRAM) {
                put_histogram(out, family, series);
                continue;
            }
            put_name(out, family, series, "", NULL);
            put_number(out, series->value);
            buf_putc(out, '\n');
        }
    }
}
