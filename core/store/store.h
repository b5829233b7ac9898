/* SPDX-License-Identifier: Apache-2.0
 *
 * The store: one durable place for events, recorded calls, outbox, ledger and plugin data. There is
 * one way to write, store_commit (store_submit for who does not wait), and one to read, store_query; no transaction is ever open across
 * a wait. Drivers stand behind it (driver.h), SQLite and PostgreSQL, both alike: one writer thread that
 * joins the batches of a loop tick into one transaction, separate readers. SQL is kept to the subset
 * that both share (docs/architecture.md); types are spelled as SQLite has them.
 *
 * Functions are for the loop thread; those marked [waits] need a coroutine. Deadlines are absolute
 * milliseconds of loop_now(), 0 is none.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "base/error.h"
#include "loop/loop.h"
#include "store/batch.h"
#include "store/rows.h"
#include "store/value.h"

#include <stdbool.h>

struct store;

enum store_synchronous {
    STORE_FULL,  /* a commit survives power loss (default)                                       */
    STORE_NORMAL /* a commit survives the process; power loss may take the last ones             */
};

struct store_options {
    const char *path; /* the database file; its directory must exist                           */
    /* postgresql://USER@HOST/DATABASE?…, without a password: in that database instead of a file. */
    const char *url;
    const char *password; /* for `url`; NULL: none, or libpq's own file                        */
    /* Seals what is written by seal.h's rules, and other keys that only read; both 64 hexadecimal
     * digits each. NULL: nothing is encrypted. */
    const char *encrypt_key, *encrypt_old_keys;
    bool unfinished; /* opens, too, what store_transfer did not fill to its end */
    /* The core's tables stay at the version where they are, which must be there: for store_migrate_back, and for a
     * look at versions. Nothing else may be done with tables that this build would have made. */
    bool as_is;
    /* Of hosts that share a server's database. The name is of one host alone, through its starts; NULL:
     * none. A lease of 0 is 15,000. `alone`: with no host beside this program, else it is not opened. */
    const char *name;
    uint32_t lease_ms;
    bool alone;
    /* Called on the writer's thread, once, where another host has taken over from this one: nothing can
     * be written any more, and what is on its way elsewhere is to stop at once. NULL: nobody is. */
    void (*on_taken)(void *arg);
    void *taken_arg;
    uint32_t away_ms; /* waits so long for a server that is away; 0: 10,000               */
    enum store_synchronous synchronous;
    unsigned readers;        /* reader connections, each with a thread; 0: 2, at most 16         */
    size_t max_queued;       /* not finished yet; 0: 10,000 batches and 1,000 queries            */
    size_t max_queued_bytes; /* of what is in flight; 0: 64 MB                                   */
    uint32_t busy_ms;        /* wait for a lock another process holds; 0: 2,000                  */
    uint32_t write_ms;       /* one batch may run so long, then it alone is undone; 0: 2,000     */
    uint64_t max_bytes;      /* the file may grow so large, then commits fail; 0: no bound       */
    size_t index_bytes;      /* of memory for what is searched (store/index.h); 0: 256 MB       */
    unsigned
        core_version; /* tests: an older build, which knows no more steps of the core; 0: all */
    const char *vfs;  /* SQLite's file layer; NULL: its default. For fault tests          */
    void (*on_commit)(void); /* called on the writer's thread before each commit and after it, for
                              * tests that end the process there; NULL: nobody is               */
};

/* Opens or creates the database and brings the core's own schema up to date. Blocks: for the start
 * of the program, before the loop runs. On failure nothing is left open and `err` holds a sentence
 * with the remedy:
 *   TROUPE_DENIED       no permission for the file or its directory        EX_NOPERM     77
 *   TROUPE_NOT_FOUND    directory missing, or the file cannot be created   EX_CANTCREAT  73
 *   TROUPE_IO           reading or writing failed, disk full               EX_IOERR      74
 *   TROUPE_DATA         not a database, damaged, or an altered migration  EX_DATAERR    65
 *   TROUPE_VERSION      its schema is newer than this program              EX_DATAERR    65
 *   TROUPE_UNAVAILABLE  another process has it, or its server is away, or
 *                       its 16 places for hosts are taken                  EX_TEMPFAIL   75
 *   TROUPE_ARGUMENT     an option is out of range, or a key is missing that the database is
 *                       encrypted with                                     EX_CONFIG     78 */
troupe_status store_open(struct loop *loop, const struct store_options *options, struct store **ret,
                         struct error *err);
/* The sysexits code of a status that store_open gave. */
int store_exit_code(troupe_status status);
/* The store does not work, or not in time: the same may hold later. */
bool store_status_passes(troupe_status status);
/* Reads through the database of a host that does not run, and changes nothing in it. TROUPE_NOT_FOUND
 * where there is none yet; TROUPE_DENIED, TROUPE_DATA, TROUPE_IO as above; TROUPE_UNAVAILABLE where
 * another process has it. Blocks, as long as the file is large. Any thread. */
troupe_status store_check(const char *path, struct error *err);
/* Copies the database file into a new one as it is at one moment, also while a host writes to it, which
 * goes on. TROUPE_CONFLICT where `to` is there; else as store_check. Blocks. Any thread. */
troupe_status store_snapshot(const char *path, const char *to, struct error *err);
/* Whether a server's url is one, and without a password, which everybody could read then:
 * TROUPE_ARGUMENT. Any thread. */
troupe_status store_url_check(const char *url, struct error *err);
/* Whether a server answers, and would be taken by store_open; as there. Blocks, ten seconds at most.
 * Any thread. */
