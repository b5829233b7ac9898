/* SPDX-License-Identifier: Apache-2.0 */
#include "shape.h"

#include <string.h>

/* Every member is a flag in a byte. */
#define FLAGS sizeof(struct llm_shape)
_Static_assert(FLAGS < 32,
               "a shape has a bit for each flag, and one value means that it is not known");

uint32_t llm_shape_bits(const struct llm_shape *shape)
{
    uint8_t flags[FLAGS];
    uint32_t bits = 0;

    memcpy(flags, shape, sizeof(flags));
    for (size_t i = 0; i < FLAGS; i++)
        bits |= (uint32_t)(flags[i] != 0) << i;
    return bits;
}

void llm_shape_begin(struct llm_request *request, uint32_t bits)
{
    const uint8_t plain = request->shape.completion_tokens;
    uint8_t flags[FLAGS];

    memcpy(flags, &request->shape, sizeof(flags));
    for (size_t i = 0; i < FLAGS; i++)
        flags[i] |= bits >> i & 1;
    memcpy(&request->shape, flags, sizeof(flags));
    /* It is said of this one that it is the other than by the config. */
    request->shape.completion_tokens = (uint8_t)(plain ^ (bits & 1));
}

void llm_shape_learn(struct llm_shape *shape, const struct llm_request *request)
{
    struct llm_request plain = *request;

    llm_request_turn_to(&plain, request->settings);
    *shape = request->shape;
    shape->completion_tokens ^= plain.shape.completion_tokens;
}
