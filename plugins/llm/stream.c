/* SPDX-License-Identifier: Apache-2.0 */
#include "stream.h"

#include "json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GROWTH_FIRST 512 /* bytes that there is room for at once */

void llm_stream_init(struct llm_stream *stream, char *text)
{
    memset(stream, 0, sizeof(*stream));
    stream->text = text;
    stream->most = LLM_TEXT_MAX;
}

static void forget_thoughts(struct llm_stream *stream)
{
    free(stream->thoughts);
    free(stream->growth.text);
    json_decref(stream->details);
    stream->growth = (struct llm_growth){0};
    stream->thoughts = NULL;
    stream->details = NULL;
    stream->thoughts_len = stream->thought_bytes = 0;
}

void llm_stream_clear(struct llm_stream *stream)
{
    forget_thoughts(stream);
    for (uint32_t i = 0; i < stream->call_count; i++) {
        free(stream->calls[i].arguments);
        json_decref(stream->calls[i].extra);
    }
    memset(stream->calls, 0, sizeof(stream->calls));
    stream->call_count = 0;
    stream->argument_bytes = stream->extra_bytes = 0;
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

/* ---- errors -----------------------------------------------------------------------------------*/

void llm_stream_text(const json_t *object, const char *key, char *ret, size_t size)
{
    const json_t *value = json_object_get(object, key);

    if (json_is_string(value))
        llm_clean(ret, size, json_string_value(value), json_string_length(value));
    else if (json_is_integer(value))
        snprintf(ret, size, "%lld", (long long)json_integer_value(value));
}

void llm_provider_error_take(const json_t *error, struct llm_provider_error *ret)
{
    const json_t *details = json_object_get(error, "details");

    memset(ret, 0, sizeof(*ret));
    if (json_is_string(error)) {
        llm_clean(ret->message, sizeof(ret->message), json_string_value(error),
                  json_string_length(error));
        return;
    }
    /* The most telling word of each provider last: "status" is one provider's type, and some put
     * what it really is into an object inside. */
    llm_stream_text(error, "status", ret->type, sizeof(ret->type));
    llm_stream_text(error, "type", ret->type, sizeof(ret->type));
    llm_stream_text(json_object_get(error, "metadata"), "error_type", ret->type, sizeof(ret->type));
    llm_stream_text(error, "code", ret->code, sizeof(ret->code));
    llm_stream_text(details, "error_code", ret->code, sizeof(ret->code));
    llm_stream_text(error, "param", ret->param, sizeof(ret->param));
    llm_stream_text(error, "message", ret->message, sizeof(ret->message));
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
        llm_provider_error_take(error, ret);
        return;
    }
    memset(ret, 0, sizeof(*ret));
    if (json_is_object(object))
        llm_provider_error_take(object, ret);
    if (!ret->message[0])
        llm_clean(ret->message, sizeof(ret->message), body, len);
}

/* ---- what the readers put together -------------------------------------------------------------*/

int llm_stream_count(const json_t *object, const char *key, uint64_t *ret)
{
    const json_t *value = json_object_get(object, key);

    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > LLM_USAGE_MAX)
        return 0;
    *ret = (uint64_t)json_integer_value(value);
    return 1;
}

void llm_stream_append(struct llm_stream *stream, const json_t *text)
{
    if (json_is_string(text))
        llm_stream_append_text(stream, json_string_value(text), json_string_length(text));
}

void llm_stream_append_text(struct llm_stream *stream, const char *text, size_t len)
{
    size_t fits;

    if (len == 0 || stream->full)
        return;
    fits = whole(text, len, stream->most - stream->len);
    memcpy(stream->text + stream->len, text, fits);
    stream->len += fits;
    stream->full = fits < len;
    stream->begun = 1;
}

void llm_stream_think(struct llm_stream *stream, size_t bytes)
{
    stream->hidden += bytes;
    if (bytes > 0)
        stream->begun = 1;
}

/* ---- thoughts ----------------------------------------------------------------------------------*/

