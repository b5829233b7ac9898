/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/declare.h"

#include "base/mem.h"
#include "plugin/guest.h"
#include "plugin/isolate.h"

#include <string.h>
#include <troupe/user_data.h>

#define MANY 4096 /* more of anything than a manifest takes, and little enough to allocate */

/* What a plugin has besides functions. */
#define HAS_CREATE  0x01
#define HAS_DESTROY 0x02
#define HAS_STAGE   0x04
#define HAS_OBSERVE 0x08
#define HAS_JOB     0x10
#define HAS_STATE   0x20

/* ---- writing --------------------------------------------------------------------------------- */

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

        wire_put_text(out, data->name);
        wire_put_text(out, data->doc);
        wire_put_text(out, data->member);
        wire_put_int(out, data->kind);
        wire_put_int(out, data->flags);
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

    return (table->create ? HAS_CREATE : 0) | (table->destroy ? HAS_DESTROY : 0) |
           (table->stage ? HAS_STAGE : 0) | (table->observe ? HAS_OBSERVE : 0) |
           (has_job(table) ? HAS_JOB : 0) | (state ? HAS_STATE : 0);
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
    }
    put_user_data(out, user_data_of(table));
    put_metrics(out, metrics_of(table));
}

/* ---- reading --------------------------------------------------------------------------------- */

static double take_real(struct wire_in *in)
{
    int64_t bits = wire_take_int(in);
    double value;

    memcpy(&value, &bits, sizeof(value));
    return value;
}

/* Stands for a function of the plugin: it is never called. */
static void elsewhere(void)
{
}

static troupe_function *take_function(struct wire_in *in, struct arena *arena)
{
    troupe_function *function = arena_alloc(arena, sizeof(*function));
    troupe_param *params;

    function->size = sizeof(*function);
    function->flags = (uint32_t)wire_take_int(in);
    function->name = wire_take_text(in);
    function->doc = wire_take_text(in);
    function->timeout_ms = (uint32_t)wire_take_int(in);
    function->menu = wire_take_text(in);
    function->limit_member = (uint32_t)wire_take_int(in);
    function->limit_guild = (uint32_t)wire_take_int(in);
    function->limit_seconds = (uint32_t)wire_take_int(in);
    function->fn = elsewhere;
    function->params.count = (uint32_t)wire_take_count(in, MANY);
    function->params.stride = sizeof(*params);
    function->params.ptr = params =
        arena_alloc(arena, ((size_t)function->params.count + 1) * sizeof(*params));
    for (uint32_t i = 0; i < function->params.count && !in->bad; i++) {
        params[i].name = wire_take_text(in);
        params[i].doc = wire_take_text(in);
        params[i].choices = wire_take_text(in);
        params[i].def_text = wire_take_text(in);
        params[i].min = take_real(in);
        params[i].max = take_real(in);
        params[i].def = take_real(in);
        params[i].type = (uint32_t)wire_take_int(in);
        params[i].optional = (uint32_t)wire_take_int(in);
    }
    return function;
}

static troupe_array take_functions(struct wire_in *in, struct arena *arena)
{
    uint32_t count = (uint32_t)wire_take_count(in, MANY);
    troupe_function **functions =
        arena_alloc(arena, ((size_t)count + 1) * sizeof(troupe_function *));

    for (uint32_t i = 0; i < count && !in->bad; i++)
        functions[i] = take_function(in, arena);
    return (troupe_array){functions, count, sizeof(troupe_function *)};
}

static troupe_array take_keys(struct wire_in *in, struct arena *arena)
{
    uint32_t count = (uint32_t)wire_take_count(in, MANY);
    troupe_key *keys = arena_alloc(arena, ((size_t)count + 1) * sizeof(*keys));

    for (uint32_t i = 0; i < count && !in->bad; i++) {
        keys[i].name = wire_take_text(in);
        keys[i].doc = wire_take_text(in);
        keys[i].def = wire_take_text(in);
        keys[i].choices = wire_take_text(in);
        keys[i].min = take_real(in);
        keys[i].max = take_real(in);
        keys[i].type = (uint32_t)wire_take_int(in);
        keys[i].flags = (uint32_t)wire_take_int(in);
    }
    return (troupe_array){keys, count, sizeof(*keys)};
}

static troupe_array take_migrations(struct wire_in *in, struct arena *arena)
{
    uint32_t count = (uint32_t)wire_take_count(in, MANY);
    troupe_migration *migrations = arena_alloc(arena, ((size_t)count + 1) * sizeof(*migrations));

    for (uint32_t i = 0; i < count && !in->bad; i++) {
        migrations[i].version = (uint32_t)wire_take_int(in);
        migrations[i].name = wire_take_text(in);
        migrations[i].sql = wire_take_text(in);
    }
    return (troupe_array){migrations, count, sizeof(*migrations)};
}

