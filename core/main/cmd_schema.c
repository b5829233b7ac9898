/* SPDX-License-Identifier: Apache-2.0
 *
 * `troupe schema` and `troupe schema back NAMESPACE VERSION`: at which versions the tables of the core and of
 * agents are, and the way to an older one, for an older build. While no host uses the database.
 */
#include "base/mem.h"
#include "base/text.h"
#include "loop/co.h"
#include "main/cmd.h"
#include "main/host_private.h"
#include "main/print.h"
#include "main/setup.h"
#include "main/solo.h"
#include "main/storage.h"
#include "store/migrate.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

enum { WORK_MS = 10 * 60 * 1000 };

struct schema {
    const struct options *options;
    const char *ns; /* of `back`; NULL: all are listed */
    int64_t to;
    struct config *config;  /* where the agents are not needed */
    struct host_boot *boot; /* where they are */
    struct config_problems problems;
    struct store *store;
    json_t *list;
    bool unconfirmed; /* nothing was done: it would lose something */
    troupe_status status;
    struct error err;
};

/* Steps of a namespace, as this build has them. */
struct steps {
    const char *ns; /* NULL: the core */
    const struct store_migration *items;
    size_t count;
};

static const char *shown(const struct steps *steps)
{
    return steps->ns ? steps->ns : "core";
}

/* How many steps of a namespace ran. */
static troupe_status version_of(struct schema *schema, const char *ns, int64_t *ret)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status = store_query(
        schema->store, STORE_SQL("SELECT count(*) FROM migration WHERE ns = ?1", store_text(ns)), 0,
        &rows, &schema->err);

    if (status >= 0)
        *ret = store_cell_int(rows, 0, 0, 0);
    return status;
}

/* ---- the list -------------------------------------------------------------------------------- */

static troupe_status list_one(struct schema *schema, const struct steps *steps)
{
    int64_t version = 0, back_to;
    troupe_status status = version_of(schema, shown(steps), &version);

    if (status < 0)
        return status;
    back_to = version;
    while (version <= (int64_t)steps->count && back_to > 0 && steps->items[back_to - 1].back)
        back_to--;
    json_array_append_new(schema->list,
                          json_pack("{s:s, s:I, s:I, s:I}", "namespace", shown(steps), "version",
                                    (json_int_t)version, "known", (json_int_t)steps->count,
                                    "back_to", (json_int_t)back_to));
    return TROUPE_OK;
}

static bool is_listed(const struct schema *schema, const char *ns)
{
    const json_t *item;
    size_t i;

    json_array_foreach (schema->list, i, item)
        if (!strcmp(json_string_value(json_object_get(item, "namespace")), ns))
            return true;
    return false;
}

/* Those of agents that this configuration does not have. */
static troupe_status list_others(struct schema *schema)
{
    _cleanup_rows_ struct store_rows *rows = NULL;
    troupe_status status =
        store_query(schema->store, STORE_SQL("SELECT DISTINCT ns FROM migration ORDER BY ns"), 0,
                    &rows, &schema->err);

    for (size_t i = 0; status >= 0 && i < rows->count; i++) {
        const struct steps none = {.ns = store_cell_text(rows, i, 0, "")};

        if (!is_listed(schema, none.ns))
            status = list_one(schema, &none);
    }
    return status;
}

/* ---- back ------------------------------------------------------------------------------------ */

/* What is taken back and what is lost by it; how many things that are. */
static size_t tell_loss(const struct schema *schema, const struct steps *steps, int64_t version)
{
    size_t lost = 0;

    for (int64_t i = version; i > schema->to && i > 0 && i <= (int64_t)steps->count; i--) {
        const struct store_migration *step = &steps->items[i - 1];
        const char *at = step->back ? step->back : "", *text;
        size_t len;

        if (!schema->options->quiet)
            (void)printf("%s: to take back: step %" PRId64 " (%s)\n", shown(steps), step->version,
                         step->name);
        for (; store_migration_lost(&at, &text, &len); lost++)
            if (!schema->options->quiet || !schema->options->yes)
                (void)printf("  lost: %.*s\n", (int)len, text);
    }
    return lost;
}

static troupe_status go_back(struct schema *schema, const struct steps *steps)
{
    int64_t version = 0;
    troupe_status status = version_of(schema, shown(steps), &version);

    if (status < 0)
        return status;
    if (tell_loss(schema, steps, version) && !schema->options->yes) {
        schema->unconfirmed = true;
        return TROUPE_OK;
    }
    (void)fflush(stdout);
    status = store_migrate_back(schema->store, steps->ns, steps->items, steps->count, schema->to,
                                co_after(WORK_MS), &schema->err);
    if (status >= 0 && !schema->options->quiet)
        (void)printf("%s is at version %" PRId64 " now; start no host before the older build is "
                     "installed: this one would bring it forward again\n",
                     shown(steps), schema->to);
    return status;
}

/* ---- on the loop ----------------------------------------------------------------------------- */

static troupe_status open_store(struct schema *schema, const struct config *config)
{
    struct store_options options;
    troupe_status status = storage_options(config, &options, &schema->err);

    if (status >= 0 && !options.url && (!options.path || access(options.path, F_OK) < 0))
        status = error_set(&schema->err, TROUPE_NOT_FOUND, "there is no database yet");
    if (status < 0)
        return status;
    options.as_is = true;
    options.alone = true;
    options.write_ms = WORK_MS;
    return store_open(loop_current(), &options, &schema->store, &schema->err);
}

