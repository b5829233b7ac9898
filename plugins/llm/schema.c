/* SPDX-License-Identifier: Apache-2.0 */
#include "schema.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Where in the value a check is: a chain on the stack, written out only when something is wrong. */
struct place {
    const struct place *above;
    const char *key; /* NULL: an element */
    size_t index;
};

static size_t write_place(const struct place *place, char *ret, size_t size)
{
    size_t len = 0;
    int n;

    if (!place)
        return 0;
    len = write_place(place->above, ret, size);
    if (len >= size)
        return len;
    n = place->key ? snprintf(ret + len, size - len, ".%.40s", place->key)
                   : snprintf(ret + len, size - len, "[%zu]", place->index);
    len += n > 0 ? (size_t)n : 0;
    return len < size ? len : size - 1;
}

__attribute__((format(printf, 3, 4))) static troupe_status
wrong(const struct place *place, char *problem, const char *format, ...)
{
    size_t len = write_place(place, problem, LLM_SCHEMA_PROBLEM);
    va_list args;

    if (!place)
        len = (size_t)snprintf(problem, LLM_SCHEMA_PROBLEM, "the answer");
    va_start(args, format);
    vsnprintf(problem + len, LLM_SCHEMA_PROBLEM - len, format, args);
    va_end(args);
    return TROUPE_DATA;
}

/* ---- types --------------------------------------------------------------------------------------*/

static int is_whole(const json_t *value)
{
    const double number = json_number_value(value);

    return json_is_integer(value) || (json_is_real(value) && floor(number) == number);
}

static int has_type(const json_t *value, const char *type)
{
    static const char *const names[] = {"object", "array", "string", "number", "boolean", "null"};
    const int is[] = {json_is_object(value), json_is_array(value),   json_is_string(value),
                      json_is_number(value), json_is_boolean(value), json_is_null(value)};

    if (strcmp(type, "integer") == 0)
        return is_whole(value);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(type, names[i]) == 0)
            return is[i];
    return -1;
}

static troupe_status check_type(const json_t *type, const json_t *value, const struct place *place,
                                char *problem)
{
    LLM_CLEANUP_TEXT char *names = NULL;
    const json_t *one;
    size_t i;

    if (!type || (json_is_string(type) && has_type(value, json_string_value(type)) == 1))
        return TROUPE_OK;
    json_array_foreach ((json_t *)type, i, one)
        if (has_type(value, json_string_value(one)) == 1)
            return TROUPE_OK;
    names = json_dumps(type, JSON_COMPACT | JSON_ENCODE_ANY);
    return wrong(place, problem, " must be of type %.60s", names ? names : "");
}

/* ---- what is in it ------------------------------------------------------------------------------*/

/* Characters, not bytes. */
static double length_of(const json_t *value)
{
    const char *text = json_string_value(value);
    size_t count = 0;

    for (size_t i = 0; i < json_string_length(value); i++)
        count += ((unsigned char)text[i] & 0xC0) != 0x80;
    return (double)count;
}

static troupe_status check_bounds(const json_t *schema, const char *least, const char *most,
                                  double number, const char *what, const struct place *place,
                                  char *problem)
{
    const json_t *min = json_object_get(schema, least), *max = json_object_get(schema, most);

    if (min && number < json_number_value(min))
        return wrong(place, problem, " must have %s of at least %g", what, json_number_value(min));
    if (max && number > json_number_value(max))
        return wrong(place, problem, " must have %s of at most %g", what, json_number_value(max));
    return TROUPE_OK;
}

static troupe_status check_choice(const json_t *schema, const json_t *value,
                                  const struct place *place, char *problem)
{
    const json_t *choices = json_object_get(schema, "enum"), *choice;
    const json_t *only = json_object_get(schema, "const");
    LLM_CLEANUP_TEXT char *text = NULL;
    size_t i;

    if (only && !json_equal(only, value)) {
        text = json_dumps(only, JSON_COMPACT | JSON_ENCODE_ANY);
        return wrong(place, problem, " must be %.100s", text ? text : "");
    }
    if (!choices)
        return TROUPE_OK;
    json_array_foreach ((json_t *)choices, i, choice)
        if (json_equal(choice, value))
            return TROUPE_OK;
    text = json_dumps(choices, JSON_COMPACT);
    return wrong(place, problem, " must be one of %.120s", text ? text : "");
}

static troupe_status check_value(const json_t *schema, const json_t *value,
                                 const struct place *place, char *problem);

static troupe_status check_object(const json_t *schema, const json_t *value,
                                  const struct place *place, char *problem)
{
    const json_t *properties = json_object_get(schema, "properties");
    const json_t *others = json_object_get(schema, "additionalProperties");
    const json_t *name, *item;
    const char *key;
    troupe_status status;
    size_t i;

    json_array_foreach (json_object_get(schema, "required"), i, name)
        if (!json_object_get(value, json_string_value(name)))
            return wrong(place, problem, " lacks the key \"%.60s\"", json_string_value(name));
    json_object_foreach ((json_t *)value, key, item) {
        const struct place here = {place, key, 0};
        const json_t *own = json_object_get(properties, key);

        if (!own && json_is_false(others))
            return wrong(place, problem, " must not have the key \"%.60s\"", key);
        own = own ? own : others;
        status = json_is_object(own) ? check_value(own, item, &here, problem) : TROUPE_OK;
        if (status < 0)
            return status;
    }
    return TROUPE_OK;
}