troupe_status store_check_server(const char *url, const char *password, struct error *err);
/* No coroutine waits for the store any more. Writes what is queued, checkpoints, joins the threads
 * (blocks). NULL is fine. */
void store_close(struct store *store);

/* Writes the batch, all of it or nothing. [waits] Batches of one loop tick, and those that arrive
 * while the writer is busy, share a transaction; one that fails is undone alone. Without a deadline
 * it waits 30 s at most.
 *   TROUPE_OK           it is durable
 *   TROUPE_CONFLICT     a guard, a constraint or the lease did not hold        not written
 *   TROUPE_ARGUMENT     the SQL or its values are wrong                        not written
 *   TROUPE_DENIED       a plugin's statement reached outside its namespace     not written
 *   TROUPE_LIMIT        the batch or its result is too large                   not written
 *   TROUPE_BUSY         the queue is full                                      not written
 *   TROUPE_DEADLINE     the deadline passed, or it ran longer than write_ms    not written
 *   TROUPE_CANCELED     the scope was cancelled before the writer took it      not written
 *   TROUPE_UNAVAILABLE  disk full, database locked or its server away: later  not written
 *   TROUPE_IO           the disk failed, or the file is damaged                not written, but a
 *                       crash right after may bring it back: whoever repeats must be idempotent
 *   TROUPE_MAYBE_DONE   the waiter was ended while the writer had it, and the disk did not answer
 *                       within a second; or the connection to a server broke at COMMIT, and none came
 *                       about within a minute to ask
 * Cancelled or late while the writer has the batch already, the call stays for the outcome (at most
 * that second), so that what was written is never reported as not written. */
troupe_status store_commit(struct store *store, struct store_batch *batch, uint64_t deadline,
                           struct error *err);
/* The same for who does not wait: thousands a second. Order of submission is order of commit, also
 * among calls of store_commit. On TROUPE_OK the batch is in flight (the caller may give its hold
 * back) and `told` (may be NULL) is called once, on the loop's stack, never before this returns,
 * with the outcome as store_commit has it; `err` is NULL where it is durable. There is no deadline:
 * the queue's bound and write_ms are what limits it. Otherwise it is refused as by store_commit
 * (TROUPE_BUSY, TROUPE_ARGUMENT, TROUPE_LIMIT …), and `told` is not called. What is in flight when
 * the store closes is written, and told afterwards; the store itself must not be used then. */
troupe_status store_submit(struct store *store, struct store_batch *batch,
                           void (*told)(void *arg, struct store_batch *batch, troupe_status status,
                                        const struct error *err),
                           void *arg, struct error *err);
/* The same for a batch that grows: it may be added to until the store hands what is written on to the
 * writer, which `closing` tells just before; that is the last place to add something, and must do
 * nothing else with the store. `told` has what went wrong with additions, too. */
troupe_status store_submit_open(struct store *store, struct store_batch *batch,
                                void (*closing)(void *arg, struct store_batch *batch),
                                void (*told)(void *arg, struct store_batch *batch,
                                             troupe_status status, const struct error *err),
                                void *arg, struct error *err);
/* Runs one reading statement and copies its rows; freed by the caller. [waits] Without a deadline
 * it may run for 10 s. At the deadline, or when the waiter is cancelled, the statement is
 * interrupted. Sees every commit that was acknowledged before the call. `expect` is checked as in a
 * batch. Errors as above; TROUPE_DENIED, too, for a statement that would write, and TROUPE_DATA where
 * an encrypted value was altered or moved. */
troupe_status store_query(struct store *store, const struct store_statement *statement,
                          uint64_t deadline, struct store_rows **ret, struct error *err);

/* What was deleted by a commit that was acknowledged before is on the disk no more, neither in the
 * file nor in its log, when this returns TROUPE_OK. Writing waits for it meanwhile, about a second for
 * 100 MB; a file above STORE_FORGET_BYTES is not written anew, so that in it an old copy of a row
 * may stay in the unused part of a page. TROUPE_BUSY where a reader is in the way: again later. [waits] */
#define STORE_FORGET_BYTES (256u << 20)
troupe_status store_forget(struct store *store, uint64_t deadline, struct error *err);

/* ---- several hosts on one database ---- */

#define STORE_HOSTS_MAX 16

/* Other hosts may write to the same database: a server's. */
bool store_is_shared(const struct store *store);
/* Which of them this one is, below STORE_HOSTS_MAX; what SQL calls this_host(). */
int64_t store_host(const struct store *store);
/* The lowest number above `last` that this host may give to a row; no two hosts give the same. Where there
 * is one host it is the next. */
int64_t store_next_id(const struct store *store, int64_t last);
/* Nobody else takes for dead what this host has under way. False for one that could not renew its lease
 * in time: it must not act on what it has committed, until it could. Cheap. */
bool store_holds(const struct store *store);

/* Figures for status, metrics and tests. */
struct store_stats {
    uint64_t batches;      /* committed                                                          */
    uint64_t failed;       /* refused or undone                                                  */
    uint64_t transactions; /* that committed them                                                */
    uint64_t queries;      /* answered                                                           */
    uint64_t checkpoints;  /* of the write-ahead log                                             */
    size_t batches_queued; /* not finished yet                                                   */
    size_t queries_queued; /* not finished yet                                                   */
    size_t log_pages;      /* in the write-ahead log after the last commit                       */
    bool degraded;         /* the last transaction failed on the disk, or the server is away     */
    uint32_t away_ms;      /* waits so long for a server that is away; 0: there is none          */
};
void store_stats(const struct store *store, struct store_stats *ret);

#endif
