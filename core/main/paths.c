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
        paths->sample = mem_strdup(TROUPE_DATA_DIR "/troupe.ini");
        return;
    }
    paths->uninstalled = true;
    paths->package_dir = mem_printf("%s/plugins", dir);
    paths->runner = mem_printf("%s/troupe-runner", dir);
    paths->sample = mem_printf("%s/etc/troupe.ini", source);
    paths->prices = mem_printf("%s/etc/prices.json", source);
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
    *paths = (struct paths){0};
}
