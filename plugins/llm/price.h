/* SPDX-License-Identifier: Apache-2.0
 *
 * The price table (etc/prices.json) and the arithmetic on it: whole numbers only, rounded up.
 *
 *     {"format": 1, "currency": "USD",
 *      "providers": {"openai": ["api.openai.com"]},
 *      "prices": [{"provider": "openai", "model": "gpt-5-mini", "effective_from": "2026-07-24",
 *                  "input": 250000, "cached": 25000, "output": 2000000}]}
 *
 * Prices are micro-USD for a million tokens; "cached" may be left out and is then the input's. "image" is the
 * most that one picture costs, in micro-USD. "context" is how many tokens the model holds, question and answer.
 * "lacks" lists what it does not take: "tools", "schema" (of an answer; it is asked for any object), "json" (nor
 * that), "temperature", "max_tokens" (it knows that as max_completion_tokens). "sees" is there where the model
 * takes pictures, and says how many tokens one counts for at most (sight.h):
 *
 *     "sees": {"flat": 2240}                                  always so many
 *     "sees": {"patch": 32, "most": 1536, "factor": 1620}     1.62 for each square of 32 pixels, of 1,536 at most
 *     "sees": {"tile": 512, "base": 85, "each": 170, "low": 85}
 *     "sees": {"crop": 768, "each": 258}
 *
 * "vector" is how many values a model's vectors have (vector.h):
 *
 *     "vector": {"values": 1536, "fewer": true}               so many, and fewer where they are asked for
 *
 * "model" may contain `*` for any run of characters. A row also stands for dated snapshots of its
 * model ("-2025-08-07", "-20250929"), unless they have a row. Of several rows that fit, the one
 * with the most literal characters counts, of these the latest that is in effect. A host that no
 * provider lists has no known price, as a reseller's differs from the list: it is refused, never
 * free.
 */
#ifndef LLM_PRICE_H
#define LLM_PRICE_H

#include "sight.h"
#include "vector.h"

#include <stddef.h>
#include <stdint.h>
#include <troupe/abi.h>

#define LLM_PRICE_FILE_MAX ((size_t)1024 * 1024)
#define LLM_PRICE_ROWS_MAX 5000

/* Micro-USD for a million tokens. */
struct llm_price {
    uint64_t input, cached, output;
};

#define LLM_LACKS_TOOLS       1u
#define LLM_LACKS_JSON        2u
#define LLM_LACKS_SCHEMA      4u /* but it takes the wish for any object */
#define LLM_LACKS_TEMPERATURE 8u
#define LLM_LACKS_MAX_TOKENS  16u

#define LLM_PRICE_MOST        INT64_C(10000000000000000) /* as price_input: 1e10 USD */

#define LLM_CONTEXT_LEAST     256       /* tokens */
#define LLM_CONTEXT_MOST      100000000 /* far above any known one */

struct llm_price_table;

/* TROUPE_NOT_FOUND without such a file, TROUPE_DATA for a bad one; `error` then gets a sentence
 * with the row and the remedy. */
troupe_status llm_price_table_load(troupe_str path, struct llm_price_table **ret, char *error,
                                   size_t error_size);
troupe_status llm_price_table_parse(const char *json, size_t len, struct llm_price_table **ret,
                                    char *error, size_t error_size);
void llm_price_table_free(struct llm_price_table *table);
/* Differs where the file does; "" without one. */
const char *llm_price_table_digest(const struct llm_price_table *table);

/* TROUPE_NOT_FOUND for an unknown host or model. `today` is days since 1970-01-01. A table whose
 * rows for the model all lie in the future gives the earliest. `table` may be NULL. */
troupe_status llm_price_find(const struct llm_price_table *table, const char *host,
                             const char *model, int64_t today, struct llm_price *ret);

/* The most that one picture of a model costs, in micro-USD. TROUPE_NOT_FOUND as above, or where its row has no
 * "image". */
troupe_status llm_price_image(const struct llm_price_table *table, const char *host,
                              const char *model, int64_t today, uint64_t *ret);

/* LLM_LACKS_… of a model, by the row that is or will be the latest in effect; 0 where nothing is known. */
uint32_t llm_price_lacks(const struct llm_price_table *table, const char *host, const char *model);

/* Tokens that a model holds, by the same row; 0 where nothing is known. */
int64_t llm_price_context(const struct llm_price_table *table, const char *host, const char *model);

/* How a model counts pictures. TROUPE_NOT_FOUND where nothing says that it sees any; `*ret` is then untouched. */
troupe_status llm_price_sight(const struct llm_price_table *table, const char *host,
                              const char *model, struct llm_sight *ret);

/* How many values a model's vectors have; all 0 where nothing is known. */
struct llm_vector llm_price_vector(const struct llm_price_table *table, const char *host,
                                   const char *model);

/* Whether a model's name fits a pattern with `*`; a dated snapshot fits its model. */
int llm_price_fits(const char *pattern, const char *model);

/* Micro-USD, rounded up; UINT64_MAX - 1 where it does not fit. `cached` is part of `input`. */
uint64_t llm_price_cost(const struct llm_price *price, uint64_t input, uint64_t cached,
                        uint64_t output);

#endif
