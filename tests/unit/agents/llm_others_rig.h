/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent of language models as tests of vectors, judgements and pictures need it.
 */
#ifndef LLM_OTHERS_RIG_H
#define LLM_OTHERS_RIG_H

#include "fake_turn.h"

typedef troupe_status (*embed_fn)(troupe_turn *, troupe_str, int64_t, troupe_str, troupe_str);

/* A config: keys and values, NULL behind the last. */
extern const char *const openai[];

troupe_str str(const char *text);
struct fake_turn *agent(const char *const *config);
/* What is answered to request `i`. */
void answers(struct fake_turn *fake, unsigned i, uint32_t status, const char *body);
troupe_status embed(struct fake_turn *fake, const char *texts, int64_t dimensions,
                    const char *encoding);
/* Nothing is open, reserved or told that must not be. */
void finish(struct fake_turn *fake);

#endif
