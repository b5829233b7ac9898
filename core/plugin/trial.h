/* SPDX-License-Identifier: Apache-2.0
 *
 * A new plugin's first steps happen in a process that is thrown away: `troupe-runner` maps the sealed
 * copy, checks the declaration and, in the second form, creates and destroys an agent with the new
 * config. It has an empty environment, no descriptors but its own, limits on memory and time, never
 * sees a secret, and runs in a sandbox (sandbox.h): constructors and `create` open no file but those
 * that the config names, and reach no network and no other process. What crashes or spins there is
 * named here, and the host has not moved.
 */
#ifndef PLUGIN_TRIAL_H
#define PLUGIN_TRIAL_H

#include "loop/pool.h"
#include "plugin/agent.h"
#include "plugin/trials.h"

#define PLUGIN_TRIAL_MS     2500       /* for each of the two forms: a verdict within 3 s     */
#define PLUGIN_TRIAL_RESULT (48 << 10) /* bytes of log and sentence that are kept            */
#define PLUGIN_TRIAL_ANSWER (1 << 20)  /* the same of DESCRIBE                               */

/* What the runner does. */
#define PLUGIN_TRIAL_LOAD     0 /* map, constructors, entry, declaration */
#define PLUGIN_TRIAL_CREATE   1 /* the same, then create and destroy     */
#define PLUGIN_TRIAL_LOOK     2 /* LOAD, and tells what the table holds, also one that is refused */
#define PLUGIN_TRIAL_MAKE     3 /* CREATE with the defaults, where no key is required             */
#define PLUGIN_TRIAL_DESCRIBE 4 /* LOAD, and tells all that is declared (present.h)               */
#define PLUGIN_TRIAL_DECLARE  5 /* LOAD, and tells the declaration itself (declare.h)             */
#define PLUGIN_TRIAL_SERVE    6 /* no trial: loads, creates the agent and stays (isolate.h)       */

struct plugin_trial {
    const char *runner; /* path of troupe-runner */
    unsigned mode;
    const struct plugin_image *image;
    const struct plugin_registry *registry; /* only ids and sizes are told */
    const char *agent;                      /* name; CREATE only           */
    const struct plugin_values *values;     /* CREATE only                 */
    uint64_t timeout_ms;                    /* 0: PLUGIN_TRIAL_MS          */
    unsigned sandbox;                       /* PLUGIN_SANDBOX_…            */
    json_t *answer;     /* an object that gets what LOOK and DESCRIBE tell; NULL: nobody asks */
    struct buf *warned; /* gets the lines that the plugin logged as warnings; NULL: nobody asks */
};

/*
 * Runs one trial on a worker. On failure `err` is the sentence: what the plugin's check or create
 * said (TROUPE_CONFIG, TROUPE_DATA …), the signal it died of (TROUPE_CRASHED), that it asked the
 * system for what ends a process in the sandbox (TROUPE_DENIED), or that it did not finish (TROUPE_DEADLINE); TROUPE_BUSY when no worker was free. `log` (may be NULL) gets the lines
 * that the plugin logged, one each. The child is gone when it returns; when the caller is cancelled
 * a worker ends it at once. [waits]
 */
troupe_status plugin_trial_run(struct pool *pool, const struct plugin_trial *trial, struct buf *log,
                               struct error *err);
/* A digest of all that decides a trial: the plugin's bytes, its form, the agent's config and what
 * the host offers. The runner's path and the time are left out. */
void plugin_trial_key(const struct plugin_trial *trial, char ret[PLUGIN_BUILD_ID_LEN + 1]);
/* The runner's request as JSON text, mem_free; NULL where a text in it is no UTF-8. */
char *plugin_trial_request(const struct plugin_trial *trial);
/*
 * Path of the runner: `option` where it is given, else TROUPE_LIBEXEC_DIR of this build. The
 * caller's, to be freed with mem_free. TROUPE_NOT_FOUND names where it was looked for.
 */
troupe_status plugin_runner_find(const char *option, char **ret, struct error *err);

#endif
