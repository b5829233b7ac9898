/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe-play: plays a scripted talk against one plugin. It starts the fake Discord, the fake model and
 * a host in a temporary folder, does what the members of the script do, and compares what the bot
 * answers. Nothing leaves the machine.
 */
#ifndef PLAY_H
#define PLAY_H

#include "play_files.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PLAY_STEPS_MAX   1000
#define PLAY_MEMBERS_MAX 50
#define PLAY_SCRIPT_MAX  (1 << 20)
#define PLAY_WAIT_MS     15000 /* for an answer, a start, a command: only what is broken reaches it */

#define PLAY_STOP_MS     40000 /* longer than a host takes to stop in good order */

/* ---- the script ------------------------------------------------------------------------------ */

enum play_kind { PLAY_MEMBER, PLAY_BOT, PLAY_HOST };

struct play_step {
    enum play_kind kind;
    int line;
    char *who;
    char *text; /* lines joined by newlines */
};

struct play_script {
    const char *path;
    struct play_step steps[PLAY_STEPS_MAX];
    size_t count;
    char *members[PLAY_MEMBERS_MAX]; /* alice, who owns the server, is the first */
    size_t member_count;
    char *settings;  /* lines of the plugin's section                  */
    char *stages;    /* of the pipeline; NULL: conversation            */
    char *observers; /* NULL: none                                     */
    json_t *rules;   /* of the fake model                              */
    struct play_files files;
    bool in_file; /* while it is read: lines go on with the last file  */
};

/* False after a line on stderr that names file, line and remedy. */
bool play_script_read(struct play_script *script, const char *path);
void play_script_clear(struct play_script *script);
/* Whether `text` is like `pattern`, in which * stands for anything. */
bool play_like(const char *pattern, const char *text);

/* ---- processes ------------------------------------------------------------------------------- */

struct play_child {
    pid_t pid;
    int in; /* a pipe that it may watch; -1: none */
};

/* Starts argv[0]; its output goes to the file `log` (NULL: where ours goes). False: it cannot be
 * started, said on stderr. */
bool play_start(struct play_child *child, const char *const argv[], const char *log);
/* Waits for its end: the exit status, 128 and more for a signal. */
int play_wait(struct play_child *child);
/* The signal; what has not ended PLAY_STOP_MS later is killed, and named on stderr. */
void play_kill(struct play_child *child, int sig);
/* Starts and waits. */
int play_run(const char *const argv[], const char *log);
/* Removes a folder of ours with all that is in it. */
void play_remove(const char *dir);
void play_pause(int ms);
long long play_now_ms(void);

/* ---- the fake servers ------------------------------------------------------------------------ */

/* GET, or with `body` POST, of URL; the JSON that comes back, or NULL. */
json_t *play_ask(const char *url, const json_t *body);
bool play_ask_ok(const char *url);

/* ---- the play -------------------------------------------------------------------------------- */

struct play {
    const char *troupe;  /* the program                                         */
    const char *libexec; /* the folder of the fake servers                      */
    const char *plugin;  /* the whole path of the .so                           */
    const char *agent;   /* its name                                            */
    bool sanitized;      /* look for what sanitizers tell in the host's log     */
    bool keep;           /* leave the temporary folder, and name it             */
};

/* True when every step held. What did not is told on stderr. */
bool play_script_play(const struct play *play, const struct play_script *script);

#endif
