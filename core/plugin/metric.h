/* SPDX-License-Identifier: Apache-2.0
 *
 * The figures that a plugin declares (troupe/metrics.h), read and checked. Immutable, any thread.
 */
#ifndef PLUGIN_METRIC_H
#define PLUGIN_METRIC_H

#include "base/error.h"

#include <stdbool.h>
#include <troupe/plugin.h>

#define PLUGIN_MAX_METRICS 32
#define PLUGIN_MAX_LABELS  2
#define PLUGIN_MAX_BUCKETS 16

struct plugin_manifest;

struct plugin_metric {
    const char *name, *doc;
    uint32_t kind;
    char *labels[PLUGIN_MAX_LABELS];
    size_t label_count;
    double buckets[PLUGIN_MAX_BUCKETS];
    size_t bucket_count;
};

/* Into manifest->metrics; also half filled it is to be cleared. TROUPE_DATA, TROUPE_LIMIT. */
troupe_status plugin_metrics_read(const troupe_plugin *table, struct plugin_manifest *manifest,
                                  struct error *err);
void plugin_metrics_clear(struct plugin_manifest *manifest);
/* Whether both are one figure, so that its values stay. */
bool plugin_metric_equals(const struct plugin_metric *a, const struct plugin_metric *b);

#endif
