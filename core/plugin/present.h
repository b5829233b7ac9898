/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin's declaration for those who install it: a section for their INI file, one for a manual
 * page, and schemas for programs. All of it comes from what the plugin declares, so it is right where
 * the plugin is. Texts of a stranger's plugin: whoever shows them on a terminal filters them.
 */
#ifndef PLUGIN_PRESENT_H
#define PLUGIN_PRESENT_H

#include "base/buf.h"
#include "plugin/manifest.h"

/* "dice" of "org.example.dice": what an agent of it would be called. mem_free. */
char *plugin_present_name(const char *id);

/*
 * [agent NAME] with the plugin's file, each key with its doc, what it takes and its default behind a
 * ";", and those that are required with an example. It holds as it stands, but for secrets, which are
 * taken from the environment.
 */
void plugin_present_sample(const struct plugin_manifest *manifest, const char *path,
                           struct buf *out);
/* The same and the functions as man(7) has it, from ".SH" on. */
void plugin_present_man(const struct plugin_manifest *manifest, struct buf *out);

/* The plugin's own keys as a JSON schema (2020-12) of an object. The caller's. */
json_t *plugin_present_config(const struct plugin_manifest *manifest);
/* Its functions: name, usage, flags by name, and the tool schema of those a model may call. */
json_t *plugin_present_functions(const struct plugin_manifest *manifest);
/* What it is and may do: id, version, doc, capabilities, events, parts. */
json_t *plugin_present_head(const struct plugin_manifest *manifest);

/* ---- for present_json.c --------------------------------------------------------------------- */

/* The value of a key as it is written: its default, or one that it takes. mem_free. */
char *plugin_present_value(const struct plugin_manifest *manifest, size_t key);

#endif
