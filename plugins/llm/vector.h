/* SPDX-License-Identifier: Apache-2.0
 *
 * How many values a model's vectors have: what the price table says ("vector"), else what its answers showed.
 * What it does not make is not asked for again, as the answer would have to be paid.
 */
#ifndef LLM_VECTOR_H
#define LLM_VECTOR_H

#include <jansson.h>
#include <stdint.h>

#define LLM_VALUES_MAX 4096 /* of a vector that callers are given */

struct llm_vector {
    uint32_t own;  /* where none are asked for; 0: not known            */
    uint8_t fixed; /* it makes no other number                          */
    uint8_t fewer; /* it makes any number up to its own, as the table says */
};

/* "vector" of a row: {"values": 1536, "fewer": true}. NULL, or what is wrong with it. */
const char *llm_vector_read(const json_t *json, struct llm_vector *ret);

/* Whether it may make vectors of `asked` values, 0: as it likes, and of at most `most`. 0 only where that is known
 * not to be so. */
int llm_vector_may(const struct llm_vector *vector, uint32_t asked, uint32_t most);
/* Whether that many have to be asked for: who makes no other may not know the wish. */
int llm_vector_is_told(const struct llm_vector *vector, uint32_t asked);
/* Whether a refusal says that the model makes no other number than its own, as OpenAI and vLLM put it; and that
 * this is so. */
int llm_vector_is_refused(const char *message);
void llm_vector_fix(struct llm_vector *vector);
/* What an answer showed. */
void llm_vector_learn(struct llm_vector *vector, uint32_t asked, uint32_t made);

#endif
