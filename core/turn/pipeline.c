/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/pipeline.h"

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

#include <string.h>
#include <sys/random.h>

struct pipelines {
    struct arena arena;
    struct turn_pipeline *items;
    size_t count;
    const struct turn_pipeline *watched;
};

static void pipelines_free(void *extra)
{
    struct pipelines *pipelines = extra;

    for (size_t i = 0; i < pipelines->count; i++) {
        mem_free(pipelines->items[i].stage_names);
        json_decref(pipelines->items[i].stage_list);
        mem_free(pipelines->items[i].owed_names);
        json_decref(pipelines->items[i].owed_list);
    }
    arena_clear(&pipelines->arena);
    mem_free(pipelines);
}

/* The agent `name` as something that can work in a pipeline; a problem where it cannot. */
static struct plugin_agent *worker(struct plugin_set *set, const struct config_section *section,
                                   const char *key, const char *name, bool observer,
                                   struct config_problems *problems)
{
    const struct config_value *value = config_value(section, key);
    struct plugin_agent *agent = plugin_set_agent(set, name);
    const char *names[256], *near;
    size_t count = 0;
    bool able;

    if (agent) {
        able = observer ? agent->manifest->observe != NULL : agent->manifest->stage != NULL;
        if (able)
            return agent;
        config_problem(problems, value->file, value->line,
                       "key \"%s\" in [%s]: plugin \"%s\" of agent \"%s\" has no %s; name an agent "
                       "that can work here",
                       key, config_section_title(section), agent->manifest->id, name,
                       observer ? "observer" : "stage");
        return NULL;
    }
    for (size_t i = 0; i < set->agent_count && count < 256; i++)
        names[count++] = set->agents[i]->name;
    near = text_nearest(name, names, count);
    config_problem(problems, value->file, value->line,
                   "key \"%s\" in [%s]: there is no enabled agent \"%s\"; %s%s%s", key,
                   config_section_title(section), name,
                   near ? "did you mean \"" : "add a section [agent ", near ? near : name,
                   near ? "\"" : "]");
    return NULL;
}

static struct plugin_agent **workers(struct arena *arena, struct plugin_set *set,
                                     const struct config_section *section, const char *key,
                                     bool observer, size_t *ret_count,
                                     struct config_problems *problems)
{
    const struct config_list *list = config_list(section, key);
    struct plugin_agent **agents = arena_alloc(arena, (list->count + 1) * sizeof(*agents));
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        agents[count] = worker(set, section, key, list->items[i], observer, problems);
        count += agents[count] != NULL;
    }
    *ret_count = count;
    return agents;
}

static void compile_stage(struct pipelines *all, struct plugin_set *set,
                          const struct config_section *pipeline, const char *name,
                          struct turn_stage *stage, struct config_problems *problems)
{
    const struct config_section *section = config_section(set->config, "stage", name);

    stage->name = name;
    stage->percent = 100;
    if (!section) { /* the stage is an agent's name */
        stage->agents = arena_alloc(&all->arena, sizeof(*stage->agents));
        stage->agents[0] = worker(set, pipeline, "stages", name, false, problems);
        stage->agent_count = stage->agents[0] != NULL;
        return;
    }
    if (config_list(section, "agents")->count) {
        stage->agents =
            workers(&all->arena, set, section, "agents", false, &stage->agent_count, problems);
    } else {
        bool named = config_is_set(section, "agent");
        const char *agent = named ? config_str(section, "agent") : name;

        stage->agents = arena_alloc(&all->arena, sizeof(*stage->agents));
        stage->agents[0] = worker(set, named ? section : pipeline, named ? "agent" : "stages",
                                  agent, false, problems);
        stage->agent_count = stage->agents[0] != NULL;
    }
    stage->fallback =
        workers(&all->arena, set, section, "fallback", false, &stage->fallback_count, problems);
    stage->balance = (enum turn_balance)config_choice(section, "balance");
    stage->guilds = config_list(section, "guilds");
    stage->channels = config_list(section, "channels");
    stage->roles = config_list(section, "roles");
    stage->accounts = config_list(section, "accounts");
    stage->percent = config_double(section, "percent");
    stage->timeout_ms = (uint64_t)config_ms(section, "timeout");
}

/* Who observes how. */
static void compile_observers(struct pipelines *all, struct plugin_set *set,
                              const struct config_section *section, struct turn_pipeline *pipeline,
                              struct config_problems *problems)
{
    bool messages = !strcmp(pipeline->name, TURN_MESSAGE);
    json_t *names = json_array();
    size_t count;
    struct plugin_agent **agents =
        workers(&all->arena, set, section, "observers", true, &count, problems);

