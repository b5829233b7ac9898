/* SPDX-License-Identifier: Apache-2.0
 *
 * The first bytes of what members attach: whatever they are, a picture is one of four kinds with pixels, says
 * the same with more behind it, and counts for a bounded number of tokens by every rule.
 */
/* The agent is no library: its files come in whole. */
#include "../../plugins/llm/picture.c"
#include "../../plugins/llm/sight.c"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct llm_sight rules[] = {
        {.rule = LLM_SIGHT_FLAT, .most = 2240},
        {.rule = LLM_SIGHT_PATCH, .side = 32, .most = 1536, .factor = 2460},
        {.rule = LLM_SIGHT_TILE, .side = 512, .base = 2833, .each = 5667},
        {.rule = LLM_SIGHT_CROP, .each = 258}};
    struct llm_picture_head head = {0}, again = {0};
    uint8_t *longer;

    if (llm_picture_read(data, size, &head) != TROUPE_OK) {
        if (head.type || head.width || head.height)
            abort();
        return 0;
    }
    if (strncmp(head.type, "image/", 6) != 0 || head.width == 0 || head.height == 0 ||
        head.width > INT32_MAX || head.height > INT32_MAX)
        abort();
    longer = calloc(1, size + 64);
    if (!longer)
        return 0;
    memcpy(longer, data, size);
    if (llm_picture_read(longer, size + 64, &again) != TROUPE_OK || again.width != head.width ||
        again.height != head.height)
        abort();
    free(longer);
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
        if (llm_sight_tokens(&rules[i], head.width, head.height, 0) == 0)
            abort();
    return 0;
}
