/* SPDX-License-Identifier: Apache-2.0
 *
 * The journal's native protocol (systemd, "Native Journal Protocol"): a datagram of fields to a Unix
 * socket. libsystemd would be a dependency for these few lines. A builder of datagrams and a sender;
 * no state. Any thread.
 */
#ifndef BASE_JOURNAL_H
#define BASE_JOURNAL_H

#include "base/buf.h"

#include <stdbool.h>

#define JOURNAL_SOCKET    "/run/systemd/journal/socket"
#define JOURNAL_ENTRY_MAX 65536 /* bytes; longer ones would need a file of their own */

/* Adds a field. `prefix` and `name` together become the field's name, in upper case with "_" for
 * what a name may not hold; the value may be any bytes. */
void journal_put(struct buf *entry, const char *prefix, const char *name, const char *value,
                 size_t len);
/* A socket that is connected to the journal; -1: there is none. */
int journal_open(const char *path);
/* False when the journal did not take it: away, overloaded, or the entry is too large. Never waits. */
bool journal_send(int fd, const struct buf *entry);

#endif
