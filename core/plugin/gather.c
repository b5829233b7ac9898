/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/gather.h"

#include "base/mem.h"
#include "loop/co.h"
#include "plugin/build.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define STEP_MS 30000 /* for files on a slow disk and workers that are busy */

/* The names of agents end up in "agent.function", in log lines, and as the namespace of what an
 * agent stores: core/store's rule for those, without the dot. */
static bool is_agent_name(const char *name)
{
    size_t len = strlen(name);

    if (!len || !islower((unsigned char)name[0]) || name[len - 1] == '_' || strstr(name, "__"))
        return false;
    for (const char *p = name; *p; p++)
        if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '_' && *p != '-')
            return false;
    return true;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* It owns all it uses but the manager, which outlives the pool. */
struct read_job {
    const struct plugin_manager *manager;
    struct config *look;
    struct config_problems problems;
    struct read_item {
        const char *name, *file;
        unsigned line;
        char *path;
        struct plugin_copy copy;
        bool isolated;
        size_t twin; /* the first item with the same bytes; itself where there is none before it */
    } * items;
    size_t count;
};

/* Reports where the section cannot be an agent. */
static bool check_name(struct read_job *job, const struct read_item *item)
{
    if (!is_agent_name(item->name)) {
        config_problem(
            &job->problems, item->file, item->line,
            "section [agent %s]: a name begins with a lower-case letter, has such letters, "
            "digits, - and single _, and does not end with _",
            item->name);
        return false;
    }
    /* An agent's name is the namespace of what it stores, and this one is the host's. */
    if (!strcmp(item->name, "core")) {
        config_problem(&job->problems, item->file, item->line,
                       "section [agent core]: the name \"core\" is the host's own; choose another");
        return false;
    }
    return true;
}

static size_t find_twin(const struct read_job *job, const struct plugin_copy *copy)
{
    for (size_t i = 0; i < job->count; i++) {
        const struct plugin_copy *other = &job->items[i].copy;

        if (job->items[i].twin == i && other->size == copy->size &&
            !strcmp(other->build_id, copy->build_id) &&
            plugin_copy_equal(other->fd, copy->fd, copy->size))
            return i;
    }
    return job->count;
}

static troupe_status read_files(void *arg)
{
    struct read_job *job = arg;
    const struct config_section *section = NULL;

    while ((section = config_next(job->look, "agent", section))) {
        const struct config_value *enabled = config_value(section, "enabled");
        struct read_item item = {.name = config_section_name(section), .copy = {.fd = -1}};
        struct error err = {0};

        if (enabled && enabled->set && !enabled->number)
            continue;
        item.file = config_section_origin(section, &item.line);
        if (!check_name(job, &item) ||
            plugin_find_file(job->manager, job->look, section, &item.path, &item.isolated,
                             &job->problems) < 0)
            continue;
        if (plugin_copy_read(item.path, &item.copy, &err) < 0) {
            config_problem(&job->problems, item.file, item.line, "agent \"%s\": %s", item.name,
                           err.text);
            mem_free(item.path);
            continue;
        }
        item.twin = find_twin(job, &item.copy);
        job->items = mem_resize(job->items, job->count + 1, sizeof(*job->items));
        job->items[job->count++] = item;
    }
    return TROUPE_OK;
}

static void read_job_clear(struct read_job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        plugin_copy_clear(&job->items[i].copy);
        mem_free(job->items[i].path);
    }
    mem_free(job->items);
    config_problems_clear(&job->problems);
    config_unref(job->look);
}

static void read_job_free(void *arg)
{
    read_job_clear(arg);
    mem_free(arg);
}

/* ---- comparing ------------------------------------------------------------------------------ */

/* The hash says that they are the same; here it is found out. Descriptors are the job's own. */
struct compare_job {
    struct compare_pair {
        int copy, image;
        size_t size;
        bool same;
    } * pairs;
    size_t count;
};

static troupe_status compare_files(void *arg)
{
    struct compare_job *job = arg;

    for (size_t i = 0; i < job->count; i++) {
        struct compare_pair *pair = &job->pairs[i];

        pair->same = pair->copy >= 0 && pair->image >= 0 &&
                     plugin_copy_equal(pair->copy, pair->image, pair->size);
    }
    return TROUPE_OK;
}

static void compare_job_free(void *arg)
{
    struct compare_job *job = arg;

    for (size_t i = 0; i < job->count; i++) {
        if (job->pairs[i].copy >= 0)
            close(job->pairs[i].copy);
        if (job->pairs[i].image >= 0)
            close(job->pairs[i].image);
    }
    mem_free(job->pairs);
    mem_free(job);
}

