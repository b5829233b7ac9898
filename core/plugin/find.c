/* SPDX-License-Identifier: Apache-2.0
 *
 * Which file a section's plugin is, and whether it runs in this process.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "plugin/build.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_plugin_name(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!isalnum((unsigned char)*p) && !strchr("_-.", *p))
            return false;
    return *name && *name != '.';
}

/* Takes the path that the format makes when there is a file; `tried` gathers the others. */
static bool try_place(struct buf *tried, char **ret, const char *dir, const char *format,
                      const char *name)
{
    _cleanup_buf_ struct buf path = BUF_INIT;

    buf_printf(&path, "%s/", dir);
    for (const char *p = format; *p; p++)
        if (*p == '@')
            buf_puts(&path, name);
        else
            buf_putc(&path, *p);
    if (access(buf_text(&path), F_OK) == 0) {
        *ret = buf_take(&path);
        return true;
    }
    buf_printf(tried, "%s%s", tried->len ? ", " : "", buf_text(&path));
    return false;
}

/*
 * Whether the file lies below the directory once links are followed. Then `*path` becomes the place
 * itself: what is opened later must be what was judged here, and a link of somebody else's could
 * lead elsewhere by then.
 */
static bool resolve_below(char **path, const char *dir)
{
    const char *file = *path;
    char *real_file = realpath(file, NULL), *real_dir = realpath(dir, NULL);
    size_t len = real_dir ? strlen(real_dir) : 0;
    bool below = real_file && real_dir && !strncmp(real_file, real_dir, len) &&
                 (real_file[len] == '/' || (len && real_dir[len - 1] == '/'));

    if (below) {
        mem_free(*path);
        *path = mem_strdup(real_file);
    }
    free(real_file);
    free(real_dir);
    return below;
}

static troupe_status search(const struct plugin_manager *manager, const struct config *config,
                            const char *name, char **ret, struct buf *tried)
{
    const struct config_section *plugins = config_section(config, "plugins", NULL);
    const struct config_value *path = plugins ? config_value(plugins, "path") : NULL;

    for (size_t i = 0; path && i < path->list.count; i++)
        if (try_place(tried, ret, path->list.items[i], "@.so", name))
            return TROUPE_OK;
    /* The second form is a build tree, where libtool hides what it linked. */
    if (try_place(tried, ret, manager->package_dir, "@.so", name) ||
        try_place(tried, ret, manager->package_dir, "@/.libs/@.so", name))
        return TROUPE_OK;
    return TROUPE_NOT_FOUND;
}

troupe_status plugin_find_file(const struct plugin_manager *manager, const struct config *config,
                               const struct config_section *section, char **ret, bool *ret_isolated,
                               struct config_problems *problems)
{
    const struct config_value *plugin = config_value(section, "plugin");
    const struct config_value *isolation = config_value(section, "isolation");
    const char *title = config_section_title(section), *file, *name;
    _cleanup_buf_ struct buf tried = BUF_INIT;
    _cleanup_mem_ char *path = NULL;
    unsigned line;

    file = config_section_origin(section, &line);
    name = plugin && plugin->set ? plugin->text : config_section_name(section);
    if (plugin && plugin->line) {
        file = plugin->file;
        line = plugin->line;
    }
    if (*name == '/')
        path = mem_strdup(name);
    else if (!is_plugin_name(name))
        return config_problem(
            problems, file, line,
            "key \"plugin\" in [%s]: expected a name like \"dice\" or an absolute "
            "path, got \"%s\"",
            title, name);
    else if (search(manager, config, name, &path, &tried) < 0)
        return config_problem(problems, file, line,
                              "plugin \"%s\" of [%s] was not found, looked for %s; install it, or "
                              "set its path by plugin = /path/to/%s.so",
                              name, title, buf_text(&tried), name);
    /* What the host's package did not bring runs in a process of its own, unless its owner says
     * otherwise. */
    if (isolation && isolation->set)
        *ret_isolated = !strcmp(isolation->text, "process");
    else if (manager->any_location)
        *ret_isolated = manager->isolated;
    else
        *ret_isolated = !resolve_below(&path, manager->package_dir);
    *ret = path;
    path = NULL;
    return TROUPE_OK;
}
