/* SPDX-License-Identifier: Apache-2.0
 *
 * What went wrong, from the words of many providers to the few codes of troupe/services.h. One
 * table (errors.c), first row that fits.
 */
#ifndef LLM_ERRORS_H
#define LLM_ERRORS_H

#include "stream.h"

#include <stdint.h>
#include <troupe/troupe.h>

enum llm_category {
    LLM_TRANSIENT, /* trying again makes sense                       */
    LLM_RATE,      /* the same, later                                */
    LLM_CONFIG,    /* the admin must change something                */
    LLM_ACCOUNT,   /* the account at the provider: credit, limits    */
    LLM_CONTENT,   /* what was asked or answered                     */
    LLM_REQUEST,   /* the provider does not take what we sent        */
    LLM_PROTOCOL,  /* what came back is no answer                    */
    LLM_CATEGORIES
};

/* What makes sense after a failure, as long as no text was handed out. */
enum llm_retry {
    LLM_STOP,      /* nobody would answer that                        */
    LLM_ELSEWHERE, /* not this model; another may                     */
    LLM_AGAIN,     /* the same model after a short wait, or another   */
    LLM_LATER,     /* the same when the provider says so, or another  */
};

/* A kind of failure. All text is constant: nothing of the provider's reaches members. */
struct llm_kind {
    const char *name; /* of the metric and in the log */
    enum llm_category category;
    troupe_status status;
    const char *code; /* of troupe/services.h */
    enum llm_retry retry;
    uint8_t retryable;    /* LLM_AGAIN and LLM_LATER: by the same model */
    const char *sentence; /* for members          */
};

/* An HTTP status (200 for an error in the middle of a stream) and the provider's error. */
const struct llm_kind *llm_classify(uint32_t http_status, const struct llm_provider_error *error);
/* A status of troupe_http: no answer at all, or it broke off. */
const struct llm_kind *llm_classify_transport(troupe_status status);

#define LLM_SENTENCE_MAX 200

/* The kind's sentence, with the key of the section that names the model (NULL: "model") where it tells to look
 * at that. */
void llm_kind_sentence(const struct llm_kind *kind, const char *model_key,
                       char ret[LLM_SENTENCE_MAX]);
/* Ends the call with the kind's sentence; where there were too many questions it tells the seconds to wait,
 * `retry_after_ms` of them where the provider named a time (-1: it did not). [turn] */
troupe_status llm_fail(troupe_turn *turn, const struct llm_kind *kind, int64_t retry_after_ms);
/* The same of a model that another key than "model" names. [turn] */
troupe_status llm_fail_of(troupe_turn *turn, const struct llm_kind *kind, const char *model_key,
                          int64_t retry_after_ms);

/* After a request that failed: where the provider said nothing, what the host says of it, which names the server
 * and no more. It goes to the trace, too. [turn] */
void llm_take_cause(troupe_turn *turn, struct llm_provider_error *error);
/* Whether a request was not opened because the host could not store what it costs: nobody was asked, and no model is
 * to blame. Before anything else is called. [turn] */
int llm_is_unstored(troupe_turn *turn);

/* Whether a failure says something of the model, its provider or its key: not what was asked, nor a bound or a
 * restart of this host. */
int llm_kind_blames_model(const struct llm_kind *kind);
/* Whether it stays as it is until somebody does something about it: trying again does not help. */
int llm_kind_needs_admin(const struct llm_kind *kind);
/* What the owner can do about it beside what its sentence says, with a blank before it; "" where that is all. */
const char *llm_kind_advice(const struct llm_kind *kind);

/* Whether what the provider says of it may repeat a key: that is not for the log. `http_status` may be 200 for an
 * error inside of an answer. */
int llm_kind_may_name_key(const struct llm_kind *kind, uint32_t http_status);

/* Whether the model takes no pictures, whoever asks. */
int llm_kind_cannot_see(const struct llm_kind *kind);

/* Kinds that the plugin itself finds. */
extern const struct llm_kind llm_kind_garbage; /* not an answer in the expected format         */
extern const struct llm_kind llm_kind_misfit; /* an answer, but with other vectors than asked for */
extern const struct llm_kind llm_kind_empty;  /* ended without text                           */
extern const struct llm_kind llm_kind_no_room;  /* nothing but reasoning up to max_tokens        */
extern const struct llm_kind llm_kind_filtered; /* ended by the provider's content filter       */
extern const struct llm_kind llm_kind_no_context; /* more than the model's context holds       */
extern const struct llm_kind llm_kind_full;     /* no place at a model of one's own in time      */
extern const struct llm_kind llm_kind_at_limit; /* all keys are at limits that are known here */
extern const struct llm_kind llm_kind_slow;     /* no first token in time                       */
extern const struct llm_kind
    llm_kind_interrupted; /* cut after text had been handed out           */

/* All kinds, for whoever wants to walk the table. */
const struct llm_kind *llm_kind_at(size_t i); /* NULL behind the last */
/* The kind of that name; NULL where there is none. */
const struct llm_kind *llm_kind_named(const char *name);

const char *llm_category_name(enum llm_category category);

#endif
