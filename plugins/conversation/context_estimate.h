/* SPDX-License-Identifier: Apache-2.0
 *
 * How far our estimate of tokens is from what models really count. Each answer tells, and it is kept
 * by model, so that a talk in Greek or in code gets as much context as it may have, and no more.
 */
#ifndef CONVERSATION_CONTEXT_ESTIMATE_H
#define CONVERSATION_CONTEXT_ESTIMATE_H

#include <troupe/troupe.h>

#define CONTEXT_PER_MILLE     1000 /* where nothing is known */
#define CONTEXT_PER_MILLE_MIN 500
#define CONTEXT_PER_MILLE_MAX 3000

/* What one answer told. */
struct context_sample {
    char model[128];
    int64_t per_mille; /* 0: nothing */
};

/* Reads it from the result of llm.chat ("guessed" and "input" of its usage). Nothing where the usage
 * was guessed itself, the answer is an old one, or the question was too short to tell. */
void context_sample_read(troupe_str result, struct context_sample *ret);

/* The statement that joins a sample to what is known: a quarter of it counts. `params` has room for
 * three values and must live as long. */
#define CONTEXT_SAMPLE_PARAMS 3
troupe_statement context_sample_store(const struct context_sample *sample, int64_t now_ms,
                                      troupe_value *params);

/* The statement that takes out what counts no more: what a model is called is its provider's word, and may be
 * another one each day. `before` is now less CONTEXT_SAMPLE_LIFE_MS, and must live as long. */
troupe_statement context_sample_clear(const troupe_value *before);

/* For the query that loads a session: the largest of the models that answered lately, NULL without
 * any. ?1 is now less CONTEXT_SAMPLE_LIFE_MS. */
#define CONTEXT_SAMPLE_LIFE_MS (INT64_C(7) * 24 * 3600 * 1000)
#define CONTEXT_SAMPLE_SELECT                                                                      \
    "(SELECT MAX(per_mille) FROM {conversation_models} WHERE account = COALESCE(:account, '') "    \
    "AND updated_at > ?1)"

#endif
