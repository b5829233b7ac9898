/* SPDX-License-Identifier: Apache-2.0 */
#include "turn/form.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "gateway/gateway.h"

#include <stdio.h>
#include <string.h>

#define UNREADABLE "I could not read that answer; please try again"
#define TOO_LONG   "that is more than I can take; please make it shorter and send it again"
#define BAD_FIELD                                                                                  \
    "one of the fields is empty, too short or too long; please press the button and fill it in "   \
    "again"
#define BAD_PLACES "that is not what can be chosen here; please choose again"

enum turn_form turn_form_parse(const char *press_id, int64_t *ret_wait)
{
    static const char *const words[] = {"open", "form", "pick"};
    int64_t turn;
    int end = 0;

    if (!press_id || sscanf(press_id, "t:%" SCNd64 ":%" SCNd64 ":%n", &turn, ret_wait, &end) != 2 ||
        !end)
        return TURN_FORM_NONE;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(press_id + end, words[i]))
            return TURN_FORM_OPEN + (enum turn_form)i;
    return TURN_FORM_NONE;
}

/* ---- the column ------------------------------------------------------------------------------ */

char *turn_form_print_form(const struct gateway_form *form)
{
    _cleanup_json_ json_t *column = NULL;
    json_t *fields = json_array();

    for (size_t i = 0; i < form->count; i++) {
        const struct gateway_field *field = &form->fields[i];

        json_array_append_new(fields,
                              json_pack("{s:s, s:s*, s:s*, s:i, s:i, s:b, s:b}", "label",
                                        field->label, "hint", field->hint, "value", field->value,
                                        "min", (int)field->min, "max", (int)field->max, "paragraph",
                                        field->paragraph, "required", field->required));
    }
    column = json_pack("{s:s, s:o}", "title", form->title, "fields", fields);
    return json_print(column);
}

char *turn_form_print_select(const struct gateway_select *select)
{
    _cleanup_json_ json_t *column = json_pack("{s:i, s:i, s:i}", "count", (int)select->count, "min",
                                              (int)select->min, "max", (int)select->max);

    return json_print(column);
}

static struct gateway_field field_of(const json_t *field)
{
    return (struct gateway_field){
        .label = json_get_str(field, "label", ""),
        .hint = json_get_str(field, "hint", NULL),
        .value = json_get_str(field, "value", NULL),
        .min = (unsigned)json_get_int(field, "min", 0),
        .max = (unsigned)json_get_int(field, "max", GATEWAY_FIELD_TEXT),
        .paragraph = json_is_true(json_object_get(field, "paragraph")),
        .required = json_is_true(json_object_get(field, "required")),
    };
}

troupe_status turn_form_show(const struct event *press, const char *column, int64_t turn,
                             int64_t wait)
{
    _cleanup_json_ json_t *json = NULL;
    struct gateway_field fields[GATEWAY_FIELDS_MAX];
    char id[64];
    struct gateway_form form = {.id = id, .fields = fields};
    struct gateway *gateway = press->gateway;
    const json_t *list;

    if (!gateway || !gateway->ops->form || json_parse(column, strlen(column), &json, NULL) < 0)
        return TROUPE_UNSUPPORTED;
    list = json_object_get(json, "fields");
    form.title = json_get_str(json, "title", "");
    form.count = json_array_size(list);
    if (!form.count || form.count > GATEWAY_FIELDS_MAX)
        return TROUPE_UNSUPPORTED;
    for (size_t i = 0; i < form.count; i++)
        fields[i] = field_of(json_array_get(list, i));
    snprintf(id, sizeof(id), TURN_FORM_ID_SEND, turn, wait);
    return gateway->ops->form(gateway, press, &form);
}

/* ---- answers --------------------------------------------------------------------------------- */

static size_t characters(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

/* Platforms count characters or their UTF-16 units; what one of them lets pass does. */
static bool holds(const json_t *declared, const char *text)
{
    struct gateway_field field = field_of(declared);
    size_t units = text_utf16_len(text, strlen(text));

    if (!units)
        return !field.required;
    return units >= field.min && characters(text) <= field.max;
}

static json_t *take_texts(const json_t *column, const json_t *answer, const char **ret_problem)
{
    const json_t *fields = json_object_get(column, "fields");
    json_t *texts = json_array();

    *ret_problem = UNREADABLE;
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const char *text = json_string_value(json_array_get(answer, i));

        if (!text)
            text = "";
        json_array_append_new(texts, json_string(text));
        if (holds(json_array_get(fields, i), text))
            continue;
        *ret_problem = BAD_FIELD;
        json_decref(texts);
        return NULL;
    }
    if (json_array_size(fields) && json_array_size(answer) <= json_array_size(fields))
        return texts;
    json_decref(texts);
    return NULL;
}

static json_t *take_places(const json_t *column, const json_t *answer, const char **ret_problem)
{
    int64_t options = json_get_int(column, "count", 0);
    bool chosen[GATEWAY_OPTIONS_MAX] = {false};
    size_t count = json_array_size(answer);
    json_t *places;

    *ret_problem = BAD_PLACES;
    if (!options || options > GATEWAY_OPTIONS_MAX ||
        count < (size_t)json_get_int(column, "min", 1) ||
        count > (size_t)json_get_int(column, "max", 1))
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(answer, i));
        int64_t place;

        if (!text || text_to_int(text, &place) < 0 || place < 0 || place >= options ||
            chosen[place])
            return NULL;
        chosen[place] = true;
    }
    places = json_array();
    for (int64_t i = 0; i < options; i++)
        if (chosen[i])
            json_array_append_new(places, json_integer((json_int_t)i));
    return places;
}

char *turn_form_take(const char *column, enum turn_form kind, const char *content, size_t len,
                     const char **ret_problem)
{
    _cleanup_json_ json_t *json = NULL, *answer = NULL, *taken = NULL;
    char *text;

    *ret_problem = TOO_LONG;
    if (len > GATEWAY_FORM_ANSWER_MAX)
        return NULL;
    *ret_problem = UNREADABLE;
    if (json_parse(column, strlen(column), &json, NULL) < 0 ||
        json_parse(content, len, &answer, NULL) < 0 || !json_is_array(answer))
        return NULL;
    taken = kind == TURN_FORM_SEND ? take_texts(json, answer, ret_problem)
                                   : take_places(json, answer, ret_problem);
    text = taken ? json_print(taken) : NULL;
    if (!text || strlen(text) <= GATEWAY_FORM_ANSWER_MAX)
        return text;
    mem_free(text);
    *ret_problem = TOO_LONG;
    return NULL;
}
