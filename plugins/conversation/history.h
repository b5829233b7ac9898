/* SPDX-License-Identifier: Apache-2.0
 *
 * What was said in the member's session in this channel. A session ends by silence; the next
 * message begins a new one, which knows nothing of the old.
 */
#ifndef CONVERSATION_HISTORY_H
#define CONVERSATION_HISTORY_H

#include "context_estimate.h"
#include "intent_log.h"

struct history_line {
    troupe_str content; /* lives as long as the stage */
    uint8_t from_member;
    uint8_t interrupted;
    int64_t message;    /* id of the member's, for question and answer */
    uint8_t small_talk; /* a question that wants nothing: a greeting, thanks, "are you there" */
};

struct history {
    uint8_t is_new;   /* no session is open, or it ended by silence */
    int64_t start_ms; /* of the session */
    int64_t asked_ms; /* when the member wrote */
    uint32_t count;   /* of lines, newest first */
    struct history_line *lines;
    uint32_t window;    /* lines that are kept in mind; those above it wait for the summary */
    troupe_str summary; /* of what is older than all lines; empty: none */
    troupe_str intents; /* of the session, as intent_session_add makes them */
    int64_t per_mille;  /* tokens that models count for 1,000 estimated */
};

struct history_entry {
    troupe_str question, answer;
    uint8_t interrupted;
    int64_t tokens; /* of question and answer together, as the model counted them; 0: unknown */
    struct context_sample sample; /* of the estimate */
    struct intent_entry intent;   /* what the question was meant as */
};

/* Finds the session of the turn's member and channel, its summary and its newest `window` messages, with
 * `more` older ones that no summary holds. [turn, waits] */
troupe_status history_load(troupe_turn *turn, int64_t silence_ms, int64_t window, int64_t more,
                           struct history *ret);
/* Question and answer in one commit, with the session's start or count and the row of the intent. Storing the same turn again
 * changes nothing more. [turn, waits] */
troupe_status history_store(troupe_turn *turn, const struct history *history,
                            const struct history_entry *entry);

#endif