/* Half of them is worth nothing: beyond the bound, or without memory, there are none. */
static int has_thought_room(struct llm_stream *stream, size_t bytes)
{
    if (!stream->thoughts_full && bytes <= LLM_THOUGHTS_MAX - stream->thought_bytes) {
        stream->thought_bytes += bytes;
        return 1;
    }
    forget_thoughts(stream);
    stream->thoughts_full = 1;
    return 0;
}

void llm_stream_remember(struct llm_stream *stream, const char *text, size_t len)
{
    char *grown;

    if (!has_thought_room(stream, len))
        return;
    grown = realloc(stream->thoughts, stream->thoughts_len + len + 1);
    if (!grown) {
        forget_thoughts(stream);
        stream->thoughts_full = 1;
        return;
    }
    memcpy(grown + stream->thoughts_len, text, len);
    stream->thoughts = grown;
    stream->thoughts_len += len;
    grown[stream->thoughts_len] = 0;
}

/* The member that grows from piece to piece; NULL for kinds that come whole. */
static const char *growing(const json_t *type)
{
    const char *name = json_string_value(type);

    if (name && strcmp(name, "reasoning.text") == 0)
        return "text";
    return name && strcmp(name, "reasoning.summary") == 0 ? "summary" : NULL;
}

/* What grew becomes part of the last piece. */
static void settle(struct llm_stream *stream)
{
    struct llm_growth *growth = &stream->growth;
    json_t *last = json_array_get(stream->details, json_array_size(stream->details) - 1);

    if (growth->key &&
        json_object_set_new(last, growth->key, json_stringn(growth->text, growth->len)) < 0) {
        forget_thoughts(stream);
        stream->thoughts_full = 1;
    }
    growth->key = NULL;
}

static int gather(struct llm_growth *growth, const char *text, size_t len)
{
    size_t size = growth->size ? growth->size : GROWTH_FIRST;
    char *grown;

    while (size - growth->len < len)
        size *= 2; /* all of them are bounded by LLM_THOUGHTS_MAX */
    grown = size > growth->size ? realloc(growth->text, size) : growth->text;
    if (!grown)
        return -1;
    memcpy(grown + growth->len, text, len);
    growth->text = grown;
    growth->size = size;
    growth->len += len;
    return 0;
}

/* Text comes token by token: it is gathered, and not copied anew with each of them. */
static void grow(struct llm_stream *stream, json_t *last, const char *key, const json_t *more)
{
    struct llm_growth *growth = &stream->growth;
    const json_t *before;

    if (!growth->key || strcmp(growth->key, key) != 0) {
        settle(stream);
        before = json_object_get(last, key);
        growth->len = 0;
        growth->key = key;
        if (json_is_string(before) &&
            gather(growth, json_string_value(before), json_string_length(before)) < 0)
            growth->key = NULL;
    }
    if (!growth->key || (json_is_string(more) &&
                         gather(growth, json_string_value(more), json_string_length(more)) < 0)) {
        forget_thoughts(stream);
        stream->thoughts_full = 1;
    }
}

json_t *llm_stream_details(struct llm_stream *stream)
{
    settle(stream);
    return stream->details;
}

/* Adds a piece to the one before where both are of one kind and place: 0 where they are not. */
static int join_detail(struct llm_stream *stream, const json_t *detail)
{
    json_t *last = json_array_get(stream->details, json_array_size(stream->details) - 1);
    const json_t *type = json_object_get(detail, "type"), *value;
    const char *key = growing(type), *name;

    if (!key || !json_equal(json_object_get(last, "type"), type) ||
        json_integer_value(json_object_get(last, "index")) !=
            json_integer_value(json_object_get(detail, "index")))
        return 0;
    json_object_foreach ((json_t *)detail, name, value)
        if (!json_is_null(value) && strcmp(name, key) != 0)
            json_object_set(last, name, (json_t *)value);
    grow(stream, last, key, json_object_get(detail, key));
    return 1;
}

