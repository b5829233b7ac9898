/* SPDX-License-Identifier: Apache-2.0
 *
 * Records of a spool as rows of the database: for turn/spool.h alone.
 */
#ifndef TURN_SPOOL_ROWS_H
#define TURN_SPOOL_ROWS_H

#include "turn/spool.h"

/* How a portion becomes rows. */
struct turn_spool_rows {
    struct store *store;
    const struct plugin_set *set;
    int64_t *last;             /* number of an event that was given out last */
    const struct map *changed; /* as in turn_spool */
    turn_spool_other other;    /* NULL: nobody     */
    void *arg;
};

/* What a record became. */
struct turn_spooled {
    struct event *event; /* NULL: it was none, or is not answered */
    char *key;           /* NULL: none; of one that is not answered, too */
    int64_t id, twin;    /* of the rows that were meant to be made; 0: none */
    size_t row, twin_row;
    bool made, twin_made; /* they were */
};

/* What tells an event from all others; mem_free. */
char *turn_spool_key(const char *source, const char *source_id);
/* One commit; each of `ret` (as many as the portion has records) is to be cleared, whatever is returned. A record
 * that the database refuses for good is left out, which is logged. [waits] */
troupe_status turn_spool_store(const struct turn_spool_rows *rows,
                               const struct spool_portion *portion, struct turn_spooled *ret,
                               struct error *err);
void turn_spooled_clear(struct turn_spooled *spooled, size_t count);

#endif
