/* SPDX-License-Identifier: Apache-2.0
 *
 * What a short message is meant as, told by a table of phrases and without asking a model. Only what is
 * sure is told: everything that is not in the table is INTENT_OTHER.
 */
#ifndef CONVERSATION_INTENT_H
#define CONVERSATION_INTENT_H

#include <stddef.h>
#include <troupe/abi.h>

#define INTENT_WORDS_MAX 200 /* bytes of a message that a table may know */

/* What the table tells is a whole message that it knows. */
#define INTENT_TABLE_CONFIDENCE 1.0

enum intent { INTENT_OTHER, INTENT_HELP, INTENT_STATUS, INTENT_GENERAL };

/* "help", "get_status", "general_conversation"; "" for INTENT_OTHER. */
const char *intent_name(enum intent intent);

/* The words alone: ASCII letters in lower case, one space between words, and no punctuation but the
 * apostrophe. "" where they do not fit. Returns the length. */
size_t intent_words(troupe_str text, char ret[INTENT_WORDS_MAX]);

/* Of what intent_words gave. */
enum intent intent_of(const char *words);

#endif
