/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/metrics.h - "troupe.metrics/1": figures of an agent's own on the host's page for monitoring, /metrics.
 * They are declared in the plugin's table; what is not declared is refused.
 *
 *     .metrics = TROUPE_METRICS(TROUPE_COUNTER("votes", "Votes that were cast", .labels = "choice"),
 *                               TROUPE_GAUGE("open", "Polls that are open"),
 *                               TROUPE_HISTOGRAM("wait_seconds", "From question to vote", "1|10|60|600"))
 *
 *     troupe_metric(turn, "votes", 1, "green", NULL);
 *
 * is troupe_agent_poll_votes_total{choice="green"} for an agent called poll. There are at most 32 of an agent,
 * each with at most two labels and 50 series: what comes beyond counts in the last, whose labels are "other".
 * Anybody who reads the page sees them: a label has no id, name or text of a member. They are kept in
 * memory; a reload keeps what is declared as before, a restart begins anew. Nothing is recorded, so a
 * stage that runs again counts again.
 */
#ifndef TROUPE_METRICS_H
#define TROUPE_METRICS_H

#include <troupe/turn.h>

#define TROUPE_METRICS_EXTENSION "troupe.metrics/1" /* the id of the table below */

typedef struct troupe_metrics_v1 {
    uint32_t size;
    uint32_t reserved;
    /* Adds to a counter (0 or more), sets a gauge, or counts the value in a histogram. The labels stand in the
     * order of the declaration, UTF-8, cut at 64 bytes; NULL where there is none. TROUPE_ARGUMENT for one
     * that is not declared, another number of labels, or a value that is not finite. Not recorded. [turn] */
    troupe_status (*note)(troupe_turn *turn, const char *name, double value, const char *label,
                          const char *label2);
} troupe_metrics_v1;

static inline troupe_status troupe_metric(troupe_turn *turn, const char *name, double value,
                                          const char *label, const char *label2)
{
    const troupe_metrics_v1 *metrics =
        (const troupe_metrics_v1 *)troupe_get_extension(turn, TROUPE_METRICS_EXTENSION);

    return metrics ? metrics->note(turn, name, value, label, label2) : TROUPE_UNSUPPORTED;
}

#endif
