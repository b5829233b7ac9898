/* SPDX-License-Identifier: Apache-2.0
 *
 * Everything of one database into another that is empty, SQLite or PostgreSQL either way: for
 * `troupe migrate`, while no host uses either. Values go as they are stored, encrypted ones too.
 */
#ifndef STORE_TRANSFER_H
#define STORE_TRANSFER_H

#include "store/store.h"

struct store_transferred {
    uint64_t tables, rows;
};

/* Makes the tables of agents by the steps that the source remembers, copies in portions, reads the copy
 * again, and holds count and checksum of each table against the source's. Until all is well the target
 * has a mark, by which no host starts on it and the next transfer begins anew; so both stores are opened
 * with `unfinished`. `told` (may be NULL) is called when a table is done. [waits]
 *   TROUPE_CONFLICT   the target is not empty
 *   TROUPE_NOT_FOUND  an agent has tables whose steps the source does not remember
 *   TROUPE_DATA       what arrived differs from what was sent
 * and what store_query and store_commit give. */
troupe_status store_transfer(struct store *from, struct store *to,
                             void (*told)(void *arg, const char *ns, const char *table,
                                          uint64_t rows),
                             void *arg, struct store_transferred *ret, struct error *err);

#endif
