/* SPDX-License-Identifier: Apache-2.0
 *
 * Which model a question goes to, and which next when it fails. Candidates of a route are scored by
 * price, fitness for the task, measured latency and failures (health.h).
 *
 * Its choices are made in a declared function of the agent (llm-route), whose result the host records: a
 * stage that runs again goes the way that it went.
 */
#ifndef LLM_ROUTER_H
#define LLM_ROUTER_H

#include "alert.h"
#include "errors.h"
#include "health.h"
#include "request.h"
#include "settings.h"

#define LLM_CANDIDATES_MAX 16
#define LLM_QUALITY        70   /* of a model that nobody judged */
#define LLM_SOON_MS        1000 /* a better one at its limit is waited for so long at most */

enum llm_route { LLM_CHAT, LLM_QUICK, LLM_CODE, LLM_VISION, LLM_SUMMARY, LLM_ROUTES };

/* Of a choice: a line for what was chosen, and one for each candidate, of which long names are cut. */
#define LLM_WHY_ONE       200
#define LLM_WHY_MAX       ((LLM_CANDIDATES_MAX + 1) * LLM_WHY_ONE)

#define LLM_RETRY_SHARE   0.2  /* of all questions may be repeated …  */
#define LLM_RETRY_RESERVE 10.0 /* … and so many at once               */

struct llm_candidate {
    struct llm_settings settings;
    uint8_t provider;
    struct llm_shape shape; /* what this model refused before */
    uint8_t blind;          /* and pictures, whatever the table says */
    struct llm_health health;
    struct llm_alert alert;
};

struct llm_way {
    uint32_t count;
    uint8_t floor;
    struct {
        uint8_t candidate, quality;
    } to[LLM_CANDIDATES_MAX];
};

struct llm_router {
    struct llm_candidate *candidates; /* LLM_CANDIDATES_MAX, the owner's */
    uint32_t count;
    struct llm_link links[LLM_PROVIDERS_MAX];
    struct llm_way ways[LLM_ROUTES]; /* without members: that of chat */
    double cost_weight, retries;
    double hedges;  /* that may be sent now (hedge.h)        */
    uint8_t pooled; /* models of one's own have a pool       */
};

/* What is known when a choice is made. */
struct llm_ask {
    enum llm_route route;
    int64_t tokens, max_tokens;
    int64_t complexity;  /* 0 to 100 */
    uint32_t tried;      /* bits of candidates that shall not be asked (again) */
    uint32_t prefer;     /* bits of those that the member would rather have    */
    int64_t last;        /* the one that just failed, -1: none */
    int again;           /* asking the last again makes sense  */
    int pictures;        /* only those are asked that see them */
    int refilled;        /* 1: what limits of providers should have given back counts; -1: never */
    int64_t patience_ms; /* a better one whose keys are at their limits is waited for so long */
};

struct llm_choice {
    int64_t candidate; /* -1: none */
    int64_t key;
    int blind; /* there is none, because none sees pictures */
    /* Where there is none: the one that may be asked again first, in so many milliseconds, why it is not now, and
     * whether that is no more than a limit on questions. */
    int64_t next, wait_ms; /* -1: nobody will be */
    const struct llm_kind *kind;
    int limit;
    uint32_t around; /* bits of those that would be asked before it, did they not keep failing */
    int64_t at_ms;   /* when it was counted among what its key took; 0: it was not */
    int passed;      /* a key before it is at its limit */
    uint32_t shape;  /* how it wants to be asked: shape.h */
    char why[LLM_WHY_MAX];
};

void llm_router_init(struct llm_router *router, struct llm_candidate *candidates);
/* The route of that name, LLM_CHAT for others; its name. */
enum llm_route llm_route_of(troupe_str name);
const char *llm_route_name(enum llm_route route);
/* Whether there is anything to choose. */
int llm_router_chooses(const struct llm_router *router);

/* Whether any model that the route may lead to sees pictures, by the config. */
int llm_router_sees(const struct llm_router *router, enum llm_route route);

/* A question has come: it earns its share of a repetition. */
void llm_router_earn(struct llm_router *router);
/* A question is repeated: 0 where too many were lately. */
int llm_router_spend(struct llm_router *router);

/* 0 to 100, from the last message alone: length, code, numbers of questions. */
int64_t llm_complexity(const json_t *messages);

/* The best that may be asked now; the one that just failed only where no other may, and within the
 * retry budget. `why` tells what was chosen first and then all others, each with its score and what keeps it
 * away. */
void llm_router_choose(struct llm_router *router, const struct llm_ask *ask, int64_t now_ms,
                       struct llm_choice *ret);

/* Which key the same model is asked with next, where its talk goes on: the one of before as long as it may be. -1
 * as the candidate, with the wait, where none may. */
void llm_router_stay(struct llm_router *router, const struct llm_ask *ask, int64_t key,
                     int64_t now_ms, struct llm_choice *ret);
/* The same model with another key beside the one that it is asked with: 0 where none is free. */
int llm_router_other_key(struct llm_router *router, const struct llm_ask *ask, int64_t key,
                         int64_t now_ms, struct llm_choice *ret);

/* The next piece of a `why`, from `*at` on: whole candidates in less than `size` bytes, as a trace takes them.
 * 0 behind the last. */
int llm_choice_tell(const char **at, char *ret, size_t size);

/* What came of a question: `kind` NULL after an answer. Milliseconds to the first token and to the
 * end. */
void llm_router_note(struct llm_router *router, uint32_t candidate, uint32_t key,
                     const struct llm_kind *kind, int64_t retry_after_ms, int64_t first_ms,
                     int64_t total_ms);

#endif
