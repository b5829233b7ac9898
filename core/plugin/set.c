/* SPDX-License-Identifier: Apache-2.0
 *
 * The life of sets and of what outlives them, and finding things in a set.
 */
#include "plugin/set.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "plugin/build.h"
#include "plugin/exclusive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_THREADS 2
#define OWN_QUEUE   16

/* ---- life ---------------------------------------------------------------------------------- */

static void set_free(struct plugin_set *set)
{
    /* From the outside in: what the layer above compiled points to targets, targets to agents. */
    if (set->free_extra)
        set->free_extra(set->extra);
    map_clear(&set->by_name);
    map_clear(&set->by_tool);
    map_for_each (entry, &set->by_service) {
        struct plugin_service *service = entry->value;

        mem_free(service->providers);
        mem_free(service);
    }
    map_clear(&set->by_service);
    map_clear(&set->by_agent);
    for (size_t i = 0; i < set->target_count; i++)
        mem_free(set->targets[i].qualified);
    mem_free(set->targets);
    /* The last created goes first: it was made with the others in place. */
    for (size_t i = set->agent_count; i > 0; i--)
        plugin_agent_unref(set->agents[set->order[i - 1]]);
    mem_free(set->agents);
    mem_free(set->order);
    config_unref(set->config);
    mem_free(set);
}

/* Runs on the loop's own stack, so no frame of a plugin is below. */
static void reap(struct loop_task *task)
{
    struct plugin_manager *manager = container_of(task, struct plugin_manager, reaper);
    struct list_link *link;

    manager->reaping = false;
    while ((link = list_pop(&manager->dying)))
        set_free(container_of(link, struct plugin_set, link));
}

struct plugin_manager *plugin_manager_new(struct loop *loop,
                                          const struct plugin_manager_options *options)
{
    static const struct plugin_manager_options defaults;
    struct plugin_manager *manager = mem_zero(1, sizeof(*manager));

    if (!options)
        options = &defaults;
    manager->loop = loop;
    manager->package_dir =
        mem_strdup(options->package_dir ? options->package_dir : TROUPE_PLUGIN_DIR);
    manager->runner = options->runner ? mem_strdup(options->runner) : NULL;
    manager->trial_ms = options->trial_ms;
    manager->sandbox = options->sandbox;
    manager->switched_off = options->switched_off;
    manager->switched_off_arg = options->switched_off_arg;
    manager->any_location = options->any_location;
    manager->isolated = options->isolated;
    manager->pool = options->pool;
    manager->reaper.run = reap;
    manager->exclusive_ms = EXCLUSIVE_DRAIN_MS;
    manager->exclusive_held = EXCLUSIVE_HELD_MAX;
    plugin_images_init(&manager->images);
    list_init(&manager->sets);
    list_init(&manager->isolates);
    list_init(&manager->dying);
    return manager;
}

struct pool *plugin_manager_pool(struct plugin_manager *manager, struct error *err)
{
    if (!manager->pool &&
        pool_new(manager->loop, OWN_THREADS, OWN_QUEUE, &manager->own_pool, err) == TROUPE_OK)
        manager->pool = manager->own_pool;
    return manager->pool;
}

void plugin_manager_settle(struct plugin_manager *manager)
{
    /* The last sets are freed by a task that is posted already; each process has its deadline. */
    while (manager->reaping)
        loop_step(manager->loop, 0);
    while (!list_empty(&manager->isolates))
        loop_step(manager->loop, 10);
}

void plugin_manager_free(struct plugin_manager *manager)
{
    if (!manager)
        return;
    plugin_manager_settle(manager);
    pool_free(manager->own_pool);
    /* Whoever holds that pin would enter code whose bookkeeping is gone. */
    if (!list_empty(&manager->sets)) {
        fprintf(stderr, "a set of plugins is pinned when its manager ends\n");
        abort();
    }
    plugin_images_clear(&manager->images);
    mem_free(manager->package_dir);
    mem_free(manager->runner);
    mem_free(manager);
}

struct plugin_set *plugin_set_new(struct plugin_manager *manager, struct config *config)
{
    struct plugin_set *set = mem_zero(1, sizeof(*set));

    set->manager = manager;
    set->number = ++manager->built;
    set->pins = 1;
    set->config = config_ref(config);
    list_append(&manager->sets, &set->link);
    manager->set_count++;
    return set;
}

void plugin_set_add(struct plugin_set *set, struct plugin_agent *agent)
{
    set->agents = mem_resize(set->agents, set->agent_count + 1, sizeof(struct plugin_agent *));
    set->order = mem_resize(set->order, set->agent_count + 1, sizeof(*set->order));
    set->order[set->agent_count] = set->agent_count;
    set->agents[set->agent_count++] = plugin_agent_ref(agent);
    map_set(&set->by_agent, agent->name, agent);
}

