/* SPDX-License-Identifier: Apache-2.0
 *
 * What the parts of the turn that stands in for a host's share.
 */
#ifndef TESTS_FAKE_PARTS_H
#define TESTS_FAKE_PARTS_H

#include "fake_turn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* fake_store.c */
extern const troupe_sql_v1 fake_sql_table;
extern const troupe_kv_v1 fake_kv_table;
extern const troupe_cache_v1 fake_cache_table;
void fake_migrate(struct fake_turn *fake, const char *script);

struct fake_block {
    struct fake_block *next;
};

static inline struct fake_turn *self(troupe_turn *turn)
{
    return (struct fake_turn *)(void *)turn;
}

static inline void append(struct fake_text *text, const char *part, size_t len)
{
    char *grown = realloc(text->ptr, text->len + len + 1);

    if (!grown)
        abort();
    text->ptr = grown;
    memcpy(grown + text->len, part, len);
    text->len += len;
    grown[text->len] = 0;
}

static inline void forget(struct fake_text *text)
{
    free(text->ptr);
    *text = (struct fake_text){0};
}

static inline void *keep(struct fake_turn *fake, size_t size)
{
    struct fake_block *block = calloc(1, sizeof(max_align_t) + size);

    if (!block)
        abort();
    block->next = fake->blocks;
    fake->blocks = block;
    return (char *)block + sizeof(max_align_t);
}

static inline troupe_str keep_text(struct fake_turn *fake, const char *text, size_t len)
{
    char *copy = keep(fake, len + 1);

    memcpy(copy, text, len);
    return (troupe_str){copy, len};
}

static inline troupe_status error(struct fake_turn *fake, troupe_status status, const char *code,
                                  const char *sentence)
{
    snprintf(fake->last_code, sizeof(fake->last_code), "%s", code);
    snprintf(fake->last_sentence, sizeof(fake->last_sentence), "%s", sentence);
    return status;
}

#endif
