/* SPDX-License-Identifier: Apache-2.0
 *
 * Answers that are given again to exactly the same question. A caller of llm.chat says by "cache"
 * that nothing about a member ("guild"), or about a guild or channel either ("account"), is in its
 * messages. What is kept for a guild stays inside of it, as the host keeps it in that scope; what is
 * kept for the account belongs to no guild, and its key holds the account. The key is a digest of
 * everything that the answer depends on: the messages with their instructions, the route, the bounds,
 * the models that the config names and their prices. So a change of any of them is another question, and
 * what was kept for the old one is never found again.
 *
 * A caller that knows what is meant gives "question", which stands in for the last message: what is
 * equal in that form gets the same answer, though spelled in other ways. Such answers have places of
 * their own and live half as long.
 *
 * Where the model may use tools only those are looked for: the tools are part of the key, and what was answered
 * after a call is not kept.
 *
 * It lies in the host's cache, which may lose it, holds nothing for more than a day, and takes an answer out
 * when the member whose question it was deletes their data.
 *
 * Each guild has `cache_entries` places, the account four times as many, and a question may lie in two
 * of them; there is no list to keep and nothing grows. Questions themselves are not stored.
 */
#ifndef LLM_CACHE_H
#define LLM_CACHE_H

#include "converse.h"

#define LLM_CACHE_TEXT_MAX ((size_t)16 * 1024) /* a longer answer is not kept */
#define LLM_CACHE_LIVES    4 /* an answer that is asked for lives so many times as long, at most */

#define LLM_CACHE_ACCOUNT  4    /* times the places of a guild */
#define LLM_CACHE_MEANT    1000 /* places for answers to what is meant, in each scope */

/* Whose answer it may be. */
struct llm_share {
    uint32_t scope;      /* TROUPE_SCOPE_GUILD, or TROUPE_SCOPE_AGENT for the account */
    uint64_t account;    /* whose place it is; 0: of none, as in a job                */
    troupe_str question; /* that stands in for the last message; empty: none          */
};

struct llm_cache {
    uint32_t scope;
    int64_t ttl_ms;
    uint8_t meant; /* by "question" */
    uint8_t open;  /* what is answered may be kept */
    uint8_t leads; /* others wait for it           */
    uint8_t into;  /* which of the two places      */
    uint32_t places[2];
    size_t messages; /* of the question; calls add to them */
    char key[LLM_DIGEST_TEXT];
};

/* Looks for an answer, and waits for one that is on its way to somebody else. TROUPE_OK: it was given
 * to the caller, with "cached". TROUPE_NOT_FOUND: the model is to be asked, then llm_cache_close
 * called. Else the turn has ended. [turn, waits] */
troupe_status llm_cache_open(troupe_turn *turn, struct llm_agent *agent, enum llm_route route,
                             const struct llm_request *request, const struct llm_share *share,
                             struct llm_cache *ret);
/* Keeps a whole answer (`status` of llm_converse), and lets those who wait for it go on. Negative
 * only where the turn has ended. [turn, waits] */
troupe_status llm_cache_close(troupe_turn *turn, struct llm_agent *agent, struct llm_cache *cache,
                              troupe_status status, const struct llm_round *round);

/* The digest of a question; its places follow from it. TROUPE_NOMEM. */
troupe_status llm_cache_key(const struct llm_agent *agent, enum llm_route route,
                            const struct llm_request *request, const struct llm_share *share,
                            struct llm_cache *ret);

#endif
