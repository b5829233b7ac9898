/* SPDX-License-Identifier: Apache-2.0
 *
 * `troupe backup FILE` and `troupe restore FILE`. A backup is made beside a running host, which does not
 * notice; a restore only where no database is.
 */
#include "config.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "main/archive.h"
#include "main/cmd.h"
#include "main/print.h"
#include "main/setup.h"
#include "main/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define DATABASE "troupe.db"
#define CONFIG   "troupe.ini"
#define DROP_INS "conf.d/"

/* The core's own sections, as far as they hold: what is missing here (a secret's file) is no reason. */
static struct config *look(const struct setup *setup, char **ret_file)
{
    *ret_file = host_config_path(&setup->host);
    return config_look(*ret_file, setup->host.sets, setup->host.set_count);
}

/* The database's file; NULL with the reason. */
static const char *database(const struct config *config, struct error *err)
{
    struct store_options options;

    if (storage_options(config, &options, err) < 0)
        return NULL;
    if (options.url)
        error_set(err, TROUPE_UNSUPPORTED,
                  "the database is on a server: use pg_dump and pg_restore, and keep the "
                  "configuration beside it");
    else if (!options.path)
        error_set(err, TROUPE_CONFIG, "there is no path of the database: see troupe check");
    return options.url ? NULL : options.path;
}

static int tell(const char *subject, const struct error *err)
{
    _cleanup_mem_ char *text = mem_printf("%s: %s", subject, err->text);

    print_failure(text);
    switch (err->status) {
    case TROUPE_CONFLICT: return EX_CANTCREAT;
    case TROUPE_NOT_FOUND: return EX_NOINPUT;
    case TROUPE_UNSUPPORTED: return EX_UNAVAILABLE;
    default: return store_exit_code(err->status);
    }
}

