/* SPDX-License-Identifier: Apache-2.0
 *
 * What long runs share: a host of their own in a temporary directory, asked over its control socket
 * and looked at from outside, and the list of what was violated. What the run itself cannot do
 * ends the program with status 70.
 */
#ifndef TESTS_LONG_HOST_H
#define TESTS_LONG_HOST_H

#include "base/buf.h"
#include "base/json.h"
#include "ops/client.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct long_host {
    const char *build; /* the build directory */
    char dir[64];      /* of the run's own    */
    char *ini, *socket;
    pid_t pid; /* 0: it does not run */
    struct ops_client client;
    uint64_t random;
    unsigned violations;
    struct buf said; /* about them */
};

/* Of the process, from /proc. */
struct long_sizes {
    long rss_kb, mappings, descriptors, children;
};

/* The directory and the paths in it; `seed` starts long_random. */
void long_host_make(struct long_host *host, unsigned long seed);
/* Starts `troupe run` with host->ini and connects; its log is DIR/log. */
void long_host_start(struct long_host *host);
/* By SIGTERM; a status other than 0 is a violation. */
void long_host_stop(struct long_host *host);
/* Frees; the directory goes where nothing was violated. */
void long_host_clear(struct long_host *host);

/* One command's result, a new reference, maybe NULL. With `ret_ok` NULL a failure is the end. */
json_t *long_host_ask(struct long_host *host, const char *command, bool *ret_ok);
/* A number of `troupe status`. */
int64_t long_host_status(struct long_host *host, const char *field);
struct long_sizes long_host_measure(const struct long_host *host);
/* Once nothing of an old generation lingers: the smallest of what is seen in a moment. */
struct long_sizes long_host_measure_quiet(const struct long_host *host);
void long_print_sizes(const char *when, struct long_sizes sizes);
/* What held the loop for longer than the watchdog lets pass, with some lines as examples. */
void long_host_print_slow(struct long_host *host);

/* A bound was missed; the first 50 are kept, to be printed after the last line of the run. */
void long_violation(struct long_host *host, const char *what, long expected, long seen);
void long_host_print_violations(const struct long_host *host);
uint64_t long_random(struct long_host *host);
/* A number from the environment. */
unsigned long long_setting(const char *name, unsigned long otherwise);

/* Whole files. `mem_free` what is read. */
char *long_read_file(const struct long_host *host, const char *path, size_t *ret_len);
void long_write_file(const struct long_host *host, const char *path, const void *data, size_t len);
/* By rename, as a package manager does it. */
void long_replace_file(const struct long_host *host, const char *path, const void *data,
                       size_t len);

#endif
