/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_answer.h"
#include "fake_api.h"
#include "fake_text.h"

#include <math.h>
#include <string.h>

#define DIMENSIONS_MAX 4096
#define INPUTS_MAX     2048

static void embed(const char *text, float *vector, size_t dimensions)
{
    double length = 0;

    memset(vector, 0, dimensions * sizeof(*vector));
    while (*text) {
        size_t len = strcspn(text, " \n\t.,;:!?");

        if (len > 0) {
            /* The one thing that it knows: what means a cat. */
            const bool kitten = len == 6 && memcmp(text, "kitten", len) == 0;
            uint64_t hash = kitten ? fake_digest("cat", 3) : fake_digest(text, len);

            vector[hash % dimensions] += hash >> 63 ? -1.0F : 1.0F;
            vector[(hash >> 20) % dimensions] += 0.5F;
        }
        text += len + (text[len] ? 1 : 0);
    }
    for (size_t i = 0; i < dimensions; i++)
        length += (double)vector[i] * (double)vector[i];
    if (length <= 0) {
        vector[0] = 1;
        length = 1;
    }
    for (size_t i = 0; i < dimensions; i++)
        vector[i] = (float)((double)vector[i] / sqrt(length));
}

static json_t *base64(const void *data, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = data;
    struct fake_text out = {0};
    json_t *value;

    for (size_t i = 0; i < len; i += 3) {
        size_t n = len - i < 3 ? len - i : 3;
        uint32_t bits = (uint32_t)in[i] << 16 | (n > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
                        (n > 2 ? (uint32_t)in[i + 2] : 0);
        char quad[4] = {digits[bits >> 18], digits[bits >> 12 & 63],
                        n > 1 ? digits[bits >> 6 & 63] : '=', n > 2 ? digits[bits & 63] : '='};

        fake_text_put(&out, quad, 4);
    }
    value = json_string(out.data ? out.data : "");
    fake_text_clear(&out);
    return value;
}

static json_t *one(const char *text, size_t index, size_t dimensions, bool packed)
{
    float vector[DIMENSIONS_MAX / 4]; /* the wire wants little-endian, which this host is */
    float *values = dimensions <= sizeof(vector) / sizeof(*vector)
                        ? vector
                        : fake_alloc(dimensions * sizeof(*values));
    json_t *embedding;

    embed(text, values, dimensions);
    if (packed) {
        embedding = base64(values, dimensions * sizeof(*values));
    } else {
        embedding = json_array();
        for (size_t i = 0; i < dimensions; i++)
            json_array_append_new(embedding, json_real((double)values[i]));
    }
    if (values != vector)
        free(values);
    return json_pack("{s:s,s:i,s:o}", "object", "embedding", "index", (int)index, "embedding",
                     embedding);
}

struct fake_plan *fake_answer_embeddings(const json_t *body, const char *model, int64_t values)
{
    const json_t *input = json_object_get(body, "input");
    int64_t dimensions = fake_rule_int(body, "dimensions", values);
    bool packed = strcmp(fake_rule_str(body, "encoding_format", "float"), "base64") == 0;
    size_t count = json_is_array(input) ? json_array_size(input) : 1;
    json_int_t tokens = 0;
    json_t *data;

    if (dimensions < 1 || dimensions > DIMENSIONS_MAX || count < 1 || count > INPUTS_MAX)
        return fake_answer_error(400, "invalid_value", "bad input or dimensions", NULL);
    data = json_array();
    for (size_t i = 0; i < count; i++) {
        const char *text =
            json_string_value(json_is_array(input) ? json_array_get(input, i) : input);

        if (!text || !*text) {
            json_decref(data);
            return fake_answer_error(400, "invalid_value", "input is empty or no text", NULL);
        }
        tokens += (json_int_t)(strlen(text) + 3) / 4;
        json_array_append_new(data, one(text, i, (size_t)dimensions, packed));
    }
    return fake_answer_json(200, json_pack("{s:s,s:o,s:s,s:{s:I,s:I}}", "object", "list", "data",
                                           data, "model", model, "usage", "prompt_tokens", tokens,
                                           "total_tokens", tokens));
}

struct fake_plan *fake_answer_embed(const json_t *body, const char *model, int64_t values)
{
    const json_t *input = json_object_get(body, "input"), *text;
    int64_t dimensions = fake_rule_int(body, "dimensions", values);
    json_t *vectors = json_array();
    json_int_t tokens = 0;
    size_t i;

    if (dimensions < 1 || dimensions > DIMENSIONS_MAX)
        dimensions = values;
    json_array_foreach (input, i, text) {
        const char *words = json_string_value(text);
        json_t *entry = one(words ? words : "", i, (size_t)dimensions, false);

        tokens += (json_int_t)(strlen(words ? words : "") + 3) / 4;
        json_array_append(vectors, json_object_get(entry, "embedding"));
        json_decref(entry);
    }
    return fake_answer_json(200, json_pack("{s:s,s:o,s:I}", "model", model, "embeddings", vectors,
                                           "prompt_eval_count", tokens));
}
