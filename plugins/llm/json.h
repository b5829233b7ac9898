/* SPDX-License-Identifier: Apache-2.0
 *
 * jansson on a coroutine's stack: what a stranger sent is parsed only where its nesting is bounded,
 * because the parser recurses for every level.
 */
#ifndef LLM_JSON_H
#define LLM_JSON_H

#include <jansson.h>
#include <stddef.h>
#include <stdlib.h>

#define LLM_JSON_DEPTH_MAX 64

/* Depth of the brackets outside strings never passes LLM_JSON_DEPTH_MAX. */
static inline int llm_json_is_flat(const char *text, size_t len)
{
    int depth = 0, in_string = 0;

    for (size_t i = 0; i < len; i++) {
        char c = text[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = 0;
        } else if (c == '"') {
            in_string = 1;
        } else if (c == '{' || c == '[') {
            if (++depth > LLM_JSON_DEPTH_MAX)
                return 0;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return 1;
}

/* One JSON value, the caller's; NULL where it is none or nested too deep. */
static inline json_t *llm_json_load(const char *text, size_t len)
{
    return llm_json_is_flat(text, len) ? json_loadb(text, len, JSON_DECODE_ANY, NULL) : NULL;
}

static inline void llm_json_cleanup(json_t **value)
{
    json_decref(*value);
}
#define LLM_CLEANUP_JSON __attribute__((cleanup(llm_json_cleanup)))

static inline void llm_text_cleanup(char **text)
{
    free(*text);
}
#define LLM_CLEANUP_TEXT __attribute__((cleanup(llm_text_cleanup)))

#endif
