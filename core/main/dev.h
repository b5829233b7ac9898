/* SPDX-License-Identifier: Apache-2.0
 *
 * `troupe dev`: an author's plugin, built, checked and swapped on every save. The parts of it:
 *
 *   dev_watch.c    which files of the project changed
 *   dev_child.c    programs that it runs: make, this program again, the host
 *   dev_build.c    one round: make, check, describe, swap
 *   dev_change.c   what two builds declare differently
 *   dev_host.c     the host of its own: its configuration, its process, its log
 *   dev_console.c  the chat in the terminal, which outlives hosts
 *
 * One thread polls all of it; the chat has another one.
 */
#ifndef MAIN_DEV_H
#define MAIN_DEV_H

#include "base/buf.h"
#include "base/json.h"
#include "main/options.h"
#include "main/paths.h"
#include "plugin/copy.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/types.h>

#define DEV_DEBOUNCE_MS 120          /* of silence behind a save, for editors write in steps    */
#define DEV_PATIENCE_MS 1000         /* then it is built in any case                            */
#define DEV_MAKE_MS     (10 * 60000) /* each step of a round has a deadline                      */
#define DEV_STEP_MS     (3 * 60000)
#define DEV_START_MS    30000
#define DEV_STOP_MS     30000
#define DEV_BUILDS_MAX  8                   /* copies that are kept, for the lines of their code */
#define DEV_OUTPUT_MAX  ((size_t)256 << 10) /* of a step, its beginning                          */
#define DEV_ANSWER_MAX  ((size_t)4 << 20)   /* of a description                                  */

/* ---- a program ------------------------------------------------------------------------------- */

struct dev_child {
    pid_t pid; /* 0: none */
    int pidfd, out;
    struct buf text; /* what it wrote, both outputs */
    bool cut;        /* it wrote more than text.max */
};

/* Starts argv[0] (found by PATH) in a process group of its own, without input; its output comes from
 * `out`. It goes with this process. False: it cannot be started. */
bool dev_child_start(struct dev_child *child, const char *const argv[], size_t max);
/* Takes what it has written. */
void dev_child_read(struct dev_child *child);
/* After its pidfd was readable: takes the rest, gives the wait status. The text stays. */
int dev_child_reap(struct dev_child *child);
/* Ends its whole group at once and forgets it. */
void dev_child_kill(struct dev_child *child);
/* Waits for its end; false where it was killed at the deadline. */
bool dev_child_wait(struct dev_child *child, uint64_t within_ms, int *ret_status);

/* ---- the project's files --------------------------------------------------------------------- */

struct dev_watch {
    int fd;
    uint64_t first_ms, last_ms; /* of changes that nothing was made of yet; 0: none */
    bool gone;                  /* the folder itself */
    struct {
        int wd;
        char *path;
    } dirs[64];
    size_t dir_count;
};

troupe_status dev_watch_open(struct dev_watch *watch, const char *dir, struct error *err);
void dev_watch_close(struct dev_watch *watch);
/* The descriptor is readable. */
void dev_watch_read(struct dev_watch *watch);
/* Milliseconds until the changes have settled; 0: now, -1: there are none. */
int dev_watch_due(const struct dev_watch *watch);
void dev_watch_forget(struct dev_watch *watch);

/* ---- all of it ------------------------------------------------------------------------------- */

enum dev_step { DEV_REST, DEV_MAKE, DEV_CHECK, DEV_DESCRIBE, DEV_START, DEV_SWAP };

struct dev_build {
    unsigned number; /* 0: none */
    char id[PLUGIN_BUILD_ID_LEN + 1];
    char *path;        /* a copy of its own */
    json_t *described; /* what it declares; NULL: not known yet */
};

struct dev {
    struct options *options;
    struct paths paths;
    char program[PATH_MAX]; /* this one */
    char *dir, *folder;     /* the project; a temporary one of ours */
    char *agent;            /* of the plugin's file; "" before the first build */
    char *socket, *config, *data, *plugin;
    int signals;
    struct dev_watch watch;

    enum dev_step step;
    struct dev_child job;
    uint64_t job_late_ms, round_ms, made_ms; /* the last one: when make ended last */
    bool echo;                               /* the round came of changes while make ran */
    struct dev_build building;               /* what the round is about */
    struct dev_build serving;                /* what the host runs      */
    struct dev_build kept[DEV_BUILDS_MAX];   /* older ones; paths only */
    unsigned built;

    struct dev_child model, host;
    uint64_t host_late_ms;
    bool stopping; /* the host, because it was told to */
    bool over;     /* all of it */

    struct dev_console *console; /* NULL: none is open */
    bool answered;               /* the host has, to its "chat" */
    int exit_code;
};

/* A line for the author: in the terminal above what is being typed. Text of others is made safe. */
void dev_say(struct dev *dev, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The same for text of any length as it stands. */
void dev_show(struct dev *dev, const char *text);
char *dev_path(const struct dev *dev, const char *name);

/* Begins a round, where none runs. */
void dev_round_begin(struct dev *dev);
/* The step's program has ended, or `late`: it did not. */
void dev_round_step(struct dev *dev, bool late);
/* The round is over; what it was about goes. */
void dev_round_rest(struct dev *dev);
void dev_build_clear(struct dev_build *build);
/* Puts a build where the host reads it. */
bool dev_install(struct dev *dev, const struct dev_build *build);

/* What is declared otherwise than `before` (NULL: everything), a line each. */
void dev_change_print(const json_t *before, const json_t *now, struct buf *out);

/* How plugins run here: the value of the key isolation. */
const char *dev_isolation(void);
bool dev_host_start(struct dev *dev);
bool dev_host_configure(struct dev *dev);
/* Whether it answers. */
bool dev_host_ready(const struct dev *dev);
/* Shows what of the host's log is for the author. */
void dev_host_log(struct dev *dev);
/* How an author gives values to keys. */
void dev_host_tell_keys(struct dev *dev);
void dev_host_ended(struct dev *dev);
void dev_host_stop(struct dev *dev);

/* Opens the chat where there is a terminal, and joins it to the host. */
void dev_console_join(struct dev *dev);
void dev_console_leave_host(struct dev *dev);
void dev_console_close(struct dev *dev);
bool dev_console_show(struct dev_console *console, const char *text, size_t len);
size_t dev_console_poll(struct dev_console *console, struct pollfd wanted[2]);
/* False: the person has left. */
bool dev_console_serve(struct dev *dev, const struct pollfd wanted[2]);

#endif
