/* SPDX-License-Identifier: Apache-2.0
 *
 * The spool: what must not be lost while the database's server is away, in a local file (spool_format.h) that
 * has a thread of its own. Written only then, and gone once everything in it was taken. Who takes from it
 * must be able to take the same twice: a crash may be between his commit and store_spool_take.
 *
 * Functions are for the loop thread; those marked [waits] need a coroutine.
 */
#ifndef STORE_SPOOL_H
#define STORE_SPOOL_H

#include "base/error.h"
#include "loop/loop.h"
#include "store/spool_file.h"

struct store_spool;

/* Kinds of records; 0 is the file's own. The contents are their writers'. */
enum store_spool_kind {
    STORE_SPOOL_EVENT = 1, /* core/turn: event_print                         */
    STORE_SPOOL_REVISE,    /* core/turn: the event as its member changed it  */
    STORE_SPOOL_RETRACT,   /* core/turn: the key of one that was taken back  */
    STORE_SPOOL_SESSION,   /* core/gateway/discord: where a session stands   */
    STORE_SPOOL_IDENTIFY,  /* core/gateway/discord: that one has begun       */
};

struct store_spool_options {
    const char *path;
    uint64_t
        max_bytes; /* the file grows no larger; 0: nothing is written, what is there is taken */
    const char *encrypt_key, *encrypt_old_keys; /* as in store_options */
    void (*on_write)(void);                     /* as in spool_file    */
};

/* Reads through what an earlier process left. Blocks. Errors as spool_file_open, and TROUPE_NOMEM. */
troupe_status store_spool_open(struct loop *loop, const struct store_spool_options *options,
                               struct store_spool **ret, struct error *err);
/* Writes what is on its way, joins the thread; who waits is told by the loop's next turns. NULL is fine. */
void store_spool_close(struct store_spool *spool);

/* `told` is called once, on the loop's stack, never before this returns: TROUPE_OK, it is on the disk; else
 * as the disk has it (`err`), and nothing is there. TROUPE_LIMIT here: it is full, or switched off, and `told` is
 * not called. Order of calls is order in the file. */
troupe_status
store_spool_put(struct store_spool *spool, enum store_spool_kind kind, const char *data, size_t len,
                void (*told)(void *arg, troupe_status status, const struct error *err), void *arg,
                struct error *err);
/* The same for who waits for it. [waits] */
troupe_status store_spool_keep(struct store_spool *spool, enum store_spool_kind kind,
                               const char *data, size_t len, uint64_t deadline, struct error *err);
/* spool_file_read, spool_file_take. [waits] */
troupe_status store_spool_read(struct store_spool *spool, uint64_t from, uint64_t deadline,
                               struct spool_portion *ret, struct error *err);
troupe_status store_spool_take(struct store_spool *spool, uint64_t up_to, uint64_t deadline,
                               struct error *err);

struct store_spool_stats {
    uint64_t bytes;     /* of the file; 0: there is none                  */
    uint64_t max_bytes; /* 0: it is switched off                          */
    uint64_t put;       /* records since the start                        */
    uint64_t refused;   /* there was no room, or the disk did not take it */
    int64_t since_ms;   /* wall clock of the oldest; 0: it is empty       */
};
void store_spool_stats(const struct store_spool *spool, struct store_spool_stats *ret);
/* Nothing is in it, and nothing is on its way into it. */
bool store_spool_is_empty(const struct store_spool *spool);

#endif
