/* SPDX-License-Identifier: Apache-2.0
 *
 * A declaration for programs: a schema of the config, the schemas that models get.
 */
#include "base/mem.h"
#include "base/text.h"
#include "plugin/present.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#define DIALECT "https://json-schema.org/draft/2020-12/schema"

/* How a key's value looks in JSON; `format` names what the file's own writing is ("30s"). */
static const struct {
    uint32_t type;
    const char *json, *format;
} kinds[] = {
    {TROUPE_TYPE_INT, "integer", NULL},   {TROUPE_TYPE_FLOAT, "number", NULL},
    {TROUPE_TYPE_BOOL, "boolean", NULL},  {TROUPE_TYPE_STRING, "string", NULL},
    {TROUPE_TYPE_MEMBER, "string", "id"}, {TROUPE_TYPE_CHANNEL, "string", "id"},
    {TROUPE_TYPE_ROLE, "string", "id"},   {TROUPE_TYPE_DURATION, "string", "duration-short"},
    {TROUPE_TYPE_SIZE, "string", "size"}, {TROUPE_TYPE_URL, "string", "uri"},
    {TROUPE_TYPE_PATH, "string", "path"}, {TROUPE_TYPE_LIST, "array", NULL},
    {TROUPE_TYPE_MONEY, "string", "usd"},
};

/* A list as the file writes it, split at commas and blanks. */
static json_t *list_of(const char *text)
{
    json_t *list = json_array();

    for (const char *at = text; *at;) {
        size_t len = strcspn(at, ", \t");

        if (len)
            json_array_append_new(list, json_stringn(at, len));
        at += len + (at[len] != '\0');
    }
    return list;
}

static json_t *default_of(const struct plugin_key *key, const char *text)
{
    int64_t number;
    double real;
    bool yes;

    if (key->type == TROUPE_TYPE_INT && text_to_int(text, &number) == TROUPE_OK)
        return json_integer(number);
    if (key->type == TROUPE_TYPE_FLOAT && text_to_double(text, &real) == TROUPE_OK)
        return json_real(real);
    if (key->type == TROUPE_TYPE_BOOL && text_to_bool(text, &yes) == TROUPE_OK)
        return json_boolean(yes);
    return key->type == TROUPE_TYPE_LIST ? list_of(text) : json_string(text);
}

static json_t *choices_of(const struct config_key *schema)
{
    json_t *choices = json_array();

    for (size_t i = 0; schema->choices[i]; i++)
        json_array_append_new(choices, json_string(schema->choices[i]));
    return choices;
}

static void put_range(json_t *into, const struct plugin_key *key, const struct config_key *schema)
{
    bool whole = key->type == TROUPE_TYPE_INT;

    if (schema->min >= schema->max || (!whole && key->type != TROUPE_TYPE_FLOAT))
        return;
    if (isfinite(schema->min))
        json_object_set_new(into, "minimum",
                            whole ? json_integer((json_int_t)schema->min) : json_real(schema->min));
    if (isfinite(schema->max))
        json_object_set_new(into, "maximum",
                            whole ? json_integer((json_int_t)schema->max) : json_real(schema->max));
}

static json_t *key_schema(const struct plugin_key *key, const struct config_key *schema)
{
    json_t *into = json_object(), *values = into;

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].type != key->type)
            continue;
        json_object_set_new(into, "type", json_string(kinds[i].json));
        if (kinds[i].format)
            json_object_set_new(into, "format", json_string(kinds[i].format));
    }
    json_object_set_new(into, "description", json_string(schema->doc));
    if (key->type == TROUPE_TYPE_LIST) {
        values = json_pack("{s:s}", "type", "string");
        json_object_set_new(into, "items", values);
    }
    if (schema->choices && key->type == TROUPE_TYPE_DURATION) {
        json_object_del(into, "format");
        json_object_set_new(
            into, "anyOf",
            json_pack("[{s:s}, {s:o}]", "format", "duration-short", "enum", choices_of(schema)));
    } else if (schema->choices) {
        json_object_set_new(values, "enum", choices_of(schema));
    }
    put_range(into, key, schema);
    if (schema->def)
        json_object_set_new(into, "default", default_of(key, schema->def));
    if (key->flags & TROUPE_KEY_SECRET)
        json_object_set_new(into, "writeOnly", json_true());
    return into;
}

