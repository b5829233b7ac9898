/* SPDX-License-Identifier: Apache-2.0
 *
 * What /memory says: lists for people, and everything as JSON.
 */
#ifndef MEMORY_SHOW_H
#define MEMORY_SHOW_H

#include "recall.h"

enum { SHOWN_MAX = 20, SHORT_KEY = 7 /* letters by which a member names one */ };

/* A list of rows, or what there is to say where there is none. [turn, waits] */
troupe_status show_rows(troupe_turn *turn, const struct memory_row *rows, uint64_t count);
/* What was found, one a line; "" for nothing. Lives as long as the turn; NULL: no memory. [turn] */
char *show_found(troupe_turn *turn, const struct memory_found *found, uint32_t count);
/* The same as memory.search gives it: free() it. */
char *show_found_json(const struct memory_found *found, uint32_t count);
/* Everything of the member here, history and what was put aside too. [turn, waits] */
troupe_status show_export(troupe_turn *turn);
/* Takes away the row that `what` names: by the letters of its key, or by words that only one has. [turn, waits] */
troupe_status show_forget(troupe_turn *turn, troupe_str what);

#endif
