/* SPDX-License-Identifier: Apache-2.0
 *
 * Feature requests in the agent's tables. The host fills in whose they are and in which server; a request is
 * known by its number there. All calls are for turns in a server. Texts of rows live as long as the stage or
 * function.
 */
#ifndef FEATURES_REQUEST_H
#define FEATURES_REQUEST_H

#include <troupe/troupe.h>

enum {
    REQUEST_TITLE_MAX = 400,        /* bytes */
    REQUEST_DESCRIPTION_MAX = 4000, /* bytes */
    REQUEST_REASON_MAX = 1000,      /* bytes */
    REQUEST_PAGE = 10               /* of a list */
};

struct request_limits {
    int64_t most, most_member; /* open and planned ones, of a server and of a member in it */
};

struct request_row {
    troupe_str key, member, channel, title, description, status, reason;
    int64_t number, message, created_at, votes;
};

/* Keeps one as open. TROUPE_LIMIT where the server or the member (`ret_whose` 1) has as many as it may,
 * TROUPE_CONFLICT where the member has an open one of that title already: `ret_number` is its. [turn, waits] */
troupe_status request_add(troupe_turn *turn, const struct request_limits *limits, troupe_str title,
                          troupe_str description, int64_t *ret_number, int *ret_whose);
/* TROUPE_NOT_FOUND where there is none of that number. [turn, waits] */
troupe_status request_get(troupe_turn *turn, int64_t number, struct request_row *ret);
/* A page of them from 0, newest first, of one status or all (""); `ret` has REQUEST_PAGE rows, without
 * descriptions and reasons. `ret_all` how many there are on all pages. [turn, waits] */
troupe_status request_list(troupe_turn *turn, troupe_str status, int64_t page,
                           struct request_row *ret, uint32_t *ret_count, int64_t *ret_all);
/* TROUPE_NOT_FOUND, too. [turn, waits] */
troupe_status request_decide(troupe_turn *turn, const struct request_row *row, troupe_str status,
                             troupe_str reason);
/* Takes a request away with its votes, where it is the member's: else TROUPE_DENIED. [turn, waits] */
troupe_status request_withdraw(troupe_turn *turn, const struct request_row *row);
/* The member's vote for it: given, or taken back where it was (`ret_given` 0). [turn, waits] */
troupe_status request_vote(troupe_turn *turn, const struct request_row *row, int *ret_given);

/* Up to REQUEST_PAGE of the member's requests whose status they were not told yet. [turn, waits] */
troupe_status request_untold(troupe_turn *turn, struct request_row *ret, uint32_t *ret_count);
/* That they were. [turn, waits] */
troupe_status request_told(troupe_turn *turn, const struct request_row *row);
/* When the newest of the member's open and planned requests was made; 0: there is none. [turn, waits] */
troupe_status request_newest(troupe_turn *turn, int64_t *ret_ms);

#endif
