/* SPDX-License-Identifier: Apache-2.0
 *
 * Figures for a monitoring system: counters, gauges and histograms in the text format 0.0.4 of
 * Prometheus (prometheus/docs, exposition formats). The families are a static table, addressed by
 * their index in it. A series comes into being with the first value of its labels; from then on a
 * value costs one look-up and no allocation. Each family has at most `series_max` series: what comes
 * beyond counts in one whose labels are all "other", so that nobody outside decides how much there
 * is. Labels never carry what members wrote, or secrets. Loop thread.
 */
#ifndef OPS_METRICS_H
#define OPS_METRICS_H

#include "base/buf.h"

#include <stddef.h>
#include <stdint.h>

#define METRIC_LABELS_MAX  2
#define METRIC_LABEL_MAX   64 /* bytes of a label's value; the rest is cut  */
#define METRIC_BUCKETS_MAX 16 /* of a histogram, +Inf not counted           */
#define METRIC_SERIES_MAX  50 /* of a family that says nothing else         */

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_family {
    const char *name; /* [a-zA-Z_:][a-zA-Z0-9_:]*; a counter's ends in _total */
    const char *help;
    enum metric_kind kind;
    const char *labels[METRIC_LABELS_MAX]; /* names; NULL: fewer, or none */
    size_t series_max;                     /* 0: METRIC_SERIES_MAX        */
    const double *buckets;                 /* upper bounds, ascending     */
    size_t bucket_count;
};

struct metrics;

/* `families` is static. */
struct metrics *metrics_new(const struct metric_family *families, size_t count);
void metrics_free(struct metrics *metrics); /* NULL is fine */

/* `labels`: as many values as the family has labels; NULL where it has none. */
void metrics_add(struct metrics *metrics, size_t family, const char *const *labels, double value);
void metrics_set(struct metrics *metrics, size_t family, const char *const *labels, double value);
/* Of a histogram. */
void metrics_observe(struct metrics *metrics, size_t family, const char *const *labels,
                     double value);
/* Forgets the series of a family that is filled anew for each print. */
void metrics_reset(struct metrics *metrics, size_t family);

/* Each series of a family: its labels' values with "/" between them ("" without labels), and its value;
 * of a histogram the number of what was observed. In no order. */
typedef void (*metrics_fn)(void *arg, const char *labels, double value);
void metrics_each(const struct metrics *metrics, size_t family, metrics_fn fn, void *arg);

/* The type that goes with the text. */
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
void metrics_print(const struct metrics *metrics, struct buf *out);

#endif
