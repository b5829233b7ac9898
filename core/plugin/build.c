/* SPDX-License-Identifier: Apache-2.0
 *
 * From a parsed configuration to the next set. Each step runs for all agents before the next begins
 * and reports all it finds, so an operator corrects a file once, not once for each line:
 *
 *   find and copy the files -> load trial and load -> order them by what they call and check the
 *   config against what they declare -> create trial -> create, in that order
 *
 * Until the last step nothing of the new set has run in this process but constructors that a trial
 * has proven.
 */
#include "plugin/build.h"

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "loop/co.h"
#include "plugin/declare.h"
#include "plugin/gather.h"
#include "plugin/isolate.h"
#include "plugin/leak.h"
#include "plugin/order.h"
#include "plugin/sandbox.h"

#include <string.h>

/* One enabled [agent NAME] on its way. */
struct candidate {
    const char *name;
    const char *file; /* where its section stands */
    unsigned line;
    bool isolated;
    struct plugin_image *image;
    struct plugin_agent *old;   /* of the previous set, by name; may be NULL */
    struct plugin_agent *agent; /* carried over, or new                      */
    bool carried;
};

struct build {
    struct plugin_manager *manager;
    const struct config_raw *raw;
    struct plugin_set *previous;
    unsigned flags;
    struct config_problems *problems;
    struct config *look; /* the first look: core keys only */
    struct config *config;
    struct candidate *items;
    size_t count;
    size_t *order; /* of creation: indexes of items; NULL until it is known */
};

/* ---- on the loop's stack ------------------------------------------------------------------- */

enum step { STEP_LOAD, STEP_CREATE, STEP_TAKE_OVER, STEP_UNREF };

/* Plugin code that must not wait, named to watchdog and fault handler while it runs. */
struct plugin_step {
    enum step step;
    struct plugin_image *image;
    const struct plugin_registry *registry;
    struct plugin_agent *agent, *old;
    struct error *err;
    troupe_status status;
};

static void run_step(void *arg)
{
    struct plugin_step *step = arg;

    switch (step->step) {
    case STEP_LOAD: step->status = plugin_image_load(step->image, step->registry, step->err); break;
    case STEP_CREATE: step->status = plugin_agent_create(step->agent, step->err); break;
    case STEP_TAKE_OVER:
        step->status = plugin_agent_take_over(step->agent, step->old, step->err);
        break;
    case STEP_UNREF:
        plugin_agent_unref(step->agent);
        plugin_image_unref(step->image);
        break;
    }
}

static troupe_status on_loop_stack(struct plugin_step *step, const char *owner)
{
    struct co_owner before = co_set_owner((struct co_owner){owner, 0});

    co_on_loop_stack(run_step, step);
    co_set_owner(before);
    return step->status;
}

/* ---- steps --------------------------------------------------------------------------------- */

static troupe_status find_plugins(struct build *build)
{
    _cleanup_mem_ struct plugin_gathered *found = NULL;
    size_t count = 0;
    troupe_status status =
        plugin_gather(build->manager, build->look, build->problems, &found, &count);

    build->items = mem_zero(count + 1, sizeof(*build->items));
    build->count = count;
    for (size_t i = 0; i < count; i++)
        build->items[i] = (struct candidate){
            .name = found[i].name,
            .file = found[i].file,
            .line = found[i].line,
            .isolated = found[i].isolated,
            .image = found[i].image,
            .old = build->previous ? plugin_set_agent(build->previous, found[i].name) : NULL};
    return status;
}

static troupe_status find_runner(struct build *build)
{
    struct plugin_manager *manager = build->manager;
    struct error err = {0};
    char *found;

    if (plugin_runner_find(manager->runner, &found, &err) < 0)
        return config_problem(build->problems, NULL, 0, "%s", err.text);
    mem_free(manager->runner);
    manager->runner = found;
    return TROUPE_OK;
}

static void warn_of(struct build *build, const struct candidate *item, struct buf *lines)
{
    char *rest = NULL, *text = lines->len ? buf_take(lines) : NULL;

    for (char *line = text ? strtok_r(text, "\n", &rest) : NULL; line;
         line = strtok_r(NULL, "\n", &rest))
        config_warning(build->problems, item->file, item->line, "agent \"%s\": %s", item->name,
                       line);
    mem_free(text);
}

