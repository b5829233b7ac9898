/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of an agent and the table behind its handle. Whatever the plugin takes through the handle
 * is kept in a list and goes with the agent, whether the plugin gave it back or not.
 */
#include "plugin/agent.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "plugin/leak.h"

#include <stdio.h>
#include <string.h>

#define MAX_STATE    ((size_t)16 << 20)
#define MAX_LOG_LINE 1000

/* ---- the handle ---------------------------------------------------------------------------- */

static const void *handle_get_extension(troupe_host *host, const char *id)
{
    const struct plugin_agent *agent = plugin_agent_of(host);

    return id ? plugin_registry_find(agent->registry, id) : NULL;
}

static const char *handle_agent(troupe_host *host)
{
    return plugin_agent_of(host)->name;
}

static void handle_log(troupe_host *host, uint32_t level, const char *text, uint64_t len)
{
    struct plugin_agent *agent = plugin_agent_of(host);
    size_t cut = text_utf8_cut(text, (size_t)len, MAX_LOG_LINE);

    if (level > TROUPE_LOG_DEBUG)
        level = TROUPE_LOG_DEBUG;
    /* The most serious line is the best reason that there is for a failing create. */
    pthread_mutex_lock(&agent->lock);
    if (!agent->created && level <= agent->last_level) {
        size_t kept = text_utf8_cut(text, cut, sizeof(agent->last_log) - 1);

        memcpy(agent->last_log, text, kept);
        agent->last_log[kept] = '\0';
        agent->last_level = level;
    }
    pthread_mutex_unlock(&agent->lock);
    if (agent->log)
        agent->log->write(agent->log, level, text, cut);
    else
        log_write((enum log_level)level, agent->owner, "%.*s", (int)cut, text);
}

static void *handle_alloc(troupe_host *host, uint64_t size)
{
    struct plugin_agent *agent = plugin_agent_of(host);
    const void *site = PLUGIN_CALLER();
    struct plugin_block *block;
    bool fits;

    /* Billed before it is taken: two threads cannot pass the limit together. */
    pthread_mutex_lock(&agent->lock);
    fits = size <= agent->memory_limit && agent->memory <= agent->memory_limit - size;
    if (fits) {
        agent->memory += size;
        if (agent->memory > agent->memory_peak)
            agent->memory_peak = agent->memory;
    }
    pthread_mutex_unlock(&agent->lock);
    if (!fits)
        return NULL;
    block = mem_try(sizeof(*block) + size);
    pthread_mutex_lock(&agent->lock);
    if (block) {
        block->agent = agent;
        block->size = size;
        block->site = site;
        list_append(&agent->blocks, &block->link);
        agent->block_count++;
    } else {
        agent->memory -= size;
    }
    pthread_mutex_unlock(&agent->lock);
    return block ? memset(block + 1, 0, size) : NULL;
}

static void handle_free(troupe_host *host, void *memory)
{
    struct plugin_agent *agent = plugin_agent_of(host);
    struct plugin_block *block = memory ? (struct plugin_block *)memory - 1 : NULL;

    if (!block)
        return;
    /* Handing another agent's block to the allocator could take the host down; keeping it costs its
     * size. */
    if (block->agent != agent) {
        log_error(agent->owner, "troupe_free of a block that is not this agent's: it is kept");
        return;
    }
    pthread_mutex_lock(&agent->lock);
    list_remove(&block->link);
    agent->memory -= block->size;
    agent->block_count--;
    pthread_mutex_unlock(&agent->lock);
    block->agent = NULL; /* most second frees are seen by this, above */
    mem_free(block);
}

static troupe_status handle_config(troupe_host *host, const char *key, troupe_value *ret)
{
    const struct plugin_values *values = &plugin_agent_of(host)->values;
    const struct plugin_registry *registry = plugin_agent_of(host)->registry;

    for (size_t i = 0; key && i < values->count; i++) {
        const struct plugin_value *value = &values->items[i];

        if (strcmp(value->name, key) != 0)
            continue;
        if (value->flags & TROUPE_KEY_SETTABLE && registry && registry->setting &&
            registry->setting(plugin_agent_of(host), key, ret) == TROUPE_OK)
            return TROUPE_OK;
        /* In this order a plugin learns of a secret whether it is set, and nothing else. */
        if (!value->set)
            return TROUPE_NOT_FOUND;
        if (value->flags & TROUPE_KEY_SECRET)
            return TROUPE_DENIED;
        *ret = value->value;
        return TROUPE_OK;
    }
    return TROUPE_ARGUMENT;
}

