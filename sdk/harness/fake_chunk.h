/* SPDX-License-Identifier: Apache-2.0
 *
 * Chunked request bodies (RFC 9112, 7.1), for all servers of this folder.
 */
#ifndef FAKE_CHUNK_H
#define FAKE_CHUNK_H

#include <stddef.h>

/* Joins the chunks at `data` in place. 1: whole, `ret_used` bytes were their framing and content;
 * 0: more must come; -1: broken, or the content is over `max`. */
int fake_unchunk(char *data, size_t len, size_t max, size_t *ret_used, size_t *ret_len);

#endif
