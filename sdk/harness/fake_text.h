/* SPDX-License-Identifier: Apache-2.0
 *
 * A growing byte string for the harness programs, which share no code with the core. Running out
 * of memory ends the program: it is a test's tool.
 */
#ifndef FAKE_TEXT_H
#define FAKE_TEXT_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct fake_text {
    char *data; /* NUL-terminated once something was put in */
    size_t len, cap;
};

void *fake_alloc(size_t size); /* zeroed */
char *fake_strdup(const char *text);
void fake_text_put(struct fake_text *text, const void *data, size_t len);
void fake_text_puts(struct fake_text *text, const char *data);
void fake_text_printf(struct fake_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void fake_text_json(struct fake_text *text, const json_t *value); /* compact, raw UTF-8 */
void fake_text_clear(struct fake_text *text);

/* Bytes of the code point that starts at `p` (1 for what is none), within `len`. */
size_t fake_utf8_size(const char *p, size_t len);
/* FNV-1a, to compare secrets without keeping them. */
uint64_t fake_digest(const void *data, size_t len);

#endif
