/* SPDX-License-Identifier: Apache-2.0
 *
 * Frequent questions that the operator declares, of all servers or of one: what is asked in these words,
 * whatever their case and punctuation, gets the declared answer, or one that the model gave before anybody
 * asked (faq_warm.h). The file is JSON:
 *
 *     {"questions": [
 *         {"question": ["what are the rules", "rules"], "answer": "Be kind.", "guild": "123"},
 *         {"question": "what is troupe"}]}
 */
#ifndef CONVERSATION_FAQ_H
#define CONVERSATION_FAQ_H

#include "intent.h"

#include <troupe/troupe.h>

#define FAQ_FILE_MAX   ((size_t)256 * 1024)
#define FAQ_MAX        200 /* questions, each spelling counts */
#define FAQ_ANSWER_MAX 2000
#define FAQ_KEY_SIZE   32 /* of a key in the cache, with the end */

struct faq_entry {
    uint64_t guild;       /* 0: of all servers, and of direct messages */
    const char *question; /* as the model is asked it, in its first spelling */
    const char *answer;   /* NULL: the model's */
    char words[INTENT_WORDS_MAX];
};

struct faq {
    uint32_t count;
    struct faq_entry *entries;
    void *tree; /* that the texts belong to */
};

/* Reads the file; an empty path is none. What is wrong goes to the log, with the remedy. */
troupe_status faq_load(troupe_host *host, troupe_str path, struct faq *ret);
void faq_clear(troupe_host *host, struct faq *faq);

/* The question in that server, whose own come before those of all; NULL where it is none of them. */
const struct faq_entry *faq_find(const struct faq *faq, uint64_t guild, troupe_str message);

#endif