static struct steps core_steps(void)
{
    struct steps steps = {0};

    steps.items = store_core_migrations(&steps.count);
    return steps;
}

static troupe_status on_agent(struct schema *schema, const struct plugin_agent *agent,
                              troupe_status (*act)(struct schema *schema,
                                                   const struct steps *steps))
{
    _cleanup_mem_ struct store_migration *items = host_steps(agent);
    const struct steps steps = {agent->name, items, agent->manifest->migration_count};

    return act(schema, &steps);
}

static const struct plugin_agent *find_agent(const struct plugin_set *set, const char *name)
{
    const struct plugin_agent *agent = plugin_set_agent(set, name);

    for (size_t i = 0; !agent && i < set->agent_count; i++)
        if (!strcmp(set->agents[i]->manifest->id, name))
            agent = set->agents[i];
    return agent;
}

static troupe_status back_agent(struct schema *schema, const struct plugin_set *set)
{
    const struct plugin_agent *agent = find_agent(set, schema->ns);

    if (!agent)
        return error_set(&schema->err, TROUPE_NOT_FOUND,
                         "there is no agent \"%s\" in the configuration, and its plugin has the "
                         "ways back: see troupe schema",
                         schema->ns);
    return on_agent(schema, agent, go_back);
}

static troupe_status list_all(struct schema *schema, const struct plugin_set *set)
{
    const struct steps core = core_steps();
    troupe_status status = list_one(schema, &core);

    for (size_t i = 0; status >= 0 && i < set->agent_count; i++)
        if (set->agents[i]->manifest->migration_count)
            status = on_agent(schema, set->agents[i], list_one);
    return status < 0 ? status : list_others(schema);
}

static troupe_status with_agents(void *arg, struct plugin_set *set,
                                 struct config_problems *problems)
{
    struct schema *schema = arg;
    troupe_status status = open_store(schema, set->config);

    (void)problems;
    if (status >= 0)
        status = schema->ns ? back_agent(schema, set) : list_all(schema, set);
    store_close(schema->store);
    return status;
}

static void run(struct loop *loop, void *arg)
{
    struct schema *schema = arg;
    const struct steps core = core_steps();

    if (schema->boot) {
        schema->status = host_look(loop, schema->boot, &schema->problems, with_agents, schema);
        schema->boot = NULL;
        return;
    }
    schema->status = open_store(schema, schema->config);
    if (schema->status >= 0)
        schema->status = go_back(schema, &core);
    store_close(schema->store);
}

/* ---- the command ----------------------------------------------------------------------------- */

static int failed(const struct schema *schema)
{
    if (schema->problems.errors) {
        print_problems(&schema->problems);
        return EX_CONFIG;
    }
    print_failure(schema->err.text);
    switch (schema->err.status) {
    case TROUPE_NOT_FOUND: return EX_NOINPUT;
    case TROUPE_ARGUMENT: return EX_USAGE;
    case TROUPE_CONFLICT: return EX_UNAVAILABLE;
    default: return store_exit_code(schema->err.status);
    }
}

static int ended(struct schema *schema)
{
    static const char *const columns[] = {"namespace", "version", "known", "back_to", NULL};

    if (schema->status < 0)
        return failed(schema);
    if (schema->unconfirmed) {
        print_failure("nothing was changed: make a backup first (troupe backup FILE, or pg_dump), "
                      "then say --yes to lose what is named above");
        return EX_USAGE;
    }
    if (!schema->ns && schema->options->json)
        print_json(stdout, schema->list);
    else if (!schema->ns)
        print_value(stdout, schema->list, columns);
    return EX_OK;
}

static bool read_arguments(const struct options *options, struct schema *schema)
{
    char *end = NULL;

    if (!options->argument_count)
        return true;
    if (options->argument_count != 3 || strcmp(options->arguments[0], "back") != 0)
        return false;
    errno = 0;
    schema->ns = options->arguments[1];
    schema->to = strtoll(options->arguments[2], &end, 10);
    return end != options->arguments[2] && !*end && !errno;
}

int cmd_schema(struct options *options)
{
    struct schema schema = {.options = options, .status = TROUPE_NOMEM};
    const struct solo task = {.run = run, .arg = &schema};
    struct setup setup;
    int code = EX_OK;

    if (!read_arguments(options, &schema)) {
        print_failure("schema takes nothing, or back NAMESPACE VERSION; see troupe help schema");
        return EX_USAGE;
    }
    schema.list = json_array();
    setup_init(&setup, options);
    if (schema.ns && !strcmp(schema.ns, "core")) {
        _cleanup_mem_ char *file = host_config_path(&setup.host);

        schema.config = config_look(file, setup.host.sets, setup.host.set_count);
    } else {
        code = setup_boot(&setup, &schema.boot);
        if (!code)
            setup_log(options, host_boot_config(schema.boot), true);
    }
    if (!code && solo_run(&task, &schema.err) < 0)
        schema.status = schema.err.status;
    if (!code)
        code = ended(&schema);
    host_boot_free(schema.boot);
    config_unref(schema.config);
    config_problems_clear(&schema.problems);
    json_decref(schema.list);
    setup_clear(&setup);
    return code;
}
