/* SPDX-License-Identifier: Apache-2.0
 *
 * `troupe run --supervise`: a parent that starts the host as its child and starts it again when it
 * dies. It reads no configuration, opens no data and links no thread: what can crash is not in it.
 *
 *   SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGUSR2   handed on to the host
 *   death by a signal, or a status that time    a new host after 0.1 s, doubled each time up to
 *   or another try may cure                     30 s, from 0.1 s again after 60 s of health
 *   0, and 64, 65, 66, 77, 78 (sysexits):       the end, with that status: nobody but a person can
 *   usage, data, input, permission, config      cure those
 *
 * The host ends with its parent (SIGTERM), however that ends. What the host tells NOTIFY_SOCKET goes
 * through the parent, so that a service manager which listens to the main process alone hears it.
 */
#ifndef MAIN_SUPERVISE_H
#define MAIN_SUPERVISE_H

#include <stdbool.h>

#define SUPERVISE_DELAY_MS     100
#define SUPERVISE_DELAY_MAX_MS 30000
#define SUPERVISE_HEALTHY_MS   60000

/* Whether a host that ended with this wait status is started again. */
bool supervise_restarts(int wait_status);
/* `argv`, ended by NULL, is the host's; its program is this one. Before any thread is started. Gives
 * the exit status. */
int supervise_run(char *const argv[]);

#endif
