/* SPDX-License-Identifier: Apache-2.0
 *
 * What the first look at the configuration found; see host_boot in main/host.h.
 */
#ifndef MAIN_BOOT_H
#define MAIN_BOOT_H

#include "main/host.h"

struct host_boot {
    struct host_options options;
    char *path; /* NULL: defaults only */
    struct config_raw *raw;
    struct config *config; /* of the core's sections alone */
};

#endif
