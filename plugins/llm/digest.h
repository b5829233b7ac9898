/* SPDX-License-Identifier: Apache-2.0
 *
 * SHA-256 (FIPS 180-4) of a text in memory. A plugin may not bring a library that initialises itself
 * in the host's process, as libcrypto does, and what members write must not be able to meet another
 * question's key on purpose.
 */
#ifndef LLM_DIGEST_H
#define LLM_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define LLM_DIGEST_SIZE 32
#define LLM_DIGEST_TEXT (2 * LLM_DIGEST_SIZE + 1)

void llm_digest(const void *data, size_t len, uint8_t ret[LLM_DIGEST_SIZE]);
/* In lower-case hexadecimal digits. */
void llm_digest_text(const uint8_t digest[LLM_DIGEST_SIZE], char ret[LLM_DIGEST_TEXT]);

#endif
