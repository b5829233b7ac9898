/* SPDX-License-Identifier: Apache-2.0
 *
 * A plugin's declaration (troupe/plugin.h) as the host sees it: read by size and stride, checked,
 * with everything prepared that later costs time. It points into the plugin's image and lives
 * as long as that. Immutable, any thread.
 */
#ifndef PLUGIN_MANIFEST_H
#define PLUGIN_MANIFEST_H

#include "base/error.h"
#include "config/schema.h"
#include "plugin/function.h"
#include "plugin/metric.h"
#include "plugin/note.h"
#include "plugin/registry.h"
#include "plugin/user_data.h"

#include <troupe/plugin.h>

#define PLUGIN_MAX_FUNCTIONS  128
#define PLUGIN_MAX_KEYS       256
#define PLUGIN_MAX_MIGRATIONS 1000

/* What an observer wants besides messages that address the bot. */
#define PLUGIN_EVENT_SEEN_MESSAGE 0x1u /* may be lost                            */
#define PLUGIN_EVENT_OWED_MESSAGE 0x2u /* has a row of its own, addressed or not */

/* One config key: what core/config checks by, and what is handed to the plugin. */
struct plugin_key {
    const char *name;
    uint32_t type;  /* TROUPE_TYPE_…  */
    uint32_t flags; /* TROUPE_KEY_…   */
};

struct plugin_manifest {
    const char *id, *version, *doc;
    struct plugin_function *functions;
    size_t function_count;
    /* The table for config_check (its `kind` and `name` are the caller's) and, index by index, its
     * ABI side. */
    struct config_key *schema;
    struct plugin_key *keys;
    size_t key_count;
    /* Versions 1 to migration_count, in order; its own, whole whatever the plugin's list has. */
    troupe_migration *migrations;
    size_t migration_count;
    char **capabilities;
    size_t capability_count;
    troupe_user_data *user_data; /* what it keeps about members */
    size_t user_data_count;
    struct plugin_metric *metrics; /* figures of its own */
    size_t metric_count;
    uint32_t state_version, state_oldest; /* 0: it hands no state over */
    uint32_t state_flags;                 /* TROUPE_STATE_… */
    uint32_t events;                      /* PLUGIN_EVENT_… that its observer wants */
    /* Members of the table, NULL where it has none. */
    troupe_status (*create)(troupe_host *host, void **ret_state);
    void (*destroy)(troupe_host *host, void *state);
    troupe_status (*stage)(troupe_turn *turn);
    troupe_status (*observe)(troupe_turn *turn);
    troupe_status (*job)(troupe_turn *turn, troupe_str payload);
    const void *(*get_extension)(const char *id);
    const troupe_state_v1 *state; /* its "troupe.state/1" */
};

/*
 * Reads and checks `table`; `note` is what the file said, both must agree. Extensions named in
 * `needs` must be in `registry`. The first defect is refused with a sentence that names the plugin,
 * the function and the parameter: TROUPE_DATA, TROUPE_VERSION for a table too small or an
 * extension that this host lacks, TROUPE_LIMIT for too many of something.
 */
troupe_status plugin_manifest_read(const troupe_plugin *table, const struct plugin_note *note,
                                   const struct plugin_registry *registry,
                                   struct plugin_manifest **ret, struct error *err);
/* The way back of the i-th migration of a list, NULL where it has none or is of an older minor. */
const char *plugin_migration_back(const troupe_array *declared, uint32_t i);
void plugin_manifest_free(struct plugin_manifest *manifest);

/* Whether the capability was declared: "kv", "call:llm.chat", "http:api.example.org". A declared
 * "http:*.example.org" covers every host below example.org. */
bool plugin_manifest_can(const struct plugin_manifest *manifest, const char *capability);
/* By its declared name; NULL when there is none. */
const struct plugin_function *plugin_manifest_function(const struct plugin_manifest *manifest,
                                                       const char *name);

#endif
