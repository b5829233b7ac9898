/* SPDX-License-Identifier: Apache-2.0
 *
 * What a model and its provider went through lately: how soon they answered, how often they failed, which
 * keys have to wait. A breaker for each keeps questions away from what is down, and lets one through now and
 * then to see.
 *
 * All of it is memory of this process and differs after a restart. So choices by it are made in declared
 * functions of the agent, whose results the host records; and time passes only there (`now_ms`), where the
 * clock is recorded, too: what happened between two looks has its time from the second.
 */
#ifndef LLM_HEALTH_H
#define LLM_HEALTH_H

#include "allowance.h"
#include "errors.h"
#include "limits.h"
#include "settings.h"
#include "window.h"

#include <stdint.h>

#define LLM_PROVIDERS_MAX    4

#define LLM_BREAKER_FAILURES 5                  /* in a row, that open it            */
#define LLM_BREAKER_FIRST_MS ((int64_t)30000)   /* open for so long, doubled each time */
#define LLM_BREAKER_MOST_MS  ((int64_t)600000)  /* up to this                        */
#define LLM_PROBE_MS         ((int64_t)120000)  /* a probe that said nothing for so long is lost */
#define LLM_COOL_MS          ((int64_t)10000)   /* after a 429 that names no time    */
#define LLM_COOL_MOST_MS     ((int64_t)3600000) /* after one that does, whatever it says */
#define LLM_KEY_COOL_MS      ((int64_t)600000)  /* a key that was refused, or has no credit */
#define LLM_ONLY_KEY_COOL_MS ((int64_t)60000)   /* the same where there is no other */
#define LLM_KNOWN_LEAST      5u
#define LLM_FIRSTS           64 /* first tokens that are remembered of a model */

struct llm_breaker {
    uint32_t failures, openings;
    int64_t open_until;  /* 0: closed */
    int64_t probe_since; /* 0: nobody is trying */
    uint8_t tripped;     /* opens at the next look at the clock */
};

/* How long a key has to wait. */
struct llm_cooling {
    int64_t until, ms;
    uint8_t begins; /* with the next look at the clock */
};

/* Of a model. */
struct llm_health {
    /* Measured: moving averages, -1 before the first. */
    double first_ms, total_ms, success;
    uint32_t known;              /* outcomes that `success` is of */
    int64_t measured_ms;         /* when, 0: not looked at the clock since */
    uint32_t firsts[LLM_FIRSTS]; /* milliseconds to the first token, of the newest answers */
    uint32_t first_count;        /* that were measured in all                              */
    struct llm_breaker breaker;
    const struct llm_kind *last; /* that was held against it or its key; NULL: nothing yet */
    struct llm_cooling cooling[LLM_KEYS_MAX];
    struct llm_allowance allowances[LLM_KEYS_MAX]; /* as its provider tells */
};

/* Of a provider. */
struct llm_link {
    uint8_t keys;
    struct llm_breaker breaker;
    struct llm_cooling cooling[LLM_KEYS_MAX];
    struct llm_window windows[LLM_KEYS_MAX]; /* limits by the config, of all its models together */
};

void llm_health_init(struct llm_health *health);

/* What happened since the last look is given its time. */
void llm_health_look(struct llm_health *health, int64_t now_ms);
void llm_link_look(struct llm_link *link, int64_t now_ms);

/* What keeps a question away from the model: "provider is down", "is down", "must wait", or "at its limit"
 * where no more than limits of its keys do (window.h, allowance.h); NULL: nothing. */
const char *llm_health_obstacle(const struct llm_health *health, const struct llm_link *link,
                                const struct llm_need *need, int64_t now_ms);
/* Whether that is no more than a key that has to wait. */
int llm_health_waits(const char *obstacle);
int llm_health_limited(const char *obstacle);
/* A key that may be used and is not `except` (-1: any); the first where each has its own limits and all are free.
 * -1: none. */
int llm_health_key(const struct llm_health *health, const struct llm_link *link,
                   const struct llm_need *need, int except, int64_t now_ms);
/* "must wait" or "at its limit" of one key; NULL: it may be used. */
const char *llm_health_key_obstacle(const struct llm_health *health, const struct llm_link *link,
                                    const struct llm_need *need, int key, int64_t now_ms);
/* Milliseconds until it may be asked again, as far as is known now; 0: at once. `ret_limit` is whether nothing
 * is in the way but a limit on the number of questions. */
int64_t llm_health_wait(const struct llm_health *health, const struct llm_link *link,
                        const struct llm_need *need, int64_t now_ms, int *ret_limit);
/* The share of questions that failed lately, 0 to 1. Failures fade, so that who failed once is asked again. */
double llm_health_failed(const struct llm_health *health, int64_t now_ms);
/* More often than not, of LLM_KNOWN_LEAST questions or more since its breaker closed. */
int llm_health_fails_often(const struct llm_health *health, int64_t now_ms);

/* The model is asked: where a breaker is half open, this is its probe. */
void llm_health_enter(struct llm_health *health, struct llm_link *link, int64_t now_ms);
/* It is asked with that key: so much is taken of its limits. */
void llm_health_take(struct llm_health *health, struct llm_link *link, int64_t key,
                     const struct llm_need *need, int64_t now_ms);
/* It has ended: once for each call, `taken` is empty then. */
void llm_health_settle(struct llm_health *health, struct llm_link *link, uint32_t key,
                       struct llm_taken *taken, enum llm_spent spent, uint64_t tokens);
/* What came of it: `kind` NULL after an answer. Milliseconds to the first token and to the end. */
void llm_health_note(struct llm_health *health, struct llm_link *link, uint32_t key,
                     const struct llm_kind *kind, int64_t retry_after_ms, int64_t first_ms,
                     int64_t total_ms);

/* It was asked and stopped after `ms` without a first token: it is at least so slow. */
void llm_health_slow(struct llm_health *health, int64_t ms);
/* Milliseconds in which 95 of 100 first tokens came lately; -1 where fewer than `least` are known. */
int64_t llm_health_first_p95(const struct llm_health *health, uint32_t least);

/* Whether a failure is its key's: with another one the model may be asked at once. */
int llm_kind_blames_key(const struct llm_kind *kind);

#endif