static troupe_array take_metrics(struct wire_in *in, struct arena *arena)
{
    uint32_t count = (uint32_t)wire_take_count(in, MANY);
    troupe_metric_decl *metrics = arena_alloc(arena, ((size_t)count + 1) * sizeof(*metrics));

    for (uint32_t i = 0; i < count && !in->bad; i++) {
        metrics[i].name = wire_take_text(in);
        metrics[i].doc = wire_take_text(in);
        metrics[i].labels = wire_take_text(in);
        metrics[i].buckets = wire_take_text(in);
        metrics[i].kind = (uint32_t)wire_take_int(in);
    }
    return (troupe_array){metrics, count, sizeof(*metrics)};
}

static troupe_array take_user_data(struct wire_in *in, struct arena *arena)
{
    uint32_t count = (uint32_t)wire_take_count(in, MANY);
    troupe_user_data *data = arena_alloc(arena, ((size_t)count + 1) * sizeof(*data));

    for (uint32_t i = 0; i < count && !in->bad; i++) {
        data[i].name = wire_take_text(in);
        data[i].doc = wire_take_text(in);
        data[i].member = wire_take_text(in);
        data[i].kind = (uint32_t)wire_take_int(in);
        data[i].flags = (uint32_t)wire_take_int(in);
    }
    return (troupe_array){data, count, sizeof(*data)};
}

/* The old generation's process writes, the new one's reads: these are never called. */
static troupe_status no_save(void *state, void *stream,
                             troupe_status (*io)(void *stream, const void *data, uint64_t len))
{
    (void)state;
    (void)stream;
    (void)io;
    return TROUPE_UNSUPPORTED;
}

static troupe_status no_load(void *state, uint32_t written_version, void *stream,
                             troupe_status (*io)(void *stream, void *data, uint64_t len))
{
    (void)state;
    (void)written_version;
    (void)stream;
    (void)io;
    return TROUPE_UNSUPPORTED;
}

static const void *state_only(const char *id)
{
    static const troupe_state_v1 state = {.size = sizeof(state), .save = no_save, .load = no_load};

    return !strcmp(id, "troupe.state/1") ? &state : NULL;
}

static void take_table(struct wire_in *in, struct plugin_declared *declared)
{
    troupe_plugin *table = &declared->table;
    int64_t members;

    table->size = sizeof(*table);
    table->abi_minor = (uint32_t)wire_take_int(in);
    table->id = wire_take_text(in);
    table->version = wire_take_text(in);
    table->doc = wire_take_text(in);
    table->needs = wire_take_text(in);
    table->capabilities = wire_take_text(in);
    table->events = wire_take_text(in);
    table->state_version = (uint32_t)wire_take_int(in);
    table->state_oldest = (uint32_t)wire_take_int(in);
    members = wire_take_int(in);
    /* `create` and `destroy` are the process's own business. */
    table->stage = members & HAS_STAGE ? plugin_isolate_stage : NULL;
    table->observe = members & HAS_OBSERVE ? plugin_isolate_observe : NULL;
    table->job = members & HAS_JOB ? plugin_isolate_job : NULL;
    table->get_extension = members & HAS_STATE ? state_only : NULL;
    table->functions = take_functions(in, &declared->arena);
    table->config = take_keys(in, &declared->arena);
    table->migrations = take_migrations(in, &declared->arena);
    table->user_data = take_user_data(in, &declared->arena);
    table->metrics = take_metrics(in, &declared->arena);
}

/* What the runner has tables for. */
static void offered(const struct plugin_registry *registry, struct plugin_registry *ret)
{
    memset(ret, 0, sizeof(*ret));
    for (size_t i = 0; i < registry->count; i++)
        if (guest_extension(registry->items[i].id))
            plugin_registry_add(ret, &registry->items[i], 1);
}

troupe_status plugin_declare_read(struct buf *bytes, const struct plugin_note *note,
                                  const struct plugin_registry *registry,
                                  struct plugin_declared **ret, struct error *err)
{
    struct plugin_declared *declared = mem_zero(1, sizeof(*declared));
    struct plugin_registry known;
    struct wire_in in;
    troupe_status status = TROUPE_OK;

    declared->bytes = *bytes;
    *bytes = (struct buf)BUF_INIT;
    in = (struct wire_in){buf_text(&declared->bytes), declared->bytes.len, false};
    take_table(&in, declared);
    offered(registry, &known);
    if (!wire_taken(&in))
        status = error_set(err, TROUPE_DATA,
                           "plugin \"%s\": its process told a declaration that cannot be read; "
                           "install another build of it",
                           note->id);
    if (status == TROUPE_OK)
        status = plugin_manifest_read(&declared->table, note, &known, &declared->manifest, err);
    if (status < 0) {
        plugin_declared_free(declared);
        return status;
    }
    for (size_t i = 0; i < declared->manifest->function_count; i++)
        declared->manifest->functions[i].forward = plugin_isolate_function;
    *ret = declared;
    return TROUPE_OK;
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
