/* SPDX-License-Identifier: Apache-2.0
 *
 * What models that think put beside their calls of tools, and how they refuse a talk that goes on without it. A
 * script says of a model how it thinks:
 *
 *   "gemini"    the first call of an answer has extra_content.google.thought_signature. Since the member's last
 *               message each first call must have it back, and one of another model's
 *               "skip_thought_signature_validator" in its place
 *               (ai.google.dev/gemini-api/docs/thought-signatures, "OpenAI compatibility" and "FAQs")
 *   "deepseek"  answers begin with reasoning_content. With tools each call must have it back, unless the request
 *               has {"thinking": {"type": "disabled"}} (api-docs.deepseek.com/guides/thinking_mode)
 *   "claude"    answers begin with a block of thoughts that is signed, and one that nobody can read; thinking cannot
 *               be disabled. Calls must have both back as they were
 *               (platform.claude.com/docs/en/build-with-claude/extended-thinking, "Preserving thinking blocks")
 *
 * All of it follows from the id of the first call, so that nothing has to be kept.
 */
#ifndef FAKE_THOUGHTS_H
#define FAKE_THOUGHTS_H

#include "fake_format.h"

enum fake_thinking {
    FAKE_THINKS_NOT,
    FAKE_THINKS_GEMINI,
    FAKE_THINKS_DEEPSEEK,
    FAKE_THINKS_CLAUDE
};

/* FAKE_THINKS_NOT for a name that is none. */
enum fake_thinking fake_thinking_of(const char *name);
/* Whether it thinks at this request. */
bool fake_thinks_at(enum fake_thinking thinking, const json_t *body);

/* Gives calls ids by which they are known again, and what belongs beside them. */
void fake_thoughts_sign(enum fake_thinking thinking, json_t *calls);
/* The thoughts of an answer with these calls in words; to be freed. */
char *fake_thoughts_text(const json_t *calls);
/* The same as blocks of Anthropic's; the caller's. */
json_t *fake_thoughts_blocks(const json_t *calls);

/* Why the provider refuses the request, the error's whole body, which is the caller's; NULL: it does not. */
json_t *fake_thoughts_refuse(enum fake_thinking thinking, const json_t *body);

#endif
