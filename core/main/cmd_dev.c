/* SPDX-License-Identifier: Apache-2.0
 *
 * `troupe dev [DIR]`: see dev.h.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "gateway/console/filter.h"
#include "main/cmd.h"
#include "main/dev.h"
#include "main/print.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#define READY_POLL_MS 30
#define TMPDIR_MAX    40 /* the path of the control socket must stay short */

/* ---- what is said ---------------------------------------------------------------------------- */

void dev_show(struct dev *dev, const char *text)
{
    struct console_filter filter = {{0}, 0};
    _cleanup_buf_ struct buf safe = BUF_INIT;

    console_filter_write(&filter, text, strlen(text), &safe);
    console_filter_end(&filter, &safe);
    if (safe.len && safe.data[safe.len - 1] != '\n')
        buf_putc(&safe, '\n');
    if (dev->console && dev_console_show(dev->console, buf_text(&safe), safe.len))
        return;
    (void)fputs(buf_text(&safe), stdout);
    (void)fflush(stdout);
}

void dev_say(struct dev *dev, const char *format, ...)
{
    _cleanup_buf_ struct buf text = BUF_INIT;
    va_list args;

    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    dev_show(dev, buf_text(&text));
}

char *dev_path(const struct dev *dev, const char *name)
{
    return mem_printf("%s/%s", dev->folder, name);
}

/* ---- beginning ------------------------------------------------------------------------------- */

static int fail(int code, char *sentence)
{
    print_failure(sentence);
    mem_free(sentence);
    return code;
}

static int find_project(struct dev *dev, const char *dir)
{
    char *real = realpath(dir, NULL);
    _cleanup_mem_ char *makefile = NULL;

    if (!real)
        return fail(EX_NOINPUT,
                    mem_printf("\"%s\" cannot be found: %s; name the folder of a plugin", dir,
                               strerror(errno)));
    dev->dir = mem_strdup(real);
    free(real);
    makefile = mem_printf("%s/Makefile", dev->dir);
    if (access(makefile, R_OK) < 0)
        return fail(EX_NOINPUT,
                    mem_printf("\"%s\" has no Makefile: begin a plugin by troupe plugin "
                               "new NAME, or name its folder",
                               dir));
    return EX_OK;
}

static int make_folder(struct dev *dev)
{
    const char *tmp = getenv("TMPDIR"), *data = NULL;

    dev->folder =
        mem_printf("%s/troupe-dev-XXXXXX", tmp && strlen(tmp) < TMPDIR_MAX ? tmp : "/tmp");
    if (!mkdtemp(dev->folder)) {
        int code =
            fail(EX_CANTCREAT, mem_printf("cannot make \"%s\": %s; set TMPDIR to a folder that "
                                          "has room",
                                          dev->folder, strerror(errno)));

        mem_free(dev->folder);
        dev->folder = NULL;
        return code;
    }
    for (size_t i = 0; i < dev->options->set_count; i++)
        if (text_starts(dev->options->sets[i], "troupe.data="))
            data = dev->options->sets[i] + strlen("troupe.data=");
    dev->data = data ? mem_strdup(data) : dev_path(dev, "data");
    dev->socket = dev_path(dev, "control.sock");
    dev->config = dev->options->config_path ? mem_strdup(dev->options->config_path)
                                            : dev_path(dev, "troupe.ini");
    return EX_OK;
}

