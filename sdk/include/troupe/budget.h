/* SPDX-License-Identifier: Apache-2.0
 *
 * troupe/budget.h - "troupe.budget/1": money that a plugin is about to spend. Capability "budget".
 *
 * Before a paid request leaves, its worst case is reserved in micro-units (1 USD = 1,000,000) against
 * the caps of bot, guild, member and plugin; afterwards it is settled with what it really cost, or
 * released when it never left. A dispatched reservation that nobody settles is booked at its worst
 * case and shown as unknown.
 *
 *     status = troupe_budget(turn)->reserve(turn, worst, "draw", &request.reservation);
 *     if (status == TROUPE_OK)
 *         status = troupe_http_api(turn)->open(turn, &request, &http);
 *     … read the answer, compute what it cost …
 *     status = troupe_budget(turn)->settle(turn, request.reservation, cost);
 *
 * reserve_at_open in place of reserve saves a commit: open then reserves, too.
 */
#ifndef TROUPE_BUDGET_H
#define TROUPE_BUDGET_H

#include <troupe/turn.h>

/* The extension's id, for `needs`. */
#define TROUPE_BUDGET_EXTENSION "troupe.budget/1"

/* The worst case of what has no known price: always refused. */
#define TROUPE_PRICE_UNKNOWN UINT64_MAX

typedef struct troupe_budget_v1 {
    uint32_t size;
    uint32_t reserved;
    /* `what` names it in reports and in the log: "llm.chat gpt-x", the same for everybody and never of what
     * members wrote. TROUPE_BUDGET above a cap or for an unknown price,
     * with a sentence in troupe_error; 0 is a valid price (a local model). Stored. [turn, waits] */
    troupe_status (*reserve)(troupe_turn *turn, uint64_t worst_micros, const char *what,
                             uint64_t *ret_reservation);
    /* Settles a dispatched reservation; more than was reserved is booked and reported, and the same `what`
     * is TROUPE_BUDGET from then on until the owner confirms it. Stored, with or before what the turn
     * stores next; not waited for as a rule. [turn, waits] */
    troupe_status (*settle)(troupe_turn *turn, uint64_t reservation, uint64_t micros);
    /* Gives back one that was not dispatched; a dispatched one is TROUPE_ARGUMENT. Stored.
     * [turn, waits] */
    troupe_status (*release)(troupe_turn *turn, uint64_t reservation);
    /* Absent where `size` ends before it. What it took, in the units that its price
     * counts (tokens), for the turn's figures alone. Not recorded. [turn] */
    void (*used)(troupe_turn *turn, uint64_t reservation, uint64_t units_in, uint64_t units_out);
    /* Absent where `size` ends before it. reserve for a request that is opened next: nothing is written
     * until open (troupe/http.h) names it, which reserves and dispatches in one commit while its request is
     * made, and is TROUPE_BUDGET where reserve would be. It is for one open: what failed before a byte left
     * is given back by itself, and release of that is fine. TROUPE_LIMIT where 64 of the turn wait. Not
     * recorded. [turn] */
    troupe_status (*reserve_at_open)(troupe_turn *turn, uint64_t worst_micros, const char *what,
                                     uint64_t *ret_reservation);
    /* Absent where `size` ends before it. How much of the fullest cap over this turn, of an hour, a day or a month, is
     * spent or reserved, in per cent; 0 without a cap. For what can be left for later: what must not be spent
     * is refused in any case. TROUPE_UNAVAILABLE and its like while the storage is away. Noted. [turn, waits] */
    troupe_status (*level)(troupe_turn *turn, uint32_t *ret_percent);
} troupe_budget_v1;

/* The table; NULL where this host has none. Not recorded. [turn] */
static inline const troupe_budget_v1 *troupe_budget(troupe_turn *turn)
{
    return (const troupe_budget_v1 *)troupe_get_extension(turn, TROUPE_BUDGET_EXTENSION);
}

/* As `level` of the table; TROUPE_UNSUPPORTED where this host does not tell. Noted. [turn, waits] */
static inline troupe_status troupe_budget_level(troupe_turn *turn, uint32_t *ret_percent)
{
    const troupe_budget_v1 *budget = troupe_budget(turn);

    return TROUPE_HAS(budget, level) ? budget->level(turn, ret_percent) : TROUPE_UNSUPPORTED;
}

#endif
