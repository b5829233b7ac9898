/* SPDX-License-Identifier: Apache-2.0
 *
 * Child processes of a program with threads: started by posix_spawn (between fork and exec nothing
 * but the system's own code may run), each the leader of a process group, so that what it started
 * can be ended with it. Any thread; each child belongs to one.
 */
#ifndef BASE_CHILD_H
#define BASE_CHILD_H

#include <spawn.h>
#include <stdbool.h>
#include <sys/types.h>

/* Like posix_spawn with an environment, and with signals as a program expects them: threads of the
 * host block some and the host ignores others, which a child would inherit. 0, or an errno. */
int child_spawn(const char *path, const posix_spawn_file_actions_t *actions, char *const argv[],
                char *const envp[], pid_t *ret_pid);
/* Becomes readable when the child ends; -1 where the kernel has none. Close it. */
int child_pidfd(pid_t pid);
/* Whether it has ended. It stays a zombie, so that its number is nobody else's until child_reap. */
bool child_has_ended(pid_t pid);
/* With `kill_group` ends it and its group first; waits for it and gives its wait status. */
int child_reap(pid_t pid, bool kill_group);

#endif
