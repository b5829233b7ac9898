/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON that is written as json_print writes it: without blanks, whole numbers, only the escapes that have
 * to be. What programs hand to each other is so as a rule, and is looked at where it stands, without a
 * tree. Whoever is told that a text is not so parses it (base/json.h); any thread.
 */
#ifndef BASE_JSON_PRINTED_H
#define BASE_JSON_PRINTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of an object; both stand in its text. A value that is a string has its quotes. */
struct json_member {
    const char *name, *value;
    size_t name_len, len;
};

/* Whether a value is printed so: then json_parse takes it, and json_print gives it back. False also where an object in
 * it has a name twice or more than 16 members, or it is nested deeper than 16 levels. */
bool json_printed(const char *text, size_t len);
/* The members of an object that is, in order; false where it has more than `most`, too. */
bool json_printed_members(const char *text, size_t len, struct json_member *ret, size_t most,
                          size_t *ret_count);
/* The number that a member of such an object is; false: it is none. */
bool json_printed_int(const struct json_member *member, int64_t *ret);

#endif