/* A name is durable when its directory is. */
static void sync_directory(const char *path)
{
    const char *slash = strrchr(path, '/');
    _cleanup_mem_ char *dir =
        slash ? mem_strndup(path, (size_t)(slash - path) + 1) : mem_strdup(".");
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

/* ---- backup --------------------------------------------------------------------------------- */

static json_t *agents(const struct config *config)
{
    json_t *list = json_array();
    const struct config_section *section = NULL;

    while ((section = config_next(config, "agent", section))) {
        const char *plugin = config_str(section, "plugin");

        json_array_append_new(list, json_pack("{s:s, s:s}", "agent", config_section_name(section),
                                              "plugin", plugin ? plugin : ""));
    }
    return list;
}

/* The main file and its drop-ins. */
static troupe_status add_config(struct archive *archive, const char *file, struct error *err)
{
    const char *slash = file ? strrchr(file, '/') : NULL;
    _cleanup_mem_ char *pattern = NULL;
    troupe_status status = TROUPE_OK;
    glob_t found = {0};

    if (!file || access(file, F_OK) < 0)
        return TROUPE_OK;
    status = archive_add_file(archive, CONFIG, file, err);
    pattern = mem_printf("%.*sconf.d/*.ini", slash ? (int)(slash - file) + 1 : 0, file);
    if (status >= 0 && glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; status >= 0 && i < found.gl_pathc; i++) {
            _cleanup_mem_ char *name =
                mem_printf(DROP_INS "%s", strrchr(found.gl_pathv[i], '/') + 1);

            status = archive_add_file(archive, name, found.gl_pathv[i], err);
        }
    globfree(&found);
    return status;
}

static troupe_status fill(struct archive *archive, const struct config *config, const char *file,
                          const char *copy, struct error *err)
{
    json_t *list = agents(config);
    _cleanup_mem_ char *text = json_print(list);
    char now[CLOCK_ISO_SIZE];
    troupe_status status;

    json_decref(list);
    clock_iso(clock_wall_ms(), now);
    status = add_config(archive, file, err);
    if (status >= 0)
        status = archive_add_text(archive, "plugins.json", text ? text : "[]",
                                  text ? strlen(text) : 2, err);
    if (status >= 0)
        status = archive_add_file(archive, DATABASE, copy, err);
    if (status >= 0)
        status = archive_finish(
            archive, json_pack("{s:s, s:s}", "version", PACKAGE_VERSION, "made", now), err);
    return status;
}

/* It appears whole under its name. */
static troupe_status write_backup(const struct config *config, const char *file, const char *target,
                                  struct error *err)
{
    _cleanup_mem_ char *part = mem_printf("%s.part", target);
    _cleanup_mem_ char *copy = mem_printf("%s.db.part", target);
    struct archive *archive = mem_zero(1, sizeof(*archive));
    const char *path = database(config, err);
    troupe_status status = path ? store_snapshot(path, copy, err) : err->status;
    bool copied = status >= 0;
    int fd = -1;

    if (copied) {
        fd = open(part, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
            status =
                error_set(err, TROUPE_DENIED, "\"%s\" cannot be made: %s", part, strerror(errno));
        archive_init(archive, fd);
    }
    if (status >= 0)
        status = fill(archive, config, file, copy, err);
    if (status >= 0 && rename(part, target) < 0)
        status = error_set(err, TROUPE_IO, "\"%s\": %s", target, strerror(errno));
    if (status >= 0)
        sync_directory(target);
    if (fd >= 0 && status < 0)
        unlink(part);
    if (fd >= 0)
        close(fd);
    if (copied)
        unlink(copy);
    mem_free(archive);
    return status;
}

int cmd_backup(struct options *options)
{
    const char *target = options->arguments[0];
    _cleanup_mem_ char *file = NULL;
    struct setup setup;
    struct config *config;
    struct error err = {0};
    int code = EX_OK;

    setup_init(&setup, options);
    config = look(&setup, &file);
    if (access(target, F_OK) == 0)
        error_set(&err, TROUPE_CONFLICT, "it is there already: choose another name");
    else
        (void)write_backup(config, file, target, &err);
    if (err.status < 0)
        code = tell(target, &err);
    else if (!options->quiet)
        (void)printf("%s: configuration, list of plugins and database\n", target);
    config_unref(config);
    setup_clear(&setup);
    return code;
}

/* ---- restore -------------------------------------------------------------------------------- */

struct restore {
    struct archive archive;
    char *made[ARCHIVE_MEMBERS_MAX]; /* files of ours, undone after a failure */
    size_t made_count;
};

static void make_directories(const char *path)
{
    char *copy = mem_strdup(path);

    for (char *p = copy + 1; *p; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        mkdir(copy, 0700);
        *p = '/';
    }
    mem_free(copy);
}

static troupe_status extract(struct restore *restore, const struct archive_member *member,
                             const char *path, struct error *err)
{
    troupe_status status;

    make_directories(path);
    status = archive_extract(&restore->archive, member, path, err);
    if (status >= 0)
        restore->made[restore->made_count++] = mem_strdup(path);
    return status;
}

static bool is_drop_in(const char *name)
{
    const size_t len = sizeof(DROP_INS) - 1;

    return strncmp(name, DROP_INS, len) == 0 && name[len] && name[len] != '.' &&
           !strchr(name + len, '/');
}

/* The configuration, where there is none yet. */
static troupe_status restore_config(struct restore *restore, const char *file, struct error *err)
{
    const struct archive_member *main_file = archive_find(&restore->archive, CONFIG);
    const char *slash = strrchr(file, '/');
    troupe_status status = TROUPE_OK;

    if (!main_file)
        return TROUPE_OK;
    status = extract(restore, main_file, file, err);
    for (size_t i = 0; status >= 0 && i < restore->archive.count; i++) {
        const struct archive_member *member = &restore->archive.members[i];
        _cleanup_mem_ char *path = NULL;

        if (!is_drop_in(member->name))
            continue;
        path = mem_printf("%.*s%s", slash ? (int)(slash - file) + 1 : 0, file, member->name);
        status = extract(restore, member, path, err);
    }
    return status;
}

static troupe_status restore_database(struct restore *restore, const char *path, struct error *err)
{
    static const char *const beside[] = {"", "-wal", "-shm", "-journal"};
    const struct archive_member *member = archive_find(&restore->archive, DATABASE);
    _cleanup_mem_ char *part = mem_printf("%s.part", path);
    troupe_status status;

    if (!member)
        return error_set(err, TROUPE_DATA, "there is no database in it");
    for (size_t i = 0; i < sizeof(beside) / sizeof(beside[0]); i++) {
        _cleanup_mem_ char *other = mem_printf("%s%s", path, beside[i]);

        if (access(other, F_OK) == 0)
            return error_set(err, TROUPE_CONFLICT,
                             "\"%s\" is there already: stop the host and move it away", other);
    }
    status = extract(restore, member, part, err);
    if (status >= 0)
        status = store_check(part, err);
    if (status >= 0 && rename(part, path) < 0)
        status = error_set(err, TROUPE_IO, "\"%s\": %s", path, strerror(errno));
    if (status >= 0)
        sync_directory(path);
    return status;
}

/* Undoes what is not whole; NAME.part was renamed where it is. */
static void finish(struct restore *restore, bool whole)
{
    for (size_t i = 0; i < restore->made_count; i++) {
        if (!whole)
            unlink(restore->made[i]);
        mem_free(restore->made[i]);
    }
    archive_clear(&restore->archive);
    mem_free(restore);
}

static void tell_restored(const struct restore *restore, const char *file, bool with_config,
                          const char *path)
{
    (void)printf("%s: restored, as of %s, made by version %s\n", path,
                 json_get_str(restore->archive.manifest, "made", "?"),
                 json_get_str(restore->archive.manifest, "version", "?"));
    if (with_config)
        (void)printf("%s: restored; files with secrets that it names are not in a backup\n", file);
    else
        (void)printf("%s: stays as it was\n", file ? file : "configuration");
    (void)printf("troupe check tells whether all plugins are here\n");
}

static troupe_status restore_all(struct restore *restore, struct options *options, bool quiet,
                                 struct error *err)
{
    const char *given = options->config_path;
    bool with_config = given && access(given, F_OK) < 0;
    _cleanup_mem_ char *file = NULL;
    struct setup setup;
    struct config *config;
    const char *path;
    troupe_status status = with_config ? restore_config(restore, given, err) : TROUPE_OK;

    if (status < 0)
        return status;
    setup_init(&setup, options);
    config = look(&setup, &file);
    path = database(config, err);
    status = path ? restore_database(restore, path, err) : err->status;
    if (status >= 0 && !quiet)
        tell_restored(restore, file, with_config && archive_find(&restore->archive, CONFIG), path);
    config_unref(config);
    setup_clear(&setup);
    return status;
}

int cmd_restore(struct options *options)
{
    const char *source = options->arguments[0];
    struct restore *restore = mem_zero(1, sizeof(*restore));
    struct error err = {0};
    int fd = open(source, O_RDONLY | O_CLOEXEC);
    troupe_status status;

    if (fd < 0)
        status = error_set(&err, errno == ENOENT ? TROUPE_NOT_FOUND : TROUPE_DENIED, "%s",
                           strerror(errno));
    else
        status = archive_read(&restore->archive, fd, &err);
    if (status >= 0)
        status = restore_all(restore, options, options->quiet, &err);
    finish(restore, status >= 0);
    if (fd >= 0)
        close(fd);
    return status < 0 ? tell(source, &err) : EX_OK;
}
