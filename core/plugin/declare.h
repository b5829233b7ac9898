/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin's declaration without its code: what the runner read from a plugin that the host never
 * maps, and what the host makes of it. It says nothing that is believed: the host checks it like any
 * other table (manifest.h).
 */
#ifndef PLUGIN_DECLARE_H
#define PLUGIN_DECLARE_H

#include "base/arena.h"
#include "plugin/manifest.h"
#include "plugin/wire.h"

#define PLUGIN_DECLARE_MAX (480u << 10) /* bytes of a declaration; migrations are the most of it */

/* What a plugin has besides functions: bits in the bytes. */
#define DECLARE_HAS_CREATE  0x01
#define DECLARE_HAS_DESTROY 0x02
#define DECLARE_HAS_STAGE   0x04
#define DECLARE_HAS_OBSERVE 0x08
#define DECLARE_HAS_JOB     0x10
#define DECLARE_HAS_STATE   0x20

struct plugin_declared {
    struct buf bytes; /* texts point into it */
    struct arena arena;
    troupe_plugin table;
    struct plugin_manifest *manifest;
};

/* In the runner, of a table that plugin_manifest_read has accepted. */
void plugin_declare_pack(const troupe_plugin *table, struct buf *out);
/*
 * Takes the bytes over and reads and checks them; a manifest whose functions and members go to the
 * agent's process (isolate.h). TROUPE_DATA and the failures of plugin_manifest_read; extensions that
 * the runner cannot offer are not there.
 */
troupe_status plugin_declare_read(struct buf *bytes, const struct plugin_note *note,
                                  const struct plugin_registry *registry,
                                  struct plugin_declared **ret, struct error *err);
void plugin_declared_free(struct plugin_declared *declared); /* NULL is fine */

#endif
