/* SPDX-License-Identifier: Apache-2.0
 *
 * A picture as the service llm.image paints it, and as it goes with an answer.
 */
#ifndef IMAGINE_PICTURE_H
#define IMAGINE_PICTURE_H

#include <troupe/troupe.h>

#define PICTURE_PROMPT_MAX 1000

/* All of it lives as long as the turn. */
struct picture {
    troupe_str prompt, shape, model, type;
    troupe_str data; /* empty: it goes with the answer already, and nobody has its bytes */
    int64_t cost_micros;
};

/* Has it painted, by that model or with "" by any. A failure is told to the member already. [turn, waits] */
troupe_status picture_paint(troupe_turn *turn, troupe_str prompt, troupe_str shape,
                            troupe_str model, struct picture *ret);
/* Sends it with the turn's answer, described by its prompt. [turn, waits] */
troupe_status picture_attach(troupe_turn *turn, const struct picture *picture);

#endif
