/* SPDX-License-Identifier: Apache-2.0 */
#include "embedder.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GRID_MS 2000 /* whoever plans the job again within it does not put it off */

const struct memory_embedder *embedder_of(troupe_turn *turn)
{
    return (const struct memory_embedder *)troupe_state(turn);
}

troupe_status embedder_local(troupe_turn *turn, troupe_str text, struct memory_vector *ret)
{
    ret->values = (float *)troupe_turn_alloc(turn, MEMORY_VECTOR_DIM * sizeof(float));
    ret->count = MEMORY_VECTOR_DIM;
    ret->by = "";
    return ret->values ? troupe_vectors_of_text(turn, text, ret->values, MEMORY_VECTOR_DIM)
                       : TROUPE_NOMEM;
}

/* ---- what the model gives --------------------------------------------------------------------- */

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* Little-endian floats in base64. 0: that is no vector. */
static uint32_t unpack(const char *text, float *ret)
{
    uint8_t word[4];
    uint32_t bits = 0, count = 0, bytes = 0;
    int held = 0;

    for (; *text && *text != '='; text++) {
        const int digit = digit_of(*text);

        if (digit < 0)
            return 0;
        bits = bits << 6 | (uint32_t)digit;
        held += 6;
        if (held < 8)
            continue;
        held -= 8;
        word[bytes++ % 4] = (uint8_t)(bits >> held);
        if (bytes % 4)
            continue;
        if (count == MEMORY_VALUES_MAX)
            return 0;
        bits &= (1u << held) - 1;
        {
            const uint32_t value = (uint32_t)word[0] | (uint32_t)word[1] << 8 |
                                   (uint32_t)word[2] << 16 | (uint32_t)word[3] << 24;

            memcpy(&ret[count++], &value, sizeof(value));
        }
    }
    return bytes % 4 ? 0 : count;
}

static char *ask_of(const char *model, const troupe_str *texts, uint32_t count)
{
    json_t *list = json_array(), *ask;
    char *text;

    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(list, json_stringn(texts[i].ptr, (size_t)texts[i].len));
    ask = json_pack("{s:o, s:s, s:s}", "texts", list, "encoding", "base64", "model", model);
    text = ask ? json_dumps(ask, JSON_COMPACT) : NULL;
    json_decref(ask);
    return text;
}

/* Who makes vectors of so many values. */
static const char *maker_of(troupe_turn *turn, const char *model, uint32_t count)
{
    char *by = (char *)troupe_turn_alloc(turn, MEMORY_MODEL_MAX + 16);

    if (by)
        snprintf(by, MEMORY_MODEL_MAX + 16, "%s (%u)", model, count);
    return by;
}

int embedder_made(troupe_turn *turn, troupe_str by)
{
    const char *model = embedder_of(turn)->model;
    const size_t len = strlen(model);

    if (!len)
        return by.len == 0;
    return by.len > len + 2 && memcmp(by.ptr, model, len) == 0 &&
           memcmp(by.ptr + len, " (", 2) == 0;
}

/* All vectors of an answer, or none. */
static int take(troupe_turn *turn, const char *model, troupe_str answer, uint32_t count,
                struct memory_vector *ret)
{
    json_t *json = json_loadb(answer.ptr, (size_t)answer.len, 0, NULL);
    const json_t *vectors = json_object_get(json, "vectors");
    float *values = (float *)malloc(MEMORY_VALUES_MAX * sizeof(float));
    int good = values && json_array_size(vectors) == count;

    for (uint32_t i = 0; good && i < count; i++) {
        const char *text = json_string_value(json_array_get(vectors, i));

        ret[i].count = text ? unpack(text, values) : 0;
        ret[i].values =
            ret[i].count ? (float *)troupe_turn_alloc(turn, ret[i].count * sizeof(float)) : NULL;
        good = ret[i].values != NULL && ret[i].count == ret[0].count;
        if (good)
            memcpy(ret[i].values, values, ret[i].count * sizeof(float));
    }
    if (good) {
        ret[0].by = maker_of(turn, model, ret[0].count);
        good = ret[0].by != NULL;
        for (uint32_t i = 1; i < count; i++)
            ret[i].by = ret[0].by;
    }
    free(values);
    json_decref(json);
    return good;
}

/* TROUPE_UNAVAILABLE where it does not answer, whatever kept it. */
static troupe_status by_model(troupe_turn *turn, const troupe_str *texts, uint32_t count,
                              struct memory_vector *ret)
{
    const struct memory_embedder *embedder = embedder_of(turn);
    char *ask = ask_of(embedder->model, texts, count);
    troupe_str answer = {"", 0}, code = {"", 0};
    troupe_status status;

    if (!ask)
        return TROUPE_NOMEM;
    status = troupe_call(turn, TROUPE_SERVICE_LLM_EMBED, (troupe_str){ask, strlen(ask)}, &answer);
    free(ask);
    if (status >= 0 && take(turn, embedder->model, answer, count, ret))
        return TROUPE_OK;
    if (troupe_turn_status(turn) < 0)
        return troupe_turn_status(turn);
    if (status < 0)
        troupe_error(turn, &code, NULL);
    troupe_reason(turn, "memory.no_vectors",
                  "the model for vectors does not answer: status %d, \"%.*s\"", status,
                  (int)code.len, code.ptr);
    return TROUPE_UNAVAILABLE;
}

troupe_status embedder_texts(troupe_turn *turn, const troupe_str *texts, uint32_t count,
                             struct memory_vector *ret)
{
    troupe_status status = TROUPE_UNAVAILABLE;

    if (embedder_of(turn)->model[0] && count > 0)
        status = by_model(turn, texts, count, ret);
    if (status != TROUPE_UNAVAILABLE)
        return status;
    status = TROUPE_OK;
    for (uint32_t i = 0; i < count && status >= 0; i++)
        status = embedder_local(turn, texts[i], &ret[i]);
    return status;
}

troupe_status embedder_plan(troupe_turn *turn, int64_t in_ms)
{
    troupe_job job = {.size = sizeof(job),
                      .payload = {EMBEDDER_JOB, sizeof(EMBEDDER_JOB) - 1},
                      .key = {EMBEDDER_JOB, sizeof(EMBEDDER_JOB) - 1},
                      .missed = TROUPE_MISSED_RUN};

    job.at_ms = ((troupe_now(turn) + in_ms) / GRID_MS + 1) * GRID_MS;
    return troupe_schedule_add(turn, &job, NULL);
}
