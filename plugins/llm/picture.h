/* SPDX-License-Identifier: Apache-2.0
 *
 * What the first bytes of a picture tell: its kind, and how many pixels it has, of which providers make
 * tokens. Nothing is decoded. What members attach is read here, so whatever is not as the formats say is refused.
 */
#ifndef LLM_PICTURE_H
#define LLM_PICTURE_H

#include <stddef.h>
#include <stdint.h>
#include <troupe/abi.h>

struct llm_picture_head {
    const char *type; /* media type, constant */
    uint32_t width, height;
};

/* PNG, JPEG, GIF (as large as its screen or its first frame) or WebP. TROUPE_DATA for all else, for a cut
 * header and for a picture without pixels; `*ret` is then untouched. */
troupe_status llm_picture_read(const void *data, size_t len, struct llm_picture_head *ret);

#endif
