/* SPDX-License-Identifier: Apache-2.0
 *
 * What people say who want to be reminded, by rules: "remind me …", "please remind me …", "erinnere
 * mich …". Where the time stands in the rest is the host's to say; this is about the words around it.
 */
#ifndef REMINDER_REQUEST_H
#define REMINDER_REQUEST_H

#include <troupe/troupe.h>

/* Whether the text asks to be reminded; `ret_rest` is what follows. Any bytes. */
int request_read(troupe_str text, troupe_str *ret_rest);
/* What it is about: `rest` without the time at `start` to `end`, and without "to", "that", "daran,
 * dass" and the like around it. */
troupe_str request_subject(troupe_str rest, uint64_t start, uint64_t end);

#endif