static const troupe_host_table handle_table = {
    .size = sizeof(troupe_host_table),
    .abi_minor = TROUPE_ABI_MINOR,
    .get_extension = handle_get_extension,
    .agent = handle_agent,
    .log = handle_log,
    .alloc = handle_alloc,
    .free = handle_free,
    .config = handle_config,
};

/* ---- life ---------------------------------------------------------------------------------- */

struct plugin_agent *plugin_agent_new(const struct plugin_agent_options *options)
{
    struct plugin_agent *agent = mem_zero(1, sizeof(*agent));

    agent->host.api = &handle_table;
    agent->refs = 1;
    agent->generation = options->generation;
    agent->name = mem_strdup(options->name);
    agent->owner = mem_printf("plugin:%s", options->name);
    agent->registry = options->registry;
    agent->manifest = options->manifest;
    agent->image = options->image ? plugin_image_ref(options->image) : NULL;
    agent->build_id = options->build_id ? options->build_id
                      : agent->image    ? agent->image->build_id
                                        : "";
    agent->config = options->config ? config_ref(options->config) : NULL;
    agent->section = options->section;
    agent->log = options->log;
    agent->function_name = options->function_name;
    agent->memory_limit = options->memory_limit ? options->memory_limit : PLUGIN_AGENT_MEMORY;
    agent->last_level = TROUPE_LOG_DEBUG;
    pthread_mutex_init(&agent->lock, NULL);
    list_init(&agent->blocks);
    list_init(&agent->held_list);
    if (options->section) {
        const struct config_value *priority = config_value(options->section, "priority");

        agent->priority = priority ? priority->number : 0;
    }
    plugin_values_read(&agent->values, options->manifest, options->section);
    return agent;
}

troupe_status plugin_agent_create(struct plugin_agent *agent, struct error *err)
{
    troupe_status status = TROUPE_OK;
    void *state = NULL;

    /* Where it fails, destroy is not called: what create had begun is its own to undo, and the
     * blocks that it forgot go with the agent. */
    if (agent->manifest->create)
        status = agent->manifest->create(&agent->host, &state);
    if (status < 0)
        return error_set(err, status, "agent \"%s\": plugin \"%s\" %s cannot start: %s",
                         agent->name, agent->manifest->id, agent->manifest->version,
                         *agent->last_log ? agent->last_log : status_name(status));
    agent->state = state;
    agent->created = true;
    return TROUPE_OK;
}

struct plugin_agent *plugin_agent_ref(struct plugin_agent *agent)
{
    agent->refs++;
    return agent;
}

void plugin_agent_unref(struct plugin_agent *agent)
{
    if (!agent || --agent->refs > 0)
        return;
    if (agent->isolate) /* not by name: the runner has nothing of that side */
        agent->close_isolate(agent->isolate);
    if (agent->created && agent->manifest->destroy)
        agent->manifest->destroy(&agent->host, agent->state);
    if (agent->created)
        plugin_leaks_log(agent);
    list_for_each_safe (link, &agent->blocks) {
        mem_free(container_of(link, struct plugin_block, link));
    }
    plugin_values_clear(&agent->values);
    pthread_mutex_destroy(&agent->lock);
    /* Last of what the plugin sees: manifest and destroy are in there. */
    plugin_image_unref(agent->image);
    config_unref(agent->config);
    plugin_agent_unref(agent->successor);
    mem_free(agent->name);
    mem_free(agent->owner);
    mem_free(agent);
}

/* ---- use ----------------------------------------------------------------------------------- */

troupe_status plugin_agent_invoke(struct plugin_agent *agent,
                                  const struct plugin_function *function, troupe_turn *turn,
                                  const troupe_value *values, bool *ret_entered, struct error *err)
{
    bool entered;
    troupe_status status = plugin_function_invoke(function, turn, values, &entered, err);

    if (entered) {
        agent->calls++;
        agent->failures += status < 0;
    }
    if (ret_entered)
        *ret_entered = entered;
    return status;
}

