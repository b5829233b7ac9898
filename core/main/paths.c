/* SPDX-License-Identifier: Apache-2.0 */
#include "main/paths.h"

#include "base/mem.h"
#include "base/text.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The value of `abs_top_srcdir = …` in a makefile, or NULL. */
static char *source_dir_of(const char *makefile)
{
    static const char name[] = "abs_top_srcdir = ";
    FILE *file = fopen(makefile, "re");
    char line[PATH_MAX + sizeof(name)], *found = NULL;

    while (file && !found && fgets(line, sizeof(line), file)) {
        char *whole =
            text_starts(line, name) ? realpath(text_trim(line + sizeof(name) - 1), NULL) : NULL;

        if (whole)
            found = mem_strdup(whole);
        free(whole);
    }
    if (file)
        (void)fclose(file);
    return found;
}

/* ROOT of ROOT/usr/bin where the package was made for /usr/bin and its parts lie in that root; NULL for
 * "/" and for any other place. */
static char *root_of(const char *dir)
{
    size_t len = strlen(dir), suffix = strlen(TROUPE_BIN_DIR);
    _cleanup_mem_ char *root = NULL;
    _cleanup_mem_ char *runner = NULL;

    if (len <= suffix || strcmp(dir + len - suffix, TROUPE_BIN_DIR) != 0)
        return NULL;
    root = mem_strndup(dir, len - suffix);
    runner = mem_printf("%s" TROUPE_LIBEXEC_DIR "/troupe-runner", root);
    return access(runner, X_OK) == 0 ? mem_strdup(root) : NULL;
}

static void init_installed(struct paths *paths, const char *root)
{
    paths->sample = mem_printf("%s" TROUPE_DATA_DIR "/troupe.ini", root ? root : "");
    paths->libexec = mem_printf("%s" TROUPE_LIBEXEC_DIR, root ? root : "");
    paths->templates = mem_printf("%s" TROUPE_DATA_DIR "/template", root ? root : "");
    if (!root)
        return;
    paths->package_dir = mem_printf("%s" TROUPE_PLUGIN_DIR, root);
    paths->runner = mem_printf("%s" TROUPE_LIBEXEC_DIR "/troupe-runner", root);
    paths->prices = mem_printf("%s" TROUPE_DATA_DIR "/prices.json", root);
}

void paths_init_for(struct paths *paths, const char *exe)
{
    const char *slash = strrchr(exe, '/');
    _cleanup_mem_ char *dir = mem_strndup(exe, slash ? (size_t)(slash - exe) : 0);
    _cleanup_mem_ char *archive = mem_printf("%s/libtroupe.a", dir);
    _cleanup_mem_ char *makefile = mem_printf("%s/Makefile", dir);
    _cleanup_mem_ char *source = NULL;

    *paths = (struct paths){0};
    if (slash && access(archive, R_OK) == 0)
        source = source_dir_of(makefile);
    if (!source) {
        _cleanup_mem_ char *root = root_of(dir);

        init_installed(paths, root);
        return;
    }
    paths->uninstalled = true;
    paths->package_dir = mem_printf("%s/plugins", dir);
    paths->runner = mem_printf("%s/troupe-runner", dir);
    paths->sample = mem_printf("%s/etc/troupe.ini", source);
    paths->prices = mem_printf("%s/etc/prices.json", source);
    paths->libexec = mem_strdup(dir);
    paths->templates = mem_printf("%s/sdk/template", source);
}

void paths_init(struct paths *paths)
{
    char exe[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

    exe[len > 0 ? len : 0] = 0;
    paths_init_for(paths, exe);
}

void paths_clear(struct paths *paths)
{
    mem_free(paths->package_dir);
    mem_free(paths->runner);
    mem_free(paths->sample);
    mem_free(paths->prices);
    mem_free(paths->libexec);
    mem_free(paths->templates);
    *paths = (struct paths){0};
}
