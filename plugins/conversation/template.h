/* SPDX-License-Identifier: Apache-2.0
 *
 * The system prompt as the admin writes it: text with {{name}} {{tone}} {{emoji}} {{language}}
 * {{date}} {{bot}}. It is rendered in one pass, so what is put in is never looked at for further
 * placeholders.
 */
#ifndef CONVERSATION_TEMPLATE_H
#define CONVERSATION_TEMPLATE_H

#include <stddef.h>
#include <stdint.h>
#include <troupe/status.h>

#define TEMPLATE_MAX       ((size_t)16 * 1024)
#define TEMPLATE_VALUE_MAX 256 /* bytes of one value; longer ones are cut */

enum template_field {
    TEMPLATE_NAME,
    TEMPLATE_TONE,
    TEMPLATE_EMOJI,
    TEMPLATE_LANGUAGE,
    TEMPLATE_DATE,
    TEMPLATE_BOT,
    TEMPLATE_FIELDS
};

/* TROUPE_DATA for an unknown or open placeholder; `error` gets a sentence that names it. */
troupe_status template_check(const char *text, char *error, size_t error_size);

/* Whether the placeholder is in the text, with spaces around its name or without. `text` was checked. */
int template_has(const char *text, enum template_field field);

/* Bytes of the text before the first paragraph with a placeholder that differs between members or days:
 * what every question may begin with. */
size_t template_stable(const char *text);

/* The rendered length without writing where `ret` is NULL. `text` was checked. At most `size` - 1
 * bytes and a NUL are written; returns the bytes written. */
size_t template_render(const char *text, const char *const values[TEMPLATE_FIELDS], char *ret,
                       size_t size);

/* A name that may stand in a prompt: no line breaks, control, invisible or markup characters, at
 * most 32 characters; "the member" where nothing is left. `size` at least 129. */
void template_clean_name(const char *text, size_t len, char *ret, size_t size);

/* "Friday, 20 November 2026" at `offset_minutes` east of UTC. `size` at least 48. */
void template_date(int64_t now_ms, int32_t offset_minutes, char *ret, size_t size);

#endif
