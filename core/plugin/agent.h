/* SPDX-License-Identifier: Apache-2.0
 *
 * An agent: an instance of a plugin under the name of its section, with its config, its state and
 * the handle by which it sees the host (troupe/host.h). Counted by the sets that hold it, so one
 * that a reload did not change goes from set to set with its state.
 *
 * Loop thread, except what the plugin calls through its handle (log, alloc, free, config,
 * get_extension), which is for any thread.
 */
#ifndef PLUGIN_AGENT_H
#define PLUGIN_AGENT_H

#include "base/buf.h"
#include "base/list.h"
#include "config/config.h"
#include "plugin/image.h"

#include <pthread.h>
#include <troupe/host.h>

#define PLUGIN_AGENT_MEMORY ((uint64_t)256 << 20) /* bytes an agent may hold by default */

/* Values of the section in the ABI's types: what troupe_config answers. */
struct plugin_values {
    struct plugin_value {
        char *name;
        uint32_t flags; /* TROUPE_KEY_… */
        bool set;
        troupe_value value; /* text is owned; of a secret always NULL */
    } * items;
    size_t count;
};
/* `section` NULL: nothing is set. */
void plugin_values_read(struct plugin_values *values, const struct plugin_manifest *manifest,
                        const struct config_section *section);
/* As JSON for the trial, and back; secrets only as "set". */
json_t *plugin_values_to_json(const struct plugin_values *values);
troupe_status plugin_values_from_json(struct plugin_values *values, const json_t *json,
                                      struct error *err);
void plugin_values_clear(struct plugin_values *values);

/* Where lines go that the plugin logs; NULL: the host's log under "plugin:NAME". Any thread. */
struct plugin_log {
    void (*write)(struct plugin_log *log, uint32_t level, const char *text, size_t len);
};

/* Appends "name+0x1d, " of the function at an address in the image; nothing where it has no symbols. */
typedef void (*plugin_function_name_fn)(const struct plugin_image *image, uint64_t address,
                                        struct buf *out);

struct plugin_agent {
    troupe_host host; /* first: the handle that the plugin sees */
    size_t refs;
    uint64_t generation; /* number of the set that created it */
    char *name;
    char *owner; /* "plugin:NAME", for co_owner and the log */
    const struct plugin_registry *registry;
    struct plugin_image *image; /* NULL in the runner */
    struct plugin_isolate
        *isolate; /* where it runs in a process of its own (isolate.h); else NULL */
    void (*close_isolate)(struct plugin_isolate *isolate);
    plugin_function_name_fn function_name; /* NULL: nobody tells */
    const struct plugin_manifest *manifest;
    /* The config that it was made with; a reference, may be NULL. An agent is only carried over to a
     * set whose section for it means the same, live keys included, so its values never age: what ages
     * are files and lines, and those are asked of the set's config. */
    struct config *config;
    const struct config_section *section;
    struct plugin_values values;
    struct plugin_log *log;
    const char *build_id; /* of its plugin; "" where nobody knows */
    bool created;
    void *state;      /* what create made */
    int64_t priority; /* of its services and tools: the higher one goes first */
    uint64_t calls;   /* counted by whoever calls it: see plugin_agent_invoke */
    uint64_t failures;
    bool disabled; /* not entered until the next reload; see plugin_agent_disable */
    char why_disabled[64];
    uint64_t running; /* stages and calls inside it now; counted by whoever enters it */
    /* exclusive.h */
    struct plugin_agent *successor; /* who works in its stead, referenced; NULL: it does itself */
    size_t inside;                  /* that entered by plugin_agent_enter                        */
    bool held;                      /* whoever comes waits                                       */
    struct list_link held_list;     /* of those that wait                                        */
    size_t held_count, held_max;
    struct op *drained; /* completed when nobody is inside; NULL: nobody asks            */
    uint64_t held_since_ms;
    bool held_before;  /* it took over exclusively, */
    uint64_t pause_ms; /* and its callers waited so long */

    /* Memory billed to it; under `lock`, because the handle is for any thread. */
    pthread_mutex_t lock;
    struct list_link blocks;
    uint64_t memory, memory_peak, memory_limit, block_count;
    char last_log[256]; /* the last error line, else the last line, while create runs */
    uint32_t last_level;
};

struct plugin_agent_options {
    const char *name;
    const struct plugin_manifest *manifest;
    struct plugin_image *image;           /* referenced; may be NULL */
    struct config *config;                /* referenced; may be NULL */
    const struct config_section *section; /* of `config`; may be NULL */
    const struct plugin_registry *registry;
    struct plugin_log *log;
    const char *build_id;  /* borrowed; NULL: the image's, where there is one */
    uint64_t memory_limit; /* 0: PLUGIN_AGENT_MEMORY */
    uint64_t generation;
    plugin_function_name_fn function_name; /* for what it leaves behind; may be NULL */
};

/* An agent whose create did not run yet, with one reference. */
struct plugin_agent *plugin_agent_new(const struct plugin_agent_options *options);
/* Runs the plugin's create on the caller's stack: outside coroutines or by co_on_loop_stack, for it
 * must not wait. The sentence holds what the plugin logged last. */
troupe_status plugin_agent_create(struct plugin_agent *agent, struct error *err);
struct plugin_agent *plugin_agent_ref(struct plugin_agent *agent);
/* With the last reference: destroy, then all its memory goes and the image is released. Never inside
 * a frame of the plugin. NULL is fine. */
void plugin_agent_unref(struct plugin_agent *agent);
/* The agent behind the handle that a plugin passed. */
static inline struct plugin_agent *plugin_agent_of(troupe_host *host)
{
    return (struct plugin_agent *)(void *)host;
}

/* plugin_function_invoke on a function of this agent, counted. */
troupe_status plugin_agent_invoke(struct plugin_agent *agent,
                                  const struct plugin_function *function, troupe_turn *turn,
                                  const troupe_value *values, bool *ret_entered, struct error *err);
/* The text of a key declared TROUPE_KEY_SECRET, for core/host/http_reach.c only; NULL when it is no secret
 * or not set. Never to be logged or shown. */
const char *plugin_agent_secret(const struct plugin_agent *agent, const char *key);
/* The i-th URL that the operator configured under a key declared TROUPE_KEY_ENDPOINT; NULL after the
 * last. */
const char *plugin_agent_endpoint(const struct plugin_agent *agent, size_t i);
/* Nobody enters it any more, until a reload: `why` goes on from "is switched off since it". A
 * constant, cut where it is too long. */
void plugin_agent_disable(struct plugin_agent *agent, const char *why);
bool plugin_agent_can(const struct plugin_agent *agent, const char *capability);
/* Moves the state of `old` to `agent` by "troupe.state/1" where both have it; nothing to do is
 * TROUPE_OK. At most 16 MB. Neither waits. */
troupe_status plugin_agent_take_over(struct plugin_agent *agent, struct plugin_agent *old,
                                     struct error *err);
/* Whether `agent` could: oldest <= written <= current. The sentence names both versions. */
troupe_status plugin_agent_accepts(const struct plugin_agent *agent, const struct plugin_agent *old,
                                   struct error *err);

#endif
