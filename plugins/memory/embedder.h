/* SPDX-License-Identifier: Apache-2.0
 *
 * Vectors of texts: by the host's own embedder, which is free and always there, or by a model of llm.embed,
 * which knows what means the same. A row says which one made its vector, and of how many values: a model of the
 * same name may be another one tomorrow. While the model does not answer new texts get vectors of the host's;
 * those, and all that an earlier model made, are made again by a job.
 */
#ifndef MEMORY_EMBEDDER_H
#define MEMORY_EMBEDDER_H

#include <troupe/troupe.h>

#define MEMORY_VECTOR_DIM 384 /* of the host's own                */
#define MEMORY_VALUES_MAX 4096
#define MEMORY_MODEL_MAX  200
#define MEMORY_AT_ONCE    16 /* texts of one call                 */

/* What create read; first in the agent's state. */
struct memory_embedder {
    char model[MEMORY_MODEL_MAX + 1]; /* "": the host's own */
};

struct memory_vector {
    float *values; /* as long as the turn */
    uint32_t count;
    const char *by; /* "MODEL (VALUES)", or "" for the host's own */
};

const struct memory_embedder *embedder_of(troupe_turn *turn);
/* By the host's own. TROUPE_NOT_FOUND for a text without a word. [turn] */
troupe_status embedder_local(troupe_turn *turn, troupe_str text, struct memory_vector *ret);
/* By the model that is set up, where it answers, else by the host's own; up to MEMORY_AT_ONCE texts with a word
 * each. A failure of the model's is no failure. [turn, waits] */
troupe_status embedder_texts(troupe_turn *turn, const troupe_str *texts, uint32_t count,
                             struct memory_vector *ret);
/* Whether the model that is set up made it, as far as its name tells. */
int embedder_made(troupe_turn *turn, troupe_str by);
/* Plans the job that makes vectors again, some seconds after that time. [turn, waits] */
troupe_status embedder_plan(troupe_turn *turn, int64_t in_ms);
#define EMBEDDER_JOB    "vectors"
#define MEMORY_AGAIN_MS 600000 /* until a model that did not answer is asked again */

/* That job: some of the member's memories here and of the documents that they find. `ret_left`: there are more.
 * TROUPE_UNAVAILABLE where the model does not answer. [turn, waits] */
troupe_status embedder_again(troupe_turn *turn, uint32_t *ret_count, int *ret_left);

#endif