    pipeline->observers = agents; /* those that owe are taken out */
    pipeline->seen = arena_alloc(&all->arena, (count + 1) * sizeof(*agents));
    pipeline->owed = arena_alloc(&all->arena, (count + 1) * sizeof(*agents));
    for (size_t i = 0; i < count; i++) {
        struct plugin_agent *agent = agents[i];
        uint32_t events = messages ? agent->manifest->events : 0;
        _cleanup_mem_ char *name = NULL;

        if (events & PLUGIN_EVENT_OWED_MESSAGE) {
            name = mem_printf(TURN_OBSERVER "%s", agent->name);
            json_array_append_new(names, json_string(name));
            pipeline->owed[pipeline->owed_count++] = agent;
            continue;
        }
        if (events & PLUGIN_EVENT_SEEN_MESSAGE)
            pipeline->seen[pipeline->seen_count++] = agent;
        pipeline->observers[pipeline->observer_count++] = agent;
    }
    pipeline->owed_names = json_print(names);
    pipeline->owed_list = names;
    if (pipeline->seen_count || pipeline->owed_count)
        all->watched = pipeline;
}

static void compile(struct pipelines *all, struct plugin_set *set,
                    const struct config_section *section, struct turn_pipeline *pipeline,
                    struct config_problems *problems)
{
    const struct config_list *stages = config_list(section, "stages");
    json_t *names = json_array();

    pipeline->name = config_section_name(section);
    pipeline->stages = arena_alloc(&all->arena, (stages->count + 1) * sizeof(*pipeline->stages));
    for (size_t i = 0; i < stages->count; i++) {
        compile_stage(all, set, section, stages->items[i], &pipeline->stages[i], problems);
        json_array_append_new(names, json_string(stages->items[i]));
    }
    pipeline->stage_count = stages->count;
    compile_observers(all, set, section, pipeline, problems);
    pipeline->timeout_ms = (uint64_t)config_ms(section, "timeout");
    pipeline->stage_names = json_print(names);
    pipeline->stage_list = names;
}

troupe_status turn_pipelines_compile(struct plugin_set *set, struct config_problems *problems)
{
    struct pipelines *all = mem_zero(1, sizeof(*all));
    const struct config_section *section = NULL;
    size_t before = problems->errors, count = 0;

    while ((section = config_next(set->config, "pipeline", section)))
        count++;
    all->items = arena_alloc(&all->arena, (count + 1) * sizeof(*all->items));
    while ((section = config_next(set->config, "pipeline", section)))
        compile(all, set, section, &all->items[all->count++], problems);
    set->extra = all;
    set->free_extra = pipelines_free;
    return problems->errors > before ? TROUPE_CONFIG : TROUPE_OK;
}

struct turn_pipeline *turn_pipeline_find(const struct plugin_set *set, const char *kind)
{
    struct pipelines *all = set->extra;

    for (size_t i = 0; all && i < all->count; i++)
        if (!strcmp(all->items[i].name, kind))
            return &all->items[i];
    return NULL;
}

const struct turn_pipeline *turn_pipeline_watched(const struct plugin_set *set)
{
    const struct pipelines *all = set->extra;

    return all ? all->watched : NULL;
}

static bool listed(const struct config_list *list, const char *id)
{
    if (!list || !list->count)
        return true;
    for (size_t i = 0; id && i < list->count; i++)
        if (!strcmp(list->items[i], id))
            return true;
    return false;
}

/* The same member lands on the same side for as long as the percentage stands. */
static bool in_share(const struct turn_stage *stage, const struct event *event)
{
    const char *member = event->member ? event->member : "";
    uint64_t hash;

    if (stage->percent >= 100)
        return true;
    hash = hash_add(HASH_START, stage->name, strlen(stage->name));
    hash = hash_finish(hash_add(hash, member, strlen(member)));
    return (double)(hash % 10000) < stage->percent * 100;
}

bool turn_stage_applies(const struct turn_stage *stage, const struct event *event,
                        const char **ret_code)
{
    bool role = !stage->roles || !stage->roles->count;

    for (size_t i = 0; !role && i < event->role_count; i++)
        role = listed(stage->roles, event->roles[i]);
    if (!listed(stage->guilds, event->guild))
        *ret_code = "skip.guild";
    else if (!listed(stage->channels, event->channel) &&
             (!event->parent || !listed(stage->channels, event->parent)))
        *ret_code = "skip.channel";
    else if (!listed(stage->accounts, event->account))
        *ret_code = "skip.account";
    else if (!role)
        *ret_code = "skip.role";
    else if (!in_share(stage, event))
        *ret_code = "skip.percent";
    else
        return true;
    return false;
}

struct plugin_agent *turn_stage_choose(struct turn_stage *stage)
{
    size_t best = 0;
    uint32_t random = 0;

    switch (stage->balance) {
    case TURN_FIRST: break;
    case TURN_ROUND_ROBIN: best = stage->next++ % stage->agent_count; break;
    case TURN_RANDOM:
        if (getrandom(&random, sizeof(random), GRND_NONBLOCK) == sizeof(random))
            best = random % stage->agent_count;
        break;
    case TURN_LEAST_BUSY:
        for (size_t i = 1; i < stage->agent_count; i++)
            if (stage->agents[i]->running < stage->agents[best]->running)
                best = i;
        break;
    }
    return stage->agents[best];
}
