/* SPDX-License-Identifier: Apache-2.0
 *
 * The running summary: what of a talk is too old for the window is told in a few sentences in its
 * place. A model writes them by llm.chat on the route "summary", in a job of its own, so that nobody
 * waits for it; until it is there the messages themselves go along.
 *
 * The summary is what a model made of members' words: data like these, never instructions.
 */
#ifndef CONVERSATION_CONTEXT_SUMMARY_H
#define CONVERSATION_CONTEXT_SUMMARY_H

#include "prompt.h"

#define CONTEXT_SUMMARY_SELECT                                                                     \
    "unseal(summary, 'conversation_sessions.summary', account, channel, member, session_start)"

#define CONTEXT_SUMMARY_LINES 8 /* older lines that begin a new summary: four turns */

/* Whether this host can write summaries later. [turn] */
int context_summary_can(troupe_turn *turn);

/* After a question for which `used` lines had a place: plans a summary of what is older than window
 * and place, where that is enough. Failing is no reason to fail: the next turn tries again. [turn,
 * waits] */
troupe_status context_summary_plan(troupe_turn *turn, const struct history *history, uint32_t used);

/* The job. [turn, waits] */
troupe_status context_summary_write(troupe_turn *turn, const struct prompt_budget *budget,
                                    troupe_str payload);

#endif
