/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands between store.h and a database: requests go in on the loop thread, the driver's
 * threads finish each exactly once. For drivers and their tests only.
 */
#ifndef STORE_DRIVER_H
#define STORE_DRIVER_H

#include "base/arena.h"
#include "loop/op.h"
#include "loop/queue.h"
#include "store/migrate.h"
#include "store/rewrite.h"
#include "store/seal.h"
#include "store/store.h"

#include <stdatomic.h>

/* A statement whose parts were copied, with its outcome. `key` is namespace, line feed, SQL, or the SQL alone
 * where it is a text of the program: what a statement cache looks up without composing it anew. */
struct store_command {
    const char *key, *sql, *ns;
    size_t key_len;
    struct store_scope scope;
    int64_t expect;
    const struct store_value *params;
    size_t param_count;
    bool named; /* some of them have names */
    int64_t changes, rowid;
    struct store_rows *rows;
};

struct store_batch {
    size_t holds; /* caller, request in flight; loop thread only */
    struct arena arena;
    char **given; /* what store_batch_give was given */
    size_t given_count;
    struct store_command *commands;
    size_t count, cap;
    int64_t lease_epoch;
    bool used, open;       /* open: in flight, and may be added to still */
    struct latch *latch;   /* opened when it is durable; NULL: none */
    troupe_status failure; /* the first thing wrong in an add */
    char *failure_text;
};

enum store_request_kind {
    STORE_REQUEST_COMMIT,
    STORE_REQUEST_QUERY,
    STORE_REQUEST_MIGRATE,
    STORE_REQUEST_FORGET
};

enum store_request_state {
    STORE_QUEUED,
    STORE_TAKEN,    /* the driver has it: its outcome counts       */
    STORE_WITHDRAWN /* the waiter left before the driver took it   */
};

struct store_migrating {
    const char *ns; /* NULL: the core, with `back` alone */
    const struct store_migration *steps;
    size_t step_count;
    int64_t to_version; /* with `back` */
    bool check_only, back;
};

/* Each turn makes two or three, so they are of a size that malloc keeps a list of. */
struct store_request {
    struct queue_item link;     /* for the driver's queues                                    */
    struct store_request *next; /* more requests of the same tick                             */
    enum store_request_kind kind;
    _Atomic int state;      /* enum store_request_state                                       */
    _Atomic bool abandoned; /* nobody waits any more: a read or a migration is interrupted    */
    /* The outcome, written by the driver before `done`, which it calls on any thread, once; the latch
     * of a batch that is durable is opened before (store_group_done). */
    troupe_status status;
    struct error error;
    void (*done)(struct store_request *request);

    struct store_batch *batch; /* COMMIT */
    union {
        struct store_command query;     /* QUERY   */
        struct store_migrating migrate; /* MIGRATE */
    };
    struct arena arena; /* QUERY and MIGRATE: what they point at */

    struct store *store; /* the rest is store.c's */
    struct op *op;       /* NULL: nobody waits, `told` is called by `task` */
    struct loop_task task;
    void (*told)(void *arg, struct store_batch *batch, troupe_status status,
                 const struct error *err);
    void (*closing)(void *arg, struct store_batch *batch); /* NULL: the batch was never open */
    void *arg;
    size_t bytes;
};

#define STORE_GROUP_SIZE 80

struct store_engine; /* each driver's own */

struct store_driver {
    const char *name;
    /* Blocks; threads run afterwards. */
    troupe_status (*open)(const struct store_options *options, struct store_engine **ret,
                          struct error *err);
    /* Takes a chain (`next`) of commits and migrations, or one query. The number in flight is
     * bounded by the caller. */
    void (*submit)(struct store_engine *engine, struct store_request *chain);
    /* Finishes all it has, then frees. */
    void (*close)(struct store_engine *engine);
    void (*stats)(const struct store_engine *engine, struct store_stats *ret);
    /* As store_host and store_holds; NULL: there is one host, and nobody takes over from it. */
    int64_t (*host)(const struct store_engine *engine);
    bool (*holds)(const struct store_engine *engine);
    /* The catalogue, for catalog.c: what a namespace's tables are found by (?1), and the statements; a
     * table is ?2. */
    void (*group)(const char *ns, char ret[STORE_GROUP_SIZE]);
    const char *tables_sql, *columns_sql;
    /* The place of a row of a table without a key: as a column, as a condition (?1), as an order. */
    const char *row_place, *row_after, *row_order;
    /* Lets the number of table ?2's column ?3 go on behind ?4; NULL: the database does by itself. */
    const char *number_sql;
};

extern const struct store_driver store_sqlite_driver;
extern const struct store_driver store_postgres_driver; /* where HAVE_POSTGRES */

const struct store_driver *store_driver_of(const struct store *store);

/* False: the waiter has left, finish it with TROUPE_CANCELED. Any thread. */
static inline bool store_request_take(struct store_request *request)
{
    int queued = STORE_QUEUED;

    return atomic_compare_exchange_strong(&request->state, &queued, STORE_TAKEN);
}

/* Copies a statement with its values; TROUPE_LIMIT above `max_bytes` of the arena. */
troupe_status store_command_copy(struct arena *arena, const struct store_statement *statement,
                                 size_t max_bytes, struct store_command *ret, struct error *err);
/* Drops the outcome. */
void store_command_reset(struct store_command *command);
/* The value for a placeholder; NULL where the caller gave none. */
const struct store_value *store_command_value(const struct store_command *command,
                                              const struct store_slot *slot,
                                              struct store_value *scratch);
/* The value for a placeholder with a sealing, sealed; its memory is the seal's. `batch` serves row ids. */
troupe_status store_command_seal(const struct store_command *command, const struct store_slot *slot,
                                 const struct store_batch *batch, struct seal *seal,
                                 struct store_value *ret, struct error *err);
/* Every value has its place and no name of the host's is taken: TROUPE_ARGUMENT, TROUPE_DENIED. */
troupe_status store_command_check(const struct store_command *command, const struct store_sql *sql,
                                  struct error *err);

void store_batch_hold(struct store_batch *batch);
/* A checksum of a migration's text: FNV-1a in hexadecimal. It finds accidents, not attackers. */
#define STORE_CHECKSUM_SIZE 17
void store_checksum(const char *text, char ret[STORE_CHECKSUM_SIZE]);
/* Versions are 1 … count. */
troupe_status store_migrations_valid(const char *ns, const struct store_migration *steps,
                                     size_t count, struct error *err);
/* How many steps ran before, by the rows (version, checksum) that the database has of them; they must
 * be the first of ours, unaltered. */
troupe_status store_migrations_applied(const char *ns, const struct store_migration *steps,
                                       size_t count, const struct store_rows *rows,
                                       size_t *ret_applied, struct error *err);
/* Whether the steps above `to_version` may be taken back where `applied` of them ran. */
troupe_status store_migrations_back(const char *ns, const struct store_migration *steps,
                                    size_t applied, int64_t to_version, struct error *err);
/* The sentences for a way back that would lose keys which are used, and for a database that is empty. */
troupe_status store_migrations_encrypted(struct error *err);
troupe_status store_migrations_none(struct error *err);
/* Version of the core as of which there are these tables. */
#define STORE_CORE_KEEPS 13 /* seal_key, migration_text */

#endif
