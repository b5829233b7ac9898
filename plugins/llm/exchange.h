/* SPDX-License-Identifier: Apache-2.0
 *
 * One question that gets one JSON object, paid like a round of a talk: its worst case is reserved before it
 * leaves, what it cost is settled. What fails goes to the next model that is set up, or is tried again within
 * the turn's time and the budget of repetitions, by the table of errors.h; what is down is not asked (pick.h).
 */
#ifndef LLM_EXCHANGE_H
#define LLM_EXCHANGE_H

#include "errors.h"
#include "json.h"
#include "others.h"
#include "router.h"

struct llm_exchange {
    const struct llm_settings *models;
    uint32_t count; /* of them */
    /* What they went through; NULL, with the next one and `kind_name`, where that counts for nothing. */
    struct llm_models *kept;
    struct llm_router *router; /* of talks: its providers and its budget of repetitions */
    const char *kind_name;     /* of the models, for llm-pick: "embed"                  */
    const char *whom;      /* names the model in sentences: "The model for vectors"             */
    uint32_t first;        /* of them, that is asked                                            */
    int alone;             /* and none behind it                                                */
    const char *what;      /* names it in reports: "llm.embed"                                  */
    const char *price_key; /* of the config, that names the price of the first; NULL: none does */
    const char *nowhere;   /* told where no provider of them has anything of the kind           */
    size_t most;           /* bytes of an answer                                                */
    uint32_t patience_ms;  /* for an answer while another model could be asked; 0: total_timeout */
    int64_t tokens;        /* that it is taken for, for limits of keys                           */
    /* Whether a model is of those that may be asked: its provider has the kind, and it is the one that is meant.
     * NULL: all are. */
    int (*meant)(const struct llm_exchange *exchange, const struct llm_settings *settings);
    /* Sets path, body (a new reference) and worst for `settings`; 0: there is no body. */
    int (*aim)(struct llm_exchange *exchange, troupe_turn *turn);
    /* What an answer cost, in micro-USD; its tokens, where it tells. */
    uint64_t (*cost)(const struct llm_exchange *exchange, const json_t *answer, uint64_t *ret_in,
                     uint64_t *ret_out);
    /* NULL where the answer is what was asked for; one that is not goes to the next model, as a failure of that
     * kind does. NULL: any object is. */
    const struct llm_kind *(*fits)(const struct llm_exchange *exchange, const json_t *answer);
    uint32_t values, values_most; /* of vectors; llm_wish has them */
    void *arg;                    /* of all of them */

    /* Of the model that was asked last. */
    const struct llm_settings *settings;
    uint32_t at;      /* its place */
    const char *path; /* behind base_url */
    json_t *body;
    uint64_t worst; /* micro-USD, or TROUPE_PRICE_UNKNOWN */
    uint64_t cost_micros;
    int told;                 /* as llm_pick has it */
    uint32_t misfit;          /* bits of models that were not asked, as they make other vectors */
    struct llm_vector others; /* what the first of those makes, as far as is known */
    uint32_t http_status;     /* of the last answer, 0 without one */
    int replayed; /* an earlier run of the stage had it, and has noted what it came to */
    const struct llm_kind *kind; /* of the last failure; NULL: it was none of a provider's */
};

void llm_exchange_clear(struct llm_exchange *exchange);

/* Asks the models in their order, less those that are down: what another might answer goes to the next one at
 * once, and what the same may answer later to those again, after a wait. The answer, the caller's to free; else the
 * status of a failure that was told by troupe_fail, or why the turn has ended. [turn, waits] */
troupe_status llm_exchange_run(troupe_turn *turn, struct llm_exchange *exchange, json_t **ret);

/* Where no such model is set up, or its provider has none of the kind. */
troupe_status llm_exchange_unsupported(troupe_turn *turn, const char *sentence);

#endif