/* [waits] Returns the caller's own end; what the plugin did wrong is a problem. */
static troupe_status run_trial(struct build *build, const struct candidate *item, unsigned mode)
{
    struct plugin_manager *manager = build->manager;
    struct plugin_trial trial = {
        .mode = mode,
        .image = item->image,
        .registry = &build->manager->registry,
        .agent = item->name,
        .values = item->agent ? &item->agent->values : NULL,
        .timeout_ms = build->manager->trial_ms,
        .sandbox = build->manager->sandbox,
    };
    char key[PLUGIN_BUILD_ID_LEN + 1];
    _cleanup_buf_ struct buf warned = BUF_INIT;
    struct error err = {0};
    struct pool *pool;
    troupe_status status;

    /* Who starts is told by the agent itself. */
    if (build->flags & PLUGIN_BUILD_CHECK)
        trial.warned = &warned;
    plugin_trial_key(&trial, key);
    if (plugin_trials_hold(&manager->trials, key))
        return TROUPE_OK;
    if (!manager->runner && find_runner(build) < 0)
        return TROUPE_OK;
    trial.runner = manager->runner;
    pool = plugin_manager_pool(manager, &err);
    status = pool ? plugin_trial_run(pool, &trial, NULL, &err) : err.status;
    /* A reload that was cancelled says nothing about the plugin. */
    if (co_status() < 0)
        return co_status();
    if (status < 0)
        config_problem(build->problems, item->file, item->line, "%s", err.text);
    else
        plugin_trials_keep(&manager->trials, key);
    warn_of(build, item, &warned);
    return TROUPE_OK;
}

