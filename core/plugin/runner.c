/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe-runner: the throw-away process in which a plugin runs first, and the one in which an isolated
 * agent stays. See trial.h and isolate.h for what they are for, trial_wire.h for what it reads and
 * writes. It is started by the host only, with three descriptors or four, and an environment that is for
 * the C library and is emptied before a plugin is there.
 */
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "loop/sanitize.h"
#include "plugin/agent.h"
#include "plugin/declare.h"
#include "plugin/guest.h"
#include "plugin/held.h"
#include "plugin/image.h"
#include "plugin/launch.h"
#include "plugin/look.h"
#include "plugin/present.h"
#include "plugin/sandbox.h"
#include "plugin/trial.h"
#include "plugin/trial_wire.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

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

static void fill_registry(struct plugin_registry *registry, const json_t *extensions, bool serves)
{
    size_t i;
    json_t *item;

    json_array_foreach (extensions, i, item) {
        size_t size = (size_t)json_get_int(item, "size", 0) & 0xffff;
        struct plugin_extension extension = {.id = mem_strdup(json_get_str(item, "id", ""))};
        void **table;

        if (serves) {
            extension.table = guest_extension(extension.id);
            if (extension.table)
                plugin_registry_add(registry, &extension, 1);
            continue;
        }
        table = mem_zero(size / sizeof(void *) + 2, sizeof(void *));
        for (size_t slot = 1; slot < size / sizeof(void *); slot++)
            table[slot] = (void *)(uintptr_t)unsupported;
        *(uint32_t *)(void *)table = (uint32_t)size;
        extension.table = table;
        plugin_registry_add(registry, &extension, 1);
    }
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
    if (json_get_int(request, "mode", 0) == PLUGIN_TRIAL_MAKE)
        status = plugin_look_defaults(manifest, &agent->values);
    else
        status = plugin_values_from_json(&agent->values, json_object_get(request, "values"), err);
    if (status == TROUPE_OK)
        status = plugin_agent_create(agent, err);
    plugin_agent_unref(agent);
    return status;
}

/* Files and directories that the agent's section names: what its `create` is there to read. */
static size_t named_files(const json_t *request, const char **ret)
{
    size_t i, count = 0;
    json_t *item;

    json_array_foreach (json_object_get(request, "values"), i, item) {
        const char *path = json_get_str(item, "text", NULL);

        if (json_get_int(item, "type", 0) == TROUPE_TYPE_PATH && path && count < PLUGIN_MAX_KEYS)
            ret[count++] = path;
    }
    return count;
}

/* Maps the plugin and calls its entry, each step with no more rights than it needs. */
static troupe_status load(const json_t *request, const char *id, unsigned flags, void **ret_handle,
                          const troupe_plugin **ret, struct error *err)
{
    const char *files[PLUGIN_MAX_KEYS];
    const size_t count = named_files(request, files);
    struct plugin_held held;
    troupe_status status;
    void *handle;
    int copy;

    if ((status = plugin_held_copy(TRIAL_FD_IMAGE, id, &held, &copy, err)) < 0)
        return status;
    if (dup2(copy, TRIAL_FD_IMAGE) < 0)
        return error_set(err, TROUPE_IO, "plugin \"%s\" cannot be tried: %s", id, strerror(errno));
    close(copy);
    if ((status = plugin_sandbox_limits(flags, TRIAL_FD_RESULT + 1, err)) < 0 ||
        (status = plugin_sandbox_first(flags, files, count, err)) < 0 ||
        (status = plugin_image_map(TRIAL_FD_IMAGE, id, &handle, NULL, err)) < 0)
        return status;
    close(TRIAL_FD_IMAGE);
    if ((status = plugin_sandbox_second(flags, files, count, err)) < 0)
        return status;
    plugin_held_run(&held, handle);
    *ret_handle = handle;
    return plugin_image_enter(handle, id, ret, err);
}

/* Takes the reference. */
static void tell(json_t *answer)
{
    _cleanup_json_ json_t *line = json_pack("{s:o}", "answer", answer);

    if (line)
        write_line(line);
}

static void tell_all(const struct plugin_manifest *manifest, const char *path)
{
    _cleanup_buf_ struct buf sample = BUF_INIT, man = BUF_INIT;

    plugin_present_sample(manifest, path, &sample);
    plugin_present_man(manifest, &man);
    tell(json_pack("{s:o, s:o, s:o, s:s, s:s}", "plugin", plugin_present_head(manifest), "config",
                   plugin_present_config(manifest), "functions", plugin_present_functions(manifest),
                   "sample", buf_text(&sample), "man", buf_text(&man)));
}

/* What the table says, for who does not map it. */
static troupe_status declare(const troupe_plugin *table, const char *id, struct error *err)
{
    static const char digits[] = "0123456789abcdef";
    _cleanup_buf_ struct buf bytes = BUF_INIT, text = BUF_INIT;

    plugin_declare_pack(table, &bytes);
    if (bytes.len > PLUGIN_DECLARE_MAX)
        return error_set(err, TROUPE_LIMIT,
                         "plugin \"%s\" declares %zu bytes, an isolated one has at most %u; set "
                         "isolation = inprocess if you trust it",
                         id, bytes.len, PLUGIN_DECLARE_MAX);
    for (size_t i = 0; i < bytes.len; i++) {
        buf_putc(&text, digits[(unsigned char)bytes.data[i] >> 4]);
        buf_putc(&text, digits[(unsigned char)bytes.data[i] & 15]);
    }
    tell(json_pack("{s:s}", "declared", buf_text(&text)));
    return TROUPE_OK;
}

