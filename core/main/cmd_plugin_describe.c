/* SPDX-License-Identifier: Apache-2.0
 *
 * `troupe plugin describe FILE [ini|man]`: what a plugin declares, for whoever installs it.
 */
#include "base/json.h"
#include "base/mem.h"
#include "host/host_table.h"
#include "main/cmd.h"
#include "main/paths.h"
#include "main/print.h"
#include "main/solo.h"
#include "plugin/trial.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* One process, once. */
#define WORKERS 1
#define QUEUE   4

struct describing {
    const char *path;
    char *runner;
    struct plugin_registry registry;
    json_t *answer;
    struct pool *pool;
    troupe_status status;
    struct error err;
};

static troupe_status describe_copy(struct describing *describing, const struct plugin_copy *copy)
{
    char *real = realpath(describing->path, NULL);
    _cleanup_mem_ char *path = mem_strdup(real ? real : describing->path);
    /* Only what a trial takes of an image: it is never mapped here. */
    const struct plugin_image image = {
        .fd = copy->fd, .size = copy->size, .note = copy->note, .path = path};
    const struct plugin_trial trial = {.runner = describing->runner,
                                       .mode = PLUGIN_TRIAL_DESCRIBE,
                                       .image = &image,
                                       .registry = &describing->registry,
                                       .answer = describing->answer};
    troupe_status status = plugin_trial_run(describing->pool, &trial, NULL, &describing->err);

    free(real);
    if (status == TROUPE_OK && !json_object_get(describing->answer, "sample"))
        status = error_set(&describing->err, TROUPE_LIMIT,
                           "plugin \"%s\" declares more than 1 MB of text; shorten its docs",
                           copy->note.id);
    return status;
}

static void describe(struct loop *loop, void *arg)
{
    struct describing *describing = arg;
    struct plugin_copy copy = {.fd = -1};

    describing->status = pool_new(loop, WORKERS, QUEUE, &describing->pool, &describing->err);
    if (describing->status == TROUPE_OK)
        describing->status = plugin_copy_read(describing->path, &copy, &describing->err);
    if (describing->status == TROUPE_OK)
        describing->status = describe_copy(describing, &copy);
    plugin_copy_clear(&copy);
}

static void over(void *arg)
{
    struct describing *describing = arg;

    pool_free(describing->pool);
}

static void print_parts(const json_t *answer, const char *part)
{
    if (!part || !strcmp(part, "ini"))
        print_text(stdout, json_get_str(answer, "sample", ""));
    if (!part)
        (void)putchar('\n');
    if (!part || !strcmp(part, "man"))
        print_text(stdout, json_get_str(answer, "man", ""));
}

static int code_of(const struct describing *describing)
{
    switch (describing->status) {
    case TROUPE_NOT_FOUND:
    case TROUPE_DENIED: return EX_NOINPUT;
    case TROUPE_BUSY: return EX_TEMPFAIL;
    default: return EX_DATAERR;
    }
}

int cmd_plugin_describe(struct options *options)
{
    const char *part = options->argument_count > 2 ? options->arguments[2] : NULL;
    struct describing describing = {.path = options->arguments[1], .answer = json_object()};
    const struct solo task = {.run = describe, .over = over, .arg = &describing};
    struct paths paths;
    int code = EX_OSERR;

    paths_init(&paths);
    host_register(&describing.registry);
    if (part && strcmp(part, "ini") != 0 && strcmp(part, "man") != 0) {
        (void)error_set(&describing.err, TROUPE_ARGUMENT,
                        "\"%s\" is no part of a description; say ini or man", part);
        code = EX_USAGE;
    } else if (plugin_runner_find(paths.runner, &describing.runner, &describing.err) < 0) {
        code = EX_UNAVAILABLE;
    } else if (solo_run(&task, &describing.err) == TROUPE_OK) {
        code = describing.status == TROUPE_OK ? EX_OK : code_of(&describing);
    }
    if (code != EX_OK)
        print_failure(describing.err.text);
    else if (options->json)
        print_json(stdout, describing.answer);
    else
        print_parts(describing.answer, part);
    json_decref(describing.answer);
    mem_free(describing.runner);
    paths_clear(&paths);
    return code;
}
