/* SPDX-License-Identifier: Apache-2.0
 *
 * How often a task comes again, as models write it beside the time of its first run: "daily", "weekly",
 * "FREQ=MONTHLY" (RFC 5545) take weekday, day and time from that; everything else is a time as members
 * write it ("every 2 hours", "every monday at 9", a cron line).
 */
#ifndef REMINDER_RECURRENCE_H
#define REMINDER_RECURRENCE_H

#include <troupe/troupe.h>

#define RECURRENCE_MAX 120 /* bytes */

/* The time in the host's words, "every Fri at 09:00"; `local` is the first run as clocks show it
 * (troupe_when). Empty for no recurrence: "", "none", "once". Returns 0 for one that is too long. */
int recurrence_text(troupe_str recurrence, troupe_str local, char ret[RECURRENCE_MAX]);

#endif
