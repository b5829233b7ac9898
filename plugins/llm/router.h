/* SPDX-License-Identifier: Apache-2.0
 *
 * Which model a question goes to, and which next when it fails. Candidates of a route are scored by
 * price, fitness for the task, measured latency and failures; a breaker for each model and each
 * provider keeps questions away from what is down, and lets one through now and then to see.
 *
 * What it knows is memory of this process and differs after a restart. So its choices are made in a
 * declared function of the agent (llm-route), whose result the host records: a stage that runs
 * again goes the way that it went.
 */
#ifndef LLM_ROUTER_H
#define LLM_ROUTER_H

#include "errors.h"
#include "request.h"
#include "settings.h"

#define LLM_PROVIDERS_MAX  4
#define LLM_KEYS_MAX       2
#define LLM_CANDIDATES_MAX 16
#define LLM_QUALITY        70 /* of a model that nobody judged */

enum llm_route { LLM_CHAT, LLM_QUICK, LLM_CODE, LLM_VISION, LLM_SUMMARY, LLM_ROUTES };

#define LLM_BREAKER_FAILURES 5                 /* in a row, that open it            */
#define LLM_BREAKER_FIRST_MS ((int64_t)30000)  /* open for so long, doubled each time */
#define LLM_BREAKER_MOST_MS  ((int64_t)600000) /* up to this                        */
#define LLM_PROBE_MS         ((int64_t)120000) /* a probe that said nothing for so long is lost */
#define LLM_COOL_MS          ((int64_t)10000)  /* after a 429 that names no time    */
#define LLM_KEY_COOL_MS      ((int64_t)600000) /* a key that was refused, or has no credit */
#define LLM_RETRY_SHARE      0.2               /* of all questions may be repeated …  */
#define LLM_RETRY_RESERVE    10.0              /* … and so many at once               */

struct llm_breaker {
    uint32_t failures, openings;
    int64_t open_until;  /* 0: closed */
    int64_t probe_since; /* 0: nobody is trying */
    uint8_t tripped;     /* opens at the next look at the clock */
};

struct llm_candidate {
    struct llm_settings settings;
    uint8_t provider;
    struct llm_shape shape; /* what this model refused before */
    /* Measured: moving averages, -1 before the first. */
    double first_ms, total_ms, success;
    int64_t measured_ms; /* when, 0: not looked at the clock since */
    struct llm_breaker breaker;
    int64_t cool_until[LLM_KEYS_MAX], cool_for[LLM_KEYS_MAX];
};

struct llm_link {
    uint8_t keys;
    struct llm_breaker breaker;
    int64_t cool_until[LLM_KEYS_MAX], cool_for[LLM_KEYS_MAX];
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
};

/* What is known when a choice is made. */
struct llm_ask {
    enum llm_route route;
    int64_t tokens, max_tokens;
    int64_t complexity; /* 0 to 100 */
    uint32_t tried;     /* bits of candidates that shall not be asked (again) */
    int64_t last;       /* the one that just failed, -1: none */
    int again;          /* asking the last again makes sense  */
};

struct llm_choice {
    int64_t candidate; /* -1: none */
    int64_t key;
    char why[480];
};

void llm_router_init(struct llm_router *router, struct llm_candidate *candidates);
/* The route of that name, LLM_CHAT for others; its name. */
enum llm_route llm_route_of(troupe_str name);
const char *llm_route_name(enum llm_route route);
/* Whether there is anything to choose. */
int llm_router_chooses(const struct llm_router *router);

/* A question has come: it earns its share of a repetition. */
void llm_router_earn(struct llm_router *router);

/* 0 to 100, from the last message alone: length, code, numbers of questions. */
int64_t llm_complexity(const json_t *messages);

/* The best that may be asked now; the one that just failed only where no other may, and within the
 * retry budget. `why` tells all candidates with their scores and what keeps them away. */
void llm_router_choose(struct llm_router *router, const struct llm_ask *ask, int64_t now_ms,
                       struct llm_choice *ret);

/* What came of a question: `kind` NULL after an answer. Milliseconds to the first token and to the
 * end. */
void llm_router_note(struct llm_router *router, uint32_t candidate, uint32_t key,
                     const struct llm_kind *kind, int64_t retry_after_ms, int64_t first_ms,
                     int64_t total_ms);

#endif
