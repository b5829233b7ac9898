/* SPDX-License-Identifier: Apache-2.0
 *
 * The order of the layers: main file, conf.d, command line. Every file is read through `load`,
 * which keeps the chain of files that are open, to find a file that includes itself.
 */
#include "base/mem.h"
#include "base/text.h"
#include "config/command.h"

#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct loader {
    struct config_raw *raw;
    struct config_problems *problems;
    unsigned files; /* beside the main file */
    unsigned depth;
    struct {
        dev_t dev;
        ino_t ino;
    } chain[CONFIG_MAX_DEPTH + 1];
};

static void take_include(void *user, const struct raw_source *source, unsigned line,
                         const char *pattern);

/* The directory of a file, absolute; the caller's. */
static char *dir_of(const char *path)
{
    char *whole = config_resolve_path(NULL, path), *slash = strrchr(whole, '/');

    if (slash == whole)
        slash++;
    *slash = '\0';
    return whole;
}

/* A file whose text held secrets leaves none behind. */
static void wipe(struct buf *text)
{
    if (text->data)
        explicit_bzero(text->data, text->cap);
    buf_clear(text);
}

/* Reads one file; `by` and `line` name who asked, NULL for the main file and conf.d. */
static void load(struct loader *loader, const char *path, const struct raw_source *by,
                 unsigned line)
{
    const struct ini_include include = {take_include, loader};
    __attribute__((cleanup(wipe))) struct buf text = BUF_INIT;
    _cleanup_mem_ char *dir = NULL;
    struct raw_source *source;
    struct error err = {0};
    struct stat info;

    if (config_read_file(path, CONFIG_MAX_FILE, &text, &info, &err) < 0) {
        problem_at(loader->problems, by, line, "%s", err.text);
        return;
    }
    for (unsigned i = 0; i < loader->depth; i++) {
        if (loader->chain[i].dev == info.st_dev && loader->chain[i].ino == info.st_ino) {
            problem_at(loader->problems, by, line, "\"%s\" includes itself%s; remove one include",
                       path, i + 1 < loader->depth ? " through other files" : "");
            return;
        }
    }
    if (loader->depth > CONFIG_MAX_DEPTH) {
        problem_at(loader->problems, by, line, "\"%s\" is included more than %d levels deep", path,
                   CONFIG_MAX_DEPTH);
        return;
    }
    dir = dir_of(path);
    source = raw_source_add(loader->raw, path, dir);
    source->exposed = info.st_mode & S_IROTH;
    source->writable = info.st_mode & (S_IWGRP | S_IWOTH);
    loader->chain[loader->depth].dev = info.st_dev;
    loader->chain[loader->depth].ino = info.st_ino;
    loader->depth++;
    ini_read(loader->raw, source, buf_text(&text), text.len, &include, loader->problems);
    loader->depth--;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Loads what a pattern matches, in byte order; `must_match`: a pattern for nothing is an error. */
static void load_pattern(struct loader *loader, const char *pattern, bool must_match,
                         const struct raw_source *by, unsigned line)
{
    glob_t found = {0};
    int status = glob(pattern, GLOB_NOSORT | GLOB_ERR, NULL, &found);

    if (status == GLOB_NOMATCH && must_match)
        problem_at(loader->problems, by, line, "include: there is no file \"%s\"", pattern);
    else if (status && status != GLOB_NOMATCH)
        problem_at(loader->problems, by, line, "cannot read the directory of \"%s\": %s", pattern,
                   strerror(errno));
    if (!status)
        qsort(found.gl_pathv, found.gl_pathc, sizeof(*found.gl_pathv), by_bytes);
    for (size_t i = 0; !status && i < found.gl_pathc; i++) {
        if (loader->files == CONFIG_MAX_INCLUDES) {
            problem_at(loader->problems, by, line, "more than %d included files",
                       CONFIG_MAX_INCLUDES);
            break;
        }
        loader->files++;
        load(loader, found.gl_pathv[i], by, line);
    }
    globfree(&found);
}

static void take_include(void *user, const struct raw_source *source, unsigned line,
                         const char *pattern)
{
    struct loader *loader = user;
    _cleanup_mem_ char *path = NULL;

    if (!*pattern) {
        problem_at(loader->problems, source, line, "include: expected a path");
        return;
    }
    path = config_resolve_path(source->dir, pattern);
    /* A pattern may match nothing yet, a plain name must exist. */
    load_pattern(loader, path, !strpbrk(pattern, "*?["), source, line);
}

static void refuse_include(void *user, const struct raw_source *source, unsigned line,
                           const char *pattern)
{
    (void)pattern;
    problem_at(user, source, line, "include: a text without a place cannot include files");
}

/* "conf.d" beside the main file; a directory's name may hold glob characters, so no pattern here. */
static void load_drop_ins(struct loader *loader, const char *main_path)
{
    const char *slash = strrchr(main_path, '/');
    _cleanup_mem_ char *dir =
        mem_printf("%.*sconf.d", slash ? (int)(slash - main_path) + 1 : 0, main_path);
    struct buf pattern = BUF_INIT;

    if (access(dir, F_OK) < 0 && errno == ENOENT)
        return;
    for (const char *p = dir; *p; p++) {
        if (strchr("*?[\\", *p))
            buf_putc(&pattern, '\\');
        buf_putc(&pattern, *p);
    }
    buf_puts(&pattern, "/*.ini");
    load_pattern(loader, buf_text(&pattern), false, NULL, 0);
    buf_clear(&pattern);
}

/* "agent llm.model=x": the key has no dot, so the last one before the "=" ends the section. */
static void take_set(struct loader *loader, const struct raw_source *source, const char *set)
{
    const char *equals = strchr(set, '='), *dot;
    _cleanup_mem_ char *title = NULL, *key = NULL;
    struct raw_section *section;
    struct error err = {0};

    dot = equals ? memrchr(set, '.', (size_t)(equals - set)) : NULL;
    if (!dot) {
        /* Not quoted: it may hold a secret. */
        problem_at(loader->problems, source, 0,
                   "expected SECTION.KEY=VALUE, for example \"agent llm.model=NAME\"");
        return;
    }
    if (!text_is_utf8(set, strlen(set))) {
        problem_at(loader->problems, source, 0, "the argument is not UTF-8 text");
        return;
    }
    title = mem_strndup(set, (size_t)(dot - set));
    key = mem_strndup(dot + 1, (size_t)(equals - dot) - 1);
    section = raw_section_add(loader->raw, title, source, 0, &err);
    if (!section ||
        raw_entry_add(loader->raw, section, text_trim(key), equals + 1, source, 0, &err) < 0)
        problem_at(loader->problems, source, 0, "%s", err.text);
}

/* Hands `raw` over when reading it added no error to the `before` that were there. */
static troupe_status finish(struct config_raw *raw, const struct config_problems *problems,
                            size_t before, struct config_raw **ret)
{
    if (problems->errors != before) {
        config_raw_free(raw);
        return TROUPE_CONFIG;
    }
    *ret = raw;
    return TROUPE_OK;
}

static struct config_raw *read_layers(const char *path, const char *const *sets, size_t set_count,
                                      struct config_problems *problems)
{
    struct loader loader = {.raw = raw_new(), .problems = problems};
    struct raw_source *source;

    if (path) {
        loader.raw->path = arena_strdup(&loader.raw->arena, path);
        load(&loader, path, NULL, 0);
        load_drop_ins(&loader, path);
    }
    source = raw_source_add(loader.raw, "--set", NULL);
    source->command_line = true;
    for (size_t i = 0; i < set_count; i++)
        take_set(&loader, source, sets[i]);
    return loader.raw;
}

troupe_status config_parse(const char *path, const char *const *sets, size_t set_count,
                           struct config_raw **ret, struct config_problems *problems)
{
    const size_t before = problems->errors;
    struct config_raw *raw = read_layers(path, sets, set_count, problems);

    /* Not for a configuration that is refused anyway: a secret store may ask somebody. */
    if (problems->errors == before)
        raw_run_commands(raw, problems);
    return finish(raw, problems, before, ret);
}

struct config *config_look(const char *path, const char *const *sets, size_t set_count)
{
    struct config_problems problems = {0};
    struct config_raw *raw = read_layers(path, sets, set_count, &problems);
    struct config *config = NULL;

    (void)config_check(raw, NULL, 0, CONFIG_CHECK_OPEN | CONFIG_CHECK_LENIENT, &config, &problems);
    config_raw_free(raw);
    config_problems_clear(&problems);
    return config;
}

troupe_status config_parse_text(const char *name, const char *text, size_t len,
                                struct config_raw **ret, struct config_problems *problems)
{
    const struct ini_include include = {refuse_include, problems};
    struct config_raw *raw = raw_new();
    const size_t before = problems->errors;

    if (len > CONFIG_MAX_FILE)
        config_problem(problems, name, 0, "the text is larger than %d bytes", CONFIG_MAX_FILE);
    else
        ini_read(raw, raw_source_add(raw, name, NULL), text, len, &include, problems);
    return finish(raw, problems, before, ret);
}
