/* SPDX-License-Identifier: Apache-2.0
 *
 * A round: make in the project's folder, then check and describe of a copy of what it left, then the
 * swap. What fails ends the round, is shown whole, and leaves what serves as it is.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "main/dev.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

void dev_build_clear(struct dev_build *build)
{
    mem_free(build->path);
    json_decref(build->described);
    *build = (struct dev_build){0};
}

/* What goes on, in words, for sentences about what does not. */
static void say_serving(struct dev *dev, const char *what)
{
    if (dev->serving.number && dev->host.pid)
        dev_say(dev, "dev: %s; build %u serves on", what, dev->serving.number);
    else
        dev_say(dev, "dev: %s; the next save tries again", what);
}

void dev_round_rest(struct dev *dev)
{
    dev->step = DEV_REST;
    dev_build_clear(&dev->building);
}

static void run(struct dev *dev, enum dev_step step, const char *const argv[], size_t max,
                uint64_t within_ms)
{
    dev->step = step;
    dev->job_late_ms = clock_ms() + within_ms;
    if (dev_child_start(&dev->job, argv, max))
        return;
    dev_say(dev, "dev: \"%s\" cannot be started: %s", argv[0], strerror(errno));
    dev_round_rest(dev);
}

/* ---- make ------------------------------------------------------------------------------------ */

void dev_round_begin(struct dev *dev)
{
    const char *argv[] = {"make", "-s", "-C", dev->dir, NULL};

    dev->round_ms = clock_ms();
    dev->echo = dev->watch.first_ms && dev->watch.first_ms <= dev->made_ms;
    dev_watch_forget(&dev->watch);
    run(dev, DEV_MAKE, argv, DEV_OUTPUT_MAX, DEV_MAKE_MS);
}

/* The one .so of the folder; NULL after a line that says what is wrong. mem_free. */
static char *find_built(struct dev *dev)
{
    _cleanup_mem_ char *pattern = mem_printf("%s/*.so", dev->dir);
    char *path = NULL;
    glob_t found;

    if (glob(pattern, 0, NULL, &found) != 0) {
        dev_say(dev, "dev: make left no plugin in \"%s\": its makefile must leave NAME.so there",
                dev->dir);
        return NULL;
    }
    if (found.gl_pathc == 1)
        path = mem_strdup(found.gl_pathv[0]);
    else
        dev_say(dev, "dev: make left several plugins in \"%s\": give each a folder of its own",
                dev->dir);
    globfree(&found);
    return path;
}

static bool write_copy(int fd, size_t size, const char *path)
{
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    off_t at = 0;

    while (out >= 0 && (size_t)at < size) {
        ssize_t n = sendfile(out, fd, &at, size - (size_t)at);

        if (n == 0 || (n < 0 && errno != EINTR))
            break;
    }
    return out >= 0 && close(out) == 0 && (size_t)at == size;
}

bool dev_install(struct dev *dev, const struct dev_build *build)
{
    _cleanup_mem_ char *beside = mem_printf("%s.new", dev->plugin);
    struct error err = {0};
    size_t size = 0;
    int fd = -1;
    bool good = plugin_copy_file(build->path, &fd, &size, &err) == TROUPE_OK &&
                write_copy(fd, size, beside) && rename(beside, dev->plugin) == 0;

    if (fd >= 0)
        (void)close(fd);
    if (!good)
        dev_say(dev, "dev: cannot write \"%s\": %s; look at the room on the disk", dev->plugin,
                *err.text ? err.text : strerror(errno));
    return good;
}

static void name_agent(struct dev *dev, const char *path)
{
    const char *slash = strrchr(path, '/');
    _cleanup_mem_ char *file = NULL;

    slash = slash ? slash + 1 : path;
    mem_free(dev->agent);
    dev->agent = mem_strndup(slash, strcspn(slash, "."));
    mem_free(dev->plugin);
    file = mem_printf("%s.so", dev->agent);
    dev->plugin = dev_path(dev, file);
}

/* Takes the bytes that make left; false where the round is over. */
static bool take_built(struct dev *dev)
{
    _cleanup_mem_ char *path = find_built(dev), *name = NULL;
    struct plugin_copy copy = {.fd = -1};
    struct error err;
    bool good;

    if (!path)
        return false;
    if (plugin_copy_read(path, &copy, &err) < 0) {
        dev_say(dev, "dev: %s", err.text);
        say_serving(dev, "this is no plugin");
        return false;
    }
    if (dev->serving.number && dev->host.pid && !strcmp(copy.build_id, dev->serving.id)) {
        /* What changed while it was made, twice and without an effect, was made by it. */
        dev_watch_read(&dev->watch);
        if (dev->echo)
            dev_watch_forget(&dev->watch);
        plugin_copy_clear(&copy);
        return false;
    }
    if (!*dev->agent)
        name_agent(dev, path);
    name = mem_printf("build-%u.so", dev->built + 1);
    dev->building.path = dev_path(dev, name);
    good = write_copy(copy.fd, copy.size, dev->building.path);
    if (good) {
        dev->building.number = ++dev->built;
        memcpy(dev->building.id, copy.build_id, sizeof(copy.build_id));
    } else {
        dev_say(dev, "dev: cannot write \"%s\": %s; look at the room on the disk",
                dev->building.path, strerror(errno));
    }
    plugin_copy_clear(&copy);
    return good;
}

