/* SPDX-License-Identifier: Apache-2.0
 *
 * "troupe.metrics/1": what an agent counts, checked against its declaration and handed to whoever keeps figures.
 */
#include "host/host_table.h"

#include "base/text.h"
#include "turn/engine_private.h"

#include <math.h>
#include <string.h>

static const struct plugin_metric *find(const struct plugin_manifest *manifest, const char *name,
                                        size_t *ret_index)
{
    for (size_t i = 0; name && i < manifest->metric_count; i++)
        if (!strcmp(manifest->metrics[i].name, name)) {
            *ret_index = i;
            return &manifest->metrics[i];
        }
    return NULL;
}

static troupe_status note(troupe_turn *turn, const char *name, double value, const char *label,
                          const char *label2)
{
    struct turn_frame *frame = turn_frame_of(turn);
    const struct engine_options *options = &frame->turn->engine->options;
    const char *labels[] = {label, label2};
    size_t index = 0, given = (label != NULL) + (label && label2);
    const struct plugin_metric *metric = find(frame->agent->manifest, name, &index);

    if (!metric)
        return turn_frame_error(frame, TROUPE_ARGUMENT, "metrics.name",
                                "metric \"%.48s\" is not declared", name ? name : "");
    if (given != metric->label_count || (!label && label2))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "metrics.labels",
                                "metric \"%s\" takes %zu labels", name, metric->label_count);
    if (!isfinite(value) || (metric->kind == TROUPE_METRIC_IS_COUNTER && value < 0))
        return turn_frame_error(frame, TROUPE_ARGUMENT, "metrics.value",
                                "a value is finite, and what is added to a counter not below 0");
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++)
        if (labels[i] && !text_is_utf8(labels[i], strlen(labels[i])))
            return turn_frame_error(frame, TROUPE_DATA, "metrics.labels",
                                    "a label that is not UTF-8");
    if (options->measured)
        options->measured(options->ended_arg, frame->agent, index, labels, value);
    return TROUPE_OK;
}

const troupe_metrics_v1 *host_metrics_table(void)
{
    static const troupe_metrics_v1 table = {.size = sizeof(table), .note = note};

    return &table;
}
