/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/look.h"

#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define MAX_WORD 100

/* Text of the table, cut, with what is no printable ASCII as "?". */
static json_t *word(const char *text)
{
    char clean[MAX_WORD + 1];
    size_t i;

    for (i = 0; text && i < MAX_WORD && text[i]; i++)
        clean[i] = text[i] > 0x20 && text[i] < 0x7f ? text[i] : '?';
    clean[i] = '\0';
    return json_string(clean);
}

json_t *plugin_look_table(const troupe_plugin *table)
{
    json_t *look = json_object();

    if (!table)
        return look;
    json_object_set_new(look, "size", json_integer(table->size));
    if (table->size < offsetof(troupe_plugin, doc))
        return look;
    json_object_set_new(look, "minor", json_integer(table->abi_minor));
    json_object_set_new(look, "id", word(table->id));
    json_object_set_new(look, "version", word(table->version));
    return look;
}

json_t *plugin_look_manifest(const troupe_plugin *table, const struct plugin_manifest *manifest)
{
    json_t *words = json_array(), *functions = json_array();
    json_int_t endpoints = 0;

    for (size_t i = 0; i < manifest->capability_count; i++)
        json_array_append_new(words, json_string(manifest->capabilities[i]));
    for (size_t i = 0; i < manifest->key_count; i++)
        endpoints += (manifest->keys[i].flags & TROUPE_KEY_ENDPOINT) != 0;
    /* The manifest was read from them: they are there. */
    for (uint32_t i = 0; i < table->functions.count; i++) {
        const troupe_function *function = *TROUPE_AT(table->functions, troupe_function *const, i);

        json_array_append_new(functions, json_pack("{s:s, s:I}", "name", function->name, "size",
                                                   (json_int_t)function->size));
    }
    return json_pack("{s:o, s:I, s:o, s:I, s:I}", "capabilities", words, "endpoints", endpoints,
                     "functions", functions, "migrations", (json_int_t)manifest->migration_count,
                     "user_data", (json_int_t)manifest->user_data_count);
}

troupe_status plugin_look_defaults(const struct plugin_manifest *manifest,
                                   struct plugin_values *ret)
{
    const struct config_schema table = {"agent", "tried", manifest->schema, manifest->key_count,
                                        CONFIG_NAMED};
    struct config_problems problems = {0};
    struct config *config = NULL;
    struct config_raw *raw;
    troupe_status status;

    for (size_t i = 0; i < manifest->key_count; i++)
        if (manifest->keys[i].flags & TROUPE_KEY_REQUIRED)
            return TROUPE_NOT_FOUND;
    raw = config_raw_single("defaults", "agent tried", NULL, NULL);
    status = config_check(raw, &table, 1, 0, &config, &problems);
    if (status == TROUPE_OK)
        plugin_values_read(ret, manifest, config_section(config, "agent", "tried"));
    config_problems_clear(&problems);
    config_unref(config);
    config_raw_free(raw);
    return status;
}
