/* SPDX-License-Identifier: Apache-2.0
 *
 * The host's part: a manifest from what the runner wrote down.
 */
#include "plugin/declare.h"

#include "base/mem.h"
#include "plugin/guest.h"
#include "plugin/isolate.h"

#include <string.h>
#include <troupe/user_data.h>

#define MANY 4096 /* more of anything than a manifest takes, and little enough to allocate */

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
        migrations[i].back = wire_take_text(in);
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
        data[i].age = wire_take_text(in);
        data[i].keep_days = (uint32_t)wire_take_int(in);
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
    table->stage = members & DECLARE_HAS_STAGE ? plugin_isolate_stage : NULL;
    table->observe = members & DECLARE_HAS_OBSERVE ? plugin_isolate_observe : NULL;
    table->job = members & DECLARE_HAS_JOB ? plugin_isolate_job : NULL;
    table->get_extension = members & DECLARE_HAS_STATE ? state_only : NULL;
    table->functions = take_functions(in, &declared->arena);
    table->config = take_keys(in, &declared->arena);
    table->migrations = take_migrations(in, &declared->arena);
    table->user_data = take_user_data(in, &declared->arena);
    table->metrics = take_metrics(in, &declared->arena);
    table->state_flags = (uint32_t)wire_take_count(in, UINT32_MAX);
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
