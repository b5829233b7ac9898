/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/host.h - the host as an agent sees it outside a turn: its config, its log, its memory.
 *
 *     static troupe_status create(troupe_host *host, void **ret_state)
 *     {
 *         struct state *state = troupe_alloc(host, sizeof(*state));
 *
 *         if (!state)
 *             return TROUPE_NOMEM;
 *         state->rest_ms = troupe_config_int(host, "rest", 30000);
 *         troupe_log(host, TROUPE_LOG_INFO, "%s is there", troupe_agent(host));
 *         *ret_state = state;
 *         return TROUPE_OK;
 *     }
 */
#ifndef TROUPE_HOST_H
#define TROUPE_HOST_H

#include <stdarg.h>
#include <stdio.h>

#include <troupe/abi.h>

/* How serious a line of the log is; the operator says which levels are kept. */
#define TROUPE_LOG_ERROR 0u
#define TROUPE_LOG_WARN  1u
#define TROUPE_LOG_INFO  2u
#define TROUPE_LOG_DEBUG 3u

/* What stands behind the handle; use the functions below. */
typedef struct troupe_host_table {
    uint32_t size;
    uint32_t abi_minor;
    /* An interface of the host by "name/revision"; NULL where this host has none. [any] */
    const void *(*get_extension)(troupe_host *host, const char *id);
    const char *(*agent)(troupe_host *host);
    void (*log)(troupe_host *host, uint32_t level, const char *text, uint64_t len);
    void *(*alloc)(troupe_host *host, uint64_t size);
    void (*free)(troupe_host *host, void *block);
    troupe_status (*config)(troupe_host *host, const char *key, troupe_value *ret);
} troupe_host_table;

/* The handle that create gets, and that troupe_turn_host gives inside a turn. */
struct troupe_host {
    const troupe_host_table *api;
};

/* The agent's name: the NAME of its section `[agent NAME]`. Lives as long as the agent. [any] */
static inline const char *troupe_agent(troupe_host *host)
{
    return host->api->agent(host);
}

/* Zeroed memory, billed to the agent; NULL above its limit. Free it with troupe_free. [any] */
static inline void *troupe_alloc(troupe_host *host, uint64_t size)
{
    return host->api->alloc(host, size);
}

/* Gives back what troupe_alloc gave; NULL is fine. What is left when destroy has returned is freed, and
 * the log tells which calls had asked for it. [any] */
static inline void troupe_free(troupe_host *host, void *block)
{
    host->api->free(host, block);
}

/* A value of the agent's section, checked and with its default. TROUPE_NOT_FOUND for a key that has
 * neither value nor default, TROUPE_DENIED for a secret that is set, TROUPE_ARGUMENT for an undeclared one.
 * Text lives as long as the agent; of a TROUPE_KEY_SETTABLE key that is asked for inside a turn, as long
 * as the turn runs. There the turn's server, channel and member's roles decide, and nothing changes the
 * value before the turn ends; one that is taken up again (troupe_ask, a restart) reads it anew. [any] */
static inline troupe_status troupe_config(troupe_host *host, const char *key, troupe_value *ret)
{
    return host->api->config(host, key, ret);
}

/* The same for one type, with a value for "not set": troupe_config_int also for durations, sizes, money
 * and booleans, troupe_config_float, and troupe_config_str, where it is empty. [any] */
static inline int64_t troupe_config_int(troupe_host *host, const char *key, int64_t fallback)
{
    troupe_value value;

    return host->api->config(host, key, &value) == TROUPE_OK ? value.u.i : fallback;
}

static inline double troupe_config_float(troupe_host *host, const char *key, double fallback)
{
    troupe_value value;

    return host->api->config(host, key, &value) == TROUPE_OK ? value.u.f : fallback;
}

static inline troupe_str troupe_config_str(troupe_host *host, const char *key)
{
    troupe_value value;

    if (host->api->config(host, key, &value) == TROUPE_OK)
        return value.u.s;
    value.u.s.ptr = "";
    value.u.s.len = 0;
    return value.u.s;
}

/* One line in the host's log under the agent's name, cut at 1,000 bytes. Not recorded. [any] */
__attribute__((format(printf, 3, 4))) static inline void
troupe_log(troupe_host *host, uint32_t level, const char *format, ...)
{
    char text[1000];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (n > 0)
        host->api->log(host, level, text,
                       (uint64_t)n < sizeof(text) ? (uint64_t)n : sizeof(text) - 1);
}

#endif
