/* SPDX-License-Identifier: Apache-2.0
 *
 * What tables and columns there are, alike in every database: for what handles all of them, as moving
 * them does, exporting, and encrypting anew.
 */
#ifndef STORE_CATALOG_H
#define STORE_CATALOG_H

#include "store/store.h"

/* Names of the agents that have tables, a row each, in order. [waits] */
troupe_status store_namespaces(struct store *store, uint64_t deadline, struct store_rows **ret,
                               struct error *err);
/* Names of the tables of a namespace (NULL: the core's), a row each, in order. Without what a database
 * keeps for itself. [waits] */
troupe_status store_tables(struct store *store, const char *ns, uint64_t deadline,
                           struct store_rows **ret, struct error *err);
/* Rows name, type ("integer", "real", "text" or "blob"), place in the primary key (from 1; 0: none), in
 * the table's order; no row where there is no such table. [waits] */
troupe_status store_columns(struct store *store, const char *ns, const char *table,
                            uint64_t deadline, struct store_rows **ret, struct error *err);

enum { STORE_COLUMN_NAME, STORE_COLUMN_TYPE, STORE_COLUMN_KEY };

/* "a, b, …" for a SELECT: all columns, those that may be encrypted in unseal(); see seal.h. */
struct buf;
void store_columns_unsealed(const char *table, const struct store_rows *columns, struct buf *out);
/* Whether a column may hold what seal() gives: texts and bytes outside of the key. */
bool store_column_seals(const struct store_rows *columns, size_t column);

#endif
