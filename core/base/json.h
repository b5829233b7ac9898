/* SPDX-License-Identifier: Apache-2.0
 *
 * jansson behind the core's limits: nesting is refused above JSON_DEPTH_MAX before a tree is
 * built, because jansson takes 305 bytes of stack a level to dump and a hostile body would run
 * through a coroutine's stack. Text must be UTF-8.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/buf.h"
#include "base/error.h"

#include <jansson.h>
#include <stddef.h>

#define JSON_DEPTH_MAX 128

/* Parses one value; the caller owns it. TROUPE_DATA with the place on bad text. */
troupe_status json_parse(const char *text, size_t len, json_t **ret, struct error *err);
/* The same, but where an object has a name twice the last one counts: for what cannot be asked for
 * again. */
troupe_status json_parse_lenient(const char *text, size_t len, json_t **ret, struct error *err);
/* Compact text, to be freed with mem_free; NULL only where the tree cannot be dumped. */
char *json_print(const json_t *value);
/* Appends the text as a JSON string, quotes and all: for who writes JSON without building a tree. What
 * is no UTF-8 becomes an empty string. */
void json_put(struct buf *out, const char *text, size_t len);
/* What a valid JSON string says, from what stands between its quotes: UTF-8 of at most `len` bytes,
 * its length is returned. `out` may be `raw`. What no text can hold (NUL, half a surrogate pair)
 * becomes U+FFFD. */
size_t json_unescape(const char *raw, size_t len, char *out);
/* String member or `fallback`. */
const char *json_get_str(const json_t *object, const char *key, const char *fallback);
int64_t json_get_int(const json_t *object, const char *key, int64_t fallback);

static inline void json_cleanup(json_t **value)
{
    json_decref(*value);
}
#define _cleanup_json_ __attribute__((cleanup(json_cleanup)))

#endif
