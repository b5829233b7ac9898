/* SPDX-License-Identifier: Apache-2.0
 *
 * Small helpers for text: UTF-8, spelling distance for "did you mean", parsing of numbers,
 * durations and sizes as an operator writes them.
 */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <troupe/status.h>

/* Whether the bytes are well-formed UTF-8 (RFC 3629: no surrogates, nothing above U+10FFFF). */
bool text_is_utf8(const char *text, size_t len);
/* Whether they are ASCII from the space on, without quote and backslash: as they stand in JSON. */
bool text_is_plain(const char *text, size_t len);
/* The largest cut <= `max` that does not split a code point of valid UTF-8. */
size_t text_utf8_cut(const char *text, size_t len, size_t max);
/* Length in UTF-16 units, the way Discord counts. */
size_t text_utf16_len(const char *text, size_t len);
/* Damerau-Levenshtein distance, ASCII case folded, at most `limit` + 1. */
unsigned text_distance(const char *a, const char *b, unsigned limit);
/* The candidate nearest to `word` within a third of its length, or NULL. */
const char *text_nearest(const char *word, const char *const *candidates, size_t count);
/* Whole strings only; TROUPE_ARGUMENT and `ret` untouched otherwise. */
troupe_status text_to_int(const char *text, int64_t *ret);
troupe_status text_to_double(const char *text, double *ret);
troupe_status text_to_bool(const char *text, bool *ret); /* yes no true false on off 1 0 */
/* "500ms" "30s" "5m" "2h" "1d" to milliseconds; a bare number is seconds. */
troupe_status text_to_duration(const char *text, int64_t *ret_ms);
/* "4096" "64k" "10M" "1G" to bytes. */
troupe_status text_to_size(const char *text, int64_t *ret_bytes);
/* Cuts white space at both ends in place and returns the new start. */
char *text_trim(char *text);
bool text_starts(const char *text, const char *prefix);
/* Shell-like match with * and ?, case-sensitive. */
bool text_glob(const char *pattern, const char *text);

#endif