/* What the item declares, once its image is loaded. */
static const struct plugin_manifest *manifest_of(const struct candidate *item)
{
    return item->isolated ? item->image->declared->manifest : item->image->manifest;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

/* The declaration of what is never mapped here, from a process that is thrown away. [waits] */
static troupe_status declare_image(struct build *build, struct candidate *item)
{
    struct plugin_manager *manager = build->manager;
    _cleanup_json_ json_t *answer = json_object();
    _cleanup_buf_ struct buf bytes = BUF_INIT;
    struct plugin_trial trial = {.mode = PLUGIN_TRIAL_DECLARE,
                                 .image = item->image,
                                 .registry = &manager->registry,
                                 .timeout_ms = manager->trial_ms,
                                 .sandbox = manager->sandbox,
                                 .answer = answer};
    struct error err = {0};
    struct pool *pool;
    const char *text;
    troupe_status status;

    if (!manager->runner && find_runner(build) < 0)
        return TROUPE_OK;
    trial.runner = manager->runner;
    pool = plugin_manager_pool(manager, &err);
    status = pool ? plugin_trial_run(pool, &trial, NULL, &err) : err.status;
    if (co_status() < 0)
        return co_status();
    text = json_get_str(answer, "declared", "");
    for (size_t i = 0; status == TROUPE_OK && text[i] && text[i + 1]; i += 2)
        buf_putc(&bytes, (char)(digit(text[i]) << 4 | digit(text[i + 1])));
    if (status == TROUPE_OK)
        status = plugin_declare_read(&bytes, &item->image->note, &manager->registry,
                                     &item->image->declared, &err);
    if (status < 0)
        config_problem(build->problems, item->file, item->line, "%s", err.text);
    return TROUPE_OK;
}

static bool seen_before(const struct build *build, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (build->items[i].isolated && build->items[i].image == build->items[at].image)
            return true;
    return false;
}

static troupe_status load_images(struct build *build)
{
    for (size_t i = 0; i < build->count; i++) {
        struct candidate *item = &build->items[i];
        size_t before = build->problems->errors;
        struct error err = {0};
        troupe_status status;

        /* Two agents of one plugin: one trial, also when it failed. */
        if (item->isolated) {
            if (!item->image->declared && !seen_before(build, i) &&
                (status = declare_image(build, item)) < 0)
                return status;
            continue;
        }
        if (item->image->proven || item->image->tried == build)
            continue;
        item->image->tried = build;
        if ((status = run_trial(build, item, PLUGIN_TRIAL_LOAD)) < 0)
            return status;
        if (build->problems->errors != before)
            continue;
        struct plugin_step step = {.step = STEP_LOAD,
                                   .image = item->image,
                                   .registry = &build->manager->registry,
                                   .err = &err};
        if (on_loop_stack(&step, "core:load") < 0)
            config_problem(build->problems, item->file, item->line, "%s", err.text);
        else
            item->image->proven = true;
    }
    return TROUPE_OK;
}

static troupe_status order_agents(struct build *build)
{
    _cleanup_mem_ struct plugin_order_agent *agents = mem_zero(build->count + 1, sizeof(*agents));
    size_t *order = mem_zero(build->count + 1, sizeof(*order));
    troupe_status status;

    for (size_t i = 0; i < build->count; i++)
        agents[i] = (struct plugin_order_agent){.name = build->items[i].name,
                                                .file = build->items[i].file,
                                                .line = build->items[i].line,
                                                .manifest = manifest_of(&build->items[i])};
    status = plugin_order(agents, build->count, order, build->problems);
    if (status < 0)
        mem_free(order);
    else
        build->order = order;
    return status;
}

static troupe_status check_config(struct build *build)
{
    _cleanup_mem_ struct config_schema *schemas = mem_zero(build->count + 1, sizeof(*schemas));

    for (size_t i = 0; i < build->count; i++)
        schemas[i] = (struct config_schema){.kind = "agent",
                                            .name = build->items[i].name,
                                            .keys = manifest_of(&build->items[i])->schema,
                                            .count = manifest_of(&build->items[i])->key_count,
                                            .flags = CONFIG_NAMED};
    return config_check(build->raw, schemas, build->count, 0, &build->config, build->problems);
}

/* Images are told apart by their bytes, so a file that was written anew with the same content changes
 * nothing. One whose process crashed too often begins anew. */
static bool is_same(const struct candidate *item, const struct config_section *section)
{
    const struct plugin_agent *old = item->old;

    return old && old->image == item->image && (old->isolate != NULL) == item->isolated &&
           !(old->isolate && old->isolate->state == ISOLATE_OFF) &&
           config_section_equal(old->section, section);
}

/* Carries over what is the same, makes and tries what is not. */
static troupe_status try_agents(struct build *build)
{
    for (size_t i = 0; i < build->count; i++) {
        struct candidate *item = &build->items[i];
        const struct config_section *section = config_section(build->config, "agent", item->name);
        struct error err = {0};
        troupe_status status;

        if (is_same(item, section)) {
            item->agent = plugin_agent_ref(item->old);
            item->carried = true;
            continue;
        }
        item->agent =
            plugin_agent_new(&(struct plugin_agent_options){.name = item->name,
                                                            .manifest = manifest_of(item),
                                                            .image = item->image,
                                                            .config = build->config,
                                                            .section = section,
                                                            .registry = &build->manager->registry,
                                                            .generation = build->manager->built + 1,
                                                            .function_name = plugin_leak_name});
        /* Asked here, though the state moves last: by then it would be too late to refuse without
         * having created anything. */
        if (item->old && plugin_agent_accepts(item->agent, item->old, &err) < 0) {
            config_problem(build->problems, item->file, item->line, "%s", err.text);
            continue;
        }
        /* The process of an isolated one is its trial. */
        if (item->isolated && !(build->flags & PLUGIN_BUILD_CHECK))
            continue;
        if ((status = run_trial(build, item, PLUGIN_TRIAL_CREATE)) < 0)
            return status;
    }
    return TROUPE_OK;
}

/* Waits until its process has created it. [waits] */
static void create_isolated(struct build *build, struct candidate *item)
{
    struct error err = {0};

    if (!build->manager->runner && find_runner(build) < 0)
        return;
    if (plugin_isolate_start(build->manager, item->agent, &err) < 0)
        config_problem(build->problems, item->file, item->line, "%s", err.text);
}

static void create_agents(struct build *build)
{
    if (build->flags & PLUGIN_BUILD_CHECK)
        return;
    for (size_t i = 0; i < build->count; i++) {
        struct candidate *item = &build->items[build->order[i]];
        struct error err = {0};
        struct plugin_step step = {.step = STEP_CREATE, .agent = item->agent, .err = &err};

        if (item->carried)
            continue;
        if (item->isolated) {
            create_isolated(build, item);
            continue;
        }
        /* After a failure the others are still made, for their sentences; build_clear takes all of
         * them back. */
        if (on_loop_stack(&step, item->agent->owner) < 0)
            config_problem(build->problems, item->file, item->line, "%s", err.text);
    }
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void build_clear(struct build *build)
{
    /* The set holds its own references by now; without a set these are the last. */
    for (size_t i = build->count; i > 0; i--) {
        struct candidate *item = &build->items[build->order ? build->order[i - 1] : i - 1];
        struct plugin_step step = {.step = STEP_UNREF, .image = item->image, .agent = item->agent};

        if (step.image->tried == build)
            step.image->tried = NULL;
        (void)on_loop_stack(&step, "core:load");
    }
    mem_free(build->items);
    mem_free(build->order);
    config_unref(build->look);
    config_unref(build->config);
}

/* The first look tells where the plugins are. Its warnings come again with the second. */
static troupe_status look(struct build *build)
{
    struct config_problems unused = {0};
    troupe_status status =
        config_check(build->raw, NULL, 0, CONFIG_CHECK_OPEN, &build->look, &unused);

    config_problems_clear(&unused);
    if (status < 0)
        return config_check(build->raw, NULL, 0, CONFIG_CHECK_OPEN, &build->look, build->problems);
    return TROUPE_OK;
}

/* Before a plugin is tried: whether the second layer of the sandbox must be there, and is. */
static void check_landlock(struct build *build)
{
    struct plugin_manager *manager = build->manager;
    const struct config_value *required =
        config_value(config_section(build->look, "plugins", NULL), "require_landlock");

    if (!(manager->sandbox & PLUGIN_SANDBOX_NO_LANDLOCK) && plugin_landlock_abi() > 0)
        return;
    if (required && required->number) {
        config_problem(
            build->problems, required->file, required->line,
            "key \"require_landlock\" in [plugins]: this kernel has no Landlock; boot one "
            "with CONFIG_SECURITY_LANDLOCK and \"landlock\" in lsm=, or set "
            "require_landlock = no");
        return;
    }
    if (!manager->landlock_missed)
        log_warn("plugin", "this kernel has no Landlock: trials of plugins are confined by seccomp "
                           "alone; boot one with \"landlock\" in lsm= for the second layer");
    manager->landlock_missed = true;
}

static troupe_status run_steps(struct build *build)
{
    const size_t before = build->problems->errors;
    troupe_status status, ordered;

    if ((status = look(build)) < 0)
        return status;
    check_landlock(build);
    if (build->problems->errors != before)
        return TROUPE_CONFIG;
    if ((status = find_plugins(build)) < 0 || (status = load_images(build)) < 0)
        return status;
    if (build->problems->errors != before)
        return TROUPE_CONFIG;
    ordered = order_agents(build);
    if ((status = check_config(build)) < 0 || (status = ordered) < 0 ||
        (status = try_agents(build)) < 0)
        return status;
    if (build->problems->errors != before)
        return TROUPE_CONFIG;
    create_agents(build);
    if (co_status() < 0)
        return co_status();
    return build->problems->errors != before ? TROUPE_CONFIG : TROUPE_OK;
}

troupe_status plugin_set_build(struct plugin_manager *manager, const struct config_raw *raw,
                               struct plugin_set *previous, unsigned flags, struct plugin_set **ret,
                               struct config_problems *problems)
{
    struct build build = {.manager = manager,
                          .raw = raw,
                          .previous = previous ? plugin_set_pin(previous) : NULL,
                          .flags = flags,
                          .problems = problems};
    struct plugin_set *set = NULL;
    troupe_status status =
        manager->set_count < PLUGIN_MAX_SETS
            ? run_steps(&build)
            : config_problem(problems, NULL, 0,
                             "%d generations live still, as turns that began with them have not "
                             "ended; try again in a moment",
                             PLUGIN_MAX_SETS);

    if (status == TROUPE_OK) {
        set = plugin_set_new(manager, build.config);
        for (size_t i = 0; i < build.count; i++)
            plugin_set_add(set, build.items[i].agent);
        plugin_set_order(set, build.order);
        if ((status = plugin_set_index(set, problems)) < 0) {
            plugin_set_unpin(set);
            set = NULL;
        }
    }
    build_clear(&build);
    plugin_set_unpin(build.previous);
    if (set)
        *ret = set;
    return status;
}

troupe_status plugin_set_take_over(struct plugin_set *set, struct plugin_set *previous,
                                   struct error *err)
{
    for (size_t i = 0; i < set->agent_count; i++) {
        struct plugin_step step = {.step = STEP_TAKE_OVER,
                                   .agent = set->agents[i],
                                   .old = plugin_set_agent(previous, set->agents[i]->name),
                                   .err = err};
        troupe_status status;

        if (!step.old || step.old == step.agent || step.old->isolate || step.agent->isolate)
            continue;
        if ((status = on_loop_stack(&step, step.agent->owner)) < 0)
            return status;
    }
    return TROUPE_OK;
}

troupe_status plugin_set_hand_over(struct plugin_set *set, struct plugin_set *previous,
                                   struct error *err)
{
    for (size_t i = 0; i < set->agent_count; i++) {
        struct plugin_agent *agent = set->agents[i];
        struct plugin_agent *old = plugin_set_agent(previous, agent->name);
        troupe_status status;

        if (!old || old == agent || (!old->isolate && !agent->isolate))
            continue;
        if ((status = plugin_isolate_hand_over(agent, old, err)) < 0)
            return status;
    }
    return TROUPE_OK;
}
