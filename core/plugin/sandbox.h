/* SPDX-License-Identifier: Apache-2.0
 *
 * What a process that is to run a plugin's code takes from itself, for good. In order:
 *
 *     plugin_sandbox_limits   no new privileges, limits, no descriptors but those named
 *     plugin_sandbox_first    before a library is mapped: files may be read, nothing else reached
 *     plugin_sandbox_second   before the plugin's own first instruction: no file, no new code
 *
 * Two layers that do not know of each other: Landlock, where the kernel has it, and a seccomp filter,
 * which must be enough alone. What is denied fails with EACCES (files) or EPERM; what no honest
 * plugin asks for (exec, ptrace, bpf, io_uring and the like) ends the process with SIGSYS.
 */
#ifndef PLUGIN_SANDBOX_H
#define PLUGIN_SANDBOX_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Flags. */
#define PLUGIN_SANDBOX_NO_LANDLOCK 0x1u /* as on a kernel without it; for tests */
#define PLUGIN_SANDBOX_SERVES      0x2u /* it stays: its time is bounded by who waits for it */

#define PLUGIN_SANDBOX_CPU_S       10
#define PLUGIN_SANDBOX_ADDRESSES   ((uint64_t)2 << 30)   /* of address space           */
#define PLUGIN_SANDBOX_MEMORY      ((uint64_t)512 << 20) /* of memory that is written  */
#define PLUGIN_SANDBOX_FILES       16                    /* descriptors                */

/* Landlock's ABI in this kernel; 0 where there is none or it is switched off. */
unsigned plugin_landlock_abi(void);

/* Closes descriptors from `first_closed` on. */
troupe_status plugin_sandbox_limits(unsigned flags, int first_closed, struct error *err);
/*
 * `files`: what may be read for all that, because the owner's config names it; below a directory
 * all of it. Where there is no Landlock and `count` is not 0, opening any file for reading is not
 * denied, as a filter cannot see paths. Both steps want the same.
 */
troupe_status plugin_sandbox_first(unsigned flags, const char *const *files, size_t count,
                                   struct error *err);
troupe_status plugin_sandbox_second(unsigned flags, const char *const *files, size_t count,
                                    struct error *err);

/* Inside core/plugin: one layer each. With `libraries` the places where these are may be read too. */
troupe_status plugin_landlock_restrict(bool libraries, const char *const *files, size_t count,
                                       struct error *err);
#define PLUGIN_SECCOMP_LOAD 0 /* libraries may be mapped        */
#define PLUGIN_SECCOMP_RUN  1 /* no file, no executable memory  */
#define PLUGIN_SECCOMP_READ 2 /* the same, but files are read   */
troupe_status plugin_seccomp_restrict(unsigned stage, struct error *err);

#endif
