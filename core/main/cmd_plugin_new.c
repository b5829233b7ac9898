/* SPDX-License-Identifier: Apache-2.0
 *
 * `troupe plugin new NAME [--lang LANGUAGE]`: a project of the author's own, from the files of
 * sdk/template/LANGUAGE. In their names NAME, in their texts @NAME@ and @ID@ are replaced; "gitignore"
 * gets its dot, and a last ".in" goes. All of the folder is there afterwards, or nothing.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "main/cmd.h"
#include "main/paths.h"
#include "main/print.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#define NAME_LEN_MAX 32 /* as of a function */
#define FILES_MAX    16 /* of a template */
#define FILE_MAX     (64 << 10)

struct project {
    const char *name;
    char *written[FILES_MAX]; /* paths */
    size_t count;
};

/* The name is also that of a C function and of an agent. */
static bool name_fits(const char *name)
{
    size_t len = strlen(name);

    return len && len <= NAME_LEN_MAX && *name >= 'a' && *name <= 'z' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len;
}

static int fail(int code, char *sentence)
{
    print_failure(sentence);
    mem_free(sentence);
    return code;
}

/* `text` with every `what` replaced. */
static void replace(const char *text, const char *what, const char *by, struct buf *out)
{
    const char *found;

    while ((found = strstr(text, what))) {
        buf_append(out, text, (size_t)(found - text));
        buf_puts(out, by);
        text = found + strlen(what);
    }
    buf_puts(out, text);
}

static bool read_text(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "re");
    char piece[4096];
    size_t n;
    bool good;

    if (!file)
        return false;
    while (out->len <= FILE_MAX && (n = fread(piece, 1, sizeof(piece), file)) > 0)
        buf_append(out, piece, n);
    good = !ferror(file) && out->len <= FILE_MAX;
    (void)fclose(file);
    return good;
}

static bool write_text(const char *path, const struct buf *text)
{
    FILE *file = fopen(path, "wxe");
    bool good = file && fwrite(text->data, 1, text->len, file) == text->len;

    if (file && fclose(file) != 0)
        good = false;
    return good;
}

/* One file of the template; the exit status. */
static int copy_file(struct project *project, const char *dir, const char *entry)
{
    _cleanup_buf_ struct buf text = BUF_INIT, named = BUF_INIT, whole = BUF_INIT, target = BUF_INIT;
    _cleanup_mem_ char *source = mem_printf("%s/%s", dir, entry);
    _cleanup_mem_ char *id = mem_printf("org.example.%s", project->name);

    if (project->count == FILES_MAX || !read_text(source, &text))
        return fail(EX_OSFILE,
                    mem_printf("cannot read the template \"%s\": %s; install the whole package",
                               source, strerror(errno)));
    replace(buf_text(&text), "@NAME@", project->name, &named);
    replace(buf_text(&named), "@ID@", id, &whole);
    buf_printf(&target, "%s/", project->name);
    if (strcmp(entry, "gitignore") == 0)
        buf_putc(&target, '.');
    replace(entry, "NAME", project->name, &target);
    if (target.len > 3 && strcmp(target.data + target.len - 3, ".in") == 0)
        target.data[target.len -= 3] = '\0';
    if (!write_text(buf_text(&target), &whole))
        return fail(EX_CANTCREAT, mem_printf("cannot write \"%s\": %s; look at the disk and the "
                                             "folder's rights",
                                             buf_text(&target), strerror(errno)));
    project->written[project->count++] = mem_strdup(buf_text(&target));
    return EX_OK;
}

static int copy_all(struct project *project, const char *dir, DIR *template)
{
    const struct dirent *entry;
    int code = EX_OK;

    while (!code && (entry = readdir(template))) {
        if (*entry->d_name != '.')
            code = copy_file(project, dir, entry->d_name);
    }
    if (code) {
        for (size_t i = 0; i < project->count; i++)
            (void)unlink(project->written[i]);
        (void)rmdir(project->name);
    }
    for (size_t i = 0; i < project->count; i++)
        mem_free(project->written[i]);
    return code;
}

static int no_language(const char *lang)
{
    return fail(EX_USAGE,
                mem_printf("there is no template for the language \"%s\": use --lang c or "
                           "--lang c++",
                           lang));
}

static int create(struct project *project, const struct options *options, const char *dir)
{
    DIR *template = opendir(dir);
    int code;

    if (!template && errno == ENOENT && options->lang && strcmp(options->lang, "c") != 0)
        return no_language(options->lang);
    if (!template)
        return fail(EX_OSFILE, mem_printf("cannot read the templates in \"%s\": %s; install the "
                                          "whole package",
                                          dir, strerror(errno)));
    if (mkdir(project->name, 0777) < 0) {
        code =
            errno == EEXIST
                ? fail(EX_CANTCREAT, mem_printf("\"%s\" is there already: choose another name, or "
                                                "move it away",
                                                project->name))
                : fail(EX_CANTCREAT, mem_printf("cannot make the folder \"%s\": %s; go to a folder "
                                                "that you may write",
                                                project->name, strerror(errno)));
    } else {
        code = copy_all(project, dir, template);
    }
    (void)closedir(template);
    return code;
}

int cmd_plugin_new(struct options *options)
{
    struct project project = {.name = options->argument_count == 2 ? options->arguments[1] : ""};
    _cleanup_mem_ char *dir = NULL;
    struct paths paths;
    int code;

    if (!name_fits(project.name))
        return fail(
            EX_USAGE,
            mem_printf("\"%s\" cannot be a plugin's name: take a small letter first, then small "
                       "letters, digits and _, at most %d",
                       project.name, NAME_LEN_MAX));
    if (options->lang && (!*options->lang || strchr(options->lang, '/') || *options->lang == '.'))
        return no_language(options->lang);
    paths_init(&paths);
    dir = mem_printf("%s/%s", paths.templates, options->lang ? options->lang : "c");
    code = create(&project, options, dir);
    paths_clear(&paths);
    if (!code && !options->quiet)
        (void)printf("%s: a plugin that answers /%s\nNext: cd %s && make && make test\n",
                     project.name, project.name, project.name);
    return code;
}
