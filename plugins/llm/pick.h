/* SPDX-License-Identifier: Apache-2.0
 *
 * Which of the models for vectors, judgements or pictures is asked: the first one in the order of the config
 * that is not down, and those that failed more often than not lately behind all others. Providers, keys and
 * the budget of repetitions are those of talks.
 *
 * A choice is made in a declared function of the agent (llm-pick), whose result the host records: see
 * health.h.
 */
#ifndef LLM_PICK_H
#define LLM_PICK_H

#include "others.h"
#include "router.h"

#define LLM_PICK_FUNCTION "llm-pick"
#define LLM_PICK_MAX      224 /* bytes of its result */

struct llm_wish {
    uint32_t tried;       /* bits of models that shall not be asked (again)       */
    uint32_t skip;        /* the same of those that are not meant                 */
    uint32_t from, until; /* the models among which one is picked                 */
    int again;            /* they were asked before, and their wait has been kept */
    uint32_t values;      /* of vectors, that are asked for; 0: as the model likes */
    uint32_t most;        /* of them, that there is room for; 0: any number       */
    int64_t tokens;       /* of what is asked                                     */
    int refilled;         /* see llm_ask                                          */
};

struct llm_pick {
    int64_t model; /* -1: none may be asked       */
    int64_t next;  /* who would be, after it; -1  */
    int64_t key;
    uint32_t misfit;          /* bits of those that make no such vectors, as far as is known */
    struct llm_vector others; /* what the first of those makes */
    uint32_t around;          /* bits of those before it that keep failing */
    int64_t at_ms;   /* when it was counted among what the key took; 0: it was not          */
    int64_t wait_ms; /* until one may be asked that is at its limit, where none is; -1: none */
    int passed;      /* a key before it is at its limit */
    int diverts;     /* from the order of the config    */
    int told;        /* it is told how many values are wanted; -1: not known here */
    char why[480];
};

/* `why` tells all models and what keeps them away. */
void llm_pick(struct llm_models *models, struct llm_router *router, const struct llm_wish *wish,
              int64_t now_ms, struct llm_pick *ret);

/* What llm-pick is called for and gives; `kind` names the models for it; NULL: the order of
 * the config. */
troupe_status llm_pick_ask(troupe_turn *turn, const char *kind, const struct llm_wish *wish,
                           struct llm_pick *ret);
troupe_status llm_pick_answer(troupe_turn *turn, struct llm_others *others,
                              struct llm_router *router, troupe_str kind,
                              const struct llm_wish *wish);

#endif