void plugin_set_order(struct plugin_set *set, const size_t *order)
{
    for (size_t i = 0; i < set->agent_count; i++)
        set->order[i] = order[i];
}

struct plugin_set *plugin_set_pin(struct plugin_set *set)
{
    set->pins++;
    return set;
}

void plugin_set_unpin(struct plugin_set *set)
{
    struct plugin_manager *manager;

    if (!set || --set->pins > 0)
        return;
    manager = set->manager;
    manager->set_count--;
    list_remove(&set->link);
    list_append(&manager->dying, &set->link);
    if (!manager->reaping) {
        manager->reaping = true;
        loop_post(manager->loop, &manager->reaper);
    }
}

/* ---- names --------------------------------------------------------------------------------- */

/* Insertion keeps the order of sections among equal priorities. */
static void add_provider(struct plugin_set *set, const struct plugin_target *target)
{
    const char *name = target->function->name;
    struct plugin_service *service = map_get(&set->by_service, name);
    size_t at;

    if (!service) {
        service = mem_zero(1, sizeof(*service));
        map_set(&set->by_service, name, service);
    }
    service->providers =
        mem_resize(service->providers, service->count + 1, sizeof(const struct plugin_target *));
    for (at = service->count++;
         at > 0 && service->providers[at - 1]->agent->priority < target->agent->priority; at--)
        service->providers[at] = service->providers[at - 1];
    service->providers[at] = target;
}

/* Two agents with one function are no error, for they may be two instances of a plugin: only the
 * short name stops working, and says which long ones there are. */
static void add_plain(struct plugin_set *set, struct plugin_target *target)
{
    struct plugin_target *other = map_get(&set->by_name, target->function->name);

    if (!other) {
        map_set(&set->by_name, target->function->name, target);
        return;
    }
    other->ambiguous = true;
    target->ambiguous = true;
}

/* The plain name where it is the only one, else with the agent before it, and a number where even
 * that is taken once the dots are gone. */
static void name_tool(struct plugin_set *set, struct plugin_target *target)
{
    const struct plugin_function *function = target->function;
    const struct plugin_service *service = map_get(&set->by_service, function->name);
    bool alone = service ? service->providers[0] == target : !target->ambiguous;
    size_t len, room;

    plugin_function_tool_name(alone ? function->name : target->qualified, target->tool_name);
    len = strlen(target->tool_name);
    for (unsigned n = 2; map_get(&set->by_tool, target->tool_name); n++) {
        char number[12];

        snprintf(number, sizeof(number), "_%u", n);
        room = PLUGIN_TOOL_NAME - strlen(number);
        memcpy(target->tool_name + (len < room ? len : room), number, strlen(number) + 1);
    }
    map_set(&set->by_tool, target->tool_name, target);
}

troupe_status plugin_set_index(struct plugin_set *set, struct config_problems *problems)
{
    size_t count = 0;
    troupe_status status = TROUPE_OK;

    /* In one block, as the maps keep pointers into it. */
    for (size_t i = 0; i < set->agent_count; i++)
        count += set->agents[i]->manifest->function_count;
    set->targets = mem_zero(count + 1, sizeof(*set->targets));
    for (size_t i = 0; i < set->agent_count; i++) {
        struct plugin_agent *agent = set->agents[i];

        for (size_t k = 0; k < agent->manifest->function_count; k++) {
            struct plugin_target *target = &set->targets[set->target_count++];

            target->agent = agent;
            target->function = &agent->manifest->functions[k];
            target->qualified = mem_printf("%s.%s", agent->name, target->function->name);
            map_set(&set->by_name, target->qualified, target);
            if (target->function->is_service)
                add_provider(set, target);
            else
                add_plain(set, target);
        }
    }
    /* Only now is it known which short names are shared. */
    for (size_t i = 0; i < set->target_count; i++) {
        struct plugin_target *target = &set->targets[i];

        name_tool(set, target);
        if (map_get(&set->by_service, target->qualified)) {
            /* Not the agent's section: of one that was carried over it stands in an older file. */
            unsigned line;
            const char *file = config_section_origin(
                config_section(set->config, "agent", target->agent->name), &line);

            status =
                config_problem(problems, file, line,
                               "agent \"%s\": with its function \"%s\" it takes the name of the "
                               "service \"%s\"; give the section another name",
                               target->agent->name, target->function->name, target->qualified);
        }
    }
    return status;
}

/* ---- finding ------------------------------------------------------------------------------- */

