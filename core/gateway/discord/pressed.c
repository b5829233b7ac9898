/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/discord/pressed.h"

#include "base/buf.h"

#include <stdbool.h>
#include <string.h>

#define LABELS_MAX 300 /* bytes of what is told of a select */

static bool is_of(const json_t *component, const char *id)
{
    return !strcmp(json_get_str(component, "custom_id", ""), id);
}

static const json_t *find(const json_t *message, const char *id)
{
    const json_t *row, *component;
    size_t i, k;

    json_array_foreach (json_object_get(message, "components"), i, row)
        json_array_foreach (json_object_get(row, "components"), k, component)
            if (is_of(component, id))
                return component;
    return NULL;
}

static const char *label_of(const json_t *select, const char *value)
{
    const json_t *option;
    size_t i;

    json_array_foreach (json_object_get(select, "options"), i, option)
        if (!strcmp(json_get_str(option, "value", ""), value))
            return json_get_str(option, "label", "");
    return "";
}

char *discord_pressed_label(const json_t *message, const json_t *data)
{
    const char *id = json_get_str(data, "custom_id", NULL);
    const json_t *component = id ? find(message, id) : NULL, *value;
    const char *label = json_get_str(component, "label", NULL);
    struct buf out = BUF_INIT;
    size_t i;

    if (!component)
        return NULL;
    if (label)
        buf_puts(&out, label);
    json_array_foreach (json_object_get(data, "values"), i, value) {
        const char *text = json_string_value(value);

        if (out.len > LABELS_MAX) {
            buf_puts(&out, ", …");
            break;
        }
        buf_printf(&out, "%s%s", i ? ", " : "", label_of(component, text ? text : ""));
    }
    if (out.len)
        return buf_take(&out);
    buf_clear(&out);
    return NULL;
}