json_t *plugin_present_config(const struct plugin_manifest *manifest)
{
    json_t *properties = json_object(), *required = json_array();

    for (size_t i = 0; i < manifest->key_count; i++) {
        json_object_set_new(properties, manifest->keys[i].name,
                            key_schema(&manifest->keys[i], &manifest->schema[i]));
        if ((manifest->keys[i].flags & TROUPE_KEY_REQUIRED) && !manifest->schema[i].def)
            json_array_append_new(required, json_string(manifest->keys[i].name));
    }
    return json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:b}", "$schema", DIALECT, "title",
                     manifest->id, "description", manifest->doc, "type", "object", "properties",
                     properties, "required", required, "additionalProperties", 0);
}

/* ---- functions ------------------------------------------------------------------------------ */

static json_t *flags_of(const struct plugin_function *function)
{
    static const struct {
        uint32_t flag;
        const char *name;
    } names[] = {
        {TROUPE_SLASH, "slash"},
        {TROUPE_TOOL, "tool"},
        {TROUPE_IDEMPOTENT, "idempotent"},
        {TROUPE_CONFIRM, "confirm"},
        {TROUPE_PAID, "paid"},
        {TROUPE_STREAMS, "streams"},
        {TROUPE_MODERATOR, "moderator"},
        {TROUPE_ADMIN, "admin"},
        {TROUPE_OWNER, "owner"},
        {TROUPE_PRIVATE, "private"},
        {TROUPE_LIMIT_IMAGES, "limit_images"},
        {TROUPE_LIMIT_FEATURES, "limit_features"},
        {TROUPE_MENU_MEMBER, "menu_member"},
        {TROUPE_MENU_MESSAGE, "menu_message"},
        {TROUPE_AT_START, "at_start"},
    };
    json_t *list = json_array();

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (function->flags & names[i].flag)
            json_array_append_new(list, json_string(names[i].name));
    return list;
}

json_t *plugin_present_functions(const struct plugin_manifest *manifest)
{
    json_t *list = json_array();

    for (size_t i = 0; i < manifest->function_count; i++) {
        const struct plugin_function *function = &manifest->functions[i];
        json_t *item = json_pack("{s:s, s:s, s:o, s:o}", "name", function->name, "usage",
                                 function->usage, "flags", flags_of(function), "schema",
                                 plugin_function_schema(function, NULL));

        if (function->menu)
            json_object_set_new(item, "menu", json_string(function->menu));
        if (function->limit_seconds)
            json_object_set_new(item, "limit",
                                json_pack("{s:I, s:I, s:I}", "member",
                                          (json_int_t)function->limit_member, "guild",
                                          (json_int_t)function->limit_guild, "seconds",
                                          (json_int_t)function->limit_seconds));
        if (function->timeout_ms)
            json_object_set_new(item, "timeout_ms", json_integer(function->timeout_ms));
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *user_data_of(const struct plugin_manifest *manifest)
{
    static const char *const words[] = {"nothing", "table", "key"};
    json_t *list = json_array();

    for (size_t i = 0; i < manifest->user_data_count; i++) {
        const troupe_user_data *data = &manifest->user_data[i];

        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:b}", "kind", words[data->kind],
                                              "name", data->name, "doc", data->doc, "anonymise",
                                              (data->flags & TROUPE_USER_ANONYMISE) != 0));
    }
    return list;
}

/* What a reload hands over; null: nothing. */
static json_t *state_of(const struct plugin_manifest *manifest)
{
    if (!manifest->state)
        return json_null();
    return json_pack("{s:I, s:I, s:b}", "version", (json_int_t)manifest->state_version, "oldest",
                     (json_int_t)manifest->state_oldest, "exclusive",
                     (manifest->state_flags & TROUPE_STATE_EXCLUSIVE) != 0);
}

json_t *plugin_present_head(const struct plugin_manifest *manifest)
{
    json_t *words = json_array(), *events = json_array();

    for (size_t i = 0; i < manifest->capability_count; i++)
        json_array_append_new(words, json_string(manifest->capabilities[i]));
    if (manifest->events & PLUGIN_EVENT_SEEN_MESSAGE)
        json_array_append_new(events, json_string("seen:message"));
    if (manifest->events & PLUGIN_EVENT_OWED_MESSAGE)
        json_array_append_new(events, json_string("owed:message"));
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:b, s:b, s:b, s:I, s:o, s:o}", "id", manifest->id,
                     "version", manifest->version, "doc", manifest->doc, "capabilities", words,
                     "events", events, "stage", manifest->stage != NULL, "observer",
                     manifest->observe != NULL, "jobs", manifest->job != NULL, "migrations",
                     (json_int_t)manifest->migration_count, "user_data", user_data_of(manifest),
                     "state", state_of(manifest));
}
