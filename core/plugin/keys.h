/* SPDX-License-Identifier: Apache-2.0
 *
 * The part of manifest.c that reads config keys: keys.c fills `schema`, `keys` and `key_count`, and
 * frees them, also half filled.
 */
#ifndef PLUGIN_KEYS_H
#define PLUGIN_KEYS_H

#include "plugin/manifest.h"

troupe_status plugin_keys_read(const troupe_array *declared, const char *id,
                               struct plugin_manifest *ret, struct error *err);
void plugin_keys_clear(struct plugin_manifest *manifest);

#endif
