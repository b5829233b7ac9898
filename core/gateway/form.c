/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/form.h"

#include "base/json.h"
#include "gateway/outbox.h"

char *gateway_components_print(const struct gateway_select *select,
                               const struct gateway_button *buttons, size_t count)
{
    _cleanup_json_ json_t *list = NULL;
    json_t *options;

    if (!select)
        return outbox_buttons(buttons, count);
    options = json_array();
    for (size_t i = 0; i < select->count; i++) {
        const struct gateway_option *option = &select->options[i];

        json_array_append_new(options,
                              json_pack("{s:s, s:s*, s:b}", "label", option->label, "description",
                                        option->description, "chosen", option->chosen));
    }
    list = json_pack("[{s:s, s:i, s:i, s:o}]", "id", select->id, "min", (int)select->min, "max",
                     (int)select->max, "options", options);
    return json_print(list);
}
