/* SPDX-License-Identifier: Apache-2.0
 *
 * What messages were meant as and what became of it: a row for each, and the summary of them that the bot's
 * owner reads. The summary counts and has nobody's words.
 */
#ifndef CONVERSATION_INTENT_LOG_H
#define CONVERSATION_INTENT_LOG_H

#include "intent.h"

#include <troupe/troupe.h>

struct intent_entry {
    const char *intent;  /* as intent_name says; "": not told, and no row is written */
    double confidence;   /* 0 to 1 */
    troupe_str entities; /* a JSON object; empty: none */
    int64_t began_ms;    /* when the stage began with it */
    uint8_t success;     /* the member has a whole answer */
    troupe_str error;    /* what they were told instead; empty: nothing */
};

#define INTENT_LOG_PARAMS   8
#define INTENT_SESSION_SIZE 256 /* of the list of a session's intents, with the end */

/* What a message is meant as. Reads the clock only where that is told. [turn] */
void intent_entry_read(troupe_turn *turn, troupe_str message, struct intent_entry *ret);

/* The row, for a commit with whatever else the turn writes; `params` has INTENT_LOG_PARAMS values. The same
 * message again replaces its row. */
troupe_statement intent_log_row(const struct intent_entry *entry, int64_t message, int64_t now_ms,
                                troupe_value *params);
/* The row alone, where nothing else of the turn is written. [turn, waits] */
troupe_status intent_log_write(troupe_turn *turn, const struct intent_entry *entry);

/* A session's intents, a JSON array of names, with one more. 0 where it is in already or has no room. */
int intent_session_add(troupe_str before, const char *intent, char ret[INTENT_SESSION_SIZE]);

/* Answers with counts, share of success and mean times by intent of the last `days`, of everybody who talks
 * with this account; of all accounts in a call from the shell. [turn, waits] */
troupe_status intent_log_report(troupe_turn *turn, int64_t days);

#endif