static int open_all(struct dev *dev, const char *dir)
{
    ssize_t len = readlink("/proc/self/exe", dev->program, sizeof(dev->program) - 1);
    struct error err;
    sigset_t set;
    int code;

    dev->program[len > 0 ? len : 0] = '\0';
    code = find_project(dev, dir);
    if (!code)
        code = make_folder(dev);
    if (code)
        return code;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    dev->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    sigaddset(&set, SIGWINCH); /* which the chat reads */
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    if (dev->signals < 0)
        return fail(EX_OSERR, mem_printf("signals cannot be read: %s", strerror(errno)));
    if (dev_watch_open(&dev->watch, dev->dir, &err) < 0)
        return fail(EX_OSERR, mem_strdup(err.text));
    return EX_OK;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void remove_folder(const char *path, unsigned depth)
{
    DIR *dir = opendir(path);
    const struct dirent *entry;

    while (dir && (entry = readdir(dir))) {
        _cleanup_mem_ char *below = mem_printf("%s/%s", path, entry->d_name);

        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
            continue;
        if (unlink(below) < 0 && errno == EISDIR && depth)
            remove_folder(below, depth - 1);
    }
    if (dir)
        (void)closedir(dir);
    (void)rmdir(path);
}

static void close_all(struct dev *dev)
{
    dev_child_kill(&dev->job);
    /* The chat goes first, so that what the host says at its end stands in a plain terminal. */
    dev_console_close(dev);
    dev_host_stop(dev);
    dev_child_kill(&dev->model);
    dev_watch_close(&dev->watch);
    if (dev->signals >= 0)
        (void)close(dev->signals);
    dev_build_clear(&dev->building);
    dev_build_clear(&dev->serving);
    for (size_t i = 0; i < DEV_BUILDS_MAX; i++)
        dev_build_clear(&dev->kept[i]);
    buf_clear(&dev->job.text);
    buf_clear(&dev->host.text);
    buf_clear(&dev->model.text);
    if (dev->folder)
        remove_folder(dev->folder, 8);
    mem_free(dev->dir);
    mem_free(dev->folder);
    mem_free(dev->agent);
    mem_free(dev->socket);
    mem_free(dev->config);
    mem_free(dev->data);
    mem_free(dev->plugin);
    paths_clear(&dev->paths);
}

/* ---- the round of it ------------------------------------------------------------------------- */

enum { SIGNALS, WATCH, JOB, JOB_OUT, HOST, HOST_OUT, MODEL_OUT, CONSOLE, CONSOLE_HOST, COUNT };

static int shorter(int one, int other)
{
    return one < 0 || (other >= 0 && other < one) ? other : one;
}

static int until(uint64_t late_ms)
{
    uint64_t now = clock_ms();

    return late_ms > now ? (int)(late_ms - now) : 0;
}

static int next_due(const struct dev *dev)
{
    if (dev->step == DEV_REST)
        return dev_watch_due(&dev->watch);
    if (dev->step == DEV_START)
        return shorter(until(dev->host_late_ms), READY_POLL_MS);
    return until(dev->job_late_ms);
}

static void look_at_children(struct dev *dev, const struct pollfd *wanted)
{
    if (wanted[JOB_OUT].revents)
        dev_child_read(&dev->job);
    if (wanted[MODEL_OUT].revents) {
        dev_child_read(&dev->model);
        buf_reset(&dev->model.text);
    }
    if (wanted[HOST_OUT].revents)
        dev_host_log(dev);
    if (wanted[HOST].revents) {
        dev_host_ended(dev);
        if (dev->step == DEV_START)
            dev_round_rest(dev);
    }
    if (wanted[JOB].revents)
        dev_round_step(dev, false);
}

static void look_at_time(struct dev *dev)
{
    uint64_t now = clock_ms();

    if (dev->step == DEV_START && (now >= dev->host_late_ms || dev_host_ready(dev)))
        dev_round_step(dev, now >= dev->host_late_ms);
    else if (dev->job.pid && now >= dev->job_late_ms)
        dev_round_step(dev, true);
    if (dev->watch.gone) {
        dev_say(dev, "dev: \"%s\" is gone: start again where it is now", dev->dir);
        dev->exit_code = EX_NOINPUT;
        dev->over = true;
    } else if (dev->step == DEV_REST && dev_watch_due(&dev->watch) == 0) {
        dev_round_begin(dev);
    }
}

static void serve(struct dev *dev)
{
    struct signalfd_siginfo info;

    while (!dev->over) {
        struct pollfd wanted[COUNT];

        for (size_t i = 0; i < COUNT; i++)
            wanted[i] = (struct pollfd){.fd = -1, .events = POLLIN};
        wanted[SIGNALS].fd = dev->signals;
        wanted[WATCH].fd = dev->watch.fd;
        if (dev->job.pid) {
            wanted[JOB].fd = dev->job.pidfd;
            wanted[JOB_OUT].fd = dev->job.out;
        }
        if (dev->host.pid) {
            wanted[HOST].fd = dev->host.pidfd;
            wanted[HOST_OUT].fd = dev->host.out;
        }
        if (dev->model.pid)
            wanted[MODEL_OUT].fd = dev->model.out;
        if (dev->console)
            dev_console_poll(dev->console, &wanted[CONSOLE]);
        if (poll(wanted, COUNT, next_due(dev)) < 0 && errno != EINTR)
            return;
        if (wanted[SIGNALS].revents && read(dev->signals, &info, sizeof(info)) > 0)
            dev->over = true;
        if (wanted[WATCH].revents)
            dev_watch_read(&dev->watch);
        look_at_children(dev, wanted);
        if (dev->console && !dev_console_serve(dev, &wanted[CONSOLE]))
            dev->over = true;
        look_at_time(dev);
    }
}

int cmd_dev(struct options *options)
{
    const char *dir = options->argument_count ? options->arguments[0] : ".";
    struct dev *dev = mem_zero(1, sizeof(*dev));
    int code;

    dev->options = options;
    dev->signals = dev->watch.fd = -1;
    dev->agent = mem_strdup("");
    paths_init(&dev->paths);
    code = open_all(dev, dir);
    if (!code) {
        dev_say(dev,
                "dev: watching \"%s\"; troupe chat, call and functions find the host by --socket "
                "%s",
                dir, dev->socket);
        dev_round_begin(dev);
        serve(dev);
        code = dev->exit_code;
    }
    close_all(dev);
    mem_free(dev);
    return code;
}
