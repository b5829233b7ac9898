/* SPDX-License-Identifier: Apache-2.0
 *
 * The whole check: bytes first, then the table in one process and an agent in another.
 */
#include "plugin/check.h"

#include "base/json.h"
#include "base/mem.h"
#include "plugin/check_private.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- the table ----------------------------------------------------------------------------- */

/* What a table compiled against a minor of this major has; larger ones are a later minor's. */
static size_t size_of_table(uint32_t minor)
{
    if (minor < 2)
        return offsetof(troupe_plugin, events);
    if (minor < 3)
        return offsetof(troupe_plugin, job);
    return minor < 6 ? offsetof(troupe_plugin, user_data) : sizeof(troupe_plugin);
}

static size_t size_of_function(uint32_t minor)
{
    if (minor < 5)
        return offsetof(troupe_function, menu);
    return minor < 6 ? offsetof(troupe_function, limit_member) : sizeof(troupe_function);
}

/* Of one that is newer than this host only a minimum is known. */
static bool is_size(uint64_t size, size_t wanted, uint32_t minor)
{
    return minor > TROUPE_ABI_MINOR ? size >= wanted : size == wanted;
}

static void check_size(struct plugin_faults *faults, const char *subject, uint64_t size,
                       size_t wanted, uint32_t minor)
{
    if (!is_size(size, wanted, minor))
        plugin_fault_add(faults, "size", subject,
                         "write it with the macros of troupe/plugin.h, which set .size",
                         "says a size of %llu bytes, a table of minor %u has %zu",
                         (unsigned long long)size, minor, wanted);
}

static void check_table(struct plugin_faults *faults, const struct plugin_note *note,
                        const json_t *answer)
{
    uint32_t minor = (uint32_t)json_get_int(answer, "minor", note->abi_minor);
    const char *id = json_get_str(answer, "id", note->id);
    const char *version = json_get_str(answer, "version", note->version);
    const json_t *functions = json_object_get(answer, "functions"), *function;
    size_t i;

    if (!json_object_get(answer, "size"))
        return;
    check_size(faults, "troupe_plugin", (uint64_t)json_get_int(answer, "size", 0),
               size_of_table(minor), minor);
    if (strcmp(id, note->id) != 0 || strcmp(version, note->version) != 0)
        plugin_fault_add(faults, "identity", note->id,
                         "give both by TROUPE_PLUGIN(), which writes note and table",
                         "%s is what the note says, and the table says %s %s", note->version, id,
                         version);
    if (minor != note->abi_minor)
        plugin_fault_add(faults, "identity", "abi_minor",
                         "give both by TROUPE_PLUGIN(), which writes note and table",
                         "is %u in the note and %u in the table", note->abi_minor, minor);
    json_array_foreach (functions, i, function)
        check_size(faults, json_get_str(function, "name", "?"),
                   (uint64_t)json_get_int(function, "size", 0), size_of_function(minor), minor);
}

/* ---- running it ---------------------------------------------------------------------------- */

/* What the plugin's code did, and not what it says. */
static bool is_misdeed(troupe_status status)
{
    return status == TROUPE_CRASHED || status == TROUPE_DEADLINE || status == TROUPE_DENIED;
}

/* Whether the runner did its part and what it says is about the plugin. */
static bool is_verdict(troupe_status status)
{
    return status != TROUPE_IO && status != TROUPE_NOT_FOUND && status != TROUPE_BUSY &&
           status != TROUPE_CANCELED;
}

static troupe_status look(const struct plugin_check *check, struct plugin_trial *trial,
                          const struct plugin_checked *checked, struct plugin_faults *faults,
                          bool *ret_holds, struct error *err)
{
    _cleanup_json_ json_t *answer = json_object();
    size_t before = faults->count;
    troupe_status status;

    trial->mode = PLUGIN_TRIAL_LOOK;
    trial->answer = answer;
    status = plugin_trial_run(check->pool, trial, NULL, err);
    trial->answer = NULL;
    if (status < 0 && !is_verdict(status))
        return status;
    check_table(faults, &checked->note, answer);
    if (is_misdeed(status))
        plugin_fault_sentence(faults, "load", checked->note.id,
                              "leave constructors and what the entry calls out, the table is "
                              "constant data",
                              err->text);
    else if (status < 0 && faults->count == before) /* else it only says that once more */
        plugin_fault_sentence(faults, json_object_size(answer) ? "declaration" : "load",
                              checked->note.id, NULL, err->text);
    if (status == TROUPE_OK) {
        check_declared(faults, checked->uses, answer);
        check_called(faults, checked->calls, answer);
        check_user_data(faults, checked->note.abi_minor, answer);
    }
    *ret_holds = status == TROUPE_OK;
    return TROUPE_OK;
}

/* A plugin may refuse to be created without a config of its own; it may not crash or hang. */
static troupe_status make(const struct plugin_check *check, struct plugin_trial *trial,
                          const struct plugin_checked *checked, struct plugin_faults *faults,
                          struct error *err)
{
    troupe_status status;

    trial->mode = PLUGIN_TRIAL_MAKE;
    status = plugin_trial_run(check->pool, trial, NULL, err);
    if (is_misdeed(status))
        plugin_fault_sentence(faults, "create", checked->note.id,
                              "make create and destroy work with the defaults of every key, and "
                              "wait for nothing there",
                              err->text);
    else if (status == TROUPE_BUSY || status == TROUPE_CANCELED)
        return status;
    return TROUPE_OK;
}

static troupe_status run(const struct plugin_check *check, int fd, size_t size,
                         const struct plugin_checked *checked, struct plugin_faults *faults,
                         struct error *err)
{
    /* Only what a trial takes of an image: it is never mapped here. */
    const struct plugin_image image = {.fd = fd, .size = size, .note = checked->note};
    struct plugin_trial trial = {.runner = check->runner,
                                 .image = &image,
                                 .registry = check->registry,
                                 .agent = "tried",
                                 .timeout_ms = check->timeout_ms};
    bool holds = false;
    troupe_status status = look(check, &trial, checked, faults, &holds, err);

    return holds ? make(check, &trial, checked, faults, err) : status;
}

troupe_status plugin_check_run(const struct plugin_check *check, struct plugin_faults *faults,
                               struct plugin_checked *ret, struct error *err)
{
    size_t size = 0;
    int fd = -1;
    troupe_status status = plugin_copy_file(check->path, &fd, &size, err);
    void *data = MAP_FAILED;

    if (status < 0)
        return status;
    if (size)
        data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (size && data == MAP_FAILED) {
        status = error_set(err, TROUPE_NOMEM, "plugin file \"%s\" cannot be mapped", check->path);
    } else {
        plugin_check_bytes(size ? data : "", size, check->path, faults, ret);
        if (size)
            munmap(data, size);
        if (ret->loadable)
            status = run(check, fd, size, ret, faults, err);
    }
    close(fd);
    return status;
}
