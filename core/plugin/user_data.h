/* SPDX-License-Identifier: Apache-2.0
 *
 * What a plugin says it keeps about members (troupe/user_data.h), read and checked. Immutable, any
 * thread.
 */
#ifndef PLUGIN_USER_DATA_H
#define PLUGIN_USER_DATA_H

#include "base/error.h"

#include <troupe/plugin.h>
#include <troupe/user_data.h>

#define PLUGIN_MAX_USER_DATA 64

struct plugin_manifest;

/* Into manifest->user_data, whose members are all set then; its capabilities are read already. A
 * declaration that does not hold: TROUPE_DATA, TROUPE_LIMIT. */
troupe_status plugin_user_data_read(const troupe_plugin *table, struct plugin_manifest *manifest,
                                    struct error *err);

#endif
