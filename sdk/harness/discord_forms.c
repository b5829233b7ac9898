/* SPDX-License-Identifier: Apache-2.0 */
#include "discord_forms.h"

#include "discord.h"

#include <stdio.h>
#include <string.h>

#define ROWS       5
#define OPTIONS    25
#define BUTTON     2
#define SELECT     3
#define TEXT_INPUT 4
#define LABEL      18

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));

    return text ? text : "";
}

static bool has_length(const json_t *object, const char *key, size_t min, size_t max)
{
    const char *text = text_of(object, key);
    size_t units, count = discord_code_points(text, strlen(text), &units);

    return count >= min && units <= max;
}

static json_int_t number_of(const json_t *object, const char *key, json_int_t fallback)
{
    const json_t *value = json_object_get(object, key);

    return json_is_integer(value) ? json_integer_value(value) : fallback;
}

/* ---- checks -------------------------------------------------------------------------------- */

static const char *select_defect(const json_t *select)
{
    const json_t *options = json_object_get(select, "options"), *option;
    json_int_t min = number_of(select, "min_values", 1), max = number_of(select, "max_values", 1);
    json_int_t chosen = 0;
    size_t i;

    if (json_array_size(options) < 1 || json_array_size(options) > OPTIONS)
        return "a select must have between 1 and 25 options";
    if (min < 0 || max < 1 || min > max || max > (json_int_t)json_array_size(options))
        return "a select's values are out of range";
    json_array_foreach (options, i, option) {
        if (!has_length(option, "label", 1, 100) || !has_length(option, "value", 1, 100) ||
            !has_length(option, "description", 0, 100))
            return "an option must be between 1 and 100 in length";
        chosen += json_is_true(json_object_get(option, "default"));
        for (size_t k = 0; k < i; k++)
            if (!strcmp(text_of(option, "value"), text_of(json_array_get(options, k), "value")))
                return "The specified option value is already used";
    }
    return chosen > max ? "more options are chosen than may be" : NULL;
}

static const char *row_defect(const json_t *row)
{
    const json_t *list = json_object_get(row, "components"), *component;
    size_t i;

    if (number_of(row, "type", 0) != 1 || !json_array_size(list) || json_array_size(list) > ROWS)
        return "a row has 1 to 5 components";
    json_array_foreach (list, i, component) {
        json_int_t type = number_of(component, "type", 0);
        const char *defect = type == SELECT ? select_defect(component) : NULL;

        if (!has_length(component, "custom_id", 1, 100))
            return "a custom_id must be between 1 and 100 in length";
        if (type == BUTTON && !has_length(component, "label", 1, 80))
            return "a label must be between 1 and 80 in length";
        if (type == SELECT && json_array_size(list) != 1)
            return "a select fills a row";
        if ((type != BUTTON && type != SELECT) || defect)
            return defect ? defect : "no such component here";
    }
    return NULL;
}

const char *discord_components_defect(struct discord_slice components)
{
    json_t *rows = components.ptr ? json_loadb(components.ptr, components.len, 0, NULL) : NULL;
    const char *defect = json_array_size(rows) > ROWS ? "Must be 5 or fewer in length." : NULL;
    const json_t *row;
    size_t i;

    json_array_foreach (rows, i, row)
        if (!defect)
            defect = row_defect(row);
    json_decref(rows);
    return defect;
}

static const char *input_defect(const json_t *label)
{
    const json_t *input = json_object_get(label, "component");
    json_int_t style = number_of(input, "style", 0), min = number_of(input, "min_length", 0);
    json_int_t max = number_of(input, "max_length", 4000);

    if (number_of(label, "type", 0) != LABEL || number_of(input, "type", 0) != TEXT_INPUT)
        return "no such component in a modal";
    if (!has_length(label, "label", 1, 45) || !has_length(input, "custom_id", 1, 100) ||
        !has_length(input, "placeholder", 0, 100) || !has_length(input, "value", 0, 4000))
        return "a text of a field is out of length";
    if ((style != 1 && style != 2) || min < 0 || min > max || max < 1 || max > 4000)
        return "a field's lengths are out of range";
    return NULL;
}

const char *discord_modal_defect(const json_t *modal)
{
    const json_t *list = json_object_get(modal, "components"), *label;
    size_t i;

    if (!has_length(modal, "title", 1, 45) || !has_length(modal, "custom_id", 1, 100))
        return "a title must be between 1 and 45 in length";
    if (json_array_size(list) < 1 || json_array_size(list) > ROWS)
        return "a modal must have between 1 and 5 components";
    json_array_foreach (list, i, label) {
        const char *defect = input_defect(label);

        if (defect)
            return defect;
    }
    return NULL;
}

/* ---- what a client sends ------------------------------------------------------------------- */

json_t *discord_press_data(const json_t *component, const json_t *choice, bool most_of_it)
{
    const json_t *options = json_object_get(component, "options"), *place;
    json_int_t type = number_of(component, "type", BUTTON), most;
    json_t *values = json_array();
    size_t i;

    if (type != SELECT) {
        json_decref(values);
        return json_pack("{s:s,s:i}", "custom_id", text_of(component, "custom_id"),
                         "component_type", BUTTON);
    }
    json_array_foreach (choice, i, place)
        json_array_append(
            values,
            json_object_get(json_array_get(options, (size_t)json_integer_value(place)), "value"));
    most = number_of(component, most_of_it ? "max_values" : "min_values", 1);
    for (i = 0; !choice && i < (size_t)most; i++)
        json_array_append(values, json_object_get(json_array_get(options, i), "value"));
    return json_pack("{s:s,s:i,s:o}", "custom_id", text_of(component, "custom_id"),
                     "component_type", SELECT, "values", values);
}

struct discord_interaction *discord_submit(struct discord *discord, struct discord_interaction *it,
                                           const json_t *values)
{
    json_t *list = json_array(), *data;
    const json_t *label;
    size_t i;

    json_array_foreach (json_object_get(it->modal, "components"), i, label) {
        const json_t *input = json_object_get(label, "component");
        json_int_t most = number_of(input, "max_length", 4000);
        const char *given = json_string_value(json_array_get(values, i));
        char text[64];

        snprintf(text, sizeof(text), "%.*s", most < 60 ? (int)most : 60,
                 "words that somebody typed into a field");
        json_array_append_new(list, json_pack("{s:i,s:i,s:{s:i,s:i,s:s,s:s}}", "type", LABEL, "id",
                                              (int)(2 * i + 1), "component", "type", TEXT_INPUT,
                                              "id", (int)(2 * i + 2), "custom_id",
                                              text_of(input, "custom_id"), "value",
                                              given    ? given
                                              : values ? ""
                                                       : text));
    }
    if (!it->modal) {
        json_decref(list);
        return NULL;
    }
    data = json_pack("{s:s,s:o}", "custom_id", text_of(it->modal, "custom_id"), "components", list);
    return discord_interaction_send(discord, 5, discord_map_get(&discord->world.by_id, it->user),
                                    discord_world_channel_id(&discord->world, it->channel),
                                    discord_map_get(&discord->world.messages, it->source), data);
}
