/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/form.h"

#include "gateway/discord/message.h"

#include <stdio.h>
#include <string.h>

#define ACTION_ROW    1
#define STRING_SELECT 3
#define TEXT_INPUT    4
#define LABEL         18
#define STYLE_SHORT   1
#define STYLE_LONG    2

/* ---- selects --------------------------------------------------------------------------------- */

void discord_select_write(const json_t *select, struct buf *out)
{
    const json_t *option;
    const char *id = json_get_str(select, "id", "");
    size_t i;

    buf_printf(out, "{\"type\":%d,\"components\":[{\"type\":%d,\"custom_id\":", ACTION_ROW,
               STRING_SELECT);
    json_put(out, id, strlen(id));
    buf_printf(out, ",\"min_values\":%d,\"max_values\":%d,\"options\":[",
               (int)json_get_int(select, "min", 1), (int)json_get_int(select, "max", 1));
    json_array_foreach (json_object_get(select, "options"), i, option) {
        const char *label = json_get_str(option, "label", "");
        const char *description = json_get_str(option, "description", NULL);

        buf_puts(out, i ? ",{\"label\":" : "{\"label\":");
        json_put(out, label, strlen(label));
        buf_printf(out, ",\"value\":\"%zu\"", i);
        if (description) {
            buf_puts(out, ",\"description\":");
            json_put(out, description, strlen(description));
        }
        buf_puts(out, json_is_true(json_object_get(option, "chosen")) ? ",\"default\":true}" : "}");
    }
    buf_puts(out, "]}]}");
}

char *discord_select_values(const json_t *data)
{
    const json_t *values = json_object_get(data, "values");

    return json_is_array(values) ? json_print(values) : NULL;
}

/* ---- forms ----------------------------------------------------------------------------------- */

/* A label around its input, whose id is its place. */
static json_t *input_of(const struct gateway_field *field, size_t place)
{
    char id[24];
    json_t *input;

    snprintf(id, sizeof(id), "%zu", place);
    input = json_pack("{s:i, s:s, s:i, s:b, s:i, s:i, s:s*, s:s*}", "type", TEXT_INPUT, "custom_id",
                      id, "style", field->paragraph ? STYLE_LONG : STYLE_SHORT, "required",
                      field->required, "min_length", (int)field->min, "max_length", (int)field->max,
                      "placeholder", field->hint, "value", field->value);
    return json_pack("{s:i, s:s, s:o}", "type", LABEL, "label", field->label, "component", input);
}

char *discord_form_callback(const struct gateway_form *form)
{
    _cleanup_json_ json_t *callback = NULL;
    json_t *inputs = json_array();

    for (size_t i = 0; i < form->count; i++)
        json_array_append_new(inputs, input_of(&form->fields[i], i));
    callback = json_pack("{s:i, s:{s:s, s:s, s:o}}", "type", DISCORD_CALLBACK_MODAL, "data",
                         "custom_id", form->id, "title", form->title, "components", inputs);
    return json_print(callback);
}

static void take_input(const json_t *input, const char *texts[GATEWAY_FIELDS_MAX])
{
    const char *id = json_get_str(input, "custom_id", "");

    if (id[0] >= '0' && id[0] < '0' + GATEWAY_FIELDS_MAX && !id[1])
        texts[id[0] - '0'] = json_get_str(input, "value", "");
}

char *discord_form_values(const json_t *data)
{
    _cleanup_json_ json_t *values = json_array();
    const char *texts[GATEWAY_FIELDS_MAX] = {NULL};
    const json_t *row, *input;
    size_t count = 0, i, k;

    json_array_foreach (json_object_get(data, "components"), i, row) {
        take_input(json_object_get(row, "component"), texts);
        json_array_foreach (json_object_get(row, "components"), k, input) /* as it was before */
            take_input(input, texts);
    }
    for (i = 0; i < GATEWAY_FIELDS_MAX; i++)
        count = texts[i] ? i + 1 : count;
    for (i = 0; i < count; i++)
        json_array_append_new(values, json_string(texts[i] ? texts[i] : ""));
    return json_print(values);
}