static troupe_status check_array(const json_t *schema, const json_t *value,
                                 const struct place *place, char *problem)
{
    const json_t *items = json_object_get(schema, "items"), *item;
    troupe_status status =
        check_bounds(schema, "minItems", "maxItems", (double)json_array_size(value),
                     "a number of elements", place, problem);
    size_t i;

    if (status < 0 || !items)
        return status;
    json_array_foreach ((json_t *)value, i, item) {
        const struct place here = {place, NULL, i};

        status = check_value(items, item, &here, problem);
        if (status < 0)
            return status;
    }
    return TROUPE_OK;
}

static troupe_status check_value(const json_t *schema, const json_t *value,
                                 const struct place *place, char *problem)
{
    troupe_status status = check_type(json_object_get(schema, "type"), value, place, problem);

    if (status >= 0)
        status = check_choice(schema, value, place, problem);
    if (status >= 0 && json_is_number(value))
        status = check_bounds(schema, "minimum", "maximum", json_number_value(value), "a value",
                              place, problem);
    if (status >= 0 && json_is_string(value))
        status = check_bounds(schema, "minLength", "maxLength", length_of(value), "a length", place,
                              problem);
    if (status >= 0 && json_is_object(value))
        status = check_object(schema, value, place, problem);
    if (status >= 0 && json_is_array(value))
        status = check_array(schema, value, place, problem);
    return status;
}

troupe_status llm_schema_check(const json_t *schema, const json_t *value, char *problem)
{
    return check_value(schema, value, NULL, problem);
}

/* ---- the schema itself --------------------------------------------------------------------------*/

enum form { NUMBER, TEXTS, VALUES, ANY, TYPE, SCHEMA, SCHEMAS, SCHEMA_OR_BOOL };

static const struct {
    const char *key;
    enum form form;
} keywords[] = {
    {"type", TYPE},        {"properties", SCHEMAS},
    {"required", TEXTS},   {"additionalProperties", SCHEMA_OR_BOOL},
    {"items", SCHEMA},     {"minItems", NUMBER},
    {"maxItems", NUMBER},  {"enum", VALUES},
    {"const", ANY},        {"minimum", NUMBER},
    {"maximum", NUMBER},   {"minLength", NUMBER},
    {"maxLength", NUMBER}, {"title", ANY},
    {"description", ANY},  {"default", ANY},
    {"examples", ANY},     {"$schema", ANY},
};

static int are_texts(const json_t *value)
{
    const json_t *item;
    size_t i;

    json_array_foreach ((json_t *)value, i, item)
        if (!json_is_string(item))
            return 0;
    return json_is_array(value);
}

static int is_type(const json_t *value)
{
    const json_t *item;
    size_t i;

    if (json_is_string(value))
        return has_type(NULL, json_string_value(value)) >= 0;
    json_array_foreach ((json_t *)value, i, item)
        if (!json_is_string(item) || has_type(NULL, json_string_value(item)) < 0)
            return 0;
    return json_array_size(value) > 0;
}

static int is_good(const json_t *schema, int depth, char *problem);

static int are_good(const json_t *schemas, int depth, char *problem)
{
    const json_t *schema;
    const char *key;

    json_object_foreach ((json_t *)schemas, key, schema)
        if (!is_good(schema, depth, problem))
            return 0;
    return json_is_object(schemas);
}

static int has_form(enum form form, const json_t *value, int depth, char *problem)
{
    switch (form) {
    case NUMBER: return json_is_number(value);
    case TEXTS: return are_texts(value);
    case VALUES: return json_array_size(value) > 0;
    case TYPE: return is_type(value);
    case SCHEMA: return is_good(value, depth, problem);
    case SCHEMAS: return are_good(value, depth, problem);
    case SCHEMA_OR_BOOL: return json_is_boolean(value) || is_good(value, depth, problem);
    case ANY: break;
    }
    return 1;
}

static int is_good(const json_t *schema, int depth, char *problem)
{
    const json_t *value;
    const char *key;

    if (!json_is_object(schema) || depth > LLM_SCHEMA_DEPTH) {
        if (!problem[0])
            snprintf(problem, LLM_SCHEMA_PROBLEM, "a schema is an object, at most %d deep",
                     LLM_SCHEMA_DEPTH);
        return 0;
    }
    json_object_foreach ((json_t *)schema, key, value) {
        size_t i = 0;

        while (i < sizeof(keywords) / sizeof(keywords[0]) && strcmp(keywords[i].key, key) != 0)
            i++;
        if (i < sizeof(keywords) / sizeof(keywords[0]) &&
            has_form(keywords[i].form, value, depth + 1, problem))
            continue;
        if (!problem[0])
            snprintf(problem, LLM_SCHEMA_PROBLEM, "its \"%.60s\" cannot be checked", key);
        return 0;
    }
    return 1;
}

troupe_status llm_schema_valid(const json_t *schema, char *problem)
{
    problem[0] = 0;
    return is_good(schema, 0, problem) ? TROUPE_OK : TROUPE_ARGUMENT;
}
