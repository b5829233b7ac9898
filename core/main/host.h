/* SPDX-License-Identifier: Apache-2.0
 *
 * The host: config, storage, network, plugins and engine wired together. The subcommands drive it:
 *
 *     host_boot (before the loop)  ->  host_start [waits]  ->  host_stop [waits]  ->  host_free
 *
 * Loop thread; [waits] needs a coroutine.
 */
#ifndef MAIN_HOST_H
#define MAIN_HOST_H

#include "base/buf.h"
#include "base/error.h"
#include "config/config.h"
#include "loop/loop.h"

#include <jansson.h>

struct console;
struct engine;
struct host;
struct sched;

struct host_options {
    const char *config_path;     /* NULL: none was given; see `fallback_config`             */
    const char *fallback_config; /* read where config_path is NULL and no file is installed */
    const char *const *sets;     /* --set SECTION.KEY=VALUE                                 */
    size_t set_count;
    const char *package_dir; /* of the host's own plugins; NULL: the installed one      */
    const char *runner;      /* troupe-runner; NULL: the installed one                  */
    bool console_only;       /* a talk in the terminal: Discord stays off               */
    bool one_call;           /* what agents declare for the start is left undone, too   */
};

/* The file to read: the one that was named, the installed one, or the fallback. mem_free; NULL:
 * there is none. */
char *host_config_path(const struct host_options *options);
/* The first look at the configuration, without plugins: for the loop's options, the log and the
 * paths. Strings of `options` must live as long as the host. On TROUPE_CONFIG `problems` tells. */
struct host_boot;
troupe_status host_boot(const struct host_options *options, struct host_boot **ret,
                        struct config_problems *problems);
const struct config *host_boot_config(const struct host_boot *boot);
const struct config_raw *host_boot_raw(const struct host_boot *boot);
void host_boot_free(struct host_boot *boot); /* NULL is fine */

/* Opens and starts everything; takes over `boot`, also on failure. `problems` holds what is wrong in
 * the configuration, else `err` one sentence; `ret_exit` is the sysexits code. [waits] */
troupe_status host_start(struct loop *loop, struct host_boot *boot, struct host **ret,
                         struct config_problems *problems, struct error *err, int *ret_exit);
/* The rules of `troupe check`: everything up to the plugins' trial, nothing started. [waits] */
troupe_status host_check(struct loop *loop, struct host_boot *boot,
                         struct config_problems *problems, struct config **ret_config);
/* Shows the set of agents that would be started to `look`, which may wait and whose status is given back. Takes
 * `boot` over. [waits] */
struct plugin_set;
troupe_status host_look(struct loop *loop, struct host_boot *boot, struct config_problems *problems,
                        troupe_status (*look)(void *arg, struct plugin_set *set,
                                              struct config_problems *problems),
                        void *arg);
/* Refuses new events, lets running turns end for at most `grace_ms`, then ends them. [waits] */
void host_stop(struct host *host, uint64_t grace_ms);
/* After host_stop, outside coroutines. NULL is fine. */
void host_free(struct host *host);

/* Reads everything anew and, when all of it holds, switches to it at once; else nothing changes.
 * `ret_report` gets a line for each problem or change. TROUPE_BUSY while another one runs. [waits] */
troupe_status host_reload(struct host *host, struct buf *ret_report, struct error *err);
/* Tells the owner of a refused one, where a channel is set for that. */
void host_report_reload(struct host *host, const char *report);

struct loop *host_loop(struct host *host);
struct engine *host_engine(struct host *host);
struct sched *host_sched(struct host *host);
struct console *host_console(struct host *host);
const struct config *host_config(struct host *host); /* until the next reload */
const char *host_data_dir(struct host *host);

/* For status, plugins and functions; the caller's. */
json_t *host_status(struct host *host);
json_t *host_plugins(struct host *host);
json_t *host_functions(struct host *host);

#endif
