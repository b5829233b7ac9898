/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe-runner: the throw-away process in which a plugin runs first. See trial.h for what it is for
 * and trial_wire.h for what it reads and writes. It is started by the host only, with an empty
 * environment and three descriptors.
 */
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "loop/sanitize.h"
#include "plugin/agent.h"
#include "plugin/image.h"
#include "plugin/trial.h"
#include "plugin/trial_wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define CPU_SECONDS 10
#define NICE        5
#define MEMORY      ((rlim_t)2 << 30)

#ifdef LOOP_ASAN
/* The parent tells from the signal what happened; a report would go to /dev/null. */
/* Visible, because the sanitizer's library looks it up in the program. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0:handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:"
           "handle_abort=0";
}
#endif
#ifdef LOOP_TSAN
__attribute__((visibility("default"))) const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "handle_segv=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:handle_abort=0";
}
#endif

static void write_line(const json_t *line)
{
    _cleanup_mem_ char *text = json_print(line);
    _cleanup_buf_ struct buf out = BUF_INIT;

    if (!text)
        return;
    buf_printf(&out, "%s\n", text);
    while (write(TRIAL_FD_RESULT, out.data, out.len) < 0 && errno == EINTR)
        ;
}

static _Noreturn void finish(troupe_status status, const struct error *err)
{
    _cleanup_json_ json_t *line =
        json_pack("{s:s, s:i}", "verdict", status < 0 ? err->text : "", "status", status);

    write_line(line);
    /* No exit handlers and destructors: they would be a second trial that nobody asked for. */
    _exit(0);
}

struct pipe_log {
    struct plugin_log log; /* first */
    unsigned lines;
};

static void log_to_pipe(struct plugin_log *log, uint32_t level, const char *text, size_t len)
{
    struct pipe_log *pipe_log = (struct pipe_log *)(void *)log;
    _cleanup_mem_ char *clean = mem_strndup(text, len);
    _cleanup_json_ json_t *line = NULL;

    /* JSON writes a control character in six bytes: a few such lines would fill the pipe, and the
     * verdict behind them would be lost. */
    for (char *c = clean; *c; c++)
        if ((unsigned char)*c < 0x20)
            *c = ' ';
    line = json_pack("{s:s, s:i}", "log", clean, "level", level);
    if (line && pipe_log->lines++ < TRIAL_MAX_LOG_LINES)
        write_line(line);
}

/* What a plugin finds here are tables of the right size whose functions all say so. */
static troupe_status unsupported(void)
{
    return TROUPE_UNSUPPORTED;
}

static void fill_registry(struct plugin_registry *registry, const json_t *extensions)
{
    size_t i;
    json_t *item;

    json_array_foreach (extensions, i, item) {
        size_t size = (size_t)json_get_int(item, "size", 0) & 0xffff;
        struct plugin_extension extension = {.id = mem_strdup(json_get_str(item, "id", ""))};
        void **table = mem_zero(size / sizeof(void *) + 2, sizeof(void *));

        for (size_t slot = 1; slot < size / sizeof(void *); slot++)
            table[slot] = (void *)(uintptr_t)unsupported;
        *(uint32_t *)(void *)table = (uint32_t)size;
        extension.table = table;
        plugin_registry_add(registry, &extension, 1);
    }
}

/*
 * Bounds what a mistake can do: no file grows, no core is dumped, memory and time end. It is no
 * sandbox: the code is what the operator installed, and still reaches what the host's user may.
 */
static void confine(void)
{
    const struct rlimit none = {0, 0}, cpu = {CPU_SECONDS, CPU_SECONDS}, files = {64, 64};

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    prctl(PR_SET_NAME, "troupe-runner");
    /* One that spins shall not take the time of those that answer. */
    (void)!nice(NICE);
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_FSIZE, &none);
    setrlimit(RLIMIT_CPU, &cpu);
    setrlimit(RLIMIT_NOFILE, &files);
#if !defined(LOOP_ASAN) && !defined(LOOP_TSAN)
    /* A sanitizer reserves terabytes of addresses for its shadow. */
    setrlimit(RLIMIT_AS, &(struct rlimit){MEMORY, MEMORY});
#endif
}

static troupe_status read_request(json_t **ret, struct error *err)
{
    _cleanup_buf_ struct buf text = {.max = TRIAL_MAX_REQUEST};
    char chunk[4096];
    ssize_t n;

    if (lseek(TRIAL_FD_REQUEST, 0, SEEK_SET) < 0)
        return error_set(err, TROUPE_IO, "troupe-runner is started by the host only");
    while ((n = read(TRIAL_FD_REQUEST, chunk, sizeof(chunk))) > 0)
        if (buf_append(&text, chunk, (size_t)n) < 0)
            return error_set(err, TROUPE_LIMIT, "the request of the trial is larger than 8 MB");
    close(TRIAL_FD_REQUEST);
    return json_parse(buf_text(&text), text.len, ret, err);
}

static troupe_status run_create(const json_t *request, const struct plugin_manifest *manifest,
                                const struct plugin_registry *registry, struct error *err)
{
    struct pipe_log log = {.log = {.write = log_to_pipe}};
    struct plugin_agent *agent =
        plugin_agent_new(&(struct plugin_agent_options){.name = json_get_str(request, "agent", "?"),
                                                        .manifest = manifest,
                                                        .registry = registry,
                                                        .log = &log.log});
    troupe_status status;

    plugin_values_clear(&agent->values);
    status = plugin_values_from_json(&agent->values, json_object_get(request, "values"), err);
    if (status == TROUPE_OK)
        status = plugin_agent_create(agent, err);
    plugin_agent_unref(agent);
    return status;
}

int main(void)
{
    _cleanup_json_ json_t *request = NULL;
    struct plugin_registry *registry = mem_zero(1, sizeof(*registry));
    struct plugin_note note = {.why_pinned = ""};
    struct plugin_manifest *manifest = NULL;
    const troupe_plugin *table = NULL;
    struct error err = {0};
    troupe_status status;
    void *handle;

    confine();
    if ((status = read_request(&request, &err)) < 0) {
        fprintf(stderr, "troupe-runner: %s\n", err.text);
        finish(status, &err);
    }
    fill_registry(registry, json_object_get(request, "extensions"));
    snprintf(note.id, sizeof(note.id), "%s", json_get_str(request, "id", "?"));
    snprintf(note.version, sizeof(note.version), "%s", json_get_str(request, "version", "?"));
    if ((status = plugin_image_map(TRIAL_FD_IMAGE, note.id, &handle, &table, NULL, &err)) < 0 ||
        (status = plugin_manifest_read(table, &note, registry, &manifest, &err)) < 0)
        finish(status, &err);
    if (json_get_int(request, "mode", 0) == PLUGIN_TRIAL_CREATE)
        status = run_create(request, manifest, registry, &err);
    finish(status, &err);
}
