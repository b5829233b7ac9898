/* SPDX-License-Identifier: Apache-2.0
 *
 * The forms of index.h: packed texts as lists by stem, floats of length one as vectors of sixteen bits.
 */
#include "store/index.h"

#include "base/mem.h"
#include "store/text_postings.h"
#include "store/vector_near.h"

#include <string.h>

/* ---- texts ---- */

static void *make_texts(size_t variant)
{
    (void)variant;
    return text_postings_new();
}

static void free_texts(void *index)
{
    text_postings_free(index);
}

static bool put_text(void *index, const char *key, const void *value, size_t len)
{
    text_postings_put(index, key, value, len);
    return true;
}

static void remove_text(void *index, const char *key)
{
    text_postings_remove(index, key);
}

static size_t bytes_of_texts(const void *index)
{
    return text_postings_bytes(index);
}

const struct store_index_form store_index_texts = {
    "texts", make_texts, free_texts, put_text, remove_text, bytes_of_texts,
};

/* ---- vectors ---- */

static void *make_vectors(size_t variant)
{
    return vector_near_new(variant);
}

static void free_vectors(void *index)
{
    vector_near_free(index);
}

static bool put_vector(void *index, const char *key, const void *value, size_t len)
{
    _cleanup_mem_ float *copy = NULL;

    if (len != vector_near_dim(index) * sizeof(float)) {
        vector_near_remove(index, key);
        return true;
    }
    copy = mem_copy(value, len);
    return vector_near_put(index, key, copy);
}

static void remove_vector(void *index, const char *key)
{
    vector_near_remove(index, key);
}

static size_t bytes_of_vectors(const void *index)
{
    return vector_near_bytes(index);
}

const struct store_index_form store_index_vectors = {
    "vectors", make_vectors, free_vectors, put_vector, remove_vector, bytes_of_vectors,
};
