/* SPDX-License-Identifier: Apache-2.0
 *
 * Schema steps. A namespace has steps 1, 2, 3 …; a step that ran is noted in the table `migration`
 * with a checksum of its text and is never run again. A plugin's steps name their tables and indexes
 * `{name}` and may create, alter and drop those only. No views, triggers or virtual tables: they
 * would act with the rights of whoever touches them.
 */
#ifndef STORE_MIGRATE_H
#define STORE_MIGRATE_H

#include "store/store.h"

struct store_migration {
    int64_t version;  /* 1, 2, 3 … without a gap */
    const char *name; /* for messages: "001_core.sql" */
    const char *sql;  /* any number of statements */
    /* Takes back what `sql` made, for an older build; NULL: there is no way back. Each line "-- lost: TEXT" of it
     * names what goes for ever; without one nothing does. */
    const char *back;
};

/* Runs the missing steps in one transaction. [waits] On failure nothing has changed and `err` names
 * namespace, version, line and the database's own message.
 *   TROUPE_DATA      a step is wrong, or one that ran before was altered since
 *   TROUPE_VERSION   the database has more steps than `steps`: it was used by a newer build
 *   TROUPE_ARGUMENT  versions are not 1 … count, or the namespace's name is not allowed
 *   TROUPE_DENIED    a step reaches outside its namespace
 * and those of store_commit. Namespaces: [a-z][a-z0-9_.-]*, at most 64 bytes, no "__", no "_" at
 * the end, not "core". */
troupe_status store_migrate(struct store *store, const char *ns,
                            const struct store_migration *steps, size_t count, uint64_t deadline,
                            struct error *err);
/* The same in a transaction that is rolled back: proves a reload before it takes over. [waits] */
troupe_status store_migrate_check(struct store *store, const char *ns,
                                  const struct store_migration *steps, size_t count,
                                  uint64_t deadline, struct error *err);
/* Takes steps back, the newest that is in the database first, until it is at `to_version`, with their notes, in
 * one transaction. [waits] `ns` NULL: the core and its own steps, `steps` is not looked at; after it the store is to
 * be closed, since this build's statements have their tables no more. To be called with no host beside
 * (store_options.alone). On failure nothing has changed:
 *   TROUPE_ARGUMENT   `to_version` is none before the database's
 *   TROUPE_CONFLICT   one of the steps has no way back, or the core's would lose the keys of values that are
 *                     encrypted
 * and those of store_migrate. */
troupe_status store_migrate_back(struct store *store, const char *ns,
                                 const struct store_migration *steps, size_t count,
                                 int64_t to_version, uint64_t deadline, struct error *err);
/* The core's own steps, in order. Any thread. */
const struct store_migration *store_core_migrations(size_t *ret_count);
/* The next thing that is lost by a way back, as its text says it; `at` begins with the text and is moved on. False:
 * there is no more of it. Any thread. */
bool store_migration_lost(const char **at, const char **ret, size_t *ret_len);
/* Whether `ns` is a name that a namespace may have. Any thread. */
bool store_ns_valid(const char *ns);

#endif
