/* SPDX-License-Identifier: Apache-2.0
 *
 * The table of the host's figures. docs/operations.md lists them; a name that is there stays.
 */
#ifndef MAIN_FIGURE_TABLE_H
#define MAIN_FIGURE_TABLE_H

#include "ops/metrics.h"

/* What a turn's end counts comes first; the rest is filled for each print. */
enum figure {
    TURNS,
    AGENT_TURNS,
    TOTAL_MS,
    WORK_MS,
    FIRST_TEXT_MS,
    UNITS_PER_REQUEST,
    UNITS,
    COST,
    READ_FROM_HERE,
    INFO = READ_FROM_HERE,
    RESIDENT,
    CPU,
    STARTED,
    EVENTS,
    DUPLICATES,
    RUNNING,
    QUEUED,
    CONCURRENT,
    DRAINING,
    BUDGET_TODAY,
    BUDGET_CAP,
    RELOADS,
    GENERATION,
    COROUTINES,
    COROUTINES_MAX,
    SWITCHES,
    LONGEST_SLICE,
    SLOW_SLICES,
    LOG_LINES,
    STORE_BATCHES,
    STORE_TRANSACTIONS,
    STORE_FAILED,
    STORE_QUERIES,
    STORE_CHECKPOINTS,
    STORE_QUEUED,
    STORE_LOG_PAGES,
    STORE_INDEX_BYTES,
    STORE_INDEX_LOADS,
    STORE_DEGRADED,
    SPOOL_EVENTS,
    SPOOL_BYTES,
    SPOOL_LOST,
    HTTP_REQUESTS,
    HTTP_PER_HOUR,
    HTTP_CONNECTIONS,
    HTTP_DENIED,
    HTTP_ACTIVE,
    AGENT_CALLS,
    AGENT_FAILURES,
    AGENT_MEMORY,
    AGENT_OFF,
    DISCORD_IS_READY,
    DISCORD_GUILDS,
    DISCORD_MESSAGES,
    DISCORD_EVENTS,
    DISCORD_BYTES,
    DISCORD_CONNECTS,
    DISCORD_RESUMES,
    DISCORD_IDENTIFIES,
    DISCORD_ZOMBIES,
    DISCORD_LATENCY,
    REST_REQUESTS,
    REST_LIMITED,
    REST_RETRIED,
    REST_COALESCED,
    REST_INVALID,
    REST_WAITING,
    REST_STOPPED,
    OUTBOX_WAITING,
    OUTBOX_RESULTS,
    FIGURES
};

extern const struct metric_family figure_table[FIGURES];

#endif
