/* SPDX-License-Identifier: Apache-2.0
 *
 * Starting troupe-runner: for a trial (trial.h), or to serve an isolated agent (isolate.h). On a
 * worker, for posix_spawn suspends its thread until the child has its own memory.
 */
#ifndef PLUGIN_LAUNCH_H
#define PLUGIN_LAUNCH_H

#include <stddef.h>
#include <sys/types.h>

#define PLUGIN_LAUNCH_FDS 4 /* descriptors that a runner is given at most */
/* All of its environment, for the C library alone; the runner empties it. Pieces that the allocator keeps
 * for each size hold pages of the start that nothing else is in, and nothing makes it let go of them. */
#define PLUGIN_LAUNCH_VARIABLE "GLIBC_TUNABLES=glibc.malloc.tcache_count=0"

/* Starts `runner` with nothing of ours in its environment, /dev/null on the first three descriptors and
 * `fds` from 3 on; all of these are closed here. 0, or an errno. */
int plugin_launch(const char *runner, const int *fds, size_t count, pid_t *ret_pid);
/* The text as a file without a name: no pipe to fill, no argument that others can see; below 0 with
 * errno. */
int plugin_launch_file(const char *text);

#endif
