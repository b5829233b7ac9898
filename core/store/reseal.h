/* SPDX-License-Identifier: Apache-2.0
 *
 * A whole database encrypted anew: with the key that writes what another key encrypted and what is in the
 * clear; or, where no key writes, in the clear what is encrypted. For `troupe reseal`, while no host runs.
 */
#ifndef STORE_RESEAL_H
#define STORE_RESEAL_H

#include "store/seal.h"
#include "store/store.h"

struct store_resealed {
    uint64_t rows;   /* that were looked at         */
    uint64_t values; /* that were encrypted, or opened */
};

/* The core's columns that seal() stands for, and those of agents in which something is encrypted. May be
 * ended at any moment and begun again; when it returns TROUPE_OK, no other key is needed and no file has
 * the old values. The store was opened with the same keys. [waits] */
troupe_status store_reseal(struct store *store, const struct seal_keys *keys,
                           struct store_resealed *ret, struct error *err);

#endif
