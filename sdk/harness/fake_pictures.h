/* SPDX-License-Identifier: Apache-2.0
 *
 * Pictures in messages, of all three formats: OpenAI's parts with a data URL, Anthropic's blocks of base64 and
 * Ollama's list of it. They are checked as the providers check them and told by type, size and digest.
 */
#ifndef FAKE_PICTURES_H
#define FAKE_PICTURES_H

#include "fake_format.h"
#include "fake_text.h"

/* Whether a block or part is one. */
bool fake_is_picture(const json_t *block);

/* Adds the pictures of a message to `own` as "pictures", a list of texts "TYPE BYTES DIGEST". False with a
 * sentence in `err` where the provider would refuse one. */
bool fake_pictures_take(enum fake_format format, const json_t *message, json_t *own, char *err,
                        size_t err_size);

/* The messages with the pictures told beside their texts; the caller's. NULL as above. */
json_t *fake_pictures_told(enum fake_format format, const json_t *messages, char *err,
                           size_t err_size);

#endif
