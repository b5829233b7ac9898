/* SPDX-License-Identifier: Apache-2.0
 *
 * The host that an author's plugin runs in: the console and a fake model, or what -c says, with data
 * of its own. It is another process, so what takes it down does not take `troupe dev` down.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"
#include "main/dev.h"
#include "ops/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#define MODEL_START_MS 5000
#define NO_PORT        9
#define LINES_MAX      4096
#define LINE_OF_MS     3000 /* addr2line */
#define ARGUMENTS_MAX  (OPTIONS_SETS_MAX * 2 + 32)

/* The only place that decides it. Plugins that are being written crash: that ends a process of theirs. */
const char *dev_isolation(void)
{
    return "process";
}

/* ---- the fake model -------------------------------------------------------------------------- */

/* Its port, or one where nobody listens: then plugins that ask a model are told so by the host. */
static long model_port(struct dev *dev)
{
    _cleanup_mem_ char *program = mem_printf("%s/troupe-fake-llm", dev->paths.libexec);
    _cleanup_mem_ char *file = dev_path(dev, "model.port");
    const char *argv[] = {program, "--model", "fake", "--port-file", file, NULL};
    const uint64_t late_ms = clock_ms() + MODEL_START_MS;
    char text[16] = "";
    long port = 0;

    if (!dev->model.pid &&
        (access(program, X_OK) < 0 || !dev_child_start(&dev->model, argv, DEV_OUTPUT_MAX)))
        return NO_PORT;
    do {
        FILE *in = fopen(file, "re");

        port = in && fgets(text, sizeof(text), in) ? strtol(text, NULL, 10) : 0;
        if (in)
            (void)fclose(in);
        if (!port)
            (void)poll(NULL, 0, 20);
    } while (!port && clock_ms() < late_ms);
    return port > 0 ? port : NO_PORT;
}

/* ---- the configuration ----------------------------------------------------------------------- */

bool dev_host_configure(struct dev *dev)
{
    const json_t *plugin = json_object_get(dev->building.described, "plugin");
    bool stage = json_is_true(json_object_get(plugin, "stage"));
    bool observer = json_is_true(json_object_get(plugin, "observer"));
    _cleanup_mem_ char *beside = mem_printf("%s.new", dev->config);
    FILE *file;

    if (dev->options->config_path)
        return true;
    file = fopen(beside, "we");
    if (file) {
        (void)fprintf(file,
                      "[troupe]\ndata = %s\n[limits]\nmessages = 0\nguild_messages = 0\n"
                      "[pipeline message]\nstages = %s%sconversation\n",
                      dev->data, stage ? dev->agent : "", stage ? ", " : "");
        if (observer)
            (void)fprintf(file, "observers = %s\n", dev->agent);
        (void)fprintf(
            file,
            "[agent llm]\nbase_url = http://127.0.0.1:%ld/v1\nmodel = fake\nllm_warm = no\n"
            "[agent conversation]\n[agent %s]\nplugin = %s\nisolation = %s\n",
            model_port(dev), dev->agent, dev->plugin, dev_isolation());
    }
    if (file && fclose(file) == 0 && rename(beside, dev->config) == 0)
        return true;
    dev_say(dev, "dev: cannot write \"%s\": %s; look at the room on the disk", dev->config,
            strerror(errno));
    return false;
}

/* ---- the process ----------------------------------------------------------------------------- */

struct arguments {
    const char *words[ARGUMENTS_MAX];
    char *sets[8]; /* owned */
    size_t count, set_count;
};

static void add_set(struct arguments *arguments, char *set)
{
    arguments->words[arguments->count++] = "--set";
    arguments->words[arguments->count++] = arguments->sets[arguments->set_count++] = set;
}

bool dev_host_start(struct dev *dev)
{
    _cleanup_mem_ char *marker = mem_printf("%s/crash", dev->data);
    struct arguments arguments = {
        .words = {dev->program, "run", "-c", dev->config, "--socket", dev->socket}, .count = 6};
    bool started;

    /* Theirs first: what dev needs wins. */
    for (size_t i = 0; i < dev->options->set_count; i++) {
        arguments.words[arguments.count++] = "--set";
        arguments.words[arguments.count++] = dev->options->sets[i];
    }
    add_set(&arguments, mem_printf("troupe.data=%s", dev->data));
    add_set(&arguments, mem_strdup("troupe.log_format=json"));
    if (dev->options->config_path) {
        add_set(&arguments, mem_printf("agent %s.plugin=%s", dev->agent, dev->plugin));
        add_set(&arguments, mem_printf("agent %s.isolation=%s", dev->agent, dev_isolation()));
    }
    /* What crashed is not what starts now, so nobody is to blame. */
    (void)unlink(marker);
    started = dev_child_start(&dev->host, arguments.words, DEV_OUTPUT_MAX);
    if (!started)
        dev_say(dev, "dev: \"%s\" cannot be started: %s", dev->program, strerror(errno));
    for (size_t i = 0; i < arguments.set_count; i++)
        mem_free(arguments.sets[i]);
    dev->host_late_ms = clock_ms() + DEV_START_MS;
    return started;
}

bool dev_host_ready(const struct dev *dev)
{
    int fd = -1;

    if (ops_socket_connect(dev->socket, &fd, NULL) < 0)
        return false;
    (void)close(fd);
    return true;
}

/* ---- the log --------------------------------------------------------------------------------- */