/* ---- all of it ------------------------------------------------------------------------------ */

/* A job's end, where it did not run to it: a problem, or the caller's own end. */
static troupe_status beside(struct plugin_manager *manager, troupe_status (*fn)(void *arg),
                            void *arg, void (*free_arg)(void *arg),
                            struct config_problems *problems)
{
    struct error err = {0};
    struct pool *pool = plugin_manager_pool(manager, &err);
    troupe_status status;

    if (!pool) {
        free_arg(arg);
        return config_problem(problems, NULL, 0, "%s", err.text);
    }
    status = pool_run(pool, fn, arg, free_arg, co_after(STEP_MS));
    if (status == TROUPE_OK || co_status() < 0)
        return status == TROUPE_OK ? status : co_status();
    return config_problem(problems, NULL, 0,
                          "plugin files were not read: %s; try again in a moment",
                          status == TROUPE_BUSY       ? "all workers are busy"
                          : status == TROUPE_DEADLINE ? "it took too long"
                                                      : "the host stops");
}

static void unref_on_stack(void *image)
{
    plugin_image_unref(image);
}

/* The last reference runs destructors of the plugin. */
static void unref_image(struct plugin_image *image)
{
    if (image)
        co_on_loop_stack(unref_on_stack, image);
}

static int duplicate(int fd)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, 0);
}

/* Finds out which of the files are in memory already; `same` has room for them, references. */
static troupe_status find_same(struct plugin_manager *manager, const struct read_job *files,
                               struct plugin_image **same, struct config_problems *problems)
{
    struct compare_job *job = mem_zero(1, sizeof(*job));
    size_t at = 0;
    troupe_status status;

    job->pairs = mem_zero(files->count + 1, sizeof(*job->pairs));
    for (size_t i = 0; i < files->count; i++) {
        const struct plugin_copy *copy = &files->items[i].copy;
        struct plugin_image *image = plugin_images_find(&manager->images, copy);

        if (!image || files->items[i].twin != i)
            continue;
        same[i] = plugin_image_ref(image);
        job->pairs[job->count++] = (struct compare_pair){
            .copy = duplicate(copy->fd), .image = duplicate(image->fd), .size = copy->size};
    }
    if (!job->count) {
        compare_job_free(job);
        return TROUPE_OK;
    }
    status = beside(manager, compare_files, job, compare_job_free, problems);
    for (size_t i = 0; i < files->count && status == TROUPE_OK; i++) {
        if (!same[i] || job->pairs[at++].same)
            continue;
        unref_image(same[i]);
        same[i] = NULL;
    }
    return status;
}

static void take_images(struct plugin_manager *manager, struct read_job *files,
                        struct plugin_image **same, struct config_problems *problems,
                        struct plugin_gathered *items, size_t *ret_count)
{
    for (size_t i = 0; i < files->count; i++) {
        struct read_item *from = &files->items[i];
        struct plugin_image *known = same[i];
        struct error err = {0};

        if (from->twin != i)
            known = items[from->twin].image;
        items[i] =
            (struct plugin_gathered){from->name, from->file, from->line, from->isolated, NULL};
        if (from->twin != i && !known)
            continue; /* the first one has said why */
        if (plugin_image_take(&manager->images, from->path, &from->copy, known, &items[i].image,
                              &err) < 0)
            config_problem(problems, from->file, from->line, "agent \"%s\": %s", from->name,
                           err.text);
    }
    /* Those without an image are left out. */
    *ret_count = 0;
    for (size_t i = 0; i < files->count; i++)
        if (items[i].image)
            items[(*ret_count)++] = items[i];
}

troupe_status plugin_gather(struct plugin_manager *manager, struct config *look,
                            struct config_problems *problems, struct plugin_gathered **ret,
                            size_t *ret_count)
{
    struct read_job *job = mem_zero(1, sizeof(*job)), files;
    struct plugin_image **same = NULL;
    troupe_status status;

    job->manager = manager;
    job->look = config_ref(look);
    status = beside(manager, read_files, job, read_job_free, problems);
    if (status < 0)
        return status;
    /* Until the next wait the job is there: what it made is taken over. */
    files = *job;
    *job = (struct read_job){.look = NULL};
    config_problems_move(problems, &files.problems);
    same = mem_zero(files.count + 1, sizeof(*same));
    status = find_same(manager, &files, same, problems);
    if (status == TROUPE_OK) {
        *ret = mem_zero(files.count + 1, sizeof(**ret));
        take_images(manager, &files, same, problems, *ret, ret_count);
    }
    for (size_t i = 0; i < files.count; i++)
        unref_image(same[i]);
    mem_free(same);
    read_job_clear(&files);
    return status;
}
