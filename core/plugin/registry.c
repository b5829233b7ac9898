/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/registry.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void plugin_registry_add(struct plugin_registry *registry, const struct plugin_extension *items,
                         size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (registry->count == PLUGIN_MAX_EXTENSIONS ||
            plugin_registry_find(registry, items[i].id)) {
            fprintf(stderr, "extension \"%s\" is registered twice or one too many\n", items[i].id);
            abort();
        }
        registry->items[registry->count++] = items[i];
    }
}

const void *plugin_registry_find(const struct plugin_registry *registry, const char *id)
{
    /* A dozen entries at most, asked for at the start of a call: a scan beats a hash. */
    for (size_t i = 0; i < registry->count; i++)
        if (!strcmp(registry->items[i].id, id))
            return registry->items[i].table;
    return NULL;
}
