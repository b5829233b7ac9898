/* SPDX-License-Identifier: Apache-2.0
 *
 * A process with a host in it: `troupe run`, and `troupe chat` where none runs yet. It owns the
 * loop, the signals, the watchdog and the control socket, starts the host and takes it down again.
 *
 *   SIGHUP              reload
 *   SIGTERM, SIGINT     stop in good order; the second one ends the process at once
 *   SIGUSR1, SIGUSR2    ignored
 */
#ifndef MAIN_APP_H
#define MAIN_APP_H

#include "main/host.h"
#include "main/setup.h"

#include <stdbool.h>

struct app;

struct app_chat {
    bool terminal;
};

/* Runs until it is stopped; gives the exit status. `chat` NULL: no console session of its own. */
int app_run(struct setup *setup, const struct app_chat *chat);

/* For commands, on the loop. */
struct host *app_host(struct app *app);
const char *app_socket(const struct app *app);
/* Reload, with the log set anew and systemd told. [waits] */
troupe_status app_reload(struct app *app, struct buf *ret_report, struct error *err);
void app_request_stop(struct app *app);

#endif
