/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *fake_alloc(size_t size)
{
    void *block = calloc(1, size ? size : 1);

    if (!block) {
        fputs("the fake ran out of memory\n", stderr);
        exit(71);
    }
    return block;
}

char *fake_strdup(const char *text)
{
    size_t len = strlen(text);

    return memcpy(fake_alloc(len + 1), text, len + 1);
}

static void reserve(struct fake_text *text, size_t more)
{
    size_t want = text->len + more + 1;

    if (want <= text->cap)
        return;
    if (want < text->cap * 2)
        want = text->cap * 2;
    text->data = realloc(text->data, want);
    if (!text->data) {
        fputs("the fake ran out of memory\n", stderr);
        exit(71);
    }
    text->cap = want;
}

void fake_text_put(struct fake_text *text, const void *data, size_t len)
{
    reserve(text, len);
    if (len)
        memcpy(text->data + text->len, data, len);
    text->len += len;
    text->data[text->len] = '\0';
}

void fake_text_puts(struct fake_text *text, const char *data)
{
    fake_text_put(text, data, strlen(data));
}

void fake_text_printf(struct fake_text *text, const char *format, ...)
{
    va_list args, again;
    int n;

    va_start(args, format);
    va_copy(again, args);
    n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n > 0) {
        reserve(text, (size_t)n);
        vsnprintf(text->data + text->len, (size_t)n + 1, format, again);
        text->len += (size_t)n;
    }
    va_end(again);
}

void fake_text_json(struct fake_text *text, const json_t *value)
{
    char *dump = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);

    fake_text_puts(text, dump ? dump : "null");
    free(dump);
}

void fake_text_clear(struct fake_text *text)
{
    free(text->data);
    *text = (struct fake_text){0};
}

size_t fake_utf8_size(const char *p, size_t len)
{
    unsigned char c = (unsigned char)*p;
    size_t size = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;

    return size < len ? size : len;
}

uint64_t fake_digest(const void *data, size_t len)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < len; i++)
        hash = (hash ^ ((const unsigned char *)data)[i]) * UINT64_C(0x100000001b3);
    return hash;
}
