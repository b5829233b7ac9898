/* SPDX-License-Identifier: Apache-2.0
 *
 * The models beside those that talk: one that makes vectors of texts, one that judges them, one that
 * paints. Each is set up by a key of its own and may be absent.
 */
#ifndef LLM_OTHERS_H
#define LLM_OTHERS_H

#include "alert.h"
#include "health.h"
#include "settings.h"

#define LLM_MODELS_MAX 4 /* of a kind, the first one preferred */

struct llm_models {
    uint32_t count; /* 0: not set up */
    struct llm_settings to[LLM_MODELS_MAX];
    uint8_t providers[LLM_MODELS_MAX];         /* their numbers, from 0 */
    struct llm_vector vectors[LLM_MODELS_MAX]; /* what is known of those that they make */
    struct llm_health health[LLM_MODELS_MAX];
    struct llm_alert alerts[LLM_MODELS_MAX];
};

struct llm_others {
    struct llm_models embed, moderation, image;
    uint8_t has_embed_price, has_image_price; /* of the first one */
    uint64_t embed_price;                     /* micro-USD for a million tokens */
    uint64_t image_price;                     /* micro-USD for an image         */
};

/* Reads embed_model, moderation_model and image_model: models with commas between, before each the number of
 * its provider. What is wrong goes to the log, with the remedy. */
troupe_status llm_others_load(const struct llm_settings *main, struct llm_others *ret);

#endif