/* ---- an agent that stays --------------------------------------------------------------------- */

static _Noreturn void refuse(struct guest *guest, troupe_status status, const struct error *err)
{
    const struct wire_head head = {.kind = WIRE_READY, .status = status};

    guest_send(guest, &head, err->text, strlen(err->text));
    _exit(0);
}

static struct guest_page *map_page(void)
{
    void *page =
        mmap(NULL, sizeof(struct guest_page), PROT_READ | PROT_WRITE, MAP_SHARED, TRIAL_FD_PAGE, 0);

    return page == MAP_FAILED ? NULL : page;
}

/* Takes the request. */
static _Noreturn void serve(json_t *request, const struct plugin_note *note,
                            struct plugin_registry *registry)
{
    const unsigned flags = (unsigned)json_get_int(request, "sandbox", 0) | PLUGIN_SANDBOX_SERVES;
    const char *build = mem_strdup(json_get_str(request, "build", "")); /* to the end */
    struct guest *guest = mem_zero(1, sizeof(*guest));
    struct plugin_manifest *manifest = NULL;
    const troupe_plugin *table = NULL;
    struct error err = {0};
    troupe_status status;

    guest->log.write = guest_log;
    guest->fd = TRIAL_FD_RESULT;
    guest->page = map_page();
    registry->setting = guest_setting;
    if ((status = load(request, note->id, flags, &guest->handle, &table, &err)) < 0 ||
        (status = plugin_manifest_read(table, note, registry, &manifest, &err)) < 0)
        refuse(guest, status, &err);
    guest->manifest = manifest;
    guest->agent =
        plugin_agent_new(&(struct plugin_agent_options){.name = json_get_str(request, "agent", "?"),
                                                        .manifest = manifest,
                                                        .registry = registry,
                                                        .build_id = build,
                                                        .log = &guest->log});
    plugin_values_clear(&guest->agent->values);
    status =
        plugin_values_from_json(&guest->agent->values, json_object_get(request, "values"), &err);
    json_decref(request);
    if (status == TROUPE_OK)
        status = plugin_agent_create(guest->agent, &err);
    if (status < 0)
        refuse(guest, status, &err);
    guest_serve(guest);
    _exit(0);
}

/* What it held was for the C library, which has read it and has a copy in its place: what we were
 * started with stands behind our name still. */
static void empty_environment(const char *name)
{
    char *first = (char *)(uintptr_t)name + strlen(name) + 1;

    if (environ && environ[0] && !strcmp(first, PLUGIN_LAUNCH_VARIABLE))
        memset(first, 0, strlen(first));
    clearenv();
}

int main(int argc, char **argv)
{
    _cleanup_json_ json_t *request = NULL;
    struct plugin_registry *registry = mem_zero(1, sizeof(*registry));
    struct plugin_note note = {.why_pinned = ""};
    struct plugin_manifest *manifest = NULL;
    const troupe_plugin *table = NULL;
    struct error err = {0};
    troupe_status status;
    unsigned flags;
    int64_t mode;
    void *handle;

    prctl(PR_SET_NAME, "troupe-runner");
    if (argc == 1)
        empty_environment(argv[0]);
    if ((status = read_request(&request, &err)) < 0) {
        fprintf(stderr, "troupe-runner: %s\n", err.text);
        finish(status, &err);
    }
    mode = json_get_int(request, "mode", 0);
    fill_registry(registry, json_object_get(request, "extensions"), mode == PLUGIN_TRIAL_SERVE);
    snprintf(note.id, sizeof(note.id), "%s", json_get_str(request, "id", "?"));
    snprintf(note.version, sizeof(note.version), "%s", json_get_str(request, "version", "?"));
    if (mode == PLUGIN_TRIAL_SERVE)
        serve(request, &note, registry);
    flags = (unsigned)json_get_int(request, "sandbox", 0);
    if ((status = load(request, note.id, flags, &handle, &table, &err)) < 0)
        finish(status, &err);
    if (mode == PLUGIN_TRIAL_LOOK)
        tell(plugin_look_table(table));
    if ((status = plugin_manifest_read(table, &note, registry, &manifest, &err)) < 0)
        finish(status, &err);
    if (mode == PLUGIN_TRIAL_LOOK)
        tell(plugin_look_manifest(table, manifest));
    if (mode == PLUGIN_TRIAL_DESCRIBE)
        tell_all(manifest, json_get_str(request, "path", "?"));
    if (mode == PLUGIN_TRIAL_DECLARE && (status = declare(table, note.id, &err)) < 0)
        finish(status, &err);
    if (mode == PLUGIN_TRIAL_CREATE || mode == PLUGIN_TRIAL_MAKE)
        status = run_create(request, manifest, registry, &err);
    finish(status, &err);
}
