/* SPDX-License-Identifier: Apache-2.0
 *
 * The extensions that this host offers to plugins, by id: "troupe.kv/1" -> table. core/plugin knows
 * them only as tables that begin with their size; core/host registers them before the first set is
 * built. Immutable from then on, so any thread may look up.
 */
#ifndef PLUGIN_REGISTRY_H
#define PLUGIN_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <troupe/abi.h>

#define PLUGIN_MAX_EXTENSIONS 64

struct plugin_agent;

struct plugin_extension {
    const char *id;    /* static                                     */
    const void *table; /* static; its first member is a uint32_t size */
};

/* A zeroed struct is empty. */
struct plugin_registry {
    struct plugin_extension items[PLUGIN_MAX_EXTENSIONS];
    size_t count;
    /* What was set above the agent's section for whoever it works for now; NULL: nobody can tell.
     * TROUPE_NOT_FOUND: the section's value counts. Any thread. */
    troupe_status (*setting)(struct plugin_agent *agent, const char *key, troupe_value *ret);
    /* What an isolated agent needs beyond the tables (isolate.h); NULL: it is not there. In the
     * coroutine of what runs for `turn`. [waits] */
    const struct plugin_elsewhere *elsewhere;
};

struct plugin_elsewhere {
    /* troupe_work, done by `compute` where nothing is recorded of it yet. `out` has `out_len` bytes. */
    troupe_status (*work)(troupe_turn *turn, const void *in, uint64_t in_len, void *out,
                          uint64_t out_len,
                          troupe_status (*compute)(void *arg, void *out, uint64_t out_len),
                          void *arg);
    /* The process of what runs for `turn` died. TROUPE_PARKED: the whole turn is put aside and runs
     * again at once, from its record. TROUPE_OK: nothing is recorded here, so this may be entered
     * again, where it had no effect. Below that: neither. `blamed`: it had the processor, which is
     * kept with the turn's event. */
    troupe_status (*again)(troupe_turn *turn, bool blamed);
    /* It died of the same a second time, and what runs for `turn` fails: a turn that ends by that is a
     * dead letter. */
    void (*twice)(troupe_turn *turn);
};

/* Registering an id twice or too many is an error in the program and aborts it. */
void plugin_registry_add(struct plugin_registry *registry, const struct plugin_extension *items,
                         size_t count);
/* NULL where this host has none. This is the get_extension of both hosts and turns. */
const void *plugin_registry_find(const struct plugin_registry *registry, const char *id);

#endif
