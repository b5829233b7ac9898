/* SPDX-License-Identifier: Apache-2.0
 *
 * The runner's part: writing down what a table says. It stays clear of the host's side of isolated
 * agents, which declare_read.c leads to.
 */
#include "plugin/declare.h"

#include "base/mem.h"

#include <string.h>
#include <troupe/user_data.h>

static void put_real(struct buf *out, double value)
{
    int64_t bits;

    memcpy(&bits, &value, sizeof(bits));
    wire_put_int(out, bits);
}

/* What a later minor has brought; NULL where the plugin is older. */
static const char *menu_of(const troupe_function *function)
{
    return TROUPE_HAS(function, menu) ? function->menu : NULL;
}

static const char *events_of(const troupe_plugin *table)
{
    return TROUPE_HAS(table, events) ? table->events : NULL;
}

static bool has_job(const troupe_plugin *table)
{
    return TROUPE_HAS(table, job) && table->job;
}

static troupe_array user_data_of(const troupe_plugin *table)
{
    return TROUPE_HAS(table, user_data) ? table->user_data : (troupe_array){0};
}

static troupe_array metrics_of(const troupe_plugin *table)
{
    return TROUPE_HAS(table, metrics) ? table->metrics : (troupe_array){0};
}

static uint32_t state_flags_of(const troupe_plugin *table)
{
    return TROUPE_HAS(table, state_flags) ? table->state_flags : 0;
}

static void put_metrics(struct buf *out, troupe_array list)
{
    wire_put_int(out, list.count);
    for (uint32_t i = 0; i < list.count; i++) {
        const troupe_metric_decl *metric = TROUPE_AT(list, troupe_metric_decl, i);

        wire_put_text(out, metric->name);
        wire_put_text(out, metric->doc);
        wire_put_text(out, metric->labels);
        wire_put_text(out, metric->buckets);
        wire_put_int(out, metric->kind);
    }
}

static void put_user_data(struct buf *out, troupe_array list)
{
    wire_put_int(out, list.count);
    for (uint32_t i = 0; i < list.count; i++) {
        const troupe_user_data *data = TROUPE_AT(list, troupe_user_data, i);
        bool keeps = list.stride >= offsetof(troupe_user_data, keep_days) + sizeof(uint32_t);

        wire_put_text(out, data->name);
        wire_put_text(out, data->doc);
        wire_put_text(out, data->member);
        wire_put_int(out, data->kind);
        wire_put_int(out, data->flags);
        wire_put_text(out, keeps ? data->age : NULL);
        wire_put_int(out, keeps ? data->keep_days : 0);
    }
}

static void put_limits(struct buf *out, const troupe_function *function)
{
    bool has = TROUPE_HAS(function, limit_seconds);

    wire_put_int(out, has ? function->limit_member : 0);
    wire_put_int(out, has ? function->limit_guild : 0);
    wire_put_int(out, has ? function->limit_seconds : 0);
}

static void put_function(struct buf *out, const troupe_function *function)
{
    wire_put_int(out, function->flags);
    wire_put_text(out, function->name);
    wire_put_text(out, function->doc);
    wire_put_int(out, function->timeout_ms);
    wire_put_text(out, menu_of(function));
    put_limits(out, function);
    wire_put_int(out, function->params.count);
    for (uint32_t i = 0; i < function->params.count; i++) {
        const troupe_param *param = TROUPE_AT(function->params, troupe_param, i);

        wire_put_text(out, param->name);
        wire_put_text(out, param->doc);
        wire_put_text(out, param->choices);
        wire_put_text(out, param->def_text);
        put_real(out, param->min);
        put_real(out, param->max);
        put_real(out, param->def);
        wire_put_int(out, param->type);
        wire_put_int(out, param->optional);
    }
}

static void put_keys(struct buf *out, const troupe_array *keys)
{
    wire_put_int(out, keys->count);
    for (uint32_t i = 0; i < keys->count; i++) {
        const troupe_key *key = TROUPE_AT(*keys, troupe_key, i);

        wire_put_text(out, key->name);
        wire_put_text(out, key->doc);
        wire_put_text(out, key->def);
        wire_put_text(out, key->choices);
        put_real(out, key->min);
        put_real(out, key->max);
        wire_put_int(out, key->type);
        wire_put_int(out, key->flags);
    }
}

static int64_t members_of(const troupe_plugin *table)
{
    bool state = table->get_extension && table->get_extension("troupe.state/1");

    return (table->create ? DECLARE_HAS_CREATE : 0) | (table->destroy ? DECLARE_HAS_DESTROY : 0) |
           (table->stage ? DECLARE_HAS_STAGE : 0) | (table->observe ? DECLARE_HAS_OBSERVE : 0) |
           (has_job(table) ? DECLARE_HAS_JOB : 0) | (state ? DECLARE_HAS_STATE : 0);
}

void plugin_declare_pack(const troupe_plugin *table, struct buf *out)
{
    wire_put_int(out, table->abi_minor);
    wire_put_text(out, table->id);
    wire_put_text(out, table->version);
    wire_put_text(out, table->doc);
    wire_put_text(out, table->needs);
    wire_put_text(out, table->capabilities);
    wire_put_text(out, events_of(table));
    wire_put_int(out, table->state_version);
    wire_put_int(out, table->state_oldest);
    wire_put_int(out, members_of(table));
    wire_put_int(out, table->functions.count);
    for (uint32_t i = 0; i < table->functions.count; i++)
        put_function(out, *TROUPE_AT(table->functions, troupe_function *const, i));
    put_keys(out, &table->config);
    wire_put_int(out, table->migrations.count);
    for (uint32_t i = 0; i < table->migrations.count; i++) {
        const troupe_migration *migration = TROUPE_AT(table->migrations, troupe_migration, i);

        wire_put_int(out, migration->version);
        wire_put_text(out, migration->name);
        wire_put_text(out, migration->sql);
        wire_put_text(out, plugin_migration_back(&table->migrations, i));
    }
    put_user_data(out, user_data_of(table));
    put_metrics(out, metrics_of(table));
    wire_put_int(out, state_flags_of(table));
}

void plugin_declared_free(struct plugin_declared *declared)
{
    if (!declared)
        return;
    plugin_manifest_free(declared->manifest);
    arena_clear(&declared->arena);
    buf_clear(&declared->bytes);
    mem_free(declared);
}
