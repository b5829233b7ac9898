/* SPDX-License-Identifier: Apache-2.0 */
#include "json.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define FIRST_ROOM ((size_t)511)

/* Makes room for `more` bytes and an end. */
static int make_room(struct llm_json_writer *writer, size_t more)
{
    size_t room = writer->room;
    char *grown;

    if (!writer->text || more > SIZE_MAX / 2 - writer->len - 1)
        return 0;
    if (writer->len + more < room)
        return 1;
    while (room <= writer->len + more)
        room *= 2;
    grown = realloc(writer->text, room);
    if (!grown) {
        free(writer->text);
        writer->text = NULL;
        return 0;
    }
    writer->text = grown;
    writer->room = room;
    return 1;
}

void llm_json_put(struct llm_json_writer *writer, const char *text, size_t len)
{
    if (!make_room(writer, len))
        return;
    memcpy(writer->text + writer->len, text, len);
    writer->len += len;
}

char *llm_json_room(struct llm_json_writer *writer, size_t len)
{
    if (!make_room(writer, len))
        return NULL;
    writer->len += len;
    return writer->text + writer->len - len;
}

static void put_char(struct llm_json_writer *writer, char c)
{
    llm_json_put(writer, &c, 1);
}

static void put_escape(struct llm_json_writer *writer, char c)
{
    static const char meant[] = "\"\\\b\f\n\r\t", escapes[] = "\"\\bfnrt";
    const char *known = memchr(meant, c, sizeof(meant) - 1);
    char text[8];

    if (known) {
        text[0] = '\\';
        text[1] = escapes[known - meant];
        llm_json_put(writer, text, 2);
        return;
    }
    snprintf(text, sizeof(text), "\\u%04X", (unsigned)(unsigned char)c);
    llm_json_put(writer, text, 6);
}

void llm_json_put_string(struct llm_json_writer *writer, const char *text, size_t len)
{
    int wide = 0;

    put_char(writer, '"');
    while (len > 0) {
        const size_t n = llm_json_span(text, len, &wide);

        llm_json_put(writer, text, n);
        if (n == len)
            break;
        put_escape(writer, text[n]);
        text += n + 1;
        len -= n + 1;
    }
    put_char(writer, '"');
}

/* Without a format: every answer and every question has some. */
void llm_json_put_int(struct llm_json_writer *writer, int64_t number)
{
    uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
    char digits[24];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (number < 0)
        digits[--at] = '-';
    llm_json_put(writer, digits + at, sizeof(digits) - at);
}

static void put_value(struct llm_json_writer *writer, const json_t *value);

static void put_array(struct llm_json_writer *writer, const json_t *array)
{
    const json_t *item;
    size_t i;

    put_char(writer, '[');
    json_array_foreach (array, i, item) {
        if (i > 0)
            put_char(writer, ',');
        put_value(writer, item);
    }
    put_char(writer, ']');
}

static void put_object(struct llm_json_writer *writer, const json_t *object)
{
    json_t *all = (json_t *)object; /* which is not changed */
    int first = 1;

    put_char(writer, '{');
    for (void *at = json_object_iter(all); at; at = json_object_iter_next(all, at)) {
        const char *key = json_object_iter_key(at);

        if (!first)
            put_char(writer, ',');
        first = 0;
        llm_json_put_string(writer, key, strlen(key));
        put_char(writer, ':');
        put_value(writer, json_object_iter_value(at));
    }
    put_char(writer, '}');
}

/* jansson knows how a fraction is written. */
static void put_real(struct llm_json_writer *writer, const json_t *value)
{
    char text[128];
    const size_t len =
        json_dumpb(value, text, sizeof(text), writer->flags | JSON_COMPACT | JSON_ENCODE_ANY);

    if (len > 0 && len <= sizeof(text))
        llm_json_put(writer, text, len);
}

static void put_value(struct llm_json_writer *writer, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT: put_object(writer, value); break;
    case JSON_ARRAY: put_array(writer, value); break;
    case JSON_STRING:
        if (writer->other && writer->other(writer, value, writer->arg))
            break;
        llm_json_put_string(writer, json_string_value(value), json_string_length(value));
        break;
    case JSON_INTEGER: llm_json_put_int(writer, json_integer_value(value)); break;
    case JSON_REAL: put_real(writer, value); break;
    case JSON_TRUE: llm_json_put(writer, "true", 4); break;
    case JSON_FALSE: llm_json_put(writer, "false", 5); break;
    case JSON_NULL: llm_json_put(writer, "null", 4); break;
    }
}

void llm_json_begin(struct llm_json_writer *writer, size_t room, size_t flags)
{
    *writer = (struct llm_json_writer){.text = malloc(room + 1), .room = room + 1, .flags = flags};
}

static char *print(struct llm_json_writer *writer, const json_t *value)
{
    put_value(writer, value);
    if (writer->text)
        writer->text[writer->len] = '\0';
    return writer->text;
}

char *llm_json_print(const json_t *value, size_t flags)
{
    struct llm_json_writer writer;

    if (!value)
        return NULL;
    llm_json_begin(&writer, FIRST_ROOM, flags);
    return print(&writer, value);
}

char *llm_json_print_with(const json_t *value, size_t flags, size_t room,
                          int (*other)(struct llm_json_writer *, const json_t *, void *), void *arg)
{
    struct llm_json_writer writer = {.text = value ? malloc(room + 1) : NULL,
                                     .room = room + 1,
                                     .flags = flags,
                                     .other = other,
                                     .arg = arg};

    return writer.text ? print(&writer, value) : NULL;
}
