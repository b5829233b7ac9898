/* SPDX-License-Identifier: Apache-2.0
 *
 * JSON without a tree, for the paths of the fake Discord that run ten thousand times a second: a
 * scanner that walks over the members of an object, and writers that append. Also the one map.
 */
#ifndef DISCORD_TEXT_H
#define DISCORD_TEXT_H

#include "fake_text.h"

#include <stdbool.h>
#include <string.h>

/* Borrowed text; ptr NULL: not there. */
struct discord_slice {
    const char *ptr;
    size_t len;
};

static inline struct discord_slice discord_slice(const char *text)
{
    return (struct discord_slice){text, text ? strlen(text) : 0};
}

static inline bool discord_slice_is(struct discord_slice slice, const char *text)
{
    return slice.ptr && slice.len == strlen(text) && memcmp(slice.ptr, text, slice.len) == 0;
}

void discord_put_u64(struct fake_text *text, uint64_t value);
void discord_put_id(struct fake_text *text, uint64_t id);                  /* in quotes */
void discord_put_str(struct fake_text *text, const char *ptr, size_t len); /* as a JSON string */
void discord_put_time(struct fake_text *text, int64_t unix_ms); /* ISO 8601, in quotes; 0: null */

/* The next member of an object; `*at` begins at 0 and is only for the next call. False at the end,
 * then `*at` is SIZE_MAX where the object is broken. Keys are compared as they stand. */
bool discord_scan_member(struct discord_slice object, size_t *at, struct discord_slice *ret_key,
                         struct discord_slice *ret_value);
bool discord_scan_item(struct discord_slice array, size_t *at, struct discord_slice *ret_value);
/* Value of `key`, or a NULL slice; also for JSON's null. */
struct discord_slice discord_scan_get(struct discord_slice object, const char *key);
/* Whether it is an object whose members can be walked over. */
bool discord_scan_is_object(struct discord_slice value);
/* Appends the text of a JSON string, escapes resolved; false when it is none. */
bool discord_scan_string(struct discord_slice value, struct fake_text *out);
/* A number, or a string of digits, as ids are; 0 otherwise. */
uint64_t discord_scan_u64(struct discord_slice value);
bool discord_scan_true(struct discord_slice value);

/* Code points, and UTF-16 units, of UTF-8. */
size_t discord_code_points(const char *text, size_t len, size_t *ret_utf16);
uint64_t discord_digits(struct discord_slice text); /* 0 unless digits only */

/* u64 -> pointer, open addressing; key 0 is not allowed. */
struct discord_map {
    struct discord_slot {
        uint64_t key;
        void *value;
    } * slots;
    size_t count, cap; /* count with removed ones, whose value is NULL */
};

void *discord_map_get(const struct discord_map *map, uint64_t key);
void discord_map_set(struct discord_map *map, uint64_t key, void *value); /* NULL removes */
void discord_map_clear(struct discord_map *map);

#endif
