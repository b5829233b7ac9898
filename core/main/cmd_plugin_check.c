/* SPDX-License-Identifier: Apache-2.0
 *
 * `troupe plugin check FILE`: a line for each rule that the file breaks.
 */
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "host/host_table.h"
#include "main/cmd.h"
#include "main/paths.h"
#include "main/print.h"
#include "main/solo.h"
#include "plugin/check.h"

#include <sysexits.h>

/* One process after the other. */
#define WORKERS 1
#define QUEUE   4

struct checking {
    const char *path;
    char *runner;
    struct plugin_registry registry;
    struct plugin_faults faults;
    struct plugin_checked checked;
    struct pool *pool;
    troupe_status status;
    struct error err;
};

static void check(struct loop *loop, void *arg)
{
    struct checking *checking = arg;
    struct plugin_check task = {
        .runner = checking->runner, .registry = &checking->registry, .path = checking->path};

    checking->status = pool_new(loop, WORKERS, QUEUE, &checking->pool, &checking->err);
    task.pool = checking->pool;
    if (checking->status == TROUPE_OK)
        checking->status =
            plugin_check_run(&task, &checking->faults, &checking->checked, &checking->err);
}

static void over(void *arg)
{
    struct checking *checking = arg;

    pool_free(checking->pool);
}

static void print_faults(const struct checking *checking)
{
    const struct plugin_faults *faults = &checking->faults;

    for (size_t i = 0; i < faults->count; i++) {
        const struct plugin_fault *fault = &faults->items[i];
        _cleanup_mem_ char *line = mem_printf("%s: \"%s\" %s; %s", fault->rule, fault->subject,
                                              fault->what, fault->remedy);

        print_text(stdout, line);
    }
    if (faults->more)
        (void)printf("and %zu more\n", faults->more);
}

static void print_tree(const struct checking *checking)
{
    const struct plugin_faults *faults = &checking->faults;
    json_t *list = json_array();
    _cleanup_json_ json_t *tree = NULL;

    for (size_t i = 0; i < faults->count; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:s, s:s, s:s}", "rule", faults->items[i].rule,
                                        "subject", faults->items[i].subject, "what",
                                        faults->items[i].what, "remedy", faults->items[i].remedy));
    tree = json_pack("{s:s, s:s, s:s, s:b, s:o, s:I}", "file", checking->path, "id",
                     checking->checked.note.id, "version", checking->checked.note.version, "ok",
                     !faults->count, "faults", list, "more", (json_int_t)faults->more);
    print_json(stdout, tree);
}

static int report(const struct options *options, const struct checking *checking)
{
    if (options->json)
        print_tree(checking);
    else if (checking->faults.count)
        print_faults(checking);
    else if (!options->quiet)
        (void)printf("%s: %s %s keeps the rules\n", checking->path, checking->checked.note.id,
                     checking->checked.note.version);
    return checking->faults.count ? 1 : EX_OK;
}

int cmd_plugin_check(struct options *options)
{
    struct checking checking = {.path = options->arguments[1]};
    const struct solo task = {.run = check, .over = over, .arg = &checking};
    struct paths paths;
    int code = EX_OSERR;

    paths_init(&paths);
    host_register(&checking.registry);
    if (plugin_runner_find(paths.runner, &checking.runner, &checking.err) < 0)
        code = EX_UNAVAILABLE;
    else if (solo_run(&task, &checking.err) == TROUPE_OK && checking.status == TROUPE_OK)
        code = report(options, &checking);
    else if (checking.status == TROUPE_NOT_FOUND || checking.status == TROUPE_DENIED)
        code = EX_NOINPUT;
    if (code != EX_OK && code != 1)
        print_failure(checking.err.text);
    plugin_faults_clear(&checking.faults);
    mem_free(checking.runner);
    paths_clear(&paths);
    return code;
}
