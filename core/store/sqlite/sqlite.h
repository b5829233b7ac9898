/* SPDX-License-Identifier: Apache-2.0
 *
 * The inside of the SQLite driver. A connection belongs to one thread; the engine owns one for the
 * writer and one for each reader.
 */
#ifndef STORE_SQLITE_SQLITE_H
#define STORE_SQLITE_SQLITE_H

#include "base/list.h"
#include "base/map.h"
#include "store/reading.h"

#include <sqlite3.h>

#define SQLITE_APPLICATION_ID 0x74727065 /* "trpe", in the file's header */

/* ---- guard.c: what a plugin's statement may touch ---- */

struct sqlite_guard {
    const char *ns; /* NULL: the core, which may do everything */
    bool migrating; /* may create, alter and drop              */
    char reason[192];
};

static inline void sqlite_guard_set(struct sqlite_guard *guard, const char *ns, bool migrating)
{
    guard->ns = ns;
    guard->migrating = migrating;
    guard->reason[0] = '\0';
}
/* Installed for the life of the connection; `arg` is its guard. */
int sqlite_guard_authorize(void *arg, int action, const char *first, const char *second,
                           const char *database, const char *trigger);

/* ---- connection.c ---- */

struct sqlite_statement {
    struct list_link recent;
    char *key;
    size_t key_len, size;
    sqlite3_stmt *stmt;
    struct store_sql sql;
    bool readonly;
};

struct sqlite_connection {
    sqlite3 *db;
    struct sqlite_guard guard;
    struct seal *seal;     /* NULL: nothing is encrypted */
    struct map statements; /* key → struct sqlite_statement, bounded in number and bytes       */
    struct list_link recent; /* front: used last                                                 */
    size_t cached_bytes;
    uint64_t stop_at;        /* clock_ms() at which a running statement is interrupted; 0: never */
    _Atomic bool *abandoned; /* the same when it turns true; NULL: nothing to watch              */
};

extern const struct store_dialect sqlite_dialect, sqlite_sealing;

troupe_status sqlite_connection_open(const struct store_options *options, bool writer,
                                     struct sqlite_connection *conn, struct error *err);
void sqlite_connection_close(struct sqlite_connection *conn);
/* Runs text of the core's own that gives no rows. */
troupe_status sqlite_exec(struct sqlite_connection *conn, const char *sql, struct error *err);
/* The first cell of the first row, `fallback` where there is none. */
troupe_status sqlite_exec_int(struct sqlite_connection *conn, const char *sql, int64_t fallback,
                              int64_t *ret, struct error *err);
/* SQLite's result code as a status, and as a sentence. */
troupe_status sqlite_status(int code);
troupe_status sqlite_failed(struct sqlite_connection *conn, int code, struct error *err);
/* The same as store_open promises it: a damaged file is TROUPE_DATA, a full disk TROUPE_IO. */
troupe_status sqlite_open_status(const struct sqlite_connection *conn, troupe_status status);
/* Whether the disk, and not a statement, is to blame: everybody's transaction is lost. */
bool sqlite_status_is_disk(troupe_status status);

/* ---- statement.c ---- */

/* Runs a statement of a batch, or a query; its outcome is in `command`. `batch` serves row ids. */
troupe_status sqlite_run(struct sqlite_connection *conn, const struct store_batch *batch,
                         struct store_command *command, bool must_read, struct error *err);
void sqlite_statements_clear(struct sqlite_connection *conn);

/* ---- keys.c: the keys that the database is encrypted with ---- */

/* Refuses the start without them, and notes the one that writes. On the writer's connection. */
troupe_status sqlite_keys_take(struct sqlite_connection *conn, const struct seal_keys *keys,
                               bool unfinished, struct error *err);

/* ---- file.c: the checks before SQLite sees the file ---- */

/* Takes the lock file beside the database, creates the file for its owner only. */
troupe_status sqlite_file_prepare(const char *path, int *ret_lock, struct error *err);

/* ---- log_vfs.c: the writer's file layer ---- */

struct sqlite_log_vfs;

/* On top of the file layer of that name (NULL: SQLite's default), until it is freed, behind the
 * connections that use it. */
troupe_status sqlite_log_vfs_new(const char *parent, struct sqlite_log_vfs **ret,
                                 struct error *err);
void sqlite_log_vfs_free(struct sqlite_log_vfs *vfs);
const char *sqlite_log_vfs_name(const struct sqlite_log_vfs *vfs);
/* `durable` is called on the writer's thread as soon as the disk has confirmed a transaction, before
 * COMMIT returns. */
void sqlite_log_vfs_durable(struct sqlite_log_vfs *vfs, void (*durable)(void *arg), void *arg);

/* ---- migrate.c ---- */

/* `ns` NULL: the core. In one transaction; rolled back when `check_only`. */
troupe_status sqlite_migrate(struct sqlite_connection *conn, const char *ns,
                             const struct store_migration *steps, size_t count, bool check_only,
                             struct error *err);
/* store_migrate_back. */
troupe_status sqlite_migrate_back(struct sqlite_connection *conn, const char *ns,
                                  const struct store_migration *steps, size_t count,
                                  int64_t to_version, struct error *err);
/* At which version the core's tables are, which must be the first of ours, unaltered. */
troupe_status sqlite_look(struct sqlite_connection *conn, int64_t *ret_version, struct error *err);
/* store_forget, on the writer's connection and outside of a transaction. */
troupe_status sqlite_forget(struct sqlite_connection *conn, uint32_t busy_ms, struct error *err);

/* ---- writer.c ---- */

struct sqlite_writer {
    struct sqlite_connection conn;
    struct queue queue;
    pthread_t thread;
    bool running;
    uint32_t write_ms, busy_ms;
    void (*on_commit)(void);
    struct store_group *group; /* of the transaction that runs; NULL: none */
    bool confirmed;            /* the disk has confirmed it */
    bool checkpoint_due;
    _Atomic size_t log_pages;
    _Atomic uint64_t transactions, checkpoints;
    _Atomic bool degraded;
};

/* The disk has confirmed the transaction that is about to end: its latches open. What the disk has
 * cannot be taken back, so a COMMIT that fails behind it (no memory, no room for the index of the log)
 * ends the process: the next start finds the transaction in the log. */
void sqlite_writer_durable(void *writer);
troupe_status sqlite_writer_start(struct sqlite_writer *writer, struct error *err);
/* Finishes what is queued, joins, closes the connection. Also after a start that failed. */
void sqlite_writer_stop(struct sqlite_writer *writer);

/* ---- reader.c ---- */

struct sqlite_reader {
    struct sqlite_connection conn;
    struct store_reading *reading;
    pthread_t thread;
    bool running;
};

troupe_status sqlite_reader_start(struct sqlite_reader *reader, struct error *err);
void sqlite_reader_stop(struct sqlite_reader *reader);

#endif