/* Of the lines that addr2line names, innermost first, the first that is not the SDK's. */
static char *line_among(const char *text)
{
    const char *line = text, *end;

    while (*(end = strchrnul(line, '\n')) && end[1]) {
        _cleanup_mem_ char *path = mem_strndup(line, (size_t)(end - line));

        if (!strstr(path, "/include/troupe/"))
            break;
        line = end + 1;
    }
    if (*line == '?' || end == line)
        return mem_strdup("");
    for (const char *c = line; c < end; c++)
        if (*c == '/')
            line = c + 1;
    return mem_strndup(line, strcspn(line, " \n"));
}

/* "greet.c:12" of an address in a build; "" where nobody knows. */
static char *line_of(const struct dev *dev, const char *address, const char *build)
{
    const char *argv[] = {"addr2line", "-i", "-e", NULL, address, NULL};
    const size_t len = strlen(build);
    struct dev_child child = {0};
    char *found;
    int status;

    if (len && !strncmp(dev->serving.id, build, len))
        argv[3] = dev->serving.path;
    for (size_t i = 0; i < DEV_BUILDS_MAX && !argv[3]; i++)
        if (len && dev->kept[i].path && !strncmp(dev->kept[i].id, build, len))
            argv[3] = dev->kept[i].path;
    if (!argv[3] || !dev_child_start(&child, argv, LINES_MAX))
        return mem_strdup("");
    found = dev_child_wait(&child, LINE_OF_MS, &status) && status == 0
                ? line_among(buf_text(&child.text))
                : mem_strdup("");
    buf_clear(&child.text);
    return found;
}

/* "of these 2 of 96 bytes from keep+0x1d, 0x11f9 in build 0123456789ab" (plugin/leak.c). */
static void show_message(struct dev *dev, const char *who, const char *level, const char *message)
{
    const char *place = text_starts(message, "of these ") ? strstr(message, " in build ") : NULL;
    const char *address = place;
    _cleanup_mem_ char *hex = NULL, *line = NULL;

    while (address && address > message && address[-1] != ' ')
        address--;
    if (place) {
        hex = mem_strndup(address, (size_t)(place - address));
        line = line_of(dev, hex, place + strlen(" in build "));
    }
    if (line && *line)
        dev_say(dev, "%s: %s: %.*s%s", who, level, (int)(address - message), message, line);
    else
        dev_say(dev, "%s: %s: %s", who, level, message);
}

static void show_line(struct dev *dev, const char *line, size_t len)
{
    _cleanup_json_ json_t *entry = NULL;
    _cleanup_mem_ char *text = NULL;
    const char *part, *level;

    if (!len)
        return;
    if (*line != '{' || json_parse(line, len, &entry, NULL) < 0) {
        /* Before the log is set, and from sanitizers and the fault handler. */
        text = mem_strndup(line, len);
        dev_say(dev, "host: %s", text);
        return;
    }
    part = json_get_str(entry, "part", "");
    level = json_get_str(entry, "level", "");
    if (text_starts(part, "plugin:") && !strcmp(part + 7, dev->agent))
        show_message(dev, dev->agent, level, json_get_str(entry, "message", ""));
    else if ((!strcmp(level, "error") || !strcmp(level, "warn")) && strcmp(part, "reload") != 0)
        dev_say(dev, "host: %s: %s: %s", level, part, json_get_str(entry, "message", ""));
}

void dev_host_log(struct dev *dev)
{
    struct buf *text = &dev->host.text;
    const char *end;

    dev_child_read(&dev->host);
    while (text->len && (end = memchr(text->data, '\n', text->len))) {
        size_t len = (size_t)(end - text->data);
        _cleanup_mem_ char *line = mem_strndup(text->data, len);

        buf_shift(text, len + 1);
        show_line(dev, line, len);
    }
    /* A line without an end that fills all the room. */
    if (text->len == text->max)
        buf_reset(text);
    if (dev->host.out < 0 && text->len) {
        show_line(dev, text->data, text->len);
        buf_reset(text);
    }
}

/* The file that sentences about keys name is ours. */
void dev_host_tell_keys(struct dev *dev)
{
    if (!dev->options->config_path)
        dev_say(dev,
                "dev: values of its section are given by --set \"agent %s.KEY=VALUE\", or in a "
                "configuration of yours by -c",
                dev->agent);
}

void dev_host_ended(struct dev *dev)
{
    int status;

    dev_host_log(dev);
    status = dev_child_reap(&dev->host);
    dev_host_log(dev);
    dev_console_leave_host(dev);
    if (dev->stopping)
        return;
    if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));

        dev_say(dev, "dev: the host was ended by SIG%s; the next save starts it again",
                name ? name : "?");
    } else {
        dev_say(dev, "dev: the host ended with status %d; the next save starts it again",
                WEXITSTATUS(status));
        if (WEXITSTATUS(status) == EX_CONFIG)
            dev_host_tell_keys(dev);
    }
}

void dev_host_stop(struct dev *dev)
{
    const uint64_t late_ms = clock_ms() + DEV_STOP_MS;

    if (!dev->host.pid)
        return;
    dev->stopping = true;
    (void)kill(dev->host.pid, SIGTERM);
    while (dev->host.pid) {
        struct pollfd wanted[2] = {{.fd = dev->host.pidfd, .events = POLLIN},
                                   {.fd = dev->host.out, .events = POLLIN}};
        uint64_t now = clock_ms();

        if (now >= late_ms)
            (void)kill(-dev->host.pid, SIGKILL);
        (void)poll(wanted, 2, now < late_ms ? (int)(late_ms - now) : 1000);
        if (wanted[1].revents)
            dev_host_log(dev);
        if (wanted[0].revents)
            dev_host_ended(dev);
    }
    dev->stopping = false;
}