static void made(struct dev *dev, int status)
{
    const char *argv[] = {dev->program, "plugin", "check", "--json", NULL, NULL};

    dev->made_ms = clock_ms();
    if (dev->job.text.len) {
        dev_show(dev, buf_text(&dev->job.text));
        if (dev->job.cut)
            dev_say(dev, "dev: make says more than %zu bytes; run it yourself for the rest",
                    DEV_OUTPUT_MAX);
    }
    if (status != 0) {
        say_serving(dev, "the build failed, see above");
        dev_round_rest(dev);
    } else if (!take_built(dev)) {
        dev_round_rest(dev);
    } else {
        argv[4] = dev->building.path;
        run(dev, DEV_CHECK, argv, DEV_ANSWER_MAX, DEV_STEP_MS);
    }
}

/* ---- check and describe ---------------------------------------------------------------------- */

static void checked(struct dev *dev, int status)
{
    const char *argv[] = {dev->program, "plugin", "describe", "--json", dev->building.path, NULL};
    const char *text = buf_text(&dev->job.text);
    _cleanup_json_ json_t *tree = NULL;
    const json_t *faults, *fault;
    size_t i;

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        run(dev, DEV_DESCRIBE, argv, DEV_ANSWER_MAX, DEV_STEP_MS);
        return;
    }
    (void)json_parse(text, dev->job.text.len, &tree, NULL);
    faults = json_object_get(tree, "faults");
    json_array_foreach (faults, i, fault)
        dev_say(dev, "  %s: \"%s\" %s; %s", json_get_str(fault, "rule", ""),
                json_get_str(fault, "subject", ""), json_get_str(fault, "what", ""),
                json_get_str(fault, "remedy", ""));
    if (!json_array_size(faults))
        dev_show(dev, text);
    say_serving(dev, json_array_size(faults) == 1 ? "the build breaks a rule"
                                                  : "the build breaks rules");
    dev_round_rest(dev);
}

static void described(struct dev *dev, int status)
{
    const char *argv[] = {dev->program, "reload", "-q",        "--socket",
                          dev->socket,  "-c",     dev->config, NULL};

    if (status != 0 || json_parse(buf_text(&dev->job.text), dev->job.text.len,
                                  &dev->building.described, NULL) < 0) {
        dev_show(dev, buf_text(&dev->job.text));
        say_serving(dev, "the build cannot be described");
        dev_round_rest(dev);
        return;
    }
    if (!dev_install(dev, &dev->building) || !dev_host_configure(dev)) {
        dev_round_rest(dev);
    } else if (dev->host.pid) {
        run(dev, DEV_SWAP, argv, DEV_OUTPUT_MAX, DEV_STEP_MS);
    } else {
        dev->step = DEV_START;
        if (!dev_host_start(dev))
            dev_round_rest(dev);
    }
}

/* ---- the swap -------------------------------------------------------------------------------- */

/* Keeps the path of the one that served: what it left behind is told after it has gone. */
static void keep(struct dev *dev)
{
    struct dev_build *oldest = &dev->kept[dev->serving.number % DEV_BUILDS_MAX];

    if (!dev->serving.number)
        return;
    if (oldest->path)
        (void)unlink(oldest->path);
    dev_build_clear(oldest);
    *oldest = dev->serving;
    json_decref(oldest->described);
    oldest->described = NULL;
    dev->serving = (struct dev_build){0};
}

static void serve(struct dev *dev, const char *how)
{
    const json_t *plugin = json_object_get(dev->building.described, "plugin");
    _cleanup_buf_ struct buf changes = BUF_INIT;
    _cleanup_mem_ char *id = mem_strdup(json_get_str(plugin, "id", "?"));
    _cleanup_mem_ char *version = mem_strdup(json_get_str(plugin, "version", "?"));

    dev_change_print(dev->serving.described, dev->building.described, &changes);
    keep(dev);
    dev->serving = dev->building;
    dev->building = (struct dev_build){0};
    if (changes.len)
        dev_show(dev, buf_text(&changes));
    dev_say(dev, "dev: %s %s %s, build %u after %llu ms", id, version, how, dev->serving.number,
            (unsigned long long)(clock_ms() - dev->round_ms));
    dev_round_rest(dev);
}

static void swapped(struct dev *dev, int status)
{
    if (status == 0) {
        serve(dev, "is swapped in");
        return;
    }
    dev_show(dev, buf_text(&dev->job.text));
    if (strstr(buf_text(&dev->job.text), "is required"))
        dev_host_tell_keys(dev);
    say_serving(dev, "the host refused the build");
    /* A host that starts anew finds what served. */
    if (dev->serving.number)
        (void)dev_install(dev, &dev->serving);
    dev_round_rest(dev);
}

/* ---- the steps ------------------------------------------------------------------------------- */

void dev_round_step(struct dev *dev, bool late)
{
    int status;

    if (dev->step == DEV_START) {
        if (!late) {
            serve(dev, "serves");
            dev_console_join(dev);
        } else {
            dev_say(dev, "dev: the host does not answer within %d s", DEV_START_MS / 1000);
            dev_host_stop(dev);
            dev_round_rest(dev);
        }
        return;
    }
    if (late) {
        dev_child_kill(&dev->job);
        dev_show(dev, buf_text(&dev->job.text));
        say_serving(dev, dev->step == DEV_MAKE ? "make takes more than 10 minutes and was ended"
                                               : "a step takes too long and was ended");
        dev_round_rest(dev);
        return;
    }
    status = dev_child_reap(&dev->job);
    switch (dev->step) {
    case DEV_MAKE: made(dev, status); break;
    case DEV_CHECK: checked(dev, status); break;
    case DEV_DESCRIBE: described(dev, status); break;
    case DEV_SWAP: swapped(dev, status); break;
    case DEV_START:
    case DEV_REST: break;
    }
}
