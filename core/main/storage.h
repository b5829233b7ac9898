/* SPDX-License-Identifier: Apache-2.0
 *
 * The store as [store] asks for it.
 */
#ifndef MAIN_STORAGE_H
#define MAIN_STORAGE_H

#include "config/config.h"
#include "store/cache.h"
#include "store/spool.h"
#include "store/store.h"

/* Borrows from `config`. TROUPE_CONFIG for what no single key can tell: a server without a url, a url
 * with a password. Any thread. */
troupe_status storage_options(const struct config *config, struct store_options *ret,
                              struct error *err);
/* The spool beside it. Borrows from `config`. */
void storage_spool(const struct config *config, struct store_spool_options *ret);
/* The cache as [cache] asks for it, with cache_options.mark. TROUPE_CONFIG for a url that is missing or none. */
troupe_status storage_cache(const struct config *config, struct loop *loop, const char *mark,
                            struct cache **ret, struct error *err);
/* The same as a problem of the configuration. */
troupe_status storage_check(const struct config *config, struct config_problems *problems);

#endif
