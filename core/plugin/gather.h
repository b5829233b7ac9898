/* SPDX-License-Identifier: Apache-2.0
 *
 * The first step of a build: which agents there are, and an image of each one's file. Directories
 * are searched and files are read, hashed and compared by a worker; only the list of images is the
 * loop's.
 */
#ifndef PLUGIN_GATHER_H
#define PLUGIN_GATHER_H

#include "plugin/set.h"

/* One enabled [agent NAME]; the texts are the config's. */
struct plugin_gathered {
    const char *name;
    const char *file; /* where its section stands */
    unsigned line;
    bool isolated;              /* it is to run in a process of its own */
    struct plugin_image *image; /* a reference */
};

/*
 * Looks at every agent of `look`. What is wrong with one goes to `problems` and leaves it out. Items
 * are the caller's, in the order of sections. Nothing is given where it could not be done at all:
 * TROUPE_CONFIG, when no worker was free, or the end of the caller's scope. [waits]
 */
troupe_status plugin_gather(struct plugin_manager *manager, struct config *look,
                            struct config_problems *problems, struct plugin_gathered **ret,
                            size_t *ret_count);

#endif
