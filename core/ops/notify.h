/* SPDX-License-Identifier: Apache-2.0
 *
 * Tells systemd (or whoever set NOTIFY_SOCKET) how the service is doing: sd_notify(3)'s datagrams.
 * Without NOTIFY_SOCKET every call is a success that does nothing. Any thread.
 */
#ifndef OPS_NOTIFY_H
#define OPS_NOTIFY_H

#include <stdint.h>
#include <troupe/status.h>

/* Raw lines, "READY=1\nSTATUS=…". */
troupe_status ops_notify(const char *state);
troupe_status ops_notify_ready(const char *status);
/* With MONOTONIC_USEC, which Type=notify-reload asks for. */
troupe_status ops_notify_reloading(void);
troupe_status ops_notify_stopping(const char *status);
troupe_status ops_notify_status(const char *status);
/* How often systemd's watchdog wants to hear of us, with room to spare; 0: it does not. */
uint64_t ops_notify_watchdog_ms(void);
troupe_status ops_notify_watchdog(void);

#endif