struct plugin_agent *plugin_set_agent(const struct plugin_set *set, const char *name)
{
    return map_get(&set->by_agent, name);
}

const struct plugin_target *plugin_set_tool(const struct plugin_set *set, const char *tool_name)
{
    return map_get(&set->by_tool, tool_name);
}

const struct plugin_service *plugin_set_service(const struct plugin_set *set, const char *name)
{
    return map_get(&set->by_service, name);
}

static troupe_status not_found(const struct plugin_set *set, const char *name, struct error *err)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    _cleanup_mem_ char *word = mem_strndup(name, strnlen(name, PLUGIN_TOOL_NAME));
    _cleanup_mem_ const char **names =
        mem_zero(set->by_name.count + set->by_service.count + 1, sizeof(*names));
    size_t count = 0;
    const char *nearest;

    if (!err)
        return TROUPE_NOT_FOUND;
    map_for_each (entry, &set->by_name) {
        names[count++] = entry->key;
    }
    map_for_each (entry, &set->by_service) {
        names[count++] = entry->key;
    }
    buf_puts(&text, "there is no function ");
    plugin_quote(name, strlen(name), &text);
    if ((nearest = text_nearest(word, names, count)))
        buf_printf(&text, "; did you mean \"%s\"", nearest);
    return error_set(err, TROUPE_NOT_FOUND, "%s", buf_text(&text));
}

static troupe_status ambiguous(const struct plugin_set *set, const char *name, struct error *err)
{
    _cleanup_buf_ struct buf agents = BUF_INIT, names = BUF_INIT;

    for (size_t i = 0; i < set->target_count; i++) {
        const struct plugin_target *target = &set->targets[i];

        if (strcmp(target->function->name, name) != 0)
            continue;
        buf_printf(&agents, "%s\"%s\"", agents.len ? " and " : "", target->agent->name);
        buf_printf(&names, "%s%s", names.len ? " or " : "", target->qualified);
    }
    return error_set(err, TROUPE_CONFLICT, "\"%s\" is a function of the agents %s; write %s", name,
                     buf_text(&agents), buf_text(&names));
}

troupe_status plugin_set_find(const struct plugin_set *set, const char *name,
                              const struct plugin_target **ret, struct error *err)
{
    const struct plugin_service *service = map_get(&set->by_service, name);
    const struct plugin_target *target =
        service ? service->providers[0] : map_get(&set->by_name, name);

    if (!target)
        return not_found(set, name, err);
    if (target->ambiguous && !strcmp(target->function->name, name))
        return ambiguous(set, name, err);
    *ret = target;
    return TROUPE_OK;
}

/* ---- listing ------------------------------------------------------------------------------- */

static bool holds(const struct plugin_set *set, const struct plugin_agent *agent)
{
    return plugin_set_agent(set, agent->name) == agent;
}

static void report_agent(const struct plugin_manager *manager, const struct plugin_set *set,
                         struct plugin_agent *agent,
                         void (*report)(const struct plugin_info *info, void *user), void *user)
{
    struct plugin_info info = {.agent = agent->name,
                               .id = agent->manifest->id,
                               .version = agent->manifest->version,
                               .build_id = agent->image->build_id,
                               .path = agent->image->path,
                               .set = set->number,
                               .generation = agent->generation,
                               .calls = agent->calls,
                               .failures = agent->failures,
                               .parked =
                                   plugin_images_parked(&manager->images, agent->manifest->id),
                               .why_pinned = agent->image->note.why_pinned,
                               .why_disabled = agent->disabled ? agent->why_disabled : "",
                               .isolate = agent->isolate};

    pthread_mutex_lock(&agent->lock);
    info.memory = agent->memory;
    info.memory_peak = agent->memory_peak;
    info.blocks = agent->block_count;
    pthread_mutex_unlock(&agent->lock);
    list_for_each (link, &manager->sets) {
        const struct plugin_set *other = container_of(link, struct plugin_set, link);

        if (holds(other, agent))
            info.pins += other->pins;
    }
    report(&info, user);
}

void plugin_manager_list(const struct plugin_manager *manager,
                         void (*report)(const struct plugin_info *info, void *user), void *user)
{
    for (struct list_link *link = manager->sets.prev; link != &manager->sets; link = link->prev) {
        const struct plugin_set *set = container_of(link, struct plugin_set, link);

        for (size_t i = 0; i < set->agent_count; i++) {
            bool seen = false;

            for (struct list_link *newer = link->next; newer != &manager->sets; newer = newer->next)
                seen |= holds(container_of(newer, struct plugin_set, link), set->agents[i]);
            if (!seen)
                report_agent(manager, set, set->agents[i], report, user);
        }
    }
}
