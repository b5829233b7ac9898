/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that are given again to exactly the same question. A caller of llm.chat says by "cache"
 * that nothing about a member is in its messages; what is kept stays inside the guild, as the host
 * keeps it in that scope. The key is a digest of everything that the answer depends on: the messages
 * with their instructions, the route, the bounds, and the models that the config names. So a change
 * of any of them is another question, and what was kept for the old one is never found again.
 *
 * Each guild has `cache_entries` places, and a question may lie in two of them; there is no list to
 * keep and nothing grows. Questions themselves are not stored.
 */
#ifndef LLM_CACHE_H
#define LLM_CACHE_H

#include "converse.h"

#define LLM_CACHE_TEXT_MAX ((size_t)16 * 1024) /* a longer answer is not kept */
#define LLM_CACHE_LIVES    4 /* an answer that is asked for lives so many times as long, at most */

struct llm_cache {
    uint8_t open;  /* what is answered may be kept */
    uint8_t leads; /* others wait for it           */
    uint8_t into;  /* which of the two places      */
    uint32_t places[2];
    char key[LLM_DIGEST_TEXT];
};

/* Looks for an answer, and waits for one that is on its way to somebody else. TROUPE_OK: it was given
 * to the caller, with "cached". TROUPE_NOT_FOUND: the model is to be asked, then llm_cache_close
 * called. Else the turn has ended. [turn, waits] */
troupe_status llm_cache_open(troupe_turn *turn, struct llm_agent *agent, enum llm_route route,
                             const struct llm_request *request, struct llm_cache *ret);
/* Keeps a whole answer (`status` of llm_converse), and lets those who wait for it go on. Negative
 * only where the turn has ended. [turn, waits] */
troupe_status llm_cache_close(troupe_turn *turn, struct llm_agent *agent, struct llm_cache *cache,
                              troupe_status status, const struct llm_round *round);

/* The digest of a question; its places follow from it. TROUPE_NOMEM. */
troupe_status llm_cache_key(const struct llm_agent *agent, enum llm_route route,
                            const struct llm_request *request, struct llm_cache *ret);

#endif
