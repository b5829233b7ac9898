/* SPDX-License-Identifier: Apache-2.0
 *
 * Proves the rules of docs/abi.md on a plugin's file, for authors: all faults at once, where a host
 * that loads it stops at the first. The bytes are read first, without running anything. What needs
 * the plugin's code happens in throw-away processes (trial.h), and only where the bytes promise that
 * they can be mapped.
 *
 * No fault does not mean that it is right: what code does at run time with what it may import is not
 * seen here.
 */
#ifndef PLUGIN_CHECK_H
#define PLUGIN_CHECK_H

#include "plugin/fault.h"
#include "plugin/trial.h"

#define PLUGIN_CHECK_CALLS 2048 /* bytes of names; what is beyond is not looked at */

/* What came of reading the file. */
struct plugin_checked {
    struct plugin_note note; /* id "" where there is none that can be read */
    bool loadable;           /* nothing stands against mapping it          */
    uint32_t uses;           /* extensions of the host that it names: bits, see check_uses.c */
    char
        calls[PLUGIN_CHECK_CALLS]; /* functions that it calls by name, each with its NUL, then "" */
};

/* Reads the bytes; `path` stands for them in sentences. Any thread. */
void plugin_check_bytes(const void *data, size_t size, const char *path,
                        struct plugin_faults *faults, struct plugin_checked *ret);

struct plugin_check {
    struct pool *pool;
    const char *runner;
    const struct plugin_registry *registry;
    const char *path;
    uint64_t timeout_ms; /* of each process; 0: PLUGIN_TRIAL_MS */
};

/*
 * All of it. TROUPE_OK when the check was done, whatever it found; a failure with its sentence when
 * the file cannot be read or no process be started. [waits]
 */
troupe_status plugin_check_run(const struct plugin_check *check, struct plugin_faults *faults,
                               struct plugin_checked *ret, struct error *err);

#endif
