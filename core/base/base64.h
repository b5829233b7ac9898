/* SPDX-License-Identifier: Apache-2.0
 *
 * Bytes as text (RFC 4648, section 4), for what only carries text. Any thread.
 */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

#include <stdbool.h>

/* The text of 1 to 3 bytes: of fewer than 3, the last of a whole. */
void base64_group(const void *data, size_t len, char ret[4]);
/* Appends the text of the bytes. */
void base64_put(struct buf *out, const void *data, size_t len);
/* Appends the bytes of the text; false where it is none. What was appended then is to be dropped. */
bool base64_take(struct buf *out, const char *text, size_t len);

#endif
