/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands in for a cache's server while that is away: the memory, bounded as without a server. What was put,
 * replaced or taken out meanwhile is known by name, because the server has the value of before: it is taken out there
 * before anything is read from it again. Of more than CACHE_AWAY_NAMES names nothing is known, and every value
 * goes. A file (cache_options.mark) says so to the next process, should this one end before.
 *
 * For cache.c only. Loop thread.
 */
#ifndef STORE_CACHE_AWAY_H
#define STORE_CACHE_AWAY_H

#include "base/map.h"
#include "store/cache_driver.h"

enum {
    CACHE_AWAY_NAMES = 256,
    CACHE_AWAY_MS = 500,      /* between two attempts to reach the server                 */
    CACHE_AWAY_CALLS = 10000, /* of one attempt: what goes on being changed has the next one */
};

struct cache_away {
    struct cache_engine *memory;
    size_t max_bytes;
    struct map names; /* that are to be taken out at the server */
    bool all;         /* every value is                         */
    bool away;        /* the memory stands in                   */
    bool returning;   /* somebody is taking them out            */
    uint64_t next_ms; /* no attempt before                      */
    char *mark;       /* NULL: none                             */
    bool marked;
};

/* Values of a process before that could not be taken out are to go first. */
troupe_status cache_away_init(struct cache_away *away, const struct cache_options *options,
                              struct error *err);
void cache_away_clear(struct cache_away *away);
/* The server did not answer: from now on the memory stands in. */
void cache_away_begin(struct cache_away *away);
/* It answers, and nothing stale is there any more: the memory is emptied. */
void cache_away_end(struct cache_away *away);
/* What the server has under that name may be of before. */
void cache_away_changed(struct cache_away *away, const char *name);
/* The next to take out, until cache_away_done; NULL: none. */
const char *cache_away_next(const struct cache_away *away);
void cache_away_done(struct cache_away *away, const char *name);
/* Answers the call from the memory; locks are refused, as two hosts would both have one. */
void cache_away_run(struct cache_away *away, struct cache_call *call);

#endif
