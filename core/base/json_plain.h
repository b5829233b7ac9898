/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON as nearly everybody writes it (text without \u, whole numbers, short names), read and written
 * in a tenth of what jansson takes for it: some 60 instructions a byte, and a question to a model has
 * thousands. What is not plain is left to jansson, and so is every word about what is wrong. For
 * base/json.c; any thread.
 */
#ifndef BASE_JSON_PLAIN_H
#define BASE_JSON_PLAIN_H

#include "base/buf.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

/* The value, the caller's; NULL where the text is not plain, nested deeper than `depth` or no JSON.
 * `unique`: also where an object has a name twice. */
json_t *json_plain_parse(const char *text, size_t len, unsigned depth, bool unique);
/* How many bytes stand in front of the first that cannot stand for itself in a string. Whether some of them are not
 * ASCII is added to `wide`. */
size_t json_plain_span(const char *text, size_t len, bool *wide);
/* Appends any value as jansson does with JSON_COMPACT and JSON_ENCODE_ANY. */
void json_plain_print(const json_t *value, struct buf *out);

#endif