const char *plugin_agent_secret(const struct plugin_agent *agent, const char *key)
{
    for (size_t i = 0; i < agent->manifest->key_count; i++) {
        const struct plugin_key *declared = &agent->manifest->keys[i];
        const struct config_value *value;

        if (!(declared->flags & TROUPE_KEY_SECRET) || strcmp(declared->name, key) != 0)
            continue;
        value = agent->section ? config_value(agent->section, key) : NULL;
        return value && value->set ? value->text : NULL;
    }
    return NULL;
}

const char *plugin_agent_endpoint(const struct plugin_agent *agent, size_t i)
{
    for (size_t k = 0; k < agent->values.count; k++) {
        const struct plugin_value *value = &agent->values.items[k];

        if ((value->flags & TROUPE_KEY_ENDPOINT) && value->set && i-- == 0)
            return value->value.u.s.ptr;
    }
    return NULL;
}

void plugin_agent_disable(struct plugin_agent *agent, const char *why)
{
    agent->disabled = true;
    snprintf(agent->why_disabled, sizeof(agent->why_disabled), "%s", why);
}

bool plugin_agent_can(const struct plugin_agent *agent, const char *capability)
{
    return plugin_manifest_can(agent->manifest, capability);
}

/* ---- state ---------------------------------------------------------------------------------
 * The old agent writes all of it before the new one reads any: when either fails, the old one still
 * is what it was, and goes on. That both hold it in memory for a moment is why it is bounded. */

static troupe_status put_state(void *stream, const void *data, uint64_t len)
{
    return buf_append(stream, data, (size_t)len);
}

struct state_reader {
    const struct buf *from;
    size_t at;
};

static troupe_status get_state(void *stream, void *data, uint64_t len)
{
    struct state_reader *reader = stream;
    size_t left = reader->from->len - reader->at;

    /* The end between two items is how a reader finds out that there are no more; inside one it
     * means that the two builds disagree. */
    if (left == 0 && len > 0)
        return TROUPE_END;
    if (len > left)
        return TROUPE_DATA;
    if (len)
        memcpy(data, reader->from->data + reader->at, (size_t)len);
    reader->at += (size_t)len;
    return TROUPE_OK;
}

/* Whether state goes from one to the other at all. */
static bool has_state(const struct plugin_agent *agent, const struct plugin_agent *old)
{
    return agent->manifest->state && old->manifest->state &&
           !strcmp(agent->manifest->id, old->manifest->id);
}

troupe_status plugin_agent_accepts(const struct plugin_agent *agent, const struct plugin_agent *old,
                                   struct error *err)
{
    const struct plugin_manifest *new_plugin = agent->manifest, *old_plugin = old->manifest;
    uint32_t written = old_plugin->state_version;

    if (!has_state(agent, old) ||
        (new_plugin->state_oldest <= written && written <= new_plugin->state_version))
        return TROUPE_OK;
    return error_set(
        err, TROUPE_VERSION,
        "agent \"%s\": plugin \"%s\" %s cannot take over the state of %s: it is written "
        "in version %u, %u to %u can be read; install a build that reads it, or restart "
        "the host to begin without",
        agent->name, new_plugin->id, new_plugin->version, old_plugin->version, written,
        new_plugin->state_oldest, new_plugin->state_version);
}

troupe_status plugin_agent_take_over(struct plugin_agent *agent, struct plugin_agent *old,
                                     struct error *err)
{
    _cleanup_buf_ struct buf state = {.max = MAX_STATE};
    struct state_reader reader = {&state, 0};
    troupe_status status;

    if (!has_state(agent, old))
        return TROUPE_OK;
    if ((status = plugin_agent_accepts(agent, old, err)) < 0)
        return status;
    status = old->manifest->state->save(old->state, &state, put_state);
    if (status < 0)
        return error_set(
            err, status,
            "agent \"%s\": plugin \"%s\" %s cannot save its state (%s); the running one "
            "stays",
            agent->name, old->manifest->id, old->manifest->version, status_name(status));
    status = agent->manifest->state->load(agent->state, old->manifest->state_version, &reader,
                                          get_state);
    if (status < 0)
        return error_set(err, status,
                         "agent \"%s\": plugin \"%s\" %s cannot load the state that %s saved (%s); "
                         "the running one stays",
                         agent->name, agent->manifest->id, agent->manifest->version,
                         old->manifest->version, status_name(status));
    return TROUPE_OK;
}
