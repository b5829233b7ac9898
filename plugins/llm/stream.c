/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include "json.h"

#include <stdio.h>
#include <string.h>

void llm_stream_init(struct llm_stream *stream, char *text)
{
    memset(stream, 0, sizeof(*stream));
    stream->text = text;
}

/* Bytes of `text` up to `max` that end with a whole UTF-8 sequence. */
static size_t whole(const char *text, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max > 0 && ((unsigned char)text[max] & 0xC0) == 0x80)
        max--;
    return max;
}

void llm_clean(char *ret, size_t size, const char *text, size_t len)
{
    size_t n = 0;

    len = whole(text, len, size - 1);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];

        ret[n++] = c < 0x20 || c == 0x7F ? ' ' : (char)c;
    }
    ret[n] = 0;
}

static void read_text(const json_t *object, const char *key, char *ret, size_t size)
{
    const json_t *value = json_object_get(object, key);

    if (json_is_string(value))
        llm_clean(ret, size, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        snprintf(ret, size, "%lld", (long long)json_integer_value(value));
}

static void read_error(const json_t *error, struct llm_provider_error *ret)
{
    memset(ret, 0, sizeof(*ret));
    if (json_is_string(error)) {
        llm_clean(ret->message, sizeof(ret->message), json_string_value(error),
                  json_string_length(error));
        return;
    }
    read_text(error, "type", ret->type, sizeof(ret->type));
    read_text(error, "code", ret->code, sizeof(ret->code));
    read_text(error, "param", ret->param, sizeof(ret->param));
    read_text(error, "message", ret->message, sizeof(ret->message));
}

void llm_provider_error_read(const char *body, size_t len, struct llm_provider_error *ret)
{
    LLM_CLEANUP_JSON json_t *tree = llm_json_load(body, len);
    const json_t *object = tree, *error;

    /* One provider wraps its errors into an array. */
    if (json_is_array(object))
        object = json_array_get(object, 0);
    error = json_object_get(object, "error");
    if (error) {
        read_error(error, ret);
        return;
    }
    memset(ret, 0, sizeof(*ret));
    if (json_is_object(object))
        read_error(object, ret);
    if (!ret->message[0])
        llm_clean(ret->message, sizeof(ret->message), body, len);
}

static int read_count(const json_t *object, const char *key, uint64_t *ret)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > LLM_USAGE_MAX)
        return 0;
    *ret = (uint64_t)json_integer_value(value);
    return 1;
}

/* Usage counts are totals, never increments: the last chunk that has them counts. */
static void read_usage(const json_t *usage, struct llm_usage *ret)
{
    const json_t *cost = json_object_get(usage, "cost");
    uint64_t input, output;

    if (read_count(usage, "prompt_tokens", &input) &&
        read_count(usage, "completion_tokens", &output)) {
        ret->known = 1;
        ret->input = input;
        ret->output = output;
        ret->cached = 0;
        read_count(json_object_get(usage, "prompt_tokens_details"), "cached_tokens", &ret->cached);
    }
    if (json_is_number(cost) && json_number_value(cost) > 0 && json_number_value(cost) < 1e6) {
        double micros = json_number_value(cost) * 1e6;

        ret->cost_micros = (uint64_t)micros;
        ret->cost_micros += (double)ret->cost_micros < micros;
        ret->has_cost = 1;
    }
}

static void append(struct llm_stream *stream, const json_t *text)
{
    size_t len = json_string_length(text), fits;

    if (!json_is_string(text) || len == 0 || stream->full)
        return;
    fits = whole(json_string_value(text), len, LLM_TEXT_MAX - stream->len);
    memcpy(stream->text + stream->len, json_string_value(text), fits);
    stream->len += fits;
    stream->full = fits < len;
}

static size_t text_len(const json_t *object, const char *key)
{
    return json_string_length(json_object_get(object, key));
}

/* Reasoning is not shown, but it is a sign of life. */
static void read_choice(struct llm_stream *stream, const json_t *choice)
{
    const json_t *delta = json_object_get(choice, "delta");
    const json_t *finish = json_object_get(choice, "finish_reason");
    size_t thoughts;

    if (!json_is_object(delta))
        delta = json_object_get(choice, "message");
    append(stream, json_object_get(delta, "content"));
    append(stream, json_object_get(delta, "refusal"));
    /* Some servers send both names with the same text. */
    thoughts = text_len(delta, "reasoning_content");
    stream->hidden += thoughts ? thoughts : text_len(delta, "reasoning");
    if (stream->len > 0 || stream->hidden > 0)
        stream->begun = 1;
    if (json_is_string(finish))
        llm_clean(stream->finish, sizeof(stream->finish), json_string_value(finish),
                  json_string_length(finish));
}

troupe_status llm_stream_chunk(struct llm_stream *stream, const char *data, size_t len,
                               const char **ret, size_t *ret_len)
{
    LLM_CLEANUP_JSON json_t *tree = NULL;
    const json_t *error, *choices, *usage;
    size_t before = stream->len;

    while (len > 0 && data[len - 1] == ' ')
        len--;
    if (len == 6 && memcmp(data, "[DONE]", 6) == 0) {
        stream->done = 1;
        return TROUPE_END;
    }
    tree = llm_json_load(data, len);
    if (!json_is_object(tree))
        return TROUPE_DATA;
    error = json_object_get(tree, "error");
    if (error && !json_is_null(error)) {
        read_error(error, &stream->error);
        return TROUPE_UNAVAILABLE;
    }
    choices = json_object_get(tree, "choices");
    usage = json_object_get(tree, "usage");
    if (!json_is_array(choices) && !json_is_object(usage))
        return TROUPE_DATA;
    stream->chunks++;
    read_text(tree, "model", stream->model, sizeof(stream->model));
    if (json_is_object(usage))
        read_usage(usage, &stream->usage);
    if (json_array_size(choices) > 0)
        read_choice(stream, json_array_get(choices, 0));
    *ret = stream->text + before;
    *ret_len = stream->len - before;
    return TROUPE_OK;
}
