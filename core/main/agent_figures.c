/* SPDX-License-Identifier: Apache-2.0 */
#include "main/agent_figures.h"

#include "base/log.h"
#include "base/mem.h"
#include "ops/metrics.h"
#include "plugin/set.h"

#include <ctype.h>
#include <string.h>

/* One metric, with its own copy of what was declared: a build that declared it may be gone. Each is a
 * table of one family, so that it can stay while others change. */
struct agent_metric {
    struct plugin_metric declared;
    struct metric_family family;
    struct metrics *metrics;
};

struct agent_table {
    char *prefix; /* "troupe_agent_NAME_" */
    struct agent_metric *items[PLUGIN_MAX_METRICS];
    size_t count;
};

static void metric_free(struct agent_metric *metric)
{
    if (!metric)
        return;
    metrics_free(metric->metrics);
    mem_free((char *)(uintptr_t)metric->declared.name);
    mem_free((char *)(uintptr_t)metric->family.help);
    mem_free((char *)(uintptr_t)metric->family.name);
    for (size_t i = 0; i < metric->declared.label_count; i++)
        mem_free(metric->declared.labels[i]);
    mem_free(metric);
}

static void table_free(void *value)
{
    struct agent_table *table = value;

    for (size_t i = 0; i < table->count; i++)
        metric_free(table->items[i]);
    mem_free(table->prefix);
    mem_free(table);
}

void agent_figures_clear(struct agent_figures *figures)
{
    map_clear_with(&figures->agents, table_free);
}

static struct agent_metric *metric_new(const char *prefix, const struct plugin_metric *declared)
{
    static const enum metric_kind kinds[] = {METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM};
    struct agent_metric *metric = mem_zero(1, sizeof(*metric));

    metric->declared = *declared;
    metric->declared.name = mem_strdup(declared->name);
    metric->declared.doc = NULL;
    for (size_t i = 0; i < declared->label_count; i++)
        metric->declared.labels[i] = mem_strdup(declared->labels[i]);
    metric->family = (struct metric_family){
        .name = mem_printf("%s%s%s", prefix, declared->name,
                           declared->kind == TROUPE_METRIC_IS_COUNTER ? "_total" : ""),
        .help = mem_strdup(declared->doc),
        .kind = kinds[declared->kind],
        .buckets = metric->declared.buckets,
        .bucket_count = declared->bucket_count,
    };
    for (size_t i = 0; i < declared->label_count; i++)
        metric->family.labels[i] = metric->declared.labels[i];
    metric->metrics = metrics_new(&metric->family, 1);
    return metric;
}

/* The same metric of the table before, taken out of it. */
static struct agent_metric *take_old(struct agent_table *old, const struct plugin_metric *declared)
{
    for (size_t i = 0; old && i < old->count; i++) {
        struct agent_metric *metric = old->items[i];

        if (!metric || !plugin_metric_equals(&metric->declared, declared))
            continue;
        old->items[i] = NULL;
        mem_free((char *)(uintptr_t)metric->family.help);
        metric->family.help = mem_strdup(declared->doc);
        return metric;
    }
    return NULL;
}

/* Letters and digits as they are; another agent may have the same name then. */
static char *prefix_of(const struct agent_figures *figures, const char *name)
{
    char *prefix = mem_printf("troupe_agent_%s_", name);

    for (char *p = prefix; *p; p++)
        if (!isalnum((unsigned char)*p))
            *p = '_';
    map_for_each (entry, &figures->agents)
        if (!strcmp(((const struct agent_table *)entry->value)->prefix, prefix)) {
            mem_free(prefix);
            return NULL;
        }
    return prefix;
}

void agent_figures_take(struct agent_figures *figures, const struct plugin_set *set)
{
    struct agent_figures next = {0};

    for (size_t i = 0; i < set->agent_count; i++) {
        const struct plugin_agent *agent = set->agents[i];
        struct agent_table *old = map_get(&figures->agents, agent->name), *table;
        char *prefix;

        if (!agent->manifest->metric_count)
            continue;
        prefix = prefix_of(&next, agent->name);
        if (!prefix) {
            log_warn("figures",
                     "agent \"%s\" has figures of the same names as another one: "
                     "they are not shown; rename it",
                     agent->name);
            continue;
        }
        table = mem_zero(1, sizeof(*table));
        table->prefix = prefix;
        for (size_t k = 0; k < agent->manifest->metric_count; k++) {
            const struct plugin_metric *declared = &agent->manifest->metrics[k];
            struct agent_metric *kept = take_old(old, declared);

            table->items[table->count++] = kept ? kept : metric_new(prefix, declared);
        }
        map_set(&next.agents, agent->name, table);
    }
    agent_figures_clear(figures);
    *figures = next;
}

void agent_figures_note(struct agent_figures *figures, const struct plugin_agent *agent,
                        size_t index, const char *const *labels, double value)
{
    const struct agent_table *table = map_get(&figures->agents, agent->name);
    const struct plugin_metric *declared = &agent->manifest->metrics[index];

    /* A turn may run on a set that is not the newest: by what it declared, not by its place. */
    for (size_t i = 0; table && i < table->count; i++) {
        struct agent_metric *metric = table->items[i];

        if (!plugin_metric_equals(&metric->declared, declared))
            continue;
        if (declared->kind == TROUPE_METRIC_IS_COUNTER)
            metrics_add(metric->metrics, 0, labels, value);
        else if (declared->kind == TROUPE_METRIC_IS_GAUGE)
            metrics_set(metric->metrics, 0, labels, value);
        else
            metrics_observe(metric->metrics, 0, labels, value);
        return;
    }
}

void agent_figures_print(const struct agent_figures *figures, struct buf *out)
{
    map_for_each (entry, &figures->agents) {
        const struct agent_table *table = entry->value;

        for (size_t i = 0; i < table->count; i++)
            metrics_print(table->items[i]->metrics, out);
    }
}

/* ---- as JSON --------------------------------------------------------------------------------- */

/* Counts as whole numbers, so that they read as such. */
static json_t *number(double value)
{
    return value == (double)(json_int_t)value ? json_integer((json_int_t)value) : json_real(value);
}

static void put_series(void *arg, const char *labels, double value)
{
    json_object_set_new(arg, labels, number(value));
}

static void put_metric(json_t *agent, const struct agent_metric *metric)
{
    json_t *series = json_object();
    const json_t *only;

    metrics_each(metric->metrics, 0, put_series, series);
    only = json_object_get(series, "");
    if (only)
        json_object_set(agent, metric->declared.name, (json_t *)(uintptr_t)only);
    else if (json_object_size(series))
        json_object_set(agent, metric->declared.name, series);
    json_decref(series);
}

json_t *agent_figures_json(const struct agent_figures *figures)
{
    json_t *all = json_object();

    map_for_each (entry, &figures->agents) {
        const struct agent_table *table = entry->value;
        json_t *agent = json_object();

        for (size_t i = 0; i < table->count; i++)
            put_metric(agent, table->items[i]);
        if (json_object_size(agent))
            json_object_set(all, entry->key, agent);
        json_decref(agent);
    }
    return all;
}