void llm_stream_remember_details(struct llm_stream *stream, const json_t *details)
{
    const json_t *detail;
    size_t i;

    json_array_foreach ((json_t *)details, i, detail) {
        if (!json_is_object(detail) ||
            !has_thought_room(stream, json_dumpb(detail, NULL, 0, JSON_COMPACT)))
            continue;
        if (!stream->details)
            stream->details = json_array();
        if (join_detail(stream, detail))
            continue;
        settle(stream);
        json_array_append_new(stream->details, json_copy((json_t *)detail));
    }
}

void llm_stream_remember_block(struct llm_stream *stream, const json_t *block)
{
    json_t *copy;

    if (!json_is_object(block) ||
        !has_thought_room(stream, json_dumpb(block, NULL, 0, JSON_COMPACT)))
        return;
    if (!stream->details)
        stream->details = json_array();
    settle(stream);
    copy = json_copy((json_t *)block);
    json_object_set_new(copy, "at", json_integer((json_int_t)stream->len));
    json_object_set_new(copy, "calls", json_integer((json_int_t)stream->call_count));
    json_array_append_new(stream->details, copy);
}

void llm_stream_grow_block(struct llm_stream *stream, const char *key, const json_t *text)
{
    json_t *last = json_array_get(stream->details, json_array_size(stream->details) - 1);

    if (last && json_is_string(text) && has_thought_room(stream, json_string_length(text)))
        grow(stream, last, key, text);
}

void llm_stream_finish(struct llm_stream *stream, const char *reason)
{
    if (reason)
        llm_clean(stream->finish, sizeof(stream->finish), reason, strlen(reason));
}

static void copy_once(char *ret, size_t size, const json_t *value)
{
    if (!ret[0] && json_is_string(value))
        llm_clean(ret, size, json_string_value(value), json_string_length(value));
}

struct llm_call *llm_stream_find(struct llm_stream *stream, int64_t index)
{
    for (uint32_t i = stream->call_count; i > 0; i--)
        if (stream->calls[i - 1].index == index)
            return &stream->calls[i - 1];
    return NULL;
}

struct llm_call *llm_stream_begin(struct llm_stream *stream, int64_t index)
{
    struct llm_call *call;

    if (stream->call_count == LLM_CALLS_MAX)
        return NULL;
    call = &stream->calls[stream->call_count++];
    memset(call, 0, sizeof(*call));
    call->index = index;
    stream->begun = 1;
    return call;
}

void llm_stream_name(struct llm_call *call, const json_t *id, const json_t *name)
{
    copy_once(call->id, sizeof(call->id), id);
    copy_once(call->name, sizeof(call->name), name);
}

struct llm_call *llm_stream_call(struct llm_stream *stream, int64_t index, const json_t *id,
                                 const json_t *name)
{
    struct llm_call *call = llm_stream_find(stream, index);

    if (!call)
        call = llm_stream_begin(stream, index);
    if (call)
        llm_stream_name(call, id, name);
    return call;
}

troupe_status llm_stream_argue(struct llm_stream *stream, struct llm_call *call, const char *text,
                               size_t len)
{
    char *grown;

    if (!text || len == 0)
        return TROUPE_OK;
    if (len > LLM_ARGUMENTS_MAX - stream->argument_bytes)
        return TROUPE_LIMIT;
    grown = realloc(call->arguments, call->len + len + 1);
    if (!grown)
        return TROUPE_NOMEM;
    memcpy(grown + call->len, text, len);
    call->arguments = grown;
    call->len += len;
    call->arguments[call->len] = 0;
    stream->argument_bytes += len;
    return TROUPE_OK;
}

troupe_status llm_stream_keep(struct llm_stream *stream, struct llm_call *call, const json_t *extra)
{
    size_t len, others;

    if (!json_is_object(extra))
        return TROUPE_OK;
    len = json_dumpb(extra, NULL, 0, JSON_COMPACT);
    others = stream->extra_bytes - call->extra_len;
    if (len == 0 || len > LLM_EXTRA_MAX - others)
        return TROUPE_LIMIT;
    stream->extra_bytes = others + len;
    json_decref(call->extra);
    call->extra = json_incref((json_t *)extra);
    call->extra_len = len;
    return TROUPE_OK;
}
