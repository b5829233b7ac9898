/* SPDX-License-Identifier: Apache-2.0 */
#include "main/figure_table.h"

#define COUNTER(name, help, ...)                                                                   \
    {                                                                                              \
        name, help, METRIC_COUNTER, {__VA_ARGS__}, 0, NULL, 0                                      \
    }
#define GAUGE(name, help, ...)                                                                     \
    {                                                                                              \
        name, help, METRIC_GAUGE, {__VA_ARGS__}, 0, NULL, 0                                        \
    }
#define HISTOGRAM(name, help, bounds)                                                              \
    {                                                                                              \
        name, help, METRIC_HISTOGRAM, {NULL}, 0, bounds, sizeof(bounds) / sizeof((bounds)[0])      \
    }

static const double milliseconds[] = {10,   50,   100,   250,   500,   1000,  2000,
                                      3000, 5000, 10000, 20000, 30000, 60000, 300000};
static const double units[] = {16, 64, 256, 1024, 2048, 4096, 8192, 16384, 65536, 262144, 1048576};

const struct metric_family figure_table[FIGURES] = {
    [TURNS] = COUNTER("troupe_turns_total", "Turns that ended, by how.", "state", "reason"),
    [AGENT_TURNS] = COUNTER("troupe_agent_turns_total",
                            "Turns that ended, by the agent that worked last.", "agent", "state"),
    [TOTAL_MS] = HISTOGRAM("total_processing_time_ms",
                           "From a message's coming to the end of its turn, waiting included.",
                           milliseconds),
    [WORK_MS] = HISTOGRAM("response_generation_time_ms",
                          "From the start of a turn's work to its end.", milliseconds),
    [FIRST_TEXT_MS] =
        HISTOGRAM("troupe_turn_first_text_ms",
                  "From a message's coming to the first text that is shown.", milliseconds),
    [UNITS_PER_REQUEST] = HISTOGRAM("tokens_per_request",
                                    "Units (tokens) in and out of a turn that spent any.", units),
    [UNITS] = COUNTER("troupe_units_total", "Units (tokens) that were used.", "what", "direction"),
    [COST] = COUNTER("troupe_cost_micros_total",
                     "Money that turns cost, in millionths of a US dollar.", "what"),
    [INFO] = GAUGE("troupe_info", "This program.", "version"),
    [RESIDENT] = GAUGE("process_resident_memory_bytes", "Memory in use."),
    [CPU] = COUNTER("process_cpu_seconds_total", "Processor time of user and system."),
    [STARTED] = GAUGE("process_start_time_seconds", "When the host started, since 1970."),
    [EVENTS] = COUNTER("troupe_events_total", "Events that were taken in."),
    [DUPLICATES] = COUNTER("troupe_event_duplicates_total", "Events that were known already."),
    [RUNNING] = GAUGE("troupe_turns_running", "Turns that run."),
    [QUEUED] = GAUGE("troupe_turns_queued", "Turns that wait for a place."),
    [CONCURRENT] = GAUGE("troupe_turns_concurrent_max", "Turns that may run at a time."),
    [DRAINING] = GAUGE("troupe_draining", "1 while nothing new is taken in."),
    [BUDGET_TODAY] = GAUGE("troupe_budget_today_micros",
                           "Today's money (UTC), in millionths of a US dollar, by what it is for.",
                           "what", "state"),
    [BUDGET_CAP] = GAUGE("troupe_budget_daily_micros", "The cap of a day for the whole bot."),
    [RELOADS] = COUNTER("troupe_reloads_total", "Reloads.", "result"),
    [GENERATION] = GAUGE("troupe_generation", "The configuration that serves."),
    [COROUTINES] = GAUGE("troupe_coroutines", "Coroutines that live."),
    [COROUTINES_MAX] = GAUGE("troupe_coroutines_max", "Coroutines that may live."),
    [SWITCHES] = COUNTER("troupe_coroutine_switches_total", "Switches between coroutines."),
    [LONGEST_SLICE] =
        GAUGE("troupe_loop_longest_slice_seconds", "The longest that anything held the loop."),
    [SLOW_SLICES] = COUNTER("troupe_watchdog_warnings_total",
                            "Times that something held the loop above watchdog_warn."),
    [LOG_LINES] = COUNTER("troupe_log_lines_total", "Lines of the log.", "level"),
    [STORE_BATCHES] = COUNTER("troupe_store_batches_total", "Batches that were committed."),
    [STORE_TRANSACTIONS] = COUNTER("troupe_store_transactions_total", "Transactions of them."),
    [STORE_FAILED] = COUNTER("troupe_store_failed_total", "Batches that were refused or undone."),
    [STORE_QUERIES] = COUNTER("troupe_store_queries_total", "Queries that were answered."),
    [STORE_CHECKPOINTS] =
        COUNTER("troupe_store_checkpoints_total", "Checkpoints of the write-ahead log."),
    [STORE_QUEUED] = GAUGE("troupe_store_queued", "Batches and queries that wait.", "kind"),
    [STORE_LOG_PAGES] = GAUGE("troupe_store_log_pages", "Pages in the write-ahead log."),
    [STORE_INDEX_BYTES] =
        GAUGE("troupe_store_index_bytes", "Memory of what is searched by words and vectors."),
    [STORE_INDEX_LOADS] =
        COUNTER("troupe_store_index_loads_total",
                "Scopes that were read whole into it: many where it is too small."),
    [STORE_DEGRADED] = GAUGE("troupe_store_degraded", "1 while the disk takes no writes."),
    [SPOOL_EVENTS] = GAUGE("troupe_spool_events", "Events that wait for a database that is away."),
    [SPOOL_BYTES] = GAUGE("troupe_spool_bytes", "The file that they wait in."),
    [SPOOL_LOST] =
        COUNTER("troupe_spool_refused_total", "Events that there was no room for in it."),
    [HTTP_REQUESTS] = COUNTER("troupe_http_requests_total", "Requests that were made."),
    [HTTP_PER_HOUR] = GAUGE("api_calls_per_hour", "Requests of the last hour."),
    [HTTP_CONNECTIONS] = COUNTER("troupe_http_connections_total", "Connections for them."),
    [HTTP_DENIED] = COUNTER("troupe_http_denied_total", "Connections that the guard refused."),
    [HTTP_ACTIVE] = GAUGE("troupe_http_active", "Requests on their way."),
    [AGENT_CALLS] = COUNTER("troupe_agent_calls_total", "Calls into an agent's code.", "agent"),
    [AGENT_FAILURES] = COUNTER("troupe_agent_failures_total", "Those that failed.", "agent"),
    [AGENT_MEMORY] = GAUGE("troupe_agent_memory_bytes", "Memory that an agent holds.", "agent"),
    [AGENT_OFF] = GAUGE("troupe_agent_off", "1 while an agent is switched off.", "agent"),
    [DISCORD_IS_READY] = GAUGE("troupe_discord_ready", "1 while events come in."),
    [DISCORD_GUILDS] = GAUGE("troupe_discord_guilds", "Guilds that the bot is in."),
    [DISCORD_MESSAGES] =
        COUNTER("troupe_discord_messages_total", "Messages, by whom they are for.", "kind"),
    [DISCORD_EVENTS] = COUNTER("troupe_discord_events_total", "Events of the gateway."),
    [DISCORD_BYTES] = COUNTER("troupe_discord_received_bytes_total", "Bytes of the gateway."),
    [DISCORD_CONNECTS] = COUNTER("troupe_discord_connects_total", "Connections to the gateway."),
    [DISCORD_RESUMES] = COUNTER("troupe_discord_resumes_total", "Sessions that were resumed."),
    [DISCORD_IDENTIFIES] = COUNTER("troupe_discord_identifies_total", "Sessions that were begun."),
    [DISCORD_ZOMBIES] =
        COUNTER("troupe_discord_zombies_total", "Connections that had fallen silent."),
    [DISCORD_LATENCY] = GAUGE("troupe_discord_latency_seconds", "From heartbeat to answer."),
    [REST_REQUESTS] = COUNTER("troupe_discord_requests_total",
                              "Requests to Discord by the class of their answer.", "class"),
    [REST_LIMITED] =
        COUNTER("troupe_discord_limited_total", "Answers 429, by the limit's scope.", "scope"),
    [REST_RETRIED] = COUNTER("troupe_discord_retried_total", "Requests that were sent again."),
    [REST_COALESCED] =
        COUNTER("troupe_discord_coalesced_total", "Requests that a newer one made needless."),
    [REST_INVALID] = COUNTER("troupe_discord_invalid_total",
                             "Answers that count towards a block of the address."),
    [REST_WAITING] = GAUGE("troupe_discord_requests_waiting", "Requests that wait.", "state"),
    [REST_STOPPED] = GAUGE("troupe_discord_stopped", "1 while nothing is sent."),
    [OUTBOX_WAITING] =
        GAUGE("troupe_discord_outbox_waiting", "Answers that are not shown yet.", "state"),
    [OUTBOX_RESULTS] = COUNTER("troupe_discord_outbox_total", "What became of answers.", "result"),
};
