/* SPDX-License-Identifier: Apache-2.0
 *
 * Texts for who reads JSON: values of every kind, and about a third of them spoilt. The same seed gives
 * the same texts.
 */
#ifndef JSON_MAKER_H
#define JSON_MAKER_H

#include <stddef.h>
#include <stdint.h>

#define JSON_MADE_MAX 4096

struct json_maker {
    uint64_t state; /* the seed */
    char text[JSON_MADE_MAX];
    size_t len;
};

/* Makes the next text. */
void json_make(struct json_maker *maker);

#endif
