/* SPDX-License-Identifier: Apache-2.0
 *
 * How many tokens a picture counts for, by the rule of the model that sees it (the price table's "sees"). What
 * a provider does not say is taken for more, never for less: money is reserved by it.
 */
#ifndef LLM_SIGHT_H
#define LLM_SIGHT_H

#include <jansson.h>
#include <stdint.h>

/* Sides above this are refused by a provider, and by us before anybody is asked. */
#define LLM_PICTURE_SIDE_MAX 8000

enum llm_sight_rule {
    LLM_SIGHT_UNKNOWN, /* nobody knows what a picture costs */
    LLM_SIGHT_FLAT,    /* `most`, whatever its size */
    LLM_SIGHT_PATCH, /* one for each square of `side` pixels, up to `most`, times `factor` / 1000 */
    LLM_SIGHT_TILE, /* `base` and `each` for every square of `side`, its shorter side brought to 768 and the
                        * longer one to 2,048 at most */
    LLM_SIGHT_CROP, /* `each` for every square of two thirds of its shorter side, of 256 to 768 pixels */
};

struct llm_sight {
    enum llm_sight_rule rule;
    uint32_t side, most, factor, base, each;
    uint32_t low; /* in low detail; 0: as in high detail */
};

/* "sees" of a row. NULL, or what is wrong with it. */
const char *llm_sight_read(const json_t *json, struct llm_sight *ret);

/* Of a picture of 1 to INT32_MAX pixels a side. UINT64_MAX where the rule is unknown. */
uint64_t llm_sight_tokens(const struct llm_sight *sight, uint32_t width, uint32_t height, int low);

#endif
